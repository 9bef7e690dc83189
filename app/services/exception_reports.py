"""The exception report of a plan, or of all my plans: two index range scans, then the same few queries a page.

Reds in order of `red_from`, then Ambers in order of `amber_from`, then what of both a senior officer has accepted, in
the same order; a later day asks the very same question.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from typing import Any

from app.db import UnitOfWork
from app.domain import exception_reports as rules
from app.domain import permissions
from app.domain.days import instant_for, start_of_day
from app.domain.exception_reports import (
    ExceptionCounts,
    ExceptionFilters,
    ExceptionItem,
    ExceptionReport,
    unmet_look_ahead,
)
from app.domain.milestones import NOT_SHOWN
from app.domain.plan_changes import Change, unmet_since
from app.domain.refusals import invalid
from app.domain.words import PlanState, Rag
from app.models import exception_scans, plan_heads
from app.models.exception_scans import Shape
from app.models.plan_heads import Meetings
from app.models.visibility import viewer_parameters
from app.services import cursors, plan_counts, waiting
from app.services.cases import plan_settings
from app.services.exception_items import (
    MILESTONE,
    SUBMISSION,
    Ground,
    ground_for,
    milestone_item,
    submission_item,
)
from app.services.plans import live_head, view_of_head

PAGE = 50
# What `changed` takes: an item that has got better or has left is no exception.
CHANGES = (Change.NEW, Change.WORSE, Change.SAME)


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
    """What is asked, worked out once: the day, its instant and now; whose eyes; and the scans' shape and values."""

    filters: ExceptionFilters
    on: date
    today: date
    instant: datetime
    now: datetime
    shape: Shape
    values: dict[str, Any]

    def at(self, on: date, instant: datetime) -> _Question:
        """The same without filters, for the counts of a day."""
        plain = Shape(one_plan=self.shape.one_plan, sees_all=self.shape.sees_all)
        return replace(self, filters=ExceptionFilters(on=on), on=on, instant=instant, shape=plain)

    @property
    def parameters(self) -> dict[str, Any]:
        return {**self.values, "instant": self.instant, "now": self.now}

    @property
    def asks_for_milestones(self) -> bool:
        return self.filters.kind in (None, MILESTONE)

    @property
    def asks_for_submissions(self) -> bool:
        """Not when a filter asks for a fact that a submission does not have."""
        filters = self.filters
        only_milestones = filters.theme or filters.owner or filters.cause or filters.support_required
        return filters.kind in (None, SUBMISSION) and not only_milestones


def compile_report(
    uow: UnitOfWork, *, slug: str | None, filters: ExceptionFilters, limit: int = PAGE, cursor: str | None = None
) -> CompiledReport:
    """Everything Red or Amber on a day, today or later, that the actor may know of. A fixed number of queries.

    Raises NotFound for an unknown plan, Forbidden for who may not read it live, Invalid for a day before today.
    """
    return uow.remembered(
        ("exceptions", slug, filters, limit, cursor),
        partial(_compile, uow, slug=slug, filters=filters, limit=limit, cursor=cursor),
        good_until=lambda compiled: plan_counts.good_until(uow, list(compiled.plan_slugs)),
    )


def _compile(
    uow: UnitOfWork, *, slug: str | None, filters: ExceptionFilters, limit: int, cursor: str | None
) -> CompiledReport:
    heads = _heads(uow, slug)
    question = _question(uow, heads, filters, one_plan=slug is not None)
    counts, shown = _all_counts(uow, question)
    found, more = _page(uow, question, limit, cursor, with_accepted=counts.accepted > 0)
    asked = _plans_asked_for(heads, found, one_plan=slug is not None)
    meetings = plan_heads.meetings_of(uow.session, [head.id for head in asked])
    report = rules.build(
        _items(uow, question, found, _grounds(question, asked, meetings)),
        today=uow.today,
        filters=ExceptionFilters(on=question.on),
        counts=counts,
        withheld_count=_withheld(uow, question) if slug is not None else 0,
    )
    return CompiledReport(
        report=replace(report, filters=replace(filters, on=question.on), shown=shown),
        plan=view_of_head(uow, heads[0], meetings[heads[0].id]) if slug is not None else None,
        plan_titles={head.id: head.title for head in heads},
        plan_slugs={head.id: head.slug for head in heads},
        next_cursor=more,
        next_review=_next_review(uow, heads, meetings),
    )


