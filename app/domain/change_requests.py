"""Change requests (rule 3): what may be asked for, what stands against it, and what it would do.

What is asked is a `Proposal`. What it would do is worked out once, by the functions of `app.services.foreseeing`, for
whoever asks to see it and for whoever carries it out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.domain.days import clock_time, london_day, long_date, weekday_date
from app.domain.refusals import Reason
from app.domain.success_criteria import AgreedProof
from app.domain.words import (
    CancellationGround,
    ChangeKind,
    DateSetter,
    EvidencePolicy,
    MovedRule,
    PlanState,
    Rag,
    Status,
)

OF_MILESTONES = (
    ChangeKind.DUE_DATE,
    ChangeKind.CANCELLATION,
    ChangeKind.REPLACEMENT,
    ChangeKind.SPLIT,
    ChangeKind.CRITERIA,
)
OF_PLANS = (ChangeKind.POLICY, ChangeKind.SETTINGS)

# The grounds of a cancellation that name another milestone.
NAMING_ANOTHER = (CancellationGround.REPLACED, CancellationGround.MERGED, CancellationGround.DUPLICATE)

# What moves or ends an agreed date, and so needs the agreement of the outside body that set it.
TOUCHING_THE_DATE = (
    ChangeKind.DUE_DATE,
    ChangeKind.CANCELLATION,
    ChangeKind.REPLACEMENT,
    ChangeKind.SPLIT,
)

PARTS_AT_LEAST, PARTS_AT_MOST = 2, 10

BODIES = {
    DateSetter.DFE: "the Department for Education",
    DateSetter.OFSTED: "Ofsted",
    DateSetter.OMBUDSMAN: "the Ombudsman",
    DateSetter.COURT: "a court",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A milestone that a request describes: the one that replaces, or one part of a split. `owner` is a person's id."""

    title: str
    success_criterion: str
    due_date: date | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """That the outside body which set the date agrees to its move: who said so, when, and where it is written."""

    by: str
    on: date | None
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a request asks for. `settings` are a plan's, by name; `other` is the id of the milestone it names."""

    kind: ChangeKind
    due_date: date | None = None
    ground: CancellationGround | None = None
    other: str | None = None
    parts: tuple[Part, ...] = ()
    success_criterion: str = ""
    criteria: tuple[AgreedProof, ...] | None = None  # the proof agreed instead; None: as it is
    settings: dict[str, Any] | None = None
    agreed_on: date | None = None


# --- The success criterion, line by line ------------------------------------------------------------------------------

_SENTENCE_ENDS = re.compile(r"(?<=[.;!?])\s+")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")


def criteria_of(text: str) -> tuple[str, ...]:
    """The single criteria of a success criterion: its lines or, where it is one line, its sentences."""
    lines = [_BULLET.sub("", line).strip() for line in text.splitlines()]
    found = [line for line in lines if line]
    if len(found) == 1:
        found = [sentence.strip() for sentence in _SENTENCE_ENDS.split(found[0]) if sentence.strip()]
    return tuple(found)


def gaps(criterion: str, parts: Sequence[str]) -> tuple[str, ...]:
    """The single criteria of the old milestone that no part takes over word for word: what a split would lose.

    Capitals, spaces and the mark at the end do not matter. A part may ask for more.
    """
    taken_over = [_plain(part) for part in parts]
    return tuple(one for one in criteria_of(criterion) if not any(_plain(one) in part for part in taken_over))


def _plain(text: str) -> str:
    return " ".join(text.split()).rstrip(".;,!").casefold()


# --- What stands against asking, and against approving ----------------------------------------------------------------


def unmet_plan(state: PlanState) -> list[Reason]:
    """Change requests are of approved plans: a draft is edited, a closed plan is read-only."""
    if state is PlanState.DRAFT:
        return [Reason("plan_not_approved", "The plan is a draft. Change the milestone itself until it is approved")]
    if state is PlanState.CLOSED:
        return [Reason("plan_closed", "The plan is closed and read-only")]
    return []


def unmet_milestone(kind: ChangeKind, status: Status) -> list[Reason]:
    """Which milestones a kind of change can be asked of."""
    if status in (Status.ACHIEVED, Status.CANCELLED):
        return [Reason("milestone_ended", f"It is {status}. Only a milestone that has not ended can be changed")]
    if status is Status.COMPLETED and kind in (ChangeKind.SPLIT, ChangeKind.CRITERIA):
        return [
            Reason(
                "milestone_completed",
                "It is reported complete by what was agreed. Return it to in progress before that is changed",
            )
        ]
    return []


