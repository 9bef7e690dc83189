"""`make bench`: measures, prints the table, and writes docs/performance.md.

python -m tests.bench                 everything, on both databases: about 40 minutes the first time
python -m tests.bench --quick         the same in small, to see that it works: nothing is written
python -m tests.bench --database sqlite
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import cases, data, servers
from tests.bench.report import stream_report
from tests.bench.rounds import FLOOR, FLOOR_AGAIN, Round, Rounds, run_rounds
from tests.bench.seeding import POOL, size_of
from tests.bench.servers import ROOT
from tests.bench.table import Result, Target, as_document, as_text, machine_facts
from tests.bench.uploads import measure_uploads
from tests.bench.writers import WRITERS, write_together

DOCUMENT = ROOT / "docs" / "performance.md"
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Scale:
    """How much of everything."""

    milestones: int = 300_000
    rounds: int = 7
    seconds: float = 2.0
    uploads: int = 3
    writers_seconds: float = 60.0


QUICK = Scale(milestones=20_000, rounds=2, seconds=0.5, uploads=1, writers_seconds=5.0)


def main(arguments: list[str] | None = None) -> int:
    """Return the exit status: 0 when everything that could be judged was reached."""
    parser = argparse.ArgumentParser(prog="make bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small and short; writes nothing")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append", help="one of the two only")
    parser.add_argument("--milestones", type=int, help="another size")
    given = parser.parse_args(arguments)
    scale = QUICK if given.quick else Scale()
    if given.milestones:
        scale = Scale(**{**scale.__dict__, "milestones": given.milestones})
    results: list[Result] = []
    postgresql = ""
    with data.stores(given.database or ["sqlite", "postgresql"], _say) as found:
        for store in found:
            _say(f"— {store.name}")
            results += measure(store, scale)
            if isinstance(store, data.Postgres):
                postgresql = store.version()
    print("\n" + as_text(results))
    if not given.quick and not given.database:
        facts = machine_facts(postgresql=postgresql)
        today = datetime.now(UTC).date()
        DOCUMENT.write_text(as_document(results, how=_HOW.format(**_words(scale)), facts=facts, today=today), "utf-8")
        print(f"\nWritten to {DOCUMENT.relative_to(ROOT)}")
    return 0 if all(result.passes and not result.too_noisy for result in results) else 1


def measure(store: data.Store, scale: Scale) -> list[Result]:
    """Every job on one database."""
    big_url, small_url = store.copy(size_of(scale.milestones)), store.copy(size_of(1_000))
    pool = dict(size_of(scale.milestones).plans)[POOL]
    folder = store.folder / store.name.lower()
    results = [_idle(store, big_url, folder / "alone")]
    with ExitStack() as running:
        big = running.enter_context(servers.waymark(big_url, folder))
        small = running.enter_context(servers.waymark(small_url, folder / "small"))
        peer = None
        if store.name == data.Sqlite.name:
            file = Path(big_url.removeprefix("sqlite:///"))
            peer = running.enter_context(servers.django(file, folder / "django"))
        asked = cases.reading(big, small, peer)
        _say("reading, then writing one by one")
        read = run_rounds(asked, rounds=scale.rounds, seconds=scale.seconds, say=_say)
        results += _reading_results(store.name, read, with_peer=peer is not None)
        _say("the whole list as a stream")
        results += _report_results(store.name, big)
        floor, again = asked[0], next(case for case in asked if case.name == FLOOR_AGAIN)
        written = run_rounds(
            [floor, *cases.writing(big, pool=pool), again], rounds=scale.rounds, seconds=scale.seconds, say=_say
        )
        results += _writing_results(store.name, written)
        _say("uploads")
        uploads = measure_uploads(big, folder, rounds=scale.rounds, each=scale.uploads)
        results.append(Result(store.name, _UPLOAD.job, uploads.speeds, _UPLOAD))
        memory = [one / MEGABYTE for one in uploads.memory]
        results.append(Result(store.name, _UPLOAD_MEMORY.job, memory, _UPLOAD_MEMORY))
        _say(f"{WRITERS} writers")
        results += _writers_results(store.name, big, big_url, scale.writers_seconds)
    return results


_PAGE = Target("exception page, 50 rows, signed in: p50 / floor", 4, 2.5)
_TAIL = Target("the same: p99 / p50", 6, 3)
_TOGETHER = Target("the same: throughput of 16 clients / of one", 0.8, 1.2, higher=True)
_SIZE = Target("the same: in the large database / in one of 1,000 milestones", 1.3, 1.1)
_HOME = Target("plan home / exception page", 4, 2)
_UPDATES = Target("my updates, 50 forms / exception page", 25, 12)
_PEER = Target("Django admin change list of the same rows / exception page", 8, 15, higher=True)
_FIRST = Target("all exceptions of all plans, streamed: first byte / whole", 5, 1.5, unit="%")
_REPORT_MEMORY = Target("the same: memory", 32, 10, unit=" MB")
_CHANGE = Target("milestone marked achieved (gate, audit, chain) / bare request with a raw transaction", 4, 2)
_UPLOAD = Target("evidence of 25 MB: hash, write, fsync alone / upload", 0.4, 0.6, higher=True)
_UPLOAD_MEMORY = Target("memory for each 25 MB upload in flight", 8, 3, unit=" MB")
_FAILED = Target("32 writers: answers of 500 and above, or locked", 0, 0)
_BROKEN = Target("32 writers: times the gate was seen broken, chain faults", 0, 0)
_WAIT = Target("32 writers: longest wait", 2, 0.5, unit=" s")
_IDLE = Target("idle memory of one worker", 200, 150, unit=" MB")


def _idle(store: data.Store, url: str, folder: Path) -> Result:
    with servers.waymark_alone(url, folder) as server:
        time.sleep(1)
        return Result(store.name, _IDLE.job, [server.memory() / MEGABYTE], _IDLE)


def _reading_results(database: str, read: Rounds, *, with_peer: bool) -> list[Result]:
    def row(target: Target | str, of: Callable[[Round], float], case: str) -> Result:
        job = target.job if isinstance(target, Target) else target
        judged = target if isinstance(target, Target) else None
        return Result(database, job, read.ratios(of), judged, read.cpu_each(case), too_noisy=read.too_noisy)

    def against(case: str, other: str) -> Callable[[Round], float]:
        return lambda one: one[case].p50 / one[other].p50

    results = [
        row("floor against itself (noise)", against(FLOOR_AGAIN, FLOOR), FLOOR),
        row(_PAGE, against(cases.PAGE, FLOOR), cases.PAGE),
        row("the same, the first time after a change / floor", against(cases.PAGE_CHANGED, FLOOR), cases.PAGE_CHANGED),
        row(_TAIL, lambda one: one[cases.PAGE].p99 / one[cases.PAGE].p50, cases.PAGE),
        row(_TOGETHER, lambda one: one[cases.PAGE_TOGETHER].per_second / one[cases.PAGE].per_second,
            cases.PAGE_TOGETHER),
        row(_SIZE, against(cases.PAGE, cases.PAGE_SMALL), cases.PAGE),
        row("page of a plan with a tenth of all / of the plan of 1,000", against(cases.PAGE_LARGE, cases.PAGE),
            cases.PAGE_LARGE),
        row("first page of all plans / of the plan of 1,000", against(cases.PAGE_ALL, cases.PAGE), cases.PAGE_ALL),
        row("exceptions API, 50 items: p50 / floor", against(cases.API, FLOOR), cases.API),
        row(_HOME, against(cases.HOME, cases.PAGE), cases.HOME),
        row("the same, plan with a tenth of all", against(cases.HOME_LARGE, cases.PAGE), cases.HOME_LARGE),
        row(_UPDATES, against(cases.UPDATES, cases.PAGE), cases.UPDATES),
    ]  # fmt: skip
    if with_peer:
        results.append(row(_PEER, against(cases.PEER, cases.PAGE), cases.PEER))
    return results


def _writing_results(database: str, written: Rounds) -> list[Result]:
    results = []
    for target, case in ((_CHANGE, cases.ACHIEVE), (None, cases.UPDATE)):
        ratios = written.ratios(lambda one, case=case: one[case].p50 / one[cases.BARE].p50)  # type: ignore[misc]
        job = target.job if target else "progress update / the same"
        results.append(Result(database, job, ratios, target, written.cpu_each(case), too_noisy=written.too_noisy))
    return results


def _report_results(database: str, server: servers.Server) -> list[Result]:
    streamed = stream_report(server)
    rows = f"all exceptions of all plans: {streamed.rows:,} rows"
    memory = [one / MEGABYTE for one in streamed.memory]
    return [
        Result(database, _FIRST.job, [100 * one for one in streamed.first], _FIRST),
        Result(database, f"{_REPORT_MEMORY.job} ({rows})", memory, _REPORT_MEMORY),
    ]


def _writers_results(database: str, server: servers.Server, url: str, seconds: float) -> list[Result]:
    written = write_together(server, url, seconds=seconds)
    _say(f"answers by status: {dict(sorted(written.statuses.items()))}, {written.looks} looks at the gate")
    return [
        Result(database, _FAILED.job, [written.failed], _FAILED),
        Result(database, _BROKEN.job, [written.gate_broken + written.chain_faults], _BROKEN),
        Result(database, _WAIT.job, [written.longest], _WAIT),
        Result(database, "32 writers: answers a second", [len(written.times) / seconds]),
    ]


def _words(scale: Scale) -> dict[str, str]:
    return {
        "milestones": f"{scale.milestones:,}",
        "rounds": str(scale.rounds),
        "seconds": f"{scale.seconds:g}",
        "writers": f"{scale.writers_seconds:g}",
    }


_HOW = """\
A database with {milestones} milestones and over three evidence items for each is seeded once and copied for the run:
a plan of 1,000, a plan with a tenth of all, and many others. Every milestone has the moments that the rules give it,
and the gate has judged each that is achieved. A server with one worker runs over it, a second over a database of
1,000 milestones, and on SQLite a third: a Django admin over the very same file, with joins, annotations and paging as
somebody who knows Django would set them.

The **floor** is a bare route in the same process: raw SQL for the rows of the page, the number of evidence items and
the words said of them, joined to a text of as many bytes as the page has. No sign-in, no thread, no template.

After a warm-up come {rounds} rounds. Each visits every case forwards and then backwards, {seconds} seconds at a time,
on connections that are kept open; a ratio compares what was taken within one round, and the table gives the middle one
and the 10th and 90th percentile. The floor runs under two names: where the two differ by more than 0.85 to 1.18 the
round is repeated, and after three failures in a row the answer is "too noisy". Status, number of rows and every byte
are checked in every answer. CPU is the server's own, without PostgreSQL's.

The {writers} seconds of 32 writers mix achieving, returning, completing, updating, reviewing, withdrawing and attaching
on 40 milestones of one plan, while the gate is looked at four times a second from outside; then every audit chain is
verified. The stream of all exceptions is the service's own (`exception_reports.all_items`), 500 rows at a time.

By hand, once, beside a loaded machine: an evidence log export of 1,000 items and 2.0 GB (files of 2 MB, SQLite, a local
folder) took 39 seconds, 9 of them of the processor's, and the process that made it went from 98 to 103 MB.
`tests/services/test_evidence_exports.py` holds that it stays flat.
"""


def _say(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
