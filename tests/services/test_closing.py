"""Closing a plan: what it takes, where open items went, and that nothing in it changes any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.domain.change_requests import Agreement
from app.domain.closing import Destination
from app.domain.milestones import MilestoneView
from app.domain.plans import MilestoneFilters
from app.domain.refusals import Forbidden, Invalid, NotFound, Refused, Stale
from app.domain.timelines import TimelineFilters
from app.domain.words import ChangeKind, DateSetter, PlanState, Rag, ReviewOutcome, Role, Scope, Status
from app.services import (
    audit_events,
    change_requests,
    closing,
    evidence,
    exception_reports,
    meetings,
    milestones,
    people,
    plan_home,
    plan_parts,
    plan_structure,
    plans,
    timelines,
    updates,
)
from app.services.plan_structure import PartKey
from tests.factories import World, key, members

ELSEWHERE = Destination("The service plan of First Response")


def close(world: World, who: str = "sam", **given: Any) -> Any:
    return world.write(who, closing.close_plan, **{"slug": world.plan, "reason": "It has done its work", **given})


def wrong(attempt: Callable[[], Any]) -> dict[str, str]:
    with pytest.raises(Invalid) as invalid:
        attempt()
    return {error.pointer: error.code for error in invalid.value.errors}


def also_in(world: World, who: str, role: Role) -> None:
    """Give somebody a role in the other plan, and let the actor know of it."""
    members(world, {who: (role,)}, plan_id_of(world, world.other_plan))


def plan_id_of(world: World, slug: str) -> str:
    return world.read("max", plans.get_plan, slug=slug).id


def test_each_open_item_says_where_it_went_and_the_plan_is_closed(world: World) -> None:
    also_in(world, "sam", Role.SENIOR_OFFICER)
    late = world.milestone(title="Late", due_date=world.clock.today, start_date=None)
    done = world.completed(title="Reported complete")
    achieved = world.achieved(title="Achieved")
    world.clock.forward(days=3)
    view = close(
        world,
        items={"M-01": Destination("Into the service plan"), late.row.id: Destination("As M-07", world.other_plan)},
        rest=ELSEWHERE,
    )

    assert (view.state, view.closed_on) == (PlanState.CLOSED, world.clock.today)
    found = world.read("ada", closing.closed, slug=world.plan)
    assert found.reason == "It has done its work"
    assert [(item.ref, item.status, item.carried_over.words, item.carried_over.rag) for item in found.items] == [
        ("M-01", Status.NOT_STARTED, "Into the service plan", Rag.AMBER),
        ("M-02", Status.NOT_STARTED, "As M-07", Rag.RED),
        ("M-03", Status.COMPLETED, ELSEWHERE.words, Rag.GREEN),
    ]
    seen = world.seen(late, by="sam").row
    assert seen.carried_over is not None
    assert seen.carried_over.plan == ("other-plan", "Another plan")
    # Who does not know of the other plan learns that there is one, and no more.
    hidden = world.seen(late, by="petra").row.carried_over
    assert hidden is not None
    assert (hidden.plan, hidden.elsewhere) == (None, True)
    assert world.seen(done).row.rag is None
    assert world.seen(achieved).row.carried_over is None


def test_nothing_in_a_closed_plan_is_an_exception_or_green(world: World) -> None:
    world.milestone(title="Late", due_date=world.clock.today)
    world.achieved(title="Achieved")
    world.clock.forward(days=9)
    assert world.read("sam", exception_reports.count_now, plan_id=world.plan_id) == 2
    close(world, rest=ELSEWHERE)
    for days in (0, 400):
        world.clock.forward(days=days)
        assert world.read("sam", exception_reports.count_now, plan_id=world.plan_id) == 0
        [summary] = [one for one in world.read("sam", plans.list_plans) if one.plan.slug == world.plan]
        counts = summary.counts
        assert (counts.red, counts.amber, counts.green, counts.not_due) == (0, 0, 0, 0)
        assert (counts.carried_over, counts.achieved, counts.live) == (2, 1, 3)
        page = world.read("sam", milestones.list_milestones, slug=world.plan, filters=MilestoneFilters())
        assert [row.rag for row in page.items] == [None, None, None]
        assert [row.carried_over is not None for row in page.items] == [True, True, False]
        green = MilestoneFilters(rag=Rag.GREEN)
        assert world.read("sam", milestones.list_milestones, slug=world.plan, filters=green).items == ()


def test_slips_and_days_stand_as_they_stood_when_it_was_closed(world: World) -> None:
    late = world.milestone(title="Late", due_date=world.clock.today)
    world.clock.forward(days=10)
    close(world, rest=ELSEWHERE)
    then = world.seen(late).row.slip_days
    world.clock.forward(days=100)
    assert (then, world.seen(late).row.slip_days) == (10, 10)


def test_everything_that_was_left_out_is_named_at_once_and_nothing_changes(world: World) -> None:
    world.milestone(title="Second")
    world.achieved(title="Achieved")
    assert wrong(lambda: close(world)) == {"/items/M-01": "required", "/items/M-02": "required"}
    assert wrong(lambda: close(world, items={"M-01": ELSEWHERE, "M-03": ELSEWHERE, "M-99": ELSEWHERE})) == {
        "/items/M-03": "not_open", "/items/M-99": "not_open", "/items/M-02": "required",
    }  # fmt: skip
    assert wrong(lambda: close(world, reason=" ", rest=ELSEWHERE)) == {"/reason": "required"}
    assert wrong(lambda: close(world, rest=Destination("x" * 1001))) == {"/rest": "too_long"}
    assert world.read("sam", plans.get_plan, slug=world.plan).state is PlanState.APPROVED


@pytest.mark.parametrize("slug", ["safeguarding-plan", "no-such-plan", "other-plan"])
def test_an_item_goes_to_another_plan_that_one_knows_of(world: World, slug: str) -> None:
    """Not to the plan itself, to none, nor to one that the senior officer has no part in."""
    assert wrong(lambda: close(world, rest=Destination(plan=slug))) == {"/rest": "unknown_plan"}


def test_no_item_goes_to_a_closed_plan(world: World) -> None:
    also_in(world, "sam", Role.SENIOR_OFFICER)
    theme = world.write("zoe", plan_parts.add_theme, slug=world.other_plan, title="Elsewhere").id
    action = world.write("zoe", plan_parts.add_action, slug=world.other_plan, theme=theme, title="Elsewhere").id
    world.milestone(by="zoe", slug=world.other_plan, action=action, owner=None)
    world.write("sam", plans.approve_plan, slug=world.other_plan, body="Trust", meeting="March")
    close(world, slug=world.other_plan, rest=Destination(plan=world.plan))
    assert wrong(lambda: close(world, rest=Destination(plan=world.other_plan))) == {"/rest": "unknown_plan"}
    assert world.read("sam", closing.to_close, slug=world.plan).plans == ()


def test_a_draft_and_a_closed_plan_are_not_closed(world: World) -> None:
    also_in(world, "sam", Role.SENIOR_OFFICER)
    with pytest.raises(Refused) as draft:
        close(world, slug=world.other_plan, rest=ELSEWHERE)
    assert "This one is draft" in draft.value.reasons[0].message
    world.close()
    with pytest.raises(Refused) as again:
        close(world, rest=ELSEWHERE)
    assert again.value.codes == ("plan_not_approved",)
    newest = world.read("ada", audit_events.list_events, slug=world.plan, limit=1)[0][0]
    assert newest.event == "plan_closure_refused"


def test_while_something_waits_in_the_inbox_the_plan_is_not_closed(world: World) -> None:
    view = world.milestone(title="Police data", supporting_organisations=["metropolitan-police"])
    item = world.attached(view, by=world.key_actor(Scope.EVIDENCE_WRITE))
    with pytest.raises(Refused) as refused:
        close(world, rest=ELSEWHERE)
    assert refused.value.codes == ("submissions_waiting",)
    assert world.read("sam", closing.to_close, slug=world.plan).unmet[0].code == "submissions_waiting"
    world.accepted(view, item)
    assert close(world, rest=ELSEWHERE).state is PlanState.CLOSED


def test_who_does_not_know_of_an_open_item_does_not_close_the_plan(world: World) -> None:
    world.milestone(title="Kept", restricted_to=["haringey-council"])
    with pytest.raises(Refused) as refused:
        close(world, "nora", rest=ELSEWHERE)
    assert refused.value.codes == ("items_withheld",)
    assert "A senior officer of Haringey Council closes the plan" in refused.value.reasons[0].message
    assert [row.ref for row in world.read("nora", closing.to_close, slug=world.plan).items] == ["M-01"]
    close(world, rest=ELSEWHERE)
    assert [item.ref for item in world.read("nora", closing.closed, slug=world.plan).items] == ["M-01"]


def test_it_takes_a_senior_officer(world: World) -> None:
    for who in ("petra", "connie", "ada", "olive", "max"):
        for attempt in (closing.to_close, closing.close_plan):
            given = {"reason": "Mine", "rest": ELSEWHERE} if attempt is closing.close_plan else {}
            with pytest.raises(Forbidden):
                world.write(who, attempt, slug=world.plan, **given)
    with pytest.raises(NotFound):
        close(world, "zoe", rest=ELSEWHERE)
    with pytest.raises(Stale):
        close(world, rest=ELSEWHERE, if_match="0")


def test_the_worst_comes_first_of_what_is_open(world: World) -> None:
    world.milestone(title="Fine", due_date=world.clock.today + timedelta(days=90))
    world.milestone(title="Late", due_date=world.clock.today)
    world.clock.forward(days=2)
    found = world.read("sam", closing.to_close, slug=world.plan)
    assert found.items[0].title == "Late"
    assert {row.ref for row in found.items} == {"M-01", "M-02", "M-03"}
    assert found.unmet == ()


def test_an_achievement_whose_evidence_has_ended_is_open_again(world: World) -> None:
    view = world.completed(title="Insured")
    world.attached(view, effective_to=world.clock.today + timedelta(days=2))
    world.write("petra", milestones.mark_achieved, milestone=key(view))
    world.clock.forward(days=5)
    assert "M-02" in {row.ref for row in world.read("sam", closing.to_close, slug=world.plan).items}
    close(world, rest=ELSEWHERE)
    assert world.seen(view).row.status is Status.COMPLETED


def test_the_trail_says_where_each_item_went(world: World) -> None:
    close(world, rest=ELSEWHERE)
    lines, _ = world.read("ada", audit_events.list_events, slug=world.plan, limit=2)
    assert {line.event for line in lines} == {"plan_closed", "milestone_carried_over"}
    carried = next(line for line in lines if line.event == "milestone_carried_over")
    assert (carried.item_ref, carried.texts) == ("M-01", {"carried_over": ELSEWHERE.words})


def attempts(world: World, open_one: MilestoneView, done: MilestoneView, item: str) -> dict[str, Callable[[], Any]]:
    """Every way to change something in a plan."""
    today, write = world.clock.today, world.write
    return {
        "plan": lambda: write("petra", plans.edit_plan, slug=world.plan, changes={"title": "New"}, if_match=None),
        "theme": lambda: write("petra", plan_parts.add_theme, slug=world.plan, title="More"),
        "action": lambda: write("petra", plan_parts.add_action, slug=world.plan, theme=world.theme, title="More"),
        "rename": lambda: write("petra", plan_structure.edit_theme, theme=PartKey(id=world.theme),
                                changes={"title": "x"}, if_match=None),
        "meeting": lambda: write("petra", meetings.add_meeting, slug=world.plan, on=today + timedelta(days=7)),
        "milestone": lambda: world.milestone(title="One more"),
        "facts": lambda: write("petra", milestones.edit_milestone, milestone=key(open_one),
                               changes={"title": "New"}, if_match=None),
        "start": lambda: write("petra", milestones.start, milestone=key(open_one)),
        "complete": lambda: world.completed(open_one),
        "return": lambda: write("petra", milestones.return_to_progress, milestone=key(done), reason="No"),
        "achieve": lambda: write("petra", milestones.mark_achieved, milestone=key(done)),
        "reopen": lambda: write("petra", milestones.reopen, milestone=key(done), reason="No",
                                due_date=today + timedelta(days=30)),
        "update": lambda: write("connie", updates.add_update, milestone=key(open_one), narrative="On we go"),
        "lift": lambda: write("sam", milestones.lift_declaration, milestone=key(open_one), reason="It has passed"),
        "attach": lambda: world.attached(open_one),
        "review": lambda: write("sam", evidence.review_evidence, evidence=item, outcome=ReviewOutcome.REJECTED,
                                relevance=1, robustness=1, reason="No"),
        "withdraw": lambda: write("petra", evidence.withdraw_evidence, evidence=item, reason="No"),
        "link": lambda: write("petra", evidence.link_evidence, evidence=item, milestone=key(open_one)),
        "change": lambda: write("petra", change_requests.request_change, milestone=key(open_one), reason="Later",
                                kind=ChangeKind.DUE_DATE, due_date=today + timedelta(days=60)),
        "approve": lambda: write("sam", plans.approve_plan, slug=world.plan, body="Trust", meeting="March"),
    }  # fmt: skip


def test_nothing_in_a_closed_plan_changes_any_more(world: World) -> None:
    open_one, done = world.milestone(title="Open"), world.completed(title="Done")
    item = world.attached(done).id
    declared = {"narrative": "On we go", "declared_rag": Rag.AMBER, "rationale": "Two posts are vacant"}
    world.write("connie", updates.add_update, milestone=key(open_one), **declared)
    world.close()
    before = world.read("ada", audit_events.list_events, slug=world.plan, limit=200)[0]
    for name, attempt in attempts(world, open_one, done, item).items():
        with pytest.raises(Refused) as refused:
            attempt()
        assert {"plan_closed", "plan_not_approved", "plan_not_draft"} & set(refused.value.codes), name
    after = world.read("ada", audit_events.list_events, slug=world.plan, limit=200)[0]
    changed = [line.event for line in after[: len(after) - len(before)] if not line.event.endswith("_refused")]
    assert changed == []
    may = world.seen(done, by="sam").may
    assert not any((may.update, may.achieve, may.attach, may.review, may.edit, may.request_change, may.decide_change))
    page = world.seen(done, by="sam").evidence[0]
    assert (page.may_review, page.may_withdraw) == (False, False)


def test_what_was_achieved_in_a_closed_plan_stays_so(world: World) -> None:
    """Its evidence may end and its owner may leave: the plan stands and counts as on the day it was closed."""
    view = world.completed(title="Done", due_date=world.clock.today)
    world.attached(view, effective_to=world.clock.today + timedelta(days=3))
    world.write("petra", milestones.mark_achieved, milestone=key(view))
    world.close()
    version = world.seen(view).row.version
    world.clock.forward(days=10)
    world.write("max", people.record_leaving, email="contributor@haringey.example")
    after = world.seen(view)
    assert (after.row.status, after.row.version) == (Status.ACHIEVED, version)
    assert world.read("ada", audit_events.list_events, slug=world.plan, limit=1)[0][0].event == "plan_closed"
    counts = world.read("petra", plan_home.plan_home, slug=world.plan).counts
    assert (counts.achieved, counts.evidence_outstanding) == (1, 0)
    [summary] = world.read("petra", plans.list_plans)
    assert (summary.achieved_of_due, summary.due_to_date) == (1, 1)
    for status, refs in (("achieved", ["M-02"]), ("evidence_outstanding", []), ("due_to_date", ["M-02"])):
        filters = MilestoneFilters(status=status)
        page = world.read("petra", milestones.list_milestones, slug=world.plan, filters=filters)
        assert [row.ref for row in page.items] == refs, status
    timeline = world.read("petra", timelines.plan_timeline, slug=world.plan, filters=TimelineFilters())
    assert {item.ref: item.status for item in timeline.items}["M-02"] is Status.ACHIEVED


def test_what_an_outside_body_set_and_what_is_ones_own_is_not_dropped_by_closing_the_plan(world: World) -> None:
    asked, mine = world.milestone(due_set_by=DateSetter.OFSTED), world.milestone(owner=world.people["sam"].id)
    with pytest.raises(Refused) as own:
        close(world, rest=ELSEWHERE)
    assert own.value.codes == ("own_items",)
    assert f"You own {mine.row.ref}, still open" in own.value.reasons[0].message
    assert [one.code for one in world.read("sam", closing.to_close, slug=world.plan).unmet] == ["own_items"]
    with pytest.raises(Refused) as missing:
        close(world, "nora", rest=ELSEWHERE)
    assert missing.value.codes == ("agreement_missing",)
    assert f"set by Ofsted ({asked.row.ref})" in missing.value.reasons[0].message
    assert world.read("nora", closing.to_close, slug=world.plan).agreeing == f"Ofsted ({asked.row.ref})"
    tomorrow = world.clock.today + timedelta(days=1)
    with pytest.raises(Invalid) as wrong:
        close(world, "nora", rest=ELSEWHERE, agreement=Agreement("", tomorrow, ""))
    assert {one.pointer for one in wrong.value.errors} == {"/agreement/by", "/agreement/on", "/agreement/reference"}
    agreement = Agreement("The lead inspector", world.clock.today, "Letter of 2 March")
    assert close(world, "nora", rest=ELSEWHERE, agreement=agreement).state is PlanState.CLOSED
    lines, _ = world.read("ada", audit_events.list_events, slug=world.plan, limit=9)
    closed = next(line for line in lines if line.event == "plan_closed")
    assert (closed.texts["agreed_by"], closed.facts["agreed_on"]) == ("The lead inspector", str(world.clock.today))
