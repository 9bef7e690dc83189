"""Another program at the database."""

from __future__ import annotations

import sqlite3
from typing import Any

import psycopg
from hypothesis import strategies as st

from app.migrations import guard_refusal
from tests.machine.attacks import ATTACKS, Scene
from tests.machine.base import step, which
from tests.machine.steps.meetings import Meetings
from tests.machine.stored import day_of, unfounded


class Attacking(Meetings):
    """See the module."""

    @step(weight=5, number=which, item=which, how=st.sampled_from(sorted(ATTACKS)))
    def attack(self, number: int, item: int, how: str) -> None:
        stored = {row["id"]: row for row in self.latest["milestones"]}
        story = self.story(number, "achieved", "completed")
        scene = Scene(
            model=self.model,
            story=story,
            item=self.item(item) if self.model.items else None,
            now=self.now,
            stored=stored[story.id],
            achieved={
                name: day
                for name, row in stored.items()
                if row["status"] == "achieved" and (day := day_of(row["achieved_on"]))
            },
            ids=self.ids,
            dialect=self.outside.dialect,
        )
        attack = ATTACKS[how](scene)
        if attack is None:
            return
        was_refused = self._was_refused(attack.statement, attack.values)
        assert was_refused == attack.is_refused, attack
        assert self.rows() == self.latest

    def _was_refused(self, statement: str, values: tuple[Any, ...]) -> bool:
        """Whether a guard refused. What was carried out is looked at, and taken back: it is not what services do."""
        self.outside.run("BEGIN IMMEDIATE" if self.outside.dialect == "sqlite" else "BEGIN")
        try:
            self.outside.run(statement, *values)
        except (sqlite3.IntegrityError, psycopg.Error) as error:
            if guard_refusal(error) is None:
                raise
            return True
        else:
            assert unfounded(self.rows()) == []
            return False
        finally:
            self.outside.run("ROLLBACK")
