"""Plans: all of mine, and where one of them stands."""

import re
import unicodedata
from datetime import date
from typing import Any, NamedTuple

from fastapi import Request
from fastapi.responses import Response

from app.db import UnitOfWork
from app.domain.closing import Closed
from app.domain.days import london_day
from app.domain.plan_changes import Change, ChangeCounts, ChangedItem, PlanChanges
from app.domain.plan_structure import Draft
from app.domain.plans import Counts, InboxClock, PlanHome, PlanSummary, PlanView
from app.domain.refusals import Forbidden, Invalid
from app.domain.words import ROLE_WORDS, EvidencePolicy, PlanState, Rag, Role
from app.doors.routing import NounRouter
from app.pages.deps import PageRunner, Reading, Writing
from app.pages.forms import Form, Submitted, day_in_address, filled, see_other, settle
from app.pages.frames import frame_of
from app.pages.plan_orders import PLAN_ORDERS, plans_in_order
from app.pages.submission_words import followed_note, in_time_note, share
from app.pages.templating import render
from app.pages.wording import RAG_TITLES, STATUS_TITLES, address_of, short
from app.services import closing, plan_counts
from app.services import plans as services
from app.services.plan_home import plan_home
from app.services.plan_structure import read_draft

router = NounRouter()

POLICY_WORDS = {
    EvidencePolicy.ATTACHED: "a file that shows the work is done",
    EvidencePolicy.ACCEPTED: "evidence accepted by somebody who did not provide it",
}
POLICY_CHOICES = [
    (EvidencePolicy.ATTACHED, "Attached", "One file that shows the work is done, and that nobody has rejected"),
    (
        EvidencePolicy.ACCEPTED,
        "Accepted",
        "Evidence accepted by somebody who neither provided it nor owns the milestone",
    ),
]
STATE_WORDS = {PlanState.DRAFT: "Draft", PlanState.APPROVED: "Approved", PlanState.CLOSED: "Closed"}


@router.get("/")
def start() -> Response:
    """The way in: the plans, or signing in first."""
    return see_other("/plans")


@router.get("/plans")
def show_plans(run: Reading, request: Request, sort: str = "") -> Response:
    """Every plan I have to do with, a row each."""
    plans = plans_in_order(run.read(services.list_plans), sort)
    live = [summary for summary in plans if summary.plan.reads_live and summary.plan.state is not PlanState.DRAFT]
    longest = max((summary.counts.live for summary in live), default=0)
    return render(
        request,
        "plans/list.html",
        frame=frame_of(run),
        rows=[_plan_row(summary, longest, run.today) for summary in plans],
        offers_all=len(live) > 1,
        may_begin=run.actor.administrator,
        offers_csv=any(summary.plan.reads_live for summary in plans),
        orders=[(value, words, value == sort) for value, (words, _) in PLAN_ORDERS.items()] if len(plans) > 2 else [],
        as_csv=f"/plans.csv?sort={sort}" if sort else "/plans.csv",
    )


class _PlanRow(NamedTuple):
    plan: PlanView
    roles: str
    state: str
    summary: PlanSummary
    bar: "list[Part]"
    label: str
    waiting_days: int
    changed: list[tuple[str, str]]
    silent_days: int


def _plan_row(summary: PlanSummary, longest: int, today: date) -> _PlanRow:
    plan = summary.plan
    since = summary.oldest_waiting_since
    return _PlanRow(
        plan=plan,
        roles=", ".join(ROLE_WORDS[role] for role in Role if role in plan.roles),
        state=STATE_WORDS[plan.state],
        summary=summary,
        bar=bar(summary.counts, longest),
        label=bar_label(summary.counts),
        waiting_days=(today - london_day(since)).days if since else 0,
        changed=_changed_numbers(plan.slug, summary.changes) if summary.changes else [],
        silent_days=_silent_days(summary, today),
    )


@router.get("/plans/new")
def new_plan(run: Reading, request: Request) -> Response:
    """The form that begins a plan."""
    return _new_page(run, request, filled({"evidence_policy": EvidencePolicy.ATTACHED, "cycle_days": 14}))


