"""Accepting an exception until a day (rule 2): who may, until when, and what it says."""

from dataclasses import dataclass
from datetime import date

from app.domain.days import long_date
from app.domain.refusals import Reason
from app.domain.words import PlanState, Rag

AT_MOST_DAYS = 365
"""How far ahead an exception may be accepted."""


@dataclass(frozen=True, slots=True)
class AcceptanceView:
    """An acceptance that stands. `decided` is the day a senior officer named; `until` the day on which the item returns
    among the others: that one, or earlier the day it turns Red.
    """

    decided: date
    until: date
    by: str
    reason: str | None


def wrong_day(until: date, today: date) -> tuple[str, str] | None:
    """What is wrong with the day named, as (code, sentence); None: nothing."""
    if until <= today:
        return "date_not_future", "The day must be in the future"
    if (until - today).days > AT_MOST_DAYS:
        return "too_far", f"The day must be within a year from today: {AT_MOST_DAYS} days at most"
    return None


def unmet_acceptance(*, plan_state: PlanState, colour: Rag, is_own: bool) -> list[Reason]:
    """Why an item cannot be accepted until a day. Empty: it can."""
    found = _unmet_decision(plan_state=plan_state, is_own=is_own)
    if colour is Rag.GREEN and not found:
        found.append(Reason("not_exception", "Only what is Red or Amber is accepted, and this is neither today"))
    return found


def unmet_lifting(*, plan_state: PlanState, is_accepted: bool, is_own: bool) -> list[Reason]:
    """Why an acceptance cannot be lifted. Empty: it can."""
    found = _unmet_decision(plan_state=plan_state, is_own=is_own)
    if not is_accepted and not found:
        found.append(Reason("not_accepted", "Nothing is accepted here, so there is nothing to lift"))
    return found


def acceptance_words(view: AcceptanceView) -> str:
    """Until when and by whom, and why earlier than the day that was named."""
    earlier = f", when it turns Red (accepted until {long_date(view.decided)})" if view.until < view.decided else ""
    return f"Accepted until {long_date(view.until)} by {view.by}{earlier}"


def _unmet_decision(*, plan_state: PlanState, is_own: bool) -> list[Reason]:
    found = []
    if plan_state is PlanState.DRAFT:
        found.append(Reason("plan_not_approved", "The plan is a draft, in which nothing is an exception"))
    if plan_state is PlanState.CLOSED:
        found.append(Reason("plan_closed", "The plan is closed and read-only"))
    if is_own:
        found.append(Reason("own_milestone", "You own this milestone. Another senior officer decides on it"))
    return found
