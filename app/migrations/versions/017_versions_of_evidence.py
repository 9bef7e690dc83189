"""What an evidence item says of itself in full: the period it supports, the personal data declared, whom it is
restricted to; and which item it is a newer version of.
"""

import sqlalchemy as sa
from alembic import op

from app.migrations import triggers

revision = "017"
down_revision = "016"
branch_labels = None
depends_on = None

_FIRST = ["first_version_id", "version_number"]


def upgrade() -> None:
    with triggers.set_aside(op.get_bind()), op.batch_alter_table("evidence") as table:
        table.add_column(sa.Column("period_from", sa.Date(), nullable=True))
        table.add_column(sa.Column("period_to", sa.Date(), nullable=True))
        table.add_column(sa.Column("personal_data_declared", sa.String(120), nullable=True))
        table.add_column(sa.Column("restricted_to", sa.String(2200), nullable=True))
        table.add_column(sa.Column("first_version_id", sa.String(20), nullable=True))
        table.add_column(sa.Column("version_number", sa.Integer(), nullable=False, server_default="1"))
        table.add_column(sa.Column("supersedes_id", sa.String(20), nullable=True))
        table.create_check_constraint(
            op.f("ck_evidence_period_order"),
            "(period_from IS NULL) = (period_to IS NULL) AND (period_from IS NULL OR period_to >= period_from)",
        )
        table.create_check_constraint(
            op.f("ck_evidence_version_follows"),
            "(version_number = 1 AND first_version_id IS NULL AND supersedes_id IS NULL)"
            " OR (version_number > 1 AND first_version_id IS NOT NULL AND supersedes_id IS NOT NULL)",
        )
        table.create_unique_constraint(op.f("uq_evidence_first_version_id_version_number"), _FIRST)
        for column in ("first_version_id", "supersedes_id"):
            table.create_foreign_key(
                op.f(f"fk_evidence_{column}_evidence"), "evidence", [column, "plan_id"], ["id", "plan_id"]
            )


def downgrade() -> None:
    with triggers.set_aside(op.get_bind()), op.batch_alter_table("evidence") as table:
        for column in ("supersedes_id", "first_version_id"):
            table.drop_constraint(op.f(f"fk_evidence_{column}_evidence"), type_="foreignkey")
        table.drop_constraint(op.f("uq_evidence_first_version_id_version_number"), type_="unique")
        table.drop_constraint(op.f("ck_evidence_version_follows"), type_="check")
        table.drop_constraint(op.f("ck_evidence_period_order"), type_="check")
        for column in (
            *("supersedes_id", "version_number", "first_version_id"),
            *("restricted_to", "personal_data_declared", "period_to", "period_from"),
        ):
            table.drop_column(column)
