"""A change request that waits when its plan is closed or its milestone ends has a state that says so."""

from alembic import op

from app.migrations import triggers

revision = "016"
down_revision = "015"
branch_labels = None
depends_on = None

_STATE, _SAYS_WHO = "ck_change_requests_state", "ck_change_requests_decided_says_who"
_DECIDED = "(decided_by IS NOT NULL AND decided_at IS NOT NULL)"


def upgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        _check(
            "'requested', 'approved', 'declined', 'withdrawn', 'lapsed'", undecided="'requested', 'withdrawn', 'lapsed'"
        )


def downgrade() -> None:
    with triggers.set_aside(op.get_bind()):
        # There was no such word before; these wait no more, and nobody decided them.
        op.execute("UPDATE change_requests SET state = 'withdrawn' WHERE state = 'lapsed'")
        _check("'requested', 'approved', 'declined', 'withdrawn'", undecided="'requested', 'withdrawn'")


def _check(states: str, *, undecided: str) -> None:
    with op.batch_alter_table("change_requests") as table:
        table.drop_constraint(op.f(_STATE), type_="check")
        table.create_check_constraint(op.f(_STATE), f"state IN ({states})")
        table.drop_constraint(op.f(_SAYS_WHO), type_="check")
        table.create_check_constraint(op.f(_SAYS_WHO), f"state IN ({undecided}) OR {_DECIDED}")
