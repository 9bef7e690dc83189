"""When a mistyped baseline may be put right (rule 3): never so that a slip looks smaller than it was agreed to be."""

from dataclasses import dataclass
from datetime import date

from app.domain.days import long_date
from app.domain.refusals import Reason
from app.domain.words import DateSetter, PlanState, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What the rule needs to know of a milestone."""

    plan_state: PlanState
    status: Status
    baseline: date | None
    due: date | None
    set_by: DateSetter
    moves: int
    reopened_times: int
    date_request_waits: bool
    published: bool


def unmet_correction(one: Baseline, to: date | None = None) -> list[Reason]:
    """Why its baseline cannot be put right, to a day or, without one, to any day at all. Empty: it can."""
    return [*_unmet_state(one), *_unmet_history(one), *_unmet_day(one, to)]


def _unmet_state(one: Baseline) -> list[Reason]:
    found = []
    if one.plan_state is PlanState.DRAFT:
        found.append(Reason("plan_not_approved", "The plan is a draft. Its due dates become baselines on approval"))
    if one.plan_state is PlanState.CLOSED:
        found.append(Reason("plan_closed", "The plan is closed and read-only"))
    if one.status is Status.CANCELLED:
        found.append(Reason("milestone_ended", "It is cancelled"))
    if one.baseline is None:
        found.append(Reason("no_baseline", "It has no baseline yet: its first due date becomes its baseline"))
    return found


def _unmet_history(one: Baseline) -> list[Reason]:
    """What has happened since that makes it more than a typing mistake."""
    found = []
    if one.moves:
        found.append(Reason("date_moved", "Its due date has been moved since, away from that baseline: it stays"))
    if one.set_by is not DateSetter.PLAN:
        found.append(Reason("outside_date", "An outside body set its date: what that body set is no typing mistake"))
    if one.reopened_times:
        found.append(Reason("reopened", "It has been reopened since: what was agreed before that stays"))
    if one.date_request_waits:
        found.append(Reason("date_request_waits", "A change of its due date waits for a decision, which comes first"))
    if one.published:
        found.append(Reason("published", "It has been published, and what was published stays as it was"))
    return found


def _unmet_day(one: Baseline, to: date | None) -> list[Reason]:
    """A later baseline than the date that was agreed would hide how late it is."""
    if to is None or one.baseline is None:
        return []
    if to == one.baseline:
        return [Reason("same_date", "That is already its baseline")]
    if one.due is not None and to <= one.due:
        return []
    latest = f", {long_date(one.due)}" if one.due else ""
    return [Reason("later_than_due", f"A baseline is not put right to a day after the approved due date{latest}")]
