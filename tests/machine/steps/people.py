"""Who answers for a milestone, who may know of it, what of it is free to edit, who accepts it, and who leaves."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from app.domain.words import DateSetter
from app.services import acceptances, baselines, milestones, people
from tests.factories import CAST, COUNCIL, NHS, POLICE
from tests.machine.base import key, manager, officer, one_of, step, which
from tests.machine.facts import DAY, Colour
from tests.machine.outcomes import Outcome, invalid, refused
from tests.machine.steps.terms import PlanTerms
from tests.machine.story import Story

LEAVERS = ("connie", "pol", "nora")
owners = st.sampled_from(["connie", "pol", "petra", "sam", "nora", None])


class People(PlanTerms):
    """See the module."""

    @step(number=which, who=manager, owner=owners)
    def change_owner(self, number: int, who: str, owner: str | None) -> None:
        story, who = self.story(number), self.present(who)
        has_left = owner in self.model.left
        becomes = story.owner if has_left else owner
        left_out = story.only_for is not None and self.is_left_out(becomes, story.only_for)
        wrong = invalid(("/owner", has_left), ("/restricted_to", left_out))
        if self._edit(wrong, who, story, owner=self.ids.get(owner or "")):
            story.owner = owner
            self.model.settle()

    @step(
        number=which,
        who=manager,
        only_for=st.none() | st.sets(st.sampled_from([POLICE, NHS, COUNCIL, "connie", "nat"]), min_size=1),
    )
    def restrict(self, number: int, who: str, only_for: set[str] | None) -> None:
        story, who = self.story(number), self.present(who)
        left_out = only_for is not None and self.is_left_out(story.owner, only_for)
        if self._edit(invalid(("/restricted_to", left_out)), who, story, restricted_to=self.named(only_for)):
            story.only_for = None if only_for is None else frozenset(only_for)

    @step(number=which, who=manager, start=st.none() | st.integers(-30, 60))
    def change_start(self, number: int, who: str, start: int | None) -> None:
        """A start that has passed is not moved to where the work is not late."""
        story, who, day = self.story(number), self.present(who), self.day(start)
        was, late = story.start, story.late_start_on
        story.start = day
        later = story.late_start_on
        story.start = was
        hides = (
            story.status == "not_started"
            and self.model.state == "approved"
            and day != was
            and late is not None
            and late <= self.today
            and (later is None or later > self.today)
        )
        wrong = invalid(
            ("/due_date", day is not None and story.due is not None and story.due < day), ("/start_date", hides)
        )
        if self._edit(wrong, who, story, start_date=day):
            story.start = day
            self.model.settle()

    @step(number=which, who=manager, set_by=st.sampled_from(list(DateSetter)))
    def name_who_set_the_date(self, number: int, who: str, set_by: DateSetter) -> None:
        """Once the plan is approved, a body that set the date is never taken back."""
        story, who = self.story(number), self.present(who)
        stands = self.model.state != "draft" and story.set_by not in ("plan", set_by)
        if self._edit(invalid(("/due_set_by", stands)), who, story, due_set_by=set_by):
            story.set_by = str(set_by)

    def _edit(self, wrong: Outcome, who: str, story: Story, **changes: Any) -> bool:
        expected = self.judge(who, "edit", story) or self.read_only or wrong
        return self.attempt(
            expected, who, milestones.edit_milestone, milestone=key(story), changes=changes, if_match=None
        )

    @step(number=which, who=manager, to=st.integers(-30, 60))
    def correct_baseline(self, number: int, who: str, to: int) -> None:
        story, who, day = self.story(number), self.present(who), self.today + to * DAY
        expected = (
            self.judge(who, "edit", story)
            or invalid(("/baseline_date", story.is_too_early(day)))
            or refused(
                *self.stands,
                ("milestone_ended", story.status == "cancelled"),
                ("no_baseline", story.baseline is None),
                ("date_moved", bool(story.moves)),
                ("outside_date", story.set_by != "plan"),
                ("reopened", bool(story.times_reopened)),
                (
                    "date_request_waits",
                    any((one.kind, one.state) == ("due_date", "requested") for one in story.requests),
                ),
                ("same_date", story.baseline == day),
                ("later_than_due", story.baseline not in (None, day) and (story.due is None or day > story.due)),
            )
        )
        if self.attempt(
            expected, who, baselines.correct_baseline, milestone=key(story), baseline_date=day, reason="Mistyped"
        ):
            story.baseline = day
            self.model.settle()

    @step(weight=3, number=which, who=officer, days=st.sampled_from([-1, 0, 3, 10, 40, 200, 365, 366]))
    def accept(self, number: int, who: str, days: int) -> None:
        story = one_of(self.model.milestones, number, lambda one: one.colour_on(self.today) > Colour.GREEN)
        who, day = self.present(who), self.today + days * DAY
        is_own, is_green = story.owner == who, story.colour_on(self.today) is Colour.GREEN
        expected = (
            self.judge(who, "accept", story)
            or invalid(("/until", not 0 < days <= 365))
            or refused(*self.stands, ("own_milestone", is_own))
            or refused(("not_exception", is_green))
        )
        if self.attempt(expected, who, acceptances.accept, milestone=key(story), until=day, reason="It is known"):
            story.accept(day, self.today)
            self.model.settle()

    @step(number=which, who=officer)
    def lift_acceptance(self, number: int, who: str) -> None:
        story = one_of(self.model.milestones, number, lambda one: one.accepted_to is not None)
        who = self.present(who)
        expected = (
            self.judge(who, "accept", story)
            or refused(*self.stands, ("own_milestone", story.owner == who))
            or refused(("not_accepted", story.accepted_to is None))
        )
        if self.attempt(expected, who, acceptances.lift, milestone=key(story), reason="It takes too long"):
            story.accepted_to = None
            self.model.settle()

    @step(who=st.sampled_from(LEAVERS), days_ago=st.integers(0, 6))
    def leave(self, who: str, days_ago: int) -> None:
        """For good: nobody leaves twice."""
        if who in self.model.left:
            return
        mailbox, _, organisation, _ = CAST[who]
        domain = {COUNCIL: "haringey", POLICE: "police", NHS: "nhs"}[organisation]
        day = self.today - days_ago * DAY
        self.attempt(None, "max", people.record_leaving, email=f"{mailbox}@{domain}.example", left_on=day)
        self.model.left[who] = day
        self.model.settle()
