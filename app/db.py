"""Engines and the unit of work. One function carries out a use case: it opens the transaction, calls the service,
appends the audit events, stores the idempotency record and commits, all before the reply.

SQLite: a read engine, and one writer connection with BEGIN IMMEDIATE behind an in-process lock. Plain BEGIN loses
most attempts under load and lets the gate's read fall outside the write. PostgreSQL: READ COMMITTED for writes
(rows are locked in one order), one snapshot per read.
"""

import json
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, bindparam, create_engine, delete, event, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlmodel import Session

from app.domain.actors import Actor
from app.domain.audit import GENESIS, NO_PLAN, EventRecord, TextPointer, canonical, event_hash, text_hash
from app.domain.days import london_day
from app.domain.ids import new_id
from app.domain.refusals import Refused, Unavailable, WaymarkError, invalid, refuse
from app.migrations import guard_refusal, overtaken
from app.models import AuditEvent, AuditHead, IdempotencyRecord, Milestone, Text
from app.models.lowered import SQLITE_FUNCTION
from app.models.snapshots import snapshot_name

T = TypeVar("T")

RETRIES = 3
LOCK_WAIT_SECONDS = 5
IDEMPOTENCY_HOURS = 24
STALE_RUN = timedelta(minutes=5)
_RETRY_STATES = ("40001", "40P01")  # serialization failure, deadlock
_LOCK_TIMEOUT = "55P03"
_UNIQUE_VIOLATION = "23505"


# Built once, on plain tables: every change runs these.
_texts: Any = Text.__table__
_events: Any = AuditEvent.__table__
_heads: Any = AuditHead.__table__
_INSERT_TEXT = insert(_texts)
_INSERT_EVENT = insert(_events)
_INSERT_HEAD = insert(_heads)
_LOCK_HEAD = select(_heads.c.seq, _heads.c.hash).where(_heads.c.chain == bindparam("of_chain")).with_for_update()
_MOVE_HEAD = (
    update(_heads).where(_heads.c.chain == bindparam("of_chain")).values(seq=bindparam("seq"), hash=bindparam("hash"))
)


@dataclass(slots=True)
class PendingEvent:
    plan_id: str | None
    event: str
    item_kind: str
    item_id: str
    item_ref: str
    milestone_id: str | None
    facts: dict[str, Any]
    texts: list[TextPointer]


@dataclass(slots=True)
class UnitOfWork:
    """One transaction on behalf of one actor at one moment. Services flush it and never commit it."""

    session: Session
    actor: Actor
    now: datetime
    pending: list[PendingEvent] = field(default_factory=list)
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    memory: "Memory | None" = None  # a transaction that writes remembers nothing
    today: date = field(init=False)

    def __post_init__(self) -> None:
        self.today = london_day(self.now)

    def remembered(self, what: Hashable, work_out: Callable[[], T], *, good_until: Callable[[T], datetime]) -> T:
        """What `work_out` gives for this actor, or what it gave before if that must still be so: the database has not
        changed at all since, and `good_until`, the next moment at which the clock alone would change it, has not come.

        `what` names the question with all that it depends on besides; the answer must be immutable.
        """
        if self.memory is None:
            return work_out()
        name = snapshot_name(self.session.connection())
        key = (name, self.actor.rights, self.today, what)
        known = self.memory.recall(key, self.now)
        if known is not None:
            return cast("T", known)
        answer = work_out()
        self.memory.keep(key, answer, now=self.now, good_until=good_until(answer))
        return answer

    def record(
        self,
        event_name: str,
        *,
        plan_id: str | None,
        item_kind: str,
        item_id: str,
        item_ref: str = "",
        milestone_id: str | None = None,
        facts: Mapping[str, Any] | None = None,
        texts: Mapping[str, str | None] | None = None,
        texts_of: str = "",
    ) -> None:
        """Put a past-tense fact on the record, in this transaction.

        `facts` holds short values, {"due_date": [was, is]}; `texts` what somebody typed, by field: it is kept in
        a row of its own, under `texts_of` (or the item), and the event only points to it.
        """
        keep_under = texts_of or item_id
        pointers = [
            self._keep_text(plan_id, item_kind, keep_under, name, body) for name, body in (texts or {}).items() if body
        ]
        self.pending.append(
            PendingEvent(plan_id, event_name, item_kind, item_id, item_ref, milestone_id, dict(facts or {}), pointers)
        )

    def step(self, use_case: "Callable[[UnitOfWork], T]", *, actor: Actor, now: datetime) -> T:
        """Carry out one more use case inside this transaction, as another actor at another moment, with its own events.

        What is replayed (a demo, an import) is so one piece: all of it stands or none.
        """
        part = UnitOfWork(self.session, actor, now, after_commit=self.after_commit)
        result = use_case(part)
        self.session.flush()
        _append_events(part)
        return result

    def _keep_text(self, plan_id: str | None, item_kind: str, item_id: str, name: str, body: str) -> TextPointer:
        text_id, salt = new_id(), secrets.token_hex(16)
        self.session.connection().execute(
            _INSERT_TEXT,
            {
                "id": text_id,
                "plan_id": plan_id,
                "item_kind": item_kind,
                "item_id": item_id,
                "field": name,
                "body": body,
                "salt": salt,
                "written_at": self.now,
            },
        )
        return TextPointer(name, text_id, text_hash(salt, body))


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as it goes out, and as it is replayed."""

    status: int
    headers: dict[str, str]
    body: bytes
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class IdempotencySlot:
    """A caller's Idempotency-Key for one path, with the fingerprint of what was sent."""

    caller: str
    path: str
    key: str
    fingerprint: str


