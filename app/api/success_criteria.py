"""Proof agreed in advance, as it comes in and goes out."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from typing_extensions import TypedDict

from app.api.bodies import Body, Day, Key, whole
from app.api.shapes import exactly
from app.domain.success_criteria import NUMBER_AT_MOST, AgreedProof, CriterionView
from app.domain.words import EvidenceKind


@exactly
class TickedOff(TypedDict):
    """An item that is what was agreed, and whether it counts today."""

    id: str
    ref: str
    counts: bool


@exactly
class Criterion(TypedDict):
    """One agreed proof: how many items, of which kind, from which organisation (its slug), for which period; null: any.
    `met` says whether as many count today.
    """

    id: str
    words: str
    number: int
    kind: EvidenceKind | None
    organisation: str | None
    period_from: date | None
    period_to: date | None
    met: bool
    evidence: list[TickedOff]


class NewProof(Body):
    """What will be sent: how many items, of which kind, from which organisation (its slug), for which period."""

    number: Annotated[int, whole(1, NUMBER_AT_MOST)] = 1
    kind: EvidenceKind | None = None
    organisation: Key | None = None
    period_from: Day | None = None
    period_to: Day | None = None


def agreed_proof(given: Sequence[NewProof] | None) -> list[AgreedProof] | None:
    """What came in, as the services take it."""
    return None if given is None else [AgreedProof(**one.facts()) for one in given]


def criterion(view: CriterionView) -> Criterion:
    """One agreed proof as the API gives it."""
    proof = view.proof
    return {
        "id": view.id,
        "words": view.words,
        "number": proof.number,
        "kind": proof.kind,
        "organisation": proof.organisation,
        "period_from": proof.period_from,
        "period_to": proof.period_to,
        "met": view.is_met,
        "evidence": [{"id": one.id, "ref": one.ref, "counts": one.counts} for one in view.ticked],
    }
