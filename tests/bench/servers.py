"""Starting and stopping the servers that are measured, each a process with a port of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.client import Client, get

ROOT = Path(__file__).parents[2]
_START_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A running server. `said` is what it printed when it was ready, if it prints anything."""

    port: int
    pid: int
    said: str = ""

    def cpu(self) -> float:
        """Seconds of processor time that the process has used so far."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()
            ticks = int(fields[11]) + int(fields[12])
            return ticks / float(os.sysconf("SC_CLK_TCK"))
        except OSError:
            return _seconds(_ps("time", self.pid))

    def memory(self) -> int:
        """Bytes of memory that the process holds now, as the system counts them."""
        try:
            lines = Path(f"/proc/{self.pid}/status").read_text("ascii").splitlines()
            return int(next(line.split()[1] for line in lines if line.startswith("VmRSS:"))) * 1024
        except OSError:
            return int(_ps("rss", self.pid)) * 1024


def _ps(column: str, pid: int) -> str:
    """What the system says of a process where there is no /proc."""
    said = subprocess.run(["ps", "-o", f"{column}=", "-p", str(pid)], capture_output=True, check=True, text=True)
    return said.stdout.strip()


def _seconds(clock: str) -> float:
    """What `ps` says as hours, minutes and seconds."""
    parts = reversed(clock.replace("-", ":").split(":"))
    return sum((float(part) * scale for part, scale in zip(parts, (1, 60, 3600, 86400), strict=False)), start=0.0)


@contextmanager
def waymark(url: str, data: Path) -> Iterator[Server]:
    """The measured application: the real one, and the bench's own routes beside it."""
    with _running([sys.executable, "-m", "tests.bench.server", "--url", url, "--data", str(data)], data) as server:
        yield server


@contextmanager
def waymark_alone(url: str, data: Path) -> Iterator[Server]:
    """The application as it is shipped: `waymark serve`."""
    environment = {"WAYMARK_DATA": str(data), "WAYMARK_DATABASE_URL": url}
    command = [sys.executable, "-c", "from app.cli import main; main()", "serve"]
    with _running(command, data, environment=environment) as server:
        yield server


@contextmanager
def django(database: Path, data: Path) -> Iterator[Server]:
    """A Django admin over the same file. `said` is the cookie of a session."""
    command = [sys.executable, "-m", "tests.bench.peer", "--database", str(database), "--data", str(data)]
    with _running(command, data, ready="/ready") as server:
        yield server


@contextmanager
def _running(
    command: list[str], data: Path, *, ready: str = "/healthz", environment: dict[str, str] | None = None
) -> Iterator[Server]:
    port = _free_port()
    data.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WAYMARK_")}
    log = data / f"server-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port)], cwd=ROOT, env={**kept, **(environment or {})}, stdout=output, stderr=output
        )
        try:
            said = _wait(process, port, ready, log)
            yield Server(port, process.pid, said)
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client = Client(port)
        except OSError:
            time.sleep(0.1)
            continue
        answer = client.send(get(path))
        client.close()
        if answer.status == 200:
            return answer.body.decode()
    raise RuntimeError(f"a server did not start: {log.read_text('utf-8', 'replace')[-2000:]}")


def _free_port() -> int:
    """Within a range of our own, so that nothing else on the machine is in the way."""
    for port in range(int(os.environ.get("WAYMARK_BENCH_PORT", "8160")), 8170):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")
