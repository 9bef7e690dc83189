"""What your organisation's keys sent and one of you releases, or takes back, before anybody else sees it."""

from datetime import date, datetime
from typing import NotRequired

from fastapi import Response
from pydantic import TypeAdapter
from typing_extensions import TypedDict

from app.api import answers, shapes
from app.api.answers import HeldUploadId
from app.api.bodies import Body, Said
from app.api.deps import Reading, Reply, Writing
from app.api.shapes import Listing, Organisation, Reference, exactly
from app.domain.held_uploads import HeldState
from app.domain.held_uploads import HeldUpload as Held
from app.domain.words import Marking, SubmissionKind
from app.doors.routing import NounRouter
from app.services import held_uploads as services

router = NounRouter(tags=["Held uploads"])


@exactly
class HeldUpload(TypedDict):
    """An upload by a key that needs a release. On release `evidence` and `submission` are the ids that it has."""

    id: str
    plan: str
    kind: SubmissionKind
    title: str
    said: str | None
    link: NotRequired[str]
    file_name: str | None
    size: int | None
    sha256: str | None
    effective_from: date | None
    effective_to: date | None
    marking: Marking
    external_ref: str | None
    organisation: Organisation
    sent_by: str
    milestone: Reference | None
    arrived_at: datetime
    state: HeldState
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None
    evidence: str | None
    submission: str
    version: str


class TakingBack(Body):
    """Why it is taken back: whoever sent it will read it."""

    reason: Said


def held_upload(item: Held) -> HeldUpload:
    """A held upload as the API gives it."""
    about, upload = item.milestone, item.upload
    given: HeldUpload = {
        "id": item.id,
        "plan": item.plan_slug,
        "kind": item.kind,
        "title": item.title,
        "said": item.said,
        "file_name": upload.file_name if upload else None,
        "size": upload.size if upload else None,
        "sha256": upload.sha256 if upload else None,
        "effective_from": item.effective_from,
        "effective_to": item.effective_to,
        "marking": item.marking,
        "external_ref": item.external_ref,
        "organisation": shapes.organisation(item.organisation),
        "sent_by": item.sent_by,
        "milestone": {"id": about.id, "ref": about.ref, "title": about.title} if about else None,
        "arrived_at": item.arrived_at,
        "state": item.state,
        "decided_at": item.decided_at,
        "decided_by": item.decided_by,
        "reason": item.reason,
        "evidence": item.id if item.kind is SubmissionKind.EVIDENCE else None,
        "submission": item.submission_id,
        "version": item.version,
    }
    if item.link is not None:
        given["link"] = item.link
    return given


_one = TypeAdapter(HeldUpload).dump_json
_list: TypeAdapter[Listing[HeldUpload]] = TypeAdapter(Listing[HeldUpload])


def _decided(item: Held) -> Reply:
    where = f"/api/v1/held-uploads/{item.id}"
    return Reply(_one(held_upload(item)), status=201, version=item.version, location=where)


@router.get("/held-uploads", response_model=Listing[HeldUpload], **answers.listed())
def list_held_uploads(run: Reading, page: answers.Page) -> Response:
    """What waits for the release of your organisation, the oldest first, in all your plans. Nobody else sees any."""
    shown, next_cursor = answers.page_of(run.read(services.list_held), page)
    return answers.listing(_list, {"items": [held_upload(item) for item in shown], "next_cursor": next_cursor})


@router.get("/held-uploads/{id}", response_model=HeldUpload, **answers.read())
def show_held_upload(run: Reading, upload_id: HeldUploadId) -> Response:
    """One of them, and what became of it."""
    item = run.read(services.get_held, upload=upload_id)
    return run.answer(Reply(_one(held_upload(item)), version=item.version))


@router.post("/held-uploads/{id}/release", response_model=HeldUpload, **answers.made())
def release_upload(run: Writing, upload_id: HeldUploadId) -> Response:
    """Let everybody see it who may. Its hours begin now. Codes: `already_released`, `already_taken_back`,
    `quarantined`, `plan_closed`, `milestone_cancelled`.
    """
    return run.write(services.release, upload=upload_id, if_match=run.if_match, respond=_decided)


@router.post("/held-uploads/{id}/withdrawal", response_model=HeldUpload, **answers.made())
def take_upload_back(run: Writing, upload_id: HeldUploadId, body: TakingBack) -> Response:
    """Keep it from everybody for good. Codes: `already_released`, `already_taken_back`."""
    return run.write(services.take_back, upload=upload_id, reason=body.reason, if_match=run.if_match, respond=_decided)
