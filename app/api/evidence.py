"""Evidence: a milestone's evidence log, one item, its file, its review, its withdrawal and its links."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, NotRequired

from anyio.to_thread import run_sync
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field, StringConstraints, TypeAdapter
from typing_extensions import TypedDict

from app.api import answers, problems, shapes
from app.api.answers import EvidenceId, MilestoneId, Page
from app.api.bodies import (
    Body,
    Day,
    FindingsChecked,
    Key,
    Line,
    LongText,
    PersonalDataDeclared,
    Said,
    from_form,
    storably,
    stripped,
    whole,
)
from app.api.deps import Reading, Receiving, Reply, Writing, body_fingerprint
from app.api.problems import is_json
from app.api.receiving import read_json, takes_file, with_body
from app.api.shapes import Listing, Organisation, exactly
from app.domain.evidence import (
    RELEVANCE_ANCHORS,
    ROBUSTNESS_ANCHORS,
    EvidenceView,
    LinkView,
    SubmissionView,
    VersionView,
)
from app.domain.files import KINDS, content_disposition, repr_digest
from app.domain.held_uploads import HeldState, HeldUpload
from app.domain.milestones import MilestoneKey, OrganisationRef
from app.domain.personal_data import Found, Looked, how_far
from app.domain.personal_data import Search as FileSearch
from app.domain.record_proposals import Keeping, Retention
from app.domain.refusals import Unavailable, invalid
from app.domain.submissions import notice
from app.domain.success_criteria import AT_MOST
from app.domain.words import Door, EvidenceKind, Marking, PersonalData, ReviewOutcome, SubmissionState
from app.doors.received_files import keeping, upload_of
from app.doors.routing import NounRouter
from app.services import evidence as services
from app.services import evidence_versions as versions
from app.services import held_uploads, record_proposals
from app.services.personal_data import unit_of
from app.storage import MissingFile, Opened
from app.uploads import file_threads, receive_upload

router = NounRouter(tags=["Evidence"])

# --- what goes out ----------------------------------------------------------------------------------------------------


@exactly
class Link(TypedDict):
    """How an item bears on one milestone (its id): the review, and whether it counts towards it today."""

    milestone: str
    outcome: ReviewOutcome | None
    relevance: int | None
    robustness: int | None
    reviewed_by: str | None
    reviewed_at: datetime | None
    counts: bool


@exactly
class Receipt(TypedDict):
    """The receipt of what came from outside the lead organisation: a person triages it by `triage_due_at`. When it is
    given, `notice` says what Waymark is not for, and whom to tell instead. `awaiting_release`: a person of your own
    organisation is to release it first; its hours begin then.
    """

    id: str
    triage_due_at: datetime | None
    state: SubmissionState | HeldState
    notice: NotRequired[str]


@exactly
class FindingOf(TypedDict):
    """So many of one kind on one page, sheet or slide; null where the kind of file has none. Never which."""

    kind: Found
    count: int
    page: int | None


@exactly
class Search(TypedDict):
    """What the search of a file for personal data came to. `detail` says how far it got, and why not further."""

    state: Looked
    detail: str
    findings: list[FindingOf]


@exactly
class Version(TypedDict):
    """A version of an item: its id, its place among the versions, and its state. The first one has the number 1."""

    id: str
    number: int
    state: str
    received_at: datetime
    sha256: str | None


@exactly
class Kept(TypedDict):
    """How long an item is kept: its class, the last day (null: for good), whether it is under legal hold, and when it
    was disposed of.
    """

    retention: Retention
    until: date | None
    legal_hold: bool
    disposed_at: datetime | None


@exactly
class Evidence(TypedDict):
    """An item of the evidence log. `supersedes` is the id of the item that it was sent as a newer version of, and
    `versions` are all of them, the first one first. `link` is there for a link, `statement` for a statement,
    `external_ref` where the sender gave one.
    """

    id: str
    title: str
    kind: EvidenceKind
    description: str | None
    link: NotRequired[str | None]
    statement: NotRequired[str | None]
    file_name: str | None
    content_type: str | None
    size: int | None
    sha256: str | None
    received_at: datetime
    effective_from: date | None
    effective_to: date | None
    period_from: date | None
    period_to: date | None
    external_ref: NotRequired[str]
    provided_by: str
    organisation: Organisation
    door: Door
    marking: Marking
    restricted: bool
    state: str
    links: list[Link]
    submission: Receipt | None
    personal_data: list[PersonalData]
    search: NotRequired[Search]
    version_number: int
    supersedes: str | None
    versions: list[Version]
    retention: Kept
    version: str


def evidence(view: EvidenceView) -> Evidence:
    """An evidence item as the API gives it."""
    given: Evidence = {
        "id": view.id,
        "title": view.title,
        "kind": view.kind,
        "description": view.description,
        "file_name": view.file_name,
        "content_type": view.content_type,
        "size": view.size,
        "sha256": view.sha256,
        "received_at": view.received_at,
        "effective_from": view.effective_from,
        "effective_to": view.effective_to,
        "period_from": view.period_from,
        "period_to": view.period_to,
        "provided_by": view.provided_by,
        "organisation": shapes.organisation(OrganisationRef("", view.organisation_slug, view.organisation)),
        "door": view.door,
        "marking": view.marking,
        "restricted": bool(view.restricted_to),
        "state": view.state,
        "links": [_link(link) for link in view.links],
        "submission": _submission(view.submission) if view.submission else None,
        "personal_data": list(view.personal_data),
        "version_number": view.version_number,
        "supersedes": view.supersedes,
        "versions": [_version(one) for one in view.versions],
        "retention": _kept(view.keeping),
        "version": view.version,
    }
    if view.link is not None:
        given["link"] = view.link
    if view.statement is not None:
        given["statement"] = view.statement
    if view.external_ref is not None:
        given["external_ref"] = view.external_ref
    if view.search is not None:
        given["search"] = _search(view.search, unit_of(view.file_name))
    return given


def _kept(keeping: Keeping) -> Kept:
    return {
        "retention": keeping.retention,
        "until": keeping.until,
        "legal_hold": keeping.held,
        "disposed_at": keeping.disposed_at,
    }


def _search(found: FileSearch, unit: str) -> Search:
    return {
        "state": found.state,
        "detail": how_far(found, unit),
        "findings": [{"kind": one.kind, "count": one.count, "page": one.page} for one in found.findings],
    }


def held_evidence(held: HeldUpload) -> Evidence:
    """What is held back, in the shape of what it becomes: it supports nothing yet."""
    upload = held.upload
    kind = held.evidence_kind or (EvidenceKind.LINK if held.link else EvidenceKind.STATEMENT)
    given: Evidence = {
        "id": held.id,
        "title": held.title,
        "kind": EvidenceKind.DOCUMENT if upload and held.evidence_kind is None else kind,
        "description": held.said if upload or held.link else None,
        "file_name": upload.file_name if upload else None,
        "content_type": upload.content_type if upload else None,
        "size": upload.size if upload else None,
        "sha256": upload.sha256 if upload else None,
        "received_at": held.arrived_at,
        "effective_from": held.effective_from,
        "effective_to": held.effective_to,
        "period_from": held.period_from,
        "period_to": held.period_to,
        "provided_by": held.sent_by,
        "organisation": shapes.organisation(held.organisation),
        "door": Door.API,
        "marking": held.marking,
        "restricted": held.restricted,
        "state": held.state,
        "links": [],
        "submission": {"id": held.submission_id, "triage_due_at": None, "state": held.state},
        "personal_data": list(held.personal_data),
        "version_number": 1,
        "supersedes": None,
        "versions": [],
        "retention": _kept(Keeping(Retention.PLAN_RECORD, None, held=False, disposed_at=None)),
        "version": held.version,
    }
    if upload and upload.search is not None:
        given["search"] = _search(upload.search, unit_of(upload.file_name))
    if held.link is not None:
        given["link"] = held.link
    if not upload and not held.link:
        given["statement"] = held.said
    if held.external_ref is not None:
        given["external_ref"] = held.external_ref
    return given


def _link(view: LinkView) -> Link:
    return {
        "milestone": view.milestone_id,
        "outcome": view.outcome,
        "relevance": view.relevance,
        "robustness": view.robustness,
        "reviewed_by": view.reviewed_by,
        "reviewed_at": view.reviewed_at,
        "counts": view.counts,
    }


def _version(view: VersionView) -> Version:
    return {
        "id": view.id,
        "number": view.number,
        "state": view.state,
        "received_at": view.received_at,
        "sha256": view.sha256,
    }


def _submission(view: SubmissionView) -> Receipt:
    return {"id": view.id, "triage_due_at": view.triage_due_at, "state": view.state}


_one = TypeAdapter(Evidence).dump_json
_list: TypeAdapter[Listing[Evidence]] = TypeAdapter(Listing[Evidence])


def _shown(view: EvidenceView) -> Reply:
    return Reply(_one(evidence(view)), version=view.version)


def _recorded(view: EvidenceView) -> Reply:
    where = f"/api/v1/evidence/{view.id}"
    return Reply(_one(evidence(view)), status=201, version=view.version, location=where)


def _receipt(front_door: str) -> Callable[[EvidenceView | HeldUpload], Reply]:
    """The answer to what was sent, with the notice that every receipt carries (product.md, rule 4)."""

    def given(view: EvidenceView | HeldUpload) -> Reply:
        body = held_evidence(view) if isinstance(view, HeldUpload) else evidence(view)
        if body["submission"] is not None:
            body["submission"]["notice"] = notice(front_door)
        where = f"/api/v1/evidence/{view.id}"
        return Reply(_one(body), status=201, version=view.version, location=where)

    return given


# --- what comes in ----------------------------------------------------------------------------------------------------

_Address = Annotated[str, stripped, StringConstraints(min_length=1, max_length=2000), storably]
_ExternalRef = Annotated[str, stripped, StringConstraints(max_length=120), storably]


class _Told(Body):
    """What is said about an item, whatever it is and whichever version."""

    description: LongText | None = None
    kind: EvidenceKind | None = None
    effective_from: Day | None = Field(default=None, description="Not in the future")
    effective_to: Day | None = None
    period_from: Day | None = Field(default=None, description="The first day of the period that it supports")
    period_to: Day | None = Field(default=None, description="The last day of that period; both or neither")
    external_ref: _ExternalRef | None = Field(default=None, description="Your own reference")
    shared_with: list[Key] = Field(default=[], max_length=50, description="Slugs of organisations that may open it")
    personal_data: PersonalDataDeclared = Field(default=[])


class _About(_Told):
    """What is said about a new item, whatever it is."""

    marking: Marking = Marking.OFFICIAL
    restricted_to: list[Key] = Field(
        default=[],
        max_length=50,
        description="Slugs of organisations and ids of people: for everybody else it does not exist. You always may"
        " know of it, and so may those who may know of everything in the plan",
    )


class EvidenceFile(_About):
    """A file, with what is said about it."""

    title: Line
    findings_checked: FindingsChecked = False


class EvidenceVersion(_Told):
    """A newer version of an item: a file, with what is said about it. It is restricted as the item is, and keeps its
    marking where none is given.
    """

    title: Line
    marking: Marking | None = None
    findings_checked: FindingsChecked = False


class NewEvidence(_About):
    """One of: a `link`, a `statement`, or `evidence`, the id of an item of the plan's log that is to support this
    milestone too (and nothing else with it).
    """

    title: Line | None = Field(default=None, description="Needed with a link or a statement")
    link: _Address | None = None
    statement: Said | None = None
    evidence: Key | None = None


def _anchored(anchors: Mapping[int, str]) -> str:
    """What each score means."""
    return "; ".join(f"{score}: {words}" for score, words in anchors.items())


class Review(Body):
    """Accepting or rejecting an item for one milestone. `milestone` may be left out when there is one."""

    milestone: Key | None = None
    outcome: Literal[ReviewOutcome.ACCEPTED, ReviewOutcome.REJECTED]
    relevance: Annotated[int, whole(0, 3)] = Field(description=_anchored(RELEVANCE_ANCHORS))
    robustness: Annotated[int, whole(0, 3)] = Field(description=_anchored(ROBUSTNESS_ANCHORS))
    reason: Said
    meets: list[Key] = Field(
        default=[],
        max_length=AT_MOST,
        description="Ids of what is agreed for the milestone (its `criteria`) that it meets besides what is ticked off",
    )


class Withdrawal(Body):
    """Why it is withdrawn."""

    reason: Said


class RetentionClass(Body):
    """How long an item is kept: 30 days, 3, 7 or 25 years from its receipt, or for good."""

    retention: Retention


class NewLink(Body):
    """The id of another milestone of the plan that the item is to support."""

    milestone: Key


# --- the routes -------------------------------------------------------------------------------------------------------


@router.get("/milestones/{id}/evidence", response_model=Listing[Evidence], **answers.listed())
def list_evidence(run: Reading, milestone_id: MilestoneId, page: Page) -> Response:
    """A milestone's evidence log, newest first. A key without `plan:read` sees what its organisation sent."""
    views, next_cursor = run.read(
        services.list_evidence, milestone=MilestoneKey(id=milestone_id), limit=page.limit, cursor=page.cursor
    )
    return answers.listing(_list, {"items": [evidence(view) for view in views], "next_cursor": next_cursor})


