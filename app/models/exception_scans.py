"""The scans behind the exception report, each built once and run with parameters.

Reds in order of `red_from`, Ambers in order of `amber_from`: two range scans of partial indexes, whatever the size of
the plan; and what is accepted of both, which is never much, by the partial index of that. A statement is kept for each
shape of question (which colour, which filters, whose eyes), because building and comparing one takes longer than
running it.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, func, literal, null, or_, select

from app.domain.plan_changes import Change
from app.domain.words import Rag
from app.models.milestone_rows import exception_rows
from app.models.milestones import Milestone
from app.models.organisations import Organisation
from app.models.submissions import Submission
from app.models.visibility import unrestricted_for_viewer

COUNT_CAP = 1000

_milestones: Any = Milestone.__table__
_submissions: Any = Submission.__table__
_organisations: Any = Organisation.__table__


@dataclass(frozen=True, slots=True)
class Shape:
    """What a scan looks like, without its values.

    `one_plan`: parameter `plan_id`; otherwise `plans`, and `open_plans` for those whose every item may be known.
    `sees_all`: nothing in the plan is kept from the viewer. `withheld`: only what is kept from them, to be counted. The
    rest: which filters are set.
    """

    one_plan: bool
    sees_all: bool
    withheld: bool = False
    theme: bool = False
    owner: bool = False
    organisation: bool = False
    cause: bool = False
    support_required: bool = False
    turns_red: bool = False
    changed: str = ""


@cache
def milestone_page(shape: Shape, colour: Rag, *, accepted: bool, after: bool) -> Any:
    """One page of milestones of a colour, longest first: what is accepted, or all the others. Parameters: `instant`,
    `room` and those of the shape.
    """
    if accepted:
        statement = exception_rows().where(*_accepted_at(shape, colour))
        return _page(statement, _unindexed(_moment(_milestones, colour)), _milestones, after=after)
    until: Any = _milestones.c.accepted_until
    is_open = or_(until.is_(None), until <= bindparam("instant"))
    statement = exception_rows().where(*_milestones_at(shape, colour), is_open)
    return _page(statement, _moment(_milestones, colour), _milestones, after=after)


@cache
def submission_page(shape: Shape, colour: Rag, *, after: bool) -> Any:
    """One page of submissions that still wait, the same way."""
    statement = (
        select(
            *_submissions.c,
            _organisations.c.name.label("organisation_name"),
            _organisations.c.slug.label("organisation_slug"),
        )
        .join(_organisations, _organisations.c.id == _submissions.c.organisation_id)
        .where(*_submissions_at(shape, colour))
    )
    return _page(statement, _moment(_submissions, colour), _submissions, after=after)


@cache
def counts(shape: Shape, *, milestones: bool, submissions: bool) -> Any:
    """How many are Red and how many Amber, and how many of each are accepted, in one row: `red`, `amber`,
    `red_accepted`, `amber_accepted`; each kind counted up to a cap.
    """
    numbers = {
        colour: [
            *([_capped(_milestones, _milestones_at(shape, colour))] if milestones else []),
            *([_capped(_submissions, _submissions_at(shape, colour))] if submissions else []),
            literal(0),
        ]
        for colour in (Rag.RED, Rag.AMBER)
    }
    accepted = {
        f"{colour.value}_accepted": [
            _capped(_milestones, _accepted_at(shape, colour)) if milestones and not shape.turns_red else literal(0)
        ]
        for colour in (Rag.RED, Rag.AMBER)
    }
    named = {**{colour.value: several for colour, several in numbers.items()}, **accepted}
    return select(*(_sum(several).label(name) for name, several in named.items()))


def _page(statement: Any, moment: Any, table: Any, *, after: bool) -> Any:
    if after:
        last_moment: Any = bindparam("last_moment")
        last_id: Any = bindparam("last_id")
        statement = statement.where(
            moment >= last_moment, or_(moment > last_moment, and_(moment == last_moment, table.c.id > last_id))
        )
    return statement.order_by(moment, table.c.id).limit(bindparam("room"))


def _moment(table: Any, colour: Rag) -> Any:
    return table.c.red_from if colour is Rag.RED else table.c.amber_from


def _unindexed(column: Any) -> Any:
    """The same value, by which no index is chosen: what is accepted is found by the index of that."""
    return func.coalesce(column, null())


def _accepted_at(shape: Shape, colour: Rag) -> list[Any]:
    """What is accepted at the instant, of one colour. An acceptance is cut where Amber turns Red."""
    columns = _milestones.c
    instant: Any = bindparam("instant")
    is_red = _unindexed(columns.red_from) <= instant
    conditions = [columns.accepted_until > instant, _unindexed(columns.amber_from) <= instant]
    conditions.append(is_red if colour is Rag.RED else or_(columns.red_from.is_(None), columns.red_from > instant))
    if shape.one_plan:
        conditions.append(columns.plan_id == bindparam("plan_id"))
    else:
        conditions.append(columns.plan_id.in_(bindparam("plans", expanding=True)))
    return [*conditions, *_filters(shape)]


def _at(table: Any, shape: Shape, colour: Rag) -> list[Any]:
    """Red: red_from has come. Amber: amber_from has come, and red_from has not."""
    return [*_at_colour(table, shape, colour), *_changed(table, shape.changed, colour)]


def _changed(table: Any, word: str, colour: Rag) -> list[Any]:
    """`plan_changes.change_of_exception` for what is this colour, since the instant `first`."""
    if not word:
        return []
    first: Any = bindparam("first")
    if word == Change.NEW:
        return [table.c.amber_from >= first]
    if colour is Rag.AMBER:
        return [table.c.amber_from < first] if word == Change.SAME else [literal(1) == literal(0)]
    return [table.c.amber_from < first, table.c.red_from >= first if word == Change.WORSE else table.c.red_from < first]


def _at_colour(table: Any, shape: Shape, colour: Rag) -> list[Any]:
    instant: Any = bindparam("instant")
    if colour is Rag.RED:
        turning = [table.c.red_from > bindparam("now")] if shape.turns_red else []
        return [table.c.red_from <= instant, *turning]
    if shape.turns_red:
        return [literal(1) == literal(0)]
    return [table.c.amber_from <= instant, or_(table.c.red_from.is_(None), table.c.red_from > instant)]


def _milestones_at(shape: Shape, colour: Rag) -> list[Any]:
    columns = _milestones.c
    conditions = _at(_milestones, shape, colour)
    if shape.one_plan:
        conditions.append(columns.plan_id == bindparam("plan_id"))
    else:
        # Not a plain comparison: the index across plans is already in the order asked for.
        conditions.append(func.coalesce(columns.plan_id, "").in_(bindparam("plans", expanding=True)))
    return [*conditions, *_filters(shape)]


def _filters(shape: Shape) -> list[Any]:
    """What the viewer may know of, and the filters that are set."""
    columns, conditions = _milestones.c, []
    if shape.withheld:
        conditions.append(~unrestricted_for_viewer())
    elif not shape.sees_all:
        unrestricted = unrestricted_for_viewer()
        conditions.append(
            unrestricted
            if shape.one_plan
            else or_(unrestricted, columns.plan_id.in_(bindparam("open_plans", expanding=True)))
        )
    if shape.theme:
        conditions.append(columns.theme_id == bindparam("theme"))
    if shape.owner:
        conditions.append(columns.owner_id == bindparam("owner"))
    if shape.organisation:
        lead = select(_organisations.c.id).where(_organisations.c.slug == bindparam("organisation")).scalar_subquery()
        conditions.append(columns.lead_organisation_id == lead)
    if shape.cause:
        conditions.append(columns.cause == bindparam("cause"))
    if shape.support_required:
        conditions.append(columns.support_required.is_(True))
    return conditions


def _submissions_at(shape: Shape, colour: Rag) -> list[Any]:
    """Those of plans whose inbox the viewer may read whole, and elsewhere what their own organisation sent."""
    columns = _submissions.c
    # What is Red is Amber as well: said once more, because the index of those that wait holds no others.
    conditions = [columns.amber_from <= bindparam("instant"), *_at(_submissions, shape, colour)]
    own = columns.organisation_id == bindparam("viewer_organisation")
    if shape.one_plan:
        conditions.append(columns.plan_id == bindparam("plan_id"))
        conditions += [] if shape.sees_all else [own]
    else:
        conditions.append(columns.plan_id.in_(bindparam("plans", expanding=True)))
        if not shape.sees_all:
            conditions.append(or_(own, columns.plan_id.in_(bindparam("open_plans", expanding=True))))
    if shape.organisation:
        sender = select(_organisations.c.id).where(_organisations.c.slug == bindparam("organisation")).scalar_subquery()
        conditions.append(columns.organisation_id == sender)
    return conditions


def _capped(table: Any, conditions: list[Any]) -> Any:
    wanted = select(table.c.id).where(*conditions).limit(COUNT_CAP + 1).subquery()
    return select(func.count()).select_from(wanted).scalar_subquery()


def _sum(numbers: list[Any]) -> Any:
    total = numbers[0]
    for number in numbers[1:]:
        total = total + number
    return total
