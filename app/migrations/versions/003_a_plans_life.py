"""A plan's life: the addresses it had, parts that were moved, where open items went, when approval was recorded."""

from itertools import groupby

import sqlalchemy as sa
from alembic import op

from app.migrations import triggers

revision = "003"
down_revision = "002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        _create_tables()
        op.add_column("plans", sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True))
        op.add_column("milestones", sa.Column("place", sa.Integer(), nullable=True))
        op.execute("INSERT INTO plan_addresses (slug, plan_id) SELECT slug, id FROM plans")
        op.execute(
            "UPDATE plans SET approved_at = (SELECT max(at) FROM audit_events"
            " WHERE audit_events.chain = plans.id AND event = 'plan_approved')"
        )
        _place_actions_within_themes()


def downgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        op.execute("ALTER TABLE milestones DROP COLUMN place")
        op.execute("ALTER TABLE plans DROP COLUMN approved_at")
        for table in ("carried_over", "part_moves", "plan_addresses"):
            op.drop_table(table)


def _create_tables() -> None:
    op.create_table(
        "plan_addresses",
        sa.Column("slug", sa.String(80), nullable=False),
        sa.Column("plan_id", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_plan_addresses")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_plan_addresses_plan_id_plans")),
    )
    op.create_index(op.f("ix_plan_addresses_plan_id"), "plan_addresses", ["plan_id"])
    op.create_table(
        "part_moves",
        sa.Column("id", sa.String(20), nullable=False),
        sa.Column("plan_id", sa.String(20), nullable=False),
        sa.Column("item_kind", sa.String(20), nullable=False),
        sa.Column("item_id", sa.String(20), nullable=False),
        sa.Column("from_theme_id", sa.String(20), nullable=False),
        sa.Column("from_action_id", sa.String(20), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_title", sa.String(120), nullable=False),
        sa.CheckConstraint("item_kind IN ('action', 'milestone')", name=op.f("ck_part_moves_item_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_part_moves")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_part_moves_plan_id_plans")),
        sa.ForeignKeyConstraint(["from_theme_id"], ["themes.id"], name=op.f("fk_part_moves_from_theme_id_themes")),
        sa.ForeignKeyConstraint(["from_action_id"], ["actions.id"], name=op.f("fk_part_moves_from_action_id_actions")),
    )
    op.create_index(op.f("ix_part_moves_plan_id"), "part_moves", ["plan_id"])
    op.create_index("ix_part_moves_item_at", "part_moves", ["item_id", "at"])
    op.create_table(
        "carried_over",
        sa.Column("milestone_id", sa.String(20), nullable=False),
        sa.Column("plan_id", sa.String(20), nullable=False),
        sa.Column("to_plan_id", sa.String(20), nullable=True),
        sa.Column(
            "rag",
            sa.Enum("red", "amber", "green", name="rag", native_enum=False, create_constraint=True, length=20),
            nullable=True,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("milestone_id", name=op.f("pk_carried_over")),
        sa.ForeignKeyConstraint(["to_plan_id"], ["plans.id"], name=op.f("fk_carried_over_to_plan_id_plans")),
        sa.ForeignKeyConstraint(
            ["milestone_id", "plan_id"],
            ["milestones.id", "milestones.plan_id"],
            name=op.f("fk_carried_over_milestone_id_plan_id_milestones"),
        ),
    )
    op.create_index(op.f("ix_carried_over_plan_id"), "carried_over", ["plan_id"])


def _place_actions_within_themes() -> None:
    """Until now an action's position counted through the whole plan."""
    actions = sa.table("actions", sa.column("id"), sa.column("theme_id"), sa.column("position"))
    wanted = sa.select(actions.c.id, actions.c.theme_id, actions.c.position)
    rows = op.get_bind().execute(wanted.order_by(actions.c.theme_id, actions.c.position)).all()
    for _, in_theme in groupby(rows, key=lambda row: row.theme_id):
        for place, row in enumerate(in_theme, start=1):
            if row.position != place:
                op.execute(actions.update().where(actions.c.id == row.id).values(position=place))
