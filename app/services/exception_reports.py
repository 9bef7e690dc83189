"""The exception report of a plan, or of all my plans: two index range scans, then the same few queries a page.

Reds in order of `red_from`, then Ambers in order of `amber_from`; a later day asks the very same question.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select

from app.db import UnitOfWork
from app.domain import exception_reports as rules
from app.domain import permissions, rag
from app.domain.days import instant_for, london_day
from app.domain.exception_reports import (
    EvidenceSummary,
    ExceptionCounts,
    ExceptionFilters,
    ExceptionItem,
    ExceptionReport,
)
from app.domain.rag import PlanSettings, Reason, Wording
from app.domain.refusals import invalid
from app.domain.words import PlanState, Rag
from app.models import Milestone, Organisation, Plan, ProgressUpdate, ReviewMeeting, Submission
from app.models.counting import capped
from app.models.milestone_rows import milestone_rows
from app.models.texts import latest_texts
from app.models.visibility import knowable, knowable_in
from app.services import cursors, plan_counts
from app.services.cases import linked_evidence, plan_settings
from app.services.milestone_rows import declarations_of, evidence_count, facts_for
from app.services.plans import live_plan, view_of

MILESTONE, SUBMISSION = "milestone", "submission"
PAGE = 50


@dataclass(frozen=True, slots=True)
class CompiledReport:
    """One page of the report: the report itself, its plan (None: all my plans), and where the next page begins."""

    report: ExceptionReport
    plan: Any
    plan_titles: dict[str, str]
    plan_slugs: dict[str, str]
    next_cursor: str | None
    next_review: date | None


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked, worked out once: the instants of the day asked about and of now."""

    filters: ExceptionFilters
    on: date
    today: date
    instant: datetime
    now: datetime
    plans: tuple[str, ...]
    single: str | None


def compile_report(
    uow: UnitOfWork, *, slug: str | None, filters: ExceptionFilters, limit: int = PAGE, cursor: str | None = None
) -> CompiledReport:
    """Everything Red or Amber on a day, today or later, that the actor may know of.

    Raises NotFound for an unknown plan, Forbidden for who may not read it live, Invalid for a day before today.
    """
    plan = live_plan(uow, slug) if slug is not None else None
    question = _question(uow, plan, filters)
    plans = _plans(uow, question, plan)
    found, more = _page(uow, question, limit, cursor)
    settings = _settings(uow, plans)
    items = [*_milestone_items(uow, question, found, settings), *_submission_items(question, found)]
    report = rules.build(
        items,
        today=uow.today,
        filters=replace(filters, on=question.on, support_required=False, turns_red=False),
        counts=_counts(uow, question),
        next_review=None,
        withheld_count=(plan_counts.withheld(uow, plan.id) or 0) if plan else 0,
    )
    return CompiledReport(
        report=replace(report, filters=replace(filters, on=question.on), shown=_shown(uow, question)),
        plan=view_of(uow, plan) if plan else None,
        plan_titles={one.id: one.title for one in plans},
        plan_slugs={one.id: one.slug for one in plans},
        next_cursor=more,
        next_review=_next_review(settings, uow.today),
    )


def count_now(uow: UnitOfWork, plan_id: str) -> int:
    """How many exceptions the navigation shows beside "Exceptions" (capped)."""
    counts = _counts(uow, _question_for(uow, ExceptionFilters(), (plan_id,), plan_id))
    return counts.total


def all_items(
    uow: UnitOfWork, *, slug: str | None, filters: ExceptionFilters, batch: int = 500
) -> Iterator[ExceptionItem]:
    """The whole list, a batch of rows at a time, for long reports and exports: memory stays flat."""
    cursor: str | None = None
    plan = live_plan(uow, slug) if slug is not None else None
    question = _question(uow, plan, filters)
    settings = _settings(uow, _plans(uow, question, plan))
    while True:
        found, cursor = _page(uow, question, batch, cursor)
        items = [*_milestone_items(uow, question, found, settings), *_submission_items(question, found)]
        yield from rules.order(items, question.on)
        if cursor is None:
            return


def _question(uow: UnitOfWork, plan: Plan | None, filters: ExceptionFilters) -> _Question:
    if plan is not None:
        return _question_for(uow, filters, (plan.id,), plan.id)
    readable = permissions.plans_readable(uow.actor)
    if uow.actor.is_key and not readable:
        permissions.require(uow.actor, permissions.Act.READ_PLAN, permissions.Item(plan_id=""))
    return _question_for(uow, filters, tuple(sorted(readable)), None)


