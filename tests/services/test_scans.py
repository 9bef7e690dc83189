"""Files that wait for the virus scanner, on both databases, with a real clamd."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from app.domain.evidence import EvidenceView
from app.domain.milestones import MilestoneView
from app.domain.refusals import Refused
from app.domain.words import EvidenceState, ReviewOutcome, ScanState
from app.models import AuditEvent
from app.scanner import Scanner
from app.services import audit_events, evidence, jobs, milestones
from app.services.scans import Scanned, scan_waiting
from app.storage import Storage, incoming_from_bytes, open_storage
from tests.clamd import EICAR, FOUND, LARGEST, Daemon
from tests.factories import World, key, upload


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(f"file://{tmp_path}/evidence")


@pytest.fixture
def scanner(clamd_daemon: Daemon) -> Scanner:
    return Scanner(clamd_daemon.socket_url)


def sent(world: World, storage: Storage, view: MilestoneView, content: bytes) -> EvidenceView:
    """A file attached where a scanner is set up: kept in the store, its row waiting."""
    incoming_from_bytes(storage, file_name="rota.txt", content_type="text/plain", content=content).keep()
    file = replace(upload(content), to_scan=True)
    return world.write("connie", evidence.attach_evidence, milestone=key(view), title="Rota", upload=file)


def now_of(world: World, item: EvidenceView) -> EvidenceView:
    return world.read("petra", evidence.get_evidence, evidence=item.id)


def scan(world: World, storage: Storage, scanner: Scanner) -> Scanned:
    return scan_waiting(world.database, storage, scanner, world.clock())


def test_a_file_counts_once_it_is_found_clean(world: World, storage: Storage, scanner: Scanner) -> None:
    view = world.completed()
    item = sent(world, storage, view, b"A clean rota")
    assert (item.scan, item.may_download) == (ScanState.PENDING, False)
    with pytest.raises(Refused) as refused:
        world.write("petra", milestones.mark_achieved, milestone=key(view))
    assert "evidence_pending_scan" in refused.value.codes
    with pytest.raises(Refused) as unopened:
        world.write("petra", evidence.open_content, evidence=item.id)
    assert unopened.value.codes == ("evidence_pending_scan",)

    assert scan(world, storage, scanner) == Scanned(clean=1)

    assert (now_of(world, item).scan, now_of(world, item).may_download) == (ScanState.CLEAN, True)
    assert world.seen(view).row.evidence.state is EvidenceState.MET
    world.write("petra", milestones.mark_achieved, milestone=key(view))
    assert world.write("petra", evidence.open_content, evidence=item.id).size == len(b"A clean rota")
    assert scan(world, storage, scanner) == Scanned(), "nothing waits any more"


def test_a_file_with_a_virus_is_put_in_quarantine(world: World, storage: Storage, scanner: Scanner) -> None:
    view = world.completed()
    item = sent(world, storage, view, EICAR)

    assert scan(world, storage, scanner) == Scanned(quarantined=1)

    seen = now_of(world, item)
    assert (seen.scan, seen.state, seen.may_download) == (ScanState.INFECTED, "quarantined", False)
    assert world.seen(view).row.evidence.state is EvidenceState.REJECTED
    with pytest.raises(Refused) as unopened:
        world.write("petra", evidence.open_content, evidence=item.id)
    assert unopened.value.codes == ("evidence_quarantined",)
    with pytest.raises(Refused) as unaccepted:
        world.accepted(view, item)
    assert "evidence_quarantined" in unaccepted.value.codes
    world.accepted(view, item, outcome=ReviewOutcome.REJECTED)
    with pytest.raises(Refused) as unachieved:
        world.write("petra", milestones.mark_achieved, milestone=key(view))
    assert "evidence_required" in unachieved.value.codes
    (event,) = _events(world, "evidence_quarantined")
    assert (event.item_id, event.actor_kind, FOUND in event.facts) == (item.id, "system", True)
    proved = world.read("max", lambda uow: list(audit_events.verify(uow)))
    assert all(not faults for _, _, faults in proved)


def test_while_the_scanner_is_away_everything_waits(
    world: World, storage: Storage, scanner: Scanner, nobody_listens: str
) -> None:
    view = world.completed()
    item = sent(world, storage, view, b"A clean rota")

    away = scan(world, storage, Scanner(nobody_listens))
    assert (away.clean, away.quarantined, away.waiting) == (0, 0, 1)
    assert "cannot be reached" in away.trouble
    assert now_of(world, item).scan is ScanState.PENDING

    assert scan(world, storage, scanner) == Scanned(clean=1), "tried again"


def test_a_file_that_cannot_be_judged_holds_up_nobody(world: World, storage: Storage, scanner: Scanner) -> None:
    view = world.completed()
    large = sent(world, storage, view, bytes(LARGEST + 1))
    small = sent(world, storage, view, b"A clean rota")

    done = scan(world, storage, scanner)

    assert (done.clean, done.waiting) == (1, 1)
    assert "size limit" in done.trouble
    assert now_of(world, large).scan is ScanState.PENDING
    assert now_of(world, small).scan is ScanState.CLEAN


def test_jobs_scan_too_and_without_a_scanner_nothing_waits(world: World, storage: Storage, scanner: Scanner) -> None:
    view = world.completed()
    unscanned = world.attached(view)
    assert now_of(world, unscanned).scan is ScanState.UNSCANNED
    sent(world, storage, view, b"A clean rota")
    assert jobs.run_due(world.database, storage, world.clock()).scanned == Scanned()
    assert jobs.run_due(world.database, storage, world.clock(), scanner=scanner).scanned == Scanned(clean=1)


def _events(world: World, name: str) -> list[AuditEvent]:
    statement = select(AuditEvent).where(AuditEvent.event == name)  # type: ignore[arg-type]
    return world.read("max", lambda uow: list(uow.session.execute(statement).scalars()))
