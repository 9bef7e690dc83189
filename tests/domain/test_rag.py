"""What makes a milestone Red or Amber: each rule by hand, then all of them against the table of product.md by day."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import rag
from app.domain.rag import ForecastDays, MilestoneFacts, Moments, Moves, PlanSettings, RuleCode, Slip, Wording
from app.domain.words import EvidencePolicy, EvidenceState, MovedRule, PlanState, Rag, Status

TODAY = date(2009, 12, 10)
ADDED = date(2009, 9, 1)
DUE = date(2009, 11, 30)
FORTNIGHTLY = (date(2009, 12, 3), date(2009, 12, 17))

OPEN = (Status.NOT_STARTED, Status.IN_PROGRESS)


def plan(**changed):
    """An approved plan whose meetings are too far off for silence to matter, unless a test says otherwise."""
    usual = PlanSettings(state=PlanState.APPROVED, cycle_days=10_000, approved_on=ADDED)
    return replace(usual, **changed)


def not_started(**facts):
    return MilestoneFacts(status=Status.NOT_STARTED, added_on=ADDED, **facts)


def in_progress(**facts):
    return MilestoneFacts(status=Status.IN_PROGRESS, added_on=ADDED, **{"in_progress_since": ADDED} | facts)


def completed(**facts):
    return MilestoneFacts(status=Status.COMPLETED, added_on=ADDED, **{"reported_on": date(2009, 11, 20)} | facts)


def achieved(**facts):
    usual = {"reported_on": date(2009, 11, 20), "policy_met_on": date(2009, 11, 20)}
    return MilestoneFacts(status=Status.ACHIEVED, added_on=ADDED, **usual | facts)


def days_of(code, facts, settings=None):
    """(Amber on, Red on) of one rule, or None where it never holds."""
    found = [rule for rule in rag.reasons(facts, settings or plan()) if rule.code == code]
    return (found[0].amber_on, found[0].red_on) if found else None


def codes(facts, settings=None, on=TODAY):
    return [reason.code for reason in rag.reasons_on(facts, settings or plan(), on)]


def sentence(code, facts, settings=None, on=TODAY, **texts):
    found = rag.reasons_on(facts, settings or plan(), on, wording=Wording(**texts))
    return next(reason.message for reason in found if reason.code == code)


# --- Overdue ---------------------------------------------------------------------------------------------------------


def test_an_open_milestone_is_red_from_the_day_after_its_due_date():
    assert days_of(RuleCode.OVERDUE, in_progress(due_date=DUE)) == (date(2009, 12, 1), date(2009, 12, 1))


def test_on_its_due_date_nothing_is_overdue():
    assert codes(in_progress(due_date=DUE), on=DUE) == []


def test_overdue_by_10_days_is_red_for_10_days():
    facts = in_progress(due_date=DUE)

    [reason] = rag.reasons_on(facts, plan(), TODAY)

    assert reason == rag.Reason(RuleCode.OVERDUE, Rag.RED, date(2009, 12, 1), "Overdue by 10 days")


def test_an_overdue_limit_keeps_it_amber_for_that_many_days():
    limit = plan(overdue_limit_days=7)

    assert days_of(RuleCode.OVERDUE, in_progress(due_date=DUE), limit) == (date(2009, 12, 1), date(2009, 12, 8))
    assert rag.reasons_on(in_progress(due_date=DUE), limit, date(2009, 12, 7))[0].colour == Rag.AMBER
    assert rag.reasons_on(in_progress(due_date=DUE), limit, date(2009, 12, 8))[0].colour == Rag.RED


def test_overdue_is_said_in_days_however_long():
    assert sentence(RuleCode.OVERDUE, in_progress(due_date=DUE), on=date(2009, 12, 1)) == "Overdue by 1 day"
    assert sentence(RuleCode.OVERDUE, in_progress(due_date=date(2009, 10, 31))) == "Overdue by 40 days"


@pytest.mark.parametrize("facts", [completed, achieved])
def test_what_is_completed_or_achieved_is_not_overdue(facts):
    assert days_of(RuleCode.OVERDUE, facts(due_date=DUE)) is None


# --- Evidence outstanding --------------------------------------------------------------------------------------------


def test_completed_without_evidence_is_amber_once_due_and_red_28_days_after_the_report():
    facts = completed(due_date=date(2009, 11, 25), reported_on=date(2009, 11, 20))

    assert days_of(RuleCode.EVIDENCE_OUTSTANDING, facts) == (date(2009, 11, 26), date(2009, 12, 18))


def test_completed_early_without_evidence_is_amber_after_14_days_and_red_once_due():
    facts = completed(due_date=date(2010, 3, 31), reported_on=date(2009, 11, 20))

    assert days_of(RuleCode.EVIDENCE_OUTSTANDING, facts) == (date(2009, 12, 4), date(2010, 4, 1))


def test_completed_without_a_due_date_only_the_report_counts():
    facts = completed(reported_on=date(2009, 11, 20))

    assert days_of(RuleCode.EVIDENCE_OUTSTANDING, facts) == (date(2009, 12, 4), date(2009, 12, 18))


def test_without_a_day_of_report_the_clock_starts_when_it_was_added():
    facts = completed(reported_on=None)

    assert days_of(RuleCode.EVIDENCE_OUTSTANDING, facts) == (ADDED + timedelta(14), ADDED + timedelta(28))


def test_evidence_that_counted_for_a_while_makes_it_outstanding_only_from_the_day_it_stopped():
    facts = completed(due_date=date(2009, 10, 1), reported_on=date(2009, 10, 1), evidence_lost_on=date(2009, 12, 5))

    assert days_of(RuleCode.EVIDENCE_OUTSTANDING, facts) == (date(2009, 12, 5), date(2009, 12, 5))


def test_evidence_that_runs_out_makes_it_outstanding_from_the_day_after():
    facts = completed(
        due_date=DUE, reported_on=DUE, policy_met_on=DUE, policy_met_until=date(2010, 1, 31), lapsed_on=None
    )

    assert days_of(RuleCode.EVIDENCE_OUTSTANDING, facts) == (date(2010, 2, 1), date(2010, 2, 1))


def test_completed_with_evidence_that_stays_is_not_outstanding():
    assert days_of(RuleCode.EVIDENCE_OUTSTANDING, completed(due_date=DUE, policy_met_on=DUE)) is None


@pytest.mark.parametrize(
    ("facts", "ending"),
    [
        ({"evidence_state": EvidenceState.NOTHING_SENT}, "nothing sent"),
        ({"evidence_state": EvidenceState.REJECTED}, "what was sent was rejected"),
        (
            {"evidence_state": EvidenceState.WAITING, "evidence_waiting_since": date(2009, 12, 8)},
            "waiting for review since 8 December 2009 by the Performance Manager",
        ),
        ({"evidence_state": EvidenceState.WAITING}, "waiting for review by the Performance Manager"),
        ({"evidence_lost_on": date(2009, 12, 2)}, "nothing counts since 2 December 2009"),
        (
            {"policy_met_on": date(2009, 11, 20), "policy_met_until": date(2009, 12, 9)},
            "what was sent ran out on 9 December 2009",
        ),
    ],
)
def test_the_sentence_says_what_is_missing(facts, ending):
    said = sentence(RuleCode.EVIDENCE_OUTSTANDING, completed(due_date=DUE, **facts), reviewer="the Performance Manager")

    assert said == f"Reported complete, evidence outstanding: {ending}"


# --- Evidence lapsed -------------------------------------------------------------------------------------------------


def test_what_fell_back_from_achieved_is_amber_that_day_and_red_28_days_later():
    facts = completed(due_date=date(2009, 6, 30), lapsed_on=date(2009, 12, 5))

    assert days_of(RuleCode.EVIDENCE_LAPSED, facts) == (date(2009, 12, 5), date(2010, 1, 2))
    assert rag.moments(facts, plan()) == Moments(date(2009, 12, 5), date(2010, 1, 2))


def test_falling_back_starts_the_clock_of_outstanding_evidence_afresh():
    facts = completed(due_date=date(2009, 6, 30), reported_on=date(2009, 6, 1), lapsed_on=date(2009, 12, 5))

    assert days_of(RuleCode.EVIDENCE_OUTSTANDING, facts) == (date(2009, 12, 5), date(2010, 1, 2))


def test_it_is_not_lapsed_while_its_policy_is_met_again():
    facts = completed(lapsed_on=date(2009, 12, 5), policy_met_on=date(2009, 12, 8))

    assert days_of(RuleCode.EVIDENCE_LAPSED, facts) is None


def test_a_lapse_comes_back_when_the_new_evidence_runs_out():
    facts = completed(lapsed_on=date(2009, 11, 1), policy_met_on=date(2009, 12, 8), policy_met_until=date(2009, 12, 20))

    assert days_of(RuleCode.EVIDENCE_LAPSED, facts) == (date(2009, 12, 21), date(2009, 12, 21))


def test_a_lapse_is_not_dated_back_over_the_days_on_which_the_policy_was_met_again():
    facts = completed(lapsed_on=date(2009, 10, 1), evidence_lost_on=date(2009, 12, 5))

    assert days_of(RuleCode.EVIDENCE_LAPSED, facts) == (date(2009, 12, 5), date(2009, 12, 5))


def test_the_day_of_the_lapse_counts_when_the_loss_is_recorded_earlier():
    facts = completed(lapsed_on=date(2009, 12, 5), evidence_lost_on=date(2009, 12, 4))

    assert days_of(RuleCode.EVIDENCE_LAPSED, facts) == (date(2009, 12, 5), date(2010, 1, 2))


def test_an_achieved_milestone_whose_evidence_ends_is_an_exception_from_the_day_after():
    facts = achieved(due_date=DUE, policy_met_until=date(2009, 12, 9))

    assert rag.moments(facts, plan()) == Moments(date(2009, 12, 10), date(2010, 1, 7))
    assert sentence(RuleCode.EVIDENCE_LAPSED, facts) == (
        "No longer achieved: its evidence stopped counting on 10 December 2009"
    )


def test_an_achieved_milestone_whose_evidence_stands_is_never_an_exception():
    facts = achieved(due_date=DUE, reopening_pending=True, reopened_on=TODAY, declared_rag=Rag.RED, declared_on=TODAY)

    assert rag.reasons(facts, plan()) == ()


# --- Confirmation due ------------------------------------------------------------------------------------------------


def test_evidence_in_place_and_not_marked_achieved_is_amber_after_14_days_and_never_red():
    facts = completed(due_date=DUE, reported_on=date(2009, 11, 10), policy_met_on=date(2009, 11, 20))

    assert days_of(RuleCode.CONFIRMATION_DUE, facts) == (date(2009, 12, 4), None)


@pytest.mark.parametrize("later", [{"reported_on": date(2009, 11, 25)}, {"lapsed_on": date(2009, 11, 25)}])
def test_the_14_days_begin_with_whatever_came_last(later):
    facts = completed(**{"policy_met_on": date(2009, 11, 20)} | later)

    assert days_of(RuleCode.CONFIRMATION_DUE, facts) == (date(2009, 12, 9), None)


def test_who_is_to_confirm_is_named():
    facts = completed(policy_met_on=date(2009, 11, 20))

    assert sentence(RuleCode.CONFIRMATION_DUE, facts, programme_manager="the Programme Manager") == (
        "Evidence in place for 21 days, waiting for the Programme Manager to mark it achieved"
    )


def test_confirmation_gives_way_to_outstanding_evidence_on_the_day_the_evidence_ends():
    facts = completed(due_date=DUE, policy_met_on=date(2009, 11, 20), policy_met_until=date(2009, 12, 9))

    assert codes(facts, on=date(2009, 12, 9)) == [RuleCode.CONFIRMATION_DUE]
    assert codes(facts, on=date(2009, 12, 10)) == [RuleCode.EVIDENCE_OUTSTANDING]


def test_evidence_that_ends_within_the_14_days_leaves_nothing_to_confirm():
    facts = completed(policy_met_on=date(2009, 11, 20), policy_met_until=date(2009, 12, 3))

    assert days_of(RuleCode.CONFIRMATION_DUE, facts) is None


def test_evidence_that_ends_on_the_14th_day_is_to_be_confirmed_that_day():
    facts = completed(policy_met_on=date(2009, 11, 20), policy_met_until=date(2009, 12, 4))

    assert days_of(RuleCode.CONFIRMATION_DUE, facts) == (date(2009, 12, 4), None)


def test_without_evidence_there_is_nothing_to_confirm():
    assert days_of(RuleCode.CONFIRMATION_DUE, completed(due_date=DUE)) is None


# --- Forecast --------------------------------------------------------------------------------------------------------


def late_forecast(**facts):
    usual = {"due_date": date(2009, 12, 18), "forecast_date": date(2010, 1, 8), "forecast_late_on": date(2009, 11, 26)}
    return in_progress(**usual | facts)


def test_a_forecast_after_the_due_date_is_amber_from_the_day_it_first_was():
    assert days_of(RuleCode.FORECAST_LATE, late_forecast()) == (date(2009, 11, 26), None)
    assert sentence(RuleCode.FORECAST_LATE, late_forecast()) == "Forecast 3 weeks after due"


def test_a_forecast_beyond_the_tolerance_is_red_from_the_day_it_first_was():
    facts = late_forecast(forecast_beyond_on=date(2009, 12, 4))

    assert days_of(RuleCode.FORECAST_LATE, facts) == (date(2009, 11, 26), date(2009, 12, 4))


@pytest.mark.parametrize("missing", ["due_date", "forecast_date", "forecast_late_on"])
def test_without_both_dates_no_forecast_is_late(missing):
    assert days_of(RuleCode.FORECAST_LATE, late_forecast(**{missing: None})) is None


def test_a_late_forecast_counts_from_the_return_of_a_completion_that_ended_the_earlier_run():
    facts = late_forecast(forecast_beyond_on=date(2009, 11, 27), open_again_on=date(2009, 12, 7))

    assert days_of(RuleCode.FORECAST_LATE, facts) == (date(2009, 12, 7), date(2009, 12, 7))


def test_a_forecast_date_that_has_passed_is_amber_from_the_day_after():
    facts = in_progress(due_date=date(2010, 3, 1), forecast_date=date(2009, 12, 5))

    assert days_of(RuleCode.FORECAST_PASSED, facts) == (date(2009, 12, 6), None)
    assert sentence(RuleCode.FORECAST_PASSED, facts) == "Forecast date passed 5 days ago"


def test_without_a_forecast_none_has_passed():
    assert days_of(RuleCode.FORECAST_PASSED, in_progress(due_date=DUE)) is None


# --- Declared --------------------------------------------------------------------------------------------------------


def declared(colour, **facts):
    usual = {"due_date": date(2010, 3, 1), "declared_rag": colour, "declared_on": date(2009, 11, 25)}
    return in_progress(**usual | facts)


def test_a_declaration_holds_at_its_colour_from_its_day():
    assert days_of(RuleCode.DECLARED, declared(Rag.AMBER)) == (date(2009, 11, 25), None)
    assert days_of(RuleCode.DECLARED, declared(Rag.RED)) == (date(2009, 11, 25), date(2009, 11, 25))


def test_declaring_green_improves_nothing():
    facts = declared(Rag.GREEN, due_date=DUE)

    assert codes(facts) == [RuleCode.OVERDUE]


def test_a_declaration_without_a_day_does_not_hold():
    assert days_of(RuleCode.DECLARED, declared(Rag.RED, declared_on=None)) is None


def test_completion_ends_a_declaration():
    facts = completed(declared_rag=Rag.RED, declared_on=TODAY, policy_met_on=TODAY)

    assert codes(facts) == []


@pytest.mark.parametrize(
    ("title", "rationale", "said"),
    [
        (
            None,
            "consultation replies still coming in.",
            "Declared Amber by its owner: consultation replies still coming in",
        ),
        ("the Director", "  no\n staff  ", "Declared Amber by the Director: no staff"),
        ("the Director", "", "Declared Amber by the Director"),
    ],
)
def test_a_declaration_says_who_declared_what_and_why(title, rationale, said):
    facts = declared(Rag.AMBER, declared_by_title=title)

    assert sentence(RuleCode.DECLARED, facts, declared_rationale=rationale) == said


# --- Late start ------------------------------------------------------------------------------------------------------


def test_not_started_is_amber_from_the_day_after_the_start_date():
    facts = not_started(start_date=date(2009, 11, 30), due_date=date(2010, 3, 1))

    assert days_of(RuleCode.LATE_START, facts) == (date(2009, 12, 1), None)
    assert sentence(RuleCode.LATE_START, facts) == "Not started: start date passed 10 days ago"


def test_without_a_start_date_it_is_amber_28_days_before_the_due_date():
    facts = not_started(due_date=date(2009, 12, 31))

    assert days_of(RuleCode.LATE_START, facts) == (date(2009, 12, 3), None)
    assert sentence(RuleCode.LATE_START, facts) == "Not started: due on 31 December 2009"


def test_added_late_it_is_amber_halfway_to_the_due_date():
    facts = replace(not_started(due_date=date(2009, 12, 31)), added_on=date(2009, 12, 10))

    assert days_of(RuleCode.LATE_START, facts) == (date(2009, 12, 20), None)


def test_once_past_due_the_sentence_says_so():
    facts = not_started(due_date=DUE)

    assert sentence(RuleCode.LATE_START, facts) == "Not started: due date passed 10 days ago"
    assert sentence(RuleCode.LATE_START, facts, on=DUE) == "Not started: due on 30 November 2009"


def test_without_any_date_a_start_is_never_late():
    assert days_of(RuleCode.LATE_START, not_started()) is None


def test_once_started_the_start_is_not_late():
    assert days_of(RuleCode.LATE_START, in_progress(start_date=ADDED, due_date=date(2010, 3, 1))) is None


# --- No update -------------------------------------------------------------------------------------------------------


def silent(**facts):
    return in_progress(**{"due_date": date(2010, 6, 30)} | facts)


FORTNIGHTS = plan(cycle_days=14, meetings=tuple(date(2009, 10, 8) + timedelta(14 * n) for n in range(8)))


def test_an_update_covers_the_next_meeting_and_the_second_and_fourth_after_that_decide():
    facts = silent(in_progress_since=ADDED, last_update_on=date(2009, 10, 7))

    assert days_of(RuleCode.NO_UPDATE, facts, FORTNIGHTS) == (date(2009, 11, 5), date(2009, 12, 3))


def test_an_update_on_the_day_of_a_meeting_covers_that_meeting():
    facts = silent(last_update_on=date(2009, 10, 8))

    assert days_of(RuleCode.NO_UPDATE, facts, FORTNIGHTS) == (date(2009, 11, 5), date(2009, 12, 3))


def test_an_update_the_day_after_a_meeting_covers_the_one_after():
    facts = silent(last_update_on=date(2009, 10, 9))

    assert days_of(RuleCode.NO_UPDATE, facts, FORTNIGHTS) == (date(2009, 11, 19), date(2009, 12, 17))


def test_no_change_covers_one_meeting_and_the_sentence_counts_from_what_was_really_said():
    facts = silent(last_update_on=date(2009, 10, 7), no_change_on=date(2009, 10, 20))

    assert days_of(RuleCode.NO_UPDATE, facts, FORTNIGHTS) == (date(2009, 11, 19), date(2009, 12, 17))
    assert sentence(RuleCode.NO_UPDATE, facts, FORTNIGHTS, on=date(2009, 11, 19)) == (
        "Nothing but “no change” for 43 days and at least 2 review meetings"
    )


@pytest.mark.parametrize("last_update_on", [None, date(2009, 9, 30)])
def test_starting_without_an_update_covers_no_meeting(last_update_on):
    facts = silent(in_progress_since=date(2009, 10, 7), last_update_on=last_update_on)

    assert days_of(RuleCode.NO_UPDATE, facts, FORTNIGHTS) == (date(2009, 10, 22), date(2009, 11, 19))


def test_where_the_list_of_meetings_ends_further_ones_are_reckoned_from_the_cycle():
    settings = plan(cycle_days=14, meetings=(date(2009, 10, 8), date(2009, 10, 23)))
    facts = silent(last_update_on=date(2009, 10, 7))

    assert days_of(RuleCode.NO_UPDATE, facts, settings) == (date(2009, 11, 6), date(2009, 12, 4))


def test_without_the_day_it_started_silence_counts_from_the_day_it_was_added():
    facts = silent(in_progress_since=None)

    assert days_of(RuleCode.NO_UPDATE, facts, FORTNIGHTS) == (date(2009, 10, 22), date(2009, 11, 19))


def test_without_meetings_nobody_is_silent():
    assert days_of(RuleCode.NO_UPDATE, silent(), plan(approved_on=None)) is None


def test_when_the_calendar_ends_before_the_fourth_meeting_it_is_never_red():
    settings = plan(cycle_days=7, meetings=(date(9999, 12, 20),))
    facts = silent(in_progress_since=date(9999, 12, 20))

    assert days_of(RuleCode.NO_UPDATE, facts, settings) == (date(9999, 12, 27), None)
    assert sentence(RuleCode.NO_UPDATE, facts, settings, on=date(9999, 12, 30)) == (
        "No update for 10 days and at least 2 review meetings"
    )


def test_the_sentence_says_how_long_nothing_was_heard():
    facts = silent(last_update_on=date(2009, 10, 7))

    assert sentence(RuleCode.NO_UPDATE, facts, FORTNIGHTS, on=date(2009, 11, 7)) == (
        "No update for 31 days and at least 2 review meetings"
    )
    assert sentence(RuleCode.NO_UPDATE, facts, FORTNIGHTS, on=date(2009, 12, 3)) == (
        "No update for 57 days and at least 4 review meetings"
    )


def test_before_it_has_started_nobody_owes_an_update():
    assert days_of(RuleCode.NO_UPDATE, not_started(due_date=date(2010, 6, 30)), FORTNIGHTS) is None


# --- No date, no owner, moved, reopened ------------------------------------------------------------------------------


@pytest.mark.parametrize("milestone", [not_started, in_progress])
def test_open_without_a_due_date_is_amber_from_that_day(milestone):
    facts = milestone(no_date_on=date(2009, 12, 1))

    assert days_of(RuleCode.NO_DATE, facts) == (date(2009, 12, 1), None)
    assert sentence(RuleCode.NO_DATE, facts) == "No agreed due date"


@pytest.mark.parametrize(("left", "said"), [(False, "No owner"), (True, "Its owner has left")])
def test_open_without_an_owner_is_amber_from_that_day(left, said):
    facts = in_progress(due_date=date(2010, 3, 1), no_owner_on=date(2009, 12, 1), owner_left=left)

    assert days_of(RuleCode.NO_OWNER, facts) == (date(2009, 12, 1), None)
    assert sentence(RuleCode.NO_OWNER, facts) == said


FIRST, SECOND, FAR = date(2009, 10, 1), date(2009, 11, 1), date(2009, 11, 15)


@pytest.mark.parametrize(
    ("setting", "approvals", "amber_on"),
    [
        (MovedRule.OFF, (FIRST, SECOND, FAR), None),
        (MovedRule.STANDARD, (FIRST, None, None), None),
        (MovedRule.STANDARD, (FIRST, SECOND, FAR), SECOND),
        (MovedRule.STANDARD, (FIRST, None, FAR), FAR),
        (MovedRule.ANY, (FIRST, SECOND, FAR), FIRST),
        (MovedRule.ANY, (None, None, None), None),
    ],
)
def test_a_moved_due_date_is_amber_from_the_approval_that_the_plan_says_decides(setting, approvals, amber_on):
    first, second, far = approvals
    facts = in_progress(
        due_date=date(2010, 3, 1), first_moved_on=first, second_moved_on=second, moved_far_on=far, moves=2
    )

    expected = None if amber_on is None else (amber_on, None)
    assert days_of(RuleCode.MOVED_REPEATEDLY, facts, plan(moved_rule=setting)) == expected


@pytest.mark.parametrize(
    ("moves", "far", "said"),
    [
        (2, None, "Due date moved twice"),
        (3, None, "Due date moved 3 times"),
        (1, FAR, "Due date moved once, by over 84 days in all"),
    ],
)
def test_the_sentence_says_how_often_it_was_moved(moves, far, said):
    facts = in_progress(due_date=date(2010, 3, 1), first_moved_on=FIRST, moved_far_on=far, moves=moves)

    assert sentence(RuleCode.MOVED_REPEATEDLY, facts, plan(moved_rule=MovedRule.ANY)) == said


def reopened(**facts):
    usual = {
        "due_date": date(2009, 10, 1),
        "in_progress_since": date(2009, 12, 5),
        "reopened_on": date(2009, 12, 5),
        "reopening_pending": True,
    }
    return in_progress(**usual | facts)


def test_reopened_is_red_from_that_day_and_never_from_its_old_due_date():
    assert rag.moments(reopened(), plan()) == Moments(date(2009, 12, 5), date(2009, 12, 5))
    assert sentence(RuleCode.REOPENED, reopened()) == "Reopened on 5 December 2009, new due date not yet approved"


def test_while_a_new_due_date_is_awaited_no_rule_looks_at_the_old_one():
    facts = reopened(forecast_date=date(2009, 11, 1), forecast_late_on=date(2009, 9, 1))

    assert codes(facts) == [RuleCode.REOPENED, RuleCode.FORECAST_PASSED]


def test_while_a_new_due_date_is_awaited_completion_is_judged_by_the_report_alone():
    facts = completed(
        due_date=date(2009, 10, 1), reported_on=TODAY, reopened_on=date(2009, 12, 5), reopening_pending=True
    )

    assert days_of(RuleCode.EVIDENCE_OUTSTANDING, facts) == (date(2009, 12, 24), date(2010, 1, 7))
    assert codes(facts) == [RuleCode.REOPENED]


def test_while_a_new_due_date_is_awaited_the_start_is_not_late():
    facts = replace(reopened(), status=Status.NOT_STARTED)

    assert days_of(RuleCode.LATE_START, facts) is None


@pytest.mark.parametrize(
    "old",
    [
        {"forecast_date": date(2009, 10, 1)},
        {"no_owner_on": date(2009, 10, 1)},
        {"no_date_on": date(2009, 10, 1), "due_date": None},
        {"first_moved_on": FIRST, "second_moved_on": SECOND, "moves": 2},
    ],
)
def test_what_was_so_before_a_reopening_counts_from_the_reopening(old):
    facts = reopened(**{"due_date": date(2010, 3, 1), "reopening_pending": False} | old)

    assert rag.moments(facts, plan()).amber_on == date(2009, 12, 5)


def test_once_the_new_due_date_is_approved_it_is_no_longer_red_for_having_been_reopened():
    assert codes(reopened(due_date=date(2010, 3, 1), reopening_pending=False)) == []


def test_a_reopening_without_a_day_does_not_hold():
    assert days_of(RuleCode.REOPENED, reopened(reopened_on=None)) is None


# --- All rules together ----------------------------------------------------------------------------------------------


def everything_wrong(status):
    """Every fact that could trip a rule, all at once."""
    return MilestoneFacts(
        status=status,
        added_on=ADDED,
        start_date=date(2009, 10, 1),
        due_date=DUE,
        forecast_date=date(2009, 12, 5),
        in_progress_since=ADDED,
        reported_on=ADDED,
        forecast_late_on=date(2009, 11, 10),
        declared_rag=Rag.AMBER,
        declared_on=date(2009, 11, 5),
        no_owner_on=date(2009, 11, 5),
        second_moved_on=date(2009, 11, 1),
        moves=2,
    )


@pytest.mark.parametrize("status", list(Status))
def test_in_a_draft_plan_nothing_is_an_exception(status):
    assert rag.reasons(everything_wrong(status), plan(state=PlanState.DRAFT)) == ()


def test_a_plan_that_sets_nothing_has_the_usual_settings():
    usual = PlanSettings(state=PlanState.APPROVED)

    assert (usual.policy, usual.moved_rule) == (EvidencePolicy.ATTACHED, MovedRule.STANDARD)
    assert (usual.tolerance_days, usual.overdue_limit_days, usual.cycle_days) == (28, 0, 14)


def test_a_cancelled_milestone_is_never_an_exception():
    assert rag.reasons(everything_wrong(Status.CANCELLED), plan()) == ()


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_its_rules(status):
    assert status in rag.JUDGES


def test_every_rule_that_holds_is_shown_the_worst_first_and_then_the_longest():
    found = rag.reasons_on(everything_wrong(Status.NOT_STARTED), plan(), TODAY)

    assert [(reason.code, reason.colour, reason.since) for reason in found] == [
        (RuleCode.OVERDUE, Rag.RED, date(2009, 12, 1)),
        (RuleCode.LATE_START, Rag.AMBER, date(2009, 10, 2)),
        (RuleCode.MOVED_REPEATEDLY, Rag.AMBER, date(2009, 11, 1)),
        (RuleCode.DECLARED, Rag.AMBER, date(2009, 11, 5)),
        (RuleCode.NO_OWNER, Rag.AMBER, date(2009, 11, 5)),
        (RuleCode.FORECAST_LATE, Rag.AMBER, date(2009, 11, 10)),
        (RuleCode.FORECAST_PASSED, Rag.AMBER, date(2009, 12, 6)),
    ]


def test_the_moments_are_the_earliest_of_all_rules():
    assert rag.moments(everything_wrong(Status.NOT_STARTED), plan()) == Moments(date(2009, 10, 2), date(2009, 12, 1))


def test_without_reasons_there_are_no_moments():
    assert rag.moments(achieved(due_date=DUE), plan()) == Moments(None, None)


def test_a_rule_that_lies_ahead_is_known_and_not_yet_a_reason():
    facts = in_progress(due_date=date(2009, 12, 14))

    assert days_of(RuleCode.OVERDUE, facts) == (date(2009, 12, 15), date(2009, 12, 15))
    assert codes(facts, on=TODAY) == []
    assert codes(facts, on=date(2009, 12, 17)) == [RuleCode.OVERDUE]


NEAR = st.dates(min_value=date(2009, 10, 1), max_value=date(2010, 1, 31))
MAYBE = st.none() | NEAR
HORIZON = [date(2009, 9, 25) + timedelta(n) for n in range(230)]


@st.composite
def plans(draw):
    return PlanSettings(
        state=draw(st.sampled_from([PlanState.APPROVED, PlanState.APPROVED, PlanState.CLOSED, PlanState.DRAFT])),
        policy=draw(st.sampled_from(EvidencePolicy)),
        tolerance_days=draw(st.integers(0, 28)),
        overdue_limit_days=draw(st.integers(0, 28)),
        moved_rule=draw(st.sampled_from(MovedRule)),
        cycle_days=draw(st.integers(5, 30)),
        meetings=tuple(sorted(draw(st.sets(NEAR, max_size=5)))),
        approved_on=draw(MAYBE),
    )


@st.composite
def milestones(draw):
    """Any facts at all, so long as what is stored in pairs belongs together."""
    late_on = draw(MAYBE)
    updated_on = draw(MAYBE)
    met_on = draw(MAYBE)
    reopened_on = draw(MAYBE)
    lasting = st.none() | st.integers(0, 60).map(lambda n: (met_on or ADDED) + timedelta(n))
    return MilestoneFacts(
        status=draw(st.sampled_from(Status)),
        added_on=draw(NEAR),
        start_date=draw(MAYBE),
        due_date=draw(MAYBE),
        forecast_date=draw(MAYBE),
        in_progress_since=draw(MAYBE),
        last_update_on=updated_on,
        no_change_on=draw(st.none() | st.integers(0, 60).map(lambda n: updated_on + timedelta(n)))
        if updated_on
        else None,
        reported_on=draw(MAYBE),
        policy_met_on=met_on,
        policy_met_until=draw(lasting) if met_on else None,
        evidence_lost_on=draw(MAYBE),
        evidence_state=draw(st.sampled_from(EvidenceState)),
        evidence_waiting_since=draw(MAYBE),
        lapsed_on=draw(MAYBE),
        forecast_late_on=late_on,
        forecast_beyond_on=draw(st.none() | st.integers(0, 60).map(lambda n: late_on + timedelta(n)))
        if late_on
        else None,
        declared_rag=draw(st.none() | st.sampled_from(Rag)),
        declared_on=draw(MAYBE),
        no_date_on=draw(MAYBE),
        no_owner_on=draw(MAYBE),
        owner_left=draw(st.booleans()),
        first_moved_on=draw(MAYBE),
        second_moved_on=draw(MAYBE),
        moved_far_on=draw(MAYBE),
        moves=draw(st.integers(0, 4)),
        open_again_on=draw(MAYBE),
        reopened_on=reopened_on,
        reopening_pending=draw(st.booleans()) if reopened_on else False,
    )


def silent_meetings(facts, settings, day):
    """How many review meetings in a row, up to `day`, no update covers: by walking the calendar."""
    listed = set(settings.meetings)
    anchor = max(settings.meetings, default=settings.approved_on)
    begun = facts.in_progress_since or facts.added_on
    said_on = facts.no_change_on or facts.last_update_on
    quiet = max(begun, said_on or begun)
    covered = said_on is not None and said_on >= begun
    silent = 0
    for ordinal in range(quiet.toordinal(), day.toordinal() + 1):
        walked = date.fromordinal(ordinal)
        after = (walked - anchor).days if anchor else 0
        if walked in listed or (after > 0 and after % settings.cycle_days == 0):
            silent, covered = (silent, False) if covered else (silent + 1, False)
    return silent


def table_says(facts, settings, day):  # noqa: C901  read beside the table in product.md, row by row
    """The table of product.md judged for one day: the colours of all rules that hold on it."""
    held: dict[str, Rag] = {}
    if settings.state != PlanState.APPROVED or facts.status == Status.CANCELLED:
        return held  # a draft is not yet judged; in a closed plan each open item says where it went

    def since(*days):
        return all(one is not None and one <= day for one in days)

    def after(one, n=0):
        return one is not None and (day - one).days > n

    due = None if facts.reopening_pending else facts.due_date
    is_met = facts.policy_met_on is not None and not after(facts.policy_met_until)

    if facts.status == Status.ACHIEVED:
        if after(facts.policy_met_until):
            held["evidence_lapsed"] = Rag.RED if after(facts.policy_met_until, 28) else Rag.AMBER
            if after(due) or after(facts.policy_met_until, 14):
                is_red = (due is None or after(due)) and after(facts.policy_met_until, 28)
                held["evidence_outstanding"] = Rag.RED if is_red else Rag.AMBER
        return held

    if facts.reopening_pending and since(facts.reopened_on):
        held["reopened"] = Rag.RED

    if facts.status == Status.COMPLETED:
        clock = facts.lapsed_on or facts.reported_on or facts.added_on
        begun = [] if facts.policy_met_on else [one for one in (facts.lapsed_on, facts.evidence_lost_on) if one]
        if not is_met and since(*begun):
            if after(due) or after(clock, 13):
                is_red = (due is None or after(due)) and after(clock, 27)
                held["evidence_outstanding"] = Rag.RED if is_red else Rag.AMBER
            if facts.lapsed_on:
                held["evidence_lapsed"] = Rag.RED if after(facts.lapsed_on, 27) else Rag.AMBER
        if is_met and all(after(one, 13) for one in (facts.policy_met_on, facts.reported_on, clock) if one):
            held["confirmation_due"] = Rag.AMBER
        return held

    is_open_again = since(*(one for one in (facts.open_again_on, facts.reopened_on) if one))
    if after(due):
        held["overdue"] = Rag.RED if after(due, settings.overdue_limit_days) else Rag.AMBER
    if due and facts.forecast_date and is_open_again and since(facts.forecast_late_on):
        held["forecast_late"] = Rag.RED if since(facts.forecast_beyond_on) else Rag.AMBER
    if after(facts.forecast_date) and is_open_again:
        held["forecast_passed"] = Rag.AMBER
    if facts.declared_rag in (Rag.AMBER, Rag.RED) and since(facts.declared_on):
        held["declared"] = facts.declared_rag
    if since(facts.no_date_on) and is_open_again:
        held["no_date"] = Rag.AMBER
    if since(facts.no_owner_on) and is_open_again:
        held["no_owner"] = Rag.AMBER
    was_moved = {
        MovedRule.OFF: False,
        MovedRule.STANDARD: since(facts.second_moved_on) or since(facts.moved_far_on),
        MovedRule.ANY: since(facts.first_moved_on),
    }
    if was_moved[settings.moved_rule] and is_open_again:
        held["moved_repeatedly"] = Rag.AMBER
    if facts.status == Status.NOT_STARTED:
        if facts.start_date:
            is_late = after(facts.start_date)
        else:
            is_late = due and (due - day).days <= 28 and (day - facts.added_on).days >= (due - facts.added_on).days // 2
        if is_late:
            held["late_start"] = Rag.AMBER
    elif (meetings := silent_meetings(facts, settings, day)) >= 2:
        held["no_update"] = Rag.RED if meetings >= 4 else Rag.AMBER
    return held


@given(facts=milestones(), settings=plans(), day=st.sampled_from(HORIZON))
def test_on_any_day_the_reasons_are_those_of_the_table(facts, settings, day):
    found = {str(reason.code): reason.colour for reason in rag.reasons_on(facts, settings, day)}

    assert found == table_says(facts, settings, day)


@given(facts=milestones(), settings=plans(), day=st.sampled_from(HORIZON))
def test_on_any_day_the_colour_by_the_moments_is_that_of_the_worst_reason(facts, settings, day):
    found = rag.reasons_on(facts, settings, day)

    worst = found[0].colour if found else Rag.GREEN
    assert rag.colour_on(rag.moments(facts, settings), day) == worst


@given(facts=milestones(), settings=plans())
def test_by_waiting_nothing_gets_better(facts, settings):
    worst = 0
    for day in HORIZON[::3]:
        found = rag.reasons_on(facts, settings, day)
        severity = rag.SEVERITY[found[0].colour] if found else 0
        assert severity >= worst
        worst = severity


@given(facts=milestones(), settings=plans())
def test_what_is_red_has_been_an_exception_at_least_as_long(facts, settings):
    found = rag.moments(facts, settings)

    assert found.red_on is None or (found.amber_on is not None and found.amber_on <= found.red_on)


@given(facts=milestones(), settings=plans(), day=st.sampled_from(HORIZON))
def test_every_reason_is_a_sentence_without_a_full_stop_and_begins_by_that_day(facts, settings, day):
    for reason in rag.reasons_on(facts, settings, day):
        assert reason.message[0].isupper()
        assert not reason.message.endswith((".", ":", " "))
        assert "None" not in reason.message
        assert reason.since <= day


@given(facts=milestones(), settings=plans(), day=st.sampled_from(HORIZON))
def test_when_stored_facts_catch_up_with_an_expiry_the_colour_stays(facts, settings, day):
    met_on = facts.policy_met_on or ADDED
    until = facts.policy_met_until or met_on + timedelta(30)
    before = replace(
        facts,
        status=Status.COMPLETED,
        policy_met_on=met_on,
        policy_met_until=until,
        lapsed_on=min(facts.lapsed_on, met_on) if facts.lapsed_on else None,
    )
    caught_up = replace(before, policy_met_on=None, policy_met_until=None, evidence_lost_on=until + timedelta(1))
    later = max(day, until + timedelta(1))

    assert rag.colour_on(rag.moments(caught_up, settings), later) == rag.colour_on(rag.moments(before, settings), later)


@given(due=MAYBE, ended=NEAR, day=st.sampled_from(HORIZON))
def test_when_an_achieved_milestone_falls_back_its_colour_is_what_it_already_was(due, ended, day):
    stored = achieved(due_date=due, policy_met_until=ended - timedelta(1))
    caught_up = completed(due_date=due, lapsed_on=ended, evidence_lost_on=ended)

    assert rag.moments(stored, plan()) == rag.moments(caught_up, plan())


# --- Moments and the unbroken run ------------------------------------------------------------------------------------


def test_a_change_that_leaves_it_red_keeps_the_first_day_of_the_run():
    kept = rag.carry_run(
        Moments(date(2009, 11, 1), date(2009, 11, 20)), Moments(date(2009, 12, 5), date(2009, 12, 8)), TODAY
    )

    assert kept == Moments(date(2009, 11, 1), date(2009, 11, 20))


def test_a_fact_that_was_so_for_longer_counts_from_its_own_day():
    kept = rag.carry_run(Moments(date(2009, 12, 5), None), Moments(date(2009, 11, 1), date(2009, 11, 1)), TODAY)

    assert kept == Moments(date(2009, 11, 1), date(2009, 11, 1))


def test_back_at_amber_the_run_at_red_is_over_and_the_exception_goes_on():
    kept = rag.carry_run(Moments(date(2009, 11, 1), date(2009, 11, 20)), Moments(TODAY, date(2009, 12, 20)), TODAY)

    assert kept == Moments(date(2009, 11, 1), date(2009, 12, 20))


def test_once_green_nothing_of_the_run_is_left():
    kept = rag.carry_run(Moments(date(2009, 11, 1), date(2009, 11, 20)), Moments(None, None), TODAY)

    assert kept == Moments(None, None)


def test_what_lay_ahead_is_no_run():
    ahead = Moments(date(2009, 12, 11), date(2009, 12, 12))

    assert rag.carry_run(ahead, Moments(TODAY, TODAY), TODAY) == Moments(TODAY, TODAY)
    assert rag.carry_run(Moments(TODAY, TODAY), ahead, TODAY) == ahead


def test_a_run_that_begins_today_goes_on_today():
    assert rag.carry_run(Moments(TODAY, TODAY), Moments(ADDED, TODAY), TODAY) == Moments(ADDED, TODAY)


PAIRS = st.tuples(MAYBE, MAYBE).map(lambda pair: Moments(min((day for day in pair if day), default=None), pair[1]))


@given(previous=PAIRS, computed=PAIRS, today=NEAR, day=st.sampled_from(HORIZON))
def test_carrying_a_run_changes_no_colour_from_today_on(previous, computed, today, day):
    later = max(day, today)

    assert rag.colour_on(rag.carry_run(previous, computed, today), later) == rag.colour_on(computed, later)


@given(previous=PAIRS, computed=PAIRS, today=NEAR)
def test_carrying_a_run_never_moves_a_day_later_while_the_colour_stays(previous, computed, today):
    kept = rag.carry_run(previous, computed, today)

    assert kept.red_on is None or (kept.amber_on is not None and kept.amber_on <= kept.red_on)
    if Rag.RED == rag.colour_on(previous, today) == rag.colour_on(computed, today):
        assert kept.red_on is not None
        assert previous.red_on is not None
        assert kept.red_on <= previous.red_on


def test_the_colour_changes_on_the_day_itself():
    both = Moments(date(2009, 12, 9), date(2009, 12, 11))

    assert [rag.colour_on(both, date(2009, 12, day)) for day in (8, 9, 10, 11)] == [
        Rag.GREEN,
        Rag.AMBER,
        Rag.AMBER,
        Rag.RED,
    ]


def test_moments_are_stored_as_the_instants_at_which_their_days_begin_in_london():
    stored = rag.stored_moments(Moments(date(2009, 7, 1), date(2009, 12, 10)))

    assert stored.amber_from == datetime(2009, 6, 30, 23, tzinfo=UTC)
    assert stored.red_from == datetime(2009, 12, 10, tzinfo=UTC)


@given(both=PAIRS)
def test_stored_moments_read_back_as_the_same_days(both):
    stored = rag.stored_moments(both)

    assert rag.moments_from_stored(stored.amber_from, stored.red_from) == both


@given(both=PAIRS, day=st.sampled_from(HORIZON))
def test_stored_and_computed_moments_give_the_same_colour(both, day):
    stored = rag.stored_moments(both)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)

    assert rag.colour_at(stored.amber_from, stored.red_from, noon) == rag.colour_on(both, day)


def test_a_moment_within_a_day_colours_the_rest_of_that_day():
    received = datetime(2009, 12, 8, 6, 12, tzinfo=UTC)
    amber_from, red_from = received + timedelta(hours=24), received + timedelta(hours=48)

    assert rag.colour_at(amber_from, red_from, red_from - timedelta(seconds=1)) == Rag.AMBER
    assert rag.colour_at(amber_from, red_from, red_from) == Rag.RED
    assert rag.colour_at(amber_from, red_from, amber_from) == Rag.AMBER
    assert rag.colour_at(amber_from, red_from, received) == Rag.GREEN
    assert rag.colour_at(None, None, received) == Rag.GREEN


# --- Forecast days and moves -----------------------------------------------------------------------------------------


def forecast_days(previous, days_late, *, tolerance_days=28, today=TODAY):
    return rag.forecast_days(
        previous, forecast=DUE + timedelta(days_late), due=DUE, tolerance_days=tolerance_days, today=today
    )


def test_a_forecast_on_the_due_date_is_not_late():
    assert forecast_days(ForecastDays(ADDED, ADDED), 0) == ForecastDays(None, None)


def test_a_forecast_within_the_tolerance_is_late_and_not_beyond():
    assert forecast_days(ForecastDays(), 28) == ForecastDays(TODAY, None)


def test_a_forecast_over_the_tolerance_is_both():
    assert forecast_days(ForecastDays(), 29) == ForecastDays(TODAY, TODAY)


def test_a_forecast_that_stays_late_keeps_the_day_it_first_was():
    assert forecast_days(ForecastDays(ADDED, None), 29) == ForecastDays(ADDED, TODAY)
    assert forecast_days(ForecastDays(ADDED, ADDED), 60) == ForecastDays(ADDED, ADDED)


def test_back_within_the_tolerance_the_run_beyond_it_is_over():
    assert forecast_days(ForecastDays(ADDED, ADDED), 5) == ForecastDays(ADDED, None)


def test_a_tighter_tolerance_puts_a_late_forecast_beyond_it():
    assert forecast_days(ForecastDays(ADDED, None), 10, tolerance_days=7) == ForecastDays(ADDED, TODAY)


def test_what_is_not_late_is_not_beyond_even_a_tolerance_below_nought():
    assert forecast_days(ForecastDays(), 0, tolerance_days=-5) == ForecastDays(None, None)


@pytest.mark.parametrize(("forecast", "due"), [(None, DUE), (TODAY, None)])
def test_without_either_date_a_run_of_late_forecasts_ends(forecast, due):
    found = rag.forecast_days(ForecastDays(ADDED, ADDED), forecast=forecast, due=due, tolerance_days=28, today=TODAY)

    assert found == ForecastDays(None, None)


def moved(previous, old_due, new_due, *, baseline=DUE):
    return rag.moved_facts(previous, baseline=baseline, old_due=old_due, new_due=new_due, today=TODAY)


@pytest.mark.parametrize(("old_due", "new_due"), [(None, DUE), (DUE, None), (DUE, DUE)])
def test_a_first_due_date_or_the_same_one_is_no_move(old_due, new_due):
    assert moved(Moves(), old_due, new_due) == Moves()


def test_the_first_move_is_counted():
    assert moved(Moves(), DUE, DUE + timedelta(7)) == Moves(1, TODAY, None, None)


def test_the_second_move_is_remembered_apart():
    assert moved(Moves(1, FIRST), DUE + timedelta(7), DUE + timedelta(14)) == Moves(2, FIRST, TODAY, None)


def test_a_third_move_leaves_the_day_of_the_second():
    assert moved(Moves(2, FIRST, SECOND), DUE, DUE + timedelta(7)) == Moves(3, FIRST, SECOND, None)


def test_bringing_a_date_forward_is_a_move_and_not_a_far_one():
    assert moved(Moves(), DUE, DUE - timedelta(90)) == Moves(1, TODAY, None, None)


@pytest.mark.parametrize(("days_in_all", "far_on"), [(84, None), (85, TODAY)])
def test_far_is_over_84_days_after_the_baseline_in_all(days_in_all, far_on):
    found = moved(Moves(1, FIRST), DUE + timedelta(60), DUE + timedelta(days_in_all))

    assert found == Moves(2, FIRST, TODAY, far_on)


def test_without_a_baseline_far_is_measured_from_the_old_due_date():
    assert moved(Moves(), DUE, DUE + timedelta(85), baseline=None) == Moves(1, TODAY, None, TODAY)


def test_part_of_the_way_back_does_not_undo_the_approval_that_decided():
    found = moved(Moves(1, FIRST, None, FIRST), DUE + timedelta(90), DUE + timedelta(30))

    assert found == Moves(2, FIRST, TODAY, FIRST)


# --- Slip ------------------------------------------------------------------------------------------------------------


def slip(**changed):
    usual = {
        "baseline": date(2009, 10, 30),
        "due": date(2009, 11, 30),
        "forecast": None,
        "completed": None,
        "status": Status.IN_PROGRESS,
        "today": date(2009, 11, 15),
    }
    return rag.slip(**usual | changed)


def test_both_slips_are_measured_from_the_baseline():
    assert slip(forecast=date(2009, 12, 18)) == Slip(49, 31)


def test_an_earlier_forecast_does_not_shorten_what_was_approved():
    assert slip(forecast=date(2009, 11, 1)) == Slip(31, 31)


def test_once_overdue_it_slips_day_by_day():
    assert slip(today=date(2009, 12, 10)) == Slip(41, 31)
    assert slip(today=date(2009, 11, 30)) == Slip(31, 31)


def test_an_overdue_milestone_with_a_later_forecast_is_expected_then():
    assert slip(today=date(2009, 12, 10), forecast=date(2009, 12, 18)) == Slip(49, 31)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.ACHIEVED])
def test_once_completed_only_the_completed_date_counts(status):
    assert slip(status=status, completed=date(2009, 10, 20), today=date(2010, 1, 1)) == Slip(-10, 31)


def test_a_completed_date_that_was_taken_back_does_not_count():
    assert slip(completed=date(2009, 10, 20)) == Slip(31, 31)


def test_a_cancelled_milestone_is_not_expected_to_finish():
    assert slip(status=Status.CANCELLED, completed=date(2009, 10, 20)) == Slip(None, 31)


def test_without_a_baseline_nothing_has_slipped():
    assert slip(baseline=None) == Slip(None, None)


def test_without_a_due_date_only_the_forecast_can_slip():
    assert slip(due=None, forecast=date(2009, 11, 1)) == Slip(2, None)
    assert slip(due=None) == Slip(None, None)


# --- Standing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (not_started(start_date=date(2009, 12, 11)), "Not yet due to start"),
        (not_started(start_date=TODAY), "Not started"),
        (not_started(due_date=date(2010, 1, 8)), "Not yet due to start"),
        (not_started(due_date=date(2010, 1, 7)), "Not started"),
        (not_started(), "Not started"),
        (in_progress(start_date=date(2009, 12, 11)), "In progress"),
        (completed(), "Not achieved: evidence outstanding"),
        (completed(policy_met_on=TODAY), "Completed, to be confirmed"),
        (completed(policy_met_on=ADDED, policy_met_until=TODAY), "Completed, to be confirmed"),
        (completed(policy_met_on=ADDED, policy_met_until=date(2009, 12, 9)), "Not achieved: evidence outstanding"),
        (achieved(due_date=DUE), "Achieved"),
        (achieved(due_date=DUE, policy_met_until=TODAY), "Achieved"),
        (achieved(due_date=DUE, policy_met_until=date(2009, 12, 9)), "Not achieved: evidence outstanding"),
        (MilestoneFacts(status=Status.CANCELLED, added_on=ADDED), "Cancelled"),
    ],
)
def test_a_standing_is_said_in_the_words_of_its_state_on_that_day(facts, words):
    assert rag.standing_words(facts, TODAY) == words


@pytest.mark.parametrize(
    ("due", "achieved_on", "words"),
    [
        (DUE, DUE, "Achieved"),
        (DUE, date(2009, 12, 1), "Achieved 1 day late"),
        (DUE, date(2009, 12, 12), "Achieved 12 days late"),
        (None, TODAY, "Achieved"),
    ],
)
def test_achieved_says_how_late(due, achieved_on, words):
    assert rag.standing_words(achieved(due_date=due), TODAY, achieved_on=achieved_on) == words


def test_it_counts_as_achieved_until_the_last_day_of_its_evidence():
    facts = achieved(policy_met_until=TODAY)

    assert rag.is_achieved_on(facts, TODAY)
    assert not rag.is_achieved_on(facts, TODAY + timedelta(1))
    assert not rag.is_achieved_on(completed(policy_met_on=ADDED), TODAY)
