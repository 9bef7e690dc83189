"""Where the items went that were open when their plan was closed: read for lists and pages."""

from collections.abc import Sequence

from sqlalchemy import select

from app.db import UnitOfWork
from app.domain import permissions
from app.domain.milestones import CarriedOver
from app.models import CarriedOver as Row
from app.models import Plan
from app.models.texts import latest_texts

FIELD = "carried_over"


def carried_over_of(uow: UnitOfWork, milestone_ids: Sequence[str]) -> dict[str, CarriedOver]:
    """{milestone id: where it went}, in two queries. Another plan is named only to who knows of it."""
    statement = select(Row.milestone_id, Row.rag, Row.at, Row.to_plan_id, Plan.slug, Plan.title)
    joined = statement.outerjoin(Plan, Plan.id == Row.to_plan_id).where(Row.milestone_id.in_(list(milestone_ids)))
    rows = uow.session.execute(joined).all() if milestone_ids else []
    texts = latest_texts(uow.session, [row.milestone_id for row in rows])
    known = permissions.plans_known(uow.actor)
    everywhere = uow.actor.is_system or uow.actor.administrator
    return {
        row.milestone_id: CarriedOver(
            words=texts.get((row.milestone_id, FIELD), ""),
            plan=(row.slug, row.title) if row.to_plan_id and (everywhere or row.to_plan_id in known) else None,
            elsewhere=row.to_plan_id is not None,
            rag=row.rag,
            at=row.at,
        )
        for row in rows
    }