def count_now(uow: UnitOfWork, *, plan_id: str) -> int:
    """How many exceptions the navigation shows beside "Exceptions" (capped)."""

    def count() -> int:
        return _counts(uow, _question_about(uow, [plan_id], ExceptionFilters(), one_plan=True)).total

    return uow.remembered(
        ("exceptions now", plan_id), count, good_until=lambda _: plan_counts.good_until(uow, [plan_id])
    )


def all_items(
    uow: UnitOfWork, *, slug: str | None, filters: ExceptionFilters, batch: int = 500
) -> Iterator[ExceptionItem]:
    """The whole list in one transaction, a batch of rows at a time, for long reports: memory stays flat."""
    cursor: str | None = None
    while True:
        items, cursor = some_items(uow, slug=slug, filters=filters, limit=batch, cursor=cursor)
        yield from items
        if cursor is None:
            return


def some_items(
    uow: UnitOfWork, *, slug: str | None, filters: ExceptionFilters, limit: int, cursor: str | None
) -> tuple[list[ExceptionItem], str | None]:
    """The items of one page without its counts: what is asked for again and again until the list is through."""
    heads = _heads(uow, slug)
    question = _question(uow, heads, filters, one_plan=slug is not None)
    found, more = _page(uow, question, limit, cursor)
    asked = _plans_asked_for(heads, found, one_plan=slug is not None)
    meetings = plan_heads.meetings_of(uow.session, [head.id for head in asked])
    items = _items(uow, question, found, _grounds(question, asked, meetings), remember=False)
    return rules.order(items, question.on), more


def _heads(uow: UnitOfWork, slug: str | None) -> list[Any]:
    """The plan asked about, or every approved plan whose live content the actor may read."""
    if slug is not None:
        return [live_head(uow, slug)]
    readable = permissions.plans_readable(uow.actor)
    if uow.actor.is_key and not readable:
        permissions.require(uow.actor, permissions.Act.READ_PLAN, permissions.Item(plan_id=""))
    heads = plan_heads.heads_by_id(uow.session, sorted(readable))
    return [head for head in heads if head.state is PlanState.APPROVED]


def _question(uow: UnitOfWork, heads: list[Any], filters: ExceptionFilters, *, one_plan: bool) -> _Question:
    return _question_about(uow, [head.id for head in heads], filters, one_plan=one_plan)


def _question_about(uow: UnitOfWork, plans: list[str], filters: ExceptionFilters, *, one_plan: bool) -> _Question:
    on = filters.on or uow.today
    unmet = unmet_look_ahead(on, today=uow.today)
    if unmet:
        raise invalid("on", *unmet)
    open_plans = [plan for plan in plans if permissions.may_know_all(uow.actor, plan)]
    shape = Shape(
        one_plan=one_plan,
        sees_all=len(open_plans) == len(plans),
        theme=bool(filters.theme),
        owner=bool(filters.owner),
        organisation=bool(filters.organisation),
        cause=filters.cause is not None,
        support_required=filters.support_required,
        turns_red=filters.turns_red,
        changed=_changed(filters, uow),
    )
    values = {
        "first": start_of_day(filters.since or uow.today),
        **viewer_parameters(uow.actor),
        "plan_id": plans[0] if plans else "",
        "plans": plans,
        "open_plans": open_plans,
        "theme": filters.theme,
        "owner": filters.owner,
        "organisation": filters.organisation,
        "cause": filters.cause,
    }
    return _Question(filters, on, uow.today, instant_for(on, uow.now), uow.now, shape, values)


