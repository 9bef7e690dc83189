"""A name for what a transaction sees of the database: the same name, the same content, whichever program wrote it.

SQLite counts, for each connection, how often others have changed the file (`PRAGMA data_version`); PostgreSQL tells
which transactions a snapshot holds (`pg_current_snapshot`). Neither depends on Waymark telling anybody anything, so a
change by raw SQL changes the name as well.
"""

import secrets

from sqlalchemy import Connection, text

_POSTGRESQL = text("SELECT pg_current_snapshot()::text")


def snapshot_name(connection: Connection) -> str:
    """The name of what this reading transaction sees. Ask once something has been read: that begins the snapshot."""
    if connection.dialect.name == "postgresql":
        name: str = connection.execute(_POSTGRESQL).scalar_one()
        return name
    # The count means something on its own connection only, so that is part of the name.
    whose = connection.info.setdefault("snapshots_of", secrets.token_hex(8))
    driver = connection.connection.dbapi_connection
    assert driver is not None  # noqa: S101 - a checked-out connection has one
    (version,) = driver.execute("PRAGMA data_version").fetchone()
    return f"{whose}:{version}"
