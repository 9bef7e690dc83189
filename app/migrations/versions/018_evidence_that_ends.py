"""Which milestones rest on evidence that has a last day, found without reading the others."""

import sqlalchemy as sa
from alembic import op

revision = "018"
down_revision = "017"
branch_labels = None
depends_on = None

_HAS_AN_END = "policy_met_until IS NOT NULL"


def upgrade() -> None:
    op.create_index(
        op.f("ix_milestones_evidence_ending"),
        "milestones",
        ["policy_met_until", "plan_id"],
        sqlite_where=sa.text(_HAS_AN_END),
        postgresql_where=sa.text(_HAS_AN_END),
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_milestones_evidence_ending"), "milestones")
