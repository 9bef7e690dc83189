"""Exceptions: everything that is Red or Amber in a plan, or in all of mine, and why; today or on a later day."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.responses import Response

from app.db import UnitOfWork
from app.domain import permissions
from app.domain.actors import Actor
from app.domain.days import london_day, long_date, short_date
from app.domain.exception_reports import (
    BadgeKind,
    ExceptionFilters,
    ExceptionItem,
    ExceptionReport,
    ExceptionRow,
)
from app.domain.markings import marks_of
from app.domain.permissions import Act, Item
from app.domain.plans import Choices
from app.domain.refusals import Invalid, invalid
from app.domain.saved_views import SavedView
from app.domain.words import CAUSE_WORDS, DelayCause, Rag, Status, ViewOf
from app.doors.routing import NounRouter
from app.pages.addresses import Addresses
from app.pages.deps import Reading
from app.pages.forms import day_in_address
from app.pages.frames import frame_of
from app.pages.templating import Frame, environment, moment, number, render, wants_fragment
from app.pages.views_beside import beside
from app.pages.wording import (
    KIND_WORDS,
    RAG_TITLES,
    address_of,
    approved_words,
    changed_words,
    date_line,
    evidence_words,
    short,
    slip_words,
)
from app.services.exception_reports import CompiledReport, compile_report
from app.services.plans import choices_of
from app.services.saved_views import views_beside

router = NounRouter()

ROWS = 50
MOST_ROWS = 200
LONGEST_CURSOR = 500

KINDS = ("milestone", "submission")

T = TypeVar("T")
W = TypeVar("W", Rag, DelayCause)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address asks for: filters, how much of each row is open, and which part of the list."""

    filters: ExceptionFilters
    detail: bool
    limit: int
    cursor: str | None
    wrong_day: str = ""  # why the list is not shown for the day that was asked for, but for today

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
            "changed": found.changed or "",
            "since": found.since.isoformat() if found.changed and found.since else "",
            "detail": "all" if self.detail else "",
            "rows": str(self.limit) if self.limit != ROWS else "",
        }
        return {name: value for name, value in asked.items() if value}


async def _wanted(request: Request) -> Wanted:  # async: what only looks at the address needs no thread
    return _asked(request.query_params)


def _asked(query: Mapping[str, str]) -> Wanted:
    asked = query.get
    cursor = asked("cursor") or None
    if cursor is not None and len(cursor) > LONGEST_CURSOR:
        raise invalid("cursor", "not_a_cursor", "This cursor was not given out by this list")
    return Wanted(
        filters=filters_of(query),
        detail=asked("detail") == "all",
        limit=MOST_ROWS if asked("rows") == str(MOST_ROWS) else ROWS,
        cursor=cursor,
    )


def filters_of(query: Mapping[str, str]) -> ExceptionFilters:
    """The filters that an address asks for. Raises Invalid for a word or a date that is none."""
    asked = query.get
    return ExceptionFilters(
        on=day_in_address("on", asked("on"), "The day"),
        rag=_word("rag", asked("rag", ""), Rag),
        theme=asked("theme") or None,
        owner=asked("owner") or None,
        organisation=asked("organisation") or None,
        kind=_one_of("kind", asked("kind", ""), KINDS) or None,
        cause=_word("cause", asked("cause", ""), DelayCause),
        support_required=_one_of("support_required", asked("support_required", ""), ("true", "false")) == "true",
        turns_red=asked("turns_red") == "true",
        changed=asked("changed") or None,
        since=day_in_address("since", asked("since"), "Since") if asked("changed") else None,
    )


def _word(name: str, value: str, words: type[W]) -> W | None:
    return words(value) if _one_of(name, value, tuple(words)) else None


def _one_of(name: str, value: str, words: Collection[str]) -> str:
    if value and value not in words:
        label = name.replace("_", " ").capitalize()
        raise invalid(name, "choice_invalid", f"{label} must be one of {', '.join(words)}")
    return value


WantedNow = Annotated[Wanted, Depends(_wanted)]


async def _wanted_on_page(request: Request) -> Wanted:
    """The same; a day that is none is said beside the days one can choose, above the list as it stands today."""
    try:
        return await _wanted(request)
    except Invalid as error:
        wrong = _wrong_day(error)
        if not wrong or wants_fragment(request):
            raise
        query = {name: value for name, value in request.query_params.items() if name not in ("on", "turns_red")}
        return replace(_asked(query), wrong_day=wrong)


