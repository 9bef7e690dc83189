"""Searching a plan."""

from datetime import date
from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from app.api import answers
from app.api.answers import PlanSlug
from app.api.bodies import Body
from app.api.deps import Reading
from app.api.shapes import exactly
from app.domain.searches import LEAST, LONGEST, Group, Hit
from app.doors.routing import NounRouter
from app.services import searches as services

router = NounRouter(tags=["Search"])


@exactly
class HitShape(TypedDict):
    """Something found: its id and reference, the text that has the words, and the milestone it belongs to."""

    id: str
    ref: str
    text: str
    milestone_ref: str
    milestone_title: str
    on: date | None
    by: str | None


@exactly
class GroupShape(TypedDict):
    """What was found of one kind; `more`: there is more than is given."""

    items: list[HitShape]
    more: bool


@exactly
class FoundShape(TypedDict):
    """Milestones by their title or reference, progress updates by what they say, evidence by its title."""

    milestones: GroupShape
    updates: GroupShape
    evidence: GroupShape


class Wanted(Body):
    """What is searched for."""

    q: Annotated[str, Field(description=f"Words, all of which have to be there: {LEAST} to {LONGEST} characters")] = ""


_found: TypeAdapter[FoundShape] = TypeAdapter(FoundShape)


def _hit(hit: Hit) -> Any:
    return {
        "id": hit.id,
        "ref": hit.ref,
        "text": hit.text,
        "milestone_ref": hit.milestone_ref,
        "milestone_title": hit.milestone_title,
        "on": hit.on,
        "by": hit.by or None,
    }


def _group(group: Group) -> Any:
    return {"items": [_hit(hit) for hit in group.hits], "more": group.more}


@router.get("/plans/{plan}/search", response_model=FoundShape, **answers.listed())
def search_plan(run: Reading, plan: PlanSlug, wanted: Annotated[Wanted, Query()]) -> Response:
    """Titles of milestones, what progress updates say and titles of evidence, within what you may know of. Letters
    count alike in either case. At most 20 of each kind.
    """
    found = run.read(services.search, slug=plan, asked=wanted.q.strip())
    groups = {"milestones": found.milestones, "updates": found.updates, "evidence": found.evidence}
    return answers.listing(_found, {name: _group(group) for name, group in groups.items()})
