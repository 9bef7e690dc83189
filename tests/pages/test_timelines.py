"""The timeline's page: the picture, the same facts as a table, the filters, and the picture as a file."""

from __future__ import annotations

import re
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest

from app.pages.timeline_orders import ORDERS
from app.services import timelines
from tests.factories import NHS
from tests.pages.conftest import Kept, statements
from tests.pages.markup import read

TIMELINE = "/plans/safeguarding-plan/timeline"
ROWS = re.compile(r'<g class="wm-chart__row')


def drawn(html: str) -> list[str]:
    """The references in the picture, in their order."""
    return re.findall(r'class="wm-chart__ref"[^>]*>([^<]+)<', html)


def listed(html: str) -> list[str]:
    """The references in the table."""
    return re.findall(r'<tr class="govuk-table__row" role="row" id="([^"]+)"', html)


def test_the_picture_and_the_table_hold_the_same_milestones_in_the_same_order(full: Kept) -> None:
    html = full.browser("petra").get(TIMELINE).text
    assert drawn(html) == listed(html)
    assert {view.row.ref for view in full.there.values()} <= set(drawn(html))


def test_the_table_says_every_fact_and_links_to_the_milestone(full: Kept) -> None:
    row = full.seen("overdue").row
    page = read(full.browser("petra").get(TIMELINE).text)
    assert full.path("overdue") in page.links()
    for words in ("Managers trained <in supervision> & coached", "2 Mar 2026", "11 Apr 2026", "6 weeks"):
        assert words in page.text
    assert row.rag == "red"
    assert "Not achieved: evidence outstanding" in page.text
    assert "Not yet due to start" in page.text
    assert "Completed and achieved 2 Mar 2026" in page.text
    assert "Official-Sensitive" in page.text


def test_the_picture_has_a_name_and_what_it_holds_in_words(full: Kept) -> None:
    html = full.browser("petra").get(TIMELINE).text
    svg = ET.fromstring(re.findall(r"<svg xmlns.*?</svg>", html, flags=re.DOTALL)[0])
    texts = {one.get("id"): one.text or "" for one in svg if one.get("id")}
    assert svg.get("role") == "img"
    assert texts[svg.get("aria-labelledby")] == "Timeline of Safeguarding Plan"
    assert "milestones from 1 March 2026 to" in texts[svg.get("aria-describedby")]
    assert "The table below gives every date." in texts[svg.get("aria-describedby")]
    assert 'role="region" aria-label="Picture of the timeline"' in html


def test_the_reviews_are_said_as_well_as_drawn(full: Kept) -> None:
    page = read(full.browser("petra").get(TIMELINE).text)
    assert "Next review: Monday 30 March 2026" in page.text
    assert "30 Mar 2026" in page.text


@pytest.mark.parametrize(("who", "knows"), [("petra", True), ("sam", True), ("ada", True), ("connie", True),
                                            ("pol", False), ("nat", False)])  # fmt: skip
def test_a_restricted_milestone_is_neither_drawn_nor_listed_nor_counted_for_others(
    full: Kept, who: str, knows: bool
) -> None:
    ref, browser = full.seen("secret").row.ref, full.browser(who)
    everything = len(drawn(full.browser("petra").get(TIMELINE).text))
    for address in (TIMELINE, f"{TIMELINE}?status=not_started", f"{TIMELINE}.svg"):
        found = browser.get(address).text
        assert (ref in drawn(found)) is knows
        assert ("Kept from partners" in found) is knows
        assert ("Official-Sensitive" in found) is knows
    html = browser.get(TIMELINE).text
    assert f"{everything - (not knows)} milestones" in html


@pytest.mark.parametrize(("who", "status"), [("olive", 403), ("zoe", 404), ("max", 403)])
def test_who_may_not_read_the_plan_gets_neither_page_nor_file(full: Kept, who: str, status: int) -> None:
    assert full.browser(who).get(TIMELINE).status_code == status
    assert full.browser(who).get(f"{TIMELINE}.svg").status_code == status


