"""Themes, actions and milestones: renamed, put in another order and moved, in a draft and in an approved plan."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.milestones import MilestoneKey
from app.domain.plan_structure import Part
from app.domain.refusals import Forbidden, Invalid, NotFound, Refused, Stale
from app.services import audit_events, milestones, plan_parts, plan_structure
from app.services.plan_structure import PartKey
from tests.factories import World, key


def add_theme(world: World, title: str) -> str:
    return world.write("petra", plan_parts.add_theme, slug=world.plan, title=title).id


def add_action(world: World, title: str, *, theme: str = "") -> str:
    return world.write("petra", plan_parts.add_action, slug=world.plan, theme=theme or world.theme, title=title).id


def themes(world: World) -> list[str]:
    return [theme.ref for theme in world.read("petra", plan_parts.list_themes, slug=world.plan)]


def structure(world: World, who: str = "petra") -> dict[str, dict[str, list[str]]]:
    found = world.read(who, plan_structure.read_structure, slug=world.plan)
    return {
        theme.ref: {action.ref: [one.ref for one in action.milestones] for action in theme.actions}
        for theme in found.themes
    }


def edit_action(world: World, action: str, *, who: str = "petra", version: str | None = None, **changes: Any) -> Any:
    return world.write(
        who, plan_structure.edit_action, action=PartKey(id=action), changes=changes, if_match=version
    )  # fmt: skip


def events(world: World) -> list[Any]:
    lines, _ = world.read("ada", audit_events.list_events, slug=world.plan, limit=20)
    return list(lines)


def test_a_theme_is_renamed_and_the_trail_says_so(world: World) -> None:
    view = world.write(
        "petra", plan_structure.edit_theme, theme=PartKey(plan=world.plan, ref="T-01"),
        changes={"title": " Child protection "}, if_match="1",
    )  # fmt: skip

    assert (view.ref, view.title, view.version) == ("T-01", "Child protection", "2")
    newest = events(world)[0]
    assert (newest.event, newest.item_ref, newest.texts) == ("theme_edited", "T-01", {"title": "Child protection"})


def test_themes_change_places_and_only_who_was_pushed_along_is_another_version(world: World) -> None:
    for title in ("Workforce", "Information"):
        add_theme(world, title)
    shifted = world.write(
        "petra", plan_structure.shift, part=Part.THEME, key=PartKey(plan=world.plan, ref="T-03"), by=-1
    )

    assert themes(world) == ["T-01", "T-03", "T-02"]
    assert (shifted.place, shifted.of) == (2, 3)
    views = world.read("petra", plan_parts.list_themes, slug=world.plan)
    assert [(view.position, view.version) for view in views] == [(1, "1"), (2, "2"), (3, "2")]
    assert events(world)[0].facts == {"position": [3, 2]}

    world.write(
        "petra", plan_structure.edit_theme, theme=PartKey(id=views[2].id), changes={"position": 1}, if_match=None
    )
    assert themes(world) == ["T-02", "T-01", "T-03"]


def test_at_the_end_of_the_row_nothing_moves_and_nothing_is_recorded(world: World) -> None:
    before = len(events(world))
    shifted = world.write(
        "petra", plan_structure.shift, part=Part.THEME, key=PartKey(id=world.theme), by=1
    )  # fmt: skip
    assert (shifted.place, shifted.of) == (1, 1)
    assert len(events(world)) == before


def test_an_action_moves_to_another_theme_with_its_milestones_and_says_where_it_stood(world: World) -> None:
    other, beside = add_theme(world, "Workforce"), add_action(world, "Recruit")
    there = add_action(world, "Retain", theme=other)
    milestone = world.milestone(title="Posts filled")
    view = edit_action(world, world.action, version="1", theme=other)

    assert (view.ref, view.theme_ref, view.position, view.version) == ("A-01", "T-02", 2, "2")
    assert view.moved_from is not None
    assert (view.moved_from.theme.ref, view.moved_from.by) == ("T-01", "Programme Manager")
    assert structure(world) == {"T-01": {"A-02": []}, "T-02": {"A-03": [], "A-01": ["M-01", "M-02"]}}
    seen = world.seen(milestone)
    assert seen.row.theme is not None
    assert (seen.row.theme.ref, seen.row.ref) == ("T-02", "M-02")
    assert seen.row.version != milestone.row.version
    assert [one.position for one in world.read("petra", plan_parts.list_actions, slug=world.plan)] == [1, 1, 2]
    assert events(world)[0].facts == {"theme": ["T-01", "T-02"]}
    assert {beside, there} == {one.id for one in world.read("petra", plan_parts.list_actions, slug=world.plan)} - {
        world.action
    }


def test_an_action_stays_in_its_plan(world: World) -> None:
    elsewhere = world.write("zoe", plan_parts.add_theme, slug=world.other_plan, title="Elsewhere").id
    with pytest.raises(Invalid) as wrong:
        edit_action(world, world.action, theme=elsewhere)
    assert [error.code for error in wrong.value.errors] == ["unknown_theme"]
    with pytest.raises(Invalid):
        edit_action(world, world.action, theme="nothing", title="Renamed")
    assert structure(world) == {"T-01": {"A-01": ["M-01"]}}
    assert world.read("petra", plan_structure.get_action, action=PartKey(id=world.action)).title == "Run the rota"


def test_a_milestone_moves_to_another_action_goes_last_and_says_where_it_stood(world: World) -> None:
    other = add_action(world, "Recruit", theme=add_theme(world, "Workforce"))
    world.milestone(title="Agency list", action=other)
    first = world.milestone(title="Posts filled")
    world.write("petra", plan_structure.shift, part=Part.MILESTONE, key=PartKey(id=first.row.id), by=-1)
    assert structure(world)["T-01"] == {"A-01": ["M-03", "M-01"]}
    moved = world.write(
        "petra", milestones.edit_milestone, milestone=key(first), changes={"action": other}, if_match=None
    )

    assert (moved.row.ref, moved.row.action.ref, moved.row.theme and moved.row.theme.ref) == ("M-03", "A-02", "T-02")
    assert moved.moved_from is not None
    assert moved.moved_from.action is not None
    assert (moved.moved_from.theme.ref, moved.moved_from.action.ref) == ("T-01", "A-01")
    assert structure(world) == {"T-01": {"A-01": ["M-01"]}, "T-02": {"A-02": ["M-02", "M-03"]}}


def test_the_order_of_an_action_is_no_fact_of_its_milestones(world: World) -> None:
    first, second = world.milestone(title="First"), world.milestone(title="Second")
    by_id = PartKey(id=second.row.id)
    shifted = world.write(
        "petra", plan_structure.shift, part=Part.MILESTONE, key=by_id, by=-1, if_match=second.row.version
    )
    assert (shifted.place, shifted.of) == (2, 3)
    assert structure(world)["T-01"]["A-01"] == ["M-01", "M-03", "M-02"]
    assert world.seen(second).row.version == second.row.version
    assert world.seen(first).row.version == first.row.version
    assert (events(world)[0].event, events(world)[0].facts) == ("milestone_placed", {"place": [3, 2]})
    world.write("petra", milestones.edit_milestone, milestone=key(second), changes={"position": 99}, if_match=None)
    assert structure(world)["T-01"]["A-01"] == ["M-01", "M-02", "M-03"]


def test_stale_edits_change_nothing(world: World) -> None:
    edit_action(world, world.action, version="1", title="Run both rotas")
    with pytest.raises(Stale) as stale:
        edit_action(world, world.action, version="1", title="Run a rota")
    assert stale.value.current_version == "2"
    with pytest.raises(Stale):
        world.write("petra", plan_structure.shift, part=Part.ACTION, key=PartKey(id=world.action), by=1, if_match="1")
    assert world.read("petra", plan_structure.get_action, action=PartKey(id=world.action)).title == "Run both rotas"


@pytest.mark.parametrize("who", ["connie", "sam", "ada", "olive"])
def test_it_takes_a_programme_manager(world: World, who: str) -> None:
    with pytest.raises(Forbidden):
        edit_action(world, world.action, who=who, title="Mine")


def test_for_a_stranger_there_is_no_such_part(world: World) -> None:
    for attempt in (
        lambda: edit_action(world, world.action, who="zoe", title="Mine"),
        lambda: world.read("zoe", plan_structure.get_theme, theme=PartKey(id=world.theme)),
        lambda: world.read("zoe", plan_structure.get_action, action=PartKey(plan=world.plan, ref="A-01")),
        lambda: world.read("zoe", plan_structure.read_structure, slug=world.plan),
        lambda: world.write("petra", plan_structure.get_theme, theme=PartKey(id="nothing")),
    ):
        with pytest.raises(NotFound):
            attempt()
    with pytest.raises(Forbidden):
        world.read("olive", plan_structure.get_theme, theme=PartKey(id=world.theme))


def test_what_is_restricted_is_in_no_structure(world: World) -> None:
    world.milestone(title="Kept", restricted_to=["haringey-council"])
    assert structure(world)["T-01"]["A-01"] == ["M-01", "M-02"]
    assert structure(world, "pol")["T-01"]["A-01"] == ["M-01"]
    found = world.read("pol", plan_structure.read_structure, slug=world.plan)
    assert found.themes[0].actions[0].milestones_total == 1


def test_a_long_plan_gives_numbers_instead_of_milestones(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_structure, "MILESTONES_SHOWN", 1)
    world.milestone(title="One too many")
    found = world.read("petra", plan_structure.read_structure, slug=world.plan)
    assert found.too_long
    assert (found.themes[0].actions[0].milestones, found.themes[0].actions[0].milestones_total) == ((), 2)


def test_nothing_else_of_a_part_can_be_changed_here(world: World) -> None:
    for changes in ({"ref": "A-09"}, {"title": " "}, {"position": 0}, {"title": "x" * 201}):
        with pytest.raises(Invalid):
            edit_action(world, world.action, **changes)
    assert edit_action(world, world.action).version == "1"


def test_a_closed_plan_keeps_its_parts_as_they_are(world: World) -> None:
    world.close()
    for attempt in (
        lambda: edit_action(world, world.action, title="Another"),
        lambda: world.write("petra", plan_structure.shift, part=Part.THEME, key=PartKey(id=world.theme), by=1),
        lambda: world.write(
            "petra", plan_structure.shift, part=Part.MILESTONE, key=PartKey(plan=world.plan, ref="M-01"), by=1
        ),
        lambda: world.write(
            "petra", milestones.edit_milestone, milestone=MilestoneKey(plan=world.plan, ref="M-01"),
            changes={"position": 1}, if_match=None,
        ),
    ):  # fmt: skip
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.codes == ("plan_closed",)


def add_parts(world: World, titles: tuple[str, ...]) -> tuple[str, list[str]]:
    """A theme with an action for each title, in the draft that only Zoe is in."""
    theme = world.write("zoe", plan_parts.add_theme, slug=world.other_plan, title="All of it").id
    add = plan_parts.add_action
    return theme, [world.write("zoe", add, slug=world.other_plan, theme=theme, title=one).id for one in titles]


def refused_removal(world: World, who: str = "zoe", **part: PartKey) -> tuple[str, ...]:
    remove = plan_structure.remove_theme if "theme" in part else plan_structure.remove_action
    with pytest.raises(Refused) as refused:
        world.write(who, remove, reason="Added twice", **part)
    return refused.value.codes


def test_what_is_empty_leaves_a_draft_on_the_record_and_its_reference_is_not_given_out_again(world: World) -> None:
    theme, (first, second) = add_parts(world, ("Rota", "Rota again"))
    remove = plan_structure.remove_action
    with pytest.raises(Invalid):
        world.write("zoe", remove, action=PartKey(id=first), reason="\u200b")
    with pytest.raises(Stale):
        world.write("zoe", remove, action=PartKey(id=first), reason="Added twice", if_match="9")
    with pytest.raises(NotFound):
        world.write("petra", remove, action=PartKey(id=first), reason="Added twice")
    gone = world.write("zoe", remove, action=PartKey(id=first), reason="Added twice", if_match="1")
    (left,) = world.read("zoe", plan_parts.list_actions, slug=world.other_plan)
    assert (gone.ref, left.id, left.position) == ("A-01", second, 1)
    _, (third,) = add_parts(world, ("Another",))
    assert world.read("zoe", plan_structure.get_action, action=PartKey(id=third)).ref == "A-03"
    assert refused_removal(world, theme=PartKey(id=theme)) == ("has_actions",)
    world.write("zoe", remove, action=PartKey(id=second), reason="Added twice")
    world.write("zoe", plan_structure.remove_theme, theme=PartKey(plan=world.other_plan, ref="T-01"), reason="Empty")
    (kept,) = world.read("zoe", plan_parts.list_themes, slug=world.other_plan)
    assert (kept.ref, kept.position) == ("T-02", 1)
    lines, _ = world.read("zoe", audit_events.list_events, slug=world.other_plan, limit=20)
    removed = next(line for line in lines if line.event == "theme_removed")
    assert (removed.item_ref, removed.texts) == ("T-01", {"reason": "Empty"})


def test_what_holds_something_stays_even_when_that_is_restricted_or_was_removed(world: World) -> None:
    theme, (used, emptied) = add_parts(world, ("Used", "Emptied"))
    named: dict[str, Any] = {"by": "zoe", "slug": world.other_plan, "owner": None}
    twice = world.milestone(**named, action=used, title="Added twice")
    world.write("zoe", milestones.remove, milestone=key(twice), reason="Added twice")
    assert refused_removal(world, action=PartKey(id=used)) == ("has_milestones",)
    moved = world.milestone(**named, action=emptied, title="Moved")
    world.write("zoe", milestones.edit_milestone, milestone=key(moved), changes={"action": used}, if_match=None)
    assert refused_removal(world, action=PartKey(id=emptied)) == ("moved_from_here",)
    assert refused_removal(world, theme=PartKey(id=theme)) == ("has_actions", "has_milestones", "moved_from_here")
    assert len(world.read("zoe", plan_parts.list_actions, slug=world.other_plan)) == 2


def test_what_was_approved_keeps_its_themes_and_actions(world: World) -> None:
    action = add_action(world, "Empty")
    assert refused_removal(world, "petra", action=PartKey(id=action)) == ("plan_approved",)
    with pytest.raises(Forbidden):
        world.write("connie", plan_structure.remove_action, action=PartKey(id=action), reason="Added twice")
