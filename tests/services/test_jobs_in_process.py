"""A running server does the jobs itself: the loop beside the requests."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app import main
from app.db import Database
from app.services import jobs, keys
from app.settings import Settings
from tests.clamd import Daemon
from tests.factories import Clock, World


class Log:
    """What the loop wrote to the log, and a way to wait for it."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.spoke = threading.Event()

    def info(self, event: str, **given: Any) -> None:
        self.said.append((event, given))
        self.spoke.set()

    exception = info


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    written = Log()
    monkeypatch.setattr(main, "logger", written)
    monkeypatch.setattr(jobs, "EVERY", timedelta(milliseconds=20))
    return written


@pytest.fixture
def serve(sqlite_url: str, tmp_path: Path, clock: Clock) -> Callable[..., TestClient]:
    """A server of its own database; what is behind it starts when the client is entered."""

    def build(**settings: Any) -> TestClient:
        chosen = Settings(data=tmp_path, database_url=sqlite_url, **settings)
        return TestClient(main.build_app(chosen, database=Database(sqlite_url), clock=clock))

    return build


def test_the_loop_does_the_jobs_and_logs_where_the_chains_end(
    serve: Callable[..., TestClient], log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "run_in_turn", lambda *_: jobs.Done(heads=(("plan", 7, "f" * 64),)))
    with serve() as client:
        assert log.spoke.wait(20)
        assert client.get("/healthz").status_code == 200
    assert log.said[0] == ("audit_head", {"chain": "plan", "seq": 7, "hash": "f" * 64})


def test_a_job_that_fails_is_logged_and_tried_again(
    serve: Callable[..., TestClient], log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed, tried_again = threading.Event(), threading.Event()

    def fail_once(*_: Any) -> jobs.Done:
        if not failed.is_set():
            failed.set()
            raise OSError("the disk is away")
        tried_again.set()
        return jobs.Done()

    monkeypatch.setattr(jobs, "run_in_turn", fail_once)
    with serve():
        assert tried_again.wait(20)
    assert log.said == [("jobs_failed", {})]


def test_the_loop_can_be_switched_off(
    serve: Callable[..., TestClient], log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = threading.Event()

    def run(*_: Any) -> jobs.Done:
        ran.set()
        return jobs.Done()

    monkeypatch.setattr(jobs, "run_in_turn", run)
    with serve(run_jobs_in_process=False):
        assert not ran.wait(0.5)
    with serve():
        assert ran.wait(20)


def test_a_server_has_what_was_sent_scanned_and_tries_again(
    serve: Callable[..., TestClient],
    sqlite_world: World,
    clamd_daemon: Daemon,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(main, "SCAN_SECONDS", 0.02)
    monkeypatch.setattr(main, "SCAN_SECONDS_AWAY", 0.02)
    address = tmp_path / "later.sock"
    view = sqlite_world.completed()
    token = sqlite_world.write("connie", keys.create_token, name="Rota", days=2).secret
    with serve(clamav_url=f"unix:{address}") as client:
        as_connie = {"Authorization": f"Bearer {token}"}
        sent = client.post(
            f"/api/v1/milestones/{view.row.id}/evidence",
            files={"file": ("rota.txt", b"A clean rota", "text/plain")},
            data={"title": "Rota"},
            headers=as_connie,
        )
        assert (sent.status_code, sent.json()["state"]) == (201, "pending_scan")
        content = client.get(f"{sent.headers['location']}/content", headers=as_connie)
        assert (content.status_code, content.json()["reasons"][0]["code"]) == (409, "evidence_pending_scan")
        address.symlink_to(clamd_daemon.socket_url.removeprefix("unix:"))  # the scanner comes back
        until = time.monotonic() + 20
        while client.get(sent.headers["location"], headers=as_connie).json()["state"] == "pending_scan":
            assert time.monotonic() < until, "nobody scanned it"
            time.sleep(0.02)
        assert client.get(f"{sent.headers['location']}/content", headers=as_connie).content == b"A clean rota"
