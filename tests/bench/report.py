"""Every exception of every plan as one stream: when the first rows are there, and what it costs in memory."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import dataclass

from tests.bench.client import TIMEOUT_SECONDS
from tests.bench.rounds import WrongAnswer
from tests.bench.servers import Server


@dataclass(frozen=True)
class Streamed:
    """`first`: the first byte's part of the whole time. `memory`: bytes above what was held before."""

    first: list[float]
    memory: list[float]
    rows: int


def stream_report(server: Server, *, times: int = 3) -> Streamed:
    """The whole list several times over; every time it must have the same rows."""
    _once(server)
    found = [_once(server) for _ in range(times)]
    if len({rows for *_, rows in found}) != 1:
        raise WrongAnswer("the whole list has another number of rows each time")
    return Streamed([first for first, _, _ in found], [memory for _, memory, _ in found], found[0][2])


def _once(server: Server) -> tuple[float, float, int]:
    before = most = server.memory()
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.01):
            most = max(most, server.memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT_SECONDS)
    try:
        started = time.perf_counter()
        connection.request("GET", "/bench/report")
        answer = connection.getresponse()
        rows = answer.read(1).count(b"\n")
        first = time.perf_counter() - started
        while piece := answer.read1(1 << 16):
            rows += piece.count(b"\n")
        whole = time.perf_counter() - started
    finally:
        done.set()
        watcher.join()
        connection.close()
    return first / whole, most - before, rows
