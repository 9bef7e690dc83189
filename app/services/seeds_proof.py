"""Agreed proof as the demo's files write it: days as numbers, organisations by slug."""

from collections.abc import Sequence
from typing import Any

from app.domain.success_criteria import AgreedProof
from app.domain.words import EvidenceKind
from app.services.seeds_format import Calendar, Record, filled


def proof_records(proofs: Sequence[AgreedProof], calendar: Calendar) -> list[Record]:
    """For the files."""
    return [
        filled(
            {
                "number": proof.number,
                "kind": proof.kind,
                "organisation": proof.organisation,
                "period_from_day": calendar.offset(proof.period_from),
                "period_to_day": calendar.offset(proof.period_to),
            }
        )
        for proof in proofs
    ]


def proofs_of(records: Sequence[Any], calendar: Calendar) -> list[AgreedProof]:
    """From the files."""
    return [
        AgreedProof(
            number=one["number"],
            kind=EvidenceKind(one["kind"]) if "kind" in one else None,
            organisation=one.get("organisation"),
            period_from=calendar.day(one.get("period_from_day")),
            period_to=calendar.day(one.get("period_to_day")),
        )
        for one in records
    ]
