"""The inbox: what partners have sent, unread first and the oldest first, triaged where it stands or on its own page."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query, Request
from fastapi.responses import Response

from app.db import UnitOfWork
from app.domain import permissions
from app.domain.permissions import Act, Item
from app.domain.plans import Choices, PlanView
from app.domain.refusals import Forbidden
from app.domain.submissions import (
    Choice,
    Inbox,
    InboxFilters,
    InboxPage,
    Measures,
    Span,
    SubmissionItem,
    clock_colour,
    whole_hours,
)
from app.domain.words import PlanState, SubmissionKind, SubmissionState, TurnedInto
from app.doors.routing import NounRouter
from app.pages.deps import PageRunner, Reading, Writing
from app.pages.forms import Form, Submitted, filled, see_other, settle
from app.pages.frames import frame_of
from app.pages.submission_words import KINDS, Tiles, plot, row_of, tiles, week_rows
from app.pages.templating import render, wants_fragment
from app.services import receipts, triage
from app.services import submissions as services
from app.services.plans import choices, get_plan
from app.services.submissions import SubmissionKey

router = NounRouter()

_DONE = {
    SubmissionState.LOGGED: "logged",
    SubmissionState.RETURNED: "returned",
    SubmissionState.TURNED_INTO: "turned into something to be done",
    SubmissionState.MISDIRECTED: "recorded as misdirected",
}
# What one can do with a submission on its own page: the word in the address, the words on the page, the button.
WAYS = {
    "logged": ("Log it", "Log it"),
    "returned": ("Return it", "Return it"),
    "action": ("Turn it into an action", "Make the action"),
    "milestone": ("Turn it into a milestone", "Make the milestone"),
    "misdirected": ("It was misdirected", "Record it as misdirected"),
    "passing": ("Pass it on", "Pass it on"),
}
_MAKING = {"action": TurnedInto.ACTION, "milestone": TurnedInto.MILESTONE}

Cursor = Annotated[str | None, Query(max_length=500)]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the inbox page of a plan reads."""

    plan: PlanView
    inbox: Inbox


@router.get("/inbox")
def show_inboxes(run: Reading, request: Request, passed: str = "", cursor: Cursor = None) -> Response:
    """What waits in all plans in which I triage."""
    mine = passed == "me"
    found = run.read(services.inboxes, filters=InboxFilters(passed_to_me=mine), cursor=cursor or None)
    query = "&passed=me" if mine else ""
    return render(
        request,
        "submissions/all.html",
        frame=frame_of(run, active="inbox"),
        found=found,
        tile=_waiting_tiles(run, found),
        rows=[row_of(item, anywhere=True) for item in found.items],
        mine=mine,
        done="",
        next_page=f"/inbox?cursor={found.next_cursor}{query}" if found.next_cursor else None,
        is_first_page=not cursor,
    )


@router.get("/plans/{plan}/inbox")
def show_inbox(
    run: Reading,
    plan: str,
    request: Request,
    kind: str = "",
    organisation: str = "",
    passed: str = "",
    choose: str = "",
    cursor: Cursor = None,
    done: str = "",
) -> Response:
    """A plan's inbox."""
    filters = InboxFilters(
        kind=SubmissionKind(kind) if kind in tuple(SubmissionKind) else None,
        organisation=organisation or None,
        passed_to_me=passed == "me",
    )
    said = f"{done} was triaged." if done.replace("-", "").isalnum() and done.isascii() and len(done) < 20 else ""
    return _page(run, request, plan, filters=filters, cursor=cursor or None, choose=choose == "all", done=said)


@router.get("/plans/{plan}/inbox/triaged")
def show_triaged(run: Reading, plan: str, request: Request, cursor: Cursor = None) -> Response:
    """What was triaged, the latest first, with what came of each."""

    def read(uow: UnitOfWork) -> tuple[PlanView, tuple[SubmissionItem, ...], str | None]:
        items, more = services.triaged_in(uow, slug=plan, cursor=cursor or None)
        return get_plan(uow, slug=plan), items, more

    view, items, more = run.read(read)
    return render(
        request,
        "submissions/triaged.html",
        frame=frame_of(run, view, active="inbox", is_page=False),
        plan=view,
        rows=[row_of(item) for item in items],
        next_page=f"/plans/{view.slug}/inbox/triaged?cursor={more}" if more else None,
        is_first_page=not cursor,
    )


@router.get("/plans/{plan}/inbox/new")
def new_submission(run: Reading, plan: str, request: Request) -> Response:
    """The form with which a partner's person sends correspondence."""
    return _new_page(run, request, plan, Form())


