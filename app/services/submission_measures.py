"""The measures of an inbox, counted by the database in two queries and judged by the domain."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from app.db import UnitOfWork
from app.domain import permissions
from app.domain import submissions as rules
from app.domain.days import start_of_day
from app.domain.submissions import FollowFacts, Measures, Outcomes, Waits
from app.domain.words import SubmissionState, TurnedInto
from app.models import inbox
from app.models.inbox import Shape
from app.models.visibility import viewer_parameters
from app.services import plan_counts
from app.services.plans import live_head


def get_measures(uow: UnitOfWork, *, slug: str) -> Measures:
    """The measures of a plan's inbox, of what the actor may know of. Raises NotFound and Forbidden."""
    head = live_head(uow, slug)
    return measures_in(uow, head.id, hours=head.triage_hours)


def measures_in(uow: UnitOfWork, plan_id: str, *, hours: int) -> Measures:
    """The same for a plan that is known to be for these eyes."""
    sees_all = permissions.may_know_all(uow.actor, plan_id)
    values = {
        **viewer_parameters(uow.actor),
        "now": uow.now,
        "today": uow.today,
        "plan_id": plan_id,
        "plans": [plan_id],
        "open_plans": [plan_id] if sees_all else [],
    }
    return measures_of(uow, Shape(one_plan=True, sees_all=sees_all), values, hours=hours)


def measures_of(uow: UnitOfWork, shape: Shape, values: Mapping[str, Any], *, hours: int) -> Measures:
    """The measures of what a scan of this shape with these values finds."""
    return uow.remembered(
        ("inbox measures", shape, values["plan_id"], hours),
        partial(_work_out, uow, shape, values, hours),
        good_until=lambda _: plan_counts.good_until(uow, [values["plan_id"]]),
    )


def _work_out(uow: UnitOfWork, shape: Shape, values: Mapping[str, Any], hours: int) -> Measures:
    starts = [start_of_day(day) for day in rules.week_starts(uow.today)]
    recent = rules.recent_since(uow.today)
    run = uow.session.connection().execute
    waits = [
        Waits(
            row.week, bool(row.recent), row.hours, bool(row.in_time), bool(row.waiting), bool(row.overdue), row.number
        )
        for row in run(inbox.waits_of(shape, starts, recent), dict(values))
    ]
    outcomes = [
        Outcomes(row.week, bool(row.recent), follow_facts(row), row.number)
        for row in run(inbox.outcomes_of(shape, starts, recent), dict(values))
    ]
    return rules.measure(waits, outcomes, today=uow.today, hours=hours)


def follow_facts(row: Any) -> FollowFacts:
    """What a row of the inbox, or of its measures, says to `follow_through`."""
    into = TurnedInto.ACTION if row.is_action else TurnedInto.MILESTONE
    return FollowFacts(
        kind=row.kind,
        state=row.state,
        through=row.triaged_through,
        review=row.review,
        withdrawn=bool(row.withdrawn),
        sent_again=bool(row.sent_again),
        into=into if row.state is SubmissionState.TURNED_INTO else None,
        milestone=row.milestone_status,
        live=row.live,
        achieved=row.achieved,
        hidden=bool(row.hidden),
    )
