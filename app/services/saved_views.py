"""Saved views: a named set of filters of a list, kept by a person, private or shared in its plan.

What only its owner sees is no part of the plan and on no record. What others see is: shared, changed, withdrawn.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select

from app.db import UnitOfWork
from app.domain import permissions
from app.domain import saved_views as rules
from app.domain.days import add_days, start_of_day
from app.domain.ids import new_id
from app.domain.permissions import Act, Item
from app.domain.plans import Choices, SortBy
from app.domain.refusals import Forbidden, NotFound, Reason, Refused, Stale
from app.domain.saved_views import SavedView
from app.domain.words import PlanState, Status, ViewOf
from app.models import Person, Plan, SavedViewRow
from app.models.saved_views import visible
from app.services import exception_reports, milestone_lists
from app.services.exception_items import MILESTONE, SUBMISSION
from app.services.plans import choices_of, live_plan, view_of
from app.services.writing import Checks, refuse_unknown

_rows: Any = SavedViewRow.__table__  # type: ignore[attr-defined]
_ORDERS = tuple(f"{way}{by}" for by in SortBy for way in ("", "-"))
_LISTED = {
    ViewOf.MILESTONES: {
        "status": (*Status, *milestone_lists.STANDINGS),
        "changed": tuple(milestone_lists.CHANGES),
        "sort": _ORDERS,
    },
    ViewOf.EXCEPTIONS: {"changed": tuple(exception_reports.CHANGES), "kind": (MILESTONE, SUBMISSION)},
}


# --- reading ----------------------------------------------------------------------------------------------------------


def list_views(uow: UnitOfWork, *, slug: str | None) -> tuple[SavedView, ...]:
    """By name: my views in a plan and those shared in it; or (None) mine of all my plans."""
    return _seen(uow, _place(uow, slug).id)


def views_beside(uow: UnitOfWork, *, plan_id: str | None, of: ViewOf) -> tuple[SavedView, ...]:
    """The views of one list, for its page. Nothing for who keeps none: a key, or an observer."""
    if not uow.actor.is_person:
        return ()
    return uow.remembered(
        ("saved views", plan_id, of, uow.actor.id),
        lambda: tuple(view for view in _seen(uow, plan_id) if view.of is of),
        good_until=lambda _: start_of_day(add_days(uow.today, 1)),
    )


def get_view(uow: UnitOfWork, *, view: str) -> SavedView:
    """One view. NotFound for anybody else's that is not shared with me, as if there were none."""
    return _view(uow, *_found(uow, view))


def open_view(uow: UnitOfWork, *, view: str) -> tuple[SavedView, dict[str, str]]:
    """A view, and the filters with which its list shows it today."""
    row, plan, owner = _found(uow, view)
    shown = _view(uow, row, plan, owner)
    return shown, shown.query(_next_review(uow, plan) if dict(shown.filters).get("on") else None)


def offers_sharing(uow: UnitOfWork, *, slug: str | None) -> bool:
    """Whether the actor may share a view of this plan now."""
    plan = _place(uow, slug).plan
    if plan is None or plan.state is PlanState.CLOSED:
        return False
    return permissions.may(uow.actor, Act.SHARE_VIEW, Item(plan_id=plan.id))


# --- changing ---------------------------------------------------------------------------------------------------------


def save_view(
    uow: UnitOfWork, *, slug: str | None, of: ViewOf, name: str, filters: Mapping[str, str], shared: bool = False
) -> SavedView:
    """Keep the filters of a list under a name. `slug` None: of the exceptions in all my plans, which is never shared.

    Raises Invalid for a name that is missing, too long or taken and for filters that the list does not take, Refused
    for a view too many and for sharing where nothing is shared.
    """
    place = _place(uow, slug)
    checks = Checks()
    of = of if place.plan else ViewOf.EXCEPTIONS
    row = SavedViewRow(
        id=new_id(), plan_id=place.id, owner_id=uow.actor.id, of_list=of, name="", name_key="", filters="{}",
        shared=shared, saved_at=uow.now, version=1,
    )  # fmt: skip
    if shared:
        _require_sharing(uow, row, place.plan)
    own = select(func.count()).where(_rows.c.owner_id == uow.actor.id, _in_place(place.id))
    _refuse(row, rules.unmet_saving(already=uow.session.execute(own).scalar_one()), "was not saved")
    _rename(uow, row, name, checks)
    _filter(uow, row, place.plan, filters)
    uow.session.add(row)
    uow.session.flush()
    if shared:
        _note(uow, row, "view_shared")
    return get_view(uow, view=row.id)


