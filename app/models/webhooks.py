"""Where an agency's programs are told what came of what they sent. What is to be told stands in the outbox."""

from datetime import datetime

from sqlalchemy import Index, text

from app.domain.webhooks import Paused
from app.models.base import SQLModel, id_field, moment, text_field, word_field

_THERE = text("removed_at IS NULL")


class Webhook(SQLModel, table=True):
    """One address for what one organisation sent to one plan. Its secret is worked out from `salt`; none is stored."""

    __tablename__ = "webhooks"
    __table_args__ = (
        Index("ix_webhooks_of", "plan_id", "organisation_id", sqlite_where=_THERE, postgresql_where=_THERE),
    )
    id: str = id_field(primary_key=True)
    plan_id: str = id_field(foreign_key="plans.id")
    organisation_id: str = id_field(foreign_key="organisations.id")
    url: str = text_field(500)
    events: str = text_field(100)
    salt: str = text_field(64)
    created_at: datetime = moment(nullable=False)
    created_by: str | None = id_field(foreign_key="people.id", nullable=True)
    paused_at: datetime | None = moment()
    paused: Paused | None = word_field(Paused, "paused", nullable=True)
    removed_at: datetime | None = moment()
