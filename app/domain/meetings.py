"""Review meetings: which days a plan's cycle gives, which of them is next, and what may be done with one (rule 2)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from app.domain.days import (
    add_days,
    is_empty_stretch,
    is_weekend,
    long_date,
    meeting_dates,
    weekday_date,
    weekday_name,
)
from app.domain.milestones import PersonRef
from app.domain.plans import PlanView
from app.domain.refusals import Reason
from app.domain.words import MeetingState

A_YEAR = 365
"""How many days ahead a list is made for."""
FARTHEST = 2 * A_YEAR
"""How many days ahead a single meeting can be listed: a longer cycle than a year would still fit."""


@dataclass(frozen=True, slots=True)
class MeetingView:
    """A review meeting as doors see it. `warning` says that its day is no working day, None when it is one.

    `attended` are people of the plan, `others_present` what was typed of anybody else.
    """

    id: str
    on: date
    state: MeetingState
    moved_from: date | None
    move_reason: str | None
    cancellation_reason: str | None
    attended: tuple[PersonRef, ...]
    others_present: str | None
    warning: str | None
    version: str


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """A day for a review meeting: where the cycle put it, and where it stands once days off are skipped."""

    cycle_day: date
    on: date


@dataclass(frozen=True, slots=True)
class MeetingList:
    """A plan's list as its page shows it.

    `past` is newest first, `coming` in order, cancelled ones among both; `past_total` counts those that are left out.
    `next_id` is the next review, None where that is not listed. `last_listed` is where the list ends.
    """

    plan: PlanView
    past: tuple[MeetingView, ...]
    past_total: int
    coming: tuple[MeetingView, ...]
    next_id: str | None
    last_listed: date | None


@dataclass(frozen=True, slots=True)
class MeetingPage:
    """One meeting with its plan, and who could have been there."""

    plan: PlanView
    meeting: MeetingView
    people: tuple[PersonRef, ...]


def next_working_day(day: date, bank_holidays: Mapping[date, str]) -> date:
    """The day itself, or the first after it that is neither on a weekend nor a bank holiday."""
    while is_weekend(day) or day in bank_holidays:
        day = add_days(day, 1)
    return day


def day_warning(day: date, bank_holidays: Mapping[date, str]) -> str | None:
    """Why a day is a poor one to meet on; None for a working day. It is a warning, never a refusal."""
    if day in bank_holidays:
        return f"{long_date(day)} is a bank holiday: {bank_holidays[day]}"
    return f"{long_date(day)} is a {weekday_name(day)}" if is_weekend(day) else None


def planned_days(
    first: date, *, cycle_days: int, until: date, bank_holidays: Mapping[date, str]
) -> tuple[PlannedDay, ...]:
    """The review meetings of a cycle that begins on `first`, as far as the day `until`.

    A day on a weekend or bank holiday is skipped: the meeting stands on the next working day. The one after it is
    counted from the day that was skipped, so that the rhythm stays. Two that would fall on one day are one meeting.
    """
    found: dict[date, PlannedDay] = {}
    for day in _every(first, cycle_days, until):
        on = next_working_day(day, bank_holidays)
        found.setdefault(on, PlannedDay(day, on))
    return tuple(found.values())


def too_far(on: date, today: date) -> str:
    """Why no meeting is listed that far off, which is mostly a mistyped year; empty where the day is near enough."""
    last = add_days(today, FARTHEST)
    return (
        ""
        if on <= last
        else f"A review meeting is listed at most two years ahead, until {long_date(last)}. Check the year"
    )


def moved_too_far(on: date, *, planned: date, cycle_days: int) -> str:
    """Why a meeting is not moved that far: a cycle and a half on, another one has taken its place."""
    last = add_days(planned, cycle_days + cycle_days // 2)
    if on <= last:
        return ""
    return (
        f"A review meeting is moved at most a cycle and a half from its planned day: until {long_date(last)}."
        " Cancel it with a reason if it does not take place, and list another one"
    )


def empty_stretches(
    anchors: Sequence[tuple[date, date]],
    *,
    cycle_days: int,
    today: date,
    until: date,
    bank_holidays: Mapping[date, str],
) -> tuple[PlannedDay, ...]:
    """The days of the cycle in every stretch from today on that a list has left empty (`is_empty_stretch`).

    `anchors` are (the day of the cycle, the day it stands on) of what is listed, in order; the last one is where the
    list ends.
    """
    found: list[PlannedDay] = []
    for (cycle_day, before), (_, after) in pairwise(anchors):
        if not is_empty_stretch(before, after, cycle_days):
            continue
        end = min(until, add_days(after, -(cycle_days // 2) - 1))
        first = first_day_after(cycle_day, cycle_days=cycle_days, today=today)
        days = planned_days(first, cycle_days=cycle_days, until=end, bank_holidays=bank_holidays)
        found += [day for day in days if before < day.on < after]
    return tuple(found)


def first_day_after(last: date, *, cycle_days: int, today: date) -> date:
    """Where a cycle goes on that `last` is a day of: its first day after that which is not past."""
    cycles = max(1, -(-(today - last).days // cycle_days))
    return add_days(last, cycles * cycle_days)


def next_review(
    listed: Sequence[date], *, today: date, held_today: bool, cycle_days: int, approved_on: date | None
) -> date | None:
    """The day of the next review meeting: today's until it has been held, else the next of the list.

    Where the list (sorted, cancelled ones left out) ends, it is reckoned from the cycle, as the rule `no_update` does
    (`meeting_dates`). None while there is nothing to reckon from.
    """
    start = add_days(today, 1) if held_today else today
    coming = meeting_dates(listed, on_or_after=start, cycle_days=cycle_days, approved_on=approved_on)
    return next(coming, None)


def unmet_holding(*, state: MeetingState, on: date, today: date) -> list[Reason]:
    """Why a meeting cannot be put on record as held. Empty: it can."""
    found = _ended(state)
    if not found and on > today:
        return [Reason("meeting_to_come", f"This meeting is still to come: it is held on {weekday_date(on)}")]
    return found


def unmet_change(*, state: MeetingState) -> list[Reason]:
    """Why a meeting can be neither moved nor cancelled. Empty: it can."""
    return _ended(state)


def _ended(state: MeetingState) -> list[Reason]:
    if state is MeetingState.HELD:
        return [Reason("already_held", "This meeting has been held, and what has happened is not changed")]
    if state is MeetingState.CANCELLED:
        return [Reason("already_cancelled", "This meeting was cancelled. List another one instead")]
    return []


def _every(first: date, cycle_days: int, until: date) -> Iterator[date]:
    day = first
    while day <= until:
        yield day
        day = add_days(day, cycle_days)
