"""Milestones: the list, one of them, and every step from started to achieved and back."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from app.db import UnitOfWork
from app.domain import evidence as evidence_rules
from app.domain.acceptances import acceptance_words
from app.domain.days import day_count, london_day, times_words
from app.domain.files import ACCEPT_ATTRIBUTE, ACCEPTED_SENTENCE
from app.domain.milestones import MilestoneKey, MilestoneMoved, MilestoneRow, MilestoneView
from app.domain.plans import Choices, MilestoneFilters, MilestoneOrder, MilestonePage, PlanView, SortBy, order_of
from app.domain.refusals import Forbidden, Refused, invalid
from app.domain.words import DateSetter, Marking, Rag, Status
from app.pages.change_words import asked
from app.pages.deps import PageReceiver, PageRunner, Reading, Receiving, Writing
from app.pages.exception_reports import Addresses
from app.pages.forms import Form, Submitted, day_in_address, filled, see_other, settle
from app.pages.frames import frame_of
from app.pages.milestone_words import (
    audit_entries,
    entry_of,
    history_line,
    link_to,
    logged,
    needs_of,
    standing_of,
)
from app.pages.templating import render, wants_fragment
from app.pages.uploading import UPLOAD_BODY, keeping, received, upload_of
from app.pages.wording import (
    DATE_SETTER_WORDS,
    RAG_TITLES,
    STATUS_TITLES,
    approved_words,
    changed_words,
    date_line,
    evidence_words,
    listing,
    short,
    slip_words,
)
from app.services import baselines
from app.services import milestones as services
from app.services.audit_events import list_events
from app.services.evidence import check_complete
from app.services.milestones import get_milestone
from app.services.plans import choices, get_plan
from app.storage import IncomingFile

router = APIRouter()

ROWS = 50

RELEVANCE = [(str(score), f"{score}: {words}") for score, words in evidence_rules.RELEVANCE_ANCHORS.items()]
ROBUSTNESS = [(str(score), f"{score}: {words}") for score, words in evidence_rules.ROBUSTNESS_ANCHORS.items()]

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


# --- The list ------------------------------------------------------------------------------------------------------


class Wanted:
    """What the address of the list asks for."""

    def __init__(
        self,
        ref: str = "",
        rag: str = "",
        status: str = "",
        theme: str = "",
        owner: str = "",
        organisation: str = "",
        due_before: str = "",
        q: Annotated[str, Query(max_length=200)] = "",
        changed: str = "",
        since: str = "",
        sort: Annotated[str, Query(max_length=20)] = "",
        cursor: Annotated[str | None, Query(max_length=500)] = None,
    ) -> None:
        given = {
            "ref": ref, "rag": rag, "status": status, "theme": theme, "owner": owner, "organisation": organisation,
            "due_before": due_before, "q": q.strip(), "sort": sort, "changed": changed,
            "since": since if changed else "",
        }  # fmt: skip
        self.query = {name: value for name, value in given.items() if value}
        self.cursor = cursor or None

    @property
    def filters(self) -> MilestoneFilters:
        """Raises Invalid for a colour or a date that is none."""
        given = dict(self.query)
        due_before, since = given.pop("due_before", None), given.pop("since", None)
        given.pop("sort", None)
        if given.get("rag") and given["rag"] not in tuple(Rag):
            raise invalid("rag", "choice_invalid", f"Colour must be one of {listing(Rag)}")
        return MilestoneFilters(
            **{**given, "rag": Rag(given["rag"]) if given.get("rag") else None},  # type: ignore[arg-type]
            due_before=day_in_address("due_before", due_before, "Due before"),
            since=day_in_address("since", since, "Since"),
        )

    @property
    def order(self) -> MilestoneOrder:
        """Raises Invalid for a column that the table does not have."""
        return order_of(self.query.get("sort"))


# The statuses, and what the numbers on other pages link to besides.
STATUS_CHOICES = [
    *((str(status), words) for status, words in STATUS_TITLES.items()),
    ("evidence_outstanding", "Completed, evidence outstanding"),
    ("not_due", "Not yet due to start"),
    ("due_to_date", "Due by today"),
    ("moved", "Due date moved"),
    ("added_since", "Added since the last report"),
    ("live", "Not cancelled"),
]


@router.get("/plans/{plan}/milestones")
def show_milestones(run: Reading, plan: str, request: Request, wanted: Annotated[Wanted, Depends()]) -> Response:
    """The milestones of a plan, by reference or sorted by a column."""

    def read(uow: UnitOfWork) -> tuple[PlanView, MilestonePage, Choices]:
        view = get_plan(uow, slug=plan)
        page = services.list_milestones(
            uow, slug=plan, filters=wanted.filters, order=wanted.order, limit=ROWS, cursor=wanted.cursor
        )
        return view, page, choices(uow, slug=plan)

    view, page, offered = run.read(read)
    address = Addresses(request.url.path, wanted.query)
    return render(
        request,
        "milestones/list.html",
        frame=frame_of(run, view, active="milestones"),
        page=page,
        rows=[_printed(row, page.since) for row in page.items],
        since=page.since if wanted.query.get("status") == "added_since" else None,
        selects=_selects(wanted.query, offered),
        query=wanted.query,
        chips=_chips(wanted.query, offered, address),
        columns=_columns(wanted.order, address),
        order=ORDER_WORDS[str(wanted.order)],
        orders=[(value, words, value == str(wanted.order)) for value, words in ORDER_WORDS.items()],
        address=address,
        as_csv=Addresses(f"{request.url.path}.csv", wanted.query).with_(),
        next_page=address.with_(cursor=page.next_cursor) if page.next_cursor else None,
        is_first_page=wanted.cursor is None,
        may_add=view.may_edit,
    )


def _printed(row: MilestoneRow, since: datetime | None) -> tuple[Any, ...]:
    """A row of the table as ready strings, in the order in which the template names them."""
    colour = row.rag or ("achieved" if row.status is Status.ACHIEVED else "")
    late = row.due_date is not None and row.forecast_date is not None and row.forecast_date > row.due_date
    return (
        f"/plans/{row.plan_slug}/milestones/{row.ref}",
        row.ref,
        row.title,
        colour,
        RAG_TITLES[row.rag] if row.rag else row.standing,
        row.standing if row.rag else "",
        [reason.message for reason in row.reasons],
        row.owner.title if row.owner else "No owner",
        row.organisation.name,
        short(row.due_date) if row.due_date else "None agreed",
        _expected(row),
        late and row.completed_date is None,
        slip_words(row.slip_days) if row.slip_days is not None else "",
        f"{slip_words(row.approved_slip_days)} approved" if row.approved_slip_days else "",
        times_words(row.moves) if row.moves else "",
        *_days_of(row),
        evidence_words(row.evidence),
        [words for words, shown in (("Official-Sensitive", row.marking is Marking.OFFICIAL_SENSITIVE),
                                    ("Restricted", row.restricted),
                                    ("Carried over", row.carried_over is not None),
                                    (_added_words(since), is_new(row, since))) if shown],
    )  # fmt: skip


def _days_of(row: MilestoneRow) -> tuple[str, str]:
    """How long it has been an exception, and how much of that at Red."""
    if row.rag in (None, Rag.GREEN) or row.exception_days is None:
        return "", ""
    return day_count(row.exception_days), f"{row.days:,} Red" if row.rag is Rag.RED else ""


def is_new(row: MilestoneRow, since: datetime | None) -> bool:
    """Whether it was added to an approved plan since the last report."""
    return row.added_later_at is not None and since is not None and row.added_later_at >= since


def _added_words(since: datetime | None) -> str:
    return f"Added since {short(london_day(since))}" if since else ""


def _expected(row: MilestoneRow) -> str:
    if row.completed_date is not None:
        return f"Completed {short(row.completed_date)}"
    return short(row.forecast_date) if row.forecast_date else ""


# What each order is called, by the word in the address.
ORDER_WORDS = {
    "reference": "by reference",
    "-reference": "by reference, the last first",
    "standing": "by where they stand, Red first",
    "-standing": "by where they stand, Red last",
    "owner": "by owner, A to Z",
    "-owner": "by owner, Z to A",
    "due": "by due date, the earliest first",
    "-due": "by due date, the latest first",
    "expected": "by forecast or completed date, the earliest first",
    "-expected": "by forecast or completed date, the latest first",
    "slip": "by slip, the earliest first",
    "-slip": "by slip, the latest first",
    "moves": "by how often the due date was moved, the most seldom first",
    "-moves": "by how often the due date was moved, the most often first",
    "days": "by days as an exception, the shortest first",
    "-days": "by days as an exception, the longest first",
    "evidence": "by evidence, what has none first",
    "-evidence": "by evidence, what has none last",
}
_HEADINGS = {
    SortBy.REFERENCE: "Milestone",
    SortBy.STANDING: "Where it stands",
    SortBy.OWNER: "Owner, organisation",
    SortBy.DUE: "Due",
    SortBy.EXPECTED: "Forecast or completed",
    SortBy.SLIP: "Slip",
    SortBy.MOVES: "Moved",
    SortBy.DAYS: "An exception for",
    SortBy.EVIDENCE: "Evidence",
}


class _Column(NamedTuple):
    """A heading of the table: its words, the address sorted by it, what that does, and how it is sorted by it now."""

    words: str
    href: str
    does: str
    aria_sort: str


def _columns(order: MilestoneOrder, address: Addresses) -> list[_Column]:
    found = []
    for by, words in _HEADINGS.items():
        is_sorted = order.by is by
        other = MilestoneOrder(by, descending=is_sorted and not order.descending)
        now = ("descending" if order.descending else "ascending") if is_sorted else ""
        href = address.with_(sort=None if other == MilestoneOrder() else str(other))
        found.append(_Column(words, href, f"sort {ORDER_WORDS[str(other)]}", now))
    return found


def _selects(query: dict[str, str], offered: Choices) -> list[tuple[str, str, str, list[tuple[str, str, bool]]]]:
    lists = [
        ("rag", "Colour", "All colours", [(str(rag), words) for rag, words in RAG_TITLES.items()]),
        ("status", "Status", "All statuses", STATUS_CHOICES),
        ("theme", "Theme", "All themes", offered.themes),
        ("owner", "Owner", "All owners", offered.owners),
        ("organisation", "Organisation", "All organisations", offered.organisations),
    ]
    return [
        (name, label, every, [(value, words, value == query.get(name)) for value, words in options])
        for name, label, every, options in lists
    ]


def _chips(query: dict[str, str], offered: Choices, address: Addresses) -> list[tuple[str, str]]:
    named: dict[str, Callable[[str], str]] = {
        "rag": lambda value: value.capitalize(),
        "status": lambda value: dict(STATUS_CHOICES).get(value, value),
        "theme": lambda value: dict(offered.themes).get(value, "Theme"),
        "owner": lambda value: dict(offered.owners).get(value, "Owner"),
        "organisation": lambda value: dict(offered.organisations).get(value, value),
        "due_before": lambda value: f"Due before {value}",
        "q": lambda value: f"“{value}”",
        "ref": lambda value: value,
        "changed": lambda value: changed_words(value, date.fromisoformat(query["since"])),
    }
    return [(named[name](value), address.with_(**{name: None})) for name, value in query.items() if name in named]


# --- One milestone -------------------------------------------------------------------------------------------------


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
    **context: Any,
) -> Response:
    """The page of one milestone, or a part of it; `problem` is what was refused or wrong, `review_open` where."""
    row = view.row
    evidence = [logged(item, link_to(item, view)) for item in view.evidence]
    return render(
        request,
        template,
        frame=frame_of(run, plan, active="milestones", is_page=False),
        status=status,
        m=view,
        row=row,
        here=address_of(row.plan_slug, row.ref),
        standing=standing_of(view),
        track=date_line(row, today=today, achieved=row.achieved_date),
        needs=needs_of(view),
        evidence=evidence,
        timeline=[entry_of(entry) for entry in view.timeline],
        history=[history_line(change) for change in view.date_history],
        change_requests=[asked(one) for one in view.change_requests],
        slip=slip_words(row.slip_days),
        approved_slip=approved_words(row.approved_slip_days, row.moves),
        marking="Official-Sensitive" if row.marking is Marking.OFFICIAL_SENSITIVE else "",
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


@router.get("/plans/{plan}/milestones/{ref}")
def show_milestone(run: Reading, plan: str, ref: str, request: Request) -> Response:
    """One milestone: facts, what is still needed, evidence log, updates, date history."""
    view, plan_view = run.read(read_milestone, plan=plan, ref=ref)
    return show_milestone_page(run, request, view, plan_view, today=run.today)


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
    )


def names_around(view: MilestoneView, offered: Choices) -> dict[str, str]:
    """Who and what the ids in a milestone's trail mean, as far as the page knows."""
    row = view.row
    organisations = {one.id: one.name for one in (row.organisation, *row.supporting_organisations)}
    others = {one.other.id: one.other.ref for one in view.change_requests if one.other}
    return {**dict(offered.owners), **dict(offered.actions), **organisations, **others}


