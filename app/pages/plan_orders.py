"""The orders of the list of plans, for the page and its file."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from app.domain.plans import PlanSummary
from app.domain.refusals import invalid
from app.pages.wording import listing


def plans_in_order(plans: Sequence[PlanSummary], sort: str) -> list[PlanSummary]:
    """Plans by title, or in another order; of equal ones the title decides. Raises Invalid for an order there is none
    of. There are few: the whole list is read, so it is sorted here.
    """
    if sort not in PLAN_ORDERS:
        raise invalid("sort", "choice_invalid", f"Sort must be one of {listing(filter(None, PLAN_ORDERS))}")
    return sorted(plans, key=PLAN_ORDERS[sort][1])


_LAST = date.max

# What each order is called, and by what it sorts; the title stands behind all of them, as the list comes sorted by it.
PLAN_ORDERS: dict[str, tuple[str, Callable[[PlanSummary], Any]]] = {
    "": ("Title, A to Z", lambda _: 0),
    "red": ("Most Red first", lambda one: (-one.red, -one.amber)),
    "exceptions": ("Most exceptions first", lambda one: -(one.red + one.amber)),
    "review": ("Next review, the soonest first", lambda one: one.plan.next_review or _LAST),
    "moved": ("Most due dates moved first", lambda one: -one.moved),
    "inbox": ("Oldest submission waiting first", lambda one: -_waiting_since(one)),
    "organisation": ("Lead organisation, A to Z", lambda one: one.plan.organisation.name.casefold()),
}


def _waiting_since(summary: PlanSummary) -> float:
    """The later it came, the smaller: none at all is least."""
    since = summary.oldest_waiting_since
    return 1 / since.timestamp() if since else 0.0
