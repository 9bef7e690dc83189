"""The indexes that find what the honesty checks look for, whatever the size of the plan."""

import sqlalchemy as sa
from alembic import op

revision = "007"
down_revision = "006"
branch_labels = None
depends_on = None

# Name, table, columns, and the condition of a partial one.
_INDEXES = (
    ("ix_milestones_plan_no_criterion", "milestones", ["plan_id", "position"], "success_criterion = ''"),
    ("ix_milestones_plan_not_independent", "milestones", ["plan_id", "position"], "not_independent"),
    ("ix_progress_updates_plan_id", "progress_updates", ["plan_id", "id"], None),
    ("ix_evidence_plan_sha256", "evidence", ["plan_id", "sha256"], None),
    ("ix_evidence_plan_effective_from", "evidence", ["plan_id", "effective_from"], "effective_from IS NOT NULL"),
)


def upgrade() -> None:
    for name, table, columns, condition in _INDEXES:
        where = sa.text(condition) if condition else None
        op.create_index(op.f(name), table, columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name, table, _, _ in reversed(_INDEXES):
        op.drop_index(op.f(name), table)
