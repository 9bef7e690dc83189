"""What opens the API: organisations' keys and people's own tokens. Shown once, kept as hashes, always expiring."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, insert, select, update

from app.db import UnitOfWork
from app.domain import permissions
from app.domain.actors import Actor
from app.domain.ids import new_id
from app.domain.milestones import OrganisationRef
from app.domain.permissions import Act, Item
from app.domain.refusals import Forbidden, NotFound, refuse
from app.domain.secrets import SecretKind, new_secret, secret_hash
from app.domain.words import Scope
from app.models import Organisation, OrganisationKey, OrganisationKeyPlan, Person, PersonalToken, Plan, Setting
from app.models.identity import table_of
from app.services import addresses
from app.services.identity import clean_email
from app.services.writing import Checks

MOST_DAYS = 366
USUAL_DAYS = 90
FRONT_DOOR = "front_door"
NAME_LENGTH = 120

_keys, _key_plans, _tokens = table_of(OrganisationKey), table_of(OrganisationKeyPlan), table_of(PersonalToken)
_people, _organisations, _plans, _settings = (
    table_of(Person),
    table_of(Organisation),
    table_of(Plan),
    table_of(Setting),
)
_PlanRow = Row[str, str, str]  # id, slug, title


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key or token. `secret` is shown to whoever asked for it, once, and kept nowhere."""

    id: str
    name: str
    secret: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class KeyView:
    """An organisation's key, without what makes it work."""

    id: str
    name: str
    organisation: OrganisationRef
    plans: tuple[str, ...]
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    works: bool
    needs_release: bool = False


@dataclass(frozen=True, slots=True)
class TokenView:
    """One of a person's own tokens, without what makes it work."""

    id: str
    name: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    works: bool


@dataclass(frozen=True, slots=True)
class PlanKeys:
    """The keys page of a plan."""

    plan_slug: str
    plan_title: str
    keys: tuple[KeyView, ...]
    organisations: tuple[OrganisationRef, ...]
    front_door: str


# --- partner keys -----------------------------------------------------------------------------------------------------


def create_key(
    uow: UnitOfWork, *, organisation: str, plans: Sequence[str], scopes: Sequence[str], days: int, name: str = "",
    needs_release: bool = False,
) -> Issued:  # fmt: skip
    """Issue a key to an organisation (its slug) for plans (their slugs), for up to 366 days. `needs_release`: what it
    sends waits until a person of the organisation, with a role in the plan, releases it.

    Raises NotFound for a plan the actor cannot know of, Forbidden unless they run every plan named or administer,
    Invalid, and Refused `front_door_missing` while the front-door contact is not set (rule 4 of the product).
    """
    found = [_plan(uow, slug) for slug in dict.fromkeys(plans)]
    for plan in found:
        _require_keys_of(uow.actor, plan.id)
    checks = Checks()
    owner = organisation_named(uow, organisation)
    if owner is None:
        checks.add("organisation", "not_found", f"There is no organisation {organisation}")
    if not found:
        checks.add("plans", "required", "Name at least one plan")
    wanted = _scopes(scopes, checks)
    name = checks.optional_text("name", name, limit=NAME_LENGTH) or (f"{owner.name} key"[:NAME_LENGTH] if owner else "")
    _check_days(days, checks)
    checks.done()
    if not front_door(uow):
        raise _front_door_missing(found[0].id)
    return _issue_key(
        uow, organisation_id=owner.id if owner else "", plans=found, scopes=wanted, days=days, name=name,
        needs_release=needs_release,
    )  # fmt: skip


def managed_plan(uow: UnitOfWork, slug: str) -> _PlanRow:
    """A plan whose partners' keys and webhooks the actor manages. Raises NotFound, Forbidden."""
    plan = _plan(uow, slug)
    _require_keys_of(uow.actor, plan.id)
    return plan


def plan_keys(uow: UnitOfWork, *, slug: str) -> PlanKeys:
    """Every key that names a plan, the newest first, and what the form to issue one needs.

    Raises NotFound, or Forbidden unless the actor runs the plan or administers.
    """
    plan = _plan(uow, slug)
    _require_keys_of(uow.actor, plan.id)
    connection = uow.session.connection()
    ids = select(_key_plans.c.key_id).where(_key_plans.c.plan_id == plan.id)
    rows = connection.execute(_KEYS.where(_keys.c.id.in_(ids)).order_by(_keys.c.created_at.desc(), _keys.c.id)).all()
    organisations = connection.execute(
        select(_organisations.c.id, _organisations.c.slug, _organisations.c.name).order_by(_organisations.c.name)
    )
    return PlanKeys(
        plan_slug=plan.slug,
        plan_title=plan.title,
        keys=_key_views(uow, rows),
        organisations=tuple(OrganisationRef(*row) for row in organisations),
        front_door=front_door(uow),
    )


