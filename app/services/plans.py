"""Plans: found, listed, created, edited, approved, closed."""

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any

from sqlalchemy import select, update

from app.db import UnitOfWork
from app.domain import permissions
from app.domain import plans as rules
from app.domain.days import add_days, start_of_day
from app.domain.ids import new_id
from app.domain.milestones import OrganisationRef
from app.domain.permissions import Act, Item
from app.domain.plans import Choices, PlanSummary, PlanView
from app.domain.refusals import NotFound, Reason, Refused, Stale
from app.domain.words import EvidencePolicy, MovedRule, PlanState, Status
from app.models import Milestone, Organisation, Plan, PlanCounter, plan_heads
from app.models.plan_heads import Meetings
from app.services import addresses, plan_counts, plan_settings, resettling
from app.services.writing import RANGES, Checks, refuse_unknown, setting_ranges

_TYPED = ("title", "purpose")
_FREE = (*_TYPED, "slug")
_SETTINGS = ("evidence_policy", "tolerance_days", "overdue_limit_days", "moved_rule", "cycle_days", "triage_hours")


def known_plan(uow: UnitOfWork, slug: str, *, lock: bool = False) -> Plan:
    """A plan the actor has a role in, or whose key names it; administrators know every plan's facts. Else NotFound."""
    statement = select(Plan).where(Plan.slug == slug)
    if lock:
        statement = statement.with_for_update(key_share=True)
    plan = uow.session.execute(statement).scalar_one_or_none()
    if plan is None or not (uow.actor.administrator or plan.id in permissions.plans_known(uow.actor)):
        addresses.follow(uow, slug)
        raise NotFound
    return plan


def live_plan(uow: UnitOfWork, slug: str) -> Plan:
    """The same, for who may read its live content: Forbidden for an observer, or a key without `plan:read`."""
    plan = known_plan(uow, slug)
    permissions.require(uow.actor, Act.READ_PLAN, Item(plan_id=plan.id))
    return plan


def list_plans(uow: UnitOfWork) -> tuple[PlanSummary, ...]:
    """Every plan the actor has to do with, by title, with where it stands for who may read it."""
    return uow.remembered(
        "plans",
        partial(_list_plans, uow),
        good_until=lambda found: plan_counts.good_until(uow, [one.plan.id for one in found]),
    )


def _list_plans(uow: UnitOfWork) -> tuple[PlanSummary, ...]:
    known = permissions.plans_known(uow.actor)
    every = select(Plan.id)
    ids = sorted(uow.session.execute(every).scalars()) if uow.actor.administrator else sorted(known)
    views = views_of(uow, ids)
    readable = (
        permissions.plans_readable(uow.actor) if not uow.actor.is_system else frozenset(view.id for view in views)
    )
    summaries = plan_counts.summaries_of(uow, [view for view in views if view.id in readable])
    return tuple(summaries.get(view.id) or plan_counts.closed_book(view) for view in views)


def get_plan(uow: UnitOfWork, *, slug: str) -> PlanView:
    """A plan's facts, and what the actor may do in it."""
    return view_of(uow, known_plan(uow, slug))


def create_plan(
    uow: UnitOfWork,
    *,
    slug: str,
    title: str,
    organisation: str,
    purpose: str = "",
    evidence_policy: EvidencePolicy = EvidencePolicy.ATTACHED,
    tolerance_days: int = 28,
    overdue_limit_days: int = 0,
    moved_rule: MovedRule = MovedRule.STANDARD,
    cycle_days: int = 14,
    triage_hours: int = 48,
    illustrative: bool = False,
) -> PlanView:
    """Begin a draft plan. An administrator's act: who works in it is then said by memberships."""
    permissions.require(uow.actor, Act.ADMINISTER, Item(plan_id=""))
    checks = Checks()
    addresses.check_address(uow, checks, slug)
    cleaned = checks.title("title", title)
    about = checks.optional_text("purpose", purpose, limit=2000) or ""
    settings = {
        "tolerance_days": tolerance_days,
        "overdue_limit_days": overdue_limit_days,
        "cycle_days": cycle_days,
        "triage_hours": triage_hours,
    }
    setting_ranges(checks, settings)
    lead = organisation_named(uow, organisation, checks)
    checks.done()
    plan = Plan(
        id=new_id(),
        slug=slug,
        title=cleaned,
        purpose=about,
        lead_organisation_id=lead.id if lead else "",
        state=PlanState.DRAFT,
        evidence_policy=evidence_policy,
        moved_rule=moved_rule,
        created_at=uow.now,
        illustrative=illustrative,
        version=1,
        **settings,
    )
    uow.session.add(plan)
    uow.session.flush()
    for noun in ("theme", "action", "milestone", "evidence", "submission"):
        uow.session.add(PlanCounter(plan_id=plan.id, noun=noun, last=0))
    uow.session.flush()
    uow.record(
        "plan_created",
        **_about(plan),
        facts={"slug": slug, "evidence_policy": evidence_policy, **settings},
        texts={"title": cleaned, "purpose": about},
    )
    return view_of(uow, plan)


