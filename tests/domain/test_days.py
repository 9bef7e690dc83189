"""London days: where they begin, how they are counted and how they are said."""

from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, islice, pairwise, repeat, takewhile
from operator import add

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import days

SUMMER = date(2009, 7, 1)
WINTER = date(2009, 12, 10)
SPRING_FORWARD = date(2009, 3, 29)
FALL_BACK = date(2009, 10, 25)
DATES = st.dates(min_value=date(1990, 1, 1), max_value=date(2099, 12, 31))


def test_a_winter_day_begins_at_midnight_utc():
    assert days.start_of_day(WINTER) == datetime(2009, 12, 10, 0, 0, tzinfo=UTC)


def test_a_summer_day_begins_an_hour_before_midnight_utc():
    assert days.start_of_day(SUMMER) == datetime(2009, 6, 30, 23, 0, tzinfo=UTC)


def test_a_start_of_day_is_stored_as_utc():
    assert days.start_of_day(SUMMER).tzinfo is UTC


@pytest.mark.parametrize(("day", "hours"), [(SPRING_FORWARD, 23), (FALL_BACK, 25), (WINTER, 24)])
def test_a_day_is_as_long_as_it_is_in_london(day, hours):
    length = days.end_of_day(day) - days.start_of_day(day)

    assert length == timedelta(hours=hours) - timedelta(microseconds=1)


def test_late_on_a_summer_evening_utc_it_is_the_next_day_in_london():
    assert days.london_day(datetime(2009, 6, 30, 23, 30, tzinfo=UTC)) == SUMMER


@pytest.mark.parametrize("ask", [days.london_day, days.clock_time])
def test_a_moment_without_a_time_zone_is_refused(ask):
    with pytest.raises(ValueError, match="time zone"):
        ask(datetime(2009, 12, 10, 9, 20))  # noqa: DTZ001  the fault under test


@given(day=st.dates())
def test_a_day_begins_and_ends_on_itself(day):
    assert days.london_day(days.start_of_day(day)) == day
    assert days.london_day(days.end_of_day(day)) == day


@given(day=st.dates(max_value=date(9999, 12, 30)))
def test_no_instant_lies_between_a_day_and_the_next(day):
    gap = days.start_of_day(day + timedelta(days=1)) - days.end_of_day(day)

    assert gap == timedelta(microseconds=1)


def test_a_list_on_today_is_judged_now():
    now = datetime(2009, 12, 10, 9, 20, tzinfo=UTC)

    assert days.instant_for(WINTER, now) == now


def test_a_list_on_another_day_is_judged_at_its_end():
    now = datetime(2009, 12, 10, 9, 20, tzinfo=UTC)

    assert days.instant_for(date(2009, 12, 17), now) == datetime(2009, 12, 17, 23, 59, 59, 999999, tzinfo=UTC)
    assert days.instant_for(SUMMER, now) == datetime(2009, 7, 1, 22, 59, 59, 999999, tzinfo=UTC)


def test_a_list_on_the_last_day_there_is_can_be_judged():
    assert days.instant_for(date.max, datetime(2009, 12, 10, tzinfo=UTC)).year == 9999


def test_today_in_london_decides_and_not_today_in_utc():
    half_past_midnight_in_london = datetime(2009, 6, 30, 23, 30, tzinfo=UTC)

    assert days.instant_for(SUMMER, half_past_midnight_in_london) == half_past_midnight_in_london


@pytest.mark.parametrize(
    ("start", "by", "expected"),
    [
        (WINTER, 7, date(2009, 12, 17)),
        (WINTER, -10, date(2009, 11, 30)),
        (date.max, 1, date.max),
        (date.min, -1, date.min),
    ],
)
def test_adding_days_stops_at_the_ends_of_the_calendar(start, by, expected):
    assert days.add_days(start, by) == expected


def test_the_first_day_counts():
    assert days.days_at(date(2009, 12, 1), date(2009, 12, 10)) == 10
    assert days.days_at(WINTER, WINTER) == 1


def test_before_it_began_nothing_has_lasted():
    assert days.days_at(WINTER, date(2009, 12, 9)) == 0
    assert days.days_at(WINTER, date(2009, 11, 1)) == 0


LISTED = (date(2009, 12, 3), date(2009, 12, 17), date(2010, 1, 7))


def meetings(on_or_after, *, listed=LISTED, cycle_days=14, approved_on=None, how_many=3):
    found = days.meeting_dates(listed, on_or_after=on_or_after, cycle_days=cycle_days, approved_on=approved_on)
    return list(islice(found, how_many))


def test_listed_meetings_come_first_and_reckoned_ones_follow_the_last():
    assert meetings(date(2009, 12, 4)) == [date(2009, 12, 17), date(2010, 1, 7), date(2010, 1, 21)]


def test_a_meeting_on_the_day_itself_is_found():
    assert meetings(date(2009, 12, 17))[0] == date(2009, 12, 17)
    assert meetings(date(2010, 1, 21))[0] == date(2010, 1, 21)