@router.post("/plans/{plan}/inbox")
def send_correspondence(run: Writing, plan: str, request: Request, form: Submitted) -> Response:
    """Send correspondence; its receipt is its own page."""

    def change() -> SubmissionItem:
        title = form.required("title", "Enter what it is about")
        message = form.required("message", "Enter what you want to say")
        form.check()
        return run.write(
            receipts.send_correspondence,
            slug=plan,
            title=title,
            message=message,
            milestone=form.optional("milestone"),
            external_ref=form.optional("external_ref"),
        )

    return settle(
        form,
        change,
        done=lambda item: see_other(_address(plan, item.ref)),
        again=lambda form, status: _new_page(run, request, plan, form, status=status),
    )


@router.post("/plans/{plan}/inbox/triage")
def triage_together(run: Writing, plan: str, request: Request, form: Submitted) -> Response:
    """Give several like submissions the same answer."""

    def change() -> int:
        outcome = form.choice("outcome", SubmissionState)
        if outcome not in (SubmissionState.LOGGED, SubmissionState.RETURNED):
            form.add("outcome", "required", "Choose what happens to them")
        form.check()
        assert outcome is not None  # noqa: S101 - checked in the line above
        return run.write(
            triage.triage_together,
            submissions=[SubmissionKey(plan=plan, ref=ref) for ref in form.all("chosen")],
            choice=Choice(outcome, reason=form.optional("reason")),
        )

    return settle(
        form,
        change,
        done=lambda _: see_other(f"/plans/{plan}/inbox"),
        again=lambda form, status: _page(run, request, plan, form=form, status=status),
    )


@router.get("/plans/{plan}/inbox/{submission}")
def show_submission(run: Reading, plan: str, submission: str, request: Request, way: str = "") -> Response:
    """One submission: its receipt, what was sent, and what happens, or happened, to it."""
    return _one(run, request, plan, submission, way=way)


@router.post("/plans/{plan}/inbox/{submission}/triage")
def triage_one(run: Writing, plan: str, submission: str, request: Request, form: Submitted) -> Response:
    """Triage one submission, in its row or on its own page."""
    key, ref, way = SubmissionKey(plan=plan, ref=submission), submission, form.text("way")
    outcome = form.text("outcome")
    if not way and outcome in (SubmissionState.TURNED_INTO, SubmissionState.MISDIRECTED):
        # These take more than a row has room for: nothing is changed yet.
        more = "milestone" if outcome == SubmissionState.TURNED_INTO else "misdirected"
        return _go(request, f"{_address(plan, ref)}?way={more}#triage")

    def change() -> SubmissionItem:
        choice = _choice(form, way)
        form.check()
        return run.write(triage.triage, submission=key, choice=choice)

    def done(item: SubmissionItem) -> Response:
        if not wants_fragment(request):
            return see_other(f"/plans/{plan}/inbox?done={ref}" if item.made is None else _address(plan, ref))
        return _swapped(run, request, plan, form, done=f"{item.ref} was {_DONE[item.state]}.")

    def again(form: Form, status: int) -> Response:
        if not wants_fragment(request):
            return _one(run, request, plan, ref, way=way or outcome, form=form, status=status)
        return _swapped(run, request, plan, form, key=key, status=status)

    return settle(form, change, done=done, again=again)


@router.post("/plans/{plan}/inbox/{submission}/reading")
def mark_read(run: Writing, plan: str, submission: str, request: Request, anywhere: bool = False) -> Response:
    """Somebody who triages has opened it."""
    item = run.write(triage.mark_read, submission=SubmissionKey(plan=plan, ref=submission))
    if not wants_fragment(request):
        return see_other(f"/plans/{plan}/inbox#{submission}")
    found, tile = _numbers(run, plan, anywhere=anywhere)
    row = row_of(item, anywhere=anywhere)
    return render(request, "submissions/_read.html", frame=frame_of(run), row=row, found=found, tile=tile)


@router.post("/plans/{plan}/inbox/{submission}/passing")
def pass_on(run: Writing, plan: str, submission: str, request: Request, form: Submitted) -> Response:
    """Pass a submission to somebody who triages; the clock keeps running."""

    def change() -> SubmissionItem:
        person = form.required("person", "Choose a person")
        form.check()
        return run.write(triage.pass_on, submission=SubmissionKey(plan=plan, ref=submission), person=person)

    back = "/inbox" if form.value("anywhere") else f"/plans/{plan}/inbox#{submission}"
    return settle(
        form,
        change,
        done=lambda _: see_other(back),
        again=lambda form, status: _one(run, request, plan, submission, way="passing", form=form, status=status),
    )


