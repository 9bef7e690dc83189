"""Change requests, step by step: asked with a reason, seen before, decided by somebody else, withdrawn (rule 3)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, NoReturn, Unpack

from sqlalchemy import func, select

from app.db import UnitOfWork, record_refusal
from app.domain import change_requests as rules
from app.domain import permissions
from app.domain.change_requests import (
    ChangeRequestPage,
    ChangeRequestView,
    Decided,
    Effect,
    Named,
    Proposal,
)
from app.domain.ids import new_id
from app.domain.meetings import MeetingView
from app.domain.milestones import MilestoneKey
from app.domain.permissions import Act, Item
from app.domain.refusals import Forbidden, Invalid, NotFound, Reason, Refused, Stale, invalid
from app.domain.success_criteria import as_stored
from app.domain.words import (
    CancellationGround,
    ChangeKind,
    ChangeState,
    EvidencePolicy,
    LeftBecause,
    MeetingState,
    MilestoneEventKind,
    MovedRule,
    PlanState,
)
from app.models import ChangeRequest, Milestone, Plan, ReviewMeeting
from app.models.texts import latest_texts
from app.models.visibility import knowable_in
from app.services import (
    change_proposals,
    change_views,
    foreseeing,
    lapsing,
    plan_settings,
    settling,
    success_criteria,
    successors,
)
from app.services.cases import Case, open_case, read_case
from app.services.change_proposals import Wish, Wished
from app.services.meetings import list_meetings
from app.services.plans import known_plan, live_plan
from app.services.writing import Checks

# --- Asking -----------------------------------------------------------------------------------------------------------


def request_change(
    uow: UnitOfWork,
    *,
    milestone: MilestoneKey,
    reason: str,
    if_match: str | None = None,
    **wished: Unpack[Wished],
) -> ChangeRequestView:
    """Ask for a change of a milestone. It keeps its colour until somebody else decides."""
    case = open_case(uow, milestone, act=Act.REQUEST_CHANGE, if_match=if_match)
    checks = Checks()
    said = checks.required_text("reason", reason, name="the reason for the change")
    asked, texts = _proposed(uow, case, Wish(**wished), checks)
    _refuse_second(uow, case.plan, case, asked)
    request = _ask(uow, case.plan, asked, {"reason": said, **texts}, case=case)
    settling.settle(uow, case)
    return change_views.view_of(uow, request.id, plan=case.plan, effect=True)


def preview_change(
    uow: UnitOfWork,
    *,
    milestone: MilestoneKey,
    if_match: str | None = None,
    **wished: Unpack[Wished],
) -> Effect:
    """What the change would do if it were approved now. Judged like a request, and nothing is written."""
    case = read_case(uow, milestone)
    permissions.require(uow.actor, Act.REQUEST_CHANGE, case.item)
    _must_match(case.version, if_match)
    asked, _ = _proposed(uow, case, Wish(**wished), Checks())
    effect = change_views.effect_of(uow, case, asked)
    named = Named(case.milestone.id, case.milestone.ref, case.milestone.title)
    into = asked.other if asked.ground is CancellationGround.MERGED else None
    return replace(effect, warnings=(*effect.warnings, *change_views.merge_warnings(uow, named, asked.kind, into)))


def request_settings(
    uow: UnitOfWork,
    *,
    slug: str,
    kind: ChangeKind,
    reason: str,
    evidence_policy: EvidencePolicy | None = None,
    tolerance_days: int | None = None,
    overdue_limit_days: int | None = None,
    moved_rule: MovedRule | None = None,
    cycle_days: int | None = None,
    triage_hours: int | None = None,
    if_match: str | None = None,
) -> ChangeRequestView:
    """Ask for another evidence policy or other settings of a plan."""
    plan = _plan_for(uow, slug, Act.REQUEST_CHANGE, if_match)
    checks = Checks()
    said = checks.required_text("reason", reason, name="the reason for the change")
    given = {
        "evidence_policy": evidence_policy, "tolerance_days": tolerance_days, "overdue_limit_days": overdue_limit_days,
        "moved_rule": moved_rule, "cycle_days": cycle_days, "triage_hours": triage_hours,
    }  # fmt: skip
    uow.session.refresh(plan, with_for_update={"key_share": True})  # one of two that ask at once sees the other
    asked = _proposed_settings(plan, kind, given, checks)
    _refuse_second(uow, plan, None, asked)
    request = _ask(uow, plan, asked, {"reason": said})
    return change_views.view_of(uow, request.id, plan=plan, effect=True)


def preview_settings(
    uow: UnitOfWork, *, slug: str, kind: ChangeKind, if_match: str | None = None, **given: Any
) -> Effect:
    """What other settings would do: which colours change, and which achieved milestones would fall back."""
    plan = _plan_for(uow, slug, Act.REQUEST_CHANGE, if_match)
    asked = _proposed_settings(plan, kind, given, Checks())
    return change_views.effect_of_settings(uow, plan, asked.settings or {})


def check_due_date(case: Case, due_date: date) -> None:
    """Raise Invalid when a due date would come before the start."""
    checks = Checks()
    checks.order("due_date", case.milestone.start_date, due_date, "The due date must be on or after the start date")
    checks.done()


def ask_for_due_date(uow: UnitOfWork, case: Case, *, due_date: date, reason: str) -> ChangeRequest:
    """The new due date that a reopening asks for in the same step."""
    asked = Proposal(kind=ChangeKind.DUE_DATE, due_date=due_date)
    return _ask(uow, case.plan, asked, {"reason": reason}, case=case)


# --- Reading ----------------------------------------------------------------------------------------------------------


def list_change_requests(uow: UnitOfWork, *, milestone: MilestoneKey) -> tuple[ChangeRequestView, ...]:
    """Every change asked for on a milestone, newest first."""
    case = read_case(uow, milestone)
    permissions.require(uow.actor, Act.READ_PLAN, case.item)
    return change_views.views_of(uow, case)


def list_plan_requests(
    uow: UnitOfWork,
    *,
    slug: str,
    state: ChangeState | None = None,
    decided: bool = False,
    kind: ChangeKind | None = None,
    effect: bool = False,
) -> ChangeRequestPage:
    """The change requests of a plan that this actor may know of: of one state, or `decided`, which no longer wait.
    Those that wait come oldest first.
    """
    plan = live_plan(uow, slug)
    known = _known_to(uow, plan)
    which: list[Any] = []
    if decided:
        which.append(ChangeRequest.state != ChangeState.REQUESTED)
    if state is not None:
        which.append(ChangeRequest.state == state)
    if kind is not None:
        which.append(ChangeRequest.kind == kind)
    oldest_first = state is ChangeState.REQUESTED
    item, live = Item(plan_id=plan.id), plan.state is PlanState.APPROVED
    return ChangeRequestPage(
        items=change_views.views(uow, known, *which, plan=plan, effect=effect, oldest_first=oldest_first),
        waiting=waiting_requests(uow, plan),
        withheld=change_views.withheld_requests(uow, plan.id, *which),
        may_request=live and permissions.may(uow.actor, Act.REQUEST_CHANGE, item),
        may_decide=live and permissions.may(uow.actor, Act.DECIDE_CHANGE, item),
    )


def waiting_requests(uow: UnitOfWork, plan: Plan) -> int:
    """How many change requests wait for a decision, of those that this actor may know of."""
    statement = select(func.count()).where(
        ChangeRequest.plan_id == plan.id,  # type: ignore[arg-type]
        ChangeRequest.state == ChangeState.REQUESTED,  # type: ignore[arg-type]
        _known_to(uow, plan),
    )
    return uow.session.execute(statement).scalar_one()


def get_change_request(uow: UnitOfWork, *, change_request: str, slug: str | None = None) -> ChangeRequestView:
    """One change request, with what it would do while it waits."""
    request, plan = _found(uow, change_request)
    if slug is not None and plan.slug != slug:
        raise NotFound
    permissions.require(uow.actor, Act.READ_PLAN, Item(plan_id=plan.id))
    view = change_views.view_of(uow, request.id, plan=plan, effect=True)
    if view.effect is None or view.milestone is None:
        return view
    into = request.replaced_by if request.ground is CancellationGround.MERGED else None
    merged = change_views.merge_warnings(uow, view.milestone, request.kind, into)
    return replace(view, effect=replace(view.effect, warnings=(*view.effect.warnings, *merged)))


# --- Deciding ---------------------------------------------------------------------------------------------------------


def decide_change(
    uow: UnitOfWork,
    *,
    change_request: str,
    outcome: str,
    reason: str,
    meeting: str | None = None,
    if_match: str | None = None,
) -> ChangeRequestView:
    """Approve or decline. Never by who asked, nor by the milestone's owner. What is approved is carried out at once."""
    request, plan = _found(uow, change_request)
    case = open_case(uow, MilestoneKey(id=request.milestone_id)) if request.milestone_id else None
    uow.session.refresh(request, with_for_update=True)
    owner = case.milestone.owner_id if case else None
    permissions.require(uow.actor, Act.DECIDE_CHANGE, Item(plan_id=plan.id, owner_id=owner))
    _must_match(str(request.version), if_match)
    said = _check_decision(outcome, reason)
    held = _meeting_of(uow, plan, meeting, request.requested_at)
    texts = latest_texts(uow.session, [request.id])
    asked = change_views.proposal_of(request, texts)
    _refuse_decision(uow, plan, case, request, asked, outcome)
    request.state, request.meeting_id = ChangeState(outcome), held.id if held else None
    request.decided_by, request.decided_at = uow.actor.id, uow.now
    if case is not None:
        request.due_was = case.milestone.due_date  # another request may have moved it since this one was made
    request.version += 1
    uow.session.flush()
    if request.state is ChangeState.APPROVED:
        _carry_out(uow, plan, case, asked)
    facts = {"kind": request.kind, "outcome": outcome, **({"meeting": held.on_day} if held else {})}
    uow.record("change_request_decided", **_about(plan, case, request.id), facts=facts, texts={"decision_reason": said})
    if case is not None:
        settling.settle(uow, case, LeftBecause.DATE_MOVED)
    return change_views.view_of(uow, request.id, plan=plan)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is decided on one of several requests."""

    change_request: str
    outcome: str
    reason: str


def decide_together(
    uow: UnitOfWork, *, slug: str, meeting: str, verdicts: Sequence[Verdict], if_match: str | None = None
) -> tuple[Decided, ...]:
    """Decide several requests in one step, in a review meeting. Each is judged by itself: what one rule refuses does
    not hold up the others, and each refusal is put on the record.
    """
    plan = _plan_for(uow, slug, Act.DECIDE_CHANGE, if_match)
    if _meeting_of(uow, plan, meeting) is None:
        raise invalid("meeting", "required", "Choose the review meeting in which this was decided")
    if not verdicts:
        raise invalid("change_requests", "required", "Choose at least one change request")
    for verdict in verdicts:
        _check_decision(verdict.outcome, verdict.reason)
    _lock_in_order(uow, plan, [verdict.change_request for verdict in verdicts])
    return tuple(_decide_one(uow, plan, meeting, verdict) for verdict in verdicts)


def withdraw_change(
    uow: UnitOfWork, *, change_request: str, reason: str | None = None, if_match: str | None = None
) -> ChangeRequestView:
    """Take back what one asked for, while it waits. Only who asked."""
    request, plan = _found(uow, change_request)
    case = open_case(uow, MilestoneKey(id=request.milestone_id)) if request.milestone_id else None
    uow.session.refresh(request, with_for_update=True)
    if request.requested_by != uow.actor.id:
        raise Forbidden("Only who asked for a change can withdraw it", needs="who asked")
    permissions.require(uow.actor, Act.READ_PLAN, Item(plan_id=plan.id))
    _must_match(str(request.version), if_match)
    checks = Checks()
    said = checks.optional_text("reason", reason)
    checks.done()
    found = _unmet_state(request)
    if plan.state is PlanState.CLOSED:
        found += rules.unmet_plan(plan.state)
    if found:
        _refuse(plan, case, found, "change_withdrawal", "Nothing was withdrawn")
    request.state, request.decided_at = ChangeState.WITHDRAWN, uow.now
    request.version += 1
    uow.session.flush()
    about = _about(plan, case, request.id)
    uow.record("change_request_withdrawn", **about, facts={"kind": request.kind}, texts={"decision_reason": said})
    if case is not None:
        settling.settle(uow, case)
    return change_views.view_of(uow, request.id, plan=plan)


# --- How it is done ---------------------------------------------------------------------------------------------------


def _proposed(uow: UnitOfWork, case: Case, wish: Wish, checks: Checks) -> tuple[Proposal, dict[str, str | None]]:
    """Where no change could be asked for at all, that is said first; then what is wrong with what was sent."""
    if wish.kind not in rules.OF_MILESTONES:
        raise invalid("kind", "not_here", f"This is asked of the plan: /plans/{case.plan.slug}/change-requests")
    asked, texts = change_proposals.proposal_about(uow, case, wish, checks)
    always = change_proposals.unmet_state(case, asked.kind)
    found = always if checks.errors else change_proposals.unmet(uow, case, asked)
    found += change_proposals.unmet_request(case, asked)
    if found:
        _refuse(case.plan, case, found, "change_request", f"{case.milestone.ref}: the change was not asked for")
    checks.done()
    return asked, texts


def _plan_for(uow: UnitOfWork, slug: str, act: Act, if_match: str | None) -> Plan:
    plan = live_plan(uow, slug)
    permissions.require(uow.actor, act, Item(plan_id=plan.id))
    _must_match(str(plan.version), if_match)
    return plan


def _must_match(version: str, if_match: str | None) -> None:
    if if_match is not None and if_match != version:
        raise Stale(current_version=version)


def _proposed_settings(plan: Plan, kind: ChangeKind, given: dict[str, Any], checks: Checks) -> Proposal:
    if kind not in rules.OF_PLANS:
        raise invalid("kind", "not_here", "This is asked of a milestone: /milestones/{id}/change-requests")
    closed = rules.unmet_plan(plan.state)
    if closed:
        _refuse(plan, None, closed, "change_request", "The change was not asked for")
    becomes = change_proposals.settings_wished(plan, kind, given, checks)
    checks.done()
    return Proposal(kind=kind, settings=becomes)


def _refuse_second(uow: UnitOfWork, plan: Plan, case: Case | None, asked: Proposal) -> None:
    """A form that was sent twice asks once. Judged under the lock of what it is about."""
    about = ChangeRequest.milestone_id == case.milestone.id if case else ChangeRequest.milestone_id.is_(None)  # type: ignore[union-attr]
    statement = select(ChangeRequest).where(
        ChangeRequest.plan_id == plan.id,
        about,
        ChangeRequest.kind == asked.kind,
        ChangeRequest.requested_by == uow.actor.id,
        ChangeRequest.state == ChangeState.REQUESTED,
    )
    waiting = uow.session.execute(statement.order_by(ChangeRequest.id)).scalars().all()  # type: ignore[arg-type]
    texts = latest_texts(uow.session, [one.id for one in waiting])
    wanted = replace(asked, settings=asked.settings or {})
    first = next((one for one in waiting if change_views.proposal_of(one, texts) == wanted), None)
    if first is not None:
        name = case.milestone.ref if case else plan.title
        reasons = [rules.already_asked(first.requested_at)]
        _refuse(plan, case, reasons, "change_request", f"{name}: the change was not asked for a second time")


def _ask(
    uow: UnitOfWork, plan: Plan, asked: Proposal, texts: dict[str, str | None], *, case: Case | None = None
) -> ChangeRequest:
    row = case.milestone if case else None
    uow.session.refresh(plan, with_for_update={"key_share": True})
    if plan.state is PlanState.CLOSED:  # in the meantime: nothing would ever be decided here
        _refuse(plan, case, rules.unmet_plan(plan.state), "change_request", "The change was not asked for")
    request = ChangeRequest(
        id=new_id(),
        plan_id=plan.id,
        milestone_id=row.id if row else None,
        kind=asked.kind,
        requested_by=uow.actor.id,
        requested_at=uow.now,
        due_date=asked.due_date,
        due_was=row.due_date if row else None,
        ground=asked.ground,
        replaced_by=asked.other,
        settings=_kept(uow, plan, asked),
        agreed_on=asked.agreed_on,
        owner_then=row.owner_id if row else None,
        state=ChangeState.REQUESTED,
        version=1,
    )
    uow.session.add(request)
    uow.session.flush()
    uow.record("change_requested", **_about(plan, case, request.id), facts=_facts(uow, plan, row, asked), texts=texts)
    return request


def _kept(uow: UnitOfWork, plan: Plan, asked: Proposal) -> str | None:
    """What of a proposal is neither typed text nor a column of its own."""
    kept: dict[str, Any] = {}
    if asked.parts:
        kept["parts"] = [
            {"due_date": part.due_date.isoformat() if part.due_date else None, "owner": part.owner}
            for part in asked.parts
        ]
    if asked.criteria is not None:
        kept["criteria"] = as_stored(asked.criteria, success_criteria.organisation_names(uow, asked.criteria))
    if asked.settings:
        kept["settings"] = {name: [getattr(plan, name), value] for name, value in asked.settings.items()}
    return json.dumps(kept) if kept else None


def _facts(uow: UnitOfWork, plan: Plan, row: Milestone | None, asked: Proposal) -> dict[str, Any]:
    facts: dict[str, Any] = {"kind": asked.kind}
    if asked.due_date is not None and row is not None:
        facts["due_date"] = [row.due_date, asked.due_date]
    if asked.ground is not None:
        facts["ground"] = asked.ground
    if asked.other is not None and not uow.session.get_one(Milestone, asked.other).restricted:
        facts["other"] = asked.other  # not one that a reader of the trail may not know of
    if asked.parts:
        facts["due_dates"] = [part.due_date for part in asked.parts]
    if asked.agreed_on is not None:
        facts["agreed_on"] = asked.agreed_on
    for name, value in (asked.settings or {}).items():
        facts[name] = [getattr(plan, name), value]
    return facts


def _found(uow: UnitOfWork, change_request: str) -> tuple[ChangeRequest, Plan]:
    """A change request of a plan, or of a milestone, that this actor may know of. Else NotFound."""
    request = uow.session.get(ChangeRequest, change_request)
    plan = uow.session.get(Plan, request.plan_id) if request else None
    if request is None or plan is None:
        raise NotFound
    known_plan(uow, plan.slug)
    if request.milestone_id is not None:
        known = select(Milestone.id).where(Milestone.id == request.milestone_id, knowable_in(uow.actor, plan.id))
        if uow.session.execute(known).first() is None:
            raise NotFound
    return request, plan


def _known_to(uow: UnitOfWork, plan: Plan) -> Any:
    """Requests of the plan itself, and of milestones that this actor may know of."""
    known = select(Milestone.id).where(knowable_in(uow.actor, plan.id))
    return ChangeRequest.milestone_id.is_(None) | ChangeRequest.milestone_id.in_(known)  # type: ignore[union-attr]


def _check_decision(outcome: str, reason: str) -> str:
    checks = Checks()
    if outcome not in (ChangeState.APPROVED, ChangeState.DECLINED):
        checks.add("outcome", "not_a_choice", "Choose approved or declined")
    said = checks.required_text("reason", reason, name="the reason for the decision")
    checks.done()
    return said


def meetings_to_choose(uow: UnitOfWork, *, slug: str, asked_on: date | None) -> tuple[MeetingView, ...]:
    """The review meetings in which something that was asked on a day can have been decided, the last first."""
    listed = list_meetings(uow, slug=slug)
    begun = (one for one in listed if one.on <= uow.today and one.state is not MeetingState.CANCELLED)
    return tuple(one for one in begun if asked_on is None or one.on >= asked_on)[::-1]


def _meeting_of(
    uow: UnitOfWork, plan: Plan, meeting: str | None, asked_at: datetime | None = None
) -> ReviewMeeting | None:
    """The review meeting in which something was decided: one of this plan's that has begun, once it had been asked."""
    if not meeting:
        return None
    found = uow.session.get(ReviewMeeting, meeting)
    if found is None or found.plan_id != plan.id or found.state is MeetingState.CANCELLED:
        raise invalid("meeting", "unknown_meeting", "Choose one of this plan’s review meetings")
    if found.on_day > uow.today:
        raise invalid("meeting", "meeting_to_come", "That meeting is still to come: nothing has been decided in it")
    too_early = rules.meeting_before(asked_at, found.on_day) if asked_at else ""
    if too_early:
        raise invalid("meeting", "meeting_before_request", too_early)
    return found