@router.post("/plans")
def create_plan(run: Writing, request: Request, form: Submitted) -> Response:
    """Begin a draft plan; its page says what to do next."""

    def change() -> PlanView:
        title = form.required("title", "Enter what the plan is called")
        cycle = form.whole("cycle_days", "The review cycle")
        policy = form.choice("evidence_policy", EvidencePolicy)
        form.check()
        return run.write(
            services.create_plan,
            slug=form.text("slug") or slug_of(title),
            title=title,
            organisation=form.text("organisation"),
            purpose=form.text("purpose"),
            evidence_policy=policy or EvidencePolicy.ATTACHED,
            cycle_days=cycle or 14,
        )

    return settle(
        form,
        change,
        done=lambda view: see_other(f"/plans/{view.slug}"),
        again=lambda form, status: _new_page(run, request, form, status=status),
    )


def slug_of(title: str) -> str:
    """An address made of a title: "Children’s Plan 2009" becomes childrens-plan-2009."""
    plain = unicodedata.normalize("NFKD", title.replace("’", "").replace("'", "")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower())[:80].strip("-")


def _new_page(run: PageRunner, request: Request, form: Form, *, status: int = 200) -> Response:
    organisations = run.read(services.lead_choices)
    return render(
        request,
        "plans/new.html",
        frame=frame_of(run),
        status=status,
        form=form,
        organisations=organisations,
        policies=POLICY_CHOICES,
        heading="Begin a plan",
        caption="Plans",
        back="/plans",
        action="/plans",
        button="Begin the plan",
        version="",
        refused_title="",
        clashes=[],
    )


@router.get("/plans/{plan}/edit")
def ask_facts(run: Reading, plan: str, request: Request) -> Response:
    """The form that renames a plan, gives it another address and, in a draft, other settings."""
    view = run.read(services.get_plan, slug=plan)
    return _facts_page(run, request, plan, _form_of(view))


@router.post("/plans/{plan}/edit")
def save_facts(run: Writing, plan: str, request: Request, form: Submitted) -> Response:
    """Rename a plan. Its old addresses lead on to the new one."""

    def change() -> PlanView:
        changes: dict[str, Any] = {
            "title": form.required("title", "Enter what the plan is called"),
            "slug": form.required("slug", "Enter an address"),
            "purpose": form.text("purpose"),
        }
        if form.value("in_draft"):
            changes["evidence_policy"] = form.choice("evidence_policy", EvidencePolicy) or EvidencePolicy.ATTACHED
            for name, what in _NUMBERS.items():
                changes[name] = form.whole(name, what)
        form.check()
        return run.write(services.edit_plan, slug=plan, changes=changes, if_match=form.optional("version"))

    return settle(
        form,
        change,
        done=lambda view: see_other(f"/plans/{view.slug}"),
        again=lambda form, status: _facts_page(run, request, plan, form, status=status),
    )


_NUMBERS = {
    "cycle_days": "The review cycle",
    "tolerance_days": "The tolerance",
    "overdue_limit_days": "The overdue limit",
    "triage_hours": "The triage hours",
}
_COMPARED = {
    "title": "Title",
    "slug": "Address",
    "purpose": "Purpose",
    "evidence_policy": "Evidence policy",
    **_NUMBERS,
}


def _form_of(view: PlanView) -> Form:
    return filled({name: getattr(view, name) for name in _COMPARED})


