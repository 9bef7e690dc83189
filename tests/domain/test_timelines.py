"""Which days a timeline shows."""

from __future__ import annotations

from datetime import date

import pytest

from app.domain.timelines import SHORTEST, shown_range
from app.domain.words import PlanState

TODAY = date(2026, 3, 12)
LIVE, CLOSED = PlanState.APPROVED, PlanState.CLOSED


def test_whole_months_hold_every_day_and_today() -> None:
    found = shown_range([date(2026, 5, 20), date(2026, 9, 3)], plan=LIVE, today=TODAY)
    assert found == (date(2026, 3, 1), date(2026, 9, 30))


def test_a_closed_plan_lies_as_far_back_as_its_dates() -> None:
    found = shown_range([date(2009, 5, 20), date(2010, 2, 3)], plan=CLOSED, today=TODAY)
    assert found == (date(2009, 5, 1), date(2010, 2, 28))


@pytest.mark.parametrize("state", [LIVE, CLOSED])
def test_without_a_date_today_is_all_there_is(state: PlanState) -> None:
    assert shown_range([], plan=state, today=TODAY) == (date(2026, 3, 1), date(2026, 5, 31))


def test_one_day_does_not_fill_the_picture() -> None:
    first, last = shown_range([TODAY], plan=LIVE, today=TODAY)
    assert (last - first).days >= SHORTEST - 1


def test_the_days_asked_for_are_shown_as_they_are() -> None:
    days = [date(2025, 1, 1), date(2027, 1, 1)]
    found = shown_range(days, plan=LIVE, today=TODAY, first=date(2026, 3, 5), last=date(2026, 3, 9))
    assert found == (date(2026, 3, 5), date(2026, 3, 9))
    assert shown_range(days, plan=LIVE, today=TODAY, first=date(2026, 3, 5)) == (date(2026, 3, 5), date(2027, 1, 31))
    assert shown_range(days, plan=LIVE, today=TODAY, last=date(2026, 3, 9)) == (date(2025, 1, 1), date(2026, 3, 9))


def test_one_end_beyond_everything_still_leaves_a_range() -> None:
    first, last = shown_range([TODAY], plan=LIVE, today=TODAY, first=date(2030, 6, 15))
    assert first == date(2030, 6, 15)
    assert (last - first).days >= SHORTEST - 1
    first, last = shown_range([TODAY], plan=LIVE, today=TODAY, last=date(2020, 6, 15))
    assert last == date(2020, 6, 15)
    assert (last - first).days >= SHORTEST - 1


@pytest.mark.parametrize("day", [date.min, date.max])
def test_the_ends_of_the_calendar_are_days_like_others(day: date) -> None:
    first, last = shown_range([day], plan=CLOSED, today=TODAY)
    assert first <= day <= last


@pytest.mark.parametrize(("day", "end"), [
    (date(2026, 2, 3), 28), (date(2028, 2, 3), 29), (date(2026, 4, 30), 30), (date(2026, 12, 1), 31),
])  # fmt: skip
def test_a_range_ends_with_its_month(day: date, end: int) -> None:
    last = shown_range([date(2020, 1, 1), day], plan=CLOSED, today=TODAY)[1]
    assert (last.month, last.day) == (day.month, end)
