"""`waymark audit`: the trail is proved, against itself and against what was recorded elsewhere."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from app.migrations import triggers
from tests.cli.conftest import Waymark
from tests.factories import World


def tamper(world: World, *statements: str) -> None:
    """What somebody with the database's password does: guards away, rows altered, guards back."""
    with world.database.writer.begin() as connection:
        triggers.drop_all(connection)
        for statement in statements:
            connection.execute(text(statement), {"plan": world.plan_id})
        triggers.create_all(connection)


@pytest.fixture
def anchor(plan: World, waymark: Waymark, tmp_path: Path) -> Path:
    """A file with where the chains ended before anything else happened."""
    file = tmp_path / "heads.log"
    file.write_text(waymark("audit", "heads").out, "utf-8")
    return file


def test_a_trail_that_nobody_touched_holds(plan: World, waymark: Waymark) -> None:
    result = waymark("audit", "verify")
    assert (result.status, result.out) == (0, "")
    assert result.err.startswith("2 chains of ")


def test_a_line_for_each_chain_says_where_it_ends(plan: World, waymark: Waymark) -> None:
    lines = [json.loads(line) for line in waymark("audit", "heads").out.splitlines()]
    (ours,) = (line for line in lines if line["chain"] == plan.plan_id)
    assert len(lines) == 2
    assert ours.keys() == {"event", "chain", "seq", "hash", "at"}
    assert len(ours["hash"]) == 64
    assert ours["seq"] == 5


def test_an_altered_event_is_named(plan: World, waymark: Waymark) -> None:
    tamper(plan, "UPDATE audit_events SET actor_title = 'Somebody else' WHERE chain = :plan AND seq = 3")
    result = waymark("audit", "verify")
    assert result.status == 1
    assert result.out.startswith("safeguarding-plan, event 3: was altered")


def test_of_several_faults_the_first_is_named_and_all_are_counted(plan: World, waymark: Waymark) -> None:
    tamper(plan, "UPDATE audit_events SET door = 'api' WHERE chain = :plan AND seq IN (2, 4)")
    result = waymark("audit", "verify")
    assert result.out.startswith("safeguarding-plan, event 2: ")
    assert len(result.out.splitlines()) == 1
    assert "2 faults" in result.err


def test_a_dropped_event_is_named(plan: World, waymark: Waymark) -> None:
    tamper(plan, "DELETE FROM audit_events WHERE chain = :plan AND seq = 4")
    assert waymark("audit", "verify").out.startswith("safeguarding-plan, event 4: event 4 is missing")


def test_an_altered_text_is_named(plan: World, waymark: Waymark) -> None:
    tamper(plan, "UPDATE texts SET body = 'Something else' WHERE plan_id = :plan")
    result = waymark("audit", "verify")
    assert result.status == 1
    assert "was altered" in result.out


def test_a_guard_that_is_missing_is_named_and_comes_back(plan: World, waymark: Waymark) -> None:
    with plan.database.writer.begin() as connection:
        triggers.drop_all(connection)

    result = waymark("audit", "verify")
    assert result.status == 1
    assert "The database lacks a guard: guard_" in result.out
    assert "Run: waymark migrate" in waymark.refused("organisation", "list")

    assert "Guards were missing and are back" in waymark("migrate").err
    assert waymark("audit", "verify").status == 0


def test_recorded_heads_agree_with_a_trail_that_went_on(plan: World, waymark: Waymark, anchor: Path) -> None:
    plan.milestone()
    result = waymark("audit", "verify", "--anchor", str(anchor))
    assert result.status == 0
    assert "agree with 2 recorded heads" in result.err


LAST_KEPT = "(SELECT hash FROM audit_events WHERE chain = :plan AND seq = 3)"
CUT = (
    "DELETE FROM audit_events WHERE chain = :plan AND seq > 3",
    f"UPDATE audit_heads SET seq = 3, hash = {LAST_KEPT} WHERE chain = :plan",
)


def test_an_end_that_was_cut_off_shows_only_against_what_was_recorded(
    plan: World, waymark: Waymark, anchor: Path
) -> None:
    tamper(plan, *CUT)
    assert waymark("audit", "verify").status == 0
    result = waymark("audit", "verify", "--anchor", str(anchor))
    assert result.status == 1
    assert "the end was cut off" in result.out


def test_a_chain_that_was_written_anew_shows_against_what_was_recorded(
    plan: World, waymark: Waymark, anchor: Path
) -> None:
    tamper(plan, *CUT)
    for _ in range(2):
        plan.milestone()
    result = waymark("audit", "verify", "--anchor", str(anchor))
    assert result.status == 1
    assert "differs from the hash recorded outside the database" in result.out


def test_a_servers_log_will_do_for_recorded_heads(plan: World, waymark: Waymark, anchor: Path) -> None:
    logged = [{**json.loads(line), "level": "info", "timestamp": "…"} for line in anchor.read_text().splitlines()]
    around = ["", "Waymark is at http://127.0.0.1:8000.", json.dumps({"event": "request", "path": "/plans"})]
    anchor.write_text("\n".join([*around, *(json.dumps(one, indent=None) for one in logged), *around]), "utf-8")
    assert "agree with 2 recorded heads" in waymark("audit", "verify", "--anchor", str(anchor)).err


def test_heads_recorded_with_two_different_hashes_are_a_fault(plan: World, waymark: Waymark, anchor: Path) -> None:
    line = json.loads(anchor.read_text().splitlines()[0])
    anchor.write_text(anchor.read_text() + json.dumps({**line, "hash": "f" * 64}) + "\n", "utf-8")
    result = waymark("audit", "verify", "--anchor", str(anchor))
    assert result.status == 1
    assert "two different hashes" in result.out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no line of `waymark audit heads`."),
        ("Some other log\n", "holds no line of `waymark audit heads`."),
        ('{"event": "audit_head", "chain": "a", "se', "cannot be read as lines of `waymark audit heads`"),
        ('{"event": "audit_head", "chain": "a", "seq": "9"}', "lacks its chain, seq or hash"),
    ],
)
def test_a_file_that_records_no_heads(plan: World, waymark: Waymark, tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "heads.log"
    file.write_text(content, "utf-8")
    assert said in waymark.refused("audit", "verify", "--anchor", str(file))
    assert "cannot be read" in waymark.refused("audit", "verify", "--anchor", str(tmp_path / "none"))
