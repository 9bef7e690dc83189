"""A server is killed (kill -9) while it takes files, while it writes reviews, and while it does jobs.

Afterwards nothing that it answered for is lost, and nothing is half-done.

`make fuzz` kills it fifty times at each, on both databases; `make test` once at each.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from app.db import UnitOfWork
from app.domain.actors import system_actor
from app.domain.evidence import Upload
from app.domain.evidence_exports import LEASE
from app.domain.milestones import MilestoneView
from app.domain.words import ExportState, ReviewOutcome, ScanState, Status
from app.migrations.guarded import evidence_counts
from app.models import AuditEvent, Evidence, EvidenceExportRow, EvidenceLink, Milestone
from app.models.identity import table_of
from app.scanner import Scanner
from app.services import evidence, evidence_files, jobs, keys, milestones
from app.services.audit_events import verify
from app.services.evidence_exports import GOING_ON
from app.storage import Storage, incoming_from_bytes, open_storage
from tests.crash.conftest import Killed
from tests.factories import World, key
from tests.profiles import LONG

KILLS = 50 if LONG else 1
_ANSWER_SECONDS = 30
_evidence, _links, _events = table_of(Evidence), table_of(EvidenceLink), table_of(AuditEvent)
_milestones, _exports = table_of(Milestone), table_of(EvidenceExportRow)
_BROKEN = text(
    "SELECT count(*) FROM milestones m JOIN plans p ON p.id = m.plan_id WHERE m.status = 'achieved'"
    f" AND NOT EXISTS (SELECT 1 FROM evidence_links l, evidence e WHERE {evidence_counts(milestone='m', plan='p')})"
)


@dataclass
class Crash:
    """A server over a world, what it has answered for, and the means to look behind it."""

    world: World
    server: Killed
    storage: Storage
    tokens: dict[str, str] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)
    reviewed: dict[str, str] = field(default_factory=dict)
    achieved: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    answers: int = 0
    folder: Path = Path()
    scanner: Scanner | None = None

    def post(self, who: str, path: str, **given: Any) -> httpx.Response:
        if who not in self.tokens:
            self.tokens[who] = self.world.write(who, keys.create_token, name="crash", days=30).secret
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        answer = httpx.post(f"{self.server.origin}/api/v1{path}", headers=headers, timeout=_ANSWER_SECONDS, **given)
        self.answers += answer.status_code == 201
        return answer

    def send(self, milestone: str, *, by: str = "pol") -> str:
        """Send a file, of a size that its writing takes a while, and note the answer. Returns the item's id."""
        content = "".join(random.choices("abcdefghij \n", k=random.choice((20, 60_000, 400_000)))).encode()
        given = {"files": {"file": ("rota.txt", content, "text/plain")}, "data": {"title": "Rota"}}
        answer = self.post(by, f"/milestones/{milestone}/evidence", **given)
        assert answer.status_code == 201, answer.text
        taken: str = answer.json()["id"]
        assert answer.json()["sha256"] == sha256(content).hexdigest()
        self.sent[taken] = sha256(content).hexdigest()
        return taken

    def attach(self, view: MilestoneView, *, effective_to: date | None, to_scan: bool = False) -> None:
        """Attach a file from outside the server, which is not killed."""
        content = random.randbytes(20_000)
        stored = incoming_from_bytes(self.storage, file_name="a.txt", content_type="text/plain", content=content).keep()
        given = Upload("a.txt", "text/plain", stored.size, stored.sha256, stored.name, to_scan=to_scan)
        item = self.world.write(
            "connie", evidence.attach_evidence, milestone=key(view), title="A file", upload=given,
            effective_to=effective_to,
        )  # fmt: skip
        self.sent[item.id] = stored.sha256
        self.answers += 1

    def killed_during(self, *work: Callable[[], object]) -> None:
        """Begin the server, have everybody work, and kill it at some moment of it."""
        self.server.begin()
        over, failed = threading.Event(), []

        def until_it_is_over(one: Callable[[], object]) -> None:
            try:
                while not over.is_set():
                    one()
            except httpx.TransportError:
                return
            except Exception as error:  # noqa: BLE001 - told by the test itself
                failed.append(error)

        threads = [threading.Thread(target=until_it_is_over, args=(one,)) for one in work]
        for thread in threads:
            thread.start()
        before, enough = self.answers, random.randint(1, 6 if LONG else 2)
        until = time.monotonic() + _ANSWER_SECONDS
        while self.answers - before < enough and not failed and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.05))
        self.server.kill()
        over.set()
        for thread in threads:
            thread.join(timeout=40)
        assert failed == []

    # What is looked at behind the server's back.

    def read(self, use_case: Callable[[UnitOfWork], Any]) -> Any:
        return self.world.database.read(use_case, actor=system_actor(), now=self.world.clock())

    def rows(self, statement: Any) -> list[Any]:
        found: list[Any] = self.read(lambda uow: uow.session.connection().execute(statement).all())
        return found

    def check(self) -> None:
        """Nothing answered is lost, nothing is half-done."""
        stored = {row.id: row for row in self.rows(select(_evidence))}
        assert {one: stored[one].sha256 if one in stored else None for one in self.sent} == self.sent
        faults = evidence_files.verify_files(self.world.database, self.storage, now=self.world.clock())
        assert list(faults) == []
        linked = {row.evidence_id for row in self.rows(select(_links.c.evidence_id))}
        told = self.rows(select(_events.c.item_id).where(_events.c.event == "evidence_attached"))
        assert set(stored) == linked == {row.item_id for row in told}
        assert len(told) == len(stored)
        outcomes = {row.evidence_id: row.outcome for row in self.rows(select(_links.c.evidence_id, _links.c.outcome))}
        assert {one: outcomes[one] for one in self.reviewed} == self.reviewed
        states = {row.id: row.status for row in self.rows(select(_milestones.c.id, _milestones.c.status))}
        assert {states[one] for one in self.achieved} <= {Status.ACHIEVED}
        assert self.rows(_BROKEN)[0][0] == 0
        assert self.read(lambda uow: [fault for _, _, several in verify(uow) for fault in several]) == []
        exports = {row.id: row for row in self.rows(select(_exports))}
        assert self.asked <= set(exports)
        for row in exports.values():
            assert (row.state == ExportState.READY) == (row.storage_name is not None)
            if row.storage_name is not None:
                assert self.storage.checksum(row.storage_name) == row.sha256


