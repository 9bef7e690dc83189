"""Milestones through the JSON door."""

from datetime import timedelta

from app.domain.words import Scope
from tests.api.conftest import Api, codes, made, on_sqlite, pointers, problem, shown

MILESTONE_FIELDS = {
    "id", "ref", "title", "plan", "theme", "action", "owner", "organisation", "supporting_organisations", "status",
    "rag", "since", "days", "exception_days", "reasons", "start_date", "baseline_date", "due_date", "forecast_date",
    "completed_date", "achieved_date", "slip_days", "approved_slip_days", "moves", "evidence", "still_needed",
    "marking", "version",
}  # fmt: skip


def test_a_milestone_has_exactly_the_documented_shape(api: Api) -> None:
    view = api.world.milestone(due_date=api.world.clock.today - timedelta(days=3))
    response = api.get(f"/milestones/{view.row.id}")
    body = shown(response)
    assert body.keys() == MILESTONE_FIELDS
    assert response.headers["etag"] == f'"{body["version"]}"'
    assert (body["plan"], body["status"], body["rag"], body["days"]) == ("safeguarding-plan", "not_started", "red", 3)
    overdue = next(reason for reason in body["reasons"] if reason["code"] == "overdue")
    assert overdue.keys() == {"code", "message", "colour", "from"}
    assert overdue["from"] == str(api.world.clock.today - timedelta(days=2))
    assert body["evidence"] == {
        "counting": 0, "total": 0, "state": "nothing_sent", "ends_on": None, "notice_days": None,
    }  # fmt: skip
    assert [need.keys() for need in body["still_needed"]] == [{"code", "message"}] * len(body["still_needed"])


def test_the_gate_refuses_with_every_reason_and_opens_once_they_are_met(api: Api) -> None:
    view = api.world.milestone()
    path = f"/milestones/{view.row.id}"
    assert codes(api.post(f"{path}/achievement")) == ["not_completed", "evidence_required"]
    completion = {"completed_date": str(api.world.clock.today), "narrative": "The rota is out"}
    assert made(api.post(f"{path}/completion", "connie", json=completion))["status"] == "completed"
    document = problem(api.post(f"{path}/achievement", json={}), 409)
    assert [reason["code"] for reason in document["reasons"]] == ["evidence_required"]
    made(api.attach(view))
    assert made(api.post(f"{path}/achievement", json={"note": "Seen and checked"}))["status"] == "achieved"


@on_sqlite
def test_completion_takes_the_file_in_the_same_step(api: Api) -> None:
    view = api.world.milestone()
    response = api.post(
        f"/milestones/{view.row.id}/completion", "connie", files={"file": ("rota.txt", b"Monday\n", "text/plain")},
        data={"completed_date": str(api.world.clock.today), "narrative": "Done", "title": "The rota"},
    )  # fmt: skip
    evidence = made(response)["evidence"]
    assert (evidence["counting"], evidence["total"], evidence["state"]) == (1, 1, "met")
    [item] = shown(api.get(f"/milestones/{view.row.id}/evidence"))["items"]
    assert item["title"] == "The rota"


@on_sqlite
def test_a_refused_completion_leaves_no_file(api: Api) -> None:
    view = api.world.completed()
    response = api.post(
        f"/milestones/{view.row.id}/completion", "connie", files={"file": ("rota.txt", b"Monday\n", "text/plain")},
        data={"completed_date": str(api.world.clock.today), "narrative": "Done"},
    )  # fmt: skip
    assert codes(response) == ["not_open"]
    assert api.stored == []


