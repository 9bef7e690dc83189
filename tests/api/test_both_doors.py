"""What is done through one door is seen, and judged alike, through the other."""

import html
from datetime import timedelta

from starlette.testclient import TestClient

from app.domain.milestones import MilestoneView
from tests.api.conftest import Api, codes, made, problem, shown
from tests.house import House
from tests.pages.markup import read


def _page(view: MilestoneView) -> str:
    return f"/plans/safeguarding-plan/milestones/{view.row.ref}"


def _browser(api: Api, who: str) -> TestClient:
    return House(api.world, api.folder.parent).browser(who)


def test_both_doors_refuse_with_the_same_words(sqlite_api: Api) -> None:
    view = sqlite_api.world.milestone()
    reasons = problem(sqlite_api.post(f"/milestones/{view.row.id}/achievement"), 409)["reasons"]
    page = _browser(sqlite_api, "petra").post(f"{_page(view)}/achievement")
    assert page.status_code == 409
    for reason in reasons:
        assert html.escape(reason["message"], quote=False) in page.text


def test_what_a_program_sends_lets_a_person_achieve_in_the_browser(sqlite_api: Api) -> None:
    view = sqlite_api.world.completed()
    made(sqlite_api.attach(view, "connie"))
    page = _browser(sqlite_api, "petra").post(f"{_page(view)}/achievement")
    assert page.status_code in (200, 204, 303)
    body = shown(sqlite_api.get(f"/milestones/{view.row.id}"))
    assert (body["status"], body["achieved_date"]) == ("achieved", "2026-03-02")
    events = shown(sqlite_api.get("/plans/safeguarding-plan/audit-events", params={"item": view.row.id}))["items"]
    doors = {event["event"]: event["door"] for event in events}
    assert (doors["evidence_attached"], doors["milestone_achieved"]) == ("api", "page")


def test_what_the_browser_changed_is_stale_for_a_program(sqlite_api: Api) -> None:
    view = sqlite_api.world.milestone()
    before = sqlite_api.get(f"/milestones/{view.row.id}").headers["etag"]
    assert _browser(sqlite_api, "connie").post(f"{_page(view)}/start").status_code in (200, 204, 303)
    problem(sqlite_api.post(f"/milestones/{view.row.id}/start", "connie", headers={"If-Match": before}), 412)
    assert codes(sqlite_api.post(f"/milestones/{view.row.id}/start", "connie")) == ["already_started"]


def test_text_that_shows_nothing_is_no_text_and_nothing_turns_the_words_beside_it(sqlite_api: Api) -> None:
    api, nothing = sqlite_api, "\u202e\u200b"
    view = api.world.milestone(title="Rota \u202edehsilbup")
    assert view.row.title == "Rota dehsilbup"
    where = f"/milestones/{view.row.id}"
    asked = {"kind": "due_date", "due_date": "2026-06-01", "reason": nothing}
    for address, body, field in (
        (f"{where}/change-requests", asked, "/reason"),
        (f"{where}/updates", {"narrative": nothing}, "/narrative"),
    ):
        said = problem(api.post(address, "connie", json=body), 422)
        assert [error["pointer"] for error in said["errors"]] == [field]
    answer = _browser(api, "connie").post(f"{_page(view)}/updates", data={"narrative": nothing})
    assert answer.status_code == 422
    assert "Enter what has happened" in answer.text
    assert shown(api.get(where))["status"] == "not_started"


def test_a_due_date_on_no_working_day_is_taken_with_a_warning_through_both_doors(sqlite_api: Api) -> None:
    api = sqlite_api
    facts = {"action": api.world.action, "title": "Duty rota for Christmas", "due_date": "2026-12-26"}
    added = made(api.post("/plans/safeguarding-plan/milestones", json=facts))
    warning = "26 December 2026 is a Saturday. Choose a working day if somebody has to be there"
    assert (added["baseline_date"], added["warnings"]) == ("2026-12-26", [warning])
    page = _browser(api, "petra").get(f"/plans/safeguarding-plan/milestones/{added['ref']}").text
    assert f"<strong>Not a working day:</strong> {warning}." in page
    added = made(api.post("/plans/safeguarding-plan/milestones", json={**facts, "due_date": "2026-12-23"}))
    assert "warnings" not in added


def test_so_is_one_that_is_changed_in_a_draft(sqlite_api: Api) -> None:
    api = sqlite_api
    theme = made(api.post("/plans/other-plan/themes", "zoe", json={"title": "Practice"}))
    action = made(api.post("/plans/other-plan/actions", "zoe", json={"title": "Run it", "theme": theme["id"]}))
    facts = {"action": action["id"], "title": "Duty rota", "due_date": "2026-12-23"}
    where = f"/milestones/{made(api.post('/plans/other-plan/milestones', 'zoe', json=facts))['id']}"
    headers = {"If-Match": api.get(where, "zoe").headers["etag"]}
    changed = shown(api.patch(where, "zoe", json={"due_date": "2026-12-28"}, headers=headers))
    assert changed["warnings"][0].startswith("28 December 2026 is a bank holiday: Boxing Day")
    assert shown(api.get(where, "zoe"))["warnings"] == changed["warnings"]


