"""The export of a plan's evidence log: asked for, followed while it is made, downloaded."""

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from app.db import UnitOfWork
from app.domain.evidence_exports import KEPT, KEPT_AT_ONCE, EvidenceExport
from app.domain.files import content_disposition, repr_digest
from app.domain.plans import PlanView
from app.doors.routing import NounRouter
from app.pages.deps import PageRunner, Reading, Writing
from app.pages.forms import Form, Submitted, see_other, settle
from app.pages.frames import frame_of
from app.pages.templating import render, wants_fragment
from app.services import evidence_exports as services
from app.services.plans import get_plan

router = NounRouter()


@router.get("/plans/{plan}/evidence-export")
def show_exports(run: Reading, plan: str, request: Request) -> Response:
    """My exports of the plan's evidence log, with how far each is; HTMX asks for the list alone."""
    return _page(run, request, plan, Form())


@router.post("/plans/{plan}/evidence-export")
def ask_export(run: Writing, plan: str, request: Request, form: Submitted) -> Response:
    """Ask for an export, which a job makes."""
    return settle(
        form,
        lambda: run.write(services.ask_export, slug=plan),
        done=lambda export: see_other(_address(export.plan_slug)),
        again=lambda form, status: _page(run, request, plan, form, status=status),
    )


@router.get("/evidence-exports/{export}/content")
def download_export(run: Writing, export: str) -> Response:
    """The export, to be saved. The right to it is judged anew, and that it was taken is put on the access log."""
    content = run.write(services.open_export, export=export)
    opened = run.storage.open(content.storage_name)
    return StreamingResponse(
        opened.chunks,
        media_type="application/zip",
        headers={
            "Content-Disposition": content_disposition(content.file_name),
            "Content-Length": str(opened.size),
            "X-Content-Type-Options": "nosniff",
            "Repr-Digest": repr_digest(content.sha256),
            "Cache-Control": "private, no-store",
        },
    )


def _address(plan: str) -> str:
    return f"/plans/{plan}/evidence-export"


def _page(run: PageRunner, request: Request, plan: str, form: Form, *, status: int = 200) -> Response:
    def read(uow: UnitOfWork) -> tuple[PlanView, tuple[EvidenceExport, ...]]:
        return get_plan(uow, slug=plan), services.list_exports(uow, slug=plan)

    plan_view, exports = run.read(read)
    return render(
        request,
        "evidence_exports/_exports.html" if wants_fragment(request) else "evidence_exports/page.html",
        frame=frame_of(run, plan_view, active="milestones", is_page=False),
        status=status,
        form=form,
        here=_address(plan_view.slug),
        exports=exports,
        going_on=any(export.is_going_on for export in exports),
        days=KEPT.days,
        kept=KEPT_AT_ONCE,
    )