# --- Facts ---------------------------------------------------------------------------------------------------------


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


# --- Steps ---------------------------------------------------------------------------------------------------------


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
    return _step_page(run, request, plan, ref, Form(), _RETURN)


@router.post("/plans/{plan}/milestones/{ref}/return")
def return_to_progress(run: Writing, plan: str, ref: str, request: Request, form: Submitted) -> Response:
    """Return a completed milestone to in progress."""

    def change() -> MilestoneMoved:
        reason = form.required("reason", "Enter why it goes back to in progress")
        form.check()
        return run.write(services.return_to_progress, milestone=MilestoneKey(plan=plan, ref=ref), reason=reason)

    return _settle_step(run, request, plan, ref, form, change, _RETURN)


@router.get("/plans/{plan}/milestones/{ref}/reopening")
def ask_reopening(run: Reading, plan: str, ref: str, request: Request) -> Response:
    """The form that reopens an achieved milestone."""
    return _step_page(run, request, plan, ref, Form(), _REOPENING)


@router.post("/plans/{plan}/milestones/{ref}/reopening")
def reopen(run: Writing, plan: str, ref: str, request: Request, form: Submitted) -> Response:
    """Reopen an achieved milestone, and ask for its new due date."""

    def change() -> MilestoneMoved:
        reason = form.required("reason", "Enter why it is reopened")
        due_date = form.needed_day("due_date", "The new due date", "Enter the new due date to ask for")
        form.check()
        key = MilestoneKey(plan=plan, ref=ref)
        return run.write(services.reopen, milestone=key, reason=reason, due_date=due_date)

    return _settle_step(run, request, plan, ref, form, change, _REOPENING)


