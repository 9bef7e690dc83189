"""What holds for every page: sound markup, nothing inline, the words of its state."""

from __future__ import annotations

import csv
from datetime import timedelta

import pytest

from app.domain.words import ChangeKind, ChangeState
from app.services import change_requests
from tests.factories import key
from tests.pages.conftest import Kept
from tests.pages.markup import Page, read

PLAN = "/plans/safeguarding-plan"
OF_A_PLAN = [
    "", "/exceptions", "/exceptions?detail=all", "/exceptions?rag=red&support_required=true",
    "/exceptions?on=2026-04-30",
    "/exceptions?organisation=nhs-haringey", "/milestones", "/milestones?q=nothing+like+it", "/milestones?status=moved",
    "/milestones/new", "/audit-events",
    "/timeline", "/timeline?status=achieved&from=2026-03-01", "/timeline?theme=none",
]  # fmt: skip
OF_A_MILESTONE = ["", "audit", "edit", "updates/new", "evidence/new", "completion", "change-requests/new",
                  "change-requests/new?kind=cancellation"]  # fmt: skip
HELP = ["/help", "/help/rag", "/help/accessibility", "/help/privacy"]


def page_of(house: Kept, who: str, address: str, *, status: int = 200) -> Page:
    answer = house.browser(who).get(address)
    assert answer.status_code == status, (address, answer.status_code)
    return read(answer.text)


@pytest.mark.parametrize("address", ["/plans", "/exceptions", "/updates", *(PLAN + path for path in OF_A_PLAN), *HELP])
def test_the_markup_is_sound_and_nothing_is_inline(full: Kept, address: str) -> None:
    assert page_of(full, "petra", address).problems() == []


@pytest.mark.parametrize("path", OF_A_MILESTONE)
@pytest.mark.parametrize("name", ["overdue", "asked"])
def test_a_milestone_and_its_forms_are_sound(full: Kept, name: str, path: str) -> None:
    assert page_of(full, "petra", full.path(name, path) if path else full.path(name)).problems() == []


@pytest.mark.parametrize("name", ["early", "secret", "completed", "achieved", "reviewed"])
@pytest.mark.parametrize("who", ["petra", "sam", "connie", "ada"])
def test_every_state_is_sound_for_every_reader(full: Kept, name: str, who: str) -> None:
    assert page_of(full, who, full.path(name)).problems() == []


@pytest.mark.parametrize(("name", "path"), [("completed", "return"), ("achieved", "reopening"),
                                            ("overdue", "declaration/lifting")])  # fmt: skip
def test_the_forms_of_the_steps_are_sound(full: Kept, name: str, path: str) -> None:
    who = "connie" if path == "declaration/lifting" else "petra"
    assert page_of(full, who, full.path(name, path)).problems() == []


def test_an_evidence_item_its_withdrawal_and_a_decision_are_sound(full: Kept) -> None:
    item = full.seen("reviewed").evidence[-1]
    asked = full.seen("asked").change_requests[0]
    for who, address in (
        ("petra", f"/evidence/{item.id}"),
        ("petra", f"/evidence/{item.id}/withdrawal"),
        ("sam", full.path("asked", "change-requests", asked.id, "decision")),
    ):
        assert page_of(full, who, address).problems() == []


def test_every_link_leads_somewhere(full: Kept) -> None:
    browser = full.browser("petra")
    seen: set[str] = set()
    waiting = ["/plans", PLAN, f"{PLAN}/exceptions", f"{PLAN}/milestones", full.path("overdue"), full.path("reviewed")]
    while waiting:
        address = waiting.pop()
        if address in seen or address.startswith(("http", "/static")) or len(seen) > 120:
            continue
        seen.add(address)
        answer = browser.get(address)
        assert answer.status_code in (200, 303), (address, answer.status_code)
        if answer.headers.get("content-type", "").startswith("text/html"):
            found = [link.partition("#")[0] for link in read(answer.text).links()]
            waiting += [link for link in found if link and "/content" not in link]
    assert len(seen) > 60


def test_what_was_typed_is_printed_as_text_and_not_as_markup(full: Kept) -> None:
    for address in (f"{PLAN}/exceptions", f"{PLAN}/milestones", full.path("overdue")):
        html = full.browser("petra").get(address).text
        assert "&lt;in supervision&gt; &amp; coached" in html
        assert "<in supervision>" not in html


@pytest.mark.parametrize("cursor", ["junk", "-1", "9" * 40])
def test_a_cursor_of_the_trail_that_was_not_given_out_is_refused(full: Kept, cursor: str) -> None:
    assert full.browser("petra").get(f"{PLAN}/audit-events", params={"cursor": cursor}).status_code == 422


def test_nobody_signed_in_is_sent_to_sign_in_and_back(full: Kept) -> None:
    answer = full.stranger().get(f"{PLAN}/exceptions?rag=red")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=/plans/safeguarding-plan/exceptions")
    for address in HELP:
        assert full.stranger().get(address).status_code == 200


def test_pages_are_kept_by_no_cache_and_static_files_for_a_year(full: Kept) -> None:
    page = full.browser("petra").get(PLAN)
    assert page.headers["cache-control"] == "no-store"
    assert "Cookie" in page.headers["vary"]
    sheets = [one.attributes["href"] for one in read(page.text).all("link") if one.attributes["rel"] == "stylesheet"]
    assert len(sheets) == 3
    for sheet in sheets:
        answer = full.stranger().get(sheet)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert full.stranger().get("/static/waymark.css").headers["cache-control"] == "no-cache"
    assert full.stranger().get("/static/nothing.css").status_code == 404


def test_marking_and_restriction_are_printed_wherever_the_title_is(full: Kept) -> None:
    asked = full.world.write(
        "petra", change_requests.request_change, milestone=key(full.there["secret"]), kind=ChangeKind.DUE_DATE,
        reason="The court needs longer", due_date=full.world.clock.today + timedelta(days=60),
    )  # fmt: skip
    full.world.write(
        "sam", change_requests.decide_change, change_request=asked.id, outcome=ChangeState.APPROVED, reason="Agreed"
    )
    browser, title = full.browser("petra"), "Kept from partners"
    pages = ["", "/exceptions", "/milestones", "/themes", "/timeline", "/change-requests?state=decided",
             "/search?q=partners"]  # fmt: skip
    for path in pages:
        found = read(browser.get(f"{PLAN}{path}").text.replace("<mark>partners</mark>", "partners")).text
        places = [place for place in range(len(found)) if found.startswith(title, place)]
        assert places, path
        for place in places:
            around = found[place - 40 : place + 200]
            assert "Official-Sensitive" in around, (path, around)
            assert "Restricted" in around, (path, around)
    rows = list(csv.DictReader(browser.get(f"{PLAN}/exceptions.csv").text.lstrip("\ufeff").splitlines()))
    assert [row["Restricted"] for row in rows if row["Title"] == title] == ["Yes"]
    svg = browser.get(f"{PLAN}/timeline.svg").text
    assert ". Official-Sensitive. Restricted</title>" in svg
    assert f"Official-Sensitive: Restricted: {title[:4]}" in svg
