"""Two programs at once. Whoever is first, whatever the isolation level: nothing ends up achieved without evidence.

One transaction writes and waits; the other, whose snapshot is older than that write, writes too; then the first
commits. Nobody may be picked as the victim of a deadlock: that would be a fault in the order of the locks.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial

import psycopg
import pytest
from psycopg import IsolationLevel

from tests.gate.outside import (
    DAY,
    NOW,
    Outside,
    broken_milestones,
    connect,
    connect_postgresql,
    connect_sqlite,
    stage,
)
from tests.postgres import Postgres

Writer = Callable[[Outside, str], None]

COMMITTED, REFUSED, GAVE_WAY = "committed", "refused", "gave way"


def achieve(outside: Outside, race: str) -> None:
    outside.run("UPDATE milestones SET status = 'achieved', achieved_on = ? WHERE id = ?", DAY, f"{race}-m")


def link_and_achieve(outside: Outside, race: str) -> None:
    link(outside, race)
    achieve(outside, race)


def add_and_achieve(outside: Outside, race: str) -> None:
    """A milestone that the other transaction cannot know of."""
    outside.insert("milestones", id=f"{race}-n", **parts(race))
    outside.insert("evidence_links", evidence_id=f"{race}-e", milestone_id=f"{race}-n", plan_id=race)
    outside.run("UPDATE milestones SET status = 'achieved', achieved_on = ? WHERE id = ?", DAY, f"{race}-n")


def link(outside: Outside, race: str) -> None:
    outside.insert("evidence_links", evidence_id=f"{race}-e", milestone_id=f"{race}-m", plan_id=race)


def withdraw(outside: Outside, race: str) -> None:
    outside.run("UPDATE evidence SET withdrawn_at = ?, withdrawn_by = 'Owner' WHERE id = ?", NOW, f"{race}-e")


def quarantine(outside: Outside, race: str) -> None:
    outside.run("UPDATE evidence SET scan = 'infected' WHERE id = ?", f"{race}-e")


def end(outside: Outside, race: str) -> None:
    outside.run("UPDATE evidence SET effective_to = '2020-01-01' WHERE id = ?", f"{race}-e")


def reject(outside: Outside, race: str) -> None:
    outside.run(
        "UPDATE evidence_links SET outcome = 'rejected', reviewed_by = 'reviewer', reviewed_at = ?"
        " WHERE evidence_id = ? AND milestone_id = ?",
        NOW, f"{race}-e", f"{race}-m",
    )  # fmt: skip


def tighten(outside: Outside, race: str) -> None:
    outside.run("UPDATE plans SET evidence_policy = 'accepted' WHERE id = ?", race)


@dataclass(frozen=True)
class Race:
    name: str
    one: Writer
    other: Writer
    linked: bool = True


RACES = [
    Race("achieve against withdraw", achieve, withdraw),
    Race("achieve against reject", achieve, reject),
    Race("link and achieve against withdraw", link_and_achieve, withdraw, linked=False),
    Race("achieve against a stricter policy", achieve, tighten),
    Race("add and achieve against a stricter policy", add_and_achieve, tighten),
    Race("add and achieve against withdraw", add_and_achieve, withdraw),
    Race("achieve against quarantine", achieve, quarantine),
    Race("achieve against an end date", achieve, end),
]
every_race = pytest.mark.parametrize("race", RACES, ids=lambda race: race.name.replace(" ", "-"))
both_orders = pytest.mark.parametrize("turned", [False, True], ids=["this-order", "the-other-order"])


def parts(race: str) -> dict[str, str]:
    return {"plan_id": race, "theme_id": f"{race}-t", "action_id": f"{race}-a"}


def set_up(outside: Outside, race: str, *, linked: bool) -> None:
    """A plan of the race's own, with a completed milestone, and a second one that the same file is linked to."""
    outside.insert("plans", id=race, slug=race)
    outside.insert("themes", id=f"{race}-t", plan_id=race)
    outside.insert("actions", id=f"{race}-a", plan_id=race, theme_id=f"{race}-t")
    outside.insert("milestones", id=f"{race}-m", due_date=DAY, **parts(race))
    outside.insert("milestones", id=f"{race}-second", **parts(race))
    outside.insert("evidence", id=f"{race}-e", plan_id=race)
    outside.insert("evidence_links", evidence_id=f"{race}-e", milestone_id=f"{race}-second", plan_id=race)
    if linked:
        link(outside, race)


# PostgreSQL


