"""What stands around every request: its origin, its headers, its address, its limits, its faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from app.domain.words import Scope
from app.doors.middleware import TrustedProxies
from app.services import identity
from app.settings import Settings
from tests.factories import World
from tests.house import House

ORIGIN = "https://waymark.haringey.example"


@pytest.fixture
def secure(sqlite_world: World, tmp_path: Path) -> House:
    return House(sqlite_world, tmp_path, public_origin=ORIGIN)


def post(house: House, path: str, **headers: str) -> Any:
    """What a browser sends with someone's session and these headers, and no others."""
    client = TestClient(house.app, base_url=house.settings.public_origin, follow_redirects=False)
    return client.post(path, headers=headers)


# --- origin -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": ORIGIN},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},  # a browser never sends both like this
    ],
)
def test_a_form_of_ours_is_taken(secure: House, headers: dict[str, str]) -> None:
    assert post(secure, "/sign-out", **headers).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN},
        {"Sec-Fetch-Site": "nonsense"},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://waymark.haringey.example"},
        {"Origin": ORIGIN + ".evil.example"},
        {"Origin": "http://127.0.0.1:8000", "Host": "127.0.0.1:8000"},
        {"Host": "evil.example", "Origin": "https://evil.example"},
    ],
)
def test_what_another_site_made_a_browser_send_is_refused(secure: House, headers: dict[str, str]) -> None:
    answer = post(secure, "/sign-out", **headers)

    assert answer.status_code == 403
    assert "text/html" in answer.headers["content-type"]
    assert "did not come from a page of Waymark" in answer.text


def test_a_second_header_cannot_hide_behind_the_first(secure: House) -> None:
    client = TestClient(secure.app, base_url=ORIGIN, follow_redirects=False)
    headers = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-origin")]

    assert client.post("/sign-out", headers=headers).status_code == 403


