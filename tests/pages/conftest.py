"""A house over SQLite with milestones in every state, and ways to read a page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from app.db import Database
from app.domain.milestones import MilestoneView
from app.domain.words import ChangeKind, Marking, Rag
from app.services import change_requests, evidence, meetings, updates
from tests.factories import NHS, Clock, World, key, make_world
from tests.house import House

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


class Kept(House):
    """A house whose milestones are known by what they are: `there["overdue"]`."""

    def __init__(self, world: World, folder: Path) -> None:
        super().__init__(world, folder)
        self.there: dict[str, MilestoneView] = {}

    def path(self, name: str, *more: str) -> str:
        """The address of a milestone's page, or of something below it."""
        ref = self.there[name].row.ref
        return "/".join([f"/plans/{self.world.plan}/milestones/{ref}", *more])

    def seen(self, name: str) -> MilestoneView:
        return self.world.seen(self.there[name])


@pytest.fixture
def house(sqlite_world: World, tmp_path: Path) -> Kept:
    return Kept(sqlite_world, tmp_path)


@dataclass
class _Template:
    """A database file that nobody writes to any more, and what is in it."""

    file: Path
    world: World
    there: dict[str, MilestoneView]


@pytest.fixture(scope="session")
def full_template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> _Template:
    """Milestones in every state, made once: making them takes longer than any test that looks at them."""
    file = tmp_path_factory.mktemp("full") / "waymark.db"
    shutil.copyfile(sqlite_template, file)
    database = Database(f"sqlite:///{file}")
    world = make_world(database, Clock())
    there = _in_every_state(world)
    world.clock.forward(days=21)
    database.dispose()
    return _Template(file, world, there)


@pytest.fixture
def full(full_template: _Template, tmp_path: Path) -> Iterator[Kept]:
    """A house with milestones in every state; three weeks have passed since they were made."""
    file = tmp_path / "full.db"
    shutil.copyfile(full_template.file, file)
    database = Database(f"sqlite:///{file}")
    kept = Kept(full_template.world.moved_to(database, Clock(full_template.world.clock.now)), tmp_path)
    kept.there = dict(full_template.there)  # a test adds to its own
    yield kept
    database.dispose()


def _in_every_state(world: World) -> dict[str, MilestoneView]:
    there, today = {}, world.clock.today
    world.write("petra", meetings.add_meeting, slug=world.plan, on=today + timedelta(days=28))
    there["overdue"] = world.milestone(title="Managers trained <in supervision> & coached", due_date=today)
    there["early"] = world.milestone(title="Premises found", start_date=today + timedelta(days=300),
                                     due_date=today + timedelta(days=400))  # fmt: skip
    there["secret"] = world.milestone(
        title="Kept from partners", restricted_to=["haringey-council"], marking=Marking.OFFICIAL_SENSITIVE
    )
    there["completed"] = world.completed(title="Rota published")
    there["achieved"] = world.achieved(title="Duty desk staffed")
    there["reviewed"] = _with_reviewed_evidence(world)
    there["asked"] = world.milestone(title="Policy reissued", due_date=today + timedelta(days=60))
    world.write("petra", change_requests.request_change, milestone=key(there["asked"]), kind=ChangeKind.DUE_DATE,
                reason="The printer is late", due_date=today + timedelta(days=90))  # fmt: skip
    _updated(world, there["overdue"], today)
    return there


def _updated(world: World, view: MilestoneView, today: Any) -> None:
    world.write(
        "connie", updates.add_update, milestone=key(view), narrative="Two of four courses held.\n\nThe third is near.",
        forecast_date=today + timedelta(days=40), declared_rag=Rag.AMBER, rationale="Rooms are short",
        issue="Managers cannot be released", support_required="Release 14 managers in January",
        path_to_green="Two more courses", return_to_green_on=today + timedelta(days=50), waiting_on="NHS Haringey",
    )  # fmt: skip


def _with_reviewed_evidence(world: World) -> MilestoneView:
    view = world.completed(title="Files audited")
    first = world.attached(view)
    world.accepted(view, first, outcome="rejected")
    second = world.attached(view, by="nat", description="Thirty files", shared_with=[NHS])
    world.write("nat", evidence.withdraw_evidence, evidence=second.id, reason="Sent for the wrong milestone")
    world.write("connie", evidence.attach_evidence, milestone=key(view), title="Where the audit is kept",
                link="https://audit.example/2026")  # fmt: skip
    world.write("connie", evidence.attach_evidence, milestone=key(view), title="What I saw",
                statement="All thirty\nwere read.")  # fmt: skip
    return world.seen(view)


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The statements sent to the database meanwhile, without those that only set a connection up; nothing that was
    worked out before is remembered.
    """
    sent: list[str] = []
    database.memory.clear()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("PRAGMA", "BEGIN", "SAVEPOINT", "RELEASE")):
            sent.append(statement)

    engines = {database.reader, database.writer}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
