"""The main job through the services: completed, refused, evidenced, achieved, withdrawn, fallen back."""

from datetime import timedelta

import pytest

from app.domain.exception_reports import ExceptionFilters
from app.domain.refusals import Forbidden, NotFound, Refused, Stale
from app.domain.words import EvidencePolicy, Rag, Scope, Status
from app.services import audit_events, evidence, exception_reports, milestones
from tests.factories import World, key


def exceptions(world: World, who: str = "petra", **filters: object) -> list[str]:
    report = world.read(
        who,
        exception_reports.compile_report,
        slug=world.plan,
        filters=ExceptionFilters(**filters),  # type: ignore[arg-type]
    ).report
    return [row.item.ref for row in report.rows]


def test_the_whole_story(world: World) -> None:
    view = world.milestone(due_date=world.clock.today - timedelta(days=3))
    assert view.row.rag is Rag.RED
    view = world.completed(view)
    assert view.row.standing == "Not achieved: evidence outstanding"
    assert view.row.ref in exceptions(world)
    with pytest.raises(Refused) as refused:
        world.write("petra", milestones.mark_achieved, milestone=key(view))
    assert refused.value.codes == ("evidence_required",)
    item = world.attached(view, by=world.key_actor(Scope.EVIDENCE_WRITE, Scope.PLAN_READ))
    assert item.submission is not None
    world.write("petra", milestones.mark_achieved, milestone=key(view))
    view = world.seen(view)
    assert view.row.status is Status.ACHIEVED
    assert view.row.ref not in exceptions(world)
    world.clock.forward(days=1)
    world.write("petra", evidence.withdraw_evidence, evidence=item.id, reason="Sent for the wrong milestone")
    view = world.seen(view)
    assert view.row.status is Status.COMPLETED
    assert [reason.code for reason in view.row.reasons] == ["evidence_outstanding", "evidence_lapsed"]
    assert view.row.ref in exceptions(world)
    lines = world.read("ada", audit_events.list_events, slug=world.plan, limit=100)[0]
    events = {line.event: line.item_ref for line in lines}
    assert events["milestone_achievement_refused"] == view.row.ref
    assert "milestone_fell_back" in events
    assert [faults for _, _, faults in world.read("ada", lambda uow: list(audit_events.verify(uow)))] == [[], []]


def test_a_refusal_says_everything_at_once_and_changes_nothing(world: World) -> None:
    view = world.milestone()
    with pytest.raises(Refused) as refused:
        world.write("petra", milestones.mark_achieved, milestone=key(view))
    assert refused.value.codes == ("not_completed", "evidence_required")
    assert world.seen(view).row.version == view.row.version


def test_only_a_programme_manager_marks_achieved_and_a_stranger_learns_nothing(world: World) -> None:
    view = world.completed()
    world.attached(view)
    for who in ("sam", "connie", "ada", "pol", "olive"):
        with pytest.raises(Forbidden):
            world.write(who, milestones.mark_achieved, milestone=key(view))
    for who in ("zoe", "max"):
        with pytest.raises(NotFound):
            world.write(who, milestones.mark_achieved, milestone=key(view))


def test_a_stale_version_is_told_so(world: World) -> None:
    view = world.completed()
    world.attached(view)
    with pytest.raises(Stale):
        world.write("petra", milestones.mark_achieved, milestone=key(view), if_match=view.row.version)


def test_under_accepted_a_file_alone_is_not_enough(world: World) -> None:
    from app.services import plans

    view = world.completed()
    item = world.attached(view)
    world.write("sam", plans.change_policy, slug=world.plan, policy=EvidencePolicy.ACCEPTED)
    with pytest.raises(Refused) as refused:
        world.write("petra", milestones.mark_achieved, milestone=key(view))
    assert refused.value.codes == ("evidence_not_accepted",)
    world.accepted(view, item)
    assert world.write("petra", milestones.mark_achieved, milestone=key(view)).row.status is Status.ACHIEVED


def test_a_policy_change_lowers_what_no_longer_meets_it(world: World) -> None:
    from app.services import plans

    view = world.achieved()
    assert world.write("sam", plans.change_policy, slug=world.plan, policy=EvidencePolicy.ACCEPTED) == (view.row.ref,)
    assert world.seen(view).row.status is Status.COMPLETED


def test_neither_provider_nor_owner_reviews(world: World) -> None:
    view = world.completed()
    item = world.attached(view, by="sam")
    with pytest.raises(Refused) as refused:
        world.accepted(view, item, by="sam")
    assert refused.value.codes == ("own_evidence",)
    own = world.completed(world.milestone(owner=world.people["petra"].id), by="petra")
    item = world.attached(own)
    with pytest.raises(Refused) as refused:
        world.accepted(own, item, by="petra")
    assert refused.value.codes == ("own_milestone",)


def test_reopening_is_red_at_once_and_old_evidence_must_be_accepted_afresh(world: World) -> None:
    from app.services import change_requests

    view = world.achieved()
    world.clock.forward(days=2)
    due = world.clock.today + timedelta(days=20)
    world.write("petra", milestones.reopen, milestone=key(view), reason="The rota was never used", due_date=due)
    view = world.seen(view)
    assert (view.row.rag, [reason.code for reason in view.row.reasons]) == (Rag.RED, ["reopened"])
    assert view.row.evidence.counting == 0
    request = view.change_requests[0]
    world.write("sam", change_requests.decide_change, change_request=request.id, outcome="approved", reason="Agreed")
    view = world.seen(view)
    assert (view.row.rag, view.row.due_date, view.row.moves) == (Rag.GREEN, due, 1)
    world.clock.forward(hours=1)
    view = world.completed(view)
    with pytest.raises(Refused) as refused:
        world.write("petra", milestones.mark_achieved, milestone=key(view))
    assert refused.value.codes == ("evidence_required",)
    world.accepted(view, view.evidence[0])
    assert world.write("petra", milestones.mark_achieved, milestone=key(view)).row.status is Status.ACHIEVED


def test_expiry_counts_from_its_day_before_the_stored_state_has_caught_up(world: World) -> None:
    view = world.completed()
    world.attached(view, effective_to=world.clock.today + timedelta(days=5))
    world.write("petra", milestones.mark_achieved, milestone=key(view))
    view = world.seen(view)
    assert view.row.ref not in exceptions(world, on=world.clock.today + timedelta(days=5))
    assert view.row.ref in exceptions(world, on=world.clock.today + timedelta(days=6))
    world.clock.forward(days=6)
    view = world.seen(view)
    assert (view.row.status, view.row.rag, view.row.standing) == (
        Status.COMPLETED,
        Rag.AMBER,
        "Not achieved: evidence outstanding",
    )


def test_what_a_partner_sent_waits_until_it_is_reviewed_or_taken_back(world: World) -> None:
    view = world.milestone()
    reviewed, withdrawn = world.attached(view, by="pol"), world.attached(view, by="pol")
    world.clock.forward(hours=49)
    assert sorted(exceptions(world, kind="submission")) == ["S-001", "S-002"]
    assert exceptions(world, "nat", kind="submission") == []
    world.accepted(view, reviewed)
    world.write("pol", evidence.withdraw_evidence, evidence=withdrawn.id, reason="Sent twice")
    assert exceptions(world, kind="submission") == []
