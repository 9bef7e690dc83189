"""What Waymark does without anybody asking: `waymark jobs run`, and the loop inside `waymark serve`.

Each job may run at any time, twice, or in two processes at once, and may be cut off at any moment: every step is a
short transaction that looks again at what it is about to change. Nothing that a page, the API or a report says
depends on a job having run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.db import IDEMPOTENCY_HOURS, Database, UnitOfWork
from app.domain.actors import system_actor
from app.domain.refusals import Unavailable
from app.models import IdempotencyRecord, Invitation, Milestone, OutboxMessage, Setting, UserSession
from app.models.expiry import lapsed
from app.models.identity import table_of
from app.scanner import Scanner
from app.services import audit_events, cases, evidence_files, webhooks
from app.services.evidence_export_building import NOTHING_BUILT, Built, build_waiting
from app.services.record_proposals import note_due_disposals
from app.services.scans import NOTHING_SCANNED, Scanned, scan_waiting
from app.storage import Storage, Swept

EVERY = timedelta(minutes=5)
"""How often the loop inside a server looks for work."""

DAILY = timedelta(days=1)
SESSIONS_STAY = timedelta(days=1)
INVITATIONS_STAY = timedelta(days=30)

Progress = Callable[[str, int, int | None], None]
"""Told what is being done, how much of it is, and of how much, where that is known."""

_BATCH = 1000

_milestones, _settings, _outbox = table_of(Milestone), table_of(Setting), table_of(OutboxMessage)
_idempotency, _sessions, _invitations = table_of(IdempotencyRecord), table_of(UserSession), table_of(Invitation)


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did. `store_away`: files could not be looked at, everything else was done.

    `heads` says where each audit chain ends (chain, seq, hash), on a run that is to record it.
    """

    fell_back: int = 0
    records_deleted: int = 0
    files_deleted: int = 0
    uploads_cleared: int = 0
    store_away: bool = False
    scanned: Scanned = NOTHING_SCANNED
    exports: Built = NOTHING_BUILT
    waiting_to_be_sent: int = 0
    disposals_due: int = 0
    heads: tuple[tuple[str, int, str], ...] = ()


def _silent(_what: str, _done: int, _of: int | None) -> None:
    pass


def run_due(
    database: Database, storage: Storage, now: datetime, *, scanner: Scanner | None = None, progress: Progress = _silent
) -> Done:
    """Do everything that is due. Safe beside a running server, and beside itself. `scanner`: None where none is set."""
    scanned = _scan(database, storage, scanner, now, progress=progress)
    fell_back = fall_back_expired(database, now, progress=progress)
    records_deleted = delete_old_records(database, now, progress=progress)
    exports = build_waiting(
        database, storage, now, progress=lambda done, of: progress("Items of an evidence log export", done, of)
    )
    swept = _sweep(database, storage, now, progress=progress)
    return Done(
        fell_back=fell_back,
        records_deleted=records_deleted,
        files_deleted=len(swept.deleted) if swept else 0,
        uploads_cleared=swept.temporary if swept else 0,
        store_away=swept is None,
        scanned=scanned,
        exports=exports,
        disposals_due=note_due_disposals(database, now),
        waiting_to_be_sent=_read(database, now, _waiting_to_be_sent),
    )


def run_in_turn(database: Database, storage: Storage, now: datetime) -> Done:
    """One round of the loop: what another process has not done just now. Once a day files and the trail's heads too."""
    frequent = _take_turn(database, "jobs", now, every=EVERY)
    daily = _take_turn(database, "daily_jobs", now, every=DAILY)
    fell_back = fall_back_expired(database, now) if frequent else 0
    records_deleted = delete_old_records(database, now) if frequent else 0
    swept = _sweep(database, storage, now) if daily else None
    return Done(
        fell_back=fell_back,
        records_deleted=records_deleted,
        files_deleted=len(swept.deleted) if swept else 0,
        uploads_cleared=swept.temporary if swept else 0,
        store_away=daily and swept is None,
        disposals_due=note_due_disposals(database, now) if daily else 0,
        heads=tuple(_read(database, now, audit_events.heads)) if daily else (),
    )


def fall_back_expired(database: Database, now: datetime, *, progress: Progress = _silent) -> int:
    """Lower every achieved milestone whose evidence has ended to completed (rule 1). Returns how many fell back.

    Pages, API and reports have counted the expiry since its day; the stored state follows here.
    """
    expired = _read(database, now, _expired)
    fallen = 0
    for done, milestone in enumerate(expired, start=1):
        fallen += database.write(lambda uow, one=milestone: _fall_back(uow, one), actor=system_actor(), now=now)
        progress("Evidence that has ended", done, len(expired))
    return fallen


