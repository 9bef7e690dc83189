"""Since when something counts as new: the last report, and what was added to an approved plan after it."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.db import UnitOfWork
from app.domain.days import start_of_day
from app.domain.words import MeetingState
from app.models import ReviewMeeting


def last_report_at(uow: UnitOfWork, plan_id: str) -> datetime | None:
    """The moment of the plan's last report; None before the first.

    Until reports are published, the review meeting last held stands for it, from the beginning of its day: what was
    added in the meeting itself is new to the next one.
    """
    held = select(func.max(ReviewMeeting.on_day)).where(
        ReviewMeeting.plan_id == plan_id, ReviewMeeting.state == MeetingState.HELD, ReviewMeeting.on_day <= uow.today
    )
    day = uow.session.execute(held).scalar_one()
    return None if day is None else start_of_day(day)


def new_since(uow: UnitOfWork, plan: Any) -> datetime | None:
    """From when on what was added to an approved plan is "added since the last report": that report, or the approval
    where there has been none since. None for a draft.
    """
    if plan.approved_at is None:
        return None
    last = last_report_at(uow, plan.id)
    return plan.approved_at if last is None else max(plan.approved_at, last)
