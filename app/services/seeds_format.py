"""The plain data files of a demo: where they stand, how they are written, and how their days become dates.

A folder holds `settings.json`, `organisations.json`, `people.json`, `keys.json`, one file a plan under `plans/`, and
the evidence files under `files/`. Every date is a number of days from the demo's first day, so that the demo is always
alive.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from app.domain.days import LONDON

Record = dict[str, Any]

_THURSDAY = 3


class BadSeeds(Exception):
    """A seed file cannot be used; the message names the file and what is wrong."""


@dataclass(frozen=True, slots=True)
class Demo:
    """What the files of one demo say, as they say it. `files` are the evidence files, by name."""

    settings: Record
    organisations: list[Record]
    people: list[Record]
    keys: list[Record]
    plans: list[Record]
    files: Mapping[str, Path]


def first_day_for(today: date) -> date:
    """The demo's first day when it is loaded on `today`: the Thursday on or before it.

    Days are kept as numbers, so this is what makes working days stay working days. The history ends on the day before.
    """
    return today - timedelta(days=(today.weekday() - _THURSDAY) % 7)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Turns the files' days into dates and back."""

    first_day: date

    def date_of(self, offset: int) -> date:
        return self.first_day + timedelta(days=offset)

    def day(self, offset: int | None) -> date | None:
        return None if offset is None else self.date_of(offset)

    def offset(self, day: date | None) -> int | None:
        return None if day is None else (day - self.first_day).days

    def moment(self, when: Mapping[str, Any]) -> datetime:
        """The UTC moment of `{"day": -3, "time": "09:40"}`, a London day and time."""
        return datetime.combine(self.date_of(when["day"]), time.fromisoformat(when["time"]), tzinfo=LONDON).astimezone(
            UTC
        )

    def when(self, moment: datetime) -> Record:
        """A moment as the files write it: to the minute, or as exactly as it is known."""
        local = moment.astimezone(LONDON)
        clock = local.time()
        exact = "minutes" if not clock.second and not clock.microsecond else "auto"
        return {"day": (local.date() - self.first_day).days, "time": clock.isoformat(timespec=exact)}


def read_demo(folder: Path) -> Demo:
    """Read a demo's files. Raises BadSeeds for a folder or file that cannot be used."""
    plans = sorted((folder / "plans").glob("*.json"))
    if not plans:
        raise BadSeeds(f"{folder} holds no plans: there should be plans/<slug>.json.")
    return Demo(
        settings=_read(folder / "settings.json"),
        organisations=_read(folder / "organisations.json"),
        people=_read(folder / "people.json"),
        keys=_read(folder / "keys.json"),
        plans=[_read(path) for path in plans],
        files={path.name: path for path in sorted((folder / "files").glob("*"))},
    )


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadSeeds(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise BadSeeds(f"{path} is not JSON: {error}.") from error


def write_json(path: Path, content: Any) -> None:
    """Write one file in the one spelling that is used: two blanks, every letter as it is, a line feed at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")


def filled(record: Mapping[str, Any]) -> Record:
    """A record without what is empty: the files name only what there is. Zero and False are something."""
    return {
        name: value
        for name, value in record.items()
        if value is not None and value != "" and value != [] and value != {}
    }
