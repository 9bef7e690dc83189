"""Where a plan stands, on one screen."""

from datetime import date, datetime
from functools import partial

from sqlalchemy import func, select

from app.db import UnitOfWork
from app.domain import rag
from app.domain.days import instant_for, london_day
from app.domain.markings import marks_of
from app.domain.plans import Counts, InboxClock, MovedMilestone, PlanHome, PlanView, ThemeStanding, TurnsRed
from app.domain.rag import PlanSettings
from app.domain.words import PlanState, Rag, Status
from app.models import Milestone, Organisation, Submission, Theme
from app.models.counting import capped, days_between
from app.models.milestone_rows import milestone_rows
from app.models.visibility import knowable_in
from app.services import expiry, plan_counts, plans
from app.services.cases import meeting_days, plan_settings
from app.services.milestone_rows import facts_for
from app.services.plan_changes import changes_in
from app.services.submission_measures import measures_in

TURNS_RED_SHOWN = 5
MOVED_SHOWN = 3


def plan_home(uow: UnitOfWork, *, slug: str, since: date | None = None) -> PlanHome:
    """Counts by colour and theme, what changed since a day, what turns Red before the next review, moved dates, and
    the inbox clock. Raises Invalid for a day that `plan_changes.get_changes` says nothing of.
    """
    return uow.remembered(
        ("plan home", slug, since),
        partial(_plan_home, uow, slug, since),
        good_until=lambda home: plan_counts.good_until(uow, [home.plan.id]),
    )


def _plan_home(uow: UnitOfWork, slug: str, since: date | None) -> PlanHome:
    plan = plans.live_plan(uow, slug)
    view = plans.view_of(uow, plan)
    by_theme = plan_counts.counts_of(uow, plan)
    until = instant_for(view.next_review, uow.now) if view.next_review else None
    settings = plan_settings(plan, meeting_days(uow, plan.id))
    turning, number = _turns_red(uow, view, until, settings) if until else ((), 0)
    moved, furthest = _moved(uow, plan.id)
    ending, ending_total = expiry.ending_in(uow, plan.id) if plan.state is PlanState.APPROVED else ((), 0)
    return PlanHome(
        plan=view,
        today=uow.today,
        counts=plan_counts.total(by_theme),
        themes=_themes(uow, plan.id, by_theme),
        turns_red=turning,
        turns_red_total=number,
        submissions_turning_red=_submissions_turning_red(uow, plan.id, until),
        inbox=_inbox(uow, view),
        withheld=plan_counts.withheld(uow, plan.id),
        moved=moved,
        moved_furthest=furthest,
        changes=changes_in(uow, view, settings, since),
        measures=measures_in(uow, plan.id, hours=plan.triage_hours),
        ending=ending,
        ending_total=ending_total,
    )


def _themes(uow: UnitOfWork, plan_id: str, counts: dict[str, Counts]) -> tuple[ThemeStanding, ...]:
    statement = select(Theme.id, Theme.ref, Theme.title).where(Theme.plan_id == plan_id).order_by(Theme.position)
    standing = [
        ThemeStanding(row.id, row.ref, row.title, counts.get(row.id, Counts()))
        for row in uow.session.execute(statement)
    ]
    return tuple(sorted(standing, key=lambda one: (-one.counts.red, -one.counts.amber)))


def _moved(uow: UnitOfWork, plan_id: str) -> tuple[int, tuple[MovedMilestone, ...]]:
    """How many milestones have had their due date moved, and the few that were moved furthest from their baseline."""
    slip = days_between(Milestone.baseline_date, Milestone.due_date)
    statement = (
        select(
            Milestone.ref,
            Milestone.title,
            slip.label("slip"),
            Milestone.moves,
            Milestone.marking,
            Milestone.restricted,
            func.count().over().label("number"),
        )
        .where(knowable_in(uow.actor, plan_id), Milestone.moves > 0, Milestone.status != Status.CANCELLED)
        .order_by(func.coalesce(slip, 0).desc(), Milestone.position, Milestone.id)
        .limit(MOVED_SHOWN)
    )
    rows = uow.session.execute(statement).all()
    furthest = [
        MovedMilestone(row.ref, row.title, row.slip, row.moves, marks_of(row)) for row in rows if (row.slip or 0) > 0
    ]
    return rows[0].number if rows else 0, tuple(furthest)


def _turns_red(
    uow: UnitOfWork, view: PlanView, until: datetime, settings: PlanSettings
) -> tuple[tuple[TurnsRed, ...], int]:
    """The first few, soonest first, and how many in all (capped)."""
    turning = (knowable_in(uow.actor, view.id), Milestone.red_from > uow.now, Milestone.red_from <= until)
    rows = uow.session.execute(
        milestone_rows().where(*turning).order_by(Milestone.red_from, Milestone.id).limit(TURNS_RED_SHOWN)
    ).all()
    number = uow.session.execute(capped(select(Milestone.id).where(*turning))).scalar_one()
    found = []
    for row in rows:
        red_on = london_day(row.red_from)
        why = rag.reasons_on(facts_for(row, uow.today), settings, red_on)
        found.append(
            TurnsRed(
                row.id,
                row.ref,
                row.title,
                rag.colour_at(row.amber_from, row.red_from, uow.now),
                red_on,
                why[0].message if why else "",
                row.owner_title,
                marks_of(row),
            )
        )
    return tuple(found), number


def _submissions_turning_red(uow: UnitOfWork, plan_id: str, until: datetime | None) -> int:
    if until is None:
        return 0
    statement = (
        select(func.count())
        .select_from(Submission)
        .where(
            *plan_counts.waiting_for(uow, plan_id),
            Submission.red_from > uow.now,
            Submission.red_from <= until,
        )
    )
    return uow.session.execute(statement).scalar_one()


def _inbox(uow: UnitOfWork, view: PlanView) -> InboxClock:
    waiting = plan_counts.waiting_submissions(uow, view.id)
    statement = (
        select(Submission, Organisation.name)
        .join(Organisation, Organisation.id == Submission.organisation_id)
        .where(*plan_counts.waiting_for(uow, view.id))
        .order_by(Submission.received_at, Submission.id)
        .limit(1)
    )
    oldest = uow.session.execute(statement).one_or_none()
    if oldest is None:
        return InboxClock(0, None, None, None, None, None, None, 0, view.triage_hours)
    submission, organisation = oldest
    hours = int((uow.now - submission.received_at).total_seconds() // 3600)
    colour: Rag = rag.colour_at(submission.amber_from, submission.red_from, uow.now)
    return InboxClock(
        waiting.number,
        submission.id,
        submission.ref,
        submission.title,
        organisation,
        submission.received_at,
        colour,
        hours,
        view.triage_hours,
        waiting.red,
        waiting.amber,
    )
