"""The database server that the other tests stand on."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text

from tests.postgres import Postgres


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            result = connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()


def test_each_database_is_a_copy_of_its_template_and_of_nothing_else(postgres_server: Postgres) -> None:
    template = postgres_server.template(
        "copied", build=lambda url: run(url, "CREATE TABLE words AS SELECT 'achieved' AS word")
    )
    first, second = postgres_server.create(template=template), postgres_server.create(template=template)

    run(first, "DELETE FROM words")

    assert run(first, "SELECT count(*) FROM words") == [(0,)]
    assert run(second, "SELECT word FROM words") == [("achieved",)]
    postgres_server.drop(first)
    postgres_server.drop(second)


def test_a_template_is_built_once(postgres_server: Postgres) -> None:
    built: list[str] = []

    for _ in range(2):
        postgres_server.template("built_once_by_this_test", build=built.append)

    assert len(built) == 1


def test_a_template_whose_build_fails_is_not_kept(postgres_server: Postgres) -> None:
    def fail(url: str) -> None:
        raise ValueError(url)

    with pytest.raises(ValueError, match="half_built"):
        postgres_server.template("half_built", build=fail)

    built: list[str] = []
    postgres_server.template("half_built", build=built.append)
    assert len(built) == 1


def test_a_database_is_gone_after_its_test(postgres_server: Postgres, empty_postgres_url: str) -> None:
    name = empty_postgres_url.split("?")[0].rsplit("/", 1)[-1]
    listed = f"SELECT count(*) FROM pg_database WHERE datname = '{name}'"
    assert run(postgres_server.url("postgres"), listed) == [(1,)]

    postgres_server.drop(empty_postgres_url)

    assert run(postgres_server.url("postgres"), listed) == [(0,)]
