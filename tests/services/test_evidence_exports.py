"""Evidence log exports: what is in them, for whom, and what becomes of one that is cut off."""

from __future__ import annotations

import csv
import hashlib
import io
import subprocess
import tracemalloc
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.db import UnitOfWork
from app.documents.zip_files import StoredZip
from app.domain.actors import Actor, system_actor
from app.domain.evidence import EvidenceView
from app.domain.evidence import Upload as Uploaded
from app.domain.evidence_exports import KEPT, LEASE, EvidenceExport, LeftOut
from app.domain.milestones import MilestoneView
from app.domain.refusals import NotFound, Refused, Unavailable
from app.domain.words import Door, ExportState, Role, ScanState
from app.models import AccessLogEntry, Evidence, EvidenceExportRow, Membership
from app.models.identity import table_of
from app.services import evidence, evidence_files, identity, jobs
from app.services import evidence_export_building as building
from app.services import evidence_exports as exports
from app.storage import LocalStorage, Storage, Stored, incoming_from_bytes
from tests.factories import NHS, World, key, members


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "evidence")


def sent(
    world: World,
    storage: Storage,
    view: MilestoneView,
    name: str,
    content: bytes,
    *,
    by: str = "connie",
    **facts: object,
) -> EvidenceView:
    """A file that is really in the store, attached."""
    stored: Stored = incoming_from_bytes(storage, file_name=name, content_type="text/plain", content=content).keep()
    upload = Uploaded(name, "text/plain", stored.size, stored.sha256, stored.name)
    given = {"title": name, "upload": upload, **facts}
    return world.write(by, evidence.attach_evidence, milestone=key(view), **given)


def made(world: World, storage: Storage, who: str) -> EvidenceExport:
    asked = world.write(who, exports.ask_export, slug=world.plan)
    building.build_waiting(world.database, storage, world.clock())
    return world.read(who, exports.get_export, export=asked.id)


def opened(world: World, storage: Storage, who: str, export: EvidenceExport) -> zipfile.ZipFile:
    content = world.write(who, exports.open_export, export=export.id)
    written = b"".join(storage.open(content.storage_name).chunks)
    assert (hashlib.sha256(written).hexdigest(), len(written)) == (export.sha256, export.size)
    return zipfile.ZipFile(io.BytesIO(written))


def rows_of(archive: zipfile.ZipFile) -> dict[str, dict[str, str]]:
    text = archive.read("index.csv").decode("utf-8-sig")
    return {row["Title"]: row for row in csv.DictReader(io.StringIO(text))}


def set_directly(world: World, item: EvidenceView, **values: object) -> None:
    world.write(system_actor(), lambda uow: uow.session.execute(
        update(table_of(Evidence)).where(table_of(Evidence).c.id == item.id).values(**values)))  # fmt: skip


