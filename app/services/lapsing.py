"""Change requests that nobody can decide any more: their plan was closed, or their milestone has ended (rule 3)."""

from typing import Any

from sqlalchemy import select

from app.db import UnitOfWork
from app.domain.words import ChangeState
from app.models import ChangeRequest, Milestone, Plan

_requests: Any = ChangeRequest.__table__


def lapse_of_plan(uow: UnitOfWork, plan: Plan) -> int:
    """The plan is closed: whatever waits in it, about milestones or itself, waits no longer. Returns how many."""
    return _lapse(uow, plan, "plan_closed", "The plan was closed before this was decided")


def lapse_of_milestone(uow: UnitOfWork, plan: Plan, milestone: Milestone) -> int:
    """The milestone is cancelled, replaced or split: what else was asked of it can come to nothing any more."""
    sentence = f"{milestone.ref} was cancelled before this was decided"
    return _lapse(uow, plan, "milestone_cancelled", sentence, _requests.c.milestone_id == milestone.id)


def _lapse(uow: UnitOfWork, plan: Plan, because: str, sentence: str, *which: Any) -> int:
    waiting = (
        select(ChangeRequest, Milestone.ref)  # type: ignore[call-overload]
        .outerjoin(Milestone, Milestone.id == ChangeRequest.milestone_id)
        .where(_requests.c.plan_id == plan.id, _requests.c.state == ChangeState.REQUESTED, *which)
        .order_by(_requests.c.id)
        .with_for_update(of=ChangeRequest)
    )
    rows = uow.session.execute(waiting).all()
    for request, _ in rows:
        request.state, request.decided_at = ChangeState.LAPSED, uow.now
        request.version += 1
    uow.session.flush()
    for request, ref in rows:
        uow.record(
            "change_request_lapsed",
            plan_id=plan.id,
            item_kind="change_request",
            item_id=request.id,
            item_ref=ref or plan.slug,
            milestone_id=request.milestone_id,
            facts={"kind": request.kind, "because": because},
            texts={"decision_reason": sentence},
        )
    return len(rows)
