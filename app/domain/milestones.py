"""The evidence gate and the transitions of a milestone (rule 1 of the product).

What may stop a milestone being achieved: `unmet_criteria`, and nothing else.
"""

import re
from dataclasses import dataclass, field
from datetime import date, datetime

from app.domain import evidence as evidence_rules
from app.domain.acceptances import AcceptanceView
from app.domain.change_requests import ChangeRequestView, Named
from app.domain.days import long_date
from app.domain.evidence import EvidenceView, LinkedEvidence
from app.domain.rag import Reason as RagReason
from app.domain.refusals import Reason
from app.domain.success_criteria import CriterionView
from app.domain.words import (
    DateSetter,
    DelayCause,
    EvidencePolicy,
    EvidenceState,
    Marking,
    MilestoneEventKind,
    PlanState,
    Rag,
    Status,
)

TITLE_LIMIT = 200
TEXT_LIMIT = 10_000

NOT_SHOWN = "something that is not shown to you"
"""What stands where a milestone is named that the reader may not know of."""
_REFERENCE = re.compile(r"\bM\s?[-\u2010\u2011\u2012\u2013\u2212]\s?(\d{1,9})\b", re.IGNORECASE)


def milestones_named(words: str | None) -> tuple[str, ...]:
    """The references of milestones in typed words, as they are stored: "m-8" names M-08."""
    return tuple(f"M-{int(number):02}" for number in _REFERENCE.findall(words or ""))


def waiting_as_stored(typed: str | None, stored: str | None) -> str | None:
    """Who sends back the words that stood for something hidden from them leaves what is there."""
    return stored if typed == NOT_SHOWN and stored else typed


def unmet_criteria(
    *,
    status: Status,
    plan_state: PlanState,
    policy: EvidencePolicy,
    evidence: list[LinkedEvidence],
    reopened_at: datetime | None,
    on: date,
) -> list[Reason]:
    """Everything that stops a milestone being marked as achieved on `on`, all at once. Empty: nothing does."""
    found: list[Reason] = []
    if plan_state is not PlanState.APPROVED:
        found.append(Reason("plan_not_approved", f"The plan is {plan_state}: only an approved plan has achievements"))
    if status is not Status.COMPLETED:
        found.append(Reason("not_completed", _NOT_COMPLETED[status]))
    found.extend(evidence_rules.missing(evidence, policy=policy, on=on, reopened_at=reopened_at))
    return found


_NOT_COMPLETED = {
    Status.NOT_STARTED: "Its owner has not reported it completed. Report it completed first",
    Status.IN_PROGRESS: "Its owner has not reported it completed. Report it completed first",
    Status.ACHIEVED: "It is already achieved",
    Status.CANCELLED: "It was cancelled, and a cancelled milestone cannot be achieved",
    Status.COMPLETED: "",
}

# From which statuses each transition may be made, and where it leads.
TRANSITIONS: dict[MilestoneEventKind, tuple[frozenset[Status], Status]] = {
    MilestoneEventKind.STARTED: (frozenset({Status.NOT_STARTED}), Status.IN_PROGRESS),
    MilestoneEventKind.COMPLETED: (frozenset({Status.NOT_STARTED, Status.IN_PROGRESS}), Status.COMPLETED),
    MilestoneEventKind.RETURNED: (frozenset({Status.COMPLETED}), Status.IN_PROGRESS),
    MilestoneEventKind.ACHIEVED: (frozenset({Status.COMPLETED}), Status.ACHIEVED),
    MilestoneEventKind.FELL_BACK: (frozenset({Status.ACHIEVED}), Status.COMPLETED),
    MilestoneEventKind.REOPENED: (frozenset({Status.ACHIEVED}), Status.IN_PROGRESS),
    MilestoneEventKind.CANCELLED: (
        frozenset({Status.NOT_STARTED, Status.IN_PROGRESS, Status.COMPLETED}),
        Status.CANCELLED,
    ),
}

_WRONG_STATUS = {
    MilestoneEventKind.STARTED: ("already_started", "Only a milestone that has not started can be started"),
    MilestoneEventKind.COMPLETED: ("not_open", "Only an open milestone can be reported completed"),
    MilestoneEventKind.RETURNED: ("not_completed", "Only a completed milestone can be returned to in progress"),
    MilestoneEventKind.ACHIEVED: ("not_completed", "Only a completed milestone can be marked as achieved"),
    MilestoneEventKind.FELL_BACK: ("not_achieved", "Only an achieved milestone can fall back"),
    MilestoneEventKind.REOPENED: ("not_achieved", "Only an achieved milestone can be reopened"),
    MilestoneEventKind.CANCELLED: ("already_ended", "An achieved or cancelled milestone cannot be cancelled"),
}

