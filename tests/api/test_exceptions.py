"""The exception report and the audit trail through the JSON door."""

from datetime import timedelta
from typing import Any

import pytest

from app.domain.words import Scope
from tests.api.conftest import Api, made, on_sqlite, pointers, problem, shown

PLAN = "/plans/safeguarding-plan"
EXCEPTION_FIELDS = {
    "kind", "id", "ref", "title", "rag", "since", "days", "exception_days", "reasons", "theme", "owner",
    "organisation", "due_date", "baseline_date", "forecast_date", "slip_days", "evidence", "issue", "waiting_on",
    "support_required", "path_to_green", "accepted_until",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_else_is_an_exception(api: Api) -> None:
    """The plan's first milestone has not been started, though it should have been: Amber until it is."""
    [first] = shown(api.get(f"{PLAN}/milestones"))["items"]
    made(api.post(f"/milestones/{first['id']}/start"))
    assert shown(api.get(f"{PLAN}/exceptions"))["items"] == []


def _late(api: Api, days: int, **facts: Any) -> str:
    view = api.world.milestone(due_date=api.world.clock.today - timedelta(days=days), start_date=None, **facts)
    return view.row.ref


def test_red_comes_before_amber_and_the_longest_first(api: Api) -> None:
    newest, oldest = _late(api, 2), _late(api, 30)
    view = api.world.milestone(start_date=api.world.clock.today)
    declared = {
        "narrative": "Stuck", "declared_rag": "amber", "rationale": "No staff", "issue": "No staff",
        "support_required": "Overtime", "cause": "workforce", "waiting_on": "NHS Haringey",
    }  # fmt: skip
    made(api.post(f"/milestones/{view.row.id}/updates", "connie", json=declared))
    body = shown(api.get(f"{PLAN}/exceptions"))
    assert [item["ref"] for item in body["items"]] == [oldest, newest, view.row.ref]
    assert all(item.keys() == EXCEPTION_FIELDS for item in body["items"])
    amber = body["items"][-1]
    assert (amber["rag"], amber["days"], amber["issue"], amber["waiting_on"]) == (
        "amber",
        1,
        "No staff",
        "NHS Haringey",
    )
    assert amber["theme"] == {"id": api.world.theme, "title": "Child protection practice"}
    assert amber["reasons"][0].keys() == {"code", "message", "colour", "from"}
    assert body["items"][0]["owner"]["title"] == "Head of Assessment"

    def refs(**wanted: str) -> list[str]:
        return [item["ref"] for item in shown(api.get(f"{PLAN}/exceptions", params=wanted))["items"]]

    assert refs(rag="amber") == refs(cause="workforce") == refs(support_required="true") == [view.row.ref]
    assert refs(owner=api.world.people["petra"].id) == []
    assert len(refs(theme=api.world.theme, organisation="haringey-council", kind="milestone")) == 3


@on_sqlite
def test_the_look_ahead_carries_the_colour_of_today(api: Api) -> None:
    view = api.world.milestone()
    later = str(view.row.due_date + timedelta(days=1)) if view.row.due_date else ""
    [item] = [
        item
        for item in shown(api.get(f"{PLAN}/exceptions", params={"on": later}))["items"]
        if item["ref"] == view.row.ref
    ]
    assert (item["rag"], item["days"]) == ("red", 1)
    assert item["rag_now"] in ("green", "amber")
    assert item.keys() == EXCEPTION_FIELDS | {"rag_now"}
    assert pointers(api.get(f"{PLAN}/exceptions", params={"on": "2026-03-01"})) == ["/on"]
    assert pointers(api.get(f"{PLAN}/exceptions", params={"on": "tomorrow"})) == ["/on"]


def test_all_my_plans_and_nobody_elses(api: Api) -> None:
    ref = _late(api, 5)
    assert [item["ref"] for item in shown(api.get("/exceptions", "ada"))["items"]] == [ref]
    assert shown(api.get("/exceptions", "zoe"))["items"] == []
    assert shown(api.get("/exceptions", "olive"))["items"] == []
    problem(api.get(f"{PLAN}/exceptions", "olive"), 403)
    problem(api.get(f"{PLAN}/exceptions", "zoe"), 404)
    api.key("sender", Scope.EVIDENCE_WRITE)
    assert problem(api.get("/exceptions", "sender"), 403)["needs"] == "plan:read"
    assert problem(api.get(f"{PLAN}/exceptions", "sender"), 403)["needs"] == "plan:read"


def test_what_is_restricted_is_counted_for_another_organisations_officer_and_no_more(api: Api) -> None:
    _late(api, 5)
    _late(api, 9, restricted_to=["haringey-council"])
    api.world.milestone(restricted_to=["haringey-council"], start_date=api.world.clock.today)  # no exception
    listed = shown(api.get(f"{PLAN}/exceptions", "nora"))
    assert (len(listed["items"]), listed["withheld"]) == (1, 1)
    assert "withheld" not in shown(api.get(f"{PLAN}/exceptions", "nora", params={"kind": "submission"}))
    theme = shown(api.get(f"{PLAN}/exceptions", "nora", params={"theme": "none"}))
    assert (theme["items"], theme["withheld"]) == ([], 1)  # which theme it is in is not told
    assert "withheld" not in shown(api.get(f"{PLAN}/exceptions", "nat"))


def test_a_cursor_goes_on_where_it_stopped_while_items_arrive(api: Api) -> None:
    refs = [_late(api, days) for days in (40, 30, 20)]
    first = shown(api.get(f"{PLAN}/exceptions", params={"limit": 2}))
    _late(api, 50)
    rest = shown(api.get(f"{PLAN}/exceptions", params={"limit": 2, "cursor": first["next_cursor"]}))
    assert [item["ref"] for item in first["items"] + rest["items"]] == refs
    for forged in ("WyJyZWQiLCAiMjAyNi0wMS0wMSIsICJ4Il0x", "WyJwdXJwbGUiLCAieCIsICJ5Il0", "WzEsIDIsIDNd"):
        assert pointers(api.get(f"{PLAN}/exceptions", params={"cursor": forged})) == ["/cursor"]


def test_the_trail_says_who_did_what_newest_first(api: Api) -> None:
    view = api.world.milestone()
    path = f"/milestones/{view.row.id}"
    api.post(f"{path}/achievement")
    made(api.post(f"{path}/start", "connie"))
    events = shown(api.get(f"{PLAN}/audit-events", "ada", params={"item": view.row.id}))["items"]
    assert [event["event"] for event in events][:2] == ["milestone_started", "milestone_achievement_refused"]
    refused = events[1]
    assert (refused["actor"], refused["door"]) == ("Programme Manager", "api")
    assert refused["facts"] == {"reasons": ["not_completed", "evidence_required"]}
    first = shown(api.get(f"{PLAN}/audit-events", params={"limit": 2}))
    made(api.post(f"{path}/updates", "connie", json={"narrative": "In between"}))
    rest = shown(api.get(f"{PLAN}/audit-events", params={"limit": 2, "cursor": first["next_cursor"]}))
    numbers = [event["seq"] for event in first["items"] + rest["items"]]
    assert numbers == list(range(numbers[0], numbers[0] - 4, -1))
    assert pointers(api.get(f"{PLAN}/audit-events", params={"cursor": "x"})) == ["/cursor"]
    problem(api.get(f"{PLAN}/audit-events", "olive"), 403)
    problem(api.get(f"{PLAN}/audit-events", "zoe"), 404)
