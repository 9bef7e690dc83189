"""Webhooks: set up for an agency, told of in the outbox with the change itself, and sent from there.

At least once: whoever is cut off after sending and before writing that down sends again, with the same event id.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, or_, select, update

from app.db import Database, UnitOfWork
from app.domain import webhooks as rules
from app.domain.actors import system_actor
from app.domain.ids import new_id
from app.domain.milestones import OrganisationRef
from app.domain.refusals import NotFound, refuse
from app.domain.webhooks import DeliveryView, Paused, WebhookEvent, WebhookView
from app.models import Milestone, MilestoneRestriction, Organisation, OutboxMessage, Plan, Webhook
from app.models.identity import table_of
from app.services import keys
from app.services.writing import Checks
from app.settings import Settings
from app.webhook_sender import NotDelivered, WebhookSender

SHOWN = 50
KEPT = timedelta(days=30)
MOST = 10
KIND = "webhook"
_ROUND = 50
_REASON_LENGTH = 300

_webhooks, _outbox, _plans = table_of(Webhook), table_of(OutboxMessage), table_of(Plan)
_organisations, _milestones = table_of(Organisation), table_of(Milestone)
_restrictions = table_of(MilestoneRestriction)


@dataclass(frozen=True, slots=True)
class Registered:
    """A webhook that was set up, or has a new secret. `secret` is shown this once, and is stored nowhere."""

    id: str
    url: str
    secret: str


@dataclass(frozen=True, slots=True)
class PlanWebhooks:
    """The webhooks page of a plan."""

    plan_slug: str
    plan_title: str
    webhooks: tuple[WebhookView, ...]
    deliveries: tuple[DeliveryView, ...]
    organisations: tuple[OrganisationRef, ...]


# --- Setting up -------------------------------------------------------------------------------------------------------


def create_webhook(
    uow: UnitOfWork, *, slug: str, organisation: str, url: str, events: Sequence[str], secret_key: str
) -> Registered:
    """Tell an organisation's program (its slug) what comes of what it sends to a plan.

    Raises NotFound, Forbidden unless the actor runs the plan or administers, Invalid, Refused `too_many`.
    """
    plan = keys.managed_plan(uow, slug)
    checks = Checks()
    owner = keys.organisation_named(uow, organisation)
    if owner is None:
        checks.add("organisation", "not_found", "Choose an organisation")
    url = url.strip()
    if wrong := rules.url_problem(url):
        checks.add("url", "not_an_address", wrong)
    wanted = tuple(event for event in rules.TOLD if event in events)
    if not wanted or set(events) - set(rules.TOLD):
        checks.add("events", "not_a_choice", f"Choose one or more of {', '.join(rules.TOLD)}")
    checks.done()
    there = select(func.count()).where(_webhooks.c.plan_id == plan.id, _webhooks.c.removed_at.is_(None))
    if uow.session.connection().execute(there).scalar_one() >= MOST:
        raise refuse("too_many", f"This plan has {MOST} webhooks. Remove one first")
    webhook_id, salt = new_id(), token_hex(16)
    uow.session.connection().execute(
        insert(_webhooks).values(
            id=webhook_id, plan_id=plan.id, organisation_id=owner.id if owner else "", url=url,
            events=" ".join(wanted), salt=salt, created_at=uow.now,
            created_by=uow.actor.id if uow.actor.is_person else None,
        )
    )  # fmt: skip
    facts = {"organisation": organisation, "host": _host(url), "events": list(wanted)}
    _record(uow, "webhook_registered", plan.id, webhook_id, facts)
    return Registered(webhook_id, url, rules.secret_of(secret_key, webhook_id, salt))


def plan_webhooks(uow: UnitOfWork, *, slug: str) -> PlanWebhooks:
    """A plan's webhooks and their last 50 deliveries. Raises NotFound, Forbidden."""
    plan = keys.managed_plan(uow, slug)
    connection = uow.session.connection()
    unsent = select(func.count()).where(
        _outbox.c.address == _webhooks.c.id, _outbox.c.kind == KIND, _outbox.c.sent_at.is_(None)
    )
    ours = (
        select(*_webhooks.c, _organisations.c.slug, _organisations.c.name, unsent.scalar_subquery().label("waiting"))
        .join_from(_webhooks, _organisations, _organisations.c.id == _webhooks.c.organisation_id)
        .where(_webhooks.c.plan_id == plan.id, _webhooks.c.removed_at.is_(None))
        .order_by(_webhooks.c.created_at.desc(), _webhooks.c.id)
    )
    told = (
        select(_outbox, _webhooks.c.url, _webhooks.c.paused_at, _organisations.c.name)
        .join_from(_outbox, _webhooks, _webhooks.c.id == _outbox.c.address)
        .join(_organisations, _organisations.c.id == _webhooks.c.organisation_id)
        .where(_webhooks.c.plan_id == plan.id, _webhooks.c.removed_at.is_(None), _outbox.c.kind == KIND)
        .order_by(_outbox.c.id.desc())
        .limit(SHOWN)
    )
    everybody = select(_organisations.c.id, _organisations.c.slug, _organisations.c.name).order_by(
        _organisations.c.name
    )
    return PlanWebhooks(
        plan_slug=plan.slug,
        plan_title=plan.title,
        webhooks=tuple(_view(row) for row in connection.execute(ours)),
        deliveries=tuple(_delivery(row) for row in connection.execute(told)),
        organisations=tuple(OrganisationRef(*row) for row in connection.execute(everybody)),
    )


