"""What a table shows as a CSV file: the same filters, the same order, every row and not only the page."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Depends
from fastapi.responses import Response, StreamingResponse

from app.db import UnitOfWork
from app.documents import csv_files
from app.documents.csv_files import Cell
from app.domain.exception_reports import ExceptionItem
from app.domain.files import content_disposition
from app.domain.meetings import MeetingView
from app.domain.milestones import AuditLine, MilestoneRow
from app.domain.plans import PlanSummary
from app.domain.words import CAUSE_WORDS, ROLE_WORDS, Marking, Role
from app.doors.routing import NounRouter
from app.pages.deps import PageRunner, Writing
from app.pages.exception_reports import WantedNow
from app.pages.meetings import STATES
from app.pages.milestone_lists import Wanted
from app.pages.milestone_words import audit_entry
from app.pages.milestones import names_around, read_milestone
from app.pages.plans import STATE_WORDS
from app.pages.wording import KIND_WORDS, RAG_TITLES, STATUS_TITLES, evidence_words
from app.services import exports as services
from app.services.plans import choices, get_plan

router = NounRouter()

T = TypeVar("T")
Columns = Mapping[str, Callable[[T], Cell]]
Batch = Callable[[str | None], tuple[Sequence[T], str | None]]

MARKINGS = {Marking.OFFICIAL: "Official", Marking.OFFICIAL_SENSITIVE: "Official-Sensitive"}


# A GET that writes: like the download of evidence, it waits for the writers' turn to be put on the access log.


@router.get("/plans/{plan}/milestones.csv")
def export_milestones(run: Writing, plan: str, wanted: Annotated[Wanted, Depends()]) -> Response:
    """The milestones of a plan."""

    def batch(cursor: str | None) -> tuple[Sequence[MilestoneRow], str | None]:
        return run.read(services.milestones, slug=plan, filters=wanted.filters, order=wanted.order, cursor=cursor)

    return _file(run, plan, "milestones", MILESTONE_COLUMNS, batch, filters=wanted.query)


@router.get("/plans/{plan}/exceptions.csv")
def export_exceptions(run: Writing, plan: str, wanted: WantedNow) -> Response:
    """The exceptions of a plan, today or on a later day."""
    return _exceptions(run, plan, wanted)


@router.get("/exceptions.csv")
def export_all_exceptions(run: Writing, wanted: WantedNow) -> Response:
    """The exceptions of all my plans."""
    return _exceptions(run, None, wanted)


@router.get("/plans.csv")
def export_plans(run: Writing) -> Response:
    """Where each of my plans stands."""
    return _file(run, None, "plans", PLAN_COLUMNS, lambda _: (run.read(services.plan_summaries), None))


@router.get("/plans/{plan}/audit-events.csv")
def export_audit_trail(run: Writing, plan: str) -> Response:
    """The audit trail of a plan, newest first."""
    return _audit_trail(run, plan, None)


@router.get("/plans/{plan}/milestones/{ref}/audit.csv")
def export_audit_of_milestone(run: Writing, plan: str, ref: str) -> Response:
    """The audit trail of one milestone."""
    return _audit_trail(run, plan, ref)


@router.get("/plans/{plan}/meetings.csv")
def export_meetings(run: Writing, plan: str) -> Response:
    """The review meetings of a plan, those to come first."""

    def batch(_: str | None) -> tuple[Sequence[MeetingView], None]:
        return run.read(services.review_meetings, slug=plan), None

    return _file(run, plan, "meetings", MEETING_COLUMNS, batch)


def _exceptions(run: PageRunner, plan: str | None, wanted: Any) -> Response:
    shown = ("detail", "rows")  # how much of the page is open filters nothing
    filters = {name: value for name, value in wanted.query.items() if name not in shown}

    def batch(cursor: str | None) -> tuple[Sequence[ExceptionItem], str | None]:
        return run.read(services.exceptions, slug=plan, filters=wanted.filters, cursor=cursor)

    return _file(run, plan, "exceptions", EXCEPTION_COLUMNS, batch, filters=filters)


def _audit_trail(run: PageRunner, plan: str, ref: str | None) -> Response:
    def batch(cursor: str | None) -> tuple[Sequence[AuditLine], str | None]:
        return run.read(services.audit_trail, slug=plan, milestone=ref, cursor=cursor)

    def read_names(uow: UnitOfWork) -> dict[str, str]:
        if ref is not None:
            view, _ = read_milestone(uow, plan=plan, ref=ref)
            return names_around(view, choices(uow, slug=plan))
        organisation, offered = get_plan(uow, slug=plan).organisation, choices(uow, slug=plan)
        return {organisation.id: organisation.name, **dict(offered.owners), **dict(offered.actions)}

    names = run.read(read_names)
    filters = {"milestone": ref} if ref else {}
    return _file(run, plan, "audit-trail", _audit_columns(names), batch, filters=filters)


def _file(
    run: PageRunner,
    plan: str | None,
    what: str,
    columns: Columns[T],
    batch: Batch[T],
    *,
    filters: Mapping[str, str] | None = None,
) -> Response:
    """The file, sent as it is read. The first batch comes before anything is sent: what is wrong is said as a page."""
    first = batch(None)
    run.write(services.note_export, slug=plan, what=what, filters=filters or {})
    rows = ([[cell(item) for cell in columns.values()] for item in items] for items in _batches(first, batch))
    name = "-".join(word for word in (plan, what, run.today.isoformat()) if word)
    return StreamingResponse(
        csv_files.pieces(list(columns), rows),
        media_type=csv_files.MEDIA_TYPE,
        headers={
            "Content-Disposition": content_disposition(f"{name}.csv"),
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )


def _batches(first: tuple[Sequence[T], str | None], batch: Batch[T]) -> Iterator[Sequence[T]]:
    items, cursor = first
    yield items
    while cursor is not None:
        items, cursor = batch(cursor)
        yield items


# --- What stands in each column ------------------------------------------------------------------------------------


def _yes(is_so: bool) -> str:
    return "Yes" if is_so else ""


MILESTONE_COLUMNS: Columns[MilestoneRow] = {
    "Reference": lambda row: row.ref,
    "Title": lambda row: row.title,
    "RAG": lambda row: RAG_TITLES[row.rag] if row.rag else "",
    "Where it stands": lambda row: row.standing,
    "Reasons": lambda row: [reason.message for reason in row.reasons],
    "Days at that colour": lambda row: row.days,
    "Days as an exception": lambda row: row.exception_days,
    "Status": lambda row: STATUS_TITLES[row.status],
    "Theme": lambda row: f"{row.theme.ref} {row.theme.title}" if row.theme else "",
    "Action": lambda row: f"{row.action.ref} {row.action.title}",
    "Owner": lambda row: row.owner.title if row.owner else "",
    "Organisation": lambda row: row.organisation.name,
    "Supporting organisations": lambda row: [one.name for one in row.supporting_organisations],
    "Start": lambda row: row.start_date,
    "Baseline": lambda row: row.baseline_date,
    "Due": lambda row: row.due_date,
    "Forecast": lambda row: row.forecast_date,
    "Completed": lambda row: row.completed_date,
    "Achieved": lambda row: row.achieved_date,
    "Slip in days": lambda row: row.slip_days,
    "Approved slip in days": lambda row: row.approved_slip_days,
    "Times moved": lambda row: row.moves,
    "Evidence": lambda row: evidence_words(row.evidence),
    "Marking": lambda row: MARKINGS[row.marking],
    "Restricted": lambda row: _yes(row.restricted),
}

EXCEPTION_COLUMNS: Columns[ExceptionItem] = {
    "RAG": lambda item: RAG_TITLES[item.rag],
    "Since": lambda item: item.since,
    "Days at that colour": lambda item: item.days,
    "Days as an exception": lambda item: item.exception_days,
    "RAG today": lambda item: RAG_TITLES[item.rag_now],
    "Turns Red on": lambda item: item.turns_red_on,
    "Plan": lambda item: item.plan_slug,
    "Kind": lambda item: KIND_WORDS.get(item.kind, item.kind.capitalize()),
    "Reference": lambda item: item.ref,
    "Title": lambda item: item.title,
    "Reasons": lambda item: [reason.message for reason in item.reasons],
    "Owner": lambda item: item.owner,
    "Organisation": lambda item: item.organisation,
    "Theme": lambda item: item.theme,
    "Baseline": lambda item: item.baseline_date,
    "Due": lambda item: item.due_date,
    "Forecast": lambda item: item.forecast_date,
    "Completed": lambda item: item.completed_date,
    "Slip in days": lambda item: item.slip_days,
    "Approved slip in days": lambda item: item.approved_slip_days,
    "Times moved": lambda item: item.moves,
    "Evidence": lambda item: evidence_words(item.evidence) if item.kind == "milestone" else "",
    "Issue": lambda item: item.issue,
    "Waiting on": lambda item: item.waiting_on,
    "Waiting since": lambda item: item.waiting_on_since,
    "Cause of delay": lambda item: CAUSE_WORDS[item.cause] if item.cause else "",
    "Support required": lambda item: item.support_required,
    "Path to green": lambda item: item.path_to_green,
    "Green on": lambda item: item.return_to_green_on,
    "Last update": lambda item: item.last_update_at,
    "Last update by": lambda item: item.last_update_by,
    "Accepted until": lambda item: item.accepted_until,
    "Accepted by": lambda item: item.accepted_by,
    "Marking": lambda item: MARKINGS[item.marking],
}

PLAN_COLUMNS: Columns[PlanSummary] = {
    "Plan": lambda one: one.plan.title,
    "Lead organisation": lambda one: one.plan.organisation.name,
    "Your roles": lambda one: [ROLE_WORDS[role] for role in Role if role in one.plan.roles],
    "State": lambda one: STATE_WORDS[one.plan.state],
    "Red": lambda one: one.red,
    "Amber": lambda one: one.amber,
    "Milestones on track (Green)": lambda one: one.counts.green,
    "Milestones not yet due to start": lambda one: one.counts.not_due,
    "Milestones achieved": lambda one: one.counts.achieved,
    "Milestones due to date": lambda one: one.due_to_date,
    "Achieved of those due": lambda one: one.achieved_of_due,
    "Due dates moved": lambda one: one.moved,
    "Next review": lambda one: one.plan.next_review,
    "Submissions waiting": lambda one: one.waiting_submissions,
    "Oldest submission waiting since": lambda one: one.oldest_waiting_since,
    "Restricted and not shown to you": lambda one: one.withheld,
}

MEETING_COLUMNS: Columns[MeetingView] = {
    "Day": lambda view: view.on,
    "State": lambda view: STATES[view.state][0],
    "Moved from": lambda view: view.moved_from,
    "Why it was moved": lambda view: view.move_reason,
    "Why it was cancelled": lambda view: view.cancellation_reason,
    "Attended by": lambda view: [f"{one.title} ({one.organisation})" for one in view.attended],
    "Also there": lambda view: view.others_present,
    "Not a working day": lambda view: view.warning,
}


def _audit_columns(names: Mapping[str, str]) -> Columns[AuditLine]:
    """`names` says what ids mean."""

    def said(pairs: Sequence[tuple[str, str]]) -> list[str]:
        return [f"{name}: {words}" for name, words in pairs]

    return {
        "Event": lambda line: line.seq,
        "At": lambda line: line.at,
        "What": lambda line: audit_entry(line, names).title,
        "Item": lambda line: line.item_ref,
        "By": lambda line: line.actor or "Waymark",
        "Through": lambda line: audit_entry(line, names).door,
        "Facts": lambda line: said(audit_entry(line, names).facts),
        "What was typed": lambda line: said(audit_entry(line, names).texts),
        "Fingerprint": lambda line: line.hash,
    }
