"""Nothing a partner sends goes unread (rule 4): what may be done with a submission, what to read first, what followed.

A person triages it within the plan's hours, which are clock hours: they run through nights and weekends.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import accumulate

from app.domain.days import add_days, clock_time, day_count, london_day, long_date, start_of_day
from app.domain.milestones import OrganisationRef
from app.domain.refusals import Reason
from app.domain.words import (
    EvidenceForm,
    Marking,
    PlanState,
    Rag,
    ReviewOutcome,
    Status,
    SubmissionKind,
    SubmissionState,
    TriagedThrough,
    TurnedInto,
)

MISDIRECTED_TITLE = "Misdirected: its content is closed"
NOT_A_REFERRAL = "This is not a way to refer a child or an adult at risk."

OUTCOME_WORDS = {
    SubmissionState.WAITING: "Waiting",
    SubmissionState.LOGGED: "Logged",
    SubmissionState.RETURNED: "Returned",
    SubmissionState.TURNED_INTO: "Turned into",
    SubmissionState.MISDIRECTED: "Misdirected",
}


def notice(front_door: str) -> str:
    """What every receipt says: Waymark is no way to refer anybody at risk, and whom to tell instead."""
    return f"{NOT_A_REFERRAL} Contact: {front_door}" if front_door else NOT_A_REFERRAL


# --- The clock --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clock:
    """From when to when a submission is to be triaged, and when it turns Amber: halfway."""

    due_at: datetime
    amber_from: datetime

    @property
    def red_from(self) -> datetime:
        return self.due_at


def clock(received_at: datetime, *, hours: int) -> Clock:
    """The clock that starts with a receipt. Clock hours: partners' nights and weekends count as ours do."""
    return Clock(received_at + timedelta(hours=hours), received_at + timedelta(hours=hours / 2))


def clock_colour(amber_from: datetime, red_from: datetime, now: datetime) -> Rag:
    """What colour a submission that waits has now."""
    if red_from <= now:
        return Rag.RED
    return Rag.AMBER if amber_from <= now else Rag.GREEN


