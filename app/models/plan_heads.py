"""A plan's row with the words around it, its meetings, and what its filters offer: one statement each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import bindparam, case, func, literal, select, union_all
from sqlalchemy.orm import Session

from app.domain import meetings as rules
from app.domain.permissions import OWNING_ROLES
from app.domain.words import MeetingState, PlanState
from app.models.meetings import ReviewMeeting
from app.models.organisations import Membership, Organisation, Person
from app.models.plans import Action, Plan, Theme

_plans: Any = Plan.__table__
_meetings: Any = ReviewMeeting.__table__
_themes: Any = Theme.__table__
_actions: Any = Action.__table__
_people: Any = Person.__table__
_organisations: Any = Organisation.__table__
_memberships: Any = Membership.__table__


@dataclass(frozen=True, slots=True)
class Meetings:
    """A plan's review meetings: their days in order, cancelled ones left out, and the day of the last one held."""

    days: tuple[date, ...]
    last_held: date | None = None


@cache
def _heads(by: str) -> Any:
    statement = select(
        *_plans.c,
        _organisations.c.slug.label("lead_slug"),
        _organisations.c.name.label("lead_name"),
        _people.c.post_title.label("approver_title"),
    ).select_from(
        _plans.join(_organisations, _organisations.c.id == _plans.c.lead_organisation_id).outerjoin(
            _people, _people.c.id == _plans.c.approved_by
        )
    )
    if by == "slug":
        return statement.where(_plans.c.slug == bindparam("slug"))
    return statement.where(_plans.c.id.in_(bindparam("plans", expanding=True))).order_by(_plans.c.title)


@cache
def _meeting_days() -> Any:
    return (
        select(_meetings.c.plan_id, _meetings.c.on_day, _meetings.c.state)
        .where(
            _meetings.c.plan_id.in_(bindparam("plans", expanding=True)),
            _meetings.c.state != MeetingState.CANCELLED,
        )
        .order_by(_meetings.c.on_day)
    )


@cache
def _ends_of_lists() -> Any:
    """Of each plan that lists any: the next meeting that has not been held, the one before it, and the last of all."""
    is_coming = (_meetings.c.on_day >= bindparam("today")) & (_meetings.c.state != MeetingState.HELD)
    return (
        select(
            _meetings.c.plan_id,
            func.min(case((is_coming, _meetings.c.on_day))).label("next"),
            func.max(case((_meetings.c.on_day <= bindparam("today"), case((~is_coming, _meetings.c.on_day))))).label(
                "previous"
            ),
            func.max(_meetings.c.on_day).label("last"),
        )
        .where(
            _meetings.c.plan_id.in_(bindparam("plans", expanding=True)),
            _meetings.c.state != MeetingState.CANCELLED,
        )
        .group_by(_meetings.c.plan_id)
    )


@cache
def _choices() -> Any:
    """Themes and actions, and the people and organisations with a role in the plan."""
    plan: Any = bindparam("plan_id")
    owners = (
        select(literal("owner"), _people.c.id, _people.c.post_title + literal(", ") + _organisations.c.name, literal(0))
        .join(_organisations, _organisations.c.id == _people.c.organisation_id)
        .where(
            _people.c.id.in_(
                select(_memberships.c.person_id).where(
                    _memberships.c.plan_id == plan, _memberships.c.role.in_(OWNING_ROLES)
                )
            )
        )
    )
    members = (
        select(_people.c.organisation_id)
        .join(_memberships, _memberships.c.person_id == _people.c.id)
        .where(_memberships.c.plan_id == plan)
    )
    organisations = select(literal("organisation"), _organisations.c.slug, _organisations.c.name, literal(0)).where(
        _organisations.c.id.in_(members)
    )
    themes = select(literal("theme"), _themes.c.id, _themes.c.title, _themes.c.position).where(
        _themes.c.plan_id == plan
    )
    actions = (
        select(
            literal("action"),
            _actions.c.id,
            _actions.c.ref + literal(" ") + _actions.c.title,
            _themes.c.position * 10_000 + _actions.c.position,
        )
        .join(_themes, _themes.c.id == _actions.c.theme_id)
        .where(_actions.c.plan_id == plan)
    )
    return union_all(owners, organisations, themes, actions)


def head_by_slug(session: Session, slug: str) -> Any | None:
    """The plan's columns with `lead_slug`, `lead_name` and `approver_title`; None when there is no such plan."""
    return session.connection().execute(_heads("slug"), {"slug": slug}).one_or_none()


def heads_by_id(session: Session, plan_ids: Sequence[str]) -> Sequence[Any]:
    """The same for several plans, by title."""
    return session.connection().execute(_heads("id"), {"plans": list(plan_ids)}).all() if plan_ids else []


def meetings_of(session: Session, plan_ids: Sequence[str]) -> dict[str, Meetings]:
    """Each plan's review meetings, in one query."""
    days: dict[str, list[date]] = {plan_id: [] for plan_id in plan_ids}
    held: dict[str, date] = {}
    if days:
        for plan_id, day, state in session.connection().execute(_meeting_days(), {"plans": list(plan_ids)}).all():
            days[plan_id].append(day)
            if state is MeetingState.HELD:
                held[plan_id] = day
    return {plan_id: Meetings(tuple(found), held.get(plan_id)) for plan_id, found in days.items()}


def meeting_days(session: Session, plan_ids: Sequence[str]) -> dict[str, tuple[date, ...]]:
    """Each plan's review meetings in order, cancelled ones left out."""
    return {plan_id: meetings.days for plan_id, meetings in meetings_of(session, plan_ids).items()}


def next_review(head: Any, meetings: Meetings, today: date) -> date | None:
    """The day of a plan's next review meeting. `head` is the plan's row; a closed plan has none."""
    if head.state is PlanState.CLOSED:
        return None
    return rules.next_review(
        meetings.days,
        today=today,
        held_today=meetings.last_held == today,
        cycle_days=head.cycle_days,
        approved_on=head.approved_on,
    )


def next_review_of_any(session: Session, heads: Sequence[Any], today: date) -> date | None:
    """The first next review of these plans, in one query for any number of them."""
    if not heads:
        return None
    given = {"plans": [head.id for head in heads], "today": today}
    ends = {row.plan_id: row for row in session.connection().execute(_ends_of_lists(), given).all()}
    found = [next_review(head, _as_meetings(ends.get(head.id)), today) for head in heads]
    return min((day for day in found if day is not None), default=None)


def _as_meetings(ends: Any | None) -> Meetings:
    """As much of a plan's list as says which review is next: where none is to come, all that is listed is over."""
    if ends is None:
        return Meetings(())
    if ends.next is None:
        return Meetings((ends.last,), ends.last)
    # What stands before it says whether a stretch was left empty.
    return Meetings((ends.next,)) if ends.previous is None else Meetings((ends.previous, ends.next), ends.previous)


def choices_in(session: Session, plan_id: str) -> dict[str, list[tuple[str, str]]]:
    """{"theme": [(id, title)], "action": …, "owner": …, "organisation": [(slug, name)]}, in reading order."""
    found: dict[str, list[tuple[int, str, str]]] = {"theme": [], "action": [], "owner": [], "organisation": []}
    for kind, value, words, position in session.connection().execute(_choices(), {"plan_id": plan_id}).all():
        found[kind].append((position, words, value))
    return {kind: [(value, words) for _, words, value in sorted(several)] for kind, several in found.items()}
