"""What makes a milestone Red or Amber, since when, and the sentence that says so (product.md, rule 2).

Nobody paints an item Green. Each rule is one function below: from the facts of a milestone and the settings of its
plan it says from which day the milestone is Amber, from which day Red, and why. `JUDGES` names the rules of each
status. What is stored are two moments only, the first day as an exception and the first day at Red; the colour on any
day follows from them.

By waiting a fact may make things worse, never better: whatever holds on a day holds on every later day as well, or is
replaced on its last day by a rule that is no milder. So a look-ahead is the same question asked of a later day.

Days are London calendar days. Nothing here reads a clock: the day that is asked about is always an argument.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from itertools import islice

from app.domain.days import (
    add_days,
    day_count,
    london_day,
    long_date,
    meeting_dates,
    span_words,
    start_of_day,
    times_words,
)
from app.domain.expiry import has_ended, status_on
from app.domain.words import OPEN_STATUSES, EvidencePolicy, EvidenceState, MovedRule, PlanState, Rag, Status

# Grace periods of rule 2, in days.
REPORTED_AMBER_AFTER = 14
REPORTED_RED_AFTER = 28
LAPSED_RED_AFTER = 28
CONFIRM_WITHIN = 14
START_BEFORE_DUE = 28
MOVED_FAR = 84

# Which review meeting in a row without an update turns the milestone Amber, and which Red.
SILENT_MEETINGS_AMBER = 2
SILENT_MEETINGS_RED = 4

SEVERITY = {Rag.GREEN: 0, Rag.AMBER: 1, Rag.RED: 2}


class RuleCode(StrEnum):
    """The reason codes of a milestone, as the API says them."""

    OVERDUE = "overdue"
    EVIDENCE_OUTSTANDING = "evidence_outstanding"
    EVIDENCE_LAPSED = "evidence_lapsed"
    CONFIRMATION_DUE = "confirmation_due"
    FORECAST_LATE = "forecast_late"
    FORECAST_PASSED = "forecast_passed"
    DECLARED = "declared"
    LATE_START = "late_start"
    NO_UPDATE = "no_update"
    NO_DATE = "no_date"
    NO_OWNER = "no_owner"
    MOVED_REPEATEDLY = "moved_repeatedly"
    REOPENED = "reopened"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSettings:
    """What a plan sets for all of its milestones.

    `meetings` are the review meetings planned, held and moved (on their new day), sorted, cancelled ones left out.
    `overdue_limit_days` is 0 to 28, `cycle_days` at least 1.
    """

    state: PlanState
    policy: EvidencePolicy = EvidencePolicy.ATTACHED
    tolerance_days: int = 28
    overdue_limit_days: int = 0
    moved_rule: MovedRule = MovedRule.STANDARD
    cycle_days: int = 14
    meetings: tuple[date, ...] = ()
    approved_on: date | None = None
    closed_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MilestoneFacts:
    """Every fact of a milestone that a rule looks at; all of them stand on its row.

    last_update_on       the day of the last update that said something; `no_change_on`: of the first "no change" since
    reported_on          the day its completion was reported (not the day the work is said to have been finished)
    policy_met_on        the day since which the evidence policy has been met without a break; None: not met now
    policy_met_until     the last day on which it stays met if nothing is done; None: no end
    evidence_lost_on     the day the counting evidence last stopped counting, since the report; an expiry counts
                         from the day after its last day
    evidence_state       what to say when the policy is not met
    lapsed_on            the day it fell back from achieved; None again once it is achieved, returned or reopened
    forecast_late_on     the days the forecast first passed the due date, and passed it by more than the tolerance, both
    forecast_beyond_on   without a break (`forecast_days` keeps them)
    open_again_on        the day completion was last returned: what lay open before that is a run that has ended
    reopened_on          the day it was last reopened; `reopening_pending` until its new due date is approved
    no_date_on           the day since which it has had no agreed due date; None: it has one
    no_owner_on          the day since which nobody answers for it; `owner_left`: because its owner has left
    first_moved_on …     the approvals that decide `moved_repeatedly` (`moved_facts` keeps them)
    """

    status: Status
    added_on: date
    start_date: date | None = None
    due_date: date | None = None
    forecast_date: date | None = None
    in_progress_since: date | None = None
    last_update_on: date | None = None
    no_change_on: date | None = None
    reported_on: date | None = None
    policy_met_on: date | None = None
    policy_met_until: date | None = None
    evidence_lost_on: date | None = None
    evidence_state: EvidenceState = EvidenceState.NOTHING_SENT
    evidence_waiting_since: date | None = None
    lapsed_on: date | None = None
    forecast_late_on: date | None = None
    forecast_beyond_on: date | None = None
    declared_rag: Rag | None = None
    declared_on: date | None = None
    declared_by_title: str | None = None
    no_date_on: date | None = None
    no_owner_on: date | None = None
    owner_left: bool = False
    first_moved_on: date | None = None
    second_moved_on: date | None = None
    moved_far_on: date | None = None
    moves: int = 0
    open_again_on: date | None = None
    reopened_on: date | None = None
    reopening_pending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Texts that only the sentences need: none of them changes a colour.

    `declared_rationale` is left out of the sentence when it is empty (not given, redacted, or not for this reader).
    `reviewer` is whom waiting evidence waits for, `programme_manager` who is to mark it achieved; both as titles.
    """

    declared_rationale: str = ""
    reviewer: str = "the programme manager"
    programme_manager: str = "the programme manager"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule that holds, or will hold by mere waiting.

    `amber_on` is its first day, `red_on` its first day at Red (the same day when it is Red at once, None when never).
    `until` is its last day, where another rule takes over on the next. `say` words it for a day on which it holds.
    """

    code: RuleCode
    amber_on: date
    red_on: date | None
    until: date | None = None
    say: Callable[[date, Wording], str] = field(kw_only=True, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that holds on a day: its colour then, `since` when it has been that colour, and the sentence."""

    code: RuleCode
    colour: Rag
    since: date
    message: str


