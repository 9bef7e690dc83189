"""My updates: everything that needs me before the next review, a form each, saved one by one."""

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response

from app.domain.days import clock_time, day_count, long_date
from app.domain.markings import marks_of
from app.domain.milestones import MilestoneKey, MilestoneRow, UpdateView
from app.domain.my_updates import ItemToUpdate, MyUpdates
from app.domain.words import OPEN_STATUSES, Status
from app.doors.routing import NounRouter
from app.pages.deps import PageRunner, Reading, Writing
from app.pages.forms import Form, Submitted, see_other, settle
from app.pages.frames import frame_of
from app.pages.milestones import address_of
from app.pages.templating import number, render, wants_fragment
from app.pages.updates import CAUSES, DECLARATIONS, form_from, update_asked
from app.pages.wording import RAG_TITLES, approved_words, slip_words
from app.services import my_updates as services
from app.services.updates import add_update

router = NounRouter()

HERE = "/updates"
_MORE = ("issue", "support_required", "path_to_green", "return_to_green_on", "waiting_on", "cause", "rationale",
         "declared_rag")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Section:
    """One milestone on the page in ready words: with its form, or without once it is saved."""

    row: MilestoneRow
    anchor: str
    address: str
    milestone: str
    form: Form | None
    state: str
    state_class: str
    tag: str
    tag_class: str
    days: str
    reasons: tuple[str, ...]
    about: str
    needs: str
    last: str
    said: str
    question: str
    no_change: str
    is_open: bool
    next: str = ""
    more_open: bool = False
    summary_here: bool = False
    focus: bool = False
    just_saved: bool = False
    changing: bool = False


