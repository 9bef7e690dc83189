"""The evidence files themselves: opening the store, proving that every file is there unaltered, and sweeping away files
that no row refers to.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.db import Database, UnitOfWork
from app.domain.actors import system_actor
from app.domain.held_uploads import HeldState
from app.models import Evidence, EvidenceExportRow, HeldUploadRow, Plan
from app.models.identity import table_of
from app.settings import Settings
from app.storage import MissingFile, S3Options, Storage, Swept, open_storage, sweep_orphans

_BATCH = 500

_evidence, _plans, _held = table_of(Evidence), table_of(Plan), table_of(HeldUploadRow)
_exports = table_of(EvidenceExportRow)
_KEPT = _evidence.c.disposed_at.is_(None)


@dataclass(frozen=True, slots=True)
class FileFault:
    """A file that is not what its evidence says. `evidence` names every item that refers to it."""

    storage_name: str
    problem: str
    evidence: tuple[str, ...]


def open_store(settings: Settings) -> Storage:
    """The store that the settings name. Raises ValueError with a sentence for one that cannot be used."""
    options = S3Options(
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        access_key_id=settings.s3_access_key_id.get_secret_value(),
        secret_access_key=settings.s3_secret_access_key.get_secret_value(),
    )
    return open_storage(settings.storage, s3=options)


def count_files(uow: UnitOfWork) -> int:
    """How many files the evidence log refers to. The same bytes are kept, and counted, once."""
    return (
        uow.session.connection()
        .execute(select(func.count(_evidence.c.storage_name.distinct())).where(_KEPT))
        .scalar_one()
    )


def verify_files(
    database: Database, storage: Storage, *, now: datetime, progress: Callable[[int], None] = lambda _checked: None
) -> Iterator[FileFault]:
    """Read every file and yield what is missing or altered. `progress` is told how many files have been read.

    Withdrawn evidence keeps its file, so it is read too; what was disposed of has none. Raises Unavailable when the
    store is away.
    """
    for checked, (name, sha256) in enumerate(_files(database, now), start=1):
        problem = _problem(storage, name, sha256)
        if problem:
            yield FileFault(name, problem, database.read(lambda uow, file=name: _items_with(uow, file), **_reader(now)))
        progress(checked)


def sweep(
    database: Database, storage: Storage, *, now: datetime, progress: Callable[[int], None] = lambda _looked_at: None
) -> Swept:
    """Delete files that no row refers to, and what broken uploads left. `progress` is told how many were looked at.

    Safe beside a running server: see `app.storage.sweep_orphans`.
    """
    looked_at = 0

    def known(names: list[str]) -> set[str]:
        nonlocal looked_at
        looked_at += len(names)
        progress(looked_at)
        return database.read(lambda uow: referred_to(uow, names), **_reader(now))

    return sweep_orphans(storage, known=known, now=now)


def _reader(now: datetime) -> dict[str, Any]:
    return {"actor": system_actor(), "now": now}


def _files(database: Database, now: datetime) -> Iterator[tuple[str, str]]:
    """Every file, by name, with the SHA-256 its evidence says. Read in batches: hashing them all may take hours."""
    last = ""
    while batch := database.read(lambda uow, after=last: _files_after(uow, after), **_reader(now)):
        yield from batch
        last = batch[-1][0]


def _files_after(uow: UnitOfWork, name: str) -> list[tuple[str, str]]:
    rows = uow.session.connection().execute(
        select(_evidence.c.storage_name, func.min(_evidence.c.sha256))
        .where(_evidence.c.storage_name > name, _KEPT)
        .group_by(_evidence.c.storage_name)
        .order_by(_evidence.c.storage_name)
        .limit(_BATCH)
    )
    return [(row[0], row[1]) for row in rows]


def _problem(storage: Storage, name: str, sha256: str) -> str:
    try:
        found = storage.checksum(name)
    except MissingFile:
        return "is missing"
    return "" if found == sha256 else "was altered"


def _items_with(uow: UnitOfWork, name: str) -> tuple[str, ...]:
    rows = uow.session.connection().execute(
        select(_plans.c.slug, _evidence.c.ref, _evidence.c.file_name)
        .join_from(_evidence, _plans, _plans.c.id == _evidence.c.plan_id)
        .where(_evidence.c.storage_name == name)
        .order_by(_plans.c.slug, _evidence.c.ref)
    )
    return tuple(f"{row.slug} {row.ref} ({row.file_name})" for row in rows)


def referred_to(uow: UnitOfWork, names: list[str]) -> set[str]:
    """The log's files, those that wait to be released, and exports. What was taken back leaves no file."""
    logged = select(_evidence.c.storage_name).where(_evidence.c.storage_name.in_(names), _KEPT)
    held = select(_held.c.storage_name).where(_held.c.storage_name.in_(names), _held.c.state != HeldState.TAKEN_BACK)
    exported = select(_exports.c.storage_name).where(_exports.c.storage_name.in_(names))
    return set(uow.session.connection().execute(logged.union(held, exported)).scalars())
