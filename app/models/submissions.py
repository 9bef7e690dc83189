"""What came from outside the lead organisation and waits to be triaged; and the place of risks."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text

from app.domain.words import SubmissionKind, SubmissionState
from app.models.base import Field, SQLModel, id_field, moment, text_field, word_field

_WAITS = "amber_from IS NOT NULL"


class Submission(SQLModel, table=True):
    """Amber and Red by the clock until it is triaged; the moments are cleared when it is.

    `milestone_id` is the milestone it concerns; `made_action_id` or `made_milestone_id` what it was turned into. What
    was typed (a message, a reason, to whom it was handed on) are rows of `texts`. `changed_at` moves with everything
    its sender is told of.
    """

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
        # The inbox: what waits, unread and read, oldest first, of a plan and of several.
        *(
            Index(
                f"ix_submissions_{name}",
                *columns,
                sqlite_where=text(where),
                postgresql_where=text(where),
            )
            for name, columns, where in (
                ("unread", ("plan_id", "received_at", "id"), f"{_WAITS} AND read_at IS NULL"),
                ("read", ("plan_id", "received_at", "id"), f"{_WAITS} AND read_at IS NOT NULL"),
                ("unread_anywhere", ("received_at", "id"), f"{_WAITS} AND read_at IS NULL"),
                ("read_anywhere", ("received_at", "id"), f"{_WAITS} AND read_at IS NOT NULL"),
                ("triaged", ("plan_id", "triaged_at", "id"), "triaged_at IS NOT NULL"),
            )
        ),
        Index("ix_submissions_plan_received", "plan_id", "received_at"),
        Index("ix_submissions_concerned", "milestone_id", "organisation_id", "received_at"),
        # Polling: what has changed since a moment, for its sender and for the plan.
        Index("ix_submissions_organisation_changed", "organisation_id", "changed_at", "id"),
        Index("ix_submissions_plan_changed", "plan_id", "changed_at", "id"),
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
    triaged_through: str | None = text_field(20, nullable=True)
    milestone_id: str | None = id_field(nullable=True)
    external_ref: str | None = text_field(120, nullable=True)
    sent_by: str | None = id_field(nullable=True)
    sent_by_key: str | None = id_field(nullable=True)
    sent_by_title: str | None = text_field(120, nullable=True)
    door: str | None = text_field(20, nullable=True)
    read_at: datetime | None = moment()
    read_by: str | None = id_field(nullable=True)
    passed_to: str | None = id_field(nullable=True)
    passed_at: datetime | None = moment()
    handed_on: date | None = None
    made_action_id: str | None = id_field(nullable=True)
    made_milestone_id: str | None = id_field(nullable=True)
    changed_at: datetime | None = moment()
    # Of what a person of its organisation released: when it had come in. Then `received_at` is when it was released,
    # for only from then on could it be read.
    arrived_at: datetime | None = moment()


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
