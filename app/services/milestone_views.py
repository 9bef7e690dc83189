"""Everything one page about a milestone shows, in a fixed number of queries."""

from datetime import date
from typing import Any

from sqlalchemy import select

from app.db import UnitOfWork
from app.domain import milestones as rules
from app.domain import permissions
from app.domain.acceptances import AcceptanceView
from app.domain.baselines import Baseline, unmet_correction
from app.domain.change_requests import ChangeRequestView, Named
from app.domain.evidence import known_to
from app.domain.milestones import (
    CarriedOver,
    DateChange,
    MayDo,
    MilestoneKey,
    MilestoneMoved,
    MilestoneView,
    UpdateView,
)
from app.domain.permissions import Act
from app.domain.words import ChangeKind, ChangeState, MilestoneEventKind, PlanState, Status
from app.models import BaselineCorrection, Milestone, MilestoneEvent, MilestoneRestriction, Organisation, Person
from app.models.milestone_rows import milestone_row_by_id
from app.models.plan_structure import latest_moves
from app.models.texts import latest_texts
from app.models.visibility import knowable
from app.services import audit_events, change_views, honesty, success_criteria, updates
from app.services.carrying import carried_over_of
from app.services.cases import Case, read_case
from app.services.evidence_views import evidence_of
from app.services.milestone_case import WithWords
from app.services.milestone_rows import (
    accepted_until_on,
    declared_by,
    milestone_row,
    moved_from_of,
    rationales_of,
    status_of,
)
from app.services.publications import published_on

EVIDENCE_SHOWN = 50
UPDATES_SHOWN = 50
AUDIT_SHOWN = 20


def get_milestone(uow: UnitOfWork, *, milestone: MilestoneKey) -> MilestoneView:
    """One milestone with its evidence log, timeline, dates and trail. NotFound when not for this actor."""
    case = read_case(uow, milestone)
    permissions.require(uow.actor, Act.READ_PLAN, case.item)
    return view_of(uow, case)


def moved(uow: UnitOfWork, case: Case) -> MilestoneMoved:
    """Where a milestone stands after a change: read from what is at hand, because others wait to write."""
    row = WithWords(case)
    return MilestoneMoved(
        milestone_row(
            row,
            settings=case.settings,
            evidence=known_to(case.evidence, permissions.knows_as(uow.actor, case.plan.id)),
            supporters=case.supporters,
            today=uow.today,
            rationale=rationales_of(uow, [row]).get(row.id, ""),
        )
    )


def view_of(uow: UnitOfWork, case: Case) -> MilestoneView:
    row = milestone_row_by_id(uow.session, case.milestone.id)
    evidence, _ = evidence_of(uow, case, limit=EVIDENCE_SHOWN)
    said, _ = updates.updates_of(uow, case, limit=UPDATES_SHOWN)
    transitions = _transitions(uow, row.id)
    requests = change_views.views_of(uow, case)
    rationale = rationales_of(uow, [row]).get(row.id)
    may_read_audit = permissions.may(uow.actor, Act.READ_AUDIT, case.item)
    moves = latest_moves(uow.session, [row.id, row.action_id])
    audit, total = audit_events.of_milestone(uow, case, limit=AUDIT_SHOWN) if may_read_audit else ((), 0)
    return MilestoneView(
        row=milestone_row(
            row,
            settings=case.settings,
            evidence=known_to(case.evidence, permissions.knows_as(uow.actor, case.plan.id)),
            supporters=case.supporters,
            today=uow.today,
            rationale=rationale or "",
            carried_over=_carried_over(uow, case),
        ),
        description=row.description,
        success_criterion=row.success_criterion,
        due_set_by=row.due_set_by,
        declared_rag=row.declared_rag,
        declared_by=declared_by(row),
        declaration_rationale=rationale,
        restricted_to=_restricted_to(uow, case),
        reopened_times=row.reopened_times,
        not_independent=row.not_independent,
        evidence=evidence,
        timeline=_timeline(said, transitions),
        date_history=_date_history(row, case, said, requests, transitions, _corrections(uow, row.id)),
        change_requests=requests,
        audit=audit,
        audit_total=total,
        may=_may(uow, case, evidence, requests),
        plan_policy=case.plan.evidence_policy,
        moved_from=moved_from_of(moves.get(row.id)),
        action_moved_from=moved_from_of(moves.get(row.action_id)),
        honesty=_honesty(uow, case, row, said, evidence),
        warnings=_warnings(row, uow.today),
        criteria=success_criteria.views_of(uow, case),
        latest_update=next((one for one in said if one.id == row.last_update_id), None),
        acceptance=_acceptance(row, transitions, uow.today),
        came_from=_came_from(uow, row.came_from),
    )


