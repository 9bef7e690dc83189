"""What a demo shows of partners, played and written back: an upload that waits for its release, and webhooks."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import select

from app.db import UnitOfWork
from app.domain.held_uploads import HeldState
from app.domain.milestones import MilestoneKey
from app.domain.webhooks import Paused
from app.domain.words import EvidenceKind
from app.models import HeldUploadRow, Webhook
from app.models.texts import latest_texts
from app.services import held_uploads, webhooks
from app.services.evidence_intake import Offer
from app.services.seeds_format import Record, filled
from app.services.seeds_history import Trail
from app.services.seeds_replay import Stage

_OFFER = TypeAdapter(Offer)


def hold(uow: UnitOfWork, stage: Stage, record: Record) -> None:
    """A program sends a file, and nobody has released it yet."""
    held_uploads.attach_or_hold(
        uow,
        milestone=MilestoneKey(id=stage.milestones[record["milestone"]]),
        title=record["title"],
        description=record.get("description"),
        kind=EvidenceKind(record["kind"]),
        upload=stage.uploads[record["file"]],
    )


def set_up_webhook(uow: UnitOfWork, stage: Stage, record: Record) -> None:
    """Its secret is shown to nobody: whoever tries it out asks for a new one."""
    given = {name: record[name] for name in ("organisation", "url", "events")}
    webhooks.create_webhook(uow, slug=stage.plan, secret_key="", **given)


def pause_webhook(uow: UnitOfWork, stage: Stage, record: Record) -> None:
    """Paused by a person, so that the demo calls nobody."""
    for one in webhooks.plan_webhooks(uow, slug=stage.plan).webhooks:
        if one.url == record["url"]:
            webhooks.pause(uow, slug=stage.plan, webhook=one.id)


def held(uow: UnitOfWork, trail: Trail) -> list[Record]:
    """What waits of a plan, as the files have it."""
    wanted = select(HeldUploadRow).where(
        HeldUploadRow.plan_id == trail.plan.id, HeldUploadRow.state == HeldState.AWAITING_RELEASE  # type: ignore[arg-type]
    )  # fmt: skip
    rows = uow.session.execute(wanted.order_by(HeldUploadRow.arrived_at, HeldUploadRow.id)).scalars().all()  # type: ignore[arg-type]
    said = latest_texts(uow.session, [row.id for row in rows])
    return [_held(trail, row, said) for row in rows if row.storage_name is not None]


def webhooks_of(uow: UnitOfWork, trail: Trail, organisations: dict[str, str]) -> list[Record]:
    """The webhooks of a plan, as the files have them."""
    wanted = select(Webhook).where(Webhook.plan_id == trail.plan.id, Webhook.removed_at.is_(None))  # type: ignore[arg-type, union-attr]
    rows = uow.session.execute(wanted.order_by(Webhook.created_at, Webhook.id)).scalars()  # type: ignore[arg-type]
    return [
        filled(
            {
                "organisation": organisations[row.organisation_id],
                "url": row.url,
                "events": row.events.split(),
                "set_up": _when(trail, "webhook_registered", row.id),
                "paused": _when(trail, "webhook_paused", row.id) if row.paused is Paused.BY_A_PERSON else None,
            }
        )
        for row in rows
    ]


def _held(trail: Trail, row: HeldUploadRow, said: dict[tuple[str, str], str]) -> Record:
    offer = _OFFER.validate_json(row.offer)
    when = {**trail.calendar.when(row.arrived_at), "by": trail.who[row.key_id]}
    facts: dict[str, Any] = {
        "sent": when,
        "milestone": trail.milestones[row.milestone_id or ""].ref,
        "title": row.title,
        "description": said.get((row.id, "description")),
        "kind": offer.kind or EvidenceKind.DOCUMENT,
        "file": offer.upload.file_name if offer.upload else None,
    }
    return filled(facts)


def _when(trail: Trail, event: str, webhook: str) -> Record:
    """The last time that this happened to it."""
    return trail.stamp([one for one in trail.events if (one.event, one.item_id) == (event, webhook)][-1])
