"""A start refuses when a guard is missing; so a missing, altered or sleeping one must be noticed, whichever it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from app.migrations import guard_refusal, missing_triggers, overtaken, triggers, triggers_postgresql, triggers_sqlite
from app.migrations.guarded import GUARDS, PREFIX


def table_of(dialect: str, name: str) -> str:
    if dialect == "postgresql":
        return triggers_postgresql.TRIGGERS[name].table
    return triggers_sqlite.TRIGGERS[name].split(" ON ")[1].split()[0]


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A connection whose changes are rolled back."""
    engine = create_engine(database_url)
    with engine.connect() as connected:
        yield connected
        connected.rollback()
    engine.dispose()


def drop(connection: Connection, name: str) -> None:
    dialect = connection.dialect.name
    on_table = f" ON {table_of(dialect, name)}" if dialect == "postgresql" else ""
    connection.exec_driver_sql(f"DROP TRIGGER {name}{on_table}")


def test_each_missing_trigger_is_named(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT 1")
    for name in triggers.names(connection.dialect.name):
        with connection.begin_nested() as attempt:
            drop(connection, name)
            assert missing_triggers(connection) == [f"{name} is missing"]
            attempt.rollback()
    assert missing_triggers(connection) == []


def test_each_altered_trigger_is_named(connection: Connection) -> None:
    dialect = connection.dialect.name
    for name in triggers.names(dialect):
        with connection.begin_nested() as attempt:
            drop(connection, name)
            table = table_of(dialect, name)
            if dialect == "sqlite":
                connection.exec_driver_sql(f"CREATE TRIGGER {name} BEFORE DELETE ON {table} BEGIN SELECT 1; END")
            else:
                connection.exec_driver_sql(
                    f"CREATE TRIGGER {name} BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {PREFIX}keys_stand()"
                )
                connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
            assert missing_triggers(connection) == [f"{name} is not as it should be"]
            attempt.rollback()


def test_a_left_over_trigger_is_named_and_dropped_with_the_rest(connection: Connection) -> None:
    body = "BEGIN SELECT 1; END" if connection.dialect.name == "sqlite" else f"EXECUTE FUNCTION {PREFIX}refuse()"
    connection.exec_driver_sql(f"CREATE TRIGGER {PREFIX}of_old BEFORE DELETE ON plans FOR EACH ROW {body}")
    assert missing_triggers(connection) == [f"{PREFIX}of_old should not be there"]

    triggers.drop_all(connection)
    triggers.create_all(connection)

    assert missing_triggers(connection) == []


def test_an_administrators_own_trigger_stays(connection: Connection) -> None:
    body = "BEGIN SELECT 1; END" if connection.dialect.name == "sqlite" else f"EXECUTE FUNCTION {PREFIX}keys_stand()"
    connection.exec_driver_sql(f"CREATE TRIGGER replicate_plans BEFORE UPDATE ON themes FOR EACH ROW {body}")
    assert missing_triggers(connection) == []

    if connection.dialect.name == "sqlite":
        triggers.drop_all(connection)
        assert connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all() == [
            ("replicate_plans",)
        ]


class TestPostgresql:
    @pytest.fixture
    def connection(self, postgres_url: str) -> Iterator[Connection]:
        engine = create_engine(postgres_url)
        with engine.connect() as connected:
            yield connected
            connected.rollback()
        engine.dispose()

    @pytest.mark.parametrize("state", ["DISABLE TRIGGER", "ENABLE TRIGGER", "ENABLE REPLICA TRIGGER"])
    def test_a_trigger_that_sleeps_is_named(self, connection: Connection, state: str) -> None:
        connection.exec_driver_sql(f"ALTER TABLE milestones {state} {PREFIX}milestones_gate_update")

        assert missing_triggers(connection) == [f"{PREFIX}milestones_gate_update is switched off"]

    def test_each_function_that_was_emptied_is_named(self, connection: Connection) -> None:
        for name in triggers_postgresql.FUNCTIONS:
            with connection.begin_nested() as attempt:
                connection.exec_driver_sql(
                    f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
                )
                assert missing_triggers(connection) == [f"{name}() is not as it should be"]
                attempt.rollback()

    @pytest.mark.parametrize("change", ["STABLE", "RESET search_path", "SET search_path = evil, public"])
    def test_a_function_that_looks_elsewhere_or_at_an_old_state_is_named(
        self, connection: Connection, change: str
    ) -> None:
        name = f"{PREFIX}milestones_gate_update"
        connection.exec_driver_sql(f"ALTER FUNCTION {name}() {change}")

        assert missing_triggers(connection) == [f"{name}() is not as it should be"]

    def test_a_session_with_another_search_path_sees_them_all(self, connection: Connection) -> None:
        connection.exec_driver_sql("SET LOCAL search_path = pg_catalog")

        assert missing_triggers(connection) == []


def test_a_refusal_is_told_from_other_errors(connection: Connection) -> None:
    connection.execute(text("INSERT INTO audit_heads (chain, seq, hash) VALUES ('plan', 1, 'hash')"))
    with pytest.raises(DBAPIError) as refused:
        connection.execute(text("DELETE FROM audit_heads"))

    assert guard_refusal(refused.value) == ("never_deleted", "A chain keeps its head")
    assert guard_refusal(refused.value.orig or ValueError()) == ("never_deleted", "A chain keeps its head")
    assert not overtaken(refused.value)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (sqlite3.IntegrityError("evidence_gate: No evidence counts"), True),
        (sqlite3.IntegrityError("never_replaced: Another plan has this address, or had it"), True),
        (sqlite3.IntegrityError("never_replaced: A row of plans is never replaced"), False),
        (sqlite3.IntegrityError("UNIQUE constraint failed: milestones.ref"), False),
        (ValueError("about the evidence_gate: nothing"), False),
    ],
)
def test_what_somebody_quicker_made_impossible_is_tried_again(error: Exception, expected: bool) -> None:
    assert overtaken(error) == expected


def test_every_guard_that_refuses_is_known_by_name() -> None:
    said = "\n".join([*triggers_sqlite.TRIGGERS.values(), *triggers_postgresql.FUNCTIONS.values()])

    assert [guard for guard in GUARDS if f"'{guard}: " not in said and f"'{guard}'" not in said] == []
