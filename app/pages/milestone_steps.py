"""Every step of a milestone from started to achieved and back."""

from collections.abc import Callable
from typing import Any, NamedTuple

from fastapi import Request
from fastapi.responses import Response

from app.domain.files import ACCEPT_ATTRIBUTE, ACCEPTED_SENTENCE
from app.domain.milestones import MilestoneKey, MilestoneMoved, MilestoneView
from app.domain.plans import PlanView
from app.doors.held_files import ReceivedFile
from app.doors.received_files import keeping, upload_of
from app.doors.routing import NounRouter
from app.pages.deps import PageReceiver, PageRunner, Reading, Receiving, Writing
from app.pages.forms import Form, Submitted, see_other, settle
from app.pages.milestones import address_of, read_milestone, require_offer, show_form, show_milestone_page
from app.pages.templating import wants_fragment
from app.pages.uploading import UPLOAD_BODY, declared, received
from app.services import baselines
from app.services import milestones as services
from app.services.evidence import check_complete

router = NounRouter()


class Step(NamedTuple):
    """A step with a form of its own: where it is posted beneath the milestone, its words, and which offer it needs."""

    path: str
    heading: str
    button: str
    template: str
    offer: str


Around = Callable[[MilestoneView, Form], dict[str, Any]]
"""What a form says besides: of the milestone as it is, and of what was typed."""


def settle_step(
    run: PageRunner,
    request: Request,
    plan: str,
    ref: str,
    form: Form,
    change: Callable[[], MilestoneMoved],
    step: Step,
    *,
    around: Around | None = None,
) -> Response:
    """Take a step: to the milestone when it was taken, the form again with what stands against it when not."""
    return settle(
        form,
        change,
        done=lambda moved: see_other(address_of(plan, moved.row.ref)),
        again=lambda form, status: step_page(run, request, plan, ref, form, step, status=status, around=around),
    )


def step_page(
    run: PageRunner,
    request: Request,
    plan: str,
    ref: str,
    form: Form,
    step: Step,
    *,
    status: int = 200,
    around: Around | None = None,
) -> Response:
    """The form of a step. Raises Forbidden for who could not send it."""
    view, plan_view = run.read(read_milestone, plan=plan, ref=ref)
    if not form.failed:
        require_offer(getattr(view.may, step.offer), f"do this ({step.heading.lower()})")
    return show_form(
        run, request, step.template, view, plan_view, form,
        path=step.path, heading=step.heading, button=step.button, status=status,
        **(around(view, form) if around else {}),
    )  # fmt: skip


@router.post("/plans/{plan}/milestones/{ref}/start")
def start(run: Writing, plan: str, ref: str, request: Request) -> Response:
    """Put a milestone in progress."""
    form = Form()
    return settle(
        form,
        lambda: run.write(services.start, milestone=MilestoneKey(plan=plan, ref=ref)),
        done=lambda view: see_other(address_of(plan, view.row.ref)),
        again=lambda form, status: _with_problem(run, request, plan, ref, form, status),
    )


@router.get("/plans/{plan}/milestones/{ref}/achievement")
def show_gate(plan: str, ref: str) -> Response:
    """The address of the refused page, when somebody reloads it: what is still needed."""
    return see_other(f"{address_of(plan, ref)}#gate")


@router.post("/plans/{plan}/milestones/{ref}/achievement")
def mark_achieved(run: Writing, plan: str, ref: str, request: Request) -> Response:
    """Pass the gate; or the same page with everything that is missing, and status 409."""
    key = MilestoneKey(plan=plan, ref=ref)

    def done(_: MilestoneMoved) -> Response:
        if not wants_fragment(request):
            return see_other(address_of(plan, ref))
        view, plan_view = run.read(read_milestone, plan=plan, ref=ref)
        template = "milestones/_swapped.html"
        return show_milestone_page(run, request, view, plan_view, today=run.today, template=template, focus="gate")

    form = Form()
    return settle(
        form,
        lambda: run.write(services.mark_achieved, milestone=key),
        done=done,
        again=lambda form, status: _with_problem(run, request, plan, ref, form, status, is_gate=True),
    )


