"""Making evidence log exports: in the loop of a server, by `waymark jobs run`, and by `waymark evidence export`.

Whoever makes one holds a lease and renews it, so that two processes never make the same one and what a killed process
leaves is made again. The files go one by one from the store into the export, which is hashed on its way and kept in the
store like evidence; nothing is there of one that was not finished. What may be read is asked for each batch anew.
"""

import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import and_, exists, func, or_, select, update

from app.db import Database, UnitOfWork
from app.documents import csv_files
from app.documents import evidence_logs as documents
from app.documents.evidence_logs import About, LoggedItem
from app.documents.zip_files import StoredZip
from app.domain import evidence_exports as rules
from app.domain import permissions
from app.domain.actors import Actor, system_actor
from app.domain.days import LONDON
from app.domain.evidence_exports import INDEX_CSV, INDEX_PAGE, LEASE, MANIFEST, LeftOut, Tally
from app.domain.ids import new_id
from app.domain.permissions import Act, Item
from app.domain.refusals import TooLarge, Unauthenticated, Unavailable
from app.domain.words import Door, ExportState
from app.models import Evidence, EvidenceExportRow, EvidenceLink, Milestone, Plan
from app.models.identity import table_of
from app.models.visibility import knowable_in, known_item
from app.services import access_log
from app.services.evidence_views import views_of
from app.services.identity import actor_of_person
from app.storage import MissingFile, Storage, Stored, Upload

T = TypeVar("T")
Progress = Callable[[int, int], None]

BATCH = 50
TOLD_EVERY = 1.0  # seconds between two times that progress is written down
_COPIED = 1 << 18
_WHENEVER = datetime.max.replace(tzinfo=UTC)  # no two exports are the same bytes: each holds its own id

_exports, _evidence, _plans = table_of(EvidenceExportRow), table_of(Evidence), table_of(Plan)


class _Stopped(Exception):
    """The export cannot be made; the message says why, in a sentence for who asked."""


class _Overtaken(Exception):
    """Another process has taken the export up: this one lets go of it."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a round did."""

    ready: int = 0
    failed: int = 0
    expired: int = 0


NOTHING_BUILT = Built()


def build_waiting(
    database: Database,
    storage: Storage,
    now: datetime,
    *,
    progress: Progress = lambda _done, _of: None,
) -> Built:
    """Make every export that waits, or that nobody is at any more, and delete those that have run out.

    Safe beside itself, and may be cut off at any moment.
    """
    clock = _ticking(now)
    ready = failed = 0
    expired = expire(database, storage, now)
    while claimed := _claim(database, clock()):
        done = build(database, storage, claimed, clock, progress=progress)
        ready, failed = ready + done, failed + (not done)
    return Built(ready, failed, expired)


def _ticking(now: datetime) -> Callable[[], datetime]:
    """A clock that goes on from this moment."""
    started = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - started)


def _claim(database: Database, now: datetime) -> str | None:
    """The lease of the export to make next; None: there is none."""
    if not database.read(_has_work, actor=system_actor(), now=now):  # a look costs no writer's turn
        return None
    return database.write(_take_up, actor=system_actor(), now=now)


def _to_make(uow: UnitOfWork) -> Any:
    let_go = and_(_exports.c.state == ExportState.RUNNING, _exports.c.leased_until < uow.now)
    return or_(_exports.c.state == ExportState.WAITING, let_go)


def _has_work(uow: UnitOfWork) -> bool:
    return uow.session.connection().execute(select(_exports.c.id).where(_to_make(uow)).limit(1)).first() is not None


def _take_up(uow: UnitOfWork) -> str | None:
    run = uow.session.connection().execute
    wanted = select(_exports.c.id, _exports.c.attempts).where(_to_make(uow)).order_by(_exports.c.asked_at)
    for row in run(wanted.with_for_update(skip_locked=True)).all():
        if row.attempts >= rules.MOST_ATTEMPTS:
            run(_failing(uow, "Making it was cut off several times").where(_exports.c.id == row.id))
            continue
        lease = new_id()
        run(
            update(_exports)
            .where(_exports.c.id == row.id)
            .values(state=ExportState.RUNNING, lease=lease, leased_until=uow.now + LEASE, attempts=row.attempts + 1,
                    items_done=0, items_total=0, problem="")
        )  # fmt: skip
        return lease
    return None


