"""Change requests: asking to move a due date or to cancel, and deciding on it."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.domain.milestones import ChangeRequestView, MilestoneKey
from app.domain.refusals import NotFound
from app.domain.words import CancellationGround, ChangeKind
from app.pages.deps import PageRunner, Reading, Writing
from app.pages.forms import Form, Submitted, see_other, settle
from app.pages.milestones import address_of, read_milestone, require_offer, show_form
from app.pages.wording import GROUND_WORDS
from app.services import change_requests as services

router = APIRouter()

GROUNDS = [(str(ground), words) for ground, words in GROUND_WORDS.items()]
_HEADINGS = {
    ChangeKind.DUE_DATE: "Ask to move the due date",
    ChangeKind.CANCELLATION: "Ask to cancel this milestone",
}


@router.get("/plans/{plan}/milestones/{ref}/change-requests/new")
def new_change_request(run: Reading, plan: str, ref: str, request: Request, kind: str = "due_date") -> Response:
    """The form that asks for a change."""
    return _page(run, request, plan, ref, Form({"kind": [_kind(kind)]}))


@router.post("/plans/{plan}/milestones/{ref}/change-requests")
def request_change(run: Writing, plan: str, ref: str, request: Request, form: Submitted) -> Response:
    """Ask for a change. The milestone keeps its colour until somebody else decides."""
    kind = _kind(form.value("kind"))

    def change() -> ChangeRequestView:
        due_date = form.day("due_date", "The new due date") if kind is ChangeKind.DUE_DATE else None
        if kind is ChangeKind.DUE_DATE and due_date is None and form.error("due_date") is None:
            form.add("due_date", "required", "Enter the new due date")
        ground = form.choice("ground", CancellationGround) if kind is ChangeKind.CANCELLATION else None
        if kind is ChangeKind.CANCELLATION and ground is None and form.error("ground") is None:
            form.add("ground", "required", "Choose why it is to be cancelled")
        reason = form.required("reason", "Enter the reason for the change")
        form.check()
        key = MilestoneKey(plan=plan, ref=ref)
        return run.write(
            services.request_change, milestone=key, kind=kind, reason=reason, due_date=due_date, ground=ground
        )

    return settle(
        form,
        change,
        done=lambda asked: see_other(f"{address_of(plan, ref)}#{asked.id}"),
        again=lambda form, status: _page(run, request, plan, ref, form, status=status),
    )


def _kind(value: str) -> ChangeKind:
    return ChangeKind.CANCELLATION if value == ChangeKind.CANCELLATION else ChangeKind.DUE_DATE


def _page(run: PageRunner, request: Request, plan: str, ref: str, form: Form, *, status: int = 200) -> Response:
    view, plan_view = run.read(read_milestone, plan=plan, ref=ref)
    kind = _kind(form.value("kind"))
    if not form.failed:
        require_offer(view.may.request_change, "ask for a change")
    return show_form(
        run, request, "change_requests/new.html", view, plan_view, form,
        path="change-requests", heading=_HEADINGS[kind], button="Send the request", status=status,
        kind=kind, grounds=GROUNDS,
    )  # fmt: skip


@router.get("/plans/{plan}/milestones/{ref}/change-requests/{change_request}/decision")
def ask_decision(run: Reading, plan: str, ref: str, change_request: str, request: Request) -> Response:
    """The form that decides on a change."""
    return _decision_page(run, request, plan, ref, change_request, Form())


@router.post("/plans/{plan}/milestones/{ref}/change-requests/{change_request}/decision")
def decide_change(
    run: Writing, plan: str, ref: str, change_request: str, request: Request, form: Submitted
) -> Response:
    """Approve or decline a change."""

    def change() -> ChangeRequestView:
        if not form.text("outcome"):
            form.add("outcome", "required", "Choose whether to approve or to decline it")
        reason = form.required("reason", "Enter the reason for the decision")
        form.check()
        return run.write(
            services.decide_change,
            change_request=change_request,
            outcome=form.text("outcome"),
            reason=reason,
            if_match=form.optional("version"),
        )

    return settle(
        form,
        change,
        done=lambda decided: see_other(f"{address_of(plan, ref)}#{decided.id}"),
        again=lambda form, status: _decision_page(run, request, plan, ref, change_request, form, status=status),
    )


def _decision_page(
    run: PageRunner, request: Request, plan: str, ref: str, change_request: str, form: Form, *, status: int = 200
) -> Response:
    view, plan_view = run.read(read_milestone, plan=plan, ref=ref)
    asked = next((one for one in view.change_requests if one.id == change_request), None)
    if asked is None:
        raise NotFound
    if not form.failed:
        require_offer(asked.may_decide, "decide on this change")
    return show_form(
        run, request, "change_requests/decision.html", view, plan_view, form,
        path=f"change-requests/{change_request}/decision", heading="Decide on this change", button="Save the decision",
        status=status, asked=asked, grounds=GROUND_WORDS, version=asked.version,
        clashes=[("The request", form.text("reason"), _as_it_is(asked))] if form.stale else [],
    )  # fmt: skip


def _as_it_is(asked: ChangeRequestView) -> str:
    if asked.decided_by is None:
        return asked.state
    return f"{asked.state.capitalize()} by {asked.decided_by}: {asked.decision_reason or 'redacted'}"
