"""Exceptions: everything that is Red or Amber in a plan, or in all of mine, and why; today or on a later day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from app.db import UnitOfWork
from app.domain.days import london_day, long_date, short_date
from app.domain.exception_reports import (
    BadgeKind,
    ExceptionFilters,
    ExceptionItem,
    ExceptionReport,
    ExceptionRow,
)
from app.domain.plans import Choices, PlanView
from app.domain.refusals import invalid
from app.domain.words import CAUSE_WORDS, DelayCause, Marking, Rag, Status
from app.pages.deps import Reading
from app.pages.frames import frame_of
from app.pages.templating import render, wants_fragment
from app.pages.wording import (
    KIND_WORDS,
    RAG_TITLES,
    approved_words,
    date_line,
    evidence_words,
    short,
    slip_words,
)
from app.services.exception_reports import compile_report
from app.services.plans import choices, get_plan

router = APIRouter()

ROWS = 50
MOST_ROWS = 200

W = TypeVar("W", Rag, DelayCause)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address asks for: filters, how much of each row is open, and which part of the list."""

    filters: ExceptionFilters
    detail: bool
    limit: int
    cursor: str | None

    @property
    def query(self) -> dict[str, str]:
        """The same as query parameters, without the cursor: a changed filter begins at the top."""
        found = self.filters
        asked = {
            "on": found.on.isoformat() if found.on else "",
            "rag": found.rag or "",
            "theme": found.theme or "",
            "owner": found.owner or "",
            "organisation": found.organisation or "",
            "kind": found.kind or "",
            "cause": found.cause or "",
            "support_required": "true" if found.support_required else "",
            "turns_red": "true" if found.turns_red else "",
            "detail": "all" if self.detail else "",
            "rows": str(self.limit) if self.limit != ROWS else "",
        }
        return {name: value for name, value in asked.items() if value}