STATUS_WORDS = {
    Status.NOT_STARTED: "not started",
    Status.IN_PROGRESS: "in progress",
    Status.COMPLETED: "completed",
    Status.ACHIEVED: "achieved",
    Status.CANCELLED: "cancelled",
}


def unmet_transition(kind: MilestoneEventKind, *, status: Status, plan_state: PlanState) -> list[Reason]:
    """Why this transition cannot be made from here. Empty: it can.

    Work may be reported in an approved plan only: a draft promises nothing yet and a closed plan is read-only.
    """
    found = unmet_plan_state(plan_state)
    allowed, _ = TRANSITIONS[kind]
    if status not in allowed:
        code, sentence = _WRONG_STATUS[kind]
        found.append(Reason(code, f"{sentence}. This one is {STATUS_WORDS[status]}"))
    return found


def unmet_plan_state(plan_state: PlanState) -> list[Reason]:
    """Progress is reported on approved plans only."""
    if plan_state is PlanState.DRAFT:
        return [Reason("plan_not_approved", "The plan is a draft. Progress is reported once it is approved")]
    if plan_state is PlanState.CLOSED:
        return [Reason("plan_closed", "The plan is closed and read-only")]
    return []


def unmet_removal(plan_state: PlanState, status: Status) -> list[Reason]:
    """Why a milestone cannot be taken out of its plan by hand: what was approved is cancelled by a change request."""
    if plan_state is PlanState.APPROVED:
        return [Reason("plan_approved", "The plan is approved. Ask for its cancellation by a change request")]
    if plan_state is PlanState.CLOSED:
        return [Reason("plan_closed", "The plan is closed and read-only")]
    if status is Status.CANCELLED:
        return [Reason("already_cancelled", "It is cancelled already")]
    return []


def may_be_updated(status: Status) -> list[Reason]:
    """Why no progress update can be added. Achieved milestones are reopened first."""
    if status is Status.CANCELLED:
        return [Reason("milestone_cancelled", "It was cancelled, so there is nothing to update")]
    if status is Status.ACHIEVED:
        return [Reason("milestone_achieved", "It is achieved. Reopen it if the work is not finished after all")]
    return []


def unmet_declaration(status: Status) -> list[Reason]:
    """Why a declaration alone would do nothing: what is reported completed is judged by its evidence."""
    if status is Status.COMPLETED:
        return [Reason("milestone_completed", "It is reported completed: the evidence rules alone decide its colour")]
    return []


def unmet_no_change(*, last_update_on: date | None, open_again_on: date | None) -> list[Reason]:
    """Why "no change since the last update" cannot be said: there is none, or the milestone was opened again since."""
    if last_update_on is None:
        return [Reason("no_update_yet", "There is no update yet for “no change” to go by. Say what has happened")]
    if open_again_on is not None and open_again_on > last_update_on:
        since = f"It was opened again on {long_date(open_again_on)}, after the last update"
        return [Reason("changed_since", f"{since}. Say what has happened since")]
    return []


# What services hand to the doors.


@dataclass(frozen=True, slots=True)
class Ref:
    """Something one can link to: an id, its reference and its words."""

    id: str
    ref: str
    title: str


@dataclass(frozen=True, slots=True)
class OrganisationRef:
    id: str
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class PersonRef:
    id: str
    title: str
    organisation: str
    left: bool = False


@dataclass(frozen=True, slots=True)
class EvidenceCount:
    counting: int
    total: int
    state: EvidenceState
    ends_on: date | None = None  # the last day on which it is in place, where it has one
    notice: int | None = None  # 30 or 7: how many days before that its people have been told


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """Where an item went that was open when its plan was closed. `rag` is the colour it had then.

    `plan` is the address and title of another plan, for who knows of that; `elsewhere` says that there is one, to who
    does not.
    """

    words: str
    plan: tuple[str, str] | None
    elsewhere: bool
    rag: Rag | None
    at: datetime


