"""Everything the API answers instead of doing what was asked: `application/problem+json` (RFC 9457), never a page.

`answer` turns any exception into one; `documented` says in the OpenAPI document which an operation may give.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, NotRequired

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import ConfigDict, ValidationError, with_config
from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from typing_extensions import TypedDict

from app.api.shapes import Need
from app.domain.files import MAX_BODY_BYTES, MEGABYTE
from app.domain.refusals import (
    FieldError,
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

MEDIA_TYPE = "application/problem+json"
BODY_LIMIT = MEGABYTE
UPLOAD_LIMIT = MAX_BODY_BYTES

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

# What a status means when nobody said more. Also the headings of the documentation: `type` points there.
MEANINGS = {
    400: ("malformed", "The request cannot be read", "The body is not JSON, or the form is broken off."),
    401: ("unauthenticated", "Sign in first", "No key or token was sent, or it is wrong, expired or revoked."),
    403: ("not-allowed", "Not allowed", "You may know of it, and may not do this. It says which role or scope may."),
    404: ("not-found", "Not found", "There is no such thing, or not for you."),
    405: ("method", "This address does not take this method", "See the Allow header for those that it takes."),
    409: ("refused", "Refused by a rule", "Nothing has changed. The reasons say what would satisfy the rule."),
    410: ("gone", "Disposed of", "It was destroyed under a retention rule. Its hash, and that it was here, stay."),
    412: ("stale", "Changed by somebody else in the meantime", "Read the item again, then send your change again."),
    413: ("too-large", "Too large", "A body may have 1 MB; where a file is taken, 51 MB, and the file 50 MB."),
    415: ("content", "This kind of content is not accepted", "The answer lists what is accepted."),
    422: ("invalid", "Some of what was sent cannot be used", "Each error points at its field."),
    428: ("version-required", "Say which version you read", "Send If-Match with the ETag of what you read."),
    429: ("too-many", "Too many requests", "Wait for as many seconds as Retry-After says."),
    500: ("fault", "Something went wrong at our end", "It was put on our record."),
    503: ("unavailable", "Not available just now", "Nothing was written. Try again after Retry-After seconds."),
}


class Problem(TypedDict):
    """An answer that says why not (RFC 9457). Only `detail` is meant for people; rely on `status` and codes."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    needs: NotRequired[str]  # 403: the role or scope that may
    current_version: NotRequired[str]  # 412
    accepted: NotRequired[list[str]]  # 415


@with_config(ConfigDict(extra="forbid"))
class Why(Need):
    """One thing that stands in the way; `evidence` is the item that it speaks of, where it does. Of a submission that
    somebody has triaged meanwhile: what became of it, by whom and when.
    """

    evidence: NotRequired[str]
    outcome: NotRequired[str]
    triaged_by: NotRequired[str]
    triaged_at: NotRequired[str]


class Refusal(Problem):
    """A rule said no: everything that is missing, all at once."""

    reasons: list[Why]


@with_config(ConfigDict(extra="forbid"))
class Wrong(TypedDict):
    """What is wrong with one field. `pointer` is a JSON pointer into the body, or names a parameter: `/limit`."""

    pointer: str
    code: str
    message: str


class Unusable(Problem):
    """Some of what was sent cannot be used."""

    errors: list[Wrong]


SCHEMAS = (Problem, Refusal, Unusable)
_SCHEMA_OF = {409: "Refusal", 422: "Unusable"}
READING = (401, 403, 404, 405, 422, 429, 503)
WRITING = (400, *READING, 409, 412, 413, 415)
CHANGING = (*WRITING, 428)


