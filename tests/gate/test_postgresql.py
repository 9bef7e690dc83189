"""PostgreSQL's own ways round a trigger: TRUNCATE, upserts, other search paths, replica mode, one statement for all."""

from __future__ import annotations

import psycopg
import pytest

from app.migrations import guarded
from tests.gate.outside import DAY, NOW, Outside, broken_milestones


@pytest.fixture
def outside(outside_postgresql: Outside) -> Outside:
    return outside_postgresql


def test_a_refusal_is_a_check_violation_that_names_the_guard(outside: Outside) -> None:
    outside.insert("milestones", id="bare")

    with pytest.raises(psycopg.errors.CheckViolation) as refused, outside.savepoint():
        outside.run("UPDATE milestones SET status = 'achieved', achieved_on = '2026-01-20'")

    said = refused.value.diag
    assert (said.sqlstate, said.constraint_name, said.table_name) == ("23514", "evidence_gate", "milestones")
    assert said.message_primary == f"evidence_gate: {guarded.NEEDS_EVIDENCE}"


def test_truncating_the_organisations_does_not_reach_the_plans(outside: Outside) -> None:
    assert outside.refused("TRUNCATE organisations CASCADE") is not None
    assert outside.run("SELECT count(*) FROM milestones") == [(1,)]


def test_an_upsert_is_no_way_round(outside: Outside) -> None:
    outside.insert("milestones", id="bare")
    row = outside.row("milestones", id="bare")
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    upsert = "ON CONFLICT (id) DO UPDATE SET status = 'achieved', achieved_on = '2026-01-20'"

    refused = outside.refused(f"INSERT INTO milestones ({columns}) VALUES ({marks}) {upsert}", *row.values())

    assert refused == (guarded.GATE, guarded.NEEDS_EVIDENCE)


def test_a_merge_is_no_way_round(outside: Outside) -> None:
    outside.insert("milestones", id="bare")

    refused = outside.refused(
        "MERGE INTO milestones m USING (VALUES ('bare')) AS given (id) ON m.id = given.id"
        " WHEN MATCHED THEN UPDATE SET status = 'achieved', achieved_on = '2026-01-20'"
    )

    assert refused == (guarded.GATE, guarded.NEEDS_EVIDENCE)


@pytest.mark.parametrize(
    "withdrawing",
    [
        "UPDATE evidence SET withdrawn_at = now(), withdrawn_by = 'Owner' WHERE id = 'e' RETURNING 1",
        "UPDATE evidence_links SET outcome = 'rejected', reviewed_by = 'reviewer', reviewed_at = now() RETURNING 1",
        "UPDATE plans SET evidence_policy = 'accepted' RETURNING 1",
    ],
)
def test_achieving_and_withdrawing_in_one_statement_is_refused(outside: Outside, withdrawing: str) -> None:
    refused = outside.refused(
        f"WITH withdrawn AS ({withdrawing})"
        " UPDATE milestones SET status = 'achieved', achieved_on = '2026-01-20' WHERE id = 'm'"
    )

    assert refused is not None
    assert broken_milestones(outside) == []


def test_a_table_of_the_same_name_in_front_of_ours_is_not_looked_at(outside: Outside) -> None:
    outside.insert("milestones", id="bare")
    for table in ("evidence", "evidence_links", "plans"):
        outside.run(f"CREATE TEMPORARY TABLE {table} AS SELECT * FROM public.{table}")
    outside.run("UPDATE pg_temp.evidence_links SET milestone_id = 'bare'")
    outside.run("SET LOCAL search_path = pg_temp, public")

    assert outside.achieve("bare") == (guarded.GATE, guarded.NEEDS_EVIDENCE)


def test_replica_mode_does_not_switch_the_guards_off(outside: Outside) -> None:
    outside.insert("milestones", id="bare")
    outside.run("SET LOCAL session_replication_role = replica")

    assert outside.achieve("bare") == (guarded.GATE, guarded.NEEDS_EVIDENCE)
    assert outside.refused("DELETE FROM evidence_links") is not None


@pytest.mark.parametrize("day", ["-infinity", "infinity"])
def test_an_endless_day_is_no_day(outside: Outside, day: str) -> None:
    outside.run("UPDATE evidence SET effective_to = '2020-01-01'")

    refused = outside.refused(f"UPDATE milestones SET status = 'achieved', achieved_on = '{day}' WHERE id = 'm'")

    assert refused == (guarded.GATE, guarded.NEEDS_A_DAY)


def test_copied_in_rows_are_judged_too(outside: Outside) -> None:
    row = outside.row("milestones", id="copied", status="achieved", achieved_on=DAY, added_at=NOW)

    with pytest.raises(psycopg.errors.CheckViolation) as refused, outside.savepoint():  # noqa: SIM117
        with outside.connection.cursor().copy(f"COPY milestones ({', '.join(row)}) FROM STDIN") as copy:
            copy.write_row(list(row.values()))

    assert refused.value.diag.constraint_name == guarded.GATE
