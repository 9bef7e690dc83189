"""What needs an update from whoever asks, before the next review meeting."""

from datetime import date
from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from app.api import answers
from app.api.answers import Paging
from app.api.deps import Reading
from app.api.milestones import Milestone, milestone
from app.api.shapes import Listing, exactly
from app.domain.my_updates import ItemToUpdate, NeedCode
from app.doors.routing import NounRouter
from app.services import my_updates as services

router = NounRouter(tags=["Updates"])


@exactly
class Asked(TypedDict):
    """One thing that is asked for, since when."""

    code: NeedCode
    message: str
    since: date


@exactly
class ToUpdate(TypedDict):
    """A milestone with what is asked for. `no_change_on`: the first day since its last update on which "no change" was
    said, which covers one review meeting.
    """

    milestone: Milestone
    needs: list[Asked]
    next_review: date | None
    last_update_on: date | None
    no_change_on: date | None


class Mine(Paging):
    """Whose milestones."""

    own: bool = Field(
        default=False,
        description="Only what you own; otherwise also what your organisation leads or supports and none of its people"
        " owns",
    )


_list: TypeAdapter[Listing[ToUpdate]] = TypeAdapter(Listing[ToUpdate])


def _to_update(item: ItemToUpdate) -> Any:
    return {
        "milestone": milestone(item.row),
        "needs": [{"code": need.code, "message": need.message, "since": need.since} for need in item.needs],
        "next_review": item.next_review,
        "last_update_on": item.last.on if item.last else None,
        "no_change_on": item.last.no_change_on if item.last else None,
    }


@router.get("/updates", response_model=Listing[ToUpdate], **answers.listed())
def list_my_updates(run: Reading, mine: Annotated[Mine, Query()]) -> Response:
    """What needs an update from you before the next review: Red first, then Amber, then Green, the longest first. Each
    is answered at `/milestones/{id}/updates`.
    """
    found = run.read(services.my_updates, only_own=mine.own, limit=mine.limit, cursor=mine.cursor)
    items = [_to_update(item) for item in found.items]
    return answers.listing(_list, {"items": items, "next_cursor": found.next_cursor})
