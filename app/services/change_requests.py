"""Change requests for a due date or a cancellation: asked with a reason, decided by somebody else (rule 3)."""

from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import aliased

from app.db import UnitOfWork
from app.domain import permissions, rag
from app.domain.days import long_date
from app.domain.ids import new_id
from app.domain.milestones import ChangeRequestView, MilestoneKey
from app.domain.permissions import Act, Item
from app.domain.rag import Moves
from app.domain.refusals import NotFound, Reason, Refused, Stale, invalid
from app.domain.words import CancellationGround, ChangeKind, ChangeState, MilestoneEventKind, PlanState, Status
from app.models import ChangeRequest, Person
from app.models.texts import latest_texts
from app.services import settling
from app.services.cases import Case, open_case, read_case
from app.services.writing import Checks

TAKEN = (ChangeKind.DUE_DATE, ChangeKind.CANCELLATION)


def request_change(
    uow: UnitOfWork,
    *,
    milestone: MilestoneKey,
    kind: ChangeKind,
    reason: str,
    due_date: date | None = None,
    ground: CancellationGround | None = None,
    if_match: str | None = None,
) -> ChangeRequestView:
    """Ask to move a due date or to cancel. The milestone keeps its colour until somebody else decides."""
    case = open_case(uow, milestone, act=Act.REQUEST_CHANGE, if_match=if_match)
    checks = Checks()
    said = checks.required_text("reason", reason, name="the reason for the change")
    if kind is ChangeKind.DUE_DATE and due_date is None:
        checks.add("due_date", "required", "Enter the new due date")
    if kind is ChangeKind.CANCELLATION and ground is None:
        checks.add("ground", "required", "Choose why it is cancelled")
    checks.done()
    _refuse_unless_open_to_change(case, kind, due_date)
    if due_date is not None and kind is ChangeKind.DUE_DATE:
        check_due_date(case, due_date)
        request = ask_for_due_date(uow, case, due_date=due_date, reason=said)
    else:
        request = _ask(uow, case, kind=ChangeKind.CANCELLATION, reason=said, ground=ground)
    settling.settle(uow, case)
    return _views(uow, [request.id], case)[0]


def list_change_requests(uow: UnitOfWork, *, milestone: MilestoneKey) -> tuple[ChangeRequestView, ...]:
    """Every change asked for on a milestone, newest first."""
    case = read_case(uow, milestone)
    permissions.require(uow.actor, Act.READ_PLAN, case.item)
    return views_of(uow, case)


def decide_change(
    uow: UnitOfWork, *, change_request: str, outcome: str, reason: str, if_match: str | None = None
) -> ChangeRequestView:
    """Approve or decline. Never by who asked, nor by the milestone's owner. An approved date moves the due date."""
    request = uow.session.get(ChangeRequest, change_request)
    if request is None or request.milestone_id is None:
        raise NotFound
    case = open_case(uow, MilestoneKey(id=request.milestone_id))
    uow.session.refresh(request, with_for_update=True)
    permissions.require(uow.actor, Act.DECIDE_CHANGE, Item(plan_id=case.plan.id, owner_id=case.milestone.owner_id))
    if if_match is not None and if_match != str(request.version):
        raise Stale(current_version=str(request.version))
    said = _check_decision(outcome, reason)
    _refuse_own_decision(uow, case, request, outcome)
    request.state = ChangeState(outcome)
    request.decided_by, request.decided_at = uow.actor.id, uow.now
    request.version += 1
    uow.session.flush()
    if request.state is ChangeState.APPROVED:
        _carry_out(uow, case, request)
    uow.record(
        "change_request_decided",
        **{**case.about, "item_kind": "change_request", "item_id": request.id},
        facts={"kind": request.kind, "outcome": outcome},
        texts={"decision_reason": said},
    )
    settling.settle(uow, case)
    return _views(uow, [request.id], case)[0]


