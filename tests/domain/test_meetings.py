"""Review meetings: the days a cycle gives, what is next, and what may be done with one."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bank_holidays import bank_holidays
from app.domain import meetings as rules
from app.domain.meetings import PlannedDay
from app.domain.words import MeetingState

HOLIDAYS = {date(2026, 12, 25): "Christmas Day", date(2026, 12, 28): "Boxing Day", date(2027, 1, 1): "New Year’s Day"}
THURSDAY = date(2026, 11, 26)


def on_days(first, **given):
    usual = {"cycle_days": 14, "until": first + timedelta(days=60), "bank_holidays": HOLIDAYS}
    return [one.on for one in rules.planned_days(first, **usual | given)]


def test_a_cycle_of_working_days_is_taken_as_it_is():
    assert on_days(THURSDAY) == [THURSDAY + timedelta(days=14 * number) for number in range(5)]


def test_a_bank_holiday_and_the_weekend_behind_it_are_skipped_for_the_next_working_day():
    # Friday 25 December; then comes a weekend, and on Monday the substitute for Boxing Day.
    assert on_days(date(2026, 12, 25), until=date(2026, 12, 31)) == [date(2026, 12, 29)]


def test_the_rhythm_is_counted_from_the_day_that_was_skipped():
    found = rules.planned_days(date(2026, 12, 25), cycle_days=14, until=date(2027, 1, 31), bank_holidays=HOLIDAYS)

    assert found == (
        PlannedDay(date(2026, 12, 25), date(2026, 12, 29)),
        PlannedDay(date(2027, 1, 8), date(2027, 1, 8)),
        PlannedDay(date(2027, 1, 22), date(2027, 1, 22)),
    )


def test_two_that_would_fall_on_one_day_are_one_meeting():
    friday = date(2026, 12, 4)

    assert on_days(friday, cycle_days=1, until=friday + timedelta(days=4)) == [
        friday, date(2026, 12, 7), date(2026, 12, 8)
    ]  # fmt: skip


@given(st.dates(date(2026, 1, 1), date(2027, 12, 31)), st.integers(1, 60))
def test_every_day_is_a_working_day_in_order_and_never_before_the_cycle_gave_it(first, cycle_days):
    found = rules.planned_days(
        first, cycle_days=cycle_days, until=first + timedelta(days=365), bank_holidays=bank_holidays()
    )

    assert all(one.on.weekday() < 5 and one.on not in bank_holidays() for one in found)
    assert all(before.on < after.on for before, after in pairwise(found))
    assert all(0 <= (one.on - one.cycle_day).days <= 5 for one in found)
    assert all((one.cycle_day - first).days % cycle_days == 0 for one in found)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (date(2026, 11, 26), date(2026, 12, 10)),
        (date(2026, 12, 20), date(2027, 1, 3)),  # the list ends in the future
        (date(2026, 11, 5), date(2026, 12, 3)),  # it ended long ago: past days are passed over
        (date(2026, 11, 12), date(2026, 11, 26)),  # today is a day of the cycle
    ],
)
def test_the_cycle_goes_on_after_the_last_meeting_and_not_before_today(last, expected):
    assert rules.first_day_after(last, cycle_days=14, today=date(2026, 11, 26)) == expected


def test_the_next_review_is_todays_until_it_has_been_held():
    listed = [THURSDAY, THURSDAY + timedelta(days=14)]
    given: dict[str, Any] = {"today": THURSDAY, "cycle_days": 14, "approved_on": None}

    assert rules.next_review(listed, held_today=False, **given) == THURSDAY
    assert rules.next_review(listed, held_today=True, **given) == THURSDAY + timedelta(days=14)
    assert rules.next_review(listed[:1], held_today=True, **given) == THURSDAY + timedelta(days=14)


def test_where_the_list_ends_the_next_review_is_reckoned_from_the_cycle():
    given: dict[str, Any] = {"today": THURSDAY, "held_today": False, "cycle_days": 14}

    assert rules.next_review([date(2026, 11, 19)], approved_on=None, **given) == date(2026, 12, 3)
    assert rules.next_review([], approved_on=date(2026, 11, 13), **given) == date(2026, 11, 27)
    assert rules.next_review([], approved_on=None, **given) is None


def test_a_day_off_gets_a_warning_that_says_why():
    assert rules.day_warning(date(2026, 12, 25), HOLIDAYS) == "25 December 2026 is a bank holiday: Christmas Day"
    assert rules.day_warning(date(2026, 12, 26), HOLIDAYS) == "26 December 2026 is a Saturday"
    assert rules.day_warning(THURSDAY, HOLIDAYS) is None


@pytest.mark.parametrize(
    ("state", "on", "codes"),
    [
        (MeetingState.PLANNED, THURSDAY, []),
        (MeetingState.MOVED, THURSDAY - timedelta(days=3), []),
        (MeetingState.PLANNED, THURSDAY + timedelta(days=1), ["meeting_to_come"]),
        (MeetingState.HELD, THURSDAY, ["already_held"]),
        (MeetingState.CANCELLED, THURSDAY, ["already_cancelled"]),
    ],
)
def test_a_meeting_is_held_once_it_has_come_and_stands(state, on, codes):
    assert [reason.code for reason in rules.unmet_holding(state=state, on=on, today=THURSDAY)] == codes


@pytest.mark.parametrize(
    ("state", "codes"),
    [
        (MeetingState.PLANNED, []),
        (MeetingState.MOVED, []),
        (MeetingState.HELD, ["already_held"]),
        (MeetingState.CANCELLED, ["already_cancelled"]),
    ],
)
def test_what_has_happened_or_was_cancelled_is_neither_moved_nor_cancelled(state, codes):
    assert [reason.code for reason in rules.unmet_change(state=state)] == codes


def test_bank_holidays_are_englands_and_come_from_the_package_alone(monkeypatch):
    monkeypatch.setattr("socket.socket.connect", None)
    bank_holidays.cache_clear()

    assert bank_holidays()[date(2026, 4, 6)] == "Easter Monday"  # no holiday in Scotland
    assert date(2026, 1, 2) not in bank_holidays()  # one in Scotland alone
    assert max(bank_holidays()) > date(2027, 12, 1)
