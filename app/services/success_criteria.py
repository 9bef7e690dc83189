"""What happens to the proof agreed for a milestone: agreed, agreed anew, and ticked off."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import insert, select, update

from app.db import UnitOfWork
from app.domain import evidence as evidence_rules
from app.domain import permissions
from app.domain import success_criteria as rules
from app.domain.evidence import LinkedEvidence
from app.domain.ids import new_id
from app.domain.refusals import invalid
from app.domain.success_criteria import AgreedProof, Criterion, CriterionView, Sent, Ticked
from app.models import CriterionTick, Evidence, EvidenceLink, Milestone, Organisation, SuccessCriterion
from app.models.identity import table_of
from app.models.success_criteria import criteria_from_json, gathered_criteria, gathered_ticks
from app.services.milestone_case import Case
from app.services.writing import Checks

_criteria, _ticks = table_of(SuccessCriterion), table_of(CriterionTick)
_evidence, _links = table_of(Evidence), table_of(EvidenceLink)
_organisations, _milestones = table_of(Organisation), table_of(Milestone)


def checked(uow: UnitOfWork, checks: Checks, given: Sequence[AgreedProof] | None) -> tuple[AgreedProof, ...]:
    """What somebody agrees, row by row. What is wrong goes into `checks`, all at once."""
    proofs = tuple(given or ())
    if len(proofs) > rules.AT_MOST:
        checks.add("criteria", "too_many", f"Agree at most {rules.AT_MOST} kinds of proof for one milestone")
    known = _organisation_ids(uow, proofs)
    for place, proof in enumerate(proofs):
        where = f"criteria/{place}"
        if not 1 <= proof.number <= rules.NUMBER_AT_MOST:
            checks.add(f"{where}/number", "out_of_range", f"How many must be from 1 to {rules.NUMBER_AT_MOST}")
        if proof.organisation is not None and proof.organisation not in known:
            checks.add(f"{where}/organisation", "unknown_organisation", "Choose an organisation that is known here")
        if (proof.period_from is None) != (proof.period_to is None):
            name = "period_to" if proof.period_to is None else "period_from"
            checks.add(f"{where}/{name}", "required", "Enter both days of the period, or neither")
        checks.order(
            f"{where}/period_to", proof.period_from, proof.period_to, "The period must end on or after its first day"
        )
    return proofs


def agree(uow: UnitOfWork, milestone: Milestone, proofs: Sequence[AgreedProof]) -> dict[str, Any]:
    """Put these in the place of what was agreed so far: what stays the same stays, with what is ticked off for it.
    Returns what the trail says of it: nothing where nothing changes.
    """
    before = criteria_of(uow, milestone.id)
    known = _organisation_ids(uow, proofs)
    kept, wanted = list(before), []
    for place, proof in enumerate(proofs):
        same = next((one for one in kept if one.proof == proof), None)
        if same is None:
            wanted.append((place, proof))
        else:
            kept.remove(same)
            if same.position != place:
                _at(uow, same, position=place)
    for gone in kept:
        _at(uow, gone, replaced_at=uow.now)
    for place, proof in wanted:
        uow.session.execute(
            insert(_criteria).values(
                id=new_id(), plan_id=milestone.plan_id, milestone_id=milestone.id, position=place, number=proof.number,
                kind=proof.kind, organisation_id=known[proof.organisation] if proof.organisation else None,
                period_from=proof.period_from, period_to=proof.period_to, agreed_at=uow.now,
            )
        )  # fmt: skip
    if not wanted and not kept:
        return {}
    tick_off(uow, milestone.id)
    after = criteria_of(uow, milestone.id)
    return {"criteria": ["; ".join(words_of(one) for one in found) or None for found in (before, after)]}


def tick_off(uow: UnitOfWork, milestone_id: str) -> None:
    """Tick every linked item that is, by what it says of itself, what was agreed and is not ticked off yet."""
    criteria = criteria_of(uow, milestone_id)
    if not criteria:
        return
    statement = (
        select(_evidence.c.id, _evidence.c.kind, _evidence.c.period_from, _evidence.c.period_to, _organisations.c.slug)
        .join(_links, _links.c.evidence_id == _evidence.c.id)
        .join(_organisations, _organisations.c.id == _evidence.c.organisation_id)
        .where(_links.c.milestone_id == milestone_id, _evidence.c.withdrawn_at.is_(None))
    )
    rows = uow.session.execute(statement).all()
    for one in criteria:
        for row in rows:
            sent = Sent(kind=row.kind, organisation=row.slug, period_from=row.period_from, period_to=row.period_to)
            if row.id not in one.ticked and rules.is_what_was_agreed(one.proof, sent):
                _tick(uow, one.id, row.id, milestone_id)


def tick_by_review(uow: UnitOfWork, case: Case, item: Evidence, meets: Sequence[str]) -> list[str]:
    """What a reviewer says that an item meets besides. Returns it in words, for the trail."""
    slug = uow.session.execute(select(_organisations.c.slug).where(_organisations.c.id == item.organisation_id))
    sent = Sent(kind=item.kind, organisation=slug.scalar_one(), period_from=item.period_from, period_to=item.period_to)
    said = []
    for identity in dict.fromkeys(meets):
        found = next((one for one in case.criteria if one.id == identity), None)
        if found is None:
            raise invalid("meets", "unknown_criterion", "Choose from what is agreed for this milestone")
        if not rules.may_be_what_was_agreed(found.proof, sent):
            sentence = f"{item.ref} is not what was agreed: {words_of(found)}"
            raise invalid("meets", "not_what_was_agreed", sentence)
        if item.id not in found.ticked:
            _tick(uow, found.id, item.id, case.milestone.id)
            said.append(words_of(found))
    return said


def criteria_of(uow: UnitOfWork, milestone_id: str) -> tuple[Criterion, ...]:
    """What is agreed now for one milestone."""
    uow.session.flush()
    columns = (gathered_criteria(_milestones.c.id).label("criteria"), gathered_ticks(_milestones.c.id).label("ticks"))
    row = uow.session.connection().execute(select(*columns).where(_milestones.c.id == milestone_id)).one()
    return criteria_from_json(row.criteria, row.ticks)


def views_of(uow: UnitOfWork, case: Case) -> tuple[CriterionView, ...]:
    """What is agreed, with what is ticked off for it and counts today, of what the actor may know of."""
    today = min(uow.today, case.settings.closed_on or uow.today)
    judged = evidence_rules.verdicts(
        case.evidence, policy=case.settings.policy, on=today, reopened_at=case.milestone.reopened_at
    )
    counting = {item.evidence_id for item, why in zip(case.evidence, judged, strict=True) if why is None}
    known = [item for item in case.evidence if _may_know(uow, case, item)]
    return tuple(
        CriterionView(one.id, one.proof, words_of(one), _ticked_off(one, known, counting)) for one in case.criteria
    )


def _may_know(uow: UnitOfWork, case: Case, item: LinkedEvidence) -> bool:
    """A restricted item exists for those named, and for whoever may know all of the plan."""
    if item.restricted_to is None or permissions.may_know_all(uow.actor, case.plan.id):
        return True
    return bool(
        {uow.actor.id, uow.actor.organisation_id} & {*evidence_rules.restriction_from_stored(item.restricted_to)}
    )


def _ticked_off(one: Criterion, evidence: Sequence[LinkedEvidence], counting: Collection[str]) -> tuple[Ticked, ...]:
    """The items ticked off for one agreed proof; of several versions of one item, the newest that counts is one."""
    found, series = [], set()
    for item in sorted(evidence, key=lambda item: (-item.version_number, item.ref)):
        if item.evidence_id not in one.ticked:
            continue
        counts = item.evidence_id in counting and item.series not in series
        if counts:
            series.add(item.series)
        found.append(Ticked(item.evidence_id, item.ref, item.title, counts))
    return tuple(sorted(found, key=lambda ticked: ticked.ref))


def organisation_names(uow: UnitOfWork, proofs: Sequence[AgreedProof]) -> dict[str, str]:
    """The names of the organisations that these name, by slug."""
    slugs = {proof.organisation for proof in proofs if proof.organisation is not None}
    statement = select(_organisations.c.slug, _organisations.c.name).where(_organisations.c.slug.in_(sorted(slugs)))
    return {row.slug: row.name for row in uow.session.execute(statement)} if slugs else {}


def words_of(one: Criterion) -> str:
    return rules.proof_words(one.proof, one.organisation_name)


def _tick(uow: UnitOfWork, criterion: str, evidence: str, milestone: str) -> None:
    uow.session.execute(
        insert(_ticks).values(
            criterion_id=criterion,
            evidence_id=evidence,
            milestone_id=milestone,
            ticked_at=uow.now,
            ticked_by_title=uow.actor.title,
        )
    )


def _at(uow: UnitOfWork, one: Criterion, **becomes: Any) -> None:
    uow.session.execute(update(_criteria).where(_criteria.c.id == one.id).values(**becomes))


def _organisation_ids(uow: UnitOfWork, proofs: Sequence[AgreedProof]) -> dict[str, str]:
    slugs = {proof.organisation for proof in proofs if proof.organisation is not None}
    if not slugs:
        return {}
    statement = select(_organisations.c.slug, _organisations.c.id).where(_organisations.c.slug.in_(sorted(slugs)))
    return {row.slug: row.id for row in uow.session.execute(statement)}