def test_a_milestone_leaves_a_draft_through_both_doors(sqlite_api: Api) -> None:
    api = sqlite_api
    theme = made(api.post("/plans/other-plan/themes", "zoe", json={"title": "Practice"}))
    action = made(api.post("/plans/other-plan/actions", "zoe", json={"title": "Run it", "theme": theme["id"]}))
    facts = {"action": action["id"], "title": "Duty rota"}
    one, other = (made(api.post("/plans/other-plan/milestones", "zoe", json=facts)) for _ in range(2))
    problem(api.post(f"/milestones/{one['id']}/removal", "zoe", json={}), 422)
    removed = made(api.post(f"/milestones/{one['id']}/removal", "zoe", json={"reason": "Added twice"}))
    assert (removed["status"], removed["ref"]) == ("cancelled", one["ref"])
    assert codes(api.post(f"/milestones/{one['id']}/removal", "zoe", json={"reason": "Again"})) == ["already_cancelled"]
    browser, page = _browser(api, "zoe"), f"/plans/other-plan/milestones/{other['ref']}"
    assert f"{page}/removal" in browser.get(page).text
    assert browser.post(f"{page}/removal", data={"reason": " "}).status_code == 422
    assert browser.post(f"{page}/removal", data={"reason": "Added twice"}).status_code == 303
    assert "It was removed from the draft" in browser.get(page).text
    approved = api.world.milestone()
    assert codes(api.post(f"/milestones/{approved.row.id}/removal", json={"reason": "No"})) == ["plan_approved"]


def test_what_no_list_can_be_asked_for_is_said_by_both_doors_in_a_sentence(sqlite_api: Api) -> None:
    browser, plan = _browser(sqlite_api, "petra"), "/plans/safeguarding-plan"
    late, long = "The date must be from 1 January 1900 to 31 December 2199", "x" * 5_000
    for address, asked, shown_on_page, told in (
        ("exceptions", {"on": "9999-12-31"}, late.replace("date", "day"), late),
        ("exceptions", {"on": "1999-12-31"}, "The report shows today or a later day", "today or a later day"),
        ("exceptions", {"kind": "zzz"}, "Kind must be one of milestone, submission", "Choose"),
        ("exceptions", {"support_required": "zzz"}, "Support required must be one of true, false", "true or false"),
        ("change-requests", {"state": "zzz"}, "There is no such state of a change request. Choose one of", "Choose"),
        ("change-requests", {"kind": "zzz"}, "There is no such kind of change request. Choose one of due", "Choose"),
        ("milestones", {"due_before": "9999-12-31"}, late.replace("The date", "Due before"), late),
        ("milestones", {"q": long}, "Use at most 200 characters to look for a milestone", "Use at most 200 characters"),
        ("search", {"q": long}, "Search for 100 characters or fewer", "Search for 100 characters or fewer"),
        ("audit-events", {"cursor": "zzz"}, "This cursor was not given out by this list", "not given out by this list"),
    ):
        said = problem(sqlite_api.get(f"{plan}/{address}", params=asked), 422)["errors"]
        assert [(error["pointer"], told in error["message"]) for error in said] == [(f"/{next(iter(asked))}", True)]
        page = browser.get(f"{plan}/{address}", params=asked)
        assert (page.status_code, shown_on_page in page.text) == (422, True), (address, asked)
        assert "String should" not in page.text


def test_a_day_that_is_none_is_said_above_the_list_as_it_stands_today(sqlite_api: Api) -> None:
    view = sqlite_api.world.milestone(start_date=None, due_date=sqlite_api.world.clock.today - timedelta(days=1))
    browser = _browser(sqlite_api, "petra")
    for address in ("/plans/safeguarding-plan/exceptions", "/exceptions"):
        for day in ("9999-12-31", "1999-12-31", "soon"):
            page = browser.get(address, params={"on": day, "rag": "red"})
            parsed = read(page.text)
            assert (page.status_code, parsed.problems()) == (422, [])
            assert "#switch" in parsed.links()
            assert "This is the list as it stands today" in parsed.text
            assert view.row.ref in parsed.text
        assert browser.get(f"{address}.csv", params={"on": "9999-12-31"}).status_code == 422


def test_an_update_sent_twice_is_answered_with_the_first_by_both_doors(sqlite_api: Api) -> None:
    view, browser = sqlite_api.world.milestone(), _browser(sqlite_api, "connie")
    said = {"narrative": "Two of four courses held"}
    first = browser.post(f"{_page(view)}/updates", data=said)
    again = browser.post(f"{_page(view)}/updates", data=said)
    assert again.headers["location"] == first.headers["location"].replace("#", "?saved=already#")
    assert "This was saved already, word for word. It is kept once." in browser.get(again.headers["location"]).text
    told = sqlite_api.post(f"/milestones/{view.row.id}/updates", "connie", json=said)
    assert (told.status_code, told.json()["id"]) == (201, first.headers["location"].rpartition("#")[2])
    assert len(shown(sqlite_api.get(f"/milestones/{view.row.id}/updates"))["items"]) == 1
