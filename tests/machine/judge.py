"""The table of rule 2, judged for one day by a milestone's present facts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING

from tests.machine.facts import DAY, LOOK_AHEAD, Colour, london_day
from tests.machine.story import Story

if TYPE_CHECKING:
    from tests.machine.model import Model


class Judge:
    """One milestone by its present facts, asked about any number of days."""

    def __init__(self, model: Model, story: Story) -> None:
        self.story, self.terms, self.state = story, model.terms, model.state
        self.due = story.agreed_due
        self.first_unmet = model.first_unmet(story)
        self.silent = self._silent_meetings(model.today + LOOK_AHEAD * DAY)

    def reasons(self, day: date) -> dict[str, Colour]:
        story = self.story
        if self.state != "approved" or story.status == "cancelled":
            return {}
        if story.status == "achieved":
            return self._achieved(day)
        found = self._completed(day) if story.status == "completed" else self._open(day)
        if story.is_reopening and story.reopened_at is not None and london_day(story.reopened_at) <= day:
            found["reopened"] = Colour.RED
        return found

    def _achieved(self, day: date) -> dict[str, Colour]:
        if self.first_unmet is None or day < self.first_unmet:
            return {}
        return self._outstanding(day, clock=self.first_unmet) | self._lapsed(day, self.first_unmet)

    def _outstanding(self, day: date, *, clock: date) -> dict[str, Colour]:
        waited = (day - clock).days
        if waited >= 28 and (self.due is None or day > self.due):
            return {"evidence_outstanding": Colour.RED}
        if waited >= 14 or (self.due is not None and day > self.due):
            return {"evidence_outstanding": Colour.AMBER}
        return {}

    def _lapsed(self, day: date, since: date) -> dict[str, Colour]:
        return {"evidence_lapsed": Colour.RED if (day - since).days >= 28 else Colour.AMBER}

    def _completed(self, day: date) -> dict[str, Colour]:
        found: dict[str, Colour] = {}
        clock = self.story.lapsed_on or self.story.reported_on or self.story.added_on
        if self._is_unmet(day):
            found = self._outstanding(day, clock=clock)
            if self.story.lapsed_on is not None:
                found |= self._lapsed(day, self.story.lapsed_on)
        elif self.story.met.since is not None and (day - max(self.story.met.since, clock)).days >= 14:
            found["confirmation_due"] = Colour.AMBER
        return found

    def _is_unmet(self, day: date) -> bool:
        """Not met on that day, and the days on which it was met have been before it."""
        if self.story.met.since is not None:
            return self.first_unmet is not None and day >= self.first_unmet
        return all(day >= ended for ended in (self.story.met.ended, self.story.lapsed_on) if ended is not None)

    def _open(self, day: date) -> dict[str, Colour]:
        story, found = self.story, {}
        if self.due is not None and day > self.due:
            overdue_for = (day - self.due).days
            found["overdue"] = Colour.RED if overdue_for > self.terms.overdue_limit else Colour.AMBER
        if story.declared is not None and day >= story.declared[1]:
            found["declared"] = story.declared[0]
        if story.again_on is None or day >= story.again_on:
            found.update(self._since_opened(day))
        if story.status == "not_started":
            if story.late_start_on is not None and day >= story.late_start_on:
                found["late_start"] = Colour.AMBER
        elif (missed := sum(meeting <= day for meeting in self.silent)) >= 2:
            found["no_update"] = Colour.RED if missed >= 4 else Colour.AMBER
        return found

    def _since_opened(self, day: date) -> dict[str, Colour]:
        """What was so before it was completed and opened again belongs to a run that has ended."""
        story, found = self.story, {}
        if story.late.since is not None and day >= story.late.since:
            is_beyond = story.beyond.since is not None and day >= story.beyond.since
            found["forecast_late"] = Colour.RED if is_beyond else Colour.AMBER
        if story.forecast is not None and day > story.forecast:
            found["forecast_passed"] = Colour.AMBER
        if story.undated.since is not None and day >= story.undated.since:
            found["no_date"] = Colour.AMBER
        if story.unowned.since is not None and day >= story.unowned.since:
            found["no_owner"] = Colour.AMBER
        if any(day >= decided for decided in self._deciding_moves()):
            found["moved_repeatedly"] = Colour.AMBER
        return found

    def _deciding_moves(self) -> list[date]:
        if self.terms.moved_rule == "off":
            return []
        if self.terms.moved_rule == "any":
            return self.story.moves[:1]
        return self.story.moves[1:2] + ([self.story.moved_far_on] if self.story.moved_far_on else [])

    def _silent_meetings(self, until: date) -> list[date]:
        """The first four review meetings in a row that no update covers. An update covers the next meeting, from its
        day on; merely starting covers none.
        """
        story = self.story
        begun = story.begun_on or story.added_on
        spoken = story.updated_on if story.updated_on is not None and story.updated_on >= begun else None
        coming = list(islice(self._calendar(spoken or begun, until), 5))
        return coming[1:] if spoken else coming[:4]

    def _calendar(self, start: date, until: date) -> Iterator[date]:
        """The review meetings of the plan from one day to another, walking the days."""
        day = start
        while day <= until:
            if day in self.terms.meetings or self.terms.is_reckoned(day):
                yield day
            day += DAY
