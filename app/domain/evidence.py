"""When evidence counts. The same rule stands in the database as triggers; a test holds the two together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app.domain.days import long_date
from app.domain.personal_data import Search
from app.domain.record_proposals import Keeping
from app.domain.refusals import Reason
from app.domain.words import (
    Door,
    EvidenceForm,
    EvidenceKind,
    EvidencePolicy,
    EvidenceState,
    Marking,
    PersonalData,
    ReviewOutcome,
    ScanState,
    SubmissionState,
)

RELEVANCE_ANCHORS = {
    0: "Says nothing about this milestone",
    1: "Touches on it",
    2: "Bears on it directly",
    3: "Proves the success criterion itself",
}
ROBUSTNESS_ANCHORS = {
    0: "Nobody stands behind it",
    1: "One person's word",
    2: "A record made at the time",
    3: "Checked by somebody independent",
}


@dataclass(frozen=True, slots=True)
class LinkedEvidence:
    """One evidence item as it bears on one milestone: the facts that the gate judges."""

    evidence_id: str
    form: EvidenceForm
    scan: ScanState
    received_at: datetime
    effective_to: date | None
    withdrawn_at: datetime | None
    outcome: ReviewOutcome | None
    reviewed_at: datetime | None
    received_on: date | None = None
    ref: str = ""
    title: str = ""
    first_version_id: str | None = None
    version_number: int = 1
    restricted_to: str | None = None

    @property
    def series(self) -> str:
        """What all versions of one item have in common: the id of the first."""
        return self.first_version_id or self.evidence_id


def superseded(items: Iterable[LinkedEvidence]) -> frozenset[str]:
    """The ids of those, among a milestone's items, of which a newer version has been accepted for it.

    A newer version that waits, or is turned down, or is withdrawn, leaves the older one as it is.
    """
    items = list(items)
    accepted: dict[str, int] = {}
    for item in items:
        if item.version_number > 1 and item.outcome is ReviewOutcome.ACCEPTED and item.withdrawn_at is None:
            accepted[item.series] = max(item.version_number, accepted.get(item.series, 0))
    return frozenset(item.evidence_id for item in items if item.version_number < accepted.get(item.series, 0))


def verdicts(
    items: Sequence[LinkedEvidence], *, policy: EvidencePolicy, on: date, reopened_at: datetime | None
) -> list[str | None]:
    """Of each of a milestone's items, why it does not count, in the same order: this is what the gate goes by.

    As `why_not` says; and what would count, or might yet, does not once a newer version has been accepted.
    """
    older = superseded(items)
    found = []
    for item in items:
        why = why_not(item, policy=policy, on=on, reopened_at=reopened_at)
        stands = why in (None, "not_reviewed", "before_reopening")
        found.append("superseded" if stands and item.evidence_id in older else why)
    return found


def why_not(item: LinkedEvidence, *, policy: EvidencePolicy, on: date, reopened_at: datetime | None) -> str | None:
    """Why an item does not count towards a milestone on a day, as a code; None when it counts.

    Source: rule 1 of the product. A file counts from receipt under `attached`; anything counts once accepted.
    What was received before a reopening counts again only when it is accepted after it. Of newer versions it
    knows nothing: see `verdicts`.
    """
    if item.withdrawn_at is not None:
        return "withdrawn"
    if item.scan is ScanState.INFECTED:
        return "quarantined"
    if item.scan is ScanState.PENDING:
        return "pending_scan"
    if item.effective_to is not None and item.effective_to < on:
        return "expired"
    if item.outcome in (ReviewOutcome.REJECTED, ReviewOutcome.RETURNED):
        return str(item.outcome)
    if item.outcome is ReviewOutcome.ACCEPTED:
        if reopened_at is not None and (item.reviewed_at is None or item.reviewed_at <= reopened_at):
            return "before_reopening"
        return None
    if policy is EvidencePolicy.ACCEPTED or item.form is not EvidenceForm.FILE:
        return "not_reviewed"
    if reopened_at is not None and item.received_at <= reopened_at:
        return "before_reopening"
    return None


@dataclass(frozen=True, slots=True)
class EvidenceStanding:
    """Where a milestone's evidence stands on a day.

    `met_until` is the last day the policy stays met by what counts now (None: no end, or not met).
    """

    state: EvidenceState
    counting: int
    total: int
    waiting_since: date | None = None
    met_until: date | None = None
    pending_scan: int = 0


def standing(
    items: list[LinkedEvidence], *, policy: EvidencePolicy, on: date, reopened_at: datetime | None
) -> EvidenceStanding:
    """Judge all of a milestone's evidence under the plan's policy."""
    judged = verdicts(items, policy=policy, on=on, reopened_at=reopened_at)
    reasons = list(zip(items, judged, strict=True))
    counting = [item for item, why in reasons if why is None]
    waiting = [item for item, why in reasons if why in ("not_reviewed", "pending_scan", "before_reopening")]
    pending = sum(1 for _, why in reasons if why == "pending_scan")
    total = len(items)
    if counting:
        ends = [item.effective_to for item in counting]
        until = None if None in ends else max(end for end in ends if end is not None)
        return EvidenceStanding(EvidenceState.MET, len(counting), total, met_until=until, pending_scan=pending)
    if waiting:
        since = min((item.received_on for item in waiting if item.received_on is not None), default=None)
        return EvidenceStanding(EvidenceState.WAITING, 0, total, waiting_since=since, pending_scan=pending)
    turned_down = any(why in ("rejected", "returned", "quarantined") for _, why in reasons)
    # What was only withdrawn, or has run out, was not turned down: it is as if nothing had been sent.
    state = EvidenceState.REJECTED if turned_down else EvidenceState.NOTHING_SENT
    return EvidenceStanding(state, 0, total)


def missing(
    items: list[LinkedEvidence], *, policy: EvidencePolicy, on: date, reopened_at: datetime | None
) -> list[Reason]:
    """Everything about its evidence that keeps a milestone from being achieved, in plain words. Empty: nothing."""
    judged = verdicts(items, policy=policy, on=on, reopened_at=reopened_at)
    if None in judged:
        return []
    found: list[Reason] = []
    if policy is EvidencePolicy.ATTACHED:
        found.append(Reason("evidence_required", _evidence_required(judged, items)))
    else:
        found.append(Reason("evidence_not_accepted", _evidence_not_accepted(judged)))
    if "pending_scan" in judged:
        number = judged.count("pending_scan")
        waits = "1 file is" if number == 1 else f"{number} files are"
        found.append(Reason("evidence_pending_scan", f"{waits} waiting to be scanned and cannot count yet"))
    return found


def _tally(judged: list[str | None]) -> str:
    """What became of what was sent: "1 is rejected, 2 are withdrawn": what became of what was sent."""
    words = {
        "rejected": "rejected",
        "returned": "returned",
        "withdrawn": "withdrawn",
        "expired": "no longer valid",
        "quarantined": "in quarantine",
        "superseded": "superseded by a newer version",
        "before_reopening": "from before the reopening and must be accepted afresh",
        "not_reviewed": "waiting for review",
    }
    parts = []
    for code, word in words.items():
        number = judged.count(code)
        if number:
            parts.append(f"{number} {'is' if number == 1 else 'are'} {word}")
    return ", ".join(parts)


def _evidence_required(judged: list[str | None], items: list[LinkedEvidence]) -> str:
    if not items:
        return "No evidence has been sent. Attach a file that shows the work is done"
    return f"No file counts ({_tally(judged)}). Attach another file, or have what was sent accepted"


def _evidence_not_accepted(judged: list[str | None]) -> str:
    if not judged:
        return "No evidence has been sent. Attach evidence, and have it accepted by a reviewer who did not provide it"
    if "not_reviewed" in judged or "before_reopening" in judged:
        return f"No evidence has been accepted ({_tally(judged)}). Accept one item, or ask for another"
    return f"No evidence has been accepted ({_tally(judged)}). Attach another item, and have it accepted"


def unmet_independence(
    *,
    reviewer_id: str,
    provider_id: str | None,
    owner_id: str | None,
    withdrawn: bool,
    own_organisation: bool = False,
    ref: str = "this item",
    superseded_by: str | None = None,
) -> list[Reason]:
    """Why this person may not review this evidence for this milestone. Judged when the review is written.

    `own_organisation`: it came by a key of the reviewer's organisation.
    """
    found = []
    if withdrawn:
        found.append(Reason("evidence_withdrawn", f"{ref} was withdrawn, so there is nothing to review"))
    if superseded_by is not None:
        said = f"{ref} was superseded by {superseded_by}, which has been accepted: review that"
        found.append(Reason("evidence_superseded", said))
    if provider_id == reviewer_id:
        found.append(Reason("own_evidence", "You provided this evidence. Ask somebody else to review it"))
    if owner_id == reviewer_id:
        found.append(Reason("own_milestone", "You own this milestone. Ask somebody else to review its evidence"))
    if own_organisation:
        sentence = "It was sent by a key of your organisation. Ask somebody of another organisation to review it"
        found.append(Reason("own_organisation", sentence))
    return found


def unmet_version(*, ref: str, withdrawn: bool, newer: str | None, all_cancelled: bool) -> list[Reason]:
    """Why no newer version of this item is taken. `newer` is the reference of one that nobody has withdrawn."""
    found = []
    if withdrawn:
        found.append(Reason("evidence_withdrawn", f"{ref} was withdrawn. Attach the new file as evidence of its own"))
    if newer is not None:
        found.append(newer_version(ref, newer, "Send yours as a newer version of that"))
    if all_cancelled:
        found.append(Reason("milestone_cancelled", "What it supports was cancelled, so no evidence is needed"))
    return found


def newer_version(ref: str, newer: str, instead: str) -> Reason:
    return Reason("newer_version_exists", f"{ref} has a newer version, {newer}. {instead}")


def already_attached(ref: str, identity: str, received_on: date) -> Reason:
    """The same bytes are there: said plainly, and not stored twice."""
    return Reason(
        "evidence_already_attached",
        f"This is the same file as {ref}, sent on {long_date(received_on)}; nothing was added",
        {"evidence": identity},
    )


def sent_by_own_key(*, key_id: str | None, organisation_id: str, reviewer_organisation: str) -> bool:
    """Whether an item came by a key of the reviewer's organisation: nobody there is independent of it."""
    return key_id is not None and organisation_id == reviewer_organisation


