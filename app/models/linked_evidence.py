"""Evidence as it bears on milestones, read for many milestones at once."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.models.evidence import Evidence, EvidenceLink

_evidence: Any = Evidence.__table__
_links: Any = EvidenceLink.__table__


@cache
def _statement() -> Any:
    return (
        select(
            _links.c.milestone_id,
            _links.c.evidence_id,
            _links.c.outcome,
            _links.c.reviewed_at,
            _evidence.c.form,
            _evidence.c.scan,
            _evidence.c.received_at,
            _evidence.c.effective_to,
            _evidence.c.withdrawn_at,
            _evidence.c.ref,
            _evidence.c.title,
        )
        .join(_evidence, _evidence.c.id == _links.c.evidence_id)
        .where(_links.c.milestone_id.in_(bindparam("milestones", expanding=True)))
    )


def rows_by_milestone(session: Session, milestone_ids: Sequence[str]) -> Sequence[Any]:
    """One row a link: what the gate judges of the item and of its review."""
    return session.connection().execute(_statement(), {"milestones": list(milestone_ids)}).all()
