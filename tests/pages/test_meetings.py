"""The page of review meetings, and its forms."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.services import meetings
from tests.pages.conftest import Kept, statements
from tests.pages.markup import read

HERE = "/plans/safeguarding-plan/meetings"


def day(name: str, value: str) -> dict[str, str]:
    year, month, number = value.split("-")
    return {f"{name}-day": number, f"{name}-month": month, f"{name}-year": year}


def ids(house: Kept) -> list[str]:
    return [one.id for one in house.world.read("petra", meetings.list_meetings, slug=house.world.plan)]


def test_the_list_is_made_shown_a_year_ahead_and_the_next_one_is_marked(house: Kept) -> None:
    browser = house.browser("petra")
    empty = read(browser.get(HERE).text)
    assert empty.problems() == []
    assert "No meeting to come is listed." in empty.text
    assert "Next review: Monday 16 March 2026" in empty.text
    assert "reckoned from the cycle: the list has ended" in empty.text

    answer = browser.post(f"{HERE}/year", data=day("first_day", "2026-03-05"))

    assert (answer.status_code, answer.headers["location"]) == (303, f"{HERE}#{ids(house)[0]}")
    page = read(browser.get(HERE).text)
    assert page.problems() == []
    assert "Thursday 5 March 2026 Next review" in page.text
    assert page.text.count("Planned") == 26
    assert HERE in read(browser.get("/plans/safeguarding-plan").text).links()


def test_one_by_hand_on_a_weekend_is_listed_with_a_warning(house: Kept) -> None:
    browser = house.browser("petra")
    assert browser.post(HERE, data=day("on", "2026-03-07")).status_code == 303
    page = read(browser.get(HERE).text)
    assert "Not a working day: 7 March 2026 is a Saturday." in page.text
    assert page.problems() == []


def test_a_meeting_is_moved_held_and_cancelled_on_pages(house: Kept) -> None:
    browser = house.browser("petra")
    for wanted in ("2026-03-05", "2026-03-19"):
        browser.post(HERE, data=day("on", wanted))
    first, second = ids(house)
    for step in ("move", "holding", "cancellation"):
        assert read(browser.get(f"{HERE}/{first}/{step}").text).problems() == []
    version = read(browser.get(f"{HERE}/{first}/move").text).value("version")
    moved = {**day("on", "2026-03-06"), "reason": "The hall is taken", "version": version}
    assert browser.post(f"{HERE}/{first}/move", data=moved).status_code == 303
    browser.post(f"{HERE}/{second}/cancellation", data={"reason": "Snow"})
    house.world.clock.forward(days=5)
    browser = house.browser("petra")
    held = {"attended": [house.world.people["sam"].id], "others_present": "The lead inspector"}
    assert browser.post(f"{HERE}/{first}/holding", data=held).status_code == 303
    page = read(browser.get(HERE).text)
    assert page.problems() == []
    for words in (
        "Moved from Thursday 5 March 2026: “The hall is taken”",
        "Attended by Director of Services (Haringey Council). Also there: The lead inspector.",
        "Cancelled: “Snow”",
    ):
        assert words in page.text, words


@pytest.mark.parametrize(
    ("step", "data", "status", "sentence"),
    [
        ("holding", {}, 409, "This meeting is still to come: it is held on Thursday 5 March 2026"),
        ("move", {**day("on", "2026-03-01"), "reason": "x"}, 422, "A review meeting is moved to today or a later day"),
        ("move", {**day("on", "2026-03-12"), "reason": "x"}, 422, "There is already a review meeting on that day"),
        ("move", {"reason": "x"}, 422, "Enter the new day"),
        ("move", day("on", "2026-03-06"), 422, "Enter why the meeting is moved"),
        ("cancellation", {}, 422, "Enter why the meeting is cancelled"),
        ("cancellation", {"reason": "Snow", "version": "0"}, 412, "Somebody else changed this"),
    ],
)
def test_what_is_refused_says_why_and_changes_nothing(
    house: Kept, step: str, data: dict[str, str], status: int, sentence: str
) -> None:
    browser = house.browser("petra")
    for wanted in ("2026-03-05", "2026-03-12"):
        browser.post(HERE, data=day("on", wanted))
    before = house.world.read("petra", meetings.list_meetings, slug=house.world.plan)
    answer = browser.post(f"{HERE}/{before[0].id}/{step}", data=data)
    page = read(answer.text)
    assert answer.status_code == status
    assert sentence in page.text
    assert page.problems() == []
    assert house.world.read("petra", meetings.list_meetings, slug=house.world.plan) == before


def test_a_meeting_in_the_past_is_not_listed(house: Kept) -> None:
    answer = house.browser("petra").post(HERE, data=day("on", "2026-03-01"))
    assert answer.status_code == 422
    page = read(answer.text)
    assert "A planned meeting must be today or later" in page.text
    assert page.problems() == []
    assert ids(house) == []


def test_readers_see_the_list_and_no_form(house: Kept) -> None:
    house.browser("petra").post(HERE, data=day("on", "2026-03-05"))
    for who in ("connie", "sam", "ada"):
        page = read(house.browser(who).get(HERE).text)
        assert "Thursday 5 March 2026 Next review" in page.text
        assert f"{HERE}/{ids(house)[0]}/move" not in page.links()
        assert "Make the list" not in page.text
    assert house.browser("olive").get(HERE).status_code == 403
    assert house.browser("zoe").get(HERE).status_code == 404


def test_another_plans_meeting_is_not_found_under_this_one(house: Kept) -> None:
    world = house.world
    away = world.write("zoe", meetings.add_meeting, slug=world.other_plan, on=world.clock.today)
    assert house.browser("petra").get(f"{HERE}/{away.id}/move").status_code == 404
    assert house.browser("petra").post(f"{HERE}/{away.id}/cancellation", data={"reason": "x"}).status_code == 404


def test_a_closed_plan_has_no_next_review_and_no_form(house: Kept) -> None:
    house.world.close()
    page = read(house.browser("petra").get(HERE).text)
    assert "Next review" not in page.text
    assert "Make the list" not in page.text


def test_the_page_sends_a_fixed_number_of_queries(house: Kept) -> None:
    world = house.world
    world.write("petra", meetings.add_meeting, slug=world.plan, on=world.clock.today)
    with statements(world.database) as few:
        house.browser("petra").get(HERE)
    for _ in range(30):
        on = world.clock.today + timedelta(days=1)
        meeting = world.write("petra", meetings.add_meeting, slug=world.plan, on=on)
        world.clock.forward(days=1)
        world.write("petra", meetings.hold_meeting, meeting=meeting.id, attended=[world.people["sam"].id])
    with statements(world.database) as many:
        house.browser("petra").get(HERE)
    # Signing in the browser of a test is part of both.
    assert len(many) == len(few) <= 20
