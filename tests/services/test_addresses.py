"""A plan's name and address: changed by its programme manager; old addresses lead on, and no other plan takes them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.db import Database
from app.domain.milestones import MilestoneKey
from app.domain.refusals import Forbidden, Invalid, Moved, NotFound, Refused, Stale
from app.services import audit_events, keys, milestones, plan_structure, plans
from app.services.plan_structure import PartKey
from tests.factories import COUNCIL, World


def rename(world: World, slug: str, *, who: str = "petra", at: str = "", **changes: Any) -> Any:
    given = {"slug": slug, **changes}
    return world.write(who, plans.edit_plan, slug=at or world.plan, changes=given, if_match=None)


def create(world: World, slug: str) -> Any:
    return world.write("max", plans.create_plan, slug=slug, title="Another", organisation=COUNCIL)


def test_a_plan_gets_another_name_and_address_and_the_trail_says_both(world: World) -> None:
    view = rename(world, "childrens-plan", title="Children’s Plan")

    assert (view.slug, view.title) == ("childrens-plan", "Children’s Plan")
    newest = world.read("ada", audit_events.list_events, slug="childrens-plan", limit=1)[0][0]
    assert newest.facts == {"slug": ["safeguarding-plan", "childrens-plan"]}
    assert newest.texts == {"title": "Children’s Plan"}


def test_every_old_address_leads_on_for_who_knows_the_plan(world: World) -> None:
    rename(world, "second")
    rename(world, "third", at="second")
    reads: list[tuple[str, Any, dict[str, Any]]] = [
        ("ada", plans.get_plan, {"slug": "safeguarding-plan"}),
        ("petra", plans.get_plan, {"slug": "second"}),
        ("max", plans.get_plan, {"slug": "second"}),
        ("connie", milestones.get_milestone, {"milestone": MilestoneKey(plan="second", ref="M-01")}),
        ("connie", plan_structure.read_structure, {"slug": "second"}),
        ("connie", plan_structure.get_theme, {"theme": PartKey(plan="safeguarding-plan", ref="T-01")}),
        ("petra", keys.plan_keys, {"slug": "second"}),
    ]
    for who, service, given in reads:
        with pytest.raises(Moved) as moved:
            world.read(who, service, **given)
        assert moved.value.new == "third"
    with pytest.raises(Moved):
        rename(world, "fourth", at="second")


def test_a_stranger_learns_nothing_from_an_old_address(world: World) -> None:
    rename(world, "second")
    for slug in ("safeguarding-plan", "second", "never"):
        with pytest.raises(NotFound):
            world.read("zoe", plans.get_plan, slug=slug)


def test_an_address_is_never_taken_by_another_plan(world: World) -> None:
    rename(world, "second")
    for slug in ("second", "safeguarding-plan", "new", "Not an address", ""):
        with pytest.raises(Invalid) as wrong:
            create(world, slug)
        assert [error.pointer for error in wrong.value.errors] == ["/slug"]
    with pytest.raises(Invalid):
        rename(world, "other-plan", at="second")
    assert rename(world, "safeguarding-plan", at="second").slug == "safeguarding-plan"  # and its own one back


def test_it_takes_a_programme_manager_an_open_plan_and_the_version_that_is_there(world: World) -> None:
    for who in ("connie", "sam", "ada", "max"):
        with pytest.raises(Forbidden):
            rename(world, "mine", who=who)
    with pytest.raises(Stale):
        world.write("petra", plans.edit_plan, slug=world.plan, changes={"slug": "mine"}, if_match="0")
    world.close()
    with pytest.raises(Refused) as refused:
        rename(world, "mine")
    assert refused.value.codes == ("plan_closed",)


def test_the_same_name_again_is_no_change(world: World) -> None:
    before = world.read("petra", plans.get_plan, slug=world.plan).version
    assert rename(world, world.plan, title="Safeguarding Plan").version == before


def test_two_at_once_never_share_an_address(world: World, database: Database) -> None:
    def attempt(slug: str) -> str:
        try:
            return str(create(world, slug).slug)
        except Invalid:
            return "taken"

    with ThreadPoolExecutor(max_workers=3) as pool:
        found = list(pool.map(attempt, ["fresh"] * 3))
    assert sorted(found) == ["fresh", "taken", "taken"]
