"""An update may say that nothing has changed; the milestone keeps the first such day since its last update."""

import sqlalchemy as sa
from alembic import op

from app.migrations import triggers

revision = "004"
down_revision = "003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        op.add_column(
            "progress_updates", sa.Column("no_change", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        op.add_column("milestones", sa.Column("no_change_on", sa.Date(), nullable=True))


def downgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        op.drop_column("milestones", "no_change_on")
        op.drop_column("progress_updates", "no_change")
