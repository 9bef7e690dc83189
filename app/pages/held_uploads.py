"""Waiting for your release: what your organisation's keys sent, released or taken back by one of you."""

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from app.domain.files import content_disposition, repr_digest
from app.domain.held_uploads import HeldUpload
from app.domain.refusals import NotFound
from app.doors.routing import NounRouter
from app.pages.deps import PageRunner, Reading, Writing
from app.pages.forms import Form, Submitted, see_other, settle
from app.pages.frames import frame_of
from app.pages.milestone_words import SCANS
from app.pages.submission_words import KINDS
from app.pages.templating import render
from app.services import held_uploads as services

router = NounRouter()

HERE = "/held-uploads"
_DONE = {
    "released": "It was released. Its hours begin now.",
    "taken-back": "It was taken back. Nobody else has seen it.",
}


@router.get("/held-uploads")
def list_held_uploads(run: Reading, request: Request, done: str = "") -> Response:
    """What waits for somebody of my organisation."""
    return _page(run, request, Form(), done=_DONE.get(done, ""))


@router.post("/held-uploads/{upload}/release")
def release_upload(run: Writing, upload: str, request: Request, form: Submitted) -> Response:
    """Let the council see it."""
    return settle(
        form,
        lambda: run.write(services.release, upload=upload, if_match=form.optional("version")),
        done=lambda _: see_other(f"{HERE}?done=released"),
        again=lambda form, status: _page(run, request, form, status=status),
    )


@router.post("/held-uploads/{upload}/withdrawal")
def take_upload_back(run: Writing, upload: str, request: Request, form: Submitted) -> Response:
    """Keep it from the council for good."""

    def change() -> HeldUpload:
        reason = form.required("reason", "Enter why you take it back")
        form.check()
        return run.write(services.take_back, upload=upload, reason=reason, if_match=form.optional("version"))

    return settle(
        form,
        change,
        done=lambda _: see_other(f"{HERE}?done=taken-back"),
        again=lambda form, status: _page(run, request, form, taking_back=upload, status=status),
    )


@router.get("/held-uploads/{upload}/content")
def download_held(run: Writing, upload: str) -> Response:
    """The file, for who is to decide on it. That it was opened is put on the access log."""
    held = run.write(services.open_held, upload=upload)
    if held.upload is None:
        raise NotFound("There is no file")
    opened = run.storage.open(held.upload.storage_name)
    return StreamingResponse(
        opened.chunks,
        media_type=held.upload.content_type,
        headers={
            "Content-Disposition": content_disposition(held.upload.file_name),
            "Content-Length": str(opened.size),
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "Repr-Digest": repr_digest(held.upload.sha256),
            "Cache-Control": "private, no-store",
        },
    )


def _page(
    run: PageRunner, request: Request, form: Form, *, taking_back: str = "", done: str = "", status: int = 200
) -> Response:
    form.prefix = f"{taking_back}-" if taking_back else ""
    rows = [
        (held, form if held.id == taking_back else Form(prefix=f"{held.id}-")) for held in run.read(services.list_held)
    ]
    return render(
        request,
        "held_uploads/page.html",
        frame=frame_of(run, active="held"),
        status=status,
        form=form,
        rows=rows,
        kinds=KINDS,
        scans=SCANS,
        taking_back=taking_back,
        done=done,
    )
