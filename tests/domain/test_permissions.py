"""Who may do what: the table of the product, cell by cell, and that it fails closed."""

import pytest

from app.domain.actors import Actor, system_actor
from app.domain.permissions import (
    ANYWHERE,
    Act,
    Item,
    may,
    may_know_all,
    plans_known,
    plans_readable,
    require,
    sees_withheld_count,
)
from app.domain.refusals import Forbidden
from app.domain.words import Role, Scope

PLAN = "plan"
ROLES = {
    "O": Role.OBSERVER,
    "C": Role.CONTRIBUTOR,
    "M": Role.PROGRAMME_MANAGER,
    "S": Role.SENIOR_OFFICER,
    "A": Role.AUDITOR,
}


def person(*roles: Role, organisation: str = "council", leads: bool = False, administrator: bool = False) -> Actor:
    return Actor(
        kind="person",
        id="me",
        title="Somebody",
        organisation_id=organisation,
        administrator=administrator,
        roles={PLAN: frozenset(roles)} if roles else {},
        led_plans=frozenset({PLAN}) if leads else frozenset(),
    )


NOT_MINE = Item(plan_id=PLAN, owner_id="other", organisations=frozenset({"elsewhere"}))
MINE = Item(plan_id=PLAN, owner_id="me", organisations=frozenset({"elsewhere"}))
OURS = Item(plan_id=PLAN, owner_id="other", organisations=frozenset({"council"}))

# act: who may do it to anything, to what is their own, to what is their organisation's, as the product's table says.
TABLE = {
    Act.READ_PLAN: ("CMSA", "CMSA", "CMSA"),
    Act.READ_AUDIT: ("MSA", "CMSA", "CMSA"),
    Act.CHECK_HONESTY: ("MA", "MA", "MA"),
    Act.EDIT_PLAN: ("M", "M", "M"),
    Act.UPDATE: ("M", "CMS", "CM"),
    Act.DECLARE: ("MS", "CMS", "CMS"),
    Act.LIFT_DECLARATION: ("S", "S", "S"),
    Act.ATTACH: ("CMS", "CMS", "CMS"),
    Act.OPEN_FILE: ("MSA", "MSA", "CMSA"),
    Act.ADD_VERSION: ("MS", "MS", "CMS"),
    Act.WITHDRAW: ("MS", "MS", "CMS"),
    Act.REVIEW: ("MS", "MS", "MS"),
    Act.PROPOSE_RECORD: ("M", "M", "M"),
    Act.DECIDE_RECORD: ("S", "S", "S"),
    Act.SUBMIT: ("CMS", "CMS", "CMS"),
    Act.RELEASE_UPLOAD: ("CMS", "CMS", "CMS"),
    Act.TRIAGE: ("MS", "MS", "MS"),
    Act.ACHIEVE: ("M", "M", "M"),
    Act.RETURN: ("M", "CMS", "M"),
    Act.REOPEN: ("M", "M", "M"),
    Act.REQUEST_CHANGE: ("CM", "CM", "CM"),
    Act.DECIDE_CHANGE: ("S", "S", "S"),
    Act.ACCEPT_EXCEPTION: ("S", "S", "S"),
    Act.APPROVE_PLAN: ("S", "S", "S"),
    Act.EXPORT: ("CMSA", "CMSA", "CMSA"),
    Act.SAVE_VIEW: ("CMSA", "CMSA", "CMSA"),
    Act.SHARE_VIEW: ("MS", "MS", "MS"),
    Act.MANAGE_MEMBERSHIPS: ("M", "M", "M"),
    Act.MANAGE_PARTNER_KEYS: ("M", "M", "M"),
    Act.ADMINISTER: ("", "", ""),
}


def test_every_act_has_a_row() -> None:
    assert set(TABLE) == set(Act) == set(ANYWHERE)


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("letter", ROLES)
def test_the_table(act: Act, letter: str) -> None:
    actor = person(ROLES[letter])
    for item, allowed in zip((NOT_MINE, MINE, OURS), TABLE[act], strict=True):
        assert may(actor, act, item) is (letter in allowed), (act, letter, item)


def test_who_declared_may_lift_it() -> None:
    mine = Item(plan_id=PLAN, declared_by="me")
    assert may(person(Role.CONTRIBUTOR), Act.LIFT_DECLARATION, mine)
    assert not may(person(Role.AUDITOR), Act.LIFT_DECLARATION, mine)
    assert not may(person(), Act.LIFT_DECLARATION, mine)


def test_roles_are_per_plan_and_nothing_is_allowed_without_one() -> None:
    elsewhere = Item(plan_id="another", owner_id="me", organisations=frozenset({"council"}))
    for act in Act:
        assert not may(person(*Role), act, elsewhere)
        assert not may(person(), act, MINE)
        assert not may(Actor(kind="ghost", id="me", title="?", roles={PLAN: frozenset(Role)}), act, MINE)


def test_an_administrator_manages_people_and_reads_no_plan() -> None:
    actor = person(administrator=True)
    allowed = {act for act in Act if may(actor, act, MINE)}
    assert allowed == {Act.ADMINISTER, Act.MANAGE_MEMBERSHIPS}


def test_a_key_does_what_its_scopes_say_in_the_plans_it_names() -> None:
    key = Actor(kind="key", id="k", title="Key", scopes=frozenset({Scope.EVIDENCE_WRITE}), plans=frozenset({PLAN}))
    assert {act for act in Act if may(key, act, NOT_MINE)} == {Act.ATTACH, Act.ADD_VERSION, Act.SUBMIT}
    assert not may(key, Act.ATTACH, Item(plan_id="another"))
    with pytest.raises(Forbidden, match="plan:read"):
        require(key, Act.READ_PLAN, NOT_MINE)
    with pytest.raises(Forbidden, match="Ask a person"):
        require(key, Act.ACHIEVE, NOT_MINE)


def test_a_refused_person_is_told_who_may() -> None:
    with pytest.raises(Forbidden, match="It takes a programme manager"):
        require(person(Role.AUDITOR), Act.ACHIEVE, MINE)
    with pytest.raises(Forbidden, match="It takes an administrator"):
        require(person(Role.AUDITOR), Act.ADMINISTER, MINE)
    require(system_actor(), Act.ADMINISTER, MINE)


def test_who_may_know_of_everything() -> None:
    assert may_know_all(person(Role.PROGRAMME_MANAGER), PLAN)
    assert may_know_all(person(Role.AUDITOR), PLAN)
    assert may_know_all(person(Role.SENIOR_OFFICER, leads=True), PLAN)
    assert not may_know_all(person(Role.SENIOR_OFFICER), PLAN)
    assert not may_know_all(person(Role.CONTRIBUTOR, leads=True), PLAN)
    assert may_know_all(system_actor(), PLAN)


def test_only_another_organisations_officer_sees_the_number_withheld() -> None:
    assert sees_withheld_count(person(Role.SENIOR_OFFICER), PLAN)
    assert not sees_withheld_count(person(Role.SENIOR_OFFICER, leads=True), PLAN)
    assert not sees_withheld_count(person(Role.CONTRIBUTOR), PLAN)


def test_which_plans_are_known_and_read() -> None:
    assert plans_known(person(Role.OBSERVER)) == {PLAN}
    assert plans_readable(person(Role.OBSERVER)) == frozenset()
    assert plans_readable(person(Role.AUDITOR)) == {PLAN}
    key = Actor(kind="key", id="k", title="Key", scopes=frozenset({Scope.EVIDENCE_WRITE}), plans=frozenset({PLAN}))
    assert plans_known(key) == {PLAN}
    assert plans_readable(key) == frozenset()
