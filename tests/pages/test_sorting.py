"""Sorting the milestones by their columns: by link, a page at a time, the same in the file and through the API."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from app.domain.plans import MilestoneFilters, SortBy, order_of
from app.services import milestone_lists, updates
from tests.factories import Clock, World, key
from tests.pages.conftest import Kept

HERE = "/plans/safeguarding-plan/milestones"
ORDERS = [f"{way}{by}" for by in SortBy for way in ("", "-")]


def in_pages(world: World, sort: str, *, limit: int) -> list[str]:
    """The references of the whole list, read a page at a time."""
    found, cursor = [], None
    while True:
        page = world.read(
            "petra", milestone_lists.list_milestones, slug=world.plan, filters=MilestoneFilters(),
            order=order_of(sort), limit=limit, cursor=cursor,
        )  # fmt: skip
        found += [row.ref for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found


def refs(html: str) -> list[str]:
    return re.findall(r'role="row" id="(M-\d+)"', html)


@pytest.mark.parametrize("sort", ORDERS)
def test_pages_of_two_are_the_whole_list_cut_up(full: Kept, sort: str) -> None:
    whole = in_pages(full.world, sort, limit=100)
    assert in_pages(full.world, sort, limit=2) == whole
    assert sorted(whole) == sorted(in_pages(full.world, "", limit=100))


def test_pages_hold_on_both_databases(world: World, clock: Clock) -> None:
    for day in (None, 9, 3, 3):
        world.milestone(title="Dated", start_date=None, due_date=clock.today + timedelta(days=day) if day else None,
                        owner=None if day == 9 else world.people["connie"].id)  # fmt: skip
    for sort in ORDERS:
        whole = in_pages(world, sort, limit=100)
        assert in_pages(world, sort, limit=1) == whole, sort
        assert len(whole) == 5
    for sort in ("due", "-due"):
        assert in_pages(world, sort, limit=100)[-1] == "M-02"


def test_what_is_red_comes_first_or_last(full: Kept) -> None:
    colours = re.findall(r"wm-rag--(\w+)", full.browser("petra").get(f"{HERE}?sort=standing").text)
    ranks = [("red", "amber", "green", "achieved").index(colour) for colour in colours]
    assert ranks == sorted(ranks)
    assert ranks


def test_a_heading_says_how_the_table_is_sorted_and_leads_the_other_way(full: Kept) -> None:
    html = full.browser("petra").get(f"{HERE}?sort=due&rag=red").text
    assert html.count("aria-sort=") == 1
    heading = re.search(r'aria-sort="ascending"><a [^>]*href="([^"]+)">Due', html)
    assert heading is not None
    assert heading[1] == f"{HERE}?rag=red&amp;sort=-due"
    assert "by due date, the earliest first." in html
    assert f'href="{HERE}.csv?rag=red&amp;sort=due"' in html


def test_the_file_and_the_api_come_in_the_same_order(full: Kept) -> None:
    page = refs(full.browser("petra").get(f"{HERE}?sort=-due").text)
    lines = full.browser("petra").get(f"{HERE}.csv?sort=-due").text.splitlines()[1:]
    listed = full.api("petra").get(f"/api/v1{HERE}?sort=-due").json()["items"]
    assert [one["ref"] for one in listed] == page
    assert [line.split(",")[0] for line in lines if line.startswith("M-")] == page


def test_an_order_that_is_none_and_a_cursor_of_another_order_are_422(full: Kept) -> None:
    assert "Sort must be one of" in full.browser("petra").get(f"{HERE}?sort=colour").text
    cursor = full.api("petra").get(f"/api/v1{HERE}?sort=due&limit=2").json()["next_cursor"]
    for sort in ("-due", "owner", ""):
        assert full.api("petra").get(f"/api/v1{HERE}?sort={sort}&cursor={cursor}").status_code == 422


@pytest.mark.parametrize("way", ["", "-"])
def test_slip_moves_and_days_are_sorted_as_they_are_shown(full: Kept, way: str) -> None:
    for by, name in (("slip", "slip_days"), ("moves", "moves"), ("days", "exception_days")):
        items = full.api("petra").get(f"/api/v1{HERE}?sort={way}{by}").json()["items"]
        shown = [one[name] for one in items if one[name] is not None]
        assert shown == sorted(shown, reverse=bool(way)), by
        assert [one[name] for one in items][: len(shown)] == shown  # what is unknown comes last


def test_days_and_slip_sort_alike_on_both_databases(world: World, clock: Clock) -> None:
    for due, forecast in ((3, 40), (9, None), (20, 12)):
        view = world.milestone(start_date=None, due_date=clock.today + timedelta(days=due))
        if forecast:
            world.write("connie", updates.add_update, milestone=key(view), narrative="On our way",
                        forecast_date=clock.today + timedelta(days=forecast))  # fmt: skip
    clock.forward(days=15)
    for by, name in (("slip", "slip_days"), ("days", "exception_days")):
        page = world.read("petra", milestone_lists.list_milestones, slug=world.plan, filters=MilestoneFilters(),
                          order=order_of(f"-{by}"))  # fmt: skip
        shown = [getattr(row, name) for row in page.items if getattr(row, name) is not None]
        assert shown == sorted(shown, reverse=True)
        assert len(set(shown)) > 1
