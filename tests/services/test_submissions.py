"""The inbox behind both doors: receipts, reading, passing on, triage and what came of it, on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from app.domain.milestones import MilestoneKey
from app.domain.refusals import Forbidden, Invalid, NotFound, Refused, Stale
from app.domain.submissions import Choice, Followed, InboxFilters, SubmissionItem
from app.domain.words import Rag, Scope, Status, SubmissionKind, SubmissionState, TurnedInto
from app.services import (
    audit_events,
    evidence,
    milestones,
    receipts,
    searches,
    submission_measures,
    submissions,
    triage,
)
from app.services.submissions import SubmissionKey
from tests.factories import NHS, POLICE, World, key

LOGGED, RETURNED = SubmissionState.LOGGED, SubmissionState.RETURNED
HANDED = {"handed_to": "The referral team", "their_reference": "MASH/77"}


def letter(world: World, by: Any = "nat", **given: Any) -> SubmissionItem:
    facts = {"slug": world.plan, "title": "Late at weekends", "message": "Every week", **given}
    return world.write(by, receipts.send_correspondence, **facts)


def decide(world: World, item: Any, outcome: SubmissionState, *, by: str = "petra", if_match: str | None = None,
           **given: Any) -> SubmissionItem:  # fmt: skip
    return world.write(
        by, triage.triage, submission=SubmissionKey(id=item.id), choice=Choice(outcome, **given), if_match=if_match
    )


def seen(world: World, item: Any, by: Any = "petra") -> SubmissionItem:
    return world.read(by, submissions.get_submission, submission=SubmissionKey(id=item.id))


def refused(world: World, item: Any, outcome: SubmissionState = LOGGED, **given: Any) -> tuple[str, ...]:
    before = seen(world, item)
    with pytest.raises(Refused) as error:
        decide(world, item, outcome, **given)
    assert seen(world, item) == before
    return error.value.codes


def test_what_comes_from_outside_gets_a_receipt_and_its_clock_runs(world: World) -> None:
    item = letter(world, milestone="M-01", external_ref="NHS/7")
    assert (item.ref, item.kind, item.state, item.rag) == ("S-001", SubmissionKind.CORRESPONDENCE, "waiting", Rag.GREEN)
    assert item.triage_due_at == world.clock() + timedelta(hours=48)
    assert (item.concerned.ref if item.concerned else "", item.external_ref) == ("M-01", "NHS/7")
    assert letter(world, world.key_actor(Scope.EVIDENCE_WRITE)).organisation.slug == POLICE
    world.clock.forward(hours=50)
    late = seen(world, item)
    assert (late.hours, late.limit_hours, late.rag) == (50, 48, Rag.RED)
    with pytest.raises(Refused) as error:
        letter(world, "connie")
    assert error.value.codes == ("from_inside",)
    for who, kind in (("ada", Forbidden), ("zoe", NotFound), (world.key_actor(Scope.PLAN_READ), Forbidden)):
        with pytest.raises(kind):
            letter(world, who)
    with pytest.raises(Invalid):
        letter(world, milestone="M-99", title=" ")


def test_only_its_sender_and_who_may_know_the_whole_plan_know_of_it(world: World) -> None:
    item = letter(world)
    for who in ("petra", "sam", "ada", "nat", "nora"):
        assert seen(world, item, who).title == "Late at weekends"
    strangers: list[Any] = ["pol", "connie", "zoe", world.key_actor(Scope.PLAN_READ)]
    for who in strangers:
        with pytest.raises(NotFound):
            seen(world, item, who)
        if who != "zoe":
            assert world.read(who, submissions.list_submissions)[0] == ()
    assert world.read("pol", submissions.inbox_of, slug=world.plan).page.counts.waiting == 0
    for who in ("nat", "ada"):
        with pytest.raises(Forbidden):
            decide(world, item, LOGGED, by=who)
    # Nora is a senior officer, but of the organisation that sent it.
    assert refused(world, item, by="nora") == ("own_organisation",)


def test_a_milestone_kept_from_the_sender_is_named_nowhere(world: World) -> None:
    view = world.milestone(supporting_organisations=[NHS], owner=None)
    sent = world.attached(view, by="nat").submission
    assert sent is not None
    world.write(
        "petra", milestones.edit_milestone, milestone=key(view), changes={"restricted_to": [POLICE]}, if_match=None
    )
    assert seen(world, sent).concerned is not None
    hidden = seen(world, sent, "nat")
    assert (hidden.concerned, hidden.title) == (None, "Rota")
    decide(world, sent, LOGGED)
    assert (seen(world, sent, "nat").followed, seen(world, sent, "nat").followed_words) == (Followed.NOTHING_DUE, "")
    assert seen(world, sent).followed is Followed.NOTHING_YET


def test_unread_first_then_read_each_oldest_first_page_by_page(world: World) -> None:
    sent = []
    for _ in range(5):
        sent.append(letter(world))
        world.clock.forward(hours=1)
    world.write("petra", triage.mark_read, submission=SubmissionKey(id=sent[0].id))
    world.write("sam", triage.mark_read, submission=SubmissionKey(id=sent[0].id))
    assert seen(world, sent[0]).read_by == "Programme Manager"
    refs, cursor = [], None
    while True:
        found = world.read("petra", submissions.inbox_of, slug=world.plan, limit=2, cursor=cursor).page
        refs += [item.ref for item in found.items]
        cursor = found.next_cursor
        letter(world, "pol")  # a cursor survives inserts
        if cursor is None:
            break
    assert [ref for ref in refs if ref <= "S-005"] == ["S-002", "S-003", "S-004", "S-005", "S-001"]
    everywhere = world.read("petra", submissions.inboxes)
    assert everywhere.items[0].ref == "S-002"
    assert world.read("connie", submissions.inboxes).items == ()
    only = world.read("petra", submissions.inbox_of, slug=world.plan, filters=InboxFilters(organisation=POLICE)).page
    assert {item.organisation.slug for item in only.items} == {POLICE}
    assert (only.matching, only.counts.waiting) == (len(only.items), len(only.items) + 5)
    for cursor in ("x", "WzEsICJ4IiwgImEiXQ"):
        with pytest.raises(Invalid):
            world.read("petra", submissions.inbox_of, slug=world.plan, cursor=cursor)


def test_logged_evidence_is_then_reviewed_and_counts_as_followed_once_its_milestone_is_achieved(world: World) -> None:
    view = world.completed(world.milestone())
    item = world.attached(view, by="nat")
    assert item.submission is not None
    done = decide(world, item.submission, LOGGED, reason="Thank you")
    assert (done.state, done.triaged_by, done.reason, done.rag) == (LOGGED, "Programme Manager", "Thank you", None)
    assert seen(world, item.submission, "nat").reason == "Thank you"
    world.accepted(view, item)
    assert seen(world, item.submission).followed is Followed.UNDER_WAY
    world.write("petra", milestones.mark_achieved, milestone=key(view))
    after = seen(world, item.submission)
    assert (after.followed, after.followed_words) == (Followed.DONE, "M-02 achieved 2 March 2026")
    events, _ = world.read("petra", audit_events.list_events, slug=world.plan, item=item.submission.id)
    assert [event.event for event in events] == ["submission_triaged", "submission_received"]


def test_returned_evidence_stops_counting_and_its_milestone_falls_back_in_the_same_moment(world: World) -> None:
    view = world.completed(world.milestone())
    item = world.attached(view, by="nat")
    world.write("petra", milestones.mark_achieved, milestone=key(view))
    with pytest.raises(Invalid) as error:
        decide(world, item.submission, RETURNED, reason=" ")
    assert [one.pointer for one in error.value.errors] == ["/reason"]
    decide(world, item.submission, RETURNED, reason="Names of children must be removed")
    row = world.seen(view).row
    assert (row.status, row.evidence.counting) == (Status.COMPLETED, 0)
    kept = world.read("petra", evidence.get_evidence, evidence=item.id)
    assert (kept.state, kept.links[0].reason) == ("returned", "Names of children must be removed")
    assert seen(world, item.submission).followed_words == "Not sent again after 0 days"
    world.clock.forward(hours=1)
    world.attached(view, by="nat")
    assert seen(world, item.submission).followed is Followed.DONE


def test_turned_into_a_milestone_or_an_action_it_is_followed_through_when_that_is_achieved(world: World) -> None:
    given: dict[str, Any] = {"into": TurnedInto.MILESTONE, "parent": world.action, "owner": world.people["connie"].id,
             "due_date": world.clock.today + timedelta(days=30), "title": "Notify at weekends"}  # fmt: skip
    item = letter(world)
    with pytest.raises(Forbidden):
        decide(world, item, SubmissionState.TURNED_INTO, by="sam", **given)
    assert refused(world, item, SubmissionState.TURNED_INTO, into=TurnedInto.RISK) == ("no_risk_register",)
    with pytest.raises(Invalid):
        decide(world, item, SubmissionState.TURNED_INTO, into=TurnedInto.ACTION)
    done = decide(world, item, SubmissionState.TURNED_INTO, **given)
    assert done.made is not None
    assert (done.made.ref, done.made.title, done.followed) == ("M-02", "Notify at weekends", Followed.NOTHING_YET)
    made = world.read("petra", milestones.get_milestone, milestone=MilestoneKey(id=done.made.id))
    world.achieved(made)
    assert seen(world, item).followed is Followed.DONE
    other = decide(world, letter(world), SubmissionState.TURNED_INTO, into=TurnedInto.ACTION, parent=world.theme)
    assert other.made is not None
    assert (other.made.kind, other.made.title, other.followed) == (
        TurnedInto.ACTION, "Late at weekends", Followed.NOTHING_YET)  # fmt: skip


def test_what_was_misdirected_is_closed_to_all_but_who_triaged_it_and_senior_officers(world: World) -> None:
    view = world.milestone(supporting_organisations=[NHS])
    item = world.attached(view, by="nat", description="About a child")
    tomorrow = world.clock.today + timedelta(days=1)
    with pytest.raises(Invalid) as error:
        decide(world, item.submission, SubmissionState.MISDIRECTED, handed_on=tomorrow)
    assert {one.pointer for one in error.value.errors} == {"/handed_to", "/handed_on", "/their_reference"}
    decide(world, item.submission, SubmissionState.MISDIRECTED, handed_on=world.clock.today, **HANDED)
    for who in ("petra", "sam"):
        open_still = seen(world, item.submission, who)
        assert (open_still.title, open_still.message) == ("Rota", "About a child")
    for who in ("ada", "nat"):
        closed = seen(world, item.submission, who)
        assert (closed.closed, closed.message, closed.evidence) == (True, None, None)
        assert "Rota" not in closed.title
        assert (closed.handed_to, closed.their_reference) == ("The referral team", "MASH/77")
        kept = world.read(who, evidence.get_evidence, evidence=item.id)
        assert ("Rota" in kept.title, kept.description, kept.file_name, kept.may_open) == (False, None, None, False)
        with pytest.raises(Forbidden):
            world.write(who, evidence.open_content, evidence=item.id)
        assert world.read(who, searches.search, asked="Rota", slug=world.plan).evidence.hits == ()
    with pytest.raises(Refused) as refusal:
        world.accepted(view, item)
    assert refusal.value.codes == ("evidence_misdirected",)
    lines, _ = world.read("ada", audit_events.list_events, slug=world.plan)
    assert "About a child" not in str(lines)
    assert "About a child" in str(world.read("sam", audit_events.list_events, slug=world.plan)[0])


def test_passing_it_on_leaves_the_clock_running_and_goes_only_to_who_triages(world: World) -> None:
    item = letter(world)

    def pass_to(who: str, **given: Any) -> SubmissionItem:
        return world.write("petra", triage.pass_on, submission=SubmissionKey(id=item.id), person=who, **given)

    passed = pass_to(world.people["sam"].id)
    assert (passed.passed_to, passed.triage_due_at, passed.state) == (
        "Director of Services", item.triage_due_at, "waiting")  # fmt: skip
    for who in ("connie", "nora"):
        with pytest.raises(Refused) as error:
            pass_to(world.people[who].id)
        assert error.value.codes == ("cannot_triage",)
    with pytest.raises(Invalid):
        pass_to("nobody")
    with pytest.raises(Stale):
        pass_to(world.people["sam"].id, if_match="0")
    mine = world.read("sam", submissions.inboxes, filters=InboxFilters(passed_to_me=True))
    assert [one.ref for one in mine.items] == ["S-001"]
    assert world.read("petra", submissions.inboxes, filters=InboxFilters(passed_to_me=True)).items == ()


def test_like_submissions_get_one_answer_all_of_them_or_none(world: World) -> None:
    alike = [letter(world) for _ in range(3)]
    other = letter(world, "pol")

    def together(*items: SubmissionItem, **given: Any) -> int:
        keys = [SubmissionKey(plan=world.plan, ref=one.ref) for one in items]
        return world.write("petra", triage.triage_together, submissions=keys, choice=Choice(RETURNED, **given))

    with pytest.raises(Refused) as error:
        together(*alike, other, reason="Sent twice")
    assert error.value.codes == ("not_alike",)
    decide(world, alike[2], LOGGED)
    with pytest.raises(Refused) as error:
        together(*alike, reason="Sent twice")
    assert error.value.codes == ("already_triaged",)
    assert seen(world, alike[0]).state == "waiting"
    assert together(*alike[:2], reason="Sent twice") == 2
    assert [seen(world, one).reason for one in alike[:2]] == ["Sent twice", "Sent twice"]
    with pytest.raises(Invalid):
        together()
    assert world.read("petra", submissions.inbox_of, slug=world.plan).page.counts.waiting == 1


def test_of_two_who_triage_the_same_thing_at_once_one_hears_what_the_other_did(world: World) -> None:
    item = letter(world)
    gate = threading.Barrier(2)
    decided: list[SubmissionItem] = []
    told: list[Refused] = []

    def answer(who: str, outcome: SubmissionState) -> None:
        gate.wait()
        try:
            decided.append(decide(world, item, outcome, by=who, reason=f"By {who}"))
        except Refused as error:
            told.append(error)

    people = [threading.Thread(target=answer, args=given) for given in (("petra", LOGGED), ("sam", RETURNED))]
    for person in people:
        person.start()
    for person in people:
        person.join()
    [done], [refusal] = decided, told
    assert refusal.codes == ("already_triaged",)
    assert refusal.reasons[0].extra["triaged_by"] == done.triaged_by
    assert str(done.triaged_by) in refusal.reasons[0].message
    assert seen(world, item) == done
    lines, _ = world.read("petra", audit_events.list_events, slug=world.plan, item=item.id)
    assert [line.event for line in lines] == [
        "submission_triage_refused", "submission_triaged", "submission_received"]  # fmt: skip


def test_a_program_polls_what_has_changed_since_in_that_order(world: World) -> None:
    first, start = letter(world), world.clock()
    world.clock.forward(hours=1)
    letter(world)
    world.clock.forward(hours=1)
    decide(world, first, LOGGED)
    key_of_nhs = world.key_actor(Scope.EVIDENCE_WRITE, organisation=NHS)
    for who in ("nat", key_of_nhs):
        items, more = world.read(who, submissions.list_submissions, slug=world.plan, since=start, limit=1)
        assert ([item.ref for item in items], more is not None) == (["S-002"], True)
        items, more = world.read(who, submissions.list_submissions, slug=world.plan, since=start, cursor=more)
        assert ([item.ref for item in items], more) == (["S-001"], None)
    with pytest.raises(NotFound):
        world.read("zoe", submissions.list_submissions, slug=world.plan)


def test_the_measures_say_what_came_in_and_how_it_fared(world: World) -> None:
    for hours in (5, 47, 60):
        item = letter(world)
        world.clock.forward(hours=hours)
        decide(world, item, LOGGED)
    letter(world)
    found = world.read("petra", submission_measures.get_measures, slug=world.plan)
    recent = found.recent
    assert (recent.received, recent.in_time, recent.decided, recent.waiting) == (4, 2, 3, 1)
    assert (recent.median_hours, recent.longest_hours, recent.to_follow) == (47, 60, 0)
    assert (found.weeks[-1].received, found.weeks[0].received) == (4, 0)
    assert world.read("pol", submission_measures.get_measures, slug=world.plan).recent.received == 0
    world.clock.forward(days=40)
    later = world.read("petra", submission_measures.get_measures, slug=world.plan)
    assert (later.recent.received, later.weeks[-7].longest_hours) == (0, 960)