@router.get("/plans/{plan}/milestones/{ref}/declaration/lifting")
def ask_lifting(run: Reading, plan: str, ref: str, request: Request) -> Response:
    """The form that lifts a declaration."""
    return _step_page(run, request, plan, ref, Form(), _LIFTING)


@router.post("/plans/{plan}/milestones/{ref}/declaration/lifting")
def lift_declaration(run: Writing, plan: str, ref: str, request: Request, form: Submitted) -> Response:
    """Lift a declaration of Amber or Red."""

    def change() -> MilestoneMoved:
        reason = form.required("reason", "Enter why the declaration is lifted")
        form.check()
        return run.write(services.lift_declaration, milestone=MilestoneKey(plan=plan, ref=ref), reason=reason)

    return _settle_step(run, request, plan, ref, form, change, _LIFTING)


@router.get("/plans/{plan}/milestones/{ref}/baseline-correction")
def ask_baseline_correction(run: Reading, plan: str, ref: str, request: Request) -> Response:
    """The form that puts a mistyped baseline right."""
    return _step_page(run, request, plan, ref, Form(), _BASELINE)


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

    return _settle_step(run, request, plan, ref, form, change, _BASELINE)


_BASELINE = (
    "baseline-correction",
    "Correct a mistyped baseline",
    "Correct it",
    "milestones/baseline_correction.html",
    "correct_baseline",
)
_RETURN = ("return", "Return to in progress", "Return it", "milestones/return.html", "return_")
_REOPENING = ("reopening", "Reopen this milestone", "Reopen it", "milestones/reopening.html", "reopen")
_LIFTING = ("declaration/lifting", "Lift the declaration", "Lift it", "milestones/lifting.html", "lift_declaration")


