"""Time passes, and work is begun, reported on, completed, achieved, given back and reopened."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from app.domain.words import Rag
from app.services import jobs, milestones, updates
from tests.machine import writes
from tests.machine.base import key, manager, mostly, offsets, one_of, step, which, worker
from tests.machine.facts import DAY, Colour
from tests.machine.outcomes import Outcome, invalid, refused
from tests.machine.steps.evidence import Evidence
from tests.machine.story import Story


class Progress(Evidence):
    """See the module."""

    @step(weight=3, days=st.integers(1, 40))
    def days_pass(self, days: int) -> None:
        self._forward(timedelta(days=days))

    @step(minutes=st.sampled_from([1, 30, 600, 1000, 1430]))
    def hours_pass(self, minutes: int) -> None:
        self._forward(timedelta(minutes=minutes))

    def _forward(self, by: timedelta) -> None:
        self.world.clock.now += by
        self.model.pass_to(self.today)

    @step()
    def jobs_run(self) -> None:
        """In a plan that is closed they find nothing to do."""
        stored = {row["id"] for row in self.latest["milestones"] if row["status"] == "achieved"}
        expired = [story for story in self.model.milestones if story.id in stored and story.status != "achieved"]
        fallen = jobs.fall_back_expired(self.world.database, self.world.clock.now)
        assert fallen == len(expired)
        assert jobs.fall_back_expired(self.world.database, self.world.clock.now) == 0
        rows = self.rows()
        writes.judge(self.latest, rows, self.now)
        self.latest = rows

    @step(number=which, who=worker)
    def start(self, number: int, who: str) -> None:
        story, who = self.story(number, "not_started"), self.present(who)
        expected = self.judge(who, "update", story) or refused(
            *self.stands, ("already_started", story.status != "not_started")
        )
        if self.attempt(expected, who, milestones.start, milestone=key(story)):
            story.start_work(self.today)
            self.model.settle()

    @step(
        weight=3,
        number=which,
        who=worker,
        forecast=st.none() | offsets,
        declared=st.none() | st.sampled_from(["green", "amber", "red"]),
    )
    def update(self, number: int, who: str, forecast: int | None, declared: str | None) -> None:
        """Where it is not theirs to update, a senior officer only declares."""
        story, who = self.story(number, "not_started", "in_progress", "completed"), self.present(who)
        day, colour = self.day(forecast), Colour[declared.upper()] if declared else None
        only_declares = bool(colour) and not self.model.may(who, "update", story)
        expected = (
            self.judge(who, "declare" if colour else "update", story)
            or invalid(
                ("/forecast_date", story.is_too_early(day)),
                ("/forecast_date", day is not None and day < self.today and day != story.forecast),
            )
            or invalid(("/forecast_date", only_declares and day is not None))
            or self._unmet_update(story, only_declares=only_declares)
        )
        may_lift = self.model.may(who, "lift", story) if expected is None else False
        if self.attempt(
            expected,
            who,
            updates.add_update,
            milestone=key(story),
            narrative="It goes on",
            forecast_date=day,
            declared_rag=Rag(declared) if declared else None,
            rationale="Because" if declared else None,
        ):
            if only_declares and colour is not None:
                story.declare(who, self.today, colour, may_lift=may_lift)
            else:
                story.update(who, self.today, forecast=day, declared=colour, may_lift=may_lift)
            self.model.settle()

    def _unmet_update(self, story: Story, *, only_declares: bool) -> Outcome:
        is_nothing_to_declare = only_declares and story.status == "completed"
        return refused(
            *self.stands,
            ("milestone_cancelled", story.status == "cancelled"),
            ("milestone_achieved", story.status == "achieved"),
        ) or refused(("milestone_completed", is_nothing_to_declare))

    @step(number=which, who=mostly("petra", "sam", "nora", "connie", "pol"))
    def lift(self, number: int, who: str) -> None:
        story = one_of(self.model.milestones, number, lambda one: one.declared is not None)
        who = self.present(who)
        expected = self.judge(who, "lift", story) or refused(*self.stands, ("not_declared", story.declared is None))
        if self.attempt(expected, who, milestones.lift_declaration, milestone=key(story), reason="It has passed"):
            story.declared = None
            self.model.settle()

    @step(weight=3, number=which, who=worker, days_ago=st.integers(-1, 10), with_file=st.booleans())
    def complete(self, number: int, who: str, days_ago: int, with_file: bool) -> None:
        story, who = self.story(number, "not_started", "in_progress"), self.present(who)
        day = self.today - days_ago * DAY
        expected = (
            self.judge(who, "update", story)
            or invalid(("/completed_date", days_ago < 0))
            or refused(*self.stands, ("not_open", not story.is_open))
        )
        if self.attempt(
            expected,
            who,
            milestones.report_completed,
            milestone=key(story),
            completed_date=day,
            narrative="Done",
            upload=self.new_file() if with_file else None,
            title="Rota" if with_file else None,
        ):
            story.complete(who, self.today, day)
            if with_file:
                self.note_newest_item(story, who, "file", None)
            self.model.settle()

    @step(number=which, who=manager)
    def give_back(self, number: int, who: str) -> None:
        story, who = self.story(number, "completed"), self.present(who)
        expected = self.judge(who, "return", story) or refused(
            *self.stands, ("not_completed", story.status != "completed")
        )
        if self.attempt(expected, who, milestones.return_to_progress, milestone=key(story), reason="Not yet"):
            story.give_back(self.today)
            self.model.settle()

    @step(weight=3, number=which, lasts=st.none() | st.integers(0, 30))
    def see_through(self, number: int, lasts: int | None) -> None:
        """All of it, by whoever may: the way to what comes afterwards would otherwise seldom be found."""
        story = self.story(number, "not_started", "in_progress")
        if story.is_open and self.model.state == "approved":
            self.bring_to(self.number_of(story), 4, lasts)

    def bring_to(self, number: int, stage: int, lasts: int | None) -> None:
        """Start, completion, a file that counts for so many days, achievement: as far as `stage` says."""
        if stage >= 1 and self.story(number).status == "not_started":
            self.update(number, "petra", forecast=None, declared=None)
        if stage >= 2:
            self.complete(number, "petra", days_ago=0, with_file=False)
        if stage >= 3:
            provider = "pol" if self.judge("pol", "attach", self.story(number)) is None else "petra"
            self.attach(number, self.present(provider), "file", lasts)
        if stage >= 4:
            if self.model.terms.policy == "accepted":
                self.review(4 * len(self.model.items) - 4, 0, self._reviewer(number), "accepted")
            self.achieve(number, "petra")

    def _reviewer(self, number: int) -> str:
        return "petra" if self.story(number).owner == "sam" else "sam"

    @step(weight=4, number=which, who=manager)
    def achieve(self, number: int, who: str) -> None:
        story, who = self.story(number, "completed"), self.present(who)
        lacking = "evidence_required" if self.model.terms.policy == "attached" else "evidence_not_accepted"
        expected = self.judge(who, "achieve", story) or refused(
            ("plan_not_approved", self.model.state != "approved"),
            ("not_completed", story.status != "completed"),
            (lacking, not self.model.met_on(story, self.today)),
        )
        if self.attempt(expected, who, milestones.mark_achieved, milestone=key(story)):
            story.achieve(self.today)
            self.model.settle()

    @step(weight=2, number=which, who=manager, due=offsets)
    def reopen(self, number: int, who: str, due: int) -> None:
        story, who, day = self.story(number, "achieved"), self.present(who), self.today + due * DAY
        expected = (
            self.judge(who, "reopen", story)
            or invalid(("/due_date", story.is_too_early(day)))
            or refused(*self.stands, ("not_achieved", story.status != "achieved"))
        )
        if self.attempt(expected, who, milestones.reopen, milestone=key(story), reason="It was not so", due_date=day):
            story.reopen(self.now, self.newest_request(story, "due_date", who, day))
            self.model.settle()