def edit_view(uow: UnitOfWork, *, view: str, changes: Mapping[str, Any], if_match: str | None = None) -> SavedView:
    """Give a view of one's own another `name`, other `filters`, or share it and stop that (`shared`).

    Whatever others see of it is on the record. Raises as `save_view` does, Forbidden for somebody else's.
    """
    row, plan, owner = _found(uow, view, lock=True)
    if row.owner_id != uow.actor.id:
        raise Forbidden(f"Only who saved it changes a view: {owner}. Save one of your own instead", needs=owner)
    _require_current(row, if_match)
    refuse_unknown(changes, ("name", "filters", "shared"), elsewhere={"of": "A view stays one of the same list"})
    was_shared, shared = row.shared, bool(changes.get("shared", row.shared))
    if shared:
        _require_sharing(uow, row, plan)
    row.shared = shared
    if "name" in changes or shared != was_shared:
        _rename(uow, row, changes.get("name", row.name), Checks())
    if "filters" in changes:
        _filter(uow, row, plan, changes["filters"])
    row.version += 1
    uow.session.flush()
    if shared:
        _note(uow, row, "shared_view_changed" if was_shared else "view_shared")
    elif was_shared:
        _note(uow, row, "view_no_longer_shared")
    return get_view(uow, view=view)


def delete_view(uow: UnitOfWork, *, view: str, if_match: str | None = None) -> SavedView:
    """Delete a view of one's own; or, for a programme manager, one that somebody shares in the plan. Returns what it
    was.
    """
    row, plan, owner = _found(uow, view, lock=True)
    was = _view(uow, row, plan, owner)
    if not was.may_delete:
        raise Forbidden(f"Only who saved it deletes a view, or a programme manager: {owner} did", needs=owner)
    _require_current(row, if_match)
    if row.shared:
        _note(uow, row, "shared_view_deleted")
    uow.session.delete(row)
    uow.session.flush()
    return was


# --- helpers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """Where views are kept: a plan, or all plans."""

    plan: Plan | None

    @property
    def id(self) -> str | None:
        return self.plan.id if self.plan else None


def _place(uow: UnitOfWork, slug: str | None) -> _Place:
    """Raises NotFound and Forbidden as the plan's lists do, and Forbidden for who keeps no views."""
    plan = live_plan(uow, slug) if slug is not None else None
    if plan is not None or not uow.actor.is_person:
        permissions.require(uow.actor, Act.SAVE_VIEW, Item(plan_id=plan.id if plan else ""))
    return _Place(plan)


def _in_place(plan_id: str | None) -> Any:
    return _rows.c.plan_id.is_(None) if plan_id is None else _rows.c.plan_id == plan_id


def _seen(uow: UnitOfWork, plan_id: str | None) -> tuple[SavedView, ...]:
    """In two queries for any number of views."""
    statement = (
        select(*_rows.c, Person.post_title.label("owner_title"), Plan.slug, Plan.state)  # type: ignore[attr-defined]
        .join(Person, Person.id == _rows.c.owner_id)
        .outerjoin(Plan, Plan.id == _rows.c.plan_id)
        .where(visible(uow.actor), _in_place(plan_id))
        .order_by(_rows.c.name_key, _rows.c.id)
    )
    rows = uow.session.connection().execute(statement).all()
    offered = choices_of(uow, plan_id) if plan_id and rows else None
    return tuple(_as_view(uow, row, row, row.owner_title, offered) for row in rows)


def _found(uow: UnitOfWork, view: str, *, lock: bool = False) -> tuple[SavedViewRow, Plan | None, str]:
    statement = (
        select(SavedViewRow, Plan, Person.post_title)
        .join(Person, Person.id == SavedViewRow.owner_id)  # type: ignore[arg-type]
        .outerjoin(Plan, Plan.id == SavedViewRow.plan_id)  # type: ignore[arg-type]
        .where(SavedViewRow.id == view, visible(uow.actor))  # type: ignore[arg-type]
    )
    if lock:
        statement = statement.with_for_update(of=SavedViewRow)
    found = uow.session.execute(statement).one_or_none()
    if found is None:
        raise NotFound
    row, plan, owner = found
    return row, plan, owner


