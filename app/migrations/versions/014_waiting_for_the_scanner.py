"""Files that wait for the scanner are found at once, however long the evidence log is."""

import sqlalchemy as sa
from alembic import op

revision = "014"
down_revision = "013"
branch_labels = None
depends_on = None

_NAME = "ix_evidence_waiting_scan"
_WAITING = sa.text("scan = 'pending'")


def upgrade() -> None:
    op.create_index(op.f(_NAME), "evidence", ["received_at", "id"], sqlite_where=_WAITING, postgresql_where=_WAITING)


def downgrade() -> None:
    op.drop_index(op.f(_NAME), "evidence")
