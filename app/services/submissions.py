"""Reading what partners have sent: the inbox of a plan, of all my plans, one submission, and what a program polls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import or_, select

from app.db import UnitOfWork
from app.domain import permissions, rag
from app.domain import submissions as rules
from app.domain.actors import Actor
from app.domain.days import london_day
from app.domain.expiry import has_ended, status_on
from app.domain.milestones import OrganisationRef
from app.domain.permissions import Act, Item
from app.domain.refusals import NotFound
from app.domain.submissions import (
    Concerned,
    FollowFacts,
    Inbox,
    InboxCounts,
    InboxFilters,
    InboxPage,
    Made,
    SentFile,
    SubmissionItem,
)
from app.domain.words import EvidenceState, PlanState, Role, SubmissionState, TurnedInto
from app.models import Membership, Person, inbox
from app.models.inbox import Shape
from app.models.texts import latest_texts
from app.models.visibility import viewer_parameters
from app.services import addresses, cursors
from app.services.plans import known_plan, live_head
from app.services.submission_measures import follow_facts, measures_of

PAGE = 50
TRIAGED_SHOWN = 10
_UNREAD, _READ = 0, 1


@dataclass(frozen=True, slots=True)
class SubmissionKey:
    """Which submission: by its id, or by its plan and reference."""

    id: str = ""
    plan: str = ""
    ref: str = ""


def inbox_of(
    uow: UnitOfWork, *, slug: str, filters: InboxFilters | None = None, limit: int = PAGE, cursor: str | None = None
) -> Inbox:
    """A plan's inbox: what waits, unread first and the oldest first, what was triaged last, and its measures.

    Who does not triage sees what their own organisation sent. Raises NotFound, or Forbidden for who may not read the
    live plan.
    """
    head = live_head(uow, slug)
    filters = filters or InboxFilters()
    ground = _ground(uow, [head.id], filters, plan_id=head.id)
    triaged, _ = _triaged(uow, ground, limit=TRIAGED_SHOWN, cursor=None)
    may_triage = head.state is not PlanState.CLOSED and permissions.may(uow.actor, Act.TRIAGE, Item(plan_id=head.id))
    return Inbox(
        page=_waiting_page(uow, ground, filters, limit=limit, cursor=cursor),
        triaged=triaged,
        measures=measures_of(uow, ground.bare, ground.values, hours=head.triage_hours),
        people=people_to_pass_to(uow, head.id, head.lead_organisation_id) if may_triage else (),
        senders=tuple((row.slug, row.name) for row in _run(uow, inbox.senders(), ground.values))
        if ground.shape.sees_all
        else (),
        may_triage=may_triage,
    )


def inboxes(
    uow: UnitOfWork, *, filters: InboxFilters | None = None, limit: int = PAGE, cursor: str | None = None
) -> InboxPage:
    """What waits in all plans in which the actor triages, the same way."""
    filters = filters or InboxFilters()
    plans = sorted(plan for plan in uow.actor.roles if permissions.may(uow.actor, Act.TRIAGE, Item(plan_id=plan)))
    return _waiting_page(uow, _ground(uow, plans, filters), filters, limit=limit, cursor=cursor)


def triaged_in(
    uow: UnitOfWork, *, slug: str, limit: int = PAGE, cursor: str | None = None
) -> tuple[tuple[SubmissionItem, ...], str | None]:
    """What has been triaged in a plan, the latest first, with what came of each."""
    head = live_head(uow, slug)
    return _triaged(uow, _ground(uow, [head.id], InboxFilters(), plan_id=head.id), limit=limit, cursor=cursor)


def get_submission(uow: UnitOfWork, *, submission: SubmissionKey) -> SubmissionItem:
    """One submission: for its sender, and for who may know of the whole plan. NotFound for everybody else."""
    ground = _ground(uow, sorted(permissions.plans_known(uow.actor)), InboxFilters())
    if submission.id:
        found = _run(uow, inbox.one("id"), {**ground.values, "submission": submission.id})
    else:
        found = _run(uow, inbox.one("ref"), {**ground.values, "slug": submission.plan, "ref": submission.ref})
    if not found:
        addresses.follow(uow, submission.plan or None)
        raise NotFound
    _require_reading(uow, found[0].plan_id)
    return _items(uow, found)[0]


def list_submissions(
    uow: UnitOfWork, *, slug: str | None = None, since: datetime | None = None, limit: int = PAGE,
    cursor: str | None = None,
) -> tuple[tuple[SubmissionItem, ...], str | None]:  # fmt: skip
    """What a program polls: submissions of one plan, or of all of the actor's, that were received or triaged since a
    moment, in that order, the earliest first. A key sees its own organisation's.
    """
    if slug is None:
        plans = _readable(uow.actor)
    else:
        plan = known_plan(uow, slug)
        _require_reading(uow, plan.id)
        plans = [plan.id]
    ground = _ground(uow, plans, InboxFilters(), plan_id=plans[0] if slug else None)
    values = {**ground.values, "room": limit + 1, "since": since, **_place(cursor, str, str)}
    rows = _run(uow, inbox.changed(ground.shape, since=since is not None, after=cursor is not None), values)
    last = rows[limit - 1] if len(rows) > limit else None
    return _items(uow, rows[:limit]), cursors.encode(last.changed_at.isoformat(), last.id) if last else None


def place_of(cursor: str | None) -> tuple[datetime, str] | None:
    """After which moment and id a page of `list_submissions` goes on."""
    place = _place(cursor, str, str)
    return (place["last_moment"], place["last_id"]) if place else None


def people_to_pass_to(uow: UnitOfWork, plan_id: str, lead_organisation_id: str) -> tuple[tuple[str, str], ...]:
    """Who else triages in the plan and may know of everything in it: (id, post title)."""
    return tuple(
        (row.id, row.post_title) for row in triagers(uow, plan_id, lead_organisation_id) if row.id != uow.actor.id
    )


def triagers(uow: UnitOfWork, plan_id: str, lead_organisation_id: str) -> Sequence[Any]:
    """The people of `people_to_pass_to`, whoever asks."""
    officer_here = (Membership.role == Role.SENIOR_OFFICER) & (Person.organisation_id == lead_organisation_id)
    statement = (
        select(Person.id, Person.post_title)  # type: ignore[call-overload]
        .join(Membership, Membership.person_id == Person.id)
        .where(
            Membership.plan_id == plan_id,
            or_(Membership.role == Role.PROGRAMME_MANAGER, officer_here),
            or_(Membership.ends_on.is_(None), Membership.ends_on >= uow.today),  # type: ignore[union-attr, operator]
            or_(Person.left_on.is_(None), Person.left_on > uow.today),  # type: ignore[union-attr, operator]
        )
        .distinct()
        .order_by(Person.post_title, Person.id)
    )
    return uow.session.execute(statement).all()


def is_closed_to(actor: Actor, *, plan_id: str, state: SubmissionState, triaged_by: str | None) -> bool:
    """Whether what was misdirected is kept from these eyes: from all but who triaged it and senior officers."""
    if state is not SubmissionState.MISDIRECTED or actor.is_system:
        return False
    return not (actor.is_person and (triaged_by == actor.id or actor.has(plan_id, Role.SENIOR_OFFICER)))


# --- The scans --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Ground:
    """A question's shape, the same without its filters, and its values."""

    shape: Shape
    bare: Shape
    values: dict[str, Any]


