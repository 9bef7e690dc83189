"""Partners' keys and people's tokens: shown once, scoped, always expiring, rotated, revoked."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.actors import system_actor
from app.domain.refusals import Forbidden, Invalid, NotFound, Refused
from app.domain.words import Door, Role, Scope
from app.models import AuditEvent, OrganisationKey, PersonalToken
from app.services import keys
from tests.factories import POLICE
from tests.house import FRONT_DOOR, House
from tests.security.test_sign_in import rows

SECRET = re.compile(r"wm[kt]_[A-Za-z0-9_-]{43}")


@pytest.fixture
def ready(house: House) -> House:
    """A house whose front-door contact is set."""
    house.world.write(system_actor(Door.CLI), keys.set_front_door, contact=FRONT_DOOR)
    return house


def issue(house: House, by: str = "petra", **given: Any) -> keys.Issued:
    wanted: dict[str, Any] = {
        "organisation": POLICE, "plans": [house.world.plan], "scopes": ["evidence:write"], "days": 30, **given,
    }  # fmt: skip
    return house.world.write(by, keys.create_key, **wanted)


def me(house: House, secret: str) -> int:
    return int(house.program(secret).get("/api/v1/me").status_code)


def shown(answer: Any) -> str:
    found = SECRET.findall(answer.text)
    assert len(found) == 1
    return str(found[0])


# --- keys -------------------------------------------------------------------------------------------------------------


def test_the_programme_manager_issues_a_key_that_is_shown_once(ready: House) -> None:
    browser, address = ready.browser("petra"), f"/plans/{ready.world.plan}/keys"
    form = {"organisation": POLICE, "scopes": ["evidence:write", "plan:read"], "days": "30", "name": "case records"}
    answer = browser.post(address, data=form)
    secret = shown(answer)

    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert me(ready, secret) == 200
    page = browser.get(address).text
    assert "case records" in page
    assert not SECRET.search(page)


def test_no_key_without_the_front_door_contact(house: House) -> None:
    with pytest.raises(Refused) as refused:
        issue(house)
    answer = house.browser("petra").post(
        f"/plans/{house.world.plan}/keys", data={"organisation": POLICE, "scopes": ["plan:read"], "days": "30"}
    )

    assert refused.value.codes == ("front_door_missing",)
    assert answer.status_code == 409
    assert "front-door contact" in answer.text


def test_an_administrator_sets_the_front_door_and_every_page_prints_it(house: House) -> None:
    browser = house.browser("max")
    assert browser.post("/administration/front-door", data={"front_door": " "}).status_code == 422
    assert browser.post("/administration/front-door", data={"front_door": FRONT_DOOR}).status_code == 303

    assert FRONT_DOOR in house.browser("petra").get("/account").text
    assert house.browser("petra").post("/administration/front-door", data={"front_door": "x"}).status_code == 403
    with pytest.raises(Forbidden):
        house.world.write("petra", keys.set_front_door, contact="x")


@pytest.mark.parametrize("who", ["sam", "connie", "olive", "ada"])
def test_others_in_the_plan_may_not_manage_keys(ready: House, who: str) -> None:
    issued = issue(ready)
    for service, given in (
        (keys.plan_keys, {"slug": ready.world.plan}),
        (keys.rotate_key, {"key": issued.id}),
        (keys.revoke_key, {"key": issued.id}),
    ):
        with pytest.raises(Forbidden):
            ready.world.write(who, service, **given)
    with pytest.raises(Forbidden):
        issue(ready, who)


def test_outside_the_plan_neither_plan_nor_key_exists(ready: House) -> None:
    issued = issue(ready)
    with pytest.raises(NotFound):
        issue(ready, "zoe")
    with pytest.raises(NotFound):
        ready.world.read("zoe", keys.plan_keys, slug=ready.world.plan)
    with pytest.raises(NotFound):
        ready.world.write("zoe", keys.revoke_key, key=issued.id)
    with pytest.raises(NotFound):
        issue(ready, plans=[ready.world.plan, ready.world.other_plan])
    with pytest.raises(NotFound):
        issue(ready, plans=["no-such-plan"])


def test_a_key_for_several_plans_takes_somebody_who_runs_them_all(ready: House) -> None:
    issued = issue(ready, "max", plans=[ready.world.plan, ready.world.other_plan])
    (view,) = ready.world.read("petra", keys.plan_keys, slug=ready.world.plan).keys

    assert view.plans == (ready.world.plan,)  # of the other plan she is not told
    with pytest.raises(Forbidden):
        ready.world.write("petra", keys.rotate_key, key=issued.id)
    assert me(ready, ready.world.write("max", keys.rotate_key, key=issued.id).secret) == 200
    ready.world.write("petra", keys.revoke_key, key=issued.id)  # but she may stop it
    with pytest.raises(Refused):
        ready.world.write("max", keys.rotate_key, key=issued.id)


def test_a_key_is_managed_on_the_page_of_a_plan_it_names(ready: House) -> None:
    issued = issue(ready)
    with pytest.raises(NotFound):
        ready.world.write("max", keys.revoke_key, key=issued.id, plan=ready.world.other_plan)
    with pytest.raises(NotFound):
        ready.world.write("max", keys.revoke_key, key="0" * 20)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"organisation": "nowhere"}, "organisation"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["evidence:write", "everything"]}, "scopes"),
        ({"days": 0}, "days"),
        ({"days": 367}, "days"),
        ({"name": "x" * 121}, "name"),
        ({"plans": []}, "plans"),
    ],
)
def test_what_is_wrong_with_a_key_is_named(ready: House, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as error:
        issue(ready, "max", **wrong)
    assert [found.name for found in error.value.errors] == [field]


def test_a_key_expires_to_the_second(ready: House) -> None:
    secret = issue(ready, days=1).secret
    ready.world.clock.forward(hours=23, minutes=59, seconds=59)
    assert me(ready, secret) == 200
    ready.world.clock.forward(seconds=1)
    assert me(ready, secret) == 401


def test_rotating_and_revoking_work_at_once(ready: House) -> None:
    browser, issued = ready.browser("petra"), issue(ready)
    address = f"/plans/{ready.world.plan}/keys/{issued.id}"
    rotated = shown(browser.post(f"{address}/rotation"))
    assert (me(ready, issued.secret), me(ready, rotated)) == (401, 200)

    assert browser.post(f"{address}/revocation").status_code == 303
    assert me(ready, rotated) == 401
    assert browser.post(f"{address}/revocation").status_code == 303
    assert browser.post(f"{address}/rotation").status_code == 409


def test_unknown_expired_and_revoked_look_the_same(ready: House) -> None:
    expired, revoked = issue(ready, days=1), issue(ready, days=300)
    ready.world.write("petra", keys.revoke_key, key=revoked.id)
    ready.world.clock.forward(days=2)
    answers = [
        ready.program(secret).get("/api/v1/me") for secret in (expired.secret, revoked.secret, "wmk_" + "x" * 43)
    ]

    assert {answer.text for answer in answers} == {answers[0].text}


def test_every_step_of_a_key_is_in_the_plans_trail_and_the_general_one(ready: House) -> None:
    issued = issue(ready)
    ready.world.write("petra", keys.rotate_key, key=issued.id)
    ready.world.write("petra", keys.revoke_key, key=issued.id)
    found = rows(ready, select(AuditEvent.chain, AuditEvent.event).where(AuditEvent.item_id == issued.id))  # type: ignore[call-overload]

    steps = ["key_issued", "key_rotated", "key_revoked"]
    assert [row.event for row in found if row.chain == "-"] == steps
    assert [row.event for row in found if row.chain == ready.world.plan_id] == steps


def test_last_use_is_written_at_most_every_five_minutes(ready: House) -> None:
    key, token = ready.key(Scope.PLAN_READ), ready.token("petra")
    last_seen, database = ready.app.state.last_seen, ready.world.database

    def last_uses() -> list[datetime | None]:
        statements: list[Any] = [select(table.last_used_at) for table in (OrganisationKey, PersonalToken)]  # type: ignore[call-overload]
        return [rows(ready, statement)[0][0] for statement in statements]

    assert last_uses() == [None, None]
    me(ready, key), me(ready, token)
    assert last_seen.flush(database) == 2
    first = last_uses()
    assert first == [ready.world.clock(), ready.world.clock()]

    ready.world.clock.forward(minutes=4)
    me(ready, key), me(ready, token)
    assert not last_seen.waiting
    ready.world.clock.forward(minutes=1)
    me(ready, key), me(ready, token)
    last_seen.flush(database)
    assert last_uses() == [moment and moment + timedelta(minutes=5) for moment in first]


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_a_person_makes_rotates_and_revokes_a_token(house: House) -> None:
    browser = house.browser("connie")
    secret = shown(browser.post("/account/tokens", data={"name": "spreadsheet", "days": "30"}))
    roles = house.program(secret).get("/api/v1/me").json()["plans"]
    assert [plan["roles"] for plan in roles] == [["contributor"]]
    (token,) = house.world.read("connie", keys.list_tokens)

    rotated = shown(browser.post(f"/account/tokens/{token.id}/rotation"))
    assert (me(house, secret), me(house, rotated)) == (401, 200)
    assert browser.post(f"/account/tokens/{token.id}/revocation").status_code == 303
    assert me(house, rotated) == 401
    assert browser.post(f"/account/tokens/{token.id}/rotation").status_code == 409
    assert "Revoked" in browser.get("/account/tokens").text


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"name": "", "days": "30"}, "Enter a name"),
        ({"name": "x", "days": "soon"}, "number of days"),
        ({"name": "x", "days": "367"}, "1 to 366"),
    ],
)
def test_a_token_has_a_name_and_an_end(house: House, form: dict[str, str], why: str) -> None:
    answer = house.browser("petra").post("/account/tokens", data=form)

    assert answer.status_code == 422
    assert why in answer.text


def test_nobody_touches_the_token_of_another(house: House) -> None:
    house.token("connie")
    (token,) = house.world.read("connie", keys.list_tokens)
    for who in ("petra", "max"):
        with pytest.raises(NotFound):
            house.world.write(who, keys.revoke_token, token=token.id)
        with pytest.raises(NotFound):
            house.world.write(who, keys.rotate_token, token=token.id)
    with pytest.raises(Forbidden):
        house.world.write("max", keys.create_token, name="x", person="contributor@haringey.example")
    with pytest.raises(Forbidden):
        house.world.write(house.world.key_actor(Scope.PLAN_READ), keys.create_token, name="x")


def test_a_token_loses_a_role_with_its_person(house: House) -> None:
    from sqlalchemy import delete

    from app.models import Membership

    program = house.api("petra")
    path = f"/api/v1/plans/{house.world.plan}/audit-events"
    assert program.get(path).status_code == 200

    def leave_plan(uow: Any) -> None:
        petra = house.world.people["petra"].id
        uow.session.execute(delete(Membership).where(Membership.person_id == petra))  # type: ignore[arg-type]

    house.world.write(system_actor(Door.CLI), leave_plan)
    assert program.get(path).status_code == 404


def test_an_auditors_role_ends_on_its_day(house: House) -> None:
    program = house.api("ada")
    path = f"/api/v1/plans/{house.world.plan}/audit-events"
    token = house.world.write("ada", keys.create_token, name="long", days=200).secret
    program = house.program(token)
    house.world.clock.forward(days=90)
    assert program.get(path).status_code == 200  # the last day counts
    assert program.get("/api/v1/me").json()["plans"][0]["roles"] == [Role.AUDITOR.value]
    house.world.clock.forward(days=1)
    assert program.get(path).status_code == 404
    assert program.get("/api/v1/me").json()["plans"] == []


def test_the_command_line_makes_a_token_for_anybody_who_is_there(house: House) -> None:
    issued = house.world.write(
        system_actor(Door.CLI), keys.create_token, name="cli", person="Contributor@Haringey.example"
    )
    assert me(house, issued.secret) == 200
    with pytest.raises(NotFound):
        house.world.write(system_actor(Door.CLI), keys.create_token, name="cli", person="nobody@haringey.example")