def _view(uow: UnitOfWork, row: SavedViewRow, plan: Plan | None, owner: str) -> SavedView:
    return _as_view(uow, row, plan, owner, choices_of(uow, plan.id) if plan else None)


def _as_view(uow: UnitOfWork, row: Any, plan: Any, owner: str, offered: Choices | None) -> SavedView:
    filters: dict[str, str] = json.loads(row.filters)
    is_mine = row.owner_id == uow.actor.id
    manages = row.shared and permissions.may(uow.actor, Act.EDIT_PLAN, Item(plan_id=row.plan_id or ""))
    return SavedView(
        id=row.id,
        name=row.name,
        of=ViewOf(row.of_list),
        plan_slug=plan.slug if plan is not None else None,
        filters=tuple(filters.items()),
        shared=row.shared,
        owner=owner,
        is_mine=is_mine,
        may_rename=is_mine,
        may_delete=is_mine or manages,
        gone=rules.gone(filters, offered),
        version=str(row.version),
    )


def _require_sharing(uow: UnitOfWork, row: SavedViewRow, plan: Plan | None) -> None:
    if plan is not None:
        permissions.require(uow.actor, Act.SHARE_VIEW, Item(plan_id=plan.id))
    _refuse(row, rules.unmet_sharing(plan_state=plan.state if plan else None), "was not shared")


def _require_current(row: SavedViewRow, if_match: str | None) -> None:
    if if_match is not None and if_match != str(row.version):
        raise Stale(current_version=str(row.version))


def _refuse(row: SavedViewRow, reasons: list[Reason], what: str) -> None:
    if reasons:
        raise Refused(reasons, title=f"The view {what}", item_kind="saved_view", item_id=row.id, plan_id=row.plan_id)


def _rename(uow: UnitOfWork, row: SavedViewRow, name: str, checks: Checks) -> None:
    """Give it a name that none of my views of this place has, nor one that others share there if it is shared."""
    said, key = rules.one_line(name), rules.name_key(name)
    others = select(_rows.c.owner_id).where(
        _in_place(row.plan_id), _rows.c.name_key == key, _rows.c.id != row.id, visible(uow.actor)
    )
    owners = set(uow.session.execute(others).scalars())
    wrong = rules.wrong_name(
        said, taken=uow.actor.id in owners, shared_taken=row.shared and bool(owners - {uow.actor.id})
    )
    if wrong:
        checks.add("name", *wrong)
    checks.done()
    row.name, row.name_key = said, key


def _filter(uow: UnitOfWork, row: SavedViewRow, plan: Plan | None, asked: Mapping[str, str]) -> None:
    unknown = {name: value for name, value in asked.items() if name not in rules.KEPT[row.of_list]}
    found = {**unknown, **rules.kept(row.of_list, asked)}
    if found.get("on") == uow.today.isoformat():
        found = {name: value for name, value in found.items() if name not in ("on", "turns_red")}
    coming = _next_review(uow, plan) if "on" in found else None
    if coming is not None and found["on"] == coming.isoformat():
        found["on"] = rules.NEXT_REVIEW
    offered = choices_of(uow, plan.id) if plan else None
    rules.check_filters(row.of_list, found, offered=offered, listed=_LISTED[row.of_list])
    row.filters = json.dumps(found, ensure_ascii=False)


def _next_review(uow: UnitOfWork, plan: Plan | None) -> date | None:
    if plan is not None:
        return view_of(uow, plan).next_review
    return exception_reports.next_review_of_mine(uow)


def _note(uow: UnitOfWork, row: SavedViewRow, event: str) -> None:
    """On the record with its filters. Words that were searched for are typed text, as the name is."""
    filters = json.loads(row.filters)
    typed = {"name": row.name, "searched_for": filters.pop("q", None)}
    uow.record(
        event,
        plan_id=row.plan_id,
        item_kind="saved_view",
        item_id=row.id,
        facts={"list": row.of_list, **filters},
        texts=typed,
    )
