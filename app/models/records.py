"""What is on the record: typed text, the audit chain, the access log; and the machinery of the doors."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, UniqueConstraint

from app.domain.words import Door
from app.models.base import Field, SQLModel, id_field, moment, text_field, word_field


class Text(SQLModel, table=True):
    """One text that somebody typed: one field of one item, as written then. Redaction blanks body and salt alone."""

    __tablename__ = "texts"
    __table_args__ = (Index("ix_texts_item_field", "item_id", "field"),)
    id: str = id_field(primary_key=True)
    plan_id: str | None = id_field(nullable=True)
    item_kind: str = text_field(30)
    item_id: str = text_field(60)
    field: str = text_field(40)
    body: str | None = Field(default=None, nullable=True)
    salt: str | None = text_field(32, nullable=True)
    written_at: datetime = moment(nullable=False)
    redacted_at: datetime | None = moment()


class AuditEvent(SQLModel, table=True):
    """A past-tense fact. `chain` is the plan's id, or `-` for events without a plan; `seq` counts within it."""

    __tablename__ = "audit_events"
    __table_args__ = (
        UniqueConstraint("chain", "seq"),
        Index("ix_audit_events_item", "item_id", "chain", "seq"),
    )
    id: str = id_field(primary_key=True)
    chain: str = text_field(20)
    seq: int = Field(sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), nullable=False))
    at: datetime = moment(nullable=False)
    actor_kind: str = text_field(10)
    actor_id: str = text_field(20)
    actor_title: str = text_field(120)
    actor_organisation: str = text_field(200)
    door: Door = word_field(Door, "door")
    event: str = text_field(60)
    item_kind: str = text_field(30)
    item_id: str = text_field(60)
    item_ref: str = text_field(40)
    # The milestone the event is about, where there is one: what its restriction hides, the trail hides.
    milestone_id: str | None = id_field(nullable=True, index=True)
    facts: str = Field(nullable=False)
    texts: str = Field(nullable=False)
    previous_hash: str = text_field(64)
    hash: str = text_field(64)


class AuditHead(SQLModel, table=True):
    """Where each chain ends: locked when an event is appended, so that plans do not wait for each other."""

    __tablename__ = "audit_heads"
    chain: str = Field(primary_key=True, max_length=20)
    seq: int = Field(sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), nullable=False))
    hash: str = text_field(64)


class AccessLogEntry(SQLModel, table=True):
    """Evidence opened, or something exported: once per person, item and hour. Other filters make another item."""

    __tablename__ = "access_log"
    __table_args__ = (UniqueConstraint("actor_id", "what", "item_id", "hour"),)
    id: str = id_field(primary_key=True)
    at: datetime = moment(nullable=False)
    hour: datetime = moment(nullable=False)
    plan_id: str | None = id_field(nullable=True, index=True)
    actor_kind: str = text_field(10)
    actor_id: str = text_field(20)
    actor_title: str = text_field(120)
    door: Door = word_field(Door, "door")
    what: str = text_field(20)
    item_kind: str = text_field(30)
    item_id: str = text_field(60)
    # Of an export: the filters it was asked for with, as they stood in the address.
    filters: str = Field(default="", sa_type=String(500), nullable=False, sa_column_kwargs={"server_default": ""})


class IdempotencyRecord(SQLModel, table=True):
    """The answer to a POST, kept for 24 hours. `status` is empty while the first request still runs."""

    __tablename__ = "idempotency_records"
    __table_args__ = (
        UniqueConstraint("caller", "path", "key"),
        Index("ix_idempotency_records_created_at", "created_at"),
    )
    id: str = id_field(primary_key=True)
    caller: str = text_field(40)
    path: str = text_field(300)
    key: str = text_field(255)
    fingerprint: str = text_field(64)
    created_at: datetime = moment(nullable=False)
    status: int | None = None
    headers: str | None = Field(default=None, nullable=True)
    body: bytes | None = Field(default=None, sa_type=LargeBinary, nullable=True)


class OutboxMessage(SQLModel, table=True):
    """Something to send once the transaction that wrote it has committed."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_due_at", "due_at"), Index("ix_outbox_address", "address", "id"))
    id: str = id_field(primary_key=True)
    kind: str = text_field(30)
    address: str = text_field(254)
    payload: str = Field(nullable=False)
    created_at: datetime = moment(nullable=False)
    due_at: datetime = moment(nullable=False)
    sent_at: datetime | None = moment()
    attempts: int = Field(default=0, nullable=False)
    last_error: str | None = text_field(300, nullable=True)


class Setting(SQLModel, table=True):
    """What an administrator sets for the whole installation, and the demo's first day."""

    __tablename__ = "settings"
    name: str = Field(primary_key=True, max_length=60)
    value: str = Field(nullable=False)
    changed_on: date | None = None
