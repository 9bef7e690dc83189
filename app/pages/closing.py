"""Closing a plan: what is open, where each of it went, and what is left to say once it is closed."""

from fastapi import Request
from fastapi.responses import Response

from app.domain.change_requests import Agreement
from app.domain.closing import Destination, ToClose
from app.domain.plans import PlanView
from app.domain.refusals import Forbidden
from app.doors.routing import NounRouter
from app.pages.deps import PageRunner, Reading, Writing
from app.pages.forms import Form, LongSubmitted, see_other, settle
from app.pages.frames import frame_of
from app.pages.templating import render
from app.pages.wording import RAG_TITLES, short
from app.services import closing

router = NounRouter()


@router.get("/plans/{plan}/closure")
def ask_closure(run: Reading, plan: str, request: Request) -> Response:
    """What is still open, with a row each to say where it went."""
    return _closure_page(run, request, plan, Form())


@router.post("/plans/{plan}/closure")
def close(run: Writing, plan: str, request: Request, form: LongSubmitted) -> Response:
    """Close an approved plan: it becomes read-only."""

    def change() -> PlanView:
        reason = form.required("reason", "Enter why the plan is closed")
        agreement = _agreement(form)
        form.check()
        return run.write(
            closing.close_plan,
            slug=plan,
            reason=reason,
            items=_items(form),
            rest=Destination(form.text("rest"), form.text("rest_plan")),
            agreement=agreement,
            if_match=form.optional("version"),
        )

    return settle(
        form,
        change,
        done=lambda view: see_other(f"/plans/{view.slug}"),
        again=lambda form, status: _closure_page(run, request, plan, form, status=status),
    )


def _agreement(form: Form) -> Agreement | None:
    """What is said of the agreement of outside bodies; None where nothing is."""
    if not any(form.value(name) for name in form.values if name.startswith("agreement.")):
        return None
    day = form.day("agreement.on", "The day of the agreement")
    return Agreement(form.text("agreement.by"), day, form.text("agreement.reference"))


def _items(form: Form) -> dict[str, Destination]:
    """What was said of each item: fields `to-M-01` and `plan-M-01`. A row left blank says nothing."""
    refs = [name.removeprefix("to-") for name in form.values if name.startswith("to-")]
    said = {ref: Destination(form.text(f"to-{ref}"), form.text(f"plan-{ref}")) for ref in refs}
    return {ref: where for ref, where in said.items() if not where.is_blank}


def _closure_page(run: PageRunner, request: Request, plan: str, form: Form, *, status: int = 200) -> Response:
    found: ToClose = run.read(closing.to_close, slug=plan)
    if not found.plan.may_close and not form.failed:
        raise Forbidden("An approved plan is closed by a senior officer")
    return render(
        request,
        "closing/page.html",
        frame=frame_of(run, found.plan, active="home", is_page=False),
        status=status,
        form=form,
        plan=found.plan,
        found=found,
        rows=[(row, short(row.due_date) if row.due_date else "none") for row in found.items],
        rag_titles=RAG_TITLES,
    )
