"""The orders that a list of milestones comes in: what it is sorted by, and where a page goes on from.

Each is worked out of the rows of one plan, which its indexes find; a row without a date comes last either way.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, and_, case, func, literal, or_

from app.domain.plans import MilestoneOrder, SortBy
from app.domain.words import OPEN_STATUSES, EvidenceState, Status
from app.models.counting import standing_word
from app.models.days_between import DaysBetween
from app.models.milestone_rows import owner_title
from app.models.milestones import Milestone

_STANDINGS = ("red", "amber", "green", "not_due", "achieved", "cancelled")
_BEYOND = 10_000_000  # days: what is unknown comes last either way
_EVIDENCE = (EvidenceState.NOTHING_SENT, EvidenceState.REJECTED, EvidenceState.WAITING, EvidenceState.MET)


def sort_key(order: MilestoneOrder, *, instant: datetime, day: date) -> Any:
    """What the rows are sorted by; never NULL, so that a page can go on from it."""
    never = date.min if order.descending else date.max
    if order.by is SortBy.STANDING:
        word = standing_word(instant, day)
        return case(*((word == one, rank) for rank, one in enumerate(_STANDINGS)), else_=len(_STANDINGS))
    if order.by is SortBy.OWNER:
        return func.coalesce(func.lower(owner_title), "")
    if order.by is SortBy.DUE:
        return func.coalesce(Milestone.due_date, never)
    if order.by is SortBy.EXPECTED:
        return func.coalesce(Milestone.completed_on, Milestone.forecast_date, never)
    if order.by is SortBy.EVIDENCE:
        ended = and_(Milestone.evidence_state == EvidenceState.MET, Milestone.policy_met_until < day)
        ranks = ((Milestone.evidence_state == state, rank) for rank, state in enumerate(_EVIDENCE))
        return case((ended, _EVIDENCE.index(EvidenceState.REJECTED)), *ranks, else_=len(_EVIDENCE))
    if order.by is SortBy.MOVES:
        return Milestone.moves
    if order.by in (SortBy.SLIP, SortBy.DAYS):
        days = _slip(day) if order.by is SortBy.SLIP else _exception_days(instant, day)
        return func.coalesce(days, -_BEYOND if order.descending else _BEYOND)
    return Milestone.position


def _slip(day: date) -> Any:
    """`rag.slip` in SQL: from the baseline to the expected finish; NULL where either is unknown."""
    due, forecast, today = Milestone.due_date, Milestone.forecast_date, literal(day, Date)
    promised = case((forecast > due, forecast), else_=func.coalesce(due, forecast))
    while_open = case((and_(due < today, promised < today), today), else_=promised)
    expected = case((Milestone.status.in_(OPEN_STATUSES), while_open), else_=Milestone.completed_on)
    return case((Milestone.status != Status.CANCELLED, DaysBetween(expected, Milestone.baseline_date)))


def _exception_days(instant: datetime, day: date) -> Any:
    """How long it has been an exception; NULL while it is none."""
    return case((Milestone.amber_from <= instant, DaysBetween(literal(day, Date), Milestone.amber_from)))


def in_order(statement: Any, order: MilestoneOrder, key: Any) -> Any:
    """The statement sorted, with `sort_key` in each row; references decide where the key is the same."""
    sorted_by = key.desc() if order.descending else key
    return statement.add_columns(key.label("sort_key")).order_by(sorted_by, Milestone.position, Milestone.id)


def beyond(order: MilestoneOrder, key: Any, last_key: Any, position: int, last_id: str) -> Any:
    """The rows that come after a place in that order."""
    further = key < last_key if order.descending else key > last_key
    next_ones = or_(Milestone.position > position, and_(Milestone.position == position, Milestone.id > last_id))
    return or_(further, and_(key == last_key, next_ones))