def _wanted(
    on: str = "",
    rag: str = "",
    theme: str = "",
    owner: str = "",
    organisation: str = "",
    kind: str = "",
    cause: str = "",
    support_required: str = "",
    turns_red: str = "",
    detail: str = "",
    rows: str = "",
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Wanted:
    return Wanted(
        filters=ExceptionFilters(
            on=_day(on),
            rag=_word("rag", rag, Rag),
            theme=theme or None,
            owner=owner or None,
            organisation=organisation or None,
            kind=kind or None,
            cause=_word("cause", cause, DelayCause),
            support_required=support_required == "true",
            turns_red=turns_red == "true",
        ),
        detail=detail == "all",
        limit=MOST_ROWS if rows == str(MOST_ROWS) else ROWS,
        cursor=cursor or None,
    )


def _day(value: str) -> date | None:
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise invalid("on", "date_invalid", "The day must be a date such as 2009-12-17") from error


def _word(name: str, value: str, words: type[W]) -> W | None:
    if not value:
        return None
    try:
        return words(value)
    except ValueError as error:
        raise invalid(name, "choice_invalid", f"{name.capitalize()} must be one of {', '.join(words)}") from error


WantedNow = Annotated[Wanted, Depends(_wanted)]


@router.get("/plans/{plan}/exceptions")
def show_exceptions(run: Reading, plan: str, request: Request, wanted: WantedNow) -> Response:
    """The exceptions of one plan."""

    def read(uow: UnitOfWork) -> tuple[PlanView, ExceptionReport, Choices, ExceptionReport | None]:
        view = get_plan(uow, slug=plan)
        report = compile_report(uow, slug=plan, filters=wanted.filters, limit=wanted.limit, cursor=wanted.cursor)
        ahead = _look_ahead(uow, view, report)
        return view, report, choices(uow, slug=plan), ahead

    view, report, offered, ahead = run.read(read)
    frame = frame_of(run, view, active="exceptions", exceptions=None if report.looks_ahead else report.counts.total)
    page = _page(request, wanted, report, offered=offered, next_review=view.next_review, ahead=ahead)
    return render(request, page.pop("template"), frame=frame, **page)


@router.get("/exceptions")
def show_all_exceptions(run: Reading, request: Request, wanted: WantedNow) -> Response:
    """The exceptions of every plan whose live content I may read."""
    report = run.read(
        compile_report, slug=None, filters=wanted.filters, limit=wanted.limit, cursor=wanted.cursor
    )
    page = _page(request, wanted, report, offered=None, next_review=None, ahead=None)
    return render(request, page.pop("template"), frame=frame_of(run), **page)


def _look_ahead(uow: UnitOfWork, plan: PlanView, report: ExceptionReport) -> ExceptionReport | None:
    """What the next review will find, asked only when there is nothing to show today."""
    if report.counts.total or report.looks_ahead or plan.next_review is None or plan.next_review <= report.today:
        return None
    return compile_report(uow, slug=plan.slug, filters=ExceptionFilters(on=plan.next_review), limit=1, cursor=None)


def _page(
    request: Request,
    wanted: Wanted,
    report: ExceptionReport,
    *,
    offered: Choices | None,
    next_review: date | None,
    ahead: ExceptionReport | None,
) -> dict[str, Any]:
    path = request.url.path
    address = Addresses(path, wanted.query)
    source = request.headers.get("HX-Source", "") if wants_fragment(request) else ""
    later = next_review if next_review is not None and next_review > report.today else None
    return {
        "template": "exception_reports/_swapped.html" if source or wants_fragment(request) else "exception_reports/page.html",
        "report": report,
        "groups": _groups(report, wanted, all_plans=offered is None),
        "all_plans": offered is None,
        "detail": wanted.detail,
        "query": wanted.query,
        "address": address,
        "selects": _selects(wanted.filters, offered),
        "chips": _chips(wanted.filters, offered, address),
        "later": later,
        "ahead": ahead,
        "more_red": report.counts.red - report.counts.red_now,
        "next_page": address.with_(cursor=report.next_cursor) if report.next_cursor else None,
        "is_first_page": wanted.cursor is None,
        "offer_all": wanted.limit == ROWS and report.shown.total > ROWS,
        "limit": wanted.limit,
        "oob": False,
        "source": source.partition("#")[0],
        "cleared": address.only("on", "detail"),
    }


class Addresses:
    """The addresses of this list with one thing changed."""

    def __init__(self, path: str, query: Mapping[str, str]) -> None:
        self._path = path
        self._query = dict(query)

    def with_(self, **changes: str | None) -> str:
        """This list with parameters added or replaced; None or an empty one is taken out."""
        return self._address({**self._query, **{name: value or "" for name, value in changes.items()}})

    def only(self, *names: str) -> str:
        """This list with nothing but these parameters."""
        return self._address({name: value for name, value in self._query.items() if name in names})

    def _address(self, query: Mapping[str, str]) -> str:
        given = {name: value for name, value in query.items() if value}
        return f"{self._path}?{urlencode(given)}" if given else self._path


def _selects(filters: ExceptionFilters, offered: Choices | None) -> list[tuple[str, str, str, list[tuple[str, str, bool]]]]:
    """The filters that are chosen from a list: (name, label, words for all, [(value, words, chosen)])."""
    lists: list[tuple[str, str, str, str | None, Iterable[tuple[str, str]]]] = []
    if offered is not None:
        lists = [
            ("theme", "Theme", "All themes", filters.theme, offered.themes),
            ("owner", "Owner", "All owners", filters.owner, offered.owners),
            ("organisation", "Organisation", "All organisations", filters.organisation, offered.organisations),
        ]
    lists += [
        ("rag", "Colour", "Red and Amber", filters.rag, [("red", "Red"), ("amber", "Amber")]),
        ("cause", "Cause of delay", "All causes", filters.cause, CAUSE_WORDS.items()),
    ]
    return [
        (name, label, every, [(value, words, value == chosen) for value, words in options])
        for name, label, every, chosen, options in lists
    ]


def _chips(filters: ExceptionFilters, offered: Choices | None, address: Addresses) -> list[tuple[str, str]]:
    """What is filtered by: (words, the address without it)."""
    themes, owners, organisations = (
        (dict(offered.themes), dict(offered.owners), dict(offered.organisations)) if offered else ({}, {}, {})
    )
    set_now = [
        ("theme", filters.theme, themes.get(filters.theme or "", "Theme")),
        ("owner", filters.owner, owners.get(filters.owner or "", "Owner")),
        ("organisation", filters.organisation, organisations.get(filters.organisation or "", filters.organisation or "")),
        ("kind", filters.kind, KIND_WORDS.get(filters.kind or "", filters.kind or "")),
        ("rag", filters.rag, RAG_TITLES[filters.rag] if filters.rag else ""),
        ("cause", filters.cause, f"Cause: {CAUSE_WORDS[filters.cause].lower()}" if filters.cause else ""),
        ("support_required", filters.support_required, "Support asked for"),
        ("turns_red", filters.turns_red, f"Turns Red by {long_date(filters.on)}" if filters.on else "Turns Red"),
    ]
    return [(words, address.with_(**{name: None})) for name, value, words in set_now if value]


@dataclass(frozen=True, slots=True)
class _Group:
    colour: str
    name: str
    number: int
    note: str
    rows: list[tuple[Any, ...]]


def _groups(report: ExceptionReport, wanted: Wanted, *, all_plans: bool) -> list[_Group]:
    note = "Turning Red by then, soonest first" if wanted.filters.turns_red else "Longest at {} first"
    found = []
    for colour, rows, number in ((Rag.RED, report.red, report.shown.red), (Rag.AMBER, report.amber, report.shown.amber)):
        if rows:
            name = RAG_TITLES[colour]
            printed = [_printed(row, report, all_plans=all_plans) for row in rows]
            found.append(_Group(colour, name, number, note.format(name), printed))
    return found


def _printed(row: ExceptionRow, report: ExceptionReport, *, all_plans: bool) -> tuple[Any, ...]:
    """One row as the template prints it: ready strings, in the order in which the template names them."""
    item = row.item
    return (
        f"{item.plan_slug}-{item.ref}" if all_plans else item.ref,
        f"/plans/{item.plan_slug}/milestones/{item.ref}",
        item.ref,
        item.title,
        _days(item, report),
        f"exception for {item.exception_days}" if item.exception_days > item.days and item.rag == item.rag_now else "",
        KIND_WORDS.get(item.kind, item.kind.capitalize()),
        [reason.message for reason in item.reasons],
        _badge(row, report),
        "Official-Sensitive" if item.marking is Marking.OFFICIAL_SENSITIVE else "",
        item.owner or "No owner",
        item.organisation,
        item.plan_title if all_plans else item.theme,
        _pairs(item),
        item.support_required,
        item.issue,
        _path(item),
        _waiting(item),
        date_line(item, today=report.today),
        evidence_words(item.evidence),
        _last_update(item),
        f"Accepted until {long_date(item.accepted_until)} by {item.accepted_by}"
        if row.is_accepted and item.accepted_until
        else "",
    )


def _days(item: ExceptionItem, report: ExceptionReport) -> str:
    if report.looks_ahead and item.rag != item.rag_now:
        return f"from {short_date(item.since)}"
    return f"for {item.days:,} day{'' if item.days == 1 else 's'}"


_BADGE_CLASSES = {BadgeKind.WORSE: " wm-state--strong", BadgeKind.TURNS_RED: " wm-state--strong"}


def _badge(row: ExceptionRow, report: ExceptionReport) -> tuple[str, str] | None:
    """The one remark beside a row, (words, class). In a look-ahead it says what the item is today."""
    item = row.item
    if report.looks_ahead and item.rag != item.rag_now:
        return f"{RAG_TITLES[item.rag_now]} today", " wm-state--wash"
    if row.badge is None:
        return None
    return row.badge.text, _BADGE_CLASSES.get(row.badge.kind, " wm-state--wash")


def _pairs(item: ExceptionItem) -> list[tuple[str, str, bool]]:
    """The dates and slips of a row: (name, words, whether it is late)."""
    due = item.due_date
    pairs = [("Due", short(due) if due else "None agreed", due is None)]
    if item.completed_date is not None:
        late = due is not None and item.completed_date > due
        pairs.append(("Completed", short(item.completed_date), late))
    elif item.forecast_date is not None:
        pairs.append(("Forecast", short(item.forecast_date), due is not None and item.forecast_date > due))
    pairs.append(("Slip", slip_words(item.slip_days), False))
    if item.moves:
        pairs.append(("Approved", approved_words(item.approved_slip_days, item.moves), False))
    return pairs


def _path(item: ExceptionItem) -> str:
    if item.return_to_green_on is None:
        return item.path_to_green
    return f"{item.path_to_green} Green on {long_date(item.return_to_green_on)}, says its owner.".strip()


def _waiting(item: ExceptionItem) -> str:
    parts = []
    if item.waiting_on:
        since = f", since {short(item.waiting_on_since)}" if item.waiting_on_since else ""
        parts.append(f"{item.waiting_on}{since}")
    if item.cause is not None:
        parts.append(f"Cause of delay: {CAUSE_WORDS[item.cause].lower()}")
    return ". ".join(parts)


def _last_update(item: ExceptionItem) -> str:
    if item.last_update_at is None:
        return "No update yet" if item.status is not Status.COMPLETED else ""
    return f"{item.last_update_by}, {short(london_day(item.last_update_at))}"