@pytest.mark.parametrize("name", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000"])
def test_on_ones_own_machine_any_of_its_names_will_do(house: House, name: str) -> None:
    assert post(house, "/sign-out", Origin=f"http://{name}", Host=name).status_code == 303
    other_port = name.replace("8000", "9999")
    assert post(house, "/sign-out", Origin=f"http://{other_port}", Host=name).status_code == 403
    assert post(house, "/sign-out", Origin="http://evil.example", Host="evil.example").status_code == 403


def test_the_api_takes_programs_and_refuses_other_sites(house: House) -> None:
    path = f"/api/v1/plans/{house.world.plan}/themes"

    assert house.api("petra").post(path, json={"title": "Workforce"}).status_code == 201
    assert house.program().post(path, json={"title": "Workforce"}).status_code == 401
    crossed = house.program(house.token("petra")).post(
        path, json={"title": "X"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert crossed.status_code == 403
    assert crossed.headers["content-type"] == "application/problem+json"


def test_the_api_knows_no_cookies(house: House) -> None:
    assert house.browser("petra").get("/api/v1/me").status_code == 401


def test_the_pages_know_no_tokens(house: House) -> None:
    assert house.api("petra").get("/account").status_code == 303


# --- headers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/sign-in", "/account", "/nothing", "/api/v1/me", "/api/v1/nothing", "/healthz", "/static/waymark.css"]
)
def test_every_answer_carries_the_strict_headers(house: House, path: str) -> None:
    headers = house.stranger().get(path).headers
    policy = headers["content-security-policy"]

    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert {"script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "form-action 'self'"} <= set(
        policy.split("; ")
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert len(headers["x-request-id"]) == 16


def test_pages_are_not_stored_and_differ_by_who_and_what_asks(house: House) -> None:
    for answer in (house.browser("petra").get("/account"), house.stranger().get("/account")):
        assert answer.headers["cache-control"] == "no-store"
        assert {"Cookie", "HX-Request", "HX-Request-Type"} <= set(answer.headers["vary"].split(", "))


def test_static_files_keep_when_their_address_says_which(house: House) -> None:
    client = house.stranger()

    assert "immutable" in client.get("/static/waymark.css?v=1").headers["cache-control"]
    assert client.get("/static/waymark.css").headers["cache-control"] == "no-cache"
    assert client.get("/static/../main.py").status_code == 404


def test_no_template_has_anything_inline() -> None:
    import re

    for template in Path("app/templates").rglob("*.html"):
        text = template.read_text("utf-8")
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|hx-on", text), template
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), template


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "kind"), [("/account", "text/html"), ("/api/v1/me", "application/problem+json")])
def test_a_fault_of_ours_tells_nothing_and_is_logged(
    house: House, path: str, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the inner works")

    client = house.api("petra") if "api" in path else house.browser("petra")
    monkeypatch.setattr("app.doors.runners.Runner.read", broken)
    answer = client.get(path)

    assert answer.status_code == 500
    assert answer.headers["content-type"].startswith(kind)
    assert "the inner works" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    logged = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    fault = next(line for line in logged if line["event"] == "fault")
    assert "the inner works" in fault["exception"]
    assert fault["id"] == answer.headers["x-request-id"]


def test_a_large_body_is_refused_before_it_is_read(house: House) -> None:
    body = {"title": "x" * 1_100_000}

    answer = house.api("petra").post(f"/api/v1/plans/{house.world.plan}/themes", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert house.stranger().post("/sign-in", data={"email": body["title"]}).status_code == 413


def test_the_log_holds_neither_queries_nor_secrets(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    secret = house.token("petra")
    house.program(secret).get("/api/v1/me?q=a-persons-name")
    logged = capsys.readouterr().out

    line = json.loads(logged.splitlines()[-1])
    assert (line["path"], line["status"], line["actor"]) == (
        "/api/v1/me",
        200,
        f"person:{house.world.people['petra'].id}",
    )
    assert "a-persons-name" not in logged
    assert secret not in logged


# --- address ----------------------------------------------------------------------------------------------------------


def echo(proxies: str) -> FastAPI:
    app = FastAPI()

    @app.get("/")
    def show(request: Request) -> dict[str, str]:
        assert request.client is not None
        return {"address": request.client.host, "scheme": request.url.scheme}

    app.add_middleware(TrustedProxies, proxies=Settings(trusted_proxies=proxies).proxies)
    return app


@pytest.mark.parametrize(
    ("peer", "forwarded", "address", "scheme"),
    [
        ("10.0.0.9", "198.51.100.7", "198.51.100.7", "https"),
        ("10.0.0.9", "1.2.3.4, 198.51.100.7", "198.51.100.7", "https"),  # the client made the first one up
        ("10.0.0.9", "198.51.100.7, 10.0.0.4", "198.51.100.7", "https"),  # through two proxies of ours
        ("203.0.113.5", "198.51.100.7", "203.0.113.5", "http"),  # not a proxy of ours
        ("10.0.0.9", "nonsense", "10.0.0.9", "https"),
        ("10.0.0.9", "", "10.0.0.9", "https"),
    ],
)
def test_forwarded_headers_are_believed_from_our_proxies_alone(
    peer: str, forwarded: str, address: str, scheme: str
) -> None:
    client = TestClient(echo("10.0.0.0/8"), client=(peer, 1))
    headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"}

    assert client.get("/", headers=headers).json() == {"address": address, "scheme": scheme}


def test_without_proxies_of_ours_nothing_forwarded_is_believed() -> None:
    client = TestClient(echo(""), client=("127.0.0.1", 1))
    headers = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}

    assert client.get("/", headers=headers).json() == {"address": "127.0.0.1", "scheme": "http"}


# --- limits of the API ------------------------------------------------------------------------------------------------


def test_a_credential_has_a_limit_of_its_own(sqlite_world: World, tmp_path: Path) -> None:
    house = House(sqlite_world, tmp_path, api_requests_per_minute=3)
    first, second = house.token("petra"), house.token("petra")
    for _ in range(3):
        assert house.program(first).get("/api/v1/me").status_code == 200
    refused = house.program(first, address="198.51.100.7").get("/api/v1/me")

    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert house.program(second).get("/api/v1/me").status_code == 200


def test_an_address_that_guesses_is_closed(house: House) -> None:
    right = house.token("petra")
    for _ in range(60):
        assert house.program("wmk_guess", address="198.51.100.7").get("/api/v1/me").status_code == 401

    assert house.program("wmk_guess", address="198.51.100.7").get("/api/v1/me").status_code == 429
    assert house.program(right, address="198.51.100.7").get("/api/v1/me").status_code == 429
    assert house.program(right).get("/api/v1/me").status_code == 200


@pytest.mark.parametrize(
    "sent", ["", "Bearer", "Bearer ", "Basic abc", "Bearer wmk_", "Bearer wms_x", "Bearer " + "x" * 9000]
)
def test_without_a_credential_the_api_says_how_to_send_one(house: House, sent: str) -> None:
    answer = house.program().get("/api/v1/me", headers={"Authorization": sent} if sent else {})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_session_opens_no_api_and_a_token_no_page(house: House) -> None:
    assert house.program(house.session("petra")).get("/api/v1/me").status_code == 401
    client = house.stranger()
    client.cookies.set("waymark", house.token("petra"))
    assert client.get("/account").status_code == 303


# --- health -----------------------------------------------------------------------------------------------------------


def test_health_and_readiness(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    client = house.stranger()
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok", "database": "ok", "storage": "ok"}

    from sqlalchemy import text

    with house.world.database.writer.begin() as connection:
        name = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger' LIMIT 1")).scalar_one()
        connection.execute(text(f"DROP TRIGGER {name}"))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "not migrated"
    assert client.get("/healthz").status_code == 200


def test_an_unwritable_store_is_not_ready(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.domain.refusals import Unavailable
    from app.storage import LocalStorage

    def full(_: Any) -> None:
        raise Unavailable("full")

    monkeypatch.setattr(LocalStorage, "check_writable", full)
    answer = house.stranger().get("/readyz")

    assert (answer.status_code, answer.json()["storage"]) == (503, "cannot be written")


def test_metrics_are_for_this_machine_or_who_has_the_token(sqlite_world: World, tmp_path: Path) -> None:
    open_here = House(sqlite_world, tmp_path)
    assert "waymark_requests_total" in open_here.stranger(address="127.0.0.1").get("/metrics").text
    assert open_here.stranger().get("/metrics").status_code == 404

    abroad = House(sqlite_world, tmp_path, public_origin=ORIGIN)
    assert abroad.stranger(address="127.0.0.1").get("/metrics").status_code == 404

    guarded = House(sqlite_world, tmp_path, metrics_token="let-me-count")
    assert guarded.stranger(address="127.0.0.1").get("/metrics").status_code == 404
    assert guarded.program("let-me-count").get("/metrics").status_code == 200


def test_a_get_writes_nothing(house: House) -> None:
    browser, program = house.browser("petra"), house.api("petra")
    path = Path(house.world.database.url.removeprefix("sqlite:///"))
    before = [file.read_bytes() for file in sorted(path.parent.glob("waymark.db*")) if not file.name.endswith("-shm")]
    house.world.clock.forward(minutes=20)
    browser.get("/account")
    browser.get("/account/password")
    program.get("/api/v1/me")
    after = [file.read_bytes() for file in sorted(path.parent.glob("waymark.db*")) if not file.name.endswith("-shm")]

    assert before == after


def test_reading_who_asks_takes_one_statement_in_the_use_cases_own_transaction(house: House) -> None:
    from sqlalchemy import event

    browser, said = house.browser("petra"), []
    browser.get("/account/password")
    event.listen(house.world.database.reader, "before_cursor_execute", lambda *given: said.append(given[2]))
    answer = browser.get("/account")

    assert answer.status_code == 200
    assert sum("FROM sessions JOIN" in statement for statement in said) == 1
    asked = [statement for statement in said if statement != "BEGIN"]
    # Who asks; their plans, their e-mail address, their sessions. How many updates they have left is remembered.
    assert len(asked) == 4
    assert identity.SEEN_EVERY.total_seconds() == 300


def test_a_partner_key_is_its_organisation(house: House) -> None:
    me = house.partner(Scope.EVIDENCE_WRITE, Scope.PLAN_READ).get("/api/v1/me").json()

    assert me["kind"] == "key"
    assert me["organisation"]["slug"] == "metropolitan-police"
    assert me["scopes"] == ["evidence:write", "plan:read"]
