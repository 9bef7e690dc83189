"""Evidence as it bears on milestones, read for many milestones at once."""

import json
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.domain.days import london_day
from app.domain.evidence import LinkedEvidence
from app.domain.words import EvidenceForm, ReviewOutcome, ScanState
from app.models.evidence import Evidence, EvidenceLink
from app.models.raw_rows import gathered, moment_from_json

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
            _evidence.c.first_version_id,
            _evidence.c.version_number,
            _evidence.c.restricted_to,
        )
        .join(_evidence, _evidence.c.id == _links.c.evidence_id)
        .where(_links.c.milestone_id.in_(bindparam("milestones", expanding=True)))
    )


def rows_by_milestone(session: Session, milestone_ids: Sequence[str]) -> Sequence[Any]:
    """One row a link: what the gate judges of the item and of its review."""
    return session.connection().execute(_statement(), {"milestones": list(milestone_ids)}).all()


def gathered_evidence(milestone_id: Any) -> Any:
    """The same of one milestone, gathered into one value of its row: `evidence_from_json` makes sense of it."""
    return (
        gathered(
            _links.c.evidence_id,
            _evidence.c.form,
            _evidence.c.scan,
            _evidence.c.received_at,
            _evidence.c.effective_to,
            _evidence.c.withdrawn_at,
            _links.c.outcome,
            _links.c.reviewed_at,
            _evidence.c.ref,
            _evidence.c.title,
            _evidence.c.first_version_id,
            _evidence.c.version_number,
            _evidence.c.restricted_to,
        )
        .select_from(_links.join(_evidence, _evidence.c.id == _links.c.evidence_id))
        .where(_links.c.milestone_id == milestone_id)
        .scalar_subquery()
    )


def evidence_from_json(gathered_rows: str | None) -> list[LinkedEvidence]:
    """What `gathered_evidence` gathered, as the rules take it."""
    return [_linked(*values) for values in json.loads(gathered_rows or "[]")]


def _linked(
    evidence_id: str,
    form: str,
    scan: str,
    received: str,
    effective_to: str | None,
    withdrawn: str | None,
    outcome: str | None,
    reviewed: str | None,
    ref: str,
    title: str,
    first_version_id: str | None,
    version_number: int,
    restricted_to: str | None,
) -> LinkedEvidence:
    received_at = moment_from_json(received)
    assert received_at is not None  # noqa: S101 - the column is never empty
    return LinkedEvidence(
        evidence_id,
        EvidenceForm(form),
        ScanState(scan),
        received_at,
        date.fromisoformat(effective_to) if effective_to else None,
        moment_from_json(withdrawn),
        ReviewOutcome(outcome) if outcome else None,
        moment_from_json(reviewed),
        london_day(received_at),
        ref,
        title,
        first_version_id,
        version_number,
        restricted_to,
    )
