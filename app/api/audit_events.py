"""The audit trail of a plan."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from app.api import answers
from app.api.answers import Paging, PlanSlug
from app.api.bodies import Key
from app.api.deps import Reading
from app.api.shapes import Listing, exactly
from app.domain.milestones import AuditLine
from app.doors.routing import NounRouter
from app.services import audit_events as services

router = NounRouter(tags=["Audit trail"])


@exactly
class AuditEvent(TypedDict):
    """A past-tense fact. `facts` holds what was and what is, `texts` what people typed, by field, and `text_ids` what a
    redaction of it names; `hash` chains it.
    """

    id: str
    seq: int
    at: datetime
    actor: str
    door: str
    event: str
    item_kind: str
    item_id: str
    item_ref: str
    facts: dict[str, Any]
    texts: dict[str, str | None]
    text_ids: dict[str, str]
    hash: str


class Filters(Paging):
    """Which events."""

    item: Key | None = Field(default=None, description="The id of an item; a milestone's takes in its evidence")


def audit_event(line: AuditLine) -> AuditEvent:
    return {
        "id": line.id,
        "seq": line.seq,
        "at": line.at,
        "actor": line.actor,
        "door": line.door,
        "event": line.event,
        "item_kind": line.item_kind,
        "item_id": line.item_id,
        "item_ref": line.item_ref,
        "facts": line.facts,
        "texts": line.texts,
        "text_ids": line.text_ids,
        "hash": line.hash,
    }


_list: TypeAdapter[Listing[AuditEvent]] = TypeAdapter(Listing[AuditEvent])


@router.get("/plans/{plan}/audit-events", response_model=Listing[AuditEvent], **answers.listed())
def list_events(run: Reading, plan: PlanSlug, filters: Annotated[Filters, Query()]) -> Response:
    """A plan's audit events, newest first."""
    lines, next_cursor = run.read(
        services.list_events, slug=plan, item=filters.item, limit=filters.limit, cursor=filters.cursor
    )
    return answers.listing(_list, {"items": [audit_event(line) for line in lines], "next_cursor": next_cursor})
