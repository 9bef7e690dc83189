"""Who stands behind a session, a token or a key: one statement each, on plain columns, because every request asks."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, select

from app.models.held_uploads import waiting_of
from app.models.organisations import (
    Membership,
    Organisation,
    OrganisationKey,
    OrganisationKeyPlan,
    Person,
    PersonalToken,
    UserSession,
)
from app.models.plans import Plan


def table_of(model: Any) -> Table:
    """The bare table: a statement on an entity's attributes costs the ORM's compilation at every execution."""
    return model.__table__


_sessions, _tokens, _keys = table_of(UserSession), table_of(PersonalToken), table_of(OrganisationKey)
_people, _organisations, _memberships = table_of(Person), table_of(Organisation), table_of(Membership)
_key_plans, _plans = table_of(OrganisationKeyPlan), table_of(Plan)

_PERSON_COLUMNS = (
    _people.c.id.label("person_id"),
    _people.c.email,
    _people.c.post_title,
    _people.c.administrator,
    _people.c.left_on,
    _organisations.c.id.label("organisation_id"),
    _organisations.c.name.label("organisation"),
    _organisations.c.slug.label("organisation_slug"),
    _memberships.c.plan_id,
    _memberships.c.role,
    _memberships.c.ends_on,
    _plans.c.lead_organisation_id,
    waiting_of(_people.c.organisation_id, _memberships.c.plan_id).label("held"),
)


def _with_person(credential: Table, *columns: Any) -> Select[Any]:
    """A person's credential with one row per membership; at least one row when the credential is known."""
    return (
        select(*columns, *_PERSON_COLUMNS)
        .select_from(
            credential.join(_people, _people.c.id == credential.c.person_id)
            .join(_organisations, _organisations.c.id == _people.c.organisation_id)
            .outerjoin(_memberships, _memberships.c.person_id == _people.c.id)
            .outerjoin(_plans, _plans.c.id == _memberships.c.plan_id)
        )
        .where(credential.c.token_hash == bindparam("token_hash"))
    )


_BY_SESSION = _with_person(
    _sessions,
    _sessions.c.id.label("session_id"),
    _sessions.c.last_seen_at,
    _sessions.c.expires_at,
    _sessions.c.ended_at,
    _sessions.c.password_at,
)
_BY_TOKEN = _with_person(
    _tokens,
    _tokens.c.id.label("token_id"),
    _tokens.c.last_used_at,
    _tokens.c.expires_at,
    _tokens.c.revoked_at,
)
_BY_KEY = (
    select(
        _keys.c.id.label("key_id"),
        _keys.c.name,
        _keys.c.scopes,
        _keys.c.needs_release,
        _keys.c.last_used_at,
        _keys.c.expires_at,
        _keys.c.revoked_at,
        _organisations.c.id.label("organisation_id"),
        _organisations.c.name.label("organisation"),
        _organisations.c.slug.label("organisation_slug"),
        _key_plans.c.plan_id,
    )
    .select_from(
        _keys.join(_organisations, _organisations.c.id == _keys.c.organisation_id).outerjoin(
            _key_plans, _key_plans.c.key_id == _keys.c.id
        )
    )
    .where(_keys.c.token_hash == bindparam("token_hash"))
)


_BY_ID = (
    select(*_PERSON_COLUMNS)
    .select_from(
        _people.join(_organisations, _organisations.c.id == _people.c.organisation_id)
        .outerjoin(_memberships, _memberships.c.person_id == _people.c.id)
        .outerjoin(_plans, _plans.c.id == _memberships.c.plan_id)
    )
    .where(_people.c.id == bindparam("person_id"))
)


def rows_by_session(connection: Connection, token_hash: str) -> Sequence[Any]:
    """The session with this hash, its person, and a row per membership; empty when there is none."""
    return connection.execute(_BY_SESSION, {"token_hash": token_hash}).all()


def rows_by_token(connection: Connection, token_hash: str) -> Sequence[Any]:
    """The personal token with this hash, its person, and a row per membership; empty when there is none."""
    return connection.execute(_BY_TOKEN, {"token_hash": token_hash}).all()


def rows_by_key(connection: Connection, token_hash: str) -> Sequence[Any]:
    """The organisation's key with this hash, its organisation, and a row per plan; empty when there is none."""
    return connection.execute(_BY_KEY, {"token_hash": token_hash}).all()


def rows_by_person(connection: Connection, person_id: str) -> Sequence[Any]:
    """The person with this id, and a row per membership; empty when there is none."""
    return connection.execute(_BY_ID, {"person_id": person_id}).all()
