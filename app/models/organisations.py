"""Organisations, people, and what lets them in."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, UniqueConstraint, false

from app.domain.words import Role
from app.models.base import Field, SQLModel, id_field, moment, text_field, word_field


class Organisation(SQLModel, table=True):
    __tablename__ = "organisations"
    id: str = id_field(primary_key=True)
    slug: str = text_field(80, unique=True)
    name: str = text_field(200)
    kind: str = text_field(20)
    created_at: datetime = moment(nullable=False)
    # How it writes its case numbers, `LCS-######` (app/domain/personal_data.py). NULL: nobody looks for them.
    case_pattern: str | None = text_field(40, nullable=True)


class Person(SQLModel, table=True):
    __tablename__ = "people"
    id: str = id_field(primary_key=True)
    email: str = text_field(254, unique=True)
    post_title: str = text_field(120)
    organisation_id: str = id_field(foreign_key="organisations.id", index=True)
    administrator: bool = Field(default=False, nullable=False)
    password_hash: str | None = text_field(200, nullable=True)
    created_at: datetime = moment(nullable=False)
    left_on: date | None = None


class Invitation(SQLModel, table=True):
    """A single-use address to set a password: on joining, or to reset it."""

    __tablename__ = "invitations"
    id: str = id_field(primary_key=True)
    person_id: str = id_field(foreign_key="people.id", index=True)
    token_hash: str = text_field(64, unique=True)
    created_at: datetime = moment(nullable=False)
    expires_at: datetime = moment(nullable=False)
    used_at: datetime | None = moment()


class Membership(SQLModel, table=True):
    """One role of one person in one plan; an auditor's has an end date."""

    __tablename__ = "memberships"
    __table_args__ = (
        UniqueConstraint("person_id", "plan_id", "role"),
        CheckConstraint("role <> 'auditor' OR ends_on IS NOT NULL", name="auditor_ends"),
    )
    id: str = id_field(primary_key=True)
    person_id: str = id_field(foreign_key="people.id")
    plan_id: str = id_field(foreign_key="plans.id", index=True)
    role: Role = word_field(Role, "role")
    ends_on: date | None = None
    created_at: datetime = moment(nullable=False)


class UserSession(SQLModel, table=True):
    """A signed-in browser. Only the hash of its token is kept."""

    __tablename__ = "sessions"
    id: str = id_field(primary_key=True)
    person_id: str = id_field(foreign_key="people.id", index=True)
    token_hash: str = text_field(64, unique=True)
    created_at: datetime = moment(nullable=False)
    last_seen_at: datetime = moment(nullable=False)
    expires_at: datetime = moment(nullable=False)
    password_at: datetime = moment(nullable=False)
    ended_at: datetime | None = moment()
    browser: str = text_field(200)


class PersonalToken(SQLModel, table=True):
    """Acts with its person's roles through the API."""

    __tablename__ = "personal_tokens"
    id: str = id_field(primary_key=True)
    person_id: str = id_field(foreign_key="people.id", index=True)
    name: str = text_field(120)
    token_hash: str = text_field(64, unique=True)
    created_at: datetime = moment(nullable=False)
    expires_at: datetime = moment(nullable=False)
    revoked_at: datetime | None = moment()
    last_used_at: datetime | None = moment()


class OrganisationKey(SQLModel, table=True):
    """A partner's key. `scopes` is a space-separated list; the plans it names are rows of their own."""

    __tablename__ = "organisation_keys"
    id: str = id_field(primary_key=True)
    organisation_id: str = id_field(foreign_key="organisations.id", index=True)
    name: str = text_field(120)
    token_hash: str = text_field(64, unique=True)
    scopes: str = text_field(200)
    created_at: datetime = moment(nullable=False)
    created_by: str | None = id_field(foreign_key="people.id", nullable=True)
    expires_at: datetime = moment(nullable=False)
    revoked_at: datetime | None = moment()
    last_used_at: datetime | None = moment()
    # What it sends waits until a person of its organisation releases it.
    needs_release: bool = Field(default=False, nullable=False, sa_column_kwargs={"server_default": false()})


class OrganisationKeyPlan(SQLModel, table=True):
    __tablename__ = "organisation_key_plans"
    key_id: str = id_field(foreign_key="organisation_keys.id", primary_key=True)
    plan_id: str = id_field(foreign_key="plans.id", primary_key=True)