def rotate_key(uow: UnitOfWork, *, key: str, days: int = USUAL_DAYS, plan: str | None = None) -> Issued:
    """A new secret for a key, for `days` from now; the old one stops working at once.

    `plan` is the slug of the plan on whose page it was asked.
    Raises NotFound, Forbidden, Invalid, Refused for a revoked key.
    """
    row, plans = _managed_key(uow, key, plan=plan, every_plan=True)
    checks = Checks()
    _check_days(days, checks)
    checks.done()
    if row.revoked_at is not None:
        raise refuse("revoked", "This key was revoked. Issue a new one")
    secret, expires_at = new_secret(SecretKind.KEY), uow.now + timedelta(days=days)
    uow.session.connection().execute(
        update(_keys)
        .where(_keys.c.id == key)
        .values(token_hash=secret_hash(secret), expires_at=expires_at, last_used_at=None)
    )
    _record_key(uow, "key_rotated", row.id, plans, {"expires_at": [row.expires_at, expires_at]})
    return Issued(row.id, row.name, secret, expires_at)


def revoke_key(uow: UnitOfWork, *, key: str, plan: str | None = None) -> None:
    """Stop a key for good. Who runs any plan it names may do so: a leak is not discussed first.

    Raises NotFound, Forbidden. A key that is already revoked stays as it is.
    """
    row, plans = _managed_key(uow, key, plan=plan, every_plan=False)
    if row.revoked_at is not None:
        return
    uow.session.connection().execute(update(_keys).where(_keys.c.id == key).values(revoked_at=uow.now))
    _record_key(uow, "key_revoked", row.id, plans, {})


def front_door(uow: UnitOfWork) -> str:
    """Whom to tell about a child or an adult at risk; empty while nobody has set it."""
    value = uow.session.connection().execute(
        select(_settings.c.value).where(_settings.c.name == FRONT_DOOR)
    ).scalar_one_or_none()  # fmt: skip
    return value or ""


def front_door_to_change(uow: UnitOfWork) -> str:
    """The front-door contact, for who may set it. Raises Forbidden."""
    permissions.require(uow.actor, Act.ADMINISTER, Item(plan_id=""))
    return front_door(uow)


def set_front_door(uow: UnitOfWork, *, contact: str) -> None:
    """Set whom to tell about a child or an adult at risk, as every receipt and the upload page print it.

    Raises Forbidden, Invalid.
    """
    permissions.require(uow.actor, Act.ADMINISTER, Item(plan_id=""))
    checks = Checks()
    said = checks.required_text("front_door", contact, limit=300, name="the front-door contact")
    checks.done()
    before, connection = front_door(uow), uow.session.connection()
    if before == said:
        return
    changed = connection.execute(
        update(_settings).where(_settings.c.name == FRONT_DOOR).values(value=said, changed_on=uow.today)
    )
    if changed.rowcount == 0:
        connection.execute(insert(_settings).values(name=FRONT_DOOR, value=said, changed_on=uow.today))
    uow.record(
        "setting_changed", plan_id=None, item_kind="setting", item_id=FRONT_DOOR, facts={FRONT_DOOR: [before, said]}
    )


# --- a person's own tokens --------------------------------------------------------------------------------------------


def create_token(uow: UnitOfWork, *, name: str, days: int = USUAL_DAYS, person: str | None = None) -> Issued:
    """Issue a token that acts with its person's roles: one's own, or, from the command line, of `person` (e-mail).

    Raises Forbidden, NotFound, Invalid.
    """
    person_id = _token_owner(uow, person)
    checks = Checks()
    name = checks.required_text("name", name, limit=NAME_LENGTH, name="a name for the token")
    _check_days(days, checks)
    checks.done()
    token_id, secret, expires_at = new_id(), new_secret(SecretKind.TOKEN), uow.now + timedelta(days=days)
    uow.session.connection().execute(
        insert(_tokens).values(
            id=token_id, person_id=person_id, name=name, token_hash=secret_hash(secret), created_at=uow.now,
            expires_at=expires_at,
        )
    )  # fmt: skip
    _record_token(uow, "token_issued", token_id, {"person": person_id, "name": [None, name], "expires_at": expires_at})
    return Issued(token_id, name, secret, expires_at)


def list_tokens(uow: UnitOfWork) -> tuple[TokenView, ...]:
    """One's own tokens, the newest first."""
    rows = uow.session.connection().execute(
        select(_tokens).where(_tokens.c.person_id == uow.actor.id).order_by(_tokens.c.created_at.desc(), _tokens.c.id)
    )
    return tuple(
        TokenView(
            id=row.id,
            name=row.name,
            created_at=row.created_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
            last_used_at=row.last_used_at,
            works=_works(row, uow.now),
        )
        for row in rows
    )


