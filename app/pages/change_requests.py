"""Change requests: asking for a change, seeing what it would do, and deciding, one by one or together in a meeting."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import Response

from app.db import UnitOfWork
from app.domain import change_requests as rules
from app.domain.change_requests import (
    Agreement,
    ChangeRequestPage,
    ChangeRequestView,
    Decided,
    Effect,
    Part,
    criteria_of,
)
from app.domain.days import london_day, weekday_date
from app.domain.milestones import MilestoneKey, MilestoneView
from app.domain.plans import PlanView
from app.domain.refusals import Forbidden, NotFound
from app.domain.words import CancellationGround, ChangeKind, DateSetter, EvidencePolicy, MovedRule
from app.doors.routing import NounRouter
from app.pages.addresses import Addresses
from app.pages.change_request_lists import DECIDED, ORDERS, WAITING, Wanted
from app.pages.change_words import KIND_CHOICES, STATE_WORDS, asked, outlook, title_of
from app.pages.deps import PageRunner, Reading, Writing
from app.pages.forms import Form, Submitted, filled, see_other, settle
from app.pages.frames import frame_of
from app.pages.milestones import address_of, read_milestone, require_offer, show_form
from app.pages.success_criteria import KINDS, proofs_from, rows_in, with_rows
from app.pages.templating import render
from app.pages.wording import GROUND_WORDS
from app.services import change_requests as services
from app.services.plans import choices, get_plan

router = NounRouter()

GROUNDS = [(str(ground), words) for ground, words in GROUND_WORDS.items()]
OUTCOMES = [("approved", "Approve"), ("declined", "Decline")]
POLICIES = [
    (EvidencePolicy.ATTACHED, "A file that shows the work is done"),
    (EvidencePolicy.ACCEPTED, "Evidence accepted by somebody who did not provide it"),
]
MOVED = [
    (MovedRule.OFF, "Never"),
    (MovedRule.STANDARD, "Moved twice, or by over 84 days in all"),
    (MovedRule.ANY, "Any move"),
]
PARTS_SHOWN = 4
MEETINGS_SHOWN = 8
_HEADINGS = {
    ChangeKind.DUE_DATE: "Ask to move the due date",
    ChangeKind.CANCELLATION: "Ask to cancel this milestone",
    ChangeKind.REPLACEMENT: "Ask to replace this milestone",
    ChangeKind.SPLIT: "Ask to split this milestone",
    ChangeKind.CRITERIA: "Ask to change the success criterion",
    ChangeKind.POLICY: "Ask to change the evidence policy",
    ChangeKind.SETTINGS: "Ask to change the settings",
}
_NUMBERS = {
    "tolerance_days": "The tolerance",
    "overdue_limit_days": "The overdue limit",
    "cycle_days": "The review cycle",
    "triage_hours": "The triage time",
}


# --- Asking about a milestone --------------------------------------------------------------------------------------


@router.get("/plans/{plan}/milestones/{ref}/change-requests/new")
def new_change_request(run: Reading, plan: str, ref: str, request: Request, kind: str = "due_date") -> Response:
    """The form that asks for a change."""
    return _page(run, request, plan, ref, Form({"kind": [_kind(kind)]}))


@router.post("/plans/{plan}/milestones/{ref}/change-requests")
def request_change(run: Writing, plan: str, ref: str, request: Request, form: Submitted) -> Response:
    """Ask for a change, or look at what it would do. The milestone keeps its colour until somebody else decides."""
    key, kind = MilestoneKey(plan=plan, ref=ref), _kind(form.value("kind"))

    def change() -> ChangeRequestView | Effect:
        wish = _wish(form, kind, lambda: run.read(read_milestone, plan=plan, ref=ref)[0].success_criterion)
        if form.value("look"):
            form.check()
            return run.read(services.preview_change, milestone=key, kind=kind, **wish)
        reason = form.required("reason", "Enter the reason for the change")
        form.check()
        return run.write(services.request_change, milestone=key, kind=kind, reason=reason, **wish)

    def done(found: ChangeRequestView | Effect) -> Response:
        if isinstance(found, Effect):
            return _page(run, request, plan, ref, form, effect=found)
        return see_other(f"{address_of(plan, ref)}#{found.id}")

    return settle(
        form, change, done=done, again=lambda form, status: _page(run, request, plan, ref, form, status=status)
    )


def _kind(value: str) -> ChangeKind:
    return next((kind for kind in rules.OF_MILESTONES if kind == value), ChangeKind.DUE_DATE)


def _wish(form: Form, kind: ChangeKind, criterion: Callable[[], str]) -> dict[str, Any]:
    """What the form asks for, as the service takes it."""
    wish: dict[str, Any] = {}
    if kind is ChangeKind.DUE_DATE:
        wish["due_date"] = form.needed_day("due_date", "The new due date")
    elif kind is ChangeKind.CANCELLATION:
        wish["ground"] = form.choice("ground", CancellationGround)
        named = wish["ground"] in rules.NAMING_ANOTHER
        wish["other"] = form.optional("other") if named else None
    elif kind is ChangeKind.CRITERIA:
        wish["success_criterion"] = form.text("success_criterion")
        wish["criteria"] = proofs_from(form) if rows_in(form) else None
    else:
        lines = criteria_of(criterion()) if kind is ChangeKind.SPLIT else ()
        shown = range(1 if kind is ChangeKind.REPLACEMENT else PARTS_SHOWN)
        parts = [_part(form, f"parts.{number}", lines) for number in shown]
        wish["parts"] = [part for number, part in enumerate(parts) if number < _needed_parts(kind) or _is_used(part)]
    if any(name.startswith("agreement.") for name in form.values):
        day = form.day("agreement.on", "The day of the agreement")
        wish["agreement"] = Agreement(form.text("agreement.by"), day, form.text("agreement.reference"))
    return wish


def _needed_parts(kind: ChangeKind) -> int:
    return 1 if kind is ChangeKind.REPLACEMENT else rules.PARTS_AT_LEAST


def _part(form: Form, name: str, lines: tuple[str, ...]) -> Part:
    """A part with the lines of the old criterion that were ticked for it, and what was typed besides."""
    ticked = [line for number, line in enumerate(lines) if str(number) in form.all(f"{name}.takes")]
    return Part(
        title=form.text(f"{name}.title"),
        success_criterion="\n".join([*ticked, form.text(f"{name}.success_criterion")]).strip(),
        due_date=form.day(f"{name}.due_date", "The due date"),
        owner=form.optional(f"{name}.owner"),
    )


def _is_used(part: Part) -> bool:
    return bool(part.title or part.success_criterion or part.due_date)


def _page(
    run: PageRunner, request: Request, plan: str, ref: str, form: Form, *, status: int = 200,
    effect: Effect | None = None,
) -> Response:  # fmt: skip
    view, plan_view = run.read(read_milestone, plan=plan, ref=ref)
    kind = _kind(form.value("kind"))
    if not form.failed:
        require_offer(view.may.request_change, "ask for a change")
    if kind is ChangeKind.CRITERIA and "success_criterion" not in form.values:
        form.values["success_criterion"] = [view.success_criterion]
    if kind is ChangeKind.CRITERIA:
        with_rows(form, [one.proof for one in view.criteria])
    return show_form(
        run, request, "change_requests/new.html", view, plan_view, form,
        path="change-requests", heading=_HEADINGS[kind], button="Send the request", status=status,
        kind=kind, grounds=GROUNDS, proof_places=range(rows_in(form)), proof_kinds=KINDS,
        organisations=run.read(choices, slug=plan).organisations if kind is ChangeKind.CRITERIA else (),
        lines=criteria_of(view.success_criterion),
        parts=range(1 if kind is ChangeKind.REPLACEMENT else PARTS_SHOWN),
        owners=run.read(choices, slug=plan).owners if kind in (ChangeKind.REPLACEMENT, ChangeKind.SPLIT) else (),
        body=_body_to_agree(view, kind), effect=outlook(effect, of_plan=False) if effect else None,
    )  # fmt: skip


def _body_to_agree(view: MilestoneView, kind: ChangeKind) -> str:
    """The outside body whose agreement has to be recorded; empty where none is needed."""
    if view.due_set_by is DateSetter.PLAN or kind not in rules.TOUCHING_THE_DATE:
        return ""
    return rules.BODIES[view.due_set_by]


# --- Asking about the plan -----------------------------------------------------------------------------------------


@router.get("/plans/{plan}/change-requests/new")
def new_plan_request(run: Reading, plan: str, request: Request, kind: str = "policy") -> Response:
    """The form that asks for another evidence policy or other settings."""
    view = run.read(get_plan, slug=plan)
    names = ("evidence_policy", *rules.SETTINGS)
    form = filled({"kind": _plan_kind(kind), **{name: getattr(view, name) for name in names}})
    return _plan_page(run, request, plan, form)


@router.post("/plans/{plan}/change-requests")
def request_settings(run: Writing, plan: str, request: Request, form: Submitted) -> Response:
    """Ask for it, or look at which colours would change and what would fall back."""
    kind = _plan_kind(form.value("kind"))

    def change() -> ChangeRequestView | Effect:
        given = _settings(form, kind)
        if form.value("look"):
            form.check()
            return run.read(services.preview_settings, slug=plan, kind=kind, **given)
        reason = form.required("reason", "Enter the reason for the change")
        form.check()
        version = form.optional("version")
        return run.write(services.request_settings, slug=plan, kind=kind, reason=reason, if_match=version, **given)

    def done(found: ChangeRequestView | Effect) -> Response:
        if isinstance(found, Effect):
            return _plan_page(run, request, plan, form, effect=found)
        return see_other(f"/plans/{plan}/change-requests#{found.id}")

    return settle(
        form, change, done=done, again=lambda form, status: _plan_page(run, request, plan, form, status=status)
    )


def _plan_kind(value: str) -> ChangeKind:
    return ChangeKind.SETTINGS if value == ChangeKind.SETTINGS else ChangeKind.POLICY


def _settings(form: Form, kind: ChangeKind) -> dict[str, Any]:
    if kind is ChangeKind.POLICY:
        return {"evidence_policy": form.choice("evidence_policy", EvidencePolicy)}
    numbers = {name: _whole(form, name, what) for name, what in _NUMBERS.items()}
    return {**numbers, "moved_rule": form.choice("moved_rule", MovedRule)}


def _whole(form: Form, name: str, what: str) -> int | None:
    text = form.text(name)
    if text and not (text.isascii() and text.isdigit() and len(text) < 5):
        form.add(name, "not_a_number", f"{what} must be a whole number, such as 14")
        return None
    return int(text) if text else None


def _plan_page(
    run: PageRunner, request: Request, plan: str, form: Form, *, status: int = 200, effect: Effect | None = None
) -> Response:
    def read(uow: UnitOfWork) -> tuple[PlanView, bool]:
        return get_plan(uow, slug=plan), services.list_plan_requests(uow, slug=plan).may_request

    view, may_request = run.read(read)
    kind = _plan_kind(form.value("kind"))
    if not form.failed and not may_request:
        raise Forbidden("You cannot ask for a change of this plan: it is not your part, or the plan is not approved")
    back = f"/plans/{plan}/change-requests"
    return render(
        request,
        "change_requests/plan.html",
        frame=frame_of(run, view, active="changes", is_page=False),
        status=status,
        form=form,
        plan=view,
        kind=kind,
        policies=POLICIES,
        moved=MOVED,
        heading=_HEADINGS[kind],
        caption="Change requests",
        back=back,
        action=back,
        button="Send the request",
        version=view.version,
        refused_title="",
        clashes=[],
        effect=outlook(effect, of_plan=True) if effect else None,
    )


# --- The list, and deciding together --------------------------------------------------------------------------------


@router.get("/plans/{plan}/change-requests")
def show_change_requests(run: Reading, plan: str, request: Request, wanted: Annotated[Wanted, Depends()]) -> Response:
    """The change requests of a plan: those that wait, with what each would do, or the history."""
    return _list_page(run, request, plan, Form(), wanted=wanted)


@router.post("/plans/{plan}/change-requests/decisions")
def decide_together(run: Writing, plan: str, request: Request, form: Submitted) -> Response:
    """Decide several in a review meeting; each is judged by itself, and the page says which were not decided."""

    def change() -> tuple[Decided, ...]:
        chosen = form.all("chosen")
        if not chosen:
            form.add("chosen", "required", "Choose at least one change request")
        meeting = form.required("meeting", "Choose the review meeting in which this was decided")
        outcome = form.required("outcome", "Choose whether to approve or to decline")
        reasons = {one: form.text(f"reason.{one}") or form.text("reason") for one in chosen}
        if not all(reasons.values()) or not chosen:
            form.required("reason", "Enter the reason for the decision")
        form.check()
        verdicts = [services.Verdict(one, outcome, reason) for one, reason in reasons.items()]
        version = form.optional("version")
        return run.write(services.decide_together, slug=plan, meeting=meeting, verdicts=verdicts, if_match=version)

    def done(became: tuple[Decided, ...]) -> Response:
        if all(one.went_through for one in became):
            return see_other(f"/plans/{plan}/change-requests?state={DECIDED}")
        return _list_page(run, request, plan, Form(), status=409, became=became)

    return settle(
        form, change, done=done, again=lambda form, status: _list_page(run, request, plan, form, status=status)
    )


def _list_page(
    run: PageRunner, request: Request, plan: str, form: Form, *, wanted: Wanted | None = None,
    status: int = 200, became: tuple[Decided, ...] = (),
) -> Response:  # fmt: skip
    wanted = wanted or Wanted()
    state, kind, waiting = wanted.state, wanted.kind, wanted.state == WAITING

    def read(uow: UnitOfWork) -> tuple[PlanView, ChangeRequestPage, list[tuple[str, str]]]:
        page = services.list_plan_requests(
            uow, slug=plan, state=wanted.only, decided=wanted.is_decided, kind=wanted.of, effect=waiting
        )
        return get_plan(uow, slug=plan), page, _meetings(uow, plan, page.first_asked_on)

    view, page, meetings = run.read(read)
    shown = [asked(one) for one in wanted.shown(page.items)]
    decidable = [one for one in shown if one.view.may_decide or one.view.why_not]
    return render(
        request,
        "change_requests/list.html",
        frame=frame_of(run, view, active="changes"),
        status=status,
        plan=view,
        page=page,
        rows=shown,
        state=state,
        kind=kind,
        orders=[(value, words, value == wanted.sort) for value, (words, _) in ORDERS.items()],
        is_filtered=bool(wanted.query),
        as_csv=Addresses(f"/plans/{plan}/change-requests.csv", wanted.query).with_(),
        kinds=[(str(value), words) for value, words in KIND_CHOICES],
        states=[(WAITING, "Waiting"), (DECIDED, "Decided, withdrawn or lapsed"),
                *((value, words) for value, words in STATE_WORDS.items() if value != WAITING), ("all", "All")],
        meetings=meetings,
        outcomes=OUTCOMES,
        offers_bulk=waiting and bool(decidable),
        form=form,
        became=became,
        refused=[one for one in became if not one.went_through],
        ground_words=GROUND_WORDS,
    )  # fmt: skip


# --- One of them: its decision, its withdrawal ----------------------------------------------------------------------


@router.get("/plans/{plan}/milestones/{ref}/change-requests/{change_request}/decision")
def ask_milestone_decision(run: Reading, plan: str, ref: str, change_request: str, request: Request) -> Response:
    """The same form, reached by its milestone."""
    _require_about(run, plan, ref, change_request)
    return _decision_page(run, request, plan, change_request, Form())


@router.post("/plans/{plan}/milestones/{ref}/change-requests/{change_request}/decision")
def decide_milestone_change(
    run: Writing, plan: str, ref: str, change_request: str, request: Request, form: Submitted
) -> Response:
    """Approve or decline, by the address of its milestone."""
    _require_about(run, plan, ref, change_request)
    return decide_change(run, plan, change_request, request, form)


def _require_about(run: PageRunner, plan: str, ref: str, change_request: str) -> None:
    found = run.read(services.get_change_request, change_request=change_request, slug=plan)
    if found.milestone is None or found.milestone.ref != ref:
        raise NotFound


@router.get("/plans/{plan}/change-requests/{change_request}/decision")
def ask_decision(run: Reading, plan: str, change_request: str, request: Request) -> Response:
    """The form that decides on a change, with what it would do."""
    return _decision_page(run, request, plan, change_request, Form())


@router.post("/plans/{plan}/change-requests/{change_request}/decision")
def decide_change(run: Writing, plan: str, change_request: str, request: Request, form: Submitted) -> Response:
    """Approve or decline a change."""

    def change() -> ChangeRequestView:
        run.read(services.get_change_request, change_request=change_request, slug=plan)
        if not form.text("outcome"):
            form.add("outcome", "required", "Choose whether to approve or to decline it")
        reason = form.required("reason", "Enter the reason for the decision")
        form.check()
        return run.write(
            services.decide_change,
            change_request=change_request,
            outcome=form.text("outcome"),
            reason=reason,
            meeting=form.optional("meeting"),
            if_match=form.optional("version"),
        )

    return settle(
        form,
        change,
        done=lambda decided: see_other(_home_of(decided)),
        again=lambda form, status: _decision_page(run, request, plan, change_request, form, status=status),
    )


@router.post("/plans/{plan}/change-requests/{change_request}/withdrawal")
def withdraw_change(run: Writing, plan: str, change_request: str, request: Request, form: Submitted) -> Response:
    """Take back what one asked for."""

    def change() -> ChangeRequestView:
        run.read(services.get_change_request, change_request=change_request, slug=plan)
        return run.write(
            services.withdraw_change,
            change_request=change_request,
            reason=form.optional("reason"),
            if_match=form.optional("version"),
        )

    return settle(
        form,
        change,
        done=lambda view: see_other(_home_of(view)),
        again=lambda form, status: _list_page(run, request, plan, form, status=status),
    )


def _home_of(view: ChangeRequestView) -> str:
    """Where a request is shown for good: on its milestone, or in the plan's list."""
    if view.milestone is not None:
        return f"{address_of(view.plan_slug, view.milestone.ref)}#{view.id}"
    return f"/plans/{view.plan_slug}/change-requests?state={DECIDED}#{view.id}"