# --- The pages --------------------------------------------------------------------------------------------------------


def _page(
    run: PageRunner,
    request: Request,
    plan: str,
    *,
    filters: InboxFilters | None = None,
    cursor: str | None = None,
    choose: bool = False,
    form: Form | None = None,
    done: str = "",
    status: int = 200,
) -> Response:
    filters, form = filters or InboxFilters(), form or Form()

    def read(uow: UnitOfWork) -> _Seen:
        inbox = services.inbox_of(uow, slug=plan, filters=filters, cursor=cursor)
        return _Seen(get_plan(uow, slug=plan), inbox)

    seen = run.read(read)
    view, inbox = seen.plan, seen.inbox
    query = _query(filters)
    here, chosen = f"/plans/{view.slug}/inbox", set(form.all("chosen"))
    rows = [row_of(item) for item in inbox.page.items]
    return render(
        request,
        "submissions/inbox.html",
        frame=frame_of(run, view, active="inbox"),
        status=status,
        plan=view,
        found=inbox.page,
        rows=rows,
        people=inbox.people,
        may_triage=inbox.may_triage,
        sees_all=permissions.may_know_all(run.actor, view.id),
        organisation=run.actor.organisation,
        may_send=_may_send(run, view),
        tile=_tiles(run, inbox.page, inbox),
        triaged=[row_of(item) for item in inbox.triaged],
        measures=inbox.measures,
        plot=plot(inbox.measures),
        weeks=week_rows(inbox.measures),
        filters=filters,
        kinds=list(KINDS.items()),
        senders=inbox.senders,
        matching=inbox.page.matching or 0,
        choose=choose or bool(chosen),
        choose_all=f"{here}?{urlencode({**query, 'choose': 'all'})}",
        form=form,
        done=done,
        next_page=f"{here}?{urlencode({**query, 'cursor': inbox.page.next_cursor})}"
        if inbox.page.next_cursor
        else None,
        is_first_page=not cursor,
    )


def _query(filters: InboxFilters) -> dict[str, str]:
    found = {
        "kind": str(filters.kind or ""),
        "organisation": filters.organisation or "",
        "passed": "me" if filters.passed_to_me else "",
    }
    return {name: value for name, value in found.items() if value}


def _one(
    run: PageRunner,
    request: Request,
    plan: str,
    ref: str,
    *,
    way: str = "",
    form: Form | None = None,
    status: int = 200,
) -> Response:
    def read(uow: UnitOfWork) -> tuple[SubmissionItem, PlanView, Choices, tuple[tuple[str, str], ...]]:
        item = services.get_submission(uow, submission=SubmissionKey(plan=plan, ref=ref))
        view = get_plan(uow, slug=plan)
        offered = choices(uow, slug=plan) if item.may_triage else Choices((), (), (), ())
        people = services.people_to_pass_to(uow, view.id, view.organisation.id) if item.may_triage else ()
        return item, view, offered, people

    item, view, offered, people = run.read(read)
    ways = _ways(run, item)
    way = way if way in ways else "logged"
    return render(
        request,
        "submissions/page.html",
        frame=frame_of(run, view, active="inbox", is_page=False),
        status=status,
        plan=view,
        item=item,
        row=row_of(item),
        form=form or filled({"title": item.title}),
        way=way,
        ways=[(name, WAYS[name][0]) for name in ways],
        button=WAYS[way][1],
        themes=offered.themes,
        actions=offered.actions,
        owners=offered.owners,
        people=people,
    )


def _ways(run: PageRunner, item: SubmissionItem) -> list[str]:
    """Only who may add actions and milestones turns a submission into one."""
    may_make = permissions.may(run.actor, Act.EDIT_PLAN, Item(plan_id=item.plan_id))
    return [name for name in WAYS if may_make or name not in _MAKING]


def _new_page(run: PageRunner, request: Request, plan: str, form: Form, *, status: int = 200) -> Response:
    view = run.read(get_plan, slug=plan)
    if not _may_send(run, view) and not form.failed:
        raise Forbidden("Correspondence is sent by people of other organisations than the plan's lead organisation")
    return render(
        request,
        "submissions/new.html",
        frame=frame_of(run, view, active="inbox", is_page=False),
        status=status,
        form=form,
        plan=view,
        heading="Send correspondence",
        caption="the inbox",
        back=f"/plans/{view.slug}/inbox",
        action=f"/plans/{view.slug}/inbox",
        button="Send it",
        version="",
        refused_title="It was not sent",
        clashes=[],
    )


