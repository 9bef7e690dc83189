"""What changed in a plan since a day, as both databases count it and as each reader may know of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from app.domain.milestones import MilestoneView
from app.domain.plan_changes import Change, PlanChanges, change_of
from app.domain.refusals import Forbidden, Invalid, NotFound
from app.domain.words import CancellationGround, ChangeKind, Rag, Scope
from app.models import Milestone
from app.models.milestone_rows import milestone_rows
from app.services import change_requests, meetings, milestones, plan_changes, plans, updates
from tests.factories import World, key


def changes(world: World, since: date | None = None, who: str = "petra") -> PlanChanges:
    found = world.read(who, plan_changes.get_changes, slug=world.plan, since=since)
    assert found is not None
    return found


def refs(found: PlanChanges, change: Change) -> dict[str, str]:
    """{reference: reason} of a group, of which everything is shown."""
    [group] = [group for group in found.groups if group.change is change]
    assert group.total == len(group.items)
    return {item.ref: item.reason for item in group.items}


def late(world: World, **facts: Any) -> MilestoneView:
    """A milestone that turns Red tomorrow."""
    return world.milestone(due_date=world.clock.today, start_date=world.clock.today, **facts)


def moved(world: World, view: MilestoneView, **what: Any) -> None:
    given = {"kind": ChangeKind.DUE_DATE, "reason": "The panel moved", **what}
    request = world.write("petra", change_requests.request_change, milestone=key(view), **given)
    world.write("sam", change_requests.decide_change, change_request=request.id, outcome="approved", reason="Agreed")


def fortnight(world: World) -> dict[str, MilestoneView]:
    """A milestone for each way that one can go, decided over two weeks."""
    names = ("stays", "achieved", "reported", "moved", "cancelled", "lifted", "by_green", "quiet")
    there = {name: late(world, title=name) for name in names[:5]}
    for name in names[5:]:
        there[name] = world.milestone(title=name, due_date=world.clock.today + timedelta(days=90))
    for name in ("lifted", "by_green"):
        world.write("connie", updates.add_update, milestone=key(there[name]), narrative="Short of people",
                    declared_rag=Rag.RED, rationale="Two posts are vacant")  # fmt: skip
    world.write("connie", updates.add_update, milestone=key(there["moved"]), narrative="Begun")
    world.clock.forward(days=3)
    there["worse"] = world.milestone(title="worse", due_date=world.clock.today + timedelta(days=2))
    world.write("connie", updates.add_update, milestone=key(there["worse"]), narrative="Slow", declared_rag=Rag.AMBER,
                rationale="Slow")  # fmt: skip
    there["new"] = late(world, title="new")
    world.clock.forward(days=2)
    since = world.clock.today
    world.achieved(there["achieved"])
    world.completed(there["reported"])
    world.attached(there["reported"])
    moved(world, there["moved"], due_date=since + timedelta(days=60))
    moved(world, there["cancelled"], kind=ChangeKind.CANCELLATION, ground=CancellationGround.NO_LONGER_NEEDED)
    world.write("connie", milestones.lift_declaration, milestone=key(there["lifted"]), reason="Posts are filled")
    world.write("connie", updates.add_update, milestone=key(there["by_green"]), narrative="Filled",
                declared_rag=Rag.GREEN, rationale="Filled",)  # fmt: skip
    there["newer"] = late(world, title="newer")
    world.clock.forward(days=2)
    return there


def test_each_way_that_a_milestone_goes_has_its_group_and_its_reason(world: World) -> None:
    there = fortnight(world)
    ref = {name: view.row.ref for name, view in there.items()}
    since = world.clock.today - timedelta(days=2)
    found = changes(world, since)
    assert list(refs(found, Change.WORSE)) == [ref["worse"]]
    assert list(refs(found, Change.NEW)) == [ref["newer"]]
    assert refs(found, Change.BETTER) == {ref["achieved"]: "Achieved", ref["reported"]: "Back on track"}
    assert refs(found, Change.LEFT) == {
        ref["moved"]: "Its date was moved",
        ref["cancelled"]: "It was cancelled",
        ref["lifted"]: "Its declaration was lifted",
        ref["by_green"]: "Its declaration was lifted",
    }
    assert (found.same, found.moved) == (4, 1)
    assert refs(changes(world, world.clock.today), Change.LEFT) == {}


def test_the_rule_and_its_sql_say_the_same_of_every_milestone(world: World) -> None:
    fortnight(world)
    today, now = world.clock.today, world.clock.now

    def every(uow: Any) -> list[Any]:
        return list(uow.session.execute(milestone_rows().where(Milestone.plan_id == world.plan_id)).all())

    rows = world.read("petra", every)
    for days in range(6):
        since = today - timedelta(days=days)
        expected = [change_of(row, since=since, now=now) for row in rows]
        found = changes(world, since)
        for group in found.groups:
            assert group.total == expected.count(group.change), (since, group.change)
        assert found.same == expected.count(Change.SAME)


def test_what_came_and_went_within_a_day_was_on_no_list(world: World) -> None:
    view = world.milestone()
    world.write("connie", updates.add_update, milestone=key(view), narrative="Short", declared_rag=Rag.RED,
                rationale="Short")  # fmt: skip
    world.write("connie", milestones.lift_declaration, milestone=key(view), reason="A mistake")
    assert refs(changes(world), Change.LEFT) == {}


def test_a_milestone_that_a_change_of_the_plan_takes_off_the_list_is_not_better(world: World) -> None:
    world.write("petra", meetings.add_meeting, slug=world.plan, on=world.clock.today + timedelta(days=3))
    world.write("petra", meetings.add_meeting, slug=world.plan, on=world.clock.today + timedelta(days=5))
    third = world.write("petra", meetings.add_meeting, slug=world.plan, on=world.clock.today + timedelta(days=7))
    view = world.milestone(due_date=world.clock.today + timedelta(days=200))
    world.write("connie", updates.add_update, milestone=key(view), narrative="On our way")
    world.clock.forward(days=8)
    assert view.row.ref in refs(changes(world), Change.NEW)
    later = world.clock.today + timedelta(days=20)
    world.write("petra", meetings.move_meeting, meeting=third.id, on=later, reason="Half term")
    left = refs(changes(world), Change.LEFT)
    assert left[view.row.ref] == "The plan’s settings or review meetings were changed"


def test_a_submission_that_waits_becomes_new_and_then_worse(world: World) -> None:
    view = world.milestone(supporting_organisations=["metropolitan-police"])
    world.attached(view, by=world.key_actor(Scope.EVIDENCE_WRITE))
    world.clock.forward(days=1, hours=1)
    amber_on = world.clock.today
    assert refs(changes(world), Change.NEW) == {"S-001": "Not triaged, from Metropolitan Police"}
    world.clock.forward(days=1)
    assert "S-001" in refs(changes(world, amber_on), Change.NEW)
    assert "S-001" in refs(changes(world, world.clock.today), Change.WORSE)
    assert refs(changes(world, world.clock.today, who="nat"), Change.WORSE) == {}


def test_without_a_day_it_is_since_the_last_review_that_was_held(world: World) -> None:
    assert changes(world).by_default == "approval"
    world.clock.forward(days=20)
    assert (changes(world).since, changes(world).by_default) == (world.clock.today - timedelta(days=14), "two_weeks")
    on = world.clock.today
    meeting = world.write("petra", meetings.add_meeting, slug=world.plan, on=on)
    assert changes(world).by_default == "two_weeks"
    world.write("petra", meetings.hold_meeting, meeting=meeting.id)
    world.clock.forward(days=9)
    assert (changes(world).since, changes(world).by_default) == (on, "last_review")


def test_a_day_to_come_or_before_the_approval_is_refused_with_its_sentence(world: World) -> None:
    for days in (1, -1):
        with pytest.raises(Invalid) as refused:
            changes(world, world.clock.today + timedelta(days=days))
        assert refused.value.errors[0].pointer == "/since"


def test_only_what_the_reader_may_know_of_is_counted(world: World) -> None:
    kept = late(world, restricted_to=["nhs-haringey"], owner=world.people["nat"].id)
    world.clock.forward(days=2)
    assert kept.row.ref in refs(changes(world), Change.NEW)
    assert kept.row.ref in refs(changes(world, who="nat"), Change.NEW)
    assert refs(changes(world, who="pol"), Change.NEW) == {}
    moved(world, kept, due_date=world.clock.today + timedelta(days=60))
    assert (changes(world).moved, changes(world, who="pol").moved) == (1, 0)
    assert refs(changes(world, who="pol"), Change.LEFT) == {}
    with pytest.raises(NotFound):
        changes(world, who="zoe")
    with pytest.raises(Forbidden):
        changes(world, who="olive")


def test_a_draft_has_no_exceptions_to_compare(world: World) -> None:
    assert world.read("zoe", plan_changes.get_changes, slug=world.other_plan) is None


def test_the_list_of_plans_says_the_same_numbers(world: World) -> None:
    fortnight(world)
    [summary] = world.read("petra", plans.list_plans)
    found = changes(world)
    assert summary.changes is not None
    assert summary.changes.since == found.since
    numbers = {group.change: group.total for group in found.groups}
    assert numbers == {
        Change.WORSE: summary.changes.worse,
        Change.NEW: summary.changes.new,
        Change.BETTER: summary.changes.better,
        Change.LEFT: summary.changes.left,
    }
