"""What a table shows as a CSV file: the same filters, the same order, every row and not only the page."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Depends
from fastapi.responses import Response, StreamingResponse

from app.db import UnitOfWork
from app.documents import csv_files
from app.domain.change_requests import ChangeRequestView
from app.domain.evidence import EvidenceView, LinkView
from app.domain.exception_reports import ExceptionItem
from app.domain.files import content_disposition
from app.domain.honesty import Finding
from app.domain.meetings import MeetingView
from app.domain.milestones import AuditLine, MilestoneRow
from app.domain.my_updates import ItemToUpdate
from app.domain.plans import PlanSummary
from app.domain.timelines import TimelineItem
from app.doors.routing import NounRouter
from app.pages.change_request_lists import Wanted as RequestsWanted
from app.pages.deps import PageRunner, Writing
from app.pages.exception_reports import WantedNow
from app.pages.export_columns import (
    CHANGE_REQUEST_COLUMNS,
    EVIDENCE_COLUMNS,
    EXCEPTION_COLUMNS,
    FINDING_COLUMNS,
    MEETING_COLUMNS,
    MILESTONE_COLUMNS,
    PLAN_COLUMNS,
    TIMELINE_COLUMNS,
    UPDATE_COLUMNS,
    Columns,
    audit_columns,
)
from app.pages.honesty import check_in_address
from app.pages.milestone_lists import Wanted
from app.pages.milestone_words import link_to
from app.pages.milestones import names_around, read_milestone
from app.pages.plan_orders import plans_in_order
from app.pages.timeline_orders import in_order, is_whole
from app.pages.timelines import WantedNow as TimelineWanted
from app.services import exports as services
from app.services.plans import choices, get_plan

router = NounRouter()

T = TypeVar("T")
Batch = Callable[[str | None], tuple[Sequence[T], str | None]]


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
def export_plans(run: Writing, sort: str = "") -> Response:
    """Where each of my plans stands, in the order of the page."""

    def batch(_: str | None) -> tuple[Sequence[PlanSummary], None]:
        return plans_in_order(run.read(services.plan_summaries), sort), None

    return _file(run, None, "plans", PLAN_COLUMNS, batch, filters={"sort": sort} if sort else {})


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


@router.get("/plans/{plan}/change-requests.csv")
def export_change_requests(run: Writing, plan: str, wanted: Annotated[RequestsWanted, Depends()]) -> Response:
    """The change requests of a plan, those that wait or the history."""

    def batch(_: str | None) -> tuple[Sequence[ChangeRequestView], None]:
        page = run.read(
            services.change_requests, slug=plan, state=wanted.only, decided=wanted.is_decided, kind=wanted.of
        )
        return wanted.shown(page.items), None

    return _file(run, plan, "change-requests", CHANGE_REQUEST_COLUMNS, batch, filters=wanted.query)


@router.get("/updates.csv")
def export_my_updates(run: Writing, whose: str = "") -> Response:
    """What needs an update from me, the worst first."""

    def batch(cursor: str | None) -> tuple[Sequence[ItemToUpdate], str | None]:
        return run.read(services.my_updates, only_own=whose == "own", cursor=cursor)

    return _file(run, None, "my-updates", UPDATE_COLUMNS, batch, filters={"whose": "own"} if whose == "own" else {})


@router.get("/plans/{plan}/milestones/{ref}/evidence.csv")
def export_evidence_log(run: Writing, plan: str, ref: str) -> Response:
    """The evidence log of a milestone: what its page says of each item, and no file."""

    def batch(_: str | None) -> tuple[Sequence[tuple[EvidenceView, LinkView | None]], None]:
        view = run.read(services.evidence_log, slug=plan, milestone=ref)
        return [(item, link_to(item, view)) for item in view.evidence], None

    return _file(run, plan, "evidence-log", EVIDENCE_COLUMNS, batch, filters={"milestone": ref})


@router.get("/plans/{plan}/honesty-checks.csv")
def export_honesty_checks(run: Writing, plan: str, check: str = "") -> Response:
    """What the honesty checks find, or one of them."""
    only = check_in_address(check)

    def batch(_: str | None) -> tuple[Sequence[Finding], None]:
        report = run.read(services.honesty_findings, slug=plan, check=only)
        return [finding for group in report.groups for finding in group.findings], None

    return _file(run, plan, "honesty-checks", FINDING_COLUMNS, batch, filters={"check": check} if only else {})


@router.get("/plans/{plan}/timeline.csv")
def export_timeline(run: Writing, plan: str, wanted: TimelineWanted) -> Response:
    """Every date of the timeline, in the order of its table, beyond what one picture shows too."""

    def batch(cursor: str | None) -> tuple[Sequence[TimelineItem], str | None]:
        if wanted.sort:
            found = run.read(services.whole_timeline, slug=plan, filters=wanted.filters)
            if is_whole(found):
                return in_order(found, wanted.sort), None
        return run.read(services.timeline, slug=plan, filters=wanted.filters, cursor=cursor)

    filters = {**wanted.query, "sort": wanted.sort} if wanted.sort else wanted.query
    return _file(run, plan, "timeline", TIMELINE_COLUMNS, batch, filters=filters)


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
    return _file(run, plan, "audit-trail", audit_columns(names), batch, filters=filters)


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
