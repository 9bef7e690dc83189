"""`waymark` as somebody types it, on a data folder of the test's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import cli
from app.db import Database
from tests.factories import Clock, World, make_world


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it said where."""

    status: int
    out: str
    err: str

    @property
    def last_line(self) -> str:
        return self.out.splitlines()[-1] if self.out else ""


class Waymark:
    """Runs commands in this process, as the console script does."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Result:
        self._capsys.readouterr()
        status = cli.run(arguments)
        said = self._capsys.readouterr()
        return Result(status, said.out, said.err)

    def refused(self, *arguments: str) -> str:
        """What a command says that does nothing: one line, exit status 2."""
        result = self(*arguments)
        assert (result.status, result.out) == (2, ""), result
        (sentence,) = result.err.splitlines()
        assert sentence.endswith((".", "?", "!")), sentence
        return sentence


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Waymark]:
    """A data folder that is not there yet, and no other setting. What a command sets itself goes with the test."""
    for name in [name for name in os.environ if name.startswith("WAYMARK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WAYMARK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    yield Waymark(tmp_path / "data", capsys)
    for name in ("WAYMARK_HOST", "WAYMARK_PORT"):
        os.environ.pop(name, None)


@pytest.fixture
def waymark(nowhere: Waymark, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Waymark:
    """An empty, migrated database: on SQLite, then on PostgreSQL."""
    monkeypatch.setenv("WAYMARK_DATABASE_URL", database_url)
    return nowhere


@pytest.fixture
def clock() -> Clock:
    """Commands read the real clock, so the cast lives in the present too."""
    return Clock(datetime.now(UTC))


@pytest.fixture
def world(database: Database, clock: Clock) -> World:
    return make_world(database, clock)


@pytest.fixture
def plan(waymark: Waymark, world: World) -> World:
    """The cast and their plan, in the database that the commands use."""
    return world
