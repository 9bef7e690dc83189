"""Plans and their parts: themes and actions. Review meetings stand in `meetings.py`."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint

from app.domain.words import EvidencePolicy, MovedRule, PlanState, Rag
from app.models.base import Field, SQLModel, id_field, moment, text_field, word_field


class Plan(SQLModel, table=True):
    """Everything that a RAG rule needs to know of the plan is on this row, but for the list of meetings."""

    __tablename__ = "plans"
    __table_args__ = (
        CheckConstraint("overdue_limit_days BETWEEN 0 AND 28", name="overdue_limit"),
        CheckConstraint("tolerance_days BETWEEN 0 AND 365", name="tolerance"),
        CheckConstraint("cycle_days BETWEEN 1 AND 366", name="cycle"),
        CheckConstraint("triage_hours BETWEEN 1 AND 240", name="triage_hours"),
        CheckConstraint("state = 'draft' OR approved_on IS NOT NULL", name="approved_says_when"),
    )
    id: str = id_field(primary_key=True)
    slug: str = text_field(80, unique=True)
    title: str = text_field(200)
    purpose: str = text_field(2000)
    lead_organisation_id: str = id_field(foreign_key="organisations.id", index=True)
    state: PlanState = word_field(PlanState, "state", default=PlanState.DRAFT)
    evidence_policy: EvidencePolicy = word_field(EvidencePolicy, "evidence_policy", default=EvidencePolicy.ATTACHED)
    tolerance_days: int = Field(default=28, nullable=False)
    overdue_limit_days: int = Field(default=0, nullable=False)
    moved_rule: MovedRule = word_field(MovedRule, "moved_rule", default=MovedRule.STANDARD)
    cycle_days: int = Field(default=14, nullable=False)
    triage_hours: int = Field(default=48, nullable=False)
    approved_on: date | None = None
    approved_by: str | None = id_field(foreign_key="people.id", nullable=True)
    approved_body: str | None = text_field(200, nullable=True)
    approved_meeting: str | None = text_field(200, nullable=True)
    closed_on: date | None = None
    illustrative: bool = Field(default=False, nullable=False)
    created_at: datetime = moment(nullable=False)
    version: int = Field(default=1, nullable=False)
    approved_at: datetime | None = moment()  # when its approval was recorded; `approved_on` may be an earlier day


class PlanAddress(SQLModel, table=True):
    """Every address a plan has or had. The database's guards write it: an address never comes to mean another plan."""

    __tablename__ = "plan_addresses"
    slug: str = Field(primary_key=True, max_length=80)
    plan_id: str = id_field(foreign_key="plans.id", index=True)


class PlanCounter(SQLModel, table=True):
    """Hands out references that are never reused. Apart from the plan's row, so that nobody waits for that."""

    __tablename__ = "plan_counters"
    plan_id: str = id_field(foreign_key="plans.id", primary_key=True)
    noun: str = Field(primary_key=True, max_length=20)
    last: int = Field(default=0, nullable=False)


class PartMove(SQLModel, table=True):
    """An action that was moved to another theme, or a milestone to another action. Its reference stayed.

    `from_theme_id` and `from_action_id` say where it stood before; an action has only the first.
    """

    __tablename__ = "part_moves"
    __table_args__ = (
        CheckConstraint("item_kind IN ('action', 'milestone')", name="item_kind"),
        Index("ix_part_moves_item_at", "item_id", "at"),
    )
    id: str = id_field(primary_key=True)
    plan_id: str = id_field(foreign_key="plans.id", index=True)
    item_kind: str = text_field(20)
    item_id: str = id_field()
    from_theme_id: str = id_field(foreign_key="themes.id")
    from_action_id: str | None = id_field(foreign_key="actions.id", nullable=True)
    at: datetime = moment(nullable=False)
    by_title: str = text_field(120)


class CarriedOver(SQLModel, table=True):
    """Where an item went that was open when its plan was closed: to another plan, or as a row of `texts` says.

    `rag` is the colour it had then; it counts in no list any more.
    """

    __tablename__ = "carried_over"
    __table_args__ = (ForeignKeyConstraint(["milestone_id", "plan_id"], ["milestones.id", "milestones.plan_id"]),)
    milestone_id: str = id_field(primary_key=True)
    plan_id: str = id_field(index=True)
    to_plan_id: str | None = id_field(foreign_key="plans.id", nullable=True)
    rag: Rag | None = word_field(Rag, "rag", nullable=True)
    at: datetime = moment(nullable=False)


class Theme(SQLModel, table=True):
    __tablename__ = "themes"
    __table_args__ = (UniqueConstraint("plan_id", "ref"), UniqueConstraint("id", "plan_id"))
    id: str = id_field(primary_key=True)
    plan_id: str = id_field(foreign_key="plans.id")
    ref: str = text_field(20)
    title: str = text_field(200)
    position: int = Field(nullable=False)  # its place in the plan
    source: str | None = text_field(20, nullable=True)
    version: int = Field(default=1, nullable=False)


class Action(SQLModel, table=True):
    __tablename__ = "actions"
    __table_args__ = (
        UniqueConstraint("plan_id", "ref"),
        UniqueConstraint("id", "plan_id"),
        ForeignKeyConstraint(["theme_id", "plan_id"], ["themes.id", "themes.plan_id"]),
    )
    id: str = id_field(primary_key=True)
    plan_id: str = id_field(foreign_key="plans.id")
    theme_id: str = id_field(index=True)
    ref: str = text_field(20)
    title: str = text_field(200)
    position: int = Field(nullable=False)  # its place in its theme
    source: str | None = text_field(20, nullable=True)
    version: int = Field(default=1, nullable=False)
