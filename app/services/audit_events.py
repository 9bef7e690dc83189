"""Reading the audit trail within what the reader may know of, and proving its chains."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import and_, func, or_, select

from app.db import UnitOfWork
from app.domain import permissions
from app.domain.audit import NO_PLAN, EventRecord, Fault, TextPointer, text_faults, verify_chain
from app.domain.milestones import AuditLine, MilestoneKey
from app.domain.permissions import Act, Item
from app.domain.refusals import invalid
from app.domain.words import TurnedInto
from app.models import AuditEvent, AuditHead, Evidence, Milestone, Plan, Submission, Text
from app.models.texts import REDACTED
from app.models.visibility import content_closed, item_unrestricted_for, knowable_in
from app.services.cases import Case, read_case
from app.services.plans import known_plan

LONGEST_SEQ = 15  # digits
CONTENT = ("title", "description", "statement", "link", "message")
"""What of a submission or its evidence is closed once it was misdirected."""
CLOSED = "[closed: misdirected]"
NAMES_MILESTONES = frozenset({"other", "came_from", "made", "fell_back"})
"""The facts that name further milestones than the one an event is about, by id or by reference."""
_BATCH = 2000
_STEP = 500


def list_events(
    uow: UnitOfWork, *, slug: str, item: str | None = None, limit: int = 50, cursor: str | None = None
) -> tuple[tuple[AuditLine, ...], str | None]:
    """A plan's audit events, newest first; `item` keeps those about one item. What is restricted stays out."""
    plan = known_plan(uow, slug)
    _require_reading(uow, plan.id, item)
    statement = select(AuditEvent).where(AuditEvent.chain == plan.id)
    if not permissions.may_know_all(uow.actor, plan.id):
        known = select(Milestone.id).where(knowable_in(uow.actor, plan.id))
        statement = statement.where(
            or_(AuditEvent.milestone_id.is_(None), AuditEvent.milestone_id.in_(known)), *_of_known_items(uow, plan.id)
        )
    if item:
        statement = statement.where(or_(AuditEvent.item_id == item, AuditEvent.milestone_id == item))
    if cursor:
        statement = statement.where(AuditEvent.seq < _seq(cursor))
    return _page(uow, plan.id, statement, limit)


def _seq(cursor: str) -> int:
    """The number of the event that a page ended with. Raises Invalid for anything else."""
    if not cursor.isdecimal() or len(cursor) > LONGEST_SEQ:
        raise invalid("cursor", "not_a_cursor", "This cursor was not given out by this list")
    return int(cursor)


def of_milestone(uow: UnitOfWork, case: Case, *, limit: int) -> tuple[tuple[AuditLine, ...], int]:
    """The newest events about one milestone, and how many there are."""
    mine = (
        AuditEvent.chain == case.plan.id,
        AuditEvent.milestone_id == case.milestone.id,
        *_of_known_items(uow, case.plan.id),
    )
    lines, _ = _page(uow, case.plan.id, select(AuditEvent).where(*mine), limit)
    total = uow.session.execute(select(func.count()).select_from(AuditEvent).where(*mine)).scalar_one()
    return lines, total


def _of_known_items(uow: UnitOfWork, plan_id: str) -> list[Any]:
    """Nothing about evidence that is restricted to others, or about what brought it."""
    if permissions.may_know_all(uow.actor, plan_id):
        return []
    kept = [Evidence.plan_id == plan_id, ~item_unrestricted_for(uow.actor)]
    items = select(Evidence.id).where(*kept)  # type: ignore[call-overload]
    sent = select(Submission.id).join(Evidence, Evidence.id == Submission.evidence_id).where(*kept)  # type: ignore[call-overload]
    return [AuditEvent.item_id.not_in(items), AuditEvent.item_id.not_in(sent)]  # type: ignore[attr-defined]


def verify(
    uow: UnitOfWork,
    *,
    anchors: Mapping[str, Mapping[int, str]] | None = None,
    progress: Callable[[int], None] = lambda _more: None,
) -> Iterator[tuple[str, int, list[Fault]]]:
    """Prove every chain: yields (chain, number of events, faults). Anchors are hashes kept outside, by chain and seq.

    `progress` is told how many more events have been read.
    """
    heads = {
        row.chain: (row.seq, row.hash)
        for row in uow.session.execute(select(AuditHead.chain, AuditHead.seq, AuditHead.hash))
    }
    chains = set(heads) | set(uow.session.execute(select(AuditEvent.chain).distinct()).scalars())
    chains |= set(anchors or {})
    for chain in sorted(chains):
        counted = _Counter(_records(uow, chain), progress)
        faults = list(verify_chain(chain, counted, head=heads.get(chain), anchors=(anchors or {}).get(chain, {})))
        faults += list(text_faults(chain, _pointers(uow, chain)))
        yield chain, counted.seen, faults


def heads(uow: UnitOfWork) -> list[tuple[str, int, str]]:
    """Where every chain ends now: what a daily log line records outside the database."""
    statement = select(AuditHead.chain, AuditHead.seq, AuditHead.hash).order_by(AuditHead.chain)
    return [(row.chain, row.seq, row.hash) for row in uow.session.execute(statement)]


def chain_names(uow: UnitOfWork) -> dict[str, str]:
    """What people call each chain: the plan's slug."""
    plans = uow.session.execute(select(Plan.id, Plan.slug))
    return {NO_PLAN: "events without a plan", **{row.id: row.slug for row in plans}}


def _require_reading(uow: UnitOfWork, plan_id: str, item: str | None) -> None:
    """The whole trail is for managers, officers and auditors; a contributor reads that of their own milestones."""
    if item is not None and not permissions.may(uow.actor, Act.READ_AUDIT, Item(plan_id=plan_id)):
        case = read_case(uow, MilestoneKey(id=item))
        permissions.require(uow.actor, Act.READ_AUDIT, case.item)
        return
    permissions.require(uow.actor, Act.READ_AUDIT, Item(plan_id=plan_id))


