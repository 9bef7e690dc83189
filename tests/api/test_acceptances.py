"""Accepting an exception through the JSON door, and both doors alike."""

from datetime import timedelta
from typing import Any

from tests.api.conftest import Api, codes, made, on_sqlite, pointers, problem, shown

PLAN = "/plans/safeguarding-plan"


def late(api: Api, days: int, **facts: Any) -> str:
    view = api.world.milestone(due_date=api.world.clock.today - timedelta(days=days), start_date=None, **facts)
    return view.row.id


def accept(api: Api, milestone: str, who: str = "sam", **changed: Any) -> Any:
    body = {"until": str(api.world.clock.today + timedelta(days=30)), "reason": "The board knows"} | changed
    return api.post(f"/milestones/{milestone}/acceptance", who, json=body)


def test_it_is_accepted_listed_last_and_lifted_again(api: Api) -> None:
    longest, newest = late(api, 30), late(api, 3)
    until = str(api.world.clock.today + timedelta(days=30))
    milestone = made(accept(api, longest))
    assert milestone["rag"] == "red"
    listed = shown(api.get(f"{PLAN}/exceptions"))["items"]
    assert [item["accepted_until"] for item in listed] == [*[None] * (len(listed) - 1), until]
    assert (listed[0]["id"], listed[-1]["id"]) == (newest, longest)
    seen, cursor = [], None
    while True:
        page = shown(api.get(f"{PLAN}/exceptions", params={"limit": 1} | ({"cursor": cursor} if cursor else {})))
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == listed
    assert shown(api.get(f"{PLAN}/exceptions", params={"on": until}))["items"][0]["id"] == longest
    made(api.post(f"/milestones/{longest}/acceptance/lifting", "sam", json={"reason": "It takes too long"}))
    again = shown(api.get(f"{PLAN}/exceptions"))["items"]
    assert (again[0]["id"], again[0]["accepted_until"]) == (longest, None)


@on_sqlite
def test_what_is_wrong_is_said_and_nothing_changes(api: Api) -> None:
    milestone = late(api, 5)
    today = api.world.clock.today
    assert pointers(accept(api, milestone, until=str(today))) == ["/until"]
    assert pointers(accept(api, milestone, until=str(today + timedelta(days=400)))) == ["/until"]
    assert pointers(accept(api, milestone, reason=" ")) == ["/reason"]
    assert codes(api.post(f"/milestones/{milestone}/acceptance/lifting", "sam", json={"reason": "x"})) == [
        "not_accepted"
    ]
    assert codes(accept(api, late(api, 5, owner=api.world.people["sam"].id))) == ["own_milestone"]
    green = api.world.milestone(start_date=today).row.id
    assert codes(accept(api, green)) == ["not_exception"]
    problem(accept(api, milestone, "petra"), 403)
    problem(accept(api, milestone, "zoe"), 404)
    listed = shown(api.get(f"{PLAN}/exceptions"))["items"]
    assert [item["accepted_until"] for item in listed] == [None] * len(listed)


@on_sqlite
def test_a_version_that_was_read_is_matched(api: Api) -> None:
    milestone = late(api, 5)
    etag = api.get(f"/milestones/{milestone}").headers["etag"]
    body = {"until": str(api.world.clock.today + timedelta(days=30)), "reason": "The board knows"}
    made(api.post(f"/milestones/{milestone}/acceptance", "sam", json=body, headers={"If-Match": etag}))
    problem(api.post(f"/milestones/{milestone}/acceptance", "nora", json=body, headers={"If-Match": etag}), 412)
