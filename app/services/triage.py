"""What happens when a submission is read, passed on or triaged, one or several like ones.

Locks are taken in the order of every change: milestones by id, evidence, then submissions by id. What is judged is read
under the lock, so that of two people who triage the same thing one hears what the other has done.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select, update

from app.db import UnitOfWork
from app.domain import permissions
from app.domain import submissions as rules
from app.domain.evidence import LinkedEvidence
from app.domain.permissions import Act, Item
from app.domain.refusals import NotFound, Reason, Refused, Stale
from app.domain.submissions import Choice, SubmissionItem, Triageable
from app.domain.webhooks import WebhookEvent
from app.domain.words import ReviewOutcome, SubmissionState, TriagedThrough, TurnedInto
from app.models import Evidence, EvidenceLink, Person, Plan, Submission
from app.services import settling
from app.services.cases import Case, affected_cases, linked_evidence
from app.services.milestone_facts import add_milestone
from app.services.plan_parts import add_action
from app.services.submissions import SubmissionKey, get_submission, triagers
from app.services.webhooks import tell
from app.services.writing import Checks

TOGETHER = 200
"""So many at most are triaged in one go."""

STOPS_COUNTING = (SubmissionState.RETURNED, SubmissionState.MISDIRECTED)


@dataclass(slots=True)
class _Locked:
    """One submission under its lock, with its plan and its evidence."""

    row: Submission
    plan: Plan
    evidence: Evidence | None
    facts: Triageable


def triage(
    uow: UnitOfWork, *, submission: SubmissionKey, choice: Choice, if_match: str | None = None
) -> SubmissionItem:
    """Decide what happens to one submission. Raises Refused `already_triaged`, naming who and what, when it no longer
    waits; NotFound, Forbidden, Invalid and Stale as ever.
    """
    seen = _to_triage(uow, submission)
    checked = _checked(uow, choice, seen.title)
    [one] = _locked(uow, [seen.id])
    _refuse(one, _unmet(uow, one, choice), "not triaged")
    if if_match is not None and if_match != str(one.row.version):
        raise Stale(current_version=str(one.row.version))
    _decide(uow, [one], checked)
    return get_submission(uow, submission=SubmissionKey(id=seen.id))


def triage_together(uow: UnitOfWork, *, submissions: Sequence[SubmissionKey], choice: Choice) -> int:
    """Give several like submissions, of one kind and from one organisation, one answer: all of them or none. Returns
    how many.
    """
    checks = Checks()
    if not submissions:
        checks.add("chosen", "required", "Choose the submissions that get this answer")
    if len(submissions) > TOGETHER:
        checks.add("chosen", "too_many", f"Choose {TOGETHER} submissions at most")
    if choice.outcome is SubmissionState.TURNED_INTO:
        checks.add("outcome", "one_by_one", "Submissions are turned into something one by one")
    checks.done()
    seen = {found.id: found for found in (_to_triage(uow, key) for key in dict.fromkeys(submissions))}
    checked = _checked(uow, choice, "")
    several = _locked(uow, sorted(seen))
    unmet = [reason for one in several for reason in _unmet(uow, one, choice)]
    _refuse(several[0], unmet + rules.unmet_together([one.facts for one in several]), "not triaged")
    _decide(uow, several, checked)
    return len(several)


def mark_read(uow: UnitOfWork, *, submission: SubmissionKey) -> SubmissionItem:
    """Somebody who triages has opened it. The clock keeps running; who reads it again changes nothing."""
    seen = _to_triage(uow, submission)
    [one] = _locked(uow, [seen.id])
    if one.row.read_at is None and one.row.state is SubmissionState.WAITING:
        _note_read(uow, one.row)
        uow.record("submission_read", **_about(one.row))
    return get_submission(uow, submission=SubmissionKey(id=seen.id))


def pass_on(uow: UnitOfWork, *, submission: SubmissionKey, person: str, if_match: str | None = None) -> SubmissionItem:
    """Pass a submission to somebody who triages in the plan. The clock keeps running."""
    seen = _to_triage(uow, submission)
    found = uow.session.execute(select(Person).where(Person.id == person)).scalar_one_or_none()
    checks = Checks()
    if found is None:
        checks.add("person", "unknown_person", "Choose who it is passed to")
    checks.done()
    [one] = _locked(uow, [seen.id])
    able = {row.id for row in triagers(uow, one.plan.id, one.plan.lead_organisation_id)}
    name = found.post_title if found else ""
    unmet = rules.unmet_passing(one.facts, may_triage=person in able, is_sender=one.row.sent_by == person, name=name)
    _refuse(one, unmet, "not passed on", attempted="submission_passing")
    if if_match is not None and if_match != str(one.row.version):
        raise Stale(current_version=str(one.row.version))
    before, one.row.passed_to, one.row.passed_at = one.row.passed_to, person, uow.now
    _note_read(uow, one.row)
    one.row.version += 1
    uow.session.flush()
    uow.record("submission_passed", **_about(one.row), facts={"passed_to": [before, person]})
    return get_submission(uow, submission=SubmissionKey(id=seen.id))


def end_wait(uow: UnitOfWork, row: Submission, outcome: SubmissionState, *, through: TriagedThrough) -> None:
    """The clock stops: what it was is stored, and the moments of its colours are cleared."""
    row.state = outcome
    row.triaged_at, row.triaged_by, row.triaged_through = uow.now, uow.actor.id or None, through
    row.changed_at = uow.now
    row.amber_from = row.red_from = None
    _note_read(uow, row)
    row.version += 1
    uow.session.flush()
    if through is not TriagedThrough.WITHDRAWAL:
        tell(
            uow, WebhookEvent.TRIAGED, plan_id=row.plan_id, organisation_id=row.organisation_id, submission=row.id,
            evidence=row.evidence_id,
        )  # fmt: skip


# --- Taking it up -----------------------------------------------------------------------------------------------------


def _to_triage(uow: UnitOfWork, submission: SubmissionKey) -> SubmissionItem:
    seen = get_submission(uow, submission=submission)
    permissions.require(uow.actor, Act.TRIAGE, Item(plan_id=seen.plan_id))
    return seen


def _locked(uow: UnitOfWork, ids: Sequence[str]) -> list[_Locked]:
    """These submissions locked in order of their ids, and their plans. Their evidence is locked by `_stop_counting`,
    before them: see `_lock_evidence_first`.
    """
    _lock_evidence_first(uow, ids)
    statement = (
        select(Submission, Plan, Evidence)
        .join(Plan, Plan.id == Submission.plan_id)
        .outerjoin(Evidence, Evidence.id == Submission.evidence_id)
        .where(Submission.id.in_(ids))
        .order_by(Submission.id)
        .with_for_update(of=Submission, key_share=True)
    )
    rows = uow.session.execute(statement, execution_options={"populate_existing": True}).all()
    if len(rows) != len(ids):
        raise NotFound
    names = _triager_names(uow, [row.triaged_by for row, *_ in rows if row.triaged_by])
    return [_Locked(row, plan, item, _facts(row, plan, names.get(row.triaged_by or ""))) for row, plan, item in rows]


def _triager_names(uow: UnitOfWork, ids: Sequence[str]) -> dict[str, str]:
    """Asked for after the lock: a join would name whoever had triaged before somebody else's change was waited for."""
    if not ids:
        return {}
    statement = select(Person.id, Person.post_title).where(Person.id.in_(ids))  # type: ignore[call-overload]
    return {row.id: row.post_title for row in uow.session.execute(statement)}