@on_sqlite
def test_transitions_there_and_back(api: Api) -> None:
    view = api.world.milestone()
    path = f"/milestones/{view.row.id}"
    assert made(api.post(f"{path}/start", "connie"))["status"] == "in_progress"
    assert codes(api.post(f"{path}/start", "connie", json={})) == ["already_started"]
    made(api.post(f"{path}/completion", "connie", json={"completed_date": "2026-03-02", "narrative": "Done"}))
    assert made(api.post(f"{path}/return", json={"reason": "Two shifts are missing"}))["status"] == "in_progress"
    made(api.post(f"{path}/completion", "connie", json={"completed_date": "2026-03-02", "narrative": "Now it is"}))
    made(api.attach(view))
    made(api.post(f"{path}/achievement"))
    reopened = made(api.post(f"{path}/reopening", json={"reason": "It lapsed", "due_date": "2026-06-01"}))
    assert (reopened["status"], reopened["rag"]) == ("in_progress", "red")
    assert "reopened" in [reason["code"] for reason in reopened["reasons"]]


def test_who_may_not_is_told_who_may_and_a_stranger_learns_nothing(api: Api) -> None:
    view = api.world.completed()
    path = f"/milestones/{view.row.id}"
    assert problem(api.post(f"{path}/achievement", "connie"), 403)["needs"] == "programme manager"
    for who in ("zoe", "max"):
        assert problem(api.get(path, who), 404)["detail"] == "There is no such thing, or not for you."
        problem(api.post(f"{path}/achievement", who), 404)
    problem(api.get(path, "olive"), 403)
    assert api.get(path, None).headers["www-authenticate"].startswith("Bearer")
    problem(api.post(f"{path}/achievement", None), 401)


def test_what_is_restricted_does_not_exist_for_others(api: Api) -> None:
    view = api.world.milestone(
        restricted_to=["metropolitan-police"], title="Hidden from most", owner=api.world.people["pol"].id
    )
    problem(api.get(f"/milestones/{view.row.id}", "connie"), 404)
    shown(api.get(f"/milestones/{view.row.id}", "pol"))
    titles = [item["title"] for item in shown(api.get("/plans/safeguarding-plan/milestones", "connie"))["items"]]
    assert titles == ["First milestone"]
    seen_by_another_officer = shown(api.get("/plans/safeguarding-plan/milestones", "nora"))
    assert seen_by_another_officer["withheld"] == 1
    assert len(seen_by_another_officer["items"]) == 1
    assert "withheld" not in shown(api.get("/plans/safeguarding-plan/milestones", "connie"))


def test_adding_a_milestone(api: Api) -> None:
    facts = {
        "action": api.world.action, "title": "Rota for the spring", "owner": api.world.people["connie"].id,
        "organisation": "haringey-council", "supporting_organisations": ["metropolitan-police"],
        "due_date": "2026-05-01",
    }  # fmt: skip
    response = api.post("/plans/safeguarding-plan/milestones", json=facts)
    body = made(response)
    assert response.headers["location"] == f"/api/v1/milestones/{body['id']}"
    assert response.headers["etag"] == f'"{body["version"]}"'
    assert (body["baseline_date"], body["moves"], body["slip_days"]) == ("2026-05-01", 0, 0)
    assert body["supporting_organisations"] == [{"slug": "metropolitan-police", "name": "Metropolitan Police"}]
    problem(api.post("/plans/safeguarding-plan/milestones", "sam", json=facts), 403)
    problem(api.post("/plans/other-plan/milestones", json=facts), 404)
    assert pointers(api.post("/plans/safeguarding-plan/milestones", json={**facts, "action": "no-such"})) == ["/action"]


@on_sqlite
def test_what_has_an_address_of_its_own_is_named_when_somebody_patches_it(api: Api) -> None:
    view = api.world.milestone()
    path = f"/milestones/{view.row.id}"
    version = {"If-Match": f'"{view.row.version}"'}
    for field, address in (
        ("status", "/achievement"), ("due_date", "/change-requests"), ("baseline_date", "baseline"),
        ("forecast_date", "/updates"), ("completed_date", "/completion"), ("achieved_date", "/achievement"),
    ):  # fmt: skip
        value = "achieved" if field == "status" else "2026-09-01"
        document = problem(api.patch(path, json={field: value}, headers=version), 422)
        [error] = document["errors"]
        assert error["pointer"] == f"/{field}"
        assert address in error["message"]
    assert shown(api.get(path))["version"] == view.row.version
    added = api.post(
        "/plans/safeguarding-plan/milestones",
        json={"action": api.world.action, "title": "Born achieved", "status": "achieved"},
    )
    assert pointers(added) == ["/status"]