def rotate_secret(uow: UnitOfWork, *, slug: str, webhook: str, secret_key: str) -> Registered:
    """A new secret; the old one signs nothing from now on. Raises NotFound, Forbidden."""
    row, salt = _managed(uow, slug, webhook), token_hex(16)
    _set(uow, row, salt=salt)
    _record(uow, "webhook_secret_rotated", row.plan_id, row.id, {})
    return Registered(row.id, row.url, rules.secret_of(secret_key, row.id, salt))


def pause(uow: UnitOfWork, *, slug: str, webhook: str) -> None:
    """Send nothing until it is resumed; what is to be told is kept. Raises NotFound, Forbidden."""
    row = _managed(uow, slug, webhook)
    if row.paused_at is None:
        _set(uow, row, paused_at=uow.now, paused=Paused.BY_A_PERSON)
        _record(uow, "webhook_paused", row.plan_id, row.id, {"why": Paused.BY_A_PERSON})


def resume(uow: UnitOfWork, *, slug: str, webhook: str) -> None:
    """Go on: what waits is sent, tried afresh. Raises NotFound, Forbidden."""
    row = _managed(uow, slug, webhook)
    if row.paused_at is None:
        return
    _set(uow, row, paused_at=None, paused=None)
    waiting = (_outbox.c.address == row.id, _outbox.c.kind == KIND, _outbox.c.sent_at.is_(None))
    uow.session.connection().execute(update(_outbox).where(*waiting).values(due_at=uow.now, attempts=0))
    _record(uow, "webhook_resumed", row.plan_id, row.id, {})


def remove(uow: UnitOfWork, *, slug: str, webhook: str) -> None:
    """Tell it nothing any more, nor what waits. Raises NotFound, Forbidden."""
    row = _managed(uow, slug, webhook)
    _set(uow, row, removed_at=uow.now)
    uow.session.connection().execute(delete(_outbox).where(_outbox.c.address == row.id, _outbox.c.kind == KIND))
    _record(uow, "webhook_removed", row.plan_id, row.id, {"host": _host(row.url)})


def ping(uow: UnitOfWork, *, slug: str, webhook: str) -> None:
    """Send it something that says nothing, to see whether it arrives. Raises NotFound, Forbidden, Refused `paused`."""
    row = _managed(uow, slug, webhook)
    if row.paused_at is not None:
        raise refuse("paused", "It is paused. Resume it first")
    _put(uow, row.id, WebhookEvent.PING, {"plan": slug})


# --- What is told -----------------------------------------------------------------------------------------------------


