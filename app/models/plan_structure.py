"""The parts of a plan as Core rows, and where those stood before that were moved."""

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.orm import Session

from app.models.expiry import status_on
from app.models.milestones import Milestone
from app.models.organisations import Person
from app.models.plans import Action, PartMove, Theme
from app.models.submissions import Submission

_themes: Any = Theme.__table__
_actions: Any = Action.__table__
_milestones: Any = Milestone.__table__
_submissions: Any = Submission.__table__
_people: Any = Person.__table__
_moves: Any = PartMove.__table__
_from_theme: Any = Theme.__table__.alias("from_theme")
_from_action: Any = Action.__table__.alias("from_action")

# Those of an action that nobody has put in an order stand by their references; what joins later stands last.
MILESTONE_ORDER = (_milestones.c.place.is_(None), _milestones.c.place, _milestones.c.position)


@cache
def _latest_moves() -> Any:
    latest = (
        select(_moves.c.item_id, func.max(_moves.c.id).label("last"))
        .where(_moves.c.item_id.in_(bindparam("items", expanding=True)))
        .group_by(_moves.c.item_id)
        .subquery()
    )
    return (
        select(
            *_moves.c,
            _from_theme.c.ref.label("theme_ref"),
            _from_theme.c.title.label("theme_title"),
            _from_action.c.ref.label("action_ref"),
            _from_action.c.title.label("action_title"),
        )
        .join(latest, and_(latest.c.item_id == _moves.c.item_id, latest.c.last == _moves.c.id))
        .join(_from_theme, _from_theme.c.id == _moves.c.from_theme_id)
        .outerjoin(_from_action, _from_action.c.id == _moves.c.from_action_id)
    )


def latest_moves(session: Session, item_ids: Sequence[str]) -> dict[str, Any]:
    """{id: where it last stood before}, for those of these actions and milestones that were ever moved."""
    if not item_ids:
        return {}
    rows = session.connection().execute(_latest_moves(), {"items": list(item_ids)}).all()
    return {row.item_id: row for row in rows}


def themes_in(session: Session, plan_id: str) -> Sequence[Any]:
    """The themes of a plan in their order."""
    return session.connection().execute(
        select(_themes).where(_themes.c.plan_id == plan_id).order_by(_themes.c.position)
    ).all()  # fmt: skip


def actions_in(session: Session, plan_id: str) -> Sequence[Any]:
    """The actions of a plan with `theme_ref`, theme by theme, in their order."""
    statement = (
        select(*_actions.c, _themes.c.ref.label("theme_ref"))
        .join(_themes, _themes.c.id == _actions.c.theme_id)
        .where(_actions.c.plan_id == plan_id)
        .order_by(_themes.c.position, _actions.c.position)
    )
    return session.connection().execute(statement).all()


def milestones_in(session: Session, condition: Any, *, limit: int, day: date) -> Sequence[Any]:
    """The first milestones under a condition as they stand on a day, in the order of their actions."""
    statement = (
        select(
            _milestones.c.id,
            _milestones.c.ref,
            _milestones.c.title,
            status_on(day, _milestones.c).label("status"),
            _milestones.c.action_id,
            _milestones.c.owner_id,
            _milestones.c.due_date,
            _milestones.c.success_criterion,
            _milestones.c.marking,
            _milestones.c.restricted,
            _people.c.post_title.label("owner_title"),
        )
        .outerjoin(_people, _people.c.id == _milestones.c.owner_id)
        .where(condition)
        .order_by(*MILESTONE_ORDER)
        .limit(limit)
    )
    return session.connection().execute(statement).all()


def milestones_by_action(session: Session, condition: Any) -> dict[str, int]:
    """{action id: how many milestones} under a condition."""
    statement = select(_milestones.c.action_id, func.count().label("number")).where(condition)
    rows = session.connection().execute(statement.group_by(_milestones.c.action_id)).all()
    return {row.action_id: row.number for row in rows}


def held_by(session: Session, part: Theme | Action) -> dict[str, int]:
    """How many actions and milestones stand in a theme or an action, how many say that they were moved from it, and
    how many submissions were turned into it: all there are, whoever may know of them.
    """
    is_theme = isinstance(part, Theme)
    inside = _milestones.c.theme_id if is_theme else _milestones.c.action_id
    left = _moves.c.from_theme_id if is_theme else _moves.c.from_action_id
    counted = {
        "actions": select(func.count()).where(_actions.c.theme_id == part.id),
        "milestones": select(func.count()).where(inside == part.id),
        "moved_away": select(func.count(_moves.c.item_id.distinct())).where(left == part.id),
        "submissions": select(func.count()).where(_submissions.c.made_action_id == part.id),
    }
    found = session.connection().execute(
        select(*(number.scalar_subquery().label(name) for name, number in counted.items()))
    )
    return dict(found.mappings().one())
