"""Progress updates: what has happened, the forecast, and what is asked for."""

from typing import Any

from fastapi import Request
from fastapi.responses import Response

from app.domain.milestones import MilestoneKey, UpdateView
from app.domain.words import CAUSE_WORDS, DelayCause, Rag
from app.doors.routing import NounRouter
from app.pages.deps import PageRunner, Reading, Writing
from app.pages.forms import Form, Submitted, filled, see_other, settle
from app.pages.milestones import address_of, read_milestone, require_offer, show_form
from app.services import updates as services

router = NounRouter()

# What a person reads where they declare (product.md, rule 2).
DECLARATIONS = [
    ("", "No change", "What the rules say, and any declaration that stands, is left as it is"),
    (Rag.RED, "Red", "Off track, unlikely to be delivered without major intervention"),
    (Rag.AMBER, "Amber", "Needs attention, achievable with timely action"),
    (
        Rag.GREEN,
        "Green",
        "On track. It never improves on what the rules say; it lifts a declaration that is yours to lift",
    ),
]
CAUSES = [(str(cause), words) for cause, words in CAUSE_WORDS.items()]


@router.get("/plans/{plan}/milestones/{ref}/updates/new")
def new_update(run: Reading, plan: str, ref: str, request: Request) -> Response:
    """The form for a progress update, with what the last one said of issue, support and path to green."""
    return _page(run, request, plan, ref, None)


@router.post("/plans/{plan}/milestones/{ref}/updates")
def add_update(run: Writing, plan: str, ref: str, request: Request, form: Submitted) -> Response:
    """Add a progress update."""

    def change() -> UpdateView:
        return run.write(services.add_update, milestone=MilestoneKey(plan=plan, ref=ref), **update_asked(form))

    return settle(
        form,
        change,
        done=lambda update: see_other(_kept_at(plan, ref, update)),
        again=lambda form, status: _page(run, request, plan, ref, form, status=status),
    )


def _kept_at(plan: str, ref: str, update: UpdateView) -> str:
    """Where an update is read; the page says so where it was saved already and is kept once."""
    already = "?saved=already" if update.sent_again else ""
    return f"{address_of(plan, ref)}{already}#{update.id}"


@router.get("/plans/{plan}/milestones/{ref}/declaration")
def ask_declaration(run: Reading, plan: str, ref: str, request: Request) -> Response:
    """The form by which a senior officer declares Amber or Red: no update, which stays the owner's."""
    return _declaration_page(run, request, plan, ref, None)


@router.post("/plans/{plan}/milestones/{ref}/declaration")
def declare(run: Writing, plan: str, ref: str, request: Request, form: Submitted) -> Response:
    """Declare a milestone Amber or Red."""

    def change() -> UpdateView:
        colour = form.choice("declared_rag", Rag)
        if colour not in (Rag.RED, Rag.AMBER):
            form.add("declared_rag", "required", "Choose Red or Amber")
        rationale = form.required("rationale", "Enter why you declare it")
        form.check()
        key = MilestoneKey(plan=plan, ref=ref)
        return run.write(services.add_update, milestone=key, declared_rag=colour, rationale=rationale)

    return settle(
        form,
        change,
        done=lambda update: see_other(_kept_at(plan, ref, update)),
        again=lambda form, status: _declaration_page(run, request, plan, ref, form, status=status),
    )


def _declaration_page(
    run: PageRunner, request: Request, plan: str, ref: str, form: Form | None, *, status: int = 200
) -> Response:
    view, plan_view = run.read(read_milestone, plan=plan, ref=ref)
    if form is None:
        require_offer(view.may.declare, "declare a colour alone")
    return show_form(
        run, request, "milestones/declaration.html", view, plan_view, form or Form(),
        path="declaration", heading="Declare it Amber or Red", button="Declare it", status=status,
        declarations=[one for one in DECLARATIONS if one[0] in (Rag.RED, Rag.AMBER)],
    )  # fmt: skip


def update_asked(form: Form) -> dict[str, Any]:
    """What the form says, as the service takes it. Raises Invalid with everything that is wrong."""
    no_change = bool(form.value("no_change"))
    narrative = form.optional("narrative")
    if not narrative and not no_change:
        form.add("narrative", "required", "Enter what has happened since the last update")
    asked = {
        "narrative": narrative,
        "no_change": no_change,
        "forecast_date": form.day("forecast_date", "The forecast date"),
        "declared_rag": form.choice("declared_rag", Rag),
        "return_to_green_on": form.day("return_to_green_on", "The date it returns to green"),
        "cause": form.choice("cause", DelayCause),
    }
    form.check()
    typed = ("rationale", "issue", "support_required", "path_to_green", "waiting_on")
    return {**asked, **{name: form.optional(name) for name in typed}}


def _page(run: PageRunner, request: Request, plan: str, ref: str, form: Form | None, *, status: int = 200) -> Response:
    view, plan_view = run.read(read_milestone, plan=plan, ref=ref)
    if form is None:
        require_offer(view.may.update, "add an update")
        form = form_from(view.latest_update, forecast=view.row.forecast_date)
    return show_form(
        run, request, "updates/new.html", view, plan_view, form,
        path="updates", heading="Add an update", button="Save the update", status=status,
        declarations=DECLARATIONS, causes=CAUSES, last=view.latest_update,
    )  # fmt: skip


def form_from(last: UpdateView | None, *, forecast: object) -> Form:
    """What usually stays the same is filled in; what has happened since is not."""
    return filled(
        {
            "forecast_date": forecast,
            "issue": last.issue if last else None,
            "support_required": last.support_required if last else None,
            "path_to_green": last.path_to_green if last else None,
            "return_to_green_on": last.return_to_green_on if last else None,
            "waiting_on": last.waiting_on if last else None,
            "cause": last.cause if last else None,
        }
    )
