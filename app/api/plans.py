"""Plans: the list, one plan, its facts and settings, its approval and its closure."""

from datetime import date, datetime
from typing import Annotated

from fastapi import Query, Response
from pydantic import Field, StringConstraints, TypeAdapter
from typing_extensions import TypedDict

from app.api import answers, shapes
from app.api.answers import Page, PlanSlug
from app.api.bodies import Body, Day, Elsewhere, Key, Line, LongText, Said, Slug, absent, storably, stripped, whole
from app.api.change_requests import NewAgreement
from app.api.deps import Reading, Reply, Writing
from app.api.shapes import Listing, Organisation, exactly
from app.domain.change_requests import Agreement
from app.domain.closing import Destination
from app.domain.plan_changes import Change, ChangedItem
from app.domain.plan_changes import PlanChanges as ChangesSince
from app.domain.plans import PlanSummary, PlanView
from app.domain.words import EvidencePolicy, MovedRule, PlanState, Rag, Role
from app.doors.routing import NounRouter
from app.services import closing
from app.services import plans as services
from app.services.plan_changes import get_changes

router = NounRouter(tags=["Plans"])


@exactly
class Plan(TypedDict):
    """A plan's facts and settings, and your roles in it. `reads_live` is false for an observer."""

    slug: str
    title: str
    purpose: str
    organisation: Organisation
    state: PlanState
    evidence_policy: EvidencePolicy
    tolerance_days: int
    overdue_limit_days: int
    moved_rule: MovedRule
    cycle_days: int
    triage_hours: int
    approved_on: date | None
    approved_by: str | None
    approved_body: str | None
    approved_meeting: str | None
    closed_on: date | None
    last_review: date | None
    next_review: date | None
    illustrative: bool
    roles: list[Role]
    reads_live: bool
    version: str


@exactly
class Counts(TypedDict):
    """Where its milestones stand. Achieved, cancelled and not yet due are never counted as Green; what was open when
    the plan was closed is `carried_over`.
    """

    red: int
    amber: int
    green: int
    not_due: int
    achieved: int
    cancelled: int
    carried_over: int
    evidence_outstanding: int
    due_to_date: int
    achieved_of_due: int
    moved: int


@exactly
class Inbox(TypedDict):
    """How many submissions wait to be triaged, and since when the oldest."""

    waiting: int
    oldest_since: datetime | None


@exactly
class PlanInList(Plan):
    """A plan with where it stands: null for who does not read it live. `withheld` is how many items are restricted to
    others, for senior officers of other organisations than the lead.
    """

    counts: Counts | None
    inbox: Inbox | None
    withheld: int | None


@exactly
class Changed(TypedDict):
    """An item that changed: `on` the day, `reason` why. `rag` is its colour now, null where it is no exception."""

    kind: str
    ref: str
    title: str
    on: date
    reason: str
    rag: Rag | None


@exactly
class ChangedGroup(TypedDict):
    """How many items went this way, and the first few of them."""

    change: Change
    total: int
    items: list[Changed]


@exactly
class Changes(TypedDict):
    """What changed in a plan since a day, that day included. `same` counts the exceptions that stayed as they were,
    `moved` the milestones whose due date was moved. A draft or closed plan has no exceptions: `since` is null.
    """

    since: date | None
    groups: list[ChangedGroup]
    same: int
    moved: int


_Purpose = Annotated[str, stripped, StringConstraints(max_length=2000), storably]
_ShortSaid = Annotated[str, stripped, StringConstraints(min_length=1, max_length=200), storably]


class NewPlan(Body):
    """A draft plan. `organisation` is the slug of the lead organisation."""

    slug: Slug
    title: Line
    purpose: _Purpose = ""
    organisation: Key
    evidence_policy: EvidencePolicy = EvidencePolicy.ATTACHED
    tolerance_days: Annotated[int, whole(0, 365)] = 28
    overdue_limit_days: Annotated[int, whole(0, 28)] = 0
    moved_rule: MovedRule = MovedRule.STANDARD
    cycle_days: Annotated[int, whole(1, 366)] = 14
    triage_hours: Annotated[int, whole(1, 240)] = 48


