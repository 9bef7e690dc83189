"""A mistyped baseline put right, with a reason, until it has been published (rule 3)."""

from datetime import date

from sqlalchemy import select

from app.db import UnitOfWork
from app.domain.baselines import unmet_correction
from app.domain.ids import new_id
from app.domain.milestones import MilestoneKey, MilestoneMoved
from app.domain.permissions import Act
from app.domain.refusals import Refused
from app.domain.words import ChangeKind, ChangeState
from app.models import BaselineCorrection, ChangeRequest
from app.services import settling
from app.services.cases import Case, open_case
from app.services.milestone_views import correctable, moved
from app.services.writing import Checks


def correct_baseline(
    uow: UnitOfWork, *, milestone: MilestoneKey, baseline_date: date, reason: str, if_match: str | None = None
) -> MilestoneMoved:
    """Put a mistyped baseline right. Neither the due date nor the number of moves changes by it."""
    case = open_case(uow, milestone, act=Act.EDIT_PLAN, if_match=if_match)
    row = case.milestone
    checks = Checks()
    said = checks.required_text("reason", reason, name="how it came to be mistyped")
    message = "The baseline must be on or after the start date"
    checks.order("baseline_date", row.start_date, baseline_date, message)
    checks.done()
    _refuse_unless_mistyped(uow, case, baseline_date)
    was = row.baseline_date
    assert was is not None  # noqa: S101 - for the type checker: a milestone without one was refused
    correction = BaselineCorrection(
        id=new_id(),
        plan_id=case.plan.id,
        milestone_id=row.id,
        was=was,
        baseline_date=baseline_date,
        corrected_by=uow.actor.id,
        corrected_at=uow.now,
    )
    uow.session.add(correction)
    uow.session.flush()
    row.baseline_date = baseline_date
    uow.session.flush()
    facts = {"baseline_date": [was, baseline_date]}
    uow.record("baseline_corrected", **case.about, facts=facts, texts={"reason": said}, texts_of=correction.id)
    settling.settle(uow, case)
    return moved(uow, case)


def _refuse_unless_mistyped(uow: UnitOfWork, case: Case, baseline_date: date) -> None:
    waits = select(ChangeRequest.id).where(
        ChangeRequest.milestone_id == case.milestone.id,
        ChangeRequest.kind == ChangeKind.DUE_DATE,
        ChangeRequest.state == ChangeState.REQUESTED,
    )
    one = correctable(uow, case, date_request_waits=uow.session.execute(waits).first() is not None)
    found = unmet_correction(one, baseline_date)
    if found:
        row = case.milestone
        raise Refused(
            found,
            title=f"{row.ref}: the baseline was not corrected",
            attempted="baseline_correction",
            item_kind="milestone",
            item_id=row.id,
            plan_id=case.plan.id,
        )