def delete_old_records(database: Database, now: datetime, *, progress: Progress = _silent) -> int:
    """Delete what has served its purpose: answers kept for a repeated request, sessions and invitations that are over.

    What is to be sent is never deleted. Returns how many rows went.
    """
    deleted = 0
    for table, over in _over(now):
        while batch := database.write(
            lambda uow, table=table, over=over: _delete_batch(uow, table, over), actor=system_actor(), now=now
        ):
            deleted += batch
            progress("Records that are over", deleted, None)
    return deleted


def _sweep(database: Database, storage: Storage, now: datetime, *, progress: Progress = _silent) -> Swept | None:
    """Delete files of no row; None when the store is away: everything else goes on, and the next run tries again."""
    try:
        return evidence_files.sweep(
            database, storage, now=now, progress=lambda looked_at: progress("Files of no row", looked_at, None)
        )
    except Unavailable:
        return None


def _scan(
    database: Database, storage: Storage, scanner: Scanner | None, now: datetime, *, progress: Progress
) -> Scanned:
    if scanner is None:
        return NOTHING_SCANNED
    return scan_waiting(
        database, storage, scanner, now, progress=lambda done, of: progress("Files waiting to be scanned", done, of)
    )


def _over(now: datetime) -> tuple[tuple[Table, ColumnElement[bool]], ...]:
    """Which rows have served their purpose. Sessions and invitations stay a while, so that their pages can say why."""
    sessions_before, invitations_before = now - SESSIONS_STAY, now - INVITATIONS_STAY
    return (
        (_outbox, webhooks.served(now)),
        (_idempotency, _idempotency.c.created_at <= now - timedelta(hours=IDEMPOTENCY_HOURS)),
        (_sessions, or_(_sessions.c.ended_at <= sessions_before, _sessions.c.expires_at <= sessions_before)),
        (
            _invitations,
            or_(_invitations.c.used_at <= invitations_before, _invitations.c.expires_at <= invitations_before),
        ),
    )


def _delete_batch(uow: UnitOfWork, table: Table, over: ColumnElement[bool]) -> int:
    ids = select(table.c.id).where(over).limit(_BATCH).scalar_subquery()
    return uow.session.connection().execute(delete(table).where(table.c.id.in_(ids), over)).rowcount


def _expired(uow: UnitOfWork) -> list[str]:
    # What has lapsed is an exception by now, save in a plan that was closed before: that one stays as it was.
    statement = select(_milestones.c.id).where(
        _milestones.c.amber_from <= uow.now,
        lapsed(uow.today, _milestones.c),
    )
    return sorted(uow.session.connection().execute(statement).scalars())


def _fall_back(uow: UnitOfWork, milestone: str) -> bool:
    """Taking up a milestone to change it lets its stored state catch up; that is all there is to do."""
    cases.affected_cases(uow, [milestone])
    return bool(uow.pending)


def _waiting_to_be_sent(uow: UnitOfWork) -> int:
    statement = select(func.count()).select_from(_outbox).where(_outbox.c.sent_at.is_(None))
    return uow.session.connection().execute(statement).scalar_one()


def _take_turn(database: Database, name: str, now: datetime, *, every: timedelta) -> bool:
    """Whether this process is the one to do it this time: the first that asks after `every` has passed.

    A turn is not given back, so that a process that ends half-way keeps nobody waiting for longer than that.
    """
    try:
        return database.write(lambda uow: _claim(uow, f"turn_{name}", every), actor=system_actor(), now=now)
    except IntegrityError:
        return False  # the very first turn, and somebody else has just taken it


def _claim(uow: UnitOfWork, name: str, every: timedelta) -> bool:
    connection = uow.session.connection()
    last = connection.execute(
        select(_settings.c.value).where(_settings.c.name == name).with_for_update()
    ).scalar_one_or_none()  # fmt: skip
    if last is None:
        connection.execute(insert(_settings).values(name=name, value=uow.now.isoformat(), changed_on=uow.today))
        return True
    if abs(uow.now - datetime.fromisoformat(last)) < every:  # a turn in the future was a wrong clock's
        return False
    connection.execute(
        update(_settings).where(_settings.c.name == name).values(value=uow.now.isoformat(), changed_on=uow.today)
    )
    return True


def _read(database: Database, now: datetime, use_case: Callable[[UnitOfWork], Any]) -> Any:
    return database.read(use_case, actor=system_actor(), now=now)
