"""The exception report: every item that is Red or Amber on a day, in the order in which it is read, and why.

Pure: services hand in the items that the reader may know of, as they stand on the day asked about; what comes back is
printed by the page, returned by the API and stored when a report is published (product.md, rules 2 and 5;
mocks/README.md).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache

from app.domain.days import long_date, unfit_day
from app.domain.rag import SEVERITY, Reason
from app.domain.words import DelayCause, EvidenceState, Marking, Rag, Status

# (kind, id): what an item is recognised by from one report to the next.
ItemKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class EvidenceSummary:
    """How many evidence items count, of how many that were sent, and where that leaves the policy."""

    counting: int
    total: int
    state: EvidenceState
    ends_on: date | None = None
    notice: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionItem:
    """One item as it stands on the day of the report.

    `rag` is its colour on that day, `rag_now` its colour today; they differ in a look-ahead only. `since` is the
    first day at that colour, `days` how long it has been by then (the first day counts), `exception_days` the same
    for Red and Amber together. `turns_red_on` is the day it turns Red if nothing changes, where that is later than
    today. `last_update_at` is of the last update that said something, `no_change_on` the first day since on which "no
    change" was said. `owner`, `last_update_by` and `accepted_by` are post titles. Slips are in days. `plan_slug` names
    the plan in lists that run over several.
    """

    kind: str
    id: str
    ref: str
    title: str
    rag: Rag
    rag_now: Rag
    since: date
    days: int
    exception_days: int
    reasons: tuple[Reason, ...]
    turns_red_on: date | None = None
    theme: str = ""
    theme_id: str = ""
    owner: str = ""
    owner_id: str = ""
    organisation: str = ""
    organisation_slug: str = ""
    status: Status | None = None
    start_date: date | None = None
    baseline_date: date | None = None
    due_date: date | None = None
    forecast_date: date | None = None
    completed_date: date | None = None
    slip_days: int | None = None
    approved_slip_days: int | None = None
    moves: int = 0
    evidence: EvidenceSummary | None = None
    issue: str = ""
    waiting_on: str = ""
    waiting_on_since: date | None = None
    cause: DelayCause | None = None
    support_required: str = ""
    path_to_green: str = ""
    return_to_green_on: date | None = None
    last_update_at: datetime | None = None
    last_update_by: str = ""
    no_change_on: date | None = None
    accepted_until: date | None = None
    accepted_by: str = ""
    marking: Marking = Marking.OFFICIAL
    restricted: bool = False
    version: str = "1"
    plan_slug: str = ""

    def __hash__(self) -> int:
        """By its key, which is enough and costs nothing; items are equal when all of their fields are."""
        return hash((self.kind, self.id))

    @property
    def key(self) -> ItemKey:
        """What this item is recognised by from one report to the next."""
        return (self.kind, self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionFilters:
    """What the reader asked to see; None or False asks for nothing. Themes and owners by id, organisations by slug.

    `on` is the day of the report, today or later (None: today). `turns_red` keeps what is Red on that day and is not
    Red today. `changed` is a matter of both moments, so only the scans keep what has.
    """

    on: date | None = None
    kind: str | None = None
    rag: Rag | None = None
    theme: str | None = None
    owner: str | None = None
    organisation: str | None = None
    cause: DelayCause | None = None
    support_required: bool = False
    turns_red: bool = False
    changed: str | None = None  # "new", "worse" or "same" since the day `since`
    since: date | None = None

    @property
    def are_set(self) -> bool:
        """Whether any filter is set, so that "Clear filters" has something to do. A day is not a filter."""
        return self != ExceptionFilters(on=self.on)

    def keep(self, item: ExceptionItem) -> bool:
        """Whether the item is one of those asked for: it has to pass every filter that is set."""
        asked = (
            (self.kind, item.kind),
            (self.rag, item.rag),
            (self.theme, item.theme_id),
            (self.owner, item.owner_id),
            (self.organisation, item.organisation_slug),
            (self.cause, item.cause),
        )
        if any(wanted is not None and wanted != found for wanted, found in asked):
            return False
        if self.support_required and not item.support_required.strip():
            return False
        return not self.turns_red or (item.rag == Rag.RED and item.rag_now != Rag.RED)


@dataclass(frozen=True, slots=True)
class ExceptionCounts:
    """How many are Red and Amber on the day of the report, and how many of the same items are so today.

    `red_accepted` and `amber_accepted` of them are accepted on that day, and stand after the others.
    """

    red: int = 0
    amber: int = 0
    red_now: int = 0
    amber_now: int = 0
    red_accepted: int = 0
    amber_accepted: int = 0

    @property
    def total(self) -> int:
        return self.red + self.amber

    @property
    def accepted(self) -> int:
        return self.red_accepted + self.amber_accepted

    @property
    def total_now(self) -> int:
        return self.red_now + self.amber_now


class BadgeKind(StrEnum):
    WORSE = "worse"
    TURNS_RED = "turns_red"
    NEW = "new"
    BETTER = "better"


@dataclass(frozen=True, slots=True)
class Badge:
    """The one remark beside a row: how it compares with the last report, or where it is heading."""

    kind: BadgeKind
    text: str


@dataclass(frozen=True, slots=True)
class ExceptionRow:
    """An item of the list with its badge."""

    item: ExceptionItem
    badge: Badge | None
    is_accepted: bool


@dataclass(frozen=True, slots=True)
class ExceptionReport:
    """What is Red, then what is Amber on day `on`, then what of both is accepted: as the page, the API and the
    published document show it.

    `counts` are of everything the reader may know of, `shown` of what passes the filters. `withheld_count` says how
    many more there are that this reader is only told the number of. `looks_ahead`: `on` is later than today.
    """

    on: date
    today: date
    looks_ahead: bool
    filters: ExceptionFilters
    counts: ExceptionCounts
    shown: ExceptionCounts
    withheld_count: int
    red: tuple[ExceptionRow, ...] = field(default=())
    amber: tuple[ExceptionRow, ...] = field(default=())
    accepted: tuple[ExceptionRow, ...] = field(default=())

    @property
    def rows(self) -> tuple[ExceptionRow, ...]:
        """All rows in reading order."""
        return self.red + self.amber + self.accepted


def build(
    items: Iterable[ExceptionItem],
    *,
    today: date,
    filters: ExceptionFilters | None = None,
    counts: ExceptionCounts | None = None,
    last_report: Mapping[ItemKey, Rag] | None = None,
    next_review: date | None = None,
    withheld_count: int = 0,
) -> ExceptionReport:
    """The report for the day `filters.on` from items as they stand on that day; Green ones among them are left out.

    `counts` is given when `items` is one page of a long list, and otherwise counted here. `last_report` is the colour
    of every exception in the last published report (None: there is none yet, so nothing is new, worse or better).
    "Turns Red" looks as far as the next review, or as far as that day when that is later.
    """
    filters = filters or ExceptionFilters()
    on = filters.on or today
    exceptions = [item for item in items if item.rag != Rag.GREEN]
    kept = order((item for item in exceptions if filters.keep(item)), on)
    horizon = max(on, next_review or on)
    rows = tuple(
        ExceptionRow(item, badge_for(item, last_report=last_report, horizon=horizon), is_accepted(item, on))
        for item in kept
    )
    return ExceptionReport(
        on=on,
        today=today,
        looks_ahead=on > today,
        filters=filters,
        counts=counts or count(exceptions, on),
        shown=count(kept, on),
        withheld_count=withheld_count,
        red=tuple(row for row in rows if row.item.rag == Rag.RED and not row.is_accepted),
        amber=tuple(row for row in rows if row.item.rag == Rag.AMBER and not row.is_accepted),
        accepted=tuple(row for row in rows if row.is_accepted),
    )


def order(items: Iterable[ExceptionItem], on: date) -> list[ExceptionItem]:
    """What is accepted on day `on` after everything else; Red before Amber; then the longest at that colour, then by
    reference, numbers in it as numbers (1.9 before 1.10).
    """
    return sorted(
        items,
        key=lambda item: (
            is_accepted(item, on),
            -SEVERITY[item.rag],
            item.since,
            _natural(item.ref),
            item.key,
        ),
    )


def count(items: Iterable[ExceptionItem], on: date) -> ExceptionCounts:
    """How many are Red and Amber, then and now, and how many of them are accepted on day `on`."""
    items = list(items)
    colours = [(item.rag, item.rag_now) for item in items]
    accepted = [item.rag for item in items if is_accepted(item, on)]
    return ExceptionCounts(
        red=sum(rag == Rag.RED for rag, _ in colours),
        amber=sum(rag == Rag.AMBER for rag, _ in colours),
        red_now=sum(now == Rag.RED for _, now in colours),
        amber_now=sum(now == Rag.AMBER for _, now in colours),
        red_accepted=accepted.count(Rag.RED),
        amber_accepted=accepted.count(Rag.AMBER),
    )


def is_accepted(item: ExceptionItem, on: date) -> bool:
    """Whether a senior officer has accepted it for day `on`: on the date itself it is back among the others."""
    return item.accepted_until is not None and on < item.accepted_until


def badge_for(item: ExceptionItem, *, last_report: Mapping[ItemKey, Rag] | None, horizon: date) -> Badge | None:
    """At most one badge a row: worse, else turns Red (by `horizon`), else new, else better.

    Worse, new and better compare today, never a day still to come, with the last report.
    """
    before = Rag.GREEN if last_report is None else last_report.get(item.key, Rag.GREEN)
    reported = last_report is not None
    if before == Rag.AMBER and item.rag_now == Rag.RED:
        return Badge(BadgeKind.WORSE, "Worse: was Amber")
    if item.turns_red_on is not None and item.rag_now != Rag.RED and item.turns_red_on <= horizon:
        return Badge(BadgeKind.TURNS_RED, f"Turns Red on {long_date(item.turns_red_on)}")
    if reported and before == Rag.GREEN and item.rag_now != Rag.GREEN:
        return Badge(BadgeKind.NEW, "New")
    if before == Rag.RED and item.rag_now == Rag.AMBER:
        return Badge(BadgeKind.BETTER, "Better: was Red")
    return None


@lru_cache(maxsize=10_000)
def _natural(ref: str) -> tuple[tuple[int, str], ...]:
    """A reference cut into words and numbers, so that it sorts as people count."""
    return tuple((int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", ref))


def unmet_look_ahead(on: date, *, today: date) -> tuple[str, str] | None:
    """Why there is no report on a day, as (code, sentence): it shows today or a later one, as late as days are kept."""
    if on < today:
        return "date_in_past", "The report shows today or a later day. Published reports show earlier ones"
    unfit = unfit_day(on)
    return ("date_range", unfit) if unfit else None
