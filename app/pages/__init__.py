"""The HTML door: a router per noun. Pages ask services and print what comes back."""

from app.pages import (
    acceptances,
    account,
    audit_events,
    change_requests,
    closing,
    evidence,
    exception_reports,
    exports,
    help,  # noqa: A004 - the page's own word
    honesty,
    keys,
    meetings,
    memberships,
    milestone_facts,
    milestone_lists,
    milestone_steps,
    milestones,
    my_updates,
    plan_structure,
    plans,
    searches,
    sessions,
    timelines,
    updates,
)

NOUNS = (
    plans,
    exception_reports,
    milestone_lists,
    milestone_facts,
    milestones,
    milestone_steps,
    plan_structure,
    my_updates,
    timelines,
    closing,
    memberships,
    updates,
    change_requests,
    acceptances,
    evidence,
    meetings,
    audit_events,
    honesty,
    exports,
    searches,
    sessions,
    account,
    keys,
    help,
)
"""Routes are tried in this order: the pages that people live in stand first."""

routers = tuple(noun.router for noun in NOUNS)
