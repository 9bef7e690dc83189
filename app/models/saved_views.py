"""Saved views, and which of them somebody may see: their own, and those shared in plans that they read."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ColumnElement, Index, String, and_, or_, text

from app.domain import permissions
from app.domain.actors import Actor
from app.domain.words import ViewOf
from app.models.base import Field, SQLModel, id_field, moment, text_field, word_field

_OF_A_PLAN, _OF_ALL = text("plan_id IS NOT NULL"), text("plan_id IS NULL")


class SavedViewRow(SQLModel, table=True):
    """A named set of filters of one list. `filters` is a JSON object; `name_key` tells names apart.

    `plan_id` is null for the exceptions in all of somebody's plans, which nobody else has.
    """

    __tablename__ = "saved_views"
    __table_args__ = (
        CheckConstraint("plan_id IS NOT NULL OR (NOT shared AND of_list = 'exceptions')", name="private_without_plan"),
        Index("uq_saved_views_own", "owner_id", "plan_id", "name_key", unique=True, sqlite_where=_OF_A_PLAN,
              postgresql_where=_OF_A_PLAN),
        Index("uq_saved_views_of_all", "owner_id", "name_key", unique=True, sqlite_where=_OF_ALL,
              postgresql_where=_OF_ALL),
        Index("ix_saved_views_plan_id", "plan_id"),
    )  # fmt: skip
    id: str = id_field(primary_key=True)
    plan_id: str | None = id_field(foreign_key="plans.id", nullable=True)
    owner_id: str = id_field(foreign_key="people.id")
    of_list: ViewOf = word_field(ViewOf, "of_list")
    name: str = text_field(80)
    name_key: str = text_field(250)
    filters: str = Field(sa_type=String(4000), nullable=False)
    shared: bool = Field(default=False, nullable=False)
    saved_at: datetime = moment(nullable=False)
    version: int = Field(default=1, nullable=False)


def visible(actor: Actor) -> ColumnElement[bool]:
    """My own views and shared ones, in plans that I read live; and my own of all my plans. Nothing for a key."""
    columns: Any = SavedViewRow.__table__.c  # type: ignore[attr-defined]
    mine = columns.owner_id == (actor.id if actor.is_person else "")
    readable = columns.plan_id.in_(sorted(permissions.plans_readable(actor)) if actor.is_person else [])
    return or_(and_(columns.plan_id.is_(None), mine), and_(readable, or_(mine, columns.shared)))