def _with_problem(
    run: PageRunner, request: Request, plan: str, ref: str, form: Form, status: int, *, is_gate: bool = False
) -> Response:
    view, plan_view = run.read(read_milestone, plan=plan, ref=ref)
    return show_milestone_page(
        run, request, view, plan_view,
        today=run.today,
        status=status,
        template="milestones/_swapped.html" if wants_fragment(request) else "milestones/page.html",
        problem=form,
        gate_refusal=form.refused if is_gate else None,
        refused_at=run.now,
    )  # fmt: skip


@router.get("/plans/{plan}/milestones/{ref}/return")
def ask_return(run: Reading, plan: str, ref: str, request: Request) -> Response:
    """The form that returns a completion."""
    return step_page(run, request, plan, ref, Form(), _RETURN)


@router.post("/plans/{plan}/milestones/{ref}/return")
def return_to_progress(run: Writing, plan: str, ref: str, request: Request, form: Submitted) -> Response:
    """Return a completed milestone to in progress."""

    def change() -> MilestoneMoved:
        reason = form.required("reason", "Enter why it goes back to in progress")
        form.check()
        return run.write(services.return_to_progress, milestone=MilestoneKey(plan=plan, ref=ref), reason=reason)

    return settle_step(run, request, plan, ref, form, change, _RETURN)


@router.get("/plans/{plan}/milestones/{ref}/removal")
def ask_removal(run: Reading, plan: str, ref: str, request: Request) -> Response:
    """The form that takes a milestone out of a draft."""
    return step_page(run, request, plan, ref, Form(), _REMOVAL)


@router.post("/plans/{plan}/milestones/{ref}/removal")
def remove(run: Writing, plan: str, ref: str, request: Request, form: Submitted) -> Response:
    """Take a milestone that was added by mistake out of a draft."""

    def change() -> MilestoneMoved:
        reason = form.required("reason", "Enter why it is removed")
        form.check()
        return run.write(services.remove, milestone=MilestoneKey(plan=plan, ref=ref), reason=reason)

    return settle_step(run, request, plan, ref, form, change, _REMOVAL)


@router.get("/plans/{plan}/milestones/{ref}/reopening")
def ask_reopening(run: Reading, plan: str, ref: str, request: Request) -> Response:
    """The form that reopens an achieved milestone."""
    return step_page(run, request, plan, ref, Form(), _REOPENING)


@router.post("/plans/{plan}/milestones/{ref}/reopening")
def reopen(run: Writing, plan: str, ref: str, request: Request, form: Submitted) -> Response:
    """Reopen an achieved milestone, and ask for its new due date."""

    def change() -> MilestoneMoved:
        reason = form.required("reason", "Enter why it is reopened")
        due_date = form.needed_day("due_date", "The new due date", "Enter the new due date to ask for")
        form.check()
        key = MilestoneKey(plan=plan, ref=ref)
        return run.write(services.reopen, milestone=key, reason=reason, due_date=due_date)

    return settle_step(run, request, plan, ref, form, change, _REOPENING)


@router.get("/plans/{plan}/milestones/{ref}/declaration/lifting")
def ask_lifting(run: Reading, plan: str, ref: str, request: Request) -> Response:
    """The form that lifts a declaration."""
    return step_page(run, request, plan, ref, Form(), _LIFTING)


@router.post("/plans/{plan}/milestones/{ref}/declaration/lifting")
def lift_declaration(run: Writing, plan: str, ref: str, request: Request, form: Submitted) -> Response:
    """Lift a declaration of Amber or Red."""

    def change() -> MilestoneMoved:
        reason = form.required("reason", "Enter why the declaration is lifted")
        form.check()
        return run.write(services.lift_declaration, milestone=MilestoneKey(plan=plan, ref=ref), reason=reason)

    return settle_step(run, request, plan, ref, form, change, _LIFTING)


