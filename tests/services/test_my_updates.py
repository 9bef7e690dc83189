"""What needs somebody before the next review meeting: their own, their organisation's, and nobody else's."""

from datetime import timedelta
from typing import Any

import pytest

from app.domain import my_updates as rules
from app.domain.days import london_day
from app.domain.milestones import MilestoneView
from app.domain.refusals import Forbidden, Invalid
from app.domain.words import Rag, Scope
from app.services import evidence, meetings, milestones, my_updates, updates
from app.services.cases import read_case
from app.services.settling import facts_of
from tests.factories import NHS, POLICE, World, key


@pytest.fixture
def fortnightly(world: World) -> World:
    """The plan meets every two weeks, for the first time tomorrow."""
    for fortnight in range(4):
        on = world.clock.today + timedelta(days=1 + 14 * fortnight)
        world.write("petra", meetings.add_meeting, slug=world.plan, on=on)
    return world


def asked(world: World, who: str = "connie", **given: Any) -> dict[str, list[str]]:
    """What stands on somebody's list, in order, with why."""
    found = world.read(who, my_updates.my_updates, **given)
    return {item.row.title: [str(need.code) for need in item.needs] for item in found.items}


def say(world: World, view: MilestoneView, who: str = "connie", **said: Any) -> None:
    world.write(who, updates.add_update, milestone=key(view), **(said or {"narrative": "On our way"}))


def test_what_was_said_covers_one_review_and_is_asked_for_after_it(fortnightly: World) -> None:
    world = fortnightly
    view = world.milestone(title="Rota", due_date=world.clock.today + timedelta(days=100))
    say(world, view)
    assert "Rota" not in asked(world)
    world.clock.forward(days=1)
    assert "Rota" not in asked(world)
    world.clock.forward(days=1)
    assert asked(world)["Rota"] == ["no_update"]
    say(world, view, no_change=True)
    assert "Rota" not in asked(world)
    world.clock.forward(days=14)
    say(world, view, no_change=True)
    assert asked(world)["Rota"] == ["no_update"]
    [need] = world.read("connie", my_updates.item_to_update, milestone=key(view)).needs
    assert need.message == "Nothing but “no change” since 2 March 2026, which covers one review only"


def test_a_date_that_passes_is_asked_about_until_something_is_said(fortnightly: World) -> None:
    world, today = fortnightly, fortnightly.clock.today
    view = world.milestone(title="Rota", due_date=today + timedelta(days=9))
    world.clock.forward(days=2)
    say(world, view, narrative="It will be late", forecast_date=today + timedelta(days=5))
    assert "Rota" not in asked(world)
    world.clock.forward(days=4)
    assert asked(world)["Rota"] == ["forecast_passed"]
    world.clock.forward(days=4)
    assert asked(world)["Rota"] == ["forecast_passed", "due_passed"]
    say(world, view, narrative="Next month", forecast_date=today + timedelta(days=40))
    assert "Rota" not in asked(world)


def test_a_late_start_and_a_return_are_asked_about(fortnightly: World) -> None:
    world, today = fortnightly, fortnightly.clock.today
    world.milestone(title="Not yet", start_date=today + timedelta(days=3), due_date=today + timedelta(days=90))
    back = world.milestone(title="Back again")
    say(world, back, narrative="Slow", declared_rag=Rag.RED, rationale="Nobody is there")
    world.completed(back)
    world.attached(back)
    assert "Not yet" not in asked(world)
    assert "Back again" not in asked(world)
    world.clock.forward(days=4)
    world.write("petra", milestones.return_to_progress, milestone=key(back), reason="Half of it is missing")
    found = asked(world)
    assert world.seen(back).row.rag is not Rag.RED  # what was declared before it was completed ended with that
    assert (found["Not yet"], found["Back again"]) == (["late_start"], ["no_update"])


def test_evidence_is_asked_for_until_it_is_sent_and_again_when_it_is_rejected_or_ends(fortnightly: World) -> None:
    world = fortnightly
    view = world.completed(title="Rota", due_date=world.clock.today + timedelta(days=50))
    say(world, view, narrative="The file is with the printer")
    assert asked(world)["Rota"] == ["evidence_outstanding"]
    world.clock.forward(days=1)
    say(world, view, narrative="The file comes on Friday")
    assert "Rota" not in asked(world)
    world.clock.forward(days=1)
    assert asked(world)["Rota"] == ["evidence_outstanding"]
    item = world.attached(view, effective_to=world.clock.today + timedelta(days=20))
    assert "Rota" not in asked(world)
    world.clock.forward(days=21)
    assert asked(world)["Rota"] == ["evidence_outstanding"]
    world.accepted(view, item, outcome="rejected")
    assert asked(world)["Rota"] == ["evidence_outstanding"]