def _question_for(uow: UnitOfWork, filters: ExceptionFilters, plans: tuple[str, ...], single: str | None) -> _Question:
    on = filters.on or uow.today
    if on < uow.today:
        raise invalid(
            "on", "date_in_past", "The report shows today or a later day. Earlier days are in published reports"
        )
    return _Question(filters, on, uow.today, instant_for(on, uow.now), uow.now, plans, single)


def _plans(uow: UnitOfWork, question: _Question, plan: Plan | None) -> list[Plan]:
    if plan is not None:
        return [plan]
    statement = select(Plan).where(Plan.id.in_(question.plans), Plan.state == PlanState.APPROVED)
    return list(uow.session.execute(statement).scalars())


def _settings(uow: UnitOfWork, plans: Sequence[Plan]) -> dict[str, PlanSettings]:
    meetings: dict[str, list[date]] = {plan.id: [] for plan in plans}
    statement = (
        select(ReviewMeeting.plan_id, ReviewMeeting.on_day)
        .where(ReviewMeeting.plan_id.in_(list(meetings)), ReviewMeeting.state != "cancelled")
        .order_by(ReviewMeeting.on_day)
    )
    for plan_id, day in uow.session.execute(statement):
        meetings[plan_id].append(day)
    return {plan.id: plan_settings(plan, tuple(meetings[plan.id])) for plan in plans}


def _next_review(settings: dict[str, PlanSettings], today: date) -> date | None:
    coming = [day for one in settings.values() for day in one.meetings if day >= today]
    return min(coming, default=None)


# --- Which items, in which order: (colour, from when, id) of one page ------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    colour: Rag
    moment: datetime
    kind: str
    id: str
    row: Any


def _page(uow: UnitOfWork, question: _Question, limit: int, cursor: str | None) -> tuple[list[_Place], str | None]:
    """One page of places, Reds first. The cursor names the last place given out."""
    start = _start(cursor)
    places: list[_Place] = []
    for colour in (Rag.RED, Rag.AMBER):
        if question.filters.rag not in (None, colour) or (start and start[0] == Rag.AMBER and colour is Rag.RED):
            continue
        after = start[1:] if start and start[0] == colour else None
        room = limit + 1 - len(places)
        if room > 0:
            places += _places(uow, question, colour, after, room)
    if len(places) <= limit:
        return places, None
    last = places[limit - 1]
    return places[:limit], cursors.encode(last.colour.value, last.moment.isoformat(), last.id)


def _start(cursor: str | None) -> tuple[Rag, datetime, str] | None:
    if cursor is None:
        return None
    colour, moment, item_id = cursors.decode(cursor, str, str, str)
    try:
        # A moment without its zone is none of ours, and no database takes it.
        return Rag(colour), datetime.fromisoformat(moment).astimezone(UTC), item_id
    except (ValueError, OverflowError) as error:
        raise invalid("cursor", "not_a_cursor", "This cursor was not given out by this list") from error


def _places(
    uow: UnitOfWork, question: _Question, colour: Rag, after: tuple[datetime, str] | None, room: int
) -> list[_Place]:
    found: list[_Place] = []
    if question.filters.kind in (None, MILESTONE):
        statement = milestone_rows().where(*_milestones_at(uow, question, colour))
        found += _scan(uow, statement, Milestone, colour, after, room, MILESTONE)
    if question.filters.kind in (None, SUBMISSION) and not _only_milestones(question.filters):
        submissions = (
            select(
                *Submission.__table__.columns,
                Organisation.name.label("organisation_name"),
                Organisation.slug.label("organisation_slug"),
                Plan.slug.label("plan_slug"),
            )
            .join(Organisation, Organisation.id == Submission.organisation_id)
            .join(Plan, Plan.id == Submission.plan_id)
            .where(*_submissions_at(uow, question, colour))
        )
        found += _scan(uow, submissions, Submission, colour, after, room, SUBMISSION)
    return sorted(found, key=lambda place: (place.moment, place.id))[:room]


def _only_milestones(filters: ExceptionFilters) -> bool:
    """Filters on facts that a submission does not have."""
    return bool(filters.theme or filters.owner or filters.cause or filters.support_required)


def _scan(
    uow: UnitOfWork, statement: Any, table: Any, colour: Rag, after: tuple[datetime, str] | None, room: int, kind: str
) -> list[_Place]:
    column = table.red_from if colour is Rag.RED else table.amber_from
    if after is not None:
        moment, item_id = after
        statement = statement.where(or_(column > moment, and_(column == moment, table.id > item_id)), column >= moment)
    rows = uow.session.execute(statement.order_by(column, table.id).limit(room)).all()
    return [_Place(colour, row.red_from if colour is Rag.RED else row.amber_from, kind, row.id, row) for row in rows]


