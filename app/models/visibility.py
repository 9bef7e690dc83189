"""What an actor may know of, as conditions on milestones. Every query that a person or key sets off carries one.

The rule stands in `_knowable` once. Statements that are built once and run often (`exception_rows.py`) give it bound
parameters, the others the actor's own values.
"""

from typing import Any

from sqlalchemy import ColumnElement, String, and_, bindparam, cast, exists, func, literal, or_, true
from sqlalchemy import false as never

from app.domain.actors import Actor
from app.domain.permissions import may_know_all, plans_known
from app.domain.words import Role, Scope, SubmissionState
from app.models.evidence import Evidence
from app.models.milestones import Milestone, MilestoneRestriction, MilestoneSupporter
from app.models.submissions import Submission

_evidence: Any = Evidence.__table__
_milestones: Any = Milestone.__table__
_restrictions: Any = MilestoneRestriction.__table__
_supporters: Any = MilestoneSupporter.__table__
_submissions: Any = Submission.__table__


def knowable(actor: Actor) -> ColumnElement[bool]:
    """Milestones, of any plan, that the actor may know exist.

    Restricted ones exist only for those named, and for whoever may know all of the plan. A key with
    `evidence:write` alone knows what its organisation leads or supports.
    """
    if actor.is_system:
        return true()
    plans = plans_known(actor)
    everything = frozenset(plan for plan in plans if may_know_all(actor, plan))
    conditions = [_in(_milestones.c.plan_id, plans)]
    if everything != plans:
        conditions.append(or_(unrestricted_for(actor), _in(_milestones.c.plan_id, everything)))
    if is_party_only(actor):
        conditions.append(_is_party(actor.organisation_id))
    return and_(*conditions)


def knowable_in(actor: Actor, plan_id: str) -> ColumnElement[bool]:
    """The same within one plan, written so that an index on the plan serves it."""
    in_plan = _milestones.c.plan_id == plan_id
    if actor.is_system:
        return in_plan  # type: ignore[no-any-return]
    if plan_id not in plans_known(actor):
        return never()
    conditions = [in_plan]
    if not may_know_all(actor, plan_id):
        conditions.append(unrestricted_for(actor))
    if is_party_only(actor):
        conditions.append(_is_party(actor.organisation_id))
    return and_(*conditions)


def unrestricted_for(actor: Actor) -> ColumnElement[bool]:
    """Not restricted, or restricted to the actor or the actor's organisation."""
    return _unrestricted(actor.organisation_id, actor.id if actor.is_person else "")


def unrestricted_for_viewer() -> ColumnElement[bool]:
    """The same for the parameters `viewer_organisation` and `viewer_id`."""
    return _unrestricted(bindparam("viewer_organisation"), bindparam("viewer_id"))


def viewer_parameters(actor: Actor) -> dict[str, str]:
    """What `unrestricted_for_viewer` is run with. A key is no person, so no restriction names it."""
    return {"viewer_organisation": actor.organisation_id, "viewer_id": actor.id if actor.is_person else ""}


def withheld_in(actor: Actor, plan_id: str) -> ColumnElement[bool]:
    """The milestones of a plan that are kept from the actor: only ever counted, and only for whom that is right."""
    return and_(_milestones.c.plan_id == plan_id, ~unrestricted_for(actor))


def content_closed(actor: Actor, item_id: Any) -> ColumnElement[bool]:
    """Whether this column holds the id of a submission, or of its evidence, that was misdirected and whose content is
    closed to the actor: to all but who triaged it and senior officers.
    """
    columns = _submissions.c
    closed = exists().where(
        or_(columns.evidence_id == item_id, columns.id == item_id), columns.state == SubmissionState.MISDIRECTED
    )
    if actor.is_system:
        return never()
    if not actor.is_person:
        return closed
    officer_in = frozenset(plan for plan, roles in actor.roles.items() if Role.SENIOR_OFFICER in roles)
    theirs = or_(columns.triaged_by == actor.id, _in(columns.plan_id, officer_in))
    return closed.where(~func.coalesce(theirs, never()))


def known_item(actor: Actor) -> ColumnElement[bool]:
    """Evidence items that the actor may know of where they may know of a milestone that each supports.

    A restricted one exists for those named and for whoever may know all of its plan. A key that may not read the plan
    knows what its own organisation sent.
    """
    if actor.is_system:
        return true()
    conditions = [item_unrestricted_for(actor)]
    if actor.is_key and Scope.PLAN_READ not in actor.scopes:
        conditions.append(_evidence.c.organisation_id == actor.organisation_id)
    return and_(*conditions)


def item_unrestricted_for(actor: Actor) -> ColumnElement[bool]:
    """Evidence that is not restricted, or restricted to the actor, or in a plan that they may know all of."""
    everything = frozenset(plan for plan in plans_known(actor) if may_know_all(actor, plan))
    person = actor.id if actor.is_person else ""
    return or_(_names(actor.organisation_id, person), _in(_evidence.c.plan_id, everything))


def item_unrestricted_for_viewer() -> ColumnElement[bool]:
    """The same, less the plans, for the parameters `viewer_organisation` and `viewer_id`."""
    return _names(bindparam("viewer_organisation"), bindparam("viewer_id"))


def _names(organisation: Any, person: Any) -> ColumnElement[bool]:
    """As `app.domain.evidence.restriction_as_stored` writes them: between bars."""
    stored = _evidence.c.restricted_to
    named = [stored.like(literal("%|") + cast(one, String) + literal("|%")) for one in (organisation, person)]
    return or_(stored.is_(None), *named)


def is_party_only(actor: Actor) -> bool:
    """Whether the actor is a key that may attach evidence and read nothing else."""
    return actor.is_key and Scope.EVIDENCE_WRITE in actor.scopes and Scope.PLAN_READ not in actor.scopes


def _unrestricted(organisation: Any, person: Any) -> ColumnElement[bool]:
    named = or_(_restrictions.c.organisation_id == organisation, _restrictions.c.person_id == person)
    return or_(
        _milestones.c.restricted.is_(False),
        exists().where(_restrictions.c.milestone_id == _milestones.c.id, named),
    )


def _is_party(organisation: Any) -> ColumnElement[bool]:
    supports = exists().where(
        _supporters.c.milestone_id == _milestones.c.id, _supporters.c.organisation_id == organisation
    )
    return or_(_milestones.c.lead_organisation_id == organisation, supports)


def _in(column: Any, values: frozenset[str]) -> Any:
    """One value as an equality: indexes like it better than a list of one."""
    if not values:
        return never()
    if len(values) == 1:
        return column == next(iter(values))
    return column.in_(sorted(values))
