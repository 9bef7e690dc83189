"""After any change: a milestone's evidence facts, its two RAG moments and its version, settled together.

Every service that touches a milestone ends in `settle`; nothing else writes the moments.
"""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import insert

from app.db import UnitOfWork
from app.domain import evidence as evidence_rules
from app.domain import my_updates, rag
from app.domain.days import london_day, start_of_day
from app.domain.expiry import has_ended
from app.domain.ids import new_id
from app.domain.rag import ForecastDays, MilestoneFacts, Moments
from app.domain.words import OPEN_STATUSES, EvidenceState, LeftBecause, MilestoneEventKind, Rag, Status
from app.models import MilestoneEvent
from app.models.identity import table_of
from app.services.milestone_case import Case

_INSERT_EVENT = insert(table_of(MilestoneEvent))


def facts_of(row: Any, *, owner_left: bool = False, declared_by_title: str | None = None) -> MilestoneFacts:
    """The facts of the RAG rules as they stand on a milestone's row (an entity or a Core row)."""
    return MilestoneFacts(
        status=row.status,
        added_on=london_day(row.added_at),
        start_date=row.start_date,
        due_date=row.due_date,
        forecast_date=row.forecast_date,
        in_progress_since=row.in_progress_since,
        last_update_on=row.last_update_on,
        no_change_on=row.no_change_on,
        reported_on=row.reported_on,
        policy_met_on=row.policy_met_on,
        policy_met_until=row.policy_met_until,
        evidence_lost_on=row.evidence_lost_on,
        evidence_state=row.evidence_state,
        evidence_waiting_since=row.evidence_waiting_since,
        lapsed_on=row.lapsed_on,
        forecast_late_on=row.forecast_late_on,
        forecast_beyond_on=row.forecast_beyond_on,
        declared_rag=row.declared_rag,
        declared_on=row.declared_on,
        declared_by_title=declared_by_title,
        no_date_on=row.no_date_on,
        no_owner_on=row.no_owner_on,
        owner_left=owner_left,
        first_moved_on=row.first_moved_on,
        second_moved_on=row.second_moved_on,
        moved_far_on=row.moved_far_on,
        moves=row.moves,
        open_again_on=row.open_again_on,
        reopened_on=london_day(row.reopened_at) if row.reopened_at else None,
        reopening_pending=row.reopening_pending,
    )


def settle(
    uow: UnitOfWork, case: Case, because: LeftBecause = LeftBecause.BACK_ON_TRACK, *, quietly: bool = False
) -> None:
    """Bring everything that follows from the milestone's facts up to date, and count the change.

    `because` is what this change is, should it take the milestone off the list of exceptions. `quietly`: it was made
    to evidence that not everybody may know of, so it is counted only where something of the milestone changes by it.
    """
    work_out(case, uow.today, because)
    if not quietly or uow.session.is_modified(case.milestone):
        case.milestone.version += 1
    uow.session.flush()


def work_out(case: Case, today: date, because: LeftBecause = LeftBecause.BACK_ON_TRACK) -> None:
    """The pure pass over an entity or a plain record: evidence, gaps, forecast, moments, when an update is due."""
    milestone = case.milestone
    _settle_evidence(case, today)
    _settle_gaps(case, today)
    _settle_forecast(case, today)
    before = rag.moments_from_stored(milestone.amber_from, milestone.red_from)
    facts = facts_of(milestone)
    computed = rag.moments(facts, case.settings)
    after = rag.carry_run(before, computed, today)
    stored = rag.stored_moments(after)
    milestone.amber_from, milestone.red_from = stored.amber_from, stored.red_from
    _settle_acceptance(milestone, before, after, today)
    _note_departure(case, before, after, today, because)
    due_on = my_updates.due_on(facts, case.settings)
    milestone.update_due_from = start_of_day(due_on) if due_on else None


def _settle_acceptance(milestone: Any, before: Moments, after: Moments, today: date) -> None:
    """Where a senior officer has accepted it: until when that holds by the moments as they are now."""
    if milestone.accepted_until is None:
        return
    end = rag.acceptance_end(
        decided=milestone.acceptance_ends_on,
        over_on=london_day(milestone.accepted_until),
        before=before,
        after=after,
        today=today,
    )
    milestone.accepted_until = start_of_day(end) if end else None
    if end is None:
        milestone.acceptance_ends_on = milestone.accepted_by = None


def _note_departure(case: Case, before: Moments, after: Moments, today: date, because: LeftBecause) -> None:
    """Put down that a run as an exception has ended, which its moments forget. One that began today was on no list, nor
    was anything that was added, or approved with its plan, today.
    """
    milestone = case.milestone
    began = (before.amber_on, london_day(milestone.added_at), case.settings.approved_on)
    was_listed = before.amber_on is not None and all(day is None or day < today for day in began)
    if was_listed and rag.colour_on(after, today) is Rag.GREEN:
        cancelled = milestone.status is Status.CANCELLED
        milestone.left_list_on = today
        milestone.left_list_because = LeftBecause.CANCELLED if cancelled else because