@pytest.fixture(scope="module")
def race_url(postgres_server: Postgres, postgres_template: str) -> Iterator[str]:
    """A database of these tests' own, because what a race commits stays."""
    url = postgres_server.create(template=postgres_template)
    outside = connect(url)
    stage(outside)
    outside.connection.close()
    yield url
    postgres_server.drop(url)


def outcome_of(connection: psycopg.Connection, write: Callable[[], None]) -> str:
    """Write and commit; what became of it. A deadlock is an error of the test."""
    try:
        write()
        connection.commit()
    except psycopg.errors.CheckViolation:
        connection.rollback()
        return REFUSED
    except psycopg.errors.SerializationFailure:
        connection.rollback()
        return GAVE_WAY
    return COMMITTED


def wait_until_blocked_or_done(watcher: Outside, pid: int, thread: threading.Thread) -> None:
    for _ in range(400):
        [(waiting,)] = watcher.run("SELECT count(*) FROM pg_locks WHERE pid = ? AND NOT granted", pid)
        if waiting or not thread.is_alive():
            return
        time.sleep(0.005)
    raise AssertionError("the second writer neither waits nor is done")


def run_race(url: str, name: str, first: Writer, second: Writer, level: IsolationLevel) -> list[str]:
    """What became of the first and of the second writer."""
    watcher = connect_postgresql(url, autocommit=True)
    one, two = connect_postgresql(url), connect_postgresql(url)
    said: list[str] = []
    failed: list[BaseException] = []
    try:
        for connected in (one, two):
            connected.connection.isolation_level = level
            connected.run("SELECT 1 FROM evidence")  # the snapshot is taken before the other one writes
        first(one, name)

        def run_second() -> None:
            try:
                said.append(outcome_of(two.connection, lambda: second(two, name)))
            except BaseException as error:  # noqa: BLE001 - it belongs to the test, which runs in another thread
                failed.append(error)

        thread = threading.Thread(target=run_second)
        thread.start()
        wait_until_blocked_or_done(watcher, two.connection.info.backend_pid, thread)
        said.insert(0, outcome_of(one.connection, lambda: None))
        thread.join(timeout=20)
        assert not thread.is_alive()
    finally:
        for connected in (one, two, watcher):
            connected.connection.close()
    if failed:
        raise failed[0]
    return said


@every_race
@both_orders
@pytest.mark.parametrize(
    "level",
    [IsolationLevel.READ_COMMITTED, IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE],
    ids=lambda level: level.name.lower(),
)
def test_no_race_on_postgresql_breaks_the_gate(race_url: str, race: Race, turned: bool, level: IsolationLevel) -> None:
    name = f"r{RACES.index(race)}{int(turned)}{level.value}"
    judge = connect(race_url)
    set_up(judge, name, linked=race.linked)
    first, second = (race.other, race.one) if turned else (race.one, race.other)

    said = run_race(race_url, name, first, second, level)

    assert [milestone for milestone in broken_milestones(judge) if milestone.startswith(name)] == []
    judge.connection.close()
    assert COMMITTED in said
    # Who came second saw the other's work and was refused, or was told that it cannot be had at this level.
    assert said[1] in (REFUSED, GAVE_WAY), said


def close(outside: Outside, race: str) -> None:
    outside.run("UPDATE plans SET state = 'closed' WHERE id = ?", race)


@pytest.mark.parametrize("level", [IsolationLevel.READ_COMMITTED, IsolationLevel.REPEATABLE_READ])
def test_nothing_is_achieved_in_a_plan_that_is_being_closed(race_url: str, level: IsolationLevel) -> None:
    name = f"c{level.value}"
    judge = connect(race_url)
    set_up(judge, name, linked=True)

    said = run_race(race_url, name, close, achieve, level)

    assert (said[0], judge.status(f"{name}-m")) == (COMMITTED, "completed")
    assert said[1] in (REFUSED, GAVE_WAY)
    judge.connection.close()


def move_due_date(outside: Outside, race: str) -> None:
    outside.run("UPDATE milestones SET due_date = ? WHERE id = ?", date(2026, 5, 1), f"{race}-m")


def approve_plan(outside: Outside, race: str) -> None:
    outside.run("UPDATE plans SET state = 'approved' WHERE id = ?", race)
    outside.run("UPDATE milestones SET baseline_date = due_date WHERE plan_id = ?", race)


