"""Whether a milestone needs its people before the next review meeting, since when, and why.

What is asked for can only come from who owns it, leads it or supports it: what has happened, a date that can be
believed, evidence. Each reason begins on a day and ends when something is said, so what is stored is one moment, as for
the colours: from `due_on` on, and until its facts change, the milestone stands on the list.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from app.domain import rag
from app.domain.days import add_days, london_day, long_date, meeting_dates
from app.domain.expiry import Ending
from app.domain.milestones import MilestoneRow, UpdateView
from app.domain.rag import MilestoneFacts, PlanSettings
from app.domain.words import EvidenceState, PlanState, Rag, Status


class NeedCode(StrEnum):
    """Why a milestone needs an update, as the API says it."""

    NO_UPDATE = "no_update"
    LATE_START = "late_start"
    DUE_PASSED = "due_passed"
    FORECAST_PASSED = "forecast_passed"
    EVIDENCE_OUTSTANDING = "evidence_outstanding"


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that is asked for, from day `since` on, in words."""

    code: NeedCode
    since: date
    message: str


def needs(facts: MilestoneFacts, settings: PlanSettings) -> tuple[Need, ...]:
    """Everything that is or will be asked for if nothing is said, the oldest first. Only in an approved plan.

    In progress: no update covers the next review meeting, or its due or forecast date has passed since the last one.
    Not started: it should have. Completed: its evidence is outstanding and nothing sent waits for a reviewer. What was
    said since a fact arose answers it until the review after: the meeting has been told.
    """
    if settings.state != PlanState.APPROVED:
        return ()
    found = [ask(facts, settings) for ask in _ASKS[facts.status]]
    return tuple(sorted((need for need in found if need is not None), key=lambda need: need.since))


def needs_on(facts: MilestoneFacts, settings: PlanSettings, on: date) -> tuple[Need, ...]:
    """What is asked for on day `on`."""
    return tuple(need for need in needs(facts, settings) if need.since <= on)


def due_on(facts: MilestoneFacts, settings: PlanSettings) -> date | None:
    """The first day on which it needs an update if nothing is said; None: never by mere waiting."""
    return min((need.since for need in needs(facts, settings)), default=None)


def _no_update(facts: MilestoneFacts, settings: PlanSettings) -> Need | None:
    """In progress, and what was last said covers an earlier review than the next one."""
    started_on = facts.in_progress_since or facts.added_on
    said_on = rag.covering_on(facts)
    if said_on is not None and said_on >= started_on:
        since = _day_after_covered(said_on, settings)
        return None if since is None else Need(NeedCode.NO_UPDATE, since, _no_update_since(facts))
    if facts.open_again_on is not None and facts.open_again_on >= started_on:
        words = f"Opened again on {long_date(facts.open_again_on)}, and no update since"
    else:
        words = f"No update yet, in progress since {long_date(started_on)}"
    return Need(NeedCode.NO_UPDATE, started_on, words)


def _no_update_since(facts: MilestoneFacts) -> str:
    last = f" since {long_date(facts.last_update_on)}" if facts.last_update_on else ""
    if facts.no_change_on is not None:
        return f"Nothing but “no change”{last}, which covers one review only"
    return f"No update{last}"


def _late_start(facts: MilestoneFacts, _: PlanSettings) -> Need | None:
    late_on = rag.late_start_on(facts)
    if late_on is None:
        return None
    if facts.start_date is not None:
        return Need(NeedCode.LATE_START, late_on, f"It should have started on {long_date(facts.start_date)}")
    return Need(NeedCode.LATE_START, late_on, "It should have started by now")


def _due_passed(facts: MilestoneFacts, settings: PlanSettings) -> Need | None:
    due = rag.agreed_due_date(facts)
    if due is None:
        return None
    words = f"Its due date, {long_date(due)}, has passed since the last update"
    return _unless_answered(facts, settings, NeedCode.DUE_PASSED, add_days(due, 1), words)


