"""What happens when evidence is attached, linked, reviewed, withdrawn or opened."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.db import UnitOfWork
from app.domain import evidence as rules
from app.domain import permissions
from app.domain.evidence import EvidenceView, LinkedEvidence, Upload
from app.domain.milestones import MilestoneKey
from app.domain.permissions import Act, Item
from app.domain.personal_data import Terms
from app.domain.refusals import Forbidden, Gone, NotFound, Reason, Refused, Stale
from app.domain.submissions import MISDIRECTED_TITLE
from app.domain.webhooks import WebhookEvent
from app.domain.words import (
    EvidenceKind,
    Marking,
    PersonalData,
    PlanState,
    ReviewOutcome,
    SubmissionState,
    TriagedThrough,
)
from app.models import Evidence, EvidenceLink, Submission
from app.services import access_log, settling, success_criteria
from app.services.cases import Case, affected_cases, open_case, read_case
from app.services.evidence_intake import Offer, link, refuse_unless_open, sent_already, take_in
from app.services.evidence_views import evidence_of, find_evidence, views_of
from app.services.personal_data import search_terms
from app.services.triage import end_wait, settle_afresh
from app.services.webhooks import tell
from app.services.writing import Checks

PAGE_LIMIT = 200


@dataclass(frozen=True, slots=True)
class EvidenceContent:
    """Where the bytes of a file are, and how to serve them."""

    storage_name: str
    file_name: str
    content_type: str
    size: int
    sha256: str


def check_attach(uow: UnitOfWork, *, milestone: MilestoneKey) -> Terms:
    """Before a body is read: whether this actor may attach to this milestone, and what a file is searched for."""
    case = read_case(uow, milestone)
    permissions.require(uow.actor, Act.ATTACH, case.item)
    return search_terms(uow)


def check_complete(uow: UnitOfWork, *, milestone: MilestoneKey) -> Terms:
    """The same before the body of a completion with a file is read: whether this actor may report on this milestone."""
    case = read_case(uow, milestone)
    permissions.require(uow.actor, Act.UPDATE, case.item)
    return search_terms(uow)


def attach_evidence(
    uow: UnitOfWork,
    *,
    milestone: MilestoneKey,
    title: str,
    upload: Upload | None = None,
    link: str | None = None,
    statement: str | None = None,
    description: str | None = None,
    kind: EvidenceKind | None = None,
    effective_from: date | None = None,
    effective_to: date | None = None,
    marking: Marking = Marking.OFFICIAL,
    external_ref: str | None = None,
    shared_with: Sequence[str] = (),
    personal_data: Sequence[PersonalData] = (),
    period_from: date | None = None,
    period_to: date | None = None,
    restricted_to: Sequence[str] = (),
    by_form: bool = False,
    if_match: str | None = None,
) -> EvidenceView:
    """Add a file, link or statement to a milestone's evidence log. The file is already in the store.

    Refused `evidence_already_attached`, naming the item, where the milestone has the same bytes already.

    `by_form`: it comes from a page, whose form may be sent twice by one press too many. The second is then answered
    with the first. A program says so by its Idempotency-Key.
    """
    case = open_case(uow, milestone, act=Act.ATTACH, if_match=if_match)
    offer = Offer(
        title=title,
        upload=upload,
        link=link,
        statement=statement,
        description=description,
        kind=kind,
        effective_from=effective_from,
        effective_to=effective_to,
        marking=marking,
        external_ref=external_ref,
        shared_with=tuple(shared_with),
        personal_data_declared=tuple(personal_data),
        period_from=period_from,
        period_to=period_to,
        restricted_to=tuple(restricted_to),
    )
    first = sent_already(uow, case, offer) if by_form else None
    if first is not None:
        return get_evidence(uow, evidence=first)
    evidence = take_in(uow, case, offer)
    settling.settle(uow, case, quietly=evidence.restricted_to is not None)
    return get_evidence(uow, evidence=evidence.id)


def link_evidence(
    uow: UnitOfWork, *, milestone: MilestoneKey, evidence: str, if_match: str | None = None
) -> EvidenceView:
    """Let an item that is already in the plan's evidence log support another of its milestones."""
    case = open_case(uow, milestone, act=Act.ATTACH, if_match=if_match)
    item = find_evidence(uow, evidence)
    if item.plan_id != case.plan.id:
        raise NotFound
    if uow.actor.is_key and item.organisation_id != uow.actor.organisation_id:
        raise Forbidden("A key links what its own organisation sent", needs="a person")
    refuse_unless_open(case)
    if item.withdrawn_at is not None:
        said = f"{item.ref} was withdrawn and cannot be linked"
        raise _refused(case, item, "evidence_withdrawn", said, "evidence_link")
    refuse_misdirected(uow, case, item, "evidence_link")
    _refuse_older(uow, case, item)
    try:
        link(uow, case, item)
    except IntegrityError as error:
        said = f"{item.ref} is already evidence for this milestone"
        raise _refused(case, item, "already_linked", said, "evidence_link") from error
    uow.record(
        "evidence_linked",
        **{**case.about, "item_kind": "evidence", "item_id": item.id, "item_ref": item.ref},
        facts={"milestone": case.milestone.ref},
    )
    settling.settle(uow, case, quietly=item.restricted_to is not None)
    return get_evidence(uow, evidence=item.id)


