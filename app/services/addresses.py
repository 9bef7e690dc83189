"""Addresses of plans: the one a plan has, and those it had, which lead on to it for ever."""

from sqlalchemy import select

from app.db import UnitOfWork
from app.domain import permissions
from app.domain.refusals import Moved
from app.models import Plan, PlanAddress
from app.services.slugs import check_slug
from app.services.writing import Checks

RESERVED = ("new",)  # a page of its own: /plans/new


def follow(uow: UnitOfWork, slug: str) -> None:
    """Raise Moved when a plan that the actor knows of had this address and has another now. Otherwise nothing: there
    is no such plan, or not for this actor.
    """
    statement = select(Plan.id, Plan.slug).join(PlanAddress, PlanAddress.plan_id == Plan.id)
    row = uow.session.execute(statement.where(PlanAddress.slug == slug)).one_or_none()
    if row is None or row.slug == slug:
        return
    if uow.actor.is_system or uow.actor.administrator or row.id in permissions.plans_known(uow.actor):
        raise Moved(old=slug, new=row.slug)


def check_address(uow: UnitOfWork, checks: Checks, slug: str, *, plan_id: str = "") -> None:
    """An address that a plan may take: well formed, and no other plan's, not even one that another plan once had."""
    check_slug(checks, "slug", slug)
    whose = uow.session.execute(select(PlanAddress.plan_id).where(PlanAddress.slug == slug)).scalar_one_or_none()
    if slug in RESERVED:
        checks.add("slug", "taken", f"Waymark itself uses {slug}. Choose another address")
    elif whose not in (None, plan_id):
        checks.add("slug", "taken", f"There is already a plan at {slug}, or there was one. Addresses are never reused")
