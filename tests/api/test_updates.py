"""Progress updates and change requests through the JSON door."""

import json

from app.domain.words import Scope
from tests.api.conftest import Api, codes, made, on_sqlite, pointers, problem, shown

UPDATE = {
    "narrative": "Two shifts have no cover yet", "forecast_date": "2026-04-20", "issue": "No agency staff",
    "support_required": "A decision on overtime", "path_to_green": "Overtime until May",
    "return_to_green_on": "2026-04-20", "waiting_on": "Metropolitan Police", "cause": "workforce",
}  # fmt: skip


def test_an_update_starts_the_milestone_and_is_kept_whole(api: Api) -> None:
    view = api.world.milestone()
    path = f"/milestones/{view.row.id}"
    update = made(api.post(f"{path}/updates", "connie", json=UPDATE))
    assert {name: update[name] for name in UPDATE} == UPDATE
    assert (update["by"], update["waiting_on_since"]) == ("Head of Assessment", "2026-03-02")
    milestone = shown(api.get(path))
    assert (milestone["status"], milestone["forecast_date"]) == ("in_progress", "2026-04-20")
    assert shown(api.get(f"{path}/updates", "ada"))["items"] == [update]
    problem(api.post(f"{path}/updates", "pol", json=UPDATE), 403)
    problem(api.post(f"{path}/updates", "zoe", json=UPDATE), 404)


def test_what_is_expected_is_no_day_that_has_passed_unless_it_was_said_before(sqlite_api: Api) -> None:
    api, view = sqlite_api, sqlite_api.world.milestone(start_date=None)
    path = f"/milestones/{view.row.id}/updates"
    past = {"narrative": "Late", "forecast_date": "2026-03-01", "return_to_green_on": "2026-03-01"}
    refused = problem(api.post(path, "connie", json=past), 422)
    assert [(error["pointer"], error["code"]) for error in refused["errors"]] == [
        ("/forecast_date", "date_in_past"), ("/return_to_green_on", "date_in_past"),
    ]  # fmt: skip
    soon = {"narrative": "Soon", "forecast_date": "2026-03-02", "return_to_green_on": "2026-03-02"}
    made(api.post(path, "connie", json=soon))
    api.world.clock.forward(days=3)
    made(api.post(path, "connie", json=soon))
    codes_of = {reason["code"] for reason in shown(api.get(f"/milestones/{view.row.id}"))["reasons"]}
    assert "forecast_passed" in codes_of


def test_no_change_needs_no_narrative_and_is_told_as_such(api: Api) -> None:
    view = api.world.milestone()
    path = f"/milestones/{view.row.id}"
    assert codes(api.post(f"{path}/updates", "connie", json={"no_change": True})) == ["no_update_yet"]
    made(api.post(f"{path}/updates", "connie", json=UPDATE))
    update = made(api.post(f"{path}/updates", "connie", json={"no_change": True}))
    assert (update["no_change"], update["narrative"], update["issue"]) == (True, None, None)
    assert [one["no_change"] for one in shown(api.get(f"{path}/updates"))["items"]] == [True, False]
    changed = {"no_change": True, "forecast_date": "2026-06-01"}
    assert pointers(api.post(f"{path}/updates", "connie", json=changed)) == ["/forecast_date"]
    assert pointers(api.post(f"{path}/updates", "connie", json={"no_change": "yes"})) == ["/no_change"]
    assert shown(api.get(path))["forecast_date"] == UPDATE["forecast_date"]
    problem(api.post(f"{path}/updates", "pol", json={"no_change": True}), 403)
    problem(api.post(f"{path}/updates", "zoe", json={"no_change": True}), 404)


@on_sqlite
def test_a_declaration_better_than_the_rules_improves_nothing_and_says_so(api: Api) -> None:
    view = api.world.milestone(due_date=api.world.clock.today.replace(day=1))
    api.world.clock.forward(days=3)
    path = f"/milestones/{view.row.id}"
    declared = {"narrative": "Fine, really", "declared_rag": "green", "rationale": "I think so"}
    update = made(api.post(f"{path}/updates", "connie", json=declared))
    assert "Red" in update["declaration_effect"]
    assert shown(api.get(path))["rag"] == "red"
    without = {"narrative": "Worse", "declared_rag": "red"}
    assert pointers(api.post(f"{path}/updates", "connie", json=without)) == ["/rationale"]


