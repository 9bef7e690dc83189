"""A plan's themes, actions and milestones in their order, and what a draft still lacks."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.milestones import MovedFrom, Ref
from app.domain.words import Role, Status


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


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that is missing from a plan, and where. `code` names what."""

    code: str
    items: tuple[Ref, ...]


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
        Lack("no_milestone", tuple(action for action in actions if action.id not in used)),
        Lack("no_due_date", tuple(one.milestone for one in milestones if not one.has_due_date)),
        Lack("no_owner", tuple(one.milestone for one in milestones if not one.has_owner)),
        Lack("no_criterion", tuple(one.milestone for one in milestones if not one.has_criterion)),
    )
    return tuple(lack for lack in found if lack.items)
