"""Milestones, what was said about them, and what was asked of them.

The facts of every RAG rule stand on the milestone's own row (or its plan's), so that a change of a plan's
setting is one read, one pure pass and one write.
"""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, false, text

from app.domain.words import (
    CancellationGround,
    ChangeKind,
    ChangeState,
    DateSetter,
    DelayCause,
    EvidenceState,
    Marking,
    MilestoneEventKind,
    Rag,
    Status,
)
from app.models.base import Field, SQLModel, id_field, moment, text_field, word_field


class Milestone(SQLModel, table=True):
    __tablename__ = "milestones"
    __table_args__ = (
        UniqueConstraint("plan_id", "ref"),
        UniqueConstraint("id", "plan_id"),
        ForeignKeyConstraint(["action_id", "plan_id"], ["actions.id", "actions.plan_id"]),
        ForeignKeyConstraint(["theme_id", "plan_id"], ["themes.id", "themes.plan_id"]),
        CheckConstraint("due_date IS NULL OR start_date IS NULL OR due_date >= start_date", name="due_after_start"),
        CheckConstraint("status <> 'achieved' OR achieved_on IS NOT NULL", name="achieved_says_when"),
        CheckConstraint(
            "status NOT IN ('completed', 'achieved') OR completed_on IS NOT NULL", name="completed_says_when"
        ),
        CheckConstraint(
            "red_from IS NULL OR (amber_from IS NOT NULL AND amber_from <= red_from)", name="amber_before_red"
        ),
        Index(
            "ix_milestones_plan_red",
            "plan_id",
            "red_from",
            "id",
            sqlite_where=text("red_from IS NOT NULL"),
            postgresql_where=text("red_from IS NOT NULL"),
        ),
        Index(
            "ix_milestones_plan_amber",
            "plan_id",
            "amber_from",
            "red_from",
            "id",
            sqlite_where=text("amber_from IS NOT NULL"),
            postgresql_where=text("amber_from IS NOT NULL"),
        ),
        Index(
            "ix_milestones_red",
            "red_from",
            "id",
            sqlite_where=text("red_from IS NOT NULL"),
            postgresql_where=text("red_from IS NOT NULL"),
        ),
        Index(
            "ix_milestones_amber",
            "amber_from",
            "red_from",
            "id",
            sqlite_where=text("amber_from IS NOT NULL"),
            postgresql_where=text("amber_from IS NOT NULL"),
        ),
        Index(
            "ix_milestones_accepted",
            "plan_id",
            "accepted_until",
            sqlite_where=text("accepted_until IS NOT NULL"),
            postgresql_where=text("accepted_until IS NOT NULL"),
        ),
        Index("ix_milestones_plan_theme_status", "plan_id", "theme_id", "status"),
        Index("ix_milestones_owner_id", "owner_id"),
        Index(
            "ix_milestones_plan_no_criterion",
            "plan_id",
            "position",
            sqlite_where=text("success_criterion = ''"),
            postgresql_where=text("success_criterion = ''"),
        ),
        Index(
            "ix_milestones_plan_not_independent",
            "plan_id",
            "position",
            sqlite_where=text("not_independent"),
            postgresql_where=text("not_independent"),
        ),
        Index(
            "ix_milestones_evidence_ending",
            "policy_met_until",
            "plan_id",
            sqlite_where=text("policy_met_until IS NOT NULL"),
            postgresql_where=text("policy_met_until IS NOT NULL"),
        ),
        Index(
            "ix_milestones_owner_update_due",
            "owner_id",
            "update_due_from",
            sqlite_where=text("update_due_from IS NOT NULL"),
            postgresql_where=text("update_due_from IS NOT NULL"),
        ),
        Index(
            "ix_milestones_lead_update_due",
            "lead_organisation_id",
            "plan_id",
            "update_due_from",
            sqlite_where=text("update_due_from IS NOT NULL"),
            postgresql_where=text("update_due_from IS NOT NULL"),
        ),
    )
    id: str = id_field(primary_key=True)
    plan_id: str = id_field(foreign_key="plans.id")
    theme_id: str = id_field()
    action_id: str = id_field(index=True)
    ref: str = text_field(20)
    title: str = text_field(200)
    description: str = Field(default="", nullable=False)
    success_criterion: str = Field(default="", nullable=False)
    owner_id: str | None = id_field(foreign_key="people.id", nullable=True)
    lead_organisation_id: str = id_field(foreign_key="organisations.id", index=True)
    restricted: bool = Field(default=False, nullable=False)
    marking: Marking = word_field(Marking, "marking", default=Marking.OFFICIAL)
    source: str | None = text_field(20, nullable=True)
    position: int = Field(default=0, nullable=False)
    added_at: datetime = moment(nullable=False)
    version: int = Field(default=1, nullable=False)
    # Written by the gate's triggers only: every change to what counts for it adds one.
    evidence_seq: int = Field(default=0, nullable=False)

    status: Status = word_field(Status, "status", default=Status.NOT_STARTED)
    start_date: date | None = None
    baseline_date: date | None = None
    due_date: date | None = None
    due_set_by: DateSetter = word_field(DateSetter, "due_set_by", default=DateSetter.PLAN)
    forecast_date: date | None = None
    completed_on: date | None = None
    achieved_on: date | None = None
    achieved_by: str | None = id_field(foreign_key="people.id", nullable=True)
    reopened_at: datetime | None = moment()
    reopened_times: int = Field(default=0, nullable=False)
    reopening_pending: bool = Field(default=False, nullable=False)
    not_independent: bool = Field(default=False, nullable=False)

    # Facts of the RAG rules (rule 2), as days.
    in_progress_since: date | None = None
    open_again_on: date | None = None
    last_update_on: date | None = None
    last_update_id: str | None = id_field(nullable=True)
    reported_on: date | None = None
    reported_by: str | None = id_field(foreign_key="people.id", nullable=True)
    evidence_state: EvidenceState = word_field(EvidenceState, "evidence_state", default=EvidenceState.NOTHING_SENT)
    evidence_waiting_since: date | None = None
    policy_met_on: date | None = None
    policy_met_until: date | None = None
    evidence_lost_on: date | None = None
    lapsed_on: date | None = None
    forecast_late_on: date | None = None
    forecast_beyond_on: date | None = None
    declared_rag: Rag | None = word_field(Rag, "declared_rag", nullable=True)
    declared_on: date | None = None
    declared_by: str | None = id_field(foreign_key="people.id", nullable=True)
    no_date_on: date | None = None
    no_owner_on: date | None = None
    moves: int = Field(default=0, nullable=False)
    first_moved_on: date | None = None
    second_moved_on: date | None = None
    moved_far_on: date | None = None

    # What the latest update asks for, so that the exception report filters on the row.
    support_required: bool = Field(default=False, nullable=False)
    waiting_on: str | None = text_field(200, nullable=True)
    waiting_on_since: date | None = None
    cause: DelayCause | None = word_field(DelayCause, "cause", nullable=True)

    # The two stored moments of rule 2, and a third for an accepted exception.
    amber_from: datetime | None = moment()
    red_from: datetime | None = moment()
    accepted_until: datetime | None = moment()
    accepted_by: str | None = id_field(foreign_key="people.id", nullable=True)

    # The milestone that this one replaced, or was split from.
    came_from: str | None = id_field(nullable=True)

    # Its place in its action, once somebody has put the action in an order; `position` is the number of its reference.
    place: int | None = None

    # The first "no change" since the last update: one review meeting is all that saying so covers.
    no_change_on: date | None = None
    # From when on it needs an update from its people, as `app.domain.my_updates` works it out.
    update_due_from: datetime | None = moment()

    # The day until which a senior officer has accepted it; `accepted_until` is cut where it gets worse before.
    acceptance_ends_on: date | None = None

    # The day on which its last run as an exception ended, and what ended it: a word of `LeftBecause`.
    left_list_on: date | None = None
    left_list_because: str | None = text_field(20, nullable=True)
    declared_update_id: str | None = id_field(nullable=True)
    # Somebody else has declared it as well: then it is not for one of them to lift what both have said.
    declared_by_others: bool = Field(default=False, nullable=False, sa_column_kwargs={"server_default": false()})