def _honesty(uow: UnitOfWork, case: Case, row: Any, said: tuple[UpdateView, ...], evidence: Any) -> tuple[str, ...]:
    if not permissions.may(uow.actor, Act.CHECK_HONESTY, case.item):
        return ()
    return tuple(finding.message for finding in honesty.of_milestone(uow, row, said, evidence))


def _warnings(row: Any, today: date) -> tuple[str, ...]:
    """What is said of a due date while it can still be met."""
    is_to_come = row.due_date is not None and row.due_date >= today
    is_open = row.status in (Status.NOT_STARTED, Status.IN_PROGRESS)
    return change_views.warnings_of([row.due_date]) if is_to_come and is_open else ()


def _carried_over(uow: UnitOfWork, case: Case) -> CarriedOver | None:
    if case.plan.state is not PlanState.CLOSED:
        return None
    return carried_over_of(uow, [case.milestone.id]).get(case.milestone.id)


def _transitions(uow: UnitOfWork, milestone_id: str) -> list[UpdateView]:
    statement = (
        select(MilestoneEvent).where(MilestoneEvent.milestone_id == milestone_id).order_by(MilestoneEvent.id.desc())
    )
    events = list(uow.session.execute(statement).scalars())
    texts = latest_texts(uow.session, [event.id for event in events])
    return [_as_entry(event, texts) for event in events]


def _as_entry(event: MilestoneEvent, texts: dict[tuple[str, str], str]) -> UpdateView:
    said = next((texts[event.id, name] for name in ("narrative", "reason", "note") if (event.id, name) in texts), None)
    return UpdateView(
        id=event.id,
        kind=str(event.kind),
        at=event.at,
        by=event.by_title,
        by_organisation=event.by_organisation,
        narrative=said,
        day=event.day if event.kind is MilestoneEventKind.ACCEPTED else None,
    )


def _timeline(said: tuple[UpdateView, ...], transitions: list[UpdateView]) -> tuple[UpdateView, ...]:
    """Newest first; a start that an update set off is told by the update."""
    told = {entry.at for entry in said}
    kept = [entry for entry in transitions if not (entry.kind == "started" and entry.at in told)]
    return tuple(sorted([*said, *kept], key=lambda entry: (entry.at, entry.id), reverse=True))


def _acceptance(row: Any, transitions: list[UpdateView], today: date) -> AcceptanceView | None:
    """The acceptance that stands today, with what was said when it was given."""
    until = accepted_until_on(row, today)
    if until is None:
        return None
    said = next((one.narrative for one in transitions if one.kind == MilestoneEventKind.ACCEPTED), None)
    return AcceptanceView(row.acceptance_ends_on or until, until, row.accepter_title or "", said)


def _restricted_to(uow: UnitOfWork, case: Case) -> tuple[str, ...]:
    """Who may know of it, in words; empty when everybody on the plan may."""
    if not case.milestone.restricted:
        return ()
    statement = (
        select(Organisation.name, Person.post_title)
        .select_from(MilestoneRestriction)
        .outerjoin(Organisation, Organisation.id == MilestoneRestriction.organisation_id)
        .outerjoin(Person, Person.id == MilestoneRestriction.person_id)
        .where(MilestoneRestriction.milestone_id == case.milestone.id)
        .order_by(MilestoneRestriction.id)
    )
    return tuple(name or title for name, title in uow.session.execute(statement))


def _date_history(
    row: Any,
    case: Case,
    said: tuple[UpdateView, ...],
    requests: tuple[ChangeRequestView, ...],
    transitions: list[UpdateView],
    corrections: list[DateChange],
) -> tuple[DateChange, ...]:
    """Every date this milestone has had, newest first."""
    changes = [
        *corrections,
        *(
            DateChange("forecast", one.forecast_date, one.forecast_was, one.at, one.by)
            for one in said
            if one.forecast_date is not None and (one.forecast_was is not None or _first_forecast(one, said))
        ),
    ]
    due: date | None = corrections[0].was if corrections else row.baseline_date
    for request in sorted(requests, key=lambda one: one.decided_at or one.requested_at):
        if request.kind == "due_date" and request.state == ChangeState.APPROVED and request.decided_at:
            changes.append(
                DateChange("due", request.due_date, due, request.decided_at, request.decided_by or "", request.reason)
            )
            due = request.due_date
    reported = next((one for one in transitions if one.kind == "completed"), None)
    if row.completed_on and reported:
        changes.append(DateChange("completed", row.completed_on, None, reported.at, reported.by))
    history = sorted(changes, key=lambda change: change.at, reverse=True)
    first = corrections[0].was if corrections else row.baseline_date
    if first and case.plan.approved_on:
        history.append(DateChange("baseline", first, None, row.added_at, case.plan.approved_body or ""))
    return tuple(history)


