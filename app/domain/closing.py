"""Closing a plan: what must be true first, and what is said of each item that is still open (rule 3)."""

from dataclasses import dataclass
from datetime import date

from app.domain.milestones import CarriedOver, MilestoneRow
from app.domain.plans import PlanView
from app.domain.refusals import Reason
from app.domain.typed import tidy
from app.domain.words import PlanState, Status

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


def unmet_closure(*, state: PlanState, waiting: int = 0, withheld: int = 0, lead: str = "") -> list[Reason]:
    """Why a plan cannot be closed now, or not by this person. Empty: it can.

    `waiting` submissions have not been triaged: nothing a partner sends goes unread. `withheld` open items are kept
    from who asks, who cannot say where they went.
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
    return found