@router.post(
    "/milestones/{id}/evidence",
    response_model=Evidence,
    **with_body(answers.made(), takes_file(json_body=NewEvidence, form=EvidenceFile, file_required=True)),
)
async def attach_evidence(run: Receiving, request: Request, milestone_id: MilestoneId) -> Response:
    """Attach a file (a form with `file`), a link or a statement, or link an item that is in the plan's log already.
    What comes from outside the lead organisation gets a receipt in `submission`. A file that looks as if it holds
    personal data is refused, `personal_data_found`, until `personal_data` says which.
    """
    key = MilestoneKey(id=milestone_id)
    terms = await run.read(services.check_attach, milestone=key)
    if is_json(request.headers.get("content-type", "")):
        body, sent = await read_json(request, NewEvidence)
        return await _attach_without_file(run, key, body, fingerprint=body_fingerprint(sent))
    async with receive_upload(request.stream(), request.headers, run.storage, terms=terms) as received:
        file = received.required_file()
        form = from_form(EvidenceFile, received.fields)
        facts = form.facts()
        looked_at = facts.pop("findings_checked")
        return await run.write(
            keeping(file, held_uploads.attach_or_hold),
            milestone=key,
            upload=upload_of(file, run.settings, looked_at=looked_at),
            **facts,
            if_match=run.if_match,
            respond=_receipt(run.front_door),
            fingerprint=received.fingerprint(),
        )


