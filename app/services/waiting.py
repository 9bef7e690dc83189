"""What a milestone is waiting on, as each reader may know of it: it may name a milestone that is kept from them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select, tuple_

from app.db import UnitOfWork
from app.domain.milestones import NOT_SHOWN, UpdateView, milestones_named
from app.models import Milestone
from app.models.visibility import knowable

_milestones: Any = Milestone.__table__


def shown_to(uow: UnitOfWork, said: Iterable[tuple[str, str | None]]) -> Callable[[str, str | None], str | None]:
    """How to tell this actor what is waited on, given (plan id, words). A query only where a milestone is named.

    A reference that is not there at all is hidden like one that is kept from the actor: the two look alike.
    """
    named = {(plan, ref) for plan, words in said for ref in milestones_named(words)}
    known: set[tuple[str, str]] = named if uow.actor.is_system else set()
    if named and not uow.actor.is_system:
        columns = (_milestones.c.plan_id, _milestones.c.ref)
        statement = select(*columns).where(tuple_(*columns).in_(sorted(named)), knowable(uow.actor))
        known = {(row.plan_id, row.ref) for row in uow.session.execute(statement)}

    def show(plan: str, words: str | None) -> str | None:
        return words if all((plan, ref) in known for ref in milestones_named(words)) else NOT_SHOWN

    return show


def of_updates(uow: UnitOfWork, plan_id: str, views: Sequence[UpdateView]) -> tuple[UpdateView, ...]:
    """Updates of a plan's milestones as this actor may read them."""
    show = shown_to(uow, [(plan_id, view.waiting_on) for view in views])
    return tuple(replace(view, waiting_on=show(plan_id, view.waiting_on)) for view in views)


def of_update(uow: UnitOfWork, plan_id: str, view: UpdateView) -> UpdateView:
    return of_updates(uow, plan_id, [view])[0]
