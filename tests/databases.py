"""Databases at the newest revision, with every guard in place: one a test, on SQLite, PostgreSQL, or both in turn.

    def test_something(database_url: str) -> None:  # runs twice
        engine = create_engine(database_url)

The migrations run once a session and once a test run; what a test is given is a copy, which goes when the test ends.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.migrations import upgrade
from tests.postgres import Postgres

TEMPLATE = "migrated"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that nobody writes to. It is not in WAL mode: a copy is one file."""
    file = tmp_path_factory.mktemp("template") / "waymark.db"
    upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Postgres) -> str:
    """The name of a migrated PostgreSQL database that nobody writes to."""
    return postgres_server.template(TEMPLATE, build=upgrade)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The address of a migrated SQLite database of the test's own, `waymark.db` in its `tmp_path`."""
    file = tmp_path / "waymark.db"
    shutil.copyfile(sqlite_template, file)
    return f"sqlite:///{file}"


@pytest.fixture
def postgres_url(postgres_server: Postgres, postgres_template: str) -> Iterator[str]:
    """The address of a migrated PostgreSQL database of the test's own."""
    url = postgres_server.create(template=postgres_template)
    yield url
    postgres_server.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a migrated database of the test's own: the test runs on both."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url