def _failing(uow: UnitOfWork, why: str) -> Any:
    return update(_exports).values(
        state=ExportState.FAILED, lease=None, leased_until=None, finished_at=uow.now, problem=why[:300]
    )


# --- one export -------------------------------------------------------------------------------------------------------


def build(
    database: Database,
    storage: Storage,
    lease: str,
    clock: Callable[[], datetime],
    *,
    progress: Progress = lambda _done, _of: None,
) -> bool:
    """Make the export that is held by this lease. Says whether it is ready; if not, its row says why."""
    building = _Building(database, storage, lease, clock, progress)
    try:
        building.run()
    except _Overtaken:
        return False
    except (_Stopped, Unauthenticated, Unavailable, TooLarge) as error:
        why = str(error)
    except Exception:
        _fail(database, lease, clock(), "Something went wrong while it was made")
        raise
    else:
        return True
    _fail(database, lease, clock(), why.replace(" Nothing was saved.", ""))
    return False


def _fail(database: Database, lease: str, now: datetime, why: str) -> None:
    def put_down(uow: UnitOfWork) -> None:
        uow.session.connection().execute(_failing(uow, why).where(_exports.c.lease == lease))

    database.write(put_down, actor=system_actor(), now=now)


@dataclass(slots=True)
class _Building:
    """One export on its way."""

    database: Database
    storage: Storage
    lease: str
    clock: Callable[[], datetime]
    progress: Progress
    tally: Tally = field(default_factory=Tally)
    done: int = 0
    total: int = 0
    told_at: float = 0.0

    def run(self) -> None:
        moment = self.clock()
        row = self._read(self._row)
        self.total = self._read(lambda uow: _count(uow, self._actor(uow, row), row.plan_id, until=moment))
        self._tell(now=True)
        with _spool(self.storage) as archive:
            zipped = StoredZip(archive.write, moment=moment.astimezone(LONDON))
            self._fill(zipped, row, moment)
            zipped.close()
            stored = archive.keep()
            self._write(lambda uow: self._finish(uow, stored))
        self.progress(self.total, self.total)

    def _fill(self, zipped: StoredZip, row: Any, moment: datetime) -> None:
        """Every file, then what says what they are: the page, the table and the manifest."""
        manifest = bytearray()
        with _spool(self.storage) as rows, _spool(self.storage) as table, _spool(self.storage) as page:
            table.write_all(csv_files.pieces(list(documents.COLUMNS), ()))
            for batch in self._batches(row, moment):
                taken = [one.view.id for one in batch if self._add(zipped, one, rows, table, manifest)]
                self._write(partial(self._note, row=row, taken=taken))
            page.write(self._page_start(row, moment))
            page.write_all(_pieces_of(rows))
            page.write(documents.page_end())
            for name, spool in ((INDEX_PAGE, page), (INDEX_CSV, table)):
                zipped.add(name, size=spool.size, crc=_crc(_pieces_of(spool)), pieces=_pieces_of(spool))
                manifest += documents.manifest_line(name, spool.sha256)
        zipped.add(MANIFEST, size=len(manifest), crc=zlib.crc32(manifest), pieces=[bytes(manifest)])

    def _page_start(self, row: Any, moment: datetime) -> bytes:
        actor = self._read(lambda uow: self._actor(uow, row))
        about = About(row.title, f"{actor.title}, {actor.organisation}", row.id, moment)
        tally = self.tally
        return documents.page_start(about, items=tally.items, files=tally.files, left_out=tally.left_out)

    def _add(self, zipped: StoredZip, one: "_Known", rows: Upload, table: Upload, manifest: bytearray) -> bool:
        """Take an item in. Says whether its file went in."""
        logged = self._taken_in(zipped, one, manifest)
        rows.write(documents.page_row(logged))
        table.write(csv_files.piece([documents.cells(logged)]))
        self.tally.items += 1
        self.done += 1
        self._tell()
        return bool(logged.path)

    def _taken_in(self, zipped: StoredZip, one: "_Known", manifest: bytearray) -> LoggedItem:
        item = one.view
        if not rules.has_file(item):
            return LoggedItem(item, one.version)
        in_store = one.storage_name is not None and item.keeping.disposed_at is None
        why = rules.why_left_out(item, in_store=in_store)
        path = rules.name_in_export(item)
        if why is None and one.storage_name is not None:
            why = self._copy(zipped, one, path)
        if why is None:
            self.tally.files += 1
            manifest += documents.manifest_line(path, item.sha256 or "")
            return LoggedItem(item, one.version, path)
        self.tally.leave_out(why)
        left = LoggedItem(item, one.version, left_out=why)
        manifest += documents.manifest_remark(left)
        return left

    def _copy(self, zipped: StoredZip, one: "_Known", path: str) -> LeftOut | None:
        """Take the file in as it was sent. It is compared before it is taken in: what was altered stays out."""
        with _spool(self.storage, (one.view.size or 0) + 1) as copy:
            crc = 0
            try:
                for piece in self.storage.open(one.storage_name or "").chunks:
                    copy.write(piece)
                    crc = zlib.crc32(piece, crc)
                    self._tell()
            except MissingFile:
                return LeftOut.MISSING
            except TooLarge:
                return LeftOut.ALTERED
            if copy.sha256 != one.view.sha256:
                return LeftOut.ALTERED
            zipped.add(path, size=copy.size, crc=crc, pieces=_pieces_of(copy))
        return None

    def _batches(self, row: Any, moment: datetime) -> Iterator[Sequence["_Known"]]:
        after = ""
        while batch := self._read(partial(self._batch, row=row, moment=moment, after=after)):
            yield batch
            after = batch[-1].view.id

    def _batch(self, uow: UnitOfWork, *, row: Any, moment: datetime, after: str) -> list["_Known"]:
        uow.actor = self._actor(uow, row)
        statement = (
            select(Evidence)
            .where(*_known(uow.actor, row.plan_id, until=moment), Evidence.id > after)
            .order_by(Evidence.id)
            .limit(BATCH)
        )
        items = uow.session.execute(statement).scalars().all()
        return [
            _Known(view, item.storage_name, item.version_number)
            for item, view in zip(items, views_of(uow, items), strict=True)
        ]

    def _actor(self, uow: UnitOfWork, row: Any) -> Actor:
        """Who asked, as they are now. What they may read must stay the same from beginning to end."""
        actor = actor_of_person(uow, person_id=row.person_id, door=Door.JOB)
        if not permissions.may(actor, Act.EXPORT, Item(plan_id=row.plan_id)):
            raise _Stopped("Whoever asked for it may no longer export this plan")
        if rules.rights_mark(actor, row.plan_id) != row.rights:
            raise _Stopped("Your part in this plan has changed since you asked. Ask for another")
        return actor

    def _note(self, uow: UnitOfWork, *, row: Any, taken: Sequence[str]) -> None:
        """Who took which file away: put on the access log, as opening it is."""
        uow.actor = self._actor(uow, row)
        for evidence in taken:
            access_log.note(uow, "exported", item_kind="evidence", item_id=evidence, plan_id=row.plan_id)

    def _row(self, uow: UnitOfWork) -> Any:
        statement = (
            select(_exports.c.id, _exports.c.plan_id, _exports.c.person_id, _exports.c.rights, _plans.c.title)
            .join(_plans, _plans.c.id == _exports.c.plan_id)
            .where(_exports.c.lease == self.lease)
        )
        row = uow.session.connection().execute(statement).one_or_none()
        if row is None:
            raise _Overtaken
        return row

    def _tell(self, *, now: bool = False) -> None:
        """Say how far it is, and that somebody is still at it."""
        if not now and time.monotonic() - self.told_at < TOLD_EVERY:
            return
        self.told_at = time.monotonic()
        self.progress(min(self.done, self.total), self.total)
        with suppress(Unavailable):  # the next time will do: a lease is much longer than that
            self._write(self._renew)

    def _renew(self, uow: UnitOfWork) -> None:
        values = {
            "items_done": min(self.done, self.total),
            "items_total": self.total,
            "leased_until": uow.now + LEASE,
        }
        held = update(_exports).where(_exports.c.lease == self.lease).values(values)
        if not uow.session.connection().execute(held).rowcount:
            raise _Overtaken

    def _finish(self, uow: UnitOfWork, stored: Stored) -> None:
        held = update(_exports).where(_exports.c.lease == self.lease)
        finished = held.values(
            state=ExportState.READY,
            lease=None,
            leased_until=None,
            items_done=self.tally.items,
            items_total=self.tally.items,
            files=self.tally.files,
            left_out=rules.tally_as_stored(self.tally.left_out),
            size=stored.size,
            sha256=stored.sha256,
            storage_name=stored.name,
            finished_at=uow.now,
            expires_at=uow.now + rules.KEPT,
            problem="",
        )
        if not uow.session.connection().execute(finished).rowcount:
            raise _Overtaken

    def _read(self, use_case: Callable[[UnitOfWork], T]) -> T:
        return self.database.read(use_case, actor=system_actor(), now=self.clock())

    def _write(self, use_case: Callable[[UnitOfWork], T]) -> T:
        return self.database.write(use_case, actor=system_actor(), now=self.clock())


