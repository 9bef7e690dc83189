"""Signing in: what is answered, what is kept, what is put on record, and what nobody can tell from outside."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.actors import system_actor
from app.domain.secrets import secret_hash
from app.domain.words import Door
from app.models import AuditEvent, UserSession
from app.pages import passwords as password_threads
from app.pages import sessions as sessions_page
from app.pages.deps import local_address
from app.services import identity, passwords
from tests.house import House

PASSWORD = "correct horse of Tottenham"
EMAIL = "programme.manager@haringey.example"
HERE = "203.0.113.5"


@pytest.fixture
def petra(house: House) -> House:
    """A house in which Petra has a password."""
    give_password(house, "petra", PASSWORD)
    return house


def give_password(house: House, who: str, password: str) -> None:
    hashed = passwords.hash_password(password)
    person_id = house.world.people[who].id
    house.world.write(system_actor(Door.CLI), identity.set_password, person_id=person_id, password_hash=hashed)


def sign_in(client: Any, email: str = EMAIL, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/sign-in", data={"email": email, "password": password, **more})


def rows(house: House, statement: Any) -> list[Any]:
    return house.world.database.read(
        lambda uow: list(uow.session.execute(statement).all()), actor=system_actor(), now=house.world.clock()
    )


def events(house: House) -> list[str]:
    return [row.event for row in rows(house, select(AuditEvent.event).where(AuditEvent.chain == "-"))]  # type: ignore[call-overload]


def said(answer: Any) -> str:
    """A page without what differs from request to request."""
    return re.sub(r'value="[^"]*"', "", answer.text)


def test_the_right_password_opens_a_session_whose_token_is_kept_nowhere(petra: House) -> None:
    answer = sign_in(petra.stranger())
    cookie = answer.headers["set-cookie"]
    token = answer.cookies["waymark"]
    stored = rows(petra, select(UserSession.token_hash))  # type: ignore[call-overload]

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie
    assert [row.token_hash for row in stored] == [secret_hash(token)]
    assert events(petra)[-1] == "signed_in"


def test_the_email_address_may_be_typed_in_any_case(petra: House) -> None:
    assert sign_in(petra.stranger(), email=f"  {EMAIL.upper()} ").status_code == 303


def test_a_wrong_password_says_nothing_and_is_put_on_record(petra: House) -> None:
    answer = sign_in(petra.stranger(), password="wrong password here")

    assert answer.status_code == 422
    assert "The email address or the password is wrong" in answer.text
    assert "set-cookie" not in answer.headers
    assert events(petra)[-1] == "sign_in_failed"


def test_an_unknown_account_gets_the_very_same_page(petra: House) -> None:
    known = sign_in(petra.stranger(), password="wrong password here")
    unknown = sign_in(petra.stranger(), email="nobody@haringey.example")
    invited = sign_in(petra.stranger(), email="senior.officer@haringey.example")  # has set no password yet

    assert said(known) == said(unknown) == said(invited)
    assert known.status_code == unknown.status_code == invited.status_code == 422


def test_an_unknown_account_costs_a_hash_too(petra: House, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = []
    quick = passwords.hasher()

    class Counting:
        def verify_and_update(self, password: str, stored: str) -> Any:
            looked_at.append(stored)
            return quick.verify_and_update(password, stored)

        def hash(self, password: str) -> str:
            return quick.hash(password)

    monkeypatch.setattr(passwords, "hasher", Counting)
    sign_in(petra.stranger(), email="nobody@haringey.example")

    assert len(looked_at) == 1


def test_the_record_of_a_failed_attempt_is_written_after_the_answer(
    petra: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the extra write would tell known accounts from unknown ones."""
    order = []

    def noting(name: str, function: Any) -> Any:
        def noted(*args: Any, **given: Any) -> Any:
            order.append(name)
            return function(*args, **given)

        return noted

    monkeypatch.setattr(sessions_page, "_page", noting("page", sessions_page._page))
    monkeypatch.setattr(identity, "record_failed_sign_in", noting("record", identity.record_failed_sign_in))
    sign_in(petra.stranger(), password="wrong password here")

    assert order == ["page", "record"]


def test_somebody_who_has_left_is_an_unknown_account(petra: House) -> None:
    from app.services import people

    petra.world.write(system_actor(Door.CLI), people.record_leaving, email=EMAIL)

    assert sign_in(petra.stranger()).status_code == 422


def test_signing_in_again_ends_the_session_the_browser_had(petra: House) -> None:
    browser = petra.stranger()
    sign_in(browser)
    before = browser.cookies["waymark"]
    sign_in(browser)

    assert browser.cookies["waymark"] != before
    browser.cookies.set("waymark", before, domain="127.0.0.1")
    old = petra.stranger()
    old.cookies.set("waymark", before)
    assert old.get("/account").status_code == 303


def test_after_signing_in_one_goes_on_to_where_one_wanted(petra: House) -> None:
    wanted = petra.stranger().get("/account/password")
    answer = sign_in(petra.stranger(), next="/account/password?x=1")

    assert wanted.headers["location"] == "/sign-in?next=/account/password"
    assert answer.headers["location"] == "/account/password?x=1"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\tevil",
        "javascript:alert(1)",
        "evil",
        "",
        "/sign-out",
    ],
)
def test_one_never_goes_on_to_another_site(elsewhere: str) -> None:
    assert local_address(elsewhere) == "/"