def _unmet_state(request: ChangeRequest) -> list[Reason]:
    if request.state is ChangeState.REQUESTED:
        return []
    return [Reason("already_decided", f"It was already {request.state}")]


def _refuse_decision(
    uow: UnitOfWork, plan: Plan, case: Case | None, request: ChangeRequest, asked: Proposal, outcome: str
) -> None:
    owner = case.milestone.owner_id if case else None
    found = _unmet_state(request)
    found += rules.unmet_decider(
        actor=uow.actor.id, requested_by=request.requested_by, owner=owner, owner_then=request.owner_then
    )
    if outcome == ChangeState.APPROVED and not _unmet_state(request):
        if case is None:
            found += change_proposals.unmet_settings(plan, asked.settings or {})
        else:
            found += change_proposals.unmet(uow, case, asked) + change_proposals.unmet_approval(uow, case, asked)
            found += change_proposals.unmet_request(case, asked)
    elif plan.state is PlanState.CLOSED:
        found += rules.unmet_plan(plan.state)
    if found:
        title = f"{case.milestone.ref if case else plan.title}: nothing was decided"
        _refuse(plan, case, found, "change_decision", title)


def _refuse(plan: Plan, case: Case | None, reasons: list[Reason], attempted: str, title: str) -> NoReturn:
    raise Refused(
        reasons,
        title=title,
        attempted=attempted,
        item_kind="milestone" if case else "plan",
        item_id=case.milestone.id if case else plan.id,
        plan_id=plan.id,
    )