def _facts_page(run: PageRunner, request: Request, plan: str, form: Form, *, status: int = 200) -> Response:
    view = run.read(services.get_plan, slug=plan)
    if not view.may_edit and not form.failed:
        raise Forbidden("A plan is renamed by its programme manager, until it is closed")
    now, in_draft = _form_of(view), view.state is PlanState.DRAFT
    compared = [name for name in _COMPARED if in_draft or name in ("title", "slug", "purpose")] if form.stale else []
    clashes = [(_COMPARED[name], form.text(name), now.text(name)) for name in compared]
    return render(
        request,
        "plans/facts.html",
        frame=frame_of(run, view, active="home", is_page=False),
        status=status,
        form=form,
        plan=view,
        in_draft=in_draft,
        policies=POLICY_CHOICES,
        heading="Change the plan’s facts" if in_draft else "Rename this plan",
        caption=view.title,
        back=f"/plans/{plan}",
        action=f"/plans/{plan}/edit",
        button="Save",
        version=view.version,
        refused_title="",
        clashes=[(label, yours, theirs) for label, yours, theirs in clashes if yours != theirs],
    )


def _changed_numbers(slug: str, changes: ChangeCounts) -> list[tuple[str, str]]:
    """What changed in a plan: ("2 worse", the list behind it)."""
    numbers = (
        (Change.WORSE, changes.worse),
        (Change.NEW, changes.new),
        (Change.BETTER, changes.better),
        (Change.LEFT, changes.left),
    )
    return [
        (f"{number:,} {_GROUP_WORDS[change]}", changed_address(slug, change, changes.since))
        for change, number in numbers
        if number
    ]


def _silent_days(summary: PlanSummary, today: date) -> int:
    """For how many days nothing has been updated, where that is longer than the plan's review cycle; otherwise 0."""
    plan = summary.plan
    since = summary.last_update_on or plan.approved_on
    if plan.state is not PlanState.APPROVED or since is None:
        return 0
    days = (today - since).days
    return days if days > plan.cycle_days else 0


@router.get("/plans/{plan}")
def show_plan(run: Reading, plan: str, request: Request, since: str = "") -> Response:
    """Where a plan stands, on one screen, and what changed since a day; of one that is closed, what became of it. Who
    may only read published editions sees that there are none yet.
    """
    form = Form({"since": [since]})
    try:
        found = run.read(_home, plan=plan, since=day_in_address("since", since.strip(), "The day"))
    except Invalid as error:
        form.take(error)
        found = run.read(_home, plan=plan, since=None)
    if isinstance(found, PlanView):
        return render(request, "plans/editions.html", frame=frame_of(run, found, active="home"), plan=found)
    if isinstance(found, _ClosedHome):
        return _closed_page(run, request, found)
    if isinstance(found, _DraftHome):
        return _draft_page(run, request, found)
    waiting = Counts(red=found.inbox.red, amber=found.inbox.amber, green=found.inbox.green)
    longest = max([waiting.live, *(theme.counts.live for theme in found.themes)])
    changes, recent = found.changes, found.measures.recent
    return render(
        request,
        "plans/home.html",
        status=422 if form.failed else 200,
        form=form,
        since=since if form.failed or changes is None else changes.since.isoformat(),
        why=_WHY_SINCE.get(changes.by_default or "", "") if changes else "",
        groups=_change_groups(found.plan.slug, changes) if changes else [],
        same=changed_address(found.plan.slug, Change.SAME, changes.since) if changes else "",
        moved_since=changed_address(found.plan.slug, "moved", changes.since) if changes else "",
        frame=frame_of(run, found.plan, active="home", exceptions=found.exceptions),
        home=found,
        plan=found.plan,
        policy=POLICY_WORDS[found.plan.evidence_policy],
        themes=[(theme, bar(theme.counts, longest), bar_label(theme.counts)) for theme in found.themes],
        inbox_bar=bar(waiting, longest),
        inbox_label=f"{waiting.red} Red, {waiting.amber} Amber, {waiting.green} Green",
        days_to_review=(found.plan.next_review - found.today).days if found.plan.next_review else None,
        rag_titles=RAG_TITLES,
        clock=_clock(found.inbox),
        in_time=share(recent.in_time, recent.decided),
        in_time_note=in_time_note(found.measures),
        followed=share(recent.followed, recent.to_follow),
        followed_note=followed_note(recent),
    )


class _DraftHome(NamedTuple):
    plan: PlanView
    draft: Draft


