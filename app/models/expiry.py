"""The twin of `app.domain.expiry` in SQL. `columns`: a table's, or an alias's, where they are not the entity's."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, literal

from app.domain.expiry import LONGEST_NOTICE
from app.domain.words import Status
from app.models.milestones import Milestone


def has_ended(day: Any, columns: Any = Milestone) -> ColumnElement[bool]:
    """What made its policy met counts no more on a day: not true where there is no last day."""
    return and_(columns.policy_met_until.is_not(None), columns.policy_met_until < day)


def lapsed(day: Any, columns: Any = Milestone) -> ColumnElement[bool]:
    """Stored as achieved, and on that day it is not: what is stored has yet to follow."""
    return and_(columns.status == Status.ACHIEVED, has_ended(day, columns))


def status_on(day: Any, columns: Any = Milestone) -> ColumnElement[Any]:
    """The status as it counts on a day: an expiry lowers it before the stored state has caught up."""
    completed = literal(Status.COMPLETED, Milestone.__table__.c.status.type)  # type: ignore[attr-defined]
    return case((lapsed(day, columns), completed), else_=columns.status)


def ends_soon(day: date, columns: Any = Milestone) -> ColumnElement[bool]:
    """Its evidence has a last day that is to come, and notice of it is given on that day."""
    return and_(
        columns.policy_met_until >= day,
        columns.policy_met_until <= day + timedelta(days=LONGEST_NOTICE),
        columns.status != Status.CANCELLED,
    )
