"""A plan's themes, actions and milestones in their order, and what a draft still lacks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.milestones import MovedFrom, Ref
from app.domain.refusals import Reason
from app.domain.words import PlanState, Role, Status


class Part(StrEnum):
    """What a plan is made of. Each keeps its reference wherever it is moved."""

    THEME = "theme"
    ACTION = "action"
    MILESTONE = "milestone"


@dataclass(frozen=True, slots=True)
class MilestonePlace:
    """A milestone in the order of its action."""

    id: str
    ref: str
    title: str
    status: Status
    owner: str | None
    moved_from: MovedFrom | None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionPlace:
    """An action with its milestones in order; `milestones_total` counts those that the viewer may know of."""

    id: str
    ref: str
    title: str
    version: str
    moved_from: MovedFrom | None
    milestones: tuple[MilestonePlace, ...]
    milestones_total: int


@dataclass(frozen=True, slots=True)
class ThemePlace:
    """A theme with its actions in order."""

    id: str
    ref: str
    title: str
    version: str
    actions: tuple[ActionPlace, ...]


@dataclass(frozen=True, slots=True)
class Structure:
    """All of it. `too_long`: there are so many milestones that only their numbers are given."""

    themes: tuple[ThemePlace, ...]
    too_long: bool


@dataclass(frozen=True, slots=True)
class Shifted:
    """Where a part stands after it was moved up or down: third of five."""

    part: Part
    id: str
    ref: str
    place: int
    of: int


def reordered(order: Sequence[str], item: str, place: int) -> list[str]:
    """The ids with `item` at `place`, counted from 1. A place beyond either end is that end."""
    others = [one for one in order if one != item]
    at = min(max(place, 1), len(order)) - 1
    return [*others[:at], item, *others[at:]]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a draft is looked through for: one milestone."""

    milestone: Ref
    action_id: str
    has_owner: bool
    has_due_date: bool
    has_criterion: bool
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lacking:
    """An action or a milestone that lacks something, with the marks that stand beside its title."""

    ref: str
    title: str
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that is missing from a plan, and where. `code` names what."""

    code: str
    items: tuple[Lacking, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan before it is approved: how far it has come, and what it lacks."""

    themes: int
    actions: int
    milestones: int
    roles: frozenset[Role]  # which roles somebody holds in it
    lacks: tuple[Lack, ...]


def lacks(actions: Sequence[Ref], milestones: Sequence[Facts]) -> tuple[Lack, ...]:
    """What a plan lacks before it is approved. Each is a warning and none a refusal: the body that approves decides."""
    used = {milestone.action_id for milestone in milestones}
    found = (
        Lack("no_milestone", tuple(Lacking(one.ref, one.title) for one in actions if one.id not in used)),
        Lack("no_due_date", _lacking(one for one in milestones if not one.has_due_date)),
        Lack("no_owner", _lacking(one for one in milestones if not one.has_owner)),
        Lack("no_criterion", _lacking(one for one in milestones if not one.has_criterion)),
    )
    return tuple(lack for lack in found if lack.items)


def _lacking(milestones: Iterable[Facts]) -> tuple[Lacking, ...]:
    return tuple(Lacking(one.milestone.ref, one.milestone.title, one.marks) for one in milestones)


@dataclass(frozen=True, slots=True)
class Holds:
    """What stands in a theme or an action, or says that it stood there. Milestones count whatever became of them and
    whoever may know of them.
    """

    actions: int = 0
    milestones: int = 0
    moved_away: int = 0  # actions or milestones that say "moved from" here
    submissions: int = 0  # that were turned into it


def unmet_removal(part: Part, plan_state: PlanState, holds: Holds) -> list[Reason]:
    """Why a theme or an action cannot be taken out of its plan: only from a draft, and only when nothing needs it."""
    if plan_state is PlanState.APPROVED:
        return [Reason("plan_approved", f"The plan is approved, and its {part.value}s stay. It can be renamed")]
    if plan_state is PlanState.CLOSED:
        return [Reason("plan_closed", "The plan is closed and read-only")]
    found = []
    if holds.actions:
        them = "it" if holds.actions == 1 else "them"
        found.append(Reason("has_actions", f"There {_are(holds.actions, 'action')} in it. Move or remove {them} first"))
    if holds.milestones:
        counted = _are(holds.milestones, "milestone")
        found.append(
            Reason("has_milestones", f"There {counted} in it. Removed and cancelled ones count: their pages stay")
        )
    if holds.moved_away:
        what = f"{_number(holds.moved_away, 'part')} of the plan {'says' if holds.moved_away == 1 else 'say'}"
        found.append(Reason("moved_from_here", f"{what} that it was moved from here. It can be renamed"))
    if holds.submissions:
        found.append(Reason("made_of_a_submission", "A submission was turned into it, and its sender can see that"))
    return found


def _are(number: int, noun: str) -> str:
    return f"{'is' if number == 1 else 'are'} {_number(number, noun)}"


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
