"""The proof agreed for a milestone in rows, and the evidence that is ticked off for it; what an organisation's key sent
is not reviewed by that organisation.
"""

import sqlalchemy as sa
from alembic import op

from app.migrations import triggers

revision = "022"
down_revision = "021"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_KINDS = ("document", "data_extract", "minutes", "link", "statement")


def upgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        op.create_table(
            "success_criteria",
            sa.Column("id", sa.String(20), nullable=False),
            sa.Column("plan_id", sa.String(20), nullable=False),
            sa.Column("milestone_id", sa.String(20), nullable=False),
            sa.Column("position", sa.Integer(), nullable=False),
            sa.Column("number", sa.Integer(), nullable=False),
            sa.Column(
                "kind",
                sa.Enum(*_KINDS, name="kind", native_enum=False, create_constraint=True, length=20),
                nullable=True,
            ),
            sa.Column("organisation_id", sa.String(20), nullable=True),
            sa.Column("period_from", sa.Date(), nullable=True),
            sa.Column("period_to", sa.Date(), nullable=True),
            sa.Column("agreed_at", _MOMENT, nullable=False),
            sa.Column("replaced_at", _MOMENT, nullable=True),
            sa.CheckConstraint("number BETWEEN 1 AND 50", name=op.f("ck_success_criteria_number")),
            sa.CheckConstraint(
                "(period_from IS NULL) = (period_to IS NULL) AND (period_from IS NULL OR period_to >= period_from)",
                name=op.f("ck_success_criteria_period_order"),
            ),
            sa.ForeignKeyConstraint(
                ["milestone_id", "plan_id"],
                ["milestones.id", "milestones.plan_id"],
                name=op.f("fk_success_criteria_milestone_id_plan_id_milestones"),
            ),
            sa.ForeignKeyConstraint(
                ["organisation_id"],
                ["organisations.id"],
                name=op.f("fk_success_criteria_organisation_id_organisations"),
            ),
            sa.PrimaryKeyConstraint("id", name=op.f("pk_success_criteria")),
        )
        op.create_index(
            op.f("ix_success_criteria_in_force"),
            "success_criteria",
            ["milestone_id", "position"],
            sqlite_where=sa.text("replaced_at IS NULL"),
            postgresql_where=sa.text("replaced_at IS NULL"),
        )
        op.create_table(
            "criterion_ticks",
            sa.Column("criterion_id", sa.String(20), nullable=False),
            sa.Column("evidence_id", sa.String(20), nullable=False),
            sa.Column("milestone_id", sa.String(20), nullable=False),
            sa.Column("ticked_at", _MOMENT, nullable=False),
            sa.Column("ticked_by_title", sa.String(120), nullable=False),
            sa.ForeignKeyConstraint(
                ["criterion_id"], ["success_criteria.id"], name=op.f("fk_criterion_ticks_criterion_id_success_criteria")
            ),
            sa.ForeignKeyConstraint(
                ["evidence_id", "milestone_id"],
                ["evidence_links.evidence_id", "evidence_links.milestone_id"],
                name=op.f("fk_criterion_ticks_evidence_id_milestone_id_evidence_links"),
            ),
            sa.PrimaryKeyConstraint("criterion_id", "evidence_id", name=op.f("pk_criterion_ticks")),
        )
        op.create_index(op.f("ix_criterion_ticks_evidence"), "criterion_ticks", ["evidence_id", "milestone_id"])


def downgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        op.drop_table("criterion_ticks")
        op.drop_table("success_criteria")