def _changed(filters: ExceptionFilters, uow: UnitOfWork) -> str:
    """What the list keeps by how it changed. Raises Invalid for a word that is none, and for a day to come or none."""
    if not filters.changed:
        return ""
    if filters.changed not in CHANGES:
        raise invalid("changed", "not_a_choice", f"Changed must be one of: {', '.join(CHANGES)}")
    if filters.since is None:
        raise invalid("since", "required", "Say since which day it changed")
    unmet = unmet_since(filters.since, approved_on=None, today=uow.today)
    if unmet:
        raise invalid("since", *unmet)
    return filters.changed


def _grounds(question: _Question, heads: list[Any], meetings: dict[str, Meetings]) -> dict[str, Ground]:
    return {
        head.id: ground_for(
            plan_settings(head, meetings[head.id].days), on=question.on, today=question.today, plan_slug=head.slug
        )
        for head in heads
    }


def _plans_asked_for(heads: list[Any], found: list[_Place], *, one_plan: bool) -> list[Any]:
    """Whose meetings have to be known: of all my plans, those that are on the page."""
    if one_plan:
        return heads
    shown = {place.row.plan_id for place in found}
    return [head for head in heads if head.id in shown]


def next_review_of_mine(uow: UnitOfWork) -> date | None:
    """The first review to come in any of the plans whose exceptions the actor may read."""
    return plan_heads.next_review_of_any(uow.session, _heads(uow, None), uow.today)


def _next_review(uow: UnitOfWork, heads: list[Any], meetings: dict[str, Meetings]) -> date | None:
    if len(meetings) < len(heads):
        return plan_heads.next_review_of_any(uow.session, heads, uow.today)
    coming = [plan_heads.next_review(head, meetings[head.id], uow.today) for head in heads]
    return min((day for day in coming if day is not None), default=None)


# --- Which items, in which order: (part, from when, id) of one page --------------------------------------------------


class _Part(StrEnum):
    """The parts of the list in reading order: what is accepted comes after everything else."""

    RED = "red"
    AMBER = "amber"
    ACCEPTED_RED = "accepted_red"
    ACCEPTED_AMBER = "accepted_amber"

    @property
    def colour(self) -> Rag:
        return Rag.RED if self in (_Part.RED, _Part.ACCEPTED_RED) else Rag.AMBER

    @property
    def is_accepted(self) -> bool:
        return self in (_Part.ACCEPTED_RED, _Part.ACCEPTED_AMBER)


@dataclass(frozen=True, slots=True)
class _Place:
    part: _Part
    moment: datetime
    kind: str
    id: str
    row: Any


def _page(
    uow: UnitOfWork, question: _Question, limit: int, cursor: str | None, *, with_accepted: bool = True
) -> tuple[list[_Place], str | None]:
    """One page of places. The cursor names the last place given out."""
    start = _start(cursor)
    places: list[_Place] = []
    order = list(_Part)
    for part in order[order.index(start[0]) if start else 0 :]:
        if question.filters.rag not in (None, part.colour) or (part.is_accepted and not with_accepted):
            continue
        after = start[1:] if start and start[0] is part else None
        room = limit + 1 - len(places)
        if room > 0:
            places += _places(uow, question, part, after, room)
    if len(places) <= limit:
        return places, None
    last = places[limit - 1]
    return places[:limit], cursors.encode(last.part.value, last.moment.isoformat(), last.id)


def _start(cursor: str | None) -> tuple[_Part, datetime, str] | None:
    if cursor is None:
        return None
    part, moment, item_id = cursors.decode(cursor, str, str, str)
    try:
        place = _Part(part), datetime.fromisoformat(moment), item_id
    except ValueError as error:
        raise invalid("cursor", "not_a_cursor", "This cursor was not given out by this list") from error
    if place[1].tzinfo is None:
        raise invalid("cursor", "not_a_cursor", "This cursor was not given out by this list")
    return place


