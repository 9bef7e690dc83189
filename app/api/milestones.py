"""Milestones: the list of a plan's, one of them, its facts, and the transitions that change its status."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal, NotRequired

from fastapi import Query, Request, Response
from pydantic import Field, TypeAdapter, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from app.api import answers, shapes
from app.api.answers import MilestoneId, Paging, PlanSlug, knows_names_only
from app.api.bodies import (
    Body,
    Day,
    Elsewhere,
    FindingsChecked,
    Key,
    Line,
    LongText,
    Nothing,
    PersonalDataDeclared,
    Place,
    Said,
    absent,
    from_form,
)
from app.api.deps import Reading, Receiving, Reply, Writing, body_fingerprint
from app.api.problems import is_json
from app.api.receiving import read_json, takes_file, with_body
from app.api.shapes import CountedListing, Evidenced, Listing, Need, Organisation, Person, Reference, exactly
from app.api.success_criteria import Criterion, NewProof, agreed_proof, criterion
from app.db import UnitOfWork
from app.domain.milestones import MilestoneKey, MilestoneMoved, MilestoneRow, MilestoneStub, MilestoneView
from app.domain.plans import MilestoneFilters, MilestonePage, order_of
from app.domain.rag import Reason as RagReason
from app.domain.refusals import Forbidden
from app.domain.success_criteria import AT_MOST
from app.domain.words import DateSetter, Marking, Rag, Status
from app.doors.received_files import keeping, upload_of
from app.doors.routing import NounRouter
from app.services import baselines
from app.services import milestones as services
from app.services.evidence import check_complete
from app.services.milestone_lists import milestone_stub
from app.storage import IncomingFile
from app.uploads import receive_upload

router = NounRouter(tags=["Milestones"])


# --- what goes out ----------------------------------------------------------------------------------------------------

Reason = TypedDict("Reason", {"code": str, "message": str, "colour": Rag, "from": date})
exactly(Reason)
Reason.__doc__ = "A rule that holds, in a sentence, the colour that it gives and the day from which it has given it."


@exactly
class CarriedOver(TypedDict):
    """Where an item went that was open when its plan was closed: to another plan (its slug, for who knows of it), as
    the words say, or both. `rag` is the colour it had then.
    """

    to: str
    plan: str | None
    rag: Rag | None
    at: datetime


@exactly
class Milestone(TypedDict):
    """A milestone. `rag` is null where colour is not the word: in a draft plan, achieved, cancelled, not yet due to
    start, and in a closed plan, where `carried_over` says where it went. One milestone
    says in `criteria` which proof is agreed for it, and in `warnings`, of one milestone, that a due
    date to come is no working day; it is taken all the same. `days` is how long it has been that colour,
    `exception_days` how long Red or Amber; the first day counts.
    """

    id: str
    ref: str
    title: str
    plan: str
    theme: Reference | None
    action: Reference
    owner: Person | None
    organisation: Organisation
    supporting_organisations: list[Organisation]
    status: Status
    rag: Rag | None
    since: date | None
    days: int | None
    exception_days: int | None
    reasons: list[Reason]
    start_date: date | None
    baseline_date: date | None
    due_date: date | None
    forecast_date: date | None
    completed_date: date | None
    achieved_date: date | None
    slip_days: int | None
    approved_slip_days: int | None
    moves: int
    evidence: Evidenced
    still_needed: list[Need]
    marking: Marking
    carried_over: NotRequired[CarriedOver]
    criteria: NotRequired[list[Criterion]]
    warnings: NotRequired[list[str]]
    version: str


@exactly
class MilestoneName(TypedDict):
    """All that a key with `evidence:write` alone learns of a milestone."""

    id: str
    ref: str
    title: str
    plan: str


def milestone(row: MilestoneRow) -> Milestone:
    """A milestone as the API gives it; `carried_over` is there when its plan was closed while it was open."""
    shown: Milestone = {
        "id": row.id,
        "ref": row.ref,
        "title": row.title,
        "plan": row.plan_slug,
        "theme": shapes.reference(row.theme) if row.theme else None,
        "action": shapes.reference(row.action),
        "owner": shapes.person(row.owner),
        "organisation": shapes.organisation(row.organisation),
        "supporting_organisations": [shapes.organisation(found) for found in row.supporting_organisations],
        "status": row.status,
        "rag": row.rag,
        "since": row.since,
        "days": row.days,
        "exception_days": row.exception_days,
        "reasons": reasons(row.reasons),
        "start_date": row.start_date,
        "baseline_date": row.baseline_date,
        "due_date": row.due_date,
        "forecast_date": row.forecast_date,
        "completed_date": row.completed_date,
        "achieved_date": row.achieved_date,
        "slip_days": row.slip_days,
        "approved_slip_days": row.approved_slip_days,
        "moves": row.moves,
        "evidence": shapes.evidenced(row.evidence),
        "still_needed": [{"code": why.code, "message": why.message} for why in row.still_needed],
        "marking": row.marking,
        "version": row.version,
    }
    if row.carried_over is not None:
        shown["carried_over"] = _carried_over(row.carried_over)
    return shown


def _carried_over(found: Any) -> CarriedOver:
    return {"to": found.words, "plan": found.plan[0] if found.plan else None, "rag": found.rag, "at": found.at}


def reasons(found: Sequence[RagReason]) -> list[Reason]:
    """Why an item has its colour, the worst first."""
    return [{"code": why.code, "message": why.message, "colour": why.colour, "from": why.since} for why in found]


def milestone_name(stub: MilestoneStub) -> MilestoneName:
    return {"id": stub.id, "ref": stub.ref, "title": stub.title, "plan": stub.plan}


Listed = CountedListing[Milestone] | Listing[MilestoneName]
_one = TypeAdapter(Milestone).dump_json
_name = TypeAdapter(MilestoneName).dump_json
_list: TypeAdapter[CountedListing[Milestone]] = TypeAdapter(CountedListing[Milestone])
_names: TypeAdapter[Listing[MilestoneName]] = TypeAdapter(Listing[MilestoneName])


def _with_warnings(view: MilestoneView) -> Milestone:
    shown = milestone(view.row)
    if view.criteria:
        shown["criteria"] = [criterion(one) for one in view.criteria]
    if view.warnings:
        shown["warnings"] = list(view.warnings)
    return shown


def _shown(view: MilestoneView) -> Reply:
    return Reply(_one(_with_warnings(view)), version=view.row.version)


def moved_on(view: MilestoneMoved) -> Reply:
    """After a transition: 201, because a record of it was made."""
    return Reply(_one(milestone(view.row)), status=201, version=view.row.version)


def _added(view: MilestoneView) -> Reply:
    where = f"/api/v1/milestones/{view.row.id}"
    return Reply(_one(_with_warnings(view)), status=201, version=view.row.version, location=where)


# --- what comes in ----------------------------------------------------------------------------------------------------


class _Facts(Body):
    """What is changed elsewhere is known here, to be refused with the address that changes it."""

    status: Elsewhere = None
    baseline_date: Elsewhere = None
    forecast_date: Elsewhere = None
    completed_date: Elsewhere = None
    achieved_date: Elsewhere = None
    rag: Elsewhere = None
    ref: Elsewhere = None


_ADDED_LATER = {
    "status": "A milestone begins as not started; POST to /milestones/{id}/start, /completion and so on changes that",
    "baseline_date": "The baseline is the due date when the plan is approved",
    "forecast_date": "A forecast is given with a progress update: POST to /milestones/{id}/updates",
    "completed_date": "It is given when completion is reported: POST to /milestones/{id}/completion",
    "achieved_date": "It is the day the gate is passed: POST to /milestones/{id}/achievement",
    "rag": "Nobody paints a colour: declare one, with its rationale, by POST to /milestones/{id}/updates",
    "ref": "References are given out by Waymark, and never change",
}


class NewMilestone(_Facts):
    """A milestone's facts. People and actions by id, organisations by slug."""

    action: Key
    title: Line
    description: LongText = ""
    success_criterion: LongText = ""
    criteria: list[NewProof] = Field(default=[], max_length=AT_MOST, description="The proof agreed in advance")
    owner: Key | None = None
    organisation: Key | None = Field(default=None, description="The plan's lead organisation, when left out")
    supporting_organisations: list[Key] = Field(default=[], max_length=50)
    start_date: Day | None = None
    due_date: Day | None = None
    due_set_by: DateSetter = DateSetter.PLAN
    marking: Marking = Marking.OFFICIAL
    restricted_to: list[Key] = Field(default=[], max_length=50, description="Slugs of organisations, ids of people")

    @field_validator(*_ADDED_LATER, mode="before")
    @classmethod
    def _name_the_right_place(cls, _: Any, info: ValidationInfo) -> Any:
        raise PydanticCustomError("not_here", "{sentence}", {"sentence": _ADDED_LATER[info.field_name or ""]})


