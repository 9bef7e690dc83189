"""What the migrations make is what the models say, on both databases: to the last CHECK and partial index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Enum, create_engine, inspect
from sqlalchemy.engine.reflection import Inspector

from app.models import metadata


@pytest.fixture
def migrated(database_url: str) -> Iterator[Connection]:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def modelled(request: pytest.FixtureRequest, migrated: Connection, tmp_path: Path) -> Iterator[Connection]:
    """A database of the same kind, made straight from the models."""
    if migrated.dialect.name == "sqlite":
        url = f"sqlite:///{tmp_path / 'modelled.db'}"
    else:
        url = request.getfixturevalue("empty_postgres_url")
    engine = create_engine(url)
    metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def described(inspector: Inspector, table: str) -> dict[str, Any]:
    """Everything that a database knows of one of its tables, named so that a difference can be read."""
    return {
        **{f"column {column['name']}": _column(column) for column in inspector.get_columns(table)},
        "order of columns": [column["name"] for column in inspector.get_columns(table)],
        "primary key": inspector.get_pk_constraint(table),
        **{f"check {check['name']}": check["sqltext"] for check in inspector.get_check_constraints(table)},
        **{f"unique {unique['name']}": unique["column_names"] for unique in inspector.get_unique_constraints(table)},
        **{f"foreign key {key['name']}": key for key in inspector.get_foreign_keys(table)},
        **{f"index {index['name']}": _index(index) for index in inspector.get_indexes(table)},
    }


def _column(column: Any) -> dict[str, Any]:
    return {**column, "type": str(column["type"])}


def _index(index: Any) -> dict[str, Any]:
    return {**index, "dialect_options": {name: str(value) for name, value in index["dialect_options"].items()}}


def test_alembic_sees_nothing_to_do(migrated: Connection) -> None:
    assert compare_metadata(MigrationContext.configure(migrated), metadata) == []


def test_a_migrated_database_is_the_one_that_the_models_make(migrated: Connection, modelled: Connection) -> None:
    there, wanted = inspect(migrated), inspect(modelled)
    differences = [
        f"{table}: {what}: migrated {is_now!r}, models {should!r}"
        for table in sorted(metadata.tables)
        for what, is_now, should in _differences(described(there, table), described(wanted, table))
    ]

    assert differences == []


def _differences(is_now: dict[str, Any], should: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    return [
        (what, is_now.get(what), should.get(what))
        for what in sorted(is_now.keys() | should.keys())
        if is_now.get(what) != should.get(what)
    ]


def test_every_closed_list_is_checked_by_the_database(migrated: Connection) -> None:
    inspector = inspect(migrated)
    for table in metadata.tables.values():
        checks = {check["name"]: check["sqltext"] for check in inspector.get_check_constraints(table.name)}
        for column in table.columns:
            if isinstance(column.type, Enum):
                words = checks[f"ck_{table.name}_{column.type.name}"]
                assert [f"'{word}'" in words for word in column.type.enums] == [True] * len(column.type.enums)
                assert words.count("'") == 2 * len(column.type.enums)


def test_every_constraint_has_a_name(migrated: Connection) -> None:
    inspector = inspect(migrated)
    for table in metadata.tables:
        assert inspector.get_pk_constraint(table)["name"] == f"pk_{table}"
        for kind in ("get_foreign_keys", "get_unique_constraints", "get_check_constraints"):
            assert all(constraint["name"] for constraint in getattr(inspector, kind)(table))
