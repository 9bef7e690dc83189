"""What happens, step by step, when a milestone is added, edited, started, completed, achieved, returned or reopened."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NoReturn

from sqlalchemy import select

from app.db import UnitOfWork
from app.domain import evidence as evidence_rules
from app.domain import milestones as rules
from app.domain.evidence import Upload
from app.domain.milestones import MilestoneKey, MilestoneMoved
from app.domain.permissions import Act
from app.domain.refusals import Reason, Refused
from app.domain.words import LeftBecause, Marking, MilestoneEventKind, PersonalData, Status
from app.models import Evidence, EvidenceLink
from app.services import change_requests, settling
from app.services.cases import Case, open_case
from app.services.evidence_intake import Offer, take_in
from app.services.milestone_facts import add_milestone, edit_milestone
from app.services.milestone_lists import list_milestones, milestone_summaries
from app.services.milestone_views import get_milestone, moved
from app.services.writing import Checks

KIND = MilestoneEventKind


def start(uow: UnitOfWork, *, milestone: MilestoneKey, if_match: str | None = None) -> MilestoneMoved:
    """Put a milestone in progress. Refused unless it has not started and its plan is approved."""
    case = open_case(uow, milestone, act=Act.UPDATE, if_match=if_match)
    _require_transition(case, KIND.STARTED, attempted="milestone_start")
    case.milestone.in_progress_since = uow.today
    _move(uow, case, KIND.STARTED, "milestone_started")
    return _settled(uow, case)


def report_completed(
    uow: UnitOfWork,
    *,
    milestone: MilestoneKey,
    completed_date: date,
    narrative: str,
    upload: Upload | None = None,
    title: str | None = None,
    personal_data: Sequence[PersonalData] = (),
    if_match: str | None = None,
) -> MilestoneMoved:
    """Record that the owner reports the work done, with the evidence in the same step when a file came with it.

    `completed_date` is the day the work was finished and never in the future; the clocks of the evidence rules
    start today, the day it is reported. Any declaration ends.
    """
    case = open_case(uow, milestone, act=Act.UPDATE, if_match=if_match)
    said = _check_completion(uow, completed_date, narrative)
    _require_transition(case, KIND.COMPLETED, attempted="milestone_completion")
    row = case.milestone
    row.completed_on, row.reported_on, row.reported_by = completed_date, uow.today, uow.actor.id or None
    row.evidence_lost_on = None
    settling.end_declaration(row)
    _move(
        uow,
        case,
        KIND.COMPLETED,
        "milestone_reported_completed",
        day=completed_date,
        texts={"narrative": said},
        facts={"completed_date": [None, completed_date]},
    )
    if upload is not None:
        take_in(
            uow,
            case,
            Offer(title=title or upload.file_name, upload=upload, personal_data_declared=tuple(personal_data)),
        )
        settling.settle(uow, case)
        uow.session.refresh(case.milestone, ["evidence_seq"])  # the gate's trigger has counted
        return moved(uow, case)
    return _settled(uow, case)


def return_to_progress(
    uow: UnitOfWork, *, milestone: MilestoneKey, reason: str, if_match: str | None = None
) -> MilestoneMoved:
    """Take a completion back: the work is not finished after all, or was reported by mistake."""
    case = open_case(uow, milestone, act=Act.RETURN, if_match=if_match)
    said = _require_text("reason", reason, name="why it goes back to in progress")
    _require_transition(case, KIND.RETURNED, attempted="milestone_return")
    row = case.milestone
    facts = {"completed_date": [row.completed_on, None]}
    row.completed_on = row.reported_on = row.reported_by = row.lapsed_on = row.evidence_lost_on = None
    row.in_progress_since = row.open_again_on = uow.today
    _move(uow, case, KIND.RETURNED, "milestone_returned", texts={"reason": said}, facts=facts)
    return _settled(uow, case)


def mark_achieved(
    uow: UnitOfWork, *, milestone: MilestoneKey, note: str | None = None, if_match: str | None = None
) -> MilestoneMoved:
    """Pass the evidence gate. Refused with everything that is missing, all at once, when the policy is not met."""
    case = open_case(uow, milestone, act=Act.ACHIEVE, if_match=if_match)
    checks = Checks()
    said = checks.optional_text("note", note)
    checks.done()
    unmet = unmet_for(case, uow.today)
    if unmet:
        _refuse(
            case, unmet, attempted="milestone_achievement", title=f"{case.milestone.ref} was not marked as achieved"
        )
    row = case.milestone
    row.achieved_on, row.achieved_by, row.lapsed_on = uow.today, uow.actor.id or None, None
    row.reopening_pending = False
    row.not_independent = _nobody_else_looked(uow, case)
    _move(
        uow,
        case,
        KIND.ACHIEVED,
        "milestone_achieved",
        day=uow.today,
        texts={"note": said},
        facts={"achieved_date": [None, uow.today], "not_independently_reviewed": row.not_independent},
    )
    return _settled(uow, case)


def remove(uow: UnitOfWork, *, milestone: MilestoneKey, reason: str, if_match: str | None = None) -> MilestoneMoved:
    """Take a milestone that was added by mistake out of a draft. It is cancelled, not deleted: its reference is never
    given out again, its page says why it went, and it gets no baseline when the plan is approved.
    """
    case = open_case(uow, milestone, act=Act.EDIT_PLAN, if_match=if_match)
    said = _require_text("reason", reason, name="why it is removed")
    unmet = rules.unmet_removal(case.plan.state, case.milestone.status)
    if unmet:
        raise Refused(
            unmet,
            title=f"{case.milestone.ref} was not removed",
            attempted="milestone_removal",
            item_kind="milestone",
            item_id=case.milestone.id,
            plan_id=case.plan.id,
        )
    _move(uow, case, KIND.CANCELLED, "milestone_removed", day=uow.today, texts={"reason": said})
    return _settled(uow, case)


def reopen(
    uow: UnitOfWork, *, milestone: MilestoneKey, reason: str, due_date: date, if_match: str | None = None
) -> MilestoneMoved:
    """Open an achieved milestone again and ask for its new due date. Red until that is approved.

    Evidence from before counts again only when it is accepted afresh.
    """
    case = open_case(uow, milestone, act=Act.REOPEN, if_match=if_match)
    said = _require_text("reason", reason, name="why it is reopened")
    change_requests.check_due_date(case, due_date)
    _require_transition(case, KIND.REOPENED, attempted="milestone_reopening")
    row = case.milestone
    facts = {"achieved_date": [row.achieved_on, None], "completed_date": [row.completed_on, None]}
    row.status = Status.IN_PROGRESS
    row.achieved_on = row.achieved_by = row.completed_on = row.reported_on = row.reported_by = None
    row.lapsed_on = row.evidence_lost_on = row.policy_met_on = row.policy_met_until = None
    row.not_independent = False
    row.reopened_at, row.reopening_pending = uow.now, True
    row.reopened_times += 1
    row.in_progress_since = row.open_again_on = uow.today
    _move(uow, case, KIND.REOPENED, "milestone_reopened", texts={"reason": said}, facts=facts)
    change_requests.ask_for_due_date(uow, case, due_date=due_date, reason=said)
    return _settled(uow, case)


def lift_declaration(
    uow: UnitOfWork, *, milestone: MilestoneKey, reason: str, if_match: str | None = None
) -> MilestoneMoved:
    """End a declaration, with a reason: whoever declared it, or a senior officer."""
    case = open_case(uow, milestone, act=Act.LIFT_DECLARATION, if_match=if_match)
    said = _require_text("reason", reason, name="why the declaration is lifted")
    row, unmet = case.milestone, rules.unmet_plan_state(case.plan.state)
    if row.declared_rag is None:
        unmet.append(Reason("not_declared", "Nothing is declared, so there is nothing to lift"))
    if unmet:
        title = f"{row.ref}: no declaration was lifted"
        _refuse(case, unmet, attempted="declaration_lifting", title=title)
    uow.record(
        "declaration_lifted", **case.about, facts={"declared_rag": [row.declared_rag, None]}, texts={"reason": said}
    )
    settling.end_declaration(row)
    settling.settle(uow, case, LeftBecause.DECLARATION_LIFTED)
    return moved(uow, case)


def unmet_for(case: Case, today: date) -> list[Reason]:
    """What stands between this milestone and achieved today."""
    return rules.unmet_criteria(
        status=case.milestone.status,
        plan_state=case.plan.state,
        policy=case.plan.evidence_policy,
        evidence=case.evidence,
        reopened_at=case.milestone.reopened_at,
        on=today,
    )


def _check_completion(uow: UnitOfWork, completed_date: date, narrative: str) -> str:
    checks = Checks()
    said = checks.required_text("narrative", narrative, name="what was done")
    checks.not_future("completed_date", completed_date, uow.today, "The completed date must be today or in the past")
    checks.done()
    return said


def _require_text(field: str, value: str, *, name: str) -> str:
    checks = Checks()
    said = checks.required_text(field, value, name=name)
    checks.done()
    return said


def _require_transition(case: Case, kind: MilestoneEventKind, *, attempted: str) -> None:
    unmet = rules.unmet_transition(kind, status=case.milestone.status, plan_state=case.plan.state)
    if unmet:
        verb = attempted.removeprefix("milestone_")
        _refuse(case, unmet, attempted=attempted, title=f"{case.milestone.ref}: the {verb} was not recorded")


def _refuse(case: Case, reasons: list[Reason], *, attempted: str, title: str) -> NoReturn:
    raise Refused(
        reasons,
        title=title,
        attempted=attempted,
        item_kind="milestone",
        item_id=case.milestone.id,
        plan_id=case.plan.id,
    )


def _move(
    uow: UnitOfWork,
    case: Case,
    kind: MilestoneEventKind,
    event: str,
    *,
    day: date | None = None,
    texts: dict[str, str | None] | None = None,
    facts: dict[str, Any] | None = None,
) -> None:
    """The state change itself: the status, its row, and the audit event with what was said."""
    before = case.milestone.status
    _, after = rules.TRANSITIONS[kind]
    case.milestone.status = after  # written with the moments that follow from it, when it is settled
    event_id = settling.note_event(uow, case, kind, day=day)
    about = {**case.about, "item_id": case.milestone.id}
    uow.record(event, **about, facts={"status": [before, after], **(facts or {})}, texts=texts, texts_of=event_id)


def _nobody_else_looked(uow: UnitOfWork, case: Case) -> bool:
    """Whether one person reported completion, gave the only evidence that counts and now marks it achieved."""
    me = uow.actor.id
    if case.milestone.reported_by != me:
        return False
    judged = evidence_rules.verdicts(
        case.evidence, policy=case.settings.policy, on=uow.today, reopened_at=case.milestone.reopened_at
    )
    counting = [item for item, why in zip(case.evidence, judged, strict=True) if why is None]
    providers = uow.session.execute(
        select(Evidence.provided_by, EvidenceLink.outcome)
        .join(EvidenceLink, EvidenceLink.evidence_id == Evidence.id)
        .where(
            EvidenceLink.milestone_id == case.milestone.id,
            Evidence.id.in_([item.evidence_id for item in counting]),
        )
    ).all()
    return all(provider == me and outcome is None for provider, outcome in providers)


def _settled(uow: UnitOfWork, case: Case) -> MilestoneMoved:
    settling.settle(uow, case)
    return moved(uow, case)


__all__ = [
    "Marking",
    "MilestoneKey",
    "add_milestone",
    "edit_milestone",
    "get_milestone",
    "lift_declaration",
    "list_milestones",
    "mark_achieved",
    "milestone_summaries",
    "reopen",
    "report_completed",
    "return_to_progress",
    "start",
]
