"""Evidence, and the links that carry its review to each milestone."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text

from app.domain.record_proposals import Retention
from app.domain.words import Door, EvidenceForm, EvidenceKind, Marking, ReviewOutcome, ScanState
from app.models.base import Field, SQLModel, id_field, moment, text_field, word_field


class Evidence(SQLModel, table=True):
    """A file, link or statement. Description and statement are rows of `texts`; never deleted."""

    __tablename__ = "evidence"
    __table_args__ = (
        UniqueConstraint("plan_id", "ref"),
        UniqueConstraint("id", "plan_id"),
        CheckConstraint("form <> 'file' OR (sha256 IS NOT NULL AND storage_name IS NOT NULL)", name="file_has_content"),
        CheckConstraint("form <> 'link' OR link IS NOT NULL", name="link_has_address"),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="withdrawn_says_who"),
        CheckConstraint(
            "effective_to IS NULL OR effective_from IS NULL OR effective_to >= effective_from", name="effective_order"
        ),
        CheckConstraint(
            "(period_from IS NULL) = (period_to IS NULL) AND (period_from IS NULL OR period_to >= period_from)",
            name="period_order",
        ),
        CheckConstraint(
            "(version_number = 1 AND first_version_id IS NULL AND supersedes_id IS NULL)"
            " OR (version_number > 1 AND first_version_id IS NOT NULL AND supersedes_id IS NOT NULL)",
            name="version_follows",
        ),
        UniqueConstraint("first_version_id", "version_number"),
        ForeignKeyConstraint(
            ["first_version_id", "plan_id"],
            ["evidence.id", "evidence.plan_id"],
            name="fk_evidence_first_version_id_evidence",
        ),
        ForeignKeyConstraint(
            ["supersedes_id", "plan_id"],
            ["evidence.id", "evidence.plan_id"],
            name="fk_evidence_supersedes_id_evidence",
        ),
        CheckConstraint(
            "disposed_at IS NULL OR (withdrawn_at IS NOT NULL AND held_at IS NULL)", name="withdrawn_before_disposal"
        ),
        Index("ix_evidence_storage_name", "storage_name"),
        Index("ix_evidence_effective_to", "effective_to"),
        Index("ix_evidence_plan_sha256", "plan_id", "sha256"),
        Index(
            "ix_evidence_waiting_scan",
            "received_at",
            "id",
            sqlite_where=text("scan = 'pending'"),
            postgresql_where=text("scan = 'pending'"),
        ),
        Index(
            "ix_evidence_plan_effective_from",
            "plan_id",
            "effective_from",
            sqlite_where=text("effective_from IS NOT NULL"),
            postgresql_where=text("effective_from IS NOT NULL"),
        ),
    )
    id: str = id_field(primary_key=True)
    plan_id: str = id_field(foreign_key="plans.id")
    ref: str = text_field(20)
    form: EvidenceForm = word_field(EvidenceForm, "form")
    kind: EvidenceKind = word_field(EvidenceKind, "kind")
    title: str = text_field(200)
    link: str | None = text_field(2000, nullable=True)
    file_name: str | None = text_field(255, nullable=True)
    content_type: str | None = text_field(120, nullable=True)
    size: int | None = None
    sha256: str | None = text_field(64, nullable=True, index=True)
    storage_name: str | None = text_field(120, nullable=True)
    received_at: datetime = moment(nullable=False)
    effective_from: date | None = None
    effective_to: date | None = None
    provided_by: str | None = id_field(foreign_key="people.id", nullable=True)
    provided_by_key: str | None = id_field(foreign_key="organisation_keys.id", nullable=True)
    provided_by_title: str = text_field(120)
    organisation_id: str = id_field(foreign_key="organisations.id", index=True)
    door: Door = word_field(Door, "door")
    external_ref: str | None = text_field(120, nullable=True)
    marking: Marking = word_field(Marking, "marking", default=Marking.OFFICIAL)
    scan: ScanState = word_field(ScanState, "scan", default=ScanState.UNSCANNED)
    withdrawn_at: datetime | None = moment()
    withdrawn_by: str | None = text_field(120, nullable=True)
    # Written by the gate's triggers only: a new link adds one.
    link_seq: int = Field(default=0, nullable=False)
    version: int = Field(default=1, nullable=False)
    # The days that it supports a milestone for: both, or neither.
    period_from: date | None = None
    period_to: date | None = None
    # `app.domain.evidence.declared_as_stored`: words of `PersonalData`, by a space. NULL: nobody was asked.
    personal_data_declared: str | None = text_field(120, nullable=True)
    # `app.domain.evidence.restriction_as_stored`: ids of organisations and people. NULL: whoever knows the milestone.
    restricted_to: str | None = text_field(2200, nullable=True)
    # The versions of one item are one after another; the first names none. Each has its file, links and reviews.
    first_version_id: str | None = id_field(nullable=True)
    version_number: int = Field(default=1, nullable=False, sa_column_kwargs={"server_default": "1"})
    supersedes_id: str | None = id_field(nullable=True)
    # What its file's search for personal data came to: kind, count and page (app/domain/personal_data.py, `Search`).
    search: str | None = Field(default=None, nullable=True)
    # How long it is kept (app/domain/record_proposals.py). NULL: as a record of its plan.
    retention: Retention | None = word_field(Retention, "retention", nullable=True)
    held_at: datetime | None = moment()
    # When its file, or what it said, was destroyed; its hash and that it was here stay.
    disposed_at: datetime | None = moment()


class EvidenceShare(SQLModel, table=True):
    """Another organisation whose people may open the file."""

    __tablename__ = "evidence_shares"
    evidence_id: str = id_field(foreign_key="evidence.id", primary_key=True)
    organisation_id: str = id_field(foreign_key="organisations.id", primary_key=True)


class EvidenceLink(SQLModel, table=True):
    """One item for one milestone of the same plan, with its review."""

    __tablename__ = "evidence_links"
    __table_args__ = (
        ForeignKeyConstraint(["evidence_id", "plan_id"], ["evidence.id", "evidence.plan_id"]),
        ForeignKeyConstraint(["milestone_id", "plan_id"], ["milestones.id", "milestones.plan_id"]),
        CheckConstraint(
            "(outcome IS NULL) = (reviewed_by IS NULL) AND (outcome IS NULL) = (reviewed_at IS NULL)",
            name="review_says_who",
        ),
        CheckConstraint("relevance IS NULL OR relevance BETWEEN 0 AND 3", name="relevance"),
        CheckConstraint("robustness IS NULL OR robustness BETWEEN 0 AND 3", name="robustness"),
        Index("ix_evidence_links_milestone", "milestone_id", "evidence_id"),
    )
    evidence_id: str = id_field(primary_key=True)
    milestone_id: str = id_field(primary_key=True)
    plan_id: str = id_field()
    linked_at: datetime = moment(nullable=False)
    linked_by_title: str = text_field(120)
    outcome: ReviewOutcome | None = word_field(ReviewOutcome, "outcome", nullable=True)
    relevance: int | None = None
    robustness: int | None = None
    reviewed_by: str | None = id_field(foreign_key="people.id", nullable=True)
    reviewed_at: datetime | None = moment()
