"""The timeline as people meet it: with the keyboard, on a phone, on A3, and in a browser that measures its words."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.browser.accessibility import overflow
from tests.browser.conftest import Place
from tests.browser.demo import PLAN
from tests.browser.steps import milestone
from tests.browser.test_keyboard import follow, press, tab, tab_to

TIMELINE = f"/plans/{PLAN}/timeline"
A3 = ViewportSize(width=1497, height=1031)  # CSS pixels between the margins: 396 × 273 mm


def test_one_gets_there_filters_and_reads_on_without_a_mouse(shared: Place) -> None:
    visitor = shared.visitor("officer", phone=True)
    page = visitor.page
    visitor.go(f"/plans/{PLAN}")
    tab_to(visitor, visitor.button("Menu"))
    press(visitor, "Enter")
    follow(visitor, visitor.link("Timeline", exact=True))
    visitor.arrives(TIMELINE)

    follow(visitor, visitor.link("in the table below"))
    tab(visitor)  # from there on come the table as a file and the table, after the picture
    tab(visitor)
    assert page.evaluate("() => document.activeElement.closest('table') !== null")

    visitor.go(TIMELINE)
    tab_to(visitor, page.locator("summary", has_text="Filter this timeline"))
    press(visitor, "Space")
    tab_to(visitor, page.get_by_label("Status"))
    page.keyboard.type("Achi")
    button = visitor.button("Apply filters")
    for _ in range(12):  # a date is several stops within one element
        press(visitor, "Tab")
        if button.evaluate("(one) => one === document.activeElement"):
            break
    expect(button).to_be_focused()
    press(visitor, "Enter")
    visitor.arrives(TIMELINE)
    expect(page).to_have_url(re.compile("status=achieved"))
    expect(page.get_by_role("status")).to_contain_text("milestones match")
    expect(visitor.link("Remove this filter: Achieved")).to_be_visible()


def test_the_picture_scrolls_in_a_region_of_its_own(shared: Place) -> None:
    visitor = shared.visitor("manager", phone=True)
    page = visitor.page
    visitor.go(TIMELINE)
    region = page.get_by_role("region", name="Picture of the timeline")
    tab_to(visitor, region)
    press(visitor, "ArrowRight", times=3)
    page.wait_for_function("() => document.querySelector('.wm-chart-scroll').scrollLeft > 0")
    assert overflow(page) == []
    assert page.evaluate("() => document.scrollingElement.scrollLeft") == 0
    follow(visitor, page.locator("tr#M-05").get_by_role("link"))
    visitor.arrives(milestone("M-05"))


def test_the_picture_is_one_image_with_a_name_to_a_screen_reader(shared: Place) -> None:
    visitor = shared.visitor("manager")
    visitor.go(TIMELINE)
    pictures = visitor.page.get_by_role("img", name=re.compile("^Timeline of Safeguarding Plan, part"))
    assert pictures.count() >= 2
    expect(pictures.first).to_have_accessible_description(re.compile(r"\d+ milestones from .* The table below gives"))
    expect(visitor.page.get_by_role("table", name=re.compile("^Dates, slip and colour"))).to_be_visible()


def test_no_words_run_out_of_their_column(shared: Place) -> None:
    """What the server reckoned about the width of words, measured."""
    visitor = shared.visitor("manager")
    visitor.go(TIMELINE)
    wide = visitor.page.evaluate(
        """async () => {
          await document.fonts.ready;
          const wrong = [];
          const ends = (row, kind) => {
            const one = row.querySelector(`.wm-chart__${kind}`)?.getBBox();
            return one ? one.x + one.width : 0;
          };
          const begins = (row, kind) => row.querySelector(`.wm-chart__${kind}`).getBBox().x;
          for (const row of document.querySelectorAll(".wm-chart__row")) {
            if (ends(row, "ref") > begins(row, "title")) wrong.push(`reference: ${row.textContent}`);
            if (ends(row, "title") > 372) wrong.push(`title: ${row.textContent}`);
            if (ends(row, "state") > 1084) wrong.push(`state: ${row.textContent}`);
            if (ends(row, "slip") > 1200) wrong.push(`slip: ${row.textContent}`);
          }
          for (const svg of document.querySelectorAll(".wm-chart")) {
            const labels = [...svg.querySelectorAll("text.wm-chart__reviews")].map((one) => one.getBBox());
            labels.sort((a, b) => a.x - b.x).forEach((one, at) => {
              if (at && labels[at - 1].x + labels[at - 1].width > one.x) wrong.push(`meeting ${at}`);
            });
            if (ends(svg, "flagged") > ends(svg, "flag")) wrong.push("today");
          }
          return wrong;
        }"""
    )
    assert wide == []


def test_the_line_of_a_late_milestone_ends_where_its_forecast_does(shared: Place) -> None:
    visitor = shared.visitor("manager")
    visitor.go(TIMELINE)
    found = visitor.page.locator(".wm-chart__row", has_text="M-02 ").evaluate(
        """(row) => [".wm-chart__late", ".wm-chart__forecast"].map((one) => {
          const box = row.querySelector(one).getBBox();
          return box.x + box.width;
        })"""
    )
    assert found[0] == pytest.approx(found[1], abs=1)


def test_on_a3_every_panel_is_whole_and_nothing_is_cut_off(shared: Place) -> None:
    visitor = shared.visitor("officer")
    page = visitor.page
    visitor.go(TIMELINE)
    page.set_viewport_size(A3)
    page.emulate_media(media="print")
    assert overflow(page) == []
    expect(page.get_by_role("heading", level=1)).to_have_text("Safeguarding Plan: Timeline")
    for what in (page.get_by_role("button"), page.locator("input, select"), visitor.link("Save the picture")):
        assert not any(one.is_visible() for one in what.all())
    heading = page.locator(".wm-chart-panel").first.evaluate("(one) => one.getBoundingClientRect().y + scrollY")
    heights = page.locator(".wm-chart-panel").evaluate_all("(all) => all.map((one) => one.offsetHeight)")
    assert heading + heights[0] <= A3["height"]
    assert max(heights) <= A3["height"]


def test_it_is_this_page_alone_that_prints_on_a3_lying_down(shared: Place) -> None:
    visitor = shared.visitor("officer")
    sizes = {}
    for path in (TIMELINE, f"/plans/{PLAN}/milestones"):
        visitor.go(path)
        visitor.page.emulate_media(media="print")
        printed = visitor.page.pdf(prefer_css_page_size=True)
        width, height = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed)[0]
        sizes[path] = (round(float(width)), round(float(height)), len(re.findall(rb"/Type /Page\b", printed)))
    assert sizes[TIMELINE][:2] == (1191, 842)
    assert sizes[f"/plans/{PLAN}/milestones"][:2] == (595, 842)
    assert sizes[TIMELINE][2] <= 6


def test_the_picture_is_saved_as_a_file(shared: Place) -> None:
    visitor = shared.visitor("manager")
    visitor.go(TIMELINE)
    with visitor.page.expect_download() as saved:
        visitor.page.get_by_role("button", name="Save the picture").click()
    assert saved.value.suggested_filename == "safeguarding-plan-timeline-2026-03-12.svg"
    visitor.problems.clear()  # a download is a navigation that does not arrive