class Memory:
    """The last few answers that reading gave, least recently used out first. Safe for several threads."""

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self._turn = threading.Lock()
        self._known: OrderedDict[Hashable, tuple[datetime, datetime, object]] = OrderedDict()

    def recall(self, key: Hashable, now: datetime) -> object | None:
        """The answer kept under this key, while it is good."""
        with self._turn:
            found = self._known.get(key)
            if found is None:
                return None
            since, until, answer = found
            if not since <= now < until:  # clocks are put back, too
                del self._known[key]
                return None
            self._known.move_to_end(key)
            return answer

    def clear(self) -> None:
        """Forget every answer."""
        with self._turn:
            self._known.clear()

    def keep(self, key: Hashable, answer: object, *, now: datetime, good_until: datetime) -> None:
        """Keep an answer that was worked out at `now` and is good until then."""
        with self._turn:
            self._known[key] = (now, good_until, answer)
            while len(self._known) > self._size:
                self._known.popitem(last=False)


class _OneTransaction(Session):
    """A session that lives for one transaction, so that its connection is looked up once and not for every query."""

    _kept: Connection | None = None

    def connection(self, *arguments: Any, **options: Any) -> Connection:
        if arguments or options:
            return super().connection(*arguments, **options)
        if self._kept is None:
            self._kept = super().connection()
        return self._kept