@pytest.fixture
def crash(request: pytest.FixtureRequest, living: World, begin_servers: Callable[..., Killed], tmp_path: Path) -> Crash:
    """With a real scanner in the long run alone: to start one takes longer than the rest."""
    scanner_at = request.getfixturevalue("clamd_daemon").socket_url if LONG else ""
    server = begin_servers(living.database.url, **({"CLAMAV_URL": scanner_at} if scanner_at else {}))
    storage = open_storage(f"file://{tmp_path}/evidence")
    scanner = Scanner(scanner_at) if scanner_at else None
    return Crash(living, server, storage, folder=tmp_path / "evidence", scanner=scanner)


def killed_while_files_are_sent(crash: Crash, times: int) -> None:
    wanted = crash.world.milestone(title="To be proved").row.id
    for _ in range(times):
        crash.killed_during(partial(crash.send, wanted), partial(crash.send, wanted, by="connie"))
        crash.check()


def killed_while_reviews_are_written(crash: Crash, times: int) -> None:
    done = [crash.world.completed(title=f"Done {number}").row.id for number in range(2)]

    def work(milestone: str) -> None:
        item = crash.send(milestone)
        outcome = random.choice((ReviewOutcome.ACCEPTED, ReviewOutcome.REJECTED))
        given = {"outcome": outcome, "relevance": 2, "robustness": 2, "reason": "It says so"}
        answer = crash.post("sam", f"/evidence/{item}/review", json=given)
        if answer.status_code == 409 and "evidence_pending_scan" in answer.text:
            return
        assert answer.status_code == 201, answer.text
        crash.reviewed[item] = outcome
        if milestone not in crash.achieved:
            answer = crash.post("petra", f"/milestones/{milestone}/achievement", json={})
            assert answer.status_code in (201, 409), answer.text
            if answer.status_code == 201:
                crash.achieved.add(milestone)

    for _ in range(times):
        done.append(crash.world.completed(title="Done too").row.id)
        crash.killed_during(partial(work, done[-1]), partial(work, done[-2]))
        crash.check()


def killed_while_jobs_are_done(crash: Crash, times: int) -> None:
    """Exports that are made, evidence that has ended, and files that wait for the scanner where there is one."""
    world = crash.world
    for number in range(3):
        crash.attach(world.milestone(title=f"Long proved {number}"), effective_to=None)

    def ask() -> None:
        answer = crash.post("petra", f"/plans/{world.plan}/evidence-exports", json={})
        assert answer.status_code in (201, 409), answer.text
        if answer.status_code == 201:
            crash.asked.add(answer.json()["id"])

    def let_lapse() -> None:
        view = world.completed(title="Proved for a day")
        crash.attach(view, effective_to=world.clock.today + timedelta(days=1))
        world.write("petra", milestones.mark_achieved, milestone=key(view))
        if crash.scanner:
            crash.attach(view, effective_to=None, to_scan=True)
        time.sleep(0.05)

    for _ in range(times):
        crash.killed_during(ask, let_lapse)
        crash.check()


EVERYTHING = (killed_while_files_are_sent, killed_while_reviews_are_written, killed_while_jobs_are_done)


@pytest.mark.fuzz
@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"] if LONG else ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "kinds", [(one,) for one in EVERYTHING] if LONG else [EVERYTHING], ids=lambda kinds: kinds[-1].__name__
)
def test_a_server_that_is_killed_loses_nothing_and_leaves_nothing_half_done(
    crash: Crash, kinds: tuple[Callable[[Crash, int], None], ...]
) -> None:
    for kind in kinds:
        kind(crash, KILLS)
    assert crash.sent or crash.asked, "something was answered"
    resumed(crash)


def resumed(crash: Crash) -> None:
    """What the killed server left is done by whoever does the jobs next; what it dropped is swept away."""
    later = datetime.now(UTC) + 2 * LEASE
    jobs.run_due(crash.world.database, crash.storage, later, scanner=crash.scanner)
    assert crash.rows(select(_exports.c.id).where(_exports.c.state.in_(GOING_ON))) == []
    assert crash.rows(select(_evidence.c.id).where(_evidence.c.scan == ScanState.PENDING)) == []
    lapsed = (_milestones.c.status == Status.ACHIEVED, _milestones.c.policy_met_until < later.date())
    assert crash.rows(select(_milestones.c.id).where(*lapsed)) == []
    crash.check()
    evidence_files.sweep(crash.world.database, crash.storage, now=later + timedelta(days=2))
    named = {row[0] for table in (_evidence, _exports) for row in crash.rows(select(table.c.storage_name))} - {None}
    assert {listed.name for listed in crash.storage.list_names()} == named
    assert list((crash.folder / "tmp").iterdir()) == []
