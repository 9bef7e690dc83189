"""How many milestones of a plan stand where, by theme and in all, for one viewer."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Date, bindparam, case, false, func, literal, or_, select

from app.db import UnitOfWork
from app.domain import permissions
from app.domain.days import start_of_day
from app.domain.plan_changes import as_counts, default_since
from app.domain.plans import Counts, PlanSummary, PlanView
from app.domain.words import PlanState, Status, SubmissionState
from app.models import Milestone, Plan, Submission
from app.models.counting import (
    change_word,
    evidence_outstanding,
    standing_word,
    submission_change_word,
)
from app.models.expiry import status_on
from app.models.visibility import knowable, knowable_in, unrestricted_for, withheld_in

_submissions: Any = Submission.__table__


def counts_by_theme(uow: UnitOfWork, plan: PlanView | Plan) -> dict[str, Counts]:
    """One query: milestones by theme and standing, counting only what the viewer may know of."""
    today = _last_day(plan, uow.today)
    word = standing_word(uow.now, today).label("word")
    outstanding = func.sum(_as_int(evidence_outstanding(today))).label("outstanding")
    statement = (
        select(Milestone.theme_id, word, func.count().label("number"), outstanding)
        .where(knowable_in(uow.actor, plan.id))
        .group_by(Milestone.theme_id, word)
    )
    found: dict[str, Counts] = {}
    for row in uow.session.execute(statement):
        counts = found.get(row.theme_id, Counts())
        found[row.theme_id] = replace(
            counts, **{row.word: row.number}, evidence_outstanding=counts.evidence_outstanding + (row.outstanding or 0)
        )
    return found


def counts_of(uow: UnitOfWork, plan: PlanView | Plan) -> dict[str, Counts]:
    """The same as the plan's state has it: none of a draft, and no colour in a plan that is closed."""
    if plan.state is PlanState.DRAFT:
        return {}
    return {theme: _as_its_state_has_it(plan, found) for theme, found in counts_by_theme(uow, plan).items()}


def _as_its_state_has_it(plan: PlanView | Plan, counts: Counts) -> Counts:
    if plan.state is PlanState.DRAFT:
        return Counts()
    return counts.closed() if plan.state is PlanState.CLOSED else counts


def total(counts: dict[str, Counts]) -> Counts:
    names = Counts.__slots__
    return Counts(**{name: sum(getattr(one, name) for one in counts.values()) for name in names})


def withheld(uow: UnitOfWork, plan_id: str) -> int | None:
    """How many items another organisation's senior officer is told of by number only; None for everybody else."""
    if not permissions.sees_withheld_count(uow.actor, plan_id):
        return None
    statement = select(func.count()).select_from(Milestone).where(withheld_in(uow.actor, plan_id))
    return uow.session.execute(statement).scalar_one()


def summaries_of(uow: UnitOfWork, plans: Sequence[PlanView]) -> dict[str, PlanSummary]:
    """The rows of the plans page by plan: three queries for any number of plans, one less where nothing is withheld."""
    if not plans:
        return {}
    ids = [plan.id for plan in plans]
    since = {plan.id: _since(plan, uow.today) for plan in plans}
    standing = _standing(uow, ids, since, {plan.id: _last_day(plan, uow.today) for plan in plans})
    waiting = _waiting_by_plan(uow, ids, since)
    kept = _withheld_by_plan(uow, ids)
    nothing = _Waiting(0, None, 0, 0)
    return {
        plan.id: _summary(plan, since[plan.id], standing[plan.id], waiting.get(plan.id, nothing), kept.get(plan.id))
        for plan in plans
    }


def _last_day(plan: PlanView | Plan, today: date) -> date:
    """The day as of which a plan is counted: today, and of a closed one the day of its closing."""
    return min(today, plan.closed_on or today)


def _since(plan: PlanView, today: date) -> date:
    return default_since(last_held=plan.last_held, approved_on=plan.approved_on, today=today)[0]