@dataclass(frozen=True, slots=True)
class Moments:
    """The first day as an exception and the first day at Red; None: never, if nothing changes.

    `amber_on` is never later than `red_on`: what is Red is an exception.
    """

    amber_on: date | None = None
    red_on: date | None = None


@dataclass(frozen=True, slots=True)
class StoredMoments:
    """The same two as instants in UTC, the form in which every kind of item stores them."""

    amber_from: datetime | None
    red_from: datetime | None


# --- What the rest of Waymark asks ------------------------------------------------------------------------------------


def reasons(facts: MilestoneFacts, settings: PlanSettings) -> tuple[Rule, ...]:
    """Every rule that holds or will hold by mere waiting. In a draft plan nothing does, nor in one that is closed."""
    if settings.state != PlanState.APPROVED:
        return ()
    judged = (judge(facts, settings) for judge in JUDGES[facts.status])
    return tuple(rule for rule in judged if rule is not None)


def reasons_on(
    facts: MilestoneFacts, settings: PlanSettings, on: date, *, wording: Wording | None = None
) -> tuple[Reason, ...]:
    """The rules that hold on day `on`, each with its colour on that day: the worst first, then the longest."""
    wording = wording or Wording()
    holding = [_as_reason(rule, on, wording) for rule in reasons(facts, settings) if _holds(rule, on)]
    return tuple(sorted(holding, key=lambda reason: (-SEVERITY[reason.colour], reason.since)))


def moments(facts: MilestoneFacts, settings: PlanSettings) -> Moments:
    """The two moments by these facts alone: the earliest of every rule. `carry_run` adds what is behind the item."""
    rules = reasons(facts, settings)
    return Moments(
        amber_on=min((rule.amber_on for rule in rules), default=None),
        red_on=min((rule.red_on for rule in rules if rule.red_on is not None), default=None),
    )


