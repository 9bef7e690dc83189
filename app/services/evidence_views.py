"""The evidence log as one viewer may see it."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import aliased

from app.db import UnitOfWork
from app.domain import evidence as rules
from app.domain import permissions
from app.domain.days import london_day
from app.domain.evidence import EvidenceView, LinkedEvidence, LinkView, SubmissionView, VersionView
from app.domain.permissions import Act, Item
from app.domain.personal_data import search_from_text
from app.domain.record_proposals import Keeping, Retention, kept_until
from app.domain.refusals import NotFound
from app.domain.submissions import MISDIRECTED_TITLE
from app.domain.words import PlanState
from app.models import Evidence, EvidenceLink, EvidenceShare, Milestone, Organisation, Person, Plan, Submission
from app.models.texts import latest_texts
from app.models.visibility import knowable, known_item
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
    statement = select(Evidence).where(Evidence.id == evidence, linked_where_known, known_item(uow.actor))
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
        .where(EvidenceLink.milestone_id == case.milestone.id, known_item(uow.actor))
        .order_by(Evidence.id.desc())
        .limit(limit + 1)
    )
    if cursor:
        statement = statement.where(Evidence.id < cursors.decode(cursor, str)[0])
    items = list(uow.session.execute(statement).scalars())
    more = cursors.encode(items[limit - 1].id) if len(items) > limit else None
    return tuple(views_of(uow, items[:limit])), more


def views_of(uow: UnitOfWork, items: Sequence[Evidence]) -> list[EvidenceView]:
    """Items with their links (to milestones the viewer may know of), their versions, texts and submissions, in seven
    queries.
    """
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
    versions = _versions(uow, items)
    names = _names_of(uow, items)
    views = (
        _view(
            uow, item, links[item.id], owners, texts, _receipt(submissions, item), shares[item.id], places[item.id],
            versions[_series(item)], names,
        )
        for item in items
    )  # fmt: skip
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


def _series(item: Any) -> str:
    return item.first_version_id or item.id


@dataclass(frozen=True, slots=True)
class _Version:
    """One version, with how it bears on each milestone that the viewer may know of."""

    row: Any
    linked: dict[str, LinkedEvidence]


def _versions(uow: UnitOfWork, items: Sequence[Evidence]) -> dict[str, list[_Version]]:
    """All versions of these items, the first one first, by what they have in common. Whoever may know of one may know
    of all: they share what they are restricted to, and each is linked where the one before it was.
    """
    series = sorted({_series(item) for item in items})
    statement = (
        select(
            Evidence.id, Evidence.ref, Evidence.form, Evidence.scan, Evidence.received_at,
            Evidence.effective_to, Evidence.withdrawn_at, Evidence.sha256, Evidence.provided_by_title,
            Evidence.organisation_id, Evidence.first_version_id, Evidence.version_number,
            Organisation.name.label("organisation"), EvidenceLink.milestone_id, EvidenceLink.outcome,
            EvidenceLink.reviewed_at,
        )
        .join(Organisation, Organisation.id == Evidence.organisation_id)
        .join(EvidenceLink, EvidenceLink.evidence_id == Evidence.id)
        .join(Milestone, Milestone.id == EvidenceLink.milestone_id)
        .where(
            or_(Evidence.id.in_(series), Evidence.first_version_id.in_(series)),  # type: ignore[attr-defined]
            knowable(uow.actor),
        )
        .order_by(Evidence.version_number)
    )  # fmt: skip
    found: dict[str, dict[str, _Version]] = defaultdict(dict)
    for row in uow.session.execute(statement):
        version = found[_series(row)].setdefault(row.id, _Version(row, {}))
        version.linked[row.milestone_id] = LinkedEvidence(
            row.id, row.form, row.scan, row.received_at, row.effective_to, row.withdrawn_at, row.outcome,
            row.reviewed_at, first_version_id=row.first_version_id, version_number=row.version_number,
        )  # fmt: skip
    return defaultdict(list, {one: list(versions.values()) for one, versions in found.items()})


def _superseded_for(versions: list[_Version], milestone: str) -> frozenset[str]:
    return rules.superseded(one.linked[milestone] for one in versions if milestone in one.linked)


def _is_superseded(version: _Version, versions: list[_Version]) -> bool:
    """For every milestone that it supports."""
    return all(version.row.id in _superseded_for(versions, milestone) for milestone in version.linked)


def _version_views(uow: UnitOfWork, versions: list[_Version]) -> tuple[VersionView, ...]:
    return tuple(
        VersionView(
            id=one.row.id,
            ref=one.row.ref,
            number=one.row.version_number,
            state=rules.state_words(
                scan=one.row.scan,
                withdrawn=one.row.withdrawn_at is not None,
                effective_to=one.row.effective_to,
                outcomes=[linked.outcome for linked in one.linked.values()],
                on=uow.today,
                is_superseded=_is_superseded(one, versions),
            ),
            received_at=one.row.received_at,
            provided_by=one.row.provided_by_title,
            organisation=one.row.organisation,
            sha256=one.row.sha256,
            withdrawn=one.row.withdrawn_at is not None,
        )
        for one in versions
    )


def _names_of(uow: UnitOfWork, items: Sequence[Evidence]) -> dict[str, str]:
    """What those are called whom items are restricted to: organisations by name, people by their post."""
    ids = {one for item in items for one in rules.restriction_from_stored(item.restricted_to)}
    if not ids:
        return {}
    organisations = select(Organisation.id, Organisation.name).where(Organisation.id.in_(ids))
    people = select(Person.id, Person.post_title).where(Person.id.in_(ids))
    return {row[0]: row[1] for row in uow.session.execute(organisations.union_all(people))}


def _view(
    uow: UnitOfWork,
    item: Evidence,
    links: list[Any],
    owners: dict[str, str | None],
    texts: dict[tuple[str, str], str],
    submission: SubmissionView | None,
    shared_with: set[str],
    place: Any,
    versions: list[_Version],
    names: dict[str, str],
) -> EvidenceView:
    actor = uow.actor
    history = _version_views(uow, versions)
    parties = frozenset({item.organisation_id, *(one.row.organisation_id for one in versions[:1])})
    own = Item(plan_id=item.plan_id, organisations=frozenset({item.organisation_id}))
    readable = Item(plan_id=item.plan_id, organisations=frozenset({item.organisation_id, *shared_with}))
    withdrawn, closed = item.withdrawn_at is not None, place.state is PlanState.CLOSED
    may_open = permissions.may(actor, Act.OPEN_FILE, readable) or (
        actor.is_key and actor.organisation_id in readable.organisations
    )
    own_item = item.organisation_id == actor.organisation_id
    newer = any(one.number > item.version_number and not one.withdrawn for one in history)
    may_replace = permissions.may(actor, Act.ADD_VERSION, Item(plan_id=item.plan_id, organisations=parties)) and (
        not actor.is_key or actor.organisation_id in parties
    )
    own_key = rules.sent_by_own_key(
        key_id=item.provided_by_key,
        organisation_id=item.organisation_id,
        reviewer_organisation=actor.organisation_id,
    )
    provided = item.provided_by == actor.id or own_key
    reviewable = not withdrawn and not provided and any(owners[row.milestone_id] != actor.id for row in links)
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
        state=next(one.state for one in history if one.id == item.id),
        withdrawn_at=item.withdrawn_at,
        withdrawn_by=item.withdrawn_by,
        withdrawal_reason=texts.get((f"{item.id}:withdrawal", "reason")),
        links=tuple(_link_view(uow, item, row, texts, place.evidence_policy, versions) for row in links),
        submission=submission,
        may_open=item.storage_name is not None and may_open,
        personal_data=rules.declared_from_stored(item.personal_data_declared),
        keeping=keeping_of(item),
        search=search_from_text(item.search) if may_open or own_item else None,
        may_withdraw=not withdrawn and not closed and permissions.may(actor, Act.WITHDRAW, own),
        may_review=reviewable and not closed and permissions.may(actor, Act.REVIEW, own),
        may_replace=not withdrawn and not closed and not newer and may_replace,
        version=_version(item, links),
        period_from=item.period_from,
        period_to=item.period_to,
        restricted_to=tuple(sorted(names.get(one, one) for one in rules.restriction_from_stored(item.restricted_to))),
        door=item.door,
        by_key=item.provided_by_key is not None,
        version_number=item.version_number,
        first_version_id=item.first_version_id,
        supersedes=item.supersedes_id,
        versions=history,
    )


def keeping_of(item: Evidence) -> Keeping:
    """How an item is kept."""
    retention = item.retention or Retention.PLAN_RECORD
    until = kept_until(retention, london_day(item.received_at))
    return Keeping(retention, until, item.held_at is not None, item.disposed_at)


def _version(item: Evidence, links: list[Any]) -> str:
    """Changes with the item and with what the viewer may know of its links and their reviews, and with nothing else: a
    count of all links would tell of milestones that are restricted to others.
    """
    seen = repr([(row.milestone_id, row.outcome, row.relevance, row.robustness, row.reviewed_at) for row in links])
    return f"{item.version}.{hashlib.sha256(seen.encode()).hexdigest()[:8]}"


def _link_view(
    uow: UnitOfWork,
    item: Evidence,
    row: Any,
    texts: dict[tuple[str, str], str],
    policy: Any,
    versions: list[_Version],
) -> LinkView:
    linked = [one.linked[row.milestone_id] for one in versions if row.milestone_id in one.linked]
    judged = rules.verdicts(linked, policy=policy, on=uow.today, reopened_at=row.reopened_at)
    why = next(why for one, why in zip(linked, judged, strict=True) if one.evidence_id == item.id)
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
