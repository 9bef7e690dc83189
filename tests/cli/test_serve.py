"""`waymark init` and `waymark serve`: from an empty folder to an answering server, and the starts that are refused."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app import cli
from app.db import Database
from app.domain.actors import system_actor
from app.migrations import triggers
from app.services import identity, passwords, seeds
from app.services.audit_events import verify
from tests.cli.conftest import Waymark
from tests.factories import MORNING, World

PRIVATE = "a-secret-of-this-test-that-nobody-guesses"
ROOT = Path(__file__).parents[2]


def test_init_makes_a_folder_of_its_owners_and_a_database(nowhere: Waymark) -> None:
    result = nowhere("init")
    assert (result.status, result.out) == (0, "")
    assert stat.S_IMODE(nowhere.data.stat().st_mode) == 0o700
    assert nowhere("organisation", "list").status == 0
    assert nowhere("migrate").status == 0


def test_init_keeps_what_is_there(nowhere: Waymark) -> None:
    nowhere("init")
    nowhere("organisation", "add", "haringey-council", "Haringey Council", "--kind", "council")
    assert nowhere("init").status == 0
    assert "keeps it: no demo was loaded" in nowhere("init", "--demo").err
    assert nowhere("organisation", "list").out == "haringey-council\tHaringey Council\n"
    assert not (nowhere.data / cli.CREDENTIALS).exists()


def test_init_says_where_it_cannot_write(nowhere: Waymark) -> None:
    nowhere.data.write_text("a file where the folder should be", "utf-8")
    result = nowhere("init")
    assert result.status == 1
    assert str(nowhere.data) in result.err


def test_migrate_makes_a_database_where_there_is_none(nowhere: Waymark) -> None:
    assert nowhere("migrate").status == 0
    assert (nowhere.data / "waymark.db").is_file()


def test_the_demo_can_be_signed_in_to_and_its_key_works(nowhere: Waymark, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYMARK_PORT", "8147")
    result = nowhere("init", "--demo")

    credentials = nowhere.data / cli.CREDENTIALS
    said = credentials.read_text("utf-8")
    assert (result.status, result.out) == (0, f"{credentials}\n")
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o600
    assert "http://127.0.0.1:8147/api/v1/milestones/" in said
    _can_sign_in(nowhere.data, said)
    _stays(nowhere, said)
    _is_refused_outside(nowhere, monkeypatch)


def _can_sign_in(data: Path, said: str) -> None:
    database = Database(f"sqlite:///{data}/waymark.db")
    email, password = re.search(r"(programme\.manager@\S+)\s+(\S+)", said).groups()  # type: ignore[union-attr]
    account = database.read(lambda uow: identity.find_account(uow, email=email), actor=system_actor(), now=MORNING)
    key = re.search(r"wmk_\S+", said).group()  # type: ignore[union-attr]
    partner = database.read(
        lambda uow: identity.actor_from_bearer(uow, token=key), actor=system_actor(), now=cli._now()
    )
    faults = database.read(
        lambda uow: [fault for _, _, several in verify(uow) for fault in several], actor=system_actor(), now=MORNING
    )
    database.dispose()
    assert account is not None
    assert passwords.verify_password(password, account.password_hash).right
    assert (partner.actor.organisation_slug, faults) == ("metropolitan-police", [])


def _stays(waymark: Waymark, said: str) -> None:
    """A second start keeps the data, and what was loaded can be written out again as it was."""
    assert waymark("init", "--demo").out == ""
    assert (waymark.data / cli.CREDENTIALS).read_text("utf-8") == said
    assert waymark("evidence", "verify").status == 0
    folder = waymark.data / "exported"
    assert "6 plans written" in waymark("seeds", "export", str(folder)).err
    original = seeds.demo_folder() / "organisations.json"
    assert (folder / "organisations.json").read_bytes() == original.read_bytes()


def _is_refused_outside(waymark: Waymark, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYMARK_SECRET_KEY", PRIVATE)
    monkeypatch.setenv("WAYMARK_PUBLIC_ORIGIN", "https://waymark.example.gov.uk")
    assert "The database holds demo people" in waymark.refused("serve", "--host", "0.0.0.0", "--port", "0")


def test_a_demo_that_cannot_be_loaded_leaves_an_empty_database(
    nowhere: Waymark, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(seeds, "demo_folder", lambda: tmp_path / "no seeds here")
    result = nowhere("init", "--demo")
    assert (result.status, result.out) == (2, "")
    assert "holds no plans" in result.err
    assert nowhere("organisation", "list").out == ""
    assert not (nowhere.data / cli.CREDENTIALS).exists()


# --- starts that are refused ------------------------------------------------------------------------------------------


def test_a_start_on_an_old_database_names_the_command_to_run(
    nowhere: Waymark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()
    monkeypatch.setenv("WAYMARK_DATABASE_URL", f"sqlite:///{empty}")
    assert nowhere.refused("serve").endswith("Run: waymark migrate.")


def test_a_start_without_a_guard_is_refused_and_names_it(plan: World, waymark: Waymark) -> None:
    with plan.database.writer.begin() as connection:
        triggers.drop_all(connection)
    said = waymark.refused("serve", "--port", "0")
    assert "lacks its guards" in said
    assert said.endswith("Run: waymark migrate.")


def test_a_start_that_others_can_reach_needs_a_secret_of_its_own(
    plan: World, waymark: Waymark, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYMARK_PUBLIC_ORIGIN", "https://waymark.example.gov.uk")
    assert "WAYMARK_SECRET_KEY is the demo's" in waymark.refused("serve", "--host", "0.0.0.0")
    monkeypatch.setenv("WAYMARK_SECRET_KEY", PRIVATE)
    monkeypatch.setenv("WAYMARK_PUBLIC_ORIGIN", "http://waymark.example.gov.uk")
    assert "WAYMARK_PUBLIC_ORIGIN must begin with https://" in waymark.refused("serve", "--host", "0.0.0.0")


def test_a_port_in_use_gets_a_sentence(plan: World, waymark: Waymark) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = waymark.refused("serve", "--port", port)
    assert said == (
        f"Waymark cannot listen on 127.0.0.1 port {port}: Address already in use. Choose another with --port."
    )


# --- a server that runs -----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def serving(data: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server of its own process, and its address."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WAYMARK_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve", "--port", "0"],
        cwd=ROOT,
        env=environment | {"WAYMARK_DATA": str(data)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"Waymark is at (http://127\.0\.0\.1:\d+)\.", line)
        assert found, line + process.stderr.read()
        yield process, found.group(1)
    finally:
        process.kill()
        process.communicate()


def test_a_server_answers_believes_no_forwarded_header_and_stops_when_asked(nowhere: Waymark) -> None:
    nowhere("init")
    with (
        serving(nowhere.data) as (process, address),
        httpx.Client(base_url=address, timeout=60, trust_env=False) as web,
    ):
        ready = web.get("/readyz")
        forwarded = web.get("/plans", headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"})
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
        assert process.stderr is not None
        assert "Waymark has stopped." in process.stderr.read()
    assert ready.json() == {"status": "ok", "database": "ok", "storage": "ok"}
    assert "server" not in ready.headers
    assert forwarded.status_code == 303
    assert "evil.example" not in forwarded.headers["location"]