def list_evidence(
    uow: UnitOfWork, *, milestone: MilestoneKey, limit: int = PAGE_LIMIT, cursor: str | None = None
) -> tuple[tuple[EvidenceView, ...], str | None]:
    """A milestone's evidence log, newest first. The cursor is the id of the last item seen."""
    case = read_case(uow, milestone)
    return evidence_of(uow, case, limit=limit, cursor=cursor)


def get_evidence(uow: UnitOfWork, *, evidence: str) -> EvidenceView:
    """One item, with its links to the milestones this actor may know of. NotFound when there are none."""
    return views_of(uow, [find_evidence(uow, evidence)])[0]


def open_content(uow: UnitOfWork, *, evidence: str) -> EvidenceContent:
    """The file behind an item, put on the access log once per person, item and hour (a write use case)."""
    item = find_evidence(uow, evidence)
    view = views_of(uow, [item])[0]
    if item.storage_name is None:
        raise NotFound("This evidence has no file")
    if item.disposed_at is not None:
        raise Gone(f"{item.ref} was disposed of. Its SHA-256 is {item.sha256}")
    if view.title == MISDIRECTED_TITLE and not view.may_open:
        raise Forbidden("It was misdirected: it is open to who triaged it and to senior officers alone")
    if not view.may_open:
        raise Forbidden(
            "Only the organisation that provided this file, those it is shared with, and the plan's"
            " managers, senior officers and auditors can open it"
        )
    sealed = rules.why_sealed(item.scan)
    if sealed is not None:
        raise Refused([sealed], title=f"{item.ref} cannot be opened")
    access_log.note(uow, "opened", item_kind="evidence", item_id=item.id, plan_id=item.plan_id)
    return EvidenceContent(
        item.storage_name,
        item.file_name or item.ref,
        item.content_type or "application/octet-stream",
        item.size or 0,
        item.sha256 or "",
    )


