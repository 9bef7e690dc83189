"""Review meetings: a plan's list, shown a year ahead, and what becomes of each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from app.domain.days import day_count, long_date, weekday_date
from app.domain.meetings import MeetingList, MeetingView
from app.domain.refusals import Forbidden
from app.domain.words import MeetingState
from app.doors.routing import NounRouter
from app.pages.deps import PageRunner, Reading, Writing
from app.pages.forms import Form, Submitted, see_other, settle
from app.pages.frames import frame_of
from app.pages.templating import render, sentence
from app.pages.wording import listing
from app.services import meetings as services

router = NounRouter()


@router.get("/plans/{plan}/meetings")
def show_meetings(run: Reading, plan: str, request: Request, past: str = "") -> Response:
    """The review meetings of a plan: those to come, the next one marked, and those that are past."""
    return _list_page(run, request, plan, Form(), all_past=past == "all")


@router.post("/plans/{plan}/meetings")
def add_meeting(run: Writing, plan: str, request: Request, form: Submitted) -> Response:
    """List one review meeting by hand."""

    def change() -> MeetingView:
        on = form.needed_day("on", "The day of the meeting")
        form.check()
        return run.write(services.add_meeting, slug=plan, on=on)

    return settle(
        form,
        change,
        done=lambda view: see_other(_address(plan, view)),
        again=lambda form, status: _list_page(run, request, plan, form, status=status),
    )


@router.post("/plans/{plan}/meetings/year")
def make_list(run: Writing, plan: str, request: Request, form: Submitted) -> Response:
    """List the meetings of the plan's cycle for a year ahead."""

    def change() -> tuple[MeetingView, ...]:
        first_day = form.day("first_day", "The first day")
        form.check()
        return run.write(services.make_list, slug=plan, first_day=first_day)

    return settle(
        form,
        change,
        done=lambda views: see_other(_address(plan, views[0])),
        again=lambda form, status: _list_page(run, request, plan, form, status=status),
    )


def _address(plan: str, view: MeetingView) -> str:
    return f"/plans/{plan}/meetings#{view.id}"


def _list_page(
    run: PageRunner, request: Request, plan: str, form: Form, *, status: int = 200, all_past: bool = False
) -> Response:
    found = run.read(services.meeting_list, slug=plan, all_past=all_past)
    here = f"/plans/{plan}/meetings"
    return render(
        request,
        "meetings/page.html",
        frame=frame_of(run, found.plan, active="meetings"),
        status=status,
        form=form,
        plan=found.plan,
        here=here,
        coming=[_entry(view, found, run) for view in found.coming],
        past=[_entry(view, found, run) for view in found.past],
        left_out=found.past_total - len(found.past),
        past_total=found.past_total,
        may_edit=found.plan.may_edit,
        rhythm=day_count(found.plan.cycle_days),
        last_listed=found.last_listed,
        goes_on=_goes_on(found),
    )


