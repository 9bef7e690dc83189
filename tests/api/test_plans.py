"""Plans and their parts through the JSON door."""

from app.domain.words import Scope
from tests.api.conftest import Api, codes, made, on_sqlite, pointers, problem, shown

PLAN = "/plans/safeguarding-plan"
NEW_PLAN = {"slug": "new-plan", "title": "New plan", "organisation": "haringey-council"}


@on_sqlite
def test_who_am_i(api: Api) -> None:
    petra = shown(api.get("/me"))
    assert petra.keys() == {"kind", "id", "title", "email", "organisation", "administrator", "scopes", "plans"}
    assert (petra["kind"], petra["title"], petra["scopes"]) == ("person", "Programme Manager", [])
    assert petra["plans"] == [
        {"plan": "safeguarding-plan", "title": "Safeguarding Plan", "roles": ["programme_manager"]}
    ]
    api.key("police", Scope.EVIDENCE_WRITE, Scope.PLAN_READ)
    key = shown(api.get("/me", "police"))
    assert (key["kind"], key["scopes"]) == ("key", ["evidence:write", "plan:read"])
    assert key["organisation"]["slug"] == "metropolitan-police"
    assert [plan["plan"] for plan in key["plans"]] == ["safeguarding-plan"]
    problem(api.get("/me", None), 401)


def test_plans_are_listed_for_who_has_to_do_with_them(api: Api) -> None:
    [plan] = shown(api.get("/plans"))["items"]
    assert (plan["slug"], plan["state"], plan["roles"]) == ("safeguarding-plan", "approved", ["programme_manager"])
    assert plan["counts"]["green"] + plan["counts"]["not_due"] + plan["counts"]["amber"] == 1
    [observed] = shown(api.get("/plans", "olive"))["items"]
    assert (observed["counts"], observed["reads_live"]) == (None, False)
    assert [one["slug"] for one in shown(api.get("/plans", "zoe"))["items"]] == ["other-plan"]
    assert len(shown(api.get("/plans", "max"))["items"]) == 2


@on_sqlite
def test_the_plan_list_is_paged_by_slug(api: Api) -> None:
    first = shown(api.get("/plans", "max", params={"limit": 1}))
    second = shown(api.get("/plans", "max", params={"limit": 1, "cursor": first["next_cursor"]}))
    assert {plan["slug"] for plan in first["items"] + second["items"]} == {"safeguarding-plan", "other-plan"}
    assert second["next_cursor"] is None
    assert pointers(api.get("/plans", "max", params={"cursor": "no-plan"})) == ["/cursor"]


def test_a_plan_is_created_edited_approved_and_closed(api: Api) -> None:
    response = api.post("/plans", "max", json=NEW_PLAN)
    plan = made(response)
    assert response.headers["location"] == "/api/v1/plans/new-plan"
    assert (plan["state"], plan["evidence_policy"], plan["tolerance_days"]) == ("draft", "attached", 28)
    for who, role in (("petra", "programme_manager"), ("sam", "senior_officer")):
        person = {"petra": "programme.manager", "sam": "senior.officer"}[who] + "@haringey.example"
        made(api.post("/plans/new-plan/memberships", "max", json={"person": person, "role": role}))
    etag = api.get("/plans/new-plan").headers["etag"]
    changes = {"evidence_policy": "accepted", "overdue_limit_days": 7}
    assert shown(api.patch("/plans/new-plan", json=changes, headers={"If-Match": etag}))["overdue_limit_days"] == 7
    approval = {"body": "Children's Trust", "meeting": "March"}
    assert codes(api.post("/plans/new-plan/approval", "sam", json=approval)) == ["plan_empty"]
    theme = made(api.post("/plans/new-plan/themes", json={"title": "Practice"}))
    action = made(api.post("/plans/new-plan/actions", json={"theme": theme["id"], "title": "Do it"}))
    milestone = {"action": action["id"], "title": "First", "due_date": "2026-05-01", "owner": _id(api, "petra")}
    assert made(api.post("/plans/new-plan/milestones", json=milestone))["baseline_date"] is None
    problem(api.post("/plans/new-plan/approval", json=approval), 403)
    assert made(api.post("/plans/new-plan/approval", "sam", json=approval))["state"] == "approved"
    [approved] = shown(api.get("/plans/new-plan/milestones"))["items"]
    assert approved["baseline_date"] == "2026-05-01"
    because = {"reason": "All moved to the other plan"}
    assert pointers(api.post("/plans/new-plan/closure", "sam", json=because)) == ["/items/M-01"]
    where = {"items": [{"milestone": approved["id"], "to": "As M-02", "plan": "safeguarding-plan"}]}
    closed = made(api.post("/plans/new-plan/closure", "sam", json={**because, **where}))
    assert (closed["state"], closed["closed_on"]) == ("closed", "2026-03-02")
    carried = shown(api.get(f"/milestones/{approved['id']}"))["carried_over"]
    assert (carried["to"], carried["plan"], carried["rag"]) == ("As M-02", "safeguarding-plan", "green")
    [listed] = [one for one in shown(api.get("/plans"))["items"] if one["slug"] == "new-plan"]
    assert (listed["counts"]["carried_over"], listed["counts"]["green"]) == (1, 0)
    assert codes(api.post(f"/milestones/{approved['id']}/start")) == ["plan_closed"]