def review_evidence(
    uow: UnitOfWork,
    *,
    evidence: str,
    outcome: ReviewOutcome,
    relevance: int | None,
    robustness: int | None,
    reason: str,
    milestone: str | None = None,
    meets: Sequence[str] = (),
    if_match: str | None = None,
) -> EvidenceView:
    """Accept or reject an item for one milestone. Never by who provided it (nor by the organisation
    whose key did), nor by the milestone's owner.
    """
    view = get_evidence(uow, evidence=evidence)
    target = _reviewed_milestone(view, milestone)
    case = open_case(uow, MilestoneKey(id=target), act=Act.REVIEW)
    item = lock_evidence(uow, evidence, if_match)
    said = _check_review(outcome, relevance, robustness, reason)
    _refuse_in_closed_plan(case, item, "reviewed", "evidence_review")
    refuse_misdirected(uow, case, item, "evidence_review")
    _refuse_review(uow, case, item, outcome)
    ticked = success_criteria.tick_by_review(uow, case, item, meets)
    after = [_reviewed(linked, item.id, outcome, uow) for linked in case.evidence]
    if settling.would_lapse(case, after, uow.today):
        settling.fall_back(uow, case, day=uow.today, why=f"{named(item)} {outcome}")
    uow.session.execute(
        update(EvidenceLink)
        .where(EvidenceLink.evidence_id == item.id, EvidenceLink.milestone_id == case.milestone.id)
        .values(
            outcome=outcome, relevance=relevance, robustness=robustness, reviewed_by=uow.actor.id, reviewed_at=uow.now
        )
    )
    uow.session.flush()
    uow.record(
        "evidence_reviewed",
        **{**case.about, "item_kind": "evidence", "item_id": item.id, "item_ref": item.ref},
        facts={
            "milestone": case.milestone.ref,
            "outcome": outcome,
            "relevance": relevance,
            "robustness": robustness,
            **({"meets": ticked} if ticked else {}),
        },
        texts={"reason": said},
        texts_of=f"{item.id}:{case.milestone.id}",
    )
    tell(
        uow, WebhookEvent.REVIEWED, plan_id=item.plan_id, organisation_id=item.organisation_id,
        milestone_id=case.milestone.id, evidence=item.id,
    )  # fmt: skip
    _end_wait(uow, case, item, SubmissionState.LOGGED, by=TriagedThrough.REVIEW)
    _note_superseded(uow, case, item, before=case.evidence, after=after)
    settle_afresh(uow, [case], quietly=item.restricted_to is not None)
    return get_evidence(uow, evidence=evidence)


def withdraw_evidence(uow: UnitOfWork, *, evidence: str, reason: str, if_match: str | None = None) -> EvidenceView:
    """Take an item back, with a reason. It stays in the log; milestones that stood on it fall back at once."""
    view = get_evidence(uow, evidence=evidence)
    linked_to = uow.session.execute(
        select(EvidenceLink.milestone_id).where(EvidenceLink.evidence_id == view.id)
    ).scalars()
    affected = affected_cases(uow, list(linked_to))
    about = told_of(affected, view)
    item = lock_evidence(uow, evidence)
    permissions.require(
        uow.actor, Act.WITHDRAW, Item(plan_id=item.plan_id, organisations=frozenset({item.organisation_id}))
    )
    _must_match(uow, item, if_match)
    checks = Checks()
    said = checks.required_text("reason", reason, name="why it is withdrawn")
    checks.done()
    _refuse_in_closed_plan(about, item, "withdrawn", "evidence_withdrawal")
    if item.withdrawn_at is not None:
        raise _refused(about, item, "already_withdrawn", f"{item.ref} was already withdrawn", "evidence_withdrawal")
    take_back(uow, item, affected, why=f"{named(item)} withdrawn")
    uow.record(
        "evidence_withdrawn",
        plan_id=item.plan_id,
        item_kind="evidence",
        item_id=item.id,
        item_ref=item.ref,
        milestone_id=about.milestone.id,
        texts={"reason": said},
        texts_of=f"{item.id}:withdrawal",
    )
    _end_wait(uow, about, item, SubmissionState.RETURNED, by=TriagedThrough.WITHDRAWAL)
    settle_afresh(uow, affected, quietly=item.restricted_to is not None)
    return get_evidence(uow, evidence=evidence)


def named(item: Evidence) -> str:
    """How the milestone's own trail names an item: not at all where not everybody who reads it may know of it."""
    return item.ref if item.restricted_to is None else "evidence"


