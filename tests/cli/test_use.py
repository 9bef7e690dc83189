"""What every command has in common: it explains itself, and wrong use gets a sentence."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
import typer

from app import cli
from tests.cli.conftest import Waymark
from tests.factories import World


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group, with what is typed to reach it."""

    def beneath(path: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
        yield path, command
        for name, sub in getattr(command, "commands", {}).items():
            yield from beneath((*path, name), sub)

    return beneath((), typer.main.get_command(cli.app))


@pytest.mark.parametrize("path", [path for path, _ in commands()], ids=lambda path: " ".join(path) or "waymark")
def test_every_command_explains_itself(nowhere: Waymark, path: tuple[str, ...]) -> None:
    result = nowhere(*path, "--help")
    assert (result.status, result.err) == (0, "")
    assert f"Usage: {' '.join(('waymark', *path))}" in result.out


def test_every_command_and_option_has_a_help_text() -> None:
    without = [" ".join(path) for path, command in commands() if path and not (command.help or "").endswith(".")]
    for path, command in commands():
        without += [f"{' '.join(path)} {one.name}" for one in command.params if not (one.help or "").strip()]
    assert without == []


def test_the_version_is_the_packages(nowhere: Waymark) -> None:
    assert nowhere("--version").out == f"waymark {version('waymark')}\n"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["bogus"], "No such command 'bogus'."),
        (["init", "--nope"], "No such option: --nope."),
        (["person", "add", "a@b.example"], "Missing option '--title'."),
        (["person", "add", "a@b.example", "more", "--title", "T", "--organisation", "o"], "unexpected extra argument"),
        (["token", "create", "--person", "a@b.example", "--days", "soon"], "Invalid value for '--days'"),
        (["serve", "--port", "99999"], "Invalid value for '--port'"),
        (["organisation", "add", "slug", "Name", "--kind", "tenant"], "Invalid value for '--kind'"),
        (["setting", "set", "colour", "red"], "Invalid value for 'NAME'"),
        (["person", "leave", "a@b.example", "--on", "yesterday"], "Invalid value for '--on'"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_wrong_use_gets_one_sentence(nowhere: Waymark, typed: list[str], said: str) -> None:
    assert said in nowhere.refused(*typed)


@pytest.mark.parametrize(
    "typed",
    [
        ["serve"],
        ["organisation", "list"],
        ["key", "create", "--organisation", "o", "--plan", "p", "--scope", "plan:read"],
        ["jobs", "run"],
        ["evidence", "verify"],
        ["audit", "verify"],
        ["audit", "heads"],
        ["seeds", "export", "somewhere"],
    ],
    ids=" ".join,
)
def test_without_a_database_the_sentence_names_the_command_that_makes_one(nowhere: Waymark, typed: list[str]) -> None:
    assert nowhere.refused(*typed) == f"There is no database at {nowhere.data}/waymark.db. Run: waymark init."
    assert not nowhere.data.exists(), "asking about a database does not make one"


def test_a_wrong_setting_is_named(nowhere: Waymark, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYMARK_DATABASE_URL", "mysql://somewhere")
    said = nowhere.refused("audit", "heads")
    assert said == "WAYMARK_DATABASE_URL must begin with sqlite:/// or postgresql+psycopg://."


def test_a_database_that_cannot_be_reached_is_named(nowhere: Waymark, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYMARK_DATABASE_URL", "postgresql+psycopg://me:hidden@127.0.0.1:9/none")
    result = nowhere("audit", "heads")
    assert result.status == 1
    assert result.err.startswith("The database at WAYMARK_DATABASE_URL cannot be used: ")
    assert "hidden" not in result.err


def test_a_wrong_storage_setting_is_named(plan: World, waymark: Waymark, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYMARK_STORAGE_URL", "s3:///prefix-alone")
    assert waymark.refused("evidence", "verify").startswith("WAYMARK_STORAGE_URL must name a folder")


def test_as_a_program_it_ends_with_the_status() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "bogus"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "No such command 'bogus'.\n")
