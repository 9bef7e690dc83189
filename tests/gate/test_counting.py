"""The database's verdict is that of `app.domain.evidence.why_not`, for everything that can be true of an item.

Three times: one item in every state there is; several items and every kind of change to them while a milestone is
achieved; and both on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.evidence import LinkedEvidence, verdicts, why_not
from app.domain.words import EvidenceForm, EvidencePolicy, ReviewOutcome, ScanState
from app.migrations import guarded
from tests.gate.outside import DAY, NOW, Outside, broken_milestones, connect, stage

REOPENED = NOW
MOMENT = timedelta(microseconds=1)
AROUND_REOPENING = (REOPENED - MOMENT, REOPENED, REOPENED + MOMENT)
ENDS = (None, DAY - timedelta(days=1), DAY, DAY + timedelta(days=1))


def every_item() -> Iterator[tuple[LinkedEvidence, datetime | None]]:
    """Every state of an item, and when its milestone was reopened, if it was."""
    for reopened_at, when in ((None, AROUND_REOPENING[:1]), (REOPENED, AROUND_REOPENING)):
        reviews = [(None, None), *itertools.product(ReviewOutcome, when)]
        for form, scan, withdrawn_at, effective_to, (outcome, reviewed_at), received_at in itertools.product(
            EvidenceForm, ScanState, (None, NOW), ENDS, reviews, when
        ):
            item = LinkedEvidence(
                evidence_id="", form=form, scan=scan, received_at=received_at, effective_to=effective_to,
                withdrawn_at=withdrawn_at, outcome=outcome, reviewed_at=reviewed_at,
            )  # fmt: skip
            yield item, reopened_at


def evidence_row(item: LinkedEvidence) -> dict[str, Any]:
    return {
        "id": item.evidence_id, "form": str(item.form), "scan": str(item.scan), "received_at": item.received_at,
        "effective_to": item.effective_to, "withdrawn_at": item.withdrawn_at,
        "withdrawn_by": "Owner" if item.withdrawn_at else None, "link": "https://example.org",
        "first_version_id": item.first_version_id, "version_number": item.version_number,
        "supersedes_id": item.first_version_id,
    }  # fmt: skip


def link_row(item: LinkedEvidence, *, milestone: str) -> dict[str, Any]:
    return {
        "evidence_id": item.evidence_id, "milestone_id": milestone, "outcome": item.outcome and str(item.outcome),
        "reviewed_by": "reviewer" if item.outcome else None, "reviewed_at": item.reviewed_at,
    }  # fmt: skip


@pytest.mark.parametrize("policy", EvidencePolicy)
def test_one_item_in_every_state_counts_where_the_rule_says_so(database_url: str, policy: EvidencePolicy) -> None:
    outside = connect(database_url)
    outside.run("BEGIN")
    stage(outside)
    outside.run("UPDATE plans SET evidence_policy = ?", str(policy))
    every = [
        (replace(item, evidence_id=f"e{number}"), f"m{number}", reopened_at)
        for number, (item, reopened_at) in enumerate(every_item())
    ]
    outside.insert_many("milestones", [{"id": name, "reopened_at": reopened_at} for _, name, reopened_at in every])
    outside.insert_many("evidence", [evidence_row(item) for item, _, _ in every])
    outside.insert_many("evidence_links", [link_row(item, milestone=name) for item, name, _ in every])
    outside.run("COMMIT")
    outside.run("ANALYZE")  # without it PostgreSQL reads whole tables to judge one milestone
    # From here each attempt is a transaction: thousands of savepoints in one are slow on both databases.

    counting = 0
    for item, milestone, reopened_at in every:
        refused = outside.achieve(milestone)

        counts = why_not(item, policy=policy, on=DAY, reopened_at=reopened_at) is None
        assert refused == (None if counts else (guarded.GATE, guarded.NEEDS_EVIDENCE)), (item, reopened_at)
        counting += counts

    assert 50 < counting < len(every) - 50
    assert broken_milestones(outside) == []
    outside.connection.close()


# Several items, and changes to them.

items = st.builds(
    LinkedEvidence,
    evidence_id=st.just(""),
    form=st.sampled_from(EvidenceForm),
    scan=st.sampled_from([ScanState.UNSCANNED, ScanState.CLEAN, ScanState.PENDING]),
    received_at=st.sampled_from(AROUND_REOPENING),
    effective_to=st.sampled_from(ENDS),
    withdrawn_at=st.sampled_from([None, None, None, NOW]),
    outcome=st.none(),
    reviewed_at=st.none(),
)

changes = st.one_of(
    st.tuples(st.just("scan"), st.integers(0, 2), st.sampled_from(ScanState)),
    st.tuples(st.just("effective_to"), st.integers(0, 2), st.sampled_from(ENDS)),
    st.tuples(st.just("withdraw"), st.integers(0, 2), st.none()),
    st.tuples(st.just("review"), st.integers(0, 2), st.sampled_from(ReviewOutcome)),
    st.tuples(st.just("policy"), st.none(), st.sampled_from(EvidencePolicy)),
    st.tuples(st.just("achieve"), st.none(), st.sampled_from([DAY, DAY + timedelta(days=1)])),
    st.tuples(st.just("lower"), st.none(), st.none()),
    st.tuples(st.just("reopen"), st.none(), st.sampled_from([REOPENED, REOPENED + MOMENT])),
)


class Expected:
    """What the tables should hold, and by the rule of `why_not` alone whether a change may be carried out."""

    def __init__(self, given: list[LinkedEvidence]) -> None:
        self.items = given
        self.policy = EvidencePolicy.ATTACHED
        self.reopened_at: datetime | None = None
        self.achieved_on: date | None = None
        self.reviews = 0

    def holds(self) -> bool:
        """Whether nothing is achieved against its plan's policy."""
        return self.achieved_on is None or None in verdicts(
            self.items, policy=self.policy, on=self.achieved_on, reopened_at=self.reopened_at
        )

    def change_item(self, number: int, **facts: Any) -> None:
        self.items[number] = replace(self.items[number], **facts)

    def copy(self) -> Expected:
        other = Expected(list(self.items))
        other.policy, other.reopened_at = self.policy, self.reopened_at
        other.achieved_on, other.reviews = self.achieved_on, self.reviews
        return other