def _lock_evidence_first(uow: UnitOfWork, ids: Sequence[str]) -> None:
    milestones = select(EvidenceLink.milestone_id).join(Submission, Submission.evidence_id == EvidenceLink.evidence_id)
    affected_cases(uow, set(uow.session.execute(milestones.where(Submission.id.in_(ids))).scalars()))
    items = select(Evidence).join(Submission, Submission.evidence_id == Evidence.id).where(Submission.id.in_(ids))
    uow.session.execute(items.order_by(Evidence.id).with_for_update(of=Evidence, key_share=True)).all()


def _unmet(uow: UnitOfWork, one: _Locked, choice: Choice) -> list[Reason]:
    return rules.unmet_triage(one.facts, by=uow.actor.id, organisation_id=uow.actor.organisation_id, into=choice.into)


def _facts(row: Submission, plan: Plan, triager: str | None) -> Triageable:
    return Triageable(
        ref=row.ref,
        kind=row.kind,
        state=row.state,
        organisation_id=row.organisation_id,
        sent_by=row.sent_by,
        plan_state=plan.state,
        lead_organisation_id=plan.lead_organisation_id,
        triaged_by=triager or "",
        triaged_at=row.triaged_at,
        through=row.triaged_through,
    )


def _refuse(one: _Locked, reasons: Sequence[Reason], what: str, *, attempted: str = "submission_triage") -> None:
    if reasons:
        raise Refused(
            list(reasons),
            title=f"{one.row.ref} was {what}",
            attempted=attempted,
            item_kind="submission",
            item_id=one.row.id,
            plan_id=one.row.plan_id,
        )


