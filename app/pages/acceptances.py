"""Accepting a Red or Amber milestone until a day, and lifting that again."""

from typing import Any

from fastapi import Request
from fastapi.responses import Response

from app.domain.acceptances import acceptance_words
from app.domain.milestones import MilestoneKey, MilestoneMoved, MilestoneView
from app.doors.routing import NounRouter
from app.pages.deps import Reading, Writing
from app.pages.forms import Form, Submitted
from app.pages.milestone_steps import Step, settle_step, step_page
from app.services import acceptances as services

router = NounRouter()


@router.get("/plans/{plan}/milestones/{ref}/acceptance")
def ask_acceptance(run: Reading, plan: str, ref: str, request: Request) -> Response:
    """The form that accepts an exception."""
    return step_page(run, request, plan, ref, Form(), _ACCEPTANCE, around=_around)


@router.post("/plans/{plan}/milestones/{ref}/acceptance")
def accept(run: Writing, plan: str, ref: str, request: Request, form: Submitted) -> Response:
    """Accept an exception until a day."""

    def change() -> MilestoneMoved:
        until = form.needed_day("until", "The day until which it is accepted")
        reason = form.required("reason", "Enter why it is accepted")
        form.check()
        key, version = MilestoneKey(plan=plan, ref=ref), form.optional("version")
        return run.write(services.accept, milestone=key, until=until, reason=reason, if_match=version)

    return settle_step(run, request, plan, ref, form, change, _ACCEPTANCE, around=_around)


@router.get("/plans/{plan}/milestones/{ref}/acceptance/lifting")
def ask_lifting(run: Reading, plan: str, ref: str, request: Request) -> Response:
    """The form that lifts an acceptance."""
    return step_page(run, request, plan, ref, Form(), _LIFTING, around=_around)


@router.post("/plans/{plan}/milestones/{ref}/acceptance/lifting")
def lift(run: Writing, plan: str, ref: str, request: Request, form: Submitted) -> Response:
    """Lift an acceptance before its day."""

    def change() -> MilestoneMoved:
        reason = form.required("reason", "Enter why the acceptance is lifted")
        form.check()
        key, version = MilestoneKey(plan=plan, ref=ref), form.optional("version")
        return run.write(services.lift, milestone=key, reason=reason, if_match=version)

    return settle_step(run, request, plan, ref, form, change, _LIFTING, around=_around)


_ACCEPTANCE = Step("acceptance", "Accept it until a day", "Accept it", "acceptances/new.html", "accept")
_LIFTING = Step("acceptance/lifting", "Lift the acceptance", "Lift it", "acceptances/lifting.html", "lift_acceptance")


def _around(view: MilestoneView, form: Form) -> dict[str, Any]:
    return {
        "standing": acceptance_words(view.acceptance) if view.acceptance else "",
        "version": form.value("version") if form.failed and not form.stale else view.row.version,
        "clashes": [("This milestone", form.text("reason"), _as_it_is(view))] if form.stale else [],
    }


def _as_it_is(view: MilestoneView) -> str:
    said = [acceptance_words(view.acceptance) if view.acceptance else "Not accepted"]
    return ". ".join([*(reason.message for reason in view.row.reasons), *said])