def check_due_date(case: Case, due_date: date) -> None:
    """Raise Invalid when a due date would come before the start."""
    checks = Checks()
    checks.order("due_date", case.milestone.start_date, due_date, "The due date must be on or after the start date")
    checks.done()


def ask_for_due_date(uow: UnitOfWork, case: Case, *, due_date: date, reason: str) -> ChangeRequest:
    return _ask(uow, case, kind=ChangeKind.DUE_DATE, reason=reason, due_date=due_date)


def views_of(uow: UnitOfWork, case: Case) -> tuple[ChangeRequestView, ...]:
    return _views(uow, None, case)


def _ask(
    uow: UnitOfWork,
    case: Case,
    *,
    kind: ChangeKind,
    reason: str,
    due_date: date | None = None,
    ground: CancellationGround | None = None,
) -> ChangeRequest:
    request = ChangeRequest(
        id=new_id(),
        plan_id=case.plan.id,
        milestone_id=case.milestone.id,
        kind=kind,
        requested_by=uow.actor.id,
        requested_at=uow.now,
        due_date=due_date,
        due_was=case.milestone.due_date,
        ground=ground,
        state=ChangeState.REQUESTED,
        version=1,
    )
    uow.session.add(request)
    uow.session.flush()
    facts: dict[str, Any] = {"kind": kind}
    if due_date is not None:
        facts["due_date"] = [case.milestone.due_date, due_date]
    if ground is not None:
        facts["ground"] = ground
    about = {**case.about, "item_kind": "change_request", "item_id": request.id}
    uow.record("change_requested", **about, facts=facts, texts={"reason": reason})
    return request


def _refuse_unless_open_to_change(case: Case, kind: ChangeKind, due_date: date | None) -> None:
    found: list[Reason] = []
    row = case.milestone
    if case.plan.state is PlanState.DRAFT:
        found.append(
            Reason("plan_not_approved", "The plan is a draft. Change the milestone itself until it is approved")
        )
    elif case.plan.state is PlanState.CLOSED:
        found.append(Reason("plan_closed", "The plan is closed and read-only"))
    if row.status in (Status.ACHIEVED, Status.CANCELLED):
        found.append(
            Reason("milestone_ended", f"It is {row.status}. Only a milestone that has not ended can be changed")
        )
    if kind is ChangeKind.DUE_DATE and due_date is not None and due_date == row.due_date and not row.reopening_pending:
        found.append(Reason("same_date", "That is already its due date"))
    if found:
        raise Refused(
            found,
            title=f"{row.ref}: the change was not asked for",
            attempted="change_request",
            item_kind="milestone",
            item_id=row.id,
            plan_id=case.plan.id,
        )


def _check_decision(outcome: str, reason: str) -> str:
    checks = Checks()
    if outcome not in (ChangeState.APPROVED, ChangeState.DECLINED):
        checks.add("outcome", "not_a_choice", "Choose approved or declined")
    said = checks.required_text("reason", reason, name="the reason for the decision")
    checks.done()
    return said


def _refuse_own_decision(uow: UnitOfWork, case: Case, request: ChangeRequest, outcome: str) -> None:
    found: list[Reason] = []
    if request.state is not ChangeState.REQUESTED:
        found.append(Reason("already_decided", f"It was already {request.state}"))
    if request.requested_by == uow.actor.id:
        found.append(Reason("own_request", "You asked for this change. Somebody else decides it"))
    if case.milestone.owner_id == uow.actor.id:
        found.append(Reason("own_milestone", "You own this milestone. Somebody else decides its changes"))
    if case.plan.state is PlanState.CLOSED:
        found.append(Reason("plan_closed", "The plan is closed and read-only"))
    if request.kind not in TAKEN:
        raise invalid("kind", "not_taken", "Only due dates and cancellations can be decided so far")
    if outcome == ChangeState.APPROVED:
        found.extend(_overtaken(case, request))
    if found:
        raise Refused(
            found,
            title=f"{case.milestone.ref}: nothing was decided",
            attempted="change_decision",
            item_kind="milestone",
            item_id=case.milestone.id,
            plan_id=case.plan.id,
        )


