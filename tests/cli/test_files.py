"""`waymark evidence verify` and `waymark jobs run`, on files that lie in a folder."""

import hashlib
import os
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from app.domain.evidence import Upload
from app.domain.refusals import Unavailable
from app.services import evidence, evidence_files
from app.storage import incoming_from_bytes, open_storage
from tests.clamd import EICAR, Daemon
from tests.cli.conftest import Waymark
from tests.factories import World, key


def attach(world: World, folder: Path, content: bytes, name: str, *, to_scan: bool = False) -> Path:
    """A file that was attached to a milestone. Returns where its bytes lie."""
    storage = open_storage(f"file://{folder}/evidence")
    stored = incoming_from_bytes(storage, file_name=name, content_type="text/plain", content=content).keep()
    given = Upload(name, "text/plain", stored.size, stored.sha256, stored.name, to_scan=to_scan)
    view = world.milestone()
    world.write("connie", evidence.attach_evidence, milestone=key(view), title="File", upload=given)
    return folder / "evidence" / stored.name


@pytest.fixture
def files(plan: World, waymark: Waymark, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Three files of the plan, two of them in a batch of their own."""
    monkeypatch.setattr(evidence_files, "_BATCH", 2)
    return [attach(plan, waymark.data, content.encode(), f"{content}.txt") for content in ("one", "two", "three")]


def test_files_that_nobody_touched_are_all_there(waymark: Waymark, files: list[Path]) -> None:
    result = waymark("evidence", "verify")
    assert (result.status, result.out, result.err) == (0, "", "Every evidence file is there, unaltered: 3.\n")


def test_a_missing_and_an_altered_file_are_named_with_their_evidence(waymark: Waymark, files: list[Path]) -> None:
    files[0].unlink()
    files[2].write_bytes(b"thref")

    result = waymark("evidence", "verify")

    assert result.status == 1
    assert sorted(line.split(" ", 1)[1] for line in result.out.splitlines()) == [
        "is missing: safeguarding-plan E-001 (one.txt)",
        "was altered: safeguarding-plan E-003 (three.txt)",
    ]
    assert result.err == "2 files of 3 cannot be relied on.\n"


def test_a_file_behind_two_items_is_read_once_and_names_both(plan: World, waymark: Waymark, files: list[Path]) -> None:
    attach(plan, waymark.data, b"one", "the same again.txt").write_bytes(b"on")
    result = waymark("evidence", "verify")
    assert result.out.endswith("safeguarding-plan E-001 (one.txt); safeguarding-plan E-004 (the same again.txt)\n")
    assert "1 file of 3" in result.err


def test_jobs_say_what_they_did(plan: World, waymark: Waymark, files: list[Path]) -> None:
    nobodys = waymark.data / "evidence" / "ab" / "cd" / ("abcd" + "0" * 60)
    nobodys.parent.mkdir(parents=True)
    nobodys.write_bytes(b"")
    for file in (*files, nobodys):
        os.utime(file, (time.time() - 200_000,) * 2)

    result = waymark("jobs", "run")

    assert result.status == 0
    assert "1 file of no row and 0 broken uploads deleted." in result.err
    assert not nobodys.exists()
    assert all(file.exists() for file in files)
    assert "0 files of no row" in waymark("jobs", "run").err


def test_a_store_that_is_away_is_told_apart_from_files_that_are_missing(
    plan: World, waymark: Waymark, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "a file where the folder should be"
    blocked.write_text("")
    monkeypatch.setenv("WAYMARK_STORAGE_URL", f"file://{blocked}/evidence".replace(" ", "%20"))
    result = waymark("evidence", "verify")
    assert result.status == 1
    assert "cannot be stored or read just now" in result.err


def test_jobs_say_that_the_store_is_away(plan: World, waymark: Waymark, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(evidence_files, "sweep_orphans", away)
    result = waymark("jobs", "run")
    assert result.status == 1
    assert "0 milestones fell back" in result.err
    assert "The store of the evidence files is away" in result.err


def test_jobs_say_what_the_scanner_found(
    plan: World, waymark: Waymark, clamd_daemon: Daemon, nobody_listens: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for content, name in ((b"A clean rota", "rota.txt"), (EICAR, "odd.txt")):
        attach(plan, waymark.data, content, name, to_scan=True)
    monkeypatch.setenv("WAYMARK_CLAMAV_URL", nobody_listens)
    assert "2 files still waiting to be scanned: the virus scanner cannot be reached" in waymark("jobs", "run").err
    monkeypatch.setenv("WAYMARK_CLAMAV_URL", clamd_daemon.tcp_url)
    assert "1 file scanned and clean, 1 put in quarantine." in waymark("jobs", "run").err


def test_an_evidence_log_is_written_as_one_file_for_somebodys_eyes(
    waymark: Waymark, files: list[Path], tmp_path: Path
) -> None:
    target = tmp_path / "log.zip"
    ask = ("evidence", "export", "--plan", "safeguarding-plan", "--to", str(target), "--person")
    result = waymark(*ask, "programme.manager@haringey.example")
    assert (result.status, result.err) == (0, "It holds 3 files.\nIt leaves out no file.\n")
    assert result.out == f"{hashlib.sha256(target.read_bytes()).hexdigest()}  {target}\n"
    with zipfile.ZipFile(target) as archive:
        assert len([name for name in archive.namelist() if name.startswith("files/")]) == len(files)
    assert "is there already" in waymark.refused(*ask, "programme.manager@haringey.example")
    target.unlink()
    assert "Nobody signs in as" in waymark.refused(*ask, "nobody@haringey.example")
    assert "is in no plan called" in waymark.refused(*ask, "stranger@haringey.example")
    assert not target.exists()