def _at(table: Any, question: _Question, colour: Rag) -> list[ColumnElement[bool]]:
    """Red: red_from has come. Amber: amber_from has come, and red_from has not."""
    if colour is Rag.RED:
        conditions = [table.red_from <= question.instant]
        if question.filters.turns_red:
            conditions.append(table.red_from > question.now)
        return conditions
    if question.filters.turns_red:
        return [table.id.is_(None)]
    return [table.amber_from <= question.instant, or_(table.red_from.is_(None), table.red_from > question.instant)]


def _milestones_at(uow: UnitOfWork, question: _Question, colour: Rag) -> list[Any]:
    filters = question.filters
    conditions: list[Any] = [*_at(Milestone, question, colour), _scope(uow, question)]
    if filters.theme:
        conditions.append(Milestone.theme_id == filters.theme)
    if filters.owner:
        conditions.append(Milestone.owner_id == filters.owner)
    if filters.organisation:
        lead = select(Organisation.id).where(Organisation.slug == filters.organisation).scalar_subquery()
        conditions.append(Milestone.lead_organisation_id == lead)
    if filters.cause:
        conditions.append(Milestone.cause == filters.cause)
    if filters.support_required:
        conditions.append(Milestone.support_required.is_(True))
    return conditions


def _scope(uow: UnitOfWork, question: _Question) -> ColumnElement[bool]:
    if question.single is not None:
        return knowable_in(uow.actor, question.single)
    approved = select(Plan.id).where(Plan.state == PlanState.APPROVED)
    readable = Milestone.plan_id.in_(question.plans)
    return and_(knowable(uow.actor), readable, Milestone.plan_id.in_(approved))


def _submissions_at(uow: UnitOfWork, question: _Question, colour: Rag) -> list[Any]:
    """Submissions of plans whose inbox the actor may read whole, and elsewhere their own organisation's."""
    whole = [plan for plan in question.plans if permissions.may_know_all(uow.actor, plan)]
    partly = [plan for plan in question.plans if plan not in whole]
    scope: list[Any] = []
    if whole:
        scope.append(Submission.plan_id.in_(whole))
    if partly:
        own = Submission.organisation_id == uow.actor.organisation_id
        scope.append(and_(Submission.plan_id.in_(partly), own))
    conditions = [*_at(Submission, question, colour), or_(*scope) if scope else Submission.id.is_(None)]
    if question.filters.organisation:
        conditions.append(Organisation.slug == question.filters.organisation)
    return conditions


# --- The items themselves ---------------------------------------------------------------------------------------------


def _milestone_items(
    uow: UnitOfWork, question: _Question, places: Sequence[_Place], settings: dict[str, PlanSettings]
) -> list[ExceptionItem]:
    mine = [place for place in places if place.kind == MILESTONE]
    rows = [place.row for place in mine]
    if not rows:
        return []
    evidence = linked_evidence(uow, [row.id for row in rows])
    declared = declarations_of(uow, rows)
    said = _latest_updates(uow, [row.last_update_id for row in rows if row.last_update_id])
    return [
        _milestone_item(question, place, settings[place.row.plan_id], evidence[place.id], declared, said)
        for place in mine
    ]


@dataclass(frozen=True, slots=True)
class _Said:
    """What the latest updates say, by update id."""

    updates: dict[str, Any]
    texts: dict[tuple[str, str], str]

    def text(self, update_id: str | None, field: str) -> str:
        return self.texts.get((update_id or "", field), "")


def _latest_updates(uow: UnitOfWork, update_ids: list[str]) -> _Said:
    if not update_ids:
        return _Said({}, {})
    statement = select(
        ProgressUpdate.id, ProgressUpdate.at, ProgressUpdate.by_title, ProgressUpdate.return_to_green_on
    ).where(ProgressUpdate.id.in_(update_ids))
    return _Said({row.id: row for row in uow.session.execute(statement)}, latest_texts(uow.session, update_ids))


