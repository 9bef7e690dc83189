"""Accepting an exception on pages: the form, the milestone, and its place in the list."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.pages.conftest import Kept
from tests.pages.markup import Page, read

HERE = "/plans/safeguarding-plan/exceptions"


def until(house: Kept, days: int = 30) -> dict[str, str]:
    day = house.world.clock.today + timedelta(days=days)
    return {"until-day": str(day.day), "until-month": str(day.month), "until-year": str(day.year)}


def rows(page: Page) -> list[str]:
    return [
        one.attributes["id"] for one in page.all("li") if one.attributes.get("class", "").startswith("wm-exception ")
    ]


def test_it_is_accepted_from_its_row_and_stands_last_with_who_accepted_it(full: Kept) -> None:
    full.world.milestone(title="Late as well", start_date=None, due_date=full.world.clock.today - timedelta(days=1))
    browser, overdue = full.browser("sam"), full.there["overdue"].row.ref
    before = read(browser.get(HERE).text)
    assert rows(before)[0] == overdue
    assert full.path("overdue", "acceptance") in before.links()
    form = read(browser.get(full.path("overdue", "acceptance")).text)
    assert form.problems() == []
    given = {**until(full), "reason": "The hall is being rebuilt", "version": form.value("version")}
    answer = browser.post(full.path("overdue", "acceptance"), data=given)
    assert (answer.status_code, answer.headers["location"]) == (303, full.path("overdue"))

    after = read(browser.get(HERE).text)
    assert after.problems() == []
    assert sorted(rows(after)) == sorted(rows(before))
    assert rows(after)[-1] == overdue
    assert "Accepted until 22 April 2026 by Director of Services" in after.text
    assert "1 accepted, listed last" in after.text
    red = len([one for one in before.all("li") if "wm-exception--red" in one.attributes.get("class", "")])
    assert f"{red} Red and " in after.text
    milestone = read(browser.get(full.path("overdue")).text)
    assert milestone.problems() == []
    assert "Accepted until 22 April 2026 by Director of Services" in milestone.text
    assert "The hall is being rebuilt" in milestone.text


def test_it_is_lifted_again(full: Kept) -> None:
    browser = full.browser("sam")
    browser.post(full.path("overdue", "acceptance"), data={**until(full), "reason": "Known"})
    form = read(browser.get(full.path("overdue", "acceptance/lifting")).text)
    assert form.problems() == []
    assert "Accepted until 22 April 2026" in form.text
    assert browser.post(full.path("overdue", "acceptance/lifting"), data={}).status_code == 422
    answer = browser.post(full.path("overdue", "acceptance/lifting"), data={"reason": "The board wants to see it"})
    assert answer.status_code == 303
    assert rows(read(browser.get(HERE).text))[0] == full.there["overdue"].row.ref


@pytest.mark.parametrize(
    ("days", "reason", "status", "sentence"),
    [
        (0, "Known", 422, "The day must be in the future"),
        (400, "Known", 422, "The day must be within a year from today"),
        (30, "", 422, "Enter why it is accepted"),
    ],
)
def test_what_is_wrong_is_said(full: Kept, days: int, reason: str, status: int, sentence: str) -> None:
    answer = full.browser("sam").post(full.path("overdue", "acceptance"), data={**until(full, days), "reason": reason})
    page = read(answer.text)
    assert answer.status_code == status
    assert sentence in page.text
    assert page.problems() == []


def test_who_may_not_is_offered_nothing(full: Kept) -> None:
    for who in ("petra", "connie", "ada"):
        browser = full.browser(who)
        assert full.path("overdue", "acceptance") not in read(browser.get(HERE).text).links()
        assert full.path("overdue", "acceptance") not in read(browser.get(full.path("overdue")).text).links()
        assert browser.get(full.path("overdue", "acceptance")).status_code == 403
        assert browser.post(full.path("overdue", "acceptance"), data={**until(full), "reason": "x"}).status_code == 403
    assert full.browser("sam").get(full.path("early", "acceptance")).status_code == 403  # no exception
    assert full.browser("zoe").get(full.path("overdue", "acceptance")).status_code == 404


def test_what_is_no_exception_any_more_is_refused_in_place(full: Kept) -> None:
    answer = full.browser("sam").post(full.path("early", "acceptance"), data={**until(full), "reason": "x"})
    assert answer.status_code == 409
    page = read(answer.text)
    assert "Only what is Red or Amber is accepted, and this is neither today" in page.text
    assert page.problems() == []
