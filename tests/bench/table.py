"""The table that is printed and written to docs/performance.md: ratios, what they must be, and whether they are."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median, quantiles

TOO_NOISY = "too noisy"


@dataclass(frozen=True)
class Target:
    """What a job must reach: `least` to pass, `aim` to please. `higher`: more is better."""

    job: str
    least: float
    aim: float
    higher: bool = False
    unit: str = ""

    def words(self) -> tuple[str, str]:
        sign = "≥" if self.higher else "≤"
        return f"{sign} {_figure(self.least)}{self.unit}", f"{sign} {_figure(self.aim)}{self.unit}"

    def verdict(self, value: float) -> str:
        if self._reaches(value, self.aim):
            return "aim reached"
        return "reached" if self._reaches(value, self.least) else "**not reached**"

    def _reaches(self, value: float, wanted: float) -> bool:
        return value >= wanted if self.higher else value <= wanted


@dataclass(frozen=True)
class Result:
    """One row. Several `values` are one a round; the middle one counts. Without a target it is for information."""

    database: str
    job: str
    values: Sequence[float]
    target: Target | None = None
    cpu: float | None = None
    unit: str = ""
    too_noisy: bool = False

    @property
    def value(self) -> float:
        return median(self.values)

    @property
    def passes(self) -> bool:
        return self.target is None or "not reached" not in self.target.verdict(self.value)

    def cells(self) -> list[str]:
        least, aim = self.target.words() if self.target else ("", "")
        verdict = self.target.verdict(self.value) if self.target else ""
        unit = self.target.unit if self.target else self.unit
        return [
            self.job,
            self.database,
            f"{_figure(self.value)}{unit}",
            self._spread(),
            f"{self.cpu * 1000:.1f} ms" if self.cpu is not None else "",
            least,
            aim,
            TOO_NOISY if verdict and self.too_noisy else verdict,
        ]

    def _spread(self) -> str:
        if len(self.values) < 2:
            return ""
        tenths = quantiles(self.values, n=10, method="inclusive")
        return f"{_figure(tenths[0])} to {_figure(tenths[-1])}"


_HEADINGS = ["job", "database", "measured", "10th to 90th percentile", "CPU a request", "at least", "aim for", ""]


def as_text(results: Sequence[Result]) -> str:
    """The table for a terminal, in columns."""
    rows = [_HEADINGS, *(result.cells() for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def as_document(results: Sequence[Result], *, how: str, facts: Sequence[str], today: date) -> str:
    """docs/performance.md, whole."""
    lines = ["| " + " | ".join(_HEADINGS) + " |", "|" + " --- |" * len(_HEADINGS)]
    lines += ["| " + " | ".join(result.cells()) + " |" for result in results]
    return (
        "# Performance\n\n"
        f"Written by `make bench` on {today.isoformat()}. Ratios within one run: absolute times belong to a machine and"
        " are not given.\n\n"
        + "\n".join(lines)
        + "\n\n## How it was measured\n\n"
        + how.strip()
        + "\n\n## Where\n\n"
        + "\n".join(f"- {fact}" for fact in facts)
        + "\n"
    )


def machine_facts(*, postgresql: str) -> list[str]:
    """What the figures were taken on."""
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    return [
        f"{os.cpu_count()} cores, {_processor()}",
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}" + (f", PostgreSQL {postgresql}" if postgresql else ""),
        f"Load of the machine over 1, 5 and 15 minutes when the run ended (the bench itself makes about 2): {load}",
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown processor"


def _figure(value: float) -> str:
    if value == int(value) and abs(value) < 1000:
        return f"{int(value)}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
