"""Stores to test against: a folder, and two S3 services on the loopback interface.

Two, because each forgives what the other does not: moto accepts any secret, and rclone checks signatures but keeps no
conditions. What passes on both does not rest on the kindness of either.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.storage import S3Options, Storage, open_storage

KEY, SECRET, BUCKET = "waymark-test", "a-secret-of-the-test", "evidence-test"


@dataclass(frozen=True)
class S3Service:
    """A running service: its address and the bucket that waits in it."""

    name: str
    endpoint: str

    def options(self, *, secret: str = SECRET) -> S3Options:
        return S3Options(endpoint=self.endpoint, region="us-east-1", access_key_id=KEY, secret_access_key=secret)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(command: list[str], *, endpoint: str) -> Iterator[None]:
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_up(process, endpoint)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_until_up(process: subprocess.Popen[bytes], endpoint: str) -> None:
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(endpoint, timeout=2, trust_env=False)
            return
        time.sleep(0.05)
    raise RuntimeError(f"the S3 service at {endpoint} did not start")


@contextlib.contextmanager
def _moto() -> Iterator[S3Service]:
    endpoint = f"http://127.0.0.1:{(port := free_port())}"
    with running([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], endpoint=endpoint):
        httpx.put(f"{endpoint}/{BUCKET}", timeout=20, trust_env=False).raise_for_status()
        yield S3Service("moto", endpoint)


@contextlib.contextmanager
def _rclone(folder: Path) -> Iterator[S3Service]:
    endpoint = f"http://127.0.0.1:{(port := free_port())}"
    (folder / BUCKET).mkdir()
    rclone = Path(sysconfig.get_path("scripts")) / "rclone"
    command = [str(rclone), "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY},{SECRET}"]
    with running([*command, "--config", os.devnull, "--vfs-cache-mode", "off", str(folder)], endpoint=endpoint):
        yield S3Service("rclone", endpoint)


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Service]:
    with _moto() as service:
        yield service


@pytest.fixture(scope="session")
def rclone(tmp_path_factory) -> Iterator[S3Service]:
    with _rclone(tmp_path_factory.mktemp("rclone")) as service:
        yield service


@pytest.fixture(params=["moto", "rclone"])
def s3_service(request) -> S3Service:
    service: S3Service = request.getfixturevalue(request.param)
    return service


@pytest.fixture
def local_storage(tmp_path) -> Storage:
    return open_storage(f"file://{tmp_path}/evidence")


@pytest.fixture(params=["local", "moto", "rclone"])
def storage(request, tmp_path) -> Storage:
    """Every kind of store, empty: a new folder, or a new prefix of the bucket of either service."""
    if request.param == "local":
        return open_storage(f"file://{tmp_path}/evidence")
    service: S3Service = request.getfixturevalue(request.param)
    return open_storage(
        f"s3://{BUCKET}/test-{secrets.token_hex(8)}",
        temporary_folder=tmp_path / "uploads",
        s3=service.options(),
    )
