"""Reading typed text: the latest of each field of the items asked for, in one query."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.domain.change_requests import REDACTED as REDACTED
from app.models.raw_rows import gathered
from app.models.records import Text

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


def gathered_texts(item_id: Any, fields: Sequence[str]) -> Any:
    """These fields of one item, gathered into one value of its row: `texts_from_json` makes sense of it."""
    return (
        gathered(_texts.c.written_at, _texts.c.id, _texts.c.field, _texts.c.body, _texts.c.redacted_at)
        .where(_texts.c.item_id == item_id, _texts.c.field.in_(fields))
        .scalar_subquery()
    )


def texts_from_json(gathered_rows: str | None) -> dict[str, str]:
    """{field: text} of what `gathered_texts` gathered: the latest of each, "[redacted]" where it was."""
    return {
        field: REDACTED if redacted_at is not None or body is None else body
        for _, _, field, body, redacted_at in sorted(json.loads(gathered_rows or "[]"), key=lambda row: row[:2])
    }
