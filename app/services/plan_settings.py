"""Putting a plan's policy and settings in force: what an approved change request of a plan comes to."""

from typing import Any

from sqlalchemy import select

from app.db import UnitOfWork
from app.domain.words import EvidencePolicy, MovedRule, Status
from app.models import Milestone, Plan
from app.services import foreseeing, resettling, settling
from app.services.cases import affected_cases

_WORDS: dict[str, Any] = {"evidence_policy": EvidencePolicy, "moved_rule": MovedRule}


def put_in_force(uow: UnitOfWork, plan: Plan, becomes: dict[str, Any]) -> tuple[str, ...]:
    """Change a plan's settings; milestones that a policy no longer finds met fall back in the same transaction.

    Returns the references that fell back, without those that are restricted. The database would refuse a policy that
    achieved milestones do not meet, so they are lowered first.
    """
    achieved = select(Milestone.id).where(Milestone.plan_id == plan.id, Milestone.status == Status.ACHIEVED)
    judged = affected_cases(uow, uow.session.execute(achieved).scalars()) if "evidence_policy" in becomes else []
    uow.session.refresh(plan, with_for_update=True)
    fell = []
    for case in judged:
        settings = foreseeing.settings_with(case.settings, becomes)
        if foreseeing.lapses(case, settings, uow.today):
            case.settings = settings
            settling.fall_back(uow, case, day=uow.today, why=f"evidence policy {becomes['evidence_policy']}")
            # The event is the plan's: who reads it may not know of every milestone. Each has an event of its own.
            if not case.milestone.restricted:
                fell.append(case.milestone.ref)
    facts: dict[str, Any] = {name: [getattr(plan, name), value] for name, value in becomes.items()}
    for name, value in becomes.items():
        setattr(plan, name, _WORDS[name](value) if name in _WORDS else value)
    plan.version += 1
    uow.session.flush()
    event = "evidence_policy_changed" if "evidence_policy" in becomes else "plan_settings_changed"
    about = {"plan_id": plan.id, "item_kind": "plan", "item_id": plan.id, "item_ref": plan.slug}
    uow.record(event, **about, facts={**facts, **({"fell_back": fell} if judged else {})})
    resettling.resettle(uow, plan)
    return tuple(fell)