async def _attach_without_file(run: Receiving, key: MilestoneKey, body: NewEvidence, *, fingerprint: str) -> Response:
    if body.evidence is None:
        facts = {**body.facts(), "title": body.title or ""}
        del facts["evidence"]
        return await run.write(
            held_uploads.attach_or_hold,
            milestone=key,
            **facts,
            if_match=run.if_match,
            respond=_receipt(run.front_door),
            fingerprint=fingerprint,
        )
    if body.model_fields_set != {"evidence"}:
        raise invalid("evidence", "alone", "Send the id of an item alone: what is known of it stays as it is")
    return await run.write(
        services.link_evidence,
        milestone=key,
        evidence=body.evidence,
        if_match=run.if_match,
        respond=_recorded,
        fingerprint=fingerprint,
    )


@router.get("/evidence/{id}", response_model=Evidence, **answers.read())
def show_evidence(run: Reading, evidence_id: EvidenceId) -> Response:
    """An evidence item, with its links to milestones that you may know of."""
    found = run.read(held_uploads.evidence_or_held, evidence=evidence_id)
    if isinstance(found, HeldUpload):
        return run.answer(Reply(_one(held_evidence(found)), version=found.version))
    return run.answer(_shown(found))


_CONTENT: dict[int | str, dict[str, Any]] = {
    **problems.documented((*problems.READING, 409, 410)),
    200: {
        "description": "The file, as an attachment.",
        "content": {kind.content_type: {"schema": {"type": "string", "format": "binary"}} for kind in KINDS},
        "headers": {
            "Content-Disposition": {"description": "An attachment, by its name.", "schema": {"type": "string"}},
            "Repr-Digest": {"description": "The SHA-256 of the file (RFC 9530).", "schema": {"type": "string"}},
        },
    },
}


