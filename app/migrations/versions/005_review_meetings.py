"""Review meetings: who came, the day the cycle gave, and a cancelled one leaves its day free."""

import sqlalchemy as sa
from alembic import op

revision = "005"
down_revision = "004"
branch_labels = None
depends_on = None

NOT_CANCELLED = sa.text("state <> 'cancelled'")


def upgrade() -> None:
    with op.batch_alter_table("review_meetings") as table:
        table.drop_constraint(op.f("uq_review_meetings_plan_id_on_day"), type_="unique")
        table.add_column(sa.Column("cycle_day", sa.Date(), nullable=True))
    op.create_index(
        op.f("uq_review_meetings_day"),
        "review_meetings",
        ["plan_id", "on_day"],
        unique=True,
        sqlite_where=NOT_CANCELLED,
        postgresql_where=NOT_CANCELLED,
    )
    op.create_index(op.f("ix_review_meetings_plan_id_on_day"), "review_meetings", ["plan_id", "on_day"])
    op.create_table(
        "meeting_attendances",
        sa.Column("meeting_id", sa.String(20), nullable=False),
        sa.Column("person_id", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("meeting_id", "person_id", name=op.f("pk_meeting_attendances")),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["review_meetings.id"], name=op.f("fk_meeting_attendances_meeting_id_review_meetings")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_meeting_attendances_person_id_people")),
    )


def downgrade() -> None:
    """Of a day that was cancelled and listed again, the older form has room for one meeting: the one that stands."""
    op.drop_table("meeting_attendances")
    op.drop_index(op.f("uq_review_meetings_day"), "review_meetings")
    op.drop_index(op.f("ix_review_meetings_plan_id_on_day"), "review_meetings")
    op.execute(
        "DELETE FROM review_meetings WHERE state = 'cancelled' AND EXISTS (SELECT 1 FROM review_meetings AS other"
        " WHERE other.plan_id = review_meetings.plan_id AND other.on_day = review_meetings.on_day"
        " AND (other.state <> 'cancelled' OR other.id > review_meetings.id))"
    )
    with op.batch_alter_table("review_meetings") as table:
        table.drop_column("cycle_day")
        table.create_unique_constraint(op.f("uq_review_meetings_plan_id_on_day"), ["plan_id", "on_day"])
