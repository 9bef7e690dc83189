"""Who opened what, and who took what away: written beside the audit trail, once per person, item and hour (rule 6)."""

from sqlalchemy import select

from app.db import UnitOfWork
from app.domain.ids import new_id
from app.models import AccessLogEntry

FILTERS_KEPT = 500


def note(uow: UnitOfWork, what: str, *, item_kind: str, item_id: str, plan_id: str | None, filters: str = "") -> None:
    """Put it on the access log unless the actor did the same within this hour. `what` is `opened` or `exported`.

    What is exported has an id that names the list as well as the plan: two lists of one plan are two items.
    `filters` says with what it was asked for.
    """
    hour = uow.now.replace(minute=0, second=0, microsecond=0)
    actor = uow.actor
    already = uow.session.execute(
        select(AccessLogEntry.id).where(
            AccessLogEntry.actor_id == actor.id,
            AccessLogEntry.what == what,
            AccessLogEntry.item_id == item_id,
            AccessLogEntry.hour == hour,
        )
    ).first()
    if already is None:
        uow.session.add(
            AccessLogEntry(
                id=new_id(),
                at=uow.now,
                hour=hour,
                plan_id=plan_id,
                actor_kind=actor.kind,
                actor_id=actor.id,
                actor_title=actor.title,
                door=actor.door,
                what=what,
                item_kind=item_kind,
                item_id=item_id,
                filters=filters[:FILTERS_KEPT],
            )
        )
