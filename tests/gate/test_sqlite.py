"""SQLite's own ways round a trigger: REPLACE, upserts, hidden row numbers, pragmas, conflict clauses."""

from __future__ import annotations

from typing import Any

import pytest

from app.migrations import guarded
from tests.gate.outside import DAY, NOW, Outside, broken_milestones

PRAGMAS = [
    (),
    ("foreign_keys = ON",),
    ("recursive_triggers = ON",),
    ("foreign_keys = OFF", "ignore_check_constraints = ON", "recursive_triggers = OFF"),
]


@pytest.fixture(params=PRAGMAS, ids=lambda pragmas: ", ".join(pragmas) or "as it comes")
def outside(request: pytest.FixtureRequest, outside_sqlite: Outside) -> Outside:
    for pragma in request.param:
        outside_sqlite.run(f"PRAGMA {pragma}")
    return outside_sqlite


def replacing(outside: Outside, table: str, **values: Any) -> tuple[str, str] | None:
    row = outside.row(table, **values)
    return outside.refused_by(lambda: outside.insert_row(table, row, how="REPLACE"))


def numbers(outside: Outside, table: str) -> list[int]:
    return [number for (number,) in outside.run(f"SELECT rowid FROM {table} ORDER BY rowid")]


def test_a_milestone_is_not_replaced_by_an_achieved_one(outside: Outside) -> None:
    assert replacing(outside, "milestones", id="m", status="achieved", achieved_on=DAY) is not None
    assert outside.status("m") == "completed"


def test_a_reference_is_not_taken_from_another_row(outside: Outside) -> None:
    [(ref,)] = outside.run("SELECT ref FROM evidence WHERE id = 'e'")
    outside.achieve("m")

    refused = replacing(outside, "evidence", id="thief", ref=ref)

    assert refused == (guarded.NEVER_REPLACED, guarded.replaced_sentence("evidence"))
    assert broken_milestones(outside) == []


def test_a_chosen_number_does_not_replace_the_row_that_has_it(outside: Outside) -> None:
    outside.achieve("m")
    [number] = numbers(outside, "evidence")

    refused = replacing(outside, "evidence", id="thief", rowid=number)

    assert refused == (guarded.NEVER_REPLACED, guarded.replaced_sentence("evidence"))
    assert outside.run("SELECT id FROM evidence") == [("e",)]


@pytest.mark.parametrize("name", ["rowid", "oid", "_rowid_"])
@pytest.mark.parametrize("table", ["evidence", "milestones", "evidence_links", "plans"])
def test_a_row_is_not_moved_onto_another(outside: Outside, table: str, name: str) -> None:
    outside.insert("plans", id="p2", slug="p2")
    outside.insert("evidence", id="e2")
    outside.insert("milestones", id="m2")
    outside.insert("evidence_links", evidence_id="e2", milestone_id="m2")
    first, second, *_ = numbers(outside, table)

    refused = outside.refused(f"UPDATE OR REPLACE {table} SET {name} = {first} WHERE rowid = {second}")

    assert refused is not None
    assert numbers(outside, table)[:2] == [first, second]


@pytest.mark.parametrize("number", [-1, 0, -9_000_000_000])
def test_no_row_gets_the_number_that_stands_for_none_chosen(outside: Outside, number: int) -> None:
    row = outside.row("evidence", id="e2", rowid=number)

    refused = outside.refused_by(lambda: outside.insert_row("evidence", row))

    assert refused == (guarded.ROWID, guarded.ROWID_SENTENCE)
    outside.insert("evidence", id="e3")  # and none of it is in the way of the next


@pytest.mark.parametrize(
    "upsert",
    [
        "ON CONFLICT (id) DO UPDATE SET status = 'achieved', achieved_on = '2026-01-20'",
        "ON CONFLICT (plan_id, ref) DO UPDATE SET evidence_seq = 0, status = 'achieved', achieved_on = '2026-01-20'",
        "ON CONFLICT DO NOTHING",
    ],
)
def test_an_upsert_is_no_way_round(outside: Outside, upsert: str) -> None:
    row = outside.row("milestones", id="m")
    columns, marks = ", ".join(row), ", ".join("?" * len(row))

    refused = outside.refused(f"INSERT INTO milestones ({columns}) VALUES ({marks}) {upsert}", *row.values())

    assert refused == (guarded.NEVER_REPLACED, guarded.replaced_sentence("milestones"))


