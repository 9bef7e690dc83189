"""The access log says with which filters a list was exported."""

import sqlalchemy as sa
from alembic import op

from app.migrations import triggers

revision = "008"
down_revision = "007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        op.add_column("access_log", sa.Column("filters", sa.String(500), nullable=False, server_default=""))


def downgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        op.drop_column("access_log", "filters")
