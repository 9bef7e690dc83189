"""The scans behind the inbox, each built once and run with parameters.

What waits is found unread first, then read, each in the order in which it came in: two range scans of partial indexes,
whatever has been triaged since the plan began. What was triaged and what changed have indexes of their own.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, case, exists, func, literal, null, or_, select

from app.domain.words import Status, SubmissionState
from app.models.days_between import HoursBetween
from app.models.evidence import Evidence, EvidenceLink
from app.models.exception_scans import COUNT_CAP
from app.models.expiry import status_on
from app.models.milestones import Milestone
from app.models.organisations import Organisation, Person
from app.models.plans import Action, Plan
from app.models.submissions import Submission
from app.models.visibility import unrestricted_for_viewer

_submissions: Any = Submission.__table__
_milestones: Any = Milestone.__table__
_made: Any = Milestone.__table__.alias("made_milestones")  # type: ignore[attr-defined]
_actions: Any = Action.__table__
_evidence: Any = Evidence.__table__
_links: Any = EvidenceLink.__table__
_organisations: Any = Organisation.__table__
_plans: Any = Plan.__table__
_people: Any = Person.__table__
_readers: Any = _people.alias("readers")
_triagers: Any = _people.alias("triagers")
_passed: Any = _people.alias("passed")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a scan looks like, without its values.

    `one_plan`: parameter `plan_id`; otherwise `plans`. `sees_all`: nothing is kept from the viewer; otherwise they see
    all of `open_plans` and, elsewhere, what their own organisation sent. The rest: which filters are set.
    """

    one_plan: bool
    sees_all: bool
    kind: bool = False
    organisation: bool = False
    passed: bool = False


@cache
def waiting(shape: Shape, *, unread: bool, after: bool) -> Any:
    """One page of what waits, oldest first: unread, or read. Parameters: `room` and those of the shape."""
    statement = _rows().where(*_waits(unread), *_within(shape, ordered=True), *_filters(shape))
    columns = _submissions.c
    if after:
        moment, last = _moment("last_moment"), _last_id()
        beyond = or_(columns.received_at > moment, and_(columns.received_at == moment, columns.id > last))
        statement = statement.where(columns.received_at >= moment, beyond)
    return statement.order_by(columns.received_at, columns.id).limit(bindparam("room"))


@cache
def triaged(shape: Shape, *, after: bool) -> Any:
    """One page of what was triaged, the latest first."""
    columns = _submissions.c
    statement = _rows().where(columns.triaged_at.is_not(None), *_within(shape), *_filters(shape))
    if after:
        moment, last = _moment("last_moment"), _last_id()
        beyond = or_(columns.triaged_at < moment, and_(columns.triaged_at == moment, columns.id < last))
        statement = statement.where(columns.triaged_at <= moment, beyond)
    return statement.order_by(columns.triaged_at.desc(), columns.id.desc()).limit(bindparam("room"))


@cache
def changed(shape: Shape, *, since: bool, after: bool) -> Any:
    """One page in the order in which they changed, the earliest first, since a moment: what a program polls."""
    columns = _submissions.c
    statement = _rows().where(columns.changed_at.is_not(None), *_within(shape), *_filters(shape))
    if since:
        statement = statement.where(columns.changed_at >= _moment("since"))
    if after:
        moment, last = _moment("last_moment"), _last_id()
        beyond = or_(columns.changed_at > moment, and_(columns.changed_at == moment, columns.id > last))
        statement = statement.where(columns.changed_at >= moment, beyond)
    return statement.order_by(columns.changed_at, columns.id).limit(bindparam("room"))


@cache
def one(by: str) -> Any:
    """A single submission, by `id` or by plan and reference, if it may be known of."""
    statement = _rows().where(*_within(Shape(one_plan=False, sees_all=False)))
    if by == "id":
        return statement.where(_submissions.c.id == bindparam("submission"))
    return statement.where(_plans.c.slug == bindparam("slug"), _submissions.c.ref == bindparam("ref"))


@cache
def counts(shape: Shape) -> Any:
    """In one row: how many wait, are unread and are Red (each up to a cap), and when anything was last triaged."""
    columns, within = _submissions.c, [*_within(shape, ordered=shape.one_plan), *_filters(shape)]
    latest = select(columns.triaged_at).where(columns.triaged_at.is_not(None), *_within(shape), *_filters(shape))
    return select(
        (_capped(*_waits(True), *within) + _capped(*_waits(False), *within)).label("waiting"),
        _capped(*_waits(True), *within).label("unread"),
        _capped(columns.amber_from.is_not(None), columns.red_from <= _moment("now"), *within).label("red"),
        latest.order_by(columns.triaged_at.desc()).limit(1).scalar_subquery().label("last_triaged_at"),
    )


