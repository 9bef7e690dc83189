"""A whole plan settled at once, after a change of its settings or meetings: one read, one pure pass, one write of
the rows that changed, in the same transaction. Every fact of a rule stands on the milestone's row or its plan's.
"""

from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import Any

from sqlalchemy import bindparam, select, update

from app.db import UnitOfWork
from app.domain.evidence import LinkedEvidence
from app.domain.expiry import status_on
from app.domain.rag import PlanSettings
from app.domain.words import LeftBecause
from app.models import Milestone, Person, Plan
from app.services import cases, settling

BATCH = 500
# What `settling.work_out` may write.
WRITTEN = (
    "amber_from",
    "red_from",
    "accepted_until",
    "accepted_by",
    "acceptance_ends_on",
    "evidence_state",
    "evidence_waiting_since",
    "policy_met_on",
    "policy_met_until",
    "evidence_lost_on",
    "no_owner_on",
    "no_date_on",
    "forecast_late_on",
    "forecast_beyond_on",
    "update_due_from",
    "left_list_on",
    "left_list_because",
)


@dataclass(slots=True)
class _Record:
    """What the pure pass needs of a case, without an entity behind it."""

    milestone: Any
    settings: PlanSettings
    owner: Any
    evidence: list[LinkedEvidence]


def resettle(uow: UnitOfWork, plan: Plan) -> int:
    """Work out every milestone of the plan afresh. Returns how many rows changed.

    What is stored as achieved, and whose evidence has ended since, falls back first: the pass would otherwise see an
    achieved milestone without evidence, and no rule is about that.
    """
    uow.session.flush()
    settings: PlanSettings | None = None
    changed, last_id = 0, ""
    while rows := _next_rows(uow, plan.id, last_id):
        last_id = rows[-1].id
        # Read behind the locks: who changed another meeting at the same time held them until it was committed.
        settings = settings or cases.plan_settings(plan, cases.meeting_days(uow, plan.id))
        ended = [row.id for row in rows if _has_ended(row, uow.today)]
        cases.affected_cases(uow, ended)  # which lets each catch up, and settles it
        others = [row for row in rows if row.id not in ended] if ended else rows
        changed += len(ended) + _settle_batch(uow, others, settings, uow.today)
    uow.session.expire_all()
    return changed


def _has_ended(row: Any, today: date) -> bool:
    return row.status is not status_on(row.status, row.policy_met_until, today)


def _next_rows(uow: UnitOfWork, plan_id: str, after: str) -> list[Any]:
    """The next rows in id order, locked: the order in which everybody locks them."""
    statement = (
        select(*Milestone.__table__.columns, Person.left_on.label("owner_left_on"))
        .outerjoin(Person, Person.id == Milestone.owner_id)
        .where(Milestone.plan_id == plan_id, Milestone.id > after)
        .order_by(Milestone.id)
        .limit(BATCH)
        .with_for_update(of=Milestone.__table__, key_share=True)
    )
    return list(uow.session.execute(statement).all())


def _settle_batch(uow: UnitOfWork, rows: list[Any], settings: PlanSettings, today: date) -> int:
    evidence = cases.linked_evidence(uow, [row.id for row in rows])
    changes = []
    for row in rows:
        record = _Record(
            milestone=SimpleNamespace(**row._asdict()),
            settings=settings,
            owner=SimpleNamespace(left_on=row.owner_left_on) if row.owner_id else None,
            evidence=evidence[row.id],
        )
        settling.work_out(record, today, LeftBecause.PLAN_CHANGED)
        after = {name: getattr(record.milestone, name) for name in WRITTEN}
        if any(after[name] != getattr(row, name) for name in WRITTEN):
            changes.append({"row_id": row.id, "row_version": row.version + 1, **after})
    if changes:
        statement = update(Milestone.__table__).where(Milestone.__table__.c.id == bindparam("row_id"))
        columns: dict[str, Any] = {name: bindparam(name) for name in WRITTEN}
        uow.session.execute(statement.values(version=bindparam("row_version"), **columns), changes)
    return len(changes)
