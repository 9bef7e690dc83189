"""Rounds that visit every case forwards and backwards, so that whatever slows a machine down slows all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median, quantiles

from tests.bench.client import Answer, Client
from tests.bench.servers import Server

FLOOR, FLOOR_AGAIN = "floor", "floor again"
SAME_LOW, SAME_HIGH = 0.85, 1.18
FAILURES = 3


class WrongAnswer(Exception):
    """A case did not answer as it must: a measurement of it would mean nothing."""


@dataclass(frozen=True)
class Case:
    """What is measured: requests to a server, and what every answer must pass. `requests` may not run dry."""

    name: str
    server: Server
    requests: Iterator[bytes]
    check: Callable[[Answer], str | None]
    clients: int = 1


@dataclass
class Visit:
    """What one case did in one round: seconds each request took, seconds in all, processor seconds of the server."""

    times: list[float] = field(default_factory=list)
    elapsed: float = 0.0
    cpu: float = 0.0

    @property
    def p50(self) -> float:
        return median(self.times)

    @property
    def p99(self) -> float:
        return quantiles(self.times, n=100)[98] if len(self.times) > 1 else self.times[0]

    @property
    def per_second(self) -> float:
        return len(self.times) / self.elapsed

    @property
    def cpu_each(self) -> float:
        return self.cpu / len(self.times)


Round = dict[str, Visit]


@dataclass(frozen=True)
class Rounds:
    """The rounds that count. `too_noisy`: the floor differed from itself too often for any ratio to be a pass."""

    rounds: list[Round]
    too_noisy: bool
    repeated: int

    def ratios(self, of: Callable[[Round], float]) -> list[float]:
        """One ratio a round, of figures that were taken within seconds of each other."""
        return [of(one) for one in self.rounds]

    def cpu_each(self, name: str) -> float:
        return median(one[name].cpu_each for one in self.rounds)


def run_rounds(cases: list[Case], *, rounds: int, seconds: float, say: Callable[[str], None]) -> Rounds:
    """Warm up, then as many rounds as asked in which the floor, run under two names, agrees with itself."""
    for case in cases:
        _visit(case, Visit(), min(seconds, 0.5))
    kept: list[Round] = []
    failures = repeated = 0
    while len(kept) < rounds:
        found = _round(cases, seconds)
        same = found[FLOOR_AGAIN].p50 / found[FLOOR].p50
        if SAME_LOW <= same <= SAME_HIGH or failures >= FAILURES:
            kept.append(found)
            failures = 0 if failures < FAILURES else failures
        else:
            failures, repeated = failures + 1, repeated + 1
        say(f"round {len(kept)} of {rounds}: floor {found[FLOOR].p50 * 1000:.2f} ms, against itself {same:.2f}")
    return Rounds(kept, too_noisy=failures >= FAILURES, repeated=repeated)


def _round(cases: list[Case], seconds: float) -> Round:
    found: Round = {case.name: Visit() for case in cases}
    for case in (*cases, *reversed(cases)):
        _visit(case, found[case.name], seconds)
    return found


def _visit(case: Case, visit: Visit, seconds: float) -> None:
    before = case.server.cpu()
    started = time.perf_counter()
    if case.clients == 1:
        _drive(case, visit.times, until=started + seconds)
    else:
        _drive_together(case, visit.times, until=started + seconds)
    visit.elapsed += time.perf_counter() - started
    visit.cpu += case.server.cpu() - before


def _drive(case: Case, times: list[float], *, until: float) -> None:
    client = Client(case.server.port)
    try:
        while time.perf_counter() < until:
            request = next(case.requests)
            started = time.perf_counter()
            answer = client.send(request)
            times.append(time.perf_counter() - started)
            fault = case.check(answer)
            if fault:
                raise WrongAnswer(f"{case.name}: {fault}")
    finally:
        client.close()


def _drive_together(case: Case, times: list[float], *, until: float) -> None:
    faults: list[BaseException] = []

    def drive() -> None:
        try:
            _drive(case, times, until=until)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            faults.append(error)

    threads = [threading.Thread(target=drive) for _ in range(case.clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
