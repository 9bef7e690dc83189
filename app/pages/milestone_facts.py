"""The facts of a milestone: adding one, and changing them."""

from typing import Any

from fastapi import Request
from fastapi.responses import Response

from app.domain.milestones import MilestoneKey, MilestoneView
from app.domain.plans import Choices
from app.domain.refusals import Forbidden
from app.domain.words import DateSetter, Marking
from app.doors.routing import NounRouter
from app.pages.deps import PageRunner, Reading, Writing
from app.pages.forms import Form, Submitted, filled, see_other, settle
from app.pages.frames import frame_of
from app.pages.milestones import address_of, read_milestone, require_offer
from app.pages.success_criteria import KINDS, proofs_from, rows_in, with_rows
from app.pages.templating import render
from app.pages.wording import (
    DATE_SETTER_WORDS,
    listing,
)
from app.services import milestones as services
from app.services.plans import choices, get_plan

router = NounRouter()

MARKINGS = [
    (Marking.OFFICIAL, "Official"),
    (Marking.OFFICIAL_SENSITIVE, "Official-Sensitive", "Printed on the milestone wherever it is shown"),
]

DATE_SETTERS = [
    (str(setter), f"{words[0].upper()}{words[1:]}" if words else "The plan itself")
    for setter, words in DATE_SETTER_WORDS.items()
]

VISIBILITY = [
    ("keep", "Leave it as it is"),
    ("everyone", "Everyone on the plan"),
    ("some", "Only those I choose"),
]


@router.get("/plans/{plan}/milestones/new")
def new_milestone(run: Reading, plan: str, request: Request, action: str = "") -> Response:
    """The form that adds a milestone, to the action that the address may name by its id."""
    fresh = Form({"marking": [Marking.OFFICIAL], "visibility": ["everyone"], "action": [action]})
    return _facts_page(run, request, plan, fresh, None)


@router.post("/plans/{plan}/milestones")
def add_milestone(run: Writing, plan: str, request: Request, form: Submitted) -> Response:
    """Add a milestone."""

    def change() -> MilestoneView:
        facts = _facts(form)
        facts["restricted_to"] = form.all("restricted_to") if form.value("visibility") == "some" else []
        form.check()
        return run.write(services.add_milestone, slug=plan, source=form.optional("source"), **facts)

    return settle(
        form,
        change,
        done=lambda view: see_other(address_of(plan, view.row.ref)),
        again=lambda form, status: _facts_page(run, request, plan, form, None, status=status),
    )


@router.get("/plans/{plan}/milestones/{ref}/edit")
def edit_milestone(run: Reading, plan: str, ref: str, request: Request) -> Response:
    """The form that changes a milestone's facts."""
    view, _ = run.read(read_milestone, plan=plan, ref=ref)
    require_offer(view.may.edit, "change the facts")
    return _facts_page(run, request, plan, _form_of(view), view)


@router.post("/plans/{plan}/milestones/{ref}/edit")
def save_milestone(run: Writing, plan: str, ref: str, request: Request, form: Submitted) -> Response:
    """Change a milestone's facts. Somebody else's change in the meantime is shown beside one's own."""

    def change() -> MilestoneView:
        changes = _facts(form)
        if form.value("visibility") in ("everyone", "some"):
            changes["restricted_to"] = form.all("restricted_to") if form.value("visibility") == "some" else []
        form.check()
        if not form.value("in_draft"):
            changes.pop("due_date")
            changes.pop("success_criterion")
            changes.pop("criteria")
        version = form.optional("version")
        return run.write(
            services.edit_milestone, milestone=MilestoneKey(plan=plan, ref=ref), changes=changes, if_match=version
        )

    def again(form: Form, status: int) -> Response:
        view, _ = run.read(read_milestone, plan=plan, ref=ref)
        return _facts_page(run, request, plan, form, view, status=status)

    return settle(form, change, done=lambda view: see_other(address_of(plan, view.row.ref)), again=again)