class PlanChanges(Body):
    """What to change. Once the plan is approved only the title, the address and the purpose can be changed here."""

    title: Line = absent()
    slug: Slug = absent("Another address; the old ones lead on to it")
    purpose: _Purpose = absent()
    evidence_policy: EvidencePolicy = absent()
    tolerance_days: Annotated[int, whole(0, 365)] = absent()
    overdue_limit_days: Annotated[int, whole(0, 28)] = absent()
    moved_rule: MovedRule = absent()
    cycle_days: Annotated[int, whole(1, 366)] = absent()
    triage_hours: Annotated[int, whole(1, 240)] = absent()
    state: Elsewhere = None


class Approval(Body):
    """Which body approved the plan, at which meeting, and on which day (today, when left out)."""

    body: _ShortSaid
    meeting: _ShortSaid
    approved_on: Day | None = Field(default=None, description="Not in the future; it may be before the plan was begun")


class WentTo(Body):
    """Where an open item went: another plan of yours (its slug), words, or both."""

    to: LongText = Field(default="", description="Such as: the service plan of First Response")
    plan: Key | None = None


class CarriedItem(WentTo):
    """One open item: its reference or its id."""

    milestone: Key


class Closure(Body):
    """Why the plan is closed, and where each item that is still open went; `rest` speaks for all that `items` leaves
    out. Open is what is not started, in progress or completed.
    """

    reason: Said
    items: list[CarriedItem] = Field(default=[], max_length=1000)
    rest: WentTo | None = None
    agreement: NewAgreement | None = Field(
        default=None, description="Of the outside bodies that set dates of what is still open, where there are any"
    )


def plan_facts(view: PlanView) -> Plan:
    return {
        "slug": view.slug,
        "title": view.title,
        "purpose": view.purpose,
        "organisation": shapes.organisation(view.organisation),
        "state": view.state,
        "evidence_policy": view.evidence_policy,
        "tolerance_days": view.tolerance_days,
        "overdue_limit_days": view.overdue_limit_days,
        "moved_rule": view.moved_rule,
        "cycle_days": view.cycle_days,
        "triage_hours": view.triage_hours,
        "approved_on": view.approved_on,
        "approved_by": view.approved_by,
        "approved_body": view.approved_body,
        "approved_meeting": view.approved_meeting,
        "closed_on": view.closed_on,
        "last_review": view.last_review,
        "next_review": view.next_review,
        "illustrative": view.illustrative,
        "roles": sorted(view.roles),
        "reads_live": view.reads_live,
        "version": view.version,
    }


def plan_in_list(summary: PlanSummary) -> PlanInList:
    """A plan with its counts, where the caller reads it live."""
    live = summary.plan.reads_live
    return {
        **plan_facts(summary.plan),
        "counts": _counts(summary) if live else None,
        "inbox": (
            {"waiting": summary.waiting_submissions, "oldest_since": summary.oldest_waiting_since} if live else None
        ),
        "withheld": summary.withheld,
    }


def _counts(summary: PlanSummary) -> Counts:
    counts = summary.counts
    return {
        "red": counts.red,
        "amber": counts.amber,
        "green": counts.green,
        "not_due": counts.not_due,
        "achieved": counts.achieved,
        "cancelled": counts.cancelled,
        "carried_over": counts.carried_over,
        "evidence_outstanding": counts.evidence_outstanding,
        "due_to_date": summary.due_to_date,
        "achieved_of_due": summary.achieved_of_due,
        "moved": summary.moved,
    }


def _changes(found: ChangesSince | None) -> Changes:
    if found is None:
        return {"since": None, "groups": [], "same": 0, "moved": 0}
    return {
        "since": found.since,
        "groups": [
            {"change": group.change, "total": group.total, "items": [_changed(item) for item in group.items]}
            for group in found.groups
        ],
        "same": found.same,
        "moved": found.moved,
    }


