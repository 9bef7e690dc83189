"""One's own sessions and password, invitations, and the password asked again."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.domain.actors import system_actor
from app.domain.refusals import Forbidden, Invalid, NotFound, Refused
from app.domain.words import Door
from app.pages.account import browser_name
from app.services import identity, people
from tests.house import LIMITS, House
from tests.security.test_sign_in import EMAIL, PASSWORD, events, give_password, sign_in

NEW = "seven sails over the marsh"
SYSTEM = system_actor(Door.CLI)


@pytest.fixture
def petra(house: House) -> House:
    give_password(house, "petra", PASSWORD)
    return house


def invite(house: House, email: str = "new.person@haringey.example") -> people.Invited:
    return house.world.write(
        SYSTEM, people.create_person, email=email, post_title="Team Manager", organisation="haringey-council"
    )


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_one_sees_and_ends_ones_own_sessions(house: House) -> None:
    here, there = house.browser("petra"), house.browser("petra")
    mine, other = house.world.read("petra", identity.list_sessions, limits=LIMITS)  # the older id first
    assert here.get("/account").text.count('/ending"') == 2

    assert here.post(f"/account/sessions/{other.id}/ending").headers["location"] == "/account?done=session"
    assert there.get("/account").status_code == 303
    assert here.post(f"/account/sessions/{other.id}/ending").status_code == 404
    assert here.post(f"/account/sessions/{mine.id}/ending").headers["location"] == "/sign-in"
    assert here.get("/account").status_code == 303


def test_ending_all_others_keeps_the_one_in_use(house: House) -> None:
    here, there, third = (house.browser("petra") for _ in range(3))
    assert here.post("/account/sessions/endings").status_code == 303

    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == third.get("/account").status_code == 303


def test_nobody_ends_or_sees_the_session_of_another(house: House) -> None:
    sam = house.browser("sam")
    (session,) = house.world.read("sam", identity.list_sessions, limits=LIMITS)
    petra = house.browser("petra")

    assert petra.post(f"/account/sessions/{session.id}/ending").status_code == 404
    assert session.id not in petra.get("/account").text
    assert sam.get("/account").status_code == 200


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64) Chrome/156.0 Safari/537.36 Edg/156.0", "Edge on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0", "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) Version/26.0 Safari/604.1", "Safari on iPhone"),
        ("Test browser", "Test browser"),
        ("", "Unknown browser"),
    ],
)
def test_a_browser_is_called_what_its_person_calls_it(user_agent: str, name: str) -> None:
    assert browser_name(user_agent) == name


# --- password ---------------------------------------------------------------------------------------------------------


def change(client: Any, current: str = PASSWORD, password: str = NEW) -> Any:
    return client.post("/account/password", data={"current": current, "password": password})


def test_changing_the_password_ends_other_sessions_and_rotates_this_one(petra: House) -> None:
    here, there = petra.browser("petra"), petra.browser("petra")
    old_token = here.cookies["waymark"]
    answer = change(here)
    stolen = petra.stranger()
    stolen.cookies.set("waymark", old_token)

    assert answer.headers["location"] == "/account?done=password"
    assert here.cookies.get("waymark", domain="127.0.0.1") != old_token
    assert there.get("/account").status_code == 303
    assert stolen.get("/account").status_code == 303
    assert sign_in(petra.stranger()).status_code == 422
    assert sign_in(petra.stranger(), password=NEW).status_code == 303
    assert "password_changed" in events(petra)


def test_the_old_password_is_needed(petra: House) -> None:
    answer = change(petra.browser("petra"), current="not the password")

    assert answer.status_code == 422
    assert "That is not your password now" in answer.text
    assert sign_in(petra.stranger()).status_code == 303


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("elevenchars", "12 characters or more"),
        ("Password1234", "easy to guess"),
        ("x" * 129, "128 characters or fewer"),
        ("9programme.manager", "email address"),
    ],
)
def test_a_weak_password_is_refused_with_what_would_do(petra: House, password: str, why: str) -> None:
    answer = change(petra.browser("petra"), password=password)

    assert answer.status_code == 422
    assert why in answer.text


def test_guessing_the_password_from_a_session_is_limited_like_a_sign_in(petra: House) -> None:
    browser = petra.browser("petra")
    for _ in range(10):
        change(browser, current="not the password")

    assert change(browser).status_code == 429
    assert browser.post("/account/confirmation", data={"password": PASSWORD}).status_code == 429


def test_passwords_are_the_same_however_they_were_typed(petra: House) -> None:
    change(petra.browser("petra"), password="Ärger über Züge 12")

    assert sign_in(petra.stranger(), password="A\u0308rger u\u0308ber Zu\u0308ge 12").status_code == 303


# --- invitations ------------------------------------------------------------------------------------------------------


def test_an_invitation_sets_a_password_once(house: House) -> None:
    invited = invite(house)
    address = f"/invitations/{invited.token}"
    visitor = house.stranger()

    assert "Team Manager" in visitor.get(address).text
    answer = visitor.post(address, data={"password": NEW})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert visitor.get("/account").status_code == 200

    assert house.stranger().get(address).status_code == 404
    assert house.stranger().post(address, data={"password": "another long password"}).status_code == 404
    assert sign_in(house.stranger(), email=invited.email, password=NEW).status_code == 303


def test_an_invitation_works_for_72_hours(house: House) -> None:
    first, second = invite(house), invite(house, "second@haringey.example")
    house.world.clock.forward(hours=71, minutes=59)
    assert house.stranger().get(f"/invitations/{first.token}").status_code == 200
    house.world.clock.forward(minutes=1)

    assert house.stranger().post(f"/invitations/{second.token}", data={"password": NEW}).status_code == 404


def test_looking_at_an_invitation_or_failing_does_not_use_it_up(house: House) -> None:
    address = f"/invitations/{invite(house).token}"
    visitor = house.stranger()
    visitor.get(address)
    assert visitor.post(address, data={"password": "short"}).status_code == 422

    assert visitor.post(address, data={"password": NEW}).status_code == 303


def test_a_newer_invitation_replaces_the_older_and_ends_sessions_only_when_used(petra: House) -> None:
    browser = petra.browser("petra")
    older = petra.world.write(SYSTEM, people.invite_again, email=EMAIL)
    newer = petra.world.write(SYSTEM, people.invite_again, email=EMAIL)

    assert petra.stranger().get(f"/invitations/{older.token}").status_code == 404
    assert browser.get("/account").status_code == 200
    petra.stranger().post(f"/invitations/{newer.token}", data={"password": NEW})
    assert browser.get("/account").status_code == 303


def test_only_one_of_two_acceptances_wins(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have found the invitation unused; the second comes to the write when the first has committed."""
    invited = invite(house)
    found = house.world.read(identity.NOBODY, identity.find_invitation, token=invited.token)
    monkeypatch.setattr(identity, "find_invitation", lambda uow, token: found)
    given: dict[str, Any] = {"token": invited.token, "limits": LIMITS, "browser": ""}
    house.world.write(identity.NOBODY, identity.accept_invitation, password_hash="first", **given)

    with pytest.raises(NotFound):
        house.world.write(identity.NOBODY, identity.accept_invitation, password_hash="second", **given)
    stored = house.world.read(identity.NOBODY, identity.own_hash, person_id=invited.person_id)
    assert stored == "first"