def rotate_token(uow: UnitOfWork, *, token: str, days: int = USUAL_DAYS) -> Issued:
    """A new secret for one of one's own tokens, for `days` from now. Raises NotFound, Invalid, Refused."""
    row = _own_token(uow, token)
    checks = Checks()
    _check_days(days, checks)
    checks.done()
    if row.revoked_at is not None:
        raise refuse("revoked", "This token was revoked. Make a new one")
    secret, expires_at = new_secret(SecretKind.TOKEN), uow.now + timedelta(days=days)
    uow.session.connection().execute(
        update(_tokens)
        .where(_tokens.c.id == token)
        .values(token_hash=secret_hash(secret), expires_at=expires_at, last_used_at=None)
    )
    _record_token(uow, "token_rotated", token, {"expires_at": [row.expires_at, expires_at]})
    return Issued(row.id, row.name, secret, expires_at)


def revoke_token(uow: UnitOfWork, *, token: str) -> None:
    """Stop one of one's own tokens for good. Raises NotFound. One that is already revoked stays as it is."""
    if _own_token(uow, token).revoked_at is not None:
        return
    uow.session.connection().execute(update(_tokens).where(_tokens.c.id == token).values(revoked_at=uow.now))
    _record_token(uow, "token_revoked", token, {})


# --- helpers ----------------------------------------------------------------------------------------------------------

_KEYS = select(
    _keys, _organisations.c.slug.label("organisation_slug"), _organisations.c.name.label("organisation_name")
).join_from(_keys, _organisations, _organisations.c.id == _keys.c.organisation_id)


def _issue_key(
    uow: UnitOfWork,
    *,
    organisation_id: str,
    plans: Sequence[_PlanRow],
    scopes: tuple[Scope, ...],
    days: int,
    name: str,
    needs_release: bool,
) -> Issued:
    connection = uow.session.connection()
    key_id, secret, expires_at = new_id(), new_secret(SecretKind.KEY), uow.now + timedelta(days=days)
    connection.execute(
        insert(_keys).values(
            id=key_id, organisation_id=organisation_id, name=name, token_hash=secret_hash(secret),
            scopes=" ".join(scopes), created_at=uow.now, created_by=uow.actor.id if uow.actor.is_person else None,
            expires_at=expires_at, needs_release=needs_release,
        )
    )  # fmt: skip
    connection.execute(insert(_key_plans), [{"key_id": key_id, "plan_id": plan.id} for plan in plans])
    facts = {
        "organisation": organisation_id,
        "plans": [plan.slug for plan in plans],
        "scopes": list(scopes),
        "expires_at": expires_at,
        **({"needs_release": True} if needs_release else {}),
    }
    _record_key(uow, "key_issued", key_id, [plan.id for plan in plans], facts)
    return Issued(key_id, name, secret, expires_at)


def _record_key(uow: UnitOfWork, event: str, key_id: str, plans: Sequence[str], facts: dict[str, Any]) -> None:
    """In the trail of each plan the key opens, where its managers look, and in that of events without a plan."""
    for plan_id in (*plans, None):
        uow.record(event, plan_id=plan_id, item_kind="key", item_id=key_id, facts=facts)


def _record_token(uow: UnitOfWork, event: str, token_id: str, facts: dict[str, Any]) -> None:
    uow.record(event, plan_id=None, item_kind="token", item_id=token_id, facts=facts)


def _plan(uow: UnitOfWork, slug: str) -> _PlanRow:
    """A plan by its slug, if the actor knows of it; an administrator knows that every plan exists."""
    row = uow.session.connection().execute(
        select(_plans.c.id, _plans.c.slug, _plans.c.title).where(_plans.c.slug == slug)
    ).one_or_none()  # fmt: skip
    if row is None or not (uow.actor.administrator or row.id in permissions.plans_known(uow.actor)):
        addresses.follow(uow, slug)
        raise NotFound(f"There is no plan {slug}")
    return row


def _require_keys_of(actor: Actor, plan_id: str) -> None:
    if not permissions.may(actor, Act.ADMINISTER, Item(plan_id=plan_id)):
        permissions.require(actor, Act.MANAGE_PARTNER_KEYS, Item(plan_id=plan_id))


def organisation_named(uow: UnitOfWork, slug: str) -> Row[str, str] | None:
    """An organisation by its slug: (id, name)."""
    return uow.session.connection().execute(
        select(_organisations.c.id, _organisations.c.name).where(_organisations.c.slug == slug)
    ).one_or_none()  # fmt: skip


