"""Who declares, whose words a declaration is, and who lifts it; what an edit cannot hide."""

from datetime import timedelta
from typing import Any

import pytest

from app.domain.milestones import MilestoneView, UpdateView
from app.domain.refusals import Forbidden, Invalid, Refused
from app.domain.words import ChangeKind, Rag
from app.services import baselines, change_requests, milestones, updates
from tests.factories import World, key


def declares(world: World, who: str, view: MilestoneView, colour: Rag, why: str, **given: Any) -> UpdateView:
    said = {"narrative": "The work goes on"} | given
    return world.write(who, updates.add_update, milestone=key(view), declared_rag=colour, rationale=why, **said)


def lift(world: World, who: str, view: MilestoneView) -> None:
    world.write(who, milestones.lift_declaration, milestone=key(view), reason="It is solved")


def reasons(world: World, view: MilestoneView) -> list[str]:
    return [reason.message for reason in world.seen(view).row.reasons if reason.code == "declared"]


def test_nobody_lifts_what_somebody_else_has_declared_too(world: World) -> None:
    view = world.milestone()
    declares(world, "connie", view, Rag.AMBER, "Two posts are empty")
    declares(world, "petra", view, Rag.RED, "Worse than that")
    for who in ("connie", "petra"):
        with pytest.raises(Forbidden):
            lift(world, who, view)
    effect = world.write(
        "petra", updates.add_update, milestone=key(view), narrative="All is well", declared_rag=Rag.GREEN,
        rationale="It is",
    ).declaration_effect  # fmt: skip
    assert effect is not None
    assert "stands until" in effect
    assert world.seen(view).row.rag is Rag.RED

    lift(world, "sam", view)

    assert reasons(world, view) == []
    declares(world, "petra", view, Rag.AMBER, "Afresh")
    lift(world, "petra", view)
    assert reasons(world, view) == []


@pytest.mark.parametrize("colour", [Rag.AMBER, Rag.RED])
def test_a_second_declaration_under_or_beside_the_first_binds_its_declarer_too(world: World, colour: Rag) -> None:
    view = world.milestone()
    declares(world, "petra", view, Rag.RED, "The supplier has gone")
    declares(world, "connie", view, colour, "I say so too")
    with pytest.raises(Forbidden):
        lift(world, "petra", view)


def test_a_reason_is_its_declarers_whoever_has_said_something_since(world: World) -> None:
    view = world.milestone()
    declares(world, "connie", view, Rag.RED, "Two posts are empty")
    declares(world, "petra", view, Rag.RED, "Something else")
    world.write("petra", updates.add_update, milestone=key(view), narrative="The work goes on")
    assert reasons(world, view) == ["Declared Red by its owner: Two posts are empty"]
    assert world.seen(view).declaration_rationale == "Two posts are empty"

    declares(world, "connie", view, Rag.RED, "Three by now")

    assert reasons(world, view) == ["Declared Red by its owner: Three by now"]


def test_a_senior_officer_declares_and_the_owner_is_still_asked_for_an_update(world: World) -> None:
    view = world.milestone()
    said = declares(world, "sam", view, Rag.RED, "The board does not believe it", narrative=None)

    seen = world.seen(view)
    assert (said.declaration_effect, seen.row.rag, seen.row.status) == ("Declared Red", Rag.RED, view.row.status)
    assert seen.latest_update is None
    assert "The board does not believe it" in reasons(world, view)[0]
    lift(world, "sam", view)

    with pytest.raises(Invalid) as wrong:
        declares(world, "sam", view, Rag.RED, "Late", forecast_date=world.clock.today, issue="Mine")
    assert {error.pointer for error in wrong.value.errors} == {"/forecast_date", "/issue"}
    with pytest.raises(Forbidden):
        world.write("sam", updates.add_update, milestone=key(view), narrative="An update")
    with pytest.raises(Refused):
        declares(world, "sam", world.completed(), Rag.AMBER, "Not convinced", narrative=None)


def test_a_start_that_has_passed_is_not_moved_by_an_edit(world: World) -> None:
    today = world.clock.today
    late = world.milestone(start_date=today - timedelta(days=7))
    for changes in ({"start_date": today + timedelta(days=5)}, {"start_date": None}):
        with pytest.raises(Invalid) as wrong:
            world.write("petra", milestones.edit_milestone, milestone=key(late), changes=changes, if_match=None)
        assert [error.code for error in wrong.value.errors] == ["start_passed"]
    early = world.milestone(start_date=today + timedelta(days=3))
    moved = {"start_date": today + timedelta(days=5)}
    world.write("petra", milestones.edit_milestone, milestone=key(early), changes=moved, if_match=None)
    assert world.seen(early).row.start_date == today + timedelta(days=5)


def test_a_baseline_that_a_date_was_moved_away_from_was_no_mistake(world: World) -> None:
    view = world.milestone()
    later = world.clock.today + timedelta(days=60)
    asked = world.write(
        "petra", change_requests.request_change, milestone=key(view), kind=ChangeKind.DUE_DATE, due_date=later,
        reason="It takes longer",
    )  # fmt: skip
    world.write("sam", change_requests.decide_change, change_request=asked.id, outcome="approved", reason="Agreed")
    with pytest.raises(Refused) as refused:
        world.write("petra", baselines.correct_baseline, milestone=key(view), baseline_date=later, reason="A typo")
    assert refused.value.codes == ("date_moved",)


def test_handing_a_milestone_over_makes_nobody_the_judge_of_it(world: World) -> None:
    view = world.milestone(owner=world.people["sam"].id)
    asked = world.write(
        "petra", change_requests.request_change, milestone=key(view), kind=ChangeKind.DUE_DATE,
        due_date=world.clock.today + timedelta(days=60), reason="It takes longer",
    )  # fmt: skip
    handed = {"owner": world.people["connie"].id}
    world.write("petra", milestones.edit_milestone, milestone=key(view), changes=handed, if_match=None)
    with pytest.raises(Refused) as refused:
        world.write("sam", change_requests.decide_change, change_request=asked.id, outcome="approved", reason="Yes")
    assert refused.value.codes == ("own_milestone",)


def test_a_run_at_red_outlives_its_declaration_and_a_return_goes_back_to_the_due_date(sqlite_world: World) -> None:
    world, today = sqlite_world, sqlite_world.clock.today
    view = world.milestone(due_date=today + timedelta(days=5))
    said: dict[str, Any] = {"narrative": "Slow", "declared_rag": Rag.RED, "rationale": "Nobody is there"}
    world.write("connie", updates.add_update, milestone=key(view), **said)
    world.clock.forward(days=10)
    world.write("connie", milestones.lift_declaration, milestone=key(view), reason="They are back")
    assert (world.seen(view).row.rag, world.seen(view).row.since) == (Rag.RED, today)
    assert world.completed(view).row.rag is Rag.AMBER
    world.write("petra", milestones.return_to_progress, milestone=key(view), reason="Half is missing")
    back = world.seen(view).row
    assert (back.rag, back.since, [one.code for one in back.reasons]) == (
        Rag.RED, today + timedelta(days=6), ["overdue"]
    )  # fmt: skip