def _id(api: Api, who: str) -> str:
    return api.world.people[who].id


@on_sqlite
def test_only_an_administrator_creates_plans_and_a_wrong_one_names_its_fields(api: Api) -> None:
    problem(api.post("/plans", json=NEW_PLAN), 403)
    assert pointers(api.post("/plans", "max", json={**NEW_PLAN, "slug": "Not A Slug"})) == ["/slug"]
    assert pointers(api.post("/plans", "max", json={**NEW_PLAN, "slug": "other-plan"})) == ["/slug"]
    assert pointers(api.post("/plans", "max", json={**NEW_PLAN, "organisation": "nobody"})) == ["/organisation"]
    wrong = {**NEW_PLAN, "tolerance_days": "28", "overdue_limit_days": 29, "cycle_days": True, "moved_rule": "never"}
    assert pointers(api.post("/plans", "max", json=wrong)) == [
        "/tolerance_days", "/overdue_limit_days", "/moved_rule", "/cycle_days"
    ]  # fmt: skip


def test_an_old_address_answers_308_with_the_new_one(api: Api) -> None:
    renamed = shown(api.patch(PLAN, json={"slug": "childrens-plan"}, headers={"If-Match": "*"}))
    assert renamed["slug"] == "childrens-plan"
    for path in ("", "/milestones?limit=1", "/themes", "/exceptions"):
        document = problem(api.get(PLAN + path, follow_redirects=False), 308)
        assert document["detail"] == "The plan at safeguarding-plan is now at childrens-plan."
        where = api.get(PLAN + path, follow_redirects=False).headers["location"]
        assert where == f"/api/v1/plans/childrens-plan{path}"
    assert (
        api.post(f"{PLAN}/themes", json={"title": "More"}, follow_redirects=False)
        .headers["location"]
        .endswith("/childrens-plan/themes")
    )
    assert shown(api.get(PLAN))["slug"] == "childrens-plan"  # a client that follows comes through
    problem(api.get(PLAN, "zoe"), 404)
    taken = {**NEW_PLAN, "slug": "safeguarding-plan"}
    assert pointers(api.post("/plans", "max", json=taken)) == ["/slug"]
    assert pointers(api.post("/plans", "max", json={**NEW_PLAN, "slug": "new"})) == ["/slug"]


@on_sqlite
def test_settings_of_an_approved_plan_change_elsewhere(api: Api) -> None:
    headers = {"If-Match": "*"}
    assert shown(api.patch(PLAN, json={"title": "Renamed"}, headers=headers))["title"] == "Renamed"
    for field, value in (("evidence_policy", "accepted"), ("tolerance_days", 56)):
        [error] = problem(api.patch(PLAN, json={field: value}, headers=headers), 422)["errors"]
        assert (error["pointer"], "/change-requests" in error["message"]) == (f"/{field}", True)
    [error] = problem(api.patch(PLAN, json={"state": "closed"}, headers=headers), 422)["errors"]
    assert "/closure" in error["message"]
    problem(api.patch(PLAN, json={"title": "Without a version"}), 428)
    problem(api.patch(PLAN, json={"title": "Stale"}, headers={"If-Match": '"0"'}), 412)