@dataclass(frozen=True, slots=True)
class _Known:
    """An item as who asked may see it, and where its bytes are."""

    view: Any
    storage_name: str | None
    version: int


def _known(actor: Actor, plan_id: str, *, until: datetime) -> tuple[Any, ...]:
    """The items of a plan that the actor may know of, as they were at that moment."""
    linked_where_known = exists().where(
        EvidenceLink.evidence_id == _evidence.c.id,
        EvidenceLink.milestone_id == Milestone.id,
        knowable_in(actor, plan_id),
    )
    return (_evidence.c.plan_id == plan_id, _evidence.c.received_at <= until, linked_where_known, known_item(actor))


def _count(uow: UnitOfWork, actor: Actor, plan_id: str, *, until: datetime) -> int:
    statement = select(func.count()).select_from(_evidence).where(*_known(actor, plan_id, until=until))
    return uow.session.connection().execute(statement).scalar_one()


# --- temporary files --------------------------------------------------------------------------------------------------


@contextmanager
def _spool(storage: Storage, max_bytes: int = rules.MAX_BYTES) -> Iterator[Upload]:
    """A temporary file where uploads have theirs: nothing is left of it, nor, for long, where the process is killed."""
    spool = storage.begin(max_bytes=max_bytes)
    try:
        yield spool
    finally:
        spool.discard()


