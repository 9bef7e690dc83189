"""A house over SQLite with passwords that cost nothing to hash."""

from __future__ import annotations

from pathlib import Path

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.services import passwords
from tests.factories import World
from tests.house import House


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    monkeypatch.setattr(passwords, "hasher", lambda: quick)


@pytest.fixture
def house(sqlite_world: World, tmp_path: Path) -> House:
    return House(sqlite_world, tmp_path)
