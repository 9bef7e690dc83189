"""The gate and the transitions: every status, every plan state."""

from datetime import date

import pytest

from app.domain.milestones import (
    TRANSITIONS,
    may_be_updated,
    unmet_criteria,
    unmet_plan_state,
    unmet_transition,
)
from app.domain.words import EvidencePolicy, MilestoneEventKind, PlanState, Status
from tests.domain.test_evidence import TODAY, item


def gate(status: Status, plan: PlanState = PlanState.APPROVED, *, evidence: bool = True) -> list[str]:
    unmet = unmet_criteria(
        status=status,
        plan_state=plan,
        policy=EvidencePolicy.ATTACHED,
        evidence=[item()] if evidence else [],
        reopened_at=None,
        on=TODAY,
    )
    return [reason.code for reason in unmet]


def test_only_a_completed_milestone_of_an_approved_plan_with_evidence_passes() -> None:
    assert gate(Status.COMPLETED) == []
    for status in set(Status) - {Status.COMPLETED}:
        assert gate(status) == ["not_completed"]


def test_everything_that_is_missing_is_said_at_once() -> None:
    assert gate(Status.IN_PROGRESS, PlanState.DRAFT, evidence=False) == [
        "plan_not_approved",
        "not_completed",
        "evidence_required",
    ]
    assert gate(Status.COMPLETED, PlanState.CLOSED) == ["plan_not_approved"]


@pytest.mark.parametrize("kind", TRANSITIONS)
@pytest.mark.parametrize("status", Status)
def test_a_transition_is_made_from_its_own_statuses_only(kind: MilestoneEventKind, status: Status) -> None:
    allowed, _ = TRANSITIONS[kind]
    unmet = unmet_transition(kind, status=status, plan_state=PlanState.APPROVED)
    assert (unmet == []) is (status in allowed)
    assert all(reason.message for reason in unmet)


def test_achieved_is_reached_from_completed_and_from_nowhere_else() -> None:
    leads_there = {kind for kind, (_, after) in TRANSITIONS.items() if after is Status.ACHIEVED}
    assert leads_there == {MilestoneEventKind.ACHIEVED}
    assert TRANSITIONS[MilestoneEventKind.ACHIEVED][0] == {Status.COMPLETED}


def test_progress_is_reported_on_approved_plans_only() -> None:
    assert unmet_plan_state(PlanState.APPROVED) == []
    assert [reason.code for reason in unmet_plan_state(PlanState.DRAFT)] == ["plan_not_approved"]
    assert [reason.code for reason in unmet_plan_state(PlanState.CLOSED)] == ["plan_closed"]


def test_what_has_ended_is_not_updated() -> None:
    assert [reason.code for reason in may_be_updated(Status.CANCELLED)] == ["milestone_cancelled"]
    assert [reason.code for reason in may_be_updated(Status.ACHIEVED)] == ["milestone_achieved"]
    for status in (Status.NOT_STARTED, Status.IN_PROGRESS, Status.COMPLETED):
        assert may_be_updated(status) == []


def test_today_is_an_argument() -> None:
    expired = [item(effective_to=date(2026, 3, 1))]
    given = {"status": Status.COMPLETED, "plan_state": PlanState.APPROVED, "policy": EvidencePolicy.ATTACHED}
    assert unmet_criteria(**given, evidence=expired, reopened_at=None, on=date(2026, 3, 1)) == []  # type: ignore[arg-type]
    assert unmet_criteria(**given, evidence=expired, reopened_at=None, on=date(2026, 3, 2)) != []  # type: ignore[arg-type]
