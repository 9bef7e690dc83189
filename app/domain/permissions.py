"""Who may do what: the table of the product, and the few questions asked of it.

A door never decides. A service asks `require(actor, Act.X, item)`; what is not in the table is refused.
Order everywhere: can the actor know of the item (else NotFound), then may they do this (else Forbidden),
then do the rules allow it (else Refused).
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.actors import Actor
from app.domain.refusals import Forbidden
from app.domain.words import ROLE_WORDS, Role, Scope

CONTRIBUTOR, MANAGER, OFFICER, AUDITOR, OBSERVER = (
    Role.CONTRIBUTOR,
    Role.PROGRAMME_MANAGER,
    Role.SENIOR_OFFICER,
    Role.AUDITOR,
    Role.OBSERVER,
)


class Act(StrEnum):
    READ_PLAN = "read the live plan"
    READ_AUDIT = "read the audit trail"
    CHECK_HONESTY = "read the honesty checks"
    EDIT_PLAN = "edit themes, actions, milestones and meetings"
    UPDATE = "update, start or report completed"
    DECLARE = "declare Amber or Red"
    LIFT_DECLARATION = "lift a declaration"
    ATTACH = "attach evidence"
    OPEN_FILE = "open an evidence file"
    ADD_VERSION = "send a newer version of evidence"
    WITHDRAW = "withdraw evidence"
    REVIEW = "review evidence"
    SUBMIT = "send correspondence"
    RELEASE_UPLOAD = "release what your organisation's keys sent"
    TRIAGE = "triage what partners send"
    ACHIEVE = "mark as achieved"
    RETURN = "return to in progress"
    REOPEN = "reopen"
    REQUEST_CHANGE = "ask for a change"
    DECIDE_CHANGE = "decide on a change"
    ACCEPT_EXCEPTION = "accept an exception"
    APPROVE_PLAN = "approve or close the plan"
    PROPOSE_RECORD = "propose a redaction, a legal hold or a disposal"
    DECIDE_RECORD = "decide on a redaction, a legal hold or a disposal"
    EXPORT = "export"
    SAVE_VIEW = "save views of lists"
    SHARE_VIEW = "share a view in the plan"
    MANAGE_MEMBERSHIPS = "manage memberships"
    MANAGE_PARTNER_KEYS = "issue, rotate and revoke partner keys of the plan"
    ADMINISTER = "manage people, organisations, plans and keys"


# One row an act: the roles that may do it to any item of the plan they can know of.
ANYWHERE: dict[Act, frozenset[Role]] = {
    Act.READ_PLAN: frozenset({CONTRIBUTOR, MANAGER, OFFICER, AUDITOR}),
    Act.READ_AUDIT: frozenset({MANAGER, OFFICER, AUDITOR}),
    Act.CHECK_HONESTY: frozenset({MANAGER, AUDITOR}),
    Act.EDIT_PLAN: frozenset({MANAGER}),
    Act.UPDATE: frozenset({MANAGER}),
    Act.DECLARE: frozenset({MANAGER, OFFICER}),
    Act.LIFT_DECLARATION: frozenset({OFFICER}),
    Act.ATTACH: frozenset({CONTRIBUTOR, MANAGER, OFFICER}),
    Act.OPEN_FILE: frozenset({MANAGER, OFFICER, AUDITOR}),
    Act.ADD_VERSION: frozenset({MANAGER, OFFICER}),
    Act.WITHDRAW: frozenset({MANAGER, OFFICER}),
    Act.REVIEW: frozenset({MANAGER, OFFICER}),
    Act.SUBMIT: frozenset({CONTRIBUTOR, MANAGER, OFFICER}),
    # Of their own organisation's keys alone: `models.held_uploads.visible` sees to that.
    Act.RELEASE_UPLOAD: frozenset({CONTRIBUTOR, MANAGER, OFFICER}),
    Act.TRIAGE: frozenset({MANAGER, OFFICER}),
    Act.ACHIEVE: frozenset({MANAGER}),
    Act.RETURN: frozenset({MANAGER}),
    Act.REOPEN: frozenset({MANAGER}),
    Act.REQUEST_CHANGE: frozenset({CONTRIBUTOR, MANAGER}),
    Act.DECIDE_CHANGE: frozenset({OFFICER}),
    Act.ACCEPT_EXCEPTION: frozenset({OFFICER}),
    Act.APPROVE_PLAN: frozenset({OFFICER}),
    Act.PROPOSE_RECORD: frozenset({MANAGER}),
    Act.DECIDE_RECORD: frozenset({OFFICER}),
    Act.EXPORT: frozenset({CONTRIBUTOR, MANAGER, OFFICER, AUDITOR}),
    # A person's own bookmark changes nothing in the plan; a shared one stands before everybody who reads it.
    Act.SAVE_VIEW: frozenset({CONTRIBUTOR, MANAGER, OFFICER, AUDITOR}),
    Act.SHARE_VIEW: frozenset({MANAGER, OFFICER}),
    Act.MANAGE_MEMBERSHIPS: frozenset({MANAGER}),
    Act.MANAGE_PARTNER_KEYS: frozenset({MANAGER}),
    Act.ADMINISTER: frozenset(),
}

# "Own, own organisation's, supported": what a contributor may also do to items that are theirs.
ON_THEIR_ORGANISATIONS: frozenset[Act] = frozenset(
    {Act.UPDATE, Act.DECLARE, Act.ADD_VERSION, Act.WITHDRAW, Act.OPEN_FILE, Act.READ_AUDIT}
)
# What whoever owns the item may do to it: a contributor or a senior officer, in their own plan.
ON_THEIR_OWN: frozenset[Act] = frozenset({Act.UPDATE, Act.DECLARE, Act.RETURN, Act.READ_AUDIT})

# Who can answer for a milestone: those who may update it.
OWNING_ROLES = (CONTRIBUTOR, MANAGER, OFFICER)

KEY_SCOPES: dict[Act, Scope] = {
    Act.READ_PLAN: Scope.PLAN_READ,
    Act.ATTACH: Scope.EVIDENCE_WRITE,
    Act.ADD_VERSION: Scope.EVIDENCE_WRITE,
    Act.SUBMIT: Scope.EVIDENCE_WRITE,
}


@dataclass(frozen=True, slots=True)
class Item:
    """What is asked about: its plan, its owner, and the organisations it belongs to.

    For a milestone `organisations` are the owner's, the lead and the supporting ones;
    for evidence the one that provided it and those it was shared with.
    """

    plan_id: str
    owner_id: str | None = None
    organisations: Collection[str] = field(default_factory=frozenset)
    declared_by: str | None = None


def may(actor: Actor, act: Act, item: Item) -> bool:
    """Whether the table lets the actor do this to that item. Unknown kinds of actor may nothing."""
    if actor.is_system:
        return True
    if actor.is_key:
        scope = KEY_SCOPES.get(act)
        return scope in actor.scopes and item.plan_id in actor.plans
    if not actor.is_person:
        return False
    if act is Act.ADMINISTER:
        return actor.administrator
    if act is Act.MANAGE_MEMBERSHIPS and actor.administrator:
        return True
    roles = actor.roles_in(item.plan_id)
    if not roles.isdisjoint(ANYWHERE[act]):
        return True
    return _may_as_party(actor, act, item, roles)


def _may_as_party(actor: Actor, act: Act, item: Item, roles: frozenset[Role]) -> bool:
    """The part of the table that depends on whose item it is."""
    if act is Act.LIFT_DECLARATION:
        return bool(roles - {OBSERVER, AUDITOR}) and item.declared_by == actor.id
    if act in ON_THEIR_OWN and item.owner_id == actor.id and roles & {CONTRIBUTOR, OFFICER, MANAGER}:
        return True
    return act in ON_THEIR_ORGANISATIONS and CONTRIBUTOR in roles and actor.organisation_id in item.organisations


def require(actor: Actor, act: Act, item: Item) -> None:
    """Raise Forbidden, naming who may, unless the actor may do this."""
    if may(actor, act, item):
        return
    if actor.is_key:
        scope = KEY_SCOPES.get(act)
        if scope is None:
            raise Forbidden(f"A key may not {act.value}. Ask a person with a role in this plan", needs="a person")
        raise Forbidden(f"This key needs the scope {scope.value} to {act.value}", needs=scope.value)
    *others, last = [ROLE_WORDS[role].lower() for role in Role if role in ANYWHERE[act]] or ["administrator"]
    allowed = f"{', '.join(others)} or {last}" if others else last
    article = "an" if allowed[0] in "ao" else "a"
    raise Forbidden(f"Your role does not let you {act.value}. It takes {article} {allowed}", needs=allowed)


def plans_to_update(actor: Actor) -> tuple[frozenset[str], frozenset[str]]:
    """The plans in which the actor updates what they own, and those in which also what their organisation leads or
    supports. A programme manager may update everything, but is not who is asked.
    """
    if not actor.is_person:
        return frozenset(), frozenset()
    own = frozenset(plan for plan, roles in actor.roles.items() if not roles.isdisjoint(OWNING_ROLES))
    return own, frozenset(plan for plan in own if CONTRIBUTOR in actor.roles[plan])


def may_know_all(actor: Actor, plan_id: str) -> bool:
    """Whether no restriction hides an item of this plan: its programme managers and auditors, and the
    senior officers of its lead organisation.
    """
    if actor.is_system:
        return True
    if actor.has(plan_id, MANAGER, AUDITOR):
        return True
    return actor.has(plan_id, OFFICER) and plan_id in actor.led_plans


def knows_as(actor: Actor, plan_id: str) -> frozenset[str] | None:
    """By which ids a restriction may name the actor, as a key is no person. None: nothing in the plan is kept."""
    if may_know_all(actor, plan_id):
        return None
    return frozenset({actor.organisation_id, actor.id} if actor.is_person else {actor.organisation_id})


def sees_withheld_count(actor: Actor, plan_id: str) -> bool:
    """Another organisation's senior officers see how many items are kept from them, and no more."""
    return actor.has(plan_id, OFFICER) and not may_know_all(actor, plan_id)


def plans_readable(actor: Actor) -> frozenset[str]:
    """The plans whose live content the actor may read."""
    if actor.is_key:
        return actor.plans if Scope.PLAN_READ in actor.scopes else frozenset()
    return frozenset(plan for plan, roles in actor.roles.items() if not roles.isdisjoint(ANYWHERE[Act.READ_PLAN]))


def plans_known(actor: Actor) -> frozenset[str]:
    """The plans the actor knows of at all: outside them, everything is NotFound."""
    return actor.plans if actor.is_key else frozenset(actor.roles)
