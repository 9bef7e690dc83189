"""A milestone as its whole history has made it: what happened to it, one method each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from tests.machine.facts import DAY, Colour, Request, london_day, midnight


@dataclass
class Run:
    """Since when something has been so without a break; `ended` is the day on which the last run broke."""

    since: date | None = None
    ended: date | None = None

    def see(self, holds: bool, day: date) -> None:
        if holds:
            self.since, self.ended = self.since or day, None
        elif self.since is not None:
            self.since, self.ended = None, day


@dataclass
class Story:
    """A milestone as its whole history has made it. People and organisations are the names of the cast."""

    id: str
    ref: str
    added_on: date
    lead: str
    owner: str | None
    start: date | None
    due: date | None
    supporters: frozenset[str] = frozenset()
    only_for: frozenset[str] | None = None
    set_by: str = "plan"
    baseline: date | None = None
    criterion: str = ""
    status: str = "not_started"
    forecast: date | None = None
    begun_on: date | None = None
    updated_on: date | None = None
    reported_on: date | None = None
    reported_by: str | None = None
    completed_on: date | None = None
    achieved_on: date | None = None
    again_on: date | None = None
    reopened_at: datetime | None = None
    is_reopening: bool = False
    times_reopened: int = 0
    lapsed_on: date | None = None
    declared: tuple[Colour, date, str] | None = None
    moves: list[date] = field(default_factory=list)
    moved_far_on: date | None = None
    requests: list[Request] = field(default_factory=list)
    met: Run = field(default_factory=Run)
    late: Run = field(default_factory=Run)
    beyond: Run = field(default_factory=Run)
    unowned: Run = field(default_factory=Run)
    undated: Run = field(default_factory=Run)
    since: dict[Colour, date | None] = field(default_factory=lambda: {Colour.AMBER: None, Colour.RED: None})
    ahead: dict[date, Colour] = field(default_factory=dict)
    accepted_to: date | None = None
    accepted_at: Colour = Colour.GREEN

    # What happened. Each is followed by `Model.settle`.

    def start_work(self, today: date) -> None:
        self.status, self.begun_on = "in_progress", today

    def update(self, who: str, today: date, *, forecast: date | None, declared: Colour | None, may_lift: bool) -> None:
        if declared is not None and self.status != "completed":
            self.declare(who, today, declared, may_lift=may_lift)
        self.forecast = forecast or self.forecast
        self.updated_on = today
        if self.status == "not_started":
            self.start_work(today)

    def declare(self, who: str, today: date, colour: Colour, *, may_lift: bool) -> None:
        standing = self.declared[0] if self.declared else Colour.GREEN
        if colour is Colour.GREEN:
            self.declared = None if may_lift else self.declared
        elif colour > standing:
            self.declared = (colour, today, who)

    def complete(self, who: str, today: date, completed_on: date) -> None:
        self.status, self.reported_on, self.reported_by = "completed", today, who
        self.completed_on, self.declared = completed_on, None
        self.met.ended = None

    def give_back(self, today: date) -> None:
        """Returned to in progress."""
        self.status, self.begun_on, self.again_on = "in_progress", today, today
        self.reported_on = self.reported_by = self.completed_on = self.lapsed_on = None

    def achieve(self, today: date) -> None:
        self.status, self.achieved_on, self.lapsed_on, self.is_reopening = "achieved", today, None, False

    def reopen(self, now: datetime, request: Request) -> None:
        self.give_back(london_day(now))
        self.achieved_on, self.reopened_at, self.is_reopening = None, now, True
        self.times_reopened += 1
        self.met = Run()
        self.requests.append(request)

    def move_due(self, due: date, today: date) -> None:
        if self.due is not None and due != self.due:
            self.moves.append(today)
            if (due - (self.baseline or self.due)).days > 84 and self.moved_far_on is None:
                self.moved_far_on = today
        self.baseline = self.baseline or due
        self.due, self.is_reopening = due, False

    def replaced(self, id_: str, ref: str, due: date, today: date, words: str) -> Story:
        """The milestone that begins afresh in its place: what it may be late for is its own."""
        start = self.start if self.start is not None and self.start <= due else None
        return Story(
            id=id_, ref=ref, added_on=today, lead=self.lead, owner=self.owner, start=start, due=due,
            supporters=self.supporters, only_for=self.only_for, set_by=self.set_by, baseline=due, criterion=words,
        )  # fmt: skip

    def divided(self, id_: str, ref: str, due: date, today: date, words: str) -> Story:
        """One part of it after a split: it keeps the first baseline, the moves, what was declared, and its run as an
        exception, so that dividing the work hides nothing.
        """
        part = self.replaced(id_, ref, due, today, words)
        part.status, part.begun_on, part.again_on, part.updated_on = (
            self.status, self.begun_on, self.again_on, self.updated_on,
        )  # fmt: skip
        part.declared, part.since = self.declared, dict(self.since)
        part.baseline, part.due = self.baseline, self.due
        part.moves, part.moved_far_on = list(self.moves), self.moved_far_on
        part.move_due(due, today)
        return part

    def cancel(self) -> None:
        """What else was asked of it can come to nothing any more."""
        self.status, self.completed_on = "cancelled", None
        for request in self.requests:
            request.lapse()

    def approve(self) -> None:
        """With its plan: the due date becomes the baseline, and what was missing in the draft is missing from today."""
        if self.status != "cancelled":
            self.baseline = self.due
        self.undated, self.unowned = Run(), Run()

    def lacks(self, parts: tuple[tuple[str, date], ...]) -> int:
        """How many lines of what was agreed no part of a split takes over."""
        return sum(not any(line in words for words, _ in parts) for line in self.criterion.splitlines())

    def is_too_early(self, *days: date | None) -> bool:
        """Whether any of these days is before its start."""
        return any(day is not None and self.start is not None and day < self.start for day in days)

    @property
    def agreed_due(self) -> date | None:
        """The due date that rules look at: none while a reopening awaits its new one."""
        return None if self.is_reopening else self.due

    @property
    def is_open(self) -> bool:
        return self.status in ("not_started", "in_progress")

    @property
    def late_start_on(self) -> date | None:
        """The day after the start date; without one, 28 days before the due date, or halfway to it if that is later."""
        if self.start is not None:
            return self.start + DAY
        if self.agreed_due is None:
            return None
        halfway = self.added_on + timedelta(days=(self.agreed_due - self.added_on).days // 2)
        return max(self.agreed_due - 28 * DAY, halfway)

    def colour_on(self, day: date) -> Colour:
        """By the folded moments."""
        for colour in (Colour.RED, Colour.AMBER):
            began = self.since[colour]
            if began is not None and began <= day:
                return colour
        return Colour.GREEN

    def accept(self, until: date, today: date) -> None:
        self.accepted_to, self.accepted_at = until, self.colour_on(today)

    def see_acceptance(self, today: date) -> None:
        """It is over on its day, when the item is no exception any more, and when it has got worse."""
        colour = self.colour_on(today)
        if self.accepted_to is None:
            return
        if today >= self.accepted_to or colour is Colour.GREEN or colour > self.accepted_at:
            self.accepted_to = None
        self.accepted_at = colour

    def returns_on(self, today: date) -> date | None:
        """The first day on which an accepted item stands among the others again, if nothing is done."""
        if self.accepted_to is None:
            return None
        day = today
        while day < self.accepted_to and self.colour_on(day) <= self.accepted_at:
            day += DAY
        return day

    def moments(self) -> tuple[datetime | None, datetime | None]:
        return tuple(midnight(day) if day else None for day in (self.since[Colour.AMBER], self.since[Colour.RED]))  # type: ignore[return-value]
