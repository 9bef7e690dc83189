"""Review meetings are listed, held, moved and cancelled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from hypothesis import strategies as st

from app.domain.words import MeetingState
from app.services import meetings
from tests.machine.base import manager, one_of, step, which
from tests.machine.facts import DAY, Meeting
from tests.machine.outcomes import invalid, refused
from tests.machine.steps.people import People
from tests.machine.stored import day_of


class Meetings(People):
    """See the module."""

    @step(who=manager, on=st.integers(-20, 60), state=st.sampled_from(["planned", "planned", "held"]))
    def list_meeting(self, who: str, on: int, state: str) -> None:
        self._list_meeting(self.today + on * DAY, state, who=self.present(who))

    def _list_meeting(self, on: date, state: str, *, who: str = "petra") -> None:
        taken = on in self.model.terms.meetings
        is_wrong = on < self.today if state == "planned" else on > self.today
        expected = self.judge_plan(who, "edit") or self.read_only or invalid(("/on", taken), ("/on", is_wrong))
        if self.attempt(expected, who, meetings.add_meeting, slug=self.world.plan, on=on, state=MeetingState(state)):
            self._note_meetings()
            self.model.settle()

    @step(who=manager, first=st.none() | st.integers(-2, 60))
    def make_list(self, who: str, first: int | None) -> None:
        """Which days it gives is the business of tests/domain/test_meetings.py: here they are only taken note of."""
        who, day = self.present(who), self.day(first)
        last = max((meeting.on for meeting in self.model.terms.listed), default=None)
        nothing_to_reckon_from = day is None and last is None and self.model.state == "draft"
        wrong = day is not None and (day < self.today or (last is not None and day <= last))
        expected = (
            self.judge_plan(who, "edit") or self.read_only or invalid(("/first_day", wrong or nothing_to_reckon_from))
        )
        if expected is None and day is None and last is not None and last > self.today + 300 * DAY:
            return
        if self.attempt(expected, who, meetings.make_list, slug=self.world.plan, first_day=day):
            self._note_meetings()
            self.model.settle()

    def _note_meetings(self) -> None:
        known = {meeting.id for meeting in self.model.terms.listed}
        for row in self.latest["review_meetings"]:
            if row["id"] not in known:
                on = day_of(row["on_day"])
                assert on is not None
                self.model.terms.listed.append(Meeting(row["id"], on, row["state"], day_of(row["cycle_day"])))

    @step(weight=2, number=which, who=manager, there=st.sets(st.sampled_from(["connie", "sam", "max"])))
    def hold_meeting(self, number: int, who: str, there: set[str]) -> None:
        meeting = self._meeting(number, lambda one: one.on <= self.today)
        if meeting is None:
            return
        who = self.present(who)
        ended = meeting.state in ("held", "cancelled")
        expected = (
            self.judge_plan(who, "edit")
            or self.read_only
            or invalid(("/attended", "max" in there))
            or refused((f"already_{meeting.state}", ended), ("meeting_to_come", not ended and meeting.on > self.today))
        )
        attended = [self.ids[name] for name in sorted(there)]
        if self.attempt(expected, who, meetings.hold_meeting, meeting=meeting.id, attended=attended):
            meeting.state = "held"

    @step(weight=2, number=which, who=manager, on=st.integers(-3, 50))
    def move_meeting(self, number: int, who: str, on: int) -> None:
        meeting, day = self._meeting(number), self.today + on * DAY
        if meeting is None:
            return
        who = self.present(who)
        taken = day in self.model.terms.meetings or day == meeting.on
        too_far = day > meeting.latest(self.model.terms.cycle)
        expected = (
            self.judge_plan(who, "edit")
            or self.read_only
            or invalid(("/on", day < self.today or taken))
            or refused((f"already_{meeting.state}", meeting.state in ("held", "cancelled")))
            or invalid(("/on", too_far))
        )
        if self.attempt(expected, who, meetings.move_meeting, meeting=meeting.id, on=day, reason="The room is taken"):
            meeting.moved_from, meeting.on, meeting.state = meeting.on, day, "moved"
            self.model.settle()

    @step(number=which, who=manager)
    def cancel_meeting(self, number: int, who: str) -> None:
        meeting = self._meeting(number)
        if meeting is None:
            return
        who = self.present(who)
        ended = meeting.state in ("held", "cancelled")
        expected = self.judge_plan(who, "edit") or self.read_only or refused((f"already_{meeting.state}", ended))
        if self.attempt(expected, who, meetings.cancel_meeting, meeting=meeting.id, reason="Nobody can come"):
            meeting.state = "cancelled"
            self.model.settle()

    def _meeting(self, number: int, is_ripe: Callable[[Meeting], bool] = lambda _: True) -> Meeting | None:
        """One that still stands, as a rule."""
        listed = self.model.terms.listed
        standing = ("planned", "moved")
        return one_of(listed, number, lambda one: one.state in standing and is_ripe(one)) if listed else None