class MilestoneChanges(_Facts):
    """The facts to change. Once the plan is approved, due date and success criterion change by change request."""

    action: Key = absent()
    position: Place = absent("Its place among the milestones of its action: 1 is first")
    title: Line = absent()
    description: LongText = absent()
    success_criterion: LongText = absent()
    criteria: list[NewProof] = absent("The proof agreed in advance, all of it; a draft's")
    owner: Key | None = None
    organisation: Key = absent()
    supporting_organisations: list[Key] = Field(default=[], max_length=50)
    start_date: Day | None = None
    due_date: Day | None = None
    due_set_by: DateSetter = absent()
    marking: Marking = absent()
    restricted_to: list[Key] = Field(default=[], max_length=50, description="Slugs of organisations, ids of people")


class Completion(Body):
    """That the work is done. The day may not be in the future."""

    completed_date: Day
    narrative: Said


class CompletionWithFile(Completion):
    """The same as a form, which may carry the evidence."""

    title: Line | None = Field(default=None, description="Of the evidence; without one, the file's name")
    personal_data: PersonalDataDeclared = Field(default=[])
    findings_checked: FindingsChecked = False


class Removal(Body):
    """Why a milestone leaves a draft."""

    reason: Said


class Returning(Body):
    """Why a completed milestone goes back to in progress."""

    reason: Said


