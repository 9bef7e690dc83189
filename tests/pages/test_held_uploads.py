"""Waiting for your release, through both doors: a program sends, its own people decide, the council sees it then."""

from __future__ import annotations

from pathlib import Path

from app.domain.words import Scope
from tests.factories import POLICE, World
from tests.house import FRONT_DOOR, House


def test_a_program_sends_and_a_person_of_its_agency_decides(sqlite_world: World, tmp_path: Path) -> None:
    house, world = House(sqlite_world, tmp_path), sqlite_world
    view = world.milestone(supporting_organisations=[POLICE])
    program = house.program(house.key(Scope.EVIDENCE_WRITE, needs_release=True))
    house.app.state.front_door.refresh()
    pol, petra = house.browser("pol"), house.browser("petra")
    here = f"/api/v1/milestones/{view.row.id}/evidence"
    assert "Waiting for your release" not in pol.get("/plans").text

    answer = program.post(
        here, data={"title": "Discussion log"}, files={"file": ("log.csv", b"a,b\n1,2\n", "text/csv")}
    )
    sent = answer.json()
    receipt = sent["submission"]
    assert (answer.status_code, sent["state"], receipt["state"]) == (201, "awaiting_release", "awaiting_release")
    assert (receipt["triage_due_at"], FRONT_DOOR in receipt["notice"]) == (None, True)
    assert answer.headers["location"] == f"/api/v1/evidence/{sent['id']}"
    link = program.post(here, json={"title": "Minutes", "link": "https://police.example/minutes"}).json()
    letter = program.post(
        f"/api/v1/plans/{world.plan}/submissions", json={"title": "At weekends", "message": "Whom do we ring?"}
    ).json()
    assert (letter["state"], letter["ref"], letter["sha256"] is None) == ("awaiting_release", None, False)
    polled = program.get("/api/v1/submissions").json()["items"]
    assert [one["id"] for one in polled] == [receipt["id"], link["submission"]["id"], letter["id"]]
    assert program.get(f"/api/v1/submissions/{receipt['id']}").json()["evidence"] == sent["id"]
    assert program.get(f"/api/v1/evidence/{sent['id']}").json()["sha256"] == sent["sha256"]
    assert petra.get(f"/evidence/{sent['id']}").status_code == 404
    assert "Discussion log" not in petra.get(f"/plans/{world.plan}/inbox").text

    page = pol.get("/held-uploads").text
    assert all(words in page for words in ("Discussion log", "log.csv", "Minutes", "Whom do we ring?"))
    assert "Waiting for your release (3)" in pol.get("/plans").text
    held = f"/held-uploads/{sent['id']}"
    file = pol.get(f"{held}/content")
    assert (file.content, file.headers["content-disposition"][:10]) == (b"a,b\n1,2\n", "attachment")
    unsaid = pol.post(f"/held-uploads/{link['id']}/withdrawal", data={})
    assert (unsaid.status_code, "Enter why you take it back" in unsaid.text) == (422, True)
    assert pol.post(f"{held}/release", data={"version": "9"}).status_code == 412
    assert pol.post(f"{held}/release").headers["location"] == "/held-uploads?done=released"
    again = pol.post(f"{held}/release")
    assert (again.status_code, "released by Police Analyst" in again.text) == (409, True)

    token = house.api("pol")
    back = token.post(f"/api/v1/held-uploads/{link['id']}/withdrawal", json={"reason": "The wrong minutes"})
    assert (back.status_code, back.json()["state"]) == (201, "taken_back")
    let = token.post(f"/api/v1/held-uploads/{letter['id']}/release")
    assert let.status_code == 404  # the receipt's id is that of the submission
    waiting = token.get("/api/v1/held-uploads").json()["items"]
    assert token.post(f"/api/v1/held-uploads/{waiting[0]['id']}/release").status_code == 201
    states = {one["title"]: (one["state"], one["reason"]) for one in program.get("/api/v1/submissions").json()["items"]}
    assert states == {
        "Discussion log": ("waiting", None),
        "Minutes": ("taken_back", "The wrong minutes"),
        "At weekends": ("waiting", None),
    }
    assert "Discussion log" in petra.get(f"/plans/{world.plan}/inbox").text
    assert "Released" in petra.get(f"/plans/{world.plan}/inbox/S-001").text
    assert "Nothing is waiting" in pol.get("/held-uploads").text