def whole_hours(since: datetime, until: datetime) -> int:
    """How many full hours have passed."""
    return max(0, int((until - since).total_seconds() // 3600))


# --- Triage -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Triageable:
    """What triage needs to know of one submission, read under its lock."""

    ref: str
    kind: SubmissionKind
    state: SubmissionState
    organisation_id: str
    sent_by: str | None
    plan_state: PlanState
    lead_organisation_id: str
    triaged_by: str = ""
    triaged_at: datetime | None = None
    through: str | None = None


def unmet_triage(one: Triageable, *, by: str, organisation_id: str, into: TurnedInto | None = None) -> list[Reason]:
    """Why this submission is not for this person, of this organisation, to triage now. Empty: it is.

    What somebody else has just triaged says who and what. Nobody answers themselves, nor a partner its own people.
    """
    if one.state is not SubmissionState.WAITING:
        return [Reason("already_triaged", _already(one), _who(one))]
    found = []
    if one.plan_state is PlanState.CLOSED:
        found.append(Reason("plan_closed", "The plan is closed and read-only"))
    if one.sent_by is not None and one.sent_by == by:
        found.append(Reason("own_submission", f"You sent {one.ref}. Ask somebody else to triage it"))
    elif organisation_id == one.organisation_id != one.lead_organisation_id:
        found.append(
            Reason("own_organisation", f"Your organisation sent {one.ref}. Somebody of another organisation triages it")
        )
    if into is TurnedInto.RISK:
        found.append(
            Reason(
                "no_risk_register",
                "This plan keeps no risk register yet. Turn it into an action or a milestone that answers the risk,"
                " or log it",
            )
        )
    return found


def unmet_together(several: Sequence[Triageable]) -> list[Reason]:
    """Why these are not triaged in one go: only like items are, of one kind and from one organisation."""
    kinds, senders = {one.kind for one in several}, {one.organisation_id for one in several}
    if len(kinds) < 2 and len(senders) < 2:
        return []
    of = [f"{len(kinds)} kinds" if len(kinds) > 1 else "", f"{len(senders)} organisations" if len(senders) > 1 else ""]
    parted = " and ".join(part for part in of if part)
    return [
        Reason(
            "not_alike",
            f"These are of {parted}. Choose submissions of one kind from one organisation: they get one answer",
        )
    ]


def unmet_passing(one: Triageable, *, may_triage: bool, is_sender: bool, name: str) -> list[Reason]:
    """Why a submission is not passed to this person: they could do nothing with it."""
    found = [] if one.state is SubmissionState.WAITING else [Reason("already_triaged", _already(one), _who(one))]
    if one.plan_state is PlanState.CLOSED:
        found.append(Reason("plan_closed", "The plan is closed and read-only"))
    if not may_triage:
        found.append(
            Reason(
                "cannot_triage",
                f"{name} does not triage in this plan. Pass it to one of its programme managers or senior officers",
            )
        )
    if is_sender:
        found.append(Reason("own_submission", f"{name} sent {one.ref}. Pass it to somebody else"))
    return found


def _already(one: Triageable) -> str:
    if one.through == TriagedThrough.WITHDRAWAL:
        return f"{one.ref} was withdrawn{_at(one.triaged_at)}, so it waits no longer"
    what = OUTCOME_WORDS[one.state].lower()
    how = " with a review" if one.through == TriagedThrough.REVIEW else ""
    return f"{one.ref} was {what}{how} by {one.triaged_by or 'somebody'}{_at(one.triaged_at)}"


def _at(moment: datetime | None) -> str:
    return "" if moment is None else f" on {long_date(london_day(moment))} at {clock_time(moment)}"


def _who(one: Triageable) -> dict[str, str]:
    at = one.triaged_at.isoformat().replace("+00:00", "Z") if one.triaged_at else ""
    return {"outcome": str(one.state), "triaged_by": one.triaged_by, "triaged_at": at}


# --- What to read first -----------------------------------------------------------------------------------------------


class Priority(StrEnum):
    """Suggested, and no more: the list stays in the order in which things came in."""

    FIRST = "first"
    NEXT = "next"
    USUAL = "usual"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What is suggested, and why in words."""

    priority: Priority
    because: str = ""


@dataclass(frozen=True, slots=True)
class Concerned:
    """The milestone that a submission concerns, where the reader may know of it."""

    id: str
    ref: str
    title: str
    status: Status
    rag: Rag
    policy_met: bool
    due_date: date | None = None
    achieved_on: date | None = None


def suggest(kind: SubmissionKind, concerned: Concerned | None) -> Suggestion:
    """By kind, and by the milestone concerned: what stands between a milestone and Red is read first."""
    if kind is SubmissionKind.RISK:
        return Suggestion(Priority.FIRST, "a proposed risk")
    if concerned is None:
        return Suggestion(Priority.USUAL)
    if concerned.status is Status.COMPLETED and not concerned.policy_met:
        return Suggestion(Priority.FIRST, f"{concerned.ref} is completed and waits for its evidence")
    if concerned.rag is Rag.RED:
        return Suggestion(Priority.FIRST, f"{concerned.ref} is Red")
    if concerned.rag is Rag.AMBER:
        return Suggestion(Priority.NEXT, f"{concerned.ref} is Amber")
    return Suggestion(Priority.USUAL)


# --- What came of it --------------------------------------------------------------------------------------------------


class Followed(StrEnum):
    """What came of a triaged submission. Only `done` counts as followed through."""

    DONE = "done"
    UNDER_WAY = "under_way"
    NOTHING_YET = "nothing_yet"
    NOT_DONE = "not_done"
    NOTHING_DUE = "nothing_due"


FOLLOWED_WORDS = {
    Followed.DONE: "Done",
    Followed.UNDER_WAY: "Under way",
    Followed.NOTHING_YET: "Nothing yet",
    Followed.NOT_DONE: "Not done",
    Followed.NOTHING_DUE: "",
}


@dataclass(frozen=True, slots=True)
class FollowFacts:
    """What the answer hangs on: how it was triaged, and where what was to follow stands.

    `milestone` is the status of what it was turned into, or else of the milestone it concerns; `live` and `achieved`
    count the milestones of the action it was turned into. `hidden`: the milestone is not for the reader to know of, and
    then nothing is said of it.
    """

    kind: SubmissionKind
    state: SubmissionState
    through: str | None = None
    review: ReviewOutcome | None = None
    withdrawn: bool = False
    sent_again: bool = False
    into: TurnedInto | None = None
    milestone: Status | None = None
    live: int = 0
    achieved: int = 0
    hidden: bool = False


def follow_through(facts: FollowFacts) -> Followed:
    """Whether what was to follow is done, really: evidence once its milestone is achieved on it or it was reviewed and
    rejected; a return once it was sent again; a milestone or action once it is achieved.

    Nothing is due after correspondence that was logged, or after what was withdrawn or handed on.
    """
    if facts.hidden:
        return Followed.NOTHING_DUE
    if facts.state is SubmissionState.TURNED_INTO:
        return _of_action(facts) if facts.into is TurnedInto.ACTION else _of_milestone(facts.milestone)
    if facts.kind is not SubmissionKind.EVIDENCE or facts.through == TriagedThrough.WITHDRAWAL:
        return Followed.NOTHING_DUE
    if facts.state is SubmissionState.RETURNED:
        return Followed.DONE if facts.sent_again else Followed.NOTHING_YET
    if facts.state is not SubmissionState.LOGGED:
        return Followed.NOTHING_DUE
    return _of_evidence(facts)


def _of_evidence(facts: FollowFacts) -> Followed:
    if facts.review in (ReviewOutcome.REJECTED, ReviewOutcome.RETURNED):
        return Followed.DONE
    if facts.withdrawn or facts.milestone is Status.CANCELLED:
        return Followed.NOTHING_DUE
    if facts.review is ReviewOutcome.ACCEPTED:
        return Followed.DONE if facts.milestone is Status.ACHIEVED else Followed.UNDER_WAY
    return Followed.NOTHING_YET


def _of_milestone(status: Status | None) -> Followed:
    if status is Status.ACHIEVED:
        return Followed.DONE
    if status is Status.CANCELLED:
        return Followed.NOT_DONE
    return Followed.NOTHING_YET if status in (None, Status.NOT_STARTED) else Followed.UNDER_WAY


def _of_action(facts: FollowFacts) -> Followed:
    if facts.live == 0:
        return Followed.NOTHING_YET
    if facts.achieved == facts.live:
        return Followed.DONE
    return Followed.UNDER_WAY


# --- Measures ---------------------------------------------------------------------------------------------------------

WEEKS = 12
RECENT_DAYS = 28
FEW = 5
"""Below this many a percentage says more than is known, so the numbers stand alone."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How many of what came in waited so many whole hours: until triage or, where it still waits, until now."""

    week: int
    recent: bool
    hours: int
    in_time: bool
    waiting: bool
    overdue: bool
    number: int


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How many of what came in have the same facts of follow-through."""

    week: int
    recent: bool
    facts: FollowFacts
    number: int


@dataclass(frozen=True, slots=True)
class Span:
    """What came in during a week, or another stretch of time, and how it fared.

    `decided` is what was triaged or should have been by now: the rest still has time. Waits are those of what is
    decided, in whole hours. `to_follow` is what something was to follow from, `followed` where that is done.
    """

    starts: date | None = None
    received: int = 0
    in_time: int = 0
    decided: int = 0
    waiting: int = 0
    median_hours: int | None = None
    longest_hours: int | None = None
    to_follow: int = 0
    followed: int = 0

    @property
    def late(self) -> int:
        """Triaged too late, or too late already."""
        return self.decided - self.in_time

    @property
    def in_hand(self) -> int:
        """Waiting, and still in time."""
        return self.received - self.decided


@dataclass(frozen=True, slots=True)
class Measures:
    """The measures of an inbox: week by week, the oldest first, and over the last 28 days."""

    weeks: tuple[Span, ...]
    recent: Span
    hours: int = 48


def week_starts(today: date) -> tuple[date, ...]:
    """The Mondays of the weeks that are measured, the oldest first; this week is the last."""
    monday = add_days(today, -today.weekday())
    return tuple(add_days(monday, -7 * back) for back in reversed(range(WEEKS)))


def recent_since(today: date) -> datetime:
    """The first instant of the last 28 days, today included."""
    return start_of_day(add_days(today, 1 - RECENT_DAYS))


def measure(waits: Sequence[Waits], outcomes: Sequence[Outcomes], *, today: date, hours: int = 48) -> Measures:
    """The measures from what was counted. A week in which nothing came is a week all the same."""
    weeks = tuple(
        _span(
            [one for one in waits if one.week == number], [one for one in outcomes if one.week == number], starts=starts
        )
        for number, starts in enumerate(week_starts(today))
    )
    recent = _span([one for one in waits if one.recent], [one for one in outcomes if one.recent])
    return Measures(weeks, recent, hours)


def _span(waits: Sequence[Waits], outcomes: Sequence[Outcomes], *, starts: date | None = None) -> Span:
    decided = [one for one in waits if not one.waiting or one.overdue]
    followed = [(follow_through(one.facts), one.number) for one in outcomes]
    return Span(
        starts=starts,
        received=sum(one.number for one in waits),
        in_time=sum(one.number for one in waits if one.in_time),
        decided=sum(one.number for one in decided),
        waiting=sum(one.number for one in waits if one.waiting),
        median_hours=median_of(_tally(decided)),
        longest_hours=max((one.hours for one in decided), default=None),
        to_follow=sum(number for what, number in followed if what is not Followed.NOTHING_DUE),
        followed=sum(number for what, number in followed if what is Followed.DONE),
    )


def _tally(waits: Collection[Waits]) -> dict[int, int]:
    found: dict[int, int] = {}
    for one in waits:
        found[one.hours] = found.get(one.hours, 0) + one.number
    return found


def median_of(tally: dict[int, int]) -> int | None:
    """The middle value of {value: how often}, the lower one of two, so that it is a wait that somebody had."""
    total = sum(tally.values())
    if total == 0:
        return None
    values = sorted(tally)
    upto = accumulate(tally[value] for value in values)
    return next(value for value, so_far in zip(values, upto, strict=True) if 2 * so_far >= total)


# --- What services hand to the doors ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SentFile:
    """What was sent as evidence: enough to look at it."""

    id: str
    ref: str
    form: EvidenceForm
    file_name: str | None
    size: int | None
    sha256: str | None
    link: str | None
    may_open: bool


@dataclass(frozen=True, slots=True)
class Made:
    """What a submission was turned into, where the reader may know of it."""

    kind: TurnedInto
    id: str
    ref: str
    title: str


@dataclass(frozen=True, slots=True)
class SubmissionItem:
    """One submission as one viewer may see it.

    `hours` is how long it waited, until now where it still does. `closed`: it was misdirected, and its content is not
    for these eyes. `followed_words` says what came of it, and is empty while it waits. `released_at`: when a person of
    its organisation let it through; its hours run from then.
    """

    id: str
    ref: str
    plan_id: str
    plan_slug: str
    plan_title: str
    kind: SubmissionKind
    state: SubmissionState
    title: str
    organisation: OrganisationRef
    sent_by: str
    door: str
    external_ref: str | None
    marking: Marking | None
    received_at: datetime
    triage_due_at: datetime
    hours: int
    limit_hours: int
    rag: Rag | None
    read_at: datetime | None
    read_by: str | None
    passed_to: str | None
    passed_at: datetime | None
    concerned: Concerned | None
    evidence: SentFile | None
    message: str | None
    suggestion: Suggestion
    triaged_at: datetime | None
    triaged_by: str | None
    through: str | None
    reason: str | None
    handed_to: str | None
    handed_on: date | None
    their_reference: str | None
    made: Made | None
    followed: Followed | None
    followed_words: str
    closed: bool
    may_triage: bool
    changed_at: datetime | None
    version: str
    released_at: datetime | None = None

    @property
    def in_time(self) -> bool:
        """Whether it was triaged within its hours."""
        return self.triaged_at is not None and self.triaged_at <= self.triage_due_at


@dataclass(frozen=True, slots=True)
class InboxFilters:
    """Filters of the inbox; None means all. `passed_to_me`: only what was passed to who asks."""

    kind: SubmissionKind | None = None
    organisation: str | None = None
    passed_to_me: bool = False

    @property
    def are_set(self) -> bool:
        return self.kind is not None or self.organisation is not None or self.passed_to_me


@dataclass(frozen=True, slots=True)
class InboxCounts:
    """How many wait, how many of them nobody has opened, and how many are Red; each up to a cap (1,001)."""

    waiting: int = 0
    unread: int = 0
    red: int = 0
    oldest_at: datetime | None = None
    oldest_due_at: datetime | None = None
    oldest_amber_from: datetime | None = None
    last_triaged_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class InboxPage:
    """One page of submissions, with how many there are whatever the page holds."""

    items: tuple[SubmissionItem, ...]
    counts: InboxCounts
    next_cursor: str | None = None
    matching: int | None = None  # with filters: how many of those that wait pass them


@dataclass(frozen=True, slots=True)
class Inbox:
    """All that the inbox of a plan shows. `people` are those it can be passed to."""

    page: InboxPage
    triaged: tuple[SubmissionItem, ...]
    measures: Measures
    people: tuple[tuple[str, str], ...] = ()
    senders: tuple[tuple[str, str], ...] = ()
    may_triage: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody decided: the outcome with all that it takes."""

    outcome: SubmissionState
    reason: str | None = None
    into: TurnedInto | None = None
    title: str | None = None
    parent: str | None = None
    owner: str | None = None
    due_date: date | None = None
    success_criterion: str | None = None
    handed_to: str | None = None
    handed_on: date | None = None
    their_reference: str | None = None


def follow_words(ref: str | None, facts: FollowFacts, *, since_days: int, due: date | None, on: date | None) -> str:
    """What came of it, after its word: "M-29 achieved 7 December 2009", "Not sent again after 8 days".

    `ref`, `due` and `on` (the day it was achieved) are of what it was turned into, or of the milestone it concerns.
    """
    name = ref or "The milestone"
    if facts.hidden:
        return ""
    if facts.state is SubmissionState.TURNED_INTO:
        return _turned_words(name, facts, due=due, on=on)
    if facts.through == TriagedThrough.WITHDRAWAL or facts.withdrawn:
        return "Withdrawn by who sent it"
    if facts.state is SubmissionState.MISDIRECTED:
        return "Handed on"
    if facts.kind is not SubmissionKind.EVIDENCE:
        return "Nothing further was to follow"
    if facts.state is SubmissionState.RETURNED:
        return "Sent again" if facts.sent_again else f"Not sent again after {day_count(since_days)}"
    return _evidence_words(name, facts, since_days=since_days, on=on)


def _evidence_words(name: str, facts: FollowFacts, *, since_days: int, on: date | None) -> str:
    if facts.review in (ReviewOutcome.REJECTED, ReviewOutcome.RETURNED):
        return "Reviewed and not accepted"
    if facts.milestone is Status.CANCELLED:
        return f"{name} was cancelled"
    if facts.review is not ReviewOutcome.ACCEPTED:
        return f"Not reviewed after {day_count(since_days)}"
    if facts.milestone is Status.ACHIEVED:
        return f"{name} achieved{f' {long_date(on)}' if on else ''}"
    return f"Accepted; {name} is not achieved yet"


def _turned_words(name: str, facts: FollowFacts, *, due: date | None, on: date | None) -> str:
    if facts.into is TurnedInto.ACTION:
        if facts.live == 0:
            return f"{name} has no milestone yet"
        return f"{facts.achieved} of {facts.live} milestones of {name} achieved"
    if facts.milestone is Status.ACHIEVED:
        return f"{name} achieved{f' {long_date(on)}' if on else ''}"
    if facts.milestone is Status.CANCELLED:
        return f"{name} was cancelled"
    started = f"{name} not started" if facts.milestone in (None, Status.NOT_STARTED) else name
    return f"{started}, due {long_date(due)}" if due else f"{started}, no date agreed"