@cache
def oldest(shape: Shape) -> Any:
    """What has waited longest: at most two rows, one unread and one read."""
    columns = _submissions.c

    def first(unread: bool) -> Any:
        statement = select(columns.received_at, columns.triage_due_at, columns.amber_from)
        wanted = statement.where(*_waits(unread), *_within(shape, ordered=True), *_filters(shape))
        return select(wanted.order_by(columns.received_at, columns.id).limit(1).subquery())

    return first(True).union_all(first(False))


@cache
def senders() -> Any:
    """The organisations that anything waits from, in one plan: (slug, name)."""
    columns = _submissions.c
    wanted = exists().where(
        columns.organisation_id == _organisations.c.id,
        columns.plan_id == bindparam("plan_id"),
        columns.amber_from.is_not(None),
    )
    return select(_organisations.c.slug, _organisations.c.name).where(wanted).order_by(_organisations.c.name)


def waits_of(shape: Shape, starts: list[Any], recent: Any) -> Any:
    """How long what came in since the first of `starts` waited: rows of week, recent, hours, in time, waiting, overdue
    and their number.
    """
    columns, now = _submissions.c, _moment("now")
    is_waiting = columns.triaged_at.is_(None)
    grouped = [
        _week(starts).label("week"),
        _flag(columns.received_at >= _literal(recent)).label("recent"),
        HoursBetween(func.coalesce(columns.triaged_at, now), columns.received_at).label("hours"),
        _flag(columns.triaged_at <= columns.triage_due_at).label("in_time"),
        _flag(is_waiting).label("waiting"),
        _flag(and_(is_waiting, columns.triage_due_at <= now)).label("overdue"),
    ]
    inner = (
        select(*grouped)
        .where(columns.received_at >= _literal(starts[0]), columns.received_at <= now, *_within(shape))
        .subquery()
    )
    return select(*inner.c, func.count().label("number")).group_by(*inner.c)


def outcomes_of(shape: Shape, starts: list[Any], recent: Any) -> Any:
    """What came of what came in since the first of `starts`: rows of week, recent, the facts of follow-through and
    their number.
    """
    columns = _submissions.c
    inner = (
        select(
            _week(starts).label("week"),
            _flag(columns.received_at >= _literal(recent)).label("recent"),
            *_follow_facts(),
        )
        .select_from(_joined())
        .where(columns.received_at >= _literal(starts[0]), columns.triaged_at.is_not(None), *_within(shape))
        .subquery()
    )
    return select(*inner.c, func.count().label("number")).group_by(*inner.c)


def _rows() -> Any:
    """Submissions with everything around them that a page or answer shows, in one row each."""
    columns = [
        *_submissions.c,
        _organisations.c.name.label("organisation_name"),
        _organisations.c.slug.label("organisation_slug"),
        _plans.c.slug.label("plan_slug"),
        _plans.c.title.label("plan_title"),
        _plans.c.state.label("plan_state"),
        _plans.c.lead_organisation_id.label("plan_lead"),
        _plans.c.closed_on.label("plan_closed_on"),
        *_of(_milestones, "about", "ref", "title", "status", "amber_from", "red_from", "evidence_state", "due_date",
             "achieved_on", "policy_met_until"),
        *_of(_evidence, "sent", "ref", "form", "file_name", "size", "sha256", "link", "storage_name", "marking"),
        *_of(_made, "made", "ref", "title", "due_date", "achieved_on"),
        *_of(_actions, "action", "ref", "title"),
        _readers.c.post_title.label("reader_title"),
        _triagers.c.post_title.label("triager_title"),
        _passed.c.post_title.label("passed_title"),
        *(column for column in _follow_facts() if column.name not in ("kind", "state", "triaged_through")),
    ]  # fmt: skip
    people = _joined()
    for table, column in ((_readers, "read_by"), (_triagers, "triaged_by"), (_passed, "passed_to")):
        people = people.outerjoin(table, table.c.id == _submissions.c[column])
    return select(*columns).select_from(people)


def _joined() -> Any:
    """A submission with its sender, its plan, the milestone it concerns, its evidence with the link to that milestone,
    and what it was turned into; a milestone only where the viewer may know of it.
    """
    columns = _submissions.c
    open_plan = columns.plan_id.in_(bindparam("open_plans", expanding=True))
    return (
        _submissions.join(_organisations, _organisations.c.id == columns.organisation_id)
        .join(_plans, _plans.c.id == columns.plan_id)
        .outerjoin(
            _milestones, and_(_milestones.c.id == columns.milestone_id, or_(open_plan, unrestricted_for_viewer()))
        )
        .outerjoin(_evidence, _evidence.c.id == columns.evidence_id)
        .outerjoin(
            _links, and_(_links.c.evidence_id == columns.evidence_id, _links.c.milestone_id == columns.milestone_id)
        )
        .outerjoin(_made, and_(_made.c.id == columns.made_milestone_id, or_(open_plan, _made.c.restricted.is_(False))))
        .outerjoin(_actions, _actions.c.id == columns.made_action_id)
    )