def _pieces_of(spool: Upload) -> Iterator[bytes]:
    reader = spool.reader()
    while piece := reader.read(_COPIED):
        yield piece


def _crc(pieces: Iterator[bytes]) -> int:
    crc = 0
    for piece in pieces:
        crc = zlib.crc32(piece, crc)
    return crc


# --- when it has run out ----------------------------------------------------------------------------------------------


def expire(database: Database, storage: Storage, now: datetime) -> int:
    """Delete exports that have run out, and those beyond what one person keeps of a plan. Returns how many.

    A file that cannot be deleted now belongs to no row any more: the daily sweep finds it.
    """
    names = database.write(_run_out, actor=system_actor(), now=now) if database.read(
        _has_run_out, actor=system_actor(), now=now
    ) else []  # fmt: skip
    for name in names:
        try:
            storage.delete(name, unchanged_since=_WHENEVER)
        except Unavailable:
            continue
    return len(names)


def _over(uow: UnitOfWork) -> Any:
    newer = _exports.alias()
    count = (
        select(func.count())
        .where(
            newer.c.person_id == _exports.c.person_id,
            newer.c.plan_id == _exports.c.plan_id,
            newer.c.state == ExportState.READY,
            newer.c.finished_at > _exports.c.finished_at,
        )
        .scalar_subquery()
    )
    too_many = count >= rules.KEPT_AT_ONCE
    return and_(_exports.c.state == ExportState.READY, or_(_exports.c.expires_at <= uow.now, too_many))


def _has_run_out(uow: UnitOfWork) -> bool:
    return uow.session.connection().execute(select(_exports.c.id).where(_over(uow)).limit(1)).first() is not None


def _run_out(uow: UnitOfWork) -> list[str]:
    run = uow.session.connection().execute
    rows = run(select(_exports.c.id, _exports.c.storage_name).where(_over(uow))).all()
    ids, names = [row.id for row in rows], {row.storage_name for row in rows}
    run(
        update(_exports)
        .where(_exports.c.id.in_(ids), _exports.c.state == ExportState.READY)
        .values(state=ExportState.EXPIRED, storage_name=None)
    )
    still = select(_exports.c.storage_name).where(_exports.c.storage_name.in_(names))
    return sorted(names - set(run(still).scalars()))
