"""The proof agreed for milestones, and which evidence is ticked off for it."""

import json
from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text

from app.domain.success_criteria import AgreedProof, Criterion
from app.domain.words import EvidenceKind
from app.models.base import Field, SQLModel, id_field, moment, text_field, word_field
from app.models.organisations import Organisation
from app.models.raw_rows import gathered


class SuccessCriterion(SQLModel, table=True):
    """One agreed proof of a milestone. What is agreed instead is a row of its own; the old one says since when."""

    __tablename__ = "success_criteria"
    __table_args__ = (
        ForeignKeyConstraint(["milestone_id", "plan_id"], ["milestones.id", "milestones.plan_id"]),
        CheckConstraint("number BETWEEN 1 AND 50", name="number"),
        CheckConstraint(
            "(period_from IS NULL) = (period_to IS NULL) AND (period_from IS NULL OR period_to >= period_from)",
            name="period_order",
        ),
        Index(
            "ix_success_criteria_in_force",
            "milestone_id",
            "position",
            sqlite_where=text("replaced_at IS NULL"),
            postgresql_where=text("replaced_at IS NULL"),
        ),
    )
    id: str = id_field(primary_key=True)
    plan_id: str = id_field()
    milestone_id: str = id_field()
    position: int = Field(nullable=False)
    number: int = Field(nullable=False)
    kind: EvidenceKind | None = word_field(EvidenceKind, "kind", nullable=True)
    organisation_id: str | None = id_field(foreign_key="organisations.id", nullable=True)
    period_from: date | None = None
    period_to: date | None = None
    agreed_at: datetime = moment(nullable=False)
    replaced_at: datetime | None = moment()


class CriterionTick(SQLModel, table=True):
    """An item of evidence that is what was agreed: because it says so itself, or because a reviewer did."""

    __tablename__ = "criterion_ticks"
    __table_args__ = (
        ForeignKeyConstraint(
            ["evidence_id", "milestone_id"], ["evidence_links.evidence_id", "evidence_links.milestone_id"]
        ),
        Index("ix_criterion_ticks_evidence", "evidence_id", "milestone_id"),
    )
    criterion_id: str = id_field(primary_key=True, foreign_key="success_criteria.id")
    evidence_id: str = id_field(primary_key=True)
    milestone_id: str = id_field()
    ticked_at: datetime = moment(nullable=False)
    ticked_by_title: str = text_field(120)


_criteria: Any = SuccessCriterion.__table__
_ticks: Any = CriterionTick.__table__
_organisations: Any = Organisation.__table__.alias("agreed_organisation")


def gathered_criteria(milestone_id: Any) -> Any:
    """What is agreed now for one milestone, gathered into one value of its row."""
    return (
        gathered(
            _criteria.c.position,
            _criteria.c.id,
            _criteria.c.number,
            _criteria.c.kind,
            _organisations.c.slug,
            _organisations.c.name,
            _criteria.c.period_from,
            _criteria.c.period_to,
        )
        .select_from(_criteria.outerjoin(_organisations, _organisations.c.id == _criteria.c.organisation_id))
        .where(_criteria.c.milestone_id == milestone_id, _criteria.c.replaced_at.is_(None))
        .scalar_subquery()
    )


def gathered_ticks(milestone_id: Any) -> Any:
    """What is ticked off for it, as pairs of criterion and evidence."""
    return (
        gathered(_ticks.c.criterion_id, _ticks.c.evidence_id)
        .select_from(_ticks.join(_criteria, _criteria.c.id == _ticks.c.criterion_id))
        .where(_criteria.c.milestone_id == milestone_id, _criteria.c.replaced_at.is_(None))
        .scalar_subquery()
    )


def criteria_from_json(criteria: str | None, ticks: str | None) -> tuple[Criterion, ...]:
    """What the two gathered, in the order agreed."""
    ticked: dict[str, set[str]] = {}
    for criterion, evidence in json.loads(ticks or "[]"):
        ticked.setdefault(criterion, set()).add(evidence)
    return tuple(
        Criterion(
            identity,
            position,
            AgreedProof(
                number=number,
                kind=EvidenceKind(kind) if kind else None,
                organisation=slug,
                period_from=date.fromisoformat(begin) if begin else None,
                period_to=date.fromisoformat(end) if end else None,
            ),
            name or "",
            frozenset(ticked.get(identity, ())),
        )
        for position, identity, number, kind, slug, name, begin, end in sorted(json.loads(criteria or "[]"))
    )


__all__ = [
    "CriterionTick",
    "SuccessCriterion",
    "criteria_from_json",
    "gathered_criteria",
    "gathered_ticks",
]