def carry_run(previous: Moments, computed: Moments, today: date) -> Moments:
    """The moments to store after a change on `today`: the unbroken run is never shortened.

    An item that was Red on `today` before the change, and still is by its new facts, keeps the earlier of the two
    days; so does one that was and is an exception. Otherwise the computed days are taken as they are, so that what is
    overdue by 10 days is Red for 10 days even when the date was entered today.
    """
    return Moments(
        amber_on=_earlier_if_unbroken(previous.amber_on, computed.amber_on, today),
        red_on=_earlier_if_unbroken(previous.red_on, computed.red_on, today),
    )


def acceptance_end(
    *, decided: date | None, over_on: date | None, before: Moments, after: Moments, today: date
) -> date | None:
    """The day on which an accepted exception returns among the others, after a change on `today`; None: it is over.

    A senior officer has named the day `decided`; by the facts so far it was to return on `over_on`. It is over from
    that day on, and once the item is no exception any more or has got worse. Where it will turn Red before the day
    that was named, it returns when it does: "accepted until" is cut at the next worsening.
    """
    if decided is None or over_on is None or over_on <= today:
        return None
    was, is_now = colour_on(before, today), colour_on(after, today)
    if is_now is Rag.GREEN or SEVERITY[is_now] > SEVERITY[was]:
        return None
    cut = after.red_on if is_now is Rag.AMBER else None
    end = decided if cut is None else min(decided, cut)
    return end if end > today else None


def colour_on(moments: Moments, day: date) -> Rag:
    """The colour on a day by its moments."""
    if moments.red_on is not None and moments.red_on <= day:
        return Rag.RED
    if moments.amber_on is not None and moments.amber_on <= day:
        return Rag.AMBER
    return Rag.GREEN


def colour_at(amber_from: datetime | None, red_from: datetime | None, instant: datetime) -> Rag:
    """The colour at an instant by stored moments (aware): the same question for items whose rules count clock hours."""
    if red_from is not None and red_from <= instant:
        return Rag.RED
    if amber_from is not None and amber_from <= instant:
        return Rag.AMBER
    return Rag.GREEN


def stored_moments(moments: Moments) -> StoredMoments:
    """Days as the instants at which they begin in London."""
    return StoredMoments(
        amber_from=start_of_day(moments.amber_on) if moments.amber_on else None,
        red_from=start_of_day(moments.red_on) if moments.red_on else None,
    )


def moments_from_stored(amber_from: datetime | None, red_from: datetime | None) -> Moments:
    """Stored instants as the London days on which they fall."""
    return Moments(
        amber_on=london_day(amber_from) if amber_from else None,
        red_on=london_day(red_from) if red_from else None,
    )


def _holds(rule: Rule, on: date) -> bool:
    return rule.amber_on <= on and (rule.until is None or on <= rule.until)


def _as_reason(rule: Rule, on: date, wording: Wording) -> Reason:
    message = rule.say(on, wording)
    if rule.red_on is not None and rule.red_on <= on:
        return Reason(rule.code, Rag.RED, rule.red_on, message)
    return Reason(rule.code, Rag.AMBER, rule.amber_on, message)


def _earlier_if_unbroken(previous: date | None, computed: date | None, today: date) -> date | None:
    if previous is None or computed is None or previous > today or computed > today:
        return computed
    return min(previous, computed)


# --- The rules, in the order of the table in product.md ---------------------------------------------------------------


def _overdue(facts: MilestoneFacts, settings: PlanSettings) -> Rule | None:
    """Red from the day after the due date; with an overdue limit, Amber for that many days first."""
    due = agreed_due_date(facts)
    if due is None:
        return None
    begins = add_days(due, 1)
    return Rule(
        RuleCode.OVERDUE,
        begins,
        add_days(begins, settings.overdue_limit_days),
        say=lambda on, _: f"Overdue by {day_count((on - due).days)}",
    )