def _ground(uow: UnitOfWork, plans: Sequence[str], filters: InboxFilters, *, plan_id: str | None = None) -> _Ground:
    open_plans = [plan for plan in plans if permissions.may_know_all(uow.actor, plan)]
    bare = Shape(one_plan=plan_id is not None, sees_all=len(open_plans) == len(plans))
    shape = Shape(
        bare.one_plan,
        bare.sees_all,
        kind=filters.kind is not None,
        organisation=filters.organisation is not None,
        passed=filters.passed_to_me,
    )
    values = {
        **viewer_parameters(uow.actor),
        "now": uow.now,
        "today": uow.today,
        "plan_id": plan_id,
        "plans": list(plans),
        "open_plans": open_plans,
        "kind": filters.kind,
        "sender_slug": filters.organisation,
    }
    return _Ground(shape, bare, values)


def _require_reading(uow: UnitOfWork, plan_id: str) -> None:
    """A key of any scope polls what its own organisation sent; a person reads the live plan."""
    if not uow.actor.is_key:
        permissions.require(uow.actor, Act.READ_PLAN, Item(plan_id=plan_id))


def _readable(actor: Actor) -> list[str]:
    return sorted(actor.plans if actor.is_key else permissions.plans_readable(actor))


def _run(uow: UnitOfWork, statement: Any, values: Mapping[str, Any]) -> Sequence[Any]:
    return uow.session.connection().execute(statement, dict(values)).all()


