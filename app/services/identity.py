"""Who is asking: a signed-in browser, a person's token or an organisation's key → the actor of the request.

Sessions begin and end here too. Only hashes are kept, so whoever reads the database can sign in as nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, insert, select, update

from app.db import UnitOfWork
from app.domain.actors import Actor
from app.domain.days import london_day
from app.domain.ids import new_id
from app.domain.milestones import OrganisationRef
from app.domain.refusals import NotFound, Unauthenticated, refuse
from app.domain.secrets import SecretKind, is_kind, new_secret, secret_hash
from app.domain.words import Door, Role, Scope
from app.models import Invitation, Organisation, OrganisationKey, Person, PersonalToken, Plan, UserSession
from app.models.identity import rows_by_key, rows_by_person, rows_by_session, rows_by_token, table_of
from app.services.passwords import Verdict

NOBODY = Actor(kind="nobody", id="", title="Nobody signed in")
SEEN_EVERY = timedelta(minutes=5)
"""How often the last use of a session, token or key is written at most."""

PASSWORD_HOLDS = timedelta(minutes=15)
"""How long after the password was typed keys, tokens and roles may be changed without typing it again."""

_sessions, _invitations, _people = table_of(UserSession), table_of(Invitation), table_of(Person)
_organisations, _plans = table_of(Organisation), table_of(Plan)
_LAST_USE: dict[str, tuple[Table, str]] = {
    "session": (_sessions, "last_seen_at"),
    "token": (table_of(PersonalToken), "last_used_at"),
    "key": (table_of(OrganisationKey), "last_used_at"),
}


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
    was wrong: unknown, expired and revoked look the same.
    """
    if is_kind(token, SecretKind.KEY):
        return _from_key(uow, token)
    if is_kind(token, SecretKind.TOKEN):
        return _from_token(uow, token)
    raise _wrong_credential()


def actor_of_person(uow: UnitOfWork, *, person_id: str, door: Door) -> Actor:
    """A person as they are now, for what a job or the command line does in their name. Raises Unauthenticated: unknown,
    or left.
    """
    rows = rows_by_person(uow.session.connection(), person_id)
    if not rows:
        raise Unauthenticated("Nobody is known by that id")
    return _person(rows, now=uow.now, door=door)


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
        needs_release=key.needs_release,
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
        held_in=frozenset(row.plan_id for row in rows if row.held and row.plan_id in roles),
    )


def record_last_use(uow: UnitOfWork, *, uses: dict[tuple[str, str], datetime]) -> None:
    """Write when sessions, tokens and keys were last used: (credential, id) → moment. Never moves one back."""
    for (credential, credential_id), moment in uses.items():
        table, column = _LAST_USE[credential]
        earlier = table.c[column].is_(None) | (table.c[column] < moment)
        uow.session.connection().execute(
            update(table).where(table.c.id == credential_id, earlier).values({column: moment})
        )


def open_session(uow: UnitOfWork, *, person_id: str, limits: Limits, browser: str = "") -> str:
    """Begin a session for somebody who has just typed their password, and return its token, which is kept nowhere."""
    token = new_secret(SecretKind.SESSION)
    uow.session.connection().execute(
        insert(_sessions).values(
            id=new_id(),
            person_id=person_id,
            token_hash=secret_hash(token),
            created_at=uow.now,
            last_seen_at=uow.now,
            expires_at=uow.now + limits.absolute,
            password_at=uow.now,
            browser=browser[:200],
        )
    )
    return token


def close_sessions(uow: UnitOfWork, *, person_id: str, only: str = "", but: str = "") -> int:
    """End a person's open sessions: all, `only` the one with this id, or all `but` one. Returns how many ended."""
    statement = update(_sessions).where(_sessions.c.person_id == person_id, _sessions.c.ended_at.is_(None))
    if only:
        statement = statement.where(_sessions.c.id == only)
    if but:
        statement = statement.where(_sessions.c.id != but)
    return uow.session.connection().execute(statement.values(ended_at=uow.now)).rowcount


@dataclass(frozen=True, slots=True)
class Account:
    """What signing in needs to know of a person."""

    person_id: str
    email: str
    post_title: str
    organisation: str
    password_hash: str | None

    def acting(self) -> Actor:
        """The person as an actor without roles: to put their sign-in on the record under their own title."""
        return Actor(kind="person", id=self.person_id, title=self.post_title, organisation=self.organisation)


def find_account(uow: UnitOfWork, *, email: str) -> Account | None:
    """The account with this e-mail address, in any case; None when there is none or its person has left."""
    return _account(uow, _people.c.email == clean_email(email))


def own_account(uow: UnitOfWork) -> Account:
    """The account of who is signed in. Raises Unauthenticated."""
    account = _account(uow, _people.c.id == uow.actor.id) if uow.actor.is_person else None
    if account is None:
        raise Unauthenticated("Sign in to continue")
    return account