def why_sealed(scan: ScanState) -> Reason | None:
    """Why a file can be neither opened nor accepted: nobody knows yet that it is safe, or that it is not is known."""
    if scan is ScanState.PENDING:
        return Reason("evidence_pending_scan", "The file is waiting to be scanned for viruses. Try again after that")
    if scan is ScanState.INFECTED:
        return Reason(
            "evidence_quarantined", "The file is in quarantine: a virus was found in it. A clean copy is needed"
        )
    return None


def declared_as_stored(declared: Iterable[PersonalData]) -> str | None:
    """What a sender declares, as one column holds it: words by a space, in the order of the list. None: not asked."""
    given = frozenset(declared)
    return " ".join(word for word in PersonalData if word in given) or None


def declared_from_stored(stored: str | None) -> tuple[PersonalData, ...]:
    """What `declared_as_stored` made. Nothing where nobody was asked."""
    return tuple(PersonalData(word) for word in (stored or "").split())


def restriction_as_stored(ids: Iterable[str]) -> str | None:
    """Who may know of an item, as one column holds it: ids of organisations and people, each between bars."""
    given = sorted(frozenset(ids))
    return f"|{'|'.join(given)}|" if given else None


def restriction_from_stored(stored: str | None) -> tuple[str, ...]:
    """What `restriction_as_stored` made. Nothing: whoever knows the milestone may know of the item."""
    return tuple(one for one in (stored or "").split("|") if one)