def _waiting_page(
    uow: UnitOfWork, ground: _Ground, filters: InboxFilters, *, limit: int, cursor: str | None
) -> InboxPage:
    start = _start(cursor)
    rows: list[Any] = []
    for part in (_UNREAD, _READ):
        if start is not None and part < start[0]:
            continue
        after = start is not None and part == start[0]
        values = {**ground.values, "room": limit + 1 - len(rows)}
        if start is not None and after:
            values["last_moment"], values["last_id"] = start[1], start[2]
        if values["room"] > 0:
            rows += _run(uow, inbox.waiting(ground.shape, unread=part == _UNREAD, after=after), values)
    last = rows[limit - 1] if len(rows) > limit else None
    counts = _counts(uow, ground.bare, ground.values)
    matching = None
    if filters.are_set:
        [matched] = _run(uow, inbox.counts(ground.shape), ground.values)
        matching = min(matched.waiting, inbox.COUNT_CAP + 1)
    return InboxPage(_items(uow, rows[:limit]), counts, _cursor(last) if last else None, matching)


def _counts(uow: UnitOfWork, shape: Shape, values: Mapping[str, Any]) -> InboxCounts:
    [found] = _run(uow, inbox.counts(shape), values)
    first = min(_run(uow, inbox.oldest(shape), values), key=lambda row: row.received_at, default=None)
    return InboxCounts(
        waiting=min(found.waiting, inbox.COUNT_CAP + 1),
        unread=found.unread,
        red=found.red,
        oldest_at=first.received_at if first else None,
        oldest_due_at=first.triage_due_at if first else None,
        oldest_amber_from=first.amber_from if first else None,
        last_triaged_at=found.last_triaged_at,
    )


def _triaged(
    uow: UnitOfWork, ground: _Ground, *, limit: int, cursor: str | None
) -> tuple[tuple[SubmissionItem, ...], str | None]:
    values = {**ground.values, "room": limit + 1, **_place(cursor, str, str)}
    rows = _run(uow, inbox.triaged(ground.bare, after=cursor is not None), values)
    last = rows[limit - 1] if len(rows) > limit else None
    return _items(uow, rows[:limit]), cursors.encode(last.triaged_at.isoformat(), last.id) if last else None


def _cursor(row: Any) -> str:
    return cursors.encode(_UNREAD if row.read_at is None else _READ, row.received_at.isoformat(), row.id)


def _start(cursor: str | None) -> tuple[int, datetime, str] | None:
    if cursor is None:
        return None
    part, moment, last_id = cursors.decode(cursor, int, str, str)
    return part, _moment_of(moment), last_id


def _place(cursor: str | None, *kinds: type) -> dict[str, Any]:
    if cursor is None:
        return {}
    moment, last_id = cursors.decode(cursor, *kinds)
    return {"last_moment": _moment_of(moment), "last_id": last_id}