def test_whoever_is_signed_in_is_not_asked_again(petra: House) -> None:
    answer = petra.browser("petra").get("/sign-in?next=/account")

    assert (answer.status_code, answer.headers["location"]) == (303, "/account")


def test_empty_fields_are_named(petra: House) -> None:
    answer = sign_in(petra.stranger(), email="", password="")

    assert answer.status_code == 422
    assert "Enter your email address" in answer.text
    assert "Enter your password" in answer.text


def test_an_account_is_closed_to_an_address_after_ten_attempts_and_to_nobody_else(petra: House) -> None:
    for _ in range(10):
        assert sign_in(petra.stranger(), password="wrong password here").status_code == 422
    refused = sign_in(petra.stranger())

    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 900
    assert "Too many attempts" in refused.text
    assert sign_in(petra.stranger(address="198.51.100.7")).status_code == 303


def test_an_address_is_closed_after_a_hundred_attempts_whatever_the_account(petra: House) -> None:
    limits = petra.app.state.limits
    for number in range(100):
        limits.try_sign_in(account=f"person{number}@haringey.example", address=HERE)

    assert sign_in(petra.stranger(address=HERE)).status_code == 429


def test_signing_in_forgets_the_failures_before_it(petra: House) -> None:
    for _ in range(9):
        sign_in(petra.stranger(), password="wrong password here")
    assert sign_in(petra.stranger()).status_code == 303
    for _ in range(9):
        assert sign_in(petra.stranger(), password="wrong password here").status_code == 422


def test_hashes_are_worked_out_two_at_a_time() -> None:
    import anyio

    running, most = 0, 0

    def work() -> None:
        nonlocal running, most
        import time

        running += 1
        most = max(most, running)
        time.sleep(0.05)
        running -= 1

    async def many() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(password_threads.in_password_thread, work)

    anyio.run(many)
    assert most == 2


def test_a_hash_under_old_parameters_is_renewed_at_sign_in(petra: House) -> None:
    from pwdlib import PasswordHash
    from pwdlib.hashers.argon2 import Argon2Hasher

    old = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=16, parallelism=1),)).hash(PASSWORD)
    person_id = petra.world.people["petra"].id
    petra.world.write(system_actor(Door.CLI), identity.set_password, person_id=person_id, password_hash=old)
    sign_in(petra.stranger())

    assert petra.world.read("petra", identity.own_hash, person_id=person_id) != old
    assert sign_in(petra.stranger()).status_code == 303


def test_signing_out_ends_the_session_and_takes_the_cookie(house: House) -> None:
    browser = house.browser("petra")
    token = browser.cookies["waymark"]
    answer = browser.post("/sign-out")
    again = house.stranger()
    again.cookies.set("waymark", token)

    assert answer.headers["location"] == "/sign-in"
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert again.get("/account").status_code == 303
    assert again.post("/sign-out").status_code == 303
    assert events(house)[-1] == "signed_out"


def test_over_tls_the_cookie_is_one_that_browsers_protect(petra: House, tmp_path: Any) -> None:
    secure = House(petra.world, tmp_path, public_origin="https://waymark.haringey.example")
    answer = sign_in(secure.stranger())
    cookie = answer.headers["set-cookie"]

    assert cookie.startswith("__Host-waymark=")
    assert "Secure" in cookie
    assert "Domain" not in cookie
    assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
    assert "strict-transport-security" not in petra.stranger().get("/sign-in").headers


def test_over_tls_a_plain_cookie_opens_nothing(petra: House, tmp_path: Any) -> None:
    secure = House(petra.world, tmp_path, public_origin="https://waymark.haringey.example")
    client = secure.stranger()
    client.cookies.set("waymark", petra.session("petra"))

    assert client.get("/account").status_code == 303


def test_a_session_ends_when_nobody_uses_it(house: House) -> None:
    browser = house.browser("petra")
    house.world.clock.forward(minutes=59)
    assert browser.get("/account").status_code == 200

    other = house.browser("petra")
    house.world.clock.forward(minutes=60)
    assert other.get("/account").status_code == 303


def test_a_session_in_use_ends_after_twelve_hours(house: House) -> None:
    browser = house.browser("petra")
    for _ in range(23):
        house.world.clock.forward(minutes=30)
        assert browser.get("/account").status_code == 200
        house.app.state.last_seen.flush(house.world.database)
    house.world.clock.forward(minutes=30)

    assert browser.get("/account").status_code == 303


def test_last_use_is_noted_by_reading_and_written_at_most_every_five_minutes(house: House) -> None:
    browser = house.browser("petra")
    last_seen = house.app.state.last_seen
    browser.get("/account")
    assert not last_seen.waiting

    house.world.clock.forward(minutes=5)
    browser.get("/account")
    browser.get("/account")
    before = rows(house, select(UserSession.last_seen_at))[0][0]  # type: ignore[call-overload]
    assert last_seen.flush(house.world.database) == 1
    after = rows(house, select(UserSession.last_seen_at))[0][0]  # type: ignore[call-overload]

    assert after - before == timedelta(minutes=5)


def test_a_busy_database_gets_the_last_uses_next_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.db import Database
    from app.domain.refusals import Unavailable

    browser, last_seen = house.browser("petra"), house.app.state.last_seen
    house.world.clock.forward(minutes=10)
    browser.get("/account")

    def busy(*_: Any, **__: Any) -> None:
        raise Unavailable("busy")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "write", busy)
        assert last_seen.flush(house.world.database) == 0
    assert last_seen.flush(house.world.database) == 1