@pytest.mark.parametrize("clause", ["IGNORE", "FAIL", "ROLLBACK", "REPLACE", "ABORT"])
def test_a_conflict_clause_does_not_silence_the_gate(outside: Outside, clause: str) -> None:
    outside.insert("milestones", id="bare")
    achieve = f"UPDATE OR {clause} milestones SET status = 'achieved', achieved_on = '2026-01-20'"

    assert outside.refused(achieve) == (guarded.GATE, guarded.NEEDS_EVIDENCE)
    assert [outside.status(milestone) for milestone in ("m", "bare")] == ["completed", "completed"]

    outside.achieve("m")
    withdraw = f"UPDATE OR {clause} evidence SET withdrawn_at = ?, withdrawn_by = 'Owner'"
    assert outside.refused(withdraw, NOW) == (guarded.GATE, guarded.WOULD_LOSE_EVIDENCE)
    assert broken_milestones(outside) == []


def test_a_day_before_all_days_does_not_make_ended_evidence_count(outside: Outside) -> None:
    outside.run("UPDATE evidence SET effective_to = '2020-01-01'")

    assert outside.refused("UPDATE milestones SET status = 'achieved', achieved_on = ''") is not None
    assert outside.refused("UPDATE milestones SET status = 'achieved', achieved_on = 0") is not None
    assert outside.refused("UPDATE milestones SET status = 'achieved', achieved_on = NULL") is not None


def test_without_checks_an_achieved_milestone_still_says_when(outside_sqlite: Outside) -> None:
    outside_sqlite.run("PRAGMA ignore_check_constraints = ON")

    assert outside_sqlite.refused("UPDATE milestones SET status = 'achieved', achieved_on = NULL") == (
        guarded.GATE,
        guarded.NEEDS_A_DAY,
    )


@pytest.mark.parametrize("reviewer", [None, "nobody"])
def test_a_review_by_nobody_is_refused_with_every_check_off(outside_sqlite: Outside, reviewer: str | None) -> None:
    for pragma in ("foreign_keys = OFF", "ignore_check_constraints = ON"):
        outside_sqlite.run(f"PRAGMA {pragma}")
    review = "UPDATE evidence_links SET outcome = 'accepted', reviewed_by = ?, reviewed_at = ? WHERE evidence_id = 'e'"
    assert outside_sqlite.refused(review, reviewer, NOW) == (guarded.INDEPENDENT, guarded.BY_NOBODY)
    assert outside_sqlite.refused(review, "reviewer", None) == (guarded.INDEPENDENT, guarded.BY_NOBODY)


@pytest.mark.parametrize(
    ("decided_by", "decided_at", "sentence"),
    [
        ("provider", NOW, guarded.OWN_REQUEST),
        ("reviewer", None, guarded.DECIDED_BY_NOBODY),
        (None, NOW, guarded.DECIDED_BY_NOBODY),
    ],
)
def test_a_decision_is_anothers_with_every_check_off(
    outside_sqlite: Outside, decided_by: str | None, decided_at: Any, sentence: str
) -> None:
    for pragma in ("foreign_keys = OFF", "ignore_check_constraints = ON"):
        outside_sqlite.run(f"PRAGMA {pragma}")
    outside_sqlite.insert("change_requests", id="asked", milestone_id="m", requested_by="provider", due_date=DAY)
    decide = "UPDATE change_requests SET state = 'approved', decided_by = ?, decided_at = ? WHERE id = 'asked'"

    assert outside_sqlite.refused(decide, decided_by, decided_at) == (guarded.DECISION, sentence)


def test_a_request_is_not_replaced_by_an_approved_one(outside: Outside) -> None:
    forged = {"id": "request", "milestone_id": "m", "state": "approved", "decided_by": "reviewer", "decided_at": NOW}

    assert replacing(outside, "change_requests", **forged, due_date=DAY) is not None
    assert outside.run("SELECT state FROM change_requests") == [("requested",)]