def edit_plan(uow: UnitOfWork, *, slug: str, changes: dict[str, Any], if_match: str | None) -> PlanView:
    """Change a plan's facts. Once it is approved, its policy and settings change through change requests only.

    With another address (`slug`) it is found at the old ones too, for ever.
    """
    plan = _opened(uow, slug, Act.EDIT_PLAN, if_match)
    allowed = _FREE if plan.state is not PlanState.DRAFT else (*_FREE, *_SETTINGS)
    by_request = f"Once a plan is approved this takes a change request: /plans/{slug}/change-requests"
    elsewhere = dict.fromkeys(_SETTINGS, by_request)
    elsewhere["state"] = f"A plan is approved at /plans/{slug}/approval and closed at /plans/{slug}/closure"
    refuse_unknown(changes, allowed, elsewhere=elsewhere)
    checks = Checks()
    if "title" in changes:
        changes["title"] = checks.title("title", changes["title"])
    if "purpose" in changes:
        changes["purpose"] = checks.optional_text("purpose", changes["purpose"], limit=2000) or ""
    if "slug" in changes:
        addresses.check_address(uow, checks, changes["slug"] or "", plan_id=plan.id)
    setting_ranges(checks, {name: changes[name] for name in RANGES if name in changes})
    checks.done()
    _refuse_closed(plan, "plan_edit")
    changes = {name: value for name, value in changes.items() if getattr(plan, name) != value}
    if not changes:
        return view_of(uow, plan)
    typed = {name: changes[name] for name in _TYPED if name in changes}
    facts = {name: [getattr(plan, name), changes[name]] for name in changes if name not in _TYPED}
    for name, value in changes.items():
        setattr(plan, name, value)
    plan.version += 1
    uow.session.flush()
    uow.record("plan_edited", **_about(plan), facts=facts, texts=typed)
    if facts.keys() & set(_SETTINGS):
        resettling.resettle(uow, plan)
    return view_of(uow, plan)


def approve_plan(
    uow: UnitOfWork,
    *,
    slug: str,
    body: str,
    meeting: str,
    approved_on: date | None = None,
    if_match: str | None = None,
) -> PlanView:
    """A senior officer approves a draft, recording body and meeting: each due date becomes the baseline."""
    plan = _opened(uow, slug, Act.APPROVE_PLAN, if_match)
    checks = Checks()
    said_body = checks.required_text("body", body, limit=200, name="the body that approved it")
    said_meeting = checks.required_text("meeting", meeting, limit=200, name="the meeting it was approved at")
    # It may well be earlier than the plan's beginning here: most plans are approved before anybody types them in.
    checks.not_future("approved_on", approved_on, uow.today, "The approval date must be today or in the past")
    checks.done()
    milestone_ids = _milestone_ids(uow, plan.id, Milestone.status != Status.CANCELLED)
    unmet = rules.unmet_approval(state=plan.state, milestones=len(milestone_ids))
    if unmet:
        raise Refused(
            unmet,
            title="The plan was not approved",
            attempted="plan_approval",
            item_kind="plan",
            item_id=plan.id,
            plan_id=plan.id,
        )
    _baseline_due_dates(uow, plan)
    plan.state, plan.approved_on, plan.approved_by = PlanState.APPROVED, approved_on or uow.today, uow.actor.id or None
    plan.approved_body, plan.approved_meeting, plan.approved_at = said_body, said_meeting, uow.now
    plan.version += 1
    uow.session.flush()
    uow.record(
        "plan_approved",
        **_about(plan),
        facts={"approved_on": [None, plan.approved_on], "milestones": len(milestone_ids)},
        texts={"body": said_body, "meeting": said_meeting},
    )
    resettling.resettle(uow, plan)
    return view_of(uow, plan)


def change_policy(uow: UnitOfWork, *, slug: str, policy: EvidencePolicy) -> tuple[str, ...]:
    """Put another evidence policy in force: milestones it no longer finds met fall back in the same transaction.

    What an approved change request comes to; not itself a door. Returns the references that fell back.
    """
    plan = known_plan(uow, slug)
    permissions.require(uow.actor, Act.DECIDE_CHANGE, Item(plan_id=plan.id))
    return plan_settings.put_in_force(uow, plan, {"evidence_policy": policy})


def lead_choices(uow: UnitOfWork) -> tuple[tuple[str, str], ...]:
    """Which organisations could lead a new plan: (slug, name). Forbidden for who does not begin plans."""
    permissions.require(uow.actor, Act.ADMINISTER, Item(plan_id=""))
    rows = uow.session.execute(select(Organisation.slug, Organisation.name).order_by(Organisation.name))
    return tuple((row.slug, row.name) for row in rows)


def choices(uow: UnitOfWork, *, slug: str) -> Choices:
    """What the filters and forms of a plan offer this actor."""
    return choices_of(uow, live_head(uow, slug).id)


def choices_of(uow: UnitOfWork, plan_id: str) -> Choices:
    """Themes and actions, and the people and organisations with a role in the plan, in one query."""
    return uow.remembered(
        ("choices", plan_id), partial(_choices, uow, plan_id), good_until=lambda _: start_of_day(add_days(uow.today, 1))
    )


