"""The page that closes a plan, and what a closed plan's pages say."""

from __future__ import annotations

from app.domain.words import DateSetter, Scope
from app.services import evidence
from tests.factories import key, upload
from tests.pages.conftest import Kept, statements
from tests.pages.markup import Page, read

PLAN = "/plans/safeguarding-plan"
CLOSURE = f"{PLAN}/closure"


def form_of(house: Kept) -> Page:
    page = read(house.browser("sam").get(CLOSURE).text)
    assert page.problems() == []
    return page


def test_what_is_open_comes_first_with_a_row_each(full: Kept) -> None:
    page = form_of(full)
    refs = {full.there[name].row.ref for name in ("overdue", "early", "secret", "completed", "reviewed", "asked")}
    assert {f"items.{ref}" for ref in refs} <= set(page.ids())
    assert f"items.{full.there['achieved'].row.ref}" not in page.ids()
    assert "Red In progress" in page.text
    assert CLOSURE in read(full.browser("sam").get(PLAN).text).links()
    assert CLOSURE not in read(full.browser("petra").get(PLAN).text).links()
    for who, status in (("petra", 403), ("ada", 403), ("zoe", 404)):
        assert full.browser(who).get(CLOSURE).status_code == status


def test_a_blank_row_is_named_and_every_word_is_kept(full: Kept) -> None:
    version = form_of(full).value("version")
    sent = {"reason": "It has done its work", "to-M-01": "The service plan", "version": version}
    answer = full.browser("sam").post(CLOSURE, data=sent)
    page = read(answer.text)
    assert answer.status_code == 422
    assert page.problems() == []
    ref = full.there["overdue"].row.ref
    assert f"Say where {ref} went" in page.text
    assert f"#items.{ref}" in page.links()
    assert page.value("to-M-01") == "The service plan"
    assert full.browser("sam").post(CLOSURE, data={}).status_code == 422
    stale = full.browser("sam").post(CLOSURE, data={**sent, "rest": "All", "version": "0"})
    assert (stale.status_code, "Somebody else changed this" in stale.text) == (412, True)


def test_the_same_for_all_that_are_blank_takes_a_minute(full: Kept) -> None:
    browser, late = full.browser("sam"), full.there["overdue"].row
    sent = {"reason": "It has done its work.\n\nThank you.", "rest": "Service plans", f"to-{late.ref}": "Training plan",
            "version": form_of(full).value("version")}  # fmt: skip
    answer = browser.post(CLOSURE, data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, PLAN)
    home = read(browser.get(PLAN).text)
    assert home.problems() == []
    for words in ("This plan is closed", "It has done its work.", "Service plans", "In progress, Red Training plan"):
        assert words in home.text
    item = read(browser.get(full.path("overdue")).text)
    assert item.problems() == []
    assert "Carried over when the plan was closed: Training plan" in item.text
    assert "It was Red then" in item.text
    listed = read(browser.get(f"{PLAN}/milestones").text)
    assert "Carried over" in listed.text
    assert "wm-rag--red" not in browser.get(f"{PLAN}/milestones").text
    assert (
        "Closed on 23 March 2026: 1 of 8 milestones achieved, 7 carried over." in read(browser.get("/plans").text).text
    )
    exceptions = read(browser.get(f"{PLAN}/exceptions").text)
    assert "Nothing is Red or Amber" in exceptions.text
    assert browser.get(CLOSURE).status_code == 403
    again = browser.post(CLOSURE, data=sent)
    assert again.status_code in (409, 412)


def test_what_stands_in_the_way_is_said_before_anybody_types(full: Kept) -> None:
    world = full.world
    partner = world.key_actor(Scope.EVIDENCE_WRITE)
    view = world.milestone(title="Police data shared", supporting_organisations=["metropolitan-police"])
    world.write(partner, evidence.attach_evidence, milestone=key(view), title="Sent", upload=upload(b"p"))
    assert "submission" in form_of(full).text
    answer = full.browser("sam").post(CLOSURE, data={"reason": "Done", "rest": "Elsewhere"})
    assert answer.status_code == 409
    assert "Triage what partners have sent first" in answer.text


def test_every_page_of_a_closed_plan_is_sound(full: Kept) -> None:
    full.world.close()
    for who in ("petra", "sam", "connie", "ada"):
        browser = full.browser(who)
        for path in ("", "/milestones", "/themes", "/exceptions", "/meetings"):
            answer = browser.get(PLAN + path)
            assert answer.status_code == 200
            assert read(answer.text).problems() == [], (who, path)


def test_the_pages_send_a_fixed_number_of_queries(full: Kept) -> None:
    browser = full.browser("sam")
    with statements(full.world.database) as few:
        browser.get(CLOSURE)
    for number in range(5):
        full.world.milestone(title=f"More {number}")
    with statements(full.world.database) as many:
        browser.get(CLOSURE)
    assert len(few) == len(many) <= 19, len(many)
    full.world.close()
    with statements(full.world.database) as after:
        browser.get(PLAN)
    assert len(after) <= 13, len(after)


def test_the_agreement_of_who_set_a_date_is_asked_for_by_both_doors(full: Kept) -> None:
    ref = full.world.milestone(due_set_by=DateSetter.COURT).row.ref
    page = form_of(full)
    assert f"The agreement of a court ({ref})" in page.text
    sent = {"reason": "Done", "rest": "Service plans", "version": page.value("version")}
    refused = full.browser("sam").post(CLOSURE, data=sent)
    assert (refused.status_code, f"set by a court ({ref})" in read(refused.text).text) == (409, True)
    half = read(full.browser("sam").post(CLOSURE, data={**sent, "agreement.by": "The judge"}).text)
    assert (half.problems(), "#agreement.reference" in half.links()) == ([], True)
    closure = {"reason": "Done", "rest": {"to": "Service plans"}}
    address, officer = f"/api/v1{CLOSURE}", full.api("sam")
    assert [one["code"] for one in officer.post(address, json=closure).json()["reasons"]] == ["agreement_missing"]
    agreed = {"by": "The judge", "on": str(full.world.clock.today), "reference": "Order 7"}
    assert officer.post(address, json={**closure, "agreement": agreed}).json()["state"] == "closed"