class MilestoneSupporter(SQLModel, table=True):
    """A supporting organisation: it may also update and attach."""

    __tablename__ = "milestone_supporters"
    __table_args__ = (Index("ix_milestone_supporters_organisation_id", "organisation_id"),)
    milestone_id: str = id_field(foreign_key="milestones.id", primary_key=True)
    organisation_id: str = id_field(foreign_key="organisations.id", primary_key=True)


class MilestoneRestriction(SQLModel, table=True):
    """Who may know of a restricted milestone: an organisation or a person."""

    __tablename__ = "milestone_restrictions"
    __table_args__ = (
        CheckConstraint("(organisation_id IS NULL) <> (person_id IS NULL)", name="one_of_two"),
        UniqueConstraint("milestone_id", "organisation_id"),
        UniqueConstraint("milestone_id", "person_id"),
    )
    id: str = id_field(primary_key=True)
    milestone_id: str = id_field(foreign_key="milestones.id")
    organisation_id: str | None = id_field(foreign_key="organisations.id", nullable=True)
    person_id: str | None = id_field(foreign_key="people.id", nullable=True)


class ProgressUpdate(SQLModel, table=True):
    """What its owner says of a milestone. The narrative and the other typed fields are rows of `texts`."""

    __tablename__ = "progress_updates"
    __table_args__ = (
        ForeignKeyConstraint(["milestone_id", "plan_id"], ["milestones.id", "milestones.plan_id"]),
        Index("ix_progress_updates_milestone_at", "milestone_id", "at"),
        Index("ix_progress_updates_by_at", "by_id", "at"),
        Index("ix_progress_updates_plan_id", "plan_id", "id"),
    )
    id: str = id_field(primary_key=True)
    plan_id: str = id_field()
    milestone_id: str = id_field()
    at: datetime = moment(nullable=False)
    by_id: str = text_field(20)
    by_title: str = text_field(120)
    by_organisation: str = text_field(200)
    forecast_date: date | None = None
    forecast_was: date | None = None
    declared_rag: Rag | None = word_field(Rag, "declared_rag", nullable=True)
    declaration_effect: str | None = text_field(300, nullable=True)
    return_to_green_on: date | None = None
    waiting_on: str | None = text_field(200, nullable=True)
    waiting_on_since: date | None = None
    cause: DelayCause | None = word_field(DelayCause, "cause", nullable=True)
    no_change: bool = Field(default=False, nullable=False, sa_column_kwargs={"server_default": false()})