def _settle_step(
    run: PageRunner,
    request: Request,
    plan: str,
    ref: str,
    form: Form,
    change: Callable[[], MilestoneMoved],
    step: tuple[str, str, str, str, str],
) -> Response:
    return settle(
        form,
        change,
        done=lambda view: see_other(address_of(plan, view.row.ref)),
        again=lambda form, status: _step_page(run, request, plan, ref, form, step, status=status),
    )


def _step_page(
    run: PageRunner,
    request: Request,
    plan: str,
    ref: str,
    form: Form,
    step: tuple[str, str, str, str, str],
    *,
    status: int = 200,
) -> Response:
    path, heading, button, template, offer = step
    view, plan_view = run.read(read_milestone, plan=plan, ref=ref)
    if not form.failed:
        require_offer(getattr(view.may, offer), f"do this ({heading.lower()})")
    return show_form(
        run, request, template, view, plan_view, form, path=path, heading=heading, button=button, status=status
    )


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
    await run.read(check_complete, milestone=key)

    async def change(form: Form, file: IncomingFile | None) -> Response:
        narrative = form.required("narrative", "Enter what was done")
        completed = form.day("completed_date", "The completed date")
        if completed is None and form.error("completed_date") is None:
            form.add("completed_date", "required", "Enter the day the work was finished")
        form.check()
        await run.write(
            keeping(file, services.report_completed),
            milestone=key,
            completed_date=completed,
            narrative=narrative,
            title=form.optional("title"),
            upload=upload_of(file),
        )
        return see_other(address_of(plan, ref))

    async def again(form: Form, status: int) -> Response:
        view, plan_view = await run.read(read_milestone, plan=plan, ref=ref)
        return _completion_page(run, request, view, plan_view, form, status=status)

    return await received(run, request, change, again=again)


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