def _checked(uow: UnitOfWork, choice: Choice, title: str) -> Choice:
    """The choice with its texts trimmed. Raises Invalid naming every field that its outcome takes and was not given."""
    checks = Checks()
    into, outcome = choice.into, choice.outcome
    reason = checks.optional_text("reason", choice.reason)
    if outcome is SubmissionState.WAITING:
        checks.add("outcome", "not_a_choice", "Choose what happens to it")
    if outcome is SubmissionState.RETURNED:
        reason = checks.required_text("reason", choice.reason, name="why it is returned: its sender will read it")
    handed_to, reference = choice.handed_to, choice.their_reference
    if outcome is SubmissionState.MISDIRECTED:
        handed_to = checks.required_text("handed_to", handed_to, limit=200, name="whom you handed it to")
        reference = checks.required_text("their_reference", reference, limit=120, name="their reference")
        if choice.handed_on is None:
            checks.add("handed_on", "required", "Enter the day on which you handed it on")
        checks.not_future("handed_on", choice.handed_on, uow.today, "The day must be today or in the past")
    if outcome is SubmissionState.TURNED_INTO:
        title = checks.title("title", choice.title or title)
        if into is None:
            checks.add("into", "required", "Choose what it is turned into")
        elif into is not TurnedInto.RISK and not choice.parent:
            noun = "theme" if into is TurnedInto.ACTION else "action"
            checks.add("parent", "required", f"Choose the {noun} that it belongs to")
    checks.done()
    return replace(choice, reason=reason, handed_to=handed_to, their_reference=reference, title=title)


# --- Deciding ---------------------------------------------------------------------------------------------------------


def _decide(uow: UnitOfWork, several: Sequence[_Locked], choice: Choice) -> None:
    if choice.outcome in STOPS_COUNTING:
        _stop_counting(uow, [one.evidence for one in several if one.evidence is not None], choice)
    for one in several:
        made = _turn_into(uow, one, choice) if choice.outcome is SubmissionState.TURNED_INTO else {}
        if choice.outcome is SubmissionState.MISDIRECTED:
            one.row.handed_on = choice.handed_on
        end_wait(uow, one.row, choice.outcome, through=TriagedThrough.TRIAGE)
        handed = choice.outcome is SubmissionState.MISDIRECTED
        uow.record(
            "submission_triaged",
            **_about(one.row),
            facts={
                "outcome": choice.outcome,
                "by": TriagedThrough.TRIAGE,
                **({"handed_on": choice.handed_on} if handed else {}),
                **made,
            },
            texts={
                "reason": choice.reason,
                "handed_to": choice.handed_to if handed else None,
                "their_reference": choice.their_reference if handed else None,
            },
        )


