"""The database's shape and its guards: bringing them up to date, and telling whether they are."""

import re
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from app.migrations import triggers
from app.migrations.guarded import GATE, GUARDS, SLUG_TAKEN

_REFUSED = re.compile(rf"^\s*({'|'.join(GUARDS)}): (.+)$", re.MULTILINE)


def upgrade(url: str, *, revision: str = "head") -> None:
    """Bring the database at a SQLAlchemy address to a revision, with its guards; once there it stays as it is.

    Everything happens in one transaction, on SQLite too; a second process that tries at the same time waits.
    Raises alembic.util.CommandError when rows would be left that point to nothing.
    """
    command.upgrade(_config(url), revision)


def downgrade(url: str, *, revision: str) -> None:
    """Take the database back to an earlier revision: `-1` for one step, `base` for an empty one."""
    command.downgrade(_config(url), revision)


def current_and_head(connection: Connection) -> tuple[str | None, str]:
    """The revision the database is at (None: never migrated), and the one this version of Waymark needs."""
    return MigrationContext.configure(connection).get_current_revision(), _head()


def missing_triggers(connection: Connection) -> list[str]:
    """Guards that are missing, altered, switched off or left over, a sentence each that begins with its name.

    Empty: all is well. A start refuses otherwise.
    """
    return triggers.compare(connection)


def guard_refusal(error: BaseException) -> tuple[str, str] | None:
    """Which guard refused, and its sentence, when an error from the database is a guard's; otherwise None.

    Takes what SQLAlchemy or a driver raised. The guards are listed in `app.migrations.guarded.GUARDS`.
    """
    said = _REFUSED.search(str(getattr(error, "orig", None) or error))
    return (said.group(1), said.group(2)) if said else None


def overtaken(error: BaseException) -> bool:
    """Whether a guard refused what the service itself would have refused, had somebody else been quicker: the gate, or
    an address that another plan took meanwhile. Trying again gets the service's answer.
    """
    refused = guard_refusal(error)
    return refused is not None and (refused[0] == GATE or refused[1] == SLUG_TAKEN)


@cache
def _head() -> str:
    head = ScriptDirectory.from_config(_config("")).get_current_head()
    if head is None:
        raise RuntimeError("There are no migrations beside app/migrations/__init__.py")
    return head


def _config(url: str) -> Config:
    # No file and no logging set-up: the caller's stays. The address goes past the file syntax, where % is special.
    config = Config(attributes={"url": url})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


__all__ = [
    "current_and_head",
    "downgrade",
    "guard_refusal",
    "missing_triggers",
    "overtaken",
    "upgrade",
]