def test_the_parts_of_a_plan(api: Api) -> None:
    theme = made(api.post(f"{PLAN}/themes", json={"title": "Workforce"}))
    assert [one["title"] for one in shown(api.get(f"{PLAN}/themes", "ada"))["items"]][-1] == "Workforce"
    action = made(api.post(f"{PLAN}/actions", json={"theme": theme["id"], "title": "Recruit"}))
    assert action["theme"] == theme["id"]
    assert pointers(api.post(f"{PLAN}/actions", json={"theme": "none", "title": "Lost"})) == ["/theme"]
    meeting = made(api.post(f"{PLAN}/meetings", json={"on": "2026-03-12"}))
    assert (meeting["on"], meeting["state"]) == ("2026-03-12", "planned")
    assert shown(api.get(PLAN))["next_review"] == "2026-03-12"
    for part in ("themes", "actions", "meetings", "memberships"):
        problem(api.get(f"{PLAN}/{part}", "zoe"), 404)
        assert shown(api.get(f"{PLAN}/{part}"))["next_cursor"] is None
    problem(api.post(f"{PLAN}/themes", "connie", json={"title": "Mine"}), 403)
    problem(api.post(f"{PLAN}/meetings", "sam", json={"on": "2026-03-26"}), 403)


def test_themes_and_actions_are_renamed_reordered_and_moved(api: Api) -> None:
    theme = made(api.post(f"{PLAN}/themes", json={"title": "Workforce"}))
    here, action = f"/themes/{theme['id']}", shown(api.get(f"{PLAN}/actions"))["items"][0]
    assert api.get(here).headers["etag"] == '"1"'
    renamed = shown(api.patch(here, json={"title": "People", "position": 1}, headers={"If-Match": '"1"'}))
    assert (renamed["title"], renamed["position"], renamed["ref"], renamed["version"]) == ("People", 1, "T-02", "2")
    assert [one["ref"] for one in shown(api.get(f"{PLAN}/themes"))["items"]] == ["T-02", "T-01"]

    there = f"/actions/{action['id']}"
    assert shown(api.get(there, "ada"))["moved_from"] is None
    moved = shown(api.patch(there, json={"theme": theme["id"]}, headers={"If-Match": '"1"'}))
    assert (moved["ref"], moved["theme"], moved["moved_from"]["theme"]["ref"]) == ("A-01", theme["id"], "T-01")
    [milestone] = shown(api.get(f"{PLAN}/milestones"))["items"]
    assert (milestone["ref"], milestone["theme"]["ref"]) == ("M-01", "T-02")

    problem(api.patch(there, json={"title": "Unsaid"}), 428)
    problem(api.patch(there, json={"title": "Stale"}, headers={"If-Match": '"1"'}), 412)
    for body, pointer in (
        ({"theme": "nothing"}, "/theme"), ({"ref": "A-09"}, "/ref"), ({"position": 0}, "/position"),
        ({"title": None}, "/title"), ({"milestones": []}, "/milestones"),
    ):  # fmt: skip
        assert pointers(api.patch(there, json=body, headers={"If-Match": "*"})) == [pointer]
    problem(api.patch(there, "connie", json={"title": "Mine"}, headers={"If-Match": "*"}), 403)
    problem(api.patch(there, "zoe", json={"title": "Mine"}, headers={"If-Match": "*"}), 404)
    problem(api.get("/themes/nothing"), 404)
    assert shown(api.get(there))["version"] == moved["version"]


@on_sqlite
def test_an_auditor_needs_a_last_day(api: Api) -> None:
    member = {"person": "stranger@haringey.example", "role": "auditor"}
    assert pointers(api.post(f"{PLAN}/memberships", json=member)) == ["/ends_on"]
    given = made(api.post(f"{PLAN}/memberships", json={**member, "ends_on": "2026-06-30"}))
    assert (given["role"], given["ends_on"], given["email"]) == ("auditor", "2026-06-30", member["person"])
    shown(api.get(PLAN, "zoe"))
    unknown = {"person": "nobody@haringey.example", "role": "observer"}
    assert pointers(api.post(f"{PLAN}/memberships", json=unknown)) == ["/person"]
    problem(api.post(f"{PLAN}/memberships", "sam", json=member), 403)
