"""A real ClamAV daemon with one signature of our own, and the text that it is for."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools import clamd

# In two pieces, so that this file itself is not what it is for.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR" + b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
FOUND = "Waymark.Test.Eicar.UNOFFICIAL"
LARGEST = 2_000_000
"""Bytes that this daemon takes: few, so that its limit can be tested."""

_START_SECONDS = 30


@dataclass(frozen=True)
class Daemon:
    """Where it listens."""

    socket_url: str
    tcp_url: str


@pytest.fixture(scope="session")
def clamd_daemon() -> Iterator[Daemon]:
    """Skipped where there is no clamd; a failure where CI is set."""
    executable = clamd.find()
    if executable is None:
        why = "There is no clamd on this machine: install ClamAV's daemon."
        if os.environ.get("CI"):
            pytest.fail(why, pytrace=False)
        pytest.skip(why)
    # A socket's path may be 107 bytes long at most.
    folder = Path(tempfile.mkdtemp(prefix="waymark-clamd-"))
    port = _free_port()
    signatures = folder / "signatures"
    signatures.mkdir()
    (signatures / "waymark.ndb").write_text(f"Waymark.Test.Eicar:0:*:{EICAR.hex()}\n", "ascii")
    settings = folder / "clamd.conf"
    settings.write_text(
        f"DatabaseDirectory {signatures}\nLocalSocket {folder}/clamd.sock\nTCPSocket {port}\nTCPAddr 127.0.0.1\n"
        f"TemporaryDirectory {folder}\nForeground yes\nAlertExceedsMax yes\n"
        f"StreamMaxLength {LARGEST}\nMaxRecursion 8\nMaxScanTime 20000\n",
        "ascii",
    )
    command = [str(executable), "--config-file", str(settings)]
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
    try:
        _wait(process, port, folder / "said")
        yield Daemon(f"unix:{folder}/clamd.sock", f"tcp://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait(timeout=20)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def nobody_listens() -> str:
    """The address of a scanner that is away."""
    return f"unix:/nowhere/{secrets.token_hex(4)}.sock"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], port: int, said: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
            continue
        return
    pytest.fail(f"clamd did not start: {said.read_text('utf-8', 'replace')[-1500:]}", pytrace=False)
