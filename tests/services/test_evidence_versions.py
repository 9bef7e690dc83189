"""A newer version of evidence: what counts meanwhile, what it supersedes, and who may send one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.domain.refusals import Forbidden, Invalid, NotFound, Refused, Stale
from app.domain.words import EvidencePolicy, PersonalData, Scope, Status, SubmissionState
from app.models import AuditEvent, Evidence
from app.services import evidence, milestones, plans
from tests.factories import COUNCIL, NHS, POLICE, World, key, upload

_events: Any = AuditEvent.__table__  # type: ignore[attr-defined]


def stands(world: World, item: str) -> tuple[str, str | None]:
    """An item's state, and why it does not count for its first milestone."""
    view = world.read("petra", evidence.get_evidence, evidence=item)
    return view.state, view.links[0].why_not


def events(world: World, item: str) -> list[str]:
    statement = select(_events.c.event).where(_events.c.item_id == item).order_by(_events.c.seq)
    return world.read("petra", lambda uow: list(uow.session.execute(statement).scalars()))


def test_an_accepted_version_counts_until_its_successor_is_accepted(world: World) -> None:
    """The story of a milestone that stays achieved all the while, under the policy that asks for acceptance."""
    world.write("sam", plans.change_policy, slug=world.plan, policy=EvidencePolicy.ACCEPTED)
    milestone = world.completed()
    first = world.attached(milestone)
    world.accepted(milestone, first)
    world.write("petra", milestones.mark_achieved, milestone=key(milestone))

    second = world.version_of(first)

    assert (second.version_number, second.supersedes, second.ref != first.ref) == (2, first.id, True)
    assert (second.sha256 != first.sha256, second.received_at) == (True, world.clock())
    assert stands(world, first.id) == ("accepted", None)
    assert stands(world, second.id) == ("waiting", "not_reviewed")
    older = world.read("petra", evidence.get_evidence, evidence=first.id)
    assert [one.ref for one in older.versions] == [first.ref, second.ref]
    assert older.newer == older.versions[1]
    assert not older.may_replace

    # Turned down, the newer one changes nothing; the one after it supersedes both.
    world.accepted(milestone, second, outcome="rejected")
    assert stands(world, first.id) == ("accepted", None)
    third = world.version_of(second)
    world.accepted(milestone, third)
    assert [stands(world, one.id) for one in (first, second, third)] == [
        ("superseded", "superseded"), ("superseded", "rejected"), ("accepted", None),
    ]  # fmt: skip
    assert world.seen(milestone).row.status is Status.ACHIEVED
    assert world.seen(milestone).row.evidence.counting == 1
    assert events(world, first.id) == ["evidence_attached", "evidence_reviewed", "evidence_superseded"]
    assert events(world, third.id) == ["evidence_version_added", "evidence_reviewed"]

    # A review belongs to the version that it saw: the older one keeps its own, and is not reviewed again.
    older = world.read("petra", evidence.get_evidence, evidence=first.id)
    assert (older.links[0].outcome, older.links[0].reviewed_by) == ("accepted", "Director of Services")
    with pytest.raises(Refused) as refused:
        world.accepted(milestone, first)
    assert refused.value.codes == ("evidence_superseded",)
    assert third.ref in refused.value.reasons[0].message

    # Taken back, the newest one supersedes nothing: what was accepted before it counts again.
    world.write("petra", evidence.withdraw_evidence, evidence=third.id, reason="The wrong file")
    assert stands(world, first.id) == ("accepted", None)
    assert world.seen(milestone).row.status is Status.ACHIEVED


def test_a_version_that_is_accepted_and_does_not_count_itself_lowers_the_milestone(world: World) -> None:
    """It has ended: the older one counts no more, so nothing does."""
    milestone = world.completed()
    first = world.attached(milestone)
    world.write("petra", milestones.mark_achieved, milestone=key(milestone))
    yesterday = world.clock.today - timedelta(days=1)
    second = world.version_of(first, effective_to=yesterday)
    assert world.seen(milestone).row.status is Status.ACHIEVED

    world.accepted(milestone, second)

    assert world.seen(milestone).row.status is Status.COMPLETED
    assert stands(world, first.id) == ("superseded", "superseded")


