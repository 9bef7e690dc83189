"""Runs every check of Waymark, prints how long each took, and fails if any of them did.

    python tools/test.py            what `make test` runs
    python tools/test.py lint       without the tests
    python tools/test.py fuzz       the property and schema tests only, long

Standard library only. A failing stage does not stop the ones after it, so that one run shows all there is to mend.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
UPGRADE_CHECK = ROOT / "node_modules" / "htmx.org" / "dist" / "scripts" / "upgrade-check.py"

# At most four: more browsers and databases at once make each of them time out, whatever the number of cores.
WORKERS = str(min(4, os.cpu_count() or 2))


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One line of the table: what it is called and what it runs; a `quiet` one says something only when it fails."""

    name: str
    command: tuple[str, ...]
    quiet: bool = False


@dataclass(frozen=True, kw_only=True)
class Result:
    name: str
    seconds: float
    passed: bool


def pytest(name: str, *arguments: str) -> Stage:
    command = (str(BIN / "python"), "-m", "pytest", "--numprocesses", WORKERS, "--dist", "worksteal", *arguments)
    return Stage(name=name, command=command)


def check(name: str, *command: str) -> Stage:
    return Stage(name=name, command=(str(BIN / command[0]), *command[1:]), quiet=True)


# The longest first: they are run two at a time.
LINT = (
    check("mypy", "mypy"),
    check("ruff check", "ruff", "check", "."),
    check("ruff format", "ruff", "format", "--check", "."),
    check("import contracts", "lint-imports"),
    check("djlint", "djlint", "--lint", "--quiet", "app/templates"),
    check("htmx 4 idioms", "python", str(UPGRADE_CHECK), "--no-color", "--ext", ".js", "app/templates", "app/static"),
)
# A plugin that only the API's tests need takes each test process a second to load.
NO_SCHEMAS = ("-p", "no:schemathesis")
# One process, beside the linters: most of them leave a core idle.
QUICK_TESTS = (pytest("rules", *NO_SCHEMAS, "--numprocesses", "0", "tests/domain"),)
TESTS = (
    # Named by what they are not, so that no folder of tests can be forgotten.
    pytest("services and doors", "tests", *(f"--ignore=tests/{name}" for name in ("domain", "browser", "bench"))),
    pytest("browser", *NO_SCHEMAS, "tests/browser"),
)
FUZZ = (pytest("properties and schemas", "tests", "-m", "fuzz", "--ignore=tests/browser", "--ignore=tests/bench"),)


def main(arguments: list[str]) -> int:
    """Return the exit status: 0 only when every stage passed."""
    what = arguments[0] if arguments else "test"
    started = float(os.environ.get("WAYMARK_SETUP_STARTED") or time.time())
    results = [Result(name="set-up", seconds=time.time() - started, passed=True)]

    if what in {"test", "lint"}:
        beside = QUICK_TESTS if what == "test" else ()
        results += side_by_side((*LINT[:1], *beside, *LINT[1:]))
    if what != "lint":
        results += [run(stage) for stage in (FUZZ if what == "fuzz" else TESTS)]

    print_table(results, total=time.time() - started)
    return 0 if all(result.passed for result in results) else 1


def side_by_side(stages: tuple[Stage, ...]) -> list[Result]:
    """Run the stages two at a time: they only read, and most of them use one core."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(run, stages))


def run(stage: Stage) -> Result:
    started = time.monotonic()
    if not stage.quiet:
        print(f"\n— {stage.name}", flush=True)
    done = subprocess.run(
        stage.command,
        cwd=ROOT,
        env=environment(),
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if stage.quiet else None,
        stderr=subprocess.STDOUT if stage.quiet else None,
    )
    seconds = time.monotonic() - started
    if stage.quiet and done.returncode:
        print(f"\n— {stage.name}\n{done.stdout}", flush=True)
    return Result(name=stage.name, seconds=seconds, passed=done.returncode == 0)


def environment() -> dict[str, str]:
    """What the tests see: none of the settings of a Waymark that somebody runs on this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WAYMARK_")}
    ours = {name: os.environ[name] for name in ("WAYMARK_TEST_EXAMPLES", "WAYMARK_CHROMIUM") if name in os.environ}
    return {**kept, **ours, "PYTHONUNBUFFERED": "1"}


def print_table(results: list[Result], *, total: float) -> None:
    print("\nSeconds")
    for result in results:
        print(f"{result.seconds:8.1f}  {'passed' if result.passed else 'FAILED'}  {result.name}")
    print(f"{total:8.1f}  in all", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
