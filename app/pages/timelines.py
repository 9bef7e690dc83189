"""The timeline of a plan: a picture of its milestones' dates, the same as a table, and the picture to take away."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import Response
from markupsafe import Markup

from app.db import UnitOfWork
from app.documents import charts
from app.documents.charts import Axis, TimelineGroup, TimelineRow
from app.domain.days import long_date
from app.domain.files import content_disposition
from app.domain.markings import marks_of
from app.domain.plans import Choices
from app.domain.timelines import Timeline, TimelineFilters, TimelineItem
from app.domain.words import Status
from app.doors.routing import NounRouter
from app.pages.addresses import Addresses
from app.pages.deps import Reading, Writing
from app.pages.forms import day_in_address
from app.pages.frames import frame_of
from app.pages.milestone_lists import STATUS_CHOICES
from app.pages.templating import STATIC, render
from app.pages.timeline_orders import choices as order_choices
from app.pages.timeline_orders import columns, in_order, is_whole, sort_in_address
from app.pages.wording import RAG_TITLES, listing, short, slip_words
from app.services import timelines as services
from app.services.plans import choices_of

router = NounRouter()

OUTSTANDING = "Evidence outstanding"
_PARAMETERS = ("theme", "organisation", "status", "from", "to")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address asks for."""

    query: dict[str, str]
    sort: str

    @property
    def filters(self) -> TimelineFilters:
        """Raises Invalid for a day that is none."""
        given = self.query
        return TimelineFilters(
            theme=given.get("theme"),
            organisation=given.get("organisation"),
            status=given.get("status"),
            first=day_in_address("from", given.get("from"), "From"),
            last=day_in_address("to", given.get("to"), "To"),
        )


async def _wanted(request: Request) -> Wanted:  # async: what only looks at the address needs no thread
    asked = request.query_params.get
    return Wanted({name: value for name in _PARAMETERS if (value := asked(name))}, sort_in_address(asked("sort")))


WantedNow = Annotated[Wanted, Depends(_wanted)]


@router.get("/plans/{plan}/timeline")
def show_timeline(run: Reading, plan: str, request: Request, wanted: WantedNow) -> Response:
    """The picture and, under it, the same facts as a table."""

    def read(uow: UnitOfWork) -> tuple[Timeline, Choices]:
        found = services.plan_timeline(uow, slug=plan, filters=wanted.filters)
        return found, choices_of(uow, found.plan.id)

    found, offered = run.read(read)
    address = Addresses(request.url.path, wanted.query)
    sorted_by = {**wanted.query, "sort": wanted.sort}
    axis = _axis(found)
    return render(
        request,
        "timelines/page.html",
        frame=frame_of(run, found.plan, active="timeline"),
        timeline=found,
        most=services.MOST,
        pictures=[Markup(svg) for svg in _pictures(found, axis)],  # noqa: S704 - the chart escapes what it writes
        rows=[_printed(item, found.plan.slug) for item in in_order(found, wanted.sort)],
        columns=columns(found, wanted.sort, address),
        orders=order_choices(wanted.sort) if is_whole(found) else [],
        reviews=[day for day in found.meetings if axis.shows(day)],
        shows_today=axis.shows(found.today),
        selects=_selects(wanted.query, offered),
        query=wanted.query,
        chips=_chips(wanted.query, offered, Addresses(request.url.path, sorted_by)),
        address=address,
        download=Addresses(f"{request.url.path}.svg", wanted.query).with_(),
        as_csv=Addresses(f"{request.url.path}.csv", sorted_by).with_(),
    )


