"""Help: what Waymark is for, how RAG is worked out, accessibility, privacy. Readable without signing in."""

from typing import Any

from fastapi import Request
from fastapi.responses import Response

from app.domain import evidence as evidence_rules
from app.domain import rag
from app.domain.refusals import Unauthenticated
from app.doors.routing import NounRouter
from app.pages.deps import PageRunner, Reading
from app.pages.frames import frame_of
from app.pages.templating import Frame, render

router = NounRouter()


@router.get("/help")
def show_help(run: Reading, request: Request) -> Response:
    """What Waymark is for and where to begin."""
    return _page(run, request, "help/page.html")


@router.get("/help/rag")
def show_rag(run: Reading, request: Request) -> Response:
    """How RAG is worked out: every rule, with the periods it uses."""
    return _page(
        run,
        request,
        "help/rag.html",
        periods=rag,
        relevance=evidence_rules.RELEVANCE_ANCHORS,
        robustness=evidence_rules.ROBUSTNESS_ANCHORS,
    )


@router.get("/help/accessibility")
def show_accessibility(run: Reading, request: Request) -> Response:
    """The accessibility statement."""
    return _page(run, request, "help/accessibility.html")


@router.get("/help/privacy")
def show_privacy(run: Reading, request: Request) -> Response:
    """What is kept of people who use Waymark."""
    return _page(run, request, "help/privacy.html")


def _page(run: PageRunner, request: Request, template: str, **context: Any) -> Response:
    return render(request, template, frame=_frame(run), **context)


def _frame(run: PageRunner) -> Frame:
    """Help is for everybody; who is signed in keeps the way back to their plans."""
    try:
        return frame_of(run)
    except Unauthenticated:
        return Frame(front_door=run.front_door)
