"""What a change request may ask for: read, checked and judged, the same for who asks and for who wants to see first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Required, TypedDict

from sqlalchemy import select

from app.db import UnitOfWork
from app.domain import change_requests as rules
from app.domain import permissions
from app.domain.change_requests import Agreement, Part, Proposal
from app.domain.days import london_day
from app.domain.refusals import Reason
from app.domain.success_criteria import AgreedProof
from app.domain.words import CancellationGround, ChangeKind, DateSetter, Status
from app.models import Membership, Milestone, MilestoneRestriction, Person, Plan
from app.models.expiry import status_on
from app.models.visibility import knowable
from app.services import success_criteria
from app.services.cases import Case
from app.services.writing import Checks, setting_ranges


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody sent: every field that a change of a milestone may have. `other` is an id or a reference."""

    kind: ChangeKind
    due_date: date | None = None
    ground: CancellationGround | None = None
    other: str | None = None
    success_criterion: str | None = None
    criteria: Sequence[AgreedProof] | None = None
    parts: Sequence[Part] = ()
    agreement: Agreement | None = None


class Wished(TypedDict, total=False):
    """The same as the arguments of a use case; only `kind` has to be given."""

    kind: Required[ChangeKind]
    due_date: date | None
    ground: CancellationGround | None
    other: str | None
    success_criterion: str | None
    criteria: Sequence[AgreedProof] | None
    parts: Sequence[Part]
    agreement: Agreement | None


def proposal_about(uow: UnitOfWork, case: Case, wish: Wish, checks: Checks) -> tuple[Proposal, dict[str, str | None]]:
    """The proposal that a wish makes, and what was typed, by field. What is wrong goes into `checks`, all at once."""
    texts: dict[str, str | None] = {}
    criterion: str = ""
    other: str | None = None
    parts: tuple[Part, ...] = ()
    proofs: tuple[AgreedProof, ...] | None = None
    if wish.kind is ChangeKind.DUE_DATE:
        _check_day(checks, "due_date", wish.due_date, case.milestone.start_date)
    elif wish.kind is ChangeKind.CANCELLATION:
        other = _check_ground(uow, case, wish, checks)
    elif wish.kind is ChangeKind.CRITERIA:
        proofs = None if wish.criteria is None else success_criteria.checked(uow, checks, wish.criteria)
        criterion = checks.required_text("success_criterion", wish.success_criterion, name="the success criterion")
        texts["success_criterion"] = criterion
    else:
        parts = _check_parts(uow, case, wish, checks)
        for number, part in enumerate(parts, 1):
            texts[f"title_{number}"], texts[f"success_criterion_{number}"] = part.title, part.success_criterion
    agreed_on = _check_agreement(uow, case, wish, checks, texts)
    proposal = Proposal(
        kind=wish.kind,
        due_date=wish.due_date if wish.kind is ChangeKind.DUE_DATE else None,
        ground=wish.ground if wish.kind is ChangeKind.CANCELLATION else None,
        other=other,
        parts=parts,
        success_criterion=criterion,
        criteria=proofs,
        agreed_on=agreed_on,
    )
    return proposal, texts


def unmet(uow: UnitOfWork, case: Case, asked: Proposal) -> list[Reason]:
    """Why a change of a milestone cannot be asked for, or cannot be approved (any more). Empty: it can."""
    row = case.milestone
    found = unmet_state(case, asked.kind)
    if asked.kind is ChangeKind.SPLIT:
        found += rules.unmet_split(row.success_criterion, asked.parts)
    found += rules.unmet_agreement(asked.kind, row.due_set_by, asked.agreed_on)
    found += rules.unmet_other(asked.kind, asked.ground, _status_of(uow, asked.other))
    return found


def unmet_state(case: Case, kind: ChangeKind) -> list[Reason]:
    """What stands against it whatever is asked for: the state of the plan and of the milestone."""
    return [*rules.unmet_plan(case.plan.state), *rules.unmet_milestone(kind, case.milestone.status)]


