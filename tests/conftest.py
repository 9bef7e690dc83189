"""What every test may ask for: databases, and a world with the named cast (tests/factories.py)."""

from collections.abc import Iterator

import pytest

from app.db import Database
from tests.factories import Clock, World, make_world

pytest_plugins = ["tests.profiles", "tests.postgres", "tests.databases"]


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
def world(database: Database, clock: Clock) -> World:
    """An approved plan, policy `attached`, with the cast in it."""
    return make_world(database, clock)