@on_sqlite
def test_editing_needs_the_version_that_was_read(api: Api) -> None:
    view = api.world.milestone()
    path = f"/milestones/{view.row.id}"
    problem(api.patch(path, json={"title": "Nobody's"}), 428)
    first = api.patch(path, json={"title": "Mine"}, headers={"If-Match": f'"{view.row.version}"'})
    assert shown(first)["title"] == "Mine"
    stale = api.patch(path, json={"title": "Too late"}, headers={"If-Match": f'"{view.row.version}"'})
    document = problem(stale, 412)
    assert document["current_version"] == shown(first)["version"]
    assert stale.headers["etag"] == first.headers["etag"]
    problem(api.patch(path, json={"title": "Exists"}, headers={"If-None-Match": "*"}), 412)
    problem(api.patch(path, json={"title": "Broken"}, headers={"If-Match": "no quotes"}), 400)
    problem(api.patch(path, json={"title": "Weak"}, headers={"If-Match": f"W/{first.headers['etag']}"}), 412)
    assert shown(api.patch(path, json={"title": "Whatever"}, headers={"If-Match": "*"}))["title"] == "Whatever"


def test_a_transition_honours_if_match_and_evidence_changes_the_version(api: Api) -> None:
    view = api.world.completed()
    path = f"/milestones/{view.row.id}"
    before = api.get(path).headers["etag"]
    item = made(api.attach(view))
    after = api.get(path).headers["etag"]
    assert after != before
    problem(api.post(f"{path}/achievement", headers={"If-Match": before}), 412)
    reviewed = api.post(f"/evidence/{item['id']}/review", "sam", json=_review())
    made(reviewed)
    assert api.get(path).headers["etag"] != after
    made(api.post(f"{path}/achievement", headers={"If-Match": api.get(path).headers["etag"]}))


def _review(outcome: str = "accepted") -> dict[str, object]:
    return {"outcome": outcome, "relevance": 3, "robustness": 2, "reason": "It shows what was agreed"}


