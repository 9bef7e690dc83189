"""The audit trail of a plan."""

from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response

from app.domain.permissions import Act, Item, may
from app.doors.routing import NounRouter
from app.pages.deps import Reading
from app.pages.frames import frame_of
from app.pages.milestone_words import audit_entries
from app.pages.templating import render
from app.services.audit_events import list_events
from app.services.plans import choices, get_plan

router = NounRouter()

ROWS = 50


@router.get("/plans/{plan}/audit-events")
def show_audit_events(
    run: Reading, plan: str, request: Request, cursor: Annotated[str | None, Query(max_length=500)] = None
) -> Response:
    """Everything that happened to a plan, newest first."""
    view, (lines, more), offered = run.read(
        lambda uow: (
            get_plan(uow, slug=plan),
            list_events(uow, slug=plan, item=None, limit=ROWS, cursor=cursor),
            choices(uow, slug=plan),
        )
    )
    names = {view.organisation.id: view.organisation.name, **dict(offered.owners), **dict(offered.actions)}
    here = f"/plans/{plan}/audit-events"
    return render(
        request,
        "audit_events/page.html",
        frame=frame_of(run, view, active="audit"),
        heading="Audit trail",
        caption=view.title,
        back="",
        back_words="",
        entries=audit_entries(lines, names=names),
        next_page=f"{here}?cursor={more}" if more else None,
        first_page=here if cursor else None,
        as_csv=f"{here}.csv",
        records=f"/plans/{plan}/records",
        may_read_records=True,
        may_propose=may(run.actor, Act.PROPOSE_RECORD, Item(plan_id=view.id)),
    )
