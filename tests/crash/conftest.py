"""A server that is killed and begun again, over a world whose people send to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.factories import Clock, World

ROOT = Path(__file__).parents[2]
_START_SECONDS = 60


@dataclass
class Killed:
    """A server that can be begun, and killed as a machine that loses its power kills it."""

    nursery: subprocess.Popen[str]
    origin: str
    pid: int = 0

    def begin(self) -> None:
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.nursery.stdin.write("\n")
        self.nursery.stdin.flush()
        said = self.nursery.stdout.readline()
        assert said.strip().isdigit(), f"the server said: {said}{self.nursery.stdout.read()}"
        self.pid = int(said)
        until = time.monotonic() + _START_SECONDS
        while True:
            try:
                if httpx.get(f"{self.origin}/readyz", timeout=_START_SECONDS).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.01)
                assert time.monotonic() < until, "the server did not answer"

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        until = time.monotonic() + _START_SECONDS
        while Path(f"/proc/{self.pid}").exists() and time.monotonic() < until:
            time.sleep(0.001)
        self.pid = 0


@pytest.fixture
def begin_servers(tmp_path: Path) -> Iterator[Callable[..., Killed]]:
    """Make servers over a database; what is left of them goes with the test."""
    begun: list[Killed] = []
    log = (tmp_path / "servers.log").open("w")

    def begin(url: str, **settings: str) -> Killed:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WAYMARK_")}
        ours = {"DATA": str(tmp_path), "DATABASE_URL": url, "PORT": str(port), "API_REQUESTS_PER_MINUTE": "1000000"}
        nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.nursery", str(port)],
            cwd=ROOT,
            env={**kept, **{f"WAYMARK_{name}": value for name, value in {**ours, **settings}.items()}},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        begun.append(Killed(nursery, f"http://127.0.0.1:{port}"))
        return begun[-1]

    yield begin
    for one in begun:
        if one.pid:
            one.kill()
        one.nursery.kill()
        one.nursery.communicate()
    log.close()


@pytest.fixture
def living(world: World) -> World:
    """The world three days ago: what is done in it now is done by a server, which reads the real clock."""
    world.clock = Clock(datetime.now(UTC) - timedelta(days=3))
    return world