def sign_in(uow: UnitOfWork, *, account: Account, verdict: Verdict, limits: Limits, browser: str, replaces: str) -> str:
    """Begin a session for an account whose password has just been checked. Returns the token for its cookie.

    `replaces` is the token the browser brought along: that session ends. Raises Unauthenticated when the password was
    changed since it was checked.
    """
    current = own_hash(uow, person_id=account.person_id)
    if not verdict.right or current != account.password_hash:
        raise Unauthenticated("Sign in again")
    uow.actor = account.acting()
    if replaces:
        _end_by_token(uow, replaces)
    if verdict.rehashed:
        _store_hash(uow, person_id=account.person_id, password_hash=verdict.rehashed)
    uow.record("signed_in", plan_id=None, **_about_person(account.person_id))
    return open_session(uow, person_id=account.person_id, limits=limits, browser=browser)


def record_failed_sign_in(uow: UnitOfWork, *, account: Account) -> None:
    """Put on record that somebody tried to sign in to an account with a wrong password."""
    uow.record("sign_in_failed", plan_id=None, **_about_person(account.person_id))


def sign_out(uow: UnitOfWork) -> None:
    """End the session that asks."""
    close_sessions(uow, person_id=uow.actor.id, only=uow.actor.session_id)
    uow.record("signed_out", plan_id=None, **_about_person(uow.actor.id))


def confirm_password(uow: UnitOfWork, *, verdict: Verdict) -> str:
    """Note that the password has just been typed again. Returns the session's new token: it changes with every such
    gain in what the session may do. Raises Refused when the password was wrong, which goes on the record.
    """
    if not verdict.right:
        raise refuse(
            "wrong_password",
            "That is not your password",
            attempted="password_confirmation",
            item_kind="person",
            item_id=uow.actor.id,
        )
    token = new_secret(SecretKind.SESSION)
    uow.session.connection().execute(
        update(_sessions)
        .where(_sessions.c.id == uow.actor.session_id)
        .values(token_hash=secret_hash(token), password_at=uow.now)
    )
    uow.record("password_confirmed", plan_id=None, **_about_person(uow.actor.id))
    return token


def change_password(uow: UnitOfWork, *, password_hash: str, limits: Limits, browser: str) -> str:
    """Set one's own new password, end every session, and return the token of a new one for this browser.

    The door has checked the old password and the new one's strength.
    """
    person_id = uow.actor.id
    _store_hash(uow, person_id=person_id, password_hash=password_hash)
    ended = close_sessions(uow, person_id=person_id)
    uow.record("password_changed", plan_id=None, **_about_person(person_id), facts={"sessions_ended": ended})
    return open_session(uow, person_id=person_id, limits=limits, browser=browser)


def set_password(uow: UnitOfWork, *, person_id: str, password_hash: str) -> None:
    """Give a person a password without an invitation: the demo's people, whose passwords are known."""
    _store_hash(uow, person_id=person_id, password_hash=password_hash)
    uow.record("password_set", plan_id=None, **_about_person(person_id))


@dataclass(frozen=True, slots=True)
class InvitationView:
    """Whom an invitation lets in, and until when."""

    account: Account
    expires_at: datetime


def find_invitation(uow: UnitOfWork, *, token: str) -> InvitationView:
    """An invitation that can still be used. Raises NotFound: unknown, used, replaced by a newer one, or run out."""
    row = uow.session.connection().execute(
        select(_invitations.c.person_id, _invitations.c.expires_at).where(
            _invitations.c.token_hash == secret_hash(token),
            _invitations.c.used_at.is_(None),
            _invitations.c.expires_at > uow.now,
        )
    ).one_or_none()  # fmt: skip
    account = _account(uow, _people.c.id == row.person_id) if row is not None else None
    if row is None or account is None:
        raise NotFound("This invitation has been used or has run out. Ask an administrator for a new one")
    return InvitationView(account, row.expires_at)


def accept_invitation(uow: UnitOfWork, *, token: str, password_hash: str, limits: Limits, browser: str) -> str:
    """Set the password an invitation asks for, end every session of the person, and return a new one's token.

    The invitation is used up, even when two accept it at once. Raises NotFound.
    """
    account = find_invitation(uow, token=token).account
    used = uow.session.connection().execute(
        update(_invitations)
        .where(_invitations.c.token_hash == secret_hash(token), _invitations.c.used_at.is_(None))
        .values(used_at=uow.now)
    )
    if used.rowcount != 1:
        raise NotFound("This invitation has been used. Ask an administrator for a new one")
    uow.actor = account.acting()
    _store_hash(uow, person_id=account.person_id, password_hash=password_hash)
    ended = close_sessions(uow, person_id=account.person_id)
    uow.record("password_set", plan_id=None, **_about_person(account.person_id), facts={"sessions_ended": ended})
    return open_session(uow, person_id=account.person_id, limits=limits, browser=browser)