def unmet_request(case: Case, asked: Proposal) -> list[Reason]:
    """What besides stands against asking, and against approving what was asked: that nothing would change."""
    row, due, criterion = case.milestone, asked.due_date, asked.success_criterion
    if due is not None and due == row.due_date and not row.reopening_pending:
        return [Reason("same_date", "That is already its due date")]
    same_proof = asked.criteria is None or asked.criteria == tuple(one.proof for one in case.criteria)
    if criterion and criterion == row.success_criterion.strip() and same_proof:
        return [Reason("same_criterion", "That is already its success criterion")]
    return []


def unmet_approval(uow: UnitOfWork, case: Case, asked: Proposal) -> list[Reason]:
    """What besides stands against approving: what happened in the meantime, and texts that were redacted."""
    found = rules.unmet_dates(case.milestone.start_date, [asked.due_date, *(part.due_date for part in asked.parts)])
    for part in asked.parts:
        checks = Checks()
        _check_owner(uow, case, "owner", part.owner, checks)
        found += [Reason("owner_gone", error.message) for error in checks.errors]
    texts = [asked.success_criterion, *(text for part in asked.parts for text in (part.title, part.success_criterion))]
    if rules.is_redacted(texts):
        found.append(Reason("text_redacted", "What was asked for has been redacted. It can only be declined"))
    return found


def settings_wished(plan: Plan, kind: ChangeKind, given: dict[str, Any], checks: Checks) -> dict[str, Any]:
    """The plan's settings that a request would change, by name. What is wrong goes into `checks`."""
    allowed = ("evidence_policy",) if kind is ChangeKind.POLICY else rules.SETTINGS
    sent = {name: value for name, value in given.items() if value is not None}
    for name in sent:
        if name not in allowed:
            other = ChangeKind.SETTINGS if kind is ChangeKind.POLICY else ChangeKind.POLICY
            checks.add(name, "not_here", f"{rules.SETTING_WORDS[name]} is asked for with kind {other}")
    setting_ranges(checks, {name: value for name, value in sent.items() if isinstance(value, int)})
    becomes = {name: value for name, value in sent.items() if name in allowed and value != getattr(plan, name)}
    if not becomes and not checks.errors:
        field = "evidence_policy" if kind is ChangeKind.POLICY else "tolerance_days"
        checks.add(field, "nothing_changes", "Choose something that differs from what is in force now")
    return becomes


def unmet_settings(plan: Plan, becomes: dict[str, Any]) -> list[Reason]:
    """Why a change of a plan's settings cannot be asked for or approved (any more)."""
    found = rules.unmet_plan(plan.state)
    if all(getattr(plan, name) == value for name, value in becomes.items()):
        found.append(Reason("already_so", "It is already so. There is nothing to change"))
    return found


def _check_day(checks: Checks, field: str, day: date | None, start: date | None) -> None:
    if day is None:
        checks.add(field, "required", "Enter the new due date")
    checks.order(field, start, day, "The due date must be on or after the start date")


def _check_ground(uow: UnitOfWork, case: Case, wish: Wish, checks: Checks) -> str | None:
    if wish.ground is None:
        checks.add("ground", "required", "Choose why it is to be cancelled")
        return None
    named = (wish.other or "").strip()
    if wish.ground not in rules.NAMING_ANOTHER:
        if named:
            checks.add("other", "not_here", "Only a milestone that is replaced, merged or a duplicate names another")
        return None
    if not named:
        checks.add("other", "required", "Enter the milestone that goes on, such as M-04")
        return None
    wanted = (Milestone.id == named) | (Milestone.ref == named.upper())
    statement = select(Milestone.id).where(Milestone.plan_id == case.plan.id, wanted, knowable(uow.actor))
    found: str | None = uow.session.execute(statement).scalar_one_or_none()
    if found is None:
        # One of another plan, or one that this person may not know of, reads like one that is not there.
        checks.add("other", "unknown_milestone", f"There is no milestone {named} in this plan")
    elif found == case.milestone.id:
        checks.add("other", "itself", "A milestone cannot be replaced by, merged into or a duplicate of itself")
    return found


