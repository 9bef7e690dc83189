"""What the guards let through, by raw SQL: the ways in which the work is done, and what they write while they judge."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.migrations import guarded
from tests.gate.outside import DAY, NOW, Outside, broken_milestones

WITHDRAW = "UPDATE evidence SET withdrawn_at = ?, withdrawn_by = 'Owner' WHERE id = ?"
REVIEW = "UPDATE evidence_links SET outcome = ?, reviewed_by = 'reviewer', reviewed_at = ? WHERE evidence_id = 'e'"
APPROVE = "UPDATE change_requests SET state = 'approved', decided_by = 'reviewer', decided_at = ? WHERE id = 'request'"


def counters(outside: Outside) -> tuple[int, int, int]:
    """The milestone's `evidence_seq`, its version, and the evidence's `link_seq`."""
    [(seq, version)] = outside.run("SELECT evidence_seq, version FROM milestones WHERE id = 'm'")
    [(links,)] = outside.run("SELECT link_seq FROM evidence WHERE id = 'e'")
    return seq, version, links


def test_a_completed_milestone_with_a_file_is_achieved(outside: Outside) -> None:
    assert outside.achieve("m") is None
    assert outside.status("m") == "achieved"
    assert broken_milestones(outside) == []


def test_a_milestone_is_lowered_and_then_its_evidence_withdrawn(outside: Outside) -> None:
    outside.achieve("m")

    assert outside.refused("UPDATE milestones SET status = 'completed', achieved_on = NULL WHERE id = 'm'") is None
    assert outside.refused(WITHDRAW, NOW, "e") is None
    assert outside.achieve("m") is not None


def test_evidence_is_withdrawn_while_another_item_still_counts(outside: Outside) -> None:
    outside.insert("evidence", id="e2")
    outside.insert("evidence_links", evidence_id="e2", milestone_id="m")
    outside.achieve("m")

    assert outside.refused(WITHDRAW, NOW, "e") is None
    assert outside.refused(WITHDRAW, NOW, "e2") is not None
    assert outside.status("m") == "achieved"


def test_a_newer_version_that_comes_in_as_accepted_is_judged_at_once(outside: Outside) -> None:
    """It supersedes the older one, so it must itself count; a link is inserted with its review on it by an import."""
    outside.achieve("m")
    newer = {"first_version_id": "e", "supersedes_id": "e"}
    outside.insert("evidence", id="past", version_number=2, effective_to=DAY - timedelta(days=1), **newer)
    outside.insert("evidence", id="good", version_number=3, **newer)
    accepted = {"milestone_id": "m", "outcome": "accepted", "reviewed_by": "reviewer", "reviewed_at": NOW}

    def linked(evidence: str) -> tuple[str, str] | None:
        return outside.refused_by(lambda: outside.insert("evidence_links", evidence_id=evidence, **accepted))

    assert linked("past") == (guarded.GATE, guarded.WOULD_LOSE_EVIDENCE)
    assert linked("good") is None
    assert outside.refused(WITHDRAW, NOW, "e") is None
    assert broken_milestones(outside) == []


def test_rejecting_evidence_for_one_milestone_leaves_the_others(outside: Outside) -> None:
    outside.insert("milestones", id="m2")
    outside.insert("evidence_links", evidence_id="e", milestone_id="m2")
    outside.achieve("m")
    reject = "UPDATE evidence_links SET outcome = 'rejected', reviewed_by = 'reviewer', reviewed_at = ?"

    assert outside.refused(f"{reject} WHERE milestone_id = 'm2'", NOW) is None
    assert outside.status("m") == "achieved"
    assert outside.achieve("m2") is not None


def test_evidence_of_another_plan_does_not_count_even_where_foreign_keys_are_off(outside_sqlite: Outside) -> None:
    outside = outside_sqlite
    outside.insert("plans", id="other", slug="other")
    outside.insert("evidence", id="f", plan_id="other")
    outside.insert("milestones", id="bare")
    outside.insert("evidence_links", evidence_id="f", milestone_id="bare", plan_id="plan")

    assert outside.achieve("bare") is not None


def test_a_due_date_moves_once_its_change_request_is_approved(outside: Outside) -> None:
    move = "UPDATE milestones SET due_date = ? WHERE id = 'm'"
    assert outside.refused(move, date(2026, 3, 1)) is not None

    outside.run(APPROVE, NOW)

    assert outside.refused(move, date(2026, 3, 1)) is None


def test_dates_of_a_draft_are_free(outside: Outside) -> None:
    outside.insert("plans", id="draft", slug="draft", state="draft")
    outside.insert("themes", id="theme2", plan_id="draft")
    outside.insert("actions", id="action2", plan_id="draft", theme_id="theme2")
    outside.insert(
        "milestones", id="n", plan_id="draft", theme_id="theme2", action_id="action2", due_date=DAY, baseline_date=DAY
    )

    moved = "UPDATE milestones SET due_date = ?, baseline_date = ? WHERE id = 'n'"
    assert outside.refused(moved, date(2026, 3, 1), date(2026, 3, 1)) is None
    assert outside.refused("UPDATE plans SET state = 'approved' WHERE id = 'draft'") is None
    assert outside.refused(moved, date(2026, 4, 1), date(2026, 3, 1)) is not None
    assert outside.refused(moved, date(2026, 3, 1), date(2026, 4, 1)) is not None


def test_a_first_baseline_is_the_first_due_date_in_an_approved_plan(outside: Outside) -> None:
    outside.run(APPROVE, NOW)
    both = "UPDATE milestones SET due_date = ?, baseline_date = ? WHERE id = 'm'"
    assert outside.refused(both, date(2026, 3, 1), date(2026, 3, 2)) is not None
    assert outside.refused(both, date(2026, 3, 1), date(2026, 3, 1)) is None


def test_a_baseline_is_corrected_once_the_correction_is_on_the_record(outside: Outside) -> None:
    outside.insert("milestones", id="m2", due_date=DAY, baseline_date=DAY)
    correct = "UPDATE milestones SET baseline_date = ? WHERE id = 'm2'"
    assert outside.refused(correct, date(2026, 3, 1)) is not None

    outside.insert("baseline_corrections", id="c2", milestone_id="m2", was=DAY, baseline_date=date(2026, 3, 1))

    assert outside.refused(correct, date(2026, 3, 1)) is None
    assert outside.refused(correct, DAY) is not None


def test_a_change_request_is_withdrawn_by_who_asked(outside: Outside) -> None:
    withdraw = "UPDATE change_requests SET state = 'withdrawn', decided_at = ? WHERE id = 'request'"
    assert outside.refused(withdraw, NOW) is None


def test_ofsteds_date_moves_with_ofsteds_agreement(outside: Outside) -> None:
    outside.run("UPDATE milestones SET due_set_by = 'ofsted' WHERE id = 'm'")
    assert outside.refused(APPROVE, NOW) is not None
    outside.insert("change_requests", id="agreed", milestone_id="m", due_date=date(2026, 3, 1), agreed_on=DAY)

    assert outside.refused(APPROVE.replace("'request'", "'agreed'"), NOW) is None
    assert outside.refused("UPDATE milestones SET due_date = ? WHERE id = 'm'", date(2026, 3, 1)) is None


def test_a_plan_takes_another_address(outside: Outside) -> None:
    assert outside.refused("UPDATE plans SET slug = 'renamed' WHERE id = 'plan'") is None
    assert outside.refused("UPDATE plans SET slug = 'renamed', title = 'Again' WHERE id = 'plan'") is None
    assert outside.refused("UPDATE plans SET slug = 'plan' WHERE id = 'plan'") is None  # and its own one back
    assert outside.run("SELECT slug FROM plan_addresses WHERE plan_id = 'plan' ORDER BY slug") == [
        ("plan",), ("renamed",),
    ]  # fmt: skip


def test_a_review_is_followed_by_another(outside: Outside) -> None:
    assert outside.refused(REVIEW, "accepted", NOW) is None
    assert outside.refused(REVIEW, "rejected", NOW) is None
    again = "UPDATE evidence_links SET relevance = 1, robustness = 1, reviewed_at = ? WHERE evidence_id = 'e'"
    assert outside.refused(again, NOW + timedelta(days=1)) is None


def test_a_text_is_redacted(outside: Outside) -> None:
    redact = "UPDATE texts SET body = NULL, salt = NULL, redacted_at = ? WHERE id = 'text'"
    assert outside.refused(redact, NOW) is None
    assert outside.run("SELECT body, salt, item_kind FROM texts")[0][:2] == (None, None)


def test_a_chain_moves_on(outside: Outside) -> None:
    assert outside.refused("UPDATE audit_heads SET seq = 2, hash = 'next' WHERE chain = 'plan'") is None


@pytest.mark.parametrize("table", ["milestone_supporters", "evidence_shares", "milestone_restrictions"])
def test_who_supports_shares_or_may_know_is_taken_back(outside: Outside, table: str) -> None:
    row = {"milestone_restrictions": {"id": "x", "milestone_id": "m"}, "evidence_shares": {"evidence_id": "e"}}
    outside.insert(table, **row.get(table, {"milestone_id": "m"}), organisation_id="council")

    assert outside.refused(f"DELETE FROM {table}") is None
    assert outside.run(f"SELECT count(*) FROM {table}") == [(0,)]


def test_the_access_log_keeps_the_first_entry_of_an_hour(outside: Outside) -> None:
    row = outside.row("access_log", id="again", actor_id="owner", what="opened", item_id="e", actor_title="Other")
    columns, marks = ", ".join(row), ", ".join("?" * len(row))

    outside.run(f"INSERT INTO access_log ({columns}) VALUES ({marks}) ON CONFLICT DO NOTHING", *row.values())

    assert outside.run("SELECT id FROM access_log") == [("access",)]


def test_linking_writes_the_evidence_and_not_the_milestone(outside: Outside) -> None:
    seq, version, links = counters(outside)
    outside.insert("milestones", id="m2")
    outside.insert("evidence_links", evidence_id="e", milestone_id="m2")

    assert counters(outside) == (seq, version, links + 1)
    assert links == 1  # the link with which the test began


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE evidence SET withdrawn_at = '2026-01-10 09:30:00', withdrawn_by = 'Owner' WHERE id = 'e'",
        "UPDATE evidence SET scan = 'infected' WHERE id = 'e'",
        "UPDATE evidence SET effective_to = '2027-01-01' WHERE id = 'e'",
        "UPDATE evidence_links SET outcome = 'returned', reviewed_by = 'reviewer', reviewed_at = '2026-01-10 09:30:00'",
        "UPDATE plans SET evidence_policy = 'accepted'",
    ],
)
def test_what_changes_the_counting_is_counted_and_is_no_edit(outside: Outside, statement: str) -> None:
    seq, version, links = counters(outside)

    assert outside.refused(statement) is None

    assert counters(outside) == (seq + 1, version, links)


def test_what_does_not_change_the_counting_is_not_counted(outside: Outside) -> None:
    before = counters(outside)

    outside.run("UPDATE evidence SET title = 'Minutes of July', marking = 'official' WHERE id = 'e'")
    outside.run("UPDATE plans SET title = 'Renamed', version = version + 1")

    assert counters(outside) == before


def test_an_edit_of_an_achieved_milestone_does_not_run_the_gate(outside: Outside) -> None:
    """The evidence may have ended since: a trigger reads no clock, and a title can be put right all the same."""
    outside.achieve("m")

    assert outside.refused("UPDATE milestones SET title = 'As agreed', version = version + 1 WHERE id = 'm'") is None
