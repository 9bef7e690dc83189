"""The evidence log as one viewer may see it."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import aliased

from app.db import UnitOfWork
from app.domain import evidence as rules
from app.domain import permissions
from app.domain.evidence import EvidenceView, LinkedEvidence, LinkView, SubmissionView
from app.domain.permissions import Act, Item
from app.domain.personal_data import search_from_text
from app.domain.refusals import NotFound
from app.domain.submissions import MISDIRECTED_TITLE
from app.domain.words import PlanState, Scope
from app.models import Evidence, EvidenceLink, EvidenceShare, Milestone, Organisation, Person, Plan, Submission
from app.models.texts import latest_texts
from app.models.visibility import knowable
from app.services import cursors
from app.services.cases import Case, require_reading
from app.services.submissions import is_closed_to


def find_evidence(uow: UnitOfWork, evidence: str) -> Evidence:
    """An item that supports at least one milestone the actor may know of. A key with `evidence:write` alone knows
    its own organisation's items only. Raises NotFound; Forbidden inside the plan without the right to read it.
    """
    linked_where_known = (
        exists()
        .where(EvidenceLink.evidence_id == Evidence.id, EvidenceLink.milestone_id == Milestone.id)
        .where(knowable(uow.actor))
    )
    statement = select(Evidence).where(Evidence.id == evidence, linked_where_known)
    if uow.actor.is_key and Scope.PLAN_READ not in uow.actor.scopes:
        statement = statement.where(Evidence.organisation_id == uow.actor.organisation_id)
    item = uow.session.execute(statement).scalar_one_or_none()
    if item is None:
        raise NotFound
    require_reading(uow, item.plan_id)
    return item


def evidence_of(
    uow: UnitOfWork, case: Case, *, limit: int, cursor: str | None = None
) -> tuple[tuple[EvidenceView, ...], str | None]:
    """A milestone's evidence log, newest first, and the cursor of the next page."""
    statement = (
        select(Evidence)
        .join(EvidenceLink, EvidenceLink.evidence_id == Evidence.id)
        .where(EvidenceLink.milestone_id == case.milestone.id)
        .order_by(Evidence.id.desc())
        .limit(limit + 1)
    )
    if uow.actor.is_key and Scope.PLAN_READ not in uow.actor.scopes:
        statement = statement.where(Evidence.organisation_id == uow.actor.organisation_id)
    if cursor:
        statement = statement.where(Evidence.id < cursors.decode(cursor, str)[0])
    items = list(uow.session.execute(statement).scalars())
    more = cursors.encode(items[limit - 1].id) if len(items) > limit else None
    return tuple(views_of(uow, items[:limit])), more


def views_of(uow: UnitOfWork, items: Sequence[Evidence]) -> list[EvidenceView]:
    """Items with their links (to milestones the viewer may know of), texts and submissions, in five queries."""
    if not items:
        return []
    ids = [item.id for item in items]
    links, owners = _links(uow, ids)
    keep = [*ids, *(f"{item}:withdrawal" for item in ids)]
    keep += [f"{item}:{row.milestone_id}" for item in ids for row in links[item]]
    texts = latest_texts(uow.session, keep)
    submissions = _submissions(uow, ids)
    shares = _shares(uow, ids)
    places = _places(uow, ids)
    views = (
        _view(uow, item, links[item.id], owners, texts, _receipt(submissions, item), shares[item.id], places[item.id])
        for item in items
    )
    return [_closed_where_misdirected(uow, view, submissions.get(view.id)) for view in views]


def _links(uow: UnitOfWork, ids: list[str]) -> tuple[dict[str, list[Any]], dict[str, str | None]]:
    reviewer = aliased(Person)
    statement = (
        select(
            EvidenceLink.evidence_id,
            EvidenceLink.milestone_id,
            EvidenceLink.outcome,
            EvidenceLink.relevance,
            EvidenceLink.robustness,
            EvidenceLink.reviewed_at,
            EvidenceLink.reviewed_by,
            reviewer.post_title.label("reviewer"),
            Milestone.ref,
            Milestone.title,
            Milestone.reopened_at,
            Milestone.owner_id,
            Milestone.lead_organisation_id,
        )
        .join(Milestone, Milestone.id == EvidenceLink.milestone_id)
        .outerjoin(reviewer, reviewer.id == EvidenceLink.reviewed_by)
        .where(EvidenceLink.evidence_id.in_(ids), knowable(uow.actor))
        .order_by(EvidenceLink.linked_at, EvidenceLink.milestone_id)
    )
    found: dict[str, list[Any]] = defaultdict(list)
    owners: dict[str, str | None] = {}
    for row in uow.session.execute(statement):
        found[row.evidence_id].append(row)
        owners[row.milestone_id] = row.owner_id
    return found, owners


def _submissions(uow: UnitOfWork, ids: list[str]) -> dict[str, Any]:
    statement = select(
        Submission.evidence_id,
        Submission.id,
        Submission.plan_id,
        Submission.received_at,
        Submission.triage_due_at,
        Submission.state,
        Submission.triaged_by,
    ).where(Submission.evidence_id.in_(ids))
    return {row.evidence_id: row for row in uow.session.execute(statement)}


def _receipt(submissions: dict[str, Any], item: Evidence) -> SubmissionView | None:
    row = submissions.get(item.id)
    return SubmissionView(row.id, row.received_at, row.triage_due_at, row.state) if row else None