def _note_superseded(
    uow: UnitOfWork, case: Case, item: Evidence, *, before: list[LinkedEvidence], after: list[LinkedEvidence]
) -> None:
    """What an accepted version supersedes: put on the record, and no longer waiting for anybody."""
    fresh = rules.superseded(after) - rules.superseded(before)
    if not fresh:
        return
    older = select(Evidence).where(Evidence.id.in_(fresh)).order_by(Evidence.id)  # type: ignore[attr-defined]
    for one in uow.session.execute(older.with_for_update(key_share=True)).scalars().all():
        one.version += 1
        uow.record(
            "evidence_superseded",
            **{**case.about, "item_kind": "evidence", "item_id": one.id, "item_ref": one.ref},
            facts={"milestone": case.milestone.ref, "by": item.ref},
        )
        _end_wait(uow, case, one, SubmissionState.LOGGED, by=TriagedThrough.REVIEW)
    uow.session.flush()


def take_back(uow: UnitOfWork, item: Evidence, affected: list[Case], *, why: str) -> None:
    """Have a locked item count no more: the milestones that stand on it are lowered first. The caller settles them."""
    for case in affected:
        after = [_withdrawn(linked, item.id, uow) for linked in case.evidence]
        if settling.would_lapse(case, after, uow.today):
            settling.fall_back(uow, case, day=uow.today, why=why)
    item.withdrawn_at, item.withdrawn_by = uow.now, uow.actor.title
    item.version += 1
    uow.session.flush()


def told_of(affected: list[Case], view: EvidenceView) -> Case:
    """Of the milestones that an item supports, the one that its trail and a refusal name: one that the whole plan may
    know of, else one that the actor knows of. Of the others nothing is said.
    """
    known = {one.milestone_id for one in view.links}
    return min(affected, key=lambda case: (case.milestone.restricted, case.milestone.id not in known))


def _must_match(uow: UnitOfWork, item: Evidence, if_match: str | None) -> None:
    if if_match is not None and if_match != (current := views_of(uow, [item])[0].version):
        raise Stale(current_version=current)


def lock_evidence(uow: UnitOfWork, evidence: str, if_match: str | None = None) -> Evidence:
    """The item as it is now, locked; its milestones were locked before it. Raises Stale."""
    item = uow.session.execute(
        select(Evidence).where(Evidence.id == evidence).with_for_update(key_share=True),
        execution_options={"populate_existing": True},
    ).scalar_one()
    _must_match(uow, item, if_match)
    return item


def _reviewed_milestone(view: EvidenceView, milestone: str | None) -> str:
    known = [one.milestone_id for one in view.links]
    if milestone is not None:
        if milestone not in known:
            raise NotFound
        return milestone
    if len(known) == 1:
        return known[0]
    checks = Checks()
    checks.add("milestone", "required", "Say which milestone the review is for: this item supports several")
    checks.done()
    raise AssertionError("unreachable")


def _check_review(outcome: ReviewOutcome, relevance: int | None, robustness: int | None, reason: str) -> str:
    checks = Checks()
    said = checks.required_text("reason", reason, name="the reason for your review")
    for field, score in (("relevance", relevance), ("robustness", robustness)):
        if score is None:
            checks.add(field, "required", f"Score its {field} from 0 to 3")
        elif not 0 <= score <= 3:
            checks.add(field, "out_of_range", f"{field.capitalize()} must be from 0 to 3")
    if outcome not in (ReviewOutcome.ACCEPTED, ReviewOutcome.REJECTED):
        checks.add("outcome", "not_a_choice", "Choose accepted or rejected")
    checks.done()
    return said


def _refuse_in_closed_plan(case: Case, item: Evidence, done: str, attempted: str) -> None:
    if case.plan.state is PlanState.CLOSED:
        closed = Reason("plan_closed", "The plan is closed and read-only")
        raise refused_for(case, item, [closed], title=f"{item.ref} was not {done}", attempted=attempted)


def refuse_misdirected(uow: UnitOfWork, case: Case, item: Evidence, attempted: str) -> None:
    misdirected = select(Submission.id).where(
        Submission.evidence_id == item.id, Submission.state == SubmissionState.MISDIRECTED
    )
    if uow.session.execute(misdirected).first() is not None:
        said = f"{item.ref} was misdirected: it is evidence of nothing here"
        raise _refused(case, item, "evidence_misdirected", said, attempted)


