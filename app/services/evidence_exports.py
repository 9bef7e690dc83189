"""Evidence log exports: asking for one, following it, and taking it away. `evidence_export_building` makes them.

An export belongs to who asked for it: for anybody else it does not exist. The right to it is judged when it is asked
for, while it is made, and again at every download.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.db import UnitOfWork
from app.domain import evidence_exports as rules
from app.domain import permissions
from app.domain.evidence_exports import EvidenceExport
from app.domain.ids import new_id
from app.domain.permissions import Act, Item
from app.domain.refusals import NotFound, Reason, Refused
from app.domain.words import ExportState
from app.models import EvidenceExportRow, Plan
from app.models.identity import table_of
from app.services import access_log, plans

SHOWN = 20
"""So many of somebody's exports of a plan are listed, the latest first."""

GOING_ON = (ExportState.WAITING, ExportState.RUNNING)

_exports, _plans = table_of(EvidenceExportRow), table_of(Plan)


@dataclass(frozen=True, slots=True)
class ExportContent:
    """Where an export's bytes are, and what it is saved as."""

    storage_name: str
    file_name: str
    size: int
    sha256: str


def ask_export(uow: UnitOfWork, *, slug: str, lease: str | None = None) -> EvidenceExport:
    """Ask for an export of a plan's evidence log, which a job makes. Refused while an earlier one is being made.

    With a `lease` whoever asks makes it: no job takes it up unless they are cut off.
    """
    plan = _plan_to_export(uow, slug)
    going_on = select(_exports.c.id).where(*_own(uow, plan.id), _exports.c.state.in_(GOING_ON))
    if uow.session.connection().execute(going_on).first():
        raise Refused(
            [Reason("export_going_on", "Your last export of this plan is still being made. Wait until it is ready")],
            title="No other export was begun",
            attempted="evidence_export",
            item_kind="plan",
            item_id=plan.id,
            plan_id=plan.id,
        )
    row = EvidenceExportRow(
        id=new_id(), plan_id=plan.id, person_id=uow.actor.id, door=uow.actor.door, asked_at=uow.now,
        state=ExportState.RUNNING if lease else ExportState.WAITING, lease=lease,
        leased_until=uow.now + rules.LEASE if lease else None, attempts=1 if lease else 0, left_out="",
        rights=rules.rights_mark(uow.actor, plan.id), problem="",
    )  # fmt: skip
    uow.session.add(row)
    uow.session.flush()
    _note(uow, plan.id)
    return get_export(uow, export=row.id)


def list_exports(uow: UnitOfWork, *, slug: str) -> tuple[EvidenceExport, ...]:
    """One's own exports of a plan, the latest first."""
    plan = _plan_to_export(uow, slug)
    statement = _select().where(*_own(uow, plan.id)).order_by(_exports.c.asked_at.desc(), _exports.c.id.desc())
    return tuple(_view(row) for row in uow.session.connection().execute(statement.limit(SHOWN)))


def get_export(uow: UnitOfWork, *, export: str) -> EvidenceExport:
    """One's own export. NotFound for anybody else's, and for one of a plan that one is no longer in."""
    return _view(_found(uow, export))


def open_export(uow: UnitOfWork, *, export: str) -> ExportContent:
    """The export itself, put on the access log once an hour (a write use case). Raises NotFound, Forbidden; Refused
    while it is not ready, when it is gone, and when one's part in the plan has changed since.
    """
    row = _found(uow, export)
    permissions.require(uow.actor, Act.EXPORT, Item(plan_id=row.plan_id))
    unmet = rules.unmet_download(row.state, same_rights=row.rights == rules.rights_mark(uow.actor, row.plan_id))
    if unmet:
        raise Refused(unmet, title="The export cannot be downloaded")
    if row.expires_at <= uow.now:
        raise Refused(rules.unmet_download(ExportState.EXPIRED, same_rights=True), title="The export is gone")
    _note(uow, row.plan_id, export=export)
    return ExportContent(row.storage_name, rules.archive_name(row.slug, row.finished_at), row.size, row.sha256)


def _note(uow: UnitOfWork, plan_id: str, *, export: str = "") -> None:
    item = f"{plan_id}/evidence-export"
    access_log.note(uow, "exported", item_kind="evidence-export", item_id=export or item, plan_id=plan_id)


def _plan_to_export(uow: UnitOfWork, slug: str) -> Plan:
    plan = plans.known_plan(uow, slug)
    permissions.require(uow.actor, Act.EXPORT, Item(plan_id=plan.id))
    return plan


def _own(uow: UnitOfWork, plan_id: str) -> tuple[Any, ...]:
    return (_exports.c.person_id == uow.actor.id, _exports.c.plan_id == plan_id)


def _found(uow: UnitOfWork, export: str) -> Any:
    mine = (_exports.c.id == export, _exports.c.person_id == uow.actor.id)
    row = uow.session.connection().execute(_select().where(*mine)).one_or_none()
    if row is None or not uow.actor.is_person or row.plan_id not in permissions.plans_known(uow.actor):
        raise NotFound
    return row


def _select() -> Any:
    return select(_exports, _plans.c.slug, _plans.c.title).join(_plans, _plans.c.id == _exports.c.plan_id)


def _view(row: Any) -> EvidenceExport:
    return EvidenceExport(
        id=row.id,
        plan_slug=row.slug,
        plan_title=row.title,
        state=row.state,
        asked_at=row.asked_at,
        items_done=row.items_done,
        items_total=row.items_total,
        files=row.files,
        left_out=rules.tally_from_stored(row.left_out),
        size=row.size,
        sha256=row.sha256,
        finished_at=row.finished_at,
        expires_at=row.expires_at,
        problem=row.problem,
    )