def _may_send(run: PageRunner, plan: PlanView) -> bool:
    outside = run.actor.organisation_id != plan.organisation.id
    open_plan = plan.state is not PlanState.CLOSED
    return outside and open_plan and permissions.may(run.actor, Act.SUBMIT, Item(plan_id=plan.id))


def _swapped(
    run: PageRunner,
    request: Request,
    plan: str,
    form: Form,
    *,
    key: SubmissionKey | None = None,
    done: str = "",
    status: int = 200,
) -> Response:
    """The row again with what is wrong or, once it is triaged, nothing; and the numbers at the head."""
    anywhere = bool(form.value("anywhere"))
    found, tile = _numbers(run, plan, anywhere=anywhere)
    row = row_of(run.read(services.get_submission, submission=key), anywhere=anywhere) if key else None
    return render(
        request,
        "submissions/_swapped.html",
        frame=frame_of(run),
        status=status,
        # Nothing takes the place of what was triaged: without this HTMX would leave the row where it is.
        headers=None if row else {"HX-Reswap": "delete"},
        row=row,
        people=(),
        form=form,
        anywhere=anywhere,
        done=done,
        found=found,
        tile=tile,
    )


def _numbers(run: PageRunner, plan: str, *, anywhere: bool) -> tuple[InboxPage, Tiles]:
    if anywhere:
        found = run.read(services.inboxes, limit=1)
        return found, _waiting_tiles(run, found)
    inbox = run.read(services.inbox_of, slug=plan, limit=1)
    return inbox.page, _tiles(run, inbox.page, inbox)


def _tiles(run: PageRunner, page: InboxPage, inbox: Inbox) -> Tiles:
    counts = page.counts
    hours, limit, colour = _oldest(run, page)
    return tiles(counts, inbox.measures, hours=hours, limit=limit, colour=colour)


def _waiting_tiles(run: PageRunner, page: InboxPage) -> Tiles:
    """Several plans have no measures in common: only what waits."""
    hours, limit, colour = _oldest(run, page)
    shown = tiles(page.counts, Measures((), Span()), hours=hours, limit=limit, colour=colour)
    return shown._replace(in_time="", followed="")


def _oldest(run: PageRunner, page: InboxPage) -> tuple[int, int, Any]:
    counts = page.counts
    if counts.oldest_at is None or counts.oldest_due_at is None or counts.oldest_amber_from is None:
        return 0, 0, None
    return (
        whole_hours(counts.oldest_at, run.now),
        whole_hours(counts.oldest_at, counts.oldest_due_at),
        clock_colour(counts.oldest_amber_from, counts.oldest_due_at, run.now),
    )


def _choice(form: Form, way: str) -> Choice:
    """What the form decides: one of the ways of a submission's own page, or the outcome chosen in its row."""
    if way in _MAKING:
        return Choice(
            SubmissionState.TURNED_INTO,
            reason=form.optional("reason"),
            into=_MAKING[way],
            title=form.required("title", f"Enter the {way}"),
            parent=form.required("parent", "Choose a theme" if way == "action" else "Choose an action"),
            owner=form.optional("owner"),
            due_date=form.day("due_date", "The due date"),
            success_criterion=form.optional("success_criterion"),
        )
    if way == "misdirected":
        return Choice(
            SubmissionState.MISDIRECTED,
            handed_to=form.required("handed_to", "Enter whom you handed it to"),
            handed_on=form.needed_day("handed_on", "The day", "Enter the day on which you handed it on"),
            their_reference=form.required("their_reference", "Enter their reference"),
        )
    if way:
        form.values["outcome"] = [way]
    outcome = form.choice("outcome", SubmissionState)
    if outcome is None or outcome is SubmissionState.WAITING:
        form.add("outcome", "required", "Choose what happens to it")
    if outcome is SubmissionState.RETURNED:
        form.required("reason", "Enter why it is returned: its sender will read it")
    return Choice(outcome or SubmissionState.WAITING, reason=form.optional("reason"))


def _go(request: Request, address: str) -> Response:
    """To another page: HTMX is told so, instead of being sent a page to swap in."""
    if wants_fragment(request):
        return Response(status_code=204, headers={"HX-Redirect": address})
    return see_other(address)


def _address(plan: str, ref: str) -> str:
    return f"/plans/{plan}/inbox/{ref}"