def _choices(uow: UnitOfWork, plan_id: str) -> Choices:
    found = plan_heads.choices_in(uow.session, plan_id)
    return Choices(
        themes=tuple(found["theme"]),
        actions=tuple(found["action"]),
        owners=tuple(found["owner"]),
        organisations=tuple(found["organisation"]),
    )


def organisation_named(uow: UnitOfWork, slug: str, checks: Checks, field: str = "organisation") -> Organisation | None:
    found = uow.session.execute(select(Organisation).where(Organisation.slug == slug)).scalar_one_or_none()
    if found is None:
        checks.add(field, "unknown_organisation", f"There is no organisation called {slug or 'nothing'}")
    return found


def view_of(uow: UnitOfWork, plan: Plan) -> PlanView:
    return views_of(uow, [plan.id])[0]


def views_of(uow: UnitOfWork, plan_ids: Sequence[str]) -> list[PlanView]:
    """Plans by title, in two queries for any number of them."""
    heads = plan_heads.heads_by_id(uow.session, plan_ids)
    meetings = plan_heads.meetings_of(uow.session, [head.id for head in heads])
    return [view_of_head(uow, head, meetings[head.id]) for head in heads]


def live_head(uow: UnitOfWork, slug: str) -> Any:
    """`live_plan` for pages that only read: the plan's row with the words around it, in one query."""
    head = plan_heads.head_by_slug(uow.session, slug)
    if head is None or not (uow.actor.administrator or head.id in permissions.plans_known(uow.actor)):
        addresses.follow(uow, slug)
        raise NotFound
    permissions.require(uow.actor, Act.READ_PLAN, Item(plan_id=head.id))
    return head


def view_of_head(uow: UnitOfWork, plan: Any, meetings: Meetings) -> PlanView:
    actor, item = uow.actor, Item(plan_id=plan.id)
    next_review = plan_heads.next_review(plan, meetings, uow.today)
    return PlanView(
        id=plan.id,
        slug=plan.slug,
        title=plan.title,
        purpose=plan.purpose,
        organisation=OrganisationRef(plan.lead_organisation_id, plan.lead_slug, plan.lead_name),
        state=plan.state,
        evidence_policy=plan.evidence_policy,
        tolerance_days=plan.tolerance_days,
        overdue_limit_days=plan.overdue_limit_days,
        moved_rule=plan.moved_rule,
        cycle_days=plan.cycle_days,
        triage_hours=plan.triage_hours,
        approved_on=plan.approved_on,
        approved_by=plan.approver_title,
        approved_body=plan.approved_body,
        approved_meeting=plan.approved_meeting,
        closed_on=plan.closed_on,
        last_review=max((day for day in meetings.days if day < (next_review or uow.today)), default=None),
        next_review=next_review,
        last_held=meetings.last_held,
        next_review_is_listed=next_review in meetings.days,
        illustrative=plan.illustrative,
        roles=actor.roles_in(plan.id),
        reads_live=permissions.may(actor, Act.READ_PLAN, item),
        may_edit=permissions.may(actor, Act.EDIT_PLAN, item) and plan.state is not PlanState.CLOSED,
        may_approve=permissions.may(actor, Act.APPROVE_PLAN, item) and plan.state is PlanState.DRAFT,
        may_close=permissions.may(actor, Act.APPROVE_PLAN, item) and plan.state is PlanState.APPROVED,
        version=str(plan.version),
    )


def _opened(uow: UnitOfWork, slug: str, act: Act, if_match: str | None) -> Plan:
    plan = known_plan(uow, slug, lock=True)
    permissions.require(uow.actor, act, Item(plan_id=plan.id))
    if if_match is not None and if_match != str(plan.version):
        raise Stale(current_version=str(plan.version))
    return plan


def _refuse_closed(plan: Plan, attempted: str) -> None:
    if plan.state is PlanState.CLOSED:
        raise Refused(
            [Reason("plan_closed", "The plan is closed and read-only")],
            title="The plan was not changed",
            attempted=attempted,
            item_kind="plan",
            item_id=plan.id,
            plan_id=plan.id,
        )


def _milestone_ids(uow: UnitOfWork, plan_id: str, *which: Any) -> list[str]:
    return list(uow.session.execute(select(Milestone.id).where(Milestone.plan_id == plan_id, *which)).scalars())


def _baseline_due_dates(uow: UnitOfWork, plan: Plan) -> None:
    """First the baselines, while the plan is still a draft; what was missing in the draft counts from today."""
    in_plan = update(Milestone).where(Milestone.plan_id == plan.id, Milestone.status != Status.CANCELLED)
    uow.session.execute(in_plan.values(baseline_date=Milestone.due_date, no_date_on=None, no_owner_on=None))
    uow.session.expire_all()
    uow.session.refresh(plan)


def _about(plan: Plan) -> dict[str, Any]:
    return {"plan_id": plan.id, "item_kind": "plan", "item_id": plan.id, "item_ref": plan.slug}