def _overtaken(case: Case, request: ChangeRequest) -> list[Reason]:
    """A request that what happened in the meantime has overtaken can only be declined: nothing is carried out on it."""
    row, found = case.milestone, []
    if row.status in (Status.ACHIEVED, Status.CANCELLED):
        found.append(Reason("milestone_ended", f"It is {row.status} by now, so there is nothing to change"))
    if request.due_date is not None and row.start_date is not None and request.due_date < row.start_date:
        starts = long_date(row.start_date)
        found.append(
            Reason(
                "due_before_start", f"It now starts on {starts}, after the date that was asked for. Ask for a later one"
            )
        )
    return found


def _carry_out(uow: UnitOfWork, case: Case, request: ChangeRequest) -> None:
    if request.kind is ChangeKind.CANCELLATION:
        _cancel(uow, case)
        return
    row = case.milestone
    moves = rag.moved_facts(
        Moves(row.moves, row.first_moved_on, row.second_moved_on, row.moved_far_on),
        baseline=row.baseline_date,
        old_due=row.due_date,
        new_due=request.due_date,
        today=uow.today,
    )
    row.moves, row.first_moved_on = moves.moves, moves.first_moved_on
    row.second_moved_on, row.moved_far_on = moves.second_moved_on, moves.moved_far_on
    was, row.due_date = row.due_date, request.due_date
    if row.baseline_date is None:
        row.baseline_date = request.due_date
    row.reopening_pending = False
    uow.record("due_date_moved", **case.about, facts={"due_date": [was, request.due_date], "moves": row.moves})


def _cancel(uow: UnitOfWork, case: Case) -> None:
    before, case.milestone.status = case.milestone.status, Status.CANCELLED
    case.milestone.completed_on = None
    uow.session.flush()
    settling.note_event(uow, case, MilestoneEventKind.CANCELLED, day=uow.today)
    uow.record("milestone_cancelled", **case.about, facts={"status": [before, Status.CANCELLED]})


def _views(uow: UnitOfWork, ids: list[str] | None, case: Case) -> tuple[ChangeRequestView, ...]:
    asker, decider = aliased(Person), aliased(Person)
    statement = (
        select(ChangeRequest, asker.post_title, decider.post_title)
        .join(asker, asker.id == ChangeRequest.requested_by)
        .outerjoin(decider, decider.id == ChangeRequest.decided_by)
        .where(ChangeRequest.milestone_id == case.milestone.id)
        .order_by(ChangeRequest.requested_at.desc(), ChangeRequest.id.desc())
    )
    if ids is not None:
        statement = statement.where(ChangeRequest.id.in_(ids))
    rows = uow.session.execute(statement).all()
    texts = latest_texts(uow.session, [row[0].id for row in rows])
    return tuple(_view(uow, case, request, asked, decided, texts) for request, asked, decided in rows)


def _view(
    uow: UnitOfWork, case: Case, request: ChangeRequest, asked_by: str, decided_by: str | None, texts: Any
) -> ChangeRequestView:
    own = uow.actor.id in (request.requested_by, case.milestone.owner_id)
    open_to_decision = request.state is ChangeState.REQUESTED and request.kind in TAKEN and not own
    return ChangeRequestView(
        id=request.id,
        kind=str(request.kind),
        state=str(request.state),
        requested_by=asked_by,
        requested_by_id=request.requested_by,
        requested_at=request.requested_at,
        reason=texts.get((request.id, "reason")),
        due_date=request.due_date,
        ground=str(request.ground) if request.ground else None,
        decided_by=decided_by,
        decided_at=request.decided_at,
        decision_reason=texts.get((request.id, "decision_reason")),
        may_decide=open_to_decision and permissions.may(uow.actor, Act.DECIDE_CHANGE, case.item),
        version=str(request.version),
    )
