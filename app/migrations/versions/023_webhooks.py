"""Webhooks, whose deliveries stand in the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "023"
down_revision = "022"
branch_labels = None
depends_on = None

_THERE = sa.text("removed_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(20), nullable=False),
        sa.Column("plan_id", sa.String(20), nullable=False),
        sa.Column("organisation_id", sa.String(20), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("events", sa.String(100), nullable=False),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(20), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused", sa.String(20), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("paused IN ('by_a_person', 'failing')", name=op.f("ck_webhooks_paused")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_webhooks_plan_id_plans")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_webhooks_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(["created_by"], ["people.id"], name=op.f("fk_webhooks_created_by_people")),
    )
    op.create_index(
        op.f("ix_webhooks_of"),
        "webhooks",
        ["plan_id", "organisation_id"],
        sqlite_where=_THERE,
        postgresql_where=_THERE,
    )
    op.create_index(op.f("ix_outbox_address"), "outbox", ["address", "id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_outbox_address"), "outbox")
    op.drop_table("webhooks")