def _moment_of(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise cursors.not_given_out() from error
    if found.tzinfo is None:
        raise cursors.not_given_out()
    return found


# --- The items --------------------------------------------------------------------------------------------------------


def _items(uow: UnitOfWork, rows: Sequence[Any]) -> tuple[SubmissionItem, ...]:
    """Rows with what was typed, in one query more."""
    ids = [row.id for row in rows] + [row.evidence_id for row in rows if row.evidence_id]
    texts = latest_texts(uow.session, ids)
    return tuple(_item(uow, row, partial(_text, texts)) for row in rows)


def _text(texts: dict[tuple[str, str], str], item_id: str | None, *names: str) -> str | None:
    found = (texts.get((item_id or "", name)) for name in names)
    return next((text for text in found if text), None)


def _item(uow: UnitOfWork, row: Any, said: Any) -> SubmissionItem:
    actor = uow.actor
    waits = row.state is SubmissionState.WAITING
    closed = is_closed_to(actor, plan_id=row.plan_id, state=row.state, triaged_by=row.triaged_by)
    facts, concerned = follow_facts(row), _concerned(row, uow)
    return SubmissionItem(
        id=row.id,
        ref=row.ref,
        plan_id=row.plan_id,
        plan_slug=row.plan_slug,
        plan_title=row.plan_title,
        kind=row.kind,
        state=row.state,
        title=rules.MISDIRECTED_TITLE if closed else row.title,
        organisation=OrganisationRef(row.organisation_id, row.organisation_slug, row.organisation_name),
        sent_by=row.sent_by_title or "",
        door=row.door or "",
        external_ref=row.external_ref,
        marking=row.sent_marking,
        received_at=row.arrived_at or row.received_at,
        released_at=row.received_at if row.arrived_at else None,
        triage_due_at=row.triage_due_at,
        hours=rules.whole_hours(row.received_at, row.triaged_at or uow.now),
        limit_hours=rules.whole_hours(row.received_at, row.triage_due_at),
        rag=rag.colour_at(row.amber_from, row.red_from, uow.now) if waits else None,
        read_at=row.read_at,
        read_by=row.reader_title,
        passed_to=row.passed_title,
        passed_at=row.passed_at,
        concerned=concerned,
        evidence=None if closed else _sent_file(actor, row),
        message=None if closed else said(row.id, "message") or said(row.evidence_id, "description", "statement"),
        suggestion=rules.suggest(row.kind, concerned),
        triaged_at=row.triaged_at,
        triaged_by=row.triager_title,
        through=row.triaged_through,
        reason=said(row.id, "reason"),
        handed_to=said(row.id, "handed_to"),
        handed_on=row.handed_on,
        their_reference=said(row.id, "their_reference"),
        made=_made(row),
        followed=None if waits else rules.follow_through(facts),
        followed_words="" if waits else _followed_words(row, facts, uow),
        closed=closed,
        may_triage=waits and _may_triage(actor, row),
        changed_at=row.changed_at,
        version=str(row.version),
    )


def _may_triage(actor: Actor, row: Any) -> bool:
    """What `rules.unmet_triage` says of one that waits, for who may triage at all."""
    own = row.organisation_id == actor.organisation_id != row.plan_lead or row.sent_by == actor.id
    open_plan = row.plan_state is not PlanState.CLOSED
    return open_plan and not own and permissions.may(actor, Act.TRIAGE, Item(plan_id=row.plan_id))


def _followed_words(row: Any, facts: FollowFacts, uow: UnitOfWork) -> str:
    if facts.state is SubmissionState.TURNED_INTO:
        ref, due, on = row.made_ref or row.action_ref, row.made_due_date, row.made_achieved_on
    else:
        ref, due, on = row.about_ref, row.about_due_date, row.about_achieved_on
    days = (uow.today - london_day(row.triaged_at)).days if row.triaged_at else 0
    return rules.follow_words(ref, facts, since_days=days, due=due, on=on)


def _concerned(row: Any, uow: UnitOfWork) -> Concerned | None:
    if row.about_ref is None:
        return None
    day, until = row.plan_closed_on or uow.today, row.about_policy_met_until
    return Concerned(
        row.milestone_id,
        row.about_ref,
        row.about_title,
        status_on(row.about_status, until, day),
        rag.colour_at(row.about_amber_from, row.about_red_from, uow.now),
        row.about_evidence_state is EvidenceState.MET and not has_ended(until, day),
        row.about_due_date,
        row.about_achieved_on,
    )


def _sent_file(actor: Actor, row: Any) -> SentFile | None:
    if row.evidence_id is None:
        return None
    item = Item(plan_id=row.plan_id, organisations=frozenset({row.organisation_id}))
    own_key = actor.is_key and actor.organisation_id == row.organisation_id
    may_open = row.sent_storage_name is not None and (own_key or permissions.may(actor, Act.OPEN_FILE, item))
    return SentFile(
        row.evidence_id, row.sent_ref, row.sent_form, row.sent_file_name, row.sent_size, row.sent_sha256,
        row.sent_link, may_open,
    )  # fmt: skip


def _made(row: Any) -> Made | None:
    if row.made_ref is not None:
        return Made(TurnedInto.MILESTONE, row.made_milestone_id, row.made_ref, row.made_title)
    if row.action_ref is not None:
        return Made(TurnedInto.ACTION, row.made_action_id, row.action_ref, row.action_title)
    return None