def catch_up(uow: UnitOfWork, case: Case) -> None:
    """Before a write: let the stored state follow an expiry that every page already counts.

    Otherwise what is stored would depend on whether somebody happened to write between the expiry and this.
    """
    milestone = case.milestone
    until = milestone.policy_met_until
    if until is None or not has_ended(until, uow.today):
        return
    if milestone.status is Status.ACHIEVED:
        fall_back(uow, case, day=until + timedelta(days=1), why="expired")
        settle(uow, case)
    else:
        _settle_evidence(case, uow.today)  # whoever takes it up settles the rest


def fall_back(uow: UnitOfWork, case: Case, *, day: date, why: str) -> None:
    """Lower an achieved milestone whose evidence stops counting to completed, before the database would refuse."""
    achieved_on = case.milestone.achieved_on
    lower(case.milestone, day)
    case.milestone.version += 1
    uow.session.flush()
    note_event(uow, case, MilestoneEventKind.FELL_BACK, day=day)
    uow.record("milestone_fell_back", **case.about, facts={"achieved_date": [achieved_on, None], "because": why})


def end_declaration(milestone: Any) -> None:
    """Nothing is declared any more."""
    milestone.declared_rag = milestone.declared_on = milestone.declared_by = milestone.declared_update_id = None
    milestone.declared_by_others = False


def lower(milestone: Any, day: date) -> None:
    """What falling back does to the facts of a row, whether it is an entity or a plain record."""
    milestone.status = Status.COMPLETED
    milestone.achieved_on = milestone.achieved_by = None
    milestone.lapsed_on = day
    milestone.not_independent = False


def note_event(uow: UnitOfWork, case: Case, kind: MilestoneEventKind, *, day: date | None = None) -> str:
    """A state change as a row of its own. Returns its id, under which what was said is kept."""
    event_id = new_id()
    uow.session.connection().execute(
        _INSERT_EVENT,
        {
            "id": event_id,
            "plan_id": case.plan.id,
            "milestone_id": case.milestone.id,
            "kind": kind,
            "at": uow.now,
            "by_id": uow.actor.id,
            "by_title": uow.actor.title,
            "by_organisation": uow.actor.organisation,
            "day": day,
        },
    )
    return event_id


def would_lapse(case: Case, evidence: list[evidence_rules.LinkedEvidence], today: date) -> bool:
    """Whether an achieved milestone would no longer meet its plan's policy with this evidence."""
    milestone = case.milestone
    if milestone.status is not Status.ACHIEVED:
        return False
    return any(
        evidence_rules.missing(evidence, policy=case.settings.policy, on=day, reopened_at=milestone.reopened_at)
        for day in {milestone.achieved_on or today, today}
    )


def _settle_evidence(case: Case, today: date) -> None:
    milestone = case.milestone
    standing = evidence_rules.standing(
        case.evidence, policy=case.settings.policy, on=today, reopened_at=milestone.reopened_at
    )
    told = standing if standing.state is EvidenceState.MET else _told(case, today)
    milestone.evidence_state, milestone.evidence_waiting_since = told.state, told.waiting_since
    ran_out = has_ended(milestone.policy_met_until, today)
    ran_out_on = milestone.policy_met_until + timedelta(days=1) if milestone.policy_met_until and ran_out else None
    if standing.state is EvidenceState.MET:
        if milestone.policy_met_on is None or ran_out:
            milestone.policy_met_on = today
        milestone.policy_met_until = standing.met_until
        milestone.evidence_lost_on = None
        return
    if milestone.policy_met_on is not None:
        milestone.evidence_lost_on = ran_out_on or today
    milestone.policy_met_on = milestone.policy_met_until = None


def _told(case: Case, today: date) -> evidence_rules.EvidenceStanding:
    """What a milestone's reasons say of evidence that does not count: whoever reads them may not know of all of it."""
    everybodys = [item for item in case.evidence if item.restricted_to is None]
    return evidence_rules.standing(
        everybodys, policy=case.settings.policy, on=today, reopened_at=case.milestone.reopened_at
    )


def _settle_gaps(case: Case, today: date) -> None:
    """Since when there has been no agreed due date, and nobody who answers for the milestone."""
    milestone = case.milestone
    left_on = case.owner.left_on if case.owner is not None else None
    gone = milestone.owner_id is None or (left_on is not None and left_on <= today)
    milestone.no_owner_on = (milestone.no_owner_on or left_on or today) if gone else None
    milestone.no_date_on = (milestone.no_date_on or today) if milestone.due_date is None else None


def _settle_forecast(case: Case, today: date) -> None:
    milestone = case.milestone
    judged = milestone.status in OPEN_STATUSES and not milestone.reopening_pending
    days = rag.forecast_days(
        ForecastDays(milestone.forecast_late_on, milestone.forecast_beyond_on),
        forecast=milestone.forecast_date,
        due=milestone.due_date if judged else None,
        tolerance_days=case.settings.tolerance_days,
        today=today,
    )
    milestone.forecast_late_on, milestone.forecast_beyond_on = days.late_on, days.beyond_on
