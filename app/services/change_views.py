"""Change requests as doors show them: what was asked, why, what it would do, and what became of it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import SimpleNamespace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from app.bank_holidays import bank_holidays
from app.db import UnitOfWork
from app.domain import change_requests as rules
from app.domain import permissions
from app.domain.change_requests import (
    Agreement,
    ChangeRequestView,
    Effect,
    Named,
    Part,
    PartView,
    Proposal,
    SettingChange,
)
from app.domain.markings import marks_of
from app.domain.meetings import day_warning
from app.domain.permissions import Act, Item
from app.domain.success_criteria import from_stored
from app.domain.words import CancellationGround, ChangeKind, ChangeState, DateSetter, PlanState
from app.models import ChangeRequest, Milestone, Person, Plan, ReviewMeeting
from app.models.texts import REDACTED, latest_texts
from app.models.visibility import knowable, knowable_in, withheld_in
from app.services import cases, foreseeing
from app.services.milestone_case import Case

_milestones: Any = Milestone.__table__
_requests: Any = ChangeRequest.__table__


def views_of(uow: UnitOfWork, case: Case) -> tuple[ChangeRequestView, ...]:
    """Every change asked for on a milestone, newest first."""
    return views(uow, _requests.c.milestone_id == case.milestone.id, plan=case.plan)


def view_of(uow: UnitOfWork, request_id: str, *, plan: Plan, effect: bool = False) -> ChangeRequestView:
    return views(uow, _requests.c.id == request_id, plan=plan, effect=effect)[0]


def views(
    uow: UnitOfWork, *which: Any, plan: Plan, effect: bool = False, oldest_first: bool = False
) -> tuple[ChangeRequestView, ...]:
    """Change requests of a plan, in a fixed number of queries: the newest first, unless the oldest are wanted first.

    The caller says which, and answers for whether this actor may know of them. With `effect`, those that wait say what
    they would do.
    """
    found = _rows(uow, which, plan, oldest_first=oldest_first)
    around = _around(uow, found)
    effects = _effects(uow, found, around, plan) if effect else {}
    return tuple(_view(uow, row, around, plan, effects.get(row.ChangeRequest.id)) for row in found)


def proposal_of(request: ChangeRequest, texts: Mapping[tuple[str, str], str]) -> Proposal:
    """What a stored request asks for. A text that was redacted reads so."""
    return Proposal(
        kind=request.kind,
        due_date=request.due_date,
        ground=request.ground,
        other=request.replaced_by,
        parts=tuple(
            Part(
                title=texts.get((request.id, f"title_{number}"), ""),
                success_criterion=texts.get((request.id, f"success_criterion_{number}"), ""),
                due_date=date.fromisoformat(part["due_date"]),
                owner=part.get("owner"),
            )
            for number, part in enumerate(_stored(request).get("parts", ()), 1)
        ),
        success_criterion=texts.get((request.id, "success_criterion"), ""),
        criteria=from_stored(_stored(request)["criteria"]) if "criteria" in _stored(request) else None,
        settings={name: becomes for name, (_, becomes) in _stored(request).get("settings", {}).items()},
        agreed_on=request.agreed_on,
    )


def warnings_of(days: Iterable[date | None]) -> tuple[str, ...]:
    """A date on a day on which nobody works gets a warning, never a refusal."""
    known = bank_holidays()
    found = (day_warning(day, known) for day in days if day is not None)
    return tuple(f"{warning}. Choose a working day if somebody has to be there" for warning in found if warning)


def effect_of(uow: UnitOfWork, case: Case, asked: Proposal, request: ChangeRequest | None = None) -> Effect:
    """What approving a request about a milestone now would do; of one that was made, what has moved since."""
    dates = [asked.due_date, *(part.due_date for part in asked.parts)]
    moved = rules.date_has_moved(asked.due_date, case.milestone.due_date, request.due_was) if request else ""
    return Effect(tuple(foreseeing.foresee(case, asked, uow.now)), (*((moved,) if moved else ()), *warnings_of(dates)))


def merge_warnings(uow: UnitOfWork, milestone: Named, asked: ChangeKind, merged_into: str | None) -> tuple[str, ...]:
    """What ending a milestone does to promises that were merged, or would be, of what this actor may know of."""
    if asked not in (ChangeKind.CANCELLATION, ChangeKind.REPLACEMENT):
        return ()
    columns = (_milestones.c.id, _milestones.c.ref, _milestones.c.success_criterion)
    merged = select(_requests.c.milestone_id).where(
        _requests.c.replaced_by == milestone.id,
        _requests.c.ground == CancellationGround.MERGED,
        _requests.c.state == ChangeState.APPROVED,
    )
    ids = [one for one in (milestone.id, merged_into) if one]
    statement = select(*columns).where(_milestones.c.id.in_(ids) | _milestones.c.id.in_(merged), knowable(uow.actor))
    rows = {row.id: row for row in uow.session.execute(statement.order_by(_milestones.c.position))}
    own, other = rows.pop(milestone.id, None), rows.pop(merged_into or "", None)
    into = []
    if own and other:
        into.append(rules.merged_into(own.ref, own.success_criterion, other.ref, other.success_criterion))
    return (*into, *(rules.promises_too(row.ref, row.success_criterion) for row in rows.values()))


def effect_of_settings(uow: UnitOfWork, plan: Plan, becomes: dict[str, Any]) -> Effect:
    """What other settings of a plan would do, milestone by milestone, for whom this actor may know of."""
    return _Whole(uow, plan).effect(becomes)


# --- Reading ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Around:
    """The words around requests: typed text, milestones that may be named, people, made milestones by their origin."""

    texts: dict[tuple[str, str], str]
    named: dict[str, Named]
    people: dict[str, str]
    made: dict[str, list[Named]] = field(default_factory=dict)


def _rows(uow: UnitOfWork, which: Sequence[Any], plan: Plan, *, oldest_first: bool) -> Sequence[Any]:
    asker, decider = aliased(Person), aliased(Person)
    asked = (_requests.c.requested_at, _requests.c.id)
    order = asked if oldest_first else tuple(column.desc() for column in asked)
    statement: Any = (
        select(
            ChangeRequest,
            asker.post_title.label("asked_by"),  # type: ignore[attr-defined]
            decider.post_title.label("decider"),  # type: ignore[attr-defined]
            ReviewMeeting.on_day.label("meeting_on"),  # type: ignore[attr-defined]
            Milestone.ref.label("ref"),  # type: ignore[attr-defined]
            Milestone.title.label("title"),  # type: ignore[attr-defined]
            Milestone.marking.label("marking"),  # type: ignore[attr-defined]
            Milestone.restricted.label("restricted"),  # type: ignore[attr-defined]
            Milestone.owner_id.label("owner_id"),  # type: ignore[union-attr]
            Milestone.due_set_by.label("due_set_by"),  # type: ignore[attr-defined]
            Milestone.due_date.label("due_now"),  # type: ignore[union-attr]
        )
        .join(asker, asker.id == ChangeRequest.requested_by)
        .outerjoin(decider, decider.id == ChangeRequest.decided_by)
        .outerjoin(ReviewMeeting, ReviewMeeting.id == ChangeRequest.meeting_id)
        .outerjoin(Milestone, Milestone.id == ChangeRequest.milestone_id)
        .where(ChangeRequest.plan_id == plan.id, *which)
        .order_by(*order)
    )
    return uow.session.execute(statement).all()


def _around(uow: UnitOfWork, rows: Sequence[Any]) -> _Around:
    requests = [row.ChangeRequest for row in rows]
    around = _Around(latest_texts(uow.session, [one.id for one in requests]), {}, {})
    others = {one.replaced_by for one in requests if one.replaced_by}
    origins = {
        one.milestone_id
        for one in requests
        if one.kind in (ChangeKind.REPLACEMENT, ChangeKind.SPLIT) and one.state is ChangeState.APPROVED
    }
    if others or origins:
        wanted = _milestones.c.id.in_(others) | _milestones.c.came_from.in_(origins)
        columns = (_milestones.c[name] for name in ("id", "ref", "title", "came_from", "marking", "restricted"))
        statement = select(*columns).where(wanted, knowable(uow.actor))
        for row in uow.session.execute(statement.order_by(_milestones.c.position)):
            named = Named(row.id, row.ref, row.title, marks_of(row))
            around.named[row.id] = named
            around.made.setdefault(row.came_from or "", []).append(named)
    owners = {part["owner"] for one in requests for part in _stored(one).get("parts", ()) if part.get("owner")}
    if owners:
        people = select(Person.id, Person.post_title).where(Person.id.in_(owners))  # type: ignore[call-overload]
        around.people = dict(uow.session.execute(people).tuples())
    return around


def _stored(request: ChangeRequest) -> dict[str, Any]:
    return json.loads(request.settings) if request.settings else {}


# --- What they would do -----------------------------------------------------------------------------------------------


def _effects(uow: UnitOfWork, rows: Sequence[Any], around: _Around, plan: Plan) -> dict[str, Effect]:
    waiting = [row.ChangeRequest for row in rows if row.ChangeRequest.state is ChangeState.REQUESTED]
    if not waiting or plan.state is not PlanState.APPROVED:
        return {}
    by_milestone = _cases(uow, plan, _milestones.c.id.in_({one.milestone_id for one in waiting if one.milestone_id}))
    whole: _Whole | None = None
    found = {}
    for one in waiting:
        asked = proposal_of(one, around.texts)
        if one.milestone_id is not None:
            found[one.id] = effect_of(uow, by_milestone[one.milestone_id], asked, one)
            continue
        whole = whole or _Whole(uow, plan)
        found[one.id] = whole.effect(asked.settings or {})
    return found


class _Whole:
    """All of a plan's milestones, read once, with those that this actor may know of."""

    def __init__(self, uow: UnitOfWork, plan: Plan) -> None:
        self._uow = uow
        self._cases = _cases(uow, plan, _milestones.c.plan_id == plan.id)
        known = select(_milestones.c.id).where(knowable_in(uow.actor, plan.id))
        self._known = frozenset(uow.session.execute(known).scalars())
        self._counts = permissions.sees_withheld_count(uow.actor, plan.id)

    def effect(self, becomes: dict[str, Any]) -> Effect:
        every = (foreseeing.foresee_settings(case, becomes, self._uow.today) for case in self._cases.values())
        changed = [one for one in every if one.changes]
        shown = tuple(sorted((one for one in changed if one.id in self._known), key=lambda one: one.ref))
        return Effect(shown, (), len(changed) - len(shown) if self._counts else None)


