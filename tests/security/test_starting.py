"""When Waymark starts, and the sentences with which it does not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.db import Database
from app.domain.actors import system_actor
from app.domain.words import Door
from app.main import application
from app.services import identity, keys
from app.services.starting import CannotStart, apply_settings, check_start
from app.settings import DEMO_SECRET, BadSettings, Settings, load_settings
from tests.factories import World

GOOD: dict[str, Any] = {
    "host": "0.0.0.0",
    "public_origin": "https://waymark.haringey.gov.uk",
    "secret_key": "a secret of our own, long enough by far",
}


def problems(database: Database, **settings: Any) -> str:
    with pytest.raises(CannotStart) as error:
        check_start(Settings(**settings), database)
    return str(error.value)


@pytest.fixture
def empty(sqlite_url: str) -> Database:
    """A migrated database without people."""
    return Database(sqlite_url)


def test_on_loopback_the_demo_starts(empty: Database) -> None:
    check_start(Settings(), empty)


def test_a_well_set_production_starts(empty: Database) -> None:
    check_start(Settings(**GOOD), empty)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"secret_key": DEMO_SECRET}, "WAYMARK_SECRET_KEY is the demo's"),
        ({"secret_key": "short"}, "WAYMARK_SECRET_KEY is too short"),
        ({"public_origin": "http://waymark.haringey.gov.uk"}, "WAYMARK_PUBLIC_ORIGIN must begin with https://"),
        ({"public_origin": "http://127.0.0.1:8000"}, "WAYMARK_PUBLIC_ORIGIN names this machine alone"),
        ({"host": "127.0.0.1", "secret_key": DEMO_SECRET}, "WAYMARK_SECRET_KEY is the demo's"),  # behind a proxy
    ],
)
def test_production_refuses_what_is_for_trying_out(empty: Database, wrong: dict[str, str], sentence: str) -> None:
    assert sentence in problems(empty, **{**GOOD, **wrong})


def test_everything_that_is_wrong_is_said_at_once(empty: Database) -> None:
    said = problems(empty, host="0.0.0.0", public_origin="http://waymark.haringey.gov.uk")

    assert "WAYMARK_SECRET_KEY" in said
    assert "WAYMARK_PUBLIC_ORIGIN" in said


def test_production_refuses_demo_people_who_can_sign_in(sqlite_world: World) -> None:
    check_start(Settings(**GOOD), sqlite_world.database)  # nobody has a password
    person_id = sqlite_world.people["petra"].id
    sqlite_world.write(system_actor(Door.CLI), identity.set_password, person_id=person_id, password_hash="x")

    assert "demo people (programme.manager@haringey.example)" in problems(sqlite_world.database, **GOOD)
    check_start(Settings(), sqlite_world.database)


def test_a_database_without_its_tables_names_the_command(tmp_path: Path) -> None:
    said = problems(Database(f"sqlite:///{tmp_path}/new.db"))

    assert "The database is empty" in said
    assert said.endswith("Run: waymark migrate")


def test_a_database_behind_or_without_a_guard_names_the_command(empty: Database) -> None:
    with empty.writer.begin() as connection:
        name = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger' LIMIT 1")).scalar_one()
        connection.execute(text(f"DROP TRIGGER {name}"))
    assert name in problems(empty)
    assert "Run: waymark migrate" in problems(empty)

    with empty.writer.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '000'"))
    assert "The database is at migration 000" in problems(empty)


def test_a_database_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    assert "WAYMARK_DATABASE_URL cannot be opened" in problems(Database(f"sqlite:///{tmp_path}/no/such/folder.db"))


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"public_origin": "https://waymark.gov.uk/path"}, "WAYMARK_PUBLIC_ORIGIN"),
        ({"public_origin": "waymark.gov.uk"}, "WAYMARK_PUBLIC_ORIGIN"),
        ({"database_url": "mysql://x"}, "WAYMARK_DATABASE_URL"),
        ({"storage_url": "ftp://x"}, "WAYMARK_STORAGE_URL"),
        ({"clamav_url": "127.0.0.1:3310"}, "WAYMARK_CLAMAV_URL"),
        ({"clamav_url": "tcp://127.0.0.1"}, "WAYMARK_CLAMAV_URL"),
        ({"clamav_url": "unix:clamd.sock"}, "WAYMARK_CLAMAV_URL"),
        ({"webhook_ca": "/nowhere/authority.pem"}, "WAYMARK_WEBHOOK_CA"),
        ({"webhook_networks": "10.0.0.0/33"}, "WAYMARK_WEBHOOK_NETWORKS"),
        ({"trusted_proxies": "everybody"}, "WAYMARK_TRUSTED_PROXIES"),
        ({"session_idle_minutes": 1}, "WAYMARK_SESSION_IDLE_MINUTES"),
        ({"port": 70000}, "WAYMARK_PORT"),
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, Any], name: str) -> None:
    with pytest.raises(BadSettings, match=f"^{name} "):
        load_settings(**wrong)


def test_the_origin_follows_the_port() -> None:
    assert Settings(port=8001).public_origin == "http://127.0.0.1:8001"
    assert Settings(port=8001, public_origin="https://waymark.gov.uk/").public_origin == "https://waymark.gov.uk"


@pytest.mark.parametrize(
    ("host", "origin", "production"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000", False),
        ("localhost", "http://localhost:8000", False),
        ("::1", "http://[::1]:8000", False),
        ("127.0.0.1", "https://waymark.gov.uk", True),
        ("0.0.0.0", "http://127.0.0.1:8000", True),
        ("waymark.internal", "http://127.0.0.1:8000", True),
        ("127.0.0.1", "http://localhost.evil.example", True),
    ],
)
def test_only_loopback_is_not_production(host: str, origin: str, production: bool) -> None:
    assert Settings(host=host, public_origin=origin).is_production is production


def test_a_start_that_is_refused_ends_with_the_sentences(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WAYMARK_DATA", str(tmp_path))
    monkeypatch.setenv("WAYMARK_HOST", "0.0.0.0")
    with pytest.raises(SystemExit) as ended:
        application()

    assert str(ended.value).startswith("Waymark cannot start.\nWAYMARK_SECRET_KEY is the demo's")
    assert "Run: waymark migrate" in str(ended.value)


def test_the_front_door_of_the_environment_is_written_where_all_read_it(empty: Database) -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    for _ in range(2):
        apply_settings(Settings(front_door="Call 020 7946 0000"), empty, now=now)
    apply_settings(Settings(), empty, now=now)

    assert empty.read(keys.front_door, actor=system_actor(), now=now) == "Call 020 7946 0000"
