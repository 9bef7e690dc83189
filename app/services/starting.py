"""Whether Waymark may start, and whether it is ready: what must be true of settings, database and storage."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from app.db import Database
from app.domain.actors import system_actor
from app.domain.refusals import Unavailable
from app.domain.words import Door
from app.migrations import current_and_head, missing_triggers
from app.models import Person
from app.services.keys import set_front_door
from app.settings import DEMO_SECRET, Settings
from app.storage import Storage

SECRET_LENGTH = 32
DEMO_DOMAIN = ".example"
"""Reserved for examples (RFC 2606): no real person has such an address, and every demo person does."""


class CannotStart(Exception):
    """Starting would be unsafe. The message says, a sentence each, what to set or which command to run."""


def check_start(settings: Settings, database: Database) -> None:
    """Raise CannotStart with everything that stands in the way of a start, all at once."""
    problems = [*_unsafe_settings(settings)]
    try:
        with database.reader.connect() as connection:
            behind = [*database_problems(connection)]
            problems += behind
            if settings.is_production and not behind:
                problems += _demo_people(connection)
    except DBAPIError as error:
        problems.append(f"The database at WAYMARK_DATABASE_URL cannot be opened: {error.orig}.")
    if problems:
        raise CannotStart("\n".join(problems))


def apply_settings(settings: Settings, database: Database, *, now: datetime) -> None:
    """Write what the environment sets for the whole installation to where every process reads it."""
    if settings.front_door:
        database.write(
            lambda uow: set_front_door(uow, contact=settings.front_door), actor=system_actor(Door.CLI), now=now
        )


def database_problems(connection: Connection) -> Iterator[str]:
    """What is wrong with the database's shape: not at the head of the migrations, or a guard missing."""
    current, head = current_and_head(connection)
    if current != head:
        was = f"at migration {current}" if current else "empty"
        yield f"The database is {was}, and this version of Waymark needs {head}. Run: waymark migrate"
        return
    missing = missing_triggers(connection)
    if missing:
        yield f"The database lacks its guards ({'; '.join(missing)}). Run: waymark migrate"


def readiness(database: Database, storage: Storage) -> dict[str, str]:
    """What a start needs, part by part: "ok", or what is wrong in words that tell an outsider nothing."""
    return {"database": _database_state(database), "storage": _storage_state(storage)}


def _database_state(database: Database) -> str:
    try:
        with database.reader.connect() as connection:
            return "not migrated" if any(database_problems(connection)) else "ok"
    except DBAPIError:
        return "cannot be reached"


def _storage_state(storage: Storage) -> str:
    try:
        storage.check_writable()
    except Unavailable:
        return "cannot be written"
    return "ok"


def _unsafe_settings(settings: Settings) -> Iterator[str]:
    if not settings.is_production:
        return
    secret = settings.secret_key.get_secret_value()
    if secret == DEMO_SECRET:
        yield (
            "WAYMARK_SECRET_KEY is the demo's: set it to a secret of your own, for example the output of "
            "`openssl rand -base64 48`."
        )
    elif len(secret) < SECRET_LENGTH:
        yield f"WAYMARK_SECRET_KEY is too short: set it to at least {SECRET_LENGTH} characters that nobody can guess."
    if settings.origin_is_loopback:
        yield (
            "WAYMARK_PUBLIC_ORIGIN names this machine alone, while others can reach it: set it to the address "
            "people use, such as https://waymark.example.gov.uk, or set WAYMARK_HOST to 127.0.0.1."
        )
    elif not settings.secure:
        yield "WAYMARK_PUBLIC_ORIGIN must begin with https://: over plain http anybody on the way reads passwords."


def _demo_people(connection: Connection) -> Iterator[str]:
    people = Person.__table__  # type: ignore[attr-defined]
    found = connection.execute(
        select(people.c.email)
        .where(people.c.email.endswith(DEMO_DOMAIN), people.c.password_hash.is_not(None), people.c.left_on.is_(None))
        .limit(1)
    ).scalar()
    if found:
        yield (
            f"The database holds demo people ({found}), whose passwords are known: set WAYMARK_DATABASE_URL or "
            "WAYMARK_DATA to a database made by `waymark init` without --demo."
        )
