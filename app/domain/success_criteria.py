"""Proof agreed in advance: what kind of evidence, from which organisation, how many, for what period.

A milestone has any number of these beside the words of its success criterion. An item of evidence that is what was
agreed is ticked off for it when it is linked, or when a reviewer says so; it meets it for as long as it counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.domain.days import long_date
from app.domain.words import EvidenceKind

AT_MOST = 10
NUMBER_AT_MOST = 50

_ONE_AND_MANY = {
    None: ("item of evidence", "items of evidence"),
    EvidenceKind.DOCUMENT: ("document", "documents"),
    EvidenceKind.DATA_EXTRACT: ("data extract", "data extracts"),
    EvidenceKind.MINUTES: ("set of minutes", "sets of minutes"),
    EvidenceKind.LINK: ("link", "links"),
    EvidenceKind.STATEMENT: ("statement", "statements"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreedProof:
    """One thing that will be sent. `organisation` is a slug; None for it or for the kind: any will do."""

    number: int = 1
    kind: EvidenceKind | None = None
    organisation: str | None = None
    period_from: date | None = None
    period_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What is looked at of an item: its kind, who provided it, and the period it supports where it says so."""

    kind: EvidenceKind
    organisation: str
    period_from: date | None = None
    period_to: date | None = None


@dataclass(frozen=True, slots=True)
class Criterion:
    """One agreed proof of a milestone as it is stored, with the ids of the items that are ticked off for it."""

    id: str
    position: int
    proof: AgreedProof
    organisation_name: str
    ticked: frozenset[str]


def is_what_was_agreed(proof: AgreedProof, sent: Sent) -> bool:
    """Whether an item is, by what it says of itself, what was agreed. Its period lies within the one agreed."""
    if not may_be_what_was_agreed(proof, sent):
        return False
    return proof.period_from is None or sent.period_from is not None


def may_be_what_was_agreed(proof: AgreedProof, sent: Sent) -> bool:
    """The same where an item does not say which period it supports: a reviewer can tell, Waymark cannot."""
    if proof.kind is not None and proof.kind is not sent.kind:
        return False
    if proof.organisation is not None and proof.organisation != sent.organisation:
        return False
    if proof.period_from is None or proof.period_to is None or sent.period_from is None or sent.period_to is None:
        return True
    return proof.period_from <= sent.period_from and sent.period_to <= proof.period_to


def proof_words(proof: AgreedProof, organisation_name: str = "") -> str:
    """What was agreed, in a line: "2 data extracts from Metropolitan Police, for 1 April to ..."."""
    one, many = _ONE_AND_MANY[proof.kind]
    said = f"{proof.number} {one if proof.number == 1 else many}"
    if proof.organisation is not None:
        said += f" from {organisation_name or proof.organisation}"
    if proof.period_from is not None and proof.period_to is not None:
        said += f", for {long_date(proof.period_from)} to {long_date(proof.period_to)}"
    return said


def as_stored(proofs: Sequence[AgreedProof], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """What a change request keeps of the proof that it asks for, and how that was said; `names`: of organisations."""
    return [
        {
            "number": proof.number,
            "kind": proof.kind,
            "organisation": proof.organisation,
            "period_from": proof.period_from.isoformat() if proof.period_from else None,
            "period_to": proof.period_to.isoformat() if proof.period_to else None,
            "words": proof_words(proof, names.get(proof.organisation or "", "")),
        }
        for proof in proofs
    ]


def from_stored(kept: Sequence[dict[str, Any]]) -> tuple[AgreedProof, ...]:
    return tuple(
        AgreedProof(
            number=one["number"],
            kind=EvidenceKind(one["kind"]) if one["kind"] else None,
            organisation=one["organisation"],
            period_from=date.fromisoformat(one["period_from"]) if one["period_from"] else None,
            period_to=date.fromisoformat(one["period_to"]) if one["period_to"] else None,
        )
        for one in kept
    )


# What services hand to the doors.


@dataclass(frozen=True, slots=True)
class Ticked:
    """An item that is ticked off, and whether it counts for the milestone today."""

    id: str
    ref: str
    title: str
    counts: bool


@dataclass(frozen=True, slots=True)
class CriterionView:
    """One agreed proof with what is ticked off for it."""

    id: str
    proof: AgreedProof
    words: str
    ticked: tuple[Ticked, ...]

    @property
    def counting(self) -> int:
        return sum(1 for one in self.ticked if one.counts)

    @property
    def is_met(self) -> bool:
        """As many items count as were agreed."""
        return self.counting >= self.proof.number
