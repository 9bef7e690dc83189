"""What the honesty checks read of a plan: short statements that indexes serve, each up to a cap."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Date, and_, bindparam, exists, func, or_, select, text
from sqlalchemy.orm import Session

from app.domain.honesty import SHARED_BY
from app.domain.words import OPEN_STATUSES, EvidenceForm, ReviewOutcome, Status
from app.models.evidence import Evidence, EvidenceLink
from app.models.exception_scans import COUNT_CAP
from app.models.expiry import status_on
from app.models.milestones import Milestone, ProgressUpdate
from app.models.plans import Action, Plan
from app.models.records import Text

UPDATES_READ = 10_000
"""How many of a plan's latest updates are compared: years of most plans, and a bound for the largest."""
OVERDUE_READ = BEHIND_READ = 20_000

_milestones: Any = Milestone.__table__
_updates: Any = ProgressUpdate.__table__
_evidence: Any = Evidence.__table__
_links: Any = EvidenceLink.__table__
_actions: Any = Action.__table__
_plans: Any = Plan.__table__
_texts: Any = Text.__table__


@cache
def actions_without_milestone() -> Any:
    alive = exists().where(_milestones.c.action_id == _actions.c.id, _milestones.c.status != Status.CANCELLED)
    return _first(select(_actions.c.ref, _actions.c.title).where(_of_plan(_actions), ~alive), _actions.c.position)


@cache
def without_criterion() -> Any:
    # The condition is the index's own, to the letter: with a bound value it would not be used.
    empty = text("milestones.success_criterion = ''")
    return _first(_named_milestones().where(empty, _milestones.c.status != Status.CANCELLED), _milestones.c.position)


@cache
def not_independent() -> Any:
    marked = text("milestones.not_independent")  # the index's own condition, as above
    achieved = status_on(bindparam("today", type_=Date()), _milestones.c) == Status.ACHIEVED
    return _first(_named_milestones().where(marked, achieved), _milestones.c.position)


@cache
def approved_by_owner() -> Any:
    """Open milestones of whoever approved their plan; one that was added later, nobody approved."""
    own = (_plans.c.approved_by == _milestones.c.owner_id, _milestones.c.added_at <= _plans.c.approved_at)
    statement = _named_milestones().join(_plans, _plans.c.id == _milestones.c.plan_id)
    statement = statement.where(*own, _milestones.c.status.in_(OPEN_STATUSES))
    return _first(statement, _milestones.c.position)


@cache
def dated_after_completion() -> Any:
    """Evidence in force that says it is of a later day than its milestone's completed date."""
    return _first(
        _named_milestones()
        .add_columns(
            _milestones.c.completed_on,
            _evidence.c.ref.label("evidence_ref"),
            _evidence.c.title.label("evidence_title"),
            _evidence.c.effective_from,
        )
        .join(_links, _links.c.milestone_id == _milestones.c.id)
        .join(_evidence, _evidence.c.id == _links.c.evidence_id)
        .where(
            _of_plan(_evidence),
            _evidence.c.effective_from.is_not(None),
            _evidence.c.effective_from > _milestones.c.completed_on,
            *_in_force(),
        ),
        _milestones.c.position,
    )


@cache
def overdue() -> Any:
    """Open milestones past their due date, with the first day of their run as exceptions, the latest first."""
    return (
        _named_milestones()
        .add_columns(_milestones.c.status, _milestones.c.due_date, _milestones.c.amber_from)
        .where(
            _milestones.c.amber_from <= bindparam("now"),
            _milestones.c.status.in_(OPEN_STATUSES),
            _milestones.c.due_date < bindparam("today"),
        )
        .order_by(_milestones.c.amber_from.desc(), _milestones.c.id)
        .limit(OVERDUE_READ)
    )


