"""Which milestones' evidence ends soon, for those who can send what takes its place."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from app.db import UnitOfWork
from app.domain.expiry import LONGEST_NOTICE, Ending, notice_on
from app.domain.markings import marks_of
from app.models import ending_evidence as scans
from app.models.expiry import ends_soon
from app.models.visibility import knowable_in

SHOWN = 5


def ending_in(uow: UnitOfWork, plan_id: str, *, room: int = SHOWN) -> tuple[tuple[Ending, ...], int]:
    """Of an approved plan, what the actor may know of: the first few, the soonest first, and how many in all."""
    statement = scans.ending(ends_soon(uow.today)).where(knowable_in(uow.actor, plan_id))
    return _found(uow.session.execute(statement, {"room": room}).all(), uow.today)


def ending_mine(
    uow: UnitOfWork, values: Mapping[str, Any], *, organisation: bool, room: int = SHOWN
) -> tuple[tuple[Ending, ...], int]:
    """Of what this person is asked for updates of, by the values of `my_updates`."""
    given = {**values, "notice_until": uow.today + timedelta(days=LONGEST_NOTICE), "room": room}
    return _found(uow.session.connection().execute(scans.mine(organisation=organisation), given).all(), uow.today)


def _found(rows: Sequence[Any], today: date) -> tuple[tuple[Ending, ...], int]:
    return tuple(_ending(row, today) for row in rows), rows[0].number if rows else 0


def _ending(row: Any, today: date) -> Ending:
    until = row.policy_met_until
    return Ending(
        ref=row.ref,
        title=row.title,
        plan_slug=row.plan_slug,
        plan_title=row.plan_title,
        owner=row.owner_title or "",
        ends_on=until,
        days_left=(until - today).days,
        notice=notice_on(until, today) or LONGEST_NOTICE,
        marks=marks_of(row),
    )
