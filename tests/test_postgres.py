"""The database server that the other tests stand on."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from app.db import Database
from tests.factories import Clock, World
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


def test_what_is_given_back_is_lent_again_as_it_was_made(
    postgres_server: Postgres, postgres_world_name: str, made_postgres_world: World
) -> None:
    first = postgres_server.lend(template=postgres_world_name)
    trail = run(first, "SELECT count(*), max(hash) FROM audit_events")
    database = Database(first)
    lent = made_postgres_world.moved_to(database, Clock())
    lent.milestone()
    run(first, "UPDATE people SET post_title = 'Somebody else'")
    assert run(first, "SELECT count(*), max(hash) FROM audit_events") != trail

    postgres_server.give_back(first)  # with a connection still open to it
    again = postgres_server.lend(template=postgres_world_name)

    assert again == first
    assert run(again, "SELECT count(*), max(hash) FROM audit_events") == trail
    assert run(again, "SELECT count(*) FROM people WHERE post_title = 'Somebody else'") == [(0,)]
    assert run(again, "SELECT title FROM milestones WHERE title = 'Duty rota published'") == []
    with pytest.raises(DBAPIError, match="never_deleted"):
        run(again, "DELETE FROM audit_events")
    database.dispose()
    postgres_server.give_back(again)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE people ADD COLUMN nickname text",
        "ALTER TABLE audit_events DISABLE TRIGGER USER",
        "CREATE OR REPLACE FUNCTION guard_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE INDEX another ON people (post_title)",
    ],
)
def test_a_database_whose_schema_a_test_changed_is_not_lent_again(
    postgres_server: Postgres, postgres_template: str, change: str
) -> None:
    changed = postgres_server.lend(template=postgres_template)
    run(changed, change)

    postgres_server.give_back(changed)

    another = postgres_server.lend(template=postgres_template)
    assert another != changed
    postgres_server.give_back(another)
