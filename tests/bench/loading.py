"""Many rows into either database, quickly: SQLite by one prepared statement a table, PostgreSQL by COPY."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from enum import Enum
from itertools import islice
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection, create_engine
from sqlmodel import SQLModel

from app.migrations import triggers

BATCH = 5_000


class Loader:
    """A transaction on an empty, migrated database. Rows are dictionaries; what they leave out has its default."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_sqlite = connection.dialect.name == "sqlite"

    def add(self, model: type[SQLModel], rows: Iterable[Mapping[str, Any]]) -> int:
        """Write the rows of one table, and return how many there were."""
        table = model.__table__  # type: ignore[attr-defined]
        names = [column.name for column in table.columns]
        defaults = {name: field.default for name, field in model.model_fields.items() if not field.is_required()}
        values = ([row[name] if name in row else defaults[name] for name in names] for row in rows)
        return sum(self._write(table.name, names, batch) for batch in _batches(values))

    def execute(self, statement: str) -> None:
        """Run a statement that is the same in both databases."""
        self._connection.exec_driver_sql(statement)

    def without_guards(self) -> None:
        """Take the triggers away: judging a million rows one by one would take most of the time."""
        triggers.drop_all(self._connection)

    def with_guards(self) -> None:
        """Put the triggers back: what follows is judged."""
        triggers.create_all(self._connection)

    def _write(self, table: str, names: Sequence[str], rows: list[list[Any]]) -> int:
        driver: Any = self._connection.connection.dbapi_connection
        if self._is_sqlite:
            places = ", ".join("?" * len(names))
            statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"
            assert isinstance(driver, sqlite3.Connection)
            driver.executemany(statement, ([_for_sqlite(value) for value in row] for row in rows))
            return len(rows)
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        copy = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
        assert isinstance(driver, psycopg.Connection)
        with driver.cursor() as cursor, cursor.copy(copy) as sink:
            for row in rows:
                sink.write_row([_plain(value) for value in row])
        return len(rows)


@contextmanager
def loading(url: str) -> Iterator[Loader]:
    """One transaction; nothing stays when it fails."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            yield Loader(connection)
    finally:
        engine.dispose()


def analyse(url: str) -> None:
    """Tell the planner what is there; on PostgreSQL, clear away the versions that loading left behind as well."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("ANALYZE" if connection.dialect.name == "sqlite" else "VACUUM ANALYZE")
    finally:
        engine.dispose()


def _batches(values: Iterable[list[Any]]) -> Iterator[list[list[Any]]]:
    rows = iter(values)
    while batch := list(islice(rows, BATCH)):
        yield batch


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _for_sqlite(value: Any) -> Any:
    """As the application's own column types write it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, date):
        return value.isoformat()
    return _plain(value)