@cache
def shared_files() -> Any:
    """Files of the plan, by what they hold, that are evidence of many milestones: `sha256`, and how many."""
    number = func.count(_links.c.milestone_id.distinct())
    return (
        select(_evidence.c.sha256, number.label("number"))
        .join(_links, _links.c.evidence_id == _evidence.c.id)
        .where(_of_plan(_evidence), _evidence.c.form == EvidenceForm.FILE, *_in_force())
        .group_by(_evidence.c.sha256)
        .having(number >= SHARED_BY)
        .order_by(number.desc(), _evidence.c.sha256)
        .limit(bindparam("room"))
    )


@cache
def behind_files(*, of_milestone: bool = False) -> Any:
    """The milestones behind these files, in order: `sha256`, `file_name`, reference and title. Parameter: `hashes`; or,
    of the files of one milestone, `milestone_id`.
    """
    statement = (
        select(
            _evidence.c.sha256,
            func.min(_evidence.c.file_name).label("file_name"),
            _milestones.c.ref,
            _milestones.c.title,
        )
        .join(_links, _links.c.evidence_id == _evidence.c.id)
        .join(_milestones, _milestones.c.id == _links.c.milestone_id)
        .where(_of_plan(_evidence), _evidence.c.form == EvidenceForm.FILE, *_in_force())
        .group_by(_evidence.c.sha256, _milestones.c.ref, _milestones.c.title, _milestones.c.position)
        .order_by(_milestones.c.position)
        .limit(BEHIND_READ)
    )
    if not of_milestone:
        return statement.where(_evidence.c.sha256.in_(bindparam("hashes", expanding=True)))
    links, items = _links.alias("its_links"), _evidence.alias("its_evidence")
    its_own = (
        select(items.c.sha256)
        .join(links, links.c.evidence_id == items.c.id)
        .where(links.c.milestone_id == bindparam("milestone_id"))
    )
    return statement.where(_evidence.c.sha256.in_(its_own))


@cache
def latest_updates() -> Any:
    """A plan's latest updates with their words, newest first."""
    newest = (
        select(_updates.c.id)
        .where(_of_plan(_updates))
        .order_by(_updates.c.id.desc())
        .limit(UPDATES_READ)
        .subquery("newest")
    )
    return _said().join(newest, newest.c.id == _updates.c.id).order_by(_updates.c.id.desc())


@cache
def updates_near() -> Any:
    """What the author of `update` said from `begin` to `end` in this plan, newest first."""
    author = select(_updates.c.by_id).where(_updates.c.id == bindparam("update")).scalar_subquery()
    near = [_updates.c.by_id == author, _updates.c.at >= bindparam("begin"), _updates.c.at <= bindparam("end")]
    return _said().where(_of_plan(_updates), *near).order_by(_updates.c.id.desc()).limit(UPDATES_READ)


def rows(session: Session, statement: Any, **values: Any) -> Sequence[Any]:
    return session.connection().execute(statement, values).all()


def _said() -> Any:
    return (
        select(
            _updates.c.milestone_id,
            _updates.c.by_id,
            _updates.c.by_title,
            _updates.c.at,
            _milestones.c.ref,
            _milestones.c.title,
            _texts.c.body,
        )
        .join(_milestones, _milestones.c.id == _updates.c.milestone_id)
        .outerjoin(_texts, and_(_texts.c.item_id == _updates.c.id, _texts.c.field == "narrative"))
    )


def _named_milestones() -> Any:
    return select(_milestones.c.ref, _milestones.c.title).where(_of_plan(_milestones))


def _of_plan(table: Any) -> Any:
    return table.c.plan_id == bindparam("plan_id")


def _in_force() -> list[Any]:
    """Evidence that nobody has withdrawn, nor turned down for the milestone."""
    stands = or_(_links.c.outcome.is_(None), _links.c.outcome == ReviewOutcome.ACCEPTED)
    return [_evidence.c.withdrawn_at.is_(None), stands]


def _first(statement: Any, order: Any) -> Any:
    return statement.order_by(order).limit(COUNT_CAP + 1)