def _summary(
    plan: PlanView, since: date, standing: "_Standing", waiting: "_Waiting", withheld: int | None
) -> PlanSummary:
    is_live = plan.state is PlanState.APPROVED
    return PlanSummary(
        plan=plan,
        counts=_as_its_state_has_it(plan, standing.counts),
        due_to_date=standing.due,
        achieved_of_due=standing.achieved,
        moved=standing.moved,
        waiting_submissions=waiting.number,
        oldest_waiting_since=waiting.oldest,
        withheld=withheld,
        submissions_red=waiting.red,
        submissions_amber=waiting.amber,
        changes=as_counts(since, [*standing.changes, *waiting.changes]) if is_live else None,
        last_update_on=standing.last_update_on,
    )


@dataclass(slots=True)
class _Standing:
    """What a plan's milestones add up to."""

    counts: Counts = field(default_factory=Counts)
    due: int = 0
    achieved: int = 0
    moved: int = 0
    last_update_on: date | None = None
    changes: list[tuple[str, int]] = field(default_factory=list)


def _standing(
    uow: UnitOfWork, plan_ids: Sequence[str], since: dict[str, date], days: dict[str, date]
) -> dict[str, _Standing]:
    """One query: the milestones of these plans that the viewer may know of, by standing and by what changed."""
    _, today = _by_plan(days, Milestone)
    word = standing_word(uow.now, today).label("word")
    changed = change_word(*_by_plan(since, Milestone), uow.now).label("changed")
    due = (Milestone.due_date <= uow.today) & (Milestone.status != Status.CANCELLED)
    statement = (
        select(
            Milestone.plan_id,
            word,
            changed,
            func.count().label("number"),
            func.sum(_as_int(evidence_outstanding(today))).label("outstanding"),
            func.sum(_as_int(due)).label("due"),
            func.sum(_as_int(due & (status_on(today) == Status.ACHIEVED))).label("achieved"),
            func.sum(_as_int((Milestone.moves > 0) & (Milestone.status != Status.CANCELLED))).label("moved"),
            func.max(Milestone.last_update_on).label("last_update_on"),
        )
        .where(Milestone.plan_id.in_(plan_ids), knowable(uow.actor))
        .group_by(Milestone.plan_id, word, changed)
    )
    found = {plan_id: _Standing() for plan_id in plan_ids}
    for row in uow.session.execute(statement):
        one = found[row.plan_id]
        more = {row.word: getattr(one.counts, row.word) + row.number}
        outstanding = one.counts.evidence_outstanding + (row.outstanding or 0)
        one.counts = replace(one.counts, **more, evidence_outstanding=outstanding)
        one.due += row.due or 0
        one.achieved += row.achieved or 0
        one.moved += row.moved or 0
        one.last_update_on = max(filter(None, (one.last_update_on, row.last_update_on)), default=None)
        if row.changed:
            one.changes.append((row.changed, row.number))
    return found


def _by_plan(since: dict[str, date], table: Any) -> tuple[Any, Any]:
    """The first instant of each plan's day, and the day itself, as expressions."""
    firsts = {plan_id: literal(start_of_day(day), Milestone.amber_from.type) for plan_id, day in since.items()}  # type: ignore[union-attr]
    days = {plan_id: literal(day, Date()) for plan_id, day in since.items()}
    return case(firsts, value=table.plan_id), case(days, value=table.plan_id)


def _waiting_by_plan(uow: UnitOfWork, plan_ids: Sequence[str], since: dict[str, date]) -> dict[str, "_Waiting"]:
    """One query: the submissions of these plans that wait and that the viewer may know of."""
    red, amber = Submission.red_from <= uow.now, Submission.amber_from <= uow.now
    changed = case((amber, submission_change_word(_by_plan(since, Submission)[0], uow.now)), else_="").label("changed")
    open_plans = [plan_id for plan_id in plan_ids if permissions.may_know_all(uow.actor, plan_id)]
    statement = (
        select(
            Submission.plan_id,
            changed,
            func.count().label("number"),
            func.min(Submission.received_at).label("oldest"),
            func.sum(_as_int(red)).label("red"),
            func.sum(_as_int(amber & ~func.coalesce(red, false()))).label("amber"),
        )
        .where(
            Submission.plan_id.in_(plan_ids),
            Submission.amber_from.is_not(None),  # what waits has a colour to come: the index holds no others
            Submission.state == SubmissionState.WAITING,
            or_(Submission.organisation_id == uow.actor.organisation_id, Submission.plan_id.in_(open_plans)),
        )
        .group_by(Submission.plan_id, changed)
    )
    found: dict[str, _Waiting] = {}
    for row in uow.session.execute(statement):
        one = found.setdefault(row.plan_id, _Waiting(0, None, 0, 0))
        one.number += row.number
        one.red += row.red or 0
        one.amber += row.amber or 0
        one.oldest = min(filter(None, (one.oldest, _aware(row.oldest))), default=None)
        if row.changed:
            one.changes.append((row.changed, row.number))
    return found


