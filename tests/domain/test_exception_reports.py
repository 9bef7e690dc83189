"""The exception list: what is on it, in what order, what a filter keeps and which badge a row has."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import exception_reports as reports
from app.domain.exception_reports import (
    BadgeKind,
    EvidenceSummary,
    ExceptionCounts,
    ExceptionFilters,
    ExceptionItem,
)
from app.domain.rag import Reason, RuleCode
from app.domain.words import DelayCause, EvidenceState, Rag

TODAY = date(2009, 12, 10)
NEXT_REVIEW = date(2009, 12, 17)


def item(ref="1.1", rag=Rag.RED, **changed):
    usual = ExceptionItem(
        kind="milestone",
        id=f"id-{ref}",
        ref=ref,
        title="Every manager has completed supervision training",
        rag=rag,
        rag_now=rag,
        since=date(2009, 12, 1),
        days=10,
        exception_days=10,
        reasons=(Reason(RuleCode.OVERDUE, Rag.RED, date(2009, 12, 1), "Overdue by 10 days"),),
        theme="Supervision",
        theme_id="supervision",
        owner="Head of Workforce Development",
        owner_id="workforce",
        organisation="Haringey Council",
        organisation_slug="haringey-council",
        evidence=EvidenceSummary(0, 1, EvidenceState.REJECTED),
    )
    return replace(usual, **changed)


def refs(rows):
    return [row.item.ref for row in rows]


def report(*items, **asked):
    return reports.build(items, **{"today": TODAY} | asked)


# --- Order -----------------------------------------------------------------------------------------------------------


def test_red_stands_before_amber_however_long_amber_has_lasted():
    old_amber = item("1.1", Rag.AMBER, since=date(2009, 1, 1))

    assert reports.order([old_amber, item("1.2")], TODAY) == [item("1.2"), old_amber]


def test_within_a_colour_the_longest_stands_first():
    newer, older = item("1.1"), item("1.2", since=date(2009, 11, 1))

    assert reports.order([newer, older], TODAY) == [older, newer]


def test_equally_long_ones_stand_by_reference_as_people_count():
    found = reports.order([item("1.10"), item("M-2"), item("1.9"), item("M-10"), item("10.1")], TODAY)

    assert [one.ref for one in found] == ["1.9", "1.10", "10.1", "M-2", "M-10"]


def test_what_is_accepted_stands_after_everything_else():
    accepted = item("1.1", since=date(2009, 1, 1), accepted_until=date(2010, 1, 31))
    amber = item("1.3", Rag.AMBER)

    assert reports.order([accepted, amber, item("1.2")], TODAY) == [item("1.2"), amber, accepted]


def test_on_the_date_until_which_it_was_accepted_it_is_back_among_the_others():
    accepted = item(accepted_until=date(2009, 12, 17))

    assert reports.is_accepted(accepted, date(2009, 12, 16))
    assert not reports.is_accepted(accepted, date(2009, 12, 17))
    assert not reports.is_accepted(item(), TODAY)


def test_two_kinds_with_one_reference_keep_a_settled_order():
    risk, milestone = item("1", kind="risk"), item("1", kind="milestone")

    assert reports.order([risk, milestone], TODAY) == reports.order([milestone, risk], TODAY)


# --- What is on the list ---------------------------------------------------------------------------------------------


def test_the_report_groups_red_and_amber_and_leaves_green_out():
    found = report(item("1.1", Rag.AMBER), item("1.2"), item("1.3", Rag.GREEN))

    assert (refs(found.red), refs(found.amber), refs(found.rows)) == (["1.2"], ["1.1"], ["1.2", "1.1"])
    assert found.counts == ExceptionCounts(red=1, amber=1, red_now=1, amber_now=1)
    assert (found.counts.total, found.counts.total_now) == (2, 2)


def test_without_exceptions_the_report_is_empty():
    found = report()

    assert found.rows == ()
    assert found.counts == ExceptionCounts(red=0, amber=0, red_now=0, amber_now=0) == ExceptionCounts()
    assert found.withheld_count == 0


def test_today_is_no_look_ahead_and_a_later_day_is():
    assert not report().looks_ahead
    assert not report(filters=ExceptionFilters(on=TODAY)).looks_ahead
    assert report(filters=ExceptionFilters(on=NEXT_REVIEW)).looks_ahead
    assert report(filters=ExceptionFilters(on=NEXT_REVIEW)).on == NEXT_REVIEW
    assert report().on == TODAY


def test_a_look_ahead_counts_what_it_will_be_and_what_it_is():
    found = report(
        item("1.1", rag_now=Rag.GREEN),
        item("1.2", rag_now=Rag.AMBER),
        item("1.3", Rag.AMBER, rag_now=Rag.GREEN),
        filters=ExceptionFilters(on=NEXT_REVIEW),
    )

    assert found.counts == ExceptionCounts(red=2, amber=1, red_now=0, amber_now=1)
    assert found.counts.total_now == 1


def test_a_filter_changes_what_is_shown_and_not_what_is_counted():
    found = report(item("1.1"), item("1.2", Rag.AMBER), filters=ExceptionFilters(rag=Rag.AMBER))

    assert refs(found.rows) == ["1.2"]
    assert found.counts == ExceptionCounts(1, 1, 1, 1)
    assert found.shown == ExceptionCounts(0, 1, 0, 1)


def test_counts_of_a_long_list_may_be_given_with_one_page_of_it():
    whole = ExceptionCounts(red=170, amber=240, red_now=170, amber_now=240)

    assert report(item(), counts=whole).counts == whole


def test_what_is_withheld_is_a_number_and_no_row():
    found = report(item(), withheld_count=2)

    assert (found.withheld_count, len(found.rows), found.counts.total) == (2, 1, 1)


def test_a_row_says_whether_it_is_accepted_on_the_day_of_the_report():
    accepted = item(accepted_until=date(2009, 12, 15))

    assert report(accepted).rows[0].is_accepted
    assert not report(accepted, filters=ExceptionFilters(on=NEXT_REVIEW)).rows[0].is_accepted


# --- Filters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "kept", "left_out"),
    [
        ({"kind": "risk"}, {"kind": "risk"}, {"kind": "milestone"}),
        ({"rag": Rag.RED}, {}, {"rag": Rag.AMBER}),
        ({"theme": "supervision"}, {}, {"theme_id": "family-support"}),
        ({"owner": "workforce"}, {}, {"owner_id": "safeguarding"}),
        ({"organisation": "haringey-council"}, {}, {"organisation_slug": "nhs-haringey"}),
        ({"cause": DelayCause.PARTNER}, {"cause": DelayCause.PARTNER}, {"cause": DelayCause.LEGAL}),
        ({"cause": DelayCause.PARTNER}, {"cause": DelayCause.PARTNER}, {"cause": None}),
        ({"support_required": True}, {"support_required": "Release 14 managers"}, {"support_required": " "}),
        ({"turns_red": True}, {"rag_now": Rag.AMBER}, {"rag_now": Rag.RED}),
        ({"turns_red": True}, {"rag_now": Rag.GREEN}, {"rag": Rag.AMBER, "rag_now": Rag.GREEN}),
    ],
)
def test_each_filter_keeps_what_was_asked_for_and_nothing_else(asked, kept, left_out):
    filters = ExceptionFilters(**asked)

    assert filters.keep(item(**kept))
    assert not filters.keep(item(**left_out))
    assert filters.are_set


def test_an_item_has_to_pass_every_filter():
    filters = ExceptionFilters(theme="supervision", owner="safeguarding")

    assert not filters.keep(item())


def test_without_filters_everything_is_kept_and_a_day_is_no_filter():
    assert ExceptionFilters().keep(item())
    assert not ExceptionFilters().are_set
    assert not ExceptionFilters(on=NEXT_REVIEW).are_set


# --- Badges ----------------------------------------------------------------------------------------------------------


def badge(found, before=None, **asked):
    """The kind of the badge on one row, given its colour in the last report."""
    last_report = {} if before is None else {found.key: before}
    [row] = report(found, **{"last_report": last_report, "next_review": NEXT_REVIEW} | asked).rows
    return row.badge and row.badge.kind


def test_amber_in_the_last_report_and_red_today_is_worse():
    assert badge(item(), Rag.AMBER) == BadgeKind.WORSE


def test_red_in_the_last_report_and_amber_today_is_better():
    assert badge(item(rag=Rag.AMBER), Rag.RED) == BadgeKind.BETTER


def test_not_in_the_last_report_is_new():
    assert badge(item()) == BadgeKind.NEW


@pytest.mark.parametrize("colour", [Rag.RED, Rag.AMBER])
def test_unchanged_since_the_last_report_has_no_badge(colour):
    assert badge(item(rag=colour), colour) is None


def test_before_the_first_report_nothing_is_new():
    assert badge(item(), last_report=None) is None


def test_amber_that_turns_red_by_the_next_review_says_so_rather_than_new_or_better():
    turning = item(rag=Rag.AMBER, turns_red_on=NEXT_REVIEW)

    assert badge(turning) == BadgeKind.TURNS_RED
    assert badge(turning, Rag.RED) == BadgeKind.TURNS_RED
    assert badge(turning, last_report=None) == BadgeKind.TURNS_RED


def test_what_turns_red_after_the_next_review_is_not_yet_said():
    turning = item(rag=Rag.AMBER, turns_red_on=NEXT_REVIEW + timedelta(1))

    assert badge(turning, Rag.AMBER) is None


def test_without_a_next_review_turning_red_looks_as_far_as_the_report():
    turning = item(rag_now=Rag.AMBER, turns_red_on=NEXT_REVIEW)
    ahead = ExceptionFilters(on=NEXT_REVIEW)

    assert badge(turning, Rag.AMBER, next_review=None, filters=ahead) == BadgeKind.TURNS_RED
    assert badge(replace(turning, rag=Rag.AMBER), Rag.AMBER, next_review=None) is None


def test_what_is_red_today_is_worse_and_no_longer_turns_red():
    assert badge(item(turns_red_on=NEXT_REVIEW), Rag.AMBER) == BadgeKind.WORSE
    assert badge(item(turns_red_on=NEXT_REVIEW), Rag.RED) is None


def test_in_a_look_ahead_what_is_still_green_is_not_called_new():
    turning_amber = item(rag=Rag.AMBER, rag_now=Rag.GREEN)

    assert badge(turning_amber, filters=ExceptionFilters(on=NEXT_REVIEW)) is None


@pytest.mark.parametrize(
    ("found", "before", "text"),
    [
        (item(), Rag.AMBER, "Worse: was Amber"),
        (item(rag=Rag.AMBER, turns_red_on=date(2009, 12, 12)), Rag.AMBER, "Turns Red on 12 December 2009"),
        (item(), Rag.GREEN, "New"),
        (item(rag=Rag.AMBER), Rag.RED, "Better: was Red"),
    ],
)
def test_a_badge_is_said_in_words(found, before, text):
    got = reports.badge_for(found, last_report={found.key: before}, horizon=NEXT_REVIEW)

    assert got is not None
    assert got.text == text


# --- All of it together ----------------------------------------------------------------------------------------------

COLOURS = st.sampled_from(Rag)


@st.composite
def items(draw):
    """A list of items with unlike references; by waiting a colour only gets worse."""
    found = []
    for number in range(draw(st.integers(0, 12))):
        now, then = sorted((draw(COLOURS), draw(COLOURS)), key=[Rag.GREEN, Rag.AMBER, Rag.RED].index)
        found.append(
            item(
                f"{draw(st.integers(1, 12))}.{number}",
                rag=then,
                rag_now=now,
                since=date(2009, 12, 1) - timedelta(draw(st.integers(0, 3))),
                theme_id=draw(st.sampled_from(["supervision", "health"])),
                support_required=draw(st.sampled_from(["", "Two chairs"])),
                accepted_until=draw(st.none() | st.just(NEXT_REVIEW)),
            )
        )
    return found


FILTERS = st.builds(
    ExceptionFilters,
    on=st.sampled_from([None, TODAY, NEXT_REVIEW]),
    rag=st.none() | st.sampled_from([Rag.RED, Rag.AMBER]),
    theme=st.none() | st.just("health"),
    support_required=st.booleans(),
    turns_red=st.booleans(),
)


def stands_before(one, other, on):
    """Whether one item is read before another, by comparing them point by point."""
    accepted, other_accepted = (on < (either.accepted_until or date.min) for either in (one, other))
    if accepted != other_accepted:
        return other_accepted
    if one.rag != other.rag:
        return one.rag == Rag.RED
    if one.since != other.since:
        return one.since < other.since
    return [int(part) for part in one.ref.split(".")] <= [int(part) for part in other.ref.split(".")]


@given(listed=items(), filters=FILTERS)
def test_the_report_is_what_going_through_every_item_by_hand_gives(listed, filters):
    found = report(*listed, filters=filters)

    by_hand = {
        one.ref
        for one in listed
        if one.rag != Rag.GREEN
        and filters.rag in (None, one.rag)
        and filters.theme in (None, one.theme_id)
        and (one.support_required or not filters.support_required)
        and (not filters.turns_red or (one.rag == Rag.RED and one.rag_now != Rag.RED))
    }
    read = [row.item for row in found.rows]
    assert {one.ref for one in read} == by_hand
    assert len(read) == len(by_hand)
    assert all(stands_before(one, following, found.on) for one, following in pairwise(read))
    assert found.shown.total == len(read)
    assert found.counts.total == sum(one.rag != Rag.GREEN for one in listed)
    assert all(row.item.rag == Rag.RED for row in found.red)
    assert all(row.item.rag == Rag.AMBER for row in found.amber)
    assert found.counts.accepted == sum(
        one.rag != Rag.GREEN and found.on < (one.accepted_until or date.min) for one in listed
    )
    assert found.shown.accepted == len(found.accepted)


@given(listed=items(), filters=FILTERS)
def test_the_order_in_which_items_come_in_does_not_matter(listed, filters):
    assert report(*listed, filters=filters) == report(*reversed(listed), filters=filters)
