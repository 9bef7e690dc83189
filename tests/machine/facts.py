"""The plain facts of the second opinion: days and colours, evidence, meetings, what a plan sets, what was asked for.

Written from product.md and not from the code: nothing in `facts`, `story`, `judge` and `model` imports a rule of
`app.domain`; where the table leaves room, docs/decisions/0003 says how it is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
DAY = timedelta(days=1)
LOOK_AHEAD = 450
"""How many days to come are judged one by one. Dates that the machine gives lie well within them."""


class Colour(IntEnum):
    GREEN = 0
    AMBER = 1
    RED = 2


def london_day(moment: datetime) -> date:
    return moment.astimezone(LONDON).date()


def midnight(day: date) -> datetime:
    """The instant at which a London day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)


def last_instant(day: date) -> datetime:
    return midnight(day + DAY) - timedelta(microseconds=1)


# --- Evidence ---------------------------------------------------------------------------------------------------------


@dataclass
class Review:
    outcome: str
    at: datetime


@dataclass
class Submission:
    """What came from outside the lead organisation, and waits for somebody to look at it."""

    id: str
    ref: str
    received_at: datetime
    organisation: str
    waiting: bool = True

    def colour(self, instant: datetime) -> Colour:
        """Amber 24 hours after receipt, Red 48 hours after."""
        if not self.waiting:
            return Colour.GREEN
        hours = (instant - self.received_at) / timedelta(hours=1)
        return Colour.RED if hours >= 48 else Colour.AMBER if hours >= 24 else Colour.GREEN


@dataclass
class Item:
    """An evidence item, and what was said of it for each milestone it is linked to (None: nothing yet)."""

    id: str
    form: str
    received_at: datetime
    organisation: str
    provider: str | None
    effective_to: date | None = None
    withdrawn: bool = False
    links: dict[str, Review | None] = field(default_factory=dict)
    submission: Submission | None = None


def counts(item: Item, milestone: str, *, policy: str, on: date, reopened_at: datetime | None) -> bool:
    """Rule 1: whether an item counts towards a milestone on a day."""
    if item.withdrawn or (item.effective_to is not None and item.effective_to < on):
        return False
    review = item.links[milestone]
    if review is None:
        is_new = reopened_at is None or item.received_at > reopened_at
        return policy == "attached" and item.form == "file" and is_new
    is_afresh = reopened_at is None or review.at > reopened_at
    return review.outcome == "accepted" and is_afresh


# --- A plan -----------------------------------------------------------------------------------------------------------


@dataclass
class Meeting:
    """A review meeting on the list, and what has become of it."""

    id: str
    on: date
    state: str = "planned"
    cycle_day: date | None = None
    moved_from: date | None = None

    def latest(self, cycle: int) -> date:
        """How far it may be moved: a cycle and a half from the day it was planned for."""
        return (self.cycle_day or self.moved_from or self.on) + (cycle + cycle // 2) * DAY


@dataclass
class Terms:
    """What a plan sets, and its list of review meetings. `approved_on`: None while it is a draft."""

    approved_on: date | None
    policy: str
    tolerance: int
    overdue_limit: int
    moved_rule: str
    cycle: int
    listed: list[Meeting] = field(default_factory=list)

    @property
    def meetings(self) -> set[date]:
        """The days on which the officers meet or met."""
        return {meeting.on for meeting in self.listed if meeting.state != "cancelled"}

    def next_review(self, today: date) -> date | None:
        """Today's until it has been held, else the next on the list; where that ends, every cycle after its last. None
        where there is nothing to reckon from: a draft without a list.
        """
        if self.approved_on is None and not self.meetings:
            return None
        held = {meeting.on for meeting in self.listed if meeting.state == "held"}
        day = today
        while True:
            if self.is_reckoned(day) or (day in self.meetings and day not in held):
                return day
            day += DAY

    def is_reckoned(self, day: date) -> bool:
        """Whether the cycle alone makes it a day of review: after the end of the list, or in a stretch of it that
        misses more than two planned days in a row, unless the next listed one is less than half a cycle off.
        """
        if day in self.meetings:
            return False
        before = max((one for one in self.meetings if one < day), default=self.approved_on)
        if before is None:
            return False
        after = min((one for one in self.meetings if one > day), default=None)
        if day <= before or (day - before).days % self.cycle:
            return False
        if after is None:
            return True
        return (after - before).days > 3.5 * self.cycle and (after - day).days > self.cycle // 2


@dataclass
class Request:
    """A change that was asked for: of a date, of words, of one setting, or to end in favour of others."""

    id: str
    kind: str
    asked_by: str
    due: date | None
    state: str = "requested"
    words: str = ""
    setting: tuple[str, int | str] = ("", "")
    into: str = ""
    parts: tuple[tuple[str, date], ...] = ()  # what will prove each, and when it is due
    agreed_on: date | None = None  # the day on which an outside body that set the date agreed
    owner_then: str | None = None

    def lapse(self) -> None:
        """Nobody can decide it any more."""
        if self.state == "requested":
            self.state = "lapsed"

    @property
    def wish(self) -> tuple[object, ...]:
        """What two requests have in common that ask for the same."""
        return self.kind, self.due, self.words, self.setting, self.into, self.parts, self.agreed_on
