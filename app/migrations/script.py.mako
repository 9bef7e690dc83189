"""${message}.

A change of a guarded table stands inside `triggers.set_aside(op.get_bind())`. A new word in a closed list is not
noticed by autogenerate: replace the CHECK by hand, named with `op.f`.
"""

import sqlalchemy as sa
import sqlmodel  # noqa: F401 - column types that autogenerate writes out may be its own
from alembic import op
${imports if imports else ""}
from app.migrations import triggers  # noqa: F401

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
