"""A mistyped baseline put right, with a reason, until it has been published (rule 3)."""

from datetime import date

from app.db import UnitOfWork
from app.domain.ids import new_id
from app.domain.milestones import MilestoneKey, MilestoneMoved
from app.domain.permissions import Act
from app.domain.refusals import Reason, Refused
from app.domain.words import PlanState, Status
from app.models import BaselineCorrection
from app.services import settling
from app.services.cases import Case, open_case
from app.services.milestone_views import moved
from app.services.publications import published_on
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
    row, found = case.milestone, []
    if case.plan.state is PlanState.DRAFT:
        found.append(Reason("plan_not_approved", "The plan is a draft. Its due dates become baselines on approval"))
    if case.plan.state is PlanState.CLOSED:
        found.append(Reason("plan_closed", "The plan is closed and read-only"))
    if row.status is Status.CANCELLED:
        found.append(Reason("milestone_ended", "It is cancelled"))
    if row.baseline_date is None:
        found.append(Reason("no_baseline", "It has no baseline yet: its first due date becomes its baseline"))
    elif row.baseline_date == baseline_date:
        found.append(Reason("same_date", "That is already its baseline"))
    if row.moves:
        found.append(Reason("date_moved", "Its due date has been moved since, away from that baseline: it stays"))
    if published_on(uow, case) is not None:
        found.append(Reason("published", "It has been published, and what was published stays as it was"))
    if found:
        raise Refused(
            found,
            title=f"{row.ref}: the baseline was not corrected",
            attempted="baseline_correction",
            item_kind="milestone",
            item_id=row.id,
            plan_id=case.plan.id,
        )
