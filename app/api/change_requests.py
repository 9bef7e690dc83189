"""Change requests: asking for a change of a milestone or a plan, seeing what it would do, and deciding on it."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Response
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from app.api import answers
from app.api.answers import ChangeRequestId, MilestoneId, Page, Paging, PlanSlug
from app.api.bodies import Body, Day, Key, Line, LongText, Said, ShortText, whole
from app.api.deps import Reading, Reply, Writing
from app.api.shapes import CountedListing, Listing, Need, exactly
from app.api.success_criteria import NewProof, agreed_proof
from app.domain import change_requests as domain
from app.domain.change_requests import ChangeRequestView
from app.domain.milestones import MilestoneKey
from app.domain.success_criteria import AT_MOST
from app.domain.words import CancellationGround, ChangeKind, ChangeState, EvidencePolicy, MovedRule
from app.doors.routing import NounRouter
from app.services import change_requests as services

router = NounRouter(tags=["Change requests"])


# --- what goes out ----------------------------------------------------------------------------------------------------


@exactly
class Named(TypedDict):
    """A milestone: its id, its permanent reference and its title."""

    id: str
    ref: str
    title: str


@exactly
class Part(TypedDict):
    """A milestone that a request describes; `milestone` is the one that it became on approval."""

    title: str | None
    success_criterion: str | None
    due_date: date | None
    owner: str | None
    milestone: Named | None


@exactly
class SettingChange(TypedDict):
    """One of a plan's settings, in words: what it was when it was asked, and what was asked for."""

    name: str
    was: str
    becomes: str


@exactly
class Agreement(TypedDict):
    """Who at the outside body that set the date agreed, when, and where that is written."""

    by: str
    on: date | None
    reference: str


@exactly
class Change(TypedDict):
    """One milestone before and after: the colour, or the word that stands instead of it, and the days from which it
    is Amber and Red. A milestone that would be made has no id yet, and an empty `before`.
    """

    id: str
    ref: str
    title: str
    before: str
    after: str
    falls_back: bool
    amber_from_before: date | None
    amber_from_after: date | None
    red_from_before: date | None
    red_from_after: date | None


@exactly
class Effect(TypedDict):
    """What an approval now would do. `withheld` counts changed milestones that are restricted to others, for senior
    officers of other organisations than the lead; null for everybody else.
    """

    milestones: list[Change]
    warnings: list[str]
    withheld: int | None


@exactly
class ChangeRequest(TypedDict):
    """What was asked for, why, what it would do while it waits, and what was decided. Until then nothing changes.
    `milestone` is null for a change of the plan. `other` is the milestone that goes on, where you may know of it.
    """

    id: str
    kind: ChangeKind
    state: ChangeState
    plan: str
    milestone: Named | None
    requested_by: str
    requested_at: datetime
    reason: str | None
    due_date: date | None
    due_was: date | None
    ground: CancellationGround | None
    other: Named | None
    success_criterion: str | None
    criteria: list[str] | None
    parts: list[Part]
    settings: list[SettingChange]
    agreement: Agreement | None
    effect: Effect | None
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
    meeting: str | None
    version: str


@exactly
class Decided(TypedDict):
    """What became of one of several: its state, and why nothing was decided where `reasons` are given."""

    change_request: str
    state: str
    reasons: list[Need]


# --- what comes in ----------------------------------------------------------------------------------------------------


class NewPart(Body):
    """A milestone to be made. Without an `owner` (a person's id) it keeps the old one's."""

    title: Line
    success_criterion: Said
    due_date: Day
    owner: Key | None = None


class NewAgreement(Body):
    """The agreement of the outside body that set the date."""

    by: ShortText
    on: Day
    reference: ShortText


class Wish(Body):
    """What is asked of a milestone. `due_date` goes with kind `due_date`; `ground`, and `other` where it is replaced,
    merged or a duplicate, with `cancellation`; one of `parts` with `replacement`, two or more with `split`;
    `success_criterion`, and `criteria` where the agreed proof changes too, with `criteria`. A date that an outside body
    set needs its `agreement`.
    """

    kind: Literal[
        ChangeKind.DUE_DATE, ChangeKind.CANCELLATION, ChangeKind.REPLACEMENT, ChangeKind.SPLIT, ChangeKind.CRITERIA
    ]
    due_date: Day | None = None
    ground: CancellationGround | None = None
    other: Key | None = Field(default=None, description="The id or reference of the milestone that goes on")
    success_criterion: LongText | None = None
    criteria: list[NewProof] | None = Field(
        default=None, max_length=AT_MOST, description="The proof agreed instead, all of it; left out, it stays"
    )
    parts: list[NewPart] = Field(default=[], max_length=domain.PARTS_AT_MOST)
    agreement: NewAgreement | None = None

    def wished(self) -> dict[str, Any]:
        """The fields as the service takes them."""
        given = {name: getattr(self, name) for name in Wish.model_fields}
        given["parts"] = [domain.Part(**part.facts()) for part in self.parts]
        given["criteria"] = agreed_proof(self.criteria)
        if self.agreement is not None:
            given["agreement"] = domain.Agreement(**self.agreement.facts())
        return given


