"""Redactions, legal holds and disposals that were proposed, and what was decided."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text

from app.domain.record_proposals import RecordKind, RecordState
from app.models.base import SQLModel, id_field, moment, text_field, word_field

_OPEN = text("state IN ('due', 'proposed')")


class RecordProposal(SQLModel, table=True):
    """One proposal, about a text or an evidence item. Its reasons are rows of `texts`. Nobody decides on their own."""

    __tablename__ = "record_proposals"
    __table_args__ = (
        CheckConstraint(
            "(kind = 'redaction' AND text_id IS NOT NULL AND evidence_id IS NULL)"
            " OR (kind <> 'redaction' AND evidence_id IS NOT NULL AND text_id IS NULL)",
            name="about_one_thing",
        ),
        CheckConstraint(
            "(state = 'due') = (proposed_by IS NULL) AND (proposed_by IS NULL) = (proposed_at IS NULL)",
            name="proposed_says_who",
        ),
        CheckConstraint(
            "state IN ('due', 'proposed')"
            " OR (decided_by IS NOT NULL AND decided_at IS NOT NULL AND decided_by <> proposed_by)",
            name="decided_by_another",
        ),
        Index("ix_record_proposals_plan", "plan_id", "state"),
        Index(
            "uq_record_proposals_open_text", "text_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
        ),
        Index(
            "uq_record_proposals_open_evidence",
            "evidence_id",
            "kind",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )  # fmt: skip
    id: str = id_field(primary_key=True)
    plan_id: str = id_field(foreign_key="plans.id")
    kind: RecordKind = word_field(RecordKind, "kind")
    evidence_id: str | None = id_field(foreign_key="evidence.id", nullable=True)
    text_id: str | None = id_field(foreign_key="texts.id", nullable=True)
    # The milestone that it is about, where there is one: what its restriction hides, this list hides.
    milestone_id: str | None = id_field(foreign_key="milestones.id", nullable=True)
    item: str = text_field(40)
    field: str | None = text_field(40, nullable=True)
    state: RecordState = word_field(RecordState, "state")
    created_at: datetime = moment(nullable=False)
    proposed_by: str | None = id_field(foreign_key="people.id", nullable=True)
    proposed_at: datetime | None = moment()
    decided_by: str | None = id_field(foreign_key="people.id", nullable=True)
    decided_at: datetime | None = moment()
