"""Review meetings through the JSON door."""

from datetime import timedelta

from tests.api.conftest import Api, codes, made, on_sqlite, pointers, problem, shown

PLAN = "/plans/safeguarding-plan"
FIELDS = {
    "id", "on", "state", "moved_from", "move_reason", "cancellation_reason", "attended", "others_present", "warning",
    "version",
}  # fmt: skip


def test_a_meeting_is_listed_moved_held_and_another_cancelled(api: Api) -> None:
    meeting = made(api.post(f"{PLAN}/meetings", json={"on": "2026-03-12"}))
    assert meeting.keys() == FIELDS
    assert (meeting["state"], meeting["warning"]) == ("planned", None)
    path = f"/meetings/{meeting['id']}"
    moved = made(api.post(f"{path}/move", json={"on": "2026-03-14", "reason": "The hall is taken"}))
    assert (moved["on"], moved["state"], moved["moved_from"]) == ("2026-03-14", "moved", "2026-03-12")
    assert (moved["move_reason"], moved["warning"]) == ("The hall is taken", "14 March 2026 is a Saturday")
    assert codes(api.post(f"{path}/holding")) == ["meeting_to_come"]
    api.world.clock.forward(days=12)
    holding = {"attended": [api.world.people["sam"].id], "others_present": "The inspector"}
    held = made(api.post(f"{path}/holding", json=holding))
    assert (held["state"], held["others_present"]) == ("held", "The inspector")
    assert [person["title"] for person in held["attended"]] == ["Director of Services"]
    assert codes(api.post(f"{path}/move", json={"on": "2026-04-14", "reason": "Later"})) == ["already_held"]
    other = made(api.post(f"{PLAN}/meetings", json={"on": "2026-03-26"}))
    cancelled = made(api.post(f"/meetings/{other['id']}/cancellation", json={"reason": "Snow"}))
    assert (cancelled["state"], cancelled["cancellation_reason"]) == ("cancelled", "Snow")
    assert [one["state"] for one in shown(api.get(f"{PLAN}/meetings", "pol"))["items"]] == ["held", "cancelled"]
    assert shown(api.get(PLAN))["next_review"] == "2026-03-28"  # a cycle after the last that stands


def test_the_list_for_a_year_is_made_and_answers_with_what_was_added(api: Api) -> None:
    listed = made(api.post(f"{PLAN}/meetings/year", json={"first_day": "2026-04-03"}))["items"]
    assert (listed[0]["on"], len(listed)) == ("2026-04-07", 24)
    assert codes(api.post(f"{PLAN}/meetings/year")) == ["list_complete"]
    assert shown(api.get(PLAN))["next_review"] == "2026-04-07"


@on_sqlite
def test_a_version_that_was_read_is_matched_and_a_replay_changes_nothing(api: Api) -> None:
    response = api.post(f"{PLAN}/meetings", json={"on": "2026-03-12"})
    path, etag = f"/meetings/{made(response)['id']}", response.headers["etag"]
    move = {"on": "2026-03-13", "reason": "The hall"}
    again = {"If-Match": etag, "Idempotency-Key": "once"}
    moved = api.post(f"{path}/move", json=move, headers=again)
    assert made(moved)["version"] == "2"
    replayed = api.post(f"{path}/move", json=move, headers=again)
    assert (replayed.status_code, replayed.headers["idempotency-replayed"]) == (201, "true")
    problem(api.post(f"{path}/cancellation", json={"reason": "Snow"}, headers={"If-Match": etag}), 412)
    made(api.post(f"{path}/cancellation", json={"reason": "Snow"}, headers={"If-Match": moved.headers["etag"]}))


@on_sqlite
def test_what_is_malformed_names_its_field_and_nobody_else_gets_near(api: Api) -> None:
    meeting = made(api.post(f"{PLAN}/meetings", json={"on": "2026-03-12"}))
    path = f"/meetings/{meeting['id']}"
    past = str(api.world.clock.today - timedelta(days=1))
    assert pointers(api.post(f"{path}/move", json={"on": past, "reason": "Back"})) == ["/on"]
    assert pointers(api.post(f"{path}/move", json={"on": "2026-03-12", "reason": "Same"})) == ["/on"]
    assert pointers(api.post(f"{path}/move", json={"on": "2026-03-13", "reason": " "})) == ["/reason"]
    assert pointers(api.post(f"{path}/cancellation", json={})) == ["/reason"]
    assert pointers(api.post(f"{PLAN}/meetings", json={"on": past})) == ["/on"]
    assert pointers(api.post(f"{PLAN}/meetings", json={"on": "2026-03-12"})) == ["/on"]
    problem(api.post(f"{path}/cancellation", "sam", json={"reason": "Snow"}), 403)
    problem(api.post(f"{path}/cancellation", "zoe", json={"reason": "Snow"}), 404)
    problem(api.post("/meetings/nothing/cancellation", json={"reason": "Snow"}), 404)
    assert shown(api.get(f"{PLAN}/meetings"))["items"] == [meeting]