def test_the_filters_stand_in_the_address_and_each_can_be_taken_out(full: Kept) -> None:
    html = full.browser("petra").get(f"{TIMELINE}?organisation={NHS}&from=2026-03-01&to=2026-04-30").text
    page = read(html)
    assert page.problems() == []
    assert "No milestones match" in page.text
    assert "From 1 Mar 2026" in page.text
    assert f"{TIMELINE}?organisation={NHS}&from=2026-03-01" in page.links()
    assert f"{TIMELINE}?from=2026-03-01&to=2026-04-30" in page.links()
    html = full.browser("petra").get(f"{TIMELINE}?status=achieved").text
    assert drawn(html) == [full.seen("achieved").row.ref]
    assert f"{TIMELINE}.svg?status=achieved" in html


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("from=soon", "From must be a date such as 2009-12-17"),
        ("to=2026-02-30", "To must be a date such as 2009-12-17"),
        ("from=2026-04-02&to=2026-04-01", "The last day must be on or after the first day"),
        ("status=ongoing", "Status must be one of"),
    ],
)
def test_a_filter_that_is_none_is_named(full: Kept, query: str, words: str) -> None:
    for address in (TIMELINE, f"{TIMELINE}.svg"):
        answer = full.browser("petra").get(f"{address}?{query}")
        assert answer.status_code == 422
        assert words in answer.text


def test_a_plan_without_milestones_has_no_picture_and_says_so(house: Kept) -> None:
    answer = house.browser("zoe").get("/plans/other-plan/timeline")
    page = read(answer.text)
    assert answer.status_code == 200
    assert page.problems() == []
    assert "There are no milestones yet" in page.text
    assert not ROWS.search(answer.text)
    assert "Save the picture" not in page.text
    assert page.all("select") == []
    assert "/plans/other-plan/milestones/new" in page.links()


def test_the_file_stands_alone_and_is_saved_not_shown(full: Kept) -> None:
    answer = full.browser("petra").get(f"{TIMELINE}.svg")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-disposition"] == 'attachment; filename="safeguarding-plan-timeline-2026-03-23.svg"'
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "no-store" in answer.headers["cache-control"]
    svg = ET.fromstring(answer.text)
    assert "Safeguarding Plan, timeline on 23 March 2026. Official-Sensitive. Restricted" in [
        one.text for one in svg.iter()
    ]
    assert ".wm-chart" in (svg.findtext("{http://www.w3.org/2000/svg}style") or "")


def test_on_paper_and_in_the_file_stands_what_was_left_out(full: Kept) -> None:
    query = f"?theme={full.world.theme}&status=achieved&to=2026-04-30"
    page = read(full.browser("petra").get(f"{TIMELINE}{query}").text)
    assert "Filtered by: Child protection practice; Achieved; To 30 Apr 2026." in page.text
    svg = full.browser("petra").get(f"{TIMELINE}.svg{query}").text
    assert "timeline on 23 March 2026. Only: Child protection practice, Achieved and To 30 Apr 2026<" in svg


def test_more_than_a_picture_holds_is_said(full: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timelines, "MOST", 3)
    html = full.browser("petra").get(TIMELINE).text
    assert len(drawn(html)) == 3
    assert "The first 3 of 8 milestones" in read(html).text


def test_a_long_plan_is_drawn_in_panels_each_with_its_axis(full: Kept) -> None:
    for number in range(40):
        full.world.milestone(title=f"One more {number}", due_date=full.world.clock.today + timedelta(days=number))
    html = full.browser("petra").get(TIMELINE).text
    page = read(html)
    assert page.problems() == []
    assert "Timeline of Safeguarding Plan, part 2 of 2" in html
    assert html.count(">Today, 23 Mar<") == 2
    assert html.count(">Baseline</text>") == 1
    assert len(drawn(html)) == 48


def test_saving_it_sends_a_fixed_number_of_queries(full: Kept) -> None:
    with statements(full.world.database) as sent:
        full.browser("petra").get(f"{TIMELINE}.svg")
    assert len(sent) < 20


def test_the_table_is_sorted_by_its_headings_and_the_picture_stays(full: Kept) -> None:
    browser, here = full.browser("petra"), "/plans/safeguarding-plan/timeline"
    plain, by_slip = browser.get(here).text, browser.get(f"{here}?status=live&sort=-slip").text
    assert "aria-sort" not in plain
    assert by_slip.count("aria-sort=") == 1
    heading = re.search(r'aria-sort="descending"><a [^>]*href="([^"]+)">Slip', by_slip)
    assert heading is not None
    assert heading[1] == f"{here}?status=live&amp;sort=slip#dates"
    rows = listed(by_slip)
    assert rows[0] == full.there["overdue"].row.ref
    assert sorted(rows) == sorted(listed(browser.get(f"{here}?status=live").text))
    lines = browser.get(f"{here}.csv?status=live&sort=-slip").text.splitlines()[1:]
    assert [line.split(",")[0] for line in lines] == rows
    assert drawn(by_slip) == drawn(browser.get(f"{here}?status=live&sort=due").text) != rows
    for sort in ORDERS[1:]:
        found = listed(browser.get(f"{here}?sort={sort}").text)
        assert len(found) == len(set(found)) == len(full.there) + 1, sort
    assert browser.get(f"{here}?sort=colour").status_code == 422
