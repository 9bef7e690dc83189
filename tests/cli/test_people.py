"""Organisations, people, and what lets them in."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.actors import system_actor
from app.domain.refusals import NotFound
from app.domain.words import Role, Scope
from app.models import AuditEvent
from app.services import identity, keys
from app.services.personal_data import search_terms
from tests.cli.conftest import Waymark
from tests.factories import COUNCIL, NHS, POLICE, World


def invitation(world: World, address: str) -> identity.InvitationView:
    """What the address that a command printed lets in."""
    origin, token = address.rsplit("/invitations/", 1)
    assert origin == "http://127.0.0.1:8000"
    return world.read(system_actor(), identity.find_invitation, token=token)


def test_an_organisation_is_added_and_listed(plan: World, waymark: Waymark) -> None:
    assert waymark("organisation", "add", "met-office", "The Met Office", "--kind", "other").status == 0
    listed = waymark("organisation", "list").out.splitlines()
    assert "met-office\tThe Met Office" in listed
    assert len(listed) == 4


@pytest.mark.parametrize(
    ("slug", "said"), [(COUNCIL, f"There is already an organisation called {COUNCIL}."), ("Big Name", "small letters")]
)
def test_an_organisation_that_cannot_be_added(plan: World, waymark: Waymark, slug: str, said: str) -> None:
    assert said in waymark.refused("organisation", "add", slug, "Some name")


def test_a_person_sets_a_password_at_the_address_on_the_last_line(plan: World, waymark: Waymark) -> None:
    result = waymark("person", "add", "New.Head@haringey.example", "--title", "Head", "--organisation", COUNCIL)

    view = invitation(plan, result.last_line)
    assert result.status == 0
    assert (view.account.email, view.account.post_title) == ("new.head@haringey.example", "Head")
    assert timedelta(hours=71) < view.expires_at - plan.clock() < timedelta(hours=73)
    assert result.out == f"{result.last_line}\n", "a program gets the address and nothing else"


def test_people_are_added_on_the_record_through_the_door_of_the_command_line(plan: World, waymark: Waymark) -> None:
    waymark("person", "add", "a@haringey.example", "--title", "Head", "--organisation", COUNCIL, "--administrator")
    event = plan.read(
        "max",
        lambda uow: uow.session.execute(select(AuditEvent).where(AuditEvent.event == "person_added")).scalar_one(),  # type: ignore[arg-type]
    )
    assert (event.door, event.actor_kind, '"administrator"' in event.facts) == ("cli", "system", True)


def test_a_person_that_cannot_be_added(plan: World, waymark: Waymark) -> None:
    add = ("person", "add")
    assert waymark.refused(*add, "x@y.example", "--title", "T", "--organisation", "nobody") == (
        "There is no organisation nobody."
    )
    assert "email address" in waymark.refused(*add, "not an address", "--title", "T", "--organisation", COUNCIL)
    assert "already a person" in waymark.refused(
        *add, "contributor@haringey.example", "--title", "T", "--organisation", COUNCIL
    )


def test_a_new_invitation_replaces_the_one_that_was_lost(plan: World, waymark: Waymark) -> None:
    lost = waymark("person", "add", "new@haringey.example", "--title", "Head", "--organisation", COUNCIL).last_line
    again = waymark("person", "invite", "new@haringey.example").last_line

    assert invitation(plan, again).account.email == "new@haringey.example"
    with pytest.raises(NotFound):
        invitation(plan, lost)
    assert waymark.refused("person", "invite", "who@haringey.example") == "There is no person who@haringey.example."


def test_who_left_is_let_in_no_more(plan: World, waymark: Waymark) -> None:
    token = waymark("token", "create", "--person", "contributor@haringey.example").last_line
    yesterday = (plan.clock.today - timedelta(days=1)).isoformat()

    assert waymark("person", "leave", "contributor@haringey.example", "--on", yesterday).status == 0

    assert not works(plan, token)
    tomorrow = (plan.clock.today + timedelta(days=2)).isoformat()
    assert "today or a day before" in waymark.refused("person", "leave", "lead@nhs.example", "--on", tomorrow)


def works(world: World, secret: str) -> bool:
    try:
        identity_of(world, secret)
    except Exception:  # noqa: BLE001 - whatever it is, it lets nobody in
        return False
    return True


def identity_of(world: World, secret: str) -> identity.Identity:
    return world.read(system_actor(), identity.actor_from_bearer, token=secret)


def test_a_token_acts_with_its_persons_roles(plan: World, waymark: Waymark) -> None:
    result = waymark("token", "create", "--person", "programme.manager@haringey.example", "--days", "7")

    found = identity_of(plan, result.last_line)
    assert (result.status, found.credential, found.actor.id) == (0, "token", plan.people["petra"].id)
    assert found.actor.roles[plan.plan_id] == frozenset({Role.PROGRAMME_MANAGER})
    assert result.out == f"{result.last_line}\n"
    plan.clock.forward(days=7, minutes=5)
    assert not works(plan, result.last_line)


def test_a_token_that_cannot_be_created(plan: World, waymark: Waymark) -> None:
    create = ("token", "create", "--person")
    assert waymark.refused(*create, "who@haringey.example") == "There is no person who@haringey.example."
    assert "from 1 to 366" in waymark.refused(*create, "analyst@police.example", "--days", "0")


CREATE = ("key", "create", "--organisation", POLICE, "--plan", "safeguarding-plan", "--expires", "30")


def test_no_key_before_the_front_door_contact_is_set(plan: World, waymark: Waymark) -> None:
    said = waymark.refused(*CREATE, "--scope", "evidence:write")
    assert "front-door contact" in said
    assert 'waymark setting set front_door "…"' in said


@pytest.fixture
def front_door(plan: World, waymark: Waymark) -> None:
    assert waymark("setting", "set", "front_door", "Call 020 7946 0000").status == 0


def test_the_front_door_contact_is_what_was_set(plan: World, waymark: Waymark, front_door: None) -> None:
    assert plan.read("max", keys.front_door) == "Call 020 7946 0000"
    assert waymark.refused("setting", "set", "front_door", "  ") == "Enter the front-door contact."


@pytest.mark.parametrize(
    "scopes",
    [
        ("--scope", "evidence:write", "--scope", "plan:read"),
        ("--scope", "evidence:write", "plan:read"),
        ("--scope", "evidence:write,plan:read"),
    ],
    ids=" ".join,
)
def test_a_key_opens_its_plans_with_its_scopes(
    plan: World, waymark: Waymark, front_door: None, scopes: tuple[str, ...]
) -> None:
    result = waymark(*CREATE, "--plan", "other-plan", *scopes, "--name", "Records system")

    found = identity_of(plan, result.last_line)
    assert (found.credential, found.actor.title, found.actor.organisation_slug) == ("key", "Records system", POLICE)
    assert found.actor.scopes == {Scope.EVIDENCE_WRITE, Scope.PLAN_READ}
    assert plan.plan_id in found.actor.plans
    assert len(found.actor.plans) == 2
    assert result.out == f"{result.last_line}\n"
    plan.clock.forward(days=30, minutes=5)
    assert not works(plan, result.last_line)


def test_a_key_that_cannot_be_created(plan: World, waymark: Waymark, front_door: None) -> None:
    create = ("key", "create", "--organisation")
    assert "Choose one or more of" in waymark.refused(*CREATE, "--scope", "everything")
    assert waymark.refused(*create, NHS, "--plan", "no-plan", "--scope", "plan:read") == "There is no plan no-plan."
    assert waymark.refused(*create, "nobody", "--plan", "other-plan", "--scope", "plan:read") == (
        "There is no organisation nobody."
    )
    assert "from 1 to 366" in waymark.refused(*CREATE[:-1], "500", "--scope", "plan:read")


def test_how_an_organisation_writes_its_case_numbers_is_set_and_can_be_nothing_slow(
    plan: World, waymark: Waymark
) -> None:
    assert waymark("organisation", "case-numbers", COUNCIL, "LCS-######").status == 0
    assert plan.read("petra", search_terms).case_patterns == ("LCS-######",)
    assert "# stands for any digit" in waymark.refused("organisation", "case-numbers", COUNCIL, "(a+)+$")
    assert "no organisation called nobody" in waymark.refused("organisation", "case-numbers", "nobody", "LCS-####")
    assert waymark("organisation", "case-numbers", COUNCIL, "").status == 0
    assert plan.read("petra", search_terms).case_patterns == ()