def _about(plan: Plan, case: Case | None, request_id: str) -> dict[str, Any]:
    about = case.about if case else {"plan_id": plan.id, "item_ref": plan.slug}
    return {**about, "item_kind": "change_request", "item_id": request_id}


def _carry_out(uow: UnitOfWork, plan: Plan, case: Case | None, asked: Proposal) -> None:
    if case is None:
        plan_settings.put_in_force(uow, plan, asked.settings or {})
        return
    row = case.milestone
    was = {"due_date": row.due_date, "status": row.status}
    for part in asked.parts:
        successors.add_successor(uow, case, part, asked.kind)
    foreseeing.carry_out(row, asked, uow.today)
    uow.session.flush()
    if asked.kind is ChangeKind.DUE_DATE:
        facts = {"due_date": [was["due_date"], row.due_date], "moves": row.moves}
        uow.record("due_date_moved", **case.about, facts=facts)
        return
    if asked.kind is ChangeKind.CRITERIA:
        agreed = {} if asked.criteria is None else success_criteria.agree(uow, row, asked.criteria)
        uow.record("criteria_changed", **case.about, facts=agreed, texts={"success_criterion": row.success_criterion})
    else:
        settling.note_event(uow, case, MilestoneEventKind.CANCELLED, day=uow.today)
        facts = {"status": [was["status"], row.status], "because": asked.ground or asked.kind}
        uow.record("milestone_cancelled", **case.about, facts=facts)
        lapsing.lapse_of_milestone(uow, plan, row)


