"""Charts as SVG: pure functions from facts and ready words to markup.

Nothing here has a style of its own: shapes carry classes, and `app/static/timeline.css` says how they look, because
the pages' content security policy allows no other styles. A chart that stands alone takes that style sheet along.

The timeline, from left to right: reference and title, the time axis, RAG or state, slip. A line a milestone, all of
the same height; a line a theme. A long timeline is cut into panels, each with its own axis, so that a reader and a
sheet of paper always have the months in view.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

from app.domain.days import long_date, short_date

WIDTH = 1200
AXIS_FROM, AXIS_TO = 372, 868
STATE_AT, SLIP_AT = 882, 1084
LINE = 26
HEAD = 90
LEGEND = 40
PANEL_LINES = 28
TYPE = 16
NO_DATES = "No dates yet"

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_STEPS = (1, 3, 6, 12, 24, 60, 120, 300, 600, 1200, 3000, 6000, 12000)
_MONTH_ROOM, _YEAR_ROOM = 36, 50  # px that the name of a month and that of a year take up
_LEAST_BETWEEN_MEETINGS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRow:
    """One milestone. `colour` is red, amber, green, achieved, not-due, cancelled or nothing; `state` its word.

    `expected` is where its line ends: the expected finish. `note` stands beside its last mark, and
    `marks` before its title.
    """

    ref: str
    title: str
    colour: str
    state: str
    slip: str = ""
    note: str = ""
    baseline: date | None = None
    due: date | None = None
    forecast: date | None = None
    completed: date | None = None
    achieved: date | None = None
    expected: date | None = None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TimelineGroup:
    """A theme and its milestones."""

    title: str
    rows: tuple[TimelineRow, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """The days from left to right, today, and the review meetings. Days outside are simply not drawn.

    `next_meeting` is drawn whether or not it is among the meetings, and named first.
    """

    first: date
    last: date
    today: date
    meetings: tuple[date, ...] = ()
    next_meeting: date | None = None

    def at(self, day: date) -> float:
        """Where a day stands, in px. Days outside of the axis stand outside of it."""
        return AXIS_FROM + (day - self.first).days * (AXIS_TO - AXIS_FROM) / max(1, (self.last - self.first).days)

    def shows(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Label:
    """Words under or above a point of the axis: where their middle is, and how much room they take."""

    text: str
    x: float
    width: float

    def meets(self, other: "Label", *, gap: float = 8) -> bool:
        """Whether the two would run into each other."""
        return abs(self.x - other.x) < (self.width + other.width) / 2 + gap


# --- The timeline --------------------------------------------------------------------------------------------------


def panels(groups: Sequence[TimelineGroup], *, most: int = PANEL_LINES) -> list[tuple[TimelineGroup, ...]]:
    """The themes cut into panels of about the same length, none longer than `most` lines.

    A theme that is cut goes on in the next panel under its name; no panel ends with a theme's name.
    """
    groups = [group for group in groups if group.rows]
    lines = sum(len(group.rows) + 1 for group in groups)
    if not lines:
        return []
    number = next(number for number in range(1, lines + 1) if number * most >= lines + number - 1)
    size = -(-(lines + number - 1) // number)
    found: list[list[TimelineGroup]] = [[]]
    room = size
    for group in groups:
        rows, title = group.rows, group.title
        while rows:
            if room < 2:
                found.append([])
                room = size
            part, rows = rows[: room - 1], rows[room - 1 :]
            found[-1].append(TimelineGroup(title, part))
            room -= len(part) + 1
            title = f"{group.title} (continued)"
    return [tuple(panel) for panel in found]


def timeline(
    groups: Sequence[TimelineGroup],
    axis: Axis,
    *,
    ident: str,
    name: str,
    description: str,
    legend: bool = False,
    heading: str = "",
) -> str:
    """One panel. `ident` begins its ids, `name` and `description` say to everybody what it is.

    `heading` is drawn above it, for a picture that stands alone; `legend` explains the marks.
    """
    margin = 16 if heading else 0
    top = (LINE + 6 if heading else 0) + (LEGEND if legend else 0)
    bottom = top + HEAD + LINE * sum(len(group.rows) + 1 for group in groups)
    width, height = WIDTH + 2 * margin, bottom + 2 + 2 * margin
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="wm-chart" width="{width}" height="{height}"'
        f' viewBox="{-margin} {-margin} {width} {height}" preserveAspectRatio="xMinYMin" role="img"'
        f' aria-labelledby="{ident}-name" aria-describedby="{ident}-description" focusable="false">'
    )
    parts = [
        opening,
        f'<title id="{ident}-name">{escape(name)}</title>',
        f'<desc id="{ident}-description">{escape(description)}</desc>',
        _text(0, 20, heading, "heading") if heading else "",
        _legend(top - LEGEND + 20) if legend else "",
        *_bands(groups, top + HEAD),
        *_grid(axis, top, bottom),
        *_meetings(axis, top, bottom),
        *_today(axis, top, bottom),
        *_rows(groups, axis, top + HEAD),
        "</svg>",
    ]
    return "".join(parts)


def standalone(svg: str, style: str) -> str:
    """A chart as a file of its own, with its style sheet inside."""
    opening, rest = svg.split(">", 1)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{opening}><style>{escape(style, quote=False)}</style>{rest}'


# --- The axis ------------------------------------------------------------------------------------------------------


def ticks(axis: Axis) -> list[tuple[date, str]]:
    """The first of each month, quarter, half-year, year and so on, as fits: (day, words)."""
    step = _step(axis)
    first = -(-_month_number(axis.first) // step) * step
    found = []
    for month in range(first, _month_number(axis.last) + 1, step):
        year, of_year = divmod(month, 12)
        day = date(max(year, 1), of_year + 1, 1)
        if axis.shows(day):
            found.append((day, _MONTHS[of_year] if step < 12 else str(year)))
    return found


def years(axis: Axis) -> list[tuple[float, str]]:
    """Each year's name and where it is written: at its first day, or where the axis begins in the middle of it.

    A year of which too little is shown to write it is left out, and all of them where the ticks are years already.
    """
    if _step(axis) >= 12:
        return []
    found: list[tuple[float, str]] = []
    for year in range(axis.first.year, axis.last.year + 1):
        from_, to = axis.at(max(axis.first, date(year, 1, 1))), axis.at(min(axis.last, date(year, 12, 31)))
        if to - from_ >= text_width(str(year), bold=True):
            found.append((from_, str(year)))
    return found


def _step(axis: Axis) -> int:
    """How many months there are from one tick to the next."""
    months = max(1, (axis.last - axis.first).days) / 30.44
    month = (AXIS_TO - AXIS_FROM) / months
    fitting = (step for step in _MONTH_STEPS if step * month >= (_MONTH_ROOM if step < 12 else _YEAR_ROOM))
    return next(fitting, _MONTH_STEPS[-1])


def meeting_lines(axis: Axis) -> list[date]:
    """The review meetings to draw. Where they stand too close the next one stays, and of the others as many as fit."""
    first = [axis.next_meeting] if axis.next_meeting else []
    shown = [day for day in (*first, *axis.meetings) if axis.shows(day)]
    kept: list[date] = []
    for day in shown:
        if all(abs(axis.at(day) - axis.at(other)) >= _LEAST_BETWEEN_MEETINGS for other in kept):
            kept.append(day)
    return sorted(kept)


def meeting_labels(axis: Axis) -> list[Label]:
    """The dates of the drawn meetings that can be written without running into each other, the next one first.

    It says what it is ("Next review 26 Mar"); after it come the meetings that follow, then those before, from today on.
    """
    coming = axis.next_meeting
    lines = meeting_lines(axis)
    later = [day for day in lines if coming and day >= coming]
    earlier = [day for day in reversed(lines) if day not in later]
    placed: list[Label] = []
    for day in [*later, *earlier]:
        words = f"Next review {_day_and_month(day)}" if day == coming else _day_and_month(day)
        label = _within(Label(words, axis.at(day), text_width(words)))
        if not any(label.meets(other) for other in placed):
            placed.append(label)
    return sorted(placed, key=lambda label: label.x)


def _within(label: Label) -> Label:
    """The label moved so that it does not reach beyond the axis."""
    x = min(max(label.x, AXIS_FROM + label.width / 2), AXIS_TO - label.width / 2)
    return Label(label.text, x, label.width)


def _grid(axis: Axis, top: float, bottom: float) -> Iterator[str]:
    yield _text(0, top + 42, "Milestone", "head")
    yield _text(STATE_AT, top + 42, "RAG or state", "head")
    yield _text(SLIP_AT, top + 42, "Slip", "head")
    for x, words in years(axis):
        yield _text(x + 5, top + 18, words, "head")
    marked = ticks(axis)
    for day, words in marked:
        if axis.at(day) + 5 + text_width(words) <= AXIS_TO:
            yield _text(axis.at(day) + 5, top + 42, words, "tick")
    at = [_n(axis.at(day)) for day, _ in marked]
    yield _path("edge", "".join(f"M{x} {_n(top + 30)}V{_n(top + 48)}" for x in at))
    yield _path("grid", "".join(f"M{x} {_n(top + HEAD)}V{_n(bottom)}" for x in at))
    yield _path("edge", f"M{AXIS_FROM} {_n(top + 48)}H{AXIS_TO}M0 {_n(bottom)}H{WIDTH}")


def _meetings(axis: Axis, top: float, bottom: float) -> Iterator[str]:
    lines = meeting_lines(axis)
    if not lines:
        return
    yield _text(AXIS_FROM - 12, top + 64, "Review meetings", "reviews", anchor="end")
    yield _path("meeting", "".join(f"M{_n(axis.at(day))} {_n(top + 70)}V{_n(bottom)}" for day in lines))
    for label in meeting_labels(axis):
        yield _text(label.x, top + 64, label.text, "reviews", anchor="middle")


def _today(axis: Axis, top: float, bottom: float) -> Iterator[str]:
    if not axis.shows(axis.today):
        return
    x = axis.at(axis.today)
    words = f"Today, {_day_and_month(axis.today)}"
    width = text_width(words, bold=True) + 16
    label = _within(Label(words, x, width))
    yield _path("today", f"M{_n(x)} {_n(top + HEAD)}V{_n(bottom)}")
    yield (
        f'<rect class="wm-chart__flag" x="{_n(label.x - width / 2)}" y="{_n(top + HEAD - 20)}" width="{_n(width)}"'
        ' height="22" rx="2"/>'
    )
    yield _text(label.x, top + HEAD - 4, words, "flagged", anchor="middle")


# --- Themes and milestones -----------------------------------------------------------------------------------------


def _bands(groups: Sequence[TimelineGroup], top: float) -> Iterator[str]:
    """What lies under everything: a band for each theme, a rule above each milestone."""
    y = top
    for group in groups:
        yield f'<rect class="wm-chart__band" x="0" y="{_n(y)}" width="{WIDTH}" height="{LINE}"/>'
        y += LINE * (len(group.rows) + 1)
        yield _path("rule", "".join(f"M0 {_n(y - LINE * back)}H{WIDTH}" for back in range(len(group.rows))))


def _rows(groups: Sequence[TimelineGroup], axis: Axis, top: float) -> Iterator[str]:
    title_at = 16 + max((text_width(row.ref) for group in groups for row in group.rows), default=0)
    y = top
    for group in groups:
        yield _text(8, y + 18, fitted(group.title, WIDTH - 16, bold=True), "theme")
        y += LINE
        for row in group.rows:
            yield _row(row, axis, y + LINE / 2, title_at)
            y += LINE


def _row(row: TimelineRow, axis: Axis, y: float, title_at: float) -> str:
    parts = [
        f'<g class="wm-chart__row wm-chart__row--{row.colour or "none"}"><title>{escape(told(row))}</title>',
        _text(8, y + 5, row.ref, "ref"),
        _text(title_at, y + 5, fitted(": ".join((*row.marks, row.title)), AXIS_FROM - 16 - title_at), "title"),
        *_drawn(row, axis, y),
        _state_mark(row.colour, STATE_AT + 7, y),
        _text(STATE_AT + 22, y + 5, fitted(row.state, SLIP_AT - STATE_AT - 26, bold=True), "state"),
        _text(SLIP_AT, y + 5, fitted(row.slip, WIDTH - SLIP_AT), "slip") if row.slip else "",
        "</g>",
    ]
    return "".join(parts)


def told(row: TimelineRow) -> str:
    """A milestone in a sentence, shown by the pointer over its line."""
    dates = (
        ("baseline", row.baseline),
        ("due", row.due),
        ("forecast", row.forecast),
        ("completed", row.completed),
        ("achieved", row.achieved),
    )
    said = [row.state, *(f"{name} {long_date(day)}" for name, day in dates if day), *([row.note] if row.note else [])]
    return f"{row.ref} {row.title}: {', '.join([*row.marks, *said])}"


def _drawn(row: TimelineRow, axis: Axis, y: float) -> Iterator[str]:
    days = [day for day in (row.baseline, row.due, row.forecast, row.completed, row.achieved, row.expected) if day]
    if not days:
        yield _text(AXIS_FROM + 8, y + 5, NO_DATES, "note")
        return
    yield _line("span", min(days), max(days), axis, y)
    if row.baseline and row.due and row.due > row.baseline:
        yield _line("moved", row.baseline, row.due, axis, y)
    if row.due and row.expected and row.expected > row.due:
        yield _line("late", row.due, row.expected, axis, y)
    yield from _beyond(days, axis, y)
    for shape, day in (
        (_baseline, row.baseline),
        (_due, row.due),
        (_forecast, row.forecast),
        (_completed, row.completed),
        (_achieved, row.achieved),
    ):
        if day and axis.shows(day):
            yield shape(axis.at(day), y)
    if row.note:
        yield _note(row.note, days, axis, y)


def note_place(words: str, from_: float, to: float) -> tuple[float, str]:
    """Where a note stands beside marks that reach from one place to another: (x, text-anchor).

    After them where there is room, else before them, else over the line, where its edge keeps it readable.
    """
    width = text_width(words)
    if to + 14 + width <= AXIS_TO:
        return to + 14, "start"
    if from_ - 14 - width >= AXIS_FROM:
        return from_ - 14, "end"
    return min(max((from_ + to) / 2, AXIS_FROM + width / 2), AXIS_TO - width / 2), "middle"


def _note(words: str, days: Sequence[date], axis: Axis, y: float) -> str:
    x, anchor = note_place(words, _clamped(axis.at(min(days))), _clamped(axis.at(max(days))))
    return _text(x, y + 5, words, "note", anchor=anchor)


def _line(kind: str, from_: date, to: date, axis: Axis, y: float) -> str:
    start, end = _clamped(axis.at(from_)), _clamped(axis.at(to))
    return _path(kind, f"M{_n(start)} {_n(y)}H{_n(end)}") if end > start else ""


def _beyond(days: Sequence[date], axis: Axis, y: float) -> Iterator[str]:
    """An arrowhead at the edge that something of the line lies beyond."""
    if min(days) < axis.first:
        yield _path("beyond", f"M{AXIS_FROM} {_n(y - 5)}l-8 5 8 5z")
    if max(days) > axis.last:
        yield _path("beyond", f"M{AXIS_TO} {_n(y - 5)}l8 5-8 5z")


def _clamped(x: float) -> float:
    return min(max(x, AXIS_FROM), AXIS_TO)


# --- Marks ---------------------------------------------------------------------------------------------------------


def _baseline(x: float, y: float) -> str:
    return _path("baseline", _diamond(x, y, 9))


def _due(x: float, y: float) -> str:
    return _path("due", _diamond(x, y, 6))


def _forecast(x: float, y: float) -> str:
    """Its tip is the day."""
    d = f"M{_n(x - 8)} {_n(y - 9)}l8 9-8 9"
    return _path("halo", d) + _path("forecast", d)


def _completed(x: float, y: float) -> str:
    d = f"M{_n(x)} {_n(y - 11)}v22"
    return _path("halo", d) + _path("completed", d)


def _achieved(x: float, y: float) -> str:
    disc = f"M{_n(x - 9)} {_n(y)}a9 9 0 1 0 18 0a9 9 0 1 0-18 0z"
    return _path("disc", disc) + _path("achieved", f"M{_n(x - 4.5)} {_n(y)}l3.5 4 6-8")


def _state_mark(colour: str, x: float, y: float) -> str:
    """The shape that goes with a word: square, triangle, disc, ring, tick, cross. Nothing without a word of colour."""
    d = {
        "red": f"M{_n(x - 6)} {_n(y - 6)}h12v12h-12z",
        "amber": f"M{_n(x)} {_n(y - 6)}l7 12h-14z",
        "green": f"M{_n(x - 6)} {_n(y)}a6 6 0 1 0 12 0a6 6 0 1 0-12 0z",
        "not-due": f"M{_n(x - 5)} {_n(y)}a5 5 0 1 0 10 0a5 5 0 1 0-10 0z",
        "achieved": f"M{_n(x - 6)} {_n(y)}l4.5 5 8-11",
        "cancelled": f"M{_n(x - 5)} {_n(y - 5)}l10 10m0-10l-10 10",
    }.get(colour)
    return _path(f"shape-{colour}", d) if d else ""


def _diamond(x: float, y: float, r: float) -> str:
    return f"M{_n(x)} {_n(y - r)}l{_n(r)} {_n(r)}-{_n(r)} {_n(r)}-{_n(r)}-{_n(r)}z"


def _legend(y: float) -> str:
    """What each mark means, from left to right."""
    marks = (
        (_baseline, "Baseline"),
        (_due, "Due"),
        (_forecast, "Forecast"),
        (_completed, "Completed"),
        (_achieved, "Achieved"),
    )
    parts, x = ['<g class="wm-chart__legend">'], 8.0
    for shape, words in marks:
        parts += [shape(x + 8, y), _text(x + 26, y + 5, words, "legend-words")]
        x += 26 + text_width(words) + 26
    for kind, words in (("moved", "Due date moved"), ("late", "Later than due")):
        parts += [_path(kind, f"M{_n(x)} {_n(y)}h40"), _text(x + 50, y + 5, words, "legend-words")]
        x += 50 + text_width(words) + 26
    return "".join([*parts, "</g>"])


# --- Words ---------------------------------------------------------------------------------------------------------

# How wide the letters of our typeface are, as shares of its size, a little rounded up; what is not named is 0.6.
_SHARES = {
    letter: share
    for share, letters in {
        0.27: "`ijl|'.,:;’",
        0.33: ' !"()[]ft-r{}_“”·',
        0.42: "I1/\\",
        0.51: "svyzcJkax*7?–",
        0.57: "2<>EFLT^bdeghnopqu~",
        0.69: "#0=ACDKGHNOQUw",
        0.88: "MWm@%&—…",
    }.items()
    for letter in letters
}
_BOLDER = 1.05


def text_width(text: str, *, bold: bool = False) -> float:
    """About how much room words take, in px, erring on the wide side: nobody can measure before they are drawn."""
    return TYPE * sum(_SHARES.get(letter, 0.6) for letter in text) * (_BOLDER if bold else 1)


def fitted(text: str, room: float, *, bold: bool = False) -> str:
    """The words, cut where they would not fit, with an ellipsis: "Managers trained in…"."""
    width, most = 0.0, room / (TYPE * (_BOLDER if bold else 1))
    cut = 0  # how many letters leave room for the ellipsis
    for place, letter in enumerate(text):
        if width + _SHARES["…"] <= most:
            cut = place
        width += _SHARES.get(letter, 0.6)
        if width > most:
            return f"{text[:cut].rstrip(' ,.:;–-')}…"
    return text


def _day_and_month(day: date) -> str:
    return short_date(day).rsplit(" ", 1)[0]


def _month_number(day: date) -> int:
    return day.year * 12 + day.month - 1


def _text(x: float, y: float, words: str, kind: str, *, anchor: str = "") -> str:
    anchored = f' text-anchor="{anchor}"' if anchor and anchor != "start" else ""
    return f'<text class="wm-chart__{kind}" x="{_n(x)}" y="{_n(y)}"{anchored}>{escape(words)}</text>'


def _path(kind: str, d: str) -> str:
    return f'<path class="wm-chart__{kind}" d="{d}"/>' if d else ""


def _n(value: float) -> str:
    """A number as short as it can be said: 12, 12.3."""
    return f"{value:.1f}".removesuffix(".0")
