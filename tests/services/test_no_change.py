"""“No change” is an update that covers one review meeting, and stands beside what was last said."""

from datetime import date, timedelta
from typing import Any

import pytest

from app.domain.milestones import MilestoneView
from app.domain.refusals import Forbidden, Invalid, NotFound, Refused
from app.domain.words import CancellationGround, ChangeKind, DelayCause, Rag
from app.services import change_requests, meetings, milestones, updates
from tests.factories import World, key

SAID = {"narrative": "Two posts are vacant", "issue": "No applicants", "cause": DelayCause.WORKFORCE}


def talked_of(world: World, **facts: Any) -> MilestoneView:
    """A milestone with an update of today, in a plan that meets every two weeks from tomorrow."""
    for fortnight in range(6):
        world.write(
            "petra", meetings.add_meeting, slug=world.plan,
            on=world.clock.today + timedelta(days=1 + 14 * fortnight),
        )  # fmt: skip
    view = world.milestone(due_date=world.clock.today + timedelta(days=200), **facts)
    world.write("connie", updates.add_update, milestone=key(view), **SAID)
    return view


def no_change(world: World, view: MilestoneView, by: str = "connie", **given: Any) -> Any:
    return world.write(by, updates.add_update, milestone=key(view), no_change=True, **given)


def first_amber(world: World, view: MilestoneView) -> date:
    """The day from which it is an exception, found by waiting."""
    start = world.clock.now
    while world.seen(view).row.rag is Rag.GREEN:
        world.clock.forward(days=1)
    found = world.clock.today
    world.clock.now = start
    return found


def test_no_change_covers_one_review_meeting(world: World) -> None:
    view = talked_of(world)
    silent = first_amber(world, view)
    world.clock.forward(days=10)
    no_change(world, view)
    assert first_amber(world, view) == silent + timedelta(days=14)


def test_said_twice_in_a_row_it_covers_no_second_meeting(world: World) -> None:
    view = talked_of(world)
    world.clock.forward(days=10)
    no_change(world, view)
    once = first_amber(world, view)
    world.clock.forward(days=14)
    no_change(world, view)
    assert first_amber(world, view) == once
    world.clock.now = world.clock.now.replace(day=once.day, month=once.month)
    assert "Nothing but “no change” for" in world.seen(view).row.reasons[0].message

    world.write("connie", updates.add_update, milestone=key(view), narrative="Both posts are filled")
    world.clock.forward(days=10)
    no_change(world, view)
    assert first_amber(world, view) > once + timedelta(days=28)


def test_what_the_last_update_said_stands(world: World) -> None:
    view = talked_of(world)
    world.clock.forward(days=10)
    shown = no_change(world, view, narrative="Still the same", issue="No applicants", cause=DelayCause.WORKFORCE)
    assert (shown.no_change, shown.narrative) == (True, "Still the same")
    seen = world.seen(view)
    assert seen.latest_update is not None
    assert (seen.latest_update.narrative, seen.latest_update.issue) == ("Two posts are vacant", "No applicants")
    assert [entry.no_change for entry in seen.timeline] == [True, False]


@pytest.mark.parametrize(
    "given",
    [
        {"forecast_date": date(2026, 9, 1)},
        {"issue": "Another one"},
        {"support_required": "Release two managers"},
        {"declared_rag": Rag.RED, "rationale": "It cannot be done"},
        {"waiting_on": "The NHS"},
        {"cause": DelayCause.LEGAL},
        {"return_to_green_on": date(2026, 9, 1)},
    ],
)  # fmt: skip
def test_no_change_that_changes_something_is_refused_by_its_field(world: World, given: dict[str, Any]) -> None:
    view = talked_of(world)
    before = world.seen(view).row.version
    with pytest.raises(Invalid) as wrong:
        no_change(world, view, **given)
    assert {error.name for error in wrong.value.errors} == set(given)
    assert world.seen(view).row.version == before


def test_without_an_update_there_is_nothing_to_say_no_change_to(world: World) -> None:
    view = world.milestone()
    with pytest.raises(Refused) as refused:
        no_change(world, view)
    assert refused.value.codes == ("no_update_yet",)


def test_after_a_return_something_has_changed(world: World) -> None:
    view = talked_of(world)
    world.clock.forward(days=1)
    world.completed(view)
    world.write("petra", milestones.return_to_progress, milestone=key(view), reason="Half of it is missing")
    with pytest.raises(Refused) as refused:
        no_change(world, view)
    assert refused.value.codes == ("changed_since",)
    assert "It was opened again on 3 March 2026" in refused.value.reasons[0].message


def test_it_takes_who_may_update(world: World) -> None:
    view = talked_of(world)
    with pytest.raises(Forbidden):
        no_change(world, view, by="pol")
    with pytest.raises(NotFound):
        no_change(world, view, by="zoe")


def test_an_update_where_nothing_is_left_to_say_gets_its_own_sentence(world: World) -> None:
    achieved = world.achieved(title="Desk staffed")
    cancelled = talked_of(world)
    request = world.write(
        "connie", change_requests.request_change, milestone=key(cancelled), kind=ChangeKind.CANCELLATION,
        ground=CancellationGround.NO_LONGER_NEEDED, reason="The service has ended",
    )  # fmt: skip
    world.write("sam", change_requests.decide_change, change_request=request.id, outcome="approved", reason="Agreed")
    left_open = world.milestone(title="Left open")

    def refusal(view: MilestoneView, **said: Any) -> tuple[str, str]:
        with pytest.raises(Refused) as refused:
            world.write("petra", updates.add_update, milestone=key(view), **said)
        [reason] = refused.value.reasons
        return reason.code, reason.message

    for said in ({"narrative": "On our way"}, {"no_change": True}):
        assert refusal(achieved, **said) == (
            "milestone_achieved", "It is achieved. Reopen it if the work is not finished after all"
        )  # fmt: skip
        assert refusal(cancelled, **said) == (
            "milestone_cancelled", "It was cancelled, so there is nothing to update"
        )  # fmt: skip
    world.close()
    assert refusal(left_open, narrative="On our way") == ("plan_closed", "The plan is closed and read-only")
