"""Taking a milestone up for work: found for this actor, allowed, locked when it is to be judged, and current.

Locks are taken in one order everywhere: milestones by id, then evidence, then the audit head.
"""

from collections.abc import Iterable
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import select

from app.db import UnitOfWork
from app.domain import permissions
from app.domain.evidence import LinkedEvidence
from app.domain.milestones import MilestoneKey
from app.domain.permissions import Act, Item
from app.domain.rag import PlanSettings
from app.domain.refusals import NotFound, Stale
from app.domain.words import Scope
from app.models import Milestone, Person, Plan, plan_heads
from app.models.linked_evidence import rows_by_milestone
from app.models.surroundings import surroundings_of
from app.models.visibility import knowable
from app.services import addresses, settling
from app.services.milestone_case import Case as Case


def open_case(uow: UnitOfWork, key: MilestoneKey, *, act: Act = Act.READ_PLAN, if_match: str | None = None) -> Case:
    """Take up a milestone to change it: found, allowed, locked, current.

    Raises NotFound when there is none for this actor, Forbidden when the act is not theirs, Stale when `if_match`
    names another version than the row's.
    """
    found = uow.session.execute(_wanted(uow, key).with_for_update(of=Milestone, key_share=True)).one_or_none()
    if found is None:
        addresses.follow(uow, key.plan)
        raise NotFound
    case = _case(uow, *found)
    permissions.require(uow.actor, act, case.item)
    if if_match is not None and if_match != case.version:
        raise Stale(current_version=case.version)
    settling.catch_up(uow, case)
    return case


def open_perhaps_stale(
    uow: UnitOfWork, key: MilestoneKey, *, act: Act, if_match: str | None
) -> tuple[Case, Stale | None]:
    """As `open_case`, for what may be the same thing sent again, which its own first sending made stale: that another
    version was named is handed back, and the caller raises it for what is new.
    """
    try:
        return open_case(uow, key, act=act, if_match=if_match), None
    except Stale as stale:
        return open_case(uow, key, act=act), stale


def read_case(uow: UnitOfWork, key: MilestoneKey) -> Case:
    """Look at a milestone without locking it. Raises NotFound, or Forbidden for who may not read live plans."""
    found = uow.session.execute(_wanted(uow, key)).one_or_none()
    if found is None:
        addresses.follow(uow, key.plan)
        raise NotFound
    case = _case(uow, *found)
    require_reading(uow, case.plan.id)
    return case


def require_reading(uow: UnitOfWork, plan_id: str) -> None:
    """Inside the plan but without the right to its live content: Forbidden, not NotFound."""
    if uow.actor.is_key and Scope.EVIDENCE_WRITE in uow.actor.scopes:
        return
    permissions.require(uow.actor, Act.READ_PLAN, Item(plan_id=plan_id))


def affected_cases(uow: UnitOfWork, milestone_ids: Iterable[str]) -> list[Case]:
    """Milestones that a change bears on, locked in id order, whether or not the actor may know of them:
    the rules follow evidence wherever it is linked, and nothing of these rows is shown.
    """
    cases = []
    for milestone_id in sorted(milestone_ids):
        statement = _cases().where(Milestone.id == milestone_id)
        row = uow.session.execute(statement.with_for_update(of=Milestone, key_share=True)).one()
        case = _case(uow, *row)
        settling.catch_up(uow, case)
        cases.append(case)
    return cases


def _wanted(uow: UnitOfWork, key: MilestoneKey) -> Any:
    statement = _cases().where(knowable(uow.actor))
    if key.id:
        return statement.where(Milestone.id == key.id)
    return statement.where(Plan.slug == key.plan, Milestone.ref == key.ref)


@cache
def _cases() -> Any:
    """A milestone with its plan and its owner."""
    joined = select(Milestone, Plan, Person).join(Plan, Plan.id == Milestone.plan_id)
    return joined.outerjoin(Person, Person.id == Milestone.owner_id)


def fresh_case(uow: UnitOfWork, milestone: Milestone, plan: Plan) -> Case:
    """A milestone that was just added, or whose owner or supporters were just changed, as it is now."""
    return _case(uow, milestone, plan, uow.session.get(Person, milestone.owner_id) if milestone.owner_id else None)


def _case(uow: UnitOfWork, milestone: Milestone, plan: Plan, owner: Person | None) -> Case:
    around = surroundings_of(uow.session, milestone.id)
    organisations = {milestone.lead_organisation_id, *(organisation.id for organisation in around.supporters)}
    if owner is not None:
        organisations.add(owner.organisation_id)
    return Case(
        milestone=milestone,
        plan=plan,
        settings=plan_settings(plan, around.meetings),
        organisations=frozenset(organisations),
        owner=owner,
        evidence=around.evidence,
        supporters=around.supporters,
        criteria=around.criteria,
        words=around.words,
    )


def plan_settings(plan: Any, meetings: tuple[date, ...]) -> PlanSettings:
    """What the RAG rules need of a plan's row and its list of meetings."""
    return PlanSettings(
        state=plan.state,
        policy=plan.evidence_policy,
        tolerance_days=plan.tolerance_days,
        overdue_limit_days=plan.overdue_limit_days,
        moved_rule=plan.moved_rule,
        cycle_days=plan.cycle_days,
        meetings=meetings,
        approved_on=plan.approved_on,
        closed_on=plan.closed_on,
    )


def meeting_days(uow: UnitOfWork, plan_id: str) -> tuple[date, ...]:
    """The plan's review meetings, cancelled ones left out, in order."""
    return plan_heads.meeting_days(uow.session, [plan_id])[plan_id]


def linked_evidence(uow: UnitOfWork, milestone_ids: list[str]) -> dict[str, list[LinkedEvidence]]:
    """The facts the gate judges, for each of these milestones, in one query."""
    found: dict[str, list[LinkedEvidence]] = {milestone_id: [] for milestone_id in milestone_ids}
    if not found:
        return found
    for row in rows_by_milestone(uow.session, milestone_ids):
        found[row.milestone_id].append(as_linked(row))
    return found


def as_linked(row: Any) -> LinkedEvidence:
    """A row of `rows_by_milestone` as the rules take it."""
    return LinkedEvidence(
        row.evidence_id,
        row.form,
        row.scan,
        row.received_at,
        row.effective_to,
        row.withdrawn_at,
        row.outcome,
        row.reviewed_at,
        settling.london_day(row.received_at),
        row.ref,
        row.title,
        row.first_version_id,
        row.version_number,
        row.restricted_to,
    )