class MilestoneEvent(SQLModel, table=True):
    """A state change, with who and when; the reason given is a row of `texts`."""

    __tablename__ = "milestone_events"
    __table_args__ = (
        ForeignKeyConstraint(["milestone_id", "plan_id"], ["milestones.id", "milestones.plan_id"]),
        Index("ix_milestone_events_milestone_at", "milestone_id", "at"),
    )
    id: str = id_field(primary_key=True)
    plan_id: str = id_field()
    milestone_id: str = id_field()
    kind: MilestoneEventKind = word_field(MilestoneEventKind, "kind")
    at: datetime = moment(nullable=False)
    by_id: str = text_field(20)
    by_title: str = text_field(120)
    by_organisation: str = text_field(200)
    day: date | None = None


class ChangeRequest(SQLModel, table=True):
    """Asking to move a date, cancel, replace, split, or change criteria, policy or settings."""

    __tablename__ = "change_requests"
    __table_args__ = (
        ForeignKeyConstraint(["milestone_id", "plan_id"], ["milestones.id", "milestones.plan_id"]),
        CheckConstraint(
            "state IN ('requested', 'withdrawn', 'lapsed') OR (decided_by IS NOT NULL AND decided_at IS NOT NULL)",
            name="decided_says_who",
        ),
        CheckConstraint("decided_by IS NULL OR decided_by <> requested_by", name="decided_by_another"),
        Index("ix_change_requests_milestone_id", "milestone_id"),
        Index("ix_change_requests_plan_state", "plan_id", "state"),
    )
    id: str = id_field(primary_key=True)
    plan_id: str = id_field(foreign_key="plans.id")
    milestone_id: str | None = id_field(nullable=True)
    kind: ChangeKind = word_field(ChangeKind, "kind")
    state: ChangeState = word_field(ChangeState, "state", default=ChangeState.REQUESTED)
    requested_by: str = id_field(foreign_key="people.id")
    requested_at: datetime = moment(nullable=False)
    due_date: date | None = None
    due_was: date | None = None
    ground: CancellationGround | None = word_field(CancellationGround, "ground", nullable=True)
    replaced_by: str | None = id_field(nullable=True)
    settings: str | None = Field(default=None, nullable=True)
    decided_by: str | None = id_field(foreign_key="people.id", nullable=True)
    decided_at: datetime | None = moment()
    version: int = Field(default=1, nullable=False)
    # When an outside body agreed to the move of a date that it had set; who and where is typed text.
    agreed_on: date | None = None
    meeting_id: str | None = id_field(foreign_key="review_meetings.id", nullable=True)
    # Whoever owned the milestone when it was asked decides on it no more than who owns it now.
    owner_then: str | None = id_field(nullable=True)


class BaselineCorrection(SQLModel, table=True):
    """A baseline that was mistyped, put right before it was published; the reason is a row of `texts`."""

    __tablename__ = "baseline_corrections"
    __table_args__ = (
        ForeignKeyConstraint(["milestone_id", "plan_id"], ["milestones.id", "milestones.plan_id"]),
        CheckConstraint("was <> baseline_date", name="corrects_something"),
        Index("ix_baseline_corrections_milestone_id", "milestone_id"),
    )
    id: str = id_field(primary_key=True)
    plan_id: str = id_field()
    milestone_id: str = id_field()
    was: date = Field(nullable=False)
    baseline_date: date = Field(nullable=False)
    corrected_by: str = id_field(foreign_key="people.id")
    corrected_at: datetime = moment(nullable=False)
