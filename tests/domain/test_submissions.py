"""The rules of the inbox: the clock, who triages, what is read first, what came of it, the measures."""

from datetime import UTC, date, datetime, timedelta

import pytest

from app.domain import submissions as rules
from app.domain.submissions import Concerned, Followed, FollowFacts, Outcomes, Priority, Triageable, Waits
from app.domain.words import (
    PlanState,
    Rag,
    ReviewOutcome,
    Status,
    SubmissionKind,
    SubmissionState,
    TriagedThrough,
    TurnedInto,
)

NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)  # a Friday: the clock runs through the weekend, and the clocks change
EVIDENCE, LETTER, RISK = SubmissionKind.EVIDENCE, SubmissionKind.CORRESPONDENCE, SubmissionKind.RISK
WAITING, LOGGED, RETURNED, TURNED, MISDIRECTED = SubmissionState


def one(**facts: object) -> Triageable:
    given = {"ref": "S-001", "kind": EVIDENCE, "state": WAITING, "organisation_id": "police", "sent_by": "pol",
             "plan_state": PlanState.APPROVED, "lead_organisation_id": "council", **facts}  # fmt: skip
    return Triageable(**given)  # type: ignore[arg-type]


def codes(item: Triageable, **given: object) -> list[str]:
    asked = {"by": "petra", "organisation_id": "council", **given}
    return [reason.code for reason in rules.unmet_triage(item, **asked)]  # type: ignore[arg-type]


def test_clock_hours_run_through_nights_weekends_and_a_change_of_clocks() -> None:
    runs = rules.clock(NOON, hours=48)
    assert (runs.amber_from, runs.red_from) == (NOON + timedelta(hours=24), NOON + timedelta(hours=48))
    colours = [
        rules.clock_colour(runs.amber_from, runs.red_from, NOON + timedelta(hours=hours)) for hours in (0, 24, 48)
    ]
    assert colours == [Rag.GREEN, Rag.AMBER, Rag.RED]
    assert rules.whole_hours(NOON, NOON + timedelta(hours=2, minutes=59)) == 2


def test_who_may_not_triage_hears_why_and_what_was_done_is_said_with_who_and_when() -> None:
    assert codes(one()) == []
    assert codes(one(plan_state=PlanState.CLOSED), into=TurnedInto.RISK) == ["plan_closed", "no_risk_register"]
    assert codes(one(), by="pol", organisation_id="police") == ["own_submission"]
    assert codes(one(), by="chief", organisation_id="police") == ["own_organisation"]
    # A key of the council's own: nobody else could triage what it sends.
    assert codes(one(organisation_id="council", sent_by=None)) == []
    done = one(state=RETURNED, triaged_by="Programme Manager", triaged_at=NOON, through="triage")
    [reason] = rules.unmet_triage(done, by="sam", organisation_id="council")
    assert reason.message == "S-001 was returned by Programme Manager on 27 March 2026 at 12:00pm"
    assert reason.extra["triaged_by"] == "Programme Manager"
    taken_back = one(state=RETURNED, through=TriagedThrough.WITHDRAWAL)
    assert "was withdrawn" in rules.unmet_triage(taken_back, by="sam", organisation_id="council")[0].message


def test_only_like_submissions_get_one_answer() -> None:
    assert rules.unmet_together([one(), one(ref="S-002")]) == []
    [reason] = rules.unmet_together([one(), one(kind=LETTER, organisation_id="nhs")])
    assert (reason.code, "2 kinds and 2 organisations" in reason.message) == ("not_alike", True)


def test_it_is_passed_only_to_somebody_who_can_do_something_with_it() -> None:
    def unmet(item: Triageable, *, able: bool = True, sender: bool = False) -> list[str]:
        return [one.code for one in rules.unmet_passing(item, may_triage=able, is_sender=sender, name="Sam")]

    assert unmet(one()) == []
    closed = one(state=LOGGED, plan_state=PlanState.CLOSED)
    assert unmet(closed, able=False, sender=True) == [
        "already_triaged", "plan_closed", "cannot_triage", "own_submission"]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "status", "colour", "met", "expected"),
    [
        (RISK, None, None, False, Priority.FIRST),
        (LETTER, None, None, False, Priority.USUAL),
        (EVIDENCE, Status.COMPLETED, Rag.GREEN, False, Priority.FIRST),
        (EVIDENCE, Status.IN_PROGRESS, Rag.RED, False, Priority.FIRST),
        (LETTER, Status.IN_PROGRESS, Rag.AMBER, False, Priority.NEXT),
        (EVIDENCE, Status.COMPLETED, Rag.GREEN, True, Priority.USUAL),
    ],
)
def test_what_to_read_first_is_suggested(
    kind: SubmissionKind, status: Status | None, colour: Rag | None, met: bool, expected: Priority
) -> None:
    concerned = Concerned("m", "M-04", "Rota", status, colour or Rag.GREEN, met) if status else None
    assert rules.suggest(kind, concerned).priority is expected


DONE, UNDER_WAY, NOTHING_YET, NOT_DONE, NOTHING_DUE = Followed


