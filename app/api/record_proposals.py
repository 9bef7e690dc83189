"""Redactions, legal holds and disposals: proposed by one person, decided by another."""

from datetime import datetime
from typing import Literal

from fastapi import Response
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from app.api import answers
from app.api.answers import Page, PlanSlug, RecordProposalId
from app.api.bodies import Body, Key, Said
from app.api.deps import Reading, Reply, Writing
from app.api.shapes import Listing, exactly
from app.domain.record_proposals import RecordKind, RecordProposalView, RecordState
from app.doors.routing import NounRouter
from app.services import record_proposals as services

router = NounRouter(tags=["Records"])


@exactly
class RecordProposal(TypedDict):
    """What was proposed about an evidence item or a text, and what was decided. `due`: its time is over, and nobody has
    proposed its disposal yet. `wording` is the text that a redaction is about.
    """

    id: str
    kind: RecordKind
    state: RecordState
    item: str
    evidence: str | None
    text: str | None
    field: str | None
    wording: str | None
    reason: str | None
    proposed_by: str | None
    proposed_at: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None


class NewRecordProposal(Body):
    """A `redaction` is about a `text` (an id in `text_ids` of the audit trail), all else about an `evidence` item."""

    kind: RecordKind
    text: Key | None = None
    evidence: Key | None = None
    reason: Said = Field(description="Kept in the trail: without the words that are to go")


class RecordDecision(Body):
    """What is decided, and why."""

    outcome: Literal["approved", "declined"]
    reason: Said


def record_proposal(view: RecordProposalView) -> RecordProposal:
    return {
        "id": view.id,
        "kind": view.kind,
        "state": view.state,
        "item": view.item,
        "evidence": view.evidence_id,
        "text": view.text_id,
        "field": view.field,
        "wording": view.wording,
        "reason": view.reason,
        "proposed_by": view.proposed_by,
        "proposed_at": view.proposed_at,
        "decided_by": view.decided_by,
        "decided_at": view.decided_at,
        "decision_reason": view.decision_reason,
    }


_one = TypeAdapter(RecordProposal).dump_json
_list: TypeAdapter[Listing[RecordProposal]] = TypeAdapter(Listing[RecordProposal])


def _recorded(view: RecordProposalView) -> Reply:
    return Reply(_one(record_proposal(view)), status=201)


@router.get("/plans/{plan}/record-proposals", response_model=Listing[RecordProposal], **answers.listed())
def list_proposals(run: Reading, plan: PlanSlug, page: Page) -> Response:
    """A plan's redactions, legal holds and disposals, newest first."""
    views, more = run.read(services.list_proposals, slug=plan, limit=page.limit, cursor=page.cursor)
    return answers.listing(_list, {"items": [record_proposal(view) for view in views], "next_cursor": more})


@router.post("/plans/{plan}/record-proposals", response_model=RecordProposal, **answers.made())
def propose(run: Writing, plan: PlanSlug, body: NewRecordProposal) -> Response:
    """Propose a redaction, a legal hold, its release or a disposal (programme managers). Codes: `already_redacted`,
    `current_wording`, `already_held`, `not_held`, `already_disposed`, `legal_hold`, `kept_for_good`, `not_due`,
    `already_proposed`.
    """
    return run.write(services.propose, slug=plan, **body.facts(), respond=_recorded)


@router.post("/record-proposals/{id}/decision", response_model=RecordProposal, **answers.made())
def decide(run: Writing, proposal_id: RecordProposalId, body: RecordDecision) -> Response:
    """Decide on a proposal: a senior officer who did not make it. What is approved is done at once: a text and its salt
    are blanked, a file is destroyed. Codes: `own_proposal`, `not_proposed`, `already_decided`, and those of proposing.
    """
    return run.write(
        services.decide,
        proposal=proposal_id,
        approved=services.outcome_of(body.outcome),
        reason=body.reason,
        storage=run.storage,
        respond=_recorded,
    )
