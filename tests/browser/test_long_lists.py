"""A plan of 500 milestones: fifty rows at a time, and every one of them to be reached."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.db import Database
from tests.bench import seeding
from tests.browser.accessibility import check_page
from tests.browser.conftest import Place
from tests.browser.visitors import Visitor

PLAN = f"/plans/{seeding.THOUSAND}"


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("big")
    seeding.seed(f"sqlite:///{folder}/waymark.db", seeding.size_of(500))
    database = Database(f"sqlite:///{folder}/waymark.db")
    yield database
    database.dispose()


@pytest.fixture
def visitor(shared: Place, big: Database, tmp_path: Path) -> Visitor:
    """The programme manager of the large plan, on the day it was made for."""
    shared.server.furnish(big, data=tmp_path, at=seeding.NOW)
    visitor = shared.visitor()
    visitor.context.add_cookies([{"name": "waymark", "value": seeding.MANAGER_SESSION, "url": shared.origin}])
    return visitor


def test_all_milestones_are_reached_fifty_at_a_time(visitor: Visitor) -> None:
    page = visitor.page
    visitor.go(f"{PLAN}/milestones")
    expect(page.get_by_role("status")).to_contain_text("500 milestones")
    seen: list[str] = []
    while True:
        expect(page.locator("tbody tr")).to_have_count(50)
        rows = page.locator("tbody tr").evaluate_all("(rows) => rows.map((row) => row.id)")
        seen += rows
        if not visitor.link("Next 50").count():
            break
        visitor.link("Next 50").click()
        expect(page.locator(f"[id='{rows[0]}']")).to_have_count(0)
    assert len(seen) == len(set(seen)) == 500
    assert seen == sorted(seen, key=lambda ref: int(ref.partition("-")[2]))
    visitor.link("Back to the first 50").click()
    expect(page.locator(f"[id='{seen[0]}']")).to_have_count(1)


def test_the_exceptions_go_on_over_pages_red_before_amber(visitor: Visitor) -> None:
    page = visitor.page
    visitor.go(f"{PLAN}/exceptions")
    total = int(page.locator(".wm-count").first.inner_text())
    assert total > 50
    expect(page.locator("#showing")).to_have_text(f"{total} in all.")
    seen: list[tuple[str, str]] = []
    while True:
        rows = page.locator(".wm-exception").evaluate_all(
            "(rows) => rows.map((row) => [row.id, row.querySelector('.wm-rag').textContent])"
        )
        assert len(rows) <= 50
        seen += [(ref, word) for ref, word in rows]
        if not visitor.link("Next 50").count():
            break
        visitor.link("Next 50").click()
        expect(page.locator("#showing")).to_contain_text("continued")
        expect(page.locator(f"[id='{rows[0][0]}']")).to_have_count(0)
    assert len(seen) == len(set(seen)) == total
    words = [word for _, word in seen]
    assert words == sorted(words, reverse=True)  # Red, then Amber
    assert {"Red", "Amber"} == set(words)


def test_a_page_of_fifty_exceptions_is_accessible(visitor: Visitor) -> None:
    visitor.go(f"{PLAN}/exceptions")
    expect(visitor.page.locator(".wm-exception")).to_have_count(50)
    check_page(visitor)


def test_filtering_a_long_list_swaps_and_counts_all_of_it(visitor: Visitor) -> None:
    page = visitor.page
    visitor.go(f"{PLAN}/exceptions")
    visitor.link("Next 50").click()
    expect(page.locator("#showing")).to_contain_text("continued")
    page.get_by_label("Colour").select_option("red")
    visitor.button("Apply filters").click()
    expect(page.locator("#showing")).to_contain_text("Showing")
    shown = int(page.locator("#showing").inner_text().split()[1])
    assert page.locator(".wm-exception").count() == min(shown, 50)
    expect(page.locator("#red")).to_contain_text(str(shown))
