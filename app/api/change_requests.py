"""Change requests: asking to move a due date or to cancel a milestone, and deciding on it."""

from datetime import date, datetime
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field, TypeAdapter, field_validator
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from app.api import answers
from app.api.answers import ChangeRequestId, MilestoneId, Page
from app.api.bodies import Body, Day, Said
from app.api.deps import Reading, Reply, Writing
from app.api.shapes import Listing, exactly
from app.domain.milestones import ChangeRequestView, MilestoneKey
from app.domain.words import CancellationGround, ChangeKind, ChangeState
from app.services import change_requests as services

router = APIRouter(tags=["Change requests"])

_TAKEN = " and ".join(services.TAKEN)


@exactly
class ChangeRequest(TypedDict):
    """What was asked for, why, and what was decided. Until then the milestone keeps its date and its colour."""

    id: str
    kind: ChangeKind
    state: ChangeState
    requested_by: str
    requested_at: datetime
    reason: str | None
    due_date: date | None
    ground: CancellationGround | None
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
    version: str


class NewChangeRequest(Body):
    """`due_date` asks for another due date, `cancellation` gives its ground."""

    kind: Literal[ChangeKind.DUE_DATE, ChangeKind.CANCELLATION]
    reason: Said
    due_date: Day | None = Field(default=None, description="The new due date, with kind `due_date`")
    ground: CancellationGround | None = Field(default=None, description="Why, with kind `cancellation`")

    @field_validator("kind", mode="before")
    @classmethod
    def _say_which_are_taken(cls, kind: Any) -> Any:
        if kind not in services.TAKEN:
            raise PydanticCustomError("not_taken", "{sentence}", {"sentence": f"The kinds taken today are {_TAKEN}"})
        return kind


class Decision(Body):
    """What a senior officer decides, and why."""

    outcome: Literal["approved", "declined"]
    reason: Said


def change_request(view: ChangeRequestView) -> ChangeRequest:
    return {
        "id": view.id,
        "kind": ChangeKind(view.kind),
        "state": ChangeState(view.state),
        "requested_by": view.requested_by,
        "requested_at": view.requested_at,
        "reason": view.reason,
        "due_date": view.due_date,
        "ground": CancellationGround(view.ground) if view.ground else None,
        "decided_by": view.decided_by,
        "decided_at": view.decided_at,
        "decision_reason": view.decision_reason,
        "version": view.version,
    }


_one = TypeAdapter(ChangeRequest).dump_json
_list: TypeAdapter[Listing[ChangeRequest]] = TypeAdapter(Listing[ChangeRequest])


def _made(view: ChangeRequestView) -> Reply:
    return Reply(_one(change_request(view)), status=201, version=view.version)


@router.get("/milestones/{id}/change-requests", response_model=Listing[ChangeRequest], **answers.listed())
def list_change_requests(run: Reading, milestone_id: MilestoneId, page: Page) -> Response:
    """The changes asked for on a milestone, newest first."""
    views = run.read(services.list_change_requests, milestone=MilestoneKey(id=milestone_id))
    shown, next_cursor = answers.page_of(views, page)
    return answers.listing(_list, {"items": [change_request(view) for view in shown], "next_cursor": next_cursor})


@router.post("/milestones/{id}/change-requests", response_model=ChangeRequest, **answers.made())
def request_change(run: Writing, milestone_id: MilestoneId, body: NewChangeRequest) -> Response:
    """Ask for another due date, or for the milestone to be cancelled."""
    return run.write(
        services.request_change,
        milestone=MilestoneKey(id=milestone_id),
        **body.facts(),
        if_match=run.if_match,
        respond=_made,
    )


@router.post("/change-requests/{id}/decision", response_model=ChangeRequest, **answers.made())
def decide_change(run: Writing, change_request_id: ChangeRequestId, body: Decision) -> Response:
    """Approve or decline: a senior officer who neither asked for it nor owns the milestone."""
    return run.write(
        services.decide_change,
        change_request=change_request_id,
        outcome=body.outcome,
        reason=body.reason,
        if_match=run.if_match,
        respond=_made,
    )
