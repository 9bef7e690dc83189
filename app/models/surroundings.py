"""What stands around a milestone that is taken up for work, in one statement: a change holds locks while it reads."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.domain.evidence import LinkedEvidence
from app.domain.milestones import OrganisationRef
from app.domain.success_criteria import Criterion
from app.domain.words import MeetingState
from app.models.linked_evidence import evidence_from_json, gathered_evidence
from app.models.meetings import ReviewMeeting
from app.models.milestone_rows import AROUND, FURTHER_AROUND, with_neighbours
from app.models.milestones import Milestone, MilestoneSupporter
from app.models.organisations import Organisation
from app.models.raw_rows import gathered
from app.models.success_criteria import criteria_from_json, gathered_criteria, gathered_ticks

_milestones: Any = Milestone.__table__
_meetings: Any = ReviewMeeting.__table__
_supporters: Any = MilestoneSupporter.__table__
_supporting_organisation: Any = Organisation.__table__.alias("supporting_organisation")


@cache
def _surroundings() -> Any:
    supporters = (
        gathered(_supporting_organisation.c.name, _supporting_organisation.c.slug, _supporting_organisation.c.id)
        .select_from(
            _supporters.join(_supporting_organisation, _supporting_organisation.c.id == _supporters.c.organisation_id)
        )
        .where(_supporters.c.milestone_id == _milestones.c.id)
        .scalar_subquery()
    )
    meetings = (
        gathered(_meetings.c.on_day)
        .where(_meetings.c.plan_id == _milestones.c.plan_id, _meetings.c.state != MeetingState.CANCELLED)
        .scalar_subquery()
    )
    return (
        select(
            *AROUND,
            *FURTHER_AROUND,
            supporters.label("supporters"),
            meetings.label("meetings"),
            gathered_evidence(_milestones.c.id).label("linked"),
            gathered_criteria(_milestones.c.id).label("agreed"),
            gathered_ticks(_milestones.c.id).label("ticked"),
        )
        .select_from(with_neighbours())
        .where(_milestones.c.id == bindparam("milestone"))
    )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around a milestone: the `words` of its neighbours, and what bears on its colour."""

    words: Mapping[str, Any]
    supporters: tuple[OrganisationRef, ...]
    meetings: tuple[date, ...]
    evidence: list[LinkedEvidence]
    criteria: tuple[Criterion, ...]


def surroundings_of(session: Session, milestone_id: str) -> Surroundings:
    """Everything that a case needs besides the milestone, its plan and its owner, in one query."""
    row = session.connection().execute(_surroundings(), {"milestone": milestone_id}).mappings().one()
    supporting = sorted(json.loads(row["supporters"] or "[]"))
    return Surroundings(
        words=row,
        supporters=tuple(OrganisationRef(identity, slug, name) for name, slug, identity in supporting),
        meetings=tuple(sorted(date.fromisoformat(day) for (day,) in json.loads(row["meetings"] or "[]"))),
        evidence=evidence_from_json(row["linked"]),
        criteria=criteria_from_json(row["agreed"], row["ticked"]),
    )
