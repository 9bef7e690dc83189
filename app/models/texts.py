"""Reading typed text: the latest of each field of the items asked for, in one query."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.models.records import Text

REDACTED = "[redacted]"
_texts: Any = Text.__table__


@cache
def _statement() -> Any:
    return (
        select(_texts.c.item_id, _texts.c.field, _texts.c.body, _texts.c.redacted_at)
        .where(_texts.c.item_id.in_(bindparam("items", expanding=True)))
        .order_by(_texts.c.written_at, _texts.c.id)
    )


def latest_texts(session: Session, item_ids: Sequence[str]) -> dict[tuple[str, str], str]:
    """{(item id, field): text}. A redacted text reads "[redacted]" through every door."""
    if not item_ids:
        return {}
    return {
        (row.item_id, row.field): REDACTED if row.redacted_at is not None or row.body is None else row.body
        for row in session.connection().execute(_statement(), {"items": list(item_ids)}).all()
    }