def test_an_export_holds_what_the_person_may_read_and_says_what_it_leaves_out(
    world: World, storage: LocalStorage, tmp_path: Path
) -> None:
    ours, kept = world.milestone(), world.milestone(title="For the NHS alone", owner=None, restricted_to=[NHS])
    rota = sent(world, storage, ours, 'Rota: "März" 2009.txt', b"rota", description="=HYPERLINK(1)")
    police = sent(world, storage, ours, "police.txt", b"from the police", by="pol")
    infected = sent(world, storage, ours, "virus.txt", b"infected")
    pending = sent(world, storage, ours, "pending.txt", b"pending")
    gone = sent(world, storage, ours, "gone.txt", b"gone")
    altered = sent(world, storage, ours, "altered.txt", b"as it was sent")
    wrong = sent(world, storage, ours, "wrong.txt", b"the wrong file")
    sent(world, storage, kept, "secret.txt", b"secret", by="petra")
    world.write("connie", evidence.attach_evidence, milestone=key(ours), title="Said", statement="It is so")
    world.write("connie", evidence.withdraw_evidence, evidence=wrong.id, reason="Wrong file")
    set_directly(world, infected, scan=ScanState.INFECTED)
    set_directly(world, pending, scan=ScanState.PENDING)
    (tmp_path / "evidence" / storage_name(gone)).unlink()
    (tmp_path / "evidence" / storage_name(altered)).write_bytes(b"as it was changed")

    of_manager, of_connie = made(world, storage, "petra"), made(world, storage, "connie")

    archive = opened(world, storage, "petra", of_manager)
    names = [one for one in archive.namelist() if one.startswith("files/")]
    assert archive.testzip() is None
    assert sorted(name.rpartition("-")[2] for name in names) == ["Rota_ _März_ 2009.txt", "police.txt", "secret.txt"]
    assert (of_manager.items_total, of_manager.files, of_manager.problem) == (9, 3, "")
    assert of_manager.left_out == dict.fromkeys(("quarantined", "pending_scan", "withdrawn", "missing", "altered"), 1)
    listed = rows_of(archive)
    assert listed[rota.title]["Description"] == "'=HYPERLINK(1)"
    assert listed[rota.title]["File in this export"] in names
    assert listed["altered.txt"]["File in this export"].startswith("Not in this export: altered in the store")
    assert listed["Said"]["Statement"] == "It is so"

    page = archive.read("index.html").decode()
    assert "<script" not in page
    assert "It holds 3 files. It leaves out 5 files." in page
    folder = tmp_path / "taken"
    archive.extractall(folder)
    check = ["sha256sum", "--check", "--strict", "manifest-sha256.txt"]
    checked = subprocess.run(check, cwd=folder, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout.count(": OK")) == (0, 5), checked

    archive = opened(world, storage, "connie", of_connie)
    assert "secret.txt" not in rows_of(archive)
    assert (of_connie.items_total, of_connie.files, of_connie.left_out[LeftOut.NOT_THEIRS]) == (8, 1, 1)
    assert rows_of(archive)["police.txt"]["SHA-256"] == police.sha256
    assert b"secret" not in b"".join(archive.read(name) for name in archive.namelist())

    taken = world.read("max", lambda uow: {
        (entry.actor_id, entry.what, entry.item_id) for entry in uow.session.execute(select(AccessLogEntry)).scalars()
    })  # fmt: skip
    petra, connie = world.people["petra"].id, world.people["connie"].id
    assert {(petra, "exported", rota.id), (petra, "exported", police.id), (connie, "exported", rota.id),
            (petra, "exported", of_manager.id), (connie, "exported", of_connie.id)} <= taken  # fmt: skip
    assert (connie, "exported", police.id) not in taken


def storage_name(item: EvidenceView) -> str:
    sha256 = item.sha256 or ""
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def test_an_export_is_for_who_asked_as_long_as_their_part_in_the_plan_stays(
    world: World, storage: LocalStorage
) -> None:
    sent(world, storage, world.milestone(), "rota.txt", b"rota")
    for nobody in ("olive", "max"):
        with pytest.raises(Exception, match="export"):
            world.write(nobody, exports.ask_export, slug=world.plan)
    with pytest.raises(NotFound):
        world.write("zoe", exports.ask_export, slug=world.plan)

    asked = world.write("ada", exports.ask_export, slug=world.plan)
    with pytest.raises(Refused, match="still being made"):
        world.write("ada", exports.ask_export, slug=world.plan)
    with pytest.raises(Refused, match="waiting to be made"):
        world.write("ada", exports.open_export, export=asked.id)
    building.build_waiting(world.database, storage, world.clock())
    for stranger in ("petra", "zoe"):
        with pytest.raises(NotFound):
            world.read(stranger, exports.get_export, export=asked.id)
    assert world.write("ada", exports.open_export, export=asked.id).file_name.endswith("-evidence-log-2026-03-02.zip")

    members(world, {"ada": (Role.CONTRIBUTOR,)}, world.plan_id)
    world.people["ada"] = world.read("max", actor_now, person=world.people["ada"].id)
    with pytest.raises(Refused, match="has changed since"):
        world.write("ada", exports.open_export, export=asked.id)
    left = world.write("ada", exports.ask_export, slug=world.plan)
    members(world, {"ada": (Role.PROGRAMME_MANAGER,)}, world.plan_id)
    building.build_waiting(world.database, storage, world.clock())
    assert "has changed since you asked" in world.read("ada", exports.get_export, export=left.id).problem

    world.write(system_actor(), lambda uow: uow.session.execute(
        Membership.__table__.delete().where(Membership.person_id == world.people["ada"].id)))  # type: ignore[attr-defined] # fmt: skip
    world.people["ada"] = world.read("max", actor_now, person=world.people["ada"].id)
    with pytest.raises(NotFound):
        world.write("ada", exports.open_export, export=asked.id)


