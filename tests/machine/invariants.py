"""What holds after every step."""

from __future__ import annotations

from typing import Any

from hypothesis.stateful import invariant

from app.domain.actors import system_actor
from app.services import audit_events
from tests.machine import writes
from tests.machine.facts import DAY, london_day
from tests.machine.readers import Readers
from tests.machine.stored import by_id, day_of, moment, stored_status, unfounded
from tests.machine.story import Story

READERS = ("sam", "pol", "connie", "petra", "nora", "ada", "nat")


class Invariants(Readers):
    """See the module."""

    @invariant()
    def everything_holds(self) -> None:
        if not hasattr(self, "model"):
            return
        self.steps += 1
        rows = self.rows()
        assert unfounded(rows) == []
        writes.versions_grow(self.before, rows)
        self._plan_is_as_it_should_be(by_id(rows["plans"])[self.world.plan_id])
        self._rows_are_as_they_happened(by_id(rows["milestones"]))
        self._requests_are_as_they_were_decided(by_id(rows["change_requests"]))
        for story in self.model.milestones:
            self._looks_ahead(story)
        ahead = self.today + (7 * self.steps % 90) * DAY
        self.report_is_complete("petra", ahead if self.steps % 2 else self.today)
        self._asked_in_turn(READERS[self.steps % len(READERS)], ahead)
        self._chain_verifies()
        self.before = self.latest = rows

    def _asked_in_turn(self, reader: str, ahead: Any) -> None:
        """The same numbers by other readers and on other pages: one of them after every step."""
        questions = (
            lambda: self.report_is_complete(reader, self.today),
            lambda: self.report_is_complete(reader, ahead),
            lambda: self.counts_agree(reader),
            lambda: self.list_agrees(reader),
        )
        questions[self.steps % len(questions)]()

    def _plan_is_as_it_should_be(self, row: dict[str, Any]) -> None:
        model, terms = self.model, self.model.terms
        assert (row["state"], day_of(row["approved_on"])) == (model.state, terms.approved_on)
        assert day_of(row["closed_on"]) == model.closed_on
        assert (row["evidence_policy"], row["moved_rule"]) == (terms.policy, terms.moved_rule)
        numbers = (row["tolerance_days"], row["overdue_limit_days"], row["cycle_days"])
        assert numbers == (terms.tolerance, terms.overdue_limit, terms.cycle)

    def _requests_are_as_they_were_decided(self, rows: dict[str, dict[str, Any]]) -> None:
        assert {one.id: one.state for one in self.model.every_request()} == {
            id_: row["state"] for id_, row in rows.items()
        }

    def _rows_are_as_they_happened(self, rows: dict[str, dict[str, Any]]) -> None:
        for story in self.model.milestones:
            row = rows[story.id]
            assert stored_status(row, self.model.as_of) == story.status, story.ref
            assert (moment(row["amber_from"]), moment(row["red_from"])) == story.moments(), (story.ref, row)
            assert (day_of(row["due_date"]), day_of(row["baseline_date"])) == (story.due, story.baseline)
            self._returns_as_it_should(story, row)
            assert (row["moves"], row["reopened_times"]) == (len(story.moves), story.times_reopened)
            assert moment(row["reopened_at"]) == story.reopened_at
            assert row["success_criterion"] == story.criterion
            assert day_of(row["completed_on"]) == story.completed_on
            if row["status"] == "achieved":
                continue  # whether its evidence is still in place has just been seen
            assert day_of(row["achieved_on"]) is None

    def _returns_as_it_should(self, story: Story, row: dict[str, Any]) -> None:
        """What is stored of an acceptance that is over says nothing any more."""
        until = moment(row["accepted_until"])
        stands = until is not None and until > self.now
        assert (london_day(until) if until and stands else None) == story.returns_on(self.today), (story.ref, row)
        assert not stands or day_of(row["acceptance_ends_on"]) == story.accepted_to

    def _looks_ahead(self, story: Story) -> None:
        """The colour by the folded moments, which are the stored ones, is that of the rules on every later day."""
        for number in range(121):
            day = self.today + number * DAY
            assert story.colour_on(day) == story.ahead.get(day, story.colour_on(day)), (story.ref, day)

    def _chain_verifies(self) -> None:
        chains = self.world.read(system_actor(), lambda uow: list(audit_events.verify(uow)))
        assert [faults for _, _, faults in chains if faults] == []
        assert len(chains) >= 2
