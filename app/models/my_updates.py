"""Milestones that need an update from somebody: three short range scans, by owner, lead and supporting organisation.

Which ones, and in which order, is asked of `milestones` alone; everything around a row is then read by id. In one
statement PostgreSQL would join a dozen tables for every milestone there is before it asks which ones are meant.
"""

from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, case, exists, func, or_, select, union

from app.domain.words import PlanState, Status
from app.models.exception_scans import COUNT_CAP
from app.models.milestone_rows import milestone_rows
from app.models.milestones import Milestone, MilestoneSupporter, ProgressUpdate
from app.models.organisations import Person
from app.models.plans import Plan
from app.models.visibility import unrestricted_for_viewer

_milestones: Any = Milestone.__table__
_supporters: Any = MilestoneSupporter.__table__
_updates: Any = ProgressUpdate.__table__
_people: Any = Person.__table__
_plans: Any = Plan.__table__


@cache
def count(*, organisation: bool) -> Any:
    """How many, up to a cap. `organisation`: what only the organisation leads or supports counts too."""
    wanted = select(_milestones.c.id).where(_milestones.c.id.in_(_wanted(organisation)), _known())
    return _capped(wanted)


@cache
def saved_count() -> Any:
    """How many somebody has updated since a moment and is not asked for again, up to a cap."""
    updated = select(_updates.c.milestone_id).where(*_said_since())
    return _capped(select(_milestones.c.id).where(_milestones.c.id.in_(updated), *_not_asked_for()))


@cache
def page(*, organisation: bool, after: bool) -> Any:
    """Ids of one page, each with its place: Red, Amber, then Green, the longest first. Parameters besides: `room`, and
    the last place.
    """
    rank, moment = rank_and_moment()
    statement = select(_milestones.c.id, rank.label("rank"), moment.label("since_moment")).where(
        _milestones.c.id.in_(_wanted(organisation)), _known()
    )
    if after:
        last_rank: Any = bindparam("last_rank")
        last_moment: Any = bindparam("last_moment")
        last_id: Any = bindparam("last_id")
        beyond = or_(moment > last_moment, and_(moment == last_moment, _milestones.c.id > last_id))
        statement = statement.where(or_(rank > last_rank, and_(rank == last_rank, beyond)))
    return statement.order_by(rank, moment, _milestones.c.id).limit(bindparam("room"))


@cache
def saved() -> Any:
    """Ids of what somebody has updated since a moment and is not asked for again, the latest first. Parameters besides:
    `since`, `room`.
    """
    said = (
        select(_updates.c.milestone_id, func.max(_updates.c.at).label("saved_at"))
        .where(*_said_since())
        .group_by(_updates.c.milestone_id)
        .subquery()
    )
    return (
        select(_milestones.c.id)
        .join(said, said.c.milestone_id == _milestones.c.id)
        .where(*_not_asked_for())
        .order_by(said.c.saved_at.desc(), _milestones.c.id)
        .limit(bindparam("room"))
    )


@cache
def rows() -> Any:
    """Milestones that are known to be for these eyes, in no order. Parameter: `milestones`."""
    return milestone_rows().where(_milestones.c.id.in_(bindparam("milestones", expanding=True)))


@cache
def latest_updates() -> Any:
    """The updates in force of these milestones' `last_update_id`s. Parameter: `updates`."""
    return select(*_updates.c).where(_updates.c.id.in_(bindparam("updates", expanding=True)))


@cache
def saved_updates() -> Any:
    """What somebody said of these milestones since a moment. Parameters: `milestones`, `viewer_id`, `since`."""
    return (
        select(*_updates.c)
        .where(
            *_said_since(),
            _updates.c.milestone_id.in_(bindparam("milestones", expanding=True)),
        )
        .order_by(_updates.c.id)
    )


def rank_and_moment() -> tuple[Any, Any]:
    """0 Red, 1 Amber, 2 neither; and since when: at that colour, or in need of an update."""
    now: Any = bindparam("now")
    columns = _milestones.c
    rank = case((columns.red_from <= now, 0), (columns.amber_from <= now, 1), else_=2)
    moment = case(
        (columns.red_from <= now, columns.red_from),
        (columns.amber_from <= now, columns.amber_from),
        else_=columns.update_due_from,
    )
    return rank, moment


def ending_mine(organisation: bool) -> Any:
    """The same people's milestones whose evidence has a last day up to `notice_until`, whether or not anything is
    asked for.
    """
    until = _milestones.c.policy_met_until
    ends: Any = and_(
        until >= bindparam("today"),
        until <= bindparam("notice_until"),
        _milestones.c.status != Status.CANCELLED,
    )
    return and_(ends, _milestones.c.id.in_(_wanted(organisation, ends)), _known())


def _wanted(organisation: bool, asked: Any = None) -> Any:
    """Ids of what is asked for now (or of what `asked` says): what the viewer owns; and, with `organisation`, what
    their organisation leads or supports and none of its people owns. Where a colleague owns it, the colleague is asked.

    Parameters: `now`, `today`, `viewer_id`, `viewer_organisation`, `own_plans`, `organisation_plans`.
    """
    due = _due() if asked is None else asked
    own = select(_milestones.c.id).where(_milestones.c.owner_id == bindparam("viewer_id"), due, _in("own_plans"))
    if not organisation:
        return own
    led = select(_milestones.c.id).where(
        _milestones.c.lead_organisation_id == bindparam("viewer_organisation"),
        _milestones.c.plan_id.in_(bindparam("organisation_plans", expanding=True)),
        due,
        ~_owned_by_a_colleague(),
    )
    supported = (
        select(_milestones.c.id)
        .join(_supporters, _supporters.c.milestone_id == _milestones.c.id)
        .where(
            _supporters.c.organisation_id == bindparam("viewer_organisation"),
            due,
            _in("organisation_plans"),
            ~_owned_by_a_colleague(),
        )
    )
    return union(own, led, supported)


def _owned_by_a_colleague() -> Any:
    here = _people.c.organisation_id == bindparam("viewer_organisation")
    still = or_(_people.c.left_on.is_(None), _people.c.left_on > bindparam("today"))
    return exists().where(_people.c.id == _milestones.c.owner_id, here, still)


def _said_since() -> list[Any]:
    return [_updates.c.by_id == bindparam("viewer_id"), _updates.c.at >= bindparam("since")]


def _not_asked_for() -> list[Any]:
    due = _milestones.c.update_due_from
    return [or_(due.is_(None), due > bindparam("now")), _in("own_plans"), _known()]


def _capped(wanted: Any) -> Any:
    return select(func.count()).select_from(wanted.limit(COUNT_CAP + 1).subquery())


def _due() -> Any:
    return _milestones.c.update_due_from <= bindparam("now")


def _in(plans: str) -> Any:
    """In one of these plans. Not a plain comparison: the index wanted here is the other condition's."""
    return func.coalesce(_milestones.c.plan_id, "").in_(bindparam(plans, expanding=True))


def _known() -> Any:
    """Of an approved plan, and no restriction hides it."""
    approved = select(_plans.c.id).where(_plans.c.state == PlanState.APPROVED)
    unrestricted = or_(unrestricted_for_viewer(), _milestones.c.plan_id.in_(bindparam("open_plans", expanding=True)))
    return and_(_milestones.c.plan_id.in_(approved), unrestricted)