def actor_now(uow: UnitOfWork, *, person: str) -> Actor:
    return identity.actor_of_person(uow, person_id=person, door=Door.PAGE)


def test_what_was_cut_off_is_made_again_by_one_alone_and_runs_out_after_a_week(
    world: World, storage: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(world, storage, world.milestone(), "rota.txt", b"rota")
    asked = world.write("petra", exports.ask_export, slug=world.plan)
    first = building._claim(world.database, world.clock())
    assert first is not None
    assert building._claim(world.database, world.clock()) is None, "somebody is at it"
    world.clock.forward(seconds=LEASE.total_seconds() + 1)
    second = building._claim(world.database, world.clock())
    assert second is not None
    assert second != first
    assert not building.build(world.database, storage, first, world.clock), "it was overtaken"
    assert building.build(world.database, storage, second, world.clock)
    ready = world.read("petra", exports.get_export, export=asked.id)
    assert (ready.state, ready.items_done) == (ExportState.READY, 1)

    world.clock.forward(days=2)
    assert evidence_files.sweep(world.database, storage, now=world.clock() + timedelta(days=365)).deleted == ()
    world.clock.forward(days=KEPT.days)
    assert jobs.run_due(world.database, storage, world.clock()).exports == building.Built(expired=1)
    assert world.read("petra", exports.get_export, export=asked.id).state is ExportState.EXPIRED
    assert len(list(storage.list_names())) == 1
    with pytest.raises(Refused, match="deleted after 7 days"):
        world.write("petra", exports.open_export, export=asked.id)

    def full(*_: Any, **__: Any) -> None:
        raise Unavailable("Evidence files cannot be stored or read just now: the disk is full. Nothing was saved.")

    monkeypatch.setattr(StoredZip, "add", full)
    failed = made(world, storage, "petra")
    assert (failed.state, failed.problem) == (
        ExportState.FAILED, "Evidence files cannot be stored or read just now: the disk is full.",
    )  # fmt: skip
    assert len(list(storage.list_names())) == 1
    assert list((tmp_path / "evidence" / "tmp").iterdir()) == []
    monkeypatch.undo()

    cut_off = world.write("petra", exports.ask_export, slug=world.plan)
    for _ in range(3):
        assert building._claim(world.database, world.clock()) is not None
        world.clock.forward(seconds=LEASE.total_seconds() + 1)
    assert building.build_waiting(world.database, storage, world.clock()).ready == 0
    assert "cut off several times" in world.read("petra", exports.get_export, export=cut_off.id).problem
    for _ in range(4):
        world.clock.forward(minutes=1)
        made(world, storage, "petra")
    building.expire(world.database, storage, world.clock())
    count = select(func.count()).where(EvidenceExportRow.state == ExportState.READY)  # type: ignore[arg-type]
    assert world.read("petra", lambda uow: uow.session.execute(count).scalar_one()) == 3


def test_the_memory_that_an_export_takes_does_not_grow_with_what_is_in_it(
    sqlite_world: World, storage: LocalStorage
) -> None:
    """Twelve files of 8 MB: what Python holds at once stays far below one of them."""
    view, holes = sqlite_world.milestone(), bytes(1_000_000)
    for number in range(12):
        upload = storage.begin()
        upload.write_all([*[holes] * 8, str(number).encode()])
        stored = upload.keep()
        given = Uploaded("large.txt", "text/plain", stored.size, stored.sha256, stored.name)
        sqlite_world.write("connie", evidence.attach_evidence, milestone=key(view), title="Large", upload=given)
    asked = sqlite_world.write("petra", exports.ask_export, slug=sqlite_world.plan)
    tracemalloc.start()
    try:
        building.build_waiting(sqlite_world.database, storage, sqlite_world.clock())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    made = sqlite_world.read("petra", exports.get_export, export=asked.id)
    assert (made.files, (made.size or 0) > 96_000_000) == (12, True)
    assert most < 4_000_000, f"{most:,} bytes at once"