class Database:
    """The database behind one URL. `read` and `write` are the only ways in."""

    def __init__(self, url: str, *, readers: int = 6) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self._turn = threading.Lock()
        self.memory = Memory()
        if self.is_sqlite:
            self.reader = _sqlite_engine(url, writer=False, size=readers)
            self.writer = _sqlite_engine(url, writer=True, size=1)
        else:
            self.writer = create_engine(
                url,
                pool_pre_ping=True,
                pool_size=4,
                max_overflow=4,
                connect_args={"options": f"-c lock_timeout={LOCK_WAIT_SECONDS}s -c timezone=UTC"},
            )
            self.reader = self.writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def dispose(self) -> None:
        self.reader.dispose()
        self.writer.dispose()

    def read(self, use_case: Callable[[UnitOfWork], T], *, actor: Actor, now: datetime) -> T:
        """Carry out a use case that only reads, on one snapshot. A GET never writes."""
        with _answering_for_the_database(), _OneTransaction(self.reader, autoflush=False) as session:
            return use_case(UnitOfWork(session, actor, now, memory=self.memory))

    def write(self, use_case: Callable[[UnitOfWork], T], *, actor: Actor, now: datetime) -> T:
        """Carry out a use case and commit it with its audit events.

        A refusal rolls everything back and is then put on the record in a transaction of its own.
        Deadlock and serialization failures are retried three times.
        """
        try:
            return self._transact(use_case, actor=actor, now=now)
        except Refused as refused:
            self._record_refusal(refused, actor=actor, now=now)
            raise

    def write_once(
        self,
        use_case: Callable[[UnitOfWork], T],
        answer: Callable[[T], StoredAnswer],
        slot: IdempotencySlot,
        *,
        actor: Actor,
        now: datetime,
    ) -> StoredAnswer:
        """`write`, remembering the answer for 24 hours under the caller's key. Only an accepted request is remembered.

        Raises Invalid when the key was used for another request, Refused `in_progress` while the first still runs.
        """
        kept = self._transact(lambda uow: _reserve(uow, slot), actor=actor, now=now)
        if kept is not None:
            return kept

        def use_case_and_record(uow: UnitOfWork) -> StoredAnswer:
            given = answer(use_case(uow))
            _keep_answer(uow, slot, given)
            return given

        try:
            return self.write(use_case_and_record, actor=actor, now=now)
        except BaseException:
            self._transact(lambda uow: _release(uow, slot), actor=actor, now=now)
            raise

    def _transact(self, use_case: Callable[[UnitOfWork], T], *, actor: Actor, now: datetime) -> T:
        for attempt in range(1, RETRIES + 1):
            try:
                return self._once(use_case, actor=actor, now=now)
            except DBAPIError as error:
                if attempt == RETRIES or not _worth_retrying(error):
                    raise _as_waymark(error) from error
                time.sleep(0.02 * attempt)
        raise AssertionError("unreachable")

    def _once(self, use_case: Callable[[UnitOfWork], T], *, actor: Actor, now: datetime) -> T:
        with self._writers_turn(), _OneTransaction(self.writer, autoflush=False) as session:
            uow = UnitOfWork(session, actor, now)
            result = use_case(uow)
            session.flush()
            _append_events(uow)
            session.commit()
        for effect in uow.after_commit:
            effect()
        return result

    @contextmanager
    def _writers_turn(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        if not self._turn.acquire(timeout=2 * LOCK_WAIT_SECONDS):
            raise Unavailable("Another change is taking long. Nothing was written; try again")
        try:
            yield
        finally:
            self._turn.release()

    def _record_refusal(self, refused: Refused, *, actor: Actor, now: datetime) -> None:
        if not refused.attempted:
            return

        self._transact(lambda uow: record_refusal(uow, refused), actor=actor, now=now)


def record_refusal(uow: UnitOfWork, refused: Refused) -> None:
    """Put an attempt that a rule refused on the record."""
    uow.record(
        f"{refused.attempted}_refused",
        plan_id=refused.plan_id,
        item_kind=refused.item_kind,
        item_id=refused.item_id,
        item_ref=_ref_of(uow, refused),
        milestone_id=refused.item_id if refused.item_kind == "milestone" else None,
        facts={"reasons": list(dict.fromkeys(refused.codes))},
    )


def _ref_of(uow: UnitOfWork, refused: Refused) -> str:
    """The reference of the milestone that the rule protected."""
    if refused.item_kind != "milestone":
        return ""
    found: str | None = uow.session.execute(select(Milestone.ref).where(Milestone.id == refused.item_id)).scalar()  # type: ignore[call-overload]
    return found or ""


def _sqlite_engine(url: str, *, writer: bool, size: int) -> Engine:
    engine = create_engine(
        url, pool_size=size, max_overflow=0 if writer else 10, connect_args={"check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN would come too late
        for pragma in (
            "journal_mode=WAL",
            "busy_timeout=10000",
            "foreign_keys=ON",
            "cache_size=-32000",
            "mmap_size=268435456",
            "temp_store=MEMORY",
            "synchronous=FULL" if writer else "query_only=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")
        connection.create_function(SQLITE_FUNCTION, 1, _lower, deterministic=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine


def _lower(text: str | None) -> str | None:
    """What a database sends is of any kind; only text has small letters."""
    return text.lower() if isinstance(text, str) else text


def _append_events(uow: UnitOfWork) -> None:
    """Append this transaction's events, chain by chain, just before the commit: the head is locked the shortest."""
    chains: dict[str, list[PendingEvent]] = {}
    for pending in uow.pending:
        chains.setdefault(pending.plan_id or NO_PLAN, []).append(pending)
    for chain in sorted(chains):
        _append_to_chain(uow, chain, chains[chain])
    uow.pending.clear()


def _append_to_chain(uow: UnitOfWork, chain: str, events: list[PendingEvent]) -> None:
    seq, last_hash = _lock_head(uow, chain)
    rows = []
    for pending in events:
        seq += 1
        record = _event_record(uow, chain, seq, pending)
        row_hash = event_hash(record, last_hash)
        rows.append({"id": new_id(), **_as_row(record), "previous_hash": last_hash, "hash": row_hash})
        last_hash = row_hash
    run = uow.session.connection().execute
    run(_INSERT_EVENT, rows)
    run(_MOVE_HEAD, {"of_chain": chain, "seq": seq, "hash": last_hash})


def _lock_head(uow: UnitOfWork, chain: str) -> tuple[int, str]:
    run = uow.session.connection().execute
    head = run(_LOCK_HEAD, {"of_chain": chain}).one_or_none()
    if head is None:
        # Two first events at once: the second waits for the first one's row, then fails on the key and is retried.
        run(_INSERT_HEAD, {"chain": chain, "seq": 0, "hash": GENESIS})
        return 0, GENESIS
    return head.seq, head.hash


def _event_record(uow: UnitOfWork, chain: str, seq: int, pending: PendingEvent) -> EventRecord:
    return EventRecord(
        chain=chain,
        seq=seq,
        at=uow.now,
        actor_kind=uow.actor.kind,
        actor_id=uow.actor.id,
        actor_title=uow.actor.title,
        actor_organisation=uow.actor.organisation,
        door=str(uow.actor.door),
        event=pending.event,
        item_kind=pending.item_kind,
        item_id=pending.item_id,
        item_ref=pending.item_ref,
        milestone_id=pending.milestone_id,
        facts=canonical(pending.facts),
        texts=canonical([pointer.as_list() for pointer in pending.texts]),
    )


def _as_row(record: EventRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in EventRecord.__slots__}


def _reserve(uow: UnitOfWork, slot: IdempotencySlot) -> StoredAnswer | None:
    """Claim a caller's key. None: go ahead. Otherwise the answer that was given the first time."""
    mine = _slot_is(slot)
    record = uow.session.execute(select(IdempotencyRecord).where(*mine)).scalar_one_or_none()
    if record is not None:
        limit = timedelta(hours=IDEMPOTENCY_HOURS) if record.status is not None else STALE_RUN
        if uow.now - record.created_at >= limit:
            uow.session.execute(delete(IdempotencyRecord).where(*mine))
        elif record.fingerprint != slot.fingerprint:
            raise invalid("Idempotency-Key", "key_reused", "This Idempotency-Key was used for another request")
        elif record.status is None or record.body is None:
            raise refuse("in_progress", "The first request with this Idempotency-Key is still running")
        else:
            return StoredAnswer(record.status, json.loads(record.headers or "{}"), record.body, replayed=True)
    claim = {
        "id": new_id(),
        "caller": slot.caller,
        "path": slot.path,
        "key": slot.key,
        "fingerprint": slot.fingerprint,
        "created_at": uow.now,
    }
    try:
        uow.session.execute(insert(IdempotencyRecord).values(**claim))
    except IntegrityError as error:
        raise refuse("in_progress", "The first request with this Idempotency-Key is still running") from error
    return None


def _keep_answer(uow: UnitOfWork, slot: IdempotencySlot, given: StoredAnswer) -> None:
    uow.session.execute(
        update(IdempotencyRecord)
        .where(*_slot_is(slot))
        .values(status=given.status, headers=json.dumps(given.headers), body=given.body)
    )


def _release(uow: UnitOfWork, slot: IdempotencySlot) -> None:
    uow.session.execute(delete(IdempotencyRecord).where(*_slot_is(slot), IdempotencyRecord.status.is_(None)))


def _slot_is(slot: IdempotencySlot) -> tuple[Any, ...]:
    return (
        IdempotencyRecord.caller == slot.caller,
        IdempotencyRecord.path == slot.path,
        IdempotencyRecord.key == slot.key,
    )


@contextmanager
def _answering_for_the_database() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise _as_waymark(error) from error


def _worth_retrying(error: DBAPIError) -> bool:
    """Deadlock and serialization failures; two first events of a chain, or two review meetings on one day, at once;
    and a guard that saw what the service did not yet see: the service then refuses, with every reason.
    """
    if _sqlstate(error) in _RETRY_STATES or overtaken(error):
        return True
    at_once = (
        *("audit_heads", "uq_review_meetings_day", "uq_plans_slug", "pk_plan_addresses"),
        *("uq_saved_views_own", "uq_saved_views_of_all"),
    )
    return _sqlstate(error) == _UNIQUE_VIOLATION and any(name in str(error.orig) for name in at_once)


def _sqlstate(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def _as_waymark(error: DBAPIError) -> Exception:
    """What a database's complaint means to whoever asked. Anything unknown stays what it is: a fault of ours."""
    if (
        _sqlstate(error) == _LOCK_TIMEOUT
        or "database is locked" in str(error.orig)
        or _sqlstate(error) in _RETRY_STATES
    ):
        return Unavailable("Somebody else is changing the same thing. Nothing was written; try again")
    guarded = guard_refusal(error)
    if guarded is not None:
        guard, sentence = guarded
        return refuse(guard, sentence)
    if isinstance(error, OperationalError):
        return Unavailable("The database cannot be reached or has no room. Nothing was written", retry_after=30)
    return error


__all__ = ["Database", "IdempotencySlot", "StoredAnswer", "UnitOfWork", "WaymarkError"]
