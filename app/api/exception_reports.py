"""Exceptions: what is Red or Amber in a plan, or in all of the caller's plans, and why."""

from datetime import date
from typing import Annotated, Any, Literal, NotRequired

from fastapi import Query, Response
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from app.api import answers, shapes
from app.api.answers import Paging, PlanSlug
from app.api.bodies import Day, Key
from app.api.deps import Reading
from app.api.milestones import Reason, reasons
from app.api.shapes import CountedListing, Evidenced, Organisation, exactly
from app.domain.exception_reports import ExceptionFilters, ExceptionItem
from app.domain.words import DelayCause, Rag
from app.doors.routing import NounRouter
from app.services import exception_reports as services
from app.services.exception_reports import CompiledReport

router = NounRouter(tags=["Exceptions"])


@exactly
class Named(TypedDict):
    """A theme or a person: its id, and its title or post title."""

    id: str
    title: str


@exactly
class ExceptionShape(TypedDict):
    """An item that is Red or Amber on the day asked about. `rag_now`, its colour today, is there when that day is
    still to come.
    """

    kind: str
    id: str
    ref: str
    title: str
    rag: Rag
    rag_now: NotRequired[Rag]
    since: date
    days: int
    exception_days: int
    reasons: list[Reason]
    theme: Named | None
    owner: Named | None
    organisation: Organisation | None
    due_date: date | None
    baseline_date: date | None
    forecast_date: date | None
    slip_days: int | None
    evidence: Evidenced | None
    issue: str | None
    waiting_on: str | None
    support_required: str | None
    path_to_green: str | None
    accepted_until: date | None


class Filters(Paging):
    """Each filter keeps what has it. Themes and owners by id, organisations by slug."""

    on: Day | None = Field(default=None, description="Today or a later day: the look-ahead")
    kind: Literal["milestone", "submission"] | None = None
    rag: Rag | None = None
    theme: Key | None = None
    owner: Key | None = None
    organisation: Key | None = None
    cause: DelayCause | None = None
    support_required: bool = False

    def asked(self) -> ExceptionFilters:
        """The filters as the service takes them."""
        return ExceptionFilters(**self.model_dump(exclude={"limit", "cursor"}))


def exception(item: ExceptionItem, *, looks_ahead: bool) -> Any:
    """An item of the report as the API gives it."""
    given = {
        "kind": item.kind,
        "id": item.id,
        "ref": item.ref,
        "title": item.title,
        "rag": item.rag,
        "since": item.since,
        "days": item.days,
        "exception_days": item.exception_days,
        "reasons": reasons(item.reasons),
        "theme": {"id": item.theme_id, "title": item.theme} if item.theme_id else None,
        "owner": {"id": item.owner_id, "title": item.owner} if item.owner_id else None,
        "organisation": (
            {"slug": item.organisation_slug, "name": item.organisation} if item.organisation_slug else None
        ),
        "due_date": item.due_date,
        "baseline_date": item.baseline_date,
        "forecast_date": item.forecast_date,
        "slip_days": item.slip_days,
        "evidence": (shapes.evidenced(item.evidence) if item.evidence else None),
        "issue": item.issue or None,
        "waiting_on": item.waiting_on or None,
        "support_required": item.support_required or None,
        "path_to_green": item.path_to_green or None,
        "accepted_until": item.accepted_until,
    }
    if looks_ahead:
        given["rag_now"] = item.rag_now
    return given


Listed = CountedListing[ExceptionShape]
_list: TypeAdapter[Any] = TypeAdapter(Listed)


def _answer(compiled: CompiledReport) -> Response:
    report = compiled.report
    answer: dict[str, Any] = {
        "items": [exception(row.item, looks_ahead=report.looks_ahead) for row in report.rows],
        "next_cursor": compiled.next_cursor,
    }
    if report.withheld_count:
        answer["withheld"] = report.withheld_count
    return answers.listing(_list, answer)


@router.get("/plans/{plan}/exceptions", response_model=Listed, **answers.listed())
def list_exceptions_of_plan(run: Reading, plan: PlanSlug, filters: Annotated[Filters, Query()]) -> Response:
    """What is Red or Amber in a plan: Red first, the longest at that colour first."""
    return _answer(
        run.read(
            services.compile_report, slug=plan, filters=filters.asked(), limit=filters.limit, cursor=filters.cursor
        )
    )


@router.get("/exceptions", response_model=Listed, **answers.listed())
def list_exceptions(run: Reading, filters: Annotated[Filters, Query()]) -> Response:
    """What is Red or Amber in all plans that you may read, in the same order."""
    return _answer(
        run.read(
            services.compile_report, slug=None, filters=filters.asked(), limit=filters.limit, cursor=filters.cursor
        )
    )
