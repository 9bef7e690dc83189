"""The inbox on pages: with HTMX and without, for who triages, who sent it and who may not know of it."""

from __future__ import annotations

import pytest

from app.domain.words import Scope
from app.services import receipts
from tests.factories import NHS
from tests.pages.conftest import HTMX, Kept, statements
from tests.pages.markup import Page, read

HERE = "/plans/safeguarding-plan/inbox"


@pytest.fixture
def sent(house: Kept) -> Kept:
    """S-001 is the police's evidence for M-02, sent by key; S-002 Nat's letter; S-003 his evidence."""
    world = house.world
    house.there["rota"] = world.milestone(title="Rota")
    police = world.key_actor(Scope.EVIDENCE_WRITE)
    house.there["police"] = world.milestone(title="Log", supporting_organisations=["metropolitan-police"])
    world.attached(house.there["police"], by=police, description="46 strategy discussions")
    world.clock.forward(hours=30)
    letter = {"slug": world.plan, "title": "Notifications at weekends", "message": "They come late <every> week"}
    world.write("nat", receipts.send_correspondence, **letter, milestone="M-02", external_ref="NHS/7")
    world.clock.forward(hours=1)
    world.attached(house.there["rota"], by="nat")
    return house


def page_of(house: Kept, who: str = "petra", address: str = HERE) -> Page:
    answer = house.browser(who).get(address)
    assert answer.status_code == 200, answer.text
    return read(answer.text)


def test_unread_first_and_the_oldest_first_with_its_clock(sent: Kept) -> None:
    page = page_of(sent)
    assert page.problems() == []
    assert page.ids().index("S-001") < page.ids().index("S-002") < page.ids().index("S-003")
    for words in (
        "17 hours left", "Amber", "3 unread, of 3 waiting", "31 hours Amber oldest waiting, of 48 hours",
        "Evidence for M-03 Log", "46 strategy discussions", "They come late <every> week", "Their reference: NHS/7",
        "Log it, to be reviewed for M-03", "None yet triaged within 48 hours in the last 28 days: nothing was due",
    ):  # fmt: skip
        assert words in page.text, words
    sent.browser("petra").post(f"{HERE}/S-001/reading")
    page = page_of(sent)
    assert page.ids().index("S-002") < page.ids().index("S-003") < page.ids().index("S-001")
    assert "Read by Programme Manager" in page.text
    assert "2 unread, of 3 waiting" in page.text


def test_triaged_in_its_row_the_submission_leaves_and_the_numbers_follow(sent: Kept) -> None:
    browser = sent.browser("petra")
    answer = browser.post(f"{HERE}/S-002/triage", data={"outcome": "logged"}, headers=HTMX)
    assert answer.status_code == 200
    assert "S-002 was logged." in answer.text
    assert answer.headers["hx-reswap"] == "delete"
    assert "2</span>" in answer.text
    assert '<li class="wm-submission"' not in answer.text
    wrong = browser.post(f"{HERE}/S-003/triage", data={"outcome": "returned"}, headers=HTMX)
    assert wrong.status_code == 422
    assert "Enter why it is returned" in wrong.text
    more = browser.post(f"{HERE}/S-003/triage", data={"outcome": "misdirected"}, headers=HTMX)
    assert (more.status_code, more.headers["hx-redirect"]) == (204, f"{HERE}/S-003?way=misdirected#triage")
    opened = browser.post(f"{HERE}/S-003/reading", headers=HTMX)
    assert "Read by Programme Manager" in opened.text
    late = sent.browser("sam").post(f"{HERE}/S-002/triage", data={"outcome": "returned", "reason": "x"}, headers=HTMX)
    assert late.status_code == 409
    assert "S-002 was logged by Programme Manager on 3 March 2026 at 4:00pm" in read(late.text).text


