"""One milestone: its page, its audit trail, and the frame of every form about it."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import Response

from app.db import UnitOfWork
from app.domain import evidence as evidence_rules
from app.domain.acceptances import acceptance_words
from app.domain.markings import MARKING_WORDS, marks_of
from app.domain.milestones import MilestoneKey, MilestoneView
from app.domain.permissions import Act, Item, may
from app.domain.plans import Choices, PlanView
from app.domain.refusals import Forbidden, Refused
from app.domain.words import DateSetter
from app.doors.routing import NounRouter
from app.pages.change_words import asked
from app.pages.deps import PageReceiver, PageRunner, Reading
from app.pages.forms import Form, see_other
from app.pages.frames import frame_of
from app.pages.milestone_words import (
    audit_entries,
    entry_of,
    history_line,
    log_of,
    needs_of,
    standing_of,
)
from app.pages.templating import render
from app.pages.wording import (
    DATE_SETTER_WORDS,
    RAG_TITLES,
    approved_words,
    date_line,
    listing,
    slip_words,
)
from app.services.audit_events import list_events
from app.services.milestones import get_milestone
from app.services.plans import choices, get_plan

router = NounRouter()

ROWS = 50

RELEVANCE = [(str(score), f"{score}: {words}") for score, words in evidence_rules.RELEVANCE_ANCHORS.items()]
ROBUSTNESS = [(str(score), f"{score}: {words}") for score, words in evidence_rules.ROBUSTNESS_ANCHORS.items()]


def show_milestone_page(
    run: PageRunner | PageReceiver,
    request: Request,
    view: MilestoneView,
    plan: PlanView,
    *,
    today: date,
    status: int = 200,
    template: str = "milestones/page.html",
    problem: Form | None = None,
    gate_refusal: Refused | None = None,
    refused_at: datetime | None = None,
    review_open: str = "",
    focus: str = "",
    already: bool = False,
    **context: Any,
) -> Response:
    """The page of one milestone, or a part of it; `problem` is what was refused or wrong, `review_open` where."""
    row = view.row
    return render(
        request,
        template,
        frame=frame_of(run, plan, active="milestones", is_page=False),
        status=status,
        m=view,
        row=row,
        here=address_of(row.plan_slug, row.ref),
        already=already,
        standing=standing_of(view),
        ending_days=(row.evidence.ends_on - today).days if row.evidence.ends_on else None,
        track=date_line(row, today=today, achieved=row.achieved_date),
        needs=needs_of(view),
        evidence=log_of(view),
        items=len(view.evidence),
        timeline=[entry_of(entry) for entry in view.timeline],
        history=[history_line(change) for change in view.date_history],
        change_requests=[asked(one) for one in view.change_requests],
        slip=slip_words(row.slip_days),
        approved_slip=approved_words(row.approved_slip_days, row.moves),
        marks=marks_of(row),
        marking=MARKING_WORDS[row.marking],
        restricted_to=listing(view.restricted_to),
        set_by=DATE_SETTER_WORDS[view.due_set_by] if view.due_set_by is not DateSetter.PLAN else "",
        rag_titles=RAG_TITLES,
        acceptance_words=acceptance_words,
        relevance=RELEVANCE,
        robustness=ROBUSTNESS,
        problem=problem or Form(),
        problem_is_gate=gate_refusal is not None,
        gate_refusal=gate_refusal,
        refused_at=refused_at,
        review_open=review_open,
        blank=Form(),
        focus=focus,
        oob=False,
        oob_gate=False,
        **context,
    )


def address_of(plan: str, ref: str) -> str:
    """Where a milestone's page is."""
    return f"/plans/{plan}/milestones/{ref}"


def read_milestone(uow: UnitOfWork, *, plan: str, ref: str) -> tuple[MilestoneView, PlanView]:
    """A milestone and its plan, as its page and its forms need both."""
    return get_milestone(uow, milestone=MilestoneKey(plan=plan, ref=ref)), get_plan(uow, slug=plan)


def require_offer(offered: bool, what: str) -> None:
    """A form is not shown to who could not send it. Raises Forbidden."""
    if not offered:
        raise Forbidden(f"You cannot {what} here: either it is not your part, or this milestone is not at that point")


@router.get("/milestones/{milestone}")
def find_milestone(run: Reading, milestone: str) -> Response:
    """From a milestone's id, as the API gives it, to its page."""
    row = run.read(get_milestone, milestone=MilestoneKey(id=milestone)).row
    return see_other(address_of(row.plan_slug, row.ref))


@router.get("/plans/{plan}/milestones/{ref}")
def show_milestone(run: Reading, plan: str, ref: str, request: Request, saved: str = "") -> Response:
    """One milestone: facts, what is still needed, evidence log, updates, date history."""
    view, plan_view = run.read(read_milestone, plan=plan, ref=ref)
    return show_milestone_page(run, request, view, plan_view, today=run.today, already=saved == "already")


@router.get("/plans/{plan}/milestones/{ref}/audit")
def show_audit(
    run: Reading, plan: str, ref: str, request: Request, cursor: Annotated[str | None, Query(max_length=500)] = None
) -> Response:
    """The audit trail of one milestone, newest first."""

    def read(uow: UnitOfWork) -> Any:
        view, plan_view = read_milestone(uow, plan=plan, ref=ref)
        found = list_events(uow, slug=plan, item=view.row.id, limit=ROWS, cursor=cursor)
        return view, plan_view, choices(uow, slug=plan), *found

    view, plan_view, offered, lines, more = run.read(read)
    here = address_of(plan, ref)
    return render(
        request,
        "audit_events/page.html",
        frame=frame_of(run, plan_view, active="milestones", is_page=False),
        heading="Audit trail",
        caption=f"{view.row.ref} {view.row.title}",
        back=here,
        back_words=f"Back to {view.row.ref}",
        entries=audit_entries(lines, names=names_around(view, offered)),
        next_page=f"{here}/audit?cursor={more}" if more else None,
        first_page=f"{here}/audit" if cursor else None,
        as_csv=f"{here}/audit.csv",
        records=f"/plans/{plan}/records",
        may_read_records=may(run.actor, Act.READ_AUDIT, Item(plan_id=plan_view.id)),
        may_propose=may(run.actor, Act.PROPOSE_RECORD, Item(plan_id=plan_view.id)),
    )


def names_around(view: MilestoneView, offered: Choices) -> dict[str, str]:
    """Who and what the ids in a milestone's trail mean, as far as the page knows."""
    row = view.row
    organisations = {one.id: one.name for one in (row.organisation, *row.supporting_organisations)}
    others = {one.other.id: one.other.ref for one in view.change_requests if one.other}
    return {**dict(offered.owners), **dict(offered.actions), **organisations, **others}


def show_form(
    run: PageRunner | PageReceiver,
    request: Request,
    template: str,
    view: MilestoneView,
    plan: PlanView,
    form: Form,
    *,
    path: str,
    heading: str,
    button: str,
    status: int = 200,
    **context: Any,
) -> Response:
    """A form about one milestone, posted to `path` beneath its page."""
    here = address_of(plan.slug, view.row.ref)
    return render(
        request,
        template,
        frame=frame_of(run, plan, active="milestones", is_page=False),
        status=status,
        form=form,
        m=view,
        row=view.row,
        here=here,
        caption=view.row.ref,
        heading=heading,
        back=here,
        action=f"{here}/{path}",
        button=button,
        **{"version": "", "refused_title": "", "clashes": [], **context},
    )