@router.get("/plans/{plan}/timeline.svg")
def take_timeline(run: Writing, plan: str, wanted: WantedNow) -> Response:
    """The picture as a file of its own, to be saved. That it was taken is put on the access log."""
    found, offered = run.write(_taken, plan=plan, filters=wanted.filters)
    return Response(
        _file(found, _filtered_by(wanted.query, offered)),
        media_type="image/svg+xml",
        headers={
            "Content-Disposition": content_disposition(f"{plan}-timeline-{found.today.isoformat()}.svg"),
            "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )


def _taken(uow: UnitOfWork, *, plan: str, filters: TimelineFilters) -> tuple[Timeline, Choices]:
    found = services.take_timeline(uow, slug=plan, filters=filters)
    return found, choices_of(uow, found.plan.id)


# --- The picture ---------------------------------------------------------------------------------------------------


def _axis(found: Timeline) -> Axis:
    return Axis(found.first, found.last, found.today, found.meetings, found.plan.next_review)


def _pictures(found: Timeline, axis: Axis) -> list[str]:
    """The panels of the picture. The first explains the marks."""
    panels = charts.panels(_groups(found.items))
    number = len(panels)
    return [
        charts.timeline(
            panel,
            axis,
            ident=f"timeline-{place}",
            name=f"Timeline of {found.plan.title}" + (f", part {place} of {number}" if number > 1 else ""),
            description=_description(panel, axis),
            legend=place == 1,
        )
        for place, panel in enumerate(panels, start=1)
    ]


def _file(found: Timeline, filtered_by: Iterable[tuple[str, str]]) -> str:
    """The whole picture in one. It says what it leaves out, and its marking: it goes where the page is not."""
    groups = _groups(found.items)
    axis = _axis(found)
    held = {word for item in found.items for word in marks_of(item)}
    heading = f"{found.plan.title}, timeline on {long_date(found.today)}"
    words = listing(words for _, words in filtered_by)
    heading += f". Only: {words}" if words else ""
    heading += "".join(f". {word}" for word in sorted(held))
    svg = charts.timeline(
        groups,
        axis,
        ident="timeline",
        name=heading,
        description=_description(groups, axis),
        legend=True,
        heading=heading,
    )
    return charts.standalone(svg, (STATIC / "timeline.css").read_text("utf-8"))


def _description(groups: Sequence[TimelineGroup], axis: Axis) -> str:
    """What the picture holds, for who cannot see it; the facts themselves are in the table."""
    rows = [row for group in groups for row in group.rows]
    colours = [row.state for row in rows if row.colour in ("red", "amber", "green")]
    counted = [f"{colours.count(word)} {word}" for word in RAG_TITLES.values() if word in colours]
    held = f"{len(rows)} milestone{'' if len(rows) == 1 else 's'}"
    return (
        f"{held} from {long_date(axis.first)} to {long_date(axis.last)}"
        f"{': ' + listing(counted) if counted else ''}. The table below gives every date."
    )


def _groups(items: Iterable[TimelineItem]) -> tuple[TimelineGroup, ...]:
    return tuple(
        TimelineGroup(theme.title, tuple(_row(item) for item in several))
        for theme, several in groupby(items, key=lambda item: item.theme)
    )


def _row(item: TimelineItem) -> TimelineRow:
    return TimelineRow(
        ref=item.ref,
        title=item.title,
        marks=marks_of(item),
        colour=_colour(item),
        state=RAG_TITLES[item.rag] if item.rag else item.standing,
        slip=_slip(item),
        note=OUTSTANDING if _is_outstanding(item) else "",
        baseline=item.baseline_date,
        due=item.due_date,
        forecast=item.forecast_date,
        completed=item.completed_date,
        achieved=item.achieved_date,
        expected=item.expected_date,
    )


def _colour(item: TimelineItem) -> str:
    """Which shape stands beside the word: that of its colour or, without one, of its state."""
    if item.rag:
        return item.rag.value
    if item.status in (Status.ACHIEVED, Status.CANCELLED):
        return item.status.value
    return "not-due" if item.not_due else ""


def _slip(item: TimelineItem) -> str:
    return "" if item.slip_days is None else slip_words(item.slip_days)


def _is_outstanding(item: TimelineItem) -> bool:
    return item.status is Status.COMPLETED and item.standing.endswith(OUTSTANDING.lower())


# --- The table and the filters -------------------------------------------------------------------------------------


def _printed(item: TimelineItem, slug: str) -> tuple[Any, ...]:
    """A row of the table as ready strings, in the order in which the template names them."""
    colour = _colour(item)
    return (
        f"/plans/{slug}/milestones/{item.ref}",
        item.ref,
        item.title,
        marks_of(item),
        item.theme.title,
        _short(item.baseline_date),
        _short(item.due_date) or "None agreed",
        _short(item.forecast_date),
        _finished(item),
        _slip(item),
        str(item.moves) if item.moves else "",
        colour if item.rag or colour == "achieved" else "",
        RAG_TITLES[item.rag] if item.rag else item.standing,
        item.standing if item.rag else "",
    )  # fmt: skip


def _finished(item: TimelineItem) -> list[str]:
    """Completed and achieved, a line each; on one day they are said at once."""
    if item.completed_date and item.completed_date == item.achieved_date:
        return [f"Completed and achieved {short(item.completed_date)}"]
    days = (("Completed", item.completed_date), ("Achieved", item.achieved_date))
    return [f"{words} {short(day)}" for words, day in days if day]


def _short(day: date | None) -> str:
    return short(day) if day else ""


def _selects(query: dict[str, str], offered: Choices) -> list[tuple[str, str, str, list[tuple[str, str, bool]]]]:
    lists = [
        ("theme", "Theme", "All themes", offered.themes),
        ("organisation", "Organisation", "All organisations", offered.organisations),
        ("status", "Status", "All statuses", STATUS_CHOICES),
    ]
    return [
        (name, label, every, [(value, words, value == query.get(name)) for value, words in options])
        for name, label, every, options in lists
    ]


def _chips(query: dict[str, str], offered: Choices, address: Addresses) -> list[tuple[str, str]]:
    """What is filtered by: (words, the address without it)."""
    return [(words, address.with_(**{name: None})) for name, words in _filtered_by(query, offered)]


def _filtered_by(query: dict[str, str], offered: Choices) -> list[tuple[str, str]]:
    """What is filtered by: (name, words)."""
    known = {
        "theme": dict(offered.themes),
        "organisation": dict(offered.organisations),
        "status": dict(STATUS_CHOICES),
        "from": {day: f"From {_short_in_address(day)}" for name, day in query.items() if name == "from"},
        "to": {day: f"To {_short_in_address(day)}" for name, day in query.items() if name == "to"},
    }
    return [(name, words.get(query[name], query[name])) for name, words in known.items() if name in query]


def _short_in_address(day: str) -> str:
    return short(date.fromisoformat(day))