def _facts(form: Form) -> dict[str, Any]:
    return {
        "title": form.required("title", "Enter what will be in place, as a title"),
        "description": form.text("description"),
        "success_criterion": form.text("success_criterion"),
        "criteria": proofs_from(form),
        "action": form.required("action", "Choose the action it belongs to"),
        "owner": form.optional("owner"),
        "organisation": form.optional("organisation"),
        "supporting_organisations": form.all("supporting_organisations"),
        "start_date": form.day("start_date", "The start date"),
        "due_date": form.day("due_date", "The due date"),
        "due_set_by": form.choice("due_set_by", DateSetter) or DateSetter.PLAN,
        "marking": form.choice("marking", Marking) or Marking.OFFICIAL,
    }


def _form_of(view: MilestoneView) -> Form:
    row = view.row
    return filled(
        {
            "title": row.title,
            "description": view.description,
            "success_criterion": view.success_criterion,
            "action": row.action.id,
            "owner": row.owner.id if row.owner else "",
            "organisation": row.organisation.slug,
            "supporting_organisations": [one.slug for one in row.supporting_organisations],
            "start_date": row.start_date,
            "due_date": row.due_date,
            "due_set_by": view.due_set_by,
            "marking": row.marking,
            "visibility": "keep",
        }
    )


def _facts_page(
    run: PageRunner,
    request: Request,
    plan: str,
    form: Form,
    view: MilestoneView | None,
    *,
    status: int = 200,
) -> Response:
    plan_view, offered = run.read(lambda uow: (get_plan(uow, slug=plan), choices(uow, slug=plan)))
    if view is None and not plan_view.may_edit:
        raise Forbidden("Your role does not let you add milestones. It takes a programme manager")
    with_rows(form, [one.proof for one in view.criteria] if view else [])
    base = f"/plans/{plan}/milestones"
    return render(
        request,
        "milestones/facts.html",
        frame=frame_of(run, plan_view, active="milestones", is_page=False),
        status=status,
        form=form,
        m=view,
        plan=plan_view,
        choices=offered,
        proof_places=range(rows_in(form)),
        proof_kinds=KINDS,
        markings=MARKINGS,
        date_setters=DATE_SETTERS,
        visibility=VISIBILITY if view else VISIBILITY[1:],
        heading="Change the facts" if view else "Add a milestone",
        caption=view.row.ref if view else "Milestones",
        back=f"{base}/{view.row.ref}" if view else base,
        action=f"{base}/{view.row.ref}/edit" if view else base,
        button="Save the facts" if view else "Add the milestone",
        version=view.row.version if view else "",
        in_draft=view is None or plan_view.state == "draft",
        refused_title="",
        clashes=_clashes(form, view, offered) if view else [],
    )


_COMPARED = {
    "title": "Title",
    "description": "Description",
    "success_criterion": "Success criterion",
    "owner": "Owner",
    "organisation": "Lead organisation",
    "supporting_organisations": "Supporting organisations",
    "action": "Action",
    "start_date": "Start date",
    "due_date": "Due date",
    "due_set_by": "Who set the due date",
    "marking": "Marking",
}
_IN_DRAFT_ONLY = {"success_criterion", "due_date"}
_MARKING_WORDS = {str(value): words for value, words, *_ in MARKINGS}


def _clashes(form: Form, view: MilestoneView, offered: Choices) -> list[tuple[str, str, str]]:
    """The fields in which what was typed differs from what is there now, when somebody else has changed it."""
    if form.stale is None:
        return []
    now = _form_of(view)
    words = {
        **dict(offered.owners), **dict(offered.organisations), **dict(offered.actions), **_MARKING_WORDS,
        **dict(DATE_SETTERS),
    }  # fmt: skip
    asked = [name for name in _COMPARED if form.value("in_draft") or name not in _IN_DRAFT_ONLY]
    compared = [(_COMPARED[name], _compared(form, name, words), _compared(now, name, words)) for name in asked]
    return [(label, yours, theirs) for label, yours, theirs in compared if yours != theirs]


def _compared(form: Form, name: str, words: dict[str, str]) -> str:
    """What a form says in a field, in words."""
    if name.endswith("_date"):
        return " ".join(form.text(f"{name}-{part}") for part in ("day", "month", "year")).strip()
    if name == "supporting_organisations":
        return listing(words.get(value, value) for value in form.all(name))
    return words.get(form.text(name), form.text(name))
