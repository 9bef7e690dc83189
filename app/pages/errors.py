"""Everything the pages answer instead of what was asked, in plain English and with the right status."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from app.domain.refusals import (
    Forbidden,
    Gone,
    Invalid,
    Malformed,
    Moved,
    NotFound,
    RateLimited,
    Refused,
    Stale,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedContent,
    VersionRequired,
    WaymarkError,
)
from app.doors.moved import new_address
from app.pages.deps import PasswordNeeded, sign_in_address
from app.pages.templating import Frame, render

STATUSES: dict[type[WaymarkError], int] = {
    Malformed: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Refused: 409,
    Gone: 410,
    Stale: 412,
    TooLarge: 413,
    UnsupportedContent: 415,
    Invalid: 422,
    VersionRequired: 428,
    RateLimited: 429,
    Unavailable: 503,
}

# status: (title, what it means and what to do now)
_WORDS = {
    400: ("This request cannot be read", "Go back, reload the page and try again."),
    403: (
        "You cannot open this page",
        "Your role in this plan does not include it. The programme manager can say who may.",
    ),
    404: (
        "Page not found",
        "There is no such page, or it is not for you to see. Check the address, or start from your plans.",
    ),
    405: ("This address does not take that", "Go back to the page you came from and use its buttons and links."),
    409: ("This was not done", "Nothing has changed."),
    410: (
        "This was disposed of",
        "Its file was destroyed under a retention rule. Its hash, and that it was here, stay.",
    ),
    412: (
        "Somebody else changed this",
        "Nothing has been saved. Go back, reload the page and compare before you save.",
    ),
    413: ("That is too large", "One file may have 50 MB."),
    415: ("This kind of file is not accepted", "Go back and choose another file."),
    422: ("Some of this cannot be used", "Nothing has changed. Check what was entered."),
    428: ("Reload the page first", "The page is from before the last change. Reload it and try again."),
    429: ("Too many tries", "Wait a little, then try again."),
    500: (
        "Sorry, something went wrong",
        "It is our fault, not yours, and it is on our record. Nothing you had saved is lost. Try again later.",
    ),
    503: ("Sorry, this is not available just now", "Nothing has been saved. Try again in a minute."),
}


def answer(request: Request, error: Exception) -> Response:
    """The page for anything that was raised. What is unknown is a fault of ours: 500."""
    if isinstance(error, PasswordNeeded):
        return _go_to(request, error.address)
    if isinstance(error, Unauthenticated):
        return _go_to(request, sign_in_address(request))
    if isinstance(error, Moved):
        address = new_address(request, error)
        # Not to be kept: the plan may take its old address back.
        return RedirectResponse(address, 308, {"Cache-Control": "no-store"}) if address else _page(request, 404)
    if isinstance(error, HTTPException):
        return _page(request, error.status_code, headers=dict(error.headers or {}))
    if isinstance(error, RequestValidationError | ValidationError):
        return _page(request, 422, lines=[_wrong_field(found) for found in error.errors()])
    if isinstance(error, WaymarkError):
        return _from_waymark(request, error)
    return _page(request, 500)


def _go_to(request: Request, address: str) -> Response:
    """HTMX follows a redirect by itself and would put the page it leads to into a part of this one."""
    if request.headers.get("HX-Request"):
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303, headers={"Cache-Control": "no-store"})


def _from_waymark(request: Request, error: WaymarkError) -> Response:
    status = next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 500)
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, RateLimited | Unavailable) else {}
    said = error.message if error.message != type(error).title else ""
    lines: list[str] = []
    if isinstance(error, Refused):
        said, lines = "", [reason.message for reason in error.reasons]
    if isinstance(error, Invalid):
        said, lines = "", [wrong.message for wrong in error.errors]
    title = error.title if isinstance(error, Refused) else ""
    return _page(request, status, title=title, said=said, lines=lines, headers=headers)


def _wrong_field(found: Mapping[str, Any]) -> str:
    place = found.get("loc", ())
    name = str(place[-1]) if isinstance(place, tuple) and place else "It"
    return f"{name.replace('_', ' ').capitalize()}: {found.get('msg', 'cannot be used')}"


def _page(
    request: Request,
    status: int,
    *,
    title: str = "",
    said: str = "",
    lines: list[str] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    usual_title, advice = _WORDS.get(status, (HTTPStatus(status).phrase, "Go back and try again."))
    actor = getattr(request.state, "actor", None)
    answer = render(
        request,
        "errors/page.html",
        frame=Frame(person=actor.title, organisation=actor.organisation) if actor else Frame(),
        status=status,
        headers=headers,
        heading=title or usual_title,
        said=said,
        lines=lines or [],
        advice=advice,
        reference=getattr(request.state, "request_id", "") if status >= 500 else "",
    )
    if request.headers.get("HX-Request-Type") == "partial":
        # HTMX asked for a part of a page: an error takes the place of the whole of it.
        answer.headers.update(
            {"HX-Retarget": "#main-content", "HX-Reselect": "#main-content", "HX-Reswap": "outerHTML"}
        )
    return answer
