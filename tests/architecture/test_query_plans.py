"""No page scans a big table: the plans that both databases make for the statements that are really sent.

Some thousands of milestones are enough for SQLite, which knows them by ANALYZE, to prefer an index where one serves.
PostgreSQL would rather read a table of a few pages whole, so it is told not to: then it does where no index serves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, event, text
from starlette.testclient import TestClient

from app.db import Database
from app.main import bare_app, furnish
from app.pages.deps import cookie_name
from app.scanner import Scanner
from app.services.scans import NOTHING_SCANNED, scan_waiting
from app.settings import Settings
from app.storage import open_storage
from tests.bench.seeding import (
    CHIEF_SESSION,
    LARGE,
    MANAGER_SESSION,
    MANAGER_TOKEN,
    NOW,
    OWNER_SESSION,
    POOL,
    THOUSAND,
    THOUSAND_ID,
    Size,
    pool_milestone,
    seed,
)
from tests.postgres import Postgres

# A tenth of all would be a fair reason to scan, so no plan is as large as that.
SIZE = Size("plans", ((THOUSAND, 300), (LARGE, 120), (POOL, 60), *((f"plan-{n:03}", 90) for n in range(1, 41))))
BIG = frozenset({"milestones", "evidence", "evidence_links", "texts", "progress_updates", "submissions"})
LATER, EARLIER = "2026-03-20", "2026-02-20"


@dataclass(frozen=True)
class Sent:
    """A statement as the driver gets it."""

    statement: str
    parameters: Any


class Watched:
    """The application over the seeded database, and what each request makes the database do."""

    def __init__(self, database: Database, folder: Path) -> None:
        settings = Settings(data=folder, database_url=database.url, api_requests_per_minute=10_000)
        self.database = database
        self.app: FastAPI = bare_app(settings)
        furnish(self.app, settings, database=database, storage=None, clock=lambda: NOW)
        self._cookie = cookie_name(settings)

    def get(self, path: str, who: str) -> list[Sent]:
        """Ask for a page, or through the API with a token, and return what was sent to the database."""
        client = TestClient(self.app)
        if path.startswith("/api/"):
            client.headers["Authorization"] = f"Bearer {who}"
        else:
            client.cookies.set(self._cookie, who)
        with self.watch() as sent:
            answer = client.get(path)
        assert answer.status_code == 200, answer.text[:500]
        return sent

    @contextmanager
    def watch(self) -> Iterator[list[Sent]]:
        """What is read inside the block, where nothing that was read before is remembered."""
        self.database.memory.clear()
        engine = self.database.reader if self.database.is_sqlite else self.database.writer
        sent: list[Sent] = []

        def note(_: Any, __: Any, statement: str, parameters: Any, ___: Any, ____: bool) -> None:
            if statement.lstrip().upper().startswith("SELECT"):
                sent.append(Sent(statement, parameters))

        event.listen(engine, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            event.remove(engine, "before_cursor_execute", note)

    def scans(self, sent: list[Sent]) -> list[str]:
        """What the planner would read from end to end, with the statement that makes it."""
        with self.database.reader.connect() as connection:
            return [
                f"{scanned} in {one.statement}" for one in sent for scanned in scanned_by(connection, one) if scanned
            ]


def scanned_by(connection: Connection, sent: Sent) -> list[str]:
    if connection.dialect.name == "sqlite":
        return _scanned_sqlite(explained(connection, sent), sent.statement)
    return list(_scanned_postgresql(explained(connection, sent)))


def explained(connection: Connection, sent: Sent) -> Any:
    """The plan: its lines on SQLite, its top node on PostgreSQL."""
    driver: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite":
        rows = driver.execute(f"EXPLAIN QUERY PLAN {sent.statement}", sent.parameters).fetchall()
        return [row[3] for row in rows]
    with driver.cursor() as cursor:
        for way in ("seqscan", "hashjoin", "mergejoin"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        row = cursor.execute(f"EXPLAIN (FORMAT JSON) {sent.statement}", sent.parameters).fetchone()
    plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return plan[0]["Plan"]


def _scanned_sqlite(lines: list[str], statement: str) -> list[str]:
    """SQLite names an alias where there is one, and calls a walk along a whole index a scan as well."""
    aliases = dict(re.findall(r"\b(\w+) AS (\w+)", statement))
    names = BIG | {alias for table, alias in aliases.items() if table in BIG}
    scanned = [line for line in lines if line.startswith("SCAN ")]
    return [line for line in scanned if line.split()[1] in names]


def _scanned_postgresql(node: dict[str, Any], table: str = "") -> Iterator[str]:
    """A sequential scan, or a walk along a whole index: one without a condition on the index."""
    kind, table = node["Node Type"], node.get("Relation Name", table)
    whole_index = "Index" in kind and "Index Cond" not in node
    if table in BIG and (kind == "Seq Scan" or whole_index):
        yield f"{kind} on {table}"
    for below in node.get("Plans", ()):
        yield from _scanned_postgresql(below, table)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("plans")
    url = f"sqlite:///{folder / 'waymark.db'}"
    server: Postgres | None = None
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        url = server.create()
    seed(url, SIZE)
    database = Database(url)
    yield Watched(database, folder)
    database.dispose()
    if server is not None:
        server.drop(url)


FILTERED = f"on={LATER}&organisation=agency-1&cause=partner&support_required=true"
ASKED = [
    (f"/plans/{THOUSAND}/exceptions", MANAGER_SESSION),
    (f"/plans/{THOUSAND}/exceptions?on={LATER}", MANAGER_SESSION),
    (f"/plans/{THOUSAND}/exceptions?{FILTERED}", MANAGER_SESSION),
    (f"/plans/{THOUSAND}/exceptions?turns_red=true&on={LATER}", MANAGER_SESSION),
    (f"/plans/{THOUSAND}/exceptions?rag=amber", OWNER_SESSION),
    ("/exceptions", CHIEF_SESSION),
    (f"/exceptions?on={LATER}", CHIEF_SESSION),
    ("/exceptions", OWNER_SESSION),
    # Long enough a page, or few enough rows, to come to what is accepted.
    (f"/plans/{THOUSAND}/exceptions?rows=200", MANAGER_SESSION),
    (f"/plans/{THOUSAND}/exceptions?rows=200", OWNER_SESSION),
    ("/exceptions?cause=legal&support_required=true&rag=red", CHIEF_SESSION),
    (f"/api/v1/plans/{THOUSAND}/exceptions?limit=50", MANAGER_TOKEN),
    (f"/api/v1/plans/{THOUSAND}/exceptions?{FILTERED}", MANAGER_TOKEN),
    ("/api/v1/exceptions", MANAGER_TOKEN),
    (f"/plans/{THOUSAND}/milestones", MANAGER_SESSION),
    (f"/plans/{THOUSAND}/milestones", OWNER_SESSION),
    (f"/plans/{THOUSAND}/milestones?rag=red&q=point", MANAGER_SESSION),
    (f"/plans/{THOUSAND}/milestones?sort=-due", MANAGER_SESSION),
    (f"/plans/{THOUSAND}/search?q=point", MANAGER_SESSION),
    (f"/plans/{THOUSAND}/search?q=point", OWNER_SESSION),
    (f"/plans/{THOUSAND}/milestones?sort=owner", OWNER_SESSION),
    (f"/api/v1/plans/{THOUSAND}/milestones?status=in_progress", MANAGER_TOKEN),
    (f"/plans/{THOUSAND}", MANAGER_SESSION),
    (f"/plans/{THOUSAND}?since={EARLIER}", OWNER_SESSION),
    (f"/plans/{THOUSAND}/exceptions?changed=worse&since={EARLIER}", MANAGER_SESSION),
    (f"/plans/{THOUSAND}/milestones?changed=moved&since={EARLIER}", MANAGER_SESSION),
    (f"/api/v1/plans/{THOUSAND}/changes?since={EARLIER}", MANAGER_TOKEN),
    ("/plans", OWNER_SESSION),
    ("/updates", OWNER_SESSION),
    (f"/plans/{THOUSAND}/milestones/M-01", MANAGER_SESSION),
    (f"/api/v1/milestones/{pool_milestone(3)}", MANAGER_TOKEN),
    (f"/api/v1/milestones/{pool_milestone(3)}/evidence", MANAGER_TOKEN),
    (f"/plans/{THOUSAND}/inbox?kind=correspondence", MANAGER_SESSION),
    (f"/plans/{THOUSAND}/inbox/triaged", OWNER_SESSION),
    ("/inbox", MANAGER_SESSION),
    ("/api/v1/submissions?since=2026-03-01T00:00:00Z", MANAGER_TOKEN),
]


@pytest.mark.parametrize(("path", "who"), ASKED, ids=lambda value: value[:70] if "/" in value else value[4])
def test_no_page_scans_a_big_table(watched: Watched, path: str, who: str) -> None:
    sent = watched.get(path, who)
    assert any(
        table in one.statement for one in sent for table in ("FROM milestones", "FROM evidence", "FROM submissions")
    )
    assert watched.scans(sent) == []


def test_the_inbox_reads_what_waits_in_its_order_from_an_index(watched: Watched) -> None:
    """However much has been triaged, and however much waits: nothing is sorted, and nothing is read past the page."""
    sent = watched.get(f"/plans/{THOUSAND}/inbox", MANAGER_SESSION)
    assert watched.scans(sent) == []
    pages = [one for one in sent if "LIMIT" in one.statement and "triage_due_at, " in one.statement]
    unread, read = (one for one in pages if "amber_from IS NOT NULL" in one.statement and "JOIN plans" in one.statement)
    for one, index in ((unread, "ix_submissions_unread"), (read, "ix_submissions_read")):
        with watched.database.reader.connect() as connection:
            plan = str(explained(connection, one))
        if watched.database.is_sqlite:
            assert (index in plan, "TEMP B-TREE" in plan) == (True, False), plan
        else:
            assert index in plan, plan


def test_files_that_wait_for_the_scanner_are_read_from_their_own_index(watched: Watched, tmp_path: Path) -> None:
    """A server looks for them every two seconds, and the index holds no others."""
    storage, scanner = open_storage(f"file://{tmp_path}"), Scanner("unix:/nobody/listens")
    with watched.watch() as sent:
        assert scan_waiting(watched.database, storage, scanner, NOW) == NOTHING_SCANNED
    with watched.database.reader.connect() as connection:
        of_evidence = [one for one in sent if "FROM evidence" in one.statement]  # the others are few: held files
        assert ["ix_evidence_waiting_scan" in str(explained(connection, one)) for one in of_evidence] == [True]


def test_the_next_page_begins_where_the_last_one_ended_without_a_scan(watched: Watched) -> None:
    listed = f"/api/v1/plans/{THOUSAND}/exceptions?limit=10"
    client = TestClient(watched.app, headers={"Authorization": f"Bearer {MANAGER_TOKEN}"})
    cursor = client.get(listed).json()["next_cursor"]
    sent = watched.get(f"{listed}&cursor={cursor}", MANAGER_TOKEN)
    assert any("last_moment" in str(one.statement) or len(one.parameters) > 5 for one in sent)
    assert watched.scans(sent) == []


def test_a_page_of_many_rows_asks_no_more_than_a_page_of_few(watched: Watched) -> None:
    few = watched.get(f"/api/v1/plans/{THOUSAND}/exceptions?limit=2", MANAGER_TOKEN)
    many = watched.get(f"/api/v1/plans/{THOUSAND}/exceptions?limit=25", MANAGER_TOKEN)
    assert len(few) == len(many) <= 9


@pytest.mark.parametrize(
    "condition",
    [
        "CASE WHEN red_from <= :now THEN 'red' WHEN amber_from <= :now THEN 'amber' END = 'red'",
        "lower(title) LIKE '%rota%' AND :now = :now",
        "substr(plan_id, 1) = :plan AND :now = :now",
    ],
)
def test_a_statement_that_scans_is_seen(watched: Watched, condition: str) -> None:
    statement = text(f"SELECT count(*) FROM milestones WHERE {condition}")
    given = {"now": str(NOW) if watched.database.is_sqlite else NOW, "plan": THOUSAND_ID}
    wanted = {name: value for name, value in given.items() if f":{name}" in condition}
    with watched.watch() as sent, watched.database.reader.connect() as connection:
        connection.execute(statement, wanted)
    assert len(watched.scans(sent)) == 1