def unmet_split(criterion: str, parts: Sequence[Part]) -> list[Reason]:
    """A split that would leave part of what was agreed undone is refused, naming each gap."""
    return [
        Reason("criteria_gap", f"No part takes over “{gap}”. Put it, word for word, into a part’s success criterion")
        for gap in gaps(criterion, [part.success_criterion for part in parts])
    ]


def unmet_dates(start: date | None, dates: Sequence[date | None]) -> list[Reason]:
    """What happened in the meantime may have made the date impossible: it can only be declined."""
    if start is None or not any(day is not None and day < start for day in dates):
        return []
    sentence = f"It now starts on {long_date(start)}, after the date that was asked for. Ask for a later one"
    return [Reason("due_before_start", sentence)]


def unmet_agreement(kind: ChangeKind, set_by: DateSetter, agreed_on: date | None) -> list[Reason]:
    """A date that an outside body set moves only with its agreement on the record."""
    if kind not in TOUCHING_THE_DATE or set_by is DateSetter.PLAN or agreed_on is not None:
        return []
    body = BODIES[set_by]
    sentence = f"{body[0].upper()}{body[1:]} set this date. Ask again and say who there agreed, when and where"
    return [Reason("agreement_missing", sentence)]


def unmet_other(kind: ChangeKind, ground: CancellationGround | None, status: Status | None) -> list[Reason]:
    """The milestone that is named must still be there to take the work over."""
    if kind is ChangeKind.CANCELLATION and ground in NAMING_ANOTHER and status is Status.CANCELLED:
        return [Reason("other_cancelled", "The milestone it names was cancelled. Name one that goes on")]
    if kind is ChangeKind.CANCELLATION and ground is CancellationGround.MERGED and status is Status.ACHIEVED:
        sentence = (
            "The milestone it names is achieved: nobody would prove there what this one promises. Name an open one"
        )
        return [Reason("other_achieved", sentence)]
    return []


def merged_into(ref: str, criterion: str, other: str, its_criterion: str) -> str:
    """What to know before one milestone is merged into another: the other has to prove both from then on."""
    return (
        f"{other} must then prove what {ref} promises: “{criterion or 'no success criterion'}”. Its own success"
        f" criterion is “{its_criterion or 'none'}”"
    )


def promises_too(ref: str, criterion: str) -> str:
    """What to know before a milestone ends into which another was merged."""
    return f"{ref} was merged into it, so with it ends what {ref} promised: “{criterion or 'no success criterion'}”"


def already_asked(asked_at: datetime) -> Reason:
    """The same, asked for by the same person while the first still waits: one decision answers both."""
    when = f"{long_date(london_day(asked_at))} at {clock_time(asked_at)}"
    sentence = f"You asked for exactly this on {when}, and that still waits. Withdraw it if you want to ask afresh"
    return Reason("already_asked", sentence)


def date_has_moved(due_date: date | None, due_now: date | None, due_was: date | None) -> str:
    """What to know before deciding where the due date has moved since the request was made; empty where it has not."""
    if due_date is None or due_now == due_was:
        return ""
    was, now = (long_date(day) if day else "none" for day in (due_was, due_now))
    return f"The due date has moved since this was asked: it was {was} then and is {now} now"


def meeting_before(asked_at: datetime, held_on: date) -> str:
    """Why something cannot have been decided in a meeting: it had not been asked yet. Empty where it had."""
    asked_on = london_day(asked_at)
    if held_on >= asked_on:
        return ""
    return (
        f"This was asked for on {weekday_date(asked_on)}, after the review meeting of {weekday_date(held_on)}."
        " Choose one on or after the day it was asked"
    )


def unmet_decider(*, actor: str, requested_by: str, owner: str | None, owner_then: str | None = None) -> list[Reason]:
    """Nobody decides on what they asked for, own, or owned when it was asked: handing it over changes no judge."""
    found = []
    if requested_by == actor:
        found.append(Reason("own_request", "You asked for this change. Somebody else decides it"))
    if owner is not None and owner == actor:
        found.append(Reason("own_milestone", "You own this milestone. Somebody else decides its changes"))
    elif owner_then is not None and owner_then == actor:
        found.append(Reason("own_milestone", "You owned this milestone when it was asked. Somebody else decides"))
    return found


REDACTED = "[redacted]"


def is_redacted(texts: Sequence[str]) -> bool:
    """Whether any of what was asked for has been redacted: nothing is carried out on half a text."""
    return REDACTED in texts


# --- A plan's policy and settings -------------------------------------------------------------------------------------

