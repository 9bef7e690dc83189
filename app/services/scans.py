"""Files that wait for the scanner: each is sent to it, and what it says decides whether the file may count.

Until then a file counts nowhere and nobody can open it. A scanner that is away changes nothing: the next round tries
again. Each verdict is a transaction of its own, so a run may be cut off at any moment.
"""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import select

from app.db import Database, UnitOfWork
from app.domain.actors import system_actor
from app.domain.held_uploads import HeldState
from app.domain.refusals import Unavailable
from app.domain.words import ScanState
from app.models import Evidence, EvidenceLink, HeldUploadRow
from app.models.identity import table_of
from app.scanner import NotScanned, Scanner, ScannerAway
from app.services.cases import affected_cases
from app.services.evidence import lock_evidence
from app.services.triage import settle_afresh
from app.storage import MissingFile, Storage

_BATCH = 200
_evidence, _held = table_of(Evidence), table_of(HeldUploadRow)


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a round did. `waiting`: files that still wait. `trouble`: why, in the scanner's or the store's words."""

    clean: int = 0
    quarantined: int = 0
    waiting: int = 0
    trouble: str = ""


NOTHING_SCANNED = Scanned()


def scan_waiting(
    database: Database,
    storage: Storage,
    scanner: Scanner,
    now: datetime,
    *,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Scanned:
    """Have every file scanned that waits for it, the oldest first. Safe beside itself.

    When scanner or store is away the round ends; a file that cannot be judged is passed over, and waits on.
    """
    # What is held is scanned too: who is to release it opens it first.
    waiting = [
        (judge, *row)
        for judge, found in ((_judge, _waiting), (_judge_held, _waiting_held))
        for row in database.read(found, actor=system_actor(), now=now)
    ]
    clean = quarantined = 0
    trouble = ""
    for done, (judge, item, storage_name) in enumerate(waiting, start=1):
        try:
            with closing(_pieces(storage, storage_name)) as pieces:
                found = scanner.scan(pieces)
        except (NotScanned, MissingFile) as error:
            trouble = str(error) or "a file is missing from the store"
            continue
        except (ScannerAway, Unavailable) as error:
            trouble = str(error)
            break
        database.write(partial(judge, upload=item, found=found), actor=system_actor(), now=now)
        clean, quarantined = clean + (not found), quarantined + bool(found)
        progress(done, len(waiting))
    return Scanned(clean, quarantined, len(waiting) - clean - quarantined, trouble)


def _pieces(storage: Storage, name: str) -> Generator[bytes]:
    """The file's bytes. It is opened when the first is asked for: by then the scanner has been reached."""
    yield from storage.open(name).chunks


def _waiting(uow: UnitOfWork) -> list[Any]:
    statement = (
        select(_evidence.c.id, _evidence.c.storage_name)
        .where(_evidence.c.scan == ScanState.PENDING)
        .order_by(_evidence.c.received_at, _evidence.c.id)
        .limit(_BATCH)
    )
    return list(uow.session.connection().execute(statement).all())


def _waiting_held(uow: UnitOfWork) -> list[Any]:
    statement = (
        select(_held.c.id, _held.c.storage_name)
        .where(_held.c.scan == ScanState.PENDING, _held.c.state == HeldState.AWAITING_RELEASE)
        .order_by(_held.c.arrived_at, _held.c.id)
        .limit(_BATCH)
    )
    return list(uow.session.connection().execute(statement).all())


def _judge_held(uow: UnitOfWork, *, upload: str, found: str) -> None:
    row = uow.session.execute(select(HeldUploadRow).where(HeldUploadRow.id == upload).with_for_update()).scalar_one()  # type: ignore[arg-type]
    if row.scan is not ScanState.PENDING or row.state is not HeldState.AWAITING_RELEASE:
        return
    row.scan = ScanState.INFECTED if found else ScanState.CLEAN
    row.version += 1
    uow.session.flush()
    uow.record(
        "upload_quarantined" if found else "upload_scanned",
        plan_id=None,
        item_kind="held_upload",
        item_id=row.id,
        facts={"scan": [ScanState.PENDING, row.scan], **({"found": found[:200]} if found else {})},
    )


def _judge(uow: UnitOfWork, *, upload: str, found: str) -> None:
    """Put a verdict down, unless another round has. Whatever the evidence is linked to follows at once."""
    linked_to = uow.session.execute(select(EvidenceLink.milestone_id).where(EvidenceLink.evidence_id == upload))
    affected = affected_cases(uow, linked_to.scalars())
    item = lock_evidence(uow, upload)
    if item.scan is not ScanState.PENDING:
        return
    item.scan = ScanState.INFECTED if found else ScanState.CLEAN
    item.version += 1
    uow.session.flush()
    uow.record(
        "evidence_quarantined" if found else "evidence_scanned",
        plan_id=item.plan_id,
        item_kind="evidence",
        item_id=item.id,
        item_ref=item.ref,
        milestone_id=affected[0].milestone.id if affected else None,
        facts={"scan": [ScanState.PENDING, item.scan], **({"found": found[:200]} if found else {})},
    )
    settle_afresh(uow, affected, quietly=item.restricted_to is not None)