def tell(
    uow: UnitOfWork,
    event: WebhookEvent,
    *,
    plan_id: str,
    organisation_id: str,
    milestone_id: str | None = None,
    **ids: str | None,
) -> None:
    """Put what happened into the outbox of those webhooks that want it, in this transaction. Ids alone: no words.

    `milestone_id` is what it happened about: where the organisation may not know of that, it is told nothing.
    """
    columns = _webhooks.c
    wanted = (
        select(columns.id, columns.events, _plans.c.slug)
        .join_from(_webhooks, _plans, _plans.c.id == columns.plan_id)
        .where(columns.plan_id == plan_id, columns.organisation_id == organisation_id, columns.removed_at.is_(None))
    )
    for row in uow.session.connection().execute(wanted).all():
        if event in row.events.split() and _may_know(uow, organisation_id, milestone_id):
            _put(uow, row.id, event, {"plan": row.slug, **ids})


def _may_know(uow: UnitOfWork, organisation_id: str, milestone_id: str | None) -> bool:
    if milestone_id is None:
        return True
    named = exists().where(
        _restrictions.c.milestone_id == _milestones.c.id, _restrictions.c.organisation_id == organisation_id
    )
    open_to_them = select(_milestones.c.id).where(
        _milestones.c.id == milestone_id, or_(_milestones.c.restricted.is_(False), named)
    )
    return uow.session.connection().execute(open_to_them).first() is not None


def _put(uow: UnitOfWork, webhook_id: str, event: WebhookEvent, ids: dict[str, str | None]) -> None:
    event_id = new_id()
    told = {"id": event_id, "event": event, "at": uow.now.isoformat().replace("+00:00", "Z"), **ids}
    uow.session.connection().execute(
        insert(_outbox).values(
            id=event_id, kind=KIND, address=webhook_id, payload=json.dumps(told, separators=(",", ":")),
            created_at=uow.now, due_at=uow.now, attempts=0,
        )
    )  # fmt: skip


def sender_of(settings: Settings) -> WebhookSender:
    """The sender that the settings ask for."""
    return WebhookSender(authority=settings.webhook_ca, networks=settings.networks_of_webhooks)


# --- Sending ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a round did: how many arrived, and how many did not."""

    arrived: int = 0
    failed: int = 0


def deliver_due(database: Database, sender: WebhookSender, secret_key: str, clock: Callable[[], datetime]) -> Delivered:
    """Send what is due, one after the other, each in its turn. Safe beside itself, and may be cut off at any moment."""
    arrived = failed = 0
    for delivery in database.read(_due, actor=system_actor(), now=clock()):
        claimed = database.write(lambda uow, one=delivery: _claim(uow, one), actor=system_actor(), now=clock())
        if claimed is None:
            continue
        error = _send(sender, secret_key, claimed, at=clock())
        database.write(lambda uow, one=claimed, wrong=error: _note(uow, one, wrong), actor=system_actor(), now=clock())
        arrived, failed = arrived + (not error), failed + bool(error)
    return Delivered(arrived, failed)


def served(now: datetime) -> ColumnElement[bool]:
    """Of the outbox: what arrived a month ago."""
    return and_(_outbox.c.kind == KIND, _outbox.c.sent_at <= now - KEPT)


def _due(uow: UnitOfWork) -> list[str]:
    statement = (
        select(_outbox.c.id)
        .join(_webhooks, _webhooks.c.id == _outbox.c.address)
        .where(_outbox.c.kind == KIND, _outbox.c.sent_at.is_(None), _outbox.c.due_at <= uow.now)
        .where(_webhooks.c.paused_at.is_(None), _webhooks.c.removed_at.is_(None))
        .order_by(_outbox.c.due_at, _outbox.c.id)
        .limit(_ROUND)
    )
    return list(uow.session.connection().execute(statement).scalars())