def _wrong_day(error: Invalid) -> str:
    """What is wrong with the day, if nothing else is."""
    return error.errors[0].message if {one.name for one in error.errors} == {"on"} else ""


def _or_today(read: Callable[[Wanted], T], wanted: Wanted, request: Request) -> tuple[T, Wanted]:
    """Read the report, and where there is none on that day, the one of today, with the reason."""
    try:
        return read(wanted), wanted
    except Invalid as error:
        wrong = _wrong_day(error)
        if not wrong or wants_fragment(request):
            raise
        today = replace(wanted, filters=replace(wanted.filters, on=None, turns_red=False), wrong_day=wrong)
        return read(today), today


WantedOnPage = Annotated[Wanted, Depends(_wanted_on_page)]


@dataclass(frozen=True, slots=True)
class _Viewer:
    """Who looks, and in which plans (slugs) they may accept exceptions."""

    id: str
    accepts_in: frozenset[str]


def _viewer(actor: Actor, found: CompiledReport) -> _Viewer:
    accepts_in = (
        slug
        for plan, slug in found.plan_slugs.items()
        if permissions.may(actor, Act.ACCEPT_EXCEPTION, Item(plan_id=plan))
    )
    return _Viewer(actor.id, frozenset(accepts_in))


@router.get("/plans/{plan}/exceptions")
def show_exceptions(run: Reading, plan: str, request: Request, wanted: WantedOnPage) -> Response:
    """The exceptions of one plan."""

    def read(
        uow: UnitOfWork, wanted: Wanted
    ) -> tuple[CompiledReport, Choices, ExceptionReport | None, tuple[SavedView, ...]]:
        found = compile_report(uow, slug=plan, filters=wanted.filters, limit=wanted.limit, cursor=wanted.cursor)
        offered = choices_of(uow, found.plan.id)
        views = views_beside(uow, plan_id=found.plan.id, of=ViewOf.EXCEPTIONS)
        return found, offered, _look_ahead(uow, plan, found), views

    def compiled(wanted: Wanted) -> tuple[CompiledReport, Choices, ExceptionReport | None, tuple[SavedView, ...]]:
        return run.read(read, wanted=wanted)

    (found, offered, ahead, views), wanted = _or_today(compiled, wanted, request)
    report = found.report
    frame = frame_of(run, found.plan, active="exceptions", exceptions=report.counts.total_now)
    viewer = _viewer(run.actor, found)
    page = _page(request, wanted, found, viewer, views, offered=offered, ahead=ahead)
    return _rendered(request, frame, page)


@router.get("/exceptions")
def show_all_exceptions(run: Reading, request: Request, wanted: WantedOnPage) -> Response:
    """The exceptions of every plan whose live content I may read."""

    def read(uow: UnitOfWork, wanted: Wanted) -> tuple[CompiledReport, tuple[SavedView, ...]]:
        found = compile_report(uow, slug=None, filters=wanted.filters, limit=wanted.limit, cursor=wanted.cursor)
        return found, views_beside(uow, plan_id=None, of=ViewOf.EXCEPTIONS)

    def compiled(wanted: Wanted) -> tuple[CompiledReport, tuple[SavedView, ...]]:
        return run.read(read, wanted=wanted)

    (found, views), wanted = _or_today(compiled, wanted, request)
    page = _page(request, wanted, found, _viewer(run.actor, found), views, offered=None, ahead=None)
    return _rendered(request, frame_of(run), page)


def _rendered(request: Request, frame: Frame, page: dict[str, Any]) -> Response:
    status = 422 if page["wrong_day"] else 200
    answer = render(request, page.pop("template"), frame=frame, status=status, **page)
    if wants_fragment(request):
        # Without the empty parameters of a form in which little was chosen.
        answer.headers["HX-Push-Url"] = page["here"]
    return answer


def _look_ahead(uow: UnitOfWork, slug: str, found: CompiledReport) -> ExceptionReport | None:
    """What the next review will find, asked only when there is nothing to show today."""
    report, later = found.report, found.next_review
    if report.counts.total or report.looks_ahead or later is None or later <= report.today:
        return None
    return compile_report(uow, slug=slug, filters=ExceptionFilters(on=later), limit=1, cursor=None).report


