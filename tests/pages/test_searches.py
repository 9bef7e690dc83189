"""The search pages, and the same through the API."""

from __future__ import annotations

import pytest

from tests.pages.conftest import Kept, statements
from tests.pages.markup import read

PLAN = "/plans/safeguarding-plan"


def test_what_is_found_is_grouped_with_its_words_marked_and_escaped(full: Kept) -> None:
    html = full.browser("petra").get(f"{PLAN}/search?q=in supervision> COURSES").text
    assert "Nothing that you may see has all of these words." in html
    html = full.browser("petra").get(f"{PLAN}/search?q=supervision>").text
    assert "Managers trained &lt;in <mark>supervision&gt;</mark> &amp; coached" in html
    html = full.browser("petra").get(f"{PLAN}/search?q=courses").text
    assert "Two of four <mark>courses</mark> held. The third is near." in html
    assert "1 thing found." in html


@pytest.mark.parametrize("address", [f"{PLAN}/search", "/search"])
def test_nothing_asked_is_a_form_and_too_little_is_said(full: Kept, address: str) -> None:
    assert full.browser("petra").get(address).status_code == 200
    answer = full.browser("petra").get(f"{address}?q=ab")
    assert answer.status_code == 422
    assert "Enter at least 3 letters or figures to search for" in read(answer.text).text


def test_both_doors_find_the_same(full: Kept) -> None:
    found = full.api("pol").get(f"/api/v1{PLAN}/search?q=rota").json()
    assert [hit["text"] for hit in found["milestones"]["items"]] == ["Rota published"]
    assert len(found["evidence"]["items"]) >= 1
    html = full.browser("pol").get(f"{PLAN}/search?q=rota").text
    assert all(hit["ref"] in html for group in found.values() for hit in group["items"])
    assert full.api("petra").get(f"/api/v1{PLAN}/search?q=ab").status_code == 422
    assert full.api("zoe").get(f"/api/v1{PLAN}/search?q=rota").status_code == 404


def test_the_search_sends_a_fixed_number_of_queries(full: Kept) -> None:
    browser = full.browser("petra")
    with statements(full.world.database) as few:
        browser.get(f"{PLAN}/search?q=more")
    for number in range(5):
        full.world.milestone(title=f"One more {number}")
    with statements(full.world.database) as many:
        browser.get(f"{PLAN}/search?q=more")
    assert len(many) == len(few) <= 16
