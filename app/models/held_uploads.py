"""What a key sent that a person of its organisation is to release first. It stands in no other table until then."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Index, and_, func, select, text

from app.domain import permissions
from app.domain.actors import Actor
from app.domain.held_uploads import HeldState
from app.domain.permissions import Act, Item
from app.domain.words import ScanState, SubmissionKind
from app.models.base import Field, SQLModel, id_field, moment, text_field, word_field

_WAITS = text("state = 'awaiting_release'")


class HeldUploadRow(SQLModel, table=True):
    """`offer` is what was sent, as JSON; what was typed with it are rows of `texts`. `id` and `submission_id` are those
    that evidence and submission get on release: receipts that were given stay true.
    """

    __tablename__ = "held_uploads"
    __table_args__ = (
        Index("ix_held_uploads_waiting", "organisation_id", "plan_id", sqlite_where=_WAITS, postgresql_where=_WAITS),
        Index("ix_held_uploads_changed", "organisation_id", "changed_at", "submission_id"),
        Index("ix_held_uploads_submission_id", "submission_id", unique=True),
        Index("ix_held_uploads_storage_name", "storage_name"),
    )
    id: str = id_field(primary_key=True)
    submission_id: str = id_field()
    plan_id: str = id_field(foreign_key="plans.id")
    milestone_id: str | None = id_field(nullable=True)
    kind: SubmissionKind = word_field(SubmissionKind, "kind")
    organisation_id: str = id_field(foreign_key="organisations.id")
    key_id: str = id_field(foreign_key="organisation_keys.id")
    sent_by_title: str = text_field(120)
    title: str = text_field(200)
    offer: str = Field(nullable=False)
    storage_name: str | None = text_field(120, nullable=True)
    scan: ScanState = word_field(ScanState, "scan", default=ScanState.UNSCANNED)
    arrived_at: datetime = moment(nullable=False)
    state: HeldState = word_field(HeldState, "state", default=HeldState.AWAITING_RELEASE)
    decided_at: datetime | None = moment()
    decided_by: str | None = id_field(foreign_key="people.id", nullable=True)
    changed_at: datetime = moment(nullable=False)
    version: int = Field(default=1, nullable=False)


_held: Any = HeldUploadRow.__table__  # type: ignore[attr-defined]


def visible(actor: Actor) -> ColumnElement[bool]:
    """Of one's own organisation: to its keys, and to its people who may release it. To nobody else at all."""
    plans = actor.plans if actor.is_key else plans_to_release_in(actor)
    return and_(_held.c.organisation_id == actor.organisation_id, _held.c.plan_id.in_(sorted(plans)))


def plans_to_release_in(actor: Actor) -> frozenset[str]:
    """The plans in which the actor releases what keys of their organisation sent."""
    if not actor.is_person:
        return frozenset()
    return frozenset(plan for plan in actor.roles if permissions.may(actor, Act.RELEASE_UPLOAD, Item(plan_id=plan)))


def waiting_of(organisation_id: Any, plan_id: Any) -> Any:
    """How many wait of an organisation in a plan, as a value of another statement's rows."""
    return (
        select(func.count())
        .select_from(_held)
        .where(
            _held.c.organisation_id == organisation_id,
            _held.c.plan_id == plan_id,
            _held.c.state == text("'awaiting_release'"),
        )
        .scalar_subquery()
    )
