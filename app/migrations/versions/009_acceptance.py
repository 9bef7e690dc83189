"""An exception accepted until a day: the day that was named, the index of those, and two more kinds of history."""

import sqlalchemy as sa
from alembic import op

from app.migrations import triggers

revision = "009"
down_revision = "008"
branch_labels = None
depends_on = None

BEFORE = ("started", "completed", "returned", "achieved", "fell_back", "reopened", "cancelled")
AFTER = (*BEFORE, "accepted", "acceptance_lifted")
ACCEPTED = sa.text("accepted_until IS NOT NULL")


def _change_kinds(kinds: tuple[str, ...]) -> None:
    words = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("milestone_events") as table:
        table.drop_constraint(op.f("ck_milestone_events_kind"), type_="check")
        table.create_check_constraint(op.f("ck_milestone_events_kind"), f"kind IN ({words})")


def upgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        op.add_column("milestones", sa.Column("acceptance_ends_on", sa.Date(), nullable=True))
        op.create_index(
            op.f("ix_milestones_accepted"),
            "milestones",
            ["plan_id", "accepted_until"],
            sqlite_where=ACCEPTED,
            postgresql_where=ACCEPTED,
        )
        _change_kinds(AFTER)


def downgrade() -> None:
    """The record of an acceptance goes with its kinds; the audit trail keeps it."""
    with triggers.set_aside(op.get_bind()):
        op.execute("DELETE FROM milestone_events WHERE kind IN ('accepted', 'acceptance_lifted')")
        _change_kinds(BEFORE)
        op.drop_index(op.f("ix_milestones_accepted"), "milestones")
        op.drop_column("milestones", "acceptance_ends_on")
