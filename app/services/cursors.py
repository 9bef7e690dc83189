"""Cursors: opaque to callers, and they survive inserts, because they name a place and not a page number."""

import base64
import binascii
import json
from typing import Any

from app.domain.refusals import Invalid, invalid

_BIGGEST = 2**31 - 1


def encode(*parts: Any) -> str:
    """A place in a list as opaque text."""
    return base64.urlsafe_b64encode(json.dumps(parts, default=str).encode()).decode().rstrip("=")


def decode(cursor: str, *kinds: type) -> list[Any]:
    """The parts of a cursor, of the kinds (str, int) this list encodes. Raises Invalid for any other text."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        parts = None
    if not isinstance(parts, list) or [type(part) for part in parts] != list(kinds) or not all(map(_storable, parts)):
        raise not_given_out()
    return parts


def not_given_out() -> Invalid:
    """What is said of a cursor that this list did not give out."""
    return invalid("cursor", "not_a_cursor", "This cursor was not given out by this list")


def _storable(part: str | int) -> bool:
    """A database takes neither NUL, nor half a surrogate pair, nor a number beyond its columns."""
    if isinstance(part, int):
        return abs(part) <= _BIGGEST
    return part.isprintable()
