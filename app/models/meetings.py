"""A plan's review meetings, and who of its people came to each."""

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Index, bindparam, select, text
from sqlalchemy.orm import Session

from app.domain.words import MeetingState
from app.models.base import Field, SQLModel, id_field, word_field
from app.models.organisations import Membership, Organisation, Person


class ReviewMeeting(SQLModel, table=True):
    """One meeting of the officers. `on_day` is where it now stands, `moved_from` where it stood before its last move.

    `cycle_day` is the day the plan's cycle gave it, before bank holidays were skipped; None when it was listed by hand.
    Reasons, and people who are not of the plan, are rows of `texts`. A cancelled meeting leaves its day free.
    """

    __tablename__ = "review_meetings"
    __table_args__ = (
        Index(
            "uq_review_meetings_day",
            "plan_id",
            "on_day",
            unique=True,
            sqlite_where=text("state <> 'cancelled'"),
            postgresql_where=text("state <> 'cancelled'"),
        ),
        Index("ix_review_meetings_plan_id_on_day", "plan_id", "on_day"),
    )
    id: str = id_field(primary_key=True)
    plan_id: str = id_field(foreign_key="plans.id")
    on_day: date = Field(nullable=False)
    state: MeetingState = word_field(MeetingState, "state", default=MeetingState.PLANNED)
    moved_from: date | None = None
    version: int = Field(default=1, nullable=False)
    cycle_day: date | None = None


class MeetingAttendance(SQLModel, table=True):
    """Somebody with a role in the plan who was at a meeting."""

    __tablename__ = "meeting_attendances"
    meeting_id: str = id_field(foreign_key="review_meetings.id", primary_key=True)
    person_id: str = id_field(foreign_key="people.id", primary_key=True)


_attendances: Any = MeetingAttendance.__table__
_people: Any = Person.__table__
_organisations: Any = Organisation.__table__
_memberships: Any = Membership.__table__


@cache
def _attended() -> Any:
    return (
        select(
            _attendances.c.meeting_id,
            _people.c.id,
            _people.c.post_title,
            _people.c.left_on,
            _organisations.c.name.label("organisation"),
        )
        .join(_people, _people.c.id == _attendances.c.person_id)
        .join(_organisations, _organisations.c.id == _people.c.organisation_id)
        .where(_attendances.c.meeting_id.in_(bindparam("meetings", expanding=True)))
        .order_by(_people.c.post_title, _people.c.id)
    )


@cache
def _could_attend() -> Any:
    members = select(_memberships.c.person_id).where(_memberships.c.plan_id == bindparam("plan_id"))
    return (
        select(_people.c.id, _people.c.post_title, _people.c.left_on, _organisations.c.name.label("organisation"))
        .join(_organisations, _organisations.c.id == _people.c.organisation_id)
        .where(_people.c.id.in_(members))
        .order_by(_people.c.post_title, _people.c.id)
    )


def attendance(session: Session, meeting_ids: Sequence[str]) -> dict[str, list[Any]]:
    """Who was at each of these meetings, by post title, in one query."""
    found: dict[str, list[Any]] = {meeting_id: [] for meeting_id in meeting_ids}
    if found:
        for row in session.connection().execute(_attended(), {"meetings": list(found)}):
            found[row.meeting_id].append(row)
    return found


def people_of_plan(session: Session, plan_id: str) -> Sequence[Any]:
    """Everybody with a role in the plan, those who have left too, by post title."""
    return session.connection().execute(_could_attend(), {"plan_id": plan_id}).all()
