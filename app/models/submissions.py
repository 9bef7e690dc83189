"""What came from outside the lead organisation and waits to be triaged; and the place of risks."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text

from app.domain.words import SubmissionKind, SubmissionState
from app.models.base import Field, SQLModel, id_field, moment, text_field, word_field


class Submission(SQLModel, table=True):
    """Amber and Red by the clock until it is triaged; the moments are cleared when it is."""

    __tablename__ = "submissions"
    __table_args__ = (
        UniqueConstraint("plan_id", "ref"),
        ForeignKeyConstraint(["evidence_id", "plan_id"], ["evidence.id", "evidence.plan_id"]),
        CheckConstraint(
            "red_from IS NULL OR (amber_from IS NOT NULL AND amber_from <= red_from)", name="amber_before_red"
        ),
        Index(
            "ix_submissions_plan_amber",
            "plan_id",
            "amber_from",
            "red_from",
            "id",
            sqlite_where=text("amber_from IS NOT NULL"),
            postgresql_where=text("amber_from IS NOT NULL"),
        ),
        Index("ix_submissions_evidence_id", "evidence_id"),
    )
    id: str = id_field(primary_key=True)
    plan_id: str = id_field(foreign_key="plans.id")
    ref: str = text_field(20)
    kind: SubmissionKind = word_field(SubmissionKind, "kind")
    evidence_id: str | None = id_field(nullable=True)
    organisation_id: str = id_field(foreign_key="organisations.id", index=True)
    title: str = text_field(200)
    received_at: datetime = moment(nullable=False)
    triage_due_at: datetime = moment(nullable=False)
    state: SubmissionState = word_field(SubmissionState, "state", default=SubmissionState.WAITING)
    triaged_at: datetime | None = moment()
    triaged_by: str | None = id_field(foreign_key="people.id", nullable=True)
    amber_from: datetime | None = moment()
    red_from: datetime | None = moment()
    version: int = Field(default=1, nullable=False)


class Risk(SQLModel, table=True):
    """The place of the risk register: what links and the exception list need of a risk."""

    __tablename__ = "risks"
    __table_args__ = (
        UniqueConstraint("plan_id", "ref"),
        UniqueConstraint("id", "plan_id"),
        CheckConstraint(
            "red_from IS NULL OR (amber_from IS NOT NULL AND amber_from <= red_from)", name="amber_before_red"
        ),
    )
    id: str = id_field(primary_key=True)
    plan_id: str = id_field(foreign_key="plans.id")
    ref: str = text_field(20)
    title: str = text_field(200)
    owner_id: str | None = id_field(foreign_key="people.id", nullable=True)
    organisation_id: str = id_field(foreign_key="organisations.id")
    amber_from: datetime | None = moment()
    red_from: datetime | None = moment()
    version: int = Field(default=1, nullable=False)
