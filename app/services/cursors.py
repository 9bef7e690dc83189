"""Cursors: opaque to callers, and they survive inserts, because they name a place and not a page number."""

import base64
import binascii
import json
from typing import Any

from app.domain.refusals import invalid


def encode(*parts: Any) -> str:
    """A place in a list as opaque text."""
    return base64.urlsafe_b64encode(json.dumps(parts, default=str).encode()).decode().rstrip("=")


def decode(cursor: str, length: int) -> list[Any]:
    """The parts of a cursor. Raises Invalid for anything this list did not give out."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        parts = None
    if not isinstance(parts, list) or len(parts) != length or not all(isinstance(part, str | int) for part in parts):
        raise invalid("cursor", "not_a_cursor", "This cursor was not given out by this list")
    return parts