class NewChangeRequest(Wish):
    """The same, with its reason."""

    reason: Said


class PlanWish(Body):
    """What is asked of a plan: `evidence_policy` with kind `policy`, any of the others with `settings`."""

    kind: Literal[ChangeKind.POLICY, ChangeKind.SETTINGS]
    evidence_policy: EvidencePolicy | None = None
    tolerance_days: Annotated[int, whole(0, 365)] | None = None
    overdue_limit_days: Annotated[int, whole(0, 28)] | None = None
    moved_rule: MovedRule | None = None
    cycle_days: Annotated[int, whole(1, 366)] | None = None
    triage_hours: Annotated[int, whole(1, 240)] | None = None


class NewPlanRequest(PlanWish):
    """The same, with its reason."""

    reason: Said


class Decision(Body):
    """What a senior officer decides, why, and in which review meeting (its id)."""

    outcome: Literal["approved", "declined"]
    reason: Said
    meeting: Key | None = None


class Verdict(Body):
    """What is decided on one of several."""

    change_request: Key
    outcome: Literal["approved", "declined"]
    reason: Said


class Decisions(Body):
    """What is decided in one review meeting."""

    meeting: Key
    decisions: list[Verdict] = Field(min_length=1, max_length=100)


class Withdrawal(Body):
    """Why what was asked for is taken back."""

    reason: LongText | None = None


class Filters(Paging):
    """Which change requests, and which page of them."""

    state: ChangeState | None = None
    kind: ChangeKind | None = None


# --- how it is written ------------------------------------------------------------------------------------------------


def named(found: domain.Named | None) -> Named | None:
    return None if found is None else {"id": found.id, "ref": found.ref, "title": found.title}


def effect(found: domain.Effect) -> Effect:
    return {
        "milestones": [
            {
                "id": one.id,
                "ref": one.ref,
                "title": one.title,
                "before": one.before,
                "after": one.after,
                "falls_back": one.falls_back,
                "amber_from_before": one.amber_before,
                "amber_from_after": one.amber_after,
                "red_from_before": one.red_before,
                "red_from_after": one.red_after,
            }
            for one in found.milestones
        ],
        "warnings": list(found.warnings),
        "withheld": found.withheld,
    }


def _part(found: domain.PartView) -> Part:
    return {
        "title": found.title,
        "success_criterion": found.success_criterion,
        "due_date": found.due_date,
        "owner": found.owner_id,
        "milestone": named(found.made),
    }


def change_request(view: ChangeRequestView) -> ChangeRequest:
    agreed = view.agreement
    return {
        "id": view.id,
        "kind": ChangeKind(view.kind),
        "state": ChangeState(view.state),
        "plan": view.plan_slug,
        "milestone": named(view.milestone),
        "requested_by": view.requested_by,
        "requested_at": view.requested_at,
        "reason": view.reason,
        "due_date": view.due_date,
        "due_was": view.due_was,
        "ground": CancellationGround(view.ground) if view.ground else None,
        "other": named(view.other),
        "success_criterion": view.success_criterion,
        "criteria": None if view.criteria is None else list(view.criteria),
        "parts": [_part(part) for part in view.parts],
        "settings": [{"name": one.name, "was": one.was, "becomes": one.becomes} for one in view.settings],
        "agreement": {"by": agreed.by, "on": agreed.on, "reference": agreed.reference} if agreed else None,
        "effect": effect(view.effect) if view.effect else None,
        "decided_by": view.decided_by,
        "decided_at": view.decided_at,
        "decision_reason": view.decision_reason,
        "meeting": view.meeting_id,
        "version": view.version,
    }


_one = TypeAdapter(ChangeRequest).dump_json
_list: TypeAdapter[Listing[ChangeRequest]] = TypeAdapter(Listing[ChangeRequest])
_counted: TypeAdapter[CountedListing[ChangeRequest]] = TypeAdapter(CountedListing[ChangeRequest])
_effect = TypeAdapter(Effect).dump_json
_decided = TypeAdapter(Listing[Decided]).dump_json


def _made(view: ChangeRequestView) -> Reply:
    return Reply(_one(change_request(view)), status=201, version=view.version)


def _created(view: ChangeRequestView) -> Reply:
    location = f"/api/v1/change-requests/{view.id}"
    return Reply(_one(change_request(view)), status=201, version=view.version, location=location)


def _became(decided: tuple[domain.Decided, ...]) -> Reply:
    items: list[Decided] = [
        {
            "change_request": one.id,
            "state": one.state,
            "reasons": [{"code": reason.code, "message": reason.message} for reason in one.reasons],
        }
        for one in decided
    ]
    return Reply(_decided({"items": items, "next_cursor": None}), status=201)


