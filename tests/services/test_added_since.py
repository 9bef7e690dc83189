"""What was added to an approved plan later: since its approval, and since the last report."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.domain.actors import system_actor
from app.domain.plans import MilestoneFilters
from app.domain.refusals import Invalid
from app.domain.words import Door, MeetingState
from app.services import meetings, milestones, plan_parts, plans, since
from tests.factories import World


def added_since(world: World, who: str = "petra") -> list[str]:
    page = world.read(who, milestones.list_milestones, slug=world.plan, filters=MilestoneFilters(status="added_since"))
    return [row.title for row in page.items]


def hold_a_meeting(world: World) -> None:
    [meeting] = world.write(
        "petra", meetings.add_meetings, slug=world.plan, meetings=[(world.clock.today, MeetingState.PLANNED)]
    )
    world.write("petra", meetings.hold_meeting, meeting=meeting.id, attended=[])


def test_what_joins_an_approved_plan_says_so_until_the_next_report(world: World) -> None:
    world.clock.forward(days=3)
    later = world.milestone(title="Added later")
    assert later.row.added_later_at == world.clock()
    assert added_since(world) == ["Added later"]
    world.clock.forward(days=4)
    hold_a_meeting(world)
    world.milestone(title="Added in the meeting")
    assert added_since(world) == ["Added in the meeting"]
    world.clock.forward(days=14)
    assert world.seen(later).row.added_later_at is not None  # it stays a later one, and is no news any more
    page = world.read("petra", milestones.list_milestones, slug=world.plan, filters=MilestoneFilters())
    assert page.since is not None
    assert page.since.date() == world.clock.today - timedelta(days=14)


def test_what_stood_in_the_draft_was_not_added_later(world: World) -> None:
    page = world.read("petra", milestones.list_milestones, slug=world.plan, filters=MilestoneFilters())
    assert [row.added_later_at for row in page.items] == [None]
    assert added_since(world) == []


def test_an_approval_that_is_entered_late_makes_nothing_new(world: World) -> None:
    """The plan was approved a week ago, and what was added to the draft since then is part of it."""
    theme = world.write("zoe", plan_parts.add_theme, slug=world.other_plan, title="All of it").id
    action = world.write("zoe", plan_parts.add_action, slug=world.other_plan, theme=theme, title="Do it").id
    world.clock.forward(days=5)
    view = world.milestone(by="zoe", slug=world.other_plan, action=action, owner=None)
    officer = system_actor(Door.CLI)
    world.clock.forward(hours=1)
    approved_on = world.clock.today - timedelta(days=4)
    world.write(officer, plans.approve_plan, slug=world.other_plan, body="B", meeting="M", approved_on=approved_on)
    assert world.seen(view, by="zoe").row.added_later_at is None


def test_a_plan_that_was_approved_before_it_was_typed_in_keeps_its_day(world: World) -> None:
    theme = world.write("zoe", plan_parts.add_theme, slug=world.other_plan, title="All of it").id
    action = world.write("zoe", plan_parts.add_action, slug=world.other_plan, theme=theme, title="Do it").id
    view = world.milestone(by="zoe", slug=world.other_plan, action=action, owner=None)
    officer, approved_on = system_actor(Door.CLI), world.clock.today - timedelta(days=40)
    given = {"slug": world.other_plan, "body": "B", "meeting": "M"}
    with pytest.raises(Invalid) as refused:
        world.write(officer, plans.approve_plan, **given, approved_on=world.clock.today + timedelta(days=1))
    assert [one.pointer for one in refused.value.errors] == ["/approved_on"]

    approved = world.write(officer, plans.approve_plan, **given, approved_on=approved_on)

    assert approved.approved_on == approved_on
    assert world.seen(view, by="zoe").row.added_later_at is None
    listed = world.write("zoe", meetings.make_list, slug=world.other_plan)
    assert listed
    assert all(one.on >= world.clock.today for one in listed)


def test_nothing_in_a_draft_is_new(world: World) -> None:
    found = world.read("zoe", milestones.list_milestones, slug=world.other_plan, filters=MilestoneFilters())
    assert found.since is None
    wanted = MilestoneFilters(status="added_since")
    assert world.read("zoe", milestones.list_milestones, slug=world.other_plan, filters=wanted).items == ()


def test_what_is_restricted_is_no_news_to_others(world: World) -> None:
    world.clock.forward(days=1)
    world.milestone(title="Kept", restricted_to=["haringey-council"])
    assert (added_since(world), added_since(world, "pol")) == (["Kept"], [])


def test_the_last_report_is_the_meeting_last_held(world: World) -> None:
    assert world.read("petra", since.last_report_at, plan_id=world.plan_id) is None
    hold_a_meeting(world)
    found = world.read("petra", since.last_report_at, plan_id=world.plan_id)
    assert found is not None
    assert found.date() == world.clock.today
