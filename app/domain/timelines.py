"""The timeline of a plan: each milestone's dates side by side, and which days the picture shows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from app.domain.days import add_days
from app.domain.milestones import Ref
from app.domain.plans import PlanView
from app.domain.words import Marking, PlanState, Rag, Status

SHORTEST = 92
"""Days that a picture shows at least, where its data choose: three months."""


@dataclass(frozen=True, slots=True)
class TimelineFilters:
    """What is asked for. `first` and `last` are the days that the picture begins and ends with; None: the data choose.

    With either of them, a milestone of which nothing falls between is left out.
    """

    theme: str | None = None
    organisation: str | None = None
    status: str | None = None
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """A milestone as the timeline shows it. `standing` are the words beside its colour, or instead of one."""

    ref: str
    title: str
    theme: Ref
    status: Status
    standing: str
    rag: Rag | None
    not_due: bool
    baseline_date: date | None
    due_date: date | None
    forecast_date: date | None
    completed_date: date | None
    achieved_date: date | None
    slip_days: int | None
    approved_slip_days: int | None
    moves: int
    marking: Marking
    restricted: bool

    @property
    def expected_date(self) -> date | None:
        """The expected finish that its slip is reckoned to; None without a baseline, and when it was cancelled."""
        if self.baseline_date is None or self.slip_days is None:
            return None
        return add_days(self.baseline_date, self.slip_days)

    @property
    def days(self) -> tuple[date, ...]:
        """Every day on which something of it is drawn."""
        drawn = (
            self.baseline_date,
            self.due_date,
            self.forecast_date,
            self.completed_date,
            self.achieved_date,
            self.expected_date,
        )
        return tuple(day for day in drawn if day is not None)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The milestones that were asked for and that the viewer may know of, by theme, then by due date.

    `total` counts them all, capped as everywhere; `items` are the first of them. `first` and `last` are the days shown.
    `meetings` are all review meetings of the plan, cancelled ones left out, in order.
    """

    plan: PlanView
    today: date
    items: tuple[TimelineItem, ...]
    total: int
    withheld: int | None
    meetings: tuple[date, ...]
    first: date
    last: date


def shown_range(
    days: Iterable[date], *, plan: PlanState, today: date, first: date | None = None, last: date | None = None
) -> tuple[date, date]:
    """The first and the last day to show: those asked for, else whole months that hold every day given.

    Today is always among them while the plan lives; a closed plan lies as far back as its dates do. What the data
    choose is at least `SHORTEST` days long, so that one day does not fill the picture.
    """
    found = [*days, *([] if plan is PlanState.CLOSED else [today])] or [today]
    begins = first or _month_of(min(found))
    ends = last or _month_end(max(found))
    if last is None:
        ends = max(ends, _month_end(add_days(begins, SHORTEST - 1)))
    elif first is None:
        begins = min(begins, _month_of(add_days(ends, 1 - SHORTEST)))
    return begins, ends


def _month_of(day: date) -> date:
    return day.replace(day=1)


def _month_end(day: date) -> date:
    """The last day of a month; of the calendar's very last month, its last day."""
    after = add_days(day.replace(day=28), 4)
    return add_days(_month_of(after), -1) if after.month != day.month else day.replace(day=31)