def _forecast_passed(facts: MilestoneFacts, settings: PlanSettings) -> Need | None:
    if facts.forecast_date is None:
        return None
    words = f"The forecast, {long_date(facts.forecast_date)}, has passed: say when you now expect it"
    return _unless_answered(facts, settings, NeedCode.FORECAST_PASSED, add_days(facts.forecast_date, 1), words)


def _evidence_outstanding(facts: MilestoneFacts, settings: PlanSettings) -> Need | None:
    """Completed without the evidence, or its evidence has a last day. Not while a reviewer is who is waited for."""
    ends = facts.policy_met_until
    if facts.policy_met_on is not None or facts.status == Status.ACHIEVED:
        if ends is None:
            return None
        since, words = add_days(ends, 1), f"Its evidence ended on {long_date(ends)}: send what takes its place"
    elif facts.evidence_state == EvidenceState.WAITING:
        return None
    else:
        days = (facts.reported_on, facts.evidence_lost_on, facts.lapsed_on)
        since = max((day for day in days if day is not None), default=facts.added_on)
        words = "Its evidence is outstanding: attach it, or say when it comes"
    # Said earlier on the very day on which it was reported, it does not answer for the evidence.
    said_on = rag.covering_on(facts)
    if said_on is None or said_on <= since:
        return Need(NeedCode.EVIDENCE_OUTSTANDING, since, words)
    return _again_after(said_on, settings, NeedCode.EVIDENCE_OUTSTANDING, words)


_ASKS: dict[Status, tuple[Callable[[MilestoneFacts, PlanSettings], Need | None], ...]] = {
    Status.NOT_STARTED: (_late_start, _due_passed, _forecast_passed),
    Status.IN_PROGRESS: (_no_update, _due_passed, _forecast_passed),
    Status.COMPLETED: (_evidence_outstanding,),
    Status.ACHIEVED: (_evidence_outstanding,),
    Status.CANCELLED: (),
}


def _unless_answered(
    facts: MilestoneFacts, settings: PlanSettings, code: NeedCode, since: date, words: str
) -> Need | None:
    said_on = rag.covering_on(facts)
    if said_on is None or said_on < since:
        return Need(code, since, words)
    return _again_after(said_on, settings, code, words)


def _again_after(said_on: date, settings: PlanSettings, code: NeedCode, words: str) -> Need | None:
    again_on = _day_after_covered(said_on, settings)
    return None if again_on is None else Need(code, again_on, words)


def _day_after_covered(said_on: date, settings: PlanSettings) -> date | None:
    """The day after the review meeting that something said on this day covers; None where no meeting is to come."""
    meetings = meeting_dates(
        settings.meetings, on_or_after=said_on, cycle_days=settings.cycle_days, approved_on=settings.approved_on
    )
    covered = next(meetings, None)
    return None if covered is None else add_days(covered, 1)


# What services hand to the doors.


@dataclass(frozen=True, slots=True)
class LastSaid:
    """The last update that said something, in force until another one does, with the first "no change" since."""

    at: datetime
    by: str
    no_change_on: date | None
    said: UpdateView

    @property
    def on(self) -> date:
        """Its London day."""
        return london_day(self.at)


@dataclass(frozen=True, slots=True)
class ItemToUpdate:
    """A milestone on somebody's list, with all that its form needs.

    `needs` is empty once nothing is asked for any more; `saved_at` when this person has updated it today, with what
    they `saved`. `next_review` is its plan's.
    """

    row: MilestoneRow
    plan_title: str
    needs: tuple[Need, ...]
    next_review: date | None
    last: LastSaid | None
    may_say_no_change: bool
    declared: Rag | None
    saved_at: datetime | None = None
    saved: UpdateView | None = None


@dataclass(frozen=True, slots=True)
class MyUpdates:
    """One page of what needs this person: what is left, the worst first, and what they have updated today.

    `left` and `done` count everything that is left and was updated (1,001: more than 1,000), whatever the page holds.
    """

    items: tuple[ItemToUpdate, ...]
    saved: tuple[ItemToUpdate, ...]
    left: int
    done: int
    next_review: date | None
    next_cursor: str | None = None
    plans: int = 1
    ending: tuple[Ending, ...] = ()  # evidence that ends within the notice, the soonest first
    ending_total: int = 0
