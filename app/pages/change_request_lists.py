"""What the list of change requests is asked for, by the page and by its file: state, kind and order."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from app.domain.change_requests import ChangeRequestView
from app.domain.refusals import invalid
from app.domain.words import ChangeKind, ChangeState
from app.pages.change_words import KIND_CHOICES
from app.pages.wording import listing

WAITING, DECIDED, ALL = "requested", "decided", "all"


class Wanted:
    """What the address of the list asks for: a state, a kind, an order. Raises Invalid for a word that is none."""

    def __init__(self, state: str = WAITING, kind: str = "", sort: str = "") -> None:
        _require("state", state, (*ChangeState, DECIDED, ALL), "There is no such state of a change request")
        _require("kind", kind, tuple(ChangeKind), "There is no such kind of change request")
        _require("sort", sort, tuple(ORDERS), "The list has no such order")
        self.state, self.kind, self.sort = state or ALL, kind, sort

    @property
    def query(self) -> dict[str, str]:
        given = {"state": "" if self.state == WAITING else self.state, "kind": self.kind, "sort": self.sort}
        return {name: value for name, value in given.items() if value}

    @property
    def only(self) -> ChangeState | None:
        return next((one for one in ChangeState if one == self.state), None)

    @property
    def is_decided(self) -> bool:
        return self.state == DECIDED

    @property
    def of(self) -> ChangeKind | None:
        return next((one for one in ChangeKind if one == self.kind), None)

    def shown(self, views: Sequence[ChangeRequestView]) -> list[ChangeRequestView]:
        """They in order; of equal ones the one asked for first comes first."""
        return sorted(sorted(views, key=_asked_at), key=ORDERS[self.sort][1]) if self.sort else list(views)


def _require(name: str, value: str, words: Sequence[str], sentence: str) -> None:
    if value and value not in words:
        raise invalid(name, "choice_invalid", f"{sentence}. Choose one of {listing(word for word in words if word)}")


def _asked_at(view: ChangeRequestView) -> tuple[str, str]:
    return view.requested_at.isoformat(), view.id


# The whole list is read, so it is sorted here: what it is called, and by what.
ORDERS: dict[str, tuple[str, Callable[[ChangeRequestView], Any]]] = {
    "": ("Those that wait longest, or the newest", lambda _: 0),
    "asked": ("The first asked first", lambda _: 0),
    "-asked": ("The last asked first", lambda one: -one.requested_at.timestamp()),
    "milestone": ("By milestone", lambda one: (one.milestone is None, one.milestone.ref if one.milestone else "")),
    "due": ("By the due date asked for", lambda one: one.due_date or date.max),
    "kind": ("By kind", lambda one: [str(kind) for kind, _ in KIND_CHOICES].index(one.kind)),
}