def _page(
    request: Request,
    wanted: Wanted,
    found: CompiledReport,
    viewer: _Viewer,
    views: tuple[SavedView, ...],
    *,
    offered: Choices | None,
    ahead: ExceptionReport | None,
) -> dict[str, Any]:
    report = found.report
    address = Addresses(request.url.path, wanted.query)
    partial = wants_fragment(request)
    source = request.headers.get("HX-Source", "") if partial else ""
    later = found.next_review
    titles = {} if offered else {slug: found.plan_titles[plan] for plan, slug in found.plan_slugs.items()}
    return {
        "template": "exception_reports/_swapped.html" if partial else "exception_reports/page.html",
        "report": report,
        "groups": _groups(report, wanted, titles, viewer),
        "all_plans": offered is None,
        "detail": wanted.detail,
        "wrong_day": wanted.wrong_day,
        "query": wanted.query,
        "address": address,
        "here": address.with_(cursor=wanted.cursor),
        "as_csv": Addresses(f"{request.url.path}.csv", wanted.query).with_(detail=None, rows=None),
        "selects": _selects(wanted.filters, offered),
        "chips": _chips(wanted.filters, offered, address),
        "views": beside(
            views,
            ViewOf.EXCEPTIONS,
            wanted.query,
            address,
            plan=found.plan.slug if found.plan else None,
            next_review=later,
            offered=offered,
            found=report.shown.total,
        ),
        "later": later if later is not None and later > report.today else None,
        "ahead": ahead,
        "more_red": report.counts.red - report.counts.red_now,
        "next_page": address.with_(cursor=found.next_cursor) if found.next_cursor else None,
        "is_first_page": wanted.cursor is None,
        "offer_all": wanted.limit == ROWS and report.shown.total > ROWS,
        "limit": wanted.limit,
        "oob": False,
        "from_form": source.startswith("form"),
        "focus": _focus(source),
        "cleared": address.only("on", "detail"),
    }


def _focus(source: str) -> str:
    """Where the reader goes on after a swap: the link that was followed may be gone. A form keeps the focus itself."""
    if source.startswith("a#switch"):
        return "switch"
    return "showing" if source.startswith("a") else ""


Select = tuple[str, str, str, list[tuple[str, str, bool]]]
"""A filter chosen from a list: (name, label, words for all, [(value, words, chosen)])."""


def _selects(filters: ExceptionFilters, offered: Choices | None) -> list[Select]:
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
    return [(words, address.with_(**{name: None})) for name, words in filter_words(filters, offered).items()]


def filter_words(filters: ExceptionFilters, offered: Choices | None) -> dict[str, str]:
    """What the list is filtered by, in words, by the name of each filter."""
    themes, owners, leads = (
        (dict(offered.themes), dict(offered.owners), dict(offered.organisations)) if offered else ({}, {}, {})
    )
    set_now = [
        ("theme", filters.theme, themes.get(filters.theme or "", "Theme")),
        ("owner", filters.owner, owners.get(filters.owner or "", "Owner")),
        ("organisation", filters.organisation, leads.get(filters.organisation or "", filters.organisation or "")),
        ("kind", filters.kind, KIND_WORDS.get(filters.kind or "", filters.kind or "")),
        ("rag", filters.rag, RAG_TITLES[filters.rag] if filters.rag else ""),
        ("cause", filters.cause, f"Cause: {CAUSE_WORDS[filters.cause].lower()}" if filters.cause else ""),
        ("support_required", filters.support_required, "Support asked for"),
        ("changed", filters.changed, changed_words(filters.changed, filters.since) if filters.since else ""),
        ("turns_red", filters.turns_red, f"Turns Red by {long_date(filters.on)}" if filters.on else "Turns Red"),
    ]
    return {name: words for name, value, words in set_now if value}


@dataclass(frozen=True, slots=True)
class _Group:
    colour: str
    name: str
    number: int
    note: str
    rows: list[str]


def _groups(report: ExceptionReport, wanted: Wanted, titles: Mapping[str, str], viewer: _Viewer) -> list[_Group]:
    """Red, then Amber, then what of both is accepted. `titles` names the plan of each row in a list over several."""
    note = "Turning Red by then, soonest first" if wanted.filters.turns_red else "Longest at {} first"
    shown = report.shown
    groups: list[tuple[str, str, tuple[ExceptionRow, ...], int, str]] = [
        (colour.value, RAG_TITLES[colour], rows, total, _note(note, RAG_TITLES[colour], accepted))
        for colour, rows, total, accepted in (
            (Rag.RED, report.red, shown.red, shown.red_accepted),
            (Rag.AMBER, report.amber, shown.amber, shown.amber_accepted),
        )
    ]
    groups.append(("accepted", "Accepted", report.accepted, shown.accepted, "Counted above; each returns on its day"))
    found = []
    for colour, name, rows, total, said in groups:
        if rows:
            printed = [
                _printed(
                    row,
                    today=report.today,
                    looks_ahead=report.looks_ahead,
                    plan_title=titles.get(row.item.plan_slug, ""),
                    detail=wanted.detail,
                    may_accept=_may_accept(row.item, viewer, report),
                )
                for row in rows
            ]
            found.append(_Group(colour, name, total, said, printed))
    return found