# --- the routes -------------------------------------------------------------------------------------------------------


@router.get("/milestones/{id}/change-requests", response_model=Listing[ChangeRequest], **answers.listed())
def list_change_requests(run: Reading, milestone_id: MilestoneId, page: Page) -> Response:
    """The changes asked for on a milestone, newest first."""
    views = run.read(services.list_change_requests, milestone=MilestoneKey(id=milestone_id))
    shown, next_cursor = answers.page_of(views, page)
    return answers.listing(_list, {"items": [change_request(view) for view in shown], "next_cursor": next_cursor})


@router.post("/milestones/{id}/change-requests", response_model=ChangeRequest, **answers.made())
def request_change(run: Writing, milestone_id: MilestoneId, body: NewChangeRequest) -> Response:
    """Ask for another due date, a cancellation, a replacement, a split or another success criterion."""
    return run.write(
        services.request_change,
        milestone=MilestoneKey(id=milestone_id),
        reason=body.reason,
        **body.wished(),
        if_match=run.if_match,
        respond=_created,
    )


@router.post("/milestones/{id}/change-requests/preview", response_model=Effect, **answers.looked())
def preview_change(run: Reading, milestone_id: MilestoneId, body: Wish) -> Response:
    """What such a change would do if it were approved now. Nothing is written."""
    found = run.read(
        services.preview_change, milestone=MilestoneKey(id=milestone_id), **body.wished(), if_match=run.if_match
    )
    return Response(_effect(effect(found)), media_type="application/json")


@router.get("/plans/{plan}/change-requests", response_model=CountedListing[ChangeRequest], **answers.listed())
def list_plan_requests(run: Reading, plan: PlanSlug, wanted: Annotated[Filters, Query()]) -> Response:
    """The change requests of a plan and its milestones: those that wait oldest first, others newest first."""
    found = run.read(services.list_plan_requests, slug=plan, state=wanted.state, kind=wanted.kind, effect=True)
    shown, next_cursor = answers.page_of(found.items, wanted)
    page: dict[str, Any] = {"items": [change_request(view) for view in shown], "next_cursor": next_cursor}
    return answers.listing(_counted, page if found.withheld is None else {**page, "withheld": found.withheld})


@router.post("/plans/{plan}/change-requests", response_model=ChangeRequest, **answers.made())
def request_settings(run: Writing, plan: PlanSlug, body: NewPlanRequest) -> Response:
    """Ask for another evidence policy, or other settings, of an approved plan."""
    return run.write(services.request_settings, slug=plan, **body.facts(), if_match=run.if_match, respond=_created)


@router.post("/plans/{plan}/change-requests/preview", response_model=Effect, **answers.looked())
def preview_settings(run: Reading, plan: PlanSlug, body: PlanWish) -> Response:
    """Which colours would change, and which achieved milestones would fall back. Nothing is written."""
    found = run.read(services.preview_settings, slug=plan, **body.facts(), if_match=run.if_match)
    return Response(_effect(effect(found)), media_type="application/json")


@router.post("/plans/{plan}/change-requests/decisions", response_model=Listing[Decided], **answers.made())
def decide_together(run: Writing, plan: PlanSlug, body: Decisions) -> Response:
    """Decide several in a review meeting. Each is judged by itself: what is refused does not hold up the others."""
    verdicts = [services.Verdict(**one.facts()) for one in body.decisions]
    return run.write(
        services.decide_together,
        slug=plan,
        meeting=body.meeting,
        verdicts=verdicts,
        if_match=run.if_match,
        respond=_became,
    )


@router.get("/change-requests/{id}", response_model=ChangeRequest, **answers.read())
def show_change_request(run: Reading, change_request_id: ChangeRequestId) -> Response:
    """One change request, with what it would do while it waits."""
    view = run.read(services.get_change_request, change_request=change_request_id)
    return run.answer(Reply(_one(change_request(view)), version=view.version))


@router.post("/change-requests/{id}/decision", response_model=ChangeRequest, **answers.made())
def decide_change(run: Writing, change_request_id: ChangeRequestId, body: Decision) -> Response:
    """Approve or decline: a senior officer who neither asked for it nor owns the milestone."""
    return run.write(
        services.decide_change,
        change_request=change_request_id,
        **body.facts(),
        if_match=run.if_match,
        respond=_made,
    )


@router.post("/change-requests/{id}/withdrawal", response_model=ChangeRequest, **answers.made())
def withdraw_change(run: Writing, change_request_id: ChangeRequestId, body: Withdrawal | None = None) -> Response:
    """Take back what you asked for, while it waits."""
    return run.write(
        services.withdraw_change,
        change_request=change_request_id,
        reason=body.reason if body else None,
        if_match=run.if_match,
        respond=_made,
    )
