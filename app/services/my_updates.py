"""What needs an update from somebody before the next review meeting, across plans: a fixed number of queries a page."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.db import UnitOfWork
from app.domain import milestones as milestone_rules
from app.domain import my_updates as rules
from app.domain import permissions
from app.domain.days import add_days, start_of_day
from app.domain.evidence import known_to
from app.domain.milestones import MilestoneKey, UpdateView
from app.domain.my_updates import ItemToUpdate, LastSaid, MyUpdates
from app.domain.permissions import Act, Item
from app.domain.refusals import invalid
from app.domain.words import PlanState
from app.models import my_updates as scans
from app.models import plan_heads
from app.models.texts import latest_texts
from app.models.visibility import viewer_parameters
from app.services import cursors, expiry, updates, waiting
from app.services.cases import linked_evidence, plan_settings, read_case
from app.services.milestone_rows import facts_for, milestone_row, supporters_of

PAGE = 50
SAVED_SHOWN = 50


def my_updates(uow: UnitOfWork, *, only_own: bool = False, limit: int = PAGE, cursor: str | None = None) -> MyUpdates:
    """What is left for the actor, the worst first, and what they have updated today. `only_own`: not what
    their organisation leads or supports without owning it. Raises Forbidden for a key: it has no updates to give.
    """
    if not uow.actor.is_person:
        permissions.require(uow.actor, Act.UPDATE, Item(plan_id=""))
    values = _values(uow, only_own=only_own)
    organisation = bool(values["organisation_plans"])
    run = uow.session.connection().execute
    place = _place(cursor)
    places = run(
        scans.page(organisation=organisation, after=cursor is not None), {**values, **place, "room": limit + 1}
    ).all()
    left = [place.id for place in places[:limit]]
    saved = run(scans.saved(), {**values, "room": SAVED_SHOWN}).scalars().all() if cursor is None else []
    heads = _heads(uow, values["own_plans"])
    items = _items(uow, [*left, *saved], heads, values)
    last = places[limit - 1] if len(places) > limit else None
    ending, ending_total = expiry.ending_mine(uow, values, organisation=organisation) if cursor is None else ((), 0)
    return MyUpdates(
        items=items[: len(left)],
        saved=items[len(left) :],
        left=run(scans.count(organisation=organisation), values).scalar_one(),
        done=run(scans.saved_count(), values).scalar_one(),
        next_review=plan_heads.next_review_of_any(uow.session, list(heads.values()), uow.today),
        next_cursor=cursors.encode(last.rank, last.since_moment.isoformat(), last.id) if last else None,
        plans=len({item.row.plan_id for item in items}),
        ending=ending,
        ending_total=ending_total,
    )


def count_left(uow: UnitOfWork) -> int | None:
    """How many are left, for the menu (capped); None for who has no updates to give."""
    own, _ = permissions.plans_to_update(uow.actor)
    if not own:
        return None

    def count() -> int:
        values = _values(uow)
        statement = scans.count(organisation=bool(values["organisation_plans"]))
        number: int = uow.session.connection().execute(statement, values).scalar_one()
        return number

    # By the clock alone it changes at midnight: that is when every need of an update begins.
    tomorrow = start_of_day(add_days(uow.today, 1))
    return uow.remembered("updates left", count, good_until=lambda _: tomorrow)


def progress(uow: UnitOfWork) -> tuple[int, int]:
    """How many are left, and how many the actor has updated today."""
    done: int = uow.session.connection().execute(scans.saved_count(), _values(uow)).scalar_one()
    return count_left(uow) or 0, done


def item_to_update(uow: UnitOfWork, *, milestone: MilestoneKey) -> ItemToUpdate:
    """One milestone with what its form needs, whether or not anything is asked for. Raises NotFound and Forbidden."""
    case = read_case(uow, milestone)
    permissions.require(uow.actor, Act.UPDATE, case.item)
    values = _values(uow)
    [head] = plan_heads.heads_by_id(uow.session, [case.milestone.plan_id])
    [item] = _items(uow, [case.milestone.id], {head.id: head}, values)
    return item


def _values(uow: UnitOfWork, *, only_own: bool = False) -> dict[str, Any]:
    own, organisation = permissions.plans_to_update(uow.actor)
    return {
        **viewer_parameters(uow.actor),
        "now": uow.now,
        "today": uow.today,
        "since": start_of_day(uow.today),
        "own_plans": sorted(own),
        "organisation_plans": [] if only_own else sorted(organisation),
        "open_plans": sorted(plan for plan in own if permissions.may_know_all(uow.actor, plan)),
    }


def _heads(uow: UnitOfWork, plans: Sequence[str]) -> dict[str, Any]:
    """The rows of these plans, closed ones and drafts left out: nothing is asked for there."""
    return {head.id: head for head in plan_heads.heads_by_id(uow.session, plans) if head.state is PlanState.APPROVED}


def _place(cursor: str | None) -> dict[str, Any]:
    if cursor is None:
        return {}
    rank, moment, last_id = cursors.decode(cursor, int, str, str)
    try:
        last_moment = datetime.fromisoformat(moment)
    except ValueError as error:
        raise invalid("cursor", "not_a_cursor", "This cursor was not given out by this list") from error
    if last_moment.tzinfo is None:
        raise invalid("cursor", "not_a_cursor", "This cursor was not given out by this list")
    return {"last_rank": rank, "last_moment": last_moment, "last_id": last_id}


def _items(
    uow: UnitOfWork, ids: Sequence[str], heads: dict[str, Any], values: dict[str, Any]
) -> tuple[ItemToUpdate, ...]:
    """Milestones with everything around them: meetings, evidence, supporters, updates and what was typed."""
    by_id = {row.id: row for row in uow.session.connection().execute(scans.rows(), {"milestones": list(ids)})}
    rows = [by_id[one] for one in ids]
    meetings = plan_heads.meetings_of(uow.session, sorted({row.plan_id for row in rows}))
    settings = {plan: plan_settings(heads[plan], listed.days) for plan, listed in meetings.items()}
    evidence, supporters = linked_evidence(uow, ids), supporters_of(uow, ids)
    said = _said(uow, rows, values)
    found = []
    for row in rows:
        last, saved = said[row.id]
        facts, plan = facts_for(row, uow.today), settings[row.plan_id]
        found.append(
            ItemToUpdate(
                row=milestone_row(
                    row,
                    settings=plan,
                    evidence=known_to(evidence[row.id], permissions.knows_as(uow.actor, row.plan_id)),
                    supporters=supporters[row.id],
                    today=uow.today,
                    rationale=(last.said.rationale if last else None) or "",
                ),
                plan_title=heads[row.plan_id].title,
                needs=rules.needs_on(facts, plan, uow.today),
                next_review=plan_heads.next_review(heads[row.plan_id], meetings[row.plan_id], uow.today),
                last=last,
                may_say_no_change=not milestone_rules.unmet_no_change(
                    last_update_on=row.last_update_on, open_again_on=row.open_again_on
                ),
                declared=row.declared_rag,
                saved_at=saved.at if saved else None,
                saved=saved,
            )
        )
    return tuple(found)


def _said(uow: UnitOfWork, rows: Sequence[Any], values: dict[str, Any]) -> dict[str, tuple[LastSaid | None, Any]]:
    """By milestone: the update in force, and the actor's own latest of today. Three queries."""
    run = uow.session.connection().execute
    in_force = {
        one.id: one for one in run(scans.latest_updates(), {"updates": [row.last_update_id or "" for row in rows]})
    }
    mine = {
        one.milestone_id: one for one in run(scans.saved_updates(), {**values, "milestones": [row.id for row in rows]})
    }
    texts = latest_texts(uow.session, [*in_force, *(one.id for one in mine.values())])
    both = [*in_force.values(), *mine.values()]
    show = waiting.shown_to(uow, [(one.plan_id, one.waiting_on) for one in both])

    def view(one: Any) -> UpdateView:
        return replace(updates.as_view(one, texts), waiting_on=show(one.plan_id, one.waiting_on))

    found = {}
    for row in rows:
        last, saved = in_force.get(row.last_update_id), mine.get(row.id)
        found[row.id] = (
            LastSaid(last.at, last.by_title, row.no_change_on, view(last)) if last else None,
            view(saved) if saved else None,
        )
    return found
