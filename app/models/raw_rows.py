"""Rows as the driver gives them, and their types when they are wanted.

Giving fifty columns of fifty rows their types takes longer than reading them, and most rows of a list are the same at
every visit. So a hot list reads plain values, compares them with what it knows, and types only what is new.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Dialect, Select, Text, cast, select, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType


class RawColumns:
    """Columns read without their types: `selected` goes into the statement, `typed` makes sense of a row's values."""

    def __init__(self, columns: Iterable[Any]) -> None:
        columns = list(columns)
        self.selected = [type_coerce(column, NullType()).label(column.key) for column in columns]
        self._types = {column.key: column.type for column in columns}
        self._readers: dict[str, dict[str, Callable[[Any], Any]]] = {}

    def typed(self, values: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
        """The same values by name, with their types; names that are not of these columns stay as they are."""
        readers = self._readers.get(dialect.name)
        if readers is None:
            readers = self._readers[dialect.name] = self._readers_for(dialect)
        return {name: readers[name](value) if name in readers else value for name, value in values.items()}

    def _readers_for(self, dialect: Dialect) -> dict[str, Callable[[Any], Any]]:
        found = {
            name: type_.dialect_impl(dialect).result_processor(dialect, None) for name, type_ in self._types.items()
        }
        return {name: reader for name, reader in found.items() if reader is not None}


class _JsonArray(FunctionElement[Any]):
    name = "json_array"
    inherit_cache = True


class _JsonGroup(FunctionElement[Any]):
    name = "json_group"
    inherit_cache = True


@compiles(_JsonArray, "sqlite")
def _(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_array({compiler.process(element.clauses, **options)})"


@compiles(_JsonArray, "postgresql")
def _(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_build_array({compiler.process(element.clauses, **options)})"


@compiles(_JsonGroup, "sqlite")
def _(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_group_array({compiler.process(element.clauses, **options)})"


@compiles(_JsonGroup, "postgresql")
def _(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_agg({compiler.process(element.clauses, **options)})"


def gathered(*columns: Any) -> Select[Any]:
    """Rows that belong to another row, as one text in it: a JSON list of lists, or None where there are none.

    The caller adds where they come from and to which row they belong; their order says nothing.
    """
    return select(cast(_JsonGroup(_JsonArray(*columns)), Text))


def moment_from_json(value: str | None) -> datetime | None:
    """A moment inside such a text: SQLite writes it without its zone, which is UTC."""
    if value is None:
        return None
    found = datetime.fromisoformat(value)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
