"""The honesty checks, each by what it finds and what it passes over."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.domain.honesty import (
    CHECKS,
    Check,
    Said,
    SharedFile,
    bulk_updates,
    green_until_overdue,
    same_words,
    shared_file,
)
from app.domain.honesty import evidence_after_completion as after_completion
from app.domain.words import Status

NINE = datetime(2009, 12, 3, 9, 0, tzinfo=UTC)
DUE = date(2009, 11, 30)


def said(ref: str, words: str, *, at: datetime = NINE, by: str = "Head of Assessment") -> Said:
    return Said(f"id-{ref}", ref, f"Title of {ref}", by, by, at, words)


def test_every_check_has_a_title_and_says_why_it_matters() -> None:
    assert list(CHECKS) == list(Check)
    assert all(title and why.endswith(".") for title, why in CHECKS.values())


def test_an_update_that_repeats_the_one_before_is_found_whatever_its_blanks_and_capitals() -> None:
    before = NINE - timedelta(days=14)
    [found] = same_words([said("M-01", "On  track"), said("M-01", "on track.", at=before)])
    assert found.message == (
        "The update of 3 December 2009 by Head of Assessment says word for word what that of 19 November 2009 said"
    )
    assert (found.ref, found.milestone_ref) == ("M-01", "M-01")


def test_only_the_latest_two_updates_with_words_of_their_own_are_compared() -> None:
    newest_first = [
        said("M-01", "Done"), said("M-01", "On track"), said("M-01", "On track"),
        said("M-02", ""), said("M-02", "On track"), said("M-03", "On track"),
    ]  # fmt: skip
    assert same_words(newest_first) == []
    assert [one.ref for one in same_words([*newest_first, said("M-02", "On track")])] == ["M-02"]


def minutes(*numbers: float, words: str = "On track", by: str = "Head of Assessment") -> list[Said]:
    """One update of another milestone after so many minutes each, newest first."""
    made = [said(f"M-{place:02}", words, at=NINE + timedelta(minutes=n), by=by) for place, n in enumerate(numbers, 1)]
    return made[::-1]


def test_many_milestones_in_the_same_words_within_minutes_are_one_finding() -> None:
    [found] = bulk_updates(minutes(0, 1, 2, 3, 4))
    assert found.message == (
        "Head of Assessment updated 5 milestones in the same words on 3 December 2009 between 9:00am and 9:04am:"
        " M-01, M-02, M-03, M-04, M-05"
    )
    assert found.also == ("M-02", "M-03", "M-04", "M-05")
    [at_once] = bulk_updates(minutes(*(n / 100 for n in range(12))))
    assert "12 milestones in the same words on 3 December 2009 at 9:00am: M-01" in at_once.message
    assert at_once.message.endswith("M-08 and 4 more")


@pytest.mark.parametrize(
    "updates",
    [
        minutes(0, 1, 2, 3),
        minutes(0, 1, 2, 3, 11),
        [*minutes(0, 1, 2), *minutes(0, 1, 2, by="Another")],
        [*minutes(0, 1, 2), *minutes(0, 1, 2, words="Nearly there")],
        minutes(0, 1, 2, 3, 4, words=""),
        [said("M-01", "On track")] * 6,
    ],
)
def test_fewer_later_others_or_other_words_are_no_bulk_update(updates: list[Said]) -> None:
    assert bulk_updates(updates) == []


def test_a_second_bulk_on_another_day_is_another_finding_the_latest_first() -> None:
    days = [minutes(0, 1, 2, 3, 4), minutes(*(1440 + n for n in range(5)))]
    assert ["4 December" in one.message for one in bulk_updates([*days[1], *days[0]])] == [True, False]


def test_a_file_behind_five_milestones_is_found_and_one_behind_four_is_not() -> None:
    refs = tuple(f"M-{n:02}" for n in range(1, 6))
    found = shared_file(SharedFile("rota.csv", 5, refs, refs))
    assert found is not None
    assert found.message == "“rota.csv” is evidence of 5 milestones: M-01, M-02, M-03, M-04, M-05"
    assert shared_file(SharedFile("rota.csv", 4, refs[:4], refs[:4])) is None


def test_evidence_of_a_later_day_than_the_work_was_finished_is_found() -> None:
    found = after_completion("M-01", "Rota", evidence="E-01 Rota", dated=DUE + timedelta(days=1), completed=DUE)
    assert found is not None
    assert found.message == (
        "E-01 Rota is dated 1 December 2009, 1 day after its completed date, 30 November 2009"
    )  # fmt: skip
    for dated, completed in ((DUE, DUE), (None, DUE), (DUE, None)):
        assert after_completion("M-01", "Rota", evidence="E-01", dated=dated, completed=completed) is None


def test_green_until_the_day_it_was_overdue() -> None:
    given: dict[str, Any] = {
        "status": Status.IN_PROGRESS, "due": DUE, "amber_on": DUE + timedelta(days=1), "today": DUE + timedelta(days=9),
    }  # fmt: skip
    found = green_until_overdue("M-01", "Rota", **given)
    assert found is not None
    assert found.message == "Green until its due date, 30 November 2009, and overdue the day after"
    others: list[dict[str, Any]] = [
        {"amber_on": DUE}, {"amber_on": None}, {"due": None}, {"status": Status.COMPLETED}, {"today": DUE}
    ]  # fmt: skip
    for other in others:
        assert green_until_overdue("M-01", "Rota", **{**given, **other}) is None
