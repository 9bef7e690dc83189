"""The rows of a form in which proof is agreed, and what is agreed in words."""

from collections.abc import Sequence
from typing import Any

from app.domain.success_criteria import AgreedProof
from app.domain.words import EvidenceKind
from app.pages.forms import Form, filled
from app.pages.wording import EVIDENCE_KIND_WORDS

SPARE = 2
"""How many empty rows a form offers besides what is agreed."""

KINDS = [(str(kind), EVIDENCE_KIND_WORDS[kind]) for kind in EvidenceKind]


def proofs_from(form: Form) -> list[AgreedProof]:
    """What the rows of a form say; a row without a number is left out."""
    places = (f"criteria.{place}" for place in range(rows_in(form)))
    return [_proof(form, name) for name in places if form.text(f"{name}.number")]


def rows_in(form: Form) -> int:
    """How many rows were sent."""
    return len([name for name in form.values if name.startswith("criteria.") and name.endswith(".number")])


def rows_of(proofs: Sequence[AgreedProof]) -> dict[str, Any]:
    """The fields of a form that say what is agreed, with spare rows after it."""
    found: dict[str, Any] = {}
    for place in range(len(proofs) + SPARE):
        proof, name = proofs[place] if place < len(proofs) else None, f"criteria.{place}"
        found[f"{name}.number"] = str(proof.number) if proof else ""
        if proof:
            found[f"{name}.kind"] = proof.kind or ""
            found[f"{name}.organisation"] = proof.organisation or ""
            found[f"{name}.period_from"], found[f"{name}.period_to"] = proof.period_from, proof.period_to
    return found


def with_rows(form: Form, proofs: Sequence[AgreedProof]) -> Form:
    """A form that has been neither filled nor sent, with what is agreed now."""
    if not rows_in(form):
        form.values.update(filled(rows_of(proofs)).values)
    return form


def _proof(form: Form, name: str) -> AgreedProof:
    return AgreedProof(
        number=form.whole(f"{name}.number", "How many") or 1,
        kind=form.choice(f"{name}.kind", EvidenceKind) if form.text(f"{name}.kind") else None,
        organisation=form.optional(f"{name}.organisation"),
        period_from=form.day(f"{name}.period_from", "The first day of the period"),
        period_to=form.day(f"{name}.period_to", "The last day of the period"),
    )
