"""Whether anything happened to a milestone after something was put down: what tells news from a form sent twice."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select

from app.db import UnitOfWork
from app.models import AuditEvent


def anything_since(uow: UnitOfWork, *, milestone_id: str, at: datetime, its_own: Collection[str]) -> bool:
    """Whether the trail of a milestone goes on after what was put down at a moment, whose events are `its_own`."""
    newest = uow.session.execute(
        select(AuditEvent.at, AuditEvent.event)  # type: ignore[call-overload]
        .where(AuditEvent.milestone_id == milestone_id)
        .order_by(AuditEvent.seq.desc())  # type: ignore[attr-defined]
        .limit(1)
    ).one_or_none()
    return newest is None or newest.at != at or newest.event not in its_own