@dataclass(frozen=True, slots=True)
class MilestoneRow:
    """A milestone as lists show it (and the JSON API gives it)."""

    id: str
    ref: str
    title: str
    plan_id: str
    plan_slug: str
    theme: Ref | None
    action: Ref
    owner: PersonRef | None
    organisation: OrganisationRef
    supporting_organisations: tuple[OrganisationRef, ...]
    status: Status
    standing: str  # "Not achieved: evidence outstanding", "Achieved 12 days late" and so on
    rag: Rag | None  # None where colour is not the word: draft, achieved, cancelled, not yet due to start
    since: date | None
    days: int | None
    exception_days: int | None
    reasons: tuple[RagReason, ...]
    start_date: date | None
    baseline_date: date | None
    due_date: date | None
    forecast_date: date | None
    completed_date: date | None
    achieved_date: date | None
    slip_days: int | None
    approved_slip_days: int | None
    moves: int
    accepted_until: date | None  # the day on which an accepted exception returns among the others
    evidence: EvidenceCount
    still_needed: tuple[Reason, ...]
    marking: Marking
    restricted: bool
    source: str | None
    version: str
    carried_over: CarriedOver | None = None
    added_later_at: datetime | None = None  # when it was added, if the plan had been approved by then


@dataclass(frozen=True, slots=True)
class UpdateView:
    """One entry of the updates timeline: a progress update or a transition with what was said."""

    id: str
    kind: str  # update, or a MilestoneEventKind
    at: datetime
    by: str
    by_organisation: str
    narrative: str | None
    forecast_date: date | None = None
    forecast_was: date | None = None
    declared_rag: Rag | None = None
    rationale: str | None = None
    declaration_effect: str | None = None  # what the declaration did, in a sentence
    issue: str | None = None
    support_required: str | None = None
    path_to_green: str | None = None
    return_to_green_on: date | None = None
    waiting_on: str | None = None
    waiting_on_since: date | None = None
    cause: DelayCause | None = None
    day: date | None = None  # until when it was accepted
    no_change: bool = False  # "no change since the last update": what that one said stands
    sent_again: bool = False  # it was there already: this is the answer to the same words sent twice


@dataclass(frozen=True, slots=True)
class DateChange:
    """One line of the date history."""

    field: str  # baseline, due, forecast, completed
    value: date | None
    was: date | None
    at: datetime
    by: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One audit event as a person reads it."""

    id: str
    seq: int
    at: datetime
    actor: str
    door: str
    event: str
    item_kind: str
    item_id: str
    item_ref: str
    facts: dict[str, object]
    texts: dict[str, str | None]
    hash: str
    text_ids: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MayDo:
    """Which buttons the viewer is offered. The service judges again when one is pressed."""

    update: bool = False
    declare: bool = False
    start: bool = False
    complete: bool = False
    achieve: bool = False
    return_: bool = False
    reopen: bool = False
    attach: bool = False
    review: bool = False
    request_change: bool = False
    decide_change: bool = False
    edit: bool = False
    remove: bool = False
    lift_declaration: bool = False
    accept: bool = False
    lift_acceptance: bool = False
    correct_baseline: bool = False
    read_audit: bool = False


@dataclass(frozen=True, slots=True)
class MovedFrom:
    """Where a milestone or an action stood before it was moved: a theme, for a milestone an action as well."""

    theme: Ref
    action: Ref | None
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class MilestoneView:
    """Everything one page about a milestone shows."""

    row: MilestoneRow
    description: str
    success_criterion: str
    due_set_by: DateSetter
    declared_rag: Rag | None
    declared_by: str | None
    declaration_rationale: str | None
    restricted_to: tuple[str, ...]
    reopened_times: int
    not_independent: bool
    evidence: tuple[EvidenceView, ...]
    timeline: tuple[UpdateView, ...]
    date_history: tuple[DateChange, ...]
    change_requests: tuple[ChangeRequestView, ...]
    audit: tuple[AuditLine, ...]
    audit_total: int
    may: MayDo
    plan_policy: EvidencePolicy
    moved_from: MovedFrom | None = None
    action_moved_from: MovedFrom | None = None  # its action stood in another theme
    latest_update: UpdateView | None = None
    acceptance: AcceptanceView | None = None
    came_from: Named | None = None  # the milestone it replaced or was split from, where the reader may know of it
    refused_attempts: tuple[AuditLine, ...] = ()
    honesty: tuple[str, ...] = ()  # what the honesty checks say of it, for who may read them
    warnings: tuple[str, ...] = ()  # that a due date to come is no working day
    criteria: tuple[CriterionView, ...] = ()  # the proof agreed for it, with what is ticked off


@dataclass(frozen=True, slots=True)
class MilestoneMoved:
    """A milestone after a step: where it stands now. Its page is read afterwards, when nobody waits for the writer."""

    row: MilestoneRow


@dataclass(frozen=True, slots=True)
class MilestoneKey:
    """Names a milestone: by its id, or by its plan's slug and its reference."""

    id: str = ""
    plan: str = ""
    ref: str = ""


@dataclass(frozen=True, slots=True)
class MilestoneStub:
    """All that a key with `evidence:write` alone learns of a milestone."""

    id: str
    ref: str
    title: str
    plan: str