def _decision_page(
    run: PageRunner, request: Request, plan: str, change_request: str, form: Form, *, status: int = 200
) -> Response:
    def read(uow: UnitOfWork) -> tuple[ChangeRequestView, PlanView, list[tuple[str, str]]]:
        found = services.get_change_request(uow, change_request=change_request, slug=plan)
        return found, get_plan(uow, slug=plan), _meetings(uow, plan, london_day(found.requested_at))

    found, view, meetings = run.read(read)
    if not form.failed:
        require_offer(found.may_decide, "decide on this change")
    here = f"/plans/{plan}/change-requests"
    return render(
        request,
        "change_requests/decision.html",
        frame=frame_of(run, view, active="changes", is_page=False),
        status=status,
        form=form,
        one=asked(found),
        meetings=meetings,
        outcomes=OUTCOMES,
        heading="Decide on this change",
        caption=found.milestone.ref if found.milestone else "Change requests",
        back=address_of(plan, found.milestone.ref) if found.milestone else here,
        action=f"{here}/{change_request}/decision",
        button="Save the decision",
        version=found.version,
        refused_title="",
        clashes=[(title_of(found), form.text("reason"), _as_it_is(found))] if form.stale else [],
    )


def _meetings(uow: UnitOfWork, plan: str, asked_on: date | None) -> list[tuple[str, str]]:
    """The last review meetings in which it can have been decided: none from before it was asked."""
    found = services.meetings_to_choose(uow, slug=plan, asked_on=asked_on)
    return [(one.id, weekday_date(one.on)) for one in found[:MEETINGS_SHOWN]]


def _as_it_is(found: ChangeRequestView) -> str:
    if found.decided_by is None:
        return STATE_WORDS[found.state]
    return f"{STATE_WORDS[found.state]} by {found.decided_by}: {found.decision_reason or 'redacted'}"