def _draft_page(run: PageRunner, request: Request, found: _DraftHome) -> Response:
    """A draft's page: what to do next, and what it lacks."""
    return render(
        request,
        "plans/draft.html",
        frame=frame_of(run, found.plan, active="home", exceptions=0),
        **found._asdict(),
        policy=POLICY_WORDS[found.plan.evidence_policy],
        may_give_roles=run.actor.administrator or Role.PROGRAMME_MANAGER in found.plan.roles,
        role_set=Role,
    )


class _ClosedHome(NamedTuple):
    plan: PlanView
    counts: Counts
    withheld: int | None
    closed: Closed


def _closed_home(uow: UnitOfWork, view: PlanView) -> _ClosedHome:
    counts = plan_counts.total(plan_counts.counts_of(uow, view))
    return _ClosedHome(view, counts, plan_counts.withheld(uow, view.id), closing.closed(uow, slug=view.slug))


def _closed_page(run: PageRunner, request: Request, found: _ClosedHome) -> Response:
    return render(
        request,
        "plans/closed.html",
        frame=frame_of(run, found.plan, active="home", exceptions=0),
        **found._asdict(),
        rag_titles=RAG_TITLES,
        statuses=STATUS_TITLES,
    )


def _home(uow: UnitOfWork, *, plan: str, since: date | None) -> PlanHome | _ClosedHome | _DraftHome | PlanView:
    view = services.get_plan(uow, slug=plan)
    if view.state is PlanState.DRAFT and (view.reads_live or uow.actor.administrator):
        return _DraftHome(view, read_draft(uow, slug=plan))
    if not view.reads_live:
        return view
    if view.state is PlanState.CLOSED:
        return _closed_home(uow, view)
    return plan_home(uow, slug=plan, since=since)


_WHY_SINCE = {
    "last_review": "the last review meeting that was held",
    "two_weeks": "two weeks ago: no review meeting has been held yet",
    "approval": "the day the plan was approved",
}


class _Changes(NamedTuple):
    """A group as the page prints it: how many, in words, the list behind them, and (reference, title, address, colour,
    words) of the first few.
    """

    words: str
    address: str
    shown: list[tuple[Any, ...]]
    more: int


def changed_address(slug: str, change: str, since: date) -> str:
    """The list behind a number of what changed: what still is an exception stands among the exceptions."""
    listed = "exceptions" if change in (Change.NEW, Change.WORSE, Change.SAME) else "milestones"
    return f"/plans/{slug}/{listed}?changed={change}&since={since.isoformat()}"


def _change_groups(slug: str, changes: PlanChanges) -> list[_Changes]:
    return [
        _Changes(
            f"{group.total:,} {_GROUP_WORDS[group.change]}",
            changed_address(slug, group.change, changes.since) if group.total else "",
            [_changed(slug, item) for item in group.items],
            group.total - len(group.items),
        )
        for group in changes.groups
    ]


_GROUP_WORDS = {
    Change.WORSE: "worse",
    Change.NEW: "new",
    Change.BETTER: "better",
    Change.LEFT: "left the list",
}


def _changed(slug: str, item: ChangedItem) -> tuple[Any, ...]:
    address = address_of(slug, item.kind, item.ref)
    colour = f"{RAG_TITLES[item.rag]} since {short(item.on)}" if item.rag else ""
    why = item.reason if item.rag else f"{item.reason} on {short(item.on)}"
    return item.ref, item.title, item.marks, address, colour, why


class Part(NamedTuple):
    """One part of a bar: its colour's name, where it begins, how wide it is, both in per cent, and the number in it."""

    colour: str
    start: str
    width: str
    number: int


def _least(number: int) -> float:
    """The per cent that a shape and a number take up in the narrowest bar there is, on a phone."""
    return 8.5 + 2.5 * len(str(number))


