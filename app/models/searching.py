"""The three questions behind a search, each within some plans and within what the asker may know of.

No index holds words: it would have to be kept in step with redaction, and differently on each database. A search reads
the titles of its plans' milestones and, up to a bound, their latest updates and evidence, found by indexes on the plan.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from app.domain.actors import Actor
from app.models.evidence import Evidence, EvidenceLink
from app.models.lowered import holds
from app.models.milestones import Milestone, ProgressUpdate
from app.models.records import Text
from app.models.visibility import content_closed, knowable, known_item

_milestones: Any = Milestone.__table__
_updates: Any = ProgressUpdate.__table__
_evidence: Any = Evidence.__table__
_links: Any = EvidenceLink.__table__
_texts: Any = Text.__table__

_NAMED = tuple(_milestones.c[name] for name in ("plan_id", "ref", "title", "marking", "restricted"))


def milestones_with(
    session: Session, actor: Actor, plans: Sequence[str], words: Sequence[str], *, limit: int
) -> Sequence[Any]:
    """Milestones whose title has every word, or whose reference is the only one."""
    by_ref = func.lower(_milestones.c.ref) == words[0].lower() if len(words) == 1 else None
    title = _has_all(_milestones.c.title, words)
    statement = (
        select(_milestones.c.id, *_NAMED)
        .where(*_known(actor, plans), title if by_ref is None else or_(title, by_ref))
        .order_by(_milestones.c.plan_id, _milestones.c.position, _milestones.c.id)
        .limit(limit)
    )
    return session.connection().execute(statement).all()


def updates_with(
    session: Session, actor: Actor, plans: Sequence[str], words: Sequence[str], *, among: int, limit: int
) -> Sequence[Any]:
    """Of the latest updates those with a text that has every word, newest first. What was redacted has none."""
    latest = (
        select(_updates.c.id, _updates.c.milestone_id, _updates.c.at, _updates.c.by_title)
        .where(_updates.c.plan_id.in_(plans))
        .order_by(_updates.c.id.desc())
        .limit(among)
        .subquery("latest")
    )
    # One value for each update, so that the texts are looked up by their update and never the other way round.
    text_id = (
        select(_texts.c.id)
        .where(_texts.c.item_id == latest.c.id, _texts.c.redacted_at.is_(None), _has_all(_texts.c.body, words))
        .limit(1)
        .scalar_subquery()
    )
    statement = (
        select(
            latest.c.id,
            latest.c.at,
            latest.c.by_title,
            *_NAMED,
        )
        .join(_milestones, _milestones.c.id == latest.c.milestone_id)
        .where(*_known(actor, plans), text_id.is_not(None))
        .order_by(latest.c.id.desc())
        .limit(limit)
    )
    return session.connection().execute(statement).all()


def evidence_with(
    session: Session, actor: Actor, plans: Sequence[str], words: Sequence[str], *, among: int, limit: int
) -> Sequence[Any]:
    """The latest evidence whose title has every word, newest first: a row for each milestone it is linked to."""
    latest = (
        select(_evidence)
        .where(_evidence.c.plan_id.in_(plans), known_item(actor))
        .order_by(_evidence.c.id.desc())
        .limit(among)
        .subquery("latest")
    )
    statement = (
        select(
            latest.c.id,
            latest.c.ref.label("evidence_ref"),
            latest.c.title.label("evidence_title"),
            latest.c.received_at,
            latest.c.provided_by_title,
            latest.c.withdrawn_at,
            latest.c.marking.label("evidence_marking"),
            *_NAMED,
        )
        .join(_links, _links.c.evidence_id == latest.c.id)
        .join(_milestones, _milestones.c.id == _links.c.milestone_id)
        .where(*_known(actor, plans), _has_all(latest.c.title, words), ~content_closed(actor, latest.c.id))
        .order_by(latest.c.id.desc(), _milestones.c.position)
        .limit(limit)
    )
    return session.connection().execute(statement).all()


def _known(actor: Actor, plans: Sequence[str]) -> list[Any]:
    return [knowable(actor), _milestones.c.plan_id.in_(plans)]


def _has_all(column: Any, words: Sequence[str]) -> ColumnElement[bool]:
    return and_(*(holds(column, word) for word in words))
