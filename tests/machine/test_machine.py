"""Random histories of a plan, through services and raw SQL, and what holds after every step.

A plan with two to four milestones is drafted, edited and approved; they are started, updated, completed, evidenced,
achieved, reviewed, withdrawn, reopened, moved, merged, split, replaced and cancelled by whoever happens to try, while
days pass, policies, settings, criteria, baselines and meetings change, outside bodies set dates and people leave; and
in the end the plan may be closed. After every step, by a second opinion that shares no rule with the code (`model`):

1. no milestone is stored as achieved without evidence that counts under its plan's policy;
2. the stored moments are those folded from the milestone's whole history, and the colour on every later day is the
   one that the rules give it by its present facts;
3. the exception report, the list and the counts are those of a plain walk through everything the reader may know of,
   and the counts by colour add up to what there is;
4. the audit chain verifies;
5. a refused step has changed nothing.

And of every single write, by the rows before and after it alone (`writes`): versions only grow, and whatever changed
has a new one; a baseline stands once the plan is approved, unless it is corrected, and a part keeps the first; moments
do not forget; nothing is an exception in a draft; nothing changes in a closed plan; nobody decides what they asked for.

Who may do what, and every reason of a refusal, is foretold as well. The subjects are `steps`, each a class on top of
the one before it; `base` is what they stand on.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test
from sqlalchemy import event

from app.db import Database
from app.domain.actors import Actor
from app.domain.words import Role, Scope
from tests.factories import Clock, World, make_world, members
from tests.machine.base import STEPS, OpenWorld
from tests.machine.invariants import Invariants
from tests.postgres import Postgres
from tests.profiles import MACHINE_EXAMPLES, MACHINE_STEPS


class Machine(Invariants):
    """See the module."""

    # Not `one_of`, which takes what is the same for one choice and so knows no weights.
    @rule(what=st.sampled_from(range(len(STEPS))).flatmap(STEPS.__getitem__))
    def happens(self, what: tuple[str, dict[str, Any]]) -> None:
        """A draft that has lasted long enough is approved first."""
        if self.model.state == "draft" and self.steps > self.draft_lasts:
            self.approve("sam")
        name, given = what
        getattr(self, name)(**given)


# --- Where it runs ----------------------------------------------------------------------------------------------------


def staged(url: str) -> World:
    """A draft plan and its cast, a key of the police's among them and Nora in two roles, in an empty database that
    becomes a template.
    """
    world = make_world(in_haste(Database(url)), approved=False)
    members(world, {"nora": (Role.CONTRIBUTOR,)}, world.plan_id)
    both = frozenset({Role.SENIOR_OFFICER, Role.CONTRIBUTOR})
    world.people["nora"] = replace(world.people["nora"], roles={world.plan_id: both})
    world.people["key"] = world.key_actor(Scope.EVIDENCE_WRITE)
    world.database.dispose()
    return world


def in_haste(database: Database) -> Database:
    """Nothing here survives a power cut anyway."""
    if database.is_sqlite:
        event.listen(database.writer, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    return database


def copy_of(world: World, url: str) -> World:
    people: dict[str, Actor] = dict(world.people)
    return replace(world, database=in_haste(Database(url, readers=1)), clock=Clock(), people=people)


def drive(open_world: OpenWorld, *, examples: int) -> None:
    machine = type("WaymarkMachine", (Machine,), {"open_world": staticmethod(open_world)})
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=MACHINE_STEPS))


@pytest.mark.fuzz
def test_whatever_happens_the_rules_hold_on_sqlite(sqlite_template: Path, tmp_path: Path) -> None:
    template = tmp_path / "staged.db"
    shutil.copyfile(sqlite_template, template)
    world = staged(f"sqlite:///{template}")
    number = iter(range(1_000_000))

    def open_world() -> tuple[World, Callable[[], None]]:
        file = tmp_path / f"{next(number)}.db"
        shutil.copyfile(template, file)
        opened = copy_of(world, f"sqlite:///{file}")

        def close() -> None:
            opened.database.dispose()
            for left in tmp_path.glob(f"{file.name}*"):
                left.unlink()

        return opened, close

    drive(open_world, examples=MACHINE_EXAMPLES)


@pytest.mark.fuzz
def test_whatever_happens_the_rules_hold_on_postgresql(postgres_server: Postgres, postgres_template: str) -> None:
    template = postgres_server.create(template=postgres_template)
    world = staged(template)
    name = re.split(r"[/?]", template.split("://", 1)[1])[1]

    def open_world() -> tuple[World, Callable[[], None]]:
        opened = copy_of(world, postgres_server.create(template=name))

        def close() -> None:
            opened.database.dispose()
            postgres_server.drop(opened.database.url)

        return opened, close

    drive(open_world, examples=max(2, MACHINE_EXAMPLES // 5))
    postgres_server.drop(template)
