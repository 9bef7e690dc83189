"""Counting where milestones stand, in SQL that the indexes serve."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, case, func, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.domain.plan_changes import Change
from app.domain.words import OPEN_STATUSES, ChangeKind, ChangeState, LeftBecause, Status
from app.models.exception_scans import COUNT_CAP
from app.models.expiry import has_ended, lapsed, status_on
from app.models.milestones import ChangeRequest, Milestone
from app.models.submissions import Submission


def standing_word(instant: datetime, day: Any) -> ColumnElement[Any]:
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
        (status_on(day) == Status.ACHIEVED, "achieved"),
        (Milestone.status == Status.CANCELLED, "cancelled"),
        (or_(not_due, undated), "not_due"),
        else_="green",
    )


def evidence_outstanding(day: Any) -> ColumnElement[bool]:
    """Reported completed, and the evidence is not in place on that day."""
    unmet = or_(Milestone.policy_met_on.is_(None), has_ended(day))
    return or_(and_(Milestone.status == Status.COMPLETED, unmet), lapsed(day))


def change_word(first: Any, since: Any, instant: datetime) -> ColumnElement[Any]:
    """new, worse, same, better or left: what has become of a milestone since a day, "" where nothing has.

    `app.domain.plan_changes.change_of` in SQL. `first` is the day's first instant; both may depend on the plan.
    """
    is_exception = Milestone.amber_from <= instant
    left = Milestone.left_list_on >= since
    return case(
        (and_(is_exception, Milestone.amber_from >= first), Change.NEW.value),
        (and_(is_exception, Milestone.red_from >= first, Milestone.red_from <= instant), Change.WORSE.value),
        (is_exception, Change.SAME.value),
        (and_(Milestone.status == Status.ACHIEVED, Milestone.achieved_on >= since), Change.BETTER.value),
        (and_(left, Milestone.left_list_because == LeftBecause.BACK_ON_TRACK.value), Change.BETTER.value),
        (left, Change.LEFT.value),
        else_="",
    )


def submission_change_word(first: Any, instant: datetime) -> ColumnElement[Any]:
    """The same of a submission that waits and is an exception: new, worse or same."""
    return case(
        (Submission.amber_from >= first, Change.NEW.value),
        (and_(Submission.red_from >= first, Submission.red_from <= instant), Change.WORSE.value),
        else_=Change.SAME.value,
    )


def moved_since(first: datetime) -> ColumnElement[bool]:
    """Its due date has been moved, by an approved change request, from that instant on."""
    request = (
        select(ChangeRequest.id)
        .where(
            ChangeRequest.milestone_id == Milestone.id,
            ChangeRequest.kind == ChangeKind.DUE_DATE,
            ChangeRequest.state == ChangeState.APPROVED,
            ChangeRequest.decided_at >= first,
            ChangeRequest.due_was.is_not(None),
            ChangeRequest.due_was != ChangeRequest.due_date,
        )
        .exists()
    )
    return and_(Milestone.moves > 0, Milestone.status != Status.CANCELLED, request)


class days_between(FunctionElement[int]):  # noqa: N801 — it reads as the function that it is
    """How many days the second date is after the first."""

    type = Integer()
    inherit_cache = True


@compiles(days_between, "postgresql")
def _days_on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    earlier, later = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({later} - {earlier})"


@compiles(days_between, "sqlite")
def _days_on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    earlier, later = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(julianday({later}) - julianday({earlier}) AS INTEGER)"


def capped(statement: Select[Any], cap: int = COUNT_CAP) -> Select[Any]:
    """How many rows, up to `cap` + 1: beyond that the page says "1,000+"."""
    return select(func.count()).select_from(statement.limit(cap + 1).subquery())


__all__ = [
    "OPEN_STATUSES",
    "capped",
    "change_word",
    "days_between",
    "evidence_outstanding",
    "moved_since",
    "standing_word",
    "submission_change_word",
]