def change(expected: Expected, kind: str, number: int, value: Any) -> tuple[str, tuple[object, ...]] | None:
    """Make the change to what is expected; the same as a statement, or None where there is nothing to change."""
    if kind == "policy":
        expected.policy = value
        return "UPDATE plans SET evidence_policy = ?", (str(value),)
    if kind == "achieve":
        expected.achieved_on = value
        return "UPDATE milestones SET status = 'achieved', achieved_on = ? WHERE id = 'judged'", (value,)
    if kind == "lower":
        expected.achieved_on = None
        return "UPDATE milestones SET status = 'completed', achieved_on = NULL WHERE id = 'judged'", ()
    if kind == "reopen":
        if expected.reopened_at is not None and value < expected.reopened_at:
            return None
        expected.reopened_at = value
        return "UPDATE milestones SET reopened_at = ? WHERE id = 'judged'", (value,)
    if number >= len(expected.items):
        return None
    return change_item(expected, kind, number, value)


def change_item(expected: Expected, kind: str, number: int, value: Any) -> tuple[str, tuple[object, ...]] | None:
    item = f"i{number}"
    if kind in ("scan", "effective_to"):
        expected.change_item(number, **{kind: value})
        return f"UPDATE evidence SET {kind} = ? WHERE id = ?", (str(value) if kind == "scan" else value, item)
    if kind == "withdraw":
        if expected.items[number].withdrawn_at is not None:
            return None
        expected.change_item(number, withdrawn_at=NOW)
        return "UPDATE evidence SET withdrawn_at = ?, withdrawn_by = 'Owner' WHERE id = ?", (NOW, item)
    at = REOPENED + expected.reviews * MOMENT  # the first review is not after the reopening, the later ones are
    expected.reviews += 1
    expected.change_item(number, outcome=value, reviewed_at=at)
    review = "UPDATE evidence_links SET outcome = ?, reviewed_by = 'reviewer', reviewed_at = ? WHERE evidence_id = ?"
    return review, (str(value), at, item)


def numbered_version(item: LinkedEvidence, number: int) -> LinkedEvidence:
    return replace(item, first_version_id="i0", version_number=number) if number > 1 else item


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    given_items=st.lists(items, min_size=0, max_size=3),
    versions=st.booleans(),
    sequence=st.lists(changes, min_size=1, max_size=12),
)
def test_a_change_is_refused_exactly_when_a_milestone_would_stay_achieved_against_the_rule(
    outside: Outside, given_items: list[LinkedEvidence], versions: bool, sequence: list[tuple[str, int, Any]]
) -> None:
    """`versions`: the items are one item's versions, each newer than the one before."""
    outside.run("SAVEPOINT example")
    outside.insert("milestones", id="judged")
    numbered = [replace(item, evidence_id=f"i{number}") for number, item in enumerate(given_items)]
    if versions:
        numbered = [numbered_version(item, number) for number, item in enumerate(numbered, start=1)]
    for item in numbered:
        outside.insert("evidence", **evidence_row(item))
        outside.insert("evidence_links", **link_row(item, milestone="judged"))
    expected = Expected(numbered)

    for step in sequence:
        wanted = expected.copy()
        statement = change(wanted, *step)
        if statement is None:
            continue
        refused = outside.refused(statement[0], *statement[1])
        assert (refused is None) == wanted.holds(), (step, refused)
        assert refused is None or refused[0] == guarded.GATE
        if refused is None:
            expected = wanted

    assert broken_milestones(outside) == []
    outside.run("ROLLBACK TO SAVEPOINT example")
    outside.run("RELEASE SAVEPOINT example")