def test_a_version_supports_every_milestone_of_the_one_before_it_and_each_is_judged_alone(world: World) -> None:
    one, other = world.completed(), world.completed()
    first = world.attached(one)
    world.write("petra", evidence.link_evidence, milestone=key(other), evidence=first.id)
    second = world.version_of(first)

    world.accepted(one, second)

    links = {
        link.milestone_id: link.why_not for link in world.read("petra", evidence.get_evidence, evidence=first.id).links
    }
    assert links == {one.row.id: "superseded", other.row.id: None}
    assert len(world.read("petra", evidence.get_evidence, evidence=second.id).links) == 2
    # Nothing more is linked to what has a newer version.
    third = world.milestone()
    with pytest.raises(Refused) as refused:
        world.write("petra", evidence.link_evidence, milestone=key(third), evidence=first.id)
    assert refused.value.codes == ("newer_version_exists",)


def test_a_partners_version_is_a_submission_with_a_receipt_of_its_own(world: World) -> None:
    milestone = world.completed(supporting_organisations=[POLICE])
    police = world.key_actor(Scope.EVIDENCE_WRITE)
    first = world.attached(milestone, by=police)
    assert first.submission is not None
    world.clock.forward(hours=1)

    second = world.version_of(first, by=police)

    assert second.submission is not None
    assert (second.submission.state, second.submission.id != first.submission.id) == (SubmissionState.WAITING, True)
    assert second.submission.triage_due_at == world.clock() + timedelta(hours=48)
    # Once the newer one has been accepted, nobody waits for an answer to the older one.
    world.accepted(milestone, second)
    older = world.read(police, evidence.get_evidence, evidence=first.id)
    assert (older.state, older.submission and older.submission.state) == ("superseded", SubmissionState.LOGGED)


def test_who_may_send_a_newer_version_and_of_what(world: World) -> None:
    milestone = world.completed(supporting_organisations=[POLICE])
    first = world.attached(milestone, by="pol", shared_with=[NHS])
    for who in ("nat", "connie", world.key_actor(Scope.EVIDENCE_WRITE, Scope.PLAN_READ, organisation=NHS)):
        with pytest.raises(Forbidden):
            world.version_of(first, by=who)
    for who in ("zoe", world.key_actor(Scope.EVIDENCE_WRITE, organisation=NHS)):
        with pytest.raises(NotFound):
            world.version_of(first, by=who)
    # An officer sends one in the police's stead; the police send the next, for the item is still theirs too.
    second = world.version_of(first, by="sam")
    assert (second.organisation, second.submission, second.may_open) == ("Haringey Council", None, True)
    third = world.version_of(second, by="pol")
    assert world.read("nat", evidence.get_evidence, evidence=third.id).may_open

    with pytest.raises(Refused) as refused:
        world.version_of(second, by="pol")
    assert refused.value.codes == ("newer_version_exists",)
    assert third.ref in refused.value.reasons[0].message
    with pytest.raises(Invalid):
        world.version_of(third, by="pol", upload=None)
    with pytest.raises(Stale):
        world.write("petra", evidence.withdraw_evidence, evidence=second.id, reason="No", if_match=second.version)
    world.write("pol", evidence.withdraw_evidence, evidence=third.id, reason="The wrong one")
    with pytest.raises(Refused) as refused:
        world.version_of(third, by="pol")
    assert refused.value.codes == ("evidence_withdrawn",)
    fourth = world.version_of(second, by="sam")
    assert fourth.version_number == 4
    world.accepted(milestone, fourth, by="petra")
    world.close()
    with pytest.raises(Refused) as refused:
        world.version_of(first, by="sam")
    assert refused.value.codes == ("plan_closed",)


