"""An upload by a key that needs a release does not exist for the council before, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.domain.actors import Actor
from app.domain.evidence import EvidenceView
from app.domain.held_uploads import HeldState, HeldUpload
from app.domain.refusals import Forbidden, Invalid, NotFound, Refused, Stale
from app.domain.submissions import Choice
from app.domain.words import Marking, Rag, Scope, Status, SubmissionState
from app.models import AuditEvent, Evidence, HeldUploadRow, PlanCounter, Submission
from app.services import evidence, held_uploads, milestones, submissions, triage
from app.services.submissions import SubmissionKey
from tests.factories import NHS, POLICE, World, key, upload


def sent(world: World, by: Actor, view: Any = None, **given: Any) -> HeldUpload:
    view = view or world.milestone(supporting_organisations=[POLICE])
    facts = {"title": "  Discussion log ", "upload": upload(), "description": "Week 9", **given}
    found = world.write(by, held_uploads.attach_or_hold, milestone=key(view), **facts)
    assert isinstance(found, HeldUpload)
    return found


def rows(world: World, model: Any, *columns: Any) -> list[Any]:
    statement = select(*(columns or (func.count(),))).select_from(model)
    return world.database.read(
        lambda uow: list(uow.session.execute(statement).all()), actor=world.people["max"], now=world.clock()
    )


def test_what_needs_a_release_is_nowhere_until_a_person_of_that_agency_lets_it_through(world: World) -> None:
    partner = world.key_actor(Scope.EVIDENCE_WRITE, needs_release=True)
    view = world.completed(world.milestone(owner=world.people["pol"].id, organisation=POLICE), by="pol")
    before = [rows(world, model) for model in (Evidence, Submission, PlanCounter)]
    arrived = world.clock()
    held = sent(world, partner, view)
    assert (held.title, held.said, held.state, held.arrived_at) == (
        "Discussion log",
        "Week 9",
        "awaiting_release",
        arrived,
    )
    assert held.marking is Marking.OFFICIAL
    # In no table that anybody else reads from, and no reference was used up.
    assert [rows(world, model) for model in (Evidence, Submission, PlanCounter)] == before
    told = [row for row in rows(world, AuditEvent, AuditEvent.chain, AuditEvent.event) if row.event == "upload_held"]
    assert [row.chain for row in told] == ["-"]
    with pytest.raises(Refused) as error:
        world.write("petra", milestones.mark_achieved, milestone=key(view))
    assert error.value.codes == ("evidence_required",)
    for who in (
        "petra",
        "sam",
        "ada",
        "nat",
        "nora",
        "max",
        "zoe",
        world.key_actor(Scope.EVIDENCE_WRITE, organisation=NHS),
    ):
        for asked, name in ((held_uploads.get_held, "upload"), (held_uploads.evidence_or_held, "evidence")):
            with pytest.raises((NotFound, Forbidden)):
                world.read(who, asked, **{name: held.id})
        assert world.read(who, held_uploads.list_held) == ()
        with pytest.raises(NotFound):
            world.write(who, held_uploads.release, upload=held.id)
    assert world.read("petra", submissions.inbox_of, slug=world.plan).page.counts.waiting == 0
    # Its sender polls it, and its own people see it.
    [polled], _ = world.read(partner, held_uploads.poll)
    assert polled == held == world.read(partner, held_uploads.submission_or_held, submission=held.submission_id)
    assert [one.id for one in world.read("pol", held_uploads.list_held)] == [held.id]
    assert (world.read("pol", held_uploads.count_held), world.read("petra", held_uploads.count_held)) == (1, 0)
    with pytest.raises(Forbidden):
        world.write(partner, held_uploads.release, upload=held.id)

    world.clock.forward(days=3)
    released = world.write("pol", held_uploads.release, upload=held.id)
    assert (released.state, released.decided_by) == (HeldState.RELEASED, "Police Analyst")
    item = world.read("petra", held_uploads.evidence_or_held, evidence=held.id)
    assert isinstance(item, EvidenceView)
    assert (item.received_at, item.provided_by, item.provided_by_id, item.description) == (
        arrived,
        "test key",
        None,
        "Week 9",
    )
    seen = world.read("petra", submissions.get_submission, submission=SubmissionKey(id=held.submission_id))
    assert (seen.received_at, seen.released_at, seen.triage_due_at) == (
        arrived, world.clock(), world.clock() + timedelta(hours=48)
    )  # fmt: skip
    assert (seen.hours, seen.limit_hours, seen.rag, seen.ref) == (0, 48, Rag.GREEN, "S-001")
    assert world.read("petra", submissions.inbox_of, slug=world.plan).measures.recent.waiting == 1
    [polled], _ = world.read(partner, held_uploads.poll, since=released.changed_at)
    assert (polled.id, polled.state) == (held.submission_id, "waiting")
    world.write("petra", milestones.mark_achieved, milestone=key(view))
    assert world.seen(view).row.status is Status.ACHIEVED
    for decide, more in ((held_uploads.release, {}), (held_uploads.take_back, {"reason": "No"})):
        with pytest.raises(Refused) as error:
            world.write("pol", decide, upload=held.id, **more)
        assert (error.value.codes, error.value.plan_id) == (("already_released",), None)
    # From here on it is a submission like any other.
    choice = Choice(SubmissionState.RETURNED, reason="Names of children must be removed")
    world.write("petra", triage.triage, submission=SubmissionKey(id=held.submission_id), choice=choice)
    assert world.seen(view).row.status is Status.COMPLETED


def test_what_is_taken_back_never_was_and_its_sender_reads_why(world: World) -> None:
    partner = world.key_actor(Scope.EVIDENCE_WRITE, needs_release=True)
    first, second = (
        world.write(partner, held_uploads.send_or_hold, slug=world.plan, title=title, message="Every week")
        for title in ("One", "Two")
    )
    assert isinstance(first, HeldUpload)
    assert isinstance(second, HeldUpload)
    with pytest.raises(Invalid):
        world.write("pol", held_uploads.take_back, upload=first.id, reason=" ")
    with pytest.raises(Stale):
        world.write("pol", held_uploads.take_back, upload=first.id, reason="Wrong", if_match="9")
    world.clock.forward(minutes=1)
    back = world.write("pol", held_uploads.take_back, upload=first.id, reason="Meant for another plan")
    assert (back.state, back.reason, back.said) == ("taken_back", "Meant for another plan", "Every week")
    with pytest.raises(Refused) as error:
        world.write("pol", held_uploads.release, upload=first.id)
    assert error.value.codes == ("already_taken_back",)
    assert world.read("petra", submissions.list_submissions)[0] == ()
    world.clock.forward(minutes=1)
    world.write("pol", held_uploads.release, upload=second.id)
    seen = world.read("petra", submissions.get_submission, submission=SubmissionKey(id=second.submission_id))
    assert (seen.ref, seen.message, seen.organisation.slug) == ("S-001", "Every week", POLICE)
    # Polled page by page, each once, in the order in which they changed.
    found: list[str] = []
    cursor = None
    while True:
        page, cursor = world.read(partner, held_uploads.poll, limit=1, cursor=cursor)
        found += [str(one.state) for one in page]
        if cursor is None:
            break
    assert found == ["taken_back", "waiting"]


def test_what_intake_refuses_is_refused_on_arrival_and_leaves_no_trace_in_the_plan(world: World) -> None:
    partner = world.key_actor(Scope.EVIDENCE_WRITE, needs_release=True)
    view = world.milestone(supporting_organisations=[POLICE])
    own = world.milestone(title="The council's own")
    with pytest.raises(NotFound):
        sent(world, partner, own)
    with pytest.raises(Invalid):
        sent(world, partner, view, title=" ")
    # No other way in is left open to such a key.
    with pytest.raises(Forbidden):
        world.write(partner, evidence.attach_evidence, milestone=key(view), title="Past it", upload=upload())
    held = sent(world, partner, view)
    world.close()
    before = rows(world, AuditEvent, AuditEvent.chain, AuditEvent.seq, AuditEvent.event)
    with pytest.raises(Refused) as error:
        sent(world, partner, view)
    assert error.value.codes == ("plan_closed",)
    with pytest.raises(Refused):
        world.write("pol", held_uploads.release, upload=held.id)
    more = set(rows(world, AuditEvent, AuditEvent.chain, AuditEvent.seq, AuditEvent.event)) - set(before)
    assert {row.chain for row in more} == {"-"}
    assert [row.state for row in rows(world, HeldUploadRow, HeldUploadRow.state)] == ["awaiting_release"]
