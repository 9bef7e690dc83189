"""The honesty checks of a plan."""

from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from app.api import answers
from app.api.answers import PlanSlug
from app.api.bodies import Body
from app.api.deps import Reading
from app.api.shapes import exactly
from app.domain.honesty import Check, Group
from app.doors.routing import NounRouter
from app.services import honesty as services

router = NounRouter(tags=["Honesty checks"])

MOST = 1_000


@exactly
class FindingShape(TypedDict):
    """What a check found: the reference and title of the milestone (or action), the sentence, and the references of the
    other milestones it is about.
    """

    ref: str
    title: str
    message: str
    also: list[str]


@exactly
class CheckShape(TypedDict):
    """One check, why it matters, and how many findings there are; 1,001 means more than 1,000."""

    check: Check
    title: str
    why: str
    count: int
    findings: list[FindingShape]


@exactly
class Checks(TypedDict):
    """Every check, or the one asked for."""

    items: list[CheckShape]


class Wanted(Body):
    """Which check, and how many findings of each."""

    check: Check | None = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50


_checks: TypeAdapter[Checks] = TypeAdapter(Checks)


def _shape(group: Group) -> Any:
    return {
        "check": group.check,
        "title": group.title,
        "why": group.why,
        "count": group.count,
        "findings": [
            {"ref": one.ref, "title": one.title, "message": one.message, "also": list(one.also)}
            for one in group.findings
        ],
    }


@router.get("/plans/{plan}/honesty-checks", response_model=Checks, **answers.listed())
def list_honesty_checks(run: Reading, plan: PlanSlug, wanted: Annotated[Wanted, Query()]) -> Response:
    """Signs that a plan may look better than it is, for its programme managers and auditors. None is a verdict."""
    report = run.read(services.honesty_checks, slug=plan, check=wanted.check, limit=wanted.limit)
    return answers.listing(_checks, {"items": [_shape(group) for group in report.groups]})