def _places(
    uow: UnitOfWork, question: _Question, part: _Part, after: tuple[datetime, str] | None, room: int
) -> list[_Place]:
    """A part of the list. Nothing that is accepted turns Red (`rag.acceptance_end`), and no submission is accepted."""
    if part.is_accepted and question.filters.turns_red:
        return []
    parameters = {**question.parameters, "room": room}
    if after is not None:
        parameters["last_moment"], parameters["last_id"] = after
    run = uow.session.connection().execute
    found: list[_Place] = []
    if question.asks_for_milestones:
        statement = exception_scans.milestone_page(
            question.shape, part.colour, accepted=part.is_accepted, after=after is not None
        )
        found += [_place(row, part, MILESTONE) for row in run(statement, parameters).all()]
    if question.asks_for_submissions and not part.is_accepted:
        statement = exception_scans.submission_page(question.shape, part.colour, after=after is not None)
        found += [_place(row, part, SUBMISSION) for row in run(statement, parameters).all()]
    return sorted(found, key=lambda place: (place.moment, place.id))[:room]


def _place(row: Any, part: _Part, kind: str) -> _Place:
    return _Place(part, row.red_from if part.colour is Rag.RED else row.amber_from, kind, row.id, row)


# --- The items themselves ---------------------------------------------------------------------------------------------


def _items(
    uow: UnitOfWork,
    question: _Question,
    places: Sequence[_Place],
    grounds: Mapping[str, Ground],
    *,
    remember: bool = True,
) -> list[ExceptionItem]:
    """What was found, as the report prints it."""
    now, dialect = question.now, uow.session.get_bind().dialect
    items = [
        submission_item(place.row, place.part.colour, grounds[place.row.plan_id], now=now, instant=question.instant)
        if place.kind == SUBMISSION
        else milestone_item(
            place.row,
            place.part.colour,
            grounds[place.row.plan_id],
            now=now,
            dialect=dialect,
            viewer=permissions.knows_as(uow.actor, place.row.plan_id),
            remember=remember,
        )
        for place in places
    ]
    # What is remembered is the same for everybody. Whether a milestone that is waited on may be named is not.
    waits = [(place.row.plan_id, item.waiting_on) for place, item in zip(places, items, strict=True)]
    show = waiting.shown_to(uow, waits)
    return [
        item if show(plan, words) == words else replace(item, waiting_on=NOT_SHOWN)
        for item, (plan, words) in zip(items, waits, strict=True)
    ]


# --- How many ---------------------------------------------------------------------------------------------------------


def _all_counts(uow: UnitOfWork, question: _Question) -> tuple[ExceptionCounts, ExceptionCounts]:
    """How many there are on the day and now, without filters; and how many pass the filters."""
    then = _counts(uow, question.at(question.on, question.instant))
    now = then if question.on == question.today else _counts(uow, question.at(question.today, question.now))
    counts = replace(then, red_now=now.red, amber_now=now.amber)
    if not question.filters.are_set:
        return counts, then
    shown, wanted = _counts(uow, question), question.filters.rag
    if wanted is not None:
        hidden = Rag.AMBER if wanted is Rag.RED else Rag.RED
        shown = replace(shown, **{hidden.value: 0, f"{hidden.value}_accepted": 0})
    return counts, shown


def _withheld(uow: UnitOfWork, question: _Question) -> int:
    """How many Red or Amber milestones are kept from another organisation's senior officer on that day. Whatever the
    filters: a number by theme, owner or organisation would say more than that they are there.
    """
    if not (question.asks_for_milestones and permissions.sees_withheld_count(uow.actor, question.values["plan_id"])):
        return 0
    plain = question.at(question.on, question.instant)
    statement = exception_scans.counts(replace(plain.shape, withheld=True), milestones=True, submissions=False)
    row = uow.session.connection().execute(statement, plain.parameters).one()
    return int(row.red + row.amber)


def _counts(uow: UnitOfWork, question: _Question) -> ExceptionCounts:
    """Red and Amber on the question's day, in one query of index entries, each kind up to a cap."""
    statement = exception_scans.counts(
        question.shape, milestones=question.asks_for_milestones, submissions=question.asks_for_submissions
    )
    row = uow.session.connection().execute(statement, question.parameters).one()
    return ExceptionCounts(
        red=row.red, amber=row.amber, red_accepted=row.red_accepted, amber_accepted=row.amber_accepted
    )