def _lock_in_order(uow: UnitOfWork, plan: Plan, requests: list[str]) -> None:
    """Every milestone that a decision may touch, by id, before the first is judged: the order everywhere."""
    statement = select(ChangeRequest.milestone_id).where(  # type: ignore[call-overload]
        ChangeRequest.id.in_(requests),
        ChangeRequest.plan_id == plan.id,  # type: ignore[attr-defined]
    )
    named = list(uow.session.execute(statement).scalars())
    touched = Milestone.plan_id == plan.id if None in named else Milestone.id.in_(named)  # type: ignore[attr-defined]
    locked = select(Milestone.id).where(touched).order_by(Milestone.id)  # type: ignore[arg-type]
    uow.session.execute(locked.with_for_update(key_share=True)).all()


def _decide_one(uow: UnitOfWork, plan: Plan, meeting: str, verdict: Verdict) -> Decided:
    """One of several: what is refused is rolled back by itself, and put on the record."""
    noted = len(uow.pending)
    try:
        with uow.session.begin_nested():
            view = _decide_in(uow, plan, meeting, verdict)
    except (Refused, NotFound, Forbidden, Invalid) as error:
        del uow.pending[noted:]
        if isinstance(error, Refused):
            record_refusal(uow, error)
        return Decided(verdict.change_request, *_what_it_was(uow, plan, verdict.change_request), _reasons(error))
    ref = view.milestone.ref if view.milestone else plan.title
    return Decided(view.id, ref, view.state)


