"""How many milestones of a plan stand where, by theme and in all, for one viewer."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam, case, func, select

from app.db import UnitOfWork
from app.domain import permissions
from app.domain.days import start_of_day
from app.domain.plans import Counts, PlanSummary, PlanView
from app.domain.words import PlanState, Status, SubmissionState
from app.models import Milestone, Plan, Submission
from app.models.counting import evidence_outstanding, standing_word, status_on
from app.models.visibility import knowable_in, withheld_in

_submissions: Any = Submission.__table__


def counts_by_theme(uow: UnitOfWork, plan_id: str) -> dict[str, Counts]:
    """One query: milestones by theme and standing, counting only what the viewer may know of."""
    word = standing_word(uow.now, uow.today).label("word")
    outstanding = func.sum(_as_int(evidence_outstanding(uow.today))).label("outstanding")
    statement = (
        select(Milestone.theme_id, word, func.count().label("number"), outstanding)
        .where(knowable_in(uow.actor, plan_id))
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
    found = counts_by_theme(uow, plan.id)
    return {theme: counts.closed() for theme, counts in found.items()} if plan.state is PlanState.CLOSED else found


def total(counts: dict[str, Counts]) -> Counts:
    names = Counts.__slots__
    return Counts(**{name: sum(getattr(one, name) for one in counts.values()) for name in names})


def withheld(uow: UnitOfWork, plan_id: str) -> int | None:
    """How many items another organisation's senior officer is told of by number only; None for everybody else."""
    if not permissions.sees_withheld_count(uow.actor, plan_id):
        return None
    statement = select(func.count()).select_from(Milestone).where(withheld_in(uow.actor, plan_id))
    return uow.session.execute(statement).scalar_one()


def summary_of(uow: UnitOfWork, plan: PlanView) -> PlanSummary:
    """One row of the plans page: four queries a plan."""
    counts = total(counts_of(uow, plan))
    row = uow.session.execute(_due_to_date(uow, plan.id)).one()
    waiting = waiting_submissions(uow, plan.id)
    return PlanSummary(
        plan=plan,
        counts=counts,
        due_to_date=row.due or 0,
        achieved_of_due=row.achieved or 0,
        moved=row.moved or 0,
        waiting_submissions=waiting.number,
        oldest_waiting_since=waiting.oldest,
        withheld=withheld(uow, plan.id),
        submissions_red=waiting.red,
        submissions_amber=waiting.amber,
    )


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


class _Waiting:
    def __init__(self, number: int, oldest: datetime | None, red: int, amber: int) -> None:
        self.number, self.oldest, self.red, self.amber = number, oldest, red, amber


def _aware(value: Any) -> datetime | None:
    """SQLite gives an aggregate of moments back as text."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromisoformat(value).replace(tzinfo=UTC)


def _due_to_date(uow: UnitOfWork, plan_id: str) -> Any:
    due = (Milestone.due_date <= uow.today) & (Milestone.status != Status.CANCELLED)
    achieved = due & (status_on(uow.today) == Status.ACHIEVED.value)
    moved = (Milestone.moves > 0) & (Milestone.status != Status.CANCELLED)
    return select(
        func.sum(_as_int(due)).label("due"),
        func.sum(_as_int(achieved)).label("achieved"),
        func.sum(_as_int(moved)).label("moved"),
    ).where(knowable_in(uow.actor, plan_id))


def _as_int(condition: Any) -> Any:
    return case((condition, 1), else_=0)
