"""Lists of milestones: filtered, in the order asked for, a page at a time."""

from datetime import date
from typing import Any

from sqlalchemy import and_, func, or_, select

from app.db import UnitOfWork
from app.domain import permissions
from app.domain.days import start_of_day
from app.domain.evidence import known_to
from app.domain.milestones import MilestoneKey, MilestoneRow, MilestoneStub
from app.domain.permissions import Act, Item
from app.domain.plan_changes import Change
from app.domain.plans import MilestoneFilters, MilestoneOrder, MilestonePage, SortBy
from app.domain.refusals import invalid
from app.domain.words import PlanState, Rag, Status
from app.models import Milestone, Organisation, Plan
from app.models.counting import capped, change_word, evidence_outstanding, moved_since, standing_word
from app.models.expiry import ends_soon, status_on
from app.models.lowered import holds
from app.models.milestone_orders import beyond, in_order, sort_key
from app.models.milestone_rows import milestone_rows
from app.models.visibility import knowable_in, never
from app.services import cursors, plan_counts, since
from app.services.carrying import carried_over_of
from app.services.cases import linked_evidence, meeting_days, plan_settings, read_case
from app.services.milestone_rows import milestone_row, rationales_of, supporters_of
from app.services.plans import known_plan, live_plan

BY_REFERENCE = MilestoneOrder()

# Words that `status` takes besides the statuses themselves: what the numbers of plan home link to.
STANDINGS = ("evidence_outstanding", "evidence_ending", "not_due", "moved", "due_to_date", "added_since", "live")
# What `changed` takes, with the day in `since`.
CHANGES = (*Change, "moved")


def list_milestones(
    uow: UnitOfWork,
    *,
    slug: str,
    filters: MilestoneFilters,
    order: MilestoneOrder = BY_REFERENCE,
    limit: int = 50,
    cursor: str | None = None,
) -> MilestonePage:
    """Milestones of a plan that the actor may know of. Five queries, whatever the page holds."""
    plan = live_plan(uow, slug)
    conditions = _conditions(uow, plan, filters)
    items, more = _page(uow, plan, conditions, order, limit=limit, cursor=cursor)
    total = uow.session.execute(capped(select(Milestone.id).where(*conditions))).scalar_one()
    return MilestonePage(items, more, total, plan_counts.withheld(uow, plan.id), since.new_since(uow, plan))


def some_milestones(
    uow: UnitOfWork, *, slug: str, filters: MilestoneFilters, order: MilestoneOrder, limit: int, cursor: str | None
) -> tuple[tuple[MilestoneRow, ...], str | None]:
    """The same without the counts: what is asked for again and again until the list is through."""
    plan = live_plan(uow, slug)
    return _page(uow, plan, _conditions(uow, plan, filters), order, limit=limit, cursor=cursor)


def _conditions(uow: UnitOfWork, plan: Plan, filters: MilestoneFilters) -> list[Any]:
    return [knowable_in(uow.actor, plan.id), *wanted(uow, plan, filters)]


def _page(
    uow: UnitOfWork, plan: Plan, conditions: list[Any], order: MilestoneOrder, *, limit: int, cursor: str | None
) -> tuple[tuple[MilestoneRow, ...], str | None]:
    key = sort_key(order, instant=uow.now, day=uow.today)
    statement = in_order(milestone_rows().where(*conditions), order, key)
    if cursor:
        statement = statement.where(beyond(order, key, *_place(order, cursor)))
    rows = uow.session.execute(statement.limit(limit + 1)).all()
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    more = cursors.encode(str(order), last.sort_key, last.position, last.id) if last else None
    return rows_of(uow, plan, shown), more


def _place(order: MilestoneOrder, cursor: str) -> tuple[Any, int, str]:
    """Where a page ended: its last row's key, position and id. Raises Invalid for a cursor of another order."""
    dated = order.by in (SortBy.DUE, SortBy.EXPECTED)
    kind = str if dated or order.by is SortBy.OWNER else int
    of_order, key, position, last_id = cursors.decode(cursor, str, kind, int, str)
    if of_order != str(order):
        raise cursors.not_given_out()
    try:
        return date.fromisoformat(key) if dated else key, position, last_id
    except ValueError as error:
        raise cursors.not_given_out() from error


