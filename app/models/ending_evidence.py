"""Milestones whose evidence has a last day within the longest notice: a short range scan, the soonest first."""

from functools import cache
from typing import Any

from sqlalchemy import bindparam, func, select

from app.models.milestones import Milestone
from app.models.my_updates import ending_mine
from app.models.organisations import Person
from app.models.plans import Plan

_milestones: Any = Milestone.__table__
_plans: Any = Plan.__table__
_people: Any = Person.__table__


def ending(condition: Any) -> Any:
    """The first of those under a condition, with how many there are. Parameter: `room`."""
    columns = _milestones.c
    return (
        select(
            columns.ref,
            columns.title,
            columns.policy_met_until,
            columns.marking,
            columns.restricted,
            _plans.c.slug.label("plan_slug"),
            _plans.c.title.label("plan_title"),
            _people.c.post_title.label("owner_title"),
            func.count().over().label("number"),
        )
        .join(_plans, _plans.c.id == columns.plan_id)
        .outerjoin(_people, _people.c.id == columns.owner_id)
        .where(condition)
        .order_by(columns.policy_met_until, columns.plan_id, columns.position)
        .limit(bindparam("room"))
    )


@cache
def mine(*, organisation: bool) -> Any:
    """What the viewer is asked for updates of. Parameters as `my_updates.page` has them, and `notice_until`."""
    return ending(ending_mine(organisation))