def _claim(uow: UnitOfWork, delivery: str) -> Any:
    """Have it to oneself for a while: whoever asks in the meantime does not find it due."""
    due = (_outbox.c.id == delivery, _outbox.c.sent_at.is_(None), _outbox.c.due_at <= uow.now)
    mine = update(_outbox).where(*due).values(due_at=uow.now + rules.LEASE, attempts=_outbox.c.attempts + 1)
    connection = uow.session.connection()
    if connection.execute(mine).rowcount == 0:
        return None
    statement = (
        select(_outbox.c.id, _outbox.c.payload, _outbox.c.attempts, _webhooks.c.id.label("webhook"), _webhooks.c.url,
               _webhooks.c.salt, _webhooks.c.plan_id)
        .join_from(_outbox, _webhooks, _webhooks.c.id == _outbox.c.address)
        .where(_outbox.c.id == delivery, _webhooks.c.paused_at.is_(None), _webhooks.c.removed_at.is_(None))
    )  # fmt: skip
    return connection.execute(statement).one_or_none()


def _send(sender: WebhookSender, secret_key: str, claimed: Any, *, at: datetime) -> str:
    body = claimed.payload.encode()
    secret = rules.secret_of(secret_key, claimed.webhook, claimed.salt)
    headers = {
        "Content-Type": "application/json",
        rules.EVENT: json.loads(claimed.payload)["event"],
        rules.EVENT_ID: claimed.id,
        rules.SIGNATURE: rules.signature(secret, body, at=at),
    }
    try:
        sender.send(claimed.url, body, headers)
    except NotDelivered as error:
        return str(error)[:_REASON_LENGTH]
    return ""


def _note(uow: UnitOfWork, claimed: Any, error: str) -> None:
    """Put down how it went. What fails too often pauses its webhook, so that a person looks at it."""
    connection, this = uow.session.connection(), _outbox.c.id == claimed.id
    if not error:
        connection.execute(update(_outbox).where(this).values(sent_at=uow.now, last_error=None))
        return
    wait = rules.tried_again_after(claimed.attempts)
    due_at = uow.now + (wait or timedelta(0))
    connection.execute(update(_outbox).where(this).values(due_at=due_at, last_error=error))
    if wait is not None:
        return
    running = (_webhooks.c.id == claimed.webhook, _webhooks.c.paused_at.is_(None))
    paused = update(_webhooks).where(*running).values(paused_at=uow.now, paused=Paused.FAILING)
    if connection.execute(paused).rowcount:
        _record(uow, "webhook_paused", claimed.plan_id, claimed.webhook, {"why": Paused.FAILING})


# --- Helpers ----------------------------------------------------------------------------------------------------------


def _managed(uow: UnitOfWork, slug: str, webhook: str) -> Any:
    plan = keys.managed_plan(uow, slug)
    there = select(_webhooks).where(
        _webhooks.c.id == webhook, _webhooks.c.plan_id == plan.id, _webhooks.c.removed_at.is_(None)
    )
    row = uow.session.connection().execute(there).one_or_none()
    if row is None:
        raise NotFound("There is no such webhook")
    return row


def _set(uow: UnitOfWork, row: Any, **values: Any) -> None:
    uow.session.connection().execute(update(_webhooks).where(_webhooks.c.id == row.id).values(**values))


def _record(uow: UnitOfWork, event: str, plan_id: str, webhook_id: str, facts: dict[str, Any]) -> None:
    """The address may hold a password of theirs, so only its host is put on record."""
    uow.record(event, plan_id=plan_id, item_kind="webhook", item_id=webhook_id, facts=facts)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _view(row: Any) -> WebhookView:
    return WebhookView(
        id=row.id,
        organisation=OrganisationRef(row.organisation_id, row.slug, row.name),
        url=row.url,
        events=tuple(WebhookEvent(event) for event in row.events.split()),
        created_at=row.created_at,
        paused_at=row.paused_at,
        paused=row.paused,
        waiting=row.waiting,
    )


def _delivery(row: Any) -> DeliveryView:
    return DeliveryView(
        id=row.id,
        organisation=row.name,
        url=row.url,
        event=WebhookEvent(json.loads(row.payload)["event"]),
        created_at=row.created_at,
        sent_at=row.sent_at,
        attempts=row.attempts,
        due_at=row.due_at,
        paused=row.paused_at is not None,
        error=row.last_error,
    )
