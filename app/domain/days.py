"""London calendar days: where a day begins, how many have passed, and how both are said.

Every date rule begins at 00:00 Europe/London and every day is a London calendar day (product.md, rule 2).
Nothing here reads a clock: `now` and `today` are arguments.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")

# Our own names, because strftime speaks the language of whoever started the server.
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)
"""The first and the last day that anything may be asked for or promised: what is beyond is mistyped."""

_SATURDAY = 5
_DAYS_BEFORE_WEEKS = 21


def unfit_day(day: date, what: str = "The date") -> str:
    """Why this can be no day of a plan, of a filter or of a look-ahead, in a sentence; empty where it can."""
    if EARLIEST <= day <= LATEST:
        return ""
    return f"{what} must be from {long_date(EARLIEST)} to {long_date(LATEST)}"


def start_of_day(day: date) -> datetime:
    """The first instant of a London day, as aware UTC: in summer it is 23:00 UTC of the day before."""
    return datetime.combine(day, time.min, tzinfo=LONDON).astimezone(UTC)


def end_of_day(day: date) -> datetime:
    """The last microsecond of a London day, as aware UTC."""
    return datetime.combine(day, time.max, tzinfo=LONDON).astimezone(UTC)


def london_day(moment: datetime) -> date:
    """The London calendar day on which an aware moment falls. A naive moment raises ValueError."""
    return _in_london(moment).date()


def instant_for(on: date, now: datetime) -> datetime:
    """The instant at which a list "on `on`" is judged: now when that is today, otherwise the end of the day."""
    return now if on == london_day(now) else end_of_day(on)


def add_days(day: date, days: int) -> date:
    """`day` moved by `days`, held at the ends of the calendar: a far-off date must not stop a report."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max if days > 0 else date.min


def days_at(since: date, on: date) -> int:
    """How many days something has lasted on day `on`; the first day counts, so it is 1 on `since` and 0 before."""
    return max(0, (on - since).days + 1)


def meeting_dates(
    listed: Sequence[date], *, on_or_after: date, cycle_days: int, approved_on: date | None = None
) -> Iterator[date]:
    """Review meetings on or after a day, in order: those listed, then reckoned ones for as long as they are asked for.

    `listed` is sorted and leaves cancelled meetings out. Further meetings are reckoned every `cycle_days` after the
    last listed one or, with an empty list, after the day the plan was approved; with neither there are none. They are
    reckoned too where the list leaves a stretch empty (`is_empty_stretch`): no list can put a review off for good.
    Raises ValueError when `cycle_days` is less than 1.
    """
    if cycle_days < 1:
        raise ValueError("a review cycle is at least one day")
    first = bisect_left(listed, on_or_after)
    before = listed[first - 1] if first else approved_on
    for day in listed[first:]:
        if before is not None and is_empty_stretch(before, day, cycle_days):
            yield from _reckoned(before, on_or_after, cycle_days, until=day.toordinal() - cycle_days // 2)
        yield day
        before = day
    if before is not None:
        yield from _reckoned(before, on_or_after, cycle_days, until=date.max.toordinal() + 1)


def is_empty_stretch(before: date, after: date, cycle_days: int) -> bool:
    """Whether more than two planned days in a row are missing between two review meetings.

    Half a cycle to spare: a day that was skipped for a bank holiday makes no stretch of two look like one of three.
    """
    return 2 * (after - before).days > 7 * cycle_days


def _reckoned(after: date, on_or_after: date, cycle_days: int, *, until: int) -> Iterator[date]:
    """The days of the cycle after a day, from another day on, before a third (an ordinal)."""
    # Straight to the first cycle that reaches the day: the list may have ended years before.
    cycles_to_reach_it = -(-(on_or_after - after).days // cycle_days)
    meeting = after.toordinal() + max(1, cycles_to_reach_it) * cycle_days
    while meeting < until:
        yield date.fromordinal(meeting)
        meeting += cycle_days


def long_date(day: date) -> str:
    """A date in running text: "10 December 2009"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def short_date(day: date) -> str:
    """A date in rows and tables: "10 Dec 2009"."""
    return f"{day.day} {_MONTHS[day.month - 1][:3]} {day.year}"


def weekday_date(day: date) -> str:
    """A meeting's date, or today's in a heading: "Thursday 10 December 2009"."""
    return f"{weekday_name(day)} {long_date(day)}"


def weekday_name(day: date) -> str:
    """The day of the week: "Thursday"."""
    return _WEEKDAYS[day.weekday()]


def is_weekend(day: date) -> bool:
    """Whether it is a Saturday or a Sunday."""
    return day.weekday() >= _SATURDAY


def clock_time(moment: datetime) -> str:
    """The London time of day of an aware moment: "6:12am". A naive moment raises ValueError."""
    local = _in_london(moment)
    return f"{local.hour % 12 or 12}:{local.minute:02}{'am' if local.hour < 12 else 'pm'}"


def day_count(days: int) -> str:
    """A number of days: "1 day", "40 days". Overdue is always said so."""
    return f"{days} day{'' if days == 1 else 's'}"


def span_words(days: int) -> str:
    """How far apart two dates are: days up to 20, from 21 whole weeks, rounded ("3 weeks"). The sign is dropped."""
    days = abs(days)
    if days < _DAYS_BEFORE_WEEKS:
        return day_count(days)
    return f"{(days + 3) // 7} weeks"


def times_words(times: int) -> str:
    """How often: "once", "twice", "3 times"."""
    return {1: "once", 2: "twice"}.get(times, f"{times} times")


def _in_london(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    return moment.astimezone(LONDON)