def _corrections(uow: UnitOfWork, milestone_id: str) -> list[DateChange]:
    """What was put right in the baseline, the first first."""
    statement = (
        select(BaselineCorrection, Person.post_title)
        .join(Person, Person.id == BaselineCorrection.corrected_by)
        .where(BaselineCorrection.milestone_id == milestone_id)
        .order_by(BaselineCorrection.corrected_at)
    )
    rows = uow.session.execute(statement).all()
    texts = latest_texts(uow.session, [row.id for row, _ in rows])
    return [
        DateChange("baseline", row.baseline_date, row.was, row.corrected_at, by, texts.get((row.id, "reason")))
        for row, by in rows
    ]


def _came_from(uow: UnitOfWork, milestone_id: str | None) -> Named | None:
    """The milestone that this one replaced or was split from, where the reader may know of it."""
    if milestone_id is None:
        return None
    statement = select(Milestone.id, Milestone.ref, Milestone.title).where(
        Milestone.id == milestone_id, knowable(uow.actor)
    )
    found = uow.session.execute(statement).one_or_none()
    return None if found is None else Named(*found)


def _first_forecast(update: UpdateView, said: tuple[UpdateView, ...]) -> bool:
    return update is next((one for one in reversed(said) if one.forecast_date is not None), None)


def _may(uow: UnitOfWork, case: Case, evidence: Any, requests: tuple[ChangeRequestView, ...]) -> MayDo:
    """Which buttons to offer. The gate's own button is never hidden from who may press it: it explains itself."""
    row, actor, item = case.milestone, uow.actor, case.item
    status = status_of(row, uow.today)
    live, closed = case.plan.state is PlanState.APPROVED, case.plan.state is PlanState.CLOSED
    is_open = status in (Status.NOT_STARTED, Status.IN_PROGRESS)
    ended = status in (Status.ACHIEVED, Status.CANCELLED)

    waits = any(one.kind == ChangeKind.DUE_DATE and one.state == ChangeState.REQUESTED for one in requests)
    is_exception = row.amber_from is not None and row.amber_from <= uow.now

    def may(act: Act) -> bool:
        return permissions.may(actor, act, item)

    may_accept = may(Act.ACCEPT_EXCEPTION) and row.owner_id != actor.id

    return MayDo(
        update=live and not ended and may(Act.UPDATE),
        start=live and row.status is Status.NOT_STARTED and may(Act.UPDATE),
        declare=live and is_open and may(Act.DECLARE) and not may(Act.UPDATE),
        complete=live and is_open and may(Act.UPDATE),
        achieve=live and not ended and may(Act.ACHIEVE),
        return_=live and status is Status.COMPLETED and may(Act.RETURN),
        reopen=live and status is Status.ACHIEVED and may(Act.REOPEN),
        attach=not closed and row.status is not Status.CANCELLED and may(Act.ATTACH),
        review=not closed and any(one.may_review for one in evidence),
        request_change=live and not ended and may(Act.REQUEST_CHANGE),
        decide_change=live and any(one.may_decide for one in requests),
        edit=not closed and may(Act.EDIT_PLAN),
        remove=not rules.unmet_removal(case.plan.state, row.status) and may(Act.EDIT_PLAN),
        correct_baseline=may(Act.EDIT_PLAN) and not unmet_correction(correctable(uow, case, date_request_waits=waits)),
        lift_declaration=live and row.declared_rag is not None and may(Act.LIFT_DECLARATION),
        accept=live and is_exception and may_accept,
        lift_acceptance=live and accepted_until_on(row, uow.today) is not None and may_accept,
        read_audit=may(Act.READ_AUDIT),
    )


def correctable(uow: UnitOfWork, case: Case, *, date_request_waits: bool) -> Baseline:
    """What the rule of a mistyped baseline needs to know of a milestone that has been taken up."""
    row = case.milestone
    return Baseline(
        plan_state=case.plan.state,
        status=row.status,
        baseline=row.baseline_date,
        due=row.due_date,
        set_by=row.due_set_by,
        moves=row.moves,
        reopened_times=row.reopened_times,
        date_request_waits=date_request_waits,
        published=published_on(uow, case) is not None,
    )