def _milestone_item(
    question: _Question, place: _Place, settings: PlanSettings, evidence: Any, declared: dict[str, str], said: _Said
) -> ExceptionItem:
    row, on = place.row, question.on
    facts = facts_for(row, declared, question.today)
    since = london_day(place.moment)
    amber_on = london_day(row.amber_from)
    update = said.updates.get(row.last_update_id)
    slips = rag.slip(
        baseline=row.baseline_date,
        due=row.due_date,
        forecast=row.forecast_date,
        completed=row.completed_on,
        status=row.status,
        today=question.today,
    )
    counted = evidence_count(row, evidence, settings, on)
    wording = Wording(declared_rationale=said.text(row.last_update_id, "rationale"))
    return ExceptionItem(
        kind=MILESTONE,
        id=row.id,
        ref=row.ref,
        title=row.title,
        rag=place.colour,
        rag_now=rag.colour_at(row.amber_from, row.red_from, question.now),
        since=since,
        days=(on - since).days + 1,
        exception_days=(on - amber_on).days + 1,
        reasons=rag.reasons_on(facts, settings, on, wording=wording),
        turns_red_on=london_day(row.red_from) if row.red_from and row.red_from > question.now else None,
        theme=row.theme_title,
        theme_id=row.theme_id,
        owner=row.owner_title or "",
        owner_id=row.owner_id or "",
        organisation=row.lead_name,
        organisation_slug=row.lead_slug,
        status=row.status,
        start_date=row.start_date,
        baseline_date=row.baseline_date,
        due_date=row.due_date,
        forecast_date=row.forecast_date,
        completed_date=row.completed_on,
        slip_days=slips.slip_days,
        approved_slip_days=slips.approved_slip_days,
        moves=row.moves,
        evidence=EvidenceSummary(counted.counting, counted.total, counted.state),
        issue=said.text(row.last_update_id, "issue"),
        waiting_on=row.waiting_on or "",
        waiting_on_since=row.waiting_on_since,
        cause=row.cause,
        support_required=said.text(row.last_update_id, "support_required"),
        path_to_green=said.text(row.last_update_id, "path_to_green"),
        return_to_green_on=update.return_to_green_on if update else None,
        last_update_at=update.at if update else None,
        last_update_by=update.by_title if update else "",
        accepted_until=london_day(row.accepted_until) if row.accepted_until else None,
        marking=row.marking,
        version=f"{row.version}.{row.evidence_seq}",
        plan_slug=row.plan_slug,
    )


def _submission_items(question: _Question, places: Sequence[_Place]) -> list[ExceptionItem]:
    return [_submission_item(question, place) for place in places if place.kind == SUBMISSION]


def _submission_item(question: _Question, place: _Place) -> ExceptionItem:
    row, on = place.row, question.on
    since, received = london_day(place.moment), row.received_at
    judged_at = question.instant
    hours = max(0, int((judged_at - received).total_seconds() // 3600))
    limit = int((row.triage_due_at - received).total_seconds() // 3600)
    over = f"{hours - limit:,} hours over the {limit}-hour limit" if hours > limit else f"{hours} of {limit} hours passed"
    reason = Reason("not_triaged", place.colour, since, f"Not triaged: {over}")
    return ExceptionItem(
        kind=SUBMISSION,
        id=row.id,
        ref=row.ref,
        title=row.title,
        rag=place.colour,
        rag_now=rag.colour_at(row.amber_from, row.red_from, question.now),
        since=since,
        days=(on - since).days + 1,
        exception_days=(on - london_day(row.amber_from)).days + 1,
        reasons=(reason,),
        turns_red_on=london_day(row.red_from) if row.red_from > question.now else None,
        organisation=row.organisation_name,
        organisation_slug=row.organisation_slug,
        last_update_at=received,
        version=str(row.version),
        plan_slug=row.plan_slug,
    )


# --- How many ---------------------------------------------------------------------------------------------------------


def _counts(uow: UnitOfWork, question: _Question) -> ExceptionCounts:
    """How many are Red and Amber on the day and now, without filters: capped counts of index entries."""
    plain = replace(question, filters=ExceptionFilters(on=question.on))
    then = [_number(uow, plain, colour) for colour in (Rag.RED, Rag.AMBER)]
    if question.on == question.today:
        return ExceptionCounts(*then, *then)
    today = replace(plain, filters=ExceptionFilters(on=question.today), on=question.today, instant=question.now)
    return ExceptionCounts(*then, *(_number(uow, today, colour) for colour in (Rag.RED, Rag.AMBER)))


def _shown(uow: UnitOfWork, question: _Question) -> ExceptionCounts:
    """How many pass the filters."""
    wanted = question.filters.rag
    red, amber = (_number(uow, question, colour) if wanted in (None, colour) else 0 for colour in (Rag.RED, Rag.AMBER))
    return ExceptionCounts(red, amber)


def _number(uow: UnitOfWork, question: _Question, colour: Rag) -> int:
    number = 0
    if question.filters.kind in (None, MILESTONE):
        milestones = select(Milestone.id).where(*_milestones_at(uow, question, colour))
        number += uow.session.execute(capped(milestones)).scalar_one()
    if question.filters.kind in (None, SUBMISSION) and not _only_milestones(question.filters):
        submissions = (
            select(Submission.id)
            .join(Organisation, Organisation.id == Submission.organisation_id)
            .where(*_submissions_at(uow, question, colour))
        )
        number += uow.session.execute(capped(submissions)).scalar_one()
    return number