def test_meetings_after_the_end_of_the_list_are_reckoned_from_its_last():
    assert meetings(date(2010, 1, 22)) == [date(2010, 2, 4), date(2010, 2, 18), date(2010, 3, 4)]


def test_a_stretch_that_the_list_leaves_empty_is_reckoned_and_two_missing_days_are_not():
    far, near = date(2199, 12, 31), date(2010, 1, 7) + 3 * timedelta(days=14)
    assert meetings(date(2010, 1, 8), listed=(date(2010, 1, 7), far)) == [
        date(2010, 1, 21), date(2010, 2, 4), date(2010, 2, 18),
    ]  # fmt: skip
    assert meetings(date(2010, 1, 8), listed=(date(2010, 1, 7), near), how_many=1) == [near]
    found = meetings(date(2010, 1, 8), listed=(far,), approved_on=date(2010, 1, 4), how_many=1)
    assert found == [date(2010, 1, 18)]


def test_without_a_list_meetings_are_reckoned_from_the_approval():
    found = meetings(date(2009, 9, 1), listed=(), approved_on=date(2009, 9, 1))

    assert found == [date(2009, 9, 15), date(2009, 9, 29), date(2009, 10, 13)]


def test_with_neither_a_list_nor_an_approval_there_are_no_meetings():
    assert meetings(WINTER, listed=()) == []


def test_meetings_end_with_the_calendar():
    assert meetings(date(9999, 12, 25), listed=(date(9999, 12, 20),), cycle_days=7) == [date(9999, 12, 27)]
    assert meetings(date(9999, 12, 25), listed=(date(9999, 12, 24),), cycle_days=7) == [date.max]


def test_a_cycle_of_no_days_is_refused():
    with pytest.raises(ValueError, match="at least one day"):
        meetings(WINTER, cycle_days=0)


@given(
    listed=st.lists(DATES, max_size=6, unique=True).map(sorted),
    on_or_after=DATES,
    cycle_days=st.integers(1, 60),
    approved_on=DATES,
)
def test_meetings_are_those_of_the_whole_list_from_that_day(listed, on_or_after, cycle_days, approved_on):
    step = timedelta(days=cycle_days)
    known = listed if listed and listed[0] <= approved_on else [approved_on, *listed]
    far_enough = max(on_or_after, known[-1]) + 5 * step

    def one_by_one(last, end):
        return takewhile(end.__gt__, accumulate(repeat(step), add, initial=last + step))

    empty = [(a, b) for a, b in pairwise(known) if (b - a).days > 3.5 * cycle_days]
    between = [day for a, b in empty for day in one_by_one(a, b - timedelta(days=cycle_days // 2))]
    every = sorted([*listed, *between, *one_by_one(known[-1], far_enough)])
    expected = [day for day in every if day >= on_or_after][:4]

    found = meetings(on_or_after, listed=listed, cycle_days=cycle_days, approved_on=approved_on, how_many=4)

    assert len(found) == 4
    assert found == expected


@pytest.mark.parametrize("month", range(1, 13))
def test_every_month_has_its_english_name_long_and_short(month):
    day = date(2009, month, 5)

    assert days.long_date(day) == f"5 {day:%B} 2009"
    assert days.short_date(day) == f"5 {day:%b} 2009"


def test_a_date_is_written_without_a_leading_nought():
    assert days.long_date(date(2009, 12, 1)) == "1 December 2009"
    assert days.short_date(date(2010, 1, 29)) == "29 Jan 2010"


def test_a_meeting_has_its_weekday():
    assert days.weekday_date(WINTER) == "Thursday 10 December 2009"


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(2009, 12, 10, 6, 12, tzinfo=UTC), "6:12am"),
        (datetime(2009, 12, 10, 0, 5, tzinfo=UTC), "12:05am"),
        (datetime(2009, 12, 10, 12, 0, tzinfo=UTC), "12:00pm"),
        (datetime(2009, 7, 1, 13, 30, tzinfo=UTC), "2:30pm"),
    ],
)
def test_the_time_of_day_is_that_of_london(moment, words):
    assert days.clock_time(moment) == words


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 days"), (1, "1 day"), (2, "2 days"), (40, "40 days"), (-1, "-1 days")]
)
def test_days_are_counted_in_words(count, words):
    assert days.day_count(count) == words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (1, "1 day"),
        (20, "20 days"),
        (21, "3 weeks"),
        (24, "3 weeks"),
        (25, "4 weeks"),
        (31, "4 weeks"),
        (32, "5 weeks"),
        (90, "13 weeks"),
        (-18, "18 days"),
        (-21, "3 weeks"),
    ],
)
def test_a_span_is_in_days_to_20_and_then_in_whole_weeks_rounded(span, words):
    assert days.span_words(span) == words


@pytest.mark.parametrize(("times", "words"), [(1, "once"), (2, "twice"), (3, "3 times"), (0, "0 times")])
def test_moves_are_said_once_twice_and_then_in_figures(times, words):
    assert days.times_words(times) == words
