"""From when on a milestone needs an update from its people, and the indexes that find it for each of them."""

import sqlalchemy as sa
from alembic import op

from app.migrations import triggers

revision = "006"
down_revision = "005"
branch_labels = None
depends_on = None

_DUE = sa.text("update_due_from IS NOT NULL")


def upgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        op.add_column("milestones", sa.Column("update_due_from", sa.DateTime(timezone=True), nullable=True))
        op.execute(_first_moments(op.get_bind().dialect.name))
    for name, column in (("owner", "owner_id"), ("lead", "lead_organisation_id")):
        op.create_index(
            op.f(f"ix_milestones_{name}_update_due"),
            "milestones",
            [column, "update_due_from"],
            sqlite_where=_DUE,
            postgresql_where=_DUE,
        )
    op.create_index(op.f("ix_milestone_supporters_organisation_id"), "milestone_supporters", ["organisation_id"])
    op.create_index(op.f("ix_progress_updates_by_at"), "progress_updates", ["by_id", "at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_progress_updates_by_at"), "progress_updates")
    op.drop_index(op.f("ix_milestone_supporters_organisation_id"), "milestone_supporters")
    op.drop_index(op.f("ix_milestones_lead_update_due"), "milestones")
    op.drop_index(op.f("ix_milestones_owner_update_due"), "milestones")
    with triggers.set_aside(op.get_bind()):
        op.drop_column("milestones", "update_due_from")


def _first_moments(dialect: str) -> sa.TextClause:
    """What is open, or waits for evidence, is asked about once more; the first change of each makes it exact."""
    day = (
        "CASE status WHEN 'in_progress' THEN COALESCE(last_update_on, in_progress_since)"
        " WHEN 'not_started' THEN COALESCE(start_date, due_date)"
        " WHEN 'completed' THEN CASE WHEN policy_met_on IS NULL THEN reported_on END END"
    )
    moment = f"strftime('%Y-%m-%d 00:00:00.000000', {day})" if dialect == "sqlite" else f"({day})::timestamptz"
    return sa.text(f"UPDATE milestones SET update_due_from = {moment}")