@both_orders
@pytest.mark.parametrize("level", [IsolationLevel.READ_COMMITTED, IsolationLevel.REPEATABLE_READ])
def test_a_plan_is_approved_with_the_dates_that_it_has(race_url: str, turned: bool, level: IsolationLevel) -> None:
    """A date that is moved while its plan is being approved is either the baseline or not moved."""
    name = f"d{int(turned)}{level.value}"
    judge = connect(race_url)
    outside_draft(judge, name)
    first, second = (approve_plan, move_due_date) if turned else (move_due_date, approve_plan)

    said = run_race(race_url, name, first, second, level)

    [(state, due, baseline)] = judge.run(
        "SELECT p.state, m.due_date, m.baseline_date FROM milestones m JOIN plans p ON p.id = m.plan_id WHERE m.id = ?",
        f"{name}-m",
    )
    judge.connection.close()
    assert said[0] == COMMITTED
    assert state == "draft" or due == baseline


def outside_draft(outside: Outside, race: str) -> None:
    outside.insert("plans", id=race, slug=race, state="draft")
    outside.insert("themes", id=f"{race}-t", plan_id=race)
    outside.insert("actions", id=f"{race}-a", plan_id=race, theme_id=f"{race}-t")
    outside.insert("milestones", id=f"{race}-m", due_date=DAY, **parts(race))


# SQLite


def sqlite_outcome(outside: Outside, write: Callable[[], None]) -> str:
    try:
        write()
        outside.run("COMMIT")
    except sqlite3.IntegrityError:
        outside.run("ROLLBACK")
        return REFUSED
    except sqlite3.OperationalError as error:
        outside.run("ROLLBACK")
        if error.sqlite_errorname not in ("SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT"):
            raise
        return GAVE_WAY
    return COMMITTED


@every_race
@both_orders
@pytest.mark.parametrize("begin", ["BEGIN", "BEGIN IMMEDIATE"])
@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_no_race_on_sqlite_breaks_the_gate(sqlite_url: str, race: Race, turned: bool, begin: str, journal: str) -> None:
    judge = connect_sqlite(sqlite_url)
    judge.run(f"PRAGMA journal_mode = {journal}")
    stage(judge)
    set_up(judge, "race", linked=race.linked)
    one, two = connect_sqlite(sqlite_url, timeout=0.05), connect_sqlite(sqlite_url, timeout=0.05)
    first, second = (race.other, race.one) if turned else (race.one, race.other)

    one.run(begin)
    first(one, "race")
    try:
        two.run(begin)
        two.run("SELECT 1 FROM evidence")
    except sqlite3.OperationalError:
        assert begin == "BEGIN IMMEDIATE"
    else:
        # With a snapshot from before the first one's commit, as soon as there is one.
        said = sqlite_outcome(two, lambda: second(two, "race"))
        assert said == GAVE_WAY
    assert sqlite_outcome(one, lambda: None) == COMMITTED
    two.run(begin)
    said = sqlite_outcome(two, lambda: second(two, "race"))

    assert said == REFUSED
    assert broken_milestones(judge) == []
    for connected in (one, two, judge):
        connected.connection.close()


def run_one(outside: Outside, statement: str) -> None:
    outside.run(statement)


def test_many_writers_on_sqlite_never_break_the_gate(sqlite_url: str) -> None:
    judge = connect_sqlite(sqlite_url)
    judge.run("PRAGMA journal_mode = WAL")
    stage(judge)
    outcomes: list[str] = []

    def write(turn: int) -> None:
        mine = connect_sqlite(sqlite_url, timeout=10)
        for number in range(30):
            item = f"e{turn}-{number}"
            mine.run("BEGIN IMMEDIATE")
            mine.insert("evidence", id=item)
            mine.insert("evidence_links", evidence_id=item, milestone_id="m")
            mine.run("COMMIT")
            for statement in (
                "UPDATE milestones SET status = 'achieved', achieved_on = '2026-01-20' WHERE id = 'm'",
                f"UPDATE evidence SET withdrawn_at = '{NOW:%F %T}', withdrawn_by = 'Owner' WHERE id <> '{item}'",
                "UPDATE milestones SET status = 'completed', achieved_on = NULL WHERE id = 'm'",
            ):
                mine.run("BEGIN")
                outcomes.append(sqlite_outcome(mine, partial(run_one, mine, statement)))
        mine.connection.close()

    threads = [threading.Thread(target=write, args=(turn,)) for turn in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert broken_milestones(judge) == []
        time.sleep(0.01)
    for thread in threads:
        thread.join()

    assert broken_milestones(judge) == []
    assert len(outcomes) == 270
    assert outcomes.count(COMMITTED) > 90
    judge.connection.close()