@router.get("/evidence/{id}/content", response_class=StreamingResponse, responses=_CONTENT)
async def open_content(run: Receiving, evidence_id: EvidenceId) -> Response:
    """The file itself. Who opened it is put on the access log."""
    content = await run.commit(services.open_content, evidence=evidence_id)
    try:
        opened = await run_sync(run.storage.open, content.storage_name, limiter=file_threads())
    except MissingFile as error:
        raise Unavailable("The file is on record and cannot be found in the store just now") from error
    return StreamingResponse(
        _pieces(opened),
        headers={
            "Content-Type": content.content_type,
            "Content-Length": str(opened.size),
            "Content-Disposition": content_disposition(content.file_name),
            "Repr-Digest": repr_digest(content.sha256),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "private, no-store",
        },
    )


async def _pieces(opened: Opened) -> AsyncIterator[bytes]:
    """The file in pieces, read in threads that the database does not need."""
    while piece := await run_sync(next, opened.chunks, b"", limiter=file_threads()):
        yield piece


@router.post("/evidence/{id}/review", response_model=Evidence, **answers.made())
def review_evidence(run: Writing, evidence_id: EvidenceId, body: Review) -> Response:
    """Accept or reject an item for a milestone: by neither its provider nor the milestone's owner."""
    return run.write(
        services.review_evidence, evidence=evidence_id, **body.facts(), if_match=run.if_match, respond=_recorded
    )