def test_evidence_that_waits_for_its_reviewer_asks_nothing_of_its_owner(world: World) -> None:
    view = world.completed(title="Rota")
    world.write(
        "connie", evidence.attach_evidence, milestone=key(view), title="Where it is", link="https://rota.example"
    )  # fmt: skip
    assert "Rota" not in asked(world)


def test_what_is_achieved_cancelled_in_a_draft_or_closed_asks_nothing(world: World) -> None:
    world.achieved(title="Done")
    assert "Done" not in asked(world)
    assert asked(world, "zoe") == {}
    world.clock.forward(days=10)
    assert "First milestone" in asked(world)
    world.close()
    assert asked(world) == {}


def test_the_list_holds_what_is_mine_and_my_organisations_and_nothing_that_is_kept_from_me(world: World) -> None:
    nat, sam = world.people["nat"].id, world.people["sam"].id
    world.milestone(title="Theirs", owner=nat, organisation=NHS)
    world.milestone(title="Supported", owner=nat, organisation=NHS, supporting_organisations=[POLICE])
    world.milestone(title="Led", owner=None, organisation=POLICE)
    world.milestone(title="Secret", owner=nat, organisation=NHS, supporting_organisations=[POLICE], restricted_to=[NHS])
    world.milestone(title="Officer's own", owner=sam, organisation=NHS)
    world.milestone(title="A colleague's", organisation=NHS, owner=world.people["nora"].id)
    world.clock.forward(days=1)
    assert set(asked(world, "pol")) == {"Supported", "Led"}
    assert set(asked(world, "nat")) == {"Theirs", "Supported", "Secret", "Officer's own"}
    assert set(asked(world, "nat", only_own=True)) == {"Theirs", "Supported", "Secret"}
    assert set(asked(world, "sam")) == {"Officer's own"}
    for nobody in ("petra", "ada", "olive", "zoe", "max"):
        assert asked(world, nobody) == {}
    assert world.read("nat", my_updates.count_left) == 4
    assert world.read("ada", my_updates.count_left) is None
    with pytest.raises(Forbidden):
        world.read(world.key_actor(Scope.PLAN_READ), my_updates.my_updates)


def test_the_worst_comes_first_then_the_longest_page_by_page(world: World) -> None:
    today = world.clock.today
    for days in (3, 9, 6):
        world.milestone(title=f"Due in {days}", due_date=today + timedelta(days=days))
    begun = world.milestone(title="Green", start_date=today, due_date=today + timedelta(days=300))
    world.write("connie", milestones.start, milestone=key(begun))
    world.clock.forward(days=7)
    expected = ["Due in 3", "Due in 6", "Due in 9", "First milestone", "Green"]
    found = list(asked(world))
    assert [title for title in found if title != "First milestone"] == [
        title for title in expected if title != "First milestone"
    ]
    colours = [item.row.rag for item in world.read("connie", my_updates.my_updates).items]
    assert colours == sorted(colours, key=(Rag.RED, Rag.AMBER, Rag.GREEN, None).index)
    walked, cursor = [], None
    while True:
        page = world.read("connie", my_updates.my_updates, limit=2, cursor=cursor)
        walked += [item.row.title for item in page.items]
        assert page.left == 5
        if (cursor := page.next_cursor) is None:
            break
    assert walked == found
    with pytest.raises(Invalid):
        world.read("connie", my_updates.my_updates, cursor="bm90aGluZw")


def test_what_i_said_today_is_shown_as_saved(world: World) -> None:
    view = world.milestone(title="Rota", due_date=world.clock.today + timedelta(days=100))
    world.clock.forward(days=1)
    say(world, view, narrative="Two of three shifts")
    say(world, view, who="petra", narrative="Three of three")
    [saved] = world.read("connie", my_updates.my_updates).saved
    assert saved.row.title == "Rota"
    assert saved.saved is not None
    assert (saved.saved.narrative, saved.saved_at) == ("Two of three shifts", world.clock.now)
    assert saved.last is not None
    assert saved.last.said.narrative == "Three of three"
    world.clock.forward(days=1)
    assert world.read("connie", my_updates.my_updates).saved == ()


def test_the_stored_moment_is_what_the_rule_says_of_every_later_day(fortnightly: World) -> None:
    world = fortnightly
    views = [world.milestone(title="Rota"), world.completed(title="Desk"), world.achieved(title="Phone")]
    say(world, views[0])
    world.clock.forward(days=3)
    world.write("petra", meetings.add_meeting, slug=world.plan, on=world.clock.today + timedelta(days=2))

    def stored(uow: Any) -> list[Any]:
        found = []
        for view in views:
            case = read_case(uow, key(view))
            moment = case.milestone.update_due_from
            found.append((moment and london_day(moment), rules.due_on(facts_of(case.milestone), case.settings)))
        return found

    for was, now in world.read("petra", stored):
        assert was == now