def _evidence_outstanding(facts: MilestoneFacts, _: PlanSettings) -> Rule | None:
    """Completed and the policy not met: Amber once due or 14 days after the report, Red once due and 28 days after it.

    The clock starts with the report, or with falling back from achieved. Neither colour is earlier than the day the
    evidence that did count stopped counting: until then the policy was met.
    """
    lost_on = _evidence_lost_on(facts)
    if _policy_is_met(facts) and lost_on is None:
        return None
    clock = _evidence_clock(facts)
    amber_on = add_days(clock, REPORTED_AMBER_AFTER)
    red_on = add_days(clock, REPORTED_RED_AFTER)
    due = agreed_due_date(facts)
    if due is not None:
        amber_on = min(add_days(due, 1), amber_on)
        red_on = max(add_days(due, 1), red_on)
    return Rule(
        RuleCode.EVIDENCE_OUTSTANDING,
        _latest(amber_on, lost_on),
        _latest(red_on, lost_on),
        say=lambda _, wording: f"Reported complete, evidence outstanding: {_what_is_missing(facts, wording)}",
    )


def _outstanding_by_expiry(facts: MilestoneFacts, settings: PlanSettings) -> Rule | None:
    """Achieved, and its evidence has a last day: what `_evidence_outstanding` will say once it has fallen back."""
    if facts.policy_met_until is None:
        return None
    lapses_on = add_days(facts.policy_met_until, 1)
    return _evidence_outstanding(
        replace(facts, lapsed_on=lapses_on, policy_met_on=facts.policy_met_on or facts.added_on), settings
    )


def _evidence_lapsed(facts: MilestoneFacts, _: PlanSettings) -> Rule | None:
    """Fell back from achieved: Amber that day, Red 28 days later.

    While the policy is met again it does not hold (`confirmation_due` does); when that ends too it comes back, and the
    clock has not forgotten the day it first fell back.
    """
    lost_on = _evidence_lost_on(facts)
    if facts.lapsed_on is None or lost_on is None:
        return None
    return _lapse(lost_on, red_on=_latest(add_days(facts.lapsed_on, LAPSED_RED_AFTER), lost_on))


def _lapse_by_expiry(facts: MilestoneFacts, _: PlanSettings) -> Rule | None:
    """Achieved, and its evidence has a last day: an exception from the day after, whatever is still stored."""
    if facts.policy_met_until is None:
        return None
    lapses_on = add_days(facts.policy_met_until, 1)
    return _lapse(lapses_on, red_on=add_days(lapses_on, LAPSED_RED_AFTER))


def _confirmation_due(facts: MilestoneFacts, _: PlanSettings) -> Rule | None:
    """Completed, policy met, not marked achieved: Amber 14 days after the later of the report and the policy being met.

    When the evidence has a last day it ends there: `evidence_outstanding` holds from the next, so the colour stays.
    """
    met_on = facts.policy_met_on
    if met_on is None:
        return None
    due_since = add_days(_latest(met_on, facts.reported_on, _evidence_clock(facts)), CONFIRM_WITHIN)
    if facts.policy_met_until is not None and due_since > facts.policy_met_until:
        return None
    return Rule(
        RuleCode.CONFIRMATION_DUE,
        due_since,
        None,
        until=facts.policy_met_until,
        say=lambda on, wording: (
            f"Evidence in place for {day_count((on - met_on).days + 1)},"
            f" waiting for {wording.programme_manager} to mark it achieved"
        ),
    )