@on_sqlite
def test_what_is_wrong_with_an_update_is_named_all_at_once(api: Api) -> None:
    view = api.world.milestone()
    wrong = {
        "narrative": "x" * 10_001, "forecast_date": "2026-02-30", "declared_rag": "purple", "cause": "weather",
        "waiting_on": "y" * 201, "issue": "half a pair \ud800", "path_to_green": "a\x00b", "mood": "good",
    }  # fmt: skip
    path, sent = f"/milestones/{view.row.id}/updates", {"Content-Type": "application/json"}
    document = problem(api.post(path, "connie", content=json.dumps(wrong), headers=sent), 422)
    found = {error["pointer"]: (error["code"], error["message"]) for error in document["errors"]}
    causes = "'workforce', 'partner', 'decision_awaited', 'data_or_it', 'procurement', 'funding', 'legal' or 'other'"
    assert found == {
        "/narrative": ("too_long", "Use at most 10,000 characters"),
        "/forecast_date": ("date", "There is no such date"),
        "/declared_rag": ("not_a_choice", "Choose 'red', 'amber' or 'green'"),
        "/cause": ("not_a_choice", f"Choose {causes}"),
        "/waiting_on": ("too_long", "Use at most 200 characters"),
        "/issue": ("bad_character", "This holds a character that is not text"),
        "/path_to_green": ("control_character", "This holds a control character that cannot be stored"),
        "/mood": ("unknown_field", "There is no such field here"),
    }
    assert pointers(api.post(path, "connie", json={})) == ["/narrative"]
    assert pointers(api.post(path, "connie", json={"narrative": "  "})) == ["/narrative"]


def test_updates_are_newest_first_and_paged(api: Api) -> None:
    view = api.world.milestone()
    path = f"/milestones/{view.row.id}/updates"
    ids = [made(api.post(path, "connie", json={"narrative": f"Week {week}"}))["id"] for week in range(3)]
    first = shown(api.get(path, params={"limit": 2}))
    made(api.post(path, "connie", json={"narrative": "In between"}))
    rest = shown(api.get(path, params={"cursor": first["next_cursor"]}))
    assert [one["id"] for one in first["items"] + rest["items"]] == ids[::-1]


def test_a_due_date_moves_when_somebody_else_decides_so(api: Api) -> None:
    view = api.world.milestone()
    path = f"/milestones/{view.row.id}"
    asked = {"kind": "due_date", "due_date": "2026-06-01", "reason": "Recruitment takes longer"}
    response = api.post(f"{path}/change-requests", "connie", json=asked)
    request = made(response)
    assert (request["state"], request["due_date"]) == ("requested", "2026-06-01")
    assert shown(api.get(path))["due_date"] == str(view.row.due_date)
    decision = {"outcome": "approved", "reason": "Agreed at the Trust"}
    address = f"/change-requests/{request['id']}/decision"
    problem(api.post(address, json=decision), 403)
    problem(api.post(address, "zoe", json=decision), 404)
    problem(api.post(address, "sam", json=decision, headers={"If-Match": '"99"'}), 412)
    decided = made(api.post(address, "sam", json=decision, headers={"If-Match": response.headers["etag"]}))
    assert (decided["state"], decided["decided_by"]) == ("approved", "Director of Services")
    moved = shown(api.get(path))
    assert (moved["due_date"], moved["moves"], moved["baseline_date"]) == ("2026-06-01", 1, str(view.row.baseline_date))
    assert codes(api.post(address, "sam", json=decision)) == ["already_decided"]
    assert shown(api.get(f"{path}/change-requests"))["items"] == [decided]


@on_sqlite
def test_a_cancellation_says_why(api: Api) -> None:
    view = api.world.milestone()
    path = f"/milestones/{view.row.id}"
    asked = {"kind": "cancellation", "reason": "The service has ended"}
    assert pointers(api.post(f"{path}/change-requests", "connie", json=asked)) == ["/ground"]
    request = made(api.post(f"{path}/change-requests", "connie", json={**asked, "ground": "no_longer_needed"}))
    decision = {"outcome": "approved", "reason": "Agreed"}
    made(api.post(f"/change-requests/{request['id']}/decision", "sam", json=decision))
    assert shown(api.get(path))["status"] == "cancelled"


@on_sqlite
def test_a_key_neither_updates_nor_asks(api: Api) -> None:
    view = api.world.milestone(supporting_organisations=["metropolitan-police"])
    api.key("police", Scope.EVIDENCE_WRITE)
    path = f"/milestones/{view.row.id}"
    problem(api.post(f"{path}/updates", "police", json=UPDATE), 403)
    for part in ("updates", "change-requests"):
        assert problem(api.get(f"{path}/{part}", "police"), 403)["needs"] == "plan:read"


def test_what_needs_an_update_is_listed_for_who_is_asked(api: Api) -> None:
    view = api.world.milestone()
    path = f"/milestones/{view.row.id}"
    made(api.post(f"{path}/start", "connie", json={}))
    api.world.clock.forward(days=1)
    [asked] = [one for one in shown(api.get("/updates", "connie"))["items"] if one["milestone"]["id"] == view.row.id]
    assert [need["code"] for need in asked["needs"]] == ["no_update"]
    assert (asked["last_update_on"], asked["no_change_on"]) == (None, None)
    made(api.post(f"{path}/updates", "connie", json={"narrative": "Begun"}))
    left = shown(api.get("/updates", "connie", params={"own": True}))["items"]
    assert view.row.id not in [one["milestone"]["id"] for one in left]
    assert shown(api.get("/updates", "ada"))["items"] == []
    api.key("police", Scope.PLAN_READ)
    problem(api.get("/updates", "police"), 403)
    problem(api.get("/updates", None), 401)
