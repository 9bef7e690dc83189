"""Which update holds the reason of a declaration, and whether it is one person's alone; who owned what when a change of
it was asked for.
"""

import sqlalchemy as sa
from alembic import op

from app.migrations import triggers

revision = "015"
down_revision = "014"
branch_labels = None
depends_on = None

_FIND_UPDATES = """
UPDATE milestones SET declared_update_id = (
    SELECT max(progress_updates.id) FROM progress_updates
    WHERE progress_updates.milestone_id = milestones.id AND progress_updates.by_id = milestones.declared_by
      AND progress_updates.declared_rag = milestones.declared_rag
) WHERE declared_rag IS NOT NULL"""


def upgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        op.add_column("milestones", sa.Column("declared_update_id", sa.String(20), nullable=True))
        op.add_column(
            "milestones", sa.Column("declared_by_others", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        op.add_column("change_requests", sa.Column("owner_then", sa.String(20), nullable=True))
        op.execute(_FIND_UPDATES)


def downgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        op.drop_column("change_requests", "owner_then")
        op.drop_column("milestones", "declared_by_others")
        op.drop_column("milestones", "declared_update_id")