def _withheld_by_plan(uow: UnitOfWork, plan_ids: Sequence[str]) -> dict[str, int]:
    """`withheld` of several plans in one query, or none where the viewer is told of none."""
    told = [plan_id for plan_id in plan_ids if permissions.sees_withheld_count(uow.actor, plan_id)]
    if not told:
        return {}
    statement = (
        select(Milestone.plan_id, func.count())
        .where(Milestone.plan_id.in_(told), ~unrestricted_for(uow.actor))
        .group_by(Milestone.plan_id)
    )
    return {**dict.fromkeys(told, 0), **{row[0]: row[1] for row in uow.session.execute(statement)}}


def closed_book(plan: PlanView) -> PlanSummary:
    """A plan whose live content is not for the viewer: its name, and no number."""
    return PlanSummary(plan, Counts(), 0, 0, 0, 0, None, None)


def waiting_submissions(uow: UnitOfWork, plan_id: str) -> Any:
    """How many submissions wait, at which colour, and since when the oldest. Who does not triage sees those of their
    own organisation.
    """
    red, amber = Submission.red_from <= uow.now, Submission.amber_from <= uow.now
    statement = select(
        func.count().label("number"),
        func.min(Submission.received_at).label("oldest"),
        func.sum(_as_int(red)).label("red"),
        func.sum(_as_int(amber & ~red)).label("amber"),
    ).where(*waiting_for(uow, plan_id))
    row = uow.session.execute(statement).one()
    return _Waiting(row.number, _aware(row.oldest), row.red or 0, row.amber or 0)


def waiting_for(uow: UnitOfWork, plan_id: str) -> tuple[Any, ...]:
    """Conditions: submissions of the plan that wait and that the viewer may know of."""
    conditions: list[Any] = [Submission.plan_id == plan_id, Submission.state == SubmissionState.WAITING]
    if not permissions.may_know_all(uow.actor, plan_id):
        conditions.append(Submission.organisation_id == uow.actor.organisation_id)
    return tuple(conditions)


@cache
def _waiting_since() -> Any:
    in_these = _submissions.c.plan_id.in_(bindparam("plans", expanding=True))
    # What waits has a colour to come, and the index that serves this holds no others.
    return select(_submissions.c.received_at).where(in_these, _submissions.c.amber_from.is_not(None))


def good_until(uow: UnitOfWork, plan_ids: Sequence[str]) -> datetime:
    """The next moment at which the clock alone may change what is said of these plans: the next midnight in London or,
    where a submission waits, the next full hour since it came in, for those are counted in clock hours.
    """
    came_in = uow.session.connection().execute(_waiting_since(), {"plans": list(plan_ids)}).scalars().all()
    hour = timedelta(hours=1)
    ticks = (moment + ((uow.now - moment) // hour + 1) * hour for moment in came_in)
    return min([start_of_day(uow.today + timedelta(days=1)), *ticks])


@dataclass(slots=True)
class _Waiting:
    number: int
    oldest: datetime | None
    red: int
    amber: int
    changes: list[tuple[str, int]] = field(default_factory=list)


def _aware(value: Any) -> datetime | None:
    """SQLite gives an aggregate of moments back as text."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromisoformat(value).replace(tzinfo=UTC)


def _as_int(condition: Any) -> Any:
    return case((condition, 1), else_=0)
