"""One store of compiled statements for all databases that a test process opens.

SQLAlchemy keeps them per engine, and every test has an engine of its own: each test would turn the same queries into
SQL again, which takes longer than running them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, event


class Compiled(dict[Any, Any]):
    """Statements by the kind of database, where SQLAlchemy keeps them by the one engine's dialect."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_any_engines(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__(_any_engines(key), compiled)


def _any_engines(key: Any) -> Any:
    dialect, *rest = key
    return (dialect.name, dialect.driver, *rest)


_COMPILED = Compiled()


@event.listens_for(Engine, "engine_connect")
def _share(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_COMPILED)
