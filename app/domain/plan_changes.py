"""What changed in a plan since a day, grouped as its home page shows it.

Before reports are published no state of an earlier day is kept. What is known of every item: its present run as an
exception (`amber_from`, `red_from`), the day it was achieved, and the day on which its last run as an exception ended,
with what ended it. So this compares no two days; it says what has happened since:

- an item that came and went since is found under what took it off the list, one that went and came back under New;
- one that was Red, then Amber and then Red again within one run is under Worse, whatever it was on that day;
- what was achieved is Better, whether it was an exception before or not;
- a change of fact that makes an item Red from an earlier day counts from that day, for so its moments count;
- runs that ended before Waymark wrote their end down are not listed, and of several that ended the last one is.

"Since" a day includes that day. Pure: the same division in SQL is `app.models.counting.change_word`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from app.domain.days import add_days, long_date, start_of_day
from app.domain.words import LeftBecause, Rag, Status

SHOWN = 5
WITHOUT_A_MEETING = 14


class Change(StrEnum):
    """Which way an item went. `SAME`: an exception then and ever since, at the same colour."""

    NEW = "new"
    WORSE = "worse"
    BETTER = "better"
    LEFT = "left"
    SAME = "same"


class Standing(Protocol):
    """The facts of a milestone that this looks at."""

    status: Status
    amber_from: datetime | None
    red_from: datetime | None
    achieved_on: date | None
    left_list_on: date | None
    left_list_because: str | None


@dataclass(frozen=True, slots=True)
class ChangedItem:
    """One line: the item, the day it changed, and why. `rag` is its colour now, None where it is no exception."""

    kind: str
    ref: str
    title: str
    on: date
    reason: str
    rag: Rag | None = None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeGroup:
    change: Change
    total: int
    items: tuple[ChangedItem, ...]


@dataclass(frozen=True, slots=True)
class PlanChanges:
    """What changed since a day: New, Worse, Better and Left the list, in that order, and how many stayed as they were.

    `by_default` says why that day was taken: "last_review", "two_weeks" or "approval"; None: somebody chose it.
    `moved` counts the milestones whose due date was moved since.
    """

    since: date
    by_default: str | None
    groups: tuple[ChangeGroup, ...]
    same: int
    moved: int


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    """The same as numbers, for a row of the list of plans."""

    since: date
    new: int = 0
    worse: int = 0
    better: int = 0
    left: int = 0

    @property
    def any(self) -> bool:
        return bool(self.new or self.worse or self.better or self.left)


def change_of(item: Standing, *, since: date, now: datetime) -> Change | None:
    """Which group a milestone belongs to. None: nothing about it has changed, and it is no exception."""
    if item.amber_from is not None and item.amber_from <= now:
        return change_of_exception(item.amber_from, item.red_from, since=since, now=now)
    if item.status is Status.ACHIEVED and item.achieved_on is not None and item.achieved_on >= since:
        return Change.BETTER
    if item.left_list_on is None or item.left_list_on < since:
        return None
    return Change.BETTER if item.left_list_because == LeftBecause.BACK_ON_TRACK else Change.LEFT


def change_of_exception(amber_from: datetime, red_from: datetime | None, *, since: date, now: datetime) -> Change:
    """The same of anything that is an exception now, by the two moments that every kind of item stores."""
    first = start_of_day(since)
    if amber_from >= first:
        return Change.NEW
    return Change.WORSE if red_from is not None and first <= red_from <= now else Change.SAME


LEFT_WORDS = {
    LeftBecause.BACK_ON_TRACK: "Back on track",
    LeftBecause.DATE_MOVED: "Its date was moved",
    LeftBecause.CANCELLED: "It was cancelled",
    LeftBecause.DECLARATION_LIFTED: "Its declaration was lifted",
    LeftBecause.PLAN_CHANGED: "The plan’s settings or review meetings were changed",
}


def why_off_the_list(item: Standing, since: date) -> tuple[date, str]:
    """The day and the words for a milestone that is Better or has left the list."""
    if item.status is Status.ACHIEVED and item.achieved_on is not None and item.achieved_on >= since:
        return item.achieved_on, "Achieved"
    return item.left_list_on or since, LEFT_WORDS[LeftBecause(item.left_list_because or LeftBecause.BACK_ON_TRACK)]


def grouped(found: Iterable[tuple[Change, ChangedItem]], totals: dict[Change, int]) -> tuple[ChangeGroup, ...]:
    """The groups in reading order, each with its first few items: Red before Amber, then the latest first."""
    every: dict[Change, list[ChangedItem]] = {}
    for change, item in found:
        every.setdefault(change, []).append(item)
    return tuple(
        ChangeGroup(change, totals.get(change, 0), tuple(_in_order(every.get(change, ()))[:SHOWN]))
        for change in (Change.WORSE, Change.NEW, Change.BETTER, Change.LEFT)
    )


def _in_order(items: Iterable[ChangedItem]) -> list[ChangedItem]:
    return sorted(items, key=lambda item: (item.rag is not Rag.RED, -item.on.toordinal(), item.ref))


def default_since(*, last_held: date | None, approved_on: date | None, today: date) -> tuple[date, str]:
    """The day to compare with when nobody chose one, and why: the last held review, or two weeks ago."""
    wanted, why = (last_held, "last_review") if last_held else (add_days(today, -WITHOUT_A_MEETING), "two_weeks")
    if approved_on is not None and wanted < approved_on:
        return approved_on, "approval"
    return wanted, why


def unmet_since(since: date, *, approved_on: date | None, today: date) -> tuple[str, str] | None:
    """Why nothing can be said of that day, as (code, sentence). None: it can."""
    if since > today:
        return "date_to_come", f"{long_date(since)} is still to come. Choose today or an earlier day"
    if approved_on is not None and since < approved_on:
        approved = long_date(approved_on)
        return "before_approval", f"The plan was approved on {approved}. Choose that day or a later one"
    return None


def as_counts(since: date, totals: Sequence[tuple[str, int]]) -> ChangeCounts:
    """Numbers by group from (group, number) pairs; what stayed the same is left out."""
    number = dict.fromkeys(Change, 0)
    for word, more in totals:
        number[Change(word)] += more
    return ChangeCounts(since, number[Change.NEW], number[Change.WORSE], number[Change.BETTER], number[Change.LEFT])