def milestone_summaries(
    uow: UnitOfWork, *, slug: str, limit: int = 50, cursor: str | None = None, ref: str | None = None
) -> tuple[tuple[MilestoneStub, ...], str | None]:
    """All that a key with `evidence:write` learns: id, reference and title of what its organisation is party to."""
    plan = known_plan(uow, slug)
    permissions.require(uow.actor, Act.ATTACH, Item(plan_id=plan.id))
    statement = select(Milestone.id, Milestone.ref, Milestone.title, Plan.slug).join(Plan, Plan.id == Milestone.plan_id)
    statement = statement.where(knowable_in(uow.actor, plan.id))
    if ref:
        statement = statement.where(Milestone.ref == ref)
    if cursor:
        statement = statement.where(Milestone.id > cursors.decode(cursor, str)[0])
    rows = uow.session.execute(statement.order_by(Milestone.id).limit(limit + 1)).all()
    more = cursors.encode(rows[limit - 1].id) if len(rows) > limit else None
    return tuple(MilestoneStub(*row) for row in rows[:limit]), more


def milestone_stub(uow: UnitOfWork, *, milestone: MilestoneKey) -> MilestoneStub:
    """The same of one milestone."""
    case = read_case(uow, milestone)
    permissions.require(uow.actor, Act.ATTACH, case.item)
    return MilestoneStub(case.milestone.id, case.milestone.ref, case.milestone.title, case.plan.slug)


def rows_of(uow: UnitOfWork, plan: Plan, rows: Any) -> tuple[Any, ...]:
    """Core rows with their evidence, supporters and declarations: a fixed number of queries more."""
    ids = [row.id for row in rows]
    settings = plan_settings(plan, meeting_days(uow, plan.id))
    evidence, viewer = linked_evidence(uow, ids), permissions.knows_as(uow.actor, plan.id)
    supporters = supporters_of(uow, ids)
    rationales = rationales_of(uow, rows)
    carried = carried_over_of(uow, ids) if plan.state is PlanState.CLOSED else {}
    return tuple(
        milestone_row(
            row,
            settings=settings,
            evidence=known_to(evidence[row.id], viewer),
            supporters=supporters[row.id],
            today=uow.today,
            rationale=rationales.get(row.id, ""),
            carried_over=carried.get(row.id),
        )
        for row in rows
    )


def wanted(uow: UnitOfWork, plan: Any, filters: MilestoneFilters) -> list[Any]:
    """The filters as conditions on milestones. Raises Invalid for a status that is none."""
    today = min(uow.today, plan.closed_on or uow.today)
    found: list[Any] = []
    if filters.ref:
        found.append(Milestone.ref == filters.ref)
    if filters.rag and plan.state is PlanState.CLOSED:
        found.append(never())  # nothing has a colour there
    elif filters.rag:
        found.append(standing_word(uow.now, today) == Rag(filters.rag).value)
    if filters.status:
        found.append(_status(uow, plan, filters.status, today))
    if filters.theme:
        found.append(Milestone.theme_id == filters.theme)
    if filters.owner:
        found.append(Milestone.owner_id == filters.owner)
    if filters.organisation:
        found.append(Milestone.lead_organisation_id == _organisation_id(filters.organisation))
    if filters.due_before:
        found.append(Milestone.due_date < filters.due_before)
    if filters.q and filters.q.strip():
        text = filters.q.strip()
        found.append(or_(holds(Milestone.title, text), func.lower(Milestone.ref) == text.lower()))
    return found + _changed(uow, filters.changed, filters.since)


def _changed(uow: UnitOfWork, word: str | None, since: date | None) -> list[Any]:
    if not word:
        return []
    if word not in CHANGES:
        raise invalid("changed", "not_a_choice", f"Changed must be one of: {', '.join(CHANGES)}")
    if since is None:
        raise invalid("since", "required", "Say since which day it changed")
    if word == "moved":
        return [moved_since(start_of_day(since))]
    return [change_word(start_of_day(since), since, uow.now) == word]


def _status(uow: UnitOfWork, plan: Any, word: str, today: date) -> Any:
    if word in tuple(Status):
        return status_on(today) == Status(word)
    not_cancelled = Milestone.status != Status.CANCELLED
    if word == "evidence_outstanding":
        return evidence_outstanding(today)
    if word == "evidence_ending":
        return ends_soon(today) if plan.state is PlanState.APPROVED else never()
    if word == "not_due":
        return standing_word(uow.now, today) == "not_due"
    if word == "live":
        return not_cancelled
    if word == "moved":
        return and_(Milestone.moves > 0, not_cancelled)
    if word == "due_to_date":
        return and_(Milestone.due_date <= uow.today, not_cancelled)
    if word == "added_since":
        moment = since.new_since(uow, plan)
        return never() if moment is None else and_(Milestone.added_at > plan.approved_at, Milestone.added_at >= moment)
    choices = ", ".join([*Status, *STANDINGS])
    raise invalid("status", "not_a_choice", f"Status must be one of: {choices}")


def _organisation_id(slug: str) -> Any:
    return select(Organisation.id).where(Organisation.slug == slug).scalar_subquery()
