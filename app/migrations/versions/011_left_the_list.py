"""When a milestone's last run as an exception ended, and what ended it."""

import sqlalchemy as sa
from alembic import op

from app.migrations import triggers

revision = "011"
down_revision = "010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nothing says when earlier runs ended, so nothing is filled in.
    with triggers.set_aside(op.get_bind()):
        op.add_column("milestones", sa.Column("left_list_on", sa.Date(), nullable=True))
        op.add_column("milestones", sa.Column("left_list_because", sa.String(20), nullable=True))


def downgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        op.drop_column("milestones", "left_list_because")
        op.drop_column("milestones", "left_list_on")