def test_an_invitation_never_reaches_the_log(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    token = invite(house).token
    house.stranger().get(f"/invitations/{token}?also={token}")

    logged = capsys.readouterr().out
    assert "/invitations/" in logged
    assert token not in logged


# --- the password once more -------------------------------------------------------------------------------------------


def test_keys_and_tokens_ask_for_the_password_after_15_minutes(petra: House) -> None:
    browser = petra.browser("petra")
    delicate = ["/account/tokens", f"/plans/{petra.world.plan}/keys"]
    assert [browser.get(address).status_code for address in delicate] == [200, 200]

    petra.world.clock.forward(minutes=15)
    for address in delicate:
        answer = browser.get(address)
        assert answer.headers["location"] == f"/account/confirmation?next={address}"
    assert browser.post("/account/tokens", data={"name": "x", "days": "9"}).status_code == 303
    assert petra.stranger().get("/account/tokens").headers["location"].startswith("/sign-in")


def test_typing_the_password_rotates_the_session_and_opens_the_page(petra: House) -> None:
    browser = petra.browser("petra")
    petra.world.clock.forward(minutes=20)
    old_token = browser.cookies["waymark"]
    wrong = browser.post("/account/confirmation", data={"password": "not the password", "next": "/account/tokens"})
    right = browser.post("/account/confirmation", data={"password": PASSWORD, "next": "/account/tokens"})
    stolen = petra.stranger()
    stolen.cookies.set("waymark", old_token)

    assert wrong.status_code == 422
    assert "That is not your password" in wrong.text
    assert right.headers["location"] == "/account/tokens"
    fresh = petra.stranger()
    fresh.cookies.set("waymark", right.cookies["waymark"])
    assert fresh.get("/account/tokens").status_code == 200
    assert stolen.get("/account").status_code == 303
    assert {"password_confirmation_refused", "password_confirmed"} <= set(events(petra))


# --- people -----------------------------------------------------------------------------------------------------------


def test_only_an_administrator_adds_people_and_organisations(house: House) -> None:
    person = {"email": "x@haringey.example", "post_title": "X", "organisation": "haringey-council"}
    for who in ("petra", "sam", "connie", "ada"):
        with pytest.raises(Forbidden):
            house.world.write(who, people.create_person, **person)
        with pytest.raises(Forbidden):
            house.world.write(who, people.create_organisation, slug="x", name="X")
        with pytest.raises(Forbidden):
            house.world.write(who, people.invite_again, email=EMAIL)
        with pytest.raises(Forbidden):
            house.world.write(who, people.record_leaving, email=EMAIL)

    assert house.world.write("max", people.create_person, **person).token.startswith("wmi_")


def test_a_person_is_checked_before_they_are_added(house: House) -> None:
    with pytest.raises(Invalid) as wrong:
        house.world.write("max", people.create_person, email="nonsense", post_title=" ", organisation="nowhere")
    assert {error.pointer for error in wrong.value.errors} == {"/email", "/post_title", "/organisation"}

    with pytest.raises(Refused) as taken:
        invite(house, EMAIL.upper())
    assert taken.value.codes == ("email_taken",)


def test_who_leaves_loses_everything_at_once_and_their_milestones_say_so(house: House) -> None:
    view = house.world.milestone()
    browser, program = house.browser("connie"), house.api("connie")
    invited = house.world.write("max", people.invite_again, email="contributor@haringey.example")
    assert browser.get("/account").status_code == 200
    assert program.get("/api/v1/me").status_code == 200

    house.world.write("max", people.record_leaving, email="contributor@haringey.example")

    assert browser.get("/account").status_code == 303
    assert program.get("/api/v1/me").status_code == 401
    assert house.stranger().get(f"/invitations/{invited.token}").status_code == 404
    assert "no_owner" in {reason.code for reason in house.world.seen(view).row.reasons}


def test_nobody_leaves_in_the_future(house: House) -> None:
    from datetime import timedelta

    tomorrow = house.world.clock.today + timedelta(days=1)
    with pytest.raises(Invalid):
        house.world.write("max", people.record_leaving, email=EMAIL, left_on=tomorrow)


def test_a_secret_is_never_in_the_database(house: House) -> None:
    secrets = [invite(house).token, house.session("petra"), house.token("petra"), house.key("plan:read")]  # type: ignore[arg-type]
    path = house.world.database.url.removeprefix("sqlite:///")
    from pathlib import Path

    stored = b"".join(file.read_bytes() for file in Path(path).parent.glob("waymark.db*"))
    for secret in secrets:
        assert re.fullmatch(r"wm[ikts]_[A-Za-z0-9_-]{43}", secret)
        assert secret.encode() not in stored