@on_sqlite
def test_a_get_with_the_version_one_has_is_answered_with_304(api: Api) -> None:
    view = api.world.milestone()
    etag = api.get(f"/milestones/{view.row.id}").headers["etag"]
    again = api.get(f"/milestones/{view.row.id}", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


@on_sqlite
def test_nulls_clear_what_may_be_empty_and_nothing_else(api: Api) -> None:
    view = api.world.milestone(start_date=api.world.clock.today)
    path, version = f"/milestones/{view.row.id}", {"If-Match": "*"}
    assert shown(api.patch(path, json={"owner": None, "start_date": None}, headers=version))["owner"] is None
    assert pointers(api.patch(path, json={"title": None}, headers=version)) == ["/title"]


def test_a_key_that_may_only_send_learns_names_and_nothing_more(api: Api) -> None:
    supported = api.world.milestone(supporting_organisations=["metropolitan-police"], title="With the police")
    api.key("sender", Scope.EVIDENCE_WRITE)
    named = {"id": supported.row.id, "ref": supported.row.ref, "title": "With the police", "plan": "safeguarding-plan"}
    listed = shown(api.get("/plans/safeguarding-plan/milestones", "sender"))
    assert listed == {"items": [named], "next_cursor": None}
    assert shown(api.get(f"/milestones/{supported.row.id}", "sender")) == named
    theirs = api.world.milestone(title="Not theirs")
    problem(api.get(f"/milestones/{theirs.row.id}", "sender"), 404)
    assert problem(api.post(f"/milestones/{supported.row.id}/start", "sender"), 403)["needs"] == "a person"


@on_sqlite
def test_a_key_without_the_scope_is_told_which_it_needs(api: Api) -> None:
    view = api.world.milestone(supporting_organisations=["metropolitan-police"])
    api.key("reader", Scope.PLAN_READ)
    api.key("observer key", Scope.OBSERVATIONS_WRITE)
    assert shown(api.get(f"/milestones/{view.row.id}", "reader"))["ref"] == view.row.ref
    assert problem(api.attach(view, "reader"), 403)["needs"] == "evidence:write"
    assert problem(api.get("/plans/safeguarding-plan/milestones", "observer key"), 403)["needs"] == "plan:read"
    problem(api.get("/plans/other-plan/milestones", "reader"), 404)


@on_sqlite
def test_an_expired_or_made_up_key_is_nobody(api: Api) -> None:
    api.key("short", Scope.PLAN_READ, days=1)
    shown(api.get("/plans/safeguarding-plan", "short"))
    api.world.clock.forward(days=2)
    problem(api.get("/plans/safeguarding-plan", "short"), 401)
    api.secrets["made up"] = api.secrets["short"][:-4] + "0000"
    problem(api.get("/plans/safeguarding-plan", "made up"), 401)


def test_filters_keep_what_has_them(api: Api) -> None:
    late = api.world.milestone(title="Late rota", due_date=api.world.clock.today - timedelta(days=3))
    path = "/plans/safeguarding-plan/milestones"

    def refs(**wanted: str) -> list[str]:
        return [item["ref"] for item in shown(api.get(path, params=wanted))["items"]]

    assert refs(rag="red") == [late.row.ref]
    assert refs(ref=late.row.ref) == [late.row.ref]
    assert refs(q="late") == [late.row.ref]
    assert refs(due_before=str(api.world.clock.today)) == [late.row.ref]
    assert refs(owner=api.world.people["petra"].id) == []
    assert len(refs(organisation="haringey-council", status="not_started", theme=api.world.theme)) == 2
    assert pointers(api.get(path, params={"rag": "purple"})) == ["/rag"]
    assert pointers(api.get(path, params={"colour": "red"})) == ["/colour"]


def test_a_cursor_survives_inserts(api: Api) -> None:
    for number in range(4):
        api.world.milestone(title=f"Milestone {number}")
    path = "/plans/safeguarding-plan/milestones"
    first = shown(api.get(path, params={"limit": 2}))
    api.world.milestone(title="Added in between")
    second = shown(api.get(path, params={"limit": 200, "cursor": first["next_cursor"]}))
    refs = [item["ref"] for item in [*first["items"], *second["items"]]]
    assert refs == ["M-01", "M-02", "M-03", "M-04", "M-05", "M-06"]
    assert second["next_cursor"] is None
    assert pointers(api.get(path, params={"limit": 201})) == ["/limit"]
    assert pointers(api.get(path, params={"limit": 0})) == ["/limit"]
    for forged in ("x", "bm9wZQ", "WyJhIiwgImIiXQ", "W3RydWUsIG51bGxd", "1" * 190, "WzFlNDAwLCAiYiJd", "W10"):
        assert pointers(api.get(path, params={"cursor": forged})) == ["/cursor"]


@on_sqlite
def test_lifting_a_declaration(api: Api) -> None:
    view = api.world.milestone()
    path = f"/milestones/{view.row.id}"
    made(
        api.post(
            f"{path}/updates", "connie", json={"narrative": "Stuck", "declared_rag": "red", "rationale": "No staff"}
        )
    )
    assert shown(api.get(path))["rag"] == "red"
    assert made(api.post(f"{path}/lifting", "sam", json={"reason": "Staff found"}))["rag"] == "green"