def test_the_same_bytes_are_not_stored_twice_for_one_milestone(world: World) -> None:
    milestone, other = world.completed(), world.completed()
    file = upload(b"the same", "first.txt")
    first = world.attached(milestone, upload=file)
    number = select(func.count()).select_from(Evidence)

    with pytest.raises(Refused) as refused:
        world.attached(milestone, by="petra", upload=upload(b"the same", "renamed.txt"))
    with pytest.raises(Refused) as again:
        world.version_of(first, upload=file)

    [reason] = refused.value.reasons
    assert (reason.code, reason.extra) == ("evidence_already_attached", {"evidence": first.id})
    assert reason.message == f"This is the same file as {first.ref}, sent on 2 March 2026; nothing was added"
    assert again.value.codes == ("evidence_already_attached",)
    assert world.read("petra", lambda uow: uow.session.execute(number).scalar_one()) == 1
    # For another milestone it is evidence of its own; and once it was turned down or taken back it may come again.
    world.attached(other, upload=file)
    world.accepted(milestone, first, outcome="rejected")
    assert world.attached(milestone, upload=file).ref != first.ref


def test_everything_that_a_sender_says_is_kept(world: World) -> None:
    """The period it supports, the personal data in it, and since when it is in force: apart from when it came."""
    today, milestone = world.clock.today, world.milestone()
    item = world.attached(
        milestone, effective_from=today - timedelta(days=30), period_from=today - timedelta(days=90),
        period_to=today - timedelta(days=1), external_ref="MPS/9",
        personal_data=[PersonalData.SERVICE_USER, PersonalData.STAFF],
    )  # fmt: skip
    assert (item.period_from, item.period_to) == (today - timedelta(days=90), today - timedelta(days=1))
    assert item.personal_data == (PersonalData.STAFF, PersonalData.SERVICE_USER)
    assert (item.received_at, item.effective_from) == (world.clock(), today - timedelta(days=30))
    assert (item.door, item.by_key, item.organisation_slug) == ("page", False, COUNCIL)

    wrong: dict[str, dict[str, Any]] = {
        "/effective_from": {"effective_from": today + timedelta(days=1)},
        "/period_to": {"period_from": today},
        "/period_from": {"period_to": today},
        "/personal_data": {"personal_data": [PersonalData.NONE, PersonalData.STAFF]},
        "/restricted_to": {"restricted_to": ["nobody"]},
    }
    for pointer, given in wrong.items():
        with pytest.raises(Invalid) as invalid:
            world.attached(milestone, **given)
        assert [error.pointer for error in invalid.value.errors] == [pointer]
    with pytest.raises(Invalid):
        world.attached(milestone, period_from=today, period_to=today - timedelta(days=1))
    statement = select(_events.c.facts).where(_events.c.item_id == item.id)
    facts = json.loads(world.read("petra", lambda uow: uow.session.execute(statement).scalar_one()))
    assert facts["personal_data"] == "staff service_user"


def test_two_versions_at_once_become_one_and_a_refusal(world: World) -> None:
    """Whoever is second waits for the first, sees what it has done, and hears of it. So does a review meanwhile."""
    milestone = world.completed(supporting_organisations=[POLICE])
    first = world.attached(milestone, by="pol")
    outcomes: list[str] = []

    def attempt(what: Callable[[], Any]) -> None:
        try:
            what()
            outcomes.append("done")
        except (Refused, Stale) as answer:
            outcomes.append(",".join(answer.codes) if isinstance(answer, Refused) else "stale")

    threads = [
        threading.Thread(target=attempt, args=(what,))
        for what in (
            lambda: world.version_of(first, by="pol"),
            lambda: world.version_of(first, by="sam"),
            lambda: world.accepted(milestone, first, by="petra"),
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(outcomes) == ["done", "done", "newer_version_exists"]
    older, newer = world.seen(milestone).evidence[::-1]
    assert (older.version_number, newer.version_number, newer.supersedes) == (1, 2, first.id)
    assert (older.state, newer.state) == ("accepted", "waiting")  # the review belongs to the version that it saw
    with pytest.raises(Stale):  # whoever still looks at the page from before the newer one is told
        world.write("petra", evidence.withdraw_evidence, evidence=first.id, reason="No", if_match=first.version)
