"""How a migration is run: always against a live database, as one transaction, by one process at a time."""

from typing import Any

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, NullPool, create_engine, event

from app.models import metadata
from app.settings import load_settings

_TURN = 4_717_205_130  # any number will do, as long as every Waymark asks for the same one


def run() -> None:
    if context.is_offline_mode():
        raise CommandError("Waymark migrates a live database: its guards are compared with what is there")
    url = context.config.attributes.get("url") or load_settings().database
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            _migrate(connection)
    finally:
        engine.dispose()


def _engine(url: str) -> Engine:
    engine = create_engine(url, poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver would commit before each CREATE TABLE
    connection.execute("PRAGMA busy_timeout = 30000")
    # A table is rebuilt to change it, and dropping the old copy would delete or orphan the rows that point to it.
    connection.execute("PRAGMA foreign_keys = OFF")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TURN})")
        context.run_migrations()
        if connection.dialect.name == "sqlite":
            _check_foreign_keys(connection)


def _check_foreign_keys(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        tables = ", ".join(sorted({str(row[0]) for row in broken}))
        raise CommandError(f"The migration would leave rows that point to nothing, in {tables}. Nothing was changed")


run()