def _scopes(sent: Sequence[str], checks: Checks) -> tuple[Scope, ...]:
    known = {scope.value for scope in Scope}
    wrong = [scope for scope in sent if scope not in known]
    if wrong or not sent:
        checks.add("scopes", "not_a_choice", f"Choose one or more of {', '.join(sorted(known))}")
    return tuple(sorted({Scope(scope) for scope in sent if scope in known}))


def _check_days(days: int, checks: Checks) -> None:
    if not 1 <= days <= MOST_DAYS:
        checks.add("days", "out_of_range", f"Enter a number of days from 1 to {MOST_DAYS}")


def _front_door_missing(plan_id: str) -> Exception:
    return refuse(
        "front_door_missing",
        "No partner key can be issued before the front-door contact is set: whom to tell about a child or an adult at "
        "risk. An administrator sets it",
        attempted="key",
        item_kind="key",
        plan_id=plan_id,
    )


def _managed_key(uow: UnitOfWork, key: str, *, plan: str | None, every_plan: bool) -> tuple[Row[Any], list[str]]:
    """A key and the ids of its plans, for somebody who may manage it. Raises NotFound, Forbidden."""
    connection = uow.session.connection()
    row = connection.execute(select(_keys).where(_keys.c.id == key)).one_or_none()
    named = select(_key_plans.c.plan_id).where(_key_plans.c.key_id == key).order_by(_key_plans.c.plan_id)
    plans = list(connection.execute(named).scalars())
    known = permissions.plans_known(uow.actor)
    if row is None or not (uow.actor.administrator or known.intersection(plans)):
        raise NotFound("There is no such key")
    if plan is not None and _plan(uow, plan).id not in plans:
        raise NotFound("There is no such key in this plan")
    managed = [plan_id for plan_id in plans if _manages(uow.actor, plan_id)]
    if not managed or (every_plan and len(managed) < len(plans)):
        raise Forbidden(
            "It takes the programme manager of every plan that this key names, or an administrator"
            if managed
            else "It takes a programme manager of this plan, or an administrator",
            needs="programme manager",
        )
    return row, plans


def _manages(actor: Actor, plan_id: str) -> bool:
    item = Item(plan_id=plan_id)
    return permissions.may(actor, Act.ADMINISTER, item) or permissions.may(actor, Act.MANAGE_PARTNER_KEYS, item)


def _key_views(uow: UnitOfWork, rows: Sequence[Row[Any]]) -> tuple[KeyView, ...]:
    """Keys as shown. Of the plans a key names, only those the actor knows of are listed."""
    known = permissions.plans_known(uow.actor)
    named: dict[str, list[str]] = {}
    for key_id, plan_id, slug in uow.session.connection().execute(
        select(_key_plans.c.key_id, _key_plans.c.plan_id, _plans.c.slug)
        .join_from(_key_plans, _plans, _plans.c.id == _key_plans.c.plan_id)
        .where(_key_plans.c.key_id.in_([row.id for row in rows]))
        .order_by(_plans.c.slug)
    ):
        if uow.actor.administrator or plan_id in known:
            named.setdefault(key_id, []).append(slug)
    return tuple(
        KeyView(
            id=row.id,
            name=row.name,
            organisation=OrganisationRef(row.organisation_id, row.organisation_slug, row.organisation_name),
            plans=tuple(named.get(row.id, ())),
            scopes=tuple(Scope(scope) for scope in row.scopes.split()),
            created_at=row.created_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
            last_used_at=row.last_used_at,
            works=_works(row, uow.now),
            needs_release=row.needs_release,
        )
        for row in rows
    )


def _works(row: Row[Any], now: datetime) -> bool:
    return row.revoked_at is None and now < row.expires_at


def _token_owner(uow: UnitOfWork, email: str | None) -> str:
    """Whose token it will be. Nobody makes tokens for others but Waymark's own command line."""
    if email is None:
        if not uow.actor.is_person:
            raise Forbidden("Only a person can make a token", needs="a person")
        return uow.actor.id
    if not uow.actor.is_system:
        raise Forbidden("A token can only be made by its person", needs="the person")
    row = uow.session.connection().execute(
        select(_people.c.id, _people.c.left_on).where(_people.c.email == clean_email(email))
    ).one_or_none()  # fmt: skip
    if row is None or (row.left_on is not None and row.left_on <= uow.today):
        raise NotFound(f"There is no person {clean_email(email)}")
    return str(row.id)


def _own_token(uow: UnitOfWork, token: str) -> Row[Any]:
    row = uow.session.connection().execute(
        select(_tokens).where(_tokens.c.id == token, _tokens.c.person_id == uow.actor.id)
    ).one_or_none()  # fmt: skip
    if row is None or not uow.actor.is_person:
        raise NotFound("There is no such token")
    return row