def _check_parts(uow: UnitOfWork, case: Case, wish: Wish, checks: Checks) -> tuple[Part, ...]:
    if wish.kind is ChangeKind.REPLACEMENT and len(wish.parts) != 1:
        checks.add("parts", "one_part", "Describe the one milestone that replaces it")
    if wish.kind is ChangeKind.SPLIT and not rules.PARTS_AT_LEAST <= len(wish.parts) <= rules.PARTS_AT_MOST:
        checks.add("parts", "too_few_or_many", f"Describe from {rules.PARTS_AT_LEAST} to {rules.PARTS_AT_MOST} parts")
    return tuple(_check_part(uow, case, f"parts/{number}", part, checks) for number, part in enumerate(wish.parts))


def _check_part(uow: UnitOfWork, case: Case, where: str, part: Part, checks: Checks) -> Part:
    _check_day(checks, f"{where}/due_date", part.due_date, case.milestone.start_date)
    _check_owner(uow, case, f"{where}/owner", part.owner, checks)
    return Part(
        title=checks.title(f"{where}/title", part.title),
        success_criterion=checks.required_text(
            f"{where}/success_criterion", part.success_criterion, name="what will prove it"
        ),
        due_date=part.due_date,
        owner=part.owner or None,
    )


def _check_owner(uow: UnitOfWork, case: Case, field: str, owner: str | None, checks: Checks) -> None:
    """An owner works in this plan, has not left and may know of the milestone."""
    if not owner:
        return
    works_here = Membership.role.in_(permissions.OWNING_ROLES)
    statement = (
        select(Person)
        .join(Membership, Membership.person_id == Person.id)
        .where(Person.id == owner, Membership.plan_id == case.plan.id, works_here)
    )
    person = uow.session.execute(statement.limit(1)).scalar_one_or_none()
    if person is None:
        checks.add(field, "not_in_plan", "Choose an owner who works in this plan")
        return
    if person.left_on is not None and person.left_on <= london_day(uow.now):
        checks.add(field, "has_left", "This person has left. Choose another owner")
    if case.milestone.restricted:
        named = select(MilestoneRestriction.id).where(
            MilestoneRestriction.milestone_id == case.milestone.id,
            (MilestoneRestriction.person_id == person.id)
            | (MilestoneRestriction.organisation_id == person.organisation_id),
        )
        if uow.session.execute(named.limit(1)).first() is None:
            checks.add(field, "owner_left_out", "The owner must be among those who may know of it")


def _check_agreement(
    uow: UnitOfWork, case: Case, wish: Wish, checks: Checks, texts: dict[str, str | None]
) -> date | None:
    """Where an outside body set the date, its agreement is part of what is asked."""
    set_by = case.milestone.due_set_by
    if set_by is DateSetter.PLAN or wish.kind not in rules.TOUCHING_THE_DATE:
        return None
    given = wish.agreement or Agreement("", None, "")
    texts |= _agreement_checked(uow, rules.BODIES[set_by], given, checks)
    return given.on


def agreement_texts(uow: UnitOfWork, bodies: str, given: Agreement) -> dict[str, str | None]:
    """What is kept of an agreement beside its day. Raises Invalid for what is missing."""
    checks = Checks()
    texts = _agreement_checked(uow, bodies, given, checks)
    checks.done()
    return texts


def _agreement_checked(uow: UnitOfWork, body: str, given: Agreement, checks: Checks) -> dict[str, str | None]:
    texts: dict[str, str | None] = {}
    texts["agreed_by"] = checks.required_text("agreement/by", given.by, limit=200, name=f"who at {body} agreed")
    texts["agreement_reference"] = checks.required_text(
        "agreement/reference", given.reference, limit=200, name="where the agreement is written, such as a letter"
    )
    if given.on is None:
        checks.add("agreement/on", "required", f"Enter the day on which {body} agreed")
    checks.not_future("agreement/on", given.on, uow.today, "The day of the agreement must be today or in the past")
    return texts


def _status_of(uow: UnitOfWork, milestone_id: str | None) -> Status | None:
    if milestone_id is None:
        return None
    statement = select(status_on(uow.today)).where(Milestone.id == milestone_id)
    found: Status | None = uow.session.execute(statement).scalar_one_or_none()
    return found