class Achievement(Body):
    """A note for the record."""

    note: LongText | None = None


class Reopening(Body):
    """Why an achieved milestone is open again, and the due date that is asked for."""

    reason: Said
    due_date: Day


class BaselineCorrection(Body):
    """The baseline as it should have read, and how it came to be mistyped."""

    baseline_date: Day
    reason: Said


class Lifting(Body):
    """Why a declared colour no longer stands."""

    reason: Said


Standing = Literal["evidence_outstanding", "evidence_ending", "not_due", "moved", "due_to_date", "added_since"]


class Filters(Paging):
    """Filters of the list: each keeps what has it. Themes and owners by id, organisations by slug."""

    ref: Key | None = None
    rag: Rag | None = None
    status: Status | Standing | None = None
    theme: Key | None = None
    owner: Key | None = None
    organisation: Key | None = None
    due_before: Day | None = None
    q: Key | None = Field(default=None, description="Words in the title")
    sort: Key | None = Field(
        default=None,
        description="`reference` (the default), `standing`, `owner`, `due`, `expected` or `evidence`; with a `-` before"
        " it the other way round. What has no date comes last either way",
    )


# --- the routes -------------------------------------------------------------------------------------------------------


@router.get("/plans/{plan}/milestones", response_model=Listed, **answers.listed())
def list_milestones(run: Reading, plan: PlanSlug, filters: Annotated[Filters, Query()]) -> Response:
    """A plan's milestones by reference, or sorted as asked. A key with `evidence:write` alone gets the id, reference,
    title and plan of those it may attach to, and of the filters only `ref`.
    """
    page = run.read(_list_of, slug=plan, asked=filters)
    if not isinstance(page, MilestonePage):
        stubs, next_cursor = page
        return answers.listing(_names, {"items": [milestone_name(stub) for stub in stubs], "next_cursor": next_cursor})
    answer: CountedListing[Milestone] = {
        "items": [milestone(row) for row in page.items],
        "next_cursor": page.next_cursor,
    }
    if page.withheld is not None:
        answer["withheld"] = page.withheld
    return answers.listing(_list, answer)


