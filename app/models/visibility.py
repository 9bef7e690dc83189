"""What an actor may know of, as conditions on milestones. Every query that a person or key sets off carries one."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, true
from sqlalchemy import false as never

from app.domain.actors import Actor
from app.domain.permissions import may_know_all, plans_known
from app.domain.words import Scope
from app.models.milestones import Milestone, MilestoneRestriction, MilestoneSupporter


def knowable(actor: Actor) -> ColumnElement[bool]:
    """Milestones, of any plan, that the actor may know exist.

    Restricted ones exist only for those named, and for whoever may know all of the plan. A key with
    `evidence:write` alone knows what its organisation leads or supports.
    """
    if actor.is_system:
        return true()
    plans = plans_known(actor)
    everything = frozenset(plan for plan in plans if may_know_all(actor, plan))
    conditions: list[ColumnElement[bool]] = [_in(Milestone.plan_id, plans)]
    if everything != plans:
        conditions.append(or_(_unrestricted_for(actor), _in(Milestone.plan_id, everything)))
    if actor.is_key and Scope.PLAN_READ not in actor.scopes:
        conditions.append(_is_party(actor))
    return and_(*conditions)


def knowable_in(actor: Actor, plan_id: str) -> ColumnElement[bool]:
    """The same within one plan, written so that an index on the plan serves it."""
    in_plan: Any = Milestone.plan_id == plan_id
    if actor.is_system:
        return in_plan
    if plan_id not in plans_known(actor):
        return never()
    conditions = [in_plan]
    if not may_know_all(actor, plan_id):
        conditions.append(_unrestricted_for(actor))
    if actor.is_key and Scope.PLAN_READ not in actor.scopes:
        conditions.append(_is_party(actor))
    return and_(*conditions)


def withheld_in(actor: Actor, plan_id: str) -> ColumnElement[bool]:
    """The milestones of a plan that are kept from the actor: only ever counted, and only for whom that is right."""
    return and_(Milestone.plan_id == plan_id, ~_unrestricted_for(actor))


def _unrestricted_for(actor: Actor) -> ColumnElement[bool]:
    named = [MilestoneRestriction.organisation_id == actor.organisation_id]
    if actor.is_person:
        named.append(MilestoneRestriction.person_id == actor.id)
    return or_(
        Milestone.restricted.is_(False),
        exists().where(MilestoneRestriction.milestone_id == Milestone.id, or_(*named)),
    )


def _is_party(actor: Actor) -> ColumnElement[bool]:
    return or_(
        Milestone.lead_organisation_id == actor.organisation_id,
        exists().where(
            MilestoneSupporter.milestone_id == Milestone.id,
            MilestoneSupporter.organisation_id == actor.organisation_id,
        ),
    )


def _in(column: Any, values: frozenset[str]) -> ColumnElement[bool]:
    """One value as an equality: indexes like it better than a list of one."""
    if not values:
        return never()
    if len(values) == 1:
        return column == next(iter(values))
    return column.in_(sorted(values))
