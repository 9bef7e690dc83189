"""Core rows turned into what doors print: colour, reasons, slips, evidence and what is still needed, on one day."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from app.db import UnitOfWork
from app.domain import evidence as evidence_rules
from app.domain import milestones as rules
from app.domain import rag
from app.domain.days import london_day
from app.domain.evidence import LinkedEvidence
from app.domain.expiry import notice_on, status_on
from app.domain.milestones import CarriedOver, EvidenceCount, MilestoneRow, MovedFrom, OrganisationRef, PersonRef, Ref
from app.domain.rag import MilestoneFacts, PlanSettings, Wording
from app.domain.words import Marking, PlanState, Rag, Status
from app.models.milestone_rows import supporting_organisations
from app.models.texts import latest_texts
from app.services import settling
from app.services.milestone_case import version_of


def supporters_of(uow: UnitOfWork, milestone_ids: Sequence[str]) -> dict[str, tuple[OrganisationRef, ...]]:
    """The supporting organisations of these milestones, in one query."""
    found: dict[str, list[OrganisationRef]] = {milestone_id: [] for milestone_id in milestone_ids}
    if not found:
        return {}
    for row in supporting_organisations(uow.session, list(found)):
        found[row.milestone_id].append(OrganisationRef(row.id, row.slug, row.name))
    return {milestone_id: tuple(organisations) for milestone_id, organisations in found.items()}


def declared_by(row: Any) -> str | None:
    """Who declared what stands, as the sentence names them."""
    if row.declared_by is None:
        return None
    return "its owner" if row.declared_by == row.owner_id else f"the {row.declarer_title}"


def facts_for(row: Any, today: date) -> MilestoneFacts:
    left = row.owner_left_on is not None and row.owner_left_on <= today
    return settling.facts_of(row, owner_left=left, declared_by_title=declared_by(row))


def evidence_count(row: Any, evidence: list[LinkedEvidence], settings: PlanSettings, on: date) -> EvidenceCount:
    standing = evidence_rules.standing(evidence, policy=settings.policy, on=on, reopened_at=row.reopened_at)
    until = standing.met_until
    return EvidenceCount(standing.counting, standing.total, standing.state, until, notice_on(until, on))


def status_of(row: Any, on: date) -> Status:
    """The status of a row as it counts on a day."""
    return status_on(row.status, row.policy_met_until, on)


def colour_word(row: Any, facts: MilestoneFacts, settings: PlanSettings, on: date) -> Rag | None:
    """The colour on a day, or None where a word of its own stands instead of it (rule 2)."""
    if settings.state is not PlanState.APPROVED or row.status is Status.CANCELLED:
        return None
    colour = rag.colour_on(rag.moments_from_stored(row.amber_from, row.red_from), on)
    if colour is not Rag.GREEN:
        return colour
    if rag.is_achieved_on(facts, on) or rag.is_not_yet_due_to_start(facts, on):
        return None
    return colour


def accepted_until_on(row: Any, on: date) -> date | None:
    """The day on which an exception that is accepted on day `on` returns among the others; None: it is not accepted."""
    until = london_day(row.accepted_until) if row.accepted_until else None
    return until if until is not None and until > on else None


def milestone_row(
    row: Any,
    *,
    settings: PlanSettings,
    evidence: list[LinkedEvidence],
    supporters: tuple[OrganisationRef, ...],
    today: date,
    rationale: str = "",
    carried_over: CarriedOver | None = None,
) -> MilestoneRow:
    """One milestone as lists and its own page show it today; in a closed plan, as it was on the day of the closing."""
    today = min(today, settings.closed_on or today)
    facts = facts_for(row, today)
    moments = rag.moments_from_stored(row.amber_from, row.red_from)
    colour = colour_word(row, facts, settings, today)
    since = _since(moments, colour)
    slips = rag.slip(
        baseline=row.baseline_date,
        due=row.due_date,
        forecast=row.forecast_date,
        completed=row.completed_on,
        status=row.status,
        today=today,
    )
    status = status_of(row, today)
    return MilestoneRow(
        id=row.id,
        ref=row.ref,
        title=row.title,
        plan_id=row.plan_id,
        plan_slug=row.plan_slug,
        theme=Ref(row.theme_id, row.theme_ref, row.theme_title),
        action=Ref(row.action_id, row.action_ref, row.action_title),
        owner=owner_of(row, today),
        organisation=OrganisationRef(row.lead_organisation_id, row.lead_slug, row.lead_name),
        supporting_organisations=supporters,
        status=status,
        standing=rag.standing_words(facts, today, achieved_on=row.achieved_on),
        rag=colour,
        since=since,
        days=rag_days(since, today),
        exception_days=rag_days(moments.amber_on, today) if since else None,
        reasons=rag.reasons_on(facts, settings, today, wording=Wording(declared_rationale=rationale)) if since else (),
        start_date=row.start_date,
        baseline_date=row.baseline_date,
        due_date=row.due_date,
        forecast_date=row.forecast_date,
        completed_date=row.completed_on,
        achieved_date=row.achieved_on if status is Status.ACHIEVED else None,
        slip_days=slips.slip_days,
        approved_slip_days=slips.approved_slip_days,
        moves=row.moves,
        accepted_until=accepted_until_on(row, today),
        evidence=evidence_count(row, evidence, settings, today),
        still_needed=tuple(_still_needed(status, row, settings, evidence, today)),
        marking=Marking(row.marking),
        restricted=row.restricted,
        source=row.source,
        version=version_of(row),
        carried_over=carried_over,
        added_later_at=row.added_at if row.plan_approved_at and row.added_at > row.plan_approved_at else None,
    )


def moved_from_of(move: Any | None) -> MovedFrom | None:
    """A row of `plan_structure.latest_moves` as the doors print it."""
    if move is None:
        return None
    action = Ref(move.from_action_id, move.action_ref, move.action_title) if move.from_action_id else None
    return MovedFrom(Ref(move.from_theme_id, move.theme_ref, move.theme_title), action, move.at, move.by_title)


def owner_of(row: Any, today: date) -> PersonRef | None:
    if row.owner_id is None:
        return None
    left = row.owner_left_on is not None and row.owner_left_on <= today
    return PersonRef(row.owner_id, row.owner_title, row.owner_organisation, left)


def rationales_of(uow: UnitOfWork, rows: Sequence[Any]) -> dict[str, str]:
    """Why what stands was declared: what its declarer said, whoever has said something since."""
    updates = {row.declared_update_id: row.id for row in rows if row.declared_update_id is not None}
    texts = latest_texts(uow.session, list(updates))
    return {milestone: texts.get((update, "rationale"), "") for update, milestone in updates.items()}


def rag_days(since: date | None, on: date) -> int | None:
    return None if since is None else (on - since).days + 1


def _since(moments: rag.Moments, colour: Rag | None) -> date | None:
    if colour is Rag.RED:
        return moments.red_on
    return moments.amber_on if colour is Rag.AMBER else None


def _still_needed(
    status: Status, row: Any, settings: PlanSettings, evidence: list[LinkedEvidence], today: date
) -> list[Any]:
    """What stands between a milestone and achieved; nothing once it is, or when it was cancelled."""
    if status in (Status.ACHIEVED, Status.CANCELLED):
        return []
    return rules.unmet_criteria(
        status=status,
        plan_state=settings.state,
        policy=settings.policy,
        evidence=evidence,
        reopened_at=row.reopened_at,
        on=today,
    )