@router.get(HERE)
def show_my_updates(
    run: Reading,
    request: Request,
    whose: str = "",
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """What is left, the worst first, and what I have updated today."""
    return _page(run, request, only_own=whose == "own", cursor=cursor or None)


@router.get(f"{HERE}/{{plan}}/{{ref}}")
def change_my_update(run: Reading, plan: str, ref: str, request: Request) -> Response:
    """The form of one milestone again, with what I saved today."""
    item = run.read(services.item_to_update, milestone=MilestoneKey(plan=plan, ref=ref))
    section = replace(_section(item, form=_form_for(item, again=True)), focus=True, changing=item.saved is not None)
    if wants_fragment(request):
        return _swapped(run, request, section)
    return _page(run, request, instead=section)


@router.post(f"{HERE}/{{plan}}/{{ref}}")
def save_my_update(run: Writing, plan: str, ref: str, request: Request, form: Submitted) -> Response:
    """Save one update; the section comes back as a line, or with what is wrong and every word kept."""
    key = MilestoneKey(plan=plan, ref=ref)

    def change() -> UpdateView:
        asked = update_asked(form)
        return run.write(add_update, milestone=key, if_match=form.optional("version"), **asked)

    def done(_: UpdateView) -> Response:
        if not wants_fragment(request):
            return see_other(f"{HERE}#{_anchor_in(form) or 'left'}")
        item, (left, saved) = run.read(
            lambda uow: (services.item_to_update(uow, milestone=key), services.progress(uow))
        )
        section = replace(_section(item, form=None), just_saved=True)
        return _swapped(run, request, section, left=left, saved=saved)

    def again(form: Form, status: int) -> Response:
        item = run.read(services.item_to_update, milestone=key)
        form.prefix = f"{_anchor(item.row)}-"
        section = replace(
            _section(item, form=form),
            state="Not saved",
            next=_anchor_in(form),
            more_open=any(form.error(name) for name in _MORE) or bool(form.value("declared_rag")),
            summary_here=wants_fragment(request),
        )
        if wants_fragment(request):
            return _swapped(run, request, section, status=status)
        return _page(run, request, instead=section, status=status)

    return settle(form, change, done=done, again=again)


def _page(
    run: PageRunner,
    request: Request,
    *,
    only_own: bool = False,
    cursor: str | None = None,
    instead: Section | None = None,
    status: int = 200,
) -> Response:
    """The whole page; `instead` takes the place of its milestone, or the first place."""
    found: MyUpdates = run.read(services.my_updates, only_own=only_own, cursor=cursor)
    sections = [_section(item, form=_form_for(item)) for item in found.items]
    sections = [
        replace(one, next=after.anchor) for one, after in zip(sections, [*sections[1:], *sections[:1]], strict=True)
    ]
    saved = [_section(item, form=None) for item in found.saved]
    if instead is not None:
        places = {one.anchor for one in sections}
        saved = [one for one in saved if one.anchor != instead.anchor]
        sections = [instead if one.anchor == instead.anchor else one for one in sections]
        sections = sections if instead.anchor in places else [instead, *sections]
    here = f"{HERE}?whose=own" if only_own else HERE
    return render(
        request,
        "my_updates/page.html",
        frame=frame_of(run, active="updates", updates=None if only_own else found.left),
        status=status,
        found=found,
        sections=sections,
        saved=saved,
        failed=instead if instead and instead.form and instead.form.failed else None,
        left=left_words(found.left, found.done),
        empty=_empty(found),
        only_own=only_own,
        offers_own=bool(found.left or only_own),
        next_page=f"{here}{'&' if only_own else '?'}cursor={found.next_cursor}" if found.next_cursor else None,
        first_page=here,
        is_first_page=cursor is None,
        causes=CAUSES,
        declarations=DECLARATIONS,
    )


def _swapped(
    run: PageRunner,
    request: Request,
    section: Section,
    *,
    left: int | None = None,
    saved: int = 0,
    status: int = 200,
) -> Response:
    return render(
        request,
        "my_updates/_swapped.html",
        frame=frame_of(run, active="updates", updates=left if left is not None else 0),
        status=status,
        section=section,
        left=left_words(left, saved) if left is not None else "",
        causes=CAUSES,
        declarations=DECLARATIONS,
    )


def left_words(left: int, done: int) -> str:
    """How many are left, of how many there were when today's work began."""
    if left == 0:
        return "None left" if done == 0 else f"All {number(done)} updated"
    return f"{number(left)} of {number(left + done)} left"


def _empty(found: MyUpdates) -> str:
    if found.done:
        return "All are up to date." if found.done > 1 else "It is up to date."
    return "Nothing needs an update from you before the next review."


def _anchor(row: MilestoneRow) -> str:
    """The references of several plans may be the same, so the plan stands in front."""
    return f"{row.plan_slug}-{row.ref}"


def _anchor_in(form: Form) -> str:
    """The section to go on with, as the form named it."""
    found = form.text("next")
    return found if found.isascii() and found.replace("-", "").isalnum() else ""


def _form_for(item: ItemToUpdate, *, again: bool = False) -> Form:
    """What usually stays the same is filled in. `again`: also what was saved today, to be changed."""
    form = form_from(item.last.said if item.last else None, forecast=item.row.forecast_date)
    if again and item.saved is not None:
        form.values["narrative"] = [item.saved.narrative or ""]
        if item.saved.no_change:
            form.values["no_change"] = ["true"]
    form.prefix = f"{_anchor(item.row)}-"
    return form


def _section(item: ItemToUpdate, *, form: Form | None) -> Section:
    row = item.row
    achieved = "wm-rag--achieved" if row.status is Status.ACHIEVED else "wm-rag--plain"
    return Section(
        row=row,
        anchor=_anchor(row),
        address=f"{HERE}/{row.plan_slug}/{row.ref}",
        milestone=address_of(row.plan_slug, row.ref),
        form=form,
        state="To do" if item.saved_at is None or form else f"Saved {clock_time(item.saved_at)}",
        state_class="wm-state--strong" if form else "wm-state--wash",
        tag=RAG_TITLES[row.rag] if row.rag else row.standing,
        tag_class=f"wm-rag wm-rag--{row.rag}" if row.rag else f"wm-rag {achieved}",
        days=_days(row),
        reasons=tuple(reason.message for reason in row.reasons) or ((row.standing,) if row.rag else ()),
        about=_about(item),
        needs=". ".join(need.message for need in item.needs),
        last=_last(item),
        said=_said(item),
        question=f"What has happened since {long_date(item.last.on)}?" if item.last else "What has happened?",
        no_change=_no_change(item),
        is_open=row.status in OPEN_STATUSES,
    )


def _days(row: MilestoneRow) -> str:
    if not row.reasons or row.days is None:
        return ""
    longer = f", an exception for {row.exception_days}" if (row.exception_days or 0) > row.days else ""
    return f"for {day_count(row.days)}{longer}"


def _about(item: ItemToUpdate) -> str:
    """Dates, slip and moves, whose it is, and the review it is for, in a line."""
    row = item.row
    slip = f"Slip {slip_words(row.slip_days).lower()}" if row.slip_days else ""
    moved = f"approved {approved_words(row.approved_slip_days, row.moves).lower()}" if row.moves else ""
    parts = [
        f"Due {long_date(row.due_date)}" if row.due_date else "No agreed due date",
        ", ".join(part for part in (slip, moved) if part),
        f"Owner: {row.owner.title}" if row.owner else "No owner",
        item.plan_title,
        f"review on {long_date(item.next_review)}" if item.next_review else "",
        *marks_of(row),
    ]
    return " · ".join(part for part in parts if part)


def _last(item: ItemToUpdate) -> str:
    last = item.last
    if last is None:
        return "No update yet."
    said = f": “{last.said.narrative}”" if last.said.narrative else ""
    since = f" No change since, as said on {long_date(last.no_change_on)}." if last.no_change_on else ""
    return f"Last update {long_date(last.on)}, {last.by}{said}{since}"


def _said(item: ItemToUpdate) -> str:
    saved = item.saved
    if saved is None or item.saved_at is None:
        return ""
    said = f"“{saved.narrative}”" if saved.narrative else ""
    effect = f" {saved.declaration_effect}." if saved.declaration_effect else ""
    return f"{'No change. ' if saved.no_change else ''}{said}{effect}".strip()


def _no_change(item: ItemToUpdate) -> str:
    """The hint of the box, which is not offered where there is nothing that it could refer to."""
    if not item.may_say_no_change or item.last is None:
        return ""
    if item.last.no_change_on is None:
        return "It covers one review"
    return f"Said on {long_date(item.last.no_change_on)} already: said again, it covers no further review"
