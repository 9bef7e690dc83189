"""Up from nothing, down and up again, on both databases; all of it or nothing; one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from app.migrations import current_and_head, downgrade, missing_triggers, triggers, upgrade
from app.models import metadata
from tests.postgres import Postgres

ROOT = Path(__file__).parents[2]
REVISIONS = [
    script.revision for script in reversed(list(ScriptDirectory(str(ROOT / "app" / "migrations")).walk_revisions()))
]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture
def engine(empty_url: str) -> Iterator[Engine]:
    made = create_engine(empty_url)
    yield made
    made.dispose()


def tables(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}


def wrong_triggers(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return missing_triggers(connection)


def test_an_empty_database_has_no_revision_and_lacks_every_trigger(engine: Engine) -> None:
    with engine.connect() as connection:
        assert current_and_head(connection) == (None, REVISIONS[-1])
        missing = [said for said in missing_triggers(connection) if not said.split()[0].endswith("()")]

    assert missing == [f"{name} is missing" for name in triggers.names(engine.dialect.name)]


def test_upgrading_from_nothing_makes_every_table_and_every_trigger(empty_url: str, engine: Engine) -> None:
    upgrade(empty_url)

    assert tables(engine) == set(metadata.tables)
    assert wrong_triggers(engine) == []
    with engine.connect() as connection:
        assert current_and_head(connection) == (REVISIONS[-1], REVISIONS[-1])


def test_after_every_revision_up_and_down_the_triggers_are_those_of_its_tables(empty_url: str, engine: Engine) -> None:
    for revision in [*REVISIONS, *REVISIONS]:
        upgrade(empty_url, revision=revision)
        assert wrong_triggers(engine) == []
    for revision in ["base", *REVISIONS][-2::-1]:
        downgrade(empty_url, revision="-1")
        assert tables(engine) == set() if revision == "base" else wrong_triggers(engine) == []
        upgrade(empty_url, revision="+1")
        assert wrong_triggers(engine) == []
        downgrade(empty_url, revision="-1")
    upgrade(empty_url)
    assert wrong_triggers(engine) == []


def test_nothing_is_left_at_the_bottom(empty_url: str, engine: Engine) -> None:
    upgrade(empty_url)
    downgrade(empty_url, revision="base")

    assert tables(engine) == set()
    with engine.connect() as connection:
        left = (
            "SELECT name FROM sqlite_master WHERE name <> 'alembic_version' AND tbl_name <> 'alembic_version'"
            if engine.dialect.name == "sqlite"
            else "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        )
        assert connection.exec_driver_sql(left).all() == []


def test_upgrading_again_keeps_what_is_there(empty_url: str, engine: Engine) -> None:
    upgrade(empty_url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO audit_heads (chain, seq, hash) VALUES ('plan', 1, 'hash')"))

    upgrade(empty_url)

    with engine.connect() as connection:
        assert connection.execute(text("SELECT chain FROM audit_heads")).all() == [("plan",)]


def test_a_migration_that_fails_leaves_nothing_behind(
    empty_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(connection: Connection) -> None:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(triggers, "create_all", fail)
    with pytest.raises(RuntimeError, match="in the middle"):
        upgrade(empty_url)

    assert tables(engine) == set()

    monkeypatch.undo()
    upgrade(empty_url)
    assert wrong_triggers(engine) == []


def test_rows_that_would_point_to_nothing_stop_the_migration(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'orphans.db'}"
    upgrade(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO plan_counters (plan_id, noun, last) VALUES ('no such plan', 'theme', 1)"))
        connection.execute(text("DELETE FROM alembic_version"))
        triggers.drop_all(connection)
        for table in metadata.tables.keys() - {"plan_counters"}:
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("ALTER TABLE plan_counters RENAME TO left_over"))
    with pytest.raises(CommandError, match="rows that point to nothing, in left_over"):
        upgrade(url)

    assert tables(engine) == {"left_over"}
    engine.dispose()


def test_two_at_the_same_time_make_the_tables_once(empty_url: str, engine: Engine) -> None:
    engine.dispose()
    context = get_context("spawn")  # processes, because Alembic keeps the running migration in a module
    processes = [context.Process(target=upgrade, args=(empty_url,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)

    assert [process.exitcode for process in processes] == [0, 0]
    assert wrong_triggers(engine) == []


def test_what_people_type_finds_the_same_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("WAYMARK_DATABASE_URL", f"sqlite:///{tmp_path / 'typed.db'}")
    typed = Config(str(ROOT / "alembic.ini"))

    command.upgrade(typed, "head")
    command.check(typed)  # raises when the models ask for more

    engine = create_engine(f"sqlite:///{tmp_path / 'typed.db'}")
    assert wrong_triggers(engine) == []
    engine.dispose()


def test_migrations_are_not_written_out_as_a_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(CommandError, match="live database"):
        command.upgrade(Config(str(ROOT / "alembic.ini")), "head", sql=True)


def test_a_guarded_table_is_changed_with_the_triggers_set_aside(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection, triggers.set_aside(connection):
        assert all(said.endswith("is missing") for said in missing_triggers(connection))
        connection.execute(text("ALTER TABLE milestones ADD COLUMN another TEXT"))

    assert wrong_triggers(engine) == []
    engine.dispose()


def test_a_percent_sign_in_an_address_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "100% sure"
    folder.mkdir()

    upgrade(f"sqlite:///{tmp_path}/100%25 sure/waymark.db")

    assert (folder / "waymark.db").exists()


def test_the_template_is_not_shared_by_tests(database_url: str, postgres_server: Postgres) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM audit_heads")).scalar() == 0
        connection.execute(text("INSERT INTO audit_heads (chain, seq, hash) VALUES ('plan', 1, 'hash')"))
    engine.dispose()