def _forecast_late(facts: MilestoneFacts, _: PlanSettings) -> Rule | None:
    """Forecast after the due date: Amber from the day it first was, Red since it is by more than the tolerance."""
    due, forecast, late_on = agreed_due_date(facts), facts.forecast_date, facts.forecast_late_on
    if due is None or forecast is None or late_on is None:
        return None
    beyond_on = facts.forecast_beyond_on
    return Rule(
        RuleCode.FORECAST_LATE,
        _while_open(facts, late_on),
        None if beyond_on is None else _while_open(facts, beyond_on),
        say=lambda *_: f"Forecast {span_words((forecast - due).days)} after due",
    )


def _forecast_passed(facts: MilestoneFacts, _: PlanSettings) -> Rule | None:
    """The forecast date has passed: Amber from the day after. The owner's word, so it holds while reopened too."""
    forecast = facts.forecast_date
    if forecast is None:
        return None
    return Rule(
        RuleCode.FORECAST_PASSED,
        _while_open(facts, add_days(forecast, 1)),
        None,
        say=lambda on, _: f"Forecast date passed {day_count((on - forecast).days)} ago",
    )


def _declared(facts: MilestoneFacts, _: PlanSettings) -> Rule | None:
    """Declared Amber or Red: that colour, from that day. A declaration of Green is kept, and improves nothing."""
    declared, declared_on = facts.declared_rag, facts.declared_on
    if declared is None or declared == Rag.GREEN or declared_on is None:
        return None
    by = facts.declared_by_title or "its owner"
    return Rule(
        RuleCode.DECLARED,
        declared_on,
        declared_on if declared == Rag.RED else None,
        say=lambda _, wording: f"Declared {declared.capitalize()} by {by}{_after_colon(wording.declared_rationale)}",
    )


def _late_start(facts: MilestoneFacts, _: PlanSettings) -> Rule | None:
    """Not started: Amber from the day after the start date.

    Without one, from 28 days before the due date, or from halfway between the day it was added and the due date if that
    is later. It holds from that very day: there is no date that has to pass first.
    """
    late_on = late_start_on(facts)
    if late_on is None:
        return None
    start, due = facts.start_date, facts.due_date

    def say(on: date, _: Wording) -> str:
        if start is not None:
            return f"Not started: start date passed {day_count((on - start).days)} ago"
        if due is not None and on > due:
            return f"Not started: due date passed {day_count((on - due).days)} ago"
        return f"Not started: due on {long_date(due or late_on)}"

    return Rule(RuleCode.LATE_START, late_on, None, say=say)


def _no_update(facts: MilestoneFacts, settings: PlanSettings) -> Rule | None:
    """In progress and silent: Amber from the second review meeting in a row that no update covers, Red from the fourth.

    An update covers the next meeting on or after its day, a "no change" as `covering_on` says. Merely starting covers
    none.
    """
    started_on = facts.in_progress_since or facts.added_on
    updated_on = covering_on(facts)
    quiet_since = _latest(started_on, facts.last_update_on)
    covered = 1 if updated_on is not None and updated_on >= started_on else 0
    meetings = meeting_dates(
        settings.meetings,
        on_or_after=_latest(started_on, updated_on),
        cycle_days=settings.cycle_days,
        approved_on=settings.approved_on,
    )
    uncovered = tuple(islice(meetings, covered, covered + SILENT_MEETINGS_RED))
    if len(uncovered) < SILENT_MEETINGS_AMBER:
        return None
    red_on = uncovered[SILENT_MEETINGS_RED - 1] if len(uncovered) == SILENT_MEETINGS_RED else None

    def say(on: date, _: Wording) -> str:
        limit = SILENT_MEETINGS_RED if red_on is not None and red_on <= on else SILENT_MEETINGS_AMBER
        said = "Nothing but “no change”" if facts.no_change_on is not None else "No update"
        return f"{said} for {day_count((on - quiet_since).days)} and at least {limit} review meetings"

    return Rule(RuleCode.NO_UPDATE, uncovered[SILENT_MEETINGS_AMBER - 1], red_on, say=say)


