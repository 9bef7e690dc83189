"""Organisations and people: who there is, how they are invited, and what happens when somebody leaves."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import insert, select, update

from app.db import UnitOfWork
from app.domain import permissions
from app.domain.ids import new_id
from app.domain.milestones import OrganisationRef
from app.domain.permissions import Act, Item
from app.domain.refusals import NotFound, refuse
from app.domain.secrets import SecretKind, new_secret, secret_hash
from app.domain.words import PlanState
from app.models import Invitation, Milestone, Organisation, Person, PersonalToken, Plan
from app.models.identity import table_of
from app.services import cases, settling
from app.services.identity import clean_email, close_sessions
from app.services.writing import Checks

INVITATION_HOLDS = timedelta(hours=72)
ORGANISATION_KINDS = ("council", "nhs", "police", "other")

_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,187}[a-z0-9])?")
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")

_people, _organisations, _invitations = table_of(Person), table_of(Organisation), table_of(Invitation)
_tokens, _milestones, _plans = table_of(PersonalToken), table_of(Milestone), table_of(Plan)


@dataclass(frozen=True, slots=True)
class Invited:
    """A person, and the single-use token with which they set their password: shown once, kept nowhere."""

    person_id: str
    email: str
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PersonView:
    """A person as an administrator sees them."""

    id: str
    email: str
    post_title: str
    organisation: OrganisationRef
    administrator: bool
    has_password: bool
    left_on: date | None


def create_organisation(uow: UnitOfWork, *, slug: str, name: str, kind: str = "other") -> OrganisationRef:
    """Add a council, NHS body, police force or other agency. Raises Forbidden, Invalid, Refused `slug_taken`."""
    permissions.require(uow.actor, Act.ADMINISTER, Item(plan_id=""))
    checks = Checks()
    name = checks.required_text("name", name, limit=200)
    if len(slug) > 80 or not _SLUG.fullmatch(slug):
        checks.add("slug", "not_a_slug", "Use small letters, digits and single hyphens, 80 characters at most")
    if kind not in ORGANISATION_KINDS:
        checks.add("kind", "not_a_choice", f"Choose {', '.join(ORGANISATION_KINDS[:-1])} or {ORGANISATION_KINDS[-1]}")
    checks.done()
    connection = uow.session.connection()
    if connection.execute(select(_organisations.c.id).where(_organisations.c.slug == slug)).first():
        raise refuse("slug_taken", f"There is already an organisation called {slug}")
    organisation_id = new_id()
    connection.execute(
        insert(_organisations).values(id=organisation_id, slug=slug, name=name, kind=kind, created_at=uow.now)
    )
    uow.record(
        "organisation_added",
        plan_id=None,
        item_kind="organisation",
        item_id=organisation_id,
        item_ref=slug[:40],
        facts={"name": [None, name], "kind": [None, kind]},
    )
    return OrganisationRef(organisation_id, slug, name)


def list_organisations(uow: UnitOfWork) -> tuple[OrganisationRef, ...]:
    """Every organisation, by name: forms offer them. Any actor who is known may read their names."""
    rows = uow.session.connection().execute(
        select(_organisations.c.id, _organisations.c.slug, _organisations.c.name).order_by(_organisations.c.name)
    )
    return tuple(OrganisationRef(*row) for row in rows)


def create_person(
    uow: UnitOfWork, *, email: str, post_title: str, organisation: str, administrator: bool = False
) -> Invited:
    """Add a person of an organisation (its slug) and invite them to set their password within 72 hours.

    Raises Forbidden, Invalid, Refused `email_taken`.
    """
    permissions.require(uow.actor, Act.ADMINISTER, Item(plan_id=""))
    checks = Checks()
    address = clean_email(email)
    if len(address) > 254 or not _EMAIL.fullmatch(address):
        checks.add("email", "not_an_email", "Enter an email address, such as name@haringey.gov.uk")
    post_title = checks.required_text("post_title", post_title, limit=120)
    connection = uow.session.connection()
    organisation_id = connection.execute(
        select(_organisations.c.id).where(_organisations.c.slug == organisation)
    ).scalar_one_or_none()
    if organisation_id is None:
        checks.add("organisation", "not_found", f"There is no organisation {organisation}")
    checks.done()
    if connection.execute(select(_people.c.id).where(_people.c.email == address)).first():
        raise refuse("email_taken", "There is already a person with this email address")
    person_id = new_id()
    connection.execute(
        insert(_people).values(
            id=person_id, email=address, post_title=post_title, organisation_id=organisation_id,
            administrator=administrator, created_at=uow.now,
        )
    )  # fmt: skip
    facts = {"post_title": [None, post_title], "organisation": [None, organisation]}
    if administrator:
        facts["administrator"] = [None, "yes"]
    uow.record("person_added", plan_id=None, item_kind="person", item_id=person_id, facts=facts)
    return _invite(uow, person_id=person_id, email=address)


def invite_again(uow: UnitOfWork, *, email: str) -> Invited:
    """A new invitation for a person who lost theirs, or their password. Earlier ones stop working at once; the old
    password and its sessions hold until the new one is set. Raises Forbidden, NotFound.
    """
    permissions.require(uow.actor, Act.ADMINISTER, Item(plan_id=""))
    address = clean_email(email)
    row = uow.session.connection().execute(
        select(_people.c.id, _people.c.left_on).where(_people.c.email == address)
    ).one_or_none()  # fmt: skip
    if row is None or (row.left_on is not None and row.left_on <= uow.today):
        raise NotFound(f"There is no person {address}")
    return _invite(uow, person_id=row.id, email=address)


def record_leaving(uow: UnitOfWork, *, email: str, left_on: date | None = None) -> PersonView:
    """A person leaves: today, or on an earlier day. Their sessions end, their tokens are revoked, and every milestone
    they own has no owner from that day. Raises Forbidden, NotFound, Invalid for a day in the future.
    """
    permissions.require(uow.actor, Act.ADMINISTER, Item(plan_id=""))
    person = find_person(uow, email=email)
    day = left_on or uow.today
    checks = Checks()
    checks.not_future("left_on", day, uow.today, "Enter today or a day before")
    checks.done()
    connection = uow.session.connection()
    connection.execute(update(_people).where(_people.c.id == person.id).values(left_on=day))
    close_sessions(uow, person_id=person.id)
    connection.execute(
        update(_tokens)
        .where(_tokens.c.person_id == person.id, _tokens.c.revoked_at.is_(None))
        .values(revoked_at=uow.now)
    )
    connection.execute(
        update(_invitations)
        .where(_invitations.c.person_id == person.id, _invitations.c.used_at.is_(None))
        .values(used_at=uow.now)
    )
    uow.record(
        "person_left", plan_id=None, item_kind="person", item_id=person.id, facts={"left_on": [person.left_on, day]}
    )
    # Where the plan is closed nobody answers for anything any more, and everything stays as it was.
    owned = select(_milestones.c.id).join_from(_milestones, _plans, _plans.c.id == _milestones.c.plan_id)
    owned = owned.where(_milestones.c.owner_id == person.id, _plans.c.state != PlanState.CLOSED)
    for case in cases.affected_cases(uow, connection.execute(owned).scalars().all()):
        settling.settle(uow, case)
    return find_person(uow, email=email)


def find_person(uow: UnitOfWork, *, email: str) -> PersonView:
    """A person by their e-mail address. Raises Forbidden, NotFound."""
    permissions.require(uow.actor, Act.ADMINISTER, Item(plan_id=""))
    address = clean_email(email)
    row = uow.session.connection().execute(
        select(
            _people.c.id, _people.c.email, _people.c.post_title, _people.c.administrator, _people.c.password_hash,
            _people.c.left_on, _organisations.c.id.label("organisation_id"), _organisations.c.slug,
            _organisations.c.name,
        )
        .join_from(_people, _organisations, _organisations.c.id == _people.c.organisation_id)
        .where(_people.c.email == address)
    ).one_or_none()  # fmt: skip
    if row is None:
        raise NotFound(f"There is no person {address}")
    return PersonView(
        id=row.id,
        email=row.email,
        post_title=row.post_title,
        organisation=OrganisationRef(row.organisation_id, row.slug, row.name),
        administrator=row.administrator,
        has_password=row.password_hash is not None,
        left_on=row.left_on,
    )


def _invite(uow: UnitOfWork, *, person_id: str, email: str) -> Invited:
    connection = uow.session.connection()
    connection.execute(
        update(_invitations)
        .where(_invitations.c.person_id == person_id, _invitations.c.used_at.is_(None))
        .values(used_at=uow.now)
    )
    token, expires_at = new_secret(SecretKind.INVITATION), uow.now + INVITATION_HOLDS
    connection.execute(
        insert(_invitations).values(
            id=new_id(), person_id=person_id, token_hash=secret_hash(token), created_at=uow.now, expires_at=expires_at
        )
    )
    uow.record("person_invited", plan_id=None, item_kind="person", item_id=person_id)
    return Invited(person_id, email, token, expires_at)
