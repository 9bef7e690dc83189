"""What the timeline of a plan holds, for whom, in which order, and what is left out of it; on both databases."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.domain.refusals import Forbidden, Invalid, NotFound
from app.domain.timelines import Timeline, TimelineFilters
from app.domain.words import PlanState, Rag, Status
from app.services import meetings, plan_parts, plans, timelines, updates
from tests.factories import COUNCIL, NHS, POLICE, World, key
from tests.pages.conftest import statements


def seen(world: World, who: str = "petra", **filters: Any) -> Timeline:
    return world.read(who, timelines.plan_timeline, slug=world.plan, filters=TimelineFilters(**filters))


def titles(found: Timeline) -> list[str]:
    return [item.title for item in found.items]


def in_days(world: World, days: int) -> date:
    return world.clock.today + timedelta(days=days)


def test_milestones_stand_by_theme_then_by_due_date_and_those_without_one_last(world: World) -> None:
    second = world.write("petra", plan_parts.add_theme, slug=world.plan, title="Workforce").id
    action = world.write("petra", plan_parts.add_action, slug=world.plan, theme=second, title="Recruit").id
    world.milestone(title="Of the second theme", action=action, due_date=in_days(world, 1))
    world.milestone(title="Late", due_date=in_days(world, 90))
    world.milestone(title="Undated", due_date=None)
    world.milestone(title="Soon", due_date=in_days(world, 5))
    found = seen(world)
    assert titles(found) == ["Soon", "First milestone", "Late", "Undated", "Of the second theme"]
    assert found.total == 5


def test_an_item_has_its_dates_slips_colour_and_words(world: World) -> None:
    view = world.milestone(title="Rota", due_date=world.clock.today)
    world.clock.forward(days=10)
    world.write("connie", updates.add_update, milestone=key(view), narrative="Late", forecast_date=in_days(world, 20))
    item = next(item for item in seen(world).items if item.title == "Rota")
    due = in_days(world, -10)
    assert (item.baseline_date, item.due_date, item.forecast_date) == (due, due, in_days(world, 20))
    assert (item.rag, item.standing, item.slip_days, item.moves) == (Rag.RED, "In progress", 30, 0)
    assert item.expected_date == in_days(world, 20)
    row = world.seen(view).row
    assert (row.rag, row.slip_days, row.approved_slip_days) == (item.rag, item.slip_days, item.approved_slip_days)


def test_an_overdue_milestone_is_expected_today_at_the_earliest(world: World) -> None:
    world.milestone(title="Rota", due_date=world.clock.today)
    world.clock.forward(days=10)
    item = next(item for item in seen(world).items if item.title == "Rota")
    assert item.expected_date == world.clock.today


def test_achieved_and_completed_have_their_days_and_no_colour_once_achieved(world: World) -> None:
    world.completed(title="Completed")
    world.achieved(title="Achieved")
    items = {item.title: item for item in seen(world).items}
    today = world.clock.today
    assert (items["Completed"].completed_date, items["Completed"].achieved_date) == (today, None)
    assert items["Completed"].standing == "Not achieved: evidence outstanding"
    assert (items["Achieved"].completed_date, items["Achieved"].achieved_date) == (today, today)
    assert (items["Achieved"].rag, items["Achieved"].status) == (None, Status.ACHIEVED)


@pytest.mark.parametrize(("who", "knows"), [
    ("petra", True), ("sam", True), ("ada", True), ("nat", True), ("nora", True), ("connie", False), ("pol", False),
])  # fmt: skip
def test_what_is_restricted_to_others_is_neither_there_nor_counted(world: World, who: str, knows: bool) -> None:
    world.milestone(title="For the NHS", restricted_to=[NHS], owner=world.people["nat"].id, organisation=NHS,
                    due_date=in_days(world, 2000))  # fmt: skip
    found = seen(world, who)
    assert ("For the NHS" in titles(found)) is knows
    assert found.total == len(found.items) == (2 if knows else 1)
    assert (found.last.year > world.clock.today.year + 4) is knows  # nor do its dates stretch the picture


def test_another_organisations_officer_is_told_how_many_are_kept_back_and_nobody_else_is(world: World) -> None:
    world.milestone(title="For the police", restricted_to=[POLICE], owner=world.people["pol"].id, organisation=POLICE)
    assert "For the police" not in titles(seen(world, "nora"))
    assert seen(world, "nora").withheld == 1
    assert seen(world, "connie").withheld is None
    assert seen(world, "petra").withheld is None


def test_a_stranger_finds_nothing_and_an_observer_may_not_look(world: World) -> None:
    with pytest.raises(NotFound):
        seen(world, "zoe")
    with pytest.raises(Forbidden):
        seen(world, "olive")
    with pytest.raises(NotFound):
        world.read("petra", timelines.plan_timeline, slug="no-such-plan", filters=TimelineFilters())


def test_the_filters_are_those_of_the_milestone_list(world: World) -> None:
    world.milestone(title="Of the NHS", organisation=NHS, owner=world.people["nat"].id)
    world.completed(title="Done")
    assert titles(seen(world, organisation=NHS)) == ["Of the NHS"]
    assert titles(seen(world, status="completed")) == ["Done"]
    assert len(seen(world, theme=world.theme).items) == 3
    assert seen(world, theme="0" * 20).items == ()
    with pytest.raises(Invalid):
        seen(world, status="ongoing")


def test_between_two_days_stands_what_has_anything_between_them(world: World) -> None:
    today = world.clock.today
    world.milestone(title="Before", start_date=in_days(world, -60), due_date=in_days(world, -40))
    world.milestone(title="After", due_date=in_days(world, 90))
    world.completed(title="Across", due_date=in_days(world, 90))
    world.milestone(title="Undated", due_date=None)
    first, last = in_days(world, -5), in_days(world, 30)
    found = seen(world, first=first, last=last)
    # "Before" is overdue: it is still expected, today at the earliest.
    assert sorted(titles(found)) == ["Across", "Before", "First milestone"]
    assert (found.first, found.last, found.total) == (first, last, 3)
    assert "Before" not in titles(seen(world, first=today + timedelta(days=1), last=last))
    assert titles(seen(world, last=in_days(world, -30))) == ["Before"]
    assert sorted(titles(seen(world, first=in_days(world, 60)))) == ["Across", "After"]


def test_days_that_end_before_they_begin_are_refused_by_name(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        seen(world, first=in_days(world, 1), last=world.clock.today)
    assert [error.name for error in refused.value.errors] == ["to"]


def test_the_meetings_are_those_of_the_plan_and_the_next_one_is_within_the_range(world: World) -> None:
    day = in_days(world, 400)
    world.write("petra", meetings.add_meeting, slug=world.plan, on=day)
    found = seen(world)
    assert day in found.meetings
    assert found.plan.next_review is not None
    assert found.first <= found.plan.next_review <= found.last


def test_a_draft_has_dates_and_no_colours(world: World) -> None:
    world.write("max", plans.create_plan, slug="draft", title="Draft", organisation=COUNCIL)
    world.write("max", plan_parts.add_membership, slug="draft",
                person="programme.manager@haringey.example", role="programme_manager")  # fmt: skip
    found = world.database.read(
        lambda uow: timelines.plan_timeline(uow, slug=world.other_plan, filters=TimelineFilters()),
        actor=world.people["zoe"],
        now=world.clock(),
    )
    assert found.plan.state is PlanState.DRAFT
    assert found.items == ()
    assert found.first <= world.clock.today <= found.last
    theme = world.write("zoe", plan_parts.add_theme, slug=world.other_plan, title="T").id
    action = world.write("zoe", plan_parts.add_action, slug=world.other_plan, theme=theme, title="A").id
    world.milestone(by="zoe", slug=world.other_plan, action=action, owner=None, due_date=in_days(world, -3))
    item = world.read("zoe", timelines.plan_timeline, slug=world.other_plan, filters=TimelineFilters()).items[0]
    assert (item.rag, item.baseline_date, item.slip_days, item.expected_date) == (None, None, None, None)


def test_a_picture_holds_the_first_few_of_many_and_says_how_many_there_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timelines, "MOST", 2)
    for number in range(3):
        world.milestone(title=f"More {number}")
    found = seen(world)
    assert (len(found.items), found.total) == (2, 4)


def test_the_number_of_queries_is_the_same_for_one_and_for_many(world: World) -> None:
    seen(world)
    with statements(world.database) as few:
        seen(world)
    for number in range(10):
        world.completed(title=f"More {number}")
    with statements(world.database) as many:
        seen(world)
    assert len(many) == len(few)
    assert len(set(many)) == 4


def test_taking_it_away_is_on_the_access_log_once_an_hour(world: World) -> None:
    def log() -> list[tuple[Any, ...]]:
        return world.database.read(
            lambda uow: [tuple(row) for row in uow.session.connection().execute(
                text("SELECT actor_id, what, item_kind, item_id, plan_id FROM access_log ORDER BY at"))],
            actor=world.people["petra"], now=world.clock(),
        )  # fmt: skip

    seen(world)
    assert log() == []
    for _ in range(2):
        world.write("petra", timelines.take_timeline, slug=world.plan, filters=TimelineFilters())
    entry = (world.people["petra"].id, "exported", "timeline", f"{world.plan_id}/timeline", world.plan_id)
    assert log() == [entry]
    world.clock.forward(hours=1)
    world.write("petra", timelines.take_timeline, slug=world.plan, filters=TimelineFilters())
    world.write("connie", timelines.take_timeline, slug=world.plan, filters=TimelineFilters())
    assert len(log()) == 3