def _closed_where_misdirected(uow: UnitOfWork, view: EvidenceView, row: Any) -> EvidenceView:
    """That it was sent stays; what it says is for nobody but who triaged it and senior officers."""
    if row is None or not is_closed_to(uow.actor, plan_id=row.plan_id, state=row.state, triaged_by=row.triaged_by):
        return view
    return replace(
        view,
        title=MISDIRECTED_TITLE,
        description=None,
        link=None,
        statement=None,
        file_name=None,
        external_ref=None,
        search=None,
        may_open=False,
        may_review=False,
    )


def _shares(uow: UnitOfWork, ids: list[str]) -> dict[str, set[str]]:
    shares: dict[str, set[str]] = defaultdict(set)
    statement = select(EvidenceShare.evidence_id, EvidenceShare.organisation_id).where(
        EvidenceShare.evidence_id.in_(ids)
    )
    for evidence_id, organisation_id in uow.session.execute(statement):
        shares[evidence_id].add(organisation_id)
    return shares


def _places(uow: UnitOfWork, ids: list[str]) -> dict[str, Any]:
    statement = (
        select(
            Evidence.id,
            Plan.slug,
            Plan.state,
            Plan.evidence_policy,
            Organisation.name,
            Organisation.slug.label("organisation_slug"),
        )
        .join(Plan, Plan.id == Evidence.plan_id)
        .join(Organisation, Organisation.id == Evidence.organisation_id)
        .where(Evidence.id.in_(ids))
    )
    return {row.id: row for row in uow.session.execute(statement)}


def _view(
    uow: UnitOfWork,
    item: Evidence,
    links: list[Any],
    owners: dict[str, str | None],
    texts: dict[tuple[str, str], str],
    submission: SubmissionView | None,
    shared_with: set[str],
    place: Any,
) -> EvidenceView:
    actor = uow.actor
    own = Item(plan_id=item.plan_id, organisations=frozenset({item.organisation_id}))
    readable = Item(plan_id=item.plan_id, organisations=frozenset({item.organisation_id, *shared_with}))
    withdrawn, closed = item.withdrawn_at is not None, place.state is PlanState.CLOSED
    may_open = permissions.may(actor, Act.OPEN_FILE, readable) or (
        actor.is_key and actor.organisation_id in readable.organisations
    )
    own_item = item.organisation_id == actor.organisation_id
    reviewable = (
        not withdrawn and item.provided_by != actor.id and any(owners[row.milestone_id] != actor.id for row in links)
    )
    return EvidenceView(
        id=item.id,
        ref=item.ref,
        plan_id=item.plan_id,
        plan_slug=place.slug,
        title=item.title,
        form=item.form,
        kind=item.kind,
        description=texts.get((item.id, "description")),
        link=item.link,
        statement=texts.get((item.id, "statement")),
        file_name=item.file_name,
        content_type=item.content_type,
        size=item.size,
        sha256=item.sha256,
        received_at=item.received_at,
        effective_from=item.effective_from,
        effective_to=item.effective_to,
        external_ref=item.external_ref,
        provided_by=item.provided_by_title,
        provided_by_id=item.provided_by,
        organisation=place.name,
        organisation_slug=place.organisation_slug,
        marking=item.marking,
        scan=item.scan,
        state=rules.state_words(
            scan=item.scan,
            withdrawn=withdrawn,
            effective_to=item.effective_to,
            outcomes=[row.outcome for row in links],
            on=uow.today,
        ),
        withdrawn_at=item.withdrawn_at,
        withdrawn_by=item.withdrawn_by,
        withdrawal_reason=texts.get((f"{item.id}:withdrawal", "reason")),
        links=tuple(_link_view(uow, item, row, texts, place.evidence_policy) for row in links),
        submission=submission,
        may_open=item.storage_name is not None and may_open,
        personal_data=rules.declared_from_stored(item.personal_data_declared),
        search=search_from_text(item.search) if may_open or own_item else None,
        may_withdraw=not withdrawn and not closed and permissions.may(actor, Act.WITHDRAW, own),
        may_review=reviewable and not closed and permissions.may(actor, Act.REVIEW, own),
        version=_version(item, links),
    )


def _version(item: Evidence, links: list[Any]) -> str:
    """Changes with the item and with what the viewer may know of its links and their reviews, and with nothing else: a
    count of all links would tell of milestones that are restricted to others.
    """
    seen = repr([(row.milestone_id, row.outcome, row.relevance, row.robustness, row.reviewed_at) for row in links])
    return f"{item.version}.{hashlib.sha256(seen.encode()).hexdigest()[:8]}"


def _link_view(uow: UnitOfWork, item: Evidence, row: Any, texts: dict[tuple[str, str], str], policy: Any) -> LinkView:
    linked = LinkedEvidence(
        item.id,
        item.form,
        item.scan,
        item.received_at,
        item.effective_to,
        item.withdrawn_at,
        row.outcome,
        row.reviewed_at,
    )
    why = rules.why_not(linked, policy=policy, on=uow.today, reopened_at=row.reopened_at)
    return LinkView(
        milestone_id=row.milestone_id,
        milestone_ref=row.ref,
        milestone_title=row.title,
        outcome=row.outcome,
        relevance=row.relevance,
        robustness=row.robustness,
        reason=texts.get((f"{item.id}:{row.milestone_id}", "reason")),
        reviewed_by=row.reviewer,
        reviewed_at=row.reviewed_at,
        counts=why is None,
        why_not=why,
    )
