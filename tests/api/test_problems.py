"""Every error is a problem document, on every path."""

import json

import pytest
from starlette.requests import Request

from app.api import problems
from app.domain.refusals import RateLimited, Unavailable
from app.services import plans
from app.storage import LocalStorage
from tests.api.conftest import PREFIX, Api, pointers, problem, shown


def test_unknown_addresses_and_methods(sqlite_api: Api) -> None:
    for path in ("/nowhere", "/plans/", "/milestones", "", "/"):
        problem(sqlite_api.get(path), 404)
    for method, path, allowed in (
        ("DELETE", "/plans", "GET, POST"), ("PUT", "/me", "GET"), ("GET", "/change-requests/x/decision", "POST"),
        ("PURGE", "/milestones/x", "GET, PATCH"),
    ):  # fmt: skip
        response = sqlite_api.ask(method, path)
        document = problem(response, 405)
        assert (document["instance"], document["detail"]) == (PREFIX + path, f"This address takes {allowed}.")
        assert response.headers["allow"] == allowed


def test_nobody_is_told_how_to_sign_in_even_where_there_is_nothing(sqlite_api: Api) -> None:
    sqlite_api.secrets["nobody"] = "wmt_made-up"
    for who in (None, "nobody"):
        response = sqlite_api.get("/plans", who)
        assert problem(response, 401)["type"] == "/api/v1/docs#unauthenticated"
        assert response.headers["www-authenticate"] == 'Bearer realm="Waymark"'
    for method, path in (("POST", "/plans"), ("PATCH", "/plans/safeguarding-plan"), ("GET", "/plans?limit=0")):
        problem(sqlite_api.ask(method, path, None), 401)
    basic = sqlite_api.get("/plans", None, headers={"Authorization": "Basic cGV0cmE6eA=="})
    problem(basic, 401)


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"a": 1}{', b"[" * 100_000, b'{"n": ' + b"9" * 5000 + b"}"])
def test_a_body_that_is_no_json_is_malformed(sqlite_api: Api, body: bytes) -> None:
    response = sqlite_api.post("/plans", "max", content=body, headers={"Content-Type": "application/json"})
    problem(response, 400)


def test_a_body_of_another_kind_is_not_accepted(sqlite_api: Api) -> None:
    for sent in ("text/plain", "application/x-www-form-urlencoded"):
        response = sqlite_api.post("/plans", "max", content=b"slug=x", headers={"Content-Type": sent})
        assert problem(response, 415)["accepted"] == ["application/json"]
    unsaid = sqlite_api.post("/plans", "max", content=b"{}", headers={"Content-Type": ""})
    problem(unsaid, 415)


@pytest.mark.parametrize("body", ["[]", '"x"', "7", "null", "[[]]"])
def test_json_that_is_no_object_is_invalid(sqlite_api: Api, body: str) -> None:
    response = sqlite_api.post("/plans", "max", content=body, headers={"Content-Type": "application/json"})
    assert pointers(response) == [""]


def test_names_that_no_database_could_keep_name_nothing(api: Api) -> None:
    for name in ("%00", "a%00b", "x" * 300, "%ED%A0%80", "a%2Fb", "%E2%80%AE"):
        problem(api.get(f"/milestones/{name}"), 404)
        problem(api.get(f"/plans/{name}/milestones"), 404)
    assert pointers(api.get("/plans/safeguarding-plan/milestones?q=%00")) == ["/q"]
    assert pointers(api.get("/plans/safeguarding-plan/milestones?cursor=%00")) == ["/cursor"]


def test_a_pointer_is_escaped_as_json_pointers_are(sqlite_api: Api) -> None:
    body = json.dumps({"slug": "x", "title": "X", "organisation": "haringey-council", "a/b~c": 1})
    response = sqlite_api.post("/plans", "max", content=body, headers={"Content-Type": "application/json"})
    assert pointers(response) == ["/a~1b~0c"]
    half = sqlite_api.post("/plans", "max", content='{"\\ud800": 1}', headers={"Content-Type": "application/json"})
    problem(half, 422)


def test_a_fault_of_ours_tells_nothing(sqlite_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fall_over(*_: object, **__: object) -> None:
        raise RuntimeError("the secret is in here")

    monkeypatch.setattr(plans, "list_plans", fall_over)
    response = sqlite_api.get("/plans")
    document = problem(response, 500)
    assert "secret" not in response.text
    assert document["title"] == "Something went wrong at our end"


def test_who_is_to_wait_is_told_how_long() -> None:
    request = Request({"type": "http", "method": "GET", "path": "/api/v1/me", "headers": [], "query_string": b""})
    for error, status in ((RateLimited("Slower", retry_after=7), 429), (Unavailable("Later", retry_after=7), 503)):
        response = problems.answer(request, error)
        assert (response.status_code, response.headers["retry-after"]) == (status, "7")


def test_who_may_not_hears_that_before_that_a_version_is_missing(sqlite_api: Api) -> None:
    path = f"/milestones/{sqlite_api.world.milestone().row.id}"
    for who, status in (("zoe", 404), ("sam", 403), ("petra", 428)):
        problem(sqlite_api.patch(path, who, json={"title": "Mine"}), status)
        problem(sqlite_api.patch("/plans/safeguarding-plan", who, json={"title": "Mine"}), status)


def test_too_many_requests(sqlite_api: Api) -> None:
    sqlite_api.app.state.limits = type(sqlite_api.app.state.limits)(
        sqlite_api.app.state.settings.model_copy(update={"api_requests_per_minute": 3})
    )
    statuses = [sqlite_api.get("/me").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    response = sqlite_api.get("/me")
    problem(response, 429)
    assert int(response.headers["retry-after"]) >= 1


def test_a_store_that_cannot_be_written_leaves_nothing_half_done(sqlite_api: Api) -> None:
    view = sqlite_api.world.milestone()
    blocked = sqlite_api.folder.parent / "a-file"
    blocked.write_text("in the way")
    sqlite_api.app.state.storage = LocalStorage(blocked / "evidence")
    response = sqlite_api.attach(view)
    problem(response, 503)
    assert response.headers["retry-after"].isdecimal()
    assert shown(sqlite_api.get(f"/milestones/{view.row.id}/evidence"))["items"] == []


def test_a_file_that_is_gone_from_the_store_is_no_stack_trace(sqlite_api: Api) -> None:
    view = sqlite_api.world.milestone()
    item = sqlite_api.attach(view).json()
    for file in sqlite_api.folder.rglob("*"):
        if file.is_file():
            file.unlink()
    problem(sqlite_api.get(f"/evidence/{item['id']}/content"), 503)


def test_every_status_that_is_documented_has_its_meaning() -> None:
    assert set(problems.CHANGING) | {410, 500} == set(problems.MEANINGS)
    assert set(problems.STATUSES.values()) | {405, 500} == set(problems.MEANINGS)
