"""Evidence log exports: each asked for by one person, made by a job, kept for a while."""

import sqlalchemy as sa
from alembic import op

revision = "021"
down_revision = "020"
branch_labels = None
depends_on = None

_STATES = ("waiting", "running", "ready", "failed", "expired")
_DOORS = ("page", "api", "cli", "job")


def upgrade() -> None:
    op.create_table(
        "evidence_exports",
        sa.Column("id", sa.String(20), nullable=False),
        sa.Column("plan_id", sa.String(20), nullable=False),
        sa.Column("person_id", sa.String(20), nullable=False),
        sa.Column("door", _word("door", *_DOORS), nullable=False),
        sa.Column("state", _word("state", *_STATES), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease", sa.String(20), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("items_done", sa.Integer(), nullable=False),
        sa.Column("items_total", sa.Integer(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.String(300), nullable=False),
        sa.Column("rights", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(64), nullable=True),
        sa.Column("storage_name", sa.String(120), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(300), nullable=False),
        sa.CheckConstraint(
            "(state = 'ready') = (storage_name IS NOT NULL)", name=op.f("ck_evidence_exports_ready_has_content")
        ),
        sa.CheckConstraint(
            "(state = 'running') = (lease IS NOT NULL)", name=op.f("ck_evidence_exports_running_has_lease")
        ),
        sa.CheckConstraint("items_done >= 0 AND items_done <= items_total", name=op.f("ck_evidence_exports_items")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_exports")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_evidence_exports_plan_id_plans")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_evidence_exports_person_id_people")),
    )
    op.create_index(op.f("ix_evidence_exports_state"), "evidence_exports", ["state", "asked_at"])
    op.create_index(op.f("ix_evidence_exports_person"), "evidence_exports", ["person_id", "plan_id", "asked_at"])
    op.create_index(op.f("ix_evidence_exports_storage_name"), "evidence_exports", ["storage_name"])


def downgrade() -> None:
    op.drop_table("evidence_exports")


def _word(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=20)