def _no_date(facts: MilestoneFacts, _: PlanSettings) -> Rule | None:
    """No agreed due date: Amber from the day it had none."""
    if facts.no_date_on is None:
        return None
    return Rule(RuleCode.NO_DATE, _while_open(facts, facts.no_date_on), None, say=lambda *_: "No agreed due date")


def _no_owner(facts: MilestoneFacts, _: PlanSettings) -> Rule | None:
    """Nobody answers for it, or its owner has left: Amber from that day."""
    if facts.no_owner_on is None:
        return None
    sentence = "Its owner has left" if facts.owner_left else "No owner"
    return Rule(RuleCode.NO_OWNER, _while_open(facts, facts.no_owner_on), None, say=lambda *_: sentence)


def _moved_repeatedly(facts: MilestoneFacts, settings: PlanSettings) -> Rule | None:
    """The due date was moved too often or too far, as the plan sets: Amber from the day of the deciding approval."""
    deciding = {
        MovedRule.OFF: (),
        MovedRule.STANDARD: (facts.second_moved_on, facts.moved_far_on),
        MovedRule.ANY: (facts.first_moved_on,),
    }[settings.moved_rule]
    moved_on = min((day for day in deciding if day is not None), default=None)
    if moved_on is None:
        return None
    far = f", by over {MOVED_FAR} days in all" if facts.moved_far_on is not None else ""
    return Rule(
        RuleCode.MOVED_REPEATEDLY,
        _while_open(facts, moved_on),
        None,
        say=lambda *_: f"Due date moved {times_words(facts.moves)}{far}",
    )


def _reopened(facts: MilestoneFacts, _: PlanSettings) -> Rule | None:
    """Reopened, and its new due date not yet approved: Red from the day it was reopened."""
    reopened_on = facts.reopened_on
    if not facts.reopening_pending or reopened_on is None:
        return None
    return Rule(
        RuleCode.REOPENED,
        reopened_on,
        reopened_on,
        say=lambda *_: f"Reopened on {long_date(reopened_on)}, new due date not yet approved",
    )


_WHILE_OPEN = (
    _overdue,
    _forecast_late,
    _forecast_passed,
    _declared,
    _no_date,
    _no_owner,
    _moved_repeatedly,
    _reopened,
)

# Which rules are asked, by status. Neither a cancelled milestone nor an achieved one whose evidence stands is ever an
# exception.
JUDGES: dict[Status, tuple[Callable[[MilestoneFacts, PlanSettings], Rule | None], ...]] = {
    Status.NOT_STARTED: (*_WHILE_OPEN, _late_start),
    Status.IN_PROGRESS: (*_WHILE_OPEN, _no_update),
    Status.COMPLETED: (_evidence_outstanding, _evidence_lapsed, _confirmation_due, _reopened),
    Status.ACHIEVED: (_outstanding_by_expiry, _lapse_by_expiry),
    Status.CANCELLED: (),
}


def covering_on(facts: MilestoneFacts) -> date | None:
    """The day of what was last said that covers a review meeting: the next one on or after it.

    An update covers one meeting. So does "no change", once: a second one in a row covers no further meeting, so what
    counts is the first since the last update.
    """
    return facts.no_change_on or facts.last_update_on


