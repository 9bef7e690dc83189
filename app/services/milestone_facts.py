"""Adding a milestone, and changing its facts. Status and approved dates are changed elsewhere, on the record."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import delete, select

from app.db import UnitOfWork
from app.domain import permissions, rag
from app.domain.days import london_day
from app.domain.ids import new_id
from app.domain.milestones import MilestoneKey, MilestoneView
from app.domain.permissions import Act, Item
from app.domain.refusals import Reason, Refused
from app.domain.success_criteria import AgreedProof
from app.domain.words import DateSetter, LeftBecause, Marking, PlanState
from app.models import (
    Action,
    Membership,
    Milestone,
    MilestoneRestriction,
    MilestoneSupporter,
    Person,
    Plan,
)
from app.services import settling, success_criteria
from app.services.cases import fresh_case, open_case
from app.services.evidence_intake import next_ref
from app.services.milestone_views import view_of
from app.services.plan_structure import note_milestone_move, place_milestone
from app.services.plans import known_plan, organisation_named
from app.services.restricting import parties_named
from app.services.writing import Checks, refuse_unknown

_ALWAYS = (
    "title",
    "description",
    "owner",
    "organisation",
    "supporting_organisations",
    "action",
    "position",
    "start_date",
    "marking",
    "restricted_to",
    "due_set_by",
)
_IN_DRAFT = ("due_date", "success_criterion", "criteria")


def add_milestone(
    uow: UnitOfWork,
    *,
    slug: str,
    action: str,
    title: str,
    description: str = "",
    success_criterion: str = "",
    owner: str | None = None,
    organisation: str | None = None,
    supporting_organisations: Sequence[str] = (),
    start_date: date | None = None,
    due_date: date | None = None,
    marking: Marking = Marking.OFFICIAL,
    restricted_to: Sequence[str] = (),
    source: str | None = None,
    due_set_by: DateSetter = DateSetter.PLAN,
    criteria: Sequence[AgreedProof] = (),
) -> MilestoneView:
    """Add a dated, checkable point. In an approved plan its first due date is its baseline from the start."""
    plan = known_plan(uow, slug)
    permissions.require(uow.actor, Act.EDIT_PLAN, Item(plan_id=plan.id))
    _refuse_closed(plan, plan.id, "plan", "milestone_addition")
    checks = Checks()
    row = Milestone(
        id=new_id(),
        plan_id=plan.id,
        ref="",
        title=checks.title("title", title),
        description=checks.optional_text("description", description) or "",
        success_criterion=checks.optional_text("success_criterion", success_criterion) or "",
        start_date=start_date,
        due_date=due_date,
        due_set_by=due_set_by,
        marking=marking,
        source=source,
        added_at=uow.now,
        lead_organisation_id=plan.lead_organisation_id,
        action_id="",
        theme_id="",
        version=0,
    )
    _place(uow, checks, row, action)
    _check_dates(checks, start_date, due_date)
    if owner:
        _set_owner(uow, checks, row, owner)
    if organisation:
        lead = organisation_named(uow, organisation, checks)
        row.lead_organisation_id = lead.id if lead else ""
    supporters = _organisations(uow, checks, supporting_organisations, "supporting_organisations")
    allowed = _named(uow, checks, row, restricted_to)
    proofs = success_criteria.checked(uow, checks, criteria)
    checks.done()
    row.ref = next_ref(uow, plan.id, "milestone", "M")
    row.position = int(row.ref.rpartition("-")[2])
    row.restricted = bool(allowed)
    if plan.state is not PlanState.DRAFT:
        row.baseline_date = due_date
    uow.session.add(row)
    uow.session.flush()
    _replace_supporters(uow, row, supporters)
    _replace_restrictions(uow, row, allowed)
    agreed = success_criteria.agree(uow, row, proofs)
    case = fresh_case(uow, row, plan)
    uow.record(
        "milestone_added",
        **case.about,
        facts={
            "start_date": [None, start_date],
            "due_date": [None, due_date],
            **({"due_set_by": due_set_by} if due_set_by is not DateSetter.PLAN else {}),
            "owner": [None, row.owner_id],
            "organisation": [None, row.lead_organisation_id],
            "marking": marking,
            "restricted": row.restricted,
            **agreed,
        },
        texts={"title": row.title, "description": row.description, "success_criterion": row.success_criterion},
    )
    settling.settle(uow, case)
    return view_of(uow, case)


def edit_milestone(
    uow: UnitOfWork, *, milestone: MilestoneKey, changes: dict[str, Any], if_match: str | None
) -> MilestoneView:
    """Change facts. What a rule guards is refused with the address that changes it."""
    case = open_case(uow, milestone, act=Act.EDIT_PLAN, if_match=if_match)
    row, plan = case.milestone, case.plan
    draft = plan.state is PlanState.DRAFT
    refuse_unknown(changes, (*_ALWAYS, *_IN_DRAFT) if draft else _ALWAYS, elsewhere=_elsewhere(row))
    _refuse_closed(plan, row.id, "milestone", "milestone_edit")
    if not changes:
        return view_of(uow, case)
    before, judged_before = _short_facts(row), settling.facts_of(row)
    place, changes = changes.get("position"), {name: changes[name] for name in changes if name != "position"}
    checks = Checks()
    typed = _apply_texts(checks, row, changes)
    _check_date_setter(checks, row, changes, draft=draft)
    _apply_facts(uow, checks, row, changes)
    supporters, allowed = _apply_lists(uow, checks, row, changes)
    proofs = success_criteria.checked(uow, checks, changes["criteria"]) if "criteria" in changes else None
    if not draft and rag.hides_late_start(judged_before, settling.facts_of(row), uow.today):
        checks.add("start_date", "start_passed", _START_PASSED)
    checks.done()
    uow.session.flush()
    if supporters is not None:
        _replace_supporters(uow, row, supporters)
    if allowed is not None:
        row.restricted = bool(allowed)
        _replace_restrictions(uow, row, allowed)
    after = _short_facts(row)
    facts: dict[str, Any] = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
    if supporters is not None:
        facts["supporting_organisations"] = supporters
    if proofs is not None:
        facts |= success_criteria.agree(uow, row, proofs)
    if row.action_id != before["action_id"]:
        note_milestone_move(uow, row, theme_id=before["theme_id"], action_id=before["action_id"])
    if place is not None:
        place_milestone(uow, row, place)
    if changes:
        uow.record("milestone_edited", **case.about, facts=facts, texts=typed)
    fresh = fresh_case(uow, row, plan)
    settling.settle(uow, fresh, LeftBecause.DATE_MOVED if "start_date" in facts else LeftBecause.BACK_ON_TRACK)
    return view_of(uow, fresh)


_START_PASSED = (
    "It should have started by now, and a start that has passed is not moved. Say that it has started, or ask for"
    " another due date"
)


def _elsewhere(row: Milestone) -> dict[str, str]:
    here = f"/milestones/{row.id}"
    return {
        "status": f"A status is changed by {here}/start, /completion, /return, /achievement or /reopening",
        "due_date": f"Once a plan is approved a due date is changed by {here}/change-requests",
        "baseline_date": f"The baseline never changes; a mistyped one is put right by {here}/baseline-correction",
        "success_criterion": f"Once a plan is approved its criteria are changed by {here}/change-requests",
        "criteria": f"Once a plan is approved its criteria are changed by {here}/change-requests",
        "forecast_date": f"A forecast is given with a progress update: {here}/updates",
        "completed_date": f"The completed date is given when completion is reported: {here}/completion",
        "achieved_date": f"The achieved date is the day the gate is passed: {here}/achievement",
        "rag": f"Nobody paints a colour: declare one, with its rationale, in {here}/updates",
        "ref": "A reference never changes",
    }


def _apply_texts(checks: Checks, row: Milestone, changes: dict[str, Any]) -> dict[str, str | None]:
    typed: dict[str, str | None] = {}
    if "title" in changes:
        row.title = checks.title("title", changes["title"])
        typed["title"] = row.title
    for name in ("description", "success_criterion"):
        if name in changes:
            setattr(row, name, checks.optional_text(name, changes[name]) or "")
            typed[name] = getattr(row, name)
    return typed


def _apply_facts(uow: UnitOfWork, checks: Checks, row: Milestone, changes: dict[str, Any]) -> None:
    for name in ("start_date", "due_date", "due_set_by", "marking"):
        if name in changes:
            setattr(row, name, changes[name])
    if {"start_date", "due_date"} & set(changes):
        _check_dates(checks, row.start_date, row.due_date)
    if "action" in changes:
        _place(uow, checks, row, changes["action"])
    if "organisation" in changes:
        lead = organisation_named(uow, changes["organisation"] or "", checks)
        row.lead_organisation_id = lead.id if lead else row.lead_organisation_id
    if "owner" in changes:
        if changes["owner"]:
            _set_owner(uow, checks, row, changes["owner"])
        else:
            row.owner_id = None


def _check_date_setter(checks: Checks, row: Milestone, changes: dict[str, Any], *, draft: bool) -> None:
    """Once the plan is approved, a body that set the date is named, and never taken back: its date is not ours."""
    named = changes.get("due_set_by", row.due_set_by)
    if not draft and row.due_set_by is not DateSetter.PLAN and named is not row.due_set_by:
        checks.add("due_set_by", "date_setter_stands", "Who set the date of an approved plan is never taken back")


def _apply_lists(
    uow: UnitOfWork, checks: Checks, row: Milestone, changes: dict[str, Any]
) -> tuple[list[str] | None, list[tuple[str, str]] | None]:
    supporters = None
    if "supporting_organisations" in changes:
        supporters = _organisations(uow, checks, changes["supporting_organisations"] or (), "supporting_organisations")
    named = changes.get("restricted_to")
    if "restricted_to" not in changes and row.restricted and "owner" in changes:
        named = _current_restrictions(uow, row)
    if "restricted_to" not in changes and named is None:
        return supporters, None
    return supporters, _named(uow, checks, row, named or ())


def _place(uow: UnitOfWork, checks: Checks, row: Milestone, action: str) -> None:
    found = uow.session.execute(
        # Shared: who moves the action to another theme waits, or is waited for.
        select(Action).where(Action.id == action, Action.plan_id == row.plan_id).with_for_update(read=True)
    ).scalar_one_or_none()
    if found is None:
        checks.add("action", "unknown_action", "Choose an action of this plan")
        return
    row.action_id, row.theme_id = found.id, found.theme_id


def _set_owner(uow: UnitOfWork, checks: Checks, row: Milestone, owner: str) -> None:
    """An owner is somebody who works in this plan; who has left, or has no role here, cannot answer for it."""
    person = uow.session.execute(
        select(Person)
        .join(Membership, Membership.person_id == Person.id)
        .where(Person.id == owner, Membership.plan_id == row.plan_id, Membership.role.in_(permissions.OWNING_ROLES))
        .limit(1)
    ).scalar_one_or_none()
    if person is None:
        checks.add(
            "owner",
            "not_in_plan",
            "Choose an owner who works in this plan: a contributor, programme manager or senior officer",
        )
    elif person.left_on is not None and person.left_on <= london_day(uow.now):
        checks.add("owner", "has_left", "This person has left. Choose another owner")
    else:
        row.owner_id = person.id


def _organisations(uow: UnitOfWork, checks: Checks, slugs: Sequence[str], field: str) -> list[str]:
    found = [organisation_named(uow, slug, checks, field) for slug in dict.fromkeys(slugs)]
    return [one.id for one in found if one is not None]


def _named(uow: UnitOfWork, checks: Checks, row: Milestone, names: Sequence[str]) -> list[tuple[str, str]]:
    """Who may know of it: organisations by slug or id, people by id. Its owner must be among them."""
    allowed = parties_named(uow, checks, names)
    if allowed and row.owner_id:
        owner = uow.session.get(Person, row.owner_id)
        if owner and ("person", owner.id) not in allowed and ("organisation", owner.organisation_id) not in allowed:
            checks.add("restricted_to", "owner_left_out", "The owner must be among those who may know of it")
    return allowed


def _current_restrictions(uow: UnitOfWork, row: Milestone) -> list[str]:
    statement = select(MilestoneRestriction).where(MilestoneRestriction.milestone_id == row.id)
    return [one.organisation_id or one.person_id or "" for one in uow.session.execute(statement).scalars()]


def _replace_supporters(uow: UnitOfWork, row: Milestone, organisations: list[str]) -> None:
    uow.session.execute(delete(MilestoneSupporter).where(MilestoneSupporter.milestone_id == row.id))
    for organisation in organisations:
        uow.session.add(MilestoneSupporter(milestone_id=row.id, organisation_id=organisation))
    uow.session.flush()


def _replace_restrictions(uow: UnitOfWork, row: Milestone, allowed: list[tuple[str, str]]) -> None:
    uow.session.execute(delete(MilestoneRestriction).where(MilestoneRestriction.milestone_id == row.id))
    for kind, name in allowed:
        uow.session.add(
            MilestoneRestriction(
                id=new_id(),
                milestone_id=row.id,
                organisation_id=name if kind == "organisation" else None,
                person_id=name if kind == "person" else None,
            )
        )
    uow.session.flush()


def _check_dates(checks: Checks, start: date | None, due: date | None) -> None:
    checks.order("due_date", start, due, "The due date must be on or after the start date")


def _short_facts(row: Milestone) -> dict[str, Any]:
    names = (
        "start_date",
        "due_date",
        "due_set_by",
        "owner_id",
        "lead_organisation_id",
        "action_id",
        "theme_id",
        "marking",
        "restricted",
    )
    return {name: getattr(row, name) for name in names}


def _refuse_closed(plan: Plan, item_id: str, item_kind: str, attempted: str) -> None:
    if plan.state is PlanState.CLOSED:
        raise Refused(
            [Reason("plan_closed", "The plan is closed and read-only")],
            title="Nothing was changed",
            attempted=attempted,
            item_kind=item_kind,
            item_id=item_id,
            plan_id=plan.id,
        )
