"""Plans, and where one of them stands."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from app.db import Database
from app.domain.plans import Counts
from app.domain.words import Scope
from app.pages.plans import bar, bar_label
from app.pages.templating import Frame, environment
from app.services import evidence, plans
from tests.factories import Clock, key, make_world, upload
from tests.pages.conftest import Kept
from tests.pages.markup import read

PLAN = "/plans/safeguarding-plan"


def test_the_start_leads_to_the_plans(house: Kept) -> None:
    answer = house.browser("petra").get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/plans")


def test_a_plan_is_one_row_with_its_numbers(full: Kept) -> None:
    page = read(full.browser("petra").get("/plans").text)
    assert "Safeguarding Plan" in page.text
    assert "You are programme manager" in page.text
    assert "Another plan" not in page.text
    assert "due to date" in page.text


def test_an_observer_reads_that_nothing_is_published_yet_and_no_number(full: Kept) -> None:
    browser = full.browser("olive")
    assert "None has been published yet" in browser.get("/plans").text
    page = read(browser.get(PLAN).text)
    assert "The first report is not yet published" in page.text
    assert f"{PLAN}/exceptions" not in page.links()
    assert browser.get(f"{PLAN}/exceptions").status_code == 403


def test_who_has_no_part_in_a_plan_is_told_who_can_give_one() -> None:
    page = read(
        environment.get_template("plans/list.html").render(
            frame=Frame(person="Guest"), rows=[], offers_all=False, offers_csv=False
        )
    )
    assert "You have no part in a plan yet" in page.text
    assert page.problems() == []


def test_the_numbers_agree_on_every_page(full: Kept) -> None:
    world = full.world
    partner = world.key_actor(Scope.EVIDENCE_WRITE)
    view = world.milestone(title="Police data shared", supporting_organisations=["metropolitan-police"])
    world.write(partner, evidence.attach_evidence, milestone=key(view), title="Sent by the police", upload=upload(b"p"))
    world.clock.forward(days=3)
    browser = full.browser("petra")
    home, listed, exceptions = (
        browser.get(address).text for address in (PLAN, "/plans", f"{PLAN}/exceptions?rows=200")
    )
    rows = exceptions.count('<li class="wm-exception ')
    red = exceptions.count("wm-exception--red")
    assert red
    assert rows > red
    assert "Sent by the police" in exceptions
    assert f"{rows} exceptions</a>: {red} Red, {rows - red} Amber" in listed
    assert f'{red} <strong class="wm-rag wm-rag--red">' in home
    assert f'{rows - red} <strong class="wm-rag wm-rag--amber">' in home
    for page in (home, exceptions):
        assert f'<span class="wm-count">{rows}</span>' in page
    assert "Inbox: submissions waiting" in home
    assert "72 hours, 24 over the limit" in home


def test_home_says_what_turns_red_before_the_next_review(full: Kept) -> None:
    full.world.milestone(title="Soon due", due_date=full.world.clock.today)
    page = read(full.browser("petra").get(PLAN).text)
    assert "Soon due" in page.text
    assert "Turns Red before the next review" in page.text
    assert "turns_red=true" in " ".join(page.links())


def test_the_plan_menu_shows_only_what_the_role_may_open(full: Kept) -> None:
    trail = f"{PLAN}/audit-events"
    assert trail in read(full.browser("ada").get(PLAN).text).links()
    assert trail not in read(full.browser("connie").get(PLAN).text).links()
    assert full.browser("connie").get(trail).status_code == 403


def test_an_illustrative_plan_says_so_on_its_pages(house: Kept) -> None:
    assert "Illustrative" not in house.browser("petra").get(PLAN).text
    house.world.write("max", plans.create_plan, slug="demo", title="Demo", organisation="haringey-council",
                      illustrative=True)  # fmt: skip
    assert "Illustrative. Dates moved to the present" in house.browser("max").get("/plans").text


def test_a_senior_officer_approves_a_draft_on_its_page(sqlite_url: str, clock: Clock, tmp_path: Path) -> None:
    database = Database(sqlite_url)
    house = Kept(make_world(database, clock, approved=False), tmp_path)
    view = house.world.milestone(title="First", due_date=clock.today + timedelta(days=9))
    browser = house.browser("sam")
    page = read(browser.get(PLAN).text)
    assert "This plan is a draft" in page.text
    assert f"{PLAN}/approval" in page.links()
    form = read(browser.get(f"{PLAN}/approval").text)
    assert form.problems() == []
    wrong = browser.post(f"{PLAN}/approval", data={"meeting": "March"})
    assert wrong.status_code == 422
    assert "Enter the body that approved it" in wrong.text
    answer = browser.post(
        f"{PLAN}/approval", data={"body": "The Trust", "meeting": "March", "version": form.value("version")}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, PLAN)
    assert house.world.seen(view).row.baseline_date == clock.today + timedelta(days=9)
    assert house.browser("petra").get(f"{PLAN}/approval").status_code == 403
    again = browser.post(f"{PLAN}/approval", data={"body": "The Trust", "meeting": "March"})
    assert again.status_code == 409
    assert "The plan is already approved" in again.text
    database.dispose()


def test_a_bar_gives_every_number_room_and_never_leaves_its_frame() -> None:
    for counts in (
        Counts(red=1, amber=1, green=1, not_due=1, achieved=96),
        Counts(red=3),
        Counts(green=40, achieved=60),
    ):
        parts = bar(counts, counts.live)
        assert [part.number for part in parts] == [
            number for number in (counts.red, counts.amber, counts.green, counts.not_due, counts.achieved) if number
        ]
        widths = [float(part.width.rstrip("%")) for part in parts]
        assert all(width > 10 for width in widths)
        last = parts[-1]
        assert float(last.start.rstrip("%")) + float(last.width.rstrip("%")) <= 100
    assert bar(Counts(), 10) == []
    assert bar(Counts(), 0) == []
    assert bar_label(Counts(red=1, achieved=2)) == "1 Red, 0 Amber, 0 Green, 0 not yet due to start, 2 achieved"
