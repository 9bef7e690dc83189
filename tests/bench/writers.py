"""Thirty-two writers at the same few milestones: nothing may be locked out, and the gate must hold throughout."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection, create_engine, text

from app.db import Database, UnitOfWork
from app.domain.actors import system_actor
from app.migrations.guarded import evidence_counts
from app.services import audit_events
from tests.bench.cases import BEARER
from tests.bench.client import Client, form, post
from tests.bench.seeding import NOW, POOL_ID, TODAY, pool_evidence, pool_milestone
from tests.bench.servers import Server

WRITERS, MILESTONES = 32, 40
_BROKEN = text(
    "SELECT count(*) FROM milestones m JOIN plans p ON p.id = m.plan_id WHERE m.status = 'achieved'"
    " AND m.plan_id = :plan AND NOT EXISTS (SELECT 1 FROM evidence_links l, evidence e"
    f" WHERE {evidence_counts(milestone='m', plan='p')})"
)


@dataclass
class Written:
    """What happened: answers by status, seconds that each took, how often the gate was seen broken."""

    statuses: Counter[int] = field(default_factory=Counter)
    longest: float = 0.0
    times: list[float] = field(default_factory=list)
    locked: int = 0
    looks: int = 0
    gate_broken: int = 0
    chain_faults: int = 0

    @property
    def failed(self) -> int:
        """Answers of 500 and above, and whatever speaks of a lock."""
        return sum(number for status, number in self.statuses.items() if status >= 500) + self.locked


def write_together(server: Server, url: str, *, seconds: float) -> Written:
    """Writers of every kind for so long, while somebody looks into the database again and again."""
    found, guard, faults = Written(), threading.Lock(), []
    until = time.perf_counter() + seconds

    def write(number: int) -> None:
        try:
            _write(server, random.Random(number), until, found, guard)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            faults.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    engine = create_engine(url)
    with engine.connect() as connection:
        while any(thread.is_alive() for thread in threads):
            _look(connection, found)
            time.sleep(0.25)
        _look(connection, found)
    engine.dispose()
    if faults:
        raise faults[0]
    found.chain_faults = _chain_faults(url)
    return found


def _write(server: Server, chance: random.Random, until: float, found: Written, guard: threading.Lock) -> None:
    client = Client(server.port)
    while time.perf_counter() < until:
        request = chance.choice(_KINDS)(chance.randrange(MILESTONES))
        started = time.perf_counter()
        answer = client.send(request)
        taken = time.perf_counter() - started
        with guard:
            found.statuses[answer.status] += 1
            found.times.append(taken)
            found.longest = max(found.longest, taken)
            found.locked += b"locked" in answer.body
    client.close()


def _achieve(number: int) -> bytes:
    return post(f"/api/v1/milestones/{pool_milestone(number)}/achievement", {}, authorization=BEARER)


def _return(number: int) -> bytes:
    said = {"reason": "It was reported by mistake"}
    return post(f"/api/v1/milestones/{pool_milestone(number)}/return", said, authorization=BEARER)


def _complete(number: int) -> bytes:
    said = {"completed_date": TODAY.isoformat(), "narrative": "Done as agreed"}
    return post(f"/api/v1/milestones/{pool_milestone(number)}/completion", said, authorization=BEARER)


def _update(number: int) -> bytes:
    said = {"narrative": "Still at it; the last part comes next week."}
    return post(f"/api/v1/milestones/{pool_milestone(number)}/updates", said, authorization=BEARER)


def _review(outcome: str) -> Callable[[int], bytes]:
    def request(number: int) -> bytes:
        said = {"milestone": pool_milestone(number), "outcome": outcome, "relevance": 2, "robustness": 2,
                "reason": "Looked at again"}  # fmt: skip
        return post(f"/api/v1/evidence/{pool_evidence(number)[0]}/review", said, authorization=BEARER)

    return request


def _withdraw(number: int) -> bytes:
    said = {"reason": "Sent for the wrong milestone"}
    return post(f"/api/v1/evidence/{pool_evidence(number)[1]}/withdrawal", said, authorization=BEARER)


def _attach(number: int) -> bytes:
    content = b"%PDF-1.7\n" + bytes(2_000)
    path = f"/api/v1/milestones/{pool_milestone(number)}/evidence"
    head, end = form(path, fields={"title": "A scan"}, file_name="scan.pdf", content=content, authorization=BEARER)
    return head + content + end


_KINDS = (_achieve, _achieve, _return, _complete, _complete, _update, _review("accepted"), _review("rejected"),
          _withdraw, _attach)  # fmt: skip


def _look(connection: Connection, found: Written) -> None:
    found.looks += 1
    found.gate_broken += connection.execute(_BROKEN, {"plan": POOL_ID}).scalar_one()
    connection.rollback()


def _chain_faults(url: str) -> int:
    """Verifies every audit chain as `waymark audit verify` does."""
    database = Database(url)

    def count(uow: UnitOfWork) -> int:
        return sum(len(faults) for _, _, faults in audit_events.verify(uow))

    try:
        return database.read(count, actor=system_actor(), now=NOW)
    finally:
        database.dispose()
