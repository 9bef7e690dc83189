"""What changed in a plan since a day: the numbers and the first few items of each group, for one viewer.

Four queries, whatever the plan holds; that of the milestones reads those of the plan once.
"""

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any

from sqlalchemy import case, func, select

from app.db import UnitOfWork
from app.domain import plan_changes as rules
from app.domain import rag
from app.domain.days import london_day, start_of_day
from app.domain.markings import marks_of
from app.domain.plan_changes import SHOWN, Change, ChangedItem, PlanChanges
from app.domain.plans import PlanView
from app.domain.rag import PlanSettings
from app.domain.refusals import invalid
from app.domain.words import PlanState, Rag
from app.models import Milestone, Organisation, Submission
from app.models.counting import change_word, moved_since, submission_change_word
from app.models.milestone_rows import milestone_rows
from app.models.visibility import knowable_in
from app.services import plan_counts, plans
from app.services.cases import meeting_days, plan_settings
from app.services.milestone_rows import facts_for


def get_changes(uow: UnitOfWork, *, slug: str, since: date | None = None) -> PlanChanges | None:
    """What changed in a plan since a day: without one, since its last held review, or the last two weeks.

    None for a draft and a closed plan: neither has exceptions. Raises Invalid for a day to come, or before the
    plan was approved.
    """
    return uow.remembered(
        ("plan changes", slug, since),
        partial(_get_changes, uow, slug, since),
        good_until=lambda _: plan_counts.good_until(uow, [plans.known_plan(uow, slug).id]),
    )


def _get_changes(uow: UnitOfWork, slug: str, since: date | None) -> PlanChanges | None:
    plan = plans.live_plan(uow, slug)
    return changes_in(uow, plans.view_of(uow, plan), plan_settings(plan, meeting_days(uow, plan.id)), since)


def changes_in(uow: UnitOfWork, plan: PlanView, settings: PlanSettings, since: date | None) -> PlanChanges | None:
    """The same for a plan that has been read already."""
    if plan.state is not PlanState.APPROVED:
        return None
    first, why = _day(uow, plan, since)
    found, totals = _milestones(uow, plan.id, settings, first)
    more, waiting = _submissions(uow, plan.id, first)
    numbers = {change: totals.get(change, 0) + waiting.get(change, 0) for change in Change}
    return PlanChanges(
        since=first,
        by_default=why,
        groups=rules.grouped([*found, *more], numbers),
        same=numbers[Change.SAME],
        moved=_moved(uow, plan.id, first),
    )


def _day(uow: UnitOfWork, plan: PlanView, since: date | None) -> tuple[date, str | None]:
    if since is None:
        return rules.default_since(last_held=plan.last_held, approved_on=plan.approved_on, today=uow.today)
    unmet = rules.unmet_since(since, approved_on=plan.approved_on, today=uow.today)
    if unmet:
        raise invalid("since", *unmet)
    return since, None


Found = tuple[list[tuple[Change, ChangedItem]], dict[Change, int]]


def _milestones(uow: UnitOfWork, plan_id: str, settings: PlanSettings, since: date) -> Found:
    word = change_word(start_of_day(since), since, uow.now)
    is_exception = Milestone.amber_from <= uow.now
    is_red = Milestone.red_from <= uow.now
    every = (
        select(
            Milestone.id,
            word.label("word"),
            # Only what is an exception has a moment to sort by; the others go by the day they left or were achieved.
            case((is_red, 0), else_=1).label("colour"),
            case((is_red, Milestone.red_from), (is_exception, Milestone.amber_from)).label("moment"),
            func.coalesce(Milestone.achieved_on, Milestone.left_list_on).label("day"),
        )
        .where(knowable_in(uow.actor, plan_id))
        .subquery()
    )
    order = (every.c.colour, every.c.moment.desc(), every.c.day.desc(), every.c.id)
    ids, totals = _first_few(uow, every, order)
    if not ids:
        return [], totals
    rows = uow.session.execute(milestone_rows().where(Milestone.id.in_(ids))).all()
    return [_milestone(uow, row, settings, since) for row in rows], totals


def _first_few(uow: UnitOfWork, every: Any, order: Sequence[Any]) -> tuple[list[str], dict[Change, int]]:
    """The ids of the first few of each group, and how many each holds, in one query."""
    numbered = (
        select(
            every.c.id,
            every.c.word,
            func.row_number().over(partition_by=every.c.word, order_by=order).label("place"),
            func.count().over(partition_by=every.c.word).label("number"),
        )
        .where(every.c.word != "")
        .subquery()
    )
    rows = uow.session.execute(select(numbered).where(numbered.c.place <= SHOWN)).all()
    totals = {Change(row.word): row.number for row in rows}
    return [row.id for row in rows if row.word != Change.SAME], totals


def _milestone(uow: UnitOfWork, row: Any, settings: PlanSettings, since: date) -> tuple[Change, ChangedItem]:
    change = rules.change_of(row, since=since, now=uow.now) or Change.SAME
    if change in (Change.BETTER, Change.LEFT):
        on, why = rules.why_off_the_list(row, since)
        return change, ChangedItem("milestone", row.ref, row.title, on, why, marks=marks_of(row))
    reasons = rag.reasons_on(facts_for(row, uow.today), settings, uow.today)
    colour = rag.colour_at(row.amber_from, row.red_from, uow.now)
    moment = row.amber_from if change is Change.NEW else row.red_from
    reason = reasons[0].message if reasons else ""
    on = london_day(moment)
    return change, ChangedItem("milestone", row.ref, row.title, on, reason, colour, marks_of(row))


def _submissions(uow: UnitOfWork, plan_id: str, since: date) -> Found:
    """What waits to be triaged has only become worse by waiting. What was triaged is no exception any more."""
    numbered = (
        select(
            Submission.id,
            submission_change_word(start_of_day(since), uow.now).label("word"),
        )
        .where(*plan_counts.waiting_for(uow, plan_id), Submission.amber_from <= uow.now)
        .subquery()
    )
    counted = select(
        numbered,
        func.row_number().over(partition_by=numbered.c.word, order_by=numbered.c.id).label("place"),
        func.count().over(partition_by=numbered.c.word).label("number"),
    ).subquery()
    rows = uow.session.execute(
        select(counted.c.word, counted.c.number, Submission.ref, Submission.title, Submission.amber_from,
               Submission.red_from, Organisation.name)
        .join(Submission, Submission.id == counted.c.id)
        .join(Organisation, Organisation.id == Submission.organisation_id)
        .where(counted.c.place <= SHOWN)
    ).all()  # fmt: skip
    totals = {Change(row.word): row.number for row in rows}
    return [_submission(uow, row) for row in rows if row.word != Change.SAME], totals


def _submission(uow: UnitOfWork, row: Any) -> tuple[Change, ChangedItem]:
    colour: Rag = rag.colour_at(row.amber_from, row.red_from, uow.now)
    moment = row.amber_from if row.word == Change.NEW else row.red_from
    why = f"Not triaged, from {row.name}"
    return Change(row.word), ChangedItem("submission", row.ref, row.title, london_day(moment), why, colour)


def _moved(uow: UnitOfWork, plan_id: str, since: date) -> int:
    """How many milestones the list of those moved since that day holds."""
    statement = select(func.count()).select_from(Milestone)
    wanted = statement.where(knowable_in(uow.actor, plan_id), moved_since(start_of_day(since)))
    return uow.session.execute(wanted).scalar_one()