def may_know_of(stored: str | None, viewer: frozenset[str] | None) -> bool:
    """Whether a viewer, by the ids of the person and their organisation, may know of an item that is restricted as
    stored. None: a viewer who may know of everything.
    """
    return stored is None or viewer is None or not viewer.isdisjoint(restriction_from_stored(stored))


def known_to(items: Iterable[LinkedEvidence], viewer: frozenset[str] | None) -> list[LinkedEvidence]:
    """Of a milestone's items those that a viewer may know of: what is counted for them, and what reasons speak of."""
    return [item for item in items if may_know_of(item.restricted_to, viewer)]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is already safe in the store, waiting for its row. `to_scan`: it counts once it has been scanned.
    `search`: what the search for personal data came to; `looked_at`: its sender has seen what was found.
    """

    file_name: str
    content_type: str
    size: int
    sha256: str
    storage_name: str
    to_scan: bool = False
    search: Search | None = None
    looked_at: bool = False


# What services hand to the doors.


@dataclass(frozen=True, slots=True)
class LinkView:
    """How an evidence item bears on one milestone the viewer may know of."""

    milestone_id: str
    milestone_ref: str
    milestone_title: str
    outcome: ReviewOutcome | None
    relevance: int | None
    robustness: int | None
    reason: str | None
    reviewed_by: str | None
    reviewed_at: datetime | None
    counts: bool
    why_not: str | None


@dataclass(frozen=True, slots=True)
class VersionView:
    """One version in an item's history. `state` is one word, as of an item."""

    id: str
    ref: str
    number: int
    state: str
    received_at: datetime
    provided_by: str
    organisation: str
    sha256: str | None
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class SubmissionView:
    id: str
    received_at: datetime
    triage_due_at: datetime
    state: SubmissionState


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """One item of the evidence log, as one viewer may see it. `may_open`: whether the file is theirs to read."""

    id: str
    ref: str
    plan_id: str
    plan_slug: str
    title: str
    form: EvidenceForm
    kind: EvidenceKind
    description: str | None
    link: str | None
    statement: str | None
    file_name: str | None
    content_type: str | None
    size: int | None
    sha256: str | None
    received_at: datetime
    effective_from: date | None
    effective_to: date | None
    external_ref: str | None
    provided_by: str
    provided_by_id: str | None
    organisation: str
    organisation_slug: str
    marking: Marking
    scan: ScanState
    state: str
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawal_reason: str | None
    links: tuple[LinkView, ...]
    submission: SubmissionView | None
    may_open: bool
    may_withdraw: bool
    may_review: bool
    may_replace: bool
    version: str
    period_from: date | None
    period_to: date | None
    personal_data: tuple[PersonalData, ...]
    search: Search | None
    restricted_to: tuple[str, ...]
    door: Door
    by_key: bool
    version_number: int
    first_version_id: str | None
    supersedes: str | None
    versions: tuple[VersionView, ...]
    keeping: Keeping

    @property
    def series(self) -> str:
        """What all its versions have in common: the id of the first."""
        return self.first_version_id or self.id

    @property
    def newer(self) -> VersionView | None:
        """The newest version after this one that nobody has withdrawn."""
        later = [one for one in self.versions if one.number > self.version_number and not one.withdrawn]
        return later[-1] if later else None

    @property
    def may_download(self) -> bool:
        """Whether there is a file that this viewer can open now."""
        kept = self.keeping.disposed_at is None
        return self.form is EvidenceForm.FILE and self.may_open and kept and why_sealed(self.scan) is None


def state_words(
    *,
    scan: ScanState,
    withdrawn: bool,
    effective_to: date | None,
    outcomes: list[ReviewOutcome | None],
    on: date,
    is_superseded: bool = False,
) -> str:
    """One word: withdrawn, quarantined, pending_scan, superseded (for every milestone it supports), expired,
    accepted, rejected, returned or waiting.
    """
    if withdrawn:
        return "withdrawn"
    if scan is ScanState.INFECTED:
        return "quarantined"
    if scan is ScanState.PENDING:
        return "pending_scan"
    if is_superseded:
        return "superseded"
    if effective_to is not None and effective_to < on:
        return "expired"
    for outcome in (ReviewOutcome.ACCEPTED, ReviewOutcome.REJECTED, ReviewOutcome.RETURNED):
        if outcome in outcomes:
            return str(outcome)
    return "waiting"
