"""Accepting an exception until a day: when it may be, and when it is over."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import acceptances as rules
from app.domain import rag
from app.domain.acceptances import AcceptanceView
from app.domain.rag import Moments
from app.domain.words import PlanState, Rag

TODAY = date(2026, 3, 2)


def on(days):
    return None if days is None else TODAY + timedelta(days=days)


def end(decided, over, before, after):
    return rag.acceptance_end(
        decided=on(decided), over_on=on(over), before=Moments(*map(on, before)), after=Moments(*map(on, after)),
        today=TODAY,
    )  # fmt: skip


def test_it_stands_until_the_day_that_was_named():
    assert end(30, 30, (-5, None), (-5, None)) == on(30)
    assert end(30, 30, (-5, -2), (-5, -2)) == on(30)


def test_it_is_cut_on_the_day_it_turns_red():
    assert end(30, 30, (-5, 10), (-5, 10)) == on(10)
    assert end(30, 30, (-5, 40), (-5, 40)) == on(30)
    # A later change of facts moves that day.
    assert end(30, 10, (-5, 10), (-5, 20)) == on(20)
    assert end(30, 10, (-5, 10), (-5, None)) == on(30)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((-5, None), (-5, 0)),  # Amber, and by new facts Red
        ((-5, None), (None, None)),  # no exception any more
        ((-5, None), (3, None)),
        ((-5, -5), (4, 9)),
    ],
)
def test_it_is_over_when_it_gets_worse_and_when_it_is_no_exception_any_more(before, after):
    assert end(30, 30, before, after) is None


def test_what_gets_better_stays_accepted_and_is_cut_when_it_turns_red_again():
    assert end(30, 30, (-5, -2), (-5, None)) == on(30)
    assert end(30, 30, (-5, -2), (-5, 12)) == on(12)


def test_what_is_over_stays_over():
    assert end(30, 0, (-5, 0), (-5, None)) is None
    assert end(0, 0, (-5, None), (-5, None)) is None
    assert end(None, None, (-5, None), (-5, None)) is None


days = st.none() | st.integers(-40, 40)


@given(st.integers(1, 60), st.tuples(days, days), st.tuples(days, days))
def test_it_never_lasts_longer_than_was_named_nor_beyond_a_worsening(decided, before, after):
    before, after = (_in_order(*pair) for pair in (before, after))
    found = end(decided, decided, before, after)
    if found is None:
        return
    moments = Moments(*map(on, after))
    assert TODAY < found <= on(decided)
    last_day = found - timedelta(days=1)
    assert rag.colour_on(moments, last_day) == rag.colour_on(moments, TODAY) != Rag.GREEN


def _in_order(amber, red):
    if red is not None and (amber is None or amber > red):
        amber = red
    return amber, red


def test_the_day_is_in_the_future_and_within_a_year():
    assert rules.wrong_day(TODAY, TODAY) == ("date_not_future", "The day must be in the future")
    assert rules.wrong_day(on(1), TODAY) is None
    assert rules.wrong_day(on(365), TODAY) is None
    assert (rules.wrong_day(on(366), TODAY) or ("",))[0] == "too_far"


def test_what_stands_in_the_way_is_said_with_what_would_satisfy_it():
    def codes(**changed):
        usual: dict[str, Any] = {"plan_state": PlanState.APPROVED, "colour": Rag.AMBER, "is_own": False}
        return [one.code for one in rules.unmet_acceptance(**usual | changed)]

    assert codes() == codes(colour=Rag.RED) == []
    assert codes(colour=Rag.GREEN) == ["not_exception"]
    assert codes(is_own=True) == ["own_milestone"]
    assert codes(plan_state=PlanState.DRAFT) == ["plan_not_approved"]
    assert codes(plan_state=PlanState.CLOSED, is_own=True) == ["plan_closed", "own_milestone"]


def test_lifting_needs_something_that_is_accepted():
    given: dict[str, Any] = {"plan_state": PlanState.APPROVED, "is_own": False}
    assert rules.unmet_lifting(is_accepted=True, **given) == []
    assert [one.code for one in rules.unmet_lifting(is_accepted=False, **given)] == ["not_accepted"]


def test_it_is_said_until_when_and_why_earlier():
    view = AcceptanceView(date(2026, 6, 30), date(2026, 6, 30), "Director", None)
    assert rules.acceptance_words(view) == "Accepted until 30 June 2026 by Director"
    cut = AcceptanceView(date(2026, 6, 30), date(2026, 5, 1), "Director", None)
    assert rules.acceptance_words(cut) == (
        "Accepted until 1 May 2026 by Director, when it turns Red (accepted until 30 June 2026)"
    )
