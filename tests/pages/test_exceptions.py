"""The exceptions page: rows, filters in the address, the look-ahead, and what HTMX swaps."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from app.domain.milestones import MilestoneKey
from app.domain.words import DelayCause
from app.services import meetings, updates
from tests.factories import key
from tests.pages.conftest import HTMX, Kept
from tests.pages.markup import Page, read

PLAN = "/plans/safeguarding-plan"
HERE = f"{PLAN}/exceptions"


def rows(page: Page) -> list[str]:
    """The references of the rows, in reading order."""
    return [
        one.attributes["id"] for one in page.all("li") if one.attributes.get("class", "").startswith("wm-exception ")
    ]


def test_a_row_carries_reasons_days_owner_dates_slip_and_evidence(full: Kept) -> None:
    page = read(full.browser("petra").get(HERE).text)
    for words in (
        "for 22 days",
        "Overdue by 21 days",
        "Declared Amber by its owner: Rooms are short",
        "Head of Assessment",
        "Haringey Council",
        "Due 2 Mar 2026",
        "Forecast 11 Apr 2026",
        "Slip 6 weeks",
        "Evidence None yet",
        "Support required: Release 14 managers in January",
        "Green on 21 April 2026, says its owner.",
        "NHS Haringey, since 2 Mar 2026",
    ):
        assert words in page.text, words


def test_red_comes_before_amber_and_the_summary_counts_both(full: Kept) -> None:
    html = full.browser("petra").get(HERE).text
    page = read(html)
    colours = [
        one.attributes["class"].rpartition("--")[2]
        for one in page.all("li")
        if one.attributes.get("class", "").startswith("wm-exception ")
    ]
    assert colours == sorted(colours, reverse=True)
    red, amber = colours.count("red"), colours.count("amber")
    assert red
    assert amber
    assert f"{red} Red and {amber} Amber on Monday 23 March 2026." in page.text
    assert f"Showing all {red + amber}." in page.text


def test_rows_are_open_when_asked_for(full: Kept) -> None:
    browser = full.browser("petra")

    def folded(address: str) -> set[bool]:
        stories = read(browser.get(address).text).all("details")
        return {"open" in one.attributes for one in stories if one.attributes.get("class") == "wm-story"}

    assert folded(HERE) == {False}
    assert folded(f"{HERE}?detail=all") == {True}


def test_every_filter_is_in_the_address_and_can_be_taken_away(full: Kept) -> None:
    browser = full.browser("petra")
    page = read(browser.get(f"{HERE}?rag=red&support_required=true&theme={full.world.theme}").text)
    assert rows(page) == [full.there["overdue"].row.ref]
    assert "Remove this filter: Child protection practice" in page.text
    assert f"{HERE}?rag=red&support_required=true" in page.links()
    assert HERE in page.links()
    assert [one.attributes["value"] for one in page.all("option") if "selected" in one.attributes] == [
        full.world.theme,
        "red",
    ]


def test_a_cause_is_a_filter(full: Kept) -> None:
    full.world.write("connie", updates.add_update, milestone=key(full.there["asked"]), narrative="Waiting",
        forecast_date=full.world.clock.today + timedelta(days=99), cause=DelayCause.PROCUREMENT)  # fmt: skip
    page = read(full.browser("petra").get(f"{HERE}?cause=procurement").text)
    assert rows(page) == [full.there["asked"].row.ref]
    assert "Cause of delay: procurement" in page.text


def test_a_filter_that_finds_none_says_how_many_there_are_without(full: Kept) -> None:
    page = read(full.browser("petra").get(f"{HERE}?organisation=nhs-haringey").text)
    total = len(rows(read(full.browser("petra").get(HERE).text)))
    assert f"No exceptions match. {total} without filters. Clear filters" in page.text
    assert page.problems() == []


def test_nothing_red_or_amber_says_what_will_be(house: Kept) -> None:
    today = house.world.clock.today
    first = MilestoneKey(plan=house.world.plan, ref="M-01")
    house.world.write("connie", updates.add_update, milestone=first, narrative="Begun")
    house.world.write("petra", meetings.add_meeting, slug=house.world.plan, on=today + timedelta(days=14))
    house.world.milestone(title="Soon", start_date=today, due_date=today + timedelta(days=60))
    page = read(house.browser("petra").get(HERE).text)
    assert page.problems() == []
    assert "Nothing is Red or Amber today." in page.text
    assert "turn" in page.text
    assert f"{HERE}?on={today + timedelta(days=14)}" in page.links()


def test_the_look_ahead_is_one_click_and_says_what_it_assumes(full: Kept) -> None:
    soon = full.world.milestone(title="Soon due", due_date=full.world.clock.today + timedelta(days=2))
    browser = full.browser("petra")
    today = read(browser.get(HERE).text)
    ahead = next(link for link in today.links() if link.startswith(f"{HERE}?on="))
    page = read(browser.get(ahead).text)
    assert page.problems() == []
    assert "If nothing changes, on Monday 30 March 2026 there will be" in page.text
    assert "1 more Red than today" in page.text
    assert soon.row.ref not in rows(today) or "Green today" not in page.text
    assert soon.row.ref in rows(page)
    assert rows(read(browser.get(f"{ahead}&turns_red=true").text)) == [soon.row.ref]


def test_any_later_day_can_be_asked_about_and_no_earlier_one(full: Kept) -> None:
    browser = full.browser("petra")
    page = read(browser.get(f"{HERE}?on=2026-12-24").text)
    assert "24 December 2026" in page.text
    assert page.problems() == []
    for wrong in ("2026-03-01", "soon", "2026-02-31"):
        answer = browser.get(f"{HERE}?on={wrong}")
        assert answer.status_code == 422
        assert read(answer.text).problems() == []


def test_a_long_list_has_parts_and_the_counts_are_of_all(full: Kept) -> None:
    for number in range(52):
        full.world.milestone(title=f"Late {number}", due_date=full.world.clock.today)
    full.world.clock.forward(days=1)
    browser = full.browser("petra")
    first = read(browser.get(HERE).text)
    assert len(rows(first)) == 50
    later = next(link for link in first.links() if "cursor=" in link)
    second = read(browser.get(later).text)
    assert second.problems() == []
    assert not set(rows(first)) & set(rows(second))
    total = len(rows(first)) + len(rows(second))
    assert f"{total} in all, continued." in second.text
    assert len(rows(read(browser.get(f"{HERE}?rows=200").text))) == total


def test_exceptions_in_all_my_plans_name_the_plan_of_each_row(full: Kept) -> None:
    page = read(full.browser("petra").get("/exceptions").text)
    assert page.problems() == []
    assert "Exceptions in all my plans" in page.title
    assert all(row.startswith("safeguarding-plan-") for row in rows(page))
    assert "Owner, organisation, plan" in page.text
    assert rows(read(full.browser("zoe").get("/exceptions").text)) == []


def test_with_htmx_the_list_is_swapped_and_the_summary_announced(full: Kept) -> None:
    answer = full.browser("petra").get(f"{HERE}?rag=red&theme=&owner=", headers={**HTMX, "HX-Source": "form#filters"})
    page = read(answer.text)
    assert page.problems(whole=False) == []
    assert not page.all("main")
    assert {"results", "summary", "switch"} <= set(page.ids())
    assert "filters" not in page.ids()
    assert answer.headers["hx-push-url"] == f"{HERE}?rag=red"
    assert page.title.startswith("Exceptions")


@pytest.mark.parametrize(("source", "focused"), [("a", "showing"), ("a#switch-later", "switch-today")])
def test_with_htmx_a_link_brings_the_form_and_the_focus(full: Kept, source: str, focused: str) -> None:
    page = read(full.browser("petra").get(HERE, headers={**HTMX, "HX-Source": source}).text)
    assert "filters" in page.ids()
    found = [one.attributes["id"] for one in page.elements if "data-wm-focus" in one.attributes]
    assert found == [focused]


def test_going_back_and_boosted_requests_get_the_whole_page(full: Kept) -> None:
    for headers in ({"HX-Request": "true", "HX-Request-Type": "full"}, {"HX-History-Restore-Request": "true"}):
        page = read(full.browser("petra").get(HERE, headers=headers).text)
        assert page.problems() == []


def test_the_next_review_says_its_year_where_that_is_not_this_one(house: Kept) -> None:
    house.world.clock.forward(days=(date(2026, 12, 30) - house.world.clock.today).days)
    house.world.write("petra", meetings.add_meeting, slug=house.world.plan, on=date(2027, 1, 14))
    assert re.search(r"Next review, \d+ January 2027", read(house.browser("petra").get(f"{PLAN}/exceptions").text).text)


def test_the_list_of_plans_says_what_its_two_numbers_count(full: Kept) -> None:
    said = "Submissions are counted here; the bar is of milestones"
    browser = full.browser("petra")
    assert said not in browser.get("/plans").text
    full.world.attached(full.there["completed"], by="nat")
    assert said in browser.get("/plans").text
