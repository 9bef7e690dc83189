"""What routers share: the parameters of addresses and lists, what a route documents, how answers are written."""

import re
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any, TypeVar

from fastapi import Path, Query, Response
from pydantic import AfterValidator, Field, TypeAdapter

from app.api import problems
from app.api.bodies import Body, Key
from app.domain.actors import Actor
from app.domain.refusals import NotFound, invalid
from app.domain.words import Scope

T = TypeVar("T")

LIMIT, MOST = 50, 200
_PLAIN = re.compile(r"[\x21-\x7e]{1,100}", re.ASCII)


def _could_be_known(name: str) -> str:
    """An address that could not name anything names nothing: 404, without asking a database that cannot store it."""
    if not _PLAIN.fullmatch(name):
        raise NotFound
    return name


_named = AfterValidator(_could_be_known)
PlanSlug = Annotated[
    str, Path(description="The plan's slug, such as `safeguarding-plan`. At one that it had before: 308"), _named
]
MilestoneId = Annotated[str, Path(alias="id", description="The milestone's id"), _named]
MeetingId = Annotated[str, Path(alias="id", description="The review meeting's id"), _named]
ThemeId = Annotated[str, Path(alias="id", description="The theme's id"), _named]
ActionId = Annotated[str, Path(alias="id", description="The action's id"), _named]
EvidenceId = Annotated[str, Path(alias="id", description="The evidence item's id"), _named]
ExportId = Annotated[str, Path(alias="id", description="The evidence log export's id"), _named]
RecordProposalId = Annotated[str, Path(alias="id", description="The proposal's id"), _named]
SubmissionId = Annotated[str, Path(alias="id", description="The submission's id"), _named]
ChangeRequestId = Annotated[str, Path(alias="id", description="The change request's id"), _named]
HeldUploadId = Annotated[str, Path(alias="id", description="The held upload's id"), _named]
SavedViewId = Annotated[str, Path(alias="id", description="The saved view's id"), _named]

Limit = Annotated[int, Field(ge=1, le=MOST, description=f"How many at most, up to {MOST}")]
Cursor = Annotated[Key | None, Field(description="`next_cursor` of the page before")]


class Paging(Body):
    """Which page of a list."""

    limit: Limit = LIMIT
    cursor: Cursor = None


Page = Annotated[Paging, Query()]

_ETAG = {"ETag": {"description": "The version of the item, for If-Match.", "schema": {"type": "string"}}}
_CREATED = {
    **_ETAG,
    "Location": {"description": "Where what was made can be read.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true` when this is the answer that the same Idempotency-Key got before.",
        "schema": {"type": "string"},
    },
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "schema": {"type": "string"},
    "description": "The ETag of what you read. When it has changed since, nothing is done: 412.",
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "Anything unique to this request. Sent again with it within 24 hours, the request is carried out"
    " once and answered twice.",
}


def listed() -> dict[str, Any]:
    """What a route documents that reads a list."""
    return {"responses": problems.documented(problems.READING)}


def read() -> dict[str, Any]:
    """What a route documents that reads one item: its ETag too, and 304 for who has it already."""
    responses = problems.documented(problems.READING)
    responses[200] = {"description": "As it is now.", "headers": _ETAG}
    responses[304] = {"description": "You have this version already (If-None-Match)."}
    return {"responses": responses}


def made() -> dict[str, Any]:
    """What a POST documents: 201, a version to match, and an Idempotency-Key."""
    responses = problems.documented(problems.WRITING)
    responses[201] = {"description": "Done, and on the record.", "headers": _CREATED}
    return {
        "status_code": 201,
        "responses": responses,
        "openapi_extra": {"parameters": [_IF_MATCH, _IDEMPOTENCY_KEY]},
    }


def looked() -> dict[str, Any]:
    """What a POST documents that only looks: what is asked about is too much for an address."""
    responses = problems.documented(problems.WRITING)
    responses[200] = {"description": "Looked at. Nothing was written."}
    return {"responses": responses, "openapi_extra": {"parameters": [_IF_MATCH, _IDEMPOTENCY_KEY]}}


def changed() -> dict[str, Any]:
    """What a PATCH documents: 200, and that it needs the version it changes."""
    responses = problems.documented(problems.CHANGING)
    responses[200] = {"description": "As it is now.", "headers": _ETAG}
    return {"responses": responses, "openapi_extra": {"parameters": [_IF_MATCH]}}


def page_of(
    views: Sequence[T], page: Paging, *, name: Callable[[T], str] = attrgetter("id")
) -> tuple[Sequence[T], str | None]:
    """A page of a list that a service gives whole. The cursor is the name (the id) of the last item seen.

    Raises Invalid for a cursor that names none of them.
    """
    start = 0
    if page.cursor is not None:
        start = next((place for place, view in enumerate(views, 1) if name(view) == page.cursor), 0)
        if start == 0:
            raise invalid("cursor", "unknown_cursor", "This is no cursor of this list")
    shown = views[start : start + page.limit]
    return shown, name(shown[-1]) if start + page.limit < len(views) else None


def listing(adapter: TypeAdapter[Any], page: Mapping[str, Any]) -> Response:
    """A page of a list, written out by its shape."""
    return Response(adapter.dump_json(page), media_type="application/json")


def knows_names_only(actor: Actor) -> bool:
    """Whether it is a key that may send evidence and read nothing: it learns the names of what it may attach to."""
    return actor.is_key and Scope.EVIDENCE_WRITE in actor.scopes and Scope.PLAN_READ not in actor.scopes
