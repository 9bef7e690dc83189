"""A database with a plan in it, as another program sees it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gate.outside import Outside, connect_postgresql, connect_sqlite, stage
from tests.postgres import Postgres


@pytest.fixture
def outside_sqlite(sqlite_url: str) -> Iterator[Outside]:
    outside = connect_sqlite(sqlite_url)
    stage(outside)
    yield outside
    outside.connection.close()


@pytest.fixture(scope="session")
def staged_postgres_url(postgres_server: Postgres, postgres_template: str) -> Iterator[str]:
    url = postgres_server.create(template=postgres_template)
    outside = connect_postgresql(url, autocommit=True)
    stage(outside)
    outside.connection.close()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def outside_postgresql(staged_postgres_url: str) -> Iterator[Outside]:
    """All in one transaction that is rolled back, so that the tests share a database."""
    outside = connect_postgresql(staged_postgres_url)
    yield outside
    outside.connection.rollback()
    outside.connection.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def outside(request: pytest.FixtureRequest) -> Outside:
    """Another program's connection to a staged database; the test runs on both."""
    connected: Outside = request.getfixturevalue(f"outside_{request.param}")
    return connected
