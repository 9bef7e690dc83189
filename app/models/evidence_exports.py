"""Evidence log exports: each asked for by one person, made by a job, kept for a while."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index

from app.domain.words import Door, ExportState
from app.models.base import Field, SQLModel, id_field, moment, text_field, word_field


class EvidenceExportRow(SQLModel, table=True):
    """An export of a plan's evidence log. Whoever builds it holds `lease` until `leased_until`, and renews it.

    `left_out` is `app.domain.evidence_exports.tally_as_stored`; `rights` its `rights_mark` of who asked, as it was
    built with.
    """

    __tablename__ = "evidence_exports"
    __table_args__ = (
        CheckConstraint("(state = 'ready') = (storage_name IS NOT NULL)", name="ready_has_content"),
        CheckConstraint("(state = 'running') = (lease IS NOT NULL)", name="running_has_lease"),
        CheckConstraint("items_done >= 0 AND items_done <= items_total", name="items"),
        Index("ix_evidence_exports_state", "state", "asked_at"),
        Index("ix_evidence_exports_person", "person_id", "plan_id", "asked_at"),
        Index("ix_evidence_exports_storage_name", "storage_name"),
    )
    id: str = id_field(primary_key=True)
    plan_id: str = id_field(foreign_key="plans.id")
    person_id: str = id_field(foreign_key="people.id")
    door: Door = word_field(Door, "door")
    state: ExportState = word_field(ExportState, "state")
    asked_at: datetime = moment(nullable=False)
    lease: str | None = id_field(nullable=True)
    leased_until: datetime | None = moment()
    attempts: int = Field(default=0, nullable=False)
    items_done: int = Field(default=0, nullable=False)
    items_total: int = Field(default=0, nullable=False)
    files: int = Field(default=0, nullable=False)
    left_out: str = text_field(300)
    rights: str = text_field(64)
    size: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    sha256: str | None = text_field(64, nullable=True)
    storage_name: str | None = text_field(120, nullable=True)
    finished_at: datetime | None = moment()
    expires_at: datetime | None = moment()
    problem: str = text_field(300)
