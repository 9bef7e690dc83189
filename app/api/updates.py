"""Progress updates on a milestone."""

from datetime import date, datetime
from typing import Annotated

from fastapi import Response
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from app.api import answers
from app.api.answers import MilestoneId, Page
from app.api.bodies import Body, Day, LongText, Said, ShortText
from app.api.deps import Reading, Reply, Writing
from app.api.shapes import Listing, exactly
from app.domain.milestones import MilestoneKey, UpdateView
from app.domain.words import DelayCause, Rag
from app.doors.routing import NounRouter
from app.services import updates as services

router = NounRouter(tags=["Updates"])


@exactly
class Update(TypedDict):
    """What was said of a milestone, by whom and when. `declaration_effect` says what a declared colour did."""

    id: str
    at: datetime
    by: str
    by_organisation: str
    no_change: bool
    narrative: str | None
    forecast_date: date | None
    forecast_was: date | None
    declared_rag: Rag | None
    rationale: str | None
    declaration_effect: str | None
    issue: str | None
    support_required: str | None
    path_to_green: str | None
    return_to_green_on: date | None
    waiting_on: str | None
    waiting_on_since: date | None
    cause: DelayCause | None


class NewUpdate(Body):
    """What has happened. An owner may declare worse than the rules say, with a rationale; never better."""

    narrative: Said | None = Field(default=None, description="What has happened; needed unless `no_change` is true")
    no_change: Annotated[bool, Field(strict=True)] = Field(
        default=False,
        description="Nothing has changed since the last update, which stays in force. It covers one review meeting; a"
        " second one in a row covers none. Whatever else is sent must be what is there already",
    )
    forecast_date: Day | None = None
    declared_rag: Rag | None = None
    rationale: LongText | None = Field(default=None, description="Why; needed with `declared_rag`")
    issue: LongText | None = None
    support_required: LongText | None = None
    path_to_green: LongText | None = None
    return_to_green_on: Day | None = Field(default=None, description="For information: it changes no colour")
    waiting_on: ShortText | None = Field(default=None, description="The organisation or milestone that is waited for")
    cause: DelayCause | None = None


def update(view: UpdateView) -> Update:
    return {
        "id": view.id,
        "at": view.at,
        "by": view.by,
        "by_organisation": view.by_organisation,
        "no_change": view.no_change,
        "narrative": view.narrative,
        "forecast_date": view.forecast_date,
        "forecast_was": view.forecast_was,
        "declared_rag": view.declared_rag,
        "rationale": view.rationale,
        "declaration_effect": view.declaration_effect,
        "issue": view.issue,
        "support_required": view.support_required,
        "path_to_green": view.path_to_green,
        "return_to_green_on": view.return_to_green_on,
        "waiting_on": view.waiting_on,
        "waiting_on_since": view.waiting_on_since,
        "cause": view.cause,
    }


_one = TypeAdapter(Update).dump_json
_list: TypeAdapter[Listing[Update]] = TypeAdapter(Listing[Update])


def _added(view: UpdateView) -> Reply:
    return Reply(_one(update(view)), status=201)


@router.get("/milestones/{id}/updates", response_model=Listing[Update], **answers.listed())
def list_updates(run: Reading, milestone_id: MilestoneId, page: Page) -> Response:
    """A milestone's updates, newest first."""
    views, next_cursor = run.read(
        services.list_updates, milestone=MilestoneKey(id=milestone_id), limit=page.limit, cursor=page.cursor
    )
    return answers.listing(_list, {"items": [update(view) for view in views], "next_cursor": next_cursor})


@router.post("/milestones/{id}/updates", response_model=Update, **answers.made())
def add_update(run: Writing, milestone_id: MilestoneId, body: NewUpdate) -> Response:
    """Add an update. The first one starts the milestone."""
    return run.write(
        services.add_update,
        milestone=MilestoneKey(id=milestone_id),
        **body.facts(),
        if_match=run.if_match,
        respond=_added,
    )
