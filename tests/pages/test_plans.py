"""Plans, and where one of them stands."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from app.db import Database
from app.domain.plans import Counts
from app.domain.words import Marking, Scope
from app.pages.plans import bar, bar_label, slug_of
from app.pages.templating import Frame, environment
from app.services import evidence, plan_parts, plans
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
            frame=Frame(person="Guest"), rows=[], offers_all=False, offers_csv=False, may_begin=False, orders=[]
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


# --- A plan's life ----------------------------------------------------------------------------------------------------


def test_an_administrator_begins_a_plan_and_its_page_says_what_to_do_next(house: Kept) -> None:
    browser = house.browser("max")
    assert "/plans/new" in read(browser.get("/plans").text).links()
    assert "/plans/new" not in read(house.browser("petra").get("/plans").text).links()
    assert read(browser.get("/plans/new").text).problems() == []
    wrong = browser.post("/plans", data={"cycle_days": "fortnight"})
    assert wrong.status_code == 422
    for sentence in ("Enter what the plan is called", "The review cycle must be a whole number"):
        assert sentence in wrong.text
    sent = {"title": "Children’s Plan: 2009", "organisation": "haringey-council", "cycle_days": "14",
            "evidence_policy": "accepted", "purpose": "To see it through"}  # fmt: skip
    answer = browser.post("/plans", data=sent)
    here = "/plans/childrens-plan-2009"
    assert (answer.status_code, answer.headers["location"]) == (303, here)
    page = read(browser.get(here).text)
    assert page.problems() == []
    for words in ("This plan is a draft", "What to do next", "Give people their roles", "To do"):
        assert words in page.text
    assert f"{here}/memberships" in page.links()
    again = browser.post("/plans", data={**sent, "slug": "childrens-plan-2009"})
    assert (again.status_code, "Addresses are never reused" in again.text) == (422, True)
    assert house.browser("petra").get("/plans/new").status_code == 403
    assert house.browser("petra").post("/plans", data=sent).status_code == 403


def test_people_are_given_roles_on_a_page(house: Kept) -> None:
    house.world.write("max", plans.create_plan, slug="fresh", title="Fresh", organisation="haringey-council")
    browser, here = house.browser("max"), "/plans/fresh/memberships"
    page = read(browser.get(here).text)
    assert page.problems() == []
    assert "Nobody has a role in this plan yet" in page.text
    empty = browser.post(here, data={})
    assert empty.status_code == 422
    assert read(empty.text).problems() == []
    for sentence in ("Enter the person’s e-mail address", "Choose a role"):
        assert sentence in read(empty.text).text
    person = {"person": "programme.manager@haringey.example", "role": "programme_manager"}
    assert browser.post(here, data=person).status_code == 303
    assert "Programme Manager Haringey Council. programme.manager@haringey.example" in read(browser.get(here).text).text
    assert browser.post(here, data=person).status_code == 409
    assert house.browser("sam").get(f"{PLAN}/memberships").status_code == 403
    house.world.clock.forward(minutes=20)
    assert browser.get(here).headers["location"].startswith("/account/confirmation")
    assert browser.post(here, data=person).headers["location"].startswith("/account/confirmation")


def test_a_draft_says_what_it_lacks_and_so_does_its_approval(sqlite_url: str, clock: Clock, tmp_path: Path) -> None:
    database = Database(sqlite_url)
    house = Kept(make_world(database, clock, approved=False), tmp_path)
    house.world.write("petra", plan_parts.add_action, slug=house.world.plan, theme=house.world.theme, title="Empty")
    house.world.milestone(
        title="Bare", due_date=None, owner=None, success_criterion=" ", restricted_to=["haringey-council"],
        marking=Marking.OFFICIAL_SENSITIVE,
    )  # fmt: skip
    house.world.milestone(title="Whole")
    for who, address in (("petra", PLAN), ("sam", f"{PLAN}/approval")):
        page = read(house.browser(who).get(address).text)
        assert page.problems() == []
        for words in (
            "1 action has no milestone", "A-02 Empty", "1 milestone has no due date", "1 milestone has no owner",
            "1 milestone has no success criterion", "M-01 Bare Official-Sensitive Restricted",
        ):  # fmt: skip
            assert words in page.text
        assert "M-02 Whole" not in page.text
    answer = house.browser("sam").post(f"{PLAN}/approval", data={"body": "The Trust", "meeting": "March"})
    assert answer.status_code == 303  # warnings, not refusals
    database.dispose()


def test_a_draft_is_edited_freely_and_an_approved_plan_only_renamed(house: Kept) -> None:
    house.world.write("zoe", plan_parts.add_theme, slug=house.world.other_plan, title="All of it")
    browser, here = house.browser("zoe"), "/plans/other-plan"
    form = read(browser.get(f"{here}/edit").text)
    assert form.problems() == []
    sent = {"title": "Other", "slug": "other-plan", "in_draft": "yes", "evidence_policy": "accepted", "cycle_days": "7",
            "tolerance_days": "14", "overdue_limit_days": "99", "triage_hours": "24",
            "version": form.value("version")}  # fmt: skip
    assert "Overdue limit days must be from 0 to 28" in browser.post(f"{here}/edit", data=sent).text
    assert browser.post(f"{here}/edit", data={**sent, "overdue_limit_days": "7"}).status_code == 303
    view = house.world.read("zoe", plans.get_plan, slug="other-plan")
    assert (view.title, view.cycle_days, view.overdue_limit_days, view.evidence_policy) == ("Other", 7, 7, "accepted")
    approved = read(house.browser("petra").get(f"{PLAN}/edit").text)
    assert "change by change requests only" in approved.text
    assert house.browser("sam").get(f"{PLAN}/edit").status_code == 403


def test_old_addresses_lead_on_from_every_page_and_form(house: Kept) -> None:
    browser = house.browser("petra")
    form = read(browser.get(f"{PLAN}/edit").text)
    sent = {"title": "Children’s Plan", "slug": "childrens-plan", "version": form.value("version")}
    answer = browser.post(f"{PLAN}/edit", data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, "/plans/childrens-plan")
    for path in ("", "/milestones?q=first", "/milestones/M-01", "/themes", "/exceptions", "/audit-events", "/edit"):
        moved = browser.get(PLAN + path)
        assert (moved.status_code, moved.headers["location"]) == (308, f"/plans/childrens-plan{path}")
        assert moved.headers["cache-control"] == "no-store"
        assert browser.get(moved.headers["location"]).status_code == 200
    sent_before = browser.post(f"{PLAN}/themes", data={"title": "From a form that was open"})
    assert (sent_before.status_code, sent_before.headers["location"]) == (308, "/plans/childrens-plan/themes")
    assert house.browser("zoe").get(PLAN).status_code == 404
    assert browser.get("/plans/safeguarding-plan-2").status_code == 404
    stale = browser.post("/plans/childrens-plan/edit", data={**sent, "title": "Mine"})
    assert stale.status_code == 412
    text = read(stale.text).text
    assert "There now Children’s Plan" in text
    assert "What you wrote Mine" in text


def test_what_was_added_later_is_a_badge_and_a_filter(full: Kept) -> None:
    full.world.clock.forward(days=2)
    late = full.world.milestone(title="Joined later")
    browser = full.browser("petra")
    page = read(browser.get(f"{PLAN}/milestones?status=added_since").text)
    assert page.problems() == []
    assert "Joined later Added since 2 Mar 2026" in page.text
    assert "Added since 2 March 2026." in page.text
    item = read(browser.get(f"{PLAN}/milestones/{late.row.ref}").text)
    assert "25 March 2026, after the plan was approved" in item.text
    assert "after the plan was approved" not in browser.get(f"{PLAN}/milestones/M-01").text


def test_an_address_is_made_of_a_title() -> None:
    assert slug_of("Children’s Plan: 2009 / 10") == "childrens-plan-2009-10"
    assert slug_of("Café  Ümlaut") == "cafe-umlaut"
    assert len(slug_of("x" * 300)) == 80
    assert slug_of("…") == ""
