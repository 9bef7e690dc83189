"""Lists taken away: read a batch at a time, and put on the access log once.

Each batch is read in a transaction of its own, so that somebody with a slow line holds neither a connection nor an old
snapshot open. The lists are cut by cursors that name a place, so nothing comes twice.
"""

import hashlib
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from app.db import UnitOfWork
from app.domain import permissions
from app.domain.exception_reports import ExceptionFilters, ExceptionItem
from app.domain.meetings import MeetingView
from app.domain.milestones import AuditLine, MilestoneKey, MilestoneRow
from app.domain.permissions import Act, Item
from app.domain.plans import MilestoneFilters, MilestoneOrder, PlanSummary
from app.domain.refusals import Forbidden
from app.services import access_log, audit_events, exception_reports, meetings, milestone_lists, plans
from app.services.cases import read_case

BATCH = 500


def note_export(uow: UnitOfWork, *, slug: str | None, what: str, filters: Mapping[str, str], item: str = "") -> None:
    """Put it on the access log what is exported, of which plan (None: all of mine) and with which filters.

    `item` is the milestone whose list it is. A write use case; raises NotFound and Forbidden as the lists themselves.
    """
    plan_id = _plan_to_export(uow, slug)
    asked = urlencode(sorted(filters.items()))
    mark = hashlib.sha256(f"{item}?{asked}".encode()).hexdigest()[:12]
    whose = plan_id or "all"
    access_log.note(uow, "exported", item_kind=what, item_id=f"{whose}/{what}/{mark}", plan_id=plan_id, filters=asked)


def milestones(
    uow: UnitOfWork, *, slug: str, filters: MilestoneFilters, order: MilestoneOrder, cursor: str | None
) -> tuple[Sequence[MilestoneRow], str | None]:
    """A batch of the list of milestones."""
    _plan_to_export(uow, slug)
    return milestone_lists.some_milestones(uow, slug=slug, filters=filters, order=order, limit=BATCH, cursor=cursor)


def exceptions(
    uow: UnitOfWork, *, slug: str | None, filters: ExceptionFilters, cursor: str | None
) -> tuple[Sequence[ExceptionItem], str | None]:
    """A batch of the exceptions of a plan, or of all my plans."""
    _plan_to_export(uow, slug)
    return exception_reports.some_items(uow, slug=slug, filters=filters, limit=BATCH, cursor=cursor)


def audit_trail(
    uow: UnitOfWork, *, slug: str, milestone: str | None, cursor: str | None
) -> tuple[Sequence[AuditLine], str | None]:
    """A batch of the audit trail of a plan, or of one of its milestones (its reference)."""
    _plan_to_export(uow, slug)
    item = read_case(uow, MilestoneKey(plan=slug, ref=milestone)).milestone.id if milestone else None
    return audit_events.list_events(uow, slug=slug, item=item, limit=BATCH, cursor=cursor)


def plan_summaries(uow: UnitOfWork) -> tuple[PlanSummary, ...]:
    """The plans that the actor may export, as the list of plans shows them."""
    _plan_to_export(uow, None)
    return tuple(one for one in plans.list_plans(uow) if _may_export(uow, one.plan.id))


def review_meetings(uow: UnitOfWork, *, slug: str) -> tuple[MeetingView, ...]:
    """The review meetings of a plan, those to come and then the past ones, as their page has them."""
    _plan_to_export(uow, slug)
    found = meetings.meeting_list(uow, slug=slug, all_past=True)
    return found.coming + found.past


def _plan_to_export(uow: UnitOfWork, slug: str | None) -> str | None:
    """The plan's id, for who may export it; for all plans None, for who may export any."""
    if slug is not None:
        plan_id: str = plans.known_plan(uow, slug).id
        permissions.require(uow.actor, Act.EXPORT, Item(plan_id=plan_id))
        return plan_id
    if not any(_may_export(uow, plan) for plan in permissions.plans_known(uow.actor)):
        raise Forbidden("Your role does not let you export. It takes a part in a plan that is more than an observer's")
    return None


def _may_export(uow: UnitOfWork, plan_id: str) -> bool:
    return permissions.may(uow.actor, Act.EXPORT, Item(plan_id=plan_id))
