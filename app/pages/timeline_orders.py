"""The orders of the timeline's table, for the page and its file. The picture keeps its own: by theme and due date.

A picture holds all milestones or says that it does not; only where it holds all of them is its table sorted, so what is
sorted here is the whole list.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from app.domain.refusals import invalid
from app.domain.timelines import Timeline, TimelineItem
from app.domain.words import Rag, Status
from app.pages.addresses import Addresses
from app.pages.wording import listing

_COLOURS = (Rag.RED, Rag.AMBER, Rag.GREEN)

# The columns in reading order: the word in the address, the heading, what it sorts by. None comes last either way.
_COLUMNS: dict[str, tuple[str, Callable[[TimelineItem], Any]]] = {
    "milestone": ("Milestone", lambda item: int(item.ref.rpartition("-")[2])),
    "theme": ("Theme", lambda item: item.theme.ref),
    "baseline": ("Baseline", lambda item: item.baseline_date),
    "due": ("Due", lambda item: item.due_date),
    "forecast": ("Forecast", lambda item: item.forecast_date),
    "finished": ("Completed, achieved", lambda item: item.achieved_date or item.completed_date),
    "slip": ("Slip", lambda item: item.slip_days),
    "moves": ("Moves", lambda item: item.moves),
    "standing": ("RAG or state", lambda item: _standing(item)),
}
ORDERS = ("", *(f"{way}{name}" for name in _COLUMNS for way in ("", "-")))


class Column(NamedTuple):
    """A heading: its words, the address sorted by it (empty: it is not), what that does, how it is sorted by it now."""

    words: str
    href: str
    does: str
    aria_sort: str


def sort_in_address(word: str | None) -> str:
    """The order that an address asks for, empty for the picture's. Raises Invalid for a column that is not there."""
    if (word or "") not in ORDERS:
        raise invalid("sort", "choice_invalid", f"Sort must be one of {listing(_COLUMNS)}; or one with a - before it")
    return word or ""


def in_order(found: Timeline, sort: str) -> tuple[TimelineItem, ...]:
    """The rows of the table. Of equal ones the picture's order decides. What is not the whole list stays as it is."""
    if not sort or not is_whole(found):
        return found.items
    key = _COLUMNS[sort.removeprefix("-")][1]
    known = [item for item in found.items if key(item) is not None]
    return (*sorted(known, key=key, reverse=sort.startswith("-")), *_without(found.items, key))


def is_whole(found: Timeline) -> bool:
    """Whether every milestone that was asked for is there."""
    return found.total == len(found.items)


def columns(found: Timeline, sort: str, address: Addresses) -> list[Column]:
    """The headings of the table."""
    return [_column(name, sort, address if is_whole(found) else None) for name in _COLUMNS]


def choices(sort: str) -> list[tuple[str, str, bool]]:
    """The same for a phone, where headings cannot be seen: (word, words, chosen)."""
    named = [("", "By theme and due date")]
    for name, (words, _) in _COLUMNS.items():
        named += [(name, f"By {_lower(words)}"), (f"-{name}", f"By {_lower(words)}, the other way round")]
    return [(value, words, value == sort) for value, words in named]


def _column(name: str, sort: str, address: Addresses | None) -> Column:
    words, _ = _COLUMNS[name]
    if address is None:
        return Column(words, "", "", "")
    descending = sort == f"-{name}"
    now = "descending" if descending else "ascending" if sort == name else ""
    other = f"-{name}" if sort == name else name
    way = ", the other way round" if other.startswith("-") else ""
    return Column(words, f"{address.with_(sort=other)}#dates", f"sort by {_lower(words)}{way}", now)


def _lower(words: str) -> str:
    return words if words.startswith("RAG") else words.lower()


def _without(items: Iterable[TimelineItem], key: Callable[[TimelineItem], Any]) -> list[TimelineItem]:
    return [item for item in items if key(item) is None]


def _standing(item: TimelineItem) -> int:
    """Red first; then Amber and Green, what is not yet due to start, achieved, cancelled."""
    if item.rag in _COLOURS:
        return _COLOURS.index(item.rag)
    after = {Status.ACHIEVED: 5, Status.CANCELLED: 6}
    return 3 if item.not_due else after.get(item.status, 4)
