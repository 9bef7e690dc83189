"""The template environment: strict, escaping, and quick."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from jinja2 import UndefinedError, nodes
from markupsafe import Markup, escape

from app.domain.milestones import EvidenceCount
from app.domain.words import EvidenceState, Status
from app.pages.forms import Form, filled
from app.pages.templating import TEMPLATES, environment, file_size, moment, number, paragraphs, plural, sentence, static
from app.pages.wording import Point, date_line, evidence_words, listing, slip_words

OURS = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html"))


def test_a_name_a_template_never_got_stops_the_page() -> None:
    for source in ("{{ missing }}", "{% if missing %}x{% endif %}", "{% for one in missing %}x{% endfor %}",
                   "{{ row.missing }}"):  # fmt: skip
        with pytest.raises(UndefinedError):
            environment.from_string(source).render(row=Point("a", "b", "c", "d"))


def test_options_that_a_macro_was_not_given_are_nothing() -> None:
    source = "{% if params.hint %}x{% endif %}{{ params.formGroup.classes }}"
    assert environment.from_string(source).render(params={}) == ""


@pytest.mark.parametrize("value", ["<b>&\"'", "plain", 7, None, 1.5, Markup("<b>kept</b>"), "é – “quoted”"])
def test_values_are_escaped_as_jinja_does(value: object) -> None:
    assert environment.from_string("{{ value }}").render(value=value) == str(escape(value))
    assert environment.from_string("{% set a %}{{ value }}{% endset %}{{ a }}").render(value=value) == str(
        escape(value)
    )


def test_every_template_compiles_and_imports_nothing_it_does_not_use() -> None:
    unused = []
    for name in OURS:
        source = (TEMPLATES / name).read_text("utf-8")
        tree = environment.parse(source)
        used = {one.name for one in tree.find_all(nodes.Name) if one.ctx == "load"}
        for line in tree.find_all(nodes.FromImport):
            for imported in line.names:
                called = imported if isinstance(imported, str) else imported[1]
                if called not in used:
                    unused.append(f"{name}: {called}")
    assert unused == []


def test_the_linter_finds_nothing_in_the_templates() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "djlint", str(TEMPLATES), "--lint", "--quiet"],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert found.returncode == 0, found.stdout


def test_no_template_calls_htmx_in_the_old_way() -> None:
    for name in OURS:
        source = (TEMPLATES / name).read_text("utf-8")
        assert "hx-on" not in source, name
        assert " hx-" not in source, f"{name}: data-hx- keeps the markup valid"
        assert "|safe" not in source.replace(" ", ""), name


def test_static_addresses_carry_the_hash_of_the_content() -> None:
    assert static("waymark.css") == static("waymark.css")
    assert static("waymark.css").startswith("/static/waymark.css?v=")
    assert not static("vendor/htmx.min.js").endswith("v=0")


def test_words() -> None:
    assert moment(datetime(2009, 12, 8, 16, 20, tzinfo=UTC)) == "8 December 2009 at 4:20pm"
    assert [file_size(size) for size in (37, 212_000, 4_500_000)] == ["37 bytes", "212 KB", "4.5 MB"]
    assert [number(24), number(1_000), number(1_001)] == ["24", "1,000", "1,000+"]
    assert [plural(1, "item"), plural(2, "item"), plural(1, "is", "are")] == ["1 item", "2 items", "1 is"]
    assert [sentence("Done"), sentence("Done."), sentence("Why?")] == ["Done.", "Done.", "Why?"]
    assert [slip_words(None), slip_words(0), slip_words(10), slip_words(-21)] == [
        "None",
        "None",
        "10 days",
        "3 weeks early",
    ]
    assert [listing([]), listing(["A"]), listing(["A", "B", "C"])] == ["", "A", "A, B and C"]
    assert str(paragraphs("a <b>\r\nb\n\nc")) == (
        '<p class="govuk-body wm-typed">a &lt;b&gt;<br>b</p><p class="govuk-body wm-typed">c</p>'
    )


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (None, "None yet"),
        (EvidenceCount(0, 0, EvidenceState.NOTHING_SENT), "None yet"),
        (EvidenceCount(2, 3, EvidenceState.MET), "2 in place"),
        (EvidenceCount(0, 1, EvidenceState.WAITING), "1 sent, waiting for review"),
        (EvidenceCount(0, 2, EvidenceState.REJECTED), "2 sent, none counts"),
    ],
)
def test_evidence_in_a_row(count: EvidenceCount | None, words: str) -> None:
    assert evidence_words(count) == words


class Dates:
    """What a date line asks of a milestone."""

    def __init__(self, status: Status, **dates: date | None) -> None:
        self.status: Status | None = status
        self.baseline_date = dates.get("baseline")
        self.due_date = dates.get("due")
        self.forecast_date = dates.get("forecast")
        self.completed_date = dates.get("completed")
        self.approved_slip_days: int | None = 17
        self.moves = 1


def test_the_date_line_runs_in_time_and_is_thick_where_time_was_lost() -> None:
    late = Dates(Status.IN_PROGRESS, baseline=date(2009, 10, 30), due=date(2009, 11, 16), forecast=date(2009, 12, 18))
    assert date_line(late, today=date(2009, 12, 10)) == (
        Point("Baseline", "30 October 2009", "never changes", ""),
        Point("Due", "16 November 2009", "approved slip 17 days, moved once", "late"),
        Point("Today", "10 December 2009", "24 days overdue", "ahead"),
        Point("Forecast", "18 December 2009", "5 weeks after due", "forecast"),
    )
    done = Dates(Status.ACHIEVED, due=date(2009, 11, 16), completed=date(2009, 11, 16))
    assert [point[:3:2] for point in date_line(done, today=date(2009, 12, 10), achieved=date(2009, 11, 20))] == [
        ("Due", "approved slip 17 days, moved once"),
        ("Completed", "on the due date"),
        ("Achieved", "4 days after due"),
    ]
    assert date_line(Dates(Status.NOT_STARTED), today=date(2009, 12, 10)) == ()
    assert [
        point.name for point in date_line(Dates(Status.CANCELLED, due=date(2009, 1, 1)), today=date(2009, 2, 1))
    ] == ["Due"]


def test_a_date_of_three_fields() -> None:
    def parsed(day: str, month: str, year: str) -> tuple[date | None, str | None]:
        form = Form({"due-day": [day], "due-month": [month], "due-year": [year]})
        found = form.day("due", "The due date")
        error = form.error("due")
        return found, error["text"] if error else None

    assert parsed("", "", "") == (None, None)
    assert parsed("8", "12", "2009") == (date(2009, 12, 8), None)
    assert parsed("8", "", "2009")[1] == "The due date must include a day, a month and a year"
    assert parsed("31", "2", "2009")[1] == "The due date must be a real date"
    assert parsed("x", "2", "2009")[1] == "The due date must be a real date"
    assert parsed("8", "12", "9")[1] == "The due date must have a year of four figures, such as 2009"
    assert parsed("8", "12", "99999999999999999999")[1] == "The due date must be a real date"


def test_a_filled_form_gives_back_what_it_was_filled_with() -> None:
    form = filled({"title": "Rota", "due": date(2009, 12, 8), "who": ["a", "b"], "none": None})
    assert form.value("title") == "Rota"
    assert form.day("due", "It") == date(2009, 12, 8)
    assert form.all("who") == ["a", "b"]
    assert form.value("none") == ""