def late_start_on(facts: MilestoneFacts) -> date | None:
    """From which day not having started is late; None when there is neither a start date nor an agreed due date."""
    if facts.start_date is not None:
        return add_days(facts.start_date, 1)
    due = agreed_due_date(facts)
    if due is None:
        return None
    halfway = add_days(facts.added_on, (due - facts.added_on).days // 2)
    return max(add_days(due, -START_BEFORE_DUE), halfway)


def hides_late_start(before: MilestoneFacts, after: MilestoneFacts, today: date) -> bool:
    """Whether editing would make a start that is late today one that is not: what was promised is past editing."""
    if before.status is not Status.NOT_STARTED or before.start_date == after.start_date:
        return False
    was, becomes = late_start_on(before), late_start_on(after)
    return was is not None and was <= today and (becomes is None or becomes > today)


def agreed_due_date(facts: MilestoneFacts) -> date | None:
    """The due date that rules look at: after a reopening there is none until the new one is approved."""
    return None if facts.reopening_pending else facts.due_date


def _while_open(facts: MilestoneFacts, day: date) -> date:
    """`day`, but not before it was last opened again: what was so earlier belongs to a run that has ended."""
    return _latest(day, facts.open_again_on, facts.reopened_on)


def _evidence_clock(facts: MilestoneFacts) -> date:
    """The day from which evidence is waited for: the report of completion, or falling back from achieved."""
    return facts.lapsed_on or facts.reported_on or facts.added_on


def _policy_is_met(facts: MilestoneFacts) -> bool:
    return facts.policy_met_on is not None


def _evidence_lost_on(facts: MilestoneFacts) -> date | None:
    """The day from which the policy, once met, is met no more: in the past, or to come by expiry; None: neither."""
    if not _policy_is_met(facts):
        return max((day for day in (facts.evidence_lost_on, facts.lapsed_on) if day is not None), default=None)
    return None if facts.policy_met_until is None else add_days(facts.policy_met_until, 1)


def _lapse(lapses_on: date, *, red_on: date) -> Rule:
    return Rule(
        RuleCode.EVIDENCE_LAPSED,
        lapses_on,
        red_on,
        say=lambda *_: f"No longer achieved: its evidence stopped counting on {long_date(lapses_on)}",
    )


def _what_is_missing(facts: MilestoneFacts, wording: Wording) -> str:
    if _policy_is_met(facts) and facts.policy_met_until is not None:
        return f"what was sent ran out on {long_date(facts.policy_met_until)}"
    if facts.evidence_state == EvidenceState.REJECTED:
        return "what was sent was rejected"
    if facts.evidence_state == EvidenceState.WAITING:
        since = facts.evidence_waiting_since
        return f"waiting for review{f' since {long_date(since)}' if since else ''} by {wording.reviewer}"
    if facts.evidence_lost_on is not None:
        return f"nothing counts since {long_date(facts.evidence_lost_on)}"
    return "nothing sent"


def _after_colon(text: str) -> str:
    """Somebody's words as the end of a sentence without a full stop, on one line."""
    words = " ".join(text.split()).rstrip(".")
    return f": {words}" if words else ""


def _latest(day: date, *others: date | None) -> date:
    return max((day, *(other for other in others if other is not None)))


# --- Facts that a change brings forward -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ForecastDays:
    """Since when, without a break, the forecast has been after the due date, and by more than the tolerance."""

    late_on: date | None = None
    beyond_on: date | None = None


def forecast_days(
    previous: ForecastDays, *, forecast: date | None, due: date | None, tolerance_days: int, today: date
) -> ForecastDays:
    """The two days after a change on `today` of the forecast, the due date or the plan's tolerance.

    Give `due=None` while the rule has no due date to look at: with a reopening pending, and when the milestone stops
    being open. Then the run ends, and a later one starts afresh.
    """
    days_late = 0 if forecast is None or due is None else (forecast - due).days
    return ForecastDays(
        late_on=(previous.late_on or today) if days_late > 0 else None,
        beyond_on=(previous.beyond_on or today) if days_late > max(0, tolerance_days) else None,
    )


@dataclass(frozen=True, slots=True)
class Moves:
    """How often an approved due date was moved, and the approvals that decide `moved_repeatedly`."""

    moves: int = 0
    first_moved_on: date | None = None
    second_moved_on: date | None = None
    moved_far_on: date | None = None


def moved_facts(
    previous: Moves, *, baseline: date | None, old_due: date | None, new_due: date | None, today: date
) -> Moves:
    """The moves after a due date is approved on `today`.

    A first due date, or the same one again, is no move. "In all" is measured from the baseline, later only; once
    moved so far, moving part of the way back does not undo the approval that decided it.
    """
    if old_due is None or new_due is None or old_due == new_due:
        return previous
    days_in_all = (new_due - (baseline or old_due)).days
    return Moves(
        moves=previous.moves + 1,
        first_moved_on=previous.first_moved_on or today,
        second_moved_on=previous.second_moved_on or (today if previous.first_moved_on else None),
        moved_far_on=previous.moved_far_on or (today if days_in_all > MOVED_FAR else None),
    )


@dataclass(frozen=True, slots=True)
class Slip:
    """Days between baseline and expected finish, and between baseline and due date; negative is early, None unknown."""

    slip_days: int | None
    approved_slip_days: int | None


def slip(
    *,
    baseline: date | None,
    due: date | None,
    forecast: date | None,
    completed: date | None,
    status: Status,
    today: date,
) -> Slip:
    """Both slips, as the words table of product.md has them.

    The expected finish is the completed date once completion is reported, else the latest of due date, forecast and,
    when overdue, today. A cancelled milestone is not expected to finish. Without a baseline there is no slip.
    """
    if baseline is None:
        return Slip(None, None)
    expected = _expected_finish(due=due, forecast=forecast, completed=completed, status=status, today=today)
    return Slip(
        slip_days=None if expected is None else (expected - baseline).days,
        approved_slip_days=None if due is None else (due - baseline).days,
    )


def _expected_finish(
    *, due: date | None, forecast: date | None, completed: date | None, status: Status, today: date
) -> date | None:
    if status == Status.CANCELLED:
        return None
    if status not in OPEN_STATUSES:
        return completed
    overdue_today = today if due is not None and due < today else None
    return max((day for day in (due, forecast, overdue_today) if day is not None), default=None)


# --- How a milestone's standing is said -------------------------------------------------------------------------------


def standing_words(facts: MilestoneFacts, on: date, *, achieved_on: date | None = None) -> str:
    """The state of a milestone on day `on`, in the words that stand beside its colour.

    An expiry counts from its day: an achieved milestone whose evidence has ended is not called achieved. Late is the
    day the gate was passed against the due date.
    """
    if facts.status == Status.CANCELLED:
        return "Cancelled"
    if facts.status in (Status.COMPLETED, Status.ACHIEVED) and not is_policy_met_on(facts, on):
        return "Not achieved: evidence outstanding"
    if facts.status == Status.ACHIEVED:
        return _achieved_words(facts.due_date, achieved_on)
    if facts.status == Status.COMPLETED:
        return "Completed, to be confirmed"
    if facts.status == Status.IN_PROGRESS:
        return "In progress"
    return "Not yet due to start" if is_not_yet_due_to_start(facts, on) else "Not started"


def is_achieved_on(facts: MilestoneFacts, on: date) -> bool:
    """Whether it still counts as achieved on day `on`: stored so, and its evidence has not ended by then."""
    return status_on(facts.status, facts.policy_met_until, on) is Status.ACHIEVED


def is_policy_met_on(facts: MilestoneFacts, on: date) -> bool:
    """Whether the evidence policy is met on day `on` if nothing is done; an achieved milestone has met it."""
    if has_ended(facts.policy_met_until, on):
        return False
    return facts.status == Status.ACHIEVED or _policy_is_met(facts)


def is_not_yet_due_to_start(facts: MilestoneFacts, on: date) -> bool:
    """Whether it has not started and need not have: counted apart from Green. On its start date it is due to start."""
    late_on = late_start_on(facts)
    if facts.status != Status.NOT_STARTED or late_on is None:
        return False
    return on < (facts.start_date or late_on)


def _achieved_words(due: date | None, achieved_on: date | None) -> str:
    if due is None or achieved_on is None or achieved_on <= due:
        return "Achieved"
    return f"Achieved {day_count((achieved_on - due).days)} late"
