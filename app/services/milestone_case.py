"""A milestone under consideration: its row, its plan, and what the rules need of both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.evidence import LinkedEvidence
from app.domain.milestones import OrganisationRef
from app.domain.permissions import Item
from app.domain.rag import PlanSettings
from app.domain.success_criteria import Criterion
from app.models import Milestone, Person, Plan


@dataclass(slots=True)
class Case:
    """One milestone under consideration, with its plan. `organisations` are the owner's, the lead and supporters."""

    milestone: Milestone
    plan: Plan
    settings: PlanSettings
    organisations: frozenset[str]
    owner: Person | None
    evidence: list[LinkedEvidence] = field(default_factory=list)
    supporters: tuple[OrganisationRef, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    words: Mapping[str, Any] = field(default_factory=dict)  # of its theme, action, owner and lead organisation

    @property
    def item(self) -> Item:
        """What the permission table is asked about."""
        return Item(
            plan_id=self.milestone.plan_id,
            owner_id=self.milestone.owner_id,
            organisations=self.organisations,
            declared_by=None if self.milestone.declared_by_others else self.milestone.declared_by,
        )

    @property
    def about(self) -> dict[str, Any]:
        """How an audit event names the milestone."""
        return {
            "plan_id": self.milestone.plan_id,
            "item_kind": "milestone",
            "item_id": self.milestone.id,
            "item_ref": self.milestone.ref,
            "milestone_id": self.milestone.id,
        }

    @property
    def version(self) -> str:
        return version_of(self.milestone)


class WithWords:
    """A milestone's own facts as they are now, with the words around it as they were when it was taken up."""

    __slots__ = ("_case",)

    def __init__(self, case: Case) -> None:
        self._case = case

    def __getattr__(self, name: str) -> Any:
        words = self._case.words
        return words[name] if name in words else getattr(self._case.milestone, name)


def version_of(milestone: Any) -> str:
    """What an ETag and a form carry. The count that the gate's triggers keep has no part in it: it would tell of
    evidence that is restricted to others, and every service counts its changes here itself.
    """
    return str(milestone.version)
