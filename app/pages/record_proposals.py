"""Redactions, legal holds and disposals of a plan: the list, proposing and deciding."""

from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import Response

from app.domain.plans import PlanView
from app.domain.record_proposals import RecordKind, RecordProposalView, RecordState, Retention
from app.doors.routing import NounRouter
from app.pages.deps import PageRunner, Reading, Writing
from app.pages.forms import Form, Submitted, filled, see_other, settle
from app.pages.frames import frame_of
from app.pages.templating import render
from app.services import record_proposals as services
from app.services.plans import get_plan

router = NounRouter()

KINDS = {
    RecordKind.REDACTION: "Redaction",
    RecordKind.HOLD: "Legal hold",
    RecordKind.RELEASE: "Release of a legal hold",
    RecordKind.DISPOSAL: "Disposal",
}
STATES = {
    RecordState.DUE: "May be disposed of",
    RecordState.PROPOSED: "Waits for a decision",
    RecordState.APPROVED: "Approved",
    RecordState.DECLINED: "Declined",
}
WHAT_IT_DOES = {
    RecordKind.REDACTION: "The words are blanked for good, everywhere. That there was a text, who wrote it and when"
    " stay on the record, and the audit trail still proves itself.",
    RecordKind.HOLD: "While it is under legal hold nobody can dispose of it.",
    RecordKind.RELEASE: "Its retention class decides again how long it is kept.",
    RecordKind.DISPOSAL: "Its file is destroyed for good; its SHA-256 and that it was here stay. It counts no more: a"
    " milestone that was achieved on it alone falls back.",
}
RETENTIONS = {
    Retention.TRANSITORY: "Draft or duplicate, 30 days",
    Retention.WORKING: "Working paper, 3 years",
    Retention.PLAN_RECORD: "Record of the plan, 7 years",
    Retention.INQUIRY: "Inquiry or serious case, 25 years",
    Retention.PERMANENT: "For good",
}


@router.get("/plans/{plan}/records")
def list_records(run: Reading, plan: str, request: Request) -> Response:
    """What was proposed and decided, those that wait first."""
    view, found = run.read(lambda uow: (get_plan(uow, slug=plan), services.waiting_first(uow, slug=plan)))
    return render(
        request,
        "record_proposals/list.html",
        frame=frame_of(run, view, active="audit"),
        plan=view,
        proposals=found,
        waiting=sum(one.state in (RecordState.DUE, RecordState.PROPOSED) for one in found),
        kinds=KINDS,
        states=STATES,
    )


@router.get("/plans/{plan}/records/new")
def new_record(
    run: Reading,
    plan: str,
    request: Request,
    kind: Annotated[RecordKind | None, Query()] = None,
    text: Annotated[str, Query(max_length=100)] = "",
    evidence: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """The form that proposes a redaction, a legal hold, its release or a disposal."""
    if kind is None:
        run.read(services.check_propose, slug=plan)
        return see_other(f"/plans/{plan}/records")
    return _proposal_page(run, request, plan, filled({"kind": str(kind), "text": text, "evidence": evidence}))


@router.post("/plans/{plan}/records")
def propose(run: Writing, plan: str, request: Request, form: Submitted) -> Response:
    """Propose it, with a reason."""

    def change() -> RecordProposalView:
        run.read(services.check_propose, slug=plan)
        reason = form.required("reason", "Enter why it is proposed")
        kind = form.choice("kind", RecordKind)
        form.check()
        return run.write(
            services.propose, slug=plan, kind=kind or RecordKind.REDACTION, reason=reason,
            text=form.optional("text"), evidence=form.optional("evidence"),
        )  # fmt: skip

    return settle(
        form,
        change,
        done=lambda made: see_other(f"/plans/{plan}/records#{made.id}"),
        again=lambda form, status: _proposal_page(run, request, plan, form, status=status),
    )


def _proposal_page(run: PageRunner, request: Request, plan: str, form: Form, *, status: int = 200) -> Response:
    kind = form.choice("kind", RecordKind) or RecordKind.REDACTION

    def read(uow: Any) -> tuple[PlanView, tuple[str, str | None]]:
        about = services.about(
            uow, slug=plan, kind=kind, text=form.optional("text"), evidence=form.optional("evidence")
        )  # fmt: skip
        return get_plan(uow, slug=plan), about

    view, (item, wording) = run.read(read)
    return _page(run, request, "record_proposals/new.html", view, form, status=status, kind=kind, item=item,
                 wording=wording, heading=f"Propose: {KINDS[kind].lower()}", button="Propose it",
                 action=f"/plans/{plan}/records")  # fmt: skip


@router.get("/plans/{plan}/records/{proposal}/decision")
def ask_decision(run: Reading, plan: str, proposal: str, request: Request) -> Response:
    """The form that decides on a proposal."""
    return _decision_page(run, request, plan, proposal, Form())


@router.post("/plans/{plan}/records/{proposal}/decision")
def decide(run: Writing, plan: str, proposal: str, request: Request, form: Submitted) -> Response:
    """Approve or decline a proposal. What is approved is done at once."""

    def change() -> RecordProposalView:
        run.read(services.get_proposal, proposal=proposal)
        outcome = form.required("outcome", "Choose whether to approve or to decline it")
        reason = form.required("reason", "Enter the reason for your decision")
        form.check()
        return run.write(
            services.decide, proposal=proposal, approved=services.outcome_of(outcome), reason=reason,
            storage=run.storage,
        )  # fmt: skip

    return settle(
        form,
        change,
        done=lambda made: see_other(f"/plans/{plan}/records#{made.id}"),
        again=lambda form, status: _decision_page(run, request, plan, proposal, form, status=status),
    )


def _decision_page(
    run: PageRunner, request: Request, plan: str, proposal: str, form: Form, *, status: int = 200
) -> Response:
    view, one = run.read(lambda uow: (get_plan(uow, slug=plan), services.get_proposal(uow, proposal=proposal)))
    return _page(run, request, "record_proposals/decision.html", view, form, status=status, kind=one.kind,
                 item=one.item, wording=one.wording, one=one, heading=f"Decide: {KINDS[one.kind].lower()}",
                 button="Record the decision", action=f"/plans/{plan}/records/{proposal}/decision")  # fmt: skip


def _page(
    run: PageRunner, request: Request, template: str, plan: PlanView, form: Form, *, status: int, kind: RecordKind,
    **context: Any,
) -> Response:  # fmt: skip
    return render(
        request, template,
        frame=frame_of(run, plan, active="audit", is_page=False),
        status=status, form=form, caption=plan.title, back=f"/plans/{plan.slug}/records", version="", refused_title="",
        clashes=[], does=WHAT_IT_DOES[kind], **context,
    )  # fmt: skip
