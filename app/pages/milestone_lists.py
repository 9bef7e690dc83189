"""The milestones of a plan as a list: filtered, sorted by a column, a page at a time."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Query, Request
from fastapi.responses import Response

from app.db import UnitOfWork
from app.domain.days import day_count, london_day, times_words
from app.domain.markings import marks_of
from app.domain.milestones import MilestoneRow
from app.domain.plans import Choices, MilestoneFilters, MilestoneOrder, MilestonePage, PlanView, SortBy, order_of
from app.domain.refusals import invalid
from app.domain.saved_views import SavedView
from app.domain.words import Rag, Status, ViewOf
from app.doors.routing import NounRouter
from app.pages.addresses import Addresses
from app.pages.deps import Reading
from app.pages.forms import day_in_address
from app.pages.frames import frame_of
from app.pages.templating import render
from app.pages.views_beside import beside
from app.pages.wording import (
    RAG_TITLES,
    STATUS_TITLES,
    changed_words,
    evidence_words,
    listing,
    short,
    slip_words,
)
from app.services import milestones as services
from app.services.plans import choices, get_plan
from app.services.saved_views import views_beside

router = NounRouter()

ROWS, LONGEST_WORDS = 50, 200


class Wanted:
    """What the address of the list asks for."""

    def __init__(
        self,
        ref: str = "",
        rag: str = "",
        status: str = "",
        theme: str = "",
        owner: str = "",
        organisation: str = "",
        due_before: str = "",
        q: str = "",
        changed: str = "",
        since: str = "",
        sort: str = "",
        cursor: Annotated[str | None, Query(max_length=500)] = None,
    ) -> None:
        given = {
            "ref": ref, "rag": rag, "status": status, "theme": theme, "owner": owner, "organisation": organisation,
            "due_before": due_before, "q": q.strip(), "sort": sort, "changed": changed,
            "since": since if changed else "",
        }  # fmt: skip
        self.query = {name: value for name, value in given.items() if value}
        self.cursor = cursor or None

    @property
    def filters(self) -> MilestoneFilters:
        """Raises Invalid for a colour or a date that is none."""
        given = dict(self.query)
        due_before, since = given.pop("due_before", None), given.pop("since", None)
        given.pop("sort", None)
        if given.get("rag") and given["rag"] not in tuple(Rag):
            raise invalid("rag", "choice_invalid", f"Colour must be one of {listing(Rag)}")
        if len(given.get("q", "")) > LONGEST_WORDS:
            raise invalid("q", "too_long", f"Use at most {LONGEST_WORDS} characters to look for a milestone")
        return MilestoneFilters(
            **{**given, "rag": Rag(given["rag"]) if given.get("rag") else None},  # type: ignore[arg-type]
            due_before=day_in_address("due_before", due_before, "Due before"),
            since=day_in_address("since", since, "Since"),
        )

    @property
    def order(self) -> MilestoneOrder:
        """Raises Invalid for a column that the table does not have."""
        return order_of(self.query.get("sort"))


# The statuses, and what the numbers on other pages link to besides.
STATUS_CHOICES = [
    *((str(status), words) for status, words in STATUS_TITLES.items()),
    ("evidence_outstanding", "Completed, evidence outstanding"),
    ("evidence_ending", "Evidence ends within 30 days"),
    ("not_due", "Not yet due to start"),
    ("due_to_date", "Due by today"),
    ("moved", "Due date moved"),
    ("added_since", "Added since the last report"),
    ("live", "Not cancelled"),
]


@router.get("/plans/{plan}/milestones")
def show_milestones(run: Reading, plan: str, request: Request, wanted: Annotated[Wanted, Depends()]) -> Response:
    """The milestones of a plan, by reference or sorted by a column."""

    def read(uow: UnitOfWork) -> tuple[PlanView, MilestonePage, Choices, tuple[SavedView, ...]]:
        view = get_plan(uow, slug=plan)
        page = services.list_milestones(
            uow, slug=plan, filters=wanted.filters, order=wanted.order, limit=ROWS, cursor=wanted.cursor
        )
        offered = choices(uow, slug=plan)
        return view, page, offered, views_beside(uow, plan_id=view.id, of=ViewOf.MILESTONES)

    view, page, offered, views = run.read(read)
    address = Addresses(request.url.path, wanted.query)
    return render(
        request,
        "milestones/list.html",
        frame=frame_of(run, view, active="milestones"),
        page=page,
        rows=[_printed(row, page.since) for row in page.items],
        since=page.since if wanted.query.get("status") == "added_since" else None,
        selects=_selects(wanted.query, offered),
        query=wanted.query,
        chips=_chips(wanted.query, offered, address),
        views=beside(
            views,
            ViewOf.MILESTONES,
            wanted.query,
            address,
            plan=plan,
            next_review=view.next_review,
            offered=offered,
            found=page.total,
        ),
        columns=_columns(wanted.order, address),
        order=ORDER_WORDS[str(wanted.order)],
        orders=[(value, words, value == str(wanted.order)) for value, words in ORDER_WORDS.items()],
        address=address,
        as_csv=Addresses(f"{request.url.path}.csv", wanted.query).with_(),
        next_page=address.with_(cursor=page.next_cursor) if page.next_cursor else None,
        is_first_page=wanted.cursor is None,
        may_add=view.may_edit,
    )


def _printed(row: MilestoneRow, since: datetime | None) -> tuple[Any, ...]:
    """A row of the table as ready strings, in the order in which the template names them."""
    colour = row.rag or ("achieved" if row.status is Status.ACHIEVED else "")
    late = row.due_date is not None and row.forecast_date is not None and row.forecast_date > row.due_date
    return (
        f"/plans/{row.plan_slug}/milestones/{row.ref}",
        row.ref,
        row.title,
        colour,
        RAG_TITLES[row.rag] if row.rag else row.standing,
        row.standing if row.rag else "",
        [reason.message for reason in row.reasons],
        row.owner.title if row.owner else "No owner",
        row.organisation.name,
        short(row.due_date) if row.due_date else "None agreed",
        _expected(row),
        late and row.completed_date is None,
        slip_words(row.slip_days) if row.slip_days is not None else "",
        f"{slip_words(row.approved_slip_days)} approved" if row.approved_slip_days else "",
        times_words(row.moves) if row.moves else "",
        *_days_of(row),
        evidence_words(row.evidence),
        [*marks_of(row),
         *(words for words, shown in (("Carried over", row.carried_over is not None),
                                      (_added_words(since), is_new(row, since))) if shown)],
    )  # fmt: skip


def _days_of(row: MilestoneRow) -> tuple[str, str]:
    """How long it has been an exception, and how much of that at Red."""
    if row.rag in (None, Rag.GREEN) or row.exception_days is None:
        return "", ""
    return day_count(row.exception_days), f"{row.days:,} Red" if row.rag is Rag.RED else ""


def is_new(row: MilestoneRow, since: datetime | None) -> bool:
    """Whether it was added to an approved plan since the last report."""
    return row.added_later_at is not None and since is not None and row.added_later_at >= since


def _added_words(since: datetime | None) -> str:
    return f"Added since {short(london_day(since))}" if since else ""


def _expected(row: MilestoneRow) -> str:
    if row.completed_date is not None:
        return f"Completed {short(row.completed_date)}"
    return short(row.forecast_date) if row.forecast_date else ""


# What each order is called, by the word in the address.
ORDER_WORDS = {
    "reference": "by reference",
    "-reference": "by reference, the last first",
    "standing": "by where they stand, Red first",
    "-standing": "by where they stand, Red last",
    "owner": "by owner, A to Z",
    "-owner": "by owner, Z to A",
    "due": "by due date, the earliest first",
    "-due": "by due date, the latest first",
    "expected": "by forecast or completed date, the earliest first",
    "-expected": "by forecast or completed date, the latest first",
    "slip": "by slip, the earliest first",
    "-slip": "by slip, the latest first",
    "moves": "by how often the due date was moved, the most seldom first",
    "-moves": "by how often the due date was moved, the most often first",
    "days": "by days as an exception, the shortest first",
    "-days": "by days as an exception, the longest first",
    "evidence": "by evidence, what has none first",
    "-evidence": "by evidence, what has none last",
}
_HEADINGS = {
    SortBy.REFERENCE: "Milestone",
    SortBy.STANDING: "Where it stands",
    SortBy.OWNER: "Owner, organisation",
    SortBy.DUE: "Due",
    SortBy.EXPECTED: "Forecast or completed",
    SortBy.SLIP: "Slip",
    SortBy.MOVES: "Moved",
    SortBy.DAYS: "An exception for",
    SortBy.EVIDENCE: "Evidence",
}


class _Column(NamedTuple):
    """A heading of the table: its words, the address sorted by it, what that does, and how it is sorted by it now."""

    words: str
    href: str
    does: str
    aria_sort: str


def _columns(order: MilestoneOrder, address: Addresses) -> list[_Column]:
    found = []
    for by, words in _HEADINGS.items():
        is_sorted = order.by is by
        other = MilestoneOrder(by, descending=is_sorted and not order.descending)
        now = ("descending" if order.descending else "ascending") if is_sorted else ""
        href = address.with_(sort=None if other == MilestoneOrder() else str(other))
        found.append(_Column(words, href, f"sort {ORDER_WORDS[str(other)]}", now))
    return found


def _selects(query: dict[str, str], offered: Choices) -> list[tuple[str, str, str, list[tuple[str, str, bool]]]]:
    lists = [
        ("rag", "Colour", "All colours", [(str(rag), words) for rag, words in RAG_TITLES.items()]),
        ("status", "Status", "All statuses", STATUS_CHOICES),
        ("theme", "Theme", "All themes", offered.themes),
        ("owner", "Owner", "All owners", offered.owners),
        ("organisation", "Organisation", "All organisations", offered.organisations),
    ]
    return [
        (name, label, every, [(value, words, value == query.get(name)) for value, words in options])
        for name, label, every, options in lists
    ]


def _chips(query: dict[str, str], offered: Choices, address: Addresses) -> list[tuple[str, str]]:
    return [(words, address.with_(**{name: None})) for name, words in filter_words(query, offered).items()]


def filter_words(query: Mapping[str, str], offered: Choices) -> dict[str, str]:
    """What the list is filtered by, in words, by the name of each filter."""
    named: dict[str, Callable[[str], str]] = {
        "rag": lambda value: value.capitalize(),
        "status": lambda value: dict(STATUS_CHOICES).get(value, value),
        "theme": lambda value: dict(offered.themes).get(value, "Theme"),
        "owner": lambda value: dict(offered.owners).get(value, "Owner"),
        "organisation": lambda value: dict(offered.organisations).get(value, value),
        "due_before": lambda value: f"Due before {value}",
        "q": lambda value: f"“{value}”",
        "ref": lambda value: value,
        "changed": lambda value: changed_words(value, date.fromisoformat(query["since"])),
    }
    return {name: named[name](value) for name, value in query.items() if name in named}
