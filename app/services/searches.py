"""Searching a plan, or all my plans: titles of milestones, what updates say, titles of evidence."""

from collections.abc import Sequence
from typing import Any

from app.db import UnitOfWork
from app.domain import permissions
from app.domain import searches as rules
from app.domain.days import london_day
from app.domain.markings import marks, marks_of
from app.domain.refusals import invalid
from app.domain.searches import SHOWN, Found, Group, Hit
from app.models import plan_heads, searching
from app.models.texts import REDACTED, latest_texts
from app.services.plans import live_head

_LINKS = 5  # so many milestones of one evidence item are read before the next ones are left out


def search(uow: UnitOfWork, *, slug: str | None, asked: str) -> Found:
    """What has every word of the question, in one plan or (None) in all whose live content the actor may read.

    Restricted items that the actor may not know of are not found, and redacted text never. A fixed number of queries.
    Raises Invalid for what is no question, NotFound and Forbidden as the plan itself.
    """
    problem = rules.unfit(asked)
    heads = _heads(uow, slug)
    if problem:
        raise invalid("q", "not_a_question", problem)
    words, plans = rules.words_of(asked), {head.id: head for head in heads}
    if not plans:
        return Found(words, *(Group((), more=False) for _ in range(3)))
    return Found(
        words,
        milestones=_milestones(uow, plans, words),
        updates=_updates(uow, plans, words),
        evidence=_evidence(uow, plans, words),
    )


def _heads(uow: UnitOfWork, slug: str | None) -> Sequence[Any]:
    if slug is not None:
        return [live_head(uow, slug)]
    return plan_heads.heads_by_id(uow.session, sorted(permissions.plans_readable(uow.actor)))


def _milestones(uow: UnitOfWork, plans: dict[str, Any], words: tuple[str, ...]) -> Group:
    rows = searching.milestones_with(uow.session, uow.actor, list(plans), words, limit=SHOWN + 1)
    return _group([Hit(row.ref, row.title, **_around(row, plans), id=row.id) for row in rows])


def _updates(uow: UnitOfWork, plans: dict[str, Any], words: tuple[str, ...]) -> Group:
    """One hit an update, by the first of its texts. A text that was replaced since is not what the update says."""
    rows = searching.updates_with(uow.session, uow.actor, list(plans), words, among=rules.READ, limit=SHOWN + 1)
    texts = latest_texts(uow.session, [row.id for row in rows])
    said: dict[str, str] = {}
    for (update, _), body in sorted(texts.items()):
        if body != REDACTED and rules.has_all(body, words):
            said.setdefault(update, body)
    return _group(
        [
            Hit(
                row.ref,
                rules.excerpt(said[row.id], words),
                **_around(row, plans),
                id=row.id,
                on=london_day(row.at),
                by=row.by_title,
            )
            for row in rows
            if row.id in said
        ]
    )


def _evidence(uow: UnitOfWork, plans: dict[str, Any], words: tuple[str, ...]) -> Group:
    """One hit an item, by the first milestone it is linked to that the actor may know of."""
    rows = searching.evidence_with(
        uow.session, uow.actor, list(plans), words, among=rules.READ, limit=(SHOWN + 1) * _LINKS
    )
    hits: dict[str, Hit] = {}
    for row in rows:
        if row.id not in hits:
            hits[row.id] = Hit(
                row.evidence_ref,
                row.evidence_title,
                **_around(row, plans),
                id=row.id,
                on=london_day(row.received_at),
                by=row.provided_by_title,
                withdrawn=row.withdrawn_at is not None,
                evidence_marks=marks(marking=row.evidence_marking),
            )
    return _group(list(hits.values()))


def _around(row: Any, plans: dict[str, Any]) -> dict[str, Any]:
    plan = plans[row.plan_id]
    return {
        "plan_slug": plan.slug,
        "plan_title": plan.title,
        "milestone_ref": row.ref,
        "milestone_title": row.title,
        "milestone_marks": marks_of(row),
    }


def _group(hits: list[Hit]) -> Group:
    return Group(tuple(hits[:SHOWN]), more=len(hits) > SHOWN)
