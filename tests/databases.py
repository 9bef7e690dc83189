"""Databases at the newest revision, with every guard in place: one a test, on SQLite, PostgreSQL, or both in turn.

    def test_something(database_url: str) -> None:  # runs twice
        engine = create_engine(database_url)

The migrations run once a session and once a test run; what a test is given is a copy, which goes when the test ends.
A test that asks for a `world` too is given a copy of a database that has it already: made once a session, it costs
nothing more than an empty one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.db import Database
from app.migrations import upgrade
from tests.factories import World, make_world
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


@pytest.fixture(scope="session")
def sqlite_world_file(sqlite_template: Path) -> Path:
    """The migrated file with the cast and their plan in it."""
    return sqlite_template.with_name("world.db")


@pytest.fixture(scope="session")
def made_sqlite_world(sqlite_template: Path, sqlite_world_file: Path) -> World:
    """The world in that file."""
    shutil.copyfile(sqlite_template, sqlite_world_file)
    return _made(f"sqlite:///{sqlite_world_file}")


@pytest.fixture(scope="session")
def postgres_world_name(postgres_server: Postgres, postgres_template: str) -> str:
    """The name of a migrated PostgreSQL database for the cast and their plan: this process's own, as their ids are."""
    return postgres_server.create(template=postgres_template).partition("?")[0].rsplit("/", 1)[1]


@pytest.fixture(scope="session")
def made_postgres_world(postgres_server: Postgres, postgres_world_name: str) -> World:
    """The world in that database."""
    return _made(postgres_server.url(postgres_world_name))


def _made(url: str) -> World:
    database = Database(url)
    made = make_world(database)
    database.dispose()
    return made


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, sqlite_template: Path, tmp_path: Path) -> str:
    """The address of a migrated SQLite database of the test's own, `waymark.db` in its `tmp_path`."""
    file = tmp_path / "waymark.db"
    shutil.copyfile(_template(request, "sqlite") or sqlite_template, file)
    return f"sqlite:///{file}"


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest, postgres_server: Postgres, postgres_template: str) -> Iterator[str]:
    """The address of a migrated PostgreSQL database of the test's own."""
    url = postgres_server.lend(template=_template(request, "postgres") or postgres_template)
    yield url
    postgres_server.give_back(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a migrated database of the test's own: the test runs on both."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def made_world(request: pytest.FixtureRequest, database_url: str) -> World:
    """The world that is in the test's database; asking for it is what puts it there."""
    world: World = request.getfixturevalue(
        "made_sqlite_world" if database_url.startswith("sqlite") else "made_postgres_world"
    )
    return world


def _template(request: pytest.FixtureRequest, kind: str) -> Any:
    """What the test's database is a copy of, where it is not the empty one."""
    if not {"made_world", f"made_{kind}_world"} & set(request.fixturenames):
        return None
    request.getfixturevalue(f"made_{kind}_world")
    return request.getfixturevalue("sqlite_world_file" if kind == "sqlite" else "postgres_world_name")
