"""When evidence counts, what is missing, and who may not review: every branch of app/domain/evidence.py."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from app.domain.evidence import (
    LinkedEvidence,
    declared_as_stored,
    declared_from_stored,
    missing,
    standing,
    state_words,
    unmet_independence,
    verdicts,
    why_not,
)
from app.domain.words import EvidenceForm, EvidencePolicy, EvidenceState, PersonalData, ReviewOutcome, ScanState

TODAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ATTACHED, ACCEPTED = EvidencePolicy.ATTACHED, EvidencePolicy.ACCEPTED


def item(
    form: EvidenceForm = EvidenceForm.FILE,
    *,
    scan: ScanState = ScanState.UNSCANNED,
    effective_to: date | None = None,
    withdrawn: bool = False,
    outcome: ReviewOutcome | None = None,
    received_at: datetime = NOON,
    reviewed_at: datetime | None = None,
) -> LinkedEvidence:
    return LinkedEvidence(
        evidence_id="e1",
        form=form,
        scan=scan,
        received_at=received_at,
        effective_to=effective_to,
        withdrawn_at=NOON if withdrawn else None,
        outcome=outcome,
        reviewed_at=reviewed_at or (NOON if outcome else None),
        received_on=received_at.date(),
    )


@pytest.mark.parametrize(
    ("evidence", "policy", "why"),
    [
        (item(), ATTACHED, None),
        (item(scan=ScanState.CLEAN), ATTACHED, None),
        (item(), ACCEPTED, "not_reviewed"),
        (item(EvidenceForm.LINK), ATTACHED, "not_reviewed"),
        (item(EvidenceForm.STATEMENT), ATTACHED, "not_reviewed"),
        (item(EvidenceForm.LINK, outcome=ReviewOutcome.ACCEPTED), ATTACHED, None),
        (item(outcome=ReviewOutcome.ACCEPTED), ACCEPTED, None),
        (item(outcome=ReviewOutcome.REJECTED), ATTACHED, "rejected"),
        (item(outcome=ReviewOutcome.RETURNED), ATTACHED, "returned"),
        (item(withdrawn=True, outcome=ReviewOutcome.ACCEPTED), ATTACHED, "withdrawn"),
        (item(scan=ScanState.INFECTED, outcome=ReviewOutcome.ACCEPTED), ATTACHED, "quarantined"),
        (item(scan=ScanState.PENDING), ATTACHED, "pending_scan"),
        (item(effective_to=TODAY), ATTACHED, None),
        (item(effective_to=TODAY - timedelta(days=1), outcome=ReviewOutcome.ACCEPTED), ACCEPTED, "expired"),
    ],
)
def test_an_item_counts_or_says_why_not(evidence: LinkedEvidence, policy: EvidencePolicy, why: str | None) -> None:
    assert why_not(evidence, policy=policy, on=TODAY, reopened_at=None) == why
    assert (standing([evidence], policy=policy, on=TODAY, reopened_at=None).counting == 1) is (why is None)


def test_a_version_counts_until_a_newer_one_has_been_accepted() -> None:
    def judged(*versions: LinkedEvidence) -> list[str | None]:
        numbered = [
            replace(one, evidence_id=f"e{n}", version_number=n, first_version_id="e1" if n > 1 else None)
            for n, one in enumerate(versions, start=1)
        ]
        return verdicts(numbered, policy=ACCEPTED, on=TODAY, reopened_at=None)

    accepted, waiting = item(outcome=ReviewOutcome.ACCEPTED), item()
    assert judged(accepted, waiting) == [None, "not_reviewed"]
    assert judged(accepted, item(outcome=ReviewOutcome.REJECTED)) == [None, "rejected"]
    assert judged(accepted, item(outcome=ReviewOutcome.ACCEPTED, withdrawn=True)) == [None, "withdrawn"]
    assert judged(accepted, accepted) == ["superseded", None]
    assert judged(accepted, accepted, waiting) == ["superseded", None, "not_reviewed"]
    assert judged(accepted, waiting, accepted) == ["superseded", "superseded", None]
    yesterday = TODAY - timedelta(days=1)
    assert judged(accepted, item(outcome=ReviewOutcome.ACCEPTED, effective_to=yesterday)) == ["superseded", "expired"]
    another = replace(accepted, evidence_id="other")
    assert verdicts([accepted, another], policy=ACCEPTED, on=TODAY, reopened_at=None) == [None, None]


def test_what_is_declared_is_kept_in_the_order_of_the_list() -> None:
    declared = declared_as_stored([PersonalData.CRIMINAL_OFFENCE, PersonalData.STAFF, PersonalData.STAFF])
    assert declared == "staff criminal_offence"
    assert declared_from_stored(declared) == (PersonalData.STAFF, PersonalData.CRIMINAL_OFFENCE)
    assert declared_as_stored([]) is None
    assert declared_from_stored(None) == ()


def test_what_came_before_a_reopening_counts_again_only_when_accepted_after_it() -> None:
    reopened, later = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
    cases = [
        (item(), "before_reopening"),
        (item(received_at=later), None),
        (item(outcome=ReviewOutcome.ACCEPTED), "before_reopening"),
        (item(outcome=ReviewOutcome.ACCEPTED, reviewed_at=later), None),
    ]
    for evidence, why in cases:
        assert why_not(evidence, policy=ATTACHED, on=TODAY, reopened_at=reopened) == why


def test_the_standing_tells_how_many_count_and_until_when() -> None:
    soon, later = TODAY + timedelta(days=3), TODAY + timedelta(days=9)
    both = [item(effective_to=soon), item(effective_to=later), item(outcome=ReviewOutcome.REJECTED)]
    found = standing(both, policy=ATTACHED, on=TODAY, reopened_at=None)
    assert (found.state, found.counting, found.total, found.met_until) == (EvidenceState.MET, 2, 3, later)
    assert standing([*both, item()], policy=ATTACHED, on=TODAY, reopened_at=None).met_until is None


def test_the_standing_tells_waiting_from_rejected_from_nothing_sent() -> None:
    earlier = NOON - timedelta(days=4)
    waiting = [item(received_at=earlier), item(scan=ScanState.PENDING), item(outcome=ReviewOutcome.REJECTED)]
    found = standing(waiting, policy=ACCEPTED, on=TODAY, reopened_at=None)
    assert (found.state, found.waiting_since, found.pending_scan) == (EvidenceState.WAITING, earlier.date(), 1)
    rejected = standing([item(outcome=ReviewOutcome.REJECTED)], policy=ATTACHED, on=TODAY, reopened_at=None)
    assert rejected.state is EvidenceState.REJECTED
    withdrawn = standing([item(withdrawn=True)], policy=ATTACHED, on=TODAY, reopened_at=None)
    assert (withdrawn.state, withdrawn.total) == (EvidenceState.NOTHING_SENT, 1)
    assert standing([], policy=ATTACHED, on=TODAY, reopened_at=None).state is EvidenceState.NOTHING_SENT


@pytest.mark.parametrize(
    ("evidence", "policy", "codes", "words"),
    [
        ([], ATTACHED, ["evidence_required"], "No evidence has been sent"),
        ([], ACCEPTED, ["evidence_not_accepted"], "Attach evidence, and have it accepted"),
        ([item(outcome=ReviewOutcome.REJECTED)], ATTACHED, ["evidence_required"], "1 is rejected"),
        ([item(withdrawn=True), item(withdrawn=True)], ATTACHED, ["evidence_required"], "2 are withdrawn"),
        ([item()], ACCEPTED, ["evidence_not_accepted"], "Accept one item, or ask for another"),
        ([item(outcome=ReviewOutcome.REJECTED)], ACCEPTED, ["evidence_not_accepted"], "Attach another item"),
        ([item(scan=ScanState.PENDING)], ATTACHED, ["evidence_required", "evidence_pending_scan"], "1 file is waiting"),
        ([item(scan=ScanState.PENDING)] * 2, ATTACHED, ["evidence_required", "evidence_pending_scan"], "2 files are"),
        ([item(), item(outcome=ReviewOutcome.REJECTED)], ATTACHED, [], ""),
    ],
)
def test_what_is_missing_is_said_in_plain_words(
    evidence: list[LinkedEvidence], policy: EvidencePolicy, codes: list[str], words: str
) -> None:
    found = missing(evidence, policy=policy, on=TODAY, reopened_at=None)
    assert [reason.code for reason in found] == codes
    assert words in " ".join(reason.message for reason in found)


def test_neither_provider_nor_owner_reviews_and_nobody_what_was_withdrawn() -> None:
    found = unmet_independence(reviewer_id="p", provider_id="p", owner_id="p", withdrawn=True, ref="E-001")
    assert [reason.code for reason in found] == ["evidence_withdrawn", "own_evidence", "own_milestone"]
    assert unmet_independence(reviewer_id="r", provider_id="p", owner_id="o", withdrawn=False) == []
    assert unmet_independence(reviewer_id="r", provider_id=None, owner_id=None, withdrawn=False) == []


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"withdrawn": True, "scan": ScanState.INFECTED}, "withdrawn"),
        ({"scan": ScanState.INFECTED}, "quarantined"),
        ({"scan": ScanState.PENDING}, "pending_scan"),
        ({"effective_to": TODAY - timedelta(days=1)}, "expired"),
        ({"outcomes": [None, ReviewOutcome.ACCEPTED, ReviewOutcome.REJECTED]}, "accepted"),
        ({"outcomes": [ReviewOutcome.REJECTED]}, "rejected"),
        ({"outcomes": [ReviewOutcome.RETURNED]}, "returned"),
        ({"outcomes": [None]}, "waiting"),
    ],
)
def test_an_item_has_one_word(given: dict[str, object], word: str) -> None:
    plain = {"scan": ScanState.UNSCANNED, "withdrawn": False, "effective_to": None, "outcomes": [None]}
    assert state_words(**{**plain, **given}, on=TODAY) == word  # type: ignore[arg-type]
