"""What changed in a plan since a day: which group an item belongs to, and from which day on it is asked."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest

from app.domain.days import start_of_day
from app.domain.plan_changes import (
    SHOWN,
    Change,
    ChangedItem,
    as_counts,
    change_of,
    default_since,
    grouped,
    unmet_since,
    why_off_the_list,
)
from app.domain.words import LeftBecause, Rag, Status

SINCE = date(2026, 3, 9)
TODAY = date(2026, 3, 23)
NOW = start_of_day(TODAY) + timedelta(hours=9)
BEFORE, AFTER = date(2026, 3, 8), date(2026, 3, 10)


@dataclass
class Item:
    status: Status = Status.IN_PROGRESS
    amber_from: datetime | None = None
    red_from: datetime | None = None
    achieved_on: date | None = None
    left_list_on: date | None = None
    left_list_because: str | None = None


def went(**facts: object) -> Change | None:
    given = {name: start_of_day(at) if name.endswith("_from") else at for name, at in facts.items()}  # type: ignore[arg-type]
    return change_of(Item(**given), since=SINCE, now=NOW)  # type: ignore[arg-type]


def test_what_became_an_exception_on_or_after_the_day_is_new() -> None:
    assert went(amber_from=SINCE) is went(amber_from=AFTER) is went(amber_from=AFTER, red_from=AFTER) is Change.NEW


def test_what_turned_from_amber_to_red_since_is_worse_and_what_was_red_before_is_the_same() -> None:
    assert went(amber_from=BEFORE, red_from=SINCE) is Change.WORSE
    assert went(amber_from=BEFORE, red_from=BEFORE) is went(amber_from=BEFORE) is Change.SAME


def test_what_is_still_to_come_has_not_happened() -> None:
    later = TODAY + timedelta(days=1)
    assert went(amber_from=later, red_from=later) is None
    assert went(amber_from=BEFORE, red_from=later) is Change.SAME


def test_achieved_since_is_better_and_achieved_before_is_nothing_new() -> None:
    assert went(status=Status.ACHIEVED, achieved_on=SINCE) is Change.BETTER
    assert went(status=Status.ACHIEVED, achieved_on=BEFORE, left_list_on=BEFORE) is None


@pytest.mark.parametrize("because", LeftBecause)
def test_only_what_is_back_on_track_is_better(because: LeftBecause) -> None:
    better = because is LeftBecause.BACK_ON_TRACK
    assert went(left_list_on=AFTER, left_list_because=because) is (Change.BETTER if better else Change.LEFT)
    assert went(left_list_on=BEFORE, left_list_because=because) is None


def test_what_left_and_came_back_is_new() -> None:
    assert went(left_list_on=AFTER, left_list_because=LeftBecause.DATE_MOVED, amber_from=TODAY) is Change.NEW


def test_every_way_off_the_list_has_its_words() -> None:
    for because in LeftBecause:
        on, words = why_off_the_list(Item(left_list_on=AFTER, left_list_because=because), SINCE)
        assert on == AFTER
        assert words
    assert why_off_the_list(Item(status=Status.ACHIEVED, achieved_on=AFTER), SINCE) == (AFTER, "Achieved")


def test_a_group_holds_the_first_few_red_before_amber_and_the_latest_first() -> None:
    items = [
        ChangedItem("milestone", f"M-{day:02}", "", SINCE + timedelta(days=day), "", Rag.RED if day == 1 else Rag.AMBER)
        for day in range(8)
    ]
    groups = grouped([(Change.NEW, item) for item in items], {Change.NEW: 8})
    assert [group.change for group in groups] == [Change.WORSE, Change.NEW, Change.BETTER, Change.LEFT]
    new = groups[1]
    assert (new.total, [item.ref for item in new.items]) == (8, ["M-01", "M-07", "M-06", "M-05", "M-04"])
    assert len(new.items) == SHOWN


def test_without_a_day_it_is_the_last_held_review_or_two_weeks_ago_and_never_before_the_approval() -> None:
    long_ago = date(2026, 1, 1)
    assert default_since(last_held=SINCE, approved_on=long_ago, today=TODAY) == (SINCE, "last_review")
    assert default_since(last_held=None, approved_on=long_ago, today=TODAY) == (TODAY - timedelta(days=14), "two_weeks")
    assert default_since(last_held=None, approved_on=TODAY, today=TODAY) == (TODAY, "approval")


def test_a_day_to_come_and_one_before_the_approval_get_their_sentence() -> None:
    assert unmet_since(TODAY, approved_on=TODAY, today=TODAY) is None
    to_come = unmet_since(TODAY + timedelta(days=1), approved_on=None, today=TODAY)
    assert to_come == ("date_to_come", "24 March 2026 is still to come. Choose today or an earlier day")
    before = unmet_since(BEFORE, approved_on=SINCE, today=TODAY)
    assert before == ("before_approval", "The plan was approved on 9 March 2026. Choose that day or a later one")


def test_numbers_of_several_kinds_are_added_up() -> None:
    counts = as_counts(SINCE, [("new", 2), ("new", 1), ("same", 7), ("left", 1)])
    assert (counts.new, counts.worse, counts.better, counts.left) == (3, 0, 0, 1)
    assert counts.any
    assert not as_counts(SINCE, [("same", 7)]).any
