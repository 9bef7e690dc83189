"""Closing a plan: what must be true first, and what is said of each item that is still open (rule 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.domain.change_requests import BODIES
from app.domain.milestones import CarriedOver, MilestoneRow
from app.domain.plans import PlanView
from app.domain.refusals import Reason
from app.domain.typed import tidy
from app.domain.words import DateSetter, PlanState, Status

OPEN_AT_CLOSURE = (Status.NOT_STARTED, Status.IN_PROGRESS, Status.COMPLETED)
"""Everything that has not ended. What is only completed is open: nothing counts as achieved without its evidence."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an open item goes: another plan (its slug), words, or a plan and words about it."""

    words: str = ""
    plan: str = ""

    @property
    def is_blank(self) -> bool:
        return not (tidy(self.words) or self.plan)


@dataclass(frozen=True, slots=True)
class ToClose:
    """What a plan's closing page shows first: everything that is open, and which plans could take it over."""

    plan: PlanView
    items: tuple[MilestoneRow, ...]
    plans: tuple[tuple[str, str], ...]  # (slug, title)
    unmet: tuple[Reason, ...]
    requests: int  # change requests that wait, and lapse when it is closed
    agreeing: str = ""  # the outside bodies that set dates of what is open, and must have agreed: "Ofsted (M-02)"


@dataclass(frozen=True, slots=True)
class CarriedItem:
    """An item that was open when its plan was closed."""

    ref: str
    title: str
    status: Status
    carried_over: CarriedOver


@dataclass(frozen=True, slots=True)
class Closed:
    """What is left to say of a closed plan."""

    on: date | None
    reason: str
    items: tuple[CarriedItem, ...]


def unmet_closure(
    *, state: PlanState, waiting: int = 0, withheld: int = 0, lead: str = "", own: Sequence[str] = ()
) -> list[Reason]:
    """Why a plan cannot be closed now, or not by this person. Empty: it can.

    `waiting` submissions have not been triaged: nothing a partner sends goes unread. `withheld` open items are kept
    from who asks, who cannot say where they went. `own` are open items of theirs: nobody decides on what they own.
    """
    if state is not PlanState.APPROVED:
        return [Reason("plan_not_approved", f"Only an approved plan can be closed. This one is {state}")]
    found = []
    if waiting:
        said = "1 submission waits" if waiting == 1 else f"{waiting:,} submissions wait"
        found.append(Reason("submissions_waiting", f"{said} in the inbox. Triage what partners have sent first"))
    if withheld:
        said = "1 open milestone is" if withheld == 1 else f"{withheld:,} open milestones are"
        found.append(
            Reason(
                "items_withheld", f"{said} restricted and not shown to you. A senior officer of {lead} closes the plan"
            )
        )
    if own:
        sentence = (
            f"You own {_named(own)}, still open, and nobody decides on what they own. Hand"
            f" {'it' if len(own) == 1 else 'them'} over, or ask another senior officer to close the plan"
        )
        found.append(Reason("own_items", sentence))
    return found


def bodies_to_agree(set_by: Sequence[tuple[str, DateSetter]]) -> str:
    """Which outside bodies set the dates of open items, by (reference, body): "Ofsted (M-02 and M-07)". Empty: none."""
    by_body: dict[DateSetter, list[str]] = {}
    for ref, body in set_by:
        if body is not DateSetter.PLAN:
            by_body.setdefault(body, []).append(ref)
    return _and([f"{BODIES[body]} ({_named(refs)})" for body, refs in by_body.items()])


def unmet_agreement(bodies: str, *, agreed: bool) -> list[Reason]:
    """A date that an outside body set ends only with its agreement on the record, as when the item is cancelled."""
    if not bodies or agreed:
        return []
    sentence = (
        f"Dates of what is open were set by {bodies}. Say who there agreed that the plan is closed, when and where"
    )
    return [Reason("agreement_missing", sentence)]


NAMED = 10


def _named(refs: Sequence[str]) -> str:
    """The first references, and how many more there are."""
    more = len(refs) - NAMED
    return _and([*refs[:NAMED], *([f"{more:,} more"] if more > 0 else [])])


def _and(words: Sequence[str]) -> str:
    *others, last = words or [""]
    return f"{', '.join(others)} and {last}" if others else last
