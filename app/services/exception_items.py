"""One item of the exception report, worked out from the rows it is made of.

Working it out (reasons, slips, evidence, words) takes several times as long as reading it, and a report is asked for
again and again while few of its items change. So an item is remembered by everything that it was made of: the very rows
as the database has just given them, the plan's settings and the day. Rows that differ in anything make another item,
and nothing has to be told that something has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect

from app.domain import rag
from app.domain.days import london_day
from app.domain.evidence import known_to
from app.domain.exception_reports import EvidenceSummary, ExceptionItem
from app.domain.rag import PlanSettings, Reason, Wording
from app.domain.words import Rag
from app.models.milestone_rows import typed_exception_row
from app.services.milestone_case import version_of
from app.services.milestone_rows import accepted_until_on, evidence_count, facts_for, status_of

MILESTONE, SUBMISSION = "milestone", "submission"
REMEMBERED = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What all items of a plan have in common on a day. One and the same object while that stays the same, so that
    comparing two costs nothing.
    """

    settings: PlanSettings
    on: date
    today: date
    plan_slug: str


@lru_cache(maxsize=1_000)
def ground_for(settings: PlanSettings, *, on: date, today: date, plan_slug: str) -> Ground:
    """The ground of a plan on a day: the same object for the same facts."""
    return Ground(settings, on, today, plan_slug)


def milestone_item(
    row: Any,
    colour: Rag,
    ground: Ground,
    *,
    now: datetime,
    dialect: Dialect,
    viewer: frozenset[str] | None,
    remember: bool = True,
) -> ExceptionItem:
    """A milestone that is Red or Amber. `row` is one of `exception_scans.milestone_page`; `viewer` as
    `app.domain.permissions.knows_as` has it.

    A long list that is read once does not `remember`: it would only push out what is asked for again.
    """
    turns_red = row.red_from is not None and row.red_from > now
    colour_now = rag.colour_at(row.amber_from, row.red_from, now)
    work_out = _milestone_item if remember else _milestone_item.__wrapped__
    # Where nothing is restricted an item is the same for everybody, and remembered once. (No id has a bar in it.)
    seen_by = viewer if row.linked and '"|' in row.linked else None
    return work_out(tuple(row), dialect, colour, colour_now, turns_red, ground, seen_by)


@lru_cache(maxsize=REMEMBERED)
def _milestone_item(
    values: tuple[Any, ...],
    dialect: Dialect,
    colour: Rag,
    colour_now: Rag,
    turns_red: bool,
    ground: Ground,
    viewer: frozenset[str] | None,
) -> ExceptionItem:
    row, on = typed_exception_row(values, dialect), ground.on
    since = london_day(row.red_from if colour is Rag.RED else row.amber_from)
    slips = rag.slip(
        baseline=row.baseline_date,
        due=row.due_date,
        forecast=row.forecast_date,
        completed=row.completed_on,
        status=row.status,
        today=ground.today,
    )
    counted = evidence_count(row, known_to(row.linked, viewer), ground.settings, on)
    facts = facts_for(row, ground.today)
    accepted_until = accepted_until_on(row, on)
    wording = Wording(declared_rationale=row.said.get("rationale", ""))
    return ExceptionItem(
        kind=MILESTONE,
        id=row.id,
        ref=row.ref,
        title=row.title,
        rag=colour,
        rag_now=colour_now,
        since=since,
        days=(on - since).days + 1,
        exception_days=(on - london_day(row.amber_from)).days + 1,
        reasons=rag.reasons_on(facts, ground.settings, on, wording=wording),
        turns_red_on=london_day(row.red_from) if turns_red else None,
        theme=row.theme_title,
        theme_id=row.theme_id,
        owner=row.owner_title or "",
        owner_id=row.owner_id or "",
        organisation=row.lead_name,
        organisation_slug=row.lead_slug,
        status=status_of(row, on),
        start_date=row.start_date,
        baseline_date=row.baseline_date,
        due_date=row.due_date,
        forecast_date=row.forecast_date,
        completed_date=row.completed_on,
        slip_days=slips.slip_days,
        approved_slip_days=slips.approved_slip_days,
        moves=row.moves,
        evidence=EvidenceSummary(counted.counting, counted.total, counted.state, counted.ends_on, counted.notice),
        issue=row.said.get("issue", ""),
        waiting_on=row.waiting_on or "",
        waiting_on_since=row.waiting_on_since,
        cause=row.cause,
        support_required=row.said.get("support_required", ""),
        path_to_green=row.said.get("path_to_green", ""),
        return_to_green_on=row.return_to_green_on,
        last_update_at=row.update_at,
        last_update_by=row.update_by or "",
        no_change_on=row.no_change_on,
        accepted_until=accepted_until,
        accepted_by=(row.accepter_title or "") if accepted_until else "",
        marking=row.marking,
        restricted=row.restricted,
        version=version_of(row),
        plan_slug=ground.plan_slug,
    )


def submission_item(row: Any, colour: Rag, ground: Ground, *, now: datetime, instant: datetime) -> ExceptionItem:
    """A submission that waits: its rules count clock hours, so it is worked out every time."""
    on, received = ground.on, row.received_at
    since = london_day(row.red_from if colour is Rag.RED else row.amber_from)
    hours = max(0, int((instant - received).total_seconds() // 3600))
    limit = int((row.triage_due_at - received).total_seconds() // 3600)
    over = (
        f"{hours - limit:,} hours over the {limit}-hour limit" if hours > limit else f"{hours} of {limit} hours passed"
    )
    reason = Reason("not_triaged", colour, since, f"Not triaged: {over}")
    return ExceptionItem(
        kind=SUBMISSION,
        id=row.id,
        ref=row.ref,
        title=row.title,
        rag=colour,
        rag_now=rag.colour_at(row.amber_from, row.red_from, now),
        since=since,
        days=(on - since).days + 1,
        exception_days=(on - london_day(row.amber_from)).days + 1,
        reasons=(reason,),
        turns_red_on=london_day(row.red_from) if row.red_from > now else None,
        organisation=row.organisation_name,
        organisation_slug=row.organisation_slug,
        last_update_at=received,
        version=str(row.version),
        plan_slug=ground.plan_slug,
    )