def _cases(uow: UnitOfWork, plan: Plan, which: Any) -> dict[str, Case]:
    """Milestones as the rules take them, in a fixed number of queries. Nothing is locked, and nothing written back."""
    statement = (
        select(*_milestones.c, Person.left_on.label("owner_left_on"))  # type: ignore[union-attr]
        .outerjoin(Person, Person.id == _milestones.c.owner_id)
        .where(which)
    )
    rows = uow.session.execute(statement).all()
    settings = cases.plan_settings(plan, cases.meeting_days(uow, plan.id))
    evidence = cases.linked_evidence(uow, [row.id for row in rows])
    nobody: Any = None
    return {
        row.id: Case(
            milestone=SimpleNamespace(**row._asdict()),  # type: ignore[arg-type]
            plan=plan,
            settings=settings,
            organisations=frozenset(),
            owner=SimpleNamespace(left_on=row.owner_left_on) if row.owner_id else nobody,  # type: ignore[arg-type]
            evidence=evidence[row.id],
        )
        for row in rows
    }


# --- One request ------------------------------------------------------------------------------------------------------


def _view(uow: UnitOfWork, row: Any, around: _Around, plan: Plan, effect: Effect | None) -> ChangeRequestView:
    request: ChangeRequest = row.ChangeRequest
    said = {name: text for (item, name), text in around.texts.items() if item == request.id}
    item = Item(plan_id=plan.id, owner_id=row.owner_id)
    waits = request.state is ChangeState.REQUESTED and plan.state is PlanState.APPROVED
    decides = waits and permissions.may(uow.actor, Act.DECIDE_CHANGE, item)
    why_not = rules.unmet_decider(
        actor=uow.actor.id,
        requested_by=request.requested_by,
        owner=row.owner_id,
        owner_then=request.owner_then,
    )
    milestone = Named(request.milestone_id, row.ref, row.title, marks_of(row)) if request.milestone_id else None
    return ChangeRequestView(
        id=request.id,
        kind=str(request.kind),
        state=str(request.state),
        plan_slug=plan.slug,
        milestone=milestone,
        requested_by=row.asked_by,
        requested_by_id=request.requested_by,
        requested_at=request.requested_at,
        reason=said.get("reason"),
        due_date=request.due_date,
        due_was=request.due_was,
        due_now=row.due_now,
        ground=str(request.ground) if request.ground else None,
        other=around.named.get(request.replaced_by or ""),
        success_criterion=said.get("success_criterion"),
        criteria=(
            tuple(one["words"] for one in _stored(request)["criteria"]) if "criteria" in _stored(request) else None
        ),
        parts=_parts(request, around),
        settings=tuple(_setting(name, *pair) for name, pair in _stored(request).get("settings", {}).items()),
        agreement=_agreement(request, said),
        set_by=row.due_set_by or DateSetter.PLAN,
        decided_by=row.decider,
        decided_at=request.decided_at,
        decision_reason=said.get("decision_reason"),
        meeting_on=row.meeting_on,
        meeting_id=request.meeting_id,
        may_decide=decides and not why_not,
        may_withdraw=waits and request.requested_by == uow.actor.id,
        version=str(request.version),
        why_not=tuple(reason.message for reason in why_not) if decides else (),
        effect=effect,
    )


