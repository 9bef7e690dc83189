"""Change requests can be withdrawn and name agreement and meeting; a baseline is corrected on the record."""

import sqlalchemy as sa
from alembic import op

from app.migrations import triggers

revision = "002"
down_revision = "001"
branch_labels = None
depends_on = None

_STATE, _SAYS_WHO = "ck_change_requests_state", "ck_change_requests_decided_says_who"
_DECIDED = "(decided_by IS NOT NULL AND decided_at IS NOT NULL)"


def upgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        op.create_table(
            "baseline_corrections",
            sa.Column("id", sa.String(20), nullable=False),
            sa.Column("plan_id", sa.String(20), nullable=False),
            sa.Column("milestone_id", sa.String(20), nullable=False),
            sa.Column("was", sa.Date(), nullable=False),
            sa.Column("baseline_date", sa.Date(), nullable=False),
            sa.Column("corrected_by", sa.String(20), nullable=False),
            sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=False),
            sa.PrimaryKeyConstraint("id", name=op.f("pk_baseline_corrections")),
            sa.ForeignKeyConstraint(
                ["milestone_id", "plan_id"],
                ["milestones.id", "milestones.plan_id"],
                name=op.f("fk_baseline_corrections_milestone_id_plan_id_milestones"),
            ),
            sa.ForeignKeyConstraint(
                ["corrected_by"], ["people.id"], name=op.f("fk_baseline_corrections_corrected_by_people")
            ),
            sa.CheckConstraint("was <> baseline_date", name=op.f("ck_baseline_corrections_corrects_something")),
        )
        op.create_index(op.f("ix_baseline_corrections_milestone_id"), "baseline_corrections", ["milestone_id"])
        op.add_column("milestones", sa.Column("came_from", sa.String(20), nullable=True))
        with op.batch_alter_table("change_requests") as table:
            table.add_column(sa.Column("agreed_on", sa.Date(), nullable=True))
            table.add_column(sa.Column("meeting_id", sa.String(20), nullable=True))
            table.create_foreign_key(
                op.f("fk_change_requests_meeting_id_review_meetings"), "review_meetings", ["meeting_id"], ["id"]
            )
            table.drop_constraint(op.f(_STATE), type_="check")
            table.create_check_constraint(op.f(_STATE), "state IN ('requested', 'approved', 'declined', 'withdrawn')")
            table.drop_constraint(op.f(_SAYS_WHO), type_="check")
            table.create_check_constraint(op.f(_SAYS_WHO), f"state IN ('requested', 'withdrawn') OR {_DECIDED}")


def downgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        # There was no such word before: who withdrew can withdraw it again, or it is declined.
        op.execute("UPDATE change_requests SET state = 'requested', decided_at = NULL WHERE state = 'withdrawn'")
        with op.batch_alter_table("change_requests") as table:
            table.drop_constraint(op.f(_SAYS_WHO), type_="check")
            table.create_check_constraint(op.f(_SAYS_WHO), f"state = 'requested' OR {_DECIDED}")
            table.drop_constraint(op.f(_STATE), type_="check")
            table.create_check_constraint(op.f(_STATE), "state IN ('requested', 'approved', 'declined')")
            table.drop_constraint(op.f("fk_change_requests_meeting_id_review_meetings"), type_="foreignkey")
            table.drop_column("meeting_id")
            table.drop_column("agreed_on")
        with op.batch_alter_table("milestones") as table:
            table.drop_column("came_from")
        op.drop_index(op.f("ix_baseline_corrections_milestone_id"), "baseline_corrections")
        op.drop_table("baseline_corrections")