def test_without_scripts_every_way_to_triage_is_a_form(sent: Kept) -> None:
    browser, world = sent.browser("petra"), sent.world
    for way in ("logged", "returned", "action", "milestone", "misdirected", "passing"):
        assert page_of(sent, "petra", f"{HERE}/S-002?way={way}").problems() == []
    assert "Turn it into a milestone" not in page_of(sent, "sam", f"{HERE}/S-002").text
    assert browser.post(f"{HERE}/S-002/passing", data={"person": world.people["sam"].id}).status_code == 303
    assert "Passed to Director of Services" in page_of(sent).text
    assert "S-002" in page_of(sent, "sam", "/inbox?passed=me").text
    made = {"way": "milestone", "title": "Weekends covered", "parent": world.action, "due_date-day": "1",
            "due_date-month": "6", "due_date-year": "2026"}  # fmt: skip
    short = browser.post(f"{HERE}/S-002/triage", data={**made, "parent": ""})
    assert (short.status_code, "Choose an action" in short.text) == (422, True)
    assert browser.post(f"{HERE}/S-002/triage", data=made).headers["location"] == f"{HERE}/S-002"
    done = page_of(sent, "nat", f"{HERE}/S-002")
    assert "Turned into milestone M-04." in done.text
    assert "Nothing yet. M-04 not started, due 1 June 2026" in done.text
    gone = {"way": "misdirected", "handed_to": "The referral team", "their_reference": "MASH/7", "handed_on-day": "3",
            "handed_on-month": "3", "handed_on-year": "2026"}  # fmt: skip
    assert browser.post(f"{HERE}/S-003/triage", data=gone).status_code == 303
    for address in (f"{HERE}/triaged", HERE, f"{HERE}/S-003", sent.path("rota")):
        assert "Misdirected" in page_of(sent, "ada", address).text
        assert page_of(sent, "ada", address).problems() == []
    assert browser.post(f"{HERE}/S-002/triage", data={"way": "logged"}).status_code == 409


def test_several_get_one_answer_together(sent: Kept) -> None:
    browser = sent.browser("petra")
    answer = browser.post(f"{HERE}/triage", data={"chosen": ["S-002", "S-003"], "outcome": "logged"})
    assert (answer.status_code, "These are of 2 kinds" in answer.text) == (409, True)
    assert read(answer.text).problems() == []
    assert browser.post(f"{HERE}/triage", data={"chosen": ["S-002"]}).status_code == 422
    assert browser.post(f"{HERE}/triage", data={"chosen": ["S-002"], "outcome": "logged"}).status_code == 303
    found = page_of(sent, "petra", f"{HERE}?kind=evidence&organisation={NHS}&choose=all")
    assert "1 submission waits" in found.text
    assert "checked" in next(one for one in found.all("input") if one.attributes.get("value") == "S-003").attributes


def test_a_partner_writes_and_sees_what_became_of_it_and_nothing_else(sent: Kept) -> None:
    browser = sent.browser("pol")
    assert "This is not a way to refer a child" in page_of(sent, "pol", f"{HERE}/new").text
    assert page_of(sent, "pol", f"{HERE}/new").problems() == []
    assert browser.post(HERE, data={"title": "Addresses"}).status_code == 422
    answer = browser.post(HERE, data={"title": "Addresses", "message": "Which one is read?"})
    assert answer.headers["location"] == f"{HERE}/S-004"
    page = page_of(sent, "pol")
    assert (page.problems(), "S-004" in page.text, "S-002" in page.text) == ([], True, False)
    assert "Triage S-004" not in page.text
    assert browser.post(f"{HERE}/S-004/triage", data={"outcome": "logged"}).status_code == 403
    assert browser.get(f"{HERE}/S-002").status_code == 404
    assert sent.browser("connie").get(f"{HERE}/new").status_code == 403
    assert sent.browser("olive").get(HERE).status_code == 403
    assert sent.browser("zoe").get(HERE).status_code == 404


def test_the_measures_stand_on_the_inbox_and_on_plan_home(sent: Kept) -> None:
    for ref in ("S-001", "S-002"):
        sent.browser("petra").post(f"{HERE}/{ref}/triage", data={"outcome": "logged"})
    for address in (HERE, "/plans/safeguarding-plan"):
        assert "2 of 2 triaged within 48 hours in the last 28 days" in page_of(sent, "petra", address).text
    text = page_of(sent).text
    assert "2 Mar 2026 3 2 of 2" in text
    assert text.count("Nothing came") == 11
    sent.world.clock.forward(days=200)
    assert page_of(sent).problems() == []


def test_a_full_inbox_takes_no_more_queries_than_an_empty_one(house: Kept) -> None:
    def asked() -> int:
        browser = house.browser("petra")
        with statements(house.world.database) as seen:
            assert browser.get(HERE).status_code == 200
        return len(seen)

    few = asked()
    for number in range(12):
        letter = {"slug": house.world.plan, "title": f"Letter {number}", "message": "Read me", "milestone": "M-01"}
        house.world.write("nat", receipts.send_correspondence, **letter)
    assert asked() <= few + 2 <= 24
    everywhere = house.browser("petra")
    with statements(house.world.database) as seen:
        assert everywhere.get("/inbox").status_code == 200
    assert len(seen) <= 12
