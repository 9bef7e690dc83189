"""The inbox: who sent a submission, who has read it, whom it was passed to, and what came of it."""

import sqlalchemy as sa
from alembic import op

from app.migrations import triggers

revision = "013"
down_revision = "012"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
COLUMNS = (
    ("triaged_through", sa.String(20)),
    ("milestone_id", sa.String(20)),
    ("external_ref", sa.String(120)),
    ("sent_by", sa.String(20)),
    ("sent_by_key", sa.String(20)),
    ("sent_by_title", sa.String(120)),
    ("door", sa.String(20)),
    ("read_at", MOMENT),
    ("read_by", sa.String(20)),
    ("passed_to", sa.String(20)),
    ("passed_at", MOMENT),
    ("handed_on", sa.Date()),
    ("made_action_id", sa.String(20)),
    ("made_milestone_id", sa.String(20)),
    ("changed_at", MOMENT),
)
WAITS = "amber_from IS NOT NULL"
INDEXES = (
    ("unread", ["plan_id", "received_at", "id"], f"{WAITS} AND read_at IS NULL"),
    ("read", ["plan_id", "received_at", "id"], f"{WAITS} AND read_at IS NOT NULL"),
    ("unread_anywhere", ["received_at", "id"], f"{WAITS} AND read_at IS NULL"),
    ("read_anywhere", ["received_at", "id"], f"{WAITS} AND read_at IS NOT NULL"),
    ("triaged", ["plan_id", "triaged_at", "id"], "triaged_at IS NOT NULL"),
    ("plan_received", ["plan_id", "received_at"], None),
    ("concerned", ["milestone_id", "organisation_id", "received_at"], None),
    ("organisation_changed", ["organisation_id", "changed_at", "id"], None),
    ("plan_changed", ["plan_id", "changed_at", "id"], None),
)


def upgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        for name, kind in COLUMNS:
            op.add_column("submissions", sa.Column(name, kind, nullable=True))
        _fill_in()
        for name, columns, where in INDEXES:
            partial = {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)} if where else {}
            op.create_index(op.f(f"ix_submissions_{name}"), "submissions", columns, **partial)


def downgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        for name, *_ in INDEXES:
            op.drop_index(op.f(f"ix_submissions_{name}"), "submissions")
        for name, _ in reversed(COLUMNS):
            op.drop_column("submissions", name)


def _fill_in() -> None:
    """So far every submission was evidence, and its wait ended with a review or when it was taken back."""
    op.execute("UPDATE submissions SET changed_at = COALESCE(triaged_at, received_at)")
    for column, source in (
        ("sent_by", "provided_by"),
        ("sent_by_key", "provided_by_key"),
        ("sent_by_title", "provided_by_title"),
        ("door", "door"),
    ):
        op.execute(
            f"UPDATE submissions SET {column} ="
            f" (SELECT evidence.{source} FROM evidence WHERE evidence.id = submissions.evidence_id)"
        )
    op.execute(
        "UPDATE submissions SET milestone_id = (SELECT evidence_links.milestone_id FROM evidence_links"
        " WHERE evidence_links.evidence_id = submissions.evidence_id"
        " ORDER BY evidence_links.linked_at, evidence_links.milestone_id LIMIT 1)"
    )
    op.execute("UPDATE submissions SET triaged_through = 'review' WHERE state = 'logged'")
    op.execute("UPDATE submissions SET triaged_through = 'withdrawal' WHERE state = 'returned'")
