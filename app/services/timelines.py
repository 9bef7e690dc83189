"""The timeline of a plan, as one viewer may know it: read for the page, and taken away as a picture."""

from datetime import date
from typing import Any

from sqlalchemy import Date, and_, func, literal, or_, select, tuple_

from app.db import UnitOfWork
from app.domain import rag
from app.domain.milestones import Ref
from app.domain.plans import MilestoneFilters
from app.domain.rag import PlanSettings
from app.domain.refusals import invalid
from app.domain.timelines import Timeline, TimelineFilters, TimelineItem, shown_range
from app.domain.words import OPEN_STATUSES, Marking, PlanState, Status
from app.models import Milestone, Theme, plan_heads
from app.models.counting import capped
from app.models.milestone_rows import milestone_rows
from app.models.visibility import knowable_in
from app.services import access_log, cursors, milestone_lists, plan_counts, plans
from app.services.cases import plan_settings
from app.services.milestone_rows import colour_word, facts_for, status_of

MOST = 500
"""Milestones that one picture shows: more would be no picture."""

NO_DAY = date(9999, 12, 31)
"""In the place of a due date that is not agreed: those come last."""

_ORDER: tuple[Any, ...] = (
    Theme.position,
    func.coalesce(Milestone.due_date, literal(NO_DAY, Date)),
    Milestone.position,
    Milestone.id,
)

_DATES = (
    Milestone.baseline_date,
    Milestone.due_date,
    Milestone.forecast_date,
    Milestone.completed_on,
    Milestone.achieved_on,
)


def plan_timeline(uow: UnitOfWork, *, slug: str, filters: TimelineFilters) -> Timeline:
    """The milestones of a plan that the actor may know of, by theme, then by due date: four queries, however many.

    Raises NotFound, Forbidden for who may not read live plans, and Invalid where the days asked for end before they
    begin.
    """
    _check_days(filters)
    head = plans.live_head(uow, slug)
    meetings = plan_heads.meetings_of(uow.session, [head.id])[head.id]
    view = plans.view_of_head(uow, head, meetings)
    conditions = [knowable_in(uow.actor, head.id), *_wanted(uow, head, filters)]
    rows = uow.session.execute(milestone_rows().where(*conditions).order_by(*_ORDER).limit(MOST)).all()
    settings = plan_settings(head, meetings.days)
    items = tuple(_item(row, settings, uow.today) for row in rows)
    first, last = _range(items, view.state, view.next_review, uow.today, filters)
    return Timeline(
        plan=view,
        today=uow.today,
        items=items,
        total=uow.session.execute(capped(select(Milestone.id).where(*conditions))).scalar_one(),
        withheld=plan_counts.withheld(uow, head.id),
        meetings=meetings.days,
        first=first,
        last=last,
    )


def some_items(
    uow: UnitOfWork, *, slug: str, filters: TimelineFilters, limit: int, cursor: str | None
) -> tuple[tuple[TimelineItem, ...], str | None]:
    """The same items a batch at a time, as far as they go: what is asked for until the list is through."""
    _check_days(filters)
    head = plans.live_head(uow, slug)
    meetings = plan_heads.meetings_of(uow.session, [head.id])[head.id]
    conditions = [knowable_in(uow.actor, head.id), *_wanted(uow, head, filters)]
    statement = milestone_rows().where(*conditions).add_columns(Theme.position.label("theme_position"))
    if cursor:
        statement = statement.where(tuple_(*_ORDER) > _place(cursor))
    rows = uow.session.execute(statement.order_by(*_ORDER).limit(limit + 1)).all()
    shown, settings = rows[:limit], plan_settings(head, meetings.days)
    last = shown[-1] if len(rows) > limit else None
    more = (
        cursors.encode(last.theme_position, (last.due_date or NO_DAY).isoformat(), last.position, last.id)
        if last
        else None
    )
    return tuple(_item(row, settings, uow.today) for row in shown), more


def _place(cursor: str) -> Any:
    """Where a batch ended, as the order has it. Raises Invalid for any other text."""
    theme, due, position, last_id = cursors.decode(cursor, int, str, int, str)
    try:
        day = date.fromisoformat(due)
    except ValueError as error:
        raise cursors.not_given_out() from error
    return tuple_(literal(theme), literal(day, Date), literal(position), literal(last_id))


def _check_days(filters: TimelineFilters) -> None:
    if filters.first and filters.last and filters.last < filters.first:
        raise invalid("to", "before_from", "The last day must be on or after the first day")


def take_timeline(uow: UnitOfWork, *, slug: str, filters: TimelineFilters) -> Timeline:
    """The same to be taken away: an export, put on the access log (a write use case)."""
    found = plan_timeline(uow, slug=slug, filters=filters)
    plan_id = found.plan.id
    access_log.note(uow, "exported", item_kind="timeline", item_id=f"{plan_id}/timeline", plan_id=plan_id)
    return found


def _range(
    items: tuple[TimelineItem, ...],
    state: PlanState,
    next_review: date | None,
    today: date,
    filters: TimelineFilters,
) -> tuple[date, date]:
    days = [day for item in items for day in item.days]
    if next_review is not None and state is not PlanState.CLOSED:
        days.append(next_review)
    return shown_range(days, plan=state, today=today, first=filters.first, last=filters.last)


def _wanted(uow: UnitOfWork, head: Any, filters: TimelineFilters) -> list[Any]:
    asked = MilestoneFilters(theme=filters.theme, organisation=filters.organisation, status=filters.status)
    found = milestone_lists.wanted(uow, head, asked)
    if filters.first:
        overdue = and_(Milestone.status.in_(OPEN_STATUSES), Milestone.due_date < uow.today)
        still = [overdue] if uow.today >= filters.first else []
        found.append(or_(*(day >= filters.first for day in _DATES), *still))
    if filters.last:
        found.append(or_(*(day <= filters.last for day in _DATES)))
    return found


def _item(row: Any, settings: PlanSettings, today: date) -> TimelineItem:
    today = min(today, settings.closed_on or today)
    facts = facts_for(row, today)
    status = status_of(row, today)
    slips = rag.slip(
        baseline=row.baseline_date,
        due=row.due_date,
        forecast=row.forecast_date,
        completed=row.completed_on,
        status=row.status,
        today=today,
    )
    return TimelineItem(
        ref=row.ref,
        title=row.title,
        theme=Ref(row.theme_id, row.theme_ref, row.theme_title),
        status=status,
        standing=rag.standing_words(facts, today, achieved_on=row.achieved_on),
        rag=colour_word(row, facts, settings, today),
        not_due=rag.is_not_yet_due_to_start(facts, today),
        baseline_date=row.baseline_date,
        due_date=row.due_date,
        forecast_date=row.forecast_date,
        completed_date=row.completed_on,
        achieved_date=row.achieved_on if status is Status.ACHIEVED else None,
        slip_days=slips.slip_days,
        approved_slip_days=slips.approved_slip_days,
        moves=row.moves,
        marking=Marking(row.marking),
        restricted=row.restricted,
    )
