"""What an organisation leads and needs an update is found plan by plan: nobody is asked about plans not their own."""

import sqlalchemy as sa
from alembic import op

revision = "010"
down_revision = "009"
branch_labels = None
depends_on = None

_NAME = "ix_milestones_lead_update_due"
_DUE = sa.text("update_due_from IS NOT NULL")


def upgrade() -> None:
    _replace(["lead_organisation_id", "plan_id", "update_due_from"])


def downgrade() -> None:
    _replace(["lead_organisation_id", "update_due_from"])


def _replace(columns: list[str]) -> None:
    op.drop_index(op.f(_NAME), "milestones")
    op.create_index(op.f(_NAME), "milestones", columns, sqlite_where=_DUE, postgresql_where=_DUE)
