"""Evidence that is valid until a day: from when it counts no more, and how long before that its people are told.

Its last day is a London day, and it stops counting at 00:00 of the next. `app.models.expiry` says the same in SQL; a
test holds the two together. What is stored follows with the next write to the milestone or with `waymark jobs run`.
"""

from dataclasses import dataclass
from datetime import date

from app.domain.days import day_count, long_date
from app.domain.words import Status

NOTICE_DAYS = (7, 30)
"""How many days before the last day the people of a milestone are told, the shortest first."""

LONGEST_NOTICE = max(NOTICE_DAYS)


def has_ended(until: date | None, day: date) -> bool:
    """Whether what counts until a last day (None: no end) counts no more on `day`."""
    return until is not None and until < day


def status_on(status: Status, until: date | None, day: date) -> Status:
    """The status as every page, answer and export has it on `day`; `until` is the last day its policy stays met."""
    return Status.COMPLETED if status is Status.ACHIEVED and has_ended(until, day) else status


def notice_on(until: date | None, day: date) -> int | None:
    """Which notice of a last day to come is given on `day`: 30 or 7 (days); None: it is further off, or over."""
    if until is None or until < day:
        return None
    left = (until - day).days
    return next((notice for notice in NOTICE_DAYS if left <= notice), None)


@dataclass(frozen=True, slots=True)
class Ending:
    """A milestone whose evidence is in place until a day to come, of which notice has been given."""

    ref: str
    title: str
    plan_slug: str
    plan_title: str
    owner: str
    ends_on: date
    days_left: int  # 0: today is the last day
    notice: int
    marks: tuple[str, ...] = ()


def ending_words(until: date, days_left: int) -> str:
    """When evidence ends, and how soon that is."""
    soon = "today" if days_left == 0 else f"in {day_count(days_left)}"
    return f"Ends on {long_date(until)}, {soon}"
