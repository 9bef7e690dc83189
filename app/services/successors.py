"""The milestones that come of an approved change request: one that replaces another, or the parts of a split."""

from typing import Any

from sqlalchemy import insert, select

from app.db import UnitOfWork
from app.domain.change_requests import Part
from app.domain.ids import new_id
from app.domain.words import ChangeKind
from app.models import Milestone, MilestoneRestriction, MilestoneSupporter
from app.services import foreseeing, settling
from app.services.cases import Case, fresh_case
from app.services.evidence_intake import next_ref


def add_successor(uow: UnitOfWork, old: Case, part: Part, kind: ChangeKind) -> Milestone:
    """Add the milestone that a part describes, in the place of the old one: same action, organisations and readers."""
    ref = next_ref(uow, old.plan.id, "milestone", "M")
    row = foreseeing.successor(old.milestone, part, kind, milestone_id=new_id(), ref=ref, now=uow.now)
    uow.session.add(row)
    uow.session.flush()
    _copy_parties(uow, old.milestone.id, row.id)
    case = fresh_case(uow, row, old.plan)
    facts: dict[str, Any] = {
        "came_from": old.milestone.ref,
        "by": kind,
        "due_date": [None, row.due_date],
        "baseline_date": [None, row.baseline_date],
        "owner": [None, row.owner_id],
        "marking": row.marking,
        "restricted": row.restricted,
    }
    texts = {"title": row.title, "success_criterion": row.success_criterion}
    uow.record("milestone_added", **case.about, facts=facts, texts=texts)
    settling.settle(uow, case)
    return row


def _copy_parties(uow: UnitOfWork, old_id: str, new_milestone: str) -> None:
    """Who supports it, and who may know of it: a restriction is not shaken off by splitting."""
    supporters = select(MilestoneSupporter.organisation_id).where(MilestoneSupporter.milestone_id == old_id)
    for organisation in uow.session.execute(supporters).scalars().all():
        uow.session.execute(insert(MilestoneSupporter).values(milestone_id=new_milestone, organisation_id=organisation))
    restrictions = select(MilestoneRestriction).where(MilestoneRestriction.milestone_id == old_id)
    for one in uow.session.execute(restrictions).scalars().all():
        uow.session.execute(
            insert(MilestoneRestriction).values(
                id=new_id(), milestone_id=new_milestone, organisation_id=one.organisation_id, person_id=one.person_id
            )
        )
