"""Evidence log exports: asked for, followed, taken away as one ZIP."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from anyio.to_thread import run_sync
from fastapi import Response
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter
from typing_extensions import TypedDict

from app.api import answers, problems
from app.api.answers import ExportId, Page, PlanSlug
from app.api.bodies import Nothing
from app.api.deps import Reading, Receiving, Reply, Writing
from app.api.shapes import Listing, exactly
from app.domain import evidence_exports as rules
from app.domain.evidence_exports import LeftOut
from app.domain.files import content_disposition, repr_digest
from app.domain.refusals import Unavailable
from app.domain.words import ExportState
from app.doors.routing import NounRouter
from app.services import evidence_exports as services
from app.storage import MissingFile, Opened
from app.uploads import file_threads

router = NounRouter(tags=["Evidence log exports"])


@exactly
class EvidenceExport(TypedDict):
    """An export of a plan's evidence log. `left_out` says how many files are not in it, by why. `problem` is there when
    it failed; size, hash and `expires_at` once it is ready.
    """

    id: str
    plan: str
    state: ExportState
    asked_at: datetime
    items_done: int
    items_total: int
    files: int
    left_out: dict[LeftOut, int]
    size: int | None
    sha256: str | None
    finished_at: datetime | None
    expires_at: datetime | None
    problem: str | None


def evidence_export(found: rules.EvidenceExport) -> EvidenceExport:
    return {
        "id": found.id,
        "plan": found.plan_slug,
        "state": found.state,
        "asked_at": found.asked_at,
        "items_done": found.items_done,
        "items_total": found.items_total,
        "files": found.files,
        "left_out": dict(found.left_out),
        "size": found.size,
        "sha256": found.sha256,
        "finished_at": found.finished_at,
        "expires_at": found.expires_at,
        "problem": found.problem or None,
    }


_one = TypeAdapter(EvidenceExport).dump_json
_list: TypeAdapter[Listing[EvidenceExport]] = TypeAdapter(Listing[EvidenceExport])


def _made(export: rules.EvidenceExport) -> Reply:
    return Reply(_one(evidence_export(export)), status=201, location=f"/api/v1/evidence-exports/{export.id}")


@router.get("/plans/{plan}/evidence-exports", response_model=Listing[EvidenceExport], **answers.listed())
def list_evidence_exports(run: Reading, plan: PlanSlug, page: Page) -> Response:
    """My exports of a plan's evidence log, the latest first. For people: a key has none."""
    shown, next_cursor = answers.page_of(run.read(services.list_exports, slug=plan), page)
    return answers.listing(_list, {"items": [evidence_export(one) for one in shown], "next_cursor": next_cursor})


@router.post("/plans/{plan}/evidence-exports", response_model=EvidenceExport, **answers.made())
def ask_evidence_export(run: Writing, plan: PlanSlug, body: Nothing | None = None) -> Response:  # noqa: ARG001 - takes no fields
    """Ask for an export of a plan's evidence log, as far as you may read it. A job makes it; follow it at `Location`.
    Codes of refusals: `export_going_on`.
    """
    return run.write(services.ask_export, slug=plan, respond=_made)


@router.get("/evidence-exports/{id}", response_model=EvidenceExport, **answers.listed())
def show_evidence_export(run: Reading, export_id: ExportId) -> Response:
    """One of my exports, and how far it is."""
    return run.answer(Reply(_one(evidence_export(run.read(services.get_export, export=export_id)))))


_CONTENT: dict[int | str, dict[str, Any]] = {
    **problems.documented((*problems.READING, 409)),
    200: {
        "description": "The ZIP, as an attachment.",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        "headers": {
            "Content-Disposition": {"description": "An attachment, by its name.", "schema": {"type": "string"}},
            "Repr-Digest": {"description": "The SHA-256 of the file (RFC 9530).", "schema": {"type": "string"}},
        },
    },
}


@router.get("/evidence-exports/{id}/content", response_class=StreamingResponse, responses=_CONTENT)
async def open_evidence_export(run: Receiving, export_id: ExportId) -> Response:
    """The ZIP itself. The right to it is judged anew, and that it was taken is put on the access log. Codes of
    refusals: `export_not_ready`, `export_failed`, `export_expired`, `rights_changed`.
    """
    content = await run.commit(services.open_export, export=export_id)
    try:
        opened = await run_sync(run.storage.open, content.storage_name, limiter=file_threads())
    except MissingFile as error:
        raise Unavailable("The export is on record and cannot be found in the store just now") from error
    return StreamingResponse(
        _pieces(opened),
        headers={
            "Content-Type": "application/zip",
            "Content-Length": str(opened.size),
            "Content-Disposition": content_disposition(content.file_name),
            "Repr-Digest": repr_digest(content.sha256),
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )


async def _pieces(opened: Opened) -> AsyncIterator[bytes]:
    while piece := await run_sync(next, opened.chunks, b"", limiter=file_threads()):
        yield piece