def _changed(item: ChangedItem) -> Changed:
    return {
        "kind": item.kind,
        "ref": item.ref,
        "title": item.title,
        "on": item.on,
        "reason": item.reason,
        "rag": item.rag,
    }


_changed_since = TypeAdapter(Changes)
_one = TypeAdapter(Plan).dump_json
_list: TypeAdapter[Listing[PlanInList]] = TypeAdapter(Listing[PlanInList])


def _shown(view: PlanView) -> Reply:
    return Reply(_one(plan_facts(view)), version=view.version)


def _settled(view: PlanView) -> Reply:
    return Reply(_one(plan_facts(view)), status=201, version=view.version)


def _created(view: PlanView) -> Reply:
    return Reply(_one(plan_facts(view)), status=201, version=view.version, location=f"/api/v1/plans/{view.slug}")


@router.get("/plans", response_model=Listing[PlanInList], **answers.listed())
def list_plans(run: Reading, page: Page) -> Response:
    """Your plans by title, with where they stand. The cursor is the slug of the last one seen."""
    shown, next_cursor = answers.page_of(run.read(services.list_plans), page, name=lambda summary: summary.plan.slug)
    return answers.listing(_list, {"items": [plan_in_list(summary) for summary in shown], "next_cursor": next_cursor})


@router.post("/plans", response_model=Plan, **answers.made())
def create_plan(run: Writing, body: NewPlan) -> Response:
    """Begin a draft plan (administrators). Who works in it is then said by memberships."""
    return run.write(services.create_plan, **body.facts(), respond=_created)


@router.get("/plans/{plan}", response_model=Plan, **answers.read())
def show_plan(run: Reading, plan: PlanSlug) -> Response:
    """A plan's facts and settings."""
    return run.answer(_shown(run.read(services.get_plan, slug=plan)))


class Since(Body):
    """The day to compare with."""

    since: Day | None = Field(
        default=None,
        description="Today or an earlier day, not before the plan was approved. Left out: the last review meeting that"
        " was held or, without one, two weeks ago",
    )


@router.get("/plans/{plan}/changes", response_model=Changes, **answers.listed())
def show_changes(run: Reading, plan: PlanSlug, asked: Annotated[Since, Query()]) -> Response:
    """What got worse, is new, got better or left the list of exceptions since a day, and why."""
    found = run.read(get_changes, slug=plan, since=asked.since)
    return answers.listing(_changed_since, _changes(found))


@router.patch("/plans/{plan}", response_model=Plan, **answers.changed())
def edit_plan(run: Writing, plan: PlanSlug, body: PlanChanges) -> Response:
    """Change a draft's facts and settings, or the title, address and purpose of an approved plan."""
    return run.write(services.edit_plan, slug=plan, changes=body.changes(), if_match=run.must_match(), respond=_shown)


@router.post("/plans/{plan}/approval", response_model=Plan, **answers.made())
def approve_plan(run: Writing, plan: PlanSlug, body: Approval) -> Response:
    """Approve a draft (senior officers): each due date becomes the baseline."""
    return run.write(services.approve_plan, slug=plan, **body.facts(), if_match=run.if_match, respond=_settled)


@router.post("/plans/{plan}/closure", response_model=Plan, **answers.made())
def close_plan(run: Writing, plan: PlanSlug, body: Closure) -> Response:
    """Close an approved plan (senior officers): it becomes read-only, and nothing of it is an exception any more. Each
    open item says where it went. Codes: `plan_not_approved`, `submissions_waiting`, `items_withheld`, `own_items`,
    `agreement_missing`.
    """
    return run.write(
        closing.close_plan,
        slug=plan,
        reason=body.reason,
        items={item.milestone: _destination(item) for item in body.items},
        rest=_destination(body.rest) if body.rest else None,
        agreement=Agreement(**body.agreement.facts()) if body.agreement else None,
        if_match=run.if_match,
        respond=_settled,
    )


def _destination(said: WentTo) -> Destination:
    return Destination(said.to, said.plan or "")