def _may_accept(item: ExceptionItem, viewer: _Viewer, report: ExceptionReport) -> bool:
    """Whether to offer it beside the row: to a senior officer of its plan who does not own it, of what is so today."""
    return (
        not report.looks_ahead
        and item.kind == "milestone"
        and item.plan_slug in viewer.accepts_in
        and item.owner_id != viewer.id
    )


def _note(note: str, name: str, accepted: int) -> str:
    """In which order a group stands, and how many of its number are accepted and stand at the end of the list."""
    return f"{note.format(name)}; {number(accepted)} accepted, listed last" if accepted else note.format(name)


@lru_cache(maxsize=2_000)
def _printed(
    row: ExceptionRow, *, today: date, looks_ahead: bool, plan_title: str, detail: bool, may_accept: bool
) -> str:
    """One row as it stands on the page, remembered by all that is printed: most rows are the same at every visit."""
    macro = environment.get_template("exception_reports/_row.html").module.exception  # type: ignore[attr-defined]
    ready = _ready(row, today=today, looks_ahead=looks_ahead, plan_title=plan_title)
    return macro(row.item.rag.value, RAG_TITLES[row.item.rag], detail, may_accept, ready)  # type: ignore[no-any-return]


def _ready(row: ExceptionRow, *, today: date, looks_ahead: bool, plan_title: str) -> tuple[Any, ...]:
    """Ready strings, in the order in which the template names them. `plan_title` in a list over several plans."""
    item = row.item
    is_milestone = item.kind == "milestone"
    return (
        f"{item.plan_slug}-{item.ref}" if plan_title else item.ref,
        address_of(item.plan_slug, item.kind, item.ref),
        item.ref,
        item.title,
        _days(item, looks_ahead=looks_ahead),
        f"exception for {item.exception_days}" if item.exception_days > item.days and item.rag == item.rag_now else "",
        KIND_WORDS.get(item.kind, item.kind.capitalize()),
        [reason.message for reason in item.reasons],
        _badge(row, looks_ahead=looks_ahead),
        marks_of(item),
        item.owner or ("No owner" if is_milestone else "Programme manager, to triage it"),
        item.organisation if is_milestone else f"Sent by {item.organisation}",
        plan_title or item.theme,
        short(item.baseline_date) if item.baseline_date else "",
        _pairs(item),
        item.support_required,
        item.issue,
        _path(item),
        _waiting(item),
        date_line(item, today=today),
        evidence_words(item.evidence) if is_milestone else "",
        _last_update(item),
        f"Accepted until {long_date(item.accepted_until)}{_by(item)}"
        if row.is_accepted and item.accepted_until
        else "",
    )


def _by(item: ExceptionItem) -> str:
    return f" by {item.accepted_by}" if item.accepted_by else ""


def _days(item: ExceptionItem, *, looks_ahead: bool) -> str:
    if looks_ahead and item.rag != item.rag_now:
        return f"from {short_date(item.since)}"
    return f"for {item.days:,} day{'' if item.days == 1 else 's'}"


_BADGE_CLASSES = {BadgeKind.WORSE: " wm-state--strong", BadgeKind.TURNS_RED: " wm-state--strong"}


def _badge(row: ExceptionRow, *, looks_ahead: bool) -> tuple[str, str] | None:
    """The one remark beside a row, (words, class). In a look-ahead it says what the item is today."""
    item = row.item
    if looks_ahead and item.rag != item.rag_now:
        return f"{RAG_TITLES[item.rag_now]} today", " wm-state--wash"
    if row.badge is None:
        return None
    return row.badge.text, _BADGE_CLASSES.get(row.badge.kind, " wm-state--wash")


def _pairs(item: ExceptionItem) -> list[tuple[str, str, bool]]:
    """The dates and slips of a row: (name, words, whether it is late)."""
    if item.kind == "submission":
        return [("Received", moment(item.last_update_at), False)] if item.last_update_at else []
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
    if item.kind == "submission":
        return ""
    if item.last_update_at is None:
        return "No update yet" if item.status is not Status.COMPLETED else ""
    since = f". No change since, as said on {short(item.no_change_on)}" if item.no_change_on else ""
    return f"{item.last_update_by}, {short(london_day(item.last_update_at))}{since}"
