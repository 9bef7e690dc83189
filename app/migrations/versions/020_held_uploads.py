"""A key whose uploads wait until a person of its organisation releases them."""

import sqlalchemy as sa
from alembic import op

from app.migrations import triggers

revision = "020"
down_revision = "019"
branch_labels = None
depends_on = None

_WAITS = sa.text("state = 'awaiting_release'")


def upgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        op.add_column(
            "organisation_keys", sa.Column("needs_release", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        op.add_column("submissions", sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "held_uploads",
        sa.Column("id", sa.String(20), nullable=False),
        sa.Column("submission_id", sa.String(20), nullable=False),
        sa.Column("plan_id", sa.String(20), nullable=False),
        sa.Column("milestone_id", sa.String(20), nullable=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("organisation_id", sa.String(20), nullable=False),
        sa.Column("key_id", sa.String(20), nullable=False),
        sa.Column("sent_by_title", sa.String(120), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("offer", sa.String(), nullable=False),
        sa.Column("storage_name", sa.String(120), nullable=True),
        sa.Column("scan", sa.String(20), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(20), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind IN ('evidence', 'risk', 'correspondence')", name=op.f("ck_held_uploads_kind")),
        sa.CheckConstraint("scan IN ('pending', 'clean', 'infected', 'unscanned')", name=op.f("ck_held_uploads_scan")),
        sa.CheckConstraint(
            "state IN ('awaiting_release', 'released', 'taken_back')", name=op.f("ck_held_uploads_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_uploads")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_held_uploads_plan_id_plans")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_held_uploads_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(
            ["key_id"], ["organisation_keys.id"], name=op.f("fk_held_uploads_key_id_organisation_keys")
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["people.id"], name=op.f("fk_held_uploads_decided_by_people")),
    )
    op.create_index(
        op.f("ix_held_uploads_waiting"),
        "held_uploads",
        ["organisation_id", "plan_id"],
        sqlite_where=_WAITS,
        postgresql_where=_WAITS,
    )
    op.create_index(op.f("ix_held_uploads_changed"), "held_uploads", ["organisation_id", "changed_at", "submission_id"])
    op.create_index(op.f("ix_held_uploads_submission_id"), "held_uploads", ["submission_id"], unique=True)
    op.create_index(op.f("ix_held_uploads_storage_name"), "held_uploads", ["storage_name"])


def downgrade() -> None:
    op.drop_table("held_uploads")
    with triggers.set_aside(op.get_bind()):
        op.drop_column("submissions", "arrived_at")
        op.drop_column("organisation_keys", "needs_release")