SETTINGS = ("tolerance_days", "overdue_limit_days", "moved_rule", "cycle_days", "triage_hours")

SETTING_WORDS = {
    "evidence_policy": "Evidence policy",
    "tolerance_days": "Tolerance for a late forecast",
    "overdue_limit_days": "Overdue limit",
    "moved_rule": "When a moved date is a reason",
    "cycle_days": "Review cycle",
    "triage_hours": "Triage within",
}
POLICY_WORDS = {
    EvidencePolicy.ATTACHED: "a file that shows the work is done",
    EvidencePolicy.ACCEPTED: "evidence accepted by somebody who did not provide it",
}
MOVED_WORDS = {
    MovedRule.OFF: "never",
    MovedRule.STANDARD: "moved twice, or by over 84 days in all",
    MovedRule.ANY: "any move",
}


def setting_words(name: str, value: Any) -> str:
    """A setting's value in words: "28 days", "any move"."""
    if name == "evidence_policy":
        return POLICY_WORDS[EvidencePolicy(value)]
    if name == "moved_rule":
        return MOVED_WORDS[MovedRule(value)]
    unit = "hour" if name == "triage_hours" else "day"
    return f"{value} {unit}{'' if value == 1 else 's'}"


# --- What it would do -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One milestone, before and after: the word that stands for it today, and from when it would be Amber and Red."""

    id: str
    ref: str
    title: str
    before: str
    after: str
    falls_back: bool = False
    red_before: date | None = None
    red_after: date | None = None
    amber_before: date | None = None
    amber_after: date | None = None
    marks: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return self.before != self.after or self.falls_back


@dataclass(frozen=True, slots=True)
class Effect:
    """What an approval today would do. `withheld` counts changed milestones that the reader may only know as a number;
    None: nobody is to be told of them.
    """

    milestones: tuple[Foreseen, ...] = ()
    warnings: tuple[str, ...] = ()
    withheld: int | None = None

    @property
    def changed(self) -> tuple[Foreseen, ...]:
        return tuple(one for one in self.milestones if one.changes)

    @property
    def falls_back(self) -> tuple[Foreseen, ...]:
        return tuple(one for one in self.milestones if one.falls_back)

    def turning(self, rag: Rag) -> tuple[Foreseen, ...]:
        """The milestones that would take on a colour."""
        return tuple(one for one in self.changed if one.after == rag.capitalize() and one.before != one.after)


# --- What services hand to the doors ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Named:
    """A milestone that a request names: its reference, its address, and what marks it."""

    id: str
    ref: str
    title: str
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PartView:
    """A milestone that a request describes, in words; `made` is the one it became."""

    title: str | None
    success_criterion: str | None
    due_date: date | None
    owner: str | None
    owner_id: str | None
    made: Named | None = None


@dataclass(frozen=True, slots=True)
class SettingChange:
    name: str
    was: str
    becomes: str


@dataclass(frozen=True, slots=True)
class ChangeRequestView:
    """One change request as its item, its plan's list and the API show it."""

    id: str
    kind: str
    state: str
    plan_slug: str
    milestone: Named | None
    requested_by: str
    requested_by_id: str
    requested_at: datetime
    reason: str | None
    due_date: date | None
    due_was: date | None  # when it was asked; once it is decided, when it was decided
    due_now: date | None  # the milestone's, whatever was asked
    ground: str | None
    other: Named | None
    success_criterion: str | None
    criteria: tuple[str, ...] | None  # the proof asked for, in words; None: it stays as it is
    parts: tuple[PartView, ...]
    settings: tuple[SettingChange, ...]
    agreement: Agreement | None
    set_by: DateSetter
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
    meeting_on: date | None
    meeting_id: str | None
    may_decide: bool
    may_withdraw: bool
    version: str
    why_not: tuple[str, ...] = ()  # what stands in this viewer's way, for whoever may decide on others' requests
    effect: Effect | None = None


@dataclass(frozen=True, slots=True)
class ChangeRequestPage:
    """The change requests of a plan. `withheld` counts what is about restricted milestones, for whom that is right."""

    items: tuple[ChangeRequestView, ...]
    waiting: int
    withheld: int | None
    may_request: bool
    may_decide: bool

    @property
    def first_asked_on(self) -> date | None:
        """The day on which the oldest of them was asked."""
        return min((london_day(one.requested_at) for one in self.items), default=None)


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of one request in a bulk decision: decided, or refused with its sentences."""

    id: str
    title: str
    state: str
    reasons: tuple[Reason, ...] = ()

    @property
    def went_through(self) -> bool:
        return not self.reasons
