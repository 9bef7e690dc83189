"""Counting where milestones stand, in SQL that the indexes serve."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from app.domain.words import OPEN_STATUSES, Status
from app.models.exception_scans import COUNT_CAP
from app.models.milestones import Milestone


def status_on(day: date) -> ColumnElement[Any]:
    """The status as it counts on a day: an expiry lowers it before the stored state has caught up."""
    lapsed = and_(Milestone.status == Status.ACHIEVED, Milestone.policy_met_until < day)
    return case((lapsed, Status.COMPLETED.value), else_=func.coalesce(Milestone.status, ""))


def standing_word(instant: datetime, day: date) -> ColumnElement[Any]:
    """red, amber, achieved, cancelled, not_due or green: one word for each milestone, none counted twice."""
    not_due = and_(Milestone.status == Status.NOT_STARTED, Milestone.start_date > day)
    undated = and_(
        Milestone.status == Status.NOT_STARTED,
        Milestone.start_date.is_(None),
        Milestone.amber_from > instant,
    )
    return case(
        (Milestone.red_from <= instant, "red"),
        (Milestone.amber_from <= instant, "amber"),
        (Milestone.status == Status.ACHIEVED, "achieved"),
        (Milestone.status == Status.CANCELLED, "cancelled"),
        (or_(not_due, undated), "not_due"),
        else_="green",
    )


def evidence_outstanding(day: date) -> ColumnElement[bool]:
    """Reported completed, and the evidence is not in place on that day."""
    lapsed = and_(Milestone.policy_met_until.is_not(None), Milestone.policy_met_until < day)
    unmet = or_(Milestone.policy_met_on.is_(None), lapsed)
    return or_(
        and_(Milestone.status == Status.COMPLETED, unmet),
        and_(Milestone.status == Status.ACHIEVED, lapsed),
    )


def capped(statement: Select[Any], cap: int = COUNT_CAP) -> Select[Any]:
    """How many rows, up to `cap` + 1: beyond that the page says "1,000+"."""
    return select(func.count()).select_from(statement.limit(cap + 1).subquery())


__all__ = ["OPEN_STATUSES", "capped", "evidence_outstanding", "standing_word", "status_on"]
