"""The guards of whichever database a connection leads to.

A migration that changes a guarded table does so inside `set_aside`: SQLite rebuilds a table to change it, and a trigger
on it is lost, or breaks the rebuilding::

    with triggers.set_aside(op.get_bind()), op.batch_alter_table("milestones") as table:
        table.add_column(...)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from sqlalchemy import Connection

from app.migrations import triggers_postgresql, triggers_sqlite

_MODULES = {"sqlite": triggers_sqlite, "postgresql": triggers_postgresql}


def create_all(connection: Connection) -> None:
    """Create every trigger and what it needs. None of them may exist."""
    _module(connection).create_all(connection)


def drop_all(connection: Connection) -> None:
    """Drop every trigger of ours, of this version or an earlier one; what an administrator added stays."""
    _module(connection).drop_all(connection)


@contextmanager
def set_aside(connection: Connection) -> Iterator[None]:
    """Without triggers inside, with all of them afterwards. A migration that fails rolls back, triggers included."""
    drop_all(connection)
    yield
    create_all(connection)


def compare(connection: Connection) -> list[str]:
    """What is missing, altered, switched off or left over, a sentence each that begins with the trigger's name."""
    found: list[str] = _module(connection).compare(connection)
    return found


def names(dialect: str) -> list[str]:
    """The names of all triggers on `sqlite` or `postgresql`."""
    return sorted(_MODULES[dialect].TRIGGERS)


def _module(connection: Connection) -> ModuleType:
    return _MODULES[connection.dialect.name]
