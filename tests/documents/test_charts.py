"""The timeline as SVG: where days stand, what gives way where there is no room, and what is drawn of too few facts."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents import charts
from app.documents.charts import AXIS_FROM, AXIS_TO, Axis, TimelineGroup, TimelineRow

DAY = date(2026, 3, 12)
YEAR = Axis(date(2026, 1, 1), date(2026, 12, 31), DAY)
SVG = "{http://www.w3.org/2000/svg}"


def row(ref: str = "M-01", **facts: object) -> TimelineRow:
    return TimelineRow(**{"ref": ref, "title": "Duty rota published", "colour": "green", "state": "Green", **facts})  # type: ignore[arg-type]


def group(number: int, title: str = "Practice") -> TimelineGroup:
    return TimelineGroup(title, tuple(row(f"M-{place:02}", due=DAY) for place in range(1, number + 1)))


def drawn(*rows: TimelineRow, axis: Axis = YEAR, **more: object) -> ET.Element:
    groups = [TimelineGroup("Practice", rows)] if rows else []
    given: dict[str, object] = {"ident": "t", "name": "Timeline", "description": "What it holds", **more}
    return ET.fromstring(charts.timeline(groups, axis, **given))  # type: ignore[arg-type]


def parts(svg: ET.Element, kind: str) -> list[ET.Element]:
    return [one for one in svg.iter() if one.get("class") == f"wm-chart__{kind}"]


def words(svg: ET.Element) -> list[str]:
    return [one.text or "" for one in svg.iter(f"{SVG}text")]


def starts(svg: ET.Element, kind: str) -> list[float]:
    """Where the paths of a kind begin, in px from the left."""
    found = (re.match(r"M(-?[\d.]+)", one.get("d") or "") for one in parts(svg, kind))
    return [float(one.group(1)) for one in found if one]


def line(svg: ET.Element, kind: str) -> list[float]:
    """From where to where a line goes."""
    return [float(x) for x in re.findall(r"[MH](-?[\d.]+)", parts(svg, kind)[0].get("d") or "")]


def at(*days: date) -> object:
    return pytest.approx([YEAR.at(day) for day in days], abs=0.1)


# --- where a day stands -----------------------------------------------------------------------------------------------


def test_the_first_day_stands_at_the_left_the_last_at_the_right_and_the_others_evenly_between() -> None:
    axis = Axis(date(2026, 1, 1), date(2026, 1, 11), DAY)
    assert axis.at(axis.first) == AXIS_FROM
    assert axis.at(axis.last) == AXIS_TO
    assert axis.at(date(2026, 1, 6)) == (AXIS_FROM + AXIS_TO) / 2


def test_an_axis_of_a_single_day_has_a_place_for_it() -> None:
    axis = Axis(DAY, DAY, DAY)
    assert axis.at(DAY) == AXIS_FROM
    assert words(drawn(row(due=DAY), axis=axis))


def test_the_marks_stand_at_their_days() -> None:
    svg = drawn(
        row(
            baseline=date(2026, 2, 1),
            due=date(2026, 4, 1),
            completed=date(2026, 5, 1),
            achieved=date(2026, 6, 1),
            expected=date(2026, 5, 1),
        )
    )
    for kind, day, shift in (("baseline", date(2026, 2, 1), 0), ("due", date(2026, 4, 1), 0),
                             ("completed", date(2026, 5, 1), 0), ("achieved", date(2026, 6, 1), 4.5)):  # fmt: skip
        assert starts(svg, kind) == [pytest.approx(YEAR.at(day) - shift, abs=0.1)], kind
    assert parts(svg, "forecast") == []


def test_the_tip_of_the_forecast_is_its_day() -> None:
    assert starts(drawn(row(forecast=date(2026, 7, 1))), "forecast") == [
        pytest.approx(YEAR.at(date(2026, 7, 1)) - 8, abs=0.1)
    ]


def test_slip_is_a_length() -> None:
    """Moved: from the baseline to the due date. Later than due: from there to the expected finish."""
    baseline, due, expected = date(2026, 2, 1), date(2026, 3, 1), date(2026, 5, 1)
    svg = drawn(row(baseline=baseline, due=due, forecast=expected, expected=expected))
    assert line(svg, "moved") == at(baseline, due)
    assert line(svg, "late") == at(due, expected)
    assert line(svg, "span") == at(baseline, expected)


def test_what_is_on_time_or_early_has_no_line_for_being_late() -> None:
    svg = drawn(row(baseline=DAY, due=DAY, forecast=DAY - timedelta(days=30), expected=DAY))
    assert parts(svg, "late") == parts(svg, "moved") == []
    assert line(svg, "span")[1] == pytest.approx(YEAR.at(DAY), abs=0.1)


def test_a_milestone_whose_dates_are_one_day_has_marks_and_no_line() -> None:
    svg = drawn(row(baseline=DAY, due=DAY, forecast=DAY, completed=DAY, achieved=DAY, expected=DAY))
    assert parts(svg, "span") == []
    assert all(len(parts(svg, kind)) == 1 for kind in ("baseline", "due", "forecast", "completed", "achieved"))


def test_what_lies_beyond_the_axis_is_an_arrowhead_at_its_edge() -> None:
    axis = Axis(date(2026, 3, 1), date(2026, 5, 31), DAY)
    svg = drawn(
        row(
            baseline=date(2026, 1, 1), due=date(2026, 4, 1), forecast=date(2026, 12, 1), expected=date(2026, 12, 1)
        ),
        axis=axis,
    )  # fmt: skip
    assert starts(svg, "beyond") == [AXIS_FROM, AXIS_TO]
    assert parts(svg, "baseline") == parts(svg, "forecast") == []
    assert line(svg, "span") == [AXIS_FROM, AXIS_TO]


def test_a_milestone_without_dates_says_so() -> None:
    svg = drawn(row())
    assert charts.NO_DATES in words(svg)
    assert parts(svg, "due") == parts(svg, "span") == []


# --- the axis ---------------------------------------------------------------------------------------------------------


def test_a_year_shows_its_months_and_its_name() -> None:
    assert [name for _, name in charts.ticks(YEAR)] == ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
                                                        "Oct", "Nov", "Dec"]  # fmt: skip
    assert charts.years(YEAR) == [(AXIS_FROM, "2026")]


def test_a_year_that_begins_in_the_middle_is_named_there_unless_too_little_of_it_is_shown() -> None:
    axis = Axis(date(2025, 12, 20), date(2026, 12, 31), DAY)
    assert [name for _, name in charts.years(axis)] == ["2026"]
    axis = Axis(date(2025, 10, 1), date(2026, 12, 31), DAY)
    assert [name for _, name in charts.years(axis)] == ["2025", "2026"]
    assert charts.years(axis)[0][0] == AXIS_FROM


@pytest.mark.parametrize(("last", "some"), [
    (date(2028, 1, 1), "Jul"), (date(2036, 1, 1), "2030"), (date(2126, 1, 1), "2100"), (date.max, "8000"),
])  # fmt: skip
def test_the_longer_the_axis_the_fewer_its_labels(last: date, some: str) -> None:
    axis = Axis(date(2026, 1, 1), last, DAY)
    names = [name for _, name in charts.ticks(axis)]
    assert some in names
    assert len(names) < 16
    assert len(set(charts.years(axis)) & set(names)) == 0


@given(first=st.dates(), length=st.integers(0, 40_000))
def test_no_two_labels_of_an_axis_run_into_each_other(first: date, length: int) -> None:
    axis = Axis(first, date.fromordinal(min(first.toordinal() + length, date.max.toordinal())), first)
    found = charts.ticks(axis)
    for (day, words), (following, _) in pairwise(found):
        assert axis.at(day) + 5 + charts.text_width(words) <= axis.at(following) + 5


def test_today_is_a_line_with_its_name_and_missing_where_it_is_not_shown() -> None:
    svg = drawn(row(due=DAY))
    assert "Today, 12 Mar" in words(svg)
    assert starts(svg, "today") == [pytest.approx(YEAR.at(DAY), abs=0.1)]
    svg = drawn(row(due=DAY), axis=Axis(date(2026, 4, 1), date(2026, 8, 1), DAY))
    assert not any("Today" in one for one in words(svg))


@pytest.mark.parametrize("today", [date(2026, 1, 1), date(2026, 12, 31)])
def test_the_name_of_today_stays_over_the_axis(today: date) -> None:
    svg = drawn(row(due=DAY), axis=Axis(date(2026, 1, 1), date(2026, 12, 31), today))
    flag = parts(svg, "flag")[0]
    x, width = float(flag.get("x") or 0), float(flag.get("width") or 0)
    assert x >= AXIS_FROM
    assert x + width <= AXIS_TO + 0.1


# --- review meetings --------------------------------------------------------------------------------------------------


def fortnightly(axis: Axis, *, coming: date | None) -> Axis:
    number = (axis.last - axis.first).days // 14 + 1
    return Axis(axis.first, axis.last, axis.today, tuple(axis.first + timedelta(days=14 * at) for at in range(number)),
                coming)  # fmt: skip


def test_every_meeting_is_a_line_and_those_that_fit_say_their_day() -> None:
    axis = fortnightly(YEAR, coming=date(2026, 3, 26))
    lines, labels = charts.meeting_lines(axis), charts.meeting_labels(axis)
    assert lines == [day for day in sorted({*axis.meetings, date(2026, 3, 26)}) if axis.shows(day)]
    assert "Next review 26 Mar" in [label.text for label in labels]
    assert 3 < len(labels) < len(lines)


@given(first=st.dates(min_value=date(2000, 1, 1), max_value=date(2030, 1, 1)), length=st.integers(1, 8000),
       at=st.integers(0, 8000))  # fmt: skip
def test_no_two_days_of_meetings_run_into_each_other_nor_beyond_the_axis(first: date, length: int, at: int) -> None:
    today = first + timedelta(days=at % length)
    axis = fortnightly(Axis(first, first + timedelta(days=length), today), coming=today)
    labels = charts.meeting_labels(axis)
    for one, other in pairwise(labels):
        assert one.x + one.width / 2 < other.x - other.width / 2
    assert all(one.x - one.width / 2 >= AXIS_FROM - 0.1 and one.x + one.width / 2 <= AXIS_TO + 0.1 for one in labels)
    assert [one.text for one in labels if one.text.startswith("Next review")]
    lines = charts.meeting_lines(axis)
    assert today in lines
    assert len(lines) < 80


def test_a_plan_without_meetings_has_no_line_for_them() -> None:
    svg = drawn(row(due=DAY))
    assert parts(svg, "meeting") == []
    assert "Review meetings" not in words(svg)


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("from_", "to", "anchor"), [(400, 500, "start"), (600, 860, "end"), (380, 860, "middle")])
def test_a_note_stands_after_its_marks_else_before_them_else_over_the_line(from_: int, to: int, anchor: str) -> None:
    x, found = charts.note_place("Evidence outstanding", from_, to)
    width = charts.text_width("Evidence outstanding")
    left = {"start": x, "end": x - width, "middle": x - width / 2}[found]
    assert found == anchor
    assert left >= AXIS_FROM
    assert left + width <= AXIS_TO


def test_a_title_is_cut_where_its_room_ends() -> None:
    assert charts.fitted("Short", 300) == "Short"
    cut = charts.fitted("A very long title, that says everything twice over", 150)
    assert cut.endswith("…")
    assert not cut.endswith((" …", ",…"))
    assert charts.text_width(cut) <= 150
    assert charts.fitted("Anything", 3) == "…"


def test_what_was_typed_is_text_and_not_markup() -> None:
    svg = drawn(row(title='<script>alert("x")</script> & more', due=DAY), name="A < B & C")
    assert not list(svg.iter(f"{SVG}script"))
    assert svg.find(f"{SVG}title").text == "A < B & C"  # type: ignore[union-attr]


def test_a_picture_says_what_it_is() -> None:
    svg = drawn(row(due=DAY))
    ids = {one.get("id"): one.text for one in svg if one.get("id")}
    assert svg.get("role") == "img"
    assert ids[svg.get("aria-labelledby")] == "Timeline"
    assert ids[svg.get("aria-describedby")] == "What it holds"


def test_no_mark_has_a_style_or_a_colour_of_its_own() -> None:
    svg = drawn(row(due=DAY, baseline=DAY), legend=True, heading="Plan")
    for one in svg.iter():
        assert not {"style", "fill", "stroke", "onload"} & set(one.attrib)


@pytest.mark.parametrize("colour", ["red", "amber", "green", "achieved", "not-due", "cancelled"])
def test_every_colour_and_state_has_a_shape_beside_its_word(colour: str) -> None:
    svg = drawn(row(colour=colour, state="Its word", due=DAY))
    assert len(parts(svg, f"shape-{colour}")) == 1
    assert "Its word" in words(svg)
    shapes = {parts(drawn(row(colour=one, due=DAY)), f"shape-{one}")[0].get("d") for one in ("red", "amber", "green")}
    assert len(shapes) == 3


def test_what_has_no_colour_has_no_shape() -> None:
    svg = drawn(row(colour="", state="In progress", due=DAY))
    assert not [one for one in svg.iter() if "shape" in (one.get("class") or "")]
    assert [one.get("class") for one in svg.iter(f"{SVG}g")] == ["wm-chart__row wm-chart__row--none"]


def test_the_pointer_over_a_line_is_told_every_date() -> None:
    told = charts.told(row(baseline=DAY, due=DAY, state="Red", note="Evidence outstanding"))
    assert told == ("M-01 Duty rota published: Red, baseline 12 March 2026, due 12 March 2026, Evidence outstanding")


def test_a_picture_that_stands_alone_takes_its_style_along() -> None:
    svg = charts.timeline([group(2)], YEAR, ident="t", name="N", description="D", legend=True, heading="The plan")
    file = ET.fromstring(charts.standalone(svg, ".a > .b { fill: red }"))
    assert file.find(f"{SVG}style").text == ".a > .b { fill: red }"  # type: ignore[union-attr]
    assert "The plan" in words(file)
    assert "Baseline" in words(file)


# --- panels -----------------------------------------------------------------------------------------------------------


def test_an_empty_plan_has_no_panel_and_an_empty_picture_still_holds() -> None:
    assert charts.panels([]) == charts.panels([TimelineGroup("Nothing in it", ())]) == []
    assert "Milestone" in words(drawn())


def test_one_milestone_is_one_panel() -> None:
    assert charts.panels([group(1)]) == [(group(1),)]


def test_a_theme_that_is_cut_goes_on_under_its_name() -> None:
    (first,), (second,) = charts.panels([group(10)], most=7)
    assert (first.title, second.title) == ("Practice", "Practice (continued)")
    assert first.rows + second.rows == group(10).rows
    assert abs(len(first.rows) - len(second.rows)) <= 1


@given(sizes=st.lists(st.integers(0, 60), max_size=12), most=st.integers(3, 40))
def test_panels_hold_every_row_in_order_and_none_is_too_long(sizes: list[int], most: int) -> None:
    groups = [group(size, f"Theme {place}") for place, size in enumerate(sizes)]
    found = charts.panels(groups, most=most)
    assert [one for panel in found for part in panel for one in part.rows] == [
        one for part in groups for one in part.rows
    ]
    for panel in found:
        assert sum(len(part.rows) + 1 for part in panel) <= most
        assert all(part.rows for part in panel)


def test_the_height_follows_from_the_number_of_lines_alone() -> None:
    heights = [float(drawn(*group(number).rows).get("height") or 0) for number in (1, 2, 500)]
    assert heights[1] - heights[0] == charts.LINE
    assert heights[2] - heights[0] == 499 * charts.LINE
