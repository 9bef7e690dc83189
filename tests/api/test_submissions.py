"""Submissions through the API: the partner sends and polls, the council triages, and both doors do the same."""

import hashlib

from app.domain.words import Scope
from tests.api.conftest import Api, codes, made, on_sqlite, pointers, problem, shown
from tests.factories import NHS

SHAPE = {
    "id", "ref", "plan", "kind", "title", "message", "evidence", "sha256", "external_ref", "organisation", "sent_by",
    "milestone", "received_at", "released_at", "triage_due_at", "state", "rag", "read_at", "passed_to", "triaged_at",
    "triaged_by", "triaged_through", "reason", "handed_on", "made", "followed", "changed_at", "version",
}  # fmt: skip
LETTER = {"title": "Late at weekends", "message": "Every week", "milestone": "M-02", "external_ref": "NHS/7"}
HERE = "/plans/safeguarding-plan/submissions"


def test_a_partner_sends_gets_a_receipt_and_polls_what_became_of_it(api: Api) -> None:
    api.world.milestone(supporting_organisations=[NHS])
    api.key("nhs", Scope.EVIDENCE_WRITE, organisation=NHS)
    answer = api.post(HERE, "nhs", json=LETTER)
    body = made(answer)
    notice = body.pop("notice")
    assert ("not a way to refer a child" in notice, "020 8489 0000" in notice) == (True, True)
    assert body.keys() == SHAPE
    assert answer.headers["location"] == f"/api/v1/submissions/{body['id']}"
    assert body["sha256"] == hashlib.sha256(b"Every week").hexdigest()
    assert (body["state"], body["rag"], body["triage_due_at"]) == ("waiting", "green", "2026-03-04T09:00:00Z")
    assert (body["milestone"]["ref"], body["organisation"]["slug"]) == ("M-02", NHS)
    assert shown(api.get(f"/submissions/{body['id']}", "nhs")) == body
    api.world.clock.forward(hours=5)
    answer = {"outcome": "turned_into", "into": "milestone", "action": api.world.action, "title": "Weekends covered"}
    done = made(api.post(f"/submissions/{body['id']}/triage", "petra", json=answer))
    assert (done["triaged_by"], done["made"]["ref"]) == ("Programme Manager", "M-03")
    assert done["followed"] == {"state": "nothing_yet", "message": "M-03 not started, no date agreed"}
    [polled] = shown(api.get("/submissions?since=2026-03-02T13:00:00Z", "nhs"))["items"]
    assert (polled["state"], polled["triaged_at"]) == ("turned_into", "2026-03-02T14:00:00Z")
    assert shown(api.get(f"{HERE}?since=2026-03-02T15:00:00Z", "nhs")) == {"items": [], "next_cursor": None}
    measures = shown(api.get("/plans/safeguarding-plan/submission-measures"))
    assert (measures["hours"], len(measures["weeks"])) == (48, 12)
    assert measures["recent"] == {"received": 1, "in_time": 1, "decided": 1, "waiting": 0, "median_hours": 5,
                                  "longest_hours": 5, "to_follow": 1, "followed": 0}  # fmt: skip


@on_sqlite
def test_what_is_refused_malformed_stale_or_not_theirs_changes_nothing(api: Api) -> None:
    api.world.milestone(supporting_organisations=[NHS])
    api.key("nhs", Scope.EVIDENCE_WRITE, organisation=NHS)
    api.key("police", Scope.EVIDENCE_WRITE)
    item = made(api.post(HERE, "nhs", json=LETTER))
    here = f"/submissions/{item['id']}"
    problem(api.get(here, "police"), 404)
    problem(api.get(here, "connie"), 404)
    problem(api.post(f"{here}/triage", "nhs", json={"outcome": "logged"}), 403)
    assert pointers(api.post(f"{here}/triage", json={"outcome": "waiting"})) == ["/outcome"]
    assert pointers(api.post(f"{here}/triage", json={"outcome": "returned"})) == ["/reason"]
    assert codes(api.post(f"{here}/triage", json={"outcome": "turned_into", "into": "risk"})) == ["no_risk_register"]
    problem(api.post(f"{here}/triage", json={"outcome": "logged"}, headers={"If-Match": '"9"'}), 412)
    assert codes(api.post(f"{here}/passing", json={"person": api.world.people["connie"].id})) == ["cannot_triage"]
    assert codes(api.post(HERE, "connie", json=LETTER)) == ["from_inside"]
    assert pointers(api.post(HERE, "nhs", json={**LETTER, "milestone": "M-01"})) == ["/milestone"]
    assert shown(api.get(here))["state"] == "waiting"
    made(api.post(f"{here}/reading", json={}))
    made(api.post(f"{here}/passing", json={"person": api.world.people["sam"].id}))
    made(api.post(f"{here}/triage", "sam", json={"outcome": "logged"}))
    told = problem(api.post(f"{here}/triage", json={"outcome": "returned", "reason": "Twice"}), 409)
    [reason] = told["reasons"]
    assert reason["code"] == "already_triaged"
    assert "S-001 was logged by Director of Services on 2 March 2026" in reason["message"]
    after = shown(api.get(here, "nhs"))
    assert (after["state"], after["reason"], after["passed_to"]) == ("logged", None, "Director of Services")
