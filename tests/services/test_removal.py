"""A milestone that was added by mistake leaves its draft: on the record, without a baseline, and not out of sight."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.actors import system_actor
from app.domain.milestones import MilestoneView
from app.domain.refusals import Forbidden, Invalid, NotFound, Refused
from app.domain.words import Door, PlanState, Status
from app.services import milestones, plan_parts, plan_structure, plans
from tests.factories import World, key


def add(world: World, title: str) -> MilestoneView:
    return world.milestone(by="zoe", slug=world.other_plan, action=ACTION[world.other_plan], owner=None, title=title)


ACTION: dict[str, str] = {}


def begin(world: World) -> None:
    theme = world.write("zoe", plan_parts.add_theme, slug=world.other_plan, title="All of it").id
    ACTION[world.other_plan] = world.write(
        "zoe", plan_parts.add_action, slug=world.other_plan, theme=theme, title="Do it"
    ).id


def remove(world: World, view: MilestoneView, *, by: str = "zoe", reason: str = "Added twice") -> Any:
    return world.write(by, milestones.remove, milestone=key(view), reason=reason)


def titles(world: World) -> list[str]:
    found = world.read("zoe", plan_structure.read_structure, slug=world.other_plan)
    return [one.title for theme in found.themes for action in theme.actions for one in action.milestones]


def test_what_is_removed_from_a_draft_gets_no_baseline_and_its_reference_is_not_given_out_again(world: World) -> None:
    begin(world)
    kept, twice = add(world, "Rota"), add(world, "Rota again")
    assert world.seen(twice, by="zoe").may.remove
    removed = remove(world, twice)
    assert removed.row.status is Status.CANCELLED
    assert titles(world) == ["Rota"]
    assert world.read("zoe", plan_structure.read_draft, slug=world.other_plan).milestones == 1
    assert add(world, "Another").row.ref not in (kept.row.ref, twice.row.ref)
    world.write(system_actor(Door.CLI), plans.approve_plan, slug=world.other_plan, body="B", meeting="M")
    seen = world.seen(twice, by="zoe")
    assert (seen.row.status, seen.row.baseline_date) == (Status.CANCELLED, None)
    assert world.seen(kept, by="zoe").row.baseline_date == kept.row.due_date
    assert "milestone_removed" in [line.event for line in seen.audit]
    assert "Added twice" in [entry.narrative for entry in seen.timeline]


def test_what_was_removed_is_not_what_a_plan_is_approved_with(world: World) -> None:
    begin(world)
    remove(world, add(world, "Rota"))
    with pytest.raises(Refused) as refused:
        world.write(system_actor(Door.CLI), plans.approve_plan, slug=world.other_plan, body="B", meeting="M")
    assert refused.value.codes == ("plan_empty",)


def test_what_was_approved_is_cancelled_by_a_change_request_only(world: World) -> None:
    view = world.milestone()
    assert not world.seen(view).may.remove
    with pytest.raises(Refused) as refused:
        remove(world, view, by="petra")
    assert refused.value.codes == ("plan_approved",)
    assert world.seen(view).row.status is Status.NOT_STARTED
    begin(world)
    draft = add(world, "Rota")
    with pytest.raises(Invalid):
        remove(world, draft, reason="\u200b")
    with pytest.raises(NotFound):
        remove(world, draft, by="petra")
    with pytest.raises(Forbidden):
        remove(world, view, by="connie")
    remove(world, draft)
    with pytest.raises(Refused) as refused:
        remove(world, draft)
    assert refused.value.codes == ("already_cancelled",)
    assert world.read("zoe", plans.get_plan, slug=world.other_plan).state is PlanState.DRAFT
