"""Saved views: named filters of a list, private or shared in the plan."""

import sqlalchemy as sa
from alembic import op

revision = "012"
down_revision = "011"
branch_labels = None
depends_on = None

OF_A_PLAN, OF_ALL = sa.text("plan_id IS NOT NULL"), sa.text("plan_id IS NULL")


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("id", sa.String(20), nullable=False),
        sa.Column("plan_id", sa.String(20), nullable=True),
        sa.Column("owner_id", sa.String(20), nullable=False),
        sa.Column("of_list", sa.String(20), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("name_key", sa.String(250), nullable=False),
        sa.Column("filters", sa.String(4000), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("of_list IN ('milestones', 'exceptions')", name=op.f("ck_saved_views_of_list")),
        sa.CheckConstraint(
            "plan_id IS NOT NULL OR (NOT shared AND of_list = 'exceptions')",
            name=op.f("ck_saved_views_private_without_plan"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_saved_views_plan_id_plans")),
        sa.ForeignKeyConstraint(["owner_id"], ["people.id"], name=op.f("fk_saved_views_owner_id_people")),
    )
    op.create_index(
        op.f("uq_saved_views_own"),
        "saved_views",
        ["owner_id", "plan_id", "name_key"],
        unique=True,
        sqlite_where=OF_A_PLAN,
        postgresql_where=OF_A_PLAN,
    )
    op.create_index(
        op.f("uq_saved_views_of_all"),
        "saved_views",
        ["owner_id", "name_key"],
        unique=True,
        sqlite_where=OF_ALL,
        postgresql_where=OF_ALL,
    )
    op.create_index(op.f("ix_saved_views_plan_id"), "saved_views", ["plan_id"])


def downgrade() -> None:
    op.drop_table("saved_views")