def _list_of(uow: UnitOfWork, *, slug: str, asked: Filters) -> Any:
    if knows_names_only(uow.actor):
        if asked.model_fields_set - {"ref", "limit", "cursor"}:
            raise Forbidden("This key needs the scope plan:read to filter by anything but ref", needs="plan:read")
        return services.milestone_summaries(uow, slug=slug, ref=asked.ref, limit=asked.limit, cursor=asked.cursor)
    filters = MilestoneFilters(**asked.model_dump(exclude={"limit", "cursor", "sort"}))
    return services.list_milestones(
        uow, slug=slug, filters=filters, order=order_of(asked.sort), limit=asked.limit, cursor=asked.cursor
    )


@router.post("/plans/{plan}/milestones", response_model=Milestone, **answers.made())
def add_milestone(run: Writing, plan: PlanSlug, body: NewMilestone) -> Response:
    """Add a milestone. In an approved plan its first due date becomes its baseline."""
    facts = {name: value for name, value in body.facts().items() if name not in _ADDED_LATER}
    facts["criteria"] = agreed_proof(body.criteria)
    return run.write(services.add_milestone, slug=plan, **facts, respond=_added)


def _changes(body: MilestoneChanges) -> dict[str, Any]:
    changes = body.changes()
    return {**changes, "criteria": agreed_proof(body.criteria)} if "criteria" in changes else changes


@router.get("/milestones/{id}", response_model=Milestone | MilestoneName, **answers.read())
def show_milestone(run: Reading, milestone_id: MilestoneId) -> Response:
    """A milestone. A key with `evidence:write` alone gets its id, reference, title and plan."""
    found = run.read(_one_of, key=MilestoneKey(id=milestone_id))
    return run.answer(_shown(found) if isinstance(found, MilestoneView) else Reply(_name(milestone_name(found))))


def _one_of(uow: UnitOfWork, *, key: MilestoneKey) -> MilestoneView | MilestoneStub:
    if knows_names_only(uow.actor):
        return milestone_stub(uow, milestone=key)
    return services.get_milestone(uow, milestone=key)


@router.patch("/milestones/{id}", response_model=Milestone, **answers.changed())
def edit_milestone(run: Writing, milestone_id: MilestoneId, body: MilestoneChanges) -> Response:
    """Change facts. What has an address of its own (status, dates once approved) is refused, naming it."""
    return run.write(
        services.edit_milestone,
        milestone=MilestoneKey(id=milestone_id),
        changes=_changes(body),
        if_match=run.must_match(),
        respond=_shown,
    )


@router.post("/milestones/{id}/start", response_model=Milestone, **answers.made())
def start(run: Writing, milestone_id: MilestoneId, body: Nothing | None = None) -> Response:  # noqa: ARG001 - takes no fields
    """Put a milestone in progress. The first progress update does that too."""
    return run.write(services.start, milestone=MilestoneKey(id=milestone_id), if_match=run.if_match, respond=moved_on)


@router.post(
    "/milestones/{id}/completion",
    response_model=Milestone,
    **with_body(answers.made(), takes_file(json_body=Completion, form=CompletionWithFile, file_required=False)),
)
async def report_completed(run: Receiving, request: Request, milestone_id: MilestoneId) -> Response:
    """Report the work done, as JSON, or as a form that may carry the evidence in `file`."""
    key = MilestoneKey(id=milestone_id)
    terms = await run.read(check_complete, milestone=key)
    if is_json(request.headers.get("content-type", "")):
        body, sent = await read_json(request, Completion)
        return await _complete(run, key, body, fingerprint=body_fingerprint(sent))
    async with receive_upload(request.stream(), request.headers, run.storage, terms=terms) as received:
        form = from_form(CompletionWithFile, received.fields)
        about = {"title": form.title, "personal_data": form.personal_data}
        upload = upload_of(received.file, run.settings, looked_at=form.findings_checked)
        return await _complete(
            run, key, form, fingerprint=received.fingerprint(), file=received.file, upload=upload, **about
        )


