"""The same words sent twice by one press too many are kept once; said again a fortnight later they are news."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.domain.honesty import Check
from app.domain.milestones import MilestoneView
from app.domain.words import Rag
from app.services import honesty, milestones, updates
from tests.factories import World, key


def say(world: World, view: MilestoneView, *, by: str = "connie", **said: Any) -> Any:
    given = {"narrative": "Two of four courses held", "issue": "No rooms", **said}
    return world.write(by, updates.add_update, milestone=key(view), **given)


def kept(world: World, view: MilestoneView) -> int:
    return len(world.read("petra", updates.list_updates, milestone=key(view))[0])


def test_what_is_sent_again_at_once_is_kept_once_whatever_version_it_names(world: World) -> None:
    view, today = world.milestone(), world.clock.today
    whole: dict[str, Any] = {
        "forecast_date": today + timedelta(days=30),
        "declared_rag": Rag.AMBER,
        "rationale": "Slow",
    }
    first = say(world, view, if_match=world.seen(view).row.version, **whole)
    world.clock.forward(minutes=9)
    again = say(world, view, if_match=view.row.version, **whole)
    assert (again.id, again.sent_again, first.sent_again, kept(world, view)) == (first.id, True, False, 1)
    assert say(world, view, by="petra", **whole).id != first.id
    assert kept(world, view) == 2


def test_said_later_or_after_something_happened_it_is_an_update_of_its_own(world: World) -> None:
    view = world.milestone()
    first = say(world, view, declared_rag=Rag.RED, rationale="Nobody is there")
    world.write("connie", milestones.lift_declaration, milestone=key(view), reason="They are back")
    assert say(world, view, declared_rag=Rag.RED, rationale="Nobody is there").id != first.id
    assert say(world, view, issue="No money").id != first.id
    world.clock.forward(days=14)
    assert not say(world, view, issue="No money").sent_again
    assert kept(world, view) == 4
    report = world.read("petra", honesty.honesty_checks, slug=world.plan, check=Check.SAME_WORDS)
    assert [group.count for group in report.groups] != [0]


def test_no_change_and_a_declaration_alone_are_kept_once_too(world: World) -> None:
    view = world.milestone()
    say(world, view)
    nothing: dict[str, Any] = {"narrative": None, "no_change": True}
    ids = {say(world, view, **nothing).id for _ in range(2)}
    declared: dict[str, Any] = {"declared_rag": Rag.RED, "rationale": "Off track", "milestone": key(view)}
    ids |= {world.write("sam", updates.add_update, **declared).id for _ in range(2)}
    assert (len(ids), kept(world, view)) == (2, 3)