@router.get("/plans/{plan}/milestones/{ref}/baseline-correction")
def ask_baseline_correction(run: Reading, plan: str, ref: str, request: Request) -> Response:
    """The form that puts a mistyped baseline right."""
    return step_page(run, request, plan, ref, Form(), _BASELINE)


@router.post("/plans/{plan}/milestones/{ref}/baseline-correction")
def correct_baseline(run: Writing, plan: str, ref: str, request: Request, form: Submitted) -> Response:
    """Put a mistyped baseline right, with a reason."""

    def change() -> MilestoneMoved:
        baseline = form.needed_day("baseline_date", "The baseline", "Enter the baseline as it should have read")
        reason = form.required("reason", "Enter how it came to be mistyped")
        form.check()
        key, version = MilestoneKey(plan=plan, ref=ref), form.optional("version")
        return run.write(
            baselines.correct_baseline, milestone=key, baseline_date=baseline, reason=reason, if_match=version
        )

    return settle_step(run, request, plan, ref, form, change, _BASELINE)


_BASELINE = Step(
    "baseline-correction",
    "Correct a mistyped baseline",
    "Correct it",
    "milestones/baseline_correction.html",
    "correct_baseline",
)
_RETURN = Step("return", "Return to in progress", "Return it", "milestones/return.html", "return_")
_REMOVAL = Step("removal", "Remove this milestone", "Remove it", "milestones/removal.html", "remove")
_REOPENING = Step("reopening", "Reopen this milestone", "Reopen it", "milestones/reopening.html", "reopen")
_LIFTING = Step("declaration/lifting", "Lift the declaration", "Lift it", "milestones/lifting.html", "lift_declaration")


@router.get("/plans/{plan}/milestones/{ref}/completion")
def ask_completion(run: Reading, plan: str, ref: str, request: Request) -> Response:
    """The form that reports a milestone completed, with its evidence in the same step."""
    view, plan_view = run.read(read_milestone, plan=plan, ref=ref)
    require_offer(view.may.complete, "report it completed")
    return _completion_page(run, request, view, plan_view, Form())


@router.post("/plans/{plan}/milestones/{ref}/completion", **UPLOAD_BODY)
async def report_completed(run: Receiving, plan: str, ref: str, request: Request) -> Response:
    """Report a milestone completed; a file that comes with it goes into the evidence log."""
    key = MilestoneKey(plan=plan, ref=ref)
    terms = await run.read(check_complete, milestone=key)

    async def change(form: Form, file: ReceivedFile | None) -> Response:
        narrative = form.required("narrative", "Enter what was done")
        completed = form.day("completed_date", "The completed date")
        if completed is None and form.error("completed_date") is None:
            form.add("completed_date", "required", "Enter the day the work was finished")
        said = declared(form)
        form.check()
        await run.write(
            keeping(file, services.report_completed),
            milestone=key,
            completed_date=completed,
            narrative=narrative,
            title=form.optional("title"),
            upload=upload_of(file, run.settings, looked_at=form.held is not None),
            personal_data=said,
        )
        return see_other(address_of(plan, ref))

    async def again(form: Form, status: int) -> Response:
        view, plan_view = await run.read(read_milestone, plan=plan, ref=ref)
        return _completion_page(run, request, view, plan_view, form, status=status)

    return await received(run, request, change, again=again, terms=terms)


def _completion_page(
    run: PageRunner | PageReceiver,
    request: Request,
    view: MilestoneView,
    plan: PlanView,
    form: Form,
    *,
    status: int = 200,
) -> Response:
    return show_form(
        run, request, "milestones/completion.html", view, plan, form,
        path="completion", heading="Report it completed", button="Report it completed", status=status,
        accept=ACCEPT_ATTRIBUTE, accepted=ACCEPTED_SENTENCE,
    )  # fmt: skip
