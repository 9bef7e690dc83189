"""Lists taken away: read a batch at a time, and put on the access log once.

Each batch is read in a transaction of its own, so that somebody with a slow line holds neither a connection nor an old
snapshot open. The lists are cut by cursors that name a place, so nothing comes twice.
"""

import hashlib
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from app.db import UnitOfWork
from app.domain import permissions
from app.domain.change_requests import ChangeRequestPage
from app.domain.exception_reports import ExceptionFilters, ExceptionItem
from app.domain.honesty import Check, HonestyReport
from app.domain.meetings import MeetingView
from app.domain.milestones import AuditLine, MilestoneKey, MilestoneRow, MilestoneView
from app.domain.my_updates import ItemToUpdate
from app.domain.permissions import Act, Item
from app.domain.plans import MilestoneFilters, MilestoneOrder, PlanSummary
from app.domain.refusals import Forbidden
from app.domain.timelines import Timeline, TimelineFilters, TimelineItem
from app.domain.words import ChangeKind, ChangeState
from app.services import (
    access_log,
    audit_events,
    exception_reports,
    honesty,
    meetings,
    milestone_lists,
    plans,
    timelines,
)
from app.services import change_requests as requests
from app.services import my_updates as updates_due
from app.services.cases import read_case
from app.services.milestones import get_milestone

BATCH = 500
COUNTED = 1_000
"""So many findings of one honesty check: beyond that they are not counted either."""


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


def change_requests(
    uow: UnitOfWork, *, slug: str, state: ChangeState | None, decided: bool, kind: ChangeKind | None
) -> ChangeRequestPage:
    """The change requests of a plan, as its page lists them."""
    _plan_to_export(uow, slug)
    return requests.list_plan_requests(uow, slug=slug, state=state, decided=decided, kind=kind)


def my_updates(uow: UnitOfWork, *, only_own: bool, cursor: str | None) -> tuple[Sequence[ItemToUpdate], str | None]:
    """A batch of what needs an update from the actor."""
    _plan_to_export(uow, None)
    found = updates_due.my_updates(uow, only_own=only_own, limit=BATCH, cursor=cursor)
    return found.items, found.next_cursor


def evidence_log(uow: UnitOfWork, *, slug: str, milestone: str) -> MilestoneView:
    """A milestone with its evidence log, as its page has it."""
    found = get_milestone(uow, milestone=MilestoneKey(plan=slug, ref=milestone))
    _plan_to_export(uow, slug)
    return found


def honesty_findings(uow: UnitOfWork, *, slug: str, check: Check | None) -> HonestyReport:
    """What the honesty checks find, as many of each as are counted."""
    _plan_to_export(uow, slug)
    return honesty.honesty_checks(uow, slug=slug, check=check, limit=COUNTED)


def timeline(
    uow: UnitOfWork, *, slug: str, filters: TimelineFilters, cursor: str | None
) -> tuple[Sequence[TimelineItem], str | None]:
    """A batch of the timeline's milestones, in its order."""
    _plan_to_export(uow, slug)
    return timelines.some_items(uow, slug=slug, filters=filters, limit=BATCH, cursor=cursor)


def whole_timeline(uow: UnitOfWork, *, slug: str, filters: TimelineFilters) -> Timeline:
    """The timeline as its page has it, for an order of its table: as many milestones as one picture shows."""
    _plan_to_export(uow, slug)
    return timelines.plan_timeline(uow, slug=slug, filters=filters)


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
