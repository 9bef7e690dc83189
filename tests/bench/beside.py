"""What stands beside the real application in the measured server, and never in it: the floor that pages are compared
with, a page asked for just after a change, a bare request with a raw transaction, and the whole list of exceptions as a
stream.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import psycopg
from anyio.to_thread import run_sync
from fastapi import FastAPI
from pydantic import BaseModel
from sqlmodel import Session
from starlette.types import ASGIApp, Receive, Scope, Send

from app.db import Database, UnitOfWork
from app.domain.exception_reports import ExceptionFilters
from app.services.exception_reports import all_items
from app.services.identity import actor_from_session
from tests.bench.seeding import CHIEF_SESSION, NOW

PREFIX = "/bench/"
CHANGED = "/bench/changed"
_BATCH = 500
Connect = Callable[[], Any]


class Beside:
    """Answers below /bench/; everything else, and the start and stop of the server, is the real application's."""

    def __init__(self, app: ASGIApp, database: Database) -> None:
        self._app = app
        self._database = database
        self._connect: Connect = partial(_connect, database.url)
        self._reading: Any = None
        self._writing: Any = None
        self._bare = _bare_app(self._connect, is_sqlite=database.is_sqlite)
        self._own: dict[str, Callable[[Scope, Receive, Send], Awaitable[None]]] = {
            "/bench/floor": self._floor,
            "/bench/report": self._report,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path.startswith(CHANGED):
            await self._after_a_change({**scope, "path": path.removeprefix(CHANGED), "raw_path": b""}, receive, send)
        elif not path.startswith(PREFIX):
            await self._app(scope, receive, send)
        elif path in self._own:
            await self._own[path](scope, receive, send)
        else:
            await self._bare(scope, receive, send)

    async def _after_a_change(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The real application's answer, when something has just been written that it cannot know the meaning of."""
        if self._writing is None:
            self._writing = self._connect()
        self._writing.execute(f"UPDATE sessions SET browser = '{secrets.token_hex(8)}' WHERE id IN {_ONE_SESSION}")
        self._writing.commit()
        await self._app(scope, receive, send)

    async def _floor(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The cheapest that could print the page's rows: raw SQL for what a row says, its values joined to text."""
        asked = parse_qs(scope["query_string"].decode())
        if self._reading is None:
            self._reading = self._connect()
        body = _floor_body(self._reading, self._database.is_sqlite, asked["plan"][0]).encode()
        await _answer(send, body.ljust(int(asked["bytes"][0]), b" "), "text/html; charset=utf-8")

    async def _report(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Every exception of every plan, 500 rows at a time."""
        head = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        pieces = _report_pieces(self._database)
        while piece := await run_sync(next, pieces, b""):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


_ONE_SESSION = "(SELECT min(id) FROM sessions)"

_ROWS = """
SELECT m.id, m.ref, m.title, m.red_from, m.amber_from, m.due_date, m.baseline_date, m.forecast_date, m.completed_on,
       m.moves, m.cause, m.waiting_on, m.marking, m.status, m.evidence_state, m.last_update_id,
       t.title, p.post_title, o.name, u.at, u.by_title
FROM milestones m
JOIN themes t ON t.id = m.theme_id
JOIN organisations o ON o.id = m.lead_organisation_id
LEFT JOIN people p ON p.id = m.owner_id
LEFT JOIN progress_updates u ON u.id = m.last_update_id
WHERE m.plan_id = {} AND m.red_from <= {}
ORDER BY m.red_from, m.id LIMIT 50"""
_EVIDENCE = "SELECT milestone_id, count(*) FROM evidence_links WHERE milestone_id IN ({}) GROUP BY milestone_id"
_TEXTS = "SELECT item_id, field, body FROM texts WHERE item_id IN ({})"


def _floor_body(connection: Any, is_sqlite: bool, plan: str) -> str:
    place = "?" if is_sqlite else "%s"
    run = connection.execute
    now = NOW.strftime("%Y-%m-%d %H:%M:%S.%f") if is_sqlite else NOW
    rows = run(_ROWS.format(place, place), (plan, now)).fetchall()
    ids = [row[0] for row in rows]
    counts = dict(run(_EVIDENCE.format(", ".join([place] * len(ids))), ids).fetchall())
    updates = [row[15] for row in rows if row[15]]
    said: dict[str, list[str]] = {}
    for item, name, body in run(_TEXTS.format(", ".join([place] * len(updates))), updates).fetchall():
        said.setdefault(item, []).append(f"{name}: {body}")
    if not is_sqlite:
        connection.commit()
    return "".join(
        f"<li>{' '.join(map(str, row))} {counts.get(row[0], 0)} {' '.join(said.get(row[15], ()))}</li>\n"
        for row in rows
    )


def _report_pieces(database: Database) -> Iterator[bytes]:
    with Session(database.reader, autoflush=False) as session:
        nobody: Any = None
        uow = UnitOfWork(session, nobody, NOW)
        uow.actor = actor_from_session(uow, token=CHIEF_SESSION, idle=NOW - NOW.replace(hour=0)).actor
        lines: list[str] = []
        for item in all_items(uow, slug=None, filters=ExceptionFilters(), batch=_BATCH):
            why = "; ".join(reason.message for reason in item.reasons)
            lines.append(f"{item.plan_slug}\t{item.ref}\t{item.title}\t{item.rag}\t{item.days}\t{item.owner}\t{why}\n")
            if len(lines) == _BATCH:
                yield "".join(lines).encode()
                lines.clear()
        yield "".join(lines).encode()


class _Asked(BaseModel):
    note: str | None = None


def _bare_app(connect: Connect, *, is_sqlite: bool) -> FastAPI:
    """A FastAPI request with a body, and the least that a change can be: read the row, write it, commit."""
    bare = FastAPI()
    lock, kept = threading.Lock(), threading.local()
    place = "?" if is_sqlite else "%s"

    @bare.post("/bench/bare/{milestone}")
    def change(milestone: str, asked: _Asked) -> dict[str, Any]:
        if not hasattr(kept, "connection"):
            kept.connection = connect()
        run = kept.connection.execute
        with lock:
            if is_sqlite:
                run("BEGIN IMMEDIATE")
            locked = "" if is_sqlite else " FOR NO KEY UPDATE"
            row = run(f"SELECT version, title FROM milestones WHERE id = {place}{locked}", (milestone,)).fetchone()
            run(f"UPDATE milestones SET version = version + 1 WHERE id = {place}", (milestone,))
            kept.connection.commit()
        return {"id": milestone, "version": row[0] + 1, "title": row[1], "note": asked.note}

    return bare


def _connect(url: str) -> Any:
    if not url.startswith("sqlite"):
        return psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://", 1))
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), check_same_thread=False, isolation_level=None)
    for pragma in ("busy_timeout=10000", "cache_size=-32000", "mmap_size=268435456", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


async def _answer(send: Send, body: bytes, content_type: str) -> None:
    head = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})
