"""Plan home and the list of plans: every number leads to the list behind it, and what changed since a day."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import insert
from starlette.testclient import TestClient

from app.db import Database
from app.domain.ids import new_id
from app.domain.words import ChangeKind, Role, Scope
from app.models import Membership
from app.services import change_requests, plans, updates
from tests.factories import Clock, World, key, make_world
from tests.pages.conftest import Kept, statements
from tests.pages.markup import read

PLAN = "/plans/safeguarding-plan"
# A link whose words begin with a number, or with "See all" and one; "3 more" leads to more than it says.
NUMBER = re.compile(r'<a class="[^"]*" href="([^"]+)">(?:See all )?([\d,]+)(?! more)\b')


@pytest.fixture
def busy(full: Kept) -> Kept:
    """A plan in which, in the last ten days, something went every way."""
    world = full.world
    world.write("petra", updates.add_update,
                milestone=key(full.there["asked"]), narrative="Sent to the printer")  # fmt: skip
    slow = world.milestone(title="Slow to begin", due_date=world.clock.today, restricted_to=["haringey-council"])
    quick = world.milestone(title="Quick", due_date=world.clock.today, start_date=world.clock.today)
    world.write("connie", updates.add_update, milestone=key(quick), narrative="Begun")
    partner = world.key_actor(Scope.EVIDENCE_WRITE)
    shared = world.milestone(title="Shared", supporting_organisations=["metropolitan-police"])
    world.attached(shared, by=partner)
    world.clock.forward(days=3)
    world.achieved(title="Done lately")
    for view in (slow, quick):
        request = world.write("petra", change_requests.request_change, milestone=key(view), kind=ChangeKind.DUE_DATE,
                              reason="Later", due_date=world.clock.today + timedelta(days=40))  # fmt: skip
        world.write("sam", change_requests.decide_change, change_request=request.id, outcome="approved", reason="Yes")
    world.milestone(title="Due soon", due_date=world.clock.today + timedelta(days=1))
    world.attached(shared, by=partner)
    return full


def numbers_on(page: str) -> dict[str, int]:
    """{address: number} of every number that is a link."""
    return {unescape(address): int(number.replace(",", "")) for address, number in NUMBER.findall(page)}


def listed(browser: TestClient, address: str) -> int:
    """How many items the list behind an address shows."""
    rows = "&rows=200" if "?" in address else "?rows=200"
    html = browser.get(address + rows).text if "/exceptions" in address else browser.get(address).text
    return len(re.findall(r'<li class="wm-exception |role="row" id="M-|<li class="wm-submission"', html))


@pytest.mark.parametrize("who", ["petra", "pol", "sam"])
def test_every_number_leads_to_a_list_that_shows_exactly_that_many(busy: Kept, who: str) -> None:
    browser = busy.browser(who)
    for page in (PLAN, "/plans"):
        numbers = numbers_on(browser.get(page).text)
        assert len(numbers) >= (12 if page == PLAN else 4)
        found = {address: listed(browser, address) for address in numbers}
        assert found == numbers


def test_a_restricted_viewer_reads_other_numbers(busy: Kept) -> None:
    seen = {who: numbers_on(busy.browser(who).get(PLAN).text) for who in ("petra", "pol")}
    assert seen["petra"][f"{PLAN}/milestones?status=live"] == seen["pol"][f"{PLAN}/milestones?status=live"] + 2
    assert "Slow to begin" in busy.browser("petra").get(PLAN).text
    assert "Slow to begin" not in busy.browser("pol").get(PLAN).text


def test_home_says_what_changed_since_the_chosen_day(busy: Kept) -> None:
    browser = busy.browser("petra")
    since = (busy.world.clock.today - timedelta(days=2)).isoformat()
    page = read(browser.get(f"{PLAN}?since={since}").text)
    assert page.problems() == []
    assert page.value("since") == since
    assert "Achieved on" in page.text
    assert "Moved furthest from the baseline" in page.text
    assert f"{PLAN}/milestones?changed=better&since={since}" in page.links()


@pytest.mark.parametrize(
    ("since", "sentence"),
    [
        ("2099-01-01", "1 January 2099 is still to come. Choose today or an earlier day"),
        ("2026-03-01", "The plan was approved on 2 March 2026. Choose that day or a later one"),
        ("last week", "The day must be a date such as 2009-12-17"),
    ],
)
def test_a_day_that_nothing_can_be_said_of_gets_its_sentence_and_the_page_stands(
    busy: Kept, since: str, sentence: str
) -> None:
    answer = busy.browser("petra").get(PLAN, params={"since": since})
    page = read(answer.text)
    assert answer.status_code == 422
    assert sentence in page.text
    assert "Where the plan stands" in page.text
    assert page.problems() == []


@pytest.mark.parametrize(
    "address", ["/milestones?changed=better", "/milestones?changed=odd&since=2026-03-20", "/exceptions?changed=new",
                "/exceptions?changed=better&since=2026-03-20", "/exceptions?changed=new&since=2099-01-01"]
)  # fmt: skip
def test_a_list_of_changes_needs_a_day_and_a_word(busy: Kept, address: str) -> None:
    assert busy.browser("petra").get(PLAN + address).status_code == 422


def test_a_filter_by_change_is_named_and_can_be_taken_off(busy: Kept) -> None:
    page = read(busy.browser("petra").get(f"{PLAN}/exceptions?changed=new&since=2026-03-20").text)
    assert "New since 20 Mar 2026" in page.text
    assert page.problems() == []
    assert busy.browser("petra").get(f"{PLAN}/exceptions?since=2026-03-20").status_code == 200


def test_the_list_of_plans_says_what_changed_and_for_how_long_nothing_was_updated(busy: Kept) -> None:
    page = read(busy.browser("petra").get("/plans").text)
    assert "Updates None for" not in page.text
    assert any("changed=new" in link for link in page.links())
    busy.world.clock.forward(days=15)
    assert "Updates None for 18 days" in read(busy.browser("petra").get("/plans").text).text


def test_twelve_plans_take_no_more_queries_than_one(house: Kept) -> None:
    def asked() -> int:
        browser = house.browser("petra")
        with statements(house.world.database) as sent:
            assert browser.get("/plans").status_code == 200
        return len(sent)

    few = asked()
    for number in range(11):
        plan_of(house.world, f"plan-{number}")
    assert len(read(house.browser("petra").get("/plans").text).all("h2")) == 12
    assert asked() == few


def plan_of(world: World, slug: str) -> None:
    """One more approved plan of Petra's."""
    view = world.write("max", plans.create_plan, slug=slug, title=slug, organisation="haringey-council")

    def join(uow: object) -> None:
        uow.session.execute(insert(Membership).values(  # type: ignore[attr-defined]
            id=new_id(), person_id=world.people["petra"].id, plan_id=view.id, role=Role.PROGRAMME_MANAGER,
            created_at=world.clock()))  # fmt: skip

    world.write("max", join)


def test_the_home_of_a_draft_compares_nothing(sqlite_url: str, clock: Clock, tmp_path: Path) -> None:
    database = Database(sqlite_url)
    house = Kept(make_world(database, clock, approved=False), tmp_path)
    draft = read(house.browser("petra").get(PLAN).text)
    assert "This plan is a draft" in draft.text
    assert "Changed since" not in draft.text
    assert draft.problems() == []
    database.dispose()
