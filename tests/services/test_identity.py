"""Who stands behind a session, a token or a key, on both databases."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import insert, update

from app.db import UnitOfWork
from app.domain.actors import Actor, system_actor
from app.domain.ids import new_id
from app.domain.refusals import Invalid, NotFound, Refused, Unauthenticated
from app.domain.words import Door, Role, Scope
from app.models import Membership, Person
from app.services import identity, keys, people
from app.services.identity import Identity, Limits
from tests.factories import COUNCIL, POLICE, World

LIMITS = Limits(idle=timedelta(hours=1), absolute=timedelta(hours=12))
SYSTEM = system_actor(Door.CLI)


def session(world: World, who: str) -> str:
    return world.write(SYSTEM, identity.open_session, person_id=world.people[who].id, limits=LIMITS)


def by_session(world: World, token: str) -> Identity:
    return world.read(identity.NOBODY, identity.actor_from_session, token=token, idle=LIMITS.idle)


def by_bearer(world: World, token: str) -> Identity:
    return world.read(identity.NOBODY, identity.actor_from_bearer, token=token)


def same(actor: Actor, expected: Actor) -> bool:
    """Whether identity makes the actor that the factories made by hand."""
    facts = ("kind", "id", "title", "organisation_id", "organisation_slug", "administrator", "roles", "led_plans")
    return all(getattr(actor, fact) == getattr(expected, fact) for fact in facts)


def test_a_session_names_its_person_with_every_role(world: World) -> None:
    for who in ("petra", "sam", "pol", "nora", "olive", "ada", "max", "zoe"):
        found = by_session(world, session(world, who))
        assert same(found.actor, world.people[who]), who
        assert found.actor.door is Door.PAGE
        assert found.actor.session_id == found.credential_id


def test_a_token_acts_with_the_roles_of_its_person(world: World) -> None:
    issued = world.write("petra", keys.create_token, name="test")
    found = by_bearer(world, issued.secret)

    assert same(found.actor, world.people["petra"])
    assert (found.actor.door, found.actor.session_id) == (Door.API, "")


def test_a_person_may_hold_several_roles(world: World) -> None:
    def add(uow: UnitOfWork) -> None:
        values = {"person_id": world.people["petra"].id, "plan_id": world.plan_id, "role": Role.CONTRIBUTOR}
        uow.session.execute(insert(Membership).values(id=new_id(), created_at=uow.now, **values))

    world.write(SYSTEM, add)
    actor = by_session(world, session(world, "petra")).actor
    assert actor.roles_in(world.plan_id) == {Role.PROGRAMME_MANAGER, Role.CONTRIBUTOR}


def test_only_a_plan_of_ones_own_organisation_is_led(world: World) -> None:
    assert by_session(world, session(world, "sam")).actor.led_plans == {world.plan_id}
    assert by_session(world, session(world, "nora")).actor.led_plans == frozenset()


def test_a_key_names_its_plans_and_scopes(world: World) -> None:
    world.write(SYSTEM, keys.set_front_door, contact="Call us")
    plans, scopes = [world.plan, world.other_plan], ["plan:read", "evidence:write", "plan:read"]
    issued = world.write(SYSTEM, keys.create_key, organisation=POLICE, plans=plans, scopes=scopes, days=30)
    actor = by_bearer(world, issued.secret).actor

    assert (actor.kind, actor.organisation_slug, actor.door) == ("key", POLICE, Door.API)
    assert actor.scopes == {Scope.PLAN_READ, Scope.EVIDENCE_WRITE}
    assert len(actor.plans) == 2
    assert world.plan_id in actor.plans
    assert actor.roles == {}


def test_an_ended_role_is_left_out_and_its_last_day_counts(world: World) -> None:
    token = world.write("ada", keys.create_token, name="test", days=300).secret
    world.clock.forward(days=90)
    assert by_bearer(world, token).actor.roles_in(world.plan_id) == {Role.AUDITOR}
    world.clock.forward(days=1)
    assert by_bearer(world, token).actor.roles == {}


def test_who_has_left_is_nobody_from_that_day(world: World) -> None:
    opened = session(world, "connie")
    token = world.write("connie", keys.create_token, name="test").secret

    def leave(uow: UnitOfWork, on: date) -> None:
        connie = world.people["connie"].id
        uow.session.execute(update(Person).where(Person.id == connie).values(left_on=on))  # type: ignore[arg-type]

    world.write(SYSTEM, leave, on=world.clock.today + timedelta(days=1))
    assert by_session(world, opened).actor.id == world.people["connie"].id
    world.write(SYSTEM, leave, on=world.clock.today)
    for look, secret in ((by_session, opened), (by_bearer, token)):
        with pytest.raises(Unauthenticated):
            look(world, secret)


@pytest.mark.parametrize(
    "nonsense", ["", "wms_", "wmt_x", "wmk_" + "x" * 43, "nonsense", "wms_\udcff", "wms_" + "é" * 20]
)
def test_nonsense_is_nobody(world: World, nonsense: str) -> None:
    for look in (by_session, by_bearer):
        with pytest.raises(Unauthenticated):
            look(world, nonsense)


def test_one_kind_of_secret_does_not_do_for_another(world: World) -> None:
    with pytest.raises(Unauthenticated):
        by_bearer(world, session(world, "petra"))
    with pytest.raises(Unauthenticated):
        by_session(world, world.write("petra", keys.create_token, name="test").secret)


def test_a_session_ends_by_idling_by_age_and_by_hand(world: World) -> None:
    idle, ended = session(world, "petra"), session(world, "petra")
    world.write(
        SYSTEM, identity.close_sessions, person_id=world.people["petra"].id, only=by_session(world, ended).credential_id
    )
    with pytest.raises(Unauthenticated):
        by_session(world, ended)
    world.clock.forward(minutes=59, seconds=59)
    assert by_session(world, idle).actor.is_person
    world.clock.forward(seconds=1)
    with pytest.raises(Unauthenticated):
        by_session(world, idle)


def test_last_uses_never_move_back(world: World) -> None:
    opened = session(world, "petra")
    session_id = by_session(world, opened).credential_id
    later = world.clock() + timedelta(minutes=30)
    world.write(SYSTEM, identity.record_last_use, uses={("session", session_id): later})
    world.write(SYSTEM, identity.record_last_use, uses={("session", session_id): world.clock()})

    assert by_session(world, opened).used_at == later


def test_a_password_changed_while_it_was_checked_opens_nothing(world: World) -> None:
    from app.services.passwords import Verdict

    world.write(SYSTEM, identity.set_password, person_id=world.people["petra"].id, password_hash="old")
    account = world.read(identity.NOBODY, identity.find_account, email="programme.manager@haringey.example")
    assert account is not None
    world.write(SYSTEM, identity.set_password, person_id=world.people["petra"].id, password_hash="new")
    with pytest.raises(Unauthenticated):
        world.write(
            identity.NOBODY,
            identity.sign_in,
            account=account,
            verdict=Verdict(right=True),
            limits=LIMITS,
            browser="",
            replaces="",
        )


def test_people_and_organisations_are_added_once(world: World) -> None:
    added = world.write(SYSTEM, people.create_organisation, slug="ofsted", name="Ofsted", kind="other")
    invited = world.write(
        SYSTEM, people.create_person, email="Inspector@Ofsted.gov.uk", post_title="Inspector", organisation=added.slug
    )
    assert invited.email == "inspector@ofsted.gov.uk"
    assert invited.expires_at - world.clock() == timedelta(hours=72)
    with pytest.raises(Refused, match="already an organisation"):
        world.write(SYSTEM, people.create_organisation, slug="ofsted", name="Another")
    with pytest.raises(Invalid):
        world.write(SYSTEM, people.create_organisation, slug="Not A Slug", name="", kind="club")
    with pytest.raises(NotFound):
        world.write(SYSTEM, people.invite_again, email="nobody@ofsted.gov.uk")
    assert COUNCIL in {organisation.slug for organisation in world.read("petra", people.list_organisations)}