@pytest.mark.parametrize(
    ("facts", "expected", "words"),
    [
        (FollowFacts(EVIDENCE, LOGGED), NOTHING_YET, "Not reviewed after 8 days"),
        (FollowFacts(EVIDENCE, LOGGED, review=ReviewOutcome.ACCEPTED, milestone=Status.COMPLETED), UNDER_WAY,
         "Accepted; M-04 is not achieved yet"),
        (FollowFacts(EVIDENCE, LOGGED, review=ReviewOutcome.ACCEPTED, milestone=Status.ACHIEVED), DONE,
         "M-04 achieved 27 March 2026"),
        (FollowFacts(EVIDENCE, LOGGED, review=ReviewOutcome.REJECTED), DONE, "Reviewed and not accepted"),
        (FollowFacts(EVIDENCE, LOGGED, milestone=Status.CANCELLED), NOTHING_DUE, "M-04 was cancelled"),
        (FollowFacts(EVIDENCE, LOGGED, withdrawn=True), NOTHING_DUE, "Withdrawn by who sent it"),
        (FollowFacts(EVIDENCE, RETURNED, through="triage"), NOTHING_YET, "Not sent again after 8 days"),
        (FollowFacts(EVIDENCE, RETURNED, through="triage", sent_again=True), DONE, "Sent again"),
        (FollowFacts(EVIDENCE, RETURNED, through="withdrawal"), NOTHING_DUE, "Withdrawn by who sent it"),
        (FollowFacts(EVIDENCE, MISDIRECTED), NOTHING_DUE, "Handed on"),
        (FollowFacts(LETTER, LOGGED), NOTHING_DUE, "Nothing further was to follow"),
        (FollowFacts(LETTER, TURNED, into=TurnedInto.MILESTONE, milestone=Status.NOT_STARTED), NOTHING_YET,
         "M-04 not started, due 1 April 2026"),
        (FollowFacts(LETTER, TURNED, into=TurnedInto.MILESTONE, milestone=Status.COMPLETED), UNDER_WAY,
         "M-04, due 1 April 2026"),
        (FollowFacts(LETTER, TURNED, into=TurnedInto.MILESTONE, milestone=Status.ACHIEVED), DONE,
         "M-04 achieved 27 March 2026"),
        (FollowFacts(LETTER, TURNED, into=TurnedInto.MILESTONE, milestone=Status.CANCELLED), NOT_DONE,
         "M-04 was cancelled"),
        (FollowFacts(LETTER, TURNED, into=TurnedInto.ACTION), NOTHING_YET, "M-04 has no milestone yet"),
        (FollowFacts(LETTER, TURNED, into=TurnedInto.ACTION, live=3, achieved=2), UNDER_WAY,
         "2 of 3 milestones of M-04 achieved"),
        (FollowFacts(LETTER, TURNED, into=TurnedInto.ACTION, live=3, achieved=3), DONE,
         "3 of 3 milestones of M-04 achieved"),
        (FollowFacts(EVIDENCE, LOGGED, milestone=None, hidden=True), NOTHING_DUE, ""),
    ],
)  # fmt: skip
def test_followed_through_only_when_that_is_really_done(facts: FollowFacts, expected: Followed, words: str) -> None:
    assert rules.follow_through(facts) is expected
    due, on = date(2026, 4, 1), date(2026, 3, 27)
    assert rules.follow_words("M-04", facts, since_days=8, due=due, on=on) == words


def waits(week: int, hours: int, number: int = 1, *, recent: bool = True, waiting: bool = False) -> Waits:
    overdue = waiting and hours >= 48
    return Waits(week, recent, hours, not waiting and hours <= 48, waiting, overdue, number)


def test_the_measures_leave_out_what_still_has_time_and_count_what_is_overdue() -> None:
    today = date(2026, 3, 27)
    counted = [waits(11, 5, 2), waits(11, 60), waits(11, 100, waiting=True), waits(11, 3, 4, waiting=True),
               waits(2, 1_100, 1_100, recent=False)]  # fmt: skip
    came = [Outcomes(11, True, FollowFacts(LETTER, LOGGED), 2), Outcomes(11, True, FollowFacts(EVIDENCE, LOGGED), 1)]
    found = rules.measure(counted, came, today=today)
    this_week, empty = found.weeks[-1], found.weeks[5]
    assert (len(found.weeks), this_week.starts, found.weeks[0].starts) == (12, date(2026, 3, 23), date(2026, 1, 5))
    assert (this_week.received, this_week.in_time, this_week.decided, this_week.late, this_week.in_hand) == (
        8,
        2,
        4,
        2,
        4,
    )
    assert (this_week.median_hours, this_week.longest_hours, this_week.waiting) == (5, 100, 5)
    assert (this_week.to_follow, this_week.followed) == (1, 0)
    assert (empty.received, empty.median_hours, empty.longest_hours) == (0, None, None)
    assert (found.recent.received, found.weeks[2].received) == (8, 1_100)


@pytest.mark.parametrize(("tally", "middle"), [({}, None), ({3: 1}, 3), ({1: 1, 9: 1}, 1), ({1: 1, 2: 1, 9: 5}, 9)])
def test_the_median_is_a_wait_that_somebody_had(tally: dict[int, int], middle: int | None) -> None:
    assert rules.median_of(tally) == middle
