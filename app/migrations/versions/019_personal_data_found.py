"""What a search of each file for personal data came to, and how each organisation writes its case numbers."""

import sqlalchemy as sa
from alembic import op

from app.migrations import triggers

revision = "019"
down_revision = "018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with triggers.set_aside(op.get_bind()), op.batch_alter_table("evidence") as table:
        table.add_column(sa.Column("search", sa.String(), nullable=True))
    with op.batch_alter_table("organisations") as table:
        table.add_column(sa.Column("case_pattern", sa.String(40), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("organisations") as table:
        table.drop_column("case_pattern")
    with triggers.set_aside(op.get_bind()), op.batch_alter_table("evidence") as table:
        table.drop_column("search")