def _goes_on(found: MeetingList) -> str:
    """Where the list begins if no first day is chosen; empty when one has to be."""
    if found.last_listed is not None:
        return f"Leave it empty to go on from {long_date(found.last_listed)}."
    if found.plan.approved_on is not None:
        return f"Leave it empty to count from {long_date(found.plan.approved_on)}, when the plan was approved."
    return ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One meeting in words: a title, a word for its state, what there is to say, and what may be done with it."""

    id: str
    title: str
    state: str
    css: str
    lines: tuple[str, ...]
    warning: str
    is_next: bool
    may_hold: bool
    may_change: bool


def _entry(view: MeetingView, found: MeetingList, run: PageRunner) -> Entry:
    is_open = view.state in (MeetingState.PLANNED, MeetingState.MOVED) and found.plan.may_edit
    unrecorded = view.on < run.today and view.state in (MeetingState.PLANNED, MeetingState.MOVED)
    state, css = ("Not recorded as held", " wm-state--strong") if unrecorded else STATES[view.state]
    return Entry(
        id=view.id,
        title=weekday_date(view.on),
        state=state,
        css=css,
        lines=tuple(line for line in (_moved(view), _cancelled(view), _attended(view)) if line),
        warning=sentence(view.warning) if view.warning and view.state is not MeetingState.CANCELLED else "",
        is_next=view.id == found.next_id,
        may_hold=is_open and view.on <= run.today,
        may_change=is_open,
    )


STATES = {
    MeetingState.PLANNED: ("Planned", ""),
    MeetingState.MOVED: ("Moved", " wm-state--wash"),
    MeetingState.HELD: ("Held", " wm-state--wash"),
    MeetingState.CANCELLED: ("Cancelled", " wm-state--off"),
}


def _moved(view: MeetingView) -> str:
    if view.moved_from is None:
        return ""
    return f"Moved from {weekday_date(view.moved_from)}: “{view.move_reason or 'no reason given'}”"


def _cancelled(view: MeetingView) -> str:
    return f"Cancelled: “{view.cancellation_reason}”" if view.cancellation_reason else ""


def _attended(view: MeetingView) -> str:
    """Who was there, by post title; others as they were typed."""
    if view.state is not MeetingState.HELD:
        return ""
    there = []
    if view.attended:
        there.append(f"Attended by {listing(f'{one.title} ({one.organisation})' for one in view.attended)}.")
    if view.others_present:
        there.append(f"Also there: {sentence(view.others_present)}")
    return " ".join(there) or "Who attended was not recorded."


# --- What becomes of a meeting -------------------------------------------------------------------------------------


@router.get("/plans/{plan}/meetings/{meeting}/holding")
def ask_holding(run: Reading, plan: str, meeting: str, request: Request) -> Response:
    """The form that puts a meeting on record as held."""
    return _step_page(run, request, plan, meeting, Form(), _HOLDING)


@router.post("/plans/{plan}/meetings/{meeting}/holding")
def hold_meeting(run: Writing, plan: str, meeting: str, request: Request, form: Submitted) -> Response:
    """Put on record that a meeting took place, and who was there."""

    def change() -> MeetingView:
        return run.write(
            services.hold_meeting,
            meeting=meeting,
            attended=form.all("attended"),
            others_present=form.optional("others_present"),
            if_match=form.optional("version"),
        )

    return _settle_step(run, request, plan, meeting, form, change, _HOLDING)


@router.get("/plans/{plan}/meetings/{meeting}/move")
def ask_move(run: Reading, plan: str, meeting: str, request: Request) -> Response:
    """The form that moves a meeting."""
    return _step_page(run, request, plan, meeting, Form(), _MOVE)


@router.post("/plans/{plan}/meetings/{meeting}/move")
def move_meeting(run: Writing, plan: str, meeting: str, request: Request, form: Submitted) -> Response:
    """Move a meeting to another day."""

    def change() -> MeetingView:
        on = form.needed_day("on", "The new day")
        reason = form.required("reason", "Enter why the meeting is moved")
        form.check()
        version = form.optional("version")
        return run.write(services.move_meeting, meeting=meeting, on=on, reason=reason, if_match=version)

    return _settle_step(run, request, plan, meeting, form, change, _MOVE)


@router.get("/plans/{plan}/meetings/{meeting}/cancellation")
def ask_cancellation(run: Reading, plan: str, meeting: str, request: Request) -> Response:
    """The form that cancels a meeting."""
    return _step_page(run, request, plan, meeting, Form(), _CANCELLATION)


@router.post("/plans/{plan}/meetings/{meeting}/cancellation")
def cancel_meeting(run: Writing, plan: str, meeting: str, request: Request, form: Submitted) -> Response:
    """Cancel a meeting."""

    def change() -> MeetingView:
        reason = form.required("reason", "Enter why the meeting is cancelled")
        form.check()
        version = form.optional("version")
        return run.write(services.cancel_meeting, meeting=meeting, reason=reason, if_match=version)

    return _settle_step(run, request, plan, meeting, form, change, _CANCELLATION)


Step = tuple[str, str, str]
_HOLDING: Step = ("holding", "Record it as held", "Record it as held")
_MOVE: Step = ("move", "Move this review meeting", "Move it")
_CANCELLATION: Step = ("cancellation", "Cancel this review meeting", "Cancel the meeting")


def _settle_step(
    run: PageRunner,
    request: Request,
    plan: str,
    meeting: str,
    form: Form,
    change: Callable[[], MeetingView],
    step: Step,
) -> Response:
    run.read(services.get_meeting, slug=plan, meeting=meeting)  # a meeting of this plan, or none at all
    return settle(
        form,
        change,
        done=lambda view: see_other(_address(plan, view)),
        again=lambda form, status: _step_page(run, request, plan, meeting, form, step, status=status),
    )


def _step_page(
    run: PageRunner, request: Request, plan: str, meeting: str, form: Form, step: Step, *, status: int = 200
) -> Response:
    path, heading, button = step
    found = run.read(services.get_meeting, slug=plan, meeting=meeting)
    view = found.meeting
    if not found.plan.may_edit:
        raise Forbidden("Your role does not let you change review meetings. It takes a programme manager")
    return render(
        request,
        f"meetings/{path}.html",
        frame=frame_of(run, found.plan, active="meetings", is_page=False),
        status=status,
        form=form,
        meeting=view,
        people=[(one.id, f"{one.title}, {one.organisation}") for one in found.people],
        heading=heading,
        caption="Review meetings",
        back=f"/plans/{plan}/meetings",
        action=f"/plans/{plan}/meetings/{meeting}/{path}",
        button=button,
        version=form.value("version") if form.failed and not form.stale else view.version,
        refused_title="",
        clashes=_clashes(form, view),
    )


def _clashes(form: Form, view: MeetingView) -> list[tuple[str, Any, str]]:
    if form.stale is None:
        return []
    said = [f"{STATES[view.state][0]}, {weekday_date(view.on)}.", _moved(view), _cancelled(view), _attended(view)]
    typed = form.text("reason") or form.text("others_present")
    return [("This review meeting", typed, " ".join(filter(None, said)))]
