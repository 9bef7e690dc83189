"""Another program at the database: bare `sqlite3` and `psycopg`, nothing of Waymark between it and the tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import psycopg
from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Enum, Integer, String
from sqlalchemy.types import TypeDecorator

from app.domain.evidence import LinkedEvidence, verdicts
from app.domain.words import EvidenceForm, EvidencePolicy, ReviewOutcome, ScanState
from app.migrations import guard_refusal
from app.models import metadata

DAY = date(2026, 1, 20)
NOW = datetime(2026, 1, 10, 9, 30, tzinfo=UTC)

# Where the first word of a list or a zero would not do.
USUAL: dict[str, dict[str, Any]] = {
    "plans": {
        "lead_organisation_id": "council", "state": "approved", "approved_on": date(2026, 1, 1),
        "evidence_policy": "attached", "tolerance_days": 28, "cycle_days": 14, "triage_hours": 48,
    },
    "people": {"organisation_id": "council"},
    "themes": {"plan_id": "plan"},
    "actions": {"plan_id": "plan", "theme_id": "theme"},
    "milestones": {
        "plan_id": "plan", "theme_id": "theme", "action_id": "action", "lead_organisation_id": "council",
        "owner_id": "owner", "status": "completed", "completed_on": DAY,
    },
    "evidence": {
        "plan_id": "plan", "form": "file", "sha256": "5" * 64, "storage_name": "name", "size": 10,
        "provided_by": "provider", "organisation_id": "council", "scan": "unscanned", "version_number": 1,
    },
    "evidence_links": {"plan_id": "plan"},
    "organisation_keys": {"organisation_id": "council"},
    "success_criteria": {"plan_id": "plan", "milestone_id": "m", "number": 1},
    "criterion_ticks": {"milestone_id": "m"},
    "submissions": {"plan_id": "plan", "organisation_id": "council"},
    "change_requests": {"plan_id": "plan", "requested_by": "owner", "kind": "due_date", "state": "requested"},
    "record_proposals": {
        "plan_id": "plan", "kind": "hold", "evidence_id": "e", "state": "proposed", "proposed_by": "owner",
        "proposed_at": NOW,
    },
    "baseline_corrections": {
        "plan_id": "plan", "milestone_id": "m", "corrected_by": "reviewer", "was": date(2025, 1, 1),
    },
    "plan_addresses": {"plan_id": "plan"},
    "part_moves": {"plan_id": "plan", "item_kind": "milestone", "item_id": "m", "from_theme_id": "theme"},
    "carried_over": {"plan_id": "plan"},
    "milestone_events": {"plan_id": "plan", "milestone_id": "m"},
    "progress_updates": {"plan_id": "plan", "milestone_id": "m"},
}  # fmt: skip


def _some_value(table: str, column: Column[Any], values: dict[str, Any]) -> Any:
    """Something for a column that must not be empty, so that a new column needs no change here."""
    kind = column.type
    if isinstance(kind, TypeDecorator):
        kind = kind.impl_instance
    if isinstance(kind, Enum):
        return kind.enums[0]
    if isinstance(kind, DateTime):
        return NOW
    if isinstance(kind, Date):
        return DAY
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, (Integer, BigInteger)):
        return 0
    if isinstance(kind, String):
        return f"{column.name} {values.get('id', '')}"[: kind.length or 40]
    raise TypeError(f"{table}.{column.name} is of a kind that is not known here: {kind!r}")


@dataclass
class Outside:
    """A connection. Statements are written with `?` for values, on both databases."""

    connection: Any
    dialect: str

    @property
    def in_transaction(self) -> bool:
        if self.dialect == "sqlite":
            return bool(self.connection.in_transaction)
        return bool(self.connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE)

    def run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        if self.dialect == "sqlite":
            cursor = self.connection.execute(statement, [_for_sqlite(value) for value in values])
            return list(cursor.fetchall())
        cursor = self.connection.execute(statement.replace("?", "%s"), values) if values else None
        cursor = cursor or self.connection.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []

    def row(self, table: str, **values: Any) -> dict[str, Any]:
        """A full row, with something in every column that must not be empty."""
        row = {**USUAL.get(table, {}), **values}
        for column in metadata.tables[table].columns:
            if not column.nullable and column.name not in row:
                row[column.name] = _some_value(table, column, row)
        return row

    def insert(self, table: str, **values: Any) -> None:
        self.insert_row(table, self.row(table, **values))

    def insert_row(self, table: str, row: dict[str, Any], *, how: str = "INSERT") -> None:
        self.run(f"{how} INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", *row.values())

    def insert_many(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Many rows, each with the same columns named; what must not be empty besides is the same in all."""
        usual = {**self.row(table, **rows[0]), "ref": None}
        whole = [{**usual, **row, "ref": row.get("id")} for row in rows]
        columns = [column for column in usual if column in metadata.tables[table].columns]
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        values = [[row[column] for column in columns] for row in whole]
        if self.dialect == "sqlite":
            self.connection.executemany(statement, [[_for_sqlite(value) for value in row] for row in values])
        else:
            with self.connection.cursor() as cursor:
                cursor.executemany(statement.replace("?", "%s"), values)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """What goes wrong inside leaves the transaction around it as it was. Without one, a statement is its own."""
        if self.dialect == "postgresql" and self.connection.autocommit and not self.in_transaction:
            yield
            return
        self.run("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self.run("ROLLBACK TO SAVEPOINT attempt")
            raise
        finally:
            self.run("RELEASE SAVEPOINT attempt")

    def refused(self, statement: str, *values: object) -> tuple[str, str] | None:
        """The guard that refused and its sentence; None when the statement was carried out. Other errors are raised."""
        return self.refused_by(lambda: self.run(statement, *values))

    def refused_by(self, attempt: Any) -> tuple[str, str] | None:
        try:
            with self.savepoint():
                attempt()
        except (sqlite3.IntegrityError, psycopg.errors.CheckViolation) as error:
            guard = guard_refusal(error)
            # On PostgreSQL a program can tell by the name of the constraint, without reading the message.
            if guard is None or (isinstance(error, psycopg.Error) and error.diag.constraint_name != guard[0]):
                raise
            return guard
        return None

    def achieve(self, milestone: str, on: date = DAY) -> tuple[str, str] | None:
        return self.refused("UPDATE milestones SET status = 'achieved', achieved_on = ? WHERE id = ?", on, milestone)

    def status(self, milestone: str) -> str:
        return str(self.run("SELECT status FROM milestones WHERE id = ?", milestone)[0][0])


def _for_sqlite(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, date):
        return value.isoformat()
    return value


def stage(outside: Outside) -> None:
    """An approved plan with a completed milestone `m`, a file `e` linked to it, and a row of all else that is kept."""
    outside.insert("organisations", id="council")
    for person in ("owner", "provider", "reviewer"):
        outside.insert("people", id=person)
    outside.insert("plans", id="plan", slug="plan")
    outside.insert("themes", id="theme")
    outside.insert("actions", id="action")
    outside.insert("milestones", id="m")
    outside.insert("evidence", id="e")
    outside.insert("evidence_links", evidence_id="e", milestone_id="m")
    outside.insert("success_criteria", id="criterion")
    outside.insert("criterion_ticks", criterion_id="criterion", evidence_id="e")
    outside.insert("submissions", id="submission")
    outside.insert("change_requests", id="request", milestone_id="m", due_date=date(2026, 3, 1))
    outside.insert("record_proposals", id="proposal")
    outside.insert("texts", id="text", body="What was typed", salt="salt")
    outside.insert("audit_heads", chain="plan", seq=1)
    outside.insert("audit_events", id="event", chain="plan", seq=1)
    outside.insert("access_log", id="access", actor_id="owner", what="opened", item_id="e")
    outside.insert("baseline_corrections", id="correction")
    outside.insert("part_moves", id="moved")
    outside.insert("carried_over", milestone_id="m")
    outside.insert("milestone_events", id="started")
    outside.insert("progress_updates", id="update")


def broken_milestones(outside: Outside) -> list[str]:
    """Achieved milestones whose evidence does not count by the rule of `app.domain.evidence`. None, ever."""
    achieved = outside.run(
        "SELECT m.id, m.achieved_on, m.reopened_at, p.evidence_policy"
        " FROM milestones m JOIN plans p ON p.id = m.plan_id WHERE m.status = 'achieved'"
    )
    return [
        milestone
        for milestone, achieved_on, reopened_at, policy in achieved
        if None
        not in verdicts(
            _items(outside, milestone),
            policy=EvidencePolicy(policy),
            on=_day(achieved_on),
            reopened_at=_moment(reopened_at),
        )
    ]


def _items(outside: Outside, milestone: str) -> list[LinkedEvidence]:
    rows = outside.run(
        "SELECT e.id, e.form, e.scan, e.received_at, e.effective_to, e.withdrawn_at, l.outcome,"
        " l.reviewed_at, e.first_version_id, e.version_number"
        " FROM evidence_links l JOIN evidence e ON e.id = l.evidence_id WHERE l.milestone_id = ?",
        milestone,
    )
    return [
        LinkedEvidence(
            evidence_id=item, form=EvidenceForm(form), scan=ScanState(scan), received_at=_moment(received_at) or NOW,
            effective_to=_day(effective_to) if effective_to else None, withdrawn_at=_moment(withdrawn_at),
            outcome=ReviewOutcome(outcome) if outcome else None, reviewed_at=_moment(reviewed_at),
            first_version_id=first, version_number=number,
        )
        for item, form, scan, received_at, effective_to, withdrawn_at, outcome, reviewed_at, first, number in rows
    ]  # fmt: skip


def _day(value: Any) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value


def connect_sqlite(url: str, **options: Any) -> Outside:
    """As any program would, foreign keys off; only that a test does not wait for the disk."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, **options)
    connection.execute("PRAGMA synchronous = OFF")
    return Outside(connection, "sqlite")


def connect_postgresql(url: str, **options: Any) -> Outside:
    return Outside(psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://", 1), **options), "postgresql")


def connect(url: str) -> Outside:
    """A connection on which each statement is a transaction, until one says BEGIN."""
    return connect_sqlite(url) if url.startswith("sqlite") else connect_postgresql(url, autocommit=True)