def _turn_into(uow: UnitOfWork, one: _Locked, choice: Choice) -> dict[str, Any]:
    """Make the action or milestone, and keep which it is."""
    if choice.into is TurnedInto.ACTION:
        action = add_action(uow, slug=one.plan.slug, theme=choice.parent or "", title=choice.title or "")
        one.row.made_action_id = action.id
        return {"into": TurnedInto.ACTION, "made": action.ref}
    milestone = add_milestone(
        uow,
        slug=one.plan.slug,
        action=choice.parent or "",
        title=choice.title or "",
        success_criterion=choice.success_criterion or "",
        owner=choice.owner,
        due_date=choice.due_date,
    )
    one.row.made_milestone_id = milestone.row.id
    return {"into": TurnedInto.MILESTONE, "made": milestone.row.ref}


def _stop_counting(uow: UnitOfWork, items: Sequence[Evidence], choice: Choice) -> None:
    """Evidence that is returned or misdirected counts for no milestone any more: those that stood on it fall back
    first, for the database refuses to be left otherwise.
    """
    if not items:
        return
    ids = {item.id: item.ref for item in items}
    links = uow.session.execute(
        select(EvidenceLink.evidence_id, EvidenceLink.milestone_id).where(EvidenceLink.evidence_id.in_(ids))  # type: ignore[call-overload]
    ).all()
    cases = affected_cases(uow, {row.milestone_id for row in links})
    word = "misdirected" if choice.outcome is SubmissionState.MISDIRECTED else "returned"
    for case in cases:
        after = [_returned(linked, ids, uow) for linked in case.evidence]
        if settling.would_lapse(case, after, uow.today):
            gone = [linked for linked in case.evidence if linked.evidence_id in ids]
            named = ", ".join(linked.ref for linked in gone if linked.restricted_to is None) or "evidence"
            settling.fall_back(uow, case, day=uow.today, why=f"{named} {word}")
    uow.session.execute(
        update(EvidenceLink)
        .where(EvidenceLink.evidence_id.in_(ids))
        .values(
            outcome=ReviewOutcome.RETURNED,
            relevance=None,
            robustness=None,
            reviewed_by=uow.actor.id,
            reviewed_at=uow.now,
        )
    )
    for item in items:
        item.version += 1
    uow.session.flush()
    for case in cases:
        _record_return(
            uow, case, [row.evidence_id for row in links if row.milestone_id == case.milestone.id], ids, choice
        )
    settle_afresh(uow, cases, quietly=all(item.restricted_to is not None for item in items))


def _record_return(uow: UnitOfWork, case: Case, evidence: Sequence[str], refs: dict[str, str], choice: Choice) -> None:
    for item in evidence:
        uow.record(
            "evidence_returned",
            **{**case.about, "item_kind": "evidence", "item_id": item, "item_ref": refs[item]},
            facts={"milestone": case.milestone.ref, "outcome": choice.outcome},
            texts={"reason": choice.reason if choice.outcome is SubmissionState.RETURNED else "It was misdirected"},
            texts_of=f"{item}:{case.milestone.id}",
        )


def settle_afresh(uow: UnitOfWork, cases: Sequence[Case], *, quietly: bool = False) -> None:
    """Milestones whose evidence was just written anew, brought up to date. `quietly`: as `settling.settle` has it."""
    fresh = linked_evidence(uow, [case.milestone.id for case in cases])
    for case in cases:
        case.evidence = fresh[case.milestone.id]
        settling.settle(uow, case, quietly=quietly)


def _returned(linked: LinkedEvidence, ids: dict[str, str], uow: UnitOfWork) -> LinkedEvidence:
    if linked.evidence_id not in ids:
        return linked
    return replace(linked, outcome=ReviewOutcome.RETURNED, reviewed_at=uow.now)


def _note_read(uow: UnitOfWork, row: Submission) -> None:
    if row.read_at is None:
        row.read_at, row.read_by = uow.now, uow.actor.id or None
    uow.session.flush()


def _about(row: Submission) -> dict[str, Any]:
    """How an audit event names the submission: hidden with the milestone it concerns."""
    return {
        "plan_id": row.plan_id,
        "item_kind": "submission",
        "item_id": row.id,
        "item_ref": row.ref,
        "milestone_id": row.milestone_id,
    }
