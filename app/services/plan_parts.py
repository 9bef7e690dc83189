"""The parts of a plan: themes, actions, memberships. Review meetings have a module of their own."""

from datetime import date
from typing import Any

from sqlalchemy import func, select

from app.db import UnitOfWork
from app.domain import permissions
from app.domain.ids import new_id
from app.domain.milestones import MovedFrom, PersonRef
from app.domain.permissions import Act, Item
from app.domain.plans import ActionView, MembershipView, ThemeView
from app.domain.refusals import Reason, Refused
from app.domain.words import PlanState, Role
from app.models import Action, Membership, Organisation, Person, Plan, Theme, plan_structure
from app.services.evidence_intake import next_ref
from app.services.plans import known_plan, live_plan
from app.services.writing import Checks


def list_themes(uow: UnitOfWork, *, slug: str) -> tuple[ThemeView, ...]:
    plan = live_plan(uow, slug)
    return tuple(theme_view(row) for row in plan_structure.themes_in(uow.session, plan.id))


def add_theme(uow: UnitOfWork, *, slug: str, title: str, source: str | None = None) -> ThemeView:
    """Add an area for improvement, after the others."""
    plan = _to_edit(uow, slug, "theme_addition")
    checks = Checks()
    cleaned = checks.title("title", title)
    checks.done()
    row = Theme(
        id=new_id(),
        plan_id=plan.id,
        ref=next_ref(uow, plan.id, "theme", "T"),
        title=cleaned,
        position=_next_position(uow, Theme.position, Theme.plan_id == plan.id),
        source=source,
        version=1,
    )
    uow.session.add(row)
    uow.session.flush()
    uow.record(
        "theme_added", plan_id=plan.id, item_kind="theme", item_id=row.id, item_ref=row.ref, texts={"title": cleaned}
    )
    return theme_view(row)


def list_actions(uow: UnitOfWork, *, slug: str) -> tuple[ActionView, ...]:
    """Every action, theme by theme, in their order."""
    plan = live_plan(uow, slug)
    return tuple(action_view(row, row.theme_ref) for row in plan_structure.actions_in(uow.session, plan.id))


def add_action(uow: UnitOfWork, *, slug: str, theme: str, title: str, source: str | None = None) -> ActionView:
    """Add something that will be done, under a theme of the plan."""
    plan = _to_edit(uow, slug, "action_addition")
    checks = Checks()
    cleaned = checks.title("title", title)
    parent = uow.session.execute(select(Theme).where(Theme.id == theme, Theme.plan_id == plan.id)).scalar_one_or_none()
    if parent is None:
        checks.add("theme", "unknown_theme", "Choose a theme of this plan")
    checks.done()
    row = Action(
        id=new_id(),
        plan_id=plan.id,
        theme_id=theme,
        ref=next_ref(uow, plan.id, "action", "A"),
        title=cleaned,
        position=_next_position(uow, Action.position, Action.theme_id == theme),
        source=source,
        version=1,
    )
    uow.session.add(row)
    uow.session.flush()
    uow.record(
        "action_added",
        plan_id=plan.id,
        item_kind="action",
        item_id=row.id,
        item_ref=row.ref,
        facts={"theme": parent.ref if parent else ""},
        texts={"title": cleaned},
    )
    return action_view(row, parent.ref if parent else "")


def list_memberships(uow: UnitOfWork, *, slug: str) -> tuple[MembershipView, ...]:
    """Who works in the plan, in which role, and until when."""
    plan = known_plan(uow, slug)
    if not permissions.may(uow.actor, Act.MANAGE_MEMBERSHIPS, Item(plan_id=plan.id)):
        permissions.require(uow.actor, Act.READ_PLAN, Item(plan_id=plan.id))
    statement = (
        select(Membership, Person, Organisation.name)
        .join(Person, Person.id == Membership.person_id)
        .join(Organisation, Organisation.id == Person.organisation_id)
        .where(Membership.plan_id == plan.id)
        .order_by(Person.post_title, Membership.role)
    )
    return tuple(_membership(*row) for row in uow.session.execute(statement))


def add_membership(
    uow: UnitOfWork, *, slug: str, person: str, role: Role, ends_on: date | None = None
) -> MembershipView:
    """Give a person (by e-mail address) a role in the plan. An auditor's has an end date."""
    plan = known_plan(uow, slug)
    permissions.require(uow.actor, Act.MANAGE_MEMBERSHIPS, Item(plan_id=plan.id))
    checks = Checks()
    found = uow.session.execute(select(Person).where(Person.email == person.strip().lower())).scalar_one_or_none()
    if found is None:
        checks.add("person", "unknown_person", "Nobody here has this e-mail address. An administrator adds people")
    if role is Role.AUDITOR and ends_on is None:
        checks.add("ends_on", "required", "Enter the day on which the auditor's access ends")
    if ends_on is not None and ends_on < uow.today:
        checks.add("ends_on", "date_in_past", "The end date must be today or later")
    checks.done()
    assert found is not None  # noqa: S101 - checks.done() has raised otherwise
    if found.id == uow.actor.id and not uow.actor.administrator:
        raise _refused(plan, "own_role", "Nobody gives themselves a role", "membership_addition")
    already = select(Membership.id).where(
        Membership.person_id == found.id, Membership.plan_id == plan.id, Membership.role == role
    )
    if uow.session.execute(already).first():
        raise _refused(plan, "already_member", f"{found.post_title} already has this role", "membership_addition")
    row = Membership(id=new_id(), person_id=found.id, plan_id=plan.id, role=role, ends_on=ends_on, created_at=uow.now)
    uow.session.add(row)
    uow.session.flush()
    uow.record(
        "membership_added",
        plan_id=plan.id,
        item_kind="membership",
        item_id=row.id,
        item_ref=found.post_title[:40],
        facts={"person": found.id, "role": role, "ends_on": ends_on},
    )
    organisation = uow.session.get(Organisation, found.organisation_id)
    return _membership(row, found, organisation.name if organisation else "")


def _to_edit(uow: UnitOfWork, slug: str, attempted: str) -> Plan:
    plan = known_plan(uow, slug)
    permissions.require(uow.actor, Act.EDIT_PLAN, Item(plan_id=plan.id))
    if plan.state is PlanState.CLOSED:
        raise _refused(plan, "plan_closed", "The plan is closed and read-only", attempted)
    return plan


def _refused(plan: Plan, code: str, message: str, attempted: str) -> Refused:
    return Refused(
        [Reason(code, message)],
        title="Nothing was added",
        attempted=attempted,
        item_kind="plan",
        item_id=plan.id,
        plan_id=plan.id,
    )


def _next_position(uow: UnitOfWork, position: Any, siblings: Any) -> int:
    return (uow.session.execute(select(func.max(position)).where(siblings)).scalar_one() or 0) + 1


def theme_view(row: Any) -> ThemeView:
    return ThemeView(row.id, row.ref, row.title, row.position, row.source, str(row.version))


def action_view(row: Any, theme_ref: str, moved_from: MovedFrom | None = None) -> ActionView:
    return ActionView(
        row.id, row.ref, row.title, row.theme_id, theme_ref, row.position, row.source, str(row.version), moved_from
    )


def _membership(row: Membership, person: Person, organisation: str) -> MembershipView:
    who = PersonRef(person.id, person.post_title, organisation, person.left_on is not None)
    return MembershipView(row.id, who, person.email, row.role, row.ends_on)
