"""What is stored of a milestone follows its history, whatever came in between: faults the state machine found."""

from datetime import timedelta

import pytest

from app.domain.exception_reports import ExceptionFilters
from app.domain.refusals import Refused
from app.domain.words import ChangeKind, EvidencePolicy, Rag, Status
from app.services import change_requests, exception_reports, jobs, meetings, milestones, plans, updates
from tests.factories import World, key


def reasons(world: World, ref: str) -> list[tuple[str, Rag]]:
    report = world.read("petra", exception_reports.compile_report, slug=world.plan, filters=ExceptionFilters()).report
    [found] = [row.item.reasons for row in report.rows if row.item.ref == ref] or [()]
    return [(str(reason.code), reason.colour) for reason in found]


@pytest.mark.parametrize("change", ["meeting", "policy"])
def test_a_change_of_the_plan_does_not_hide_that_evidence_has_ended(world: World, change: str) -> None:
    view = world.completed()
    world.attached(view, effective_to=world.clock.today + timedelta(days=5))
    world.write("petra", milestones.mark_achieved, milestone=key(view))
    world.clock.forward(days=8)
    assert reasons(world, view.row.ref)

    if change == "meeting":
        world.write("petra", meetings.add_meeting, slug=world.plan, on=world.clock.today)
    else:
        world.write("sam", plans.change_policy, slug=world.plan, policy=EvidencePolicy.ATTACHED)

    after = world.seen(view).row
    assert (after.status, after.rag) == (Status.COMPLETED, Rag.AMBER)
    assert after.since == world.clock.today - timedelta(days=2)
    assert jobs.fall_back_expired(world.database, world.clock()) == 0


def test_the_reasons_are_the_same_before_and_after_the_stored_state_has_followed_an_expiry(world: World) -> None:
    view = world.completed(due_date=world.clock.today - timedelta(days=1), start_date=None)
    world.attached(view, effective_to=world.clock.today)
    world.write("petra", milestones.mark_achieved, milestone=key(view))
    world.clock.forward(days=30)

    before = reasons(world, view.row.ref)
    assert jobs.fall_back_expired(world.database, world.clock()) == 1

    assert before == [("evidence_outstanding", Rag.RED), ("evidence_lapsed", Rag.RED)]
    assert reasons(world, view.row.ref) == before


def test_a_date_that_was_asked_for_before_the_start_was_moved_behind_it_is_not_approved(world: World) -> None:
    view = world.milestone(start_date=world.clock.today + timedelta(days=2))
    request = world.write(
        "petra",
        change_requests.request_change,
        milestone=key(view),
        kind=ChangeKind.DUE_DATE,
        due_date=world.clock.today + timedelta(days=5),
        reason="It can be done sooner",
    )
    later = {"start_date": world.clock.today + timedelta(days=10)}
    world.write("petra", milestones.edit_milestone, milestone=key(view), changes=later, if_match=None)

    with pytest.raises(Refused) as refused:
        world.write(
            "sam", change_requests.decide_change, change_request=request.id, outcome="approved", reason="Agreed"
        )

    assert refused.value.codes == ("due_before_start",)
    assert world.seen(view).row.due_date == view.row.due_date
    world.write("sam", change_requests.decide_change, change_request=request.id, outcome="declined", reason="No")


def test_what_is_stored_does_not_depend_on_a_write_between_an_expiry_and_the_report(world: World) -> None:
    views = [world.milestone(start_date=None, due_date=world.clock.today + timedelta(days=60)) for _ in range(2)]
    for view in views:
        world.attached(view, effective_to=world.clock.today + timedelta(days=5))
    world.clock.forward(days=10)
    world.write("petra", updates.add_update, milestone=key(views[0]), narrative="It goes on")
    world.clock.forward(days=10)
    for view in views:
        world.completed(view)
        request = world.write(
            "petra",
            change_requests.request_change,
            milestone=key(view),
            kind=ChangeKind.DUE_DATE,
            due_date=world.clock.today - timedelta(days=18),
            reason="It was agreed earlier",
        )
        world.write(
            "sam", change_requests.decide_change, change_request=request.id, outcome="approved", reason="So it was"
        )

    since = [world.seen(view).row.since for view in views]

    assert since == [world.clock.today - timedelta(days=17)] * 2
