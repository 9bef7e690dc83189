"""Closing an approved plan: each open item says where it went, and from then on the plan is read-only."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from app.db import UnitOfWork
from app.domain import closing as rules
from app.domain import permissions, rag
from app.domain.change_requests import Agreement
from app.domain.closing import OPEN_AT_CLOSURE, CarriedItem, Closed, Destination, ToClose
from app.domain.permissions import Act, Item
from app.domain.plans import PlanView
from app.domain.refusals import Reason, Refused, Stale
from app.domain.words import DateSetter, PlanState, SubmissionState
from app.models import CarriedOver as CarriedOverRow
from app.models import Milestone, Organisation, Plan, PlanAddress, Submission
from app.models.expiry import lapsed, status_on
from app.models.milestone_rows import milestone_rows
from app.models.texts import latest_texts
from app.models.visibility import knowable_in
from app.services import change_proposals, lapsing, resettling
from app.services.carrying import FIELD, carried_over_of
from app.services.cases import affected_cases
from app.services.change_requests import waiting_requests
from app.services.milestone_lists import rows_of
from app.services.plans import known_plan, live_plan, view_of
from app.services.writing import Checks

SHOWN = 500


def to_close(uow: UnitOfWork, *, slug: str) -> ToClose:
    """What the closing page shows first: what is open, worst first, and the plans that could take it over."""
    plan = known_plan(uow, slug)
    permissions.require(uow.actor, Act.APPROVE_PLAN, Item(plan_id=plan.id))
    mine = (knowable_in(uow.actor, plan.id), _open(uow))
    statement = milestone_rows().where(*mine).order_by(
        Milestone.red_from.is_(None), Milestone.red_from, Milestone.amber_from.is_(None), Milestone.amber_from,
        Milestone.position,
    )  # fmt: skip
    rows = uow.session.execute(statement.limit(SHOWN)).all()
    held_up = _held_up(uow, plan)
    return ToClose(
        view_of(uow, plan),
        rows_of(uow, plan, rows),
        _plans_offered(uow, plan),
        tuple(_unmet(uow, plan, held_up)),
        waiting_requests(uow, plan),
        _bodies_of(held_up),
    )


def closed(uow: UnitOfWork, *, slug: str) -> Closed:
    """Why a plan was closed, and where each item went that was open then, as far as the actor may know of it."""
    plan = live_plan(uow, slug)
    statement = select(Milestone.id, Milestone.ref, Milestone.title, Milestone.status).where(
        knowable_in(uow.actor, plan.id), Milestone.id.in_(_carried_in(plan))
    )
    rows = uow.session.execute(statement.order_by(Milestone.position)).all()
    where = carried_over_of(uow, [row.id for row in rows])
    reason = latest_texts(uow.session, [plan.id]).get((plan.id, "closing_reason"), "")
    return Closed(
        plan.closed_on, reason, tuple(CarriedItem(row.ref, row.title, row.status, where[row.id]) for row in rows)
    )


def _carried_in(plan: Plan) -> Any:
    return select(CarriedOverRow.milestone_id).where(CarriedOverRow.plan_id == plan.id)


def close_plan(
    uow: UnitOfWork,
    *,
    slug: str,
    reason: str,
    items: Mapping[str, Destination] | None = None,
    rest: Destination | None = None,
    agreement: Agreement | None = None,
    if_match: str | None = None,
) -> PlanView:
    """Close an approved plan: it becomes read-only, and none of its items is an exception any more.

    `items` says by reference (or id) where each open item went, `rest` where all the others did. Raises Invalid for
    each that neither says, Refused while submissions wait, items are kept from who closes or are their own.

    `agreement`: of the outside bodies that set dates of what is still open, needed as for a cancellation.
    """
    plan = known_plan(uow, slug)
    permissions.require(uow.actor, Act.APPROVE_PLAN, Item(plan_id=plan.id))
    rows = _locked(uow, plan)
    if if_match is not None and if_match != str(plan.version):
        raise Stale(current_version=str(plan.version))
    checks = Checks()
    said = checks.required_text("reason", reason, name="why the plan is closed")
    checks.done()
    held_up = _held_up(uow, plan)
    bodies = _bodies_of(held_up)
    _refuse_unmet(plan, _unmet(uow, plan, held_up) or rules.unmet_agreement(bodies, agreed=agreement is not None))
    agreed = change_proposals.agreement_texts(uow, bodies, agreement) if bodies and agreement else {}
    destinations = _destinations(uow, plan, rows, items or {}, rest or Destination())
    for row in rows:
        _carry_over(uow, plan, row, *destinations[row.id])
    lapsed = lapsing.lapse_of_plan(uow, plan)
    plan.state, plan.closed_on = PlanState.CLOSED, uow.today
    plan.version += 1
    uow.session.flush()
    uow.record(
        "plan_closed",
        plan_id=plan.id,
        item_kind="plan",
        item_id=plan.id,
        item_ref=plan.slug[:40],
        facts={"state": [PlanState.APPROVED, PlanState.CLOSED], "carried_over": len(rows), "lapsed": lapsed}
        | ({"agreed_on": agreement.on} if bodies and agreement else {}),
        texts={"closing_reason": said, **agreed},
    )
    resettling.resettle(uow, plan)
    return view_of(uow, plan)


def _locked(uow: UnitOfWork, plan: Plan) -> Sequence[Any]:
    """The open items, locked by id as everybody locks them, then the plan. What has lapsed by now is open again."""
    of_plan = Milestone.plan_id == plan.id
    ended = select(Milestone.id).where(of_plan, lapsed(uow.today))
    affected_cases(uow, list(uow.session.execute(ended).scalars()))
    uow.session.flush()
    statement = select(Milestone.id, Milestone.ref, Milestone.amber_from, Milestone.red_from).where(
        of_plan, Milestone.status.in_(OPEN_AT_CLOSURE)
    )
    rows = uow.session.execute(statement.order_by(Milestone.id).with_for_update(key_share=True)).all()
    uow.session.refresh(plan, with_for_update={"key_share": True})
    return rows


def _open(uow: UnitOfWork) -> Any:
    return status_on(uow.today).in_(OPEN_AT_CLOSURE)


def _unmet(uow: UnitOfWork, plan: Plan, held_up: Sequence[Any]) -> list[Reason]:
    waiting = select(func.count()).select_from(Submission).where(
        Submission.plan_id == plan.id, Submission.state == SubmissionState.WAITING
    )  # fmt: skip
    every = select(func.count()).select_from(Milestone).where(Milestone.plan_id == plan.id, _open(uow))
    known = every.where(knowable_in(uow.actor, plan.id))
    lead = uow.session.get(Organisation, plan.lead_organisation_id)
    return rules.unmet_closure(
        state=plan.state,
        waiting=uow.session.execute(waiting).scalar_one(),
        withheld=uow.session.execute(every).scalar_one() - uow.session.execute(known).scalar_one(),
        lead=lead.name if lead else "",
        own=[row.ref for row in held_up if row.owner_id == uow.actor.id],
    )


def _held_up(uow: UnitOfWork, plan: Plan) -> Sequence[Any]:
    """Open items that are the actor's own, or whose date an outside body set, of what the actor may know of: who does
    not know of all closes no plan.
    """
    own, outside = Milestone.owner_id == uow.actor.id, Milestone.due_set_by != DateSetter.PLAN
    statement = select(Milestone.ref, Milestone.due_set_by, Milestone.owner_id).where(
        knowable_in(uow.actor, plan.id), _open(uow), own | outside
    )
    return uow.session.execute(statement.order_by(Milestone.position)).all()


def _bodies_of(rows: Sequence[Any]) -> str:
    return rules.bodies_to_agree([(row.ref, row.due_set_by) for row in rows])


def _refuse_unmet(plan: Plan, unmet: list[Reason]) -> None:
    if unmet:
        raise Refused(
            unmet,
            title="The plan was not closed",
            attempted="plan_closure",
            item_kind="plan",
            item_id=plan.id,
            plan_id=plan.id,
        )


def _destinations(
    uow: UnitOfWork, plan: Plan, rows: Sequence[Any], items: Mapping[str, Destination], rest: Destination
) -> dict[str, tuple[str, Plan | None]]:
    """{milestone id: (words, plan)}, everything that is wrong being said at once."""
    checks = Checks()
    by_name = {name: row for row in rows for name in (row.ref, row.id)}
    given = {by_name[name].id: said for name, said in items.items() if name in by_name and not said.is_blank}
    for name in items:
        if name not in by_name:
            checks.add(f"items/{name}", "not_open", f"{name} is no open milestone of this plan")
    offered = {slug: _plan_named(uow, slug) for slug in {said.plan for said in (*given.values(), rest)} if slug}
    found: dict[str, tuple[str, Plan | None]] = {}
    for row in rows:
        said = given.get(row.id, rest)
        if said.is_blank:
            checks.add(f"items/{row.ref}", "required", f"Say where {row.ref} went")
            continue
        field = f"items/{row.ref}" if row.id in given else "rest"
        words = checks.optional_text(field, said.words, limit=1000, name="where it went") or ""
        target = offered.get(said.plan)
        if said.plan and not _may_take_over(target, plan):
            checks.add(field, "unknown_plan", f"{row.ref} can go to another plan of yours that is not closed")
        found[row.id] = (words, target)
    checks.done()
    return found


def _plan_named(uow: UnitOfWork, slug: str) -> Plan | None:
    """A plan that the actor knows of, by any address it has had."""
    statement = select(Plan).join(PlanAddress, PlanAddress.plan_id == Plan.id).where(PlanAddress.slug == slug)
    found = uow.session.execute(statement).scalar_one_or_none()
    return found if found is not None and found.id in permissions.plans_known(uow.actor) else None


def _may_take_over(target: Plan | None, plan: Plan) -> bool:
    return target is not None and target.id != plan.id and target.state is not PlanState.CLOSED


def _plans_offered(uow: UnitOfWork, plan: Plan) -> tuple[tuple[str, str], ...]:
    known = permissions.plans_known(uow.actor) - {plan.id}
    statement = select(Plan.slug, Plan.title).where(Plan.id.in_(sorted(known)), Plan.state != PlanState.CLOSED)
    return tuple((row.slug, row.title) for row in uow.session.execute(statement.order_by(Plan.title)))


def _carry_over(uow: UnitOfWork, plan: Plan, row: Any, words: str, target: Plan | None) -> None:
    colour = rag.colour_at(row.amber_from, row.red_from, uow.now)
    uow.session.add(
        CarriedOverRow(
            milestone_id=row.id, plan_id=plan.id, to_plan_id=target.id if target else None, rag=colour, at=uow.now
        )
    )
    uow.record(
        "milestone_carried_over",
        plan_id=plan.id,
        item_kind="milestone",
        item_id=row.id,
        item_ref=row.ref,
        milestone_id=row.id,
        facts={"to_plan": target.slug if target else None, "rag": colour},
        texts={FIELD: words},
    )