async def _complete(
    run: Receiving, key: MilestoneKey, body: Completion, *, fingerprint: str, file: IncomingFile | None = None,
    **about: Any,
) -> Response:  # fmt: skip
    return await run.write(
        keeping(file, services.report_completed),
        milestone=key,
        completed_date=body.completed_date,
        narrative=body.narrative,
        **about,
        if_match=run.if_match,
        respond=moved_on,
        fingerprint=fingerprint,
    )


@router.post("/milestones/{id}/return", response_model=Milestone, **answers.made())
def return_to_progress(run: Writing, milestone_id: MilestoneId, body: Returning) -> Response:
    """Return a completed milestone to in progress."""
    return run.write(
        services.return_to_progress,
        milestone=MilestoneKey(id=milestone_id),
        reason=body.reason,
        if_match=run.if_match,
        respond=moved_on,
    )


@router.post("/milestones/{id}/removal", response_model=Milestone, **answers.made())
def remove(run: Writing, milestone_id: MilestoneId, body: Removal) -> Response:
    """Take a milestone that was added by mistake out of a draft: it is cancelled, gets no baseline, and its reference
    is not given out again. Codes: `plan_approved`, `plan_closed`, `already_cancelled`.
    """
    return run.write(
        services.remove,
        milestone=MilestoneKey(id=milestone_id),
        reason=body.reason,
        if_match=run.if_match,
        respond=moved_on,
    )


@router.post("/milestones/{id}/achievement", response_model=Milestone, **answers.made())
def mark_achieved(run: Writing, milestone_id: MilestoneId, body: Achievement | None = None) -> Response:
    """Mark a completed milestone as achieved. Without the evidence that its plan asks for: 409, with everything that
    is missing. Codes: `not_completed`, `evidence_required`, `evidence_not_accepted`, `evidence_pending_scan`,
    `criteria_unmet`, `plan_not_approved`.
    """
    return run.write(
        services.mark_achieved,
        milestone=MilestoneKey(id=milestone_id),
        note=body.note if body else None,
        if_match=run.if_match,
        respond=moved_on,
    )


@router.post("/milestones/{id}/reopening", response_model=Milestone, **answers.made())
def reopen(run: Writing, milestone_id: MilestoneId, body: Reopening) -> Response:
    """Reopen an achieved milestone and ask for a new due date. It is Red until that date is approved."""
    return run.write(
        services.reopen,
        milestone=MilestoneKey(id=milestone_id),
        reason=body.reason,
        due_date=body.due_date,
        if_match=run.if_match,
        respond=moved_on,
    )


@router.post("/milestones/{id}/lifting", response_model=Milestone, **answers.made())
def lift_declaration(run: Writing, milestone_id: MilestoneId, body: Lifting) -> Response:
    """Lift a declared Amber or Red, with a reason: by who declared it or a senior officer."""
    return run.write(
        services.lift_declaration,
        milestone=MilestoneKey(id=milestone_id),
        reason=body.reason,
        if_match=run.if_match,
        respond=moved_on,
    )


@router.post("/milestones/{id}/baseline-correction", response_model=Milestone, **answers.made())
def correct_baseline(run: Writing, milestone_id: MilestoneId, body: BaselineCorrection) -> Response:
    """Put a mistyped baseline right, with a reason, until it has been published (programme managers)."""
    return run.write(
        baselines.correct_baseline,
        milestone=MilestoneKey(id=milestone_id),
        **body.facts(),
        if_match=run.if_match,
        respond=moved_on,
    )