def _page(uow: UnitOfWork, plan_id: str, statement: Any, limit: int) -> tuple[tuple[AuditLine, ...], str | None]:
    events = list(uow.session.execute(statement.order_by(AuditEvent.seq.desc()).limit(limit + 1)).scalars())
    more = str(events[limit - 1].seq) if len(events) > limit else None
    return _lines(uow, plan_id, events[:limit]), more


def _lines(uow: UnitOfWork, plan_id: str, events: list[AuditEvent]) -> tuple[AuditLine, ...]:
    pointers = {event.id: [TextPointer(*one) for one in json.loads(event.texts)] for event in events}
    wanted = [pointer.text_id for several in pointers.values() for pointer in several]
    bodies = _bodies(uow, wanted)
    facts = _facts(uow, plan_id, events)
    return tuple(
        AuditLine(
            id=event.id,
            seq=event.seq,
            at=event.at,
            actor=event.actor_title,
            door=str(event.door),
            event=event.event,
            item_kind=event.item_kind,
            item_id=event.item_id,
            item_ref=event.item_ref,
            facts=facts[event.id],
            texts={pointer.field: bodies.get(pointer.text_id) for pointer in pointers[event.id]},
            hash=event.hash,
            text_ids={pointer.field: pointer.text_id for pointer in pointers[event.id]},
        )
        for event in events
    )


def _facts(uow: UnitOfWork, plan_id: str, events: list[AuditEvent]) -> dict[str, dict[str, Any]]:
    """The facts of each event, less the milestones in them that the reader may not know of."""
    found: dict[str, dict[str, Any]] = {event.id: json.loads(event.facts) for event in events}
    if permissions.may_know_all(uow.actor, plan_id):
        return found
    named = {one for facts in found.values() for name in _naming(facts) for one in _several(facts[name])}
    if not named:
        return found
    statement = select(Milestone.id, Milestone.ref).where(
        knowable_in(uow.actor, plan_id), or_(Milestone.id.in_(named), Milestone.ref.in_(named))
    )
    known = {word for row in uow.session.execute(statement) for word in row}
    for facts in found.values():
        for name in _naming(facts):
            kept = [one for one in _several(facts[name]) if one in known]
            facts[name] = kept if isinstance(facts[name], list) else next(iter(kept), None)
    return found


def _naming(facts: Mapping[str, Any]) -> list[str]:
    """Which of an event's facts name further milestones. What a submission became may be an action, which all know."""
    named = NAMES_MILESTONES - {"made"} if facts.get("into") == TurnedInto.ACTION else NAMES_MILESTONES
    return [name for name in facts if name in named]


def _several(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)] if value is not None else []


def _bodies(uow: UnitOfWork, text_ids: list[str]) -> dict[str, str | None]:
    if not text_ids:
        return {}
    closed = and_(Text.field.in_(CONTENT), content_closed(uow.actor, Text.item_id))  # type: ignore[attr-defined]
    statement = select(Text.id, Text.body, Text.redacted_at, closed.label("closed")).where(Text.id.in_(text_ids))  # type: ignore[attr-defined, call-overload]
    return {
        row.id: REDACTED if row.redacted_at else CLOSED if row.closed else row.body
        for row in uow.session.execute(statement)
    }


class _Counter:
    """Passes events on and counts them."""

    def __init__(self, events: Iterable[tuple[EventRecord, str, str]], progress: Callable[[int], None]) -> None:
        self._events, self._progress, self.seen = events, progress, 0

    def __iter__(self) -> Iterator[tuple[EventRecord, str, str]]:
        for event in self._events:
            self.seen += 1
            if self.seen % _STEP == 0:
                self._progress(_STEP)
            yield event
        self._progress(self.seen % _STEP)


def _records(uow: UnitOfWork, chain: str) -> Iterator[tuple[EventRecord, str, str]]:
    columns = [getattr(AuditEvent, name) for name in EventRecord.__slots__]
    statement = (
        select(*columns, AuditEvent.previous_hash, AuditEvent.hash)
        .where(AuditEvent.chain == chain)
        .order_by(AuditEvent.seq)
    )
    for row in uow.session.execute(statement, execution_options={"yield_per": _BATCH}):
        values = dict(zip(EventRecord.__slots__, row[:-2], strict=True))
        values["door"] = str(values["door"])
        yield EventRecord(**values), row[-2], row[-1]


def _pointers(uow: UnitOfWork, chain: str) -> Iterator[tuple[int, TextPointer, tuple[str | None, str | None] | None]]:
    statement = (
        select(AuditEvent.seq, AuditEvent.texts)
        .where(AuditEvent.chain == chain, AuditEvent.texts != "[]")
        .order_by(AuditEvent.seq)
    )
    batch: list[tuple[int, TextPointer]] = []
    for seq, texts in uow.session.execute(statement).all():
        batch += [(seq, TextPointer(*one)) for one in json.loads(texts)]
        if len(batch) >= _BATCH:
            yield from _with_texts(uow, batch)
            batch = []
    yield from _with_texts(uow, batch)


def _with_texts(uow: UnitOfWork, batch: list[tuple[int, TextPointer]]) -> Iterator[Any]:
    ids = [pointer.text_id for _, pointer in batch]
    statement = select(Text.id, Text.salt, Text.body).where(Text.id.in_(ids))
    stored = {row.id: (row.salt, row.body) for row in uow.session.execute(statement)} if ids else {}
    for seq, pointer in batch:
        yield seq, pointer, stored.get(pointer.text_id)
