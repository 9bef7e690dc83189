"""Accepting a Red or Amber milestone until a day, and lifting that again."""

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.domain.acceptances import acceptance_words
from app.domain.milestones import MilestoneKey, MilestoneMoved, MilestoneView
from app.pages.deps import PageRunner, Reading, Writing
from app.pages.forms import Form, Submitted, see_other, settle
from app.pages.milestones import address_of, read_milestone, require_offer, show_form
from app.services import acceptances as services

router = APIRouter()


@router.get("/plans/{plan}/milestones/{ref}/acceptance")
def ask_acceptance(run: Reading, plan: str, ref: str, request: Request) -> Response:
    """The form that accepts an exception."""
    return _page(run, request, plan, ref, Form(), _ACCEPTANCE)


@router.post("/plans/{plan}/milestones/{ref}/acceptance")
def accept(run: Writing, plan: str, ref: str, request: Request, form: Submitted) -> Response:
    """Accept an exception until a day."""

    def change() -> MilestoneMoved:
        until = form.needed_day("until", "The day until which it is accepted")
        reason = form.required("reason", "Enter why it is accepted")
        form.check()
        key, version = MilestoneKey(plan=plan, ref=ref), form.optional("version")
        return run.write(services.accept, milestone=key, until=until, reason=reason, if_match=version)

    return _settled(run, request, plan, ref, form, change, _ACCEPTANCE)


@router.get("/plans/{plan}/milestones/{ref}/acceptance/lifting")
def ask_lifting(run: Reading, plan: str, ref: str, request: Request) -> Response:
    """The form that lifts an acceptance."""
    return _page(run, request, plan, ref, Form(), _LIFTING)


@router.post("/plans/{plan}/milestones/{ref}/acceptance/lifting")
def lift(run: Writing, plan: str, ref: str, request: Request, form: Submitted) -> Response:
    """Lift an acceptance before its day."""

    def change() -> MilestoneMoved:
        reason = form.required("reason", "Enter why the acceptance is lifted")
        form.check()
        key, version = MilestoneKey(plan=plan, ref=ref), form.optional("version")
        return run.write(services.lift, milestone=key, reason=reason, if_match=version)

    return _settled(run, request, plan, ref, form, change, _LIFTING)


Step = tuple[str, str, str, str, str]
_ACCEPTANCE: Step = ("acceptance", "Accept it until a day", "Accept it", "acceptances/new.html", "accept")
_LIFTING: Step = (
    "acceptance/lifting", "Lift the acceptance", "Lift it", "acceptances/lifting.html", "lift_acceptance"
)  # fmt: skip


def _settled(
    run: PageRunner,
    request: Request,
    plan: str,
    ref: str,
    form: Form,
    change: Callable[[], MilestoneMoved],
    step: Step,
) -> Response:
    return settle(
        form,
        change,
        done=lambda _: see_other(address_of(plan, ref)),
        again=lambda form, status: _page(run, request, plan, ref, form, step, status=status),
    )


def _page(
    run: PageRunner, request: Request, plan: str, ref: str, form: Form, step: Step, *, status: int = 200
) -> Response:
    path, heading, button, template, offer = step
    view, plan_view = run.read(read_milestone, plan=plan, ref=ref)
    if not form.failed:
        require_offer(getattr(view.may, offer), f"do this ({heading.lower()})")
    return show_form(
        run, request, template, view, plan_view, form,
        path=path, heading=heading, button=button, status=status,
        standing=acceptance_words(view.acceptance) if view.acceptance else "",
        version=form.value("version") if form.failed and not form.stale else view.row.version,
        clashes=[("This milestone", form.text("reason"), _as_it_is(view))] if form.stale else [],
    )  # fmt: skip


def _as_it_is(view: MilestoneView) -> str:
    said = [acceptance_words(view.acceptance) if view.acceptance else "Not accepted"]
    return ". ".join([*(reason.message for reason in view.row.reasons), *said])