def bar(counts: Counts, longest: int) -> list[Part]:
    """A bar of where milestones stand, as wide as its share of the longest one; no part narrower than its number."""
    numbers = [
        ("red", counts.red),
        ("amber", counts.amber),
        ("green", counts.green),
        ("not-due", counts.not_due),
        ("achieved", counts.achieved),
    ]
    shown = [(colour, number) for colour, number in numbers if number]
    if not shown or not longest:
        return []
    widths = _fitted([100 * number / longest for _, number in shown], [_least(number) for _, number in shown])
    parts, start = [], 0.0
    for (colour, number), width in zip(shown, widths, strict=True):
        parts.append(Part(colour, f"{start:.2f}%", f"{max(width - 0.4, 0.1):.2f}%", number))
        start += width
    return parts


def _fitted(widths: list[float], leasts: list[float]) -> list[float]:
    """Narrow parts widened to the least, and the wide ones narrowed where that would not fit."""
    widened = [max(width, least) for width, least in zip(widths, leasts, strict=True)]
    over = sum(widened) - 100
    spare = sum(widened) - sum(leasts)
    if over <= 0 or spare <= 0:
        return widened
    return [width - over * (width - least) / spare for width, least in zip(widened, leasts, strict=True)]


def bar_label(counts: Counts) -> str:
    """A bar in words, for who cannot see it."""
    return (
        f"{counts.red} Red, {counts.amber} Amber, {counts.green} Green, {counts.not_due} not yet due to start,"
        f" {counts.achieved} achieved"
    )


class _Clock(NamedTuple):
    words: str
    colour: str
    fill: int
    first_tick: int
    second_tick: int


def _clock(inbox: InboxClock) -> _Clock | None:
    """The oldest submission against the limit; the face is as long as the limit and a quarter more."""
    if not inbox.waiting:
        return None
    over = inbox.hours_waited - inbox.limit_hours
    limit = f"{over:,} over the limit" if over > 0 else f"limit {inbox.limit_hours}"
    words = f"Oldest: {inbox.hours_waited:,} hour{'' if inbox.hours_waited == 1 else 's'}, {limit}"
    scale = 200 / (inbox.limit_hours * 1.25)
    return _Clock(
        words,
        inbox.rag or Rag.GREEN,
        min(200, max(2, round(inbox.hours_waited * scale))),
        round(inbox.limit_hours / 2 * scale) - 1,
        round(inbox.limit_hours * scale) - 1,
    )


@router.get("/plans/{plan}/approval")
def ask_approval(run: Reading, plan: str, request: Request) -> Response:
    """The form with which a senior officer approves a draft plan."""
    return _approval_page(run, request, plan, Form())


@router.post("/plans/{plan}/approval")
def approve(run: Writing, plan: str, request: Request, form: Submitted) -> Response:
    """Approve a draft plan: each due date becomes the baseline."""

    def change() -> PlanView:
        body = form.required("body", "Enter the body that approved it")
        meeting = form.required("meeting", "Enter the meeting it was approved at")
        approved_on = form.day("approved_on", "The approval date")
        form.check()
        version = form.optional("version")
        return run.write(
            services.approve_plan, slug=plan, body=body, meeting=meeting, approved_on=approved_on, if_match=version
        )

    return settle(
        form,
        change,
        done=lambda view: see_other(f"/plans/{view.slug}"),
        again=lambda form, status: _approval_page(run, request, plan, form, status=status),
    )


def _approval_page(run: PageRunner, request: Request, plan: str, form: Form, *, status: int = 200) -> Response:
    """With what the plan lacks, as warnings: the body that approves it decides."""
    view = run.read(services.get_plan, slug=plan)
    draft = run.read(read_draft, slug=plan) if view.state is PlanState.DRAFT and view.reads_live else None
    if not view.may_approve and not form.failed:
        raise Forbidden("A draft plan is approved by a senior officer")
    return render(
        request,
        "plans/approval.html",
        frame=frame_of(run, view, active="home", is_page=False),
        status=status,
        form=form,
        plan=view,
        heading="Approve this plan",
        caption=view.title,
        back=f"/plans/{plan}",
        action=f"/plans/{plan}/approval",
        button="Approve the plan",
        lacks=draft.lacks if draft else (),
        version=view.version,
        refused_title="",
        clashes=[],
    )
