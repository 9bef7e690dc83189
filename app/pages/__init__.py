"""The HTML door: a router per noun. Pages ask services and print what comes back."""

from fastapi import APIRouter

from app.pages import (
    account,
    audit_events,
    change_requests,
    evidence,
    exception_reports,
    help,  # noqa: A004 - the page's own word
    keys,
    milestones,
    plans,
    sessions,
    updates,
)

router = APIRouter()
_NOUNS = (
    sessions,
    account,
    keys,
    plans,
    exception_reports,
    milestones,
    updates,
    change_requests,
    evidence,
    audit_events,
    help,
)
for _noun in _NOUNS:
    router.include_router(_noun.router)
