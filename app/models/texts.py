"""Reading typed text: the latest of each field of the items asked for, in one query."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.records import Text

REDACTED = "[redacted]"


def latest_texts(session: Session, item_ids: Sequence[str]) -> dict[tuple[str, str], str]:
    """{(item id, field): text}. A redacted text reads "[redacted]" through every door."""
    if not item_ids:
        return {}
    statement = (
        select(Text.item_id, Text.field, Text.body, Text.redacted_at)
        .where(Text.item_id.in_(item_ids))
        .order_by(Text.written_at, Text.id)
    )
    return {
        (row.item_id, row.field): REDACTED if row.redacted_at is not None or row.body is None else row.body
        for row in session.execute(statement)
    }
