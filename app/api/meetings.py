"""Review meetings: a plan's list of them, made from its cycle, and what becomes of each."""

from collections.abc import Sequence
from datetime import date

from fastapi import Response
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from app.api import answers, shapes
from app.api.answers import MeetingId, Page, PlanSlug
from app.api.bodies import Body, Day, Key, LongText, Said
from app.api.deps import Reading, Reply, Writing
from app.api.shapes import Listing, Person, exactly
from app.domain.meetings import MeetingView
from app.domain.words import MeetingState
from app.doors.routing import NounRouter
from app.services import meetings as services

router = NounRouter(tags=["Review meetings"])


@exactly
class Meeting(TypedDict):
    """A review meeting. `moved_from` is the day it stood on before its last move. `attended` are people with a role in
    the plan, `others_present` says who else was there. `warning` is there when its day is no working day in England.
    """

    id: str
    on: date
    state: MeetingState
    moved_from: date | None
    move_reason: str | None
    cancellation_reason: str | None
    attended: list[Person]
    others_present: str | None
    warning: str | None
    version: str


class NewMeeting(Body):
    """The day of a review meeting. A weekend or bank holiday gets a warning and is taken."""

    on: Day


class Year(Body):
    """Where the cycle begins. Left out, it goes on after the last review meeting that is listed."""

    first_day: Day | None = Field(default=None, description="Today or later, and after the last listed meeting")


class Holding(Body):
    """Who was there: people with a role in the plan by id, anybody else in words."""

    attended: list[Key] = Field(default=[], max_length=200)
    others_present: LongText | None = None


class Move(Body):
    """The new day, today or later, and why."""

    on: Day
    reason: Said


class Cancellation(Body):
    """Why the meeting does not take place."""

    reason: Said


def meeting(view: MeetingView) -> Meeting:
    people = (shapes.person(person) for person in view.attended)
    return {
        "id": view.id,
        "on": view.on,
        "state": view.state,
        "moved_from": view.moved_from,
        "move_reason": view.move_reason,
        "cancellation_reason": view.cancellation_reason,
        "attended": [person for person in people if person],
        "others_present": view.others_present,
        "warning": view.warning,
        "version": view.version,
    }


_one = TypeAdapter(Meeting).dump_json
_list: TypeAdapter[Listing[Meeting]] = TypeAdapter(Listing[Meeting])


def _made(view: MeetingView) -> Reply:
    return Reply(_one(meeting(view)), status=201, version=view.version)


def _made_several(views: Sequence[MeetingView]) -> Reply:
    return Reply(_list.dump_json({"items": [meeting(view) for view in views], "next_cursor": None}), status=201)


@router.get("/plans/{plan}/meetings", response_model=Listing[Meeting], **answers.listed())
def list_meetings(run: Reading, plan: PlanSlug, page: Page) -> Response:
    """The plan's review meetings by day, cancelled ones too."""
    shown, next_cursor = answers.page_of(run.read(services.list_meetings, slug=plan), page)
    return answers.listing(_list, {"items": [meeting(view) for view in shown], "next_cursor": next_cursor})


@router.post("/plans/{plan}/meetings", response_model=Meeting, **answers.made())
def add_meeting(run: Writing, plan: PlanSlug, body: NewMeeting) -> Response:
    """List one review meeting. Colours that depend on meetings follow at once."""
    return run.write(services.add_meeting, slug=plan, on=body.on, respond=_made)


@router.post("/plans/{plan}/meetings/year", response_model=Listing[Meeting], **answers.made())
def make_meeting_list(run: Writing, plan: PlanSlug, body: Year | None = None) -> Response:
    """List the review meetings of the plan's cycle for a year ahead. A day on a weekend or a bank holiday of England is
    skipped for the next working day. Answers with those that were added.
    """
    return run.write(services.make_list, slug=plan, first_day=body.first_day if body else None, respond=_made_several)


@router.post("/meetings/{id}/holding", response_model=Meeting, **answers.made())
def hold_meeting(run: Writing, meeting_id: MeetingId, body: Holding | None = None) -> Response:
    """Put on record that a review meeting took place, and who was there. Codes: `meeting_to_come`, `already_held`,
    `already_cancelled`, `plan_closed`.
    """
    facts = (body or Holding()).facts()
    return run.write(services.hold_meeting, meeting=meeting_id, **facts, if_match=run.if_match, respond=_made)


@router.post("/meetings/{id}/move", response_model=Meeting, **answers.made())
def move_meeting(run: Writing, meeting_id: MeetingId, body: Move) -> Response:
    """Move a review meeting to another day. Colours that depend on meetings follow at once."""
    return run.write(
        services.move_meeting, meeting=meeting_id, on=body.on, reason=body.reason, if_match=run.if_match, respond=_made
    )


@router.post("/meetings/{id}/cancellation", response_model=Meeting, **answers.made())
def cancel_meeting(run: Writing, meeting_id: MeetingId, body: Cancellation) -> Response:
    """Cancel a review meeting. Colours that depend on meetings follow at once."""
    return run.write(
        services.cancel_meeting, meeting=meeting_id, reason=body.reason, if_match=run.if_match, respond=_made
    )
