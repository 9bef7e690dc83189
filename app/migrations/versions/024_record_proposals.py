"""Redactions, legal holds and disposals are proposed by one person and decided by another; evidence has a class that
says how long it is kept.
"""

import sqlalchemy as sa
from alembic import op

from app.migrations import triggers

revision = "024"
down_revision = "023"
branch_labels = None
depends_on = None

_OPEN = sa.text("state IN ('due', 'proposed')")


def upgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        with op.batch_alter_table("evidence") as table:
            table.add_column(sa.Column("retention", sa.String(20), nullable=True))
            table.add_column(sa.Column("held_at", sa.DateTime(timezone=True), nullable=True))
            table.add_column(sa.Column("disposed_at", sa.DateTime(timezone=True), nullable=True))
            table.create_check_constraint(
                op.f("ck_evidence_retention"),
                "retention IN ('transitory', 'working', 'plan_record', 'inquiry', 'permanent')",
            )
            table.create_check_constraint(
                op.f("ck_evidence_withdrawn_before_disposal"),
                "disposed_at IS NULL OR (withdrawn_at IS NOT NULL AND held_at IS NULL)",
            )
        op.create_table(
            "record_proposals",
            sa.Column("id", sa.String(20), nullable=False),
            sa.Column("plan_id", sa.String(20), nullable=False),
            sa.Column("kind", sa.String(20), nullable=False),
            sa.Column("evidence_id", sa.String(20), nullable=True),
            sa.Column("text_id", sa.String(20), nullable=True),
            sa.Column("milestone_id", sa.String(20), nullable=True),
            sa.Column("item", sa.String(40), nullable=False),
            sa.Column("field", sa.String(40), nullable=True),
            sa.Column("state", sa.String(20), nullable=False),
            sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("proposed_by", sa.String(20), nullable=True),
            sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("decided_by", sa.String(20), nullable=True),
            sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
            sa.CheckConstraint(
                "(kind = 'redaction' AND text_id IS NOT NULL AND evidence_id IS NULL)"
                " OR (kind <> 'redaction' AND evidence_id IS NOT NULL AND text_id IS NULL)",
                name=op.f("ck_record_proposals_about_one_thing"),
            ),
            sa.CheckConstraint(
                "(state = 'due') = (proposed_by IS NULL) AND (proposed_by IS NULL) = (proposed_at IS NULL)",
                name=op.f("ck_record_proposals_proposed_says_who"),
            ),
            sa.CheckConstraint(
                "state IN ('due', 'proposed')"
                " OR (decided_by IS NOT NULL AND decided_at IS NOT NULL AND decided_by <> proposed_by)",
                name=op.f("ck_record_proposals_decided_by_another"),
            ),
            sa.CheckConstraint(
                "kind IN ('redaction', 'hold', 'release', 'disposal')", name=op.f("ck_record_proposals_kind")
            ),
            sa.CheckConstraint(
                "state IN ('due', 'proposed', 'approved', 'declined')", name=op.f("ck_record_proposals_state")
            ),
            sa.PrimaryKeyConstraint("id", name=op.f("pk_record_proposals")),
            *(
                sa.ForeignKeyConstraint([column], [f"{of}.id"], name=op.f(f"fk_record_proposals_{column}_{of}"))
                for column, of in (
                    ("plan_id", "plans"),
                    ("evidence_id", "evidence"),
                    ("text_id", "texts"),
                    ("milestone_id", "milestones"),
                    ("proposed_by", "people"),
                    ("decided_by", "people"),
                )
            ),
        )
        op.create_index(op.f("ix_record_proposals_plan"), "record_proposals", ["plan_id", "state"])
        for name, columns in (("text", ["text_id"]), ("evidence", ["evidence_id", "kind"])):
            op.create_index(
                op.f(f"uq_record_proposals_open_{name}"),
                "record_proposals",
                columns,
                unique=True,
                sqlite_where=_OPEN,
                postgresql_where=_OPEN,
            )


def downgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        op.drop_table("record_proposals")
        with op.batch_alter_table("evidence") as table:
            table.drop_constraint(op.f("ck_evidence_withdrawn_before_disposal"), type_="check")
            table.drop_constraint(op.f("ck_evidence_retention"), type_="check")
            for column in ("disposed_at", "held_at", "retention"):
                table.drop_column(column)