def _parts(request: ChangeRequest, around: _Around) -> tuple[PartView, ...]:
    asked = proposal_of(request, around.texts).parts
    made = around.made.get(request.milestone_id or "", []) if request.state is ChangeState.APPROVED else []
    return tuple(
        PartView(
            part.title or None,
            part.success_criterion or None,
            part.due_date,
            around.people.get(part.owner or ""),
            part.owner,
            made[number] if len(made) == len(asked) else None,
        )
        for number, part in enumerate(asked)
    )


def _agreement(request: ChangeRequest, said: Mapping[str, str]) -> Agreement | None:
    if request.agreed_on is None:
        return None
    return Agreement(said.get("agreed_by", REDACTED), request.agreed_on, said.get("agreement_reference", REDACTED))


def _setting(name: str, was: Any, becomes: Any) -> SettingChange:
    return SettingChange(name, rules.setting_words(name, was), rules.setting_words(name, becomes))


def withheld_requests(uow: UnitOfWork, plan_id: str, *which: Any) -> int | None:
    """How many of these requests are about milestones that this actor may know only as a number; None: say nothing."""
    if not permissions.sees_withheld_count(uow.actor, plan_id):
        return None
    hidden = select(_milestones.c.id).where(withheld_in(uow.actor, plan_id))
    kept = select(func.count()).where(_requests.c.plan_id == plan_id, _requests.c.milestone_id.in_(hidden), *which)
    return uow.session.execute(kept).scalar_one()