def _refuse_older(uow: UnitOfWork, case: Case, item: Evidence) -> None:
    """What has a newer version is not linked to anything more: the newer one is."""
    newer = views_of(uow, [item])[0].newer
    if newer is not None:
        reason = rules.newer_version(item.ref, newer.ref, "Link that")
        raise refused_for(case, item, [reason], title=f"{item.ref} was not linked", attempted="evidence_link")


def _refuse_review(uow: UnitOfWork, case: Case, item: Evidence, outcome: ReviewOutcome) -> None:
    found: list[Reason] = rules.unmet_independence(
        reviewer_id=uow.actor.id,
        provider_id=item.provided_by,
        owner_id=case.milestone.owner_id,
        withdrawn=item.withdrawn_at is not None,
        own_organisation=rules.sent_by_own_key(
            key_id=item.provided_by_key,
            organisation_id=item.organisation_id,
            reviewer_organisation=uow.actor.organisation_id,
        ),
        ref=item.ref,
        superseded_by=_superseding(case, item),
    )
    sealed = rules.why_sealed(item.scan)
    if sealed is not None and outcome is ReviewOutcome.ACCEPTED:
        found.append(sealed)
    if found:
        raise refused_for(case, item, found, title=f"{item.ref} was not reviewed", attempted="evidence_review")


def _superseding(case: Case, item: Evidence) -> str | None:
    """The reference of the newest accepted version after this one."""
    if item.id not in rules.superseded(case.evidence):
        return None
    accepted = [
        one
        for one in case.evidence
        if one.series == (item.first_version_id or item.id)
        and one.outcome is ReviewOutcome.ACCEPTED
        and one.withdrawn_at is None
    ]
    return max(accepted, key=lambda one: one.version_number).ref


def refused_for(case: Case, item: Evidence, reasons: list[Reason], *, title: str = "", attempted: str) -> Refused:
    """A refusal about an item: on the milestone's record, unless not everybody who reads that may know of the item."""
    kept = item.restricted_to is not None
    return Refused(
        reasons,
        title=title,
        attempted=attempted,
        item_kind="evidence" if kept else "milestone",
        item_id=item.id if kept else case.milestone.id,
        plan_id=case.plan.id,
    )


def _reviewed(linked: LinkedEvidence, evidence_id: str, outcome: ReviewOutcome, uow: UnitOfWork) -> LinkedEvidence:
    return replace(linked, outcome=outcome, reviewed_at=uow.now) if linked.evidence_id == evidence_id else linked


def _withdrawn(linked: LinkedEvidence, evidence_id: str, uow: UnitOfWork) -> LinkedEvidence:
    return replace(linked, withdrawn_at=uow.now) if linked.evidence_id == evidence_id else linked


def _end_wait(uow: UnitOfWork, case: Case, item: Evidence, outcome: SubmissionState, *, by: TriagedThrough) -> None:
    """What came from outside waits no longer: somebody has reviewed it, or it was taken back before anybody did."""
    statement = select(Submission).where(Submission.evidence_id == item.id, Submission.state == SubmissionState.WAITING)
    submission = uow.session.execute(statement.with_for_update(key_share=True)).scalar_one_or_none()
    if submission is None:
        return
    end_wait(uow, submission, outcome, through=by)
    uow.record(
        "submission_triaged",
        **{**case.about, "item_kind": "submission", "item_id": submission.id, "item_ref": submission.ref},
        facts={"outcome": outcome, "by": by},
    )


def _refused(case: Case, item: Evidence, code: str, message: str, attempted: str) -> Refused:
    return refused_for(case, item, [Reason(code, message)], attempted=attempted)


__all__ = [
    "EvidenceContent",
    "Upload",
    "attach_evidence",
    "check_attach",
    "check_complete",
    "get_evidence",
    "link_evidence",
    "list_evidence",
    "open_content",
    "review_evidence",
    "withdraw_evidence",
]
