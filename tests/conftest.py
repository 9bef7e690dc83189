"""What every test may ask for: databases, and a world with the named cast (tests/factories.py)."""

from collections.abc import Iterator

import pytest

from app.db import Database
from tests.factories import Clock, World

pytest_plugins = ["tests.profiles", "tests.postgres", "tests.databases", "tests.compiled", "tests.clamd"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty, migrated database of the test's own: on SQLite, then on PostgreSQL."""
    opened = Database(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def world(made_world: World, database: Database, clock: Clock) -> World:
    """An approved plan, policy `attached`, with the cast in it: on SQLite, then on PostgreSQL."""
    return made_world.moved_to(database, clock)


@pytest.fixture
def sqlite_world(made_sqlite_world: World, sqlite_url: str, clock: Clock) -> Iterator[World]:
    """The same on SQLite alone: for what is judged before a database is asked."""
    opened = Database(sqlite_url)
    yield made_sqlite_world.moved_to(opened, clock)
    opened.dispose()
