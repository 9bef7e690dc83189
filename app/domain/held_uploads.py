"""What an agency's key has sent and one of its own people has not released yet: to everybody else it is not there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from app.domain.evidence import Upload
from app.domain.milestones import OrganisationRef, Ref
from app.domain.refusals import Reason
from app.domain.words import EvidenceKind, Marking, PersonalData, ScanState, SubmissionKind


class HeldState(StrEnum):
    """Where it stands. Once it is released the submission says the rest."""

    AWAITING_RELEASE = "awaiting_release"
    RELEASED = "released"
    TAKEN_BACK = "taken_back"


@dataclass(frozen=True, slots=True)
class HeldUpload:
    """An upload as its own organisation sees it. `id` is that of the evidence it becomes, `submission_id` that of its
    submission; `milestone` is left out where the reader may not know of it.
    """

    id: str
    submission_id: str
    plan_id: str
    plan_slug: str
    plan_title: str
    kind: SubmissionKind
    title: str
    evidence_kind: EvidenceKind | None
    upload: Upload | None
    effective_from: date | None
    effective_to: date | None
    period_from: date | None
    period_to: date | None
    restricted: bool
    link: str | None
    said: str | None
    marking: Marking
    personal_data: tuple[PersonalData, ...]
    external_ref: str | None
    milestone: Ref | None
    organisation: OrganisationRef
    sent_by: str
    arrived_at: datetime
    scan: ScanState
    state: HeldState
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None
    changed_at: datetime
    may_release: bool
    version: str


def unmet_decision(state: HeldState, decided_by: str, *, scan: ScanState, releasing: bool) -> Sequence[Reason]:
    """Why an upload is not to be released, or taken back, now. Empty: it is."""
    if state is HeldState.RELEASED:
        return [Reason("already_released", f"It was released by {decided_by}. Withdraw it where it stands now")]
    if state is HeldState.TAKEN_BACK:
        return [
            Reason("already_taken_back", f"It was taken back by {decided_by}. Send it again if it is wanted after all")
        ]
    if releasing and scan is ScanState.INFECTED:
        return [Reason("quarantined", "The scanner found something in this file. Take it back")]
    return []
