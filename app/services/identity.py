"""Who is asking: a signed-in browser, a person's token or an organisation's key → the actor of the request.

Sessions begin and end here too. Only hashes are kept, so whoever reads the database can sign in as nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, insert, select, update

from app.db import UnitOfWork
from app.domain.actors import Actor
from app.domain.days import london_day
from app.domain.ids import new_id
from app.domain.refusals import NotFound, Unauthenticated
from app.domain.secrets import SecretKind, is_kind, new_secret, secret_hash
from app.domain.words import Door, Role, Scope
from app.models import OrganisationKey, PersonalToken, UserSession
from app.models.identity import rows_by_key, rows_by_session, rows_by_token

NOBODY = Actor(kind="nobody", id="", title="Nobody signed in")
SEEN_EVERY = timedelta(minutes=5)
"""How often the last use of a session, token or key is written at most."""

PASSWORD_HOLDS = timedelta(minutes=15)
"""How long after the password was typed keys, tokens and roles may be changed without typing it again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session lives: `idle` since it was last seen, `absolute` since the sign-in."""

    idle: timedelta
    absolute: timedelta


@dataclass(frozen=True, slots=True)
class Identity:
    """An actor, and the credential that named it. `used_at` is when that was last put on record."""

    actor: Actor
    credential: str  # session, token, key
    credential_id: str
    used_at: datetime | None
    password_at: datetime | None = None

    def unseen_since(self, now: datetime) -> bool:
        """Whether this use is to be written down."""
        return self.used_at is None or now - self.used_at >= SEEN_EVERY


def actor_from_session(uow: UnitOfWork, *, token: str, idle: timedelta) -> Identity:
    """The person behind a session cookie. Raises Unauthenticated: unknown, ended, idle too long, expired, or left."""
    if not is_kind(token, SecretKind.SESSION):
        raise Unauthenticated("Sign in to continue")
    rows = rows_by_session(uow.session.connection(), secret_hash(token))
    if not rows:
        raise Unauthenticated("Sign in to continue")
    session = rows[0]
    if session.ended_at is not None or uow.now >= min(session.expires_at, session.last_seen_at + idle):
        raise Unauthenticated("Your session has ended. Sign in again")
    actor = _person(rows, now=uow.now, door=Door.PAGE, session_id=session.session_id)
    return Identity(actor, "session", session.session_id, session.last_seen_at, session.password_at)


def actor_from_bearer(uow: UnitOfWork, *, token: str) -> Identity:
    """The person or organisation behind `Authorization: Bearer …`. Raises Unauthenticated, never saying which part
    was wrong: unknown, expired and revoked look the same."""
    if is_kind(token, SecretKind.KEY):
        return _from_key(uow, token)
    if is_kind(token, SecretKind.TOKEN):
        return _from_token(uow, token)
    raise _wrong_credential()


def _from_token(uow: UnitOfWork, token: str) -> Identity:
    rows = rows_by_token(uow.session.connection(), secret_hash(token))
    if not rows or not _valid(rows[0], uow.now):
        raise _wrong_credential()
    actor = _person(rows, now=uow.now, door=Door.API)
    return Identity(actor, "token", rows[0].token_id, rows[0].last_used_at)


def _from_key(uow: UnitOfWork, token: str) -> Identity:
    rows = rows_by_key(uow.session.connection(), secret_hash(token))
    if not rows or not _valid(rows[0], uow.now):
        raise _wrong_credential()
    key = rows[0]
    actor = Actor(
        kind="key",
        id=key.key_id,
        title=key.name,
        organisation_id=key.organisation_id,
        organisation=key.organisation,
        organisation_slug=key.organisation_slug,
        door=Door.API,
        scopes=frozenset(Scope(scope) for scope in key.scopes.split()),
        plans=frozenset(row.plan_id for row in rows if row.plan_id is not None),
    )
    return Identity(actor, "key", key.key_id, key.last_used_at)


def _valid(credential: Row[Any], now: datetime) -> bool:
    return credential.revoked_at is None and now < credential.expires_at


def _wrong_credential() -> Unauthenticated:
    return Unauthenticated("This key or token is unknown, expired or revoked")


def _person(rows: Sequence[Row[Any]], *, now: datetime, door: Door, session_id: str = "") -> Actor:
    """The actor of a person with the roles valid today. Raises Unauthenticated when the person has left."""
    person, today = rows[0], london_day(now)
    if person.left_on is not None and person.left_on <= today:
        raise Unauthenticated("This account has ended")
    roles: dict[str, frozenset[Role]] = {}
    led: set[str] = set()
    for row in rows:
        if row.plan_id is None or (row.ends_on is not None and row.ends_on < today):
            continue
        roles[row.plan_id] = roles.get(row.plan_id, frozenset()) | {row.role}
        if row.lead_organisation_id == person.organisation_id:
            led.add(row.plan_id)
    return Actor(
        kind="person",
        id=person.person_id,
        title=person.post_title,
        organisation_id=person.organisation_id,
        organisation=person.organisation,
        organisation_slug=person.organisation_slug,
        door=door,
        administrator=person.administrator,
        roles=roles,
        led_plans=frozenset(led),
        session_id=session_id,
    )


def record_last_use(uow: UnitOfWork, *, uses: dict[tuple[str, str], datetime]) -> None:
    """Write when sessions, tokens and keys were last used: (credential, id) → moment. Never moves one back."""
    for (credential, credential_id), moment in uses.items():
        table, column = _LAST_USE[credential]
        earlier = table.c[column].is_(None) | (table.c[column] < moment)
        uow.session.connection().execute(
            update(table).where(table.c.id == credential_id, earlier).values({column: moment})
        )


_LAST_USE: dict[str, tuple[Any, str]] = {
    "session": (UserSession.__table__, "last_seen_at"),  # type: ignore[attr-defined]
    "token": (PersonalToken.__table__, "last_used_at"),  # type: ignore[attr-defined]
    "key": (OrganisationKey.__table__, "last_used_at"),  # type: ignore[attr-defined]
}


def open_session(
    uow: UnitOfWork, *, person_id: str, limits: Limits, browser: str = "", replaces: str = ""
) -> str:
    """Begin a session for somebody who has just typed their password, and return its token, which is kept nowhere.

    `replaces` is the id of the session the browser had before: a sign-in never continues an old one.
    """
    if replaces:
        close_sessions(uow, person_id=person_id, only=replaces)
    token = new_secret(SecretKind.SESSION)
    uow.session.connection().execute(
        insert(UserSession).values(
            id=new_id(),
            person_id=person_id,
            token_hash=secret_hash(token),
            created_at=uow.now,
            last_seen_at=uow.now,
            expires_at=uow.now + limits.absolute,
            password_at=uow.now,
            ended_at=None,
            browser=browser[:200],
        )
    )
    return token


def close_sessions(uow: UnitOfWork, *, person_id: str, only: str = "", but: str = "") -> int:
    """End a person's open sessions: all, `only` the one with this id, or all `but` one. Returns how many ended."""
    statement = update(UserSession).where(UserSession.person_id == person_id, UserSession.ended_at.is_(None))  # type: ignore[union-attr, arg-type]
    if only:
        statement = statement.where(UserSession.id == only)  # type: ignore[arg-type]
    if but:
        statement = statement.where(UserSession.id != but)  # type: ignore[arg-type]
    return uow.session.connection().execute(statement.values(ended_at=uow.now)).rowcount
