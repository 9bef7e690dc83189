"""Redaction, legal hold and disposal: what one person proposes and another decides, and what stands against it.

How long evidence is kept is a class on each item; the day is worked out, never stored.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.domain.refusals import Reason


class RecordKind(StrEnum):
    """What is proposed."""

    REDACTION = "redaction"
    HOLD = "hold"
    RELEASE = "release"
    DISPOSAL = "disposal"


class RecordState(StrEnum):
    """`due`: Waymark says that an item may be disposed of, and nobody has proposed it yet."""

    DUE = "due"
    PROPOSED = "proposed"
    APPROVED = "approved"
    DECLINED = "declined"


OPEN_STATES = (RecordState.DUE, RecordState.PROPOSED)


class Retention(StrEnum):
    """How long an evidence item is kept."""

    TRANSITORY = "transitory"
    WORKING = "working"
    PLAN_RECORD = "plan_record"
    INQUIRY = "inquiry"
    PERMANENT = "permanent"


TRANSITORY_DAYS = 30
YEARS_KEPT: dict[Retention, int | None] = {
    Retention.TRANSITORY: 0,
    Retention.WORKING: 3,
    Retention.PLAN_RECORD: 7,
    Retention.INQUIRY: 25,
    Retention.PERMANENT: None,
}


def kept_until(retention: Retention, received_on: date) -> date | None:
    """The last day that an item is kept; None: for good. From 29 February the years end on 28 February."""
    years = YEARS_KEPT[retention]
    if years is None:
        return None
    if retention is Retention.TRANSITORY:
        return received_on + timedelta(days=TRANSITORY_DAYS)
    try:
        return received_on.replace(year=received_on.year + years)
    except ValueError:
        return received_on.replace(year=received_on.year + years, day=28)


@dataclass(frozen=True, slots=True)
class Keeping:
    """How one evidence item is kept."""

    retention: Retention
    until: date | None
    held: bool
    disposed_at: datetime | None

    def due(self, on: date) -> bool:
        """Whether it may be disposed of on a day."""
        return self.until is not None and self.until < on and not self.held and self.disposed_at is None


# Fields that are columns of the item as well (decision 2): what stands there now is changed first, then redacted here.
COLUMNS_TOO = {
    "milestone": frozenset({"title", "description", "success_criterion"}),
    "plan": frozenset({"title", "purpose"}),
}
_ANY_ITEM = frozenset({"title", "link"})


def is_column_too(item_kind: str, field: str) -> bool:
    """Whether a text is kept on its item as well, where a redaction would not reach it."""
    return field in COLUMNS_TOO.get(item_kind, _ANY_ITEM)


def unmet_redaction(*, redacted: bool, stands_on_item: bool) -> list[Reason]:
    """Why a text cannot be redacted."""
    if redacted:
        return [Reason("already_redacted", "It was redacted already")]
    if stands_on_item:
        sentence = "It is what the item says now. Change it there first; then the earlier wording can be redacted"
        return [Reason("current_wording", sentence)]
    return []


def unmet_keeping(kind: RecordKind, keeping: Keeping, on: date) -> list[Reason]:
    """Why an item cannot be held, released or disposed of, all at once."""
    found = []
    if keeping.disposed_at is not None:
        found.append(Reason("already_disposed", "It was disposed of already"))
    if kind is RecordKind.HOLD and keeping.held:
        found.append(Reason("already_held", "It is under legal hold already"))
    if kind is RecordKind.RELEASE and not keeping.held:
        found.append(Reason("not_held", "It is not under legal hold"))
    if kind is RecordKind.DISPOSAL:
        if keeping.held:
            found.append(Reason("legal_hold", "It is under legal hold. The hold is released first"))
        if keeping.until is None:
            found.append(Reason("kept_for_good", "Its retention class keeps it for good"))
        elif keeping.until >= on:
            found.append(Reason("not_due", f"It is kept until {keeping.until:%d %B %Y}".replace(" 0", " ")))
    return found


def unmet_decision(*, state: RecordState, proposed_by: str | None, decider: str) -> list[Reason]:
    """Why this person cannot decide on a proposal."""
    if state is RecordState.DUE:
        return [Reason("not_proposed", "A programme manager proposes it first, with a reason")]
    if state is not RecordState.PROPOSED:
        return [Reason("already_decided", "It was decided already")]
    if proposed_by == decider:
        return [Reason("own_proposal", "You proposed this. Somebody else decides it")]
    return []


@dataclass(frozen=True, slots=True)
class RecordProposalView:
    """A proposal as somebody who may know of it reads it. `item` is the reference or kind of what it is about."""

    id: str
    kind: RecordKind
    state: RecordState
    item: str
    field: str | None
    evidence_id: str | None
    text_id: str | None
    wording: str | None
    reason: str | None
    proposed_by: str | None
    proposed_at: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
    may_propose: bool
    may_decide: bool
