"""A milestone with the words around it, as one Core row: what lists and exception reports read."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import aliased

from app.models.milestones import Milestone
from app.models.organisations import Organisation, Person
from app.models.plans import Action, Plan, Theme

_owner, _owner_organisation, _lead = aliased(Person), aliased(Organisation), aliased(Organisation)

COLUMNS: tuple[Any, ...] = (
    *Milestone.__table__.columns,
    Theme.ref.label("theme_ref"),
    Theme.title.label("theme_title"),
    Action.ref.label("action_ref"),
    Action.title.label("action_title"),
    _owner.post_title.label("owner_title"),
    _owner.left_on.label("owner_left_on"),
    _owner_organisation.name.label("owner_organisation"),
    _lead.name.label("lead_name"),
    _lead.slug.label("lead_slug"),
    Plan.slug.label("plan_slug"),
)


def milestone_rows() -> Select[Any]:
    """Milestones joined to their theme, action, owner, lead organisation and plan. The caller adds its scope."""
    return (
        select(*COLUMNS)
        .join(Plan, Plan.id == Milestone.plan_id)
        .join(Theme, Theme.id == Milestone.theme_id)
        .join(Action, Action.id == Milestone.action_id)
        .join(_lead, _lead.id == Milestone.lead_organisation_id)
        .outerjoin(_owner, _owner.id == Milestone.owner_id)
        .outerjoin(_owner_organisation, _owner_organisation.id == _owner.organisation_id)
    )