def documented(statuses: Iterable[int]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route for these statuses: by content with `$ref`, so that each keeps its media type."""
    return {status: _documented(status) for status in sorted(statuses)}


def _documented(status: int) -> dict[str, Any]:
    _, title, explanation = MEANINGS[status]
    schema = {"$ref": f"#/components/schemas/{_SCHEMA_OF.get(status, 'Problem')}"}
    found: dict[str, Any] = {"description": f"{title}. {explanation}", "content": {MEDIA_TYPE: {"schema": schema}}}
    if status in _HEADERS:
        name, what = _HEADERS[status]
        found["headers"] = {name: {"description": what, "schema": {"type": "string"}}}
    return found


_HEADERS = {
    401: ("WWW-Authenticate", "How to sign in: `Bearer`."),
    405: ("Allow", "The methods that this address takes."),
    429: ("Retry-After", "How many seconds to wait."),
    503: ("Retry-After", "How many seconds to wait."),
}


# --- from an exception to an answer -----------------------------------------------------------------------------------


def answer(request: Request, error: Exception) -> Response:
    """The problem document for anything that was raised below /api/v1. What is unknown is a fault of ours: 500."""
    if isinstance(error, RequestValidationError):
        error = _unreadable(request, error) or Invalid(tuple(field_errors(error.errors(), skip=1)))
    elif isinstance(error, ValidationError):
        error = Invalid(tuple(field_errors(error.errors(include_url=False))))
    elif isinstance(error, HTTPException):
        return _from_http(request, error)
    if isinstance(error, Moved):
        return _moved(request, error)
    if isinstance(error, WaymarkError):
        return _from_waymark(request, error)
    return _problem(request, 500)


def _moved(request: Request, error: Moved) -> Response:
    """Method and body stay as they are at the new address (308)."""
    address = new_address(request, error)
    if address is None:
        return _problem(request, 404)
    return _problem(request, 308, title=error.title, detail=error.message, headers={"Location": address})


def _from_waymark(request: Request, error: WaymarkError) -> Response:
    status = next(status for kind, status in STATUSES.items() if isinstance(error, kind))
    more, headers = _EXTENSIONS.get(status, _nothing_more)(error)
    # Without words of its own an error says its title: then what the status means says more.
    detail = "" if error.message == type(error).title else error.message
    return _problem(request, status, title=error.title, detail=detail, more=more, headers=headers)


_Extension = tuple[Mapping[str, Any], dict[str, str]]


def _nothing_more(_: Any) -> _Extension:
    return {}, {}


def _challenge(_: Unauthenticated) -> _Extension:
    return {}, {"WWW-Authenticate": 'Bearer realm="Waymark"'}


def _who_may(error: Forbidden) -> _Extension:
    return ({"needs": error.needs} if error.needs else {}), {}


def _reasons(error: Refused) -> _Extension:
    return {"reasons": [{"code": why.code, "message": why.message, **why.extra} for why in error.reasons]}, {}


def _version(error: Stale) -> _Extension:
    if not error.current_version:
        return {}, {}
    return {"current_version": error.current_version}, {"ETag": f'"{error.current_version}"'}


def _accepted(error: UnsupportedContent) -> _Extension:
    return {"accepted": list(error.accepted)}, {}


def _errors(error: Invalid) -> _Extension:
    listed = [{"pointer": wrong.pointer, "code": wrong.code, "message": wrong.message} for wrong in error.errors]
    return {"errors": listed}, {}


def _wait(error: RateLimited | Unavailable) -> _Extension:
    return {}, {"Retry-After": str(error.retry_after)}


_EXTENSIONS: dict[int, Callable[[Any], _Extension]] = {
    401: _challenge,
    403: _who_may,
    409: _reasons,
    412: _version,
    415: _accepted,
    422: _errors,
    429: _wait,
    503: _wait,
}


def _from_http(request: Request, error: HTTPException) -> Response:
    """What the framework itself refuses: an unknown address, a method, a body over the limit, a broken body."""
    headers, detail = dict(error.headers or {}), ""
    if error.status_code == 404:
        detail = "There is nothing at this address."
    if error.status_code == 405:
        methods = ", ".join(_methods_at(request))
        headers, detail = {"Allow": methods}, f"This address takes {methods}."
    return _problem(request, error.status_code, detail=detail, headers=headers)


def _methods_at(request: Request) -> list[str]:
    """Every method that the address takes: the framework's own Allow names those of its first route only."""
    found: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if route.path and route.methods and compile_path(route.path)[0].match(request.url.path):
            found |= route.methods
    return sorted(found)


def _problem(
    request: Request,
    status: int,
    *,
    title: str = "",
    detail: str = "",
    more: Mapping[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    slug, usual_title, explanation = MEANINGS.get(status, ("other", HTTPStatus(status).phrase, ""))
    document = {
        "type": f"/api/v1/docs#{slug}",
        "title": title or usual_title,
        "status": status,
        "detail": _sentence(detail or explanation),
        "instance": request.url.path,
        **(more or {}),
    }
    # Escaped to ASCII: what was sent may hold half a surrogate pair, which UTF-8 cannot say.
    return Response(
        json.dumps(document), status, headers={"Cache-Control": "no-store", **(headers or {})}, media_type=MEDIA_TYPE
    )


def _sentence(text: str) -> str:
    return text if not text or text[-1] in ".!?" else f"{text}."


# --- what Pydantic found, in plain words ------------------------------------------------------------------------------


def _unreadable(request: Request, error: RequestValidationError) -> WaymarkError | None:
    """A body that is no JSON at all (400), or not said to be JSON (415); None when its fields are what is wrong."""
    found = error.errors()
    if any(wrong["type"] == "json_invalid" for wrong in found):
        return Malformed("The body is not JSON.")
    whole_body = any(tuple(wrong["loc"]) == ("body",) and wrong["type"] != "missing" for wrong in found)
    if whole_body and not is_json(request.headers.get("content-type", "")):
        return UnsupportedContent("Send JSON, with Content-Type: application/json.", accepted=("application/json",))
    return None


def is_json(content_type: str) -> bool:
    """Whether a Content-Type says JSON."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


def field_errors(found: Iterable[Any], *, skip: int = 0) -> list[FieldError]:
    """Pydantic's errors as ours: a JSON pointer (without the first `skip` parts), a code and a plain sentence."""
    errors: dict[str, FieldError] = {}
    for wrong in found:
        code, message = _in_words(wrong)
        pointer = _pointer(wrong["loc"][skip:])
        errors.setdefault(pointer, FieldError(pointer, code, message))
    return list(errors.values())


def _pointer(parts: Iterable[Any]) -> str:
    """The way to a field. Pydantic adds the branch of a union it tried, `str-enum[Status]`: that is no part of it."""
    told = (str(part) for part in parts if not str(part).endswith("]"))
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in told)


def _in_words(wrong: Mapping[str, Any]) -> tuple[str, str]:
    kind, about = wrong["type"], wrong.get("ctx", {})
    if kind not in _WORDS:
        return kind, wrong["msg"]  # one of our own, from app/api/bodies.py
    code, sentence = _WORDS[kind]
    plain = {name: _MEMBER.sub(r"\1", value) if isinstance(value, str) else value for name, value in about.items()}
    return code, sentence.format_map(plain)


# How Pydantic writes a member of a closed list: <ReviewOutcome.ACCEPTED: 'accepted'>
_MEMBER = re.compile(r"<\w+\.\w+: ('[^']*')>")


_WORDS = {
    "missing": ("required", "This is needed"),
    "string_too_short": ("required", "This cannot be empty"),
    "string_too_long": ("too_long", "Use at most {max_length:,} characters"),
    "string_type": ("text", "Give text"),
    "string_unicode": ("bad_character", "This holds a character that is not text"),
    "string_pattern_mismatch": ("pattern", "This is not written as it should be: it must match {pattern}"),
    "extra_forbidden": ("unknown_field", "There is no such field here"),
    "enum": ("not_a_choice", "Choose {expected}"),
    "literal_error": ("not_a_choice", "Choose {expected}"),
    "int_type": ("whole_number", "Give a whole number"),
    "int_parsing": ("whole_number", "Give a whole number"),
    "int_parsing_size": ("whole_number", "Give a smaller number"),
    "int_from_float": ("whole_number", "Give a whole number"),
    "greater_than_equal": ("out_of_range", "Give a number that is at least {ge}"),
    "less_than_equal": ("out_of_range", "Give a number that is at most {le}"),
    "bool_parsing": ("true_or_false", "Give true or false"),
    "bool_type": ("true_or_false", "Give true or false"),
    "list_type": ("list", "Give a list"),
    "too_long": ("too_many", "Give at most {max_length}"),
    "too_short": ("required", "Give at least {min_length}"),
    "model_type": ("object", "Send a JSON object"),
    "model_attributes_type": ("object", "Send a JSON object"),
    "dict_type": ("object", "Send a JSON object"),
    "date_parsing": ("date", "There is no such date"),
    "date_from_datetime_parsing": ("date", "There is no such date"),
}
