"""The JSON door, /api/v1: a router and its schemas per noun. Everything a page can do, through the same services."""

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute

from app.api import (
    acceptances,
    audit_events,
    change_requests,
    evidence,
    evidence_exports,
    exception_reports,
    held_uploads,
    honesty,
    me,
    meetings,
    milestones,
    my_updates,
    plan_parts,
    plans,
    record_proposals,
    reference,
    saved_views,
    searches,
    submissions,
    updates,
)
from app.api.deps import bearer

NOUNS = (
    me,
    plans,
    plan_parts,
    meetings,
    milestones,
    my_updates,
    updates,
    change_requests,
    acceptances,
    evidence,
    evidence_exports,
    submissions,
    held_uploads,
    exception_reports,
    audit_events,
    record_proposals,
    honesty,
    saved_views,
    searches,
)


def _operation_id(route: APIRoute) -> str:
    """An operation is called after its function: `mark_achieved`."""
    return route.name


PREFIX = "/api/v1"
operations = APIRouter(prefix=PREFIX, dependencies=[Depends(bearer)], generate_unique_id_function=_operation_id)
for noun in NOUNS:
    operations.include_router(noun.router)

# For the document; the application takes the nouns one by one, because a router inside a router is searched twice.
routers = (*(noun.router for noun in NOUNS), reference.pages(operations))