@router.post(
    "/evidence/{id}/versions",
    response_model=Evidence,
    **with_body(answers.made(), takes_file(form=EvidenceVersion, file_required=True)),
)
async def add_version(run: Receiving, request: Request, evidence_id: EvidenceId) -> Response:
    """Send a newer version of an item: a form with `file`. The older one counts until this one has been accepted; both
    stay, each with its hash and its reviews.
    """
    terms = await run.read(versions.check_add_version, evidence=evidence_id)
    async with receive_upload(request.stream(), request.headers, run.storage, terms=terms) as received:
        file = received.required_file()
        facts = from_form(EvidenceVersion, received.fields).facts()
        upload = upload_of(file, run.settings, looked_at=facts.pop("findings_checked"))
        whose, shared = tuple(facts.pop("personal_data")), tuple(facts.pop("shared_with"))
        return await run.write(
            keeping(file, versions.add_version),
            evidence=evidence_id,
            offer=versions.Offer(upload=upload, personal_data_declared=whose, shared_with=shared, **facts),
            if_match=run.if_match,
            respond=_receipt(run.front_door),
            fingerprint=received.fingerprint(),
        )


@router.post("/evidence/{id}/withdrawal", response_model=Evidence, **answers.made())
def withdraw_evidence(run: Writing, evidence_id: EvidenceId, body: Withdrawal) -> Response:
    """Withdraw an item. It stays in the log; achieved milestones that stood on it fall back at once."""
    return run.write(
        services.withdraw_evidence,
        evidence=evidence_id,
        reason=body.reason,
        if_match=run.if_match,
        respond=_recorded,
    )


@router.post("/evidence/{id}/retention", response_model=Evidence, **answers.made())
def set_retention(run: Writing, evidence_id: EvidenceId, body: RetentionClass) -> Response:
    """Say how long an item is kept (programme managers). It destroys nothing: that is proposed and decided."""
    return run.write(
        record_proposals.set_retention,
        evidence=evidence_id,
        retention=body.retention,
        if_match=run.if_match,
        respond=_recorded,
    )


@router.post("/evidence/{id}/links", response_model=Evidence, **answers.made())
def link_evidence(run: Writing, evidence_id: EvidenceId, body: NewLink) -> Response:
    """Let an item support another milestone of its plan."""
    return run.write(
        services.link_evidence,
        milestone=MilestoneKey(id=body.milestone),
        evidence=evidence_id,
        if_match=run.if_match,
        respond=_recorded,
    )
