"""Who is asking: a person with roles per plan, an organisation's key with scopes, or Waymark itself."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from app.domain.words import Door, Role, Scope

_NO_ROLES: Mapping[str, frozenset[Role]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever a use case is carried out for. Every query is scoped by one of these.

    `roles` holds, per plan id, the roles valid today (an auditor's ended membership is left out).
    `led_plans` are the plans whose lead organisation is the actor's own.
    For a key, `plans` are those it names and `scopes` what it may do there; `needs_release`: what it sends waits for a
    person of its organisation. `held_in` are the plans in which that is so of something now.
    """

    kind: str  # person, key, system
    id: str
    title: str
    organisation_id: str = ""
    organisation: str = ""
    organisation_slug: str = ""
    door: Door = Door.PAGE
    administrator: bool = False
    roles: Mapping[str, frozenset[Role]] = field(default_factory=lambda: _NO_ROLES)
    led_plans: frozenset[str] = frozenset()
    scopes: frozenset[Scope] = frozenset()
    plans: frozenset[str] = frozenset()
    session_id: str = ""
    needs_release: bool = False
    held_in: frozenset[str] = frozenset()

    @property
    def is_person(self) -> bool:
        return self.kind == "person"

    @property
    def is_key(self) -> bool:
        return self.kind == "key"

    @property
    def is_system(self) -> bool:
        return self.kind == "system"

    @property
    def rights(self) -> Hashable:
        """Everything that decides what this actor may know of and do, to be compared."""
        roles = frozenset(self.roles.items())
        return (
            self.kind,
            self.id,
            self.organisation_id,
            self.administrator,
            roles,
            self.led_plans,
            self.scopes,
            self.plans,
        )

    def roles_in(self, plan_id: str) -> frozenset[Role]:
        return self.roles.get(plan_id, frozenset())

    def has(self, plan_id: str, *roles: Role) -> bool:
        """Whether the actor holds any of `roles` in the plan."""
        return not self.roles_in(plan_id).isdisjoint(roles)


def system_actor(door: Door = Door.JOB) -> Actor:
    """Waymark itself: scheduled jobs and the command line, which need no role."""
    return Actor(kind="system", id="", title="Waymark", door=door, administrator=True)