def _decide_in(uow: UnitOfWork, plan: Plan, meeting: str, verdict: Verdict) -> ChangeRequestView:
    request, its_plan = _found(uow, verdict.change_request)
    if its_plan.id != plan.id:
        raise NotFound
    return decide_change(
        uow, change_request=request.id, outcome=verdict.outcome, reason=verdict.reason, meeting=meeting
    )


def _reasons(error: Refused | NotFound | Forbidden | Invalid) -> tuple[Reason, ...]:
    if isinstance(error, Refused):
        return error.reasons
    if isinstance(error, NotFound):
        return (Reason("unknown_change_request", "There is no such change request in this plan"),)
    if isinstance(error, Invalid):
        return tuple(Reason(one.code, one.message) for one in error.errors)
    return (Reason("not_allowed", error.message.rstrip(".")),)


def _what_it_was(uow: UnitOfWork, plan: Plan, change_request: str) -> tuple[str, str]:
    """A refused one by name and state, where this actor may know of it."""
    try:
        request, its_plan = _found(uow, change_request)
    except NotFound:
        return "", ""
    if its_plan.id != plan.id:
        return "", ""
    milestone = uow.session.get(Milestone, request.milestone_id) if request.milestone_id else None
    return milestone.ref if milestone else plan.title, str(request.state)