@dataclass(frozen=True, slots=True)
class SessionView:
    """One signed-in browser of a person; `current` is the one that asks."""

    id: str
    browser: str
    created_at: datetime
    last_seen_at: datetime
    current: bool


def list_sessions(uow: UnitOfWork, *, limits: Limits) -> tuple[SessionView, ...]:
    """One's own sessions that still work, the last used first."""
    rows = uow.session.connection().execute(
        select(_sessions.c.id, _sessions.c.browser, _sessions.c.created_at, _sessions.c.last_seen_at)
        .where(
            _sessions.c.person_id == uow.actor.id,
            _sessions.c.ended_at.is_(None),
            _sessions.c.expires_at > uow.now,
            _sessions.c.last_seen_at > uow.now - limits.idle,
        )
        .order_by(_sessions.c.last_seen_at.desc(), _sessions.c.id)
    )
    return tuple(SessionView(*row, current=row.id == uow.actor.session_id) for row in rows)


def end_session(uow: UnitOfWork, *, session: str) -> None:
    """End one of one's own sessions. Raises NotFound when it is nobody's, somebody else's or already over."""
    if not close_sessions(uow, person_id=uow.actor.id, only=session):
        raise NotFound("This session is already over")
    uow.record("session_ended", plan_id=None, **_about_person(uow.actor.id), facts={"session": session})


def end_other_sessions(uow: UnitOfWork) -> int:
    """End all of one's own sessions but the one that asks. Returns how many."""
    ended = close_sessions(uow, person_id=uow.actor.id, but=uow.actor.session_id)
    uow.record("session_ended", plan_id=None, **_about_person(uow.actor.id), facts={"sessions_ended": ended})
    return ended


@dataclass(frozen=True, slots=True)
class PlanRoles:
    """A plan, and what somebody is in it: roles of a person; none for a key, whose scopes hold in every plan."""

    slug: str
    title: str
    roles: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class Me:
    """Who is asking, as they are told themselves."""

    kind: str
    id: str
    title: str
    email: str
    organisation: OrganisationRef
    administrator: bool
    scopes: tuple[Scope, ...]
    plans: tuple[PlanRoles, ...]


def me(uow: UnitOfWork) -> Me:
    """Who am I: title, organisation, and the plans with roles, or those the key names with its scopes."""
    actor = uow.actor
    wanted = actor.plans if actor.is_key else actor.roles.keys()
    rows = uow.session.connection().execute(
        select(_plans.c.id, _plans.c.slug, _plans.c.title).where(_plans.c.id.in_(wanted)).order_by(_plans.c.slug)
    )
    return Me(
        kind=actor.kind,
        id=actor.id,
        title=actor.title,
        email=own_account(uow).email if actor.is_person else "",
        organisation=OrganisationRef(actor.organisation_id, actor.organisation_slug, actor.organisation),
        administrator=actor.administrator,
        scopes=tuple(sorted(actor.scopes)),
        plans=tuple(PlanRoles(row.slug, row.title, tuple(sorted(actor.roles_in(row.id)))) for row in rows),
    )


def clean_email(email: str) -> str:
    """An e-mail address as it is stored and looked up: without blanks around it, in small letters."""
    return email.strip().casefold()


def own_hash(uow: UnitOfWork, *, person_id: str) -> str | None:
    """A person's stored password hash; None without a password."""
    return uow.session.connection().execute(
        select(_people.c.password_hash).where(_people.c.id == person_id)
    ).scalar_one_or_none()  # fmt: skip


def _account(uow: UnitOfWork, which: ColumnElement[bool]) -> Account | None:
    row = uow.session.connection().execute(
        select(
            _people.c.id, _people.c.email, _people.c.post_title, _organisations.c.name, _people.c.password_hash,
            _people.c.left_on,
        )
        .join_from(_people, _organisations, _organisations.c.id == _people.c.organisation_id)
        .where(which)
    ).one_or_none()  # fmt: skip
    if row is None or (row.left_on is not None and row.left_on <= uow.today):
        return None
    return Account(row.id, row.email, row.post_title, row.name, row.password_hash)


def _store_hash(uow: UnitOfWork, *, person_id: str, password_hash: str) -> None:
    uow.session.connection().execute(
        update(_people).where(_people.c.id == person_id).values(password_hash=password_hash)
    )


def _end_by_token(uow: UnitOfWork, token: str) -> None:
    uow.session.connection().execute(
        update(_sessions)
        .where(_sessions.c.token_hash == secret_hash(token), _sessions.c.ended_at.is_(None))
        .values(ended_at=uow.now)
    )


def _about_person(person_id: str) -> dict[str, Any]:
    return {"item_kind": "person", "item_id": person_id}