def _follow_facts() -> list[Any]:
    """The facts that `submissions.follow_through` judges, of `_joined`."""
    columns = _submissions.c
    again = _submissions.alias("again")
    sent_again = exists().where(
        again.c.milestone_id == columns.milestone_id,
        again.c.organisation_id == columns.organisation_id,
        again.c.received_at > columns.triaged_at,
    )
    hidden = or_(
        and_(columns.made_milestone_id.is_not(None), _made.c.id.is_(None)),
        and_(columns.milestone_id.is_not(None), _milestones.c.id.is_(None), columns.made_milestone_id.is_(None)),
    )
    returned = columns.state == SubmissionState.RETURNED
    return [
        columns.kind,
        columns.state,
        columns.triaged_through,
        _links.c.outcome.label("review"),
        _flag(_evidence.c.withdrawn_at.is_not(None)).label("withdrawn"),
        _flag(and_(returned, sent_again)).label("sent_again"),
        case(
            (columns.made_milestone_id.is_not(None), status_on(_day(), _made.c)),
            else_=status_on(_day(), _milestones.c),
        ).label("milestone_status"),
        _flag(columns.made_action_id.is_not(None)).label("is_action"),
        _of_action(achieved=False).label("live"),
        _of_action(achieved=True).label("achieved"),
        _flag(hidden).label("hidden"),
    ]


def _of_action(*, achieved: bool) -> Any:
    """How many milestones of the action it was turned into are not cancelled, or are achieved."""
    parts = Milestone.__table__.alias("parts")  # type: ignore[attr-defined]
    status = status_on(_day(), parts.c) == Status.ACHIEVED if achieved else parts.c.status != Status.CANCELLED
    counted = select(func.count()).select_from(parts).where(parts.c.action_id == _submissions.c.made_action_id, status)
    return case((_submissions.c.made_action_id.is_not(None), counted.scalar_subquery()), else_=literal(0))


def _of(table: Any, prefix: str, *names: str) -> list[Any]:
    return [table.c[name].label(f"{prefix}_{name}") for name in names]


def _waits(unread: bool) -> list[Any]:
    """As the partial indexes have it."""
    read = _submissions.c.read_at
    return [_submissions.c.amber_from.is_not(None), read.is_(None) if unread else read.is_not(None)]


def _within(shape: Shape, *, ordered: bool = False) -> list[Any]:
    """What the viewer may know of, of the plan or plans that are asked about. `ordered`: by when it came in."""
    columns = _submissions.c
    own = columns.organisation_id == bindparam("viewer_organisation")
    # What has come in by now: everything. Said so that the indexes by when it came in are the ones that serve.
    by_now = [columns.received_at <= _moment("now")] if ordered else []
    if shape.one_plan:
        return [*by_now, columns.plan_id == bindparam("plan_id"), *([] if shape.sees_all else [own])]
    plans: Any = bindparam("plans", expanding=True)
    # Not a plain comparison where it is to be in order: the index across plans is so already.
    plan = func.coalesce(columns.plan_id, "") if ordered else columns.plan_id
    conditions = [*by_now, plan.in_(plans)]
    if not shape.sees_all:
        conditions.append(or_(own, columns.plan_id.in_(bindparam("open_plans", expanding=True))))
    return conditions


def _filters(shape: Shape) -> list[Any]:
    columns, found = _submissions.c, []
    if shape.kind:
        found.append(columns.kind == bindparam("kind", type_=columns.kind.type))
    if shape.organisation:
        slug = _organisations.alias("sender")
        found.append(
            columns.organisation_id
            == select(slug.c.id).where(slug.c.slug == bindparam("sender_slug")).scalar_subquery()
        )
    if shape.passed:
        found.append(columns.passed_to == bindparam("viewer_id"))
    return found


def _capped(*conditions: Any) -> Any:
    wanted = select(_submissions.c.id).where(*conditions).limit(COUNT_CAP + 1).subquery()
    return select(func.count()).select_from(wanted).scalar_subquery()


def _week(starts: list[Any]) -> Any:
    """The number of the week in which it came in, counted from the first of `starts`."""
    received = _submissions.c.received_at
    weeks = reversed(list(enumerate(starts)))
    return case(*((received >= _literal(start), number) for number, start in weeks), else_=null())


def _flag(condition: Any) -> Any:
    """0 or 1, and 0 where it cannot be said."""
    return case((condition, 1), else_=0)


def _moment(name: str) -> Any:
    return bindparam(name, type_=_submissions.c.received_at.type)


def _day() -> Any:
    """The day as of which what followed is told: today, in a closed plan the day of its closing. Of `_joined`."""
    return func.coalesce(_plans.c.closed_on, bindparam("today", type_=_milestones.c.policy_met_until.type))


def _last_id() -> Any:
    return bindparam("last_id")


def _literal(moment: Any) -> Any:
    return literal(moment, _submissions.c.received_at.type)
