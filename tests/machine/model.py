"""The second, slow opinion on everything the state machine does: a plan as it should be.

`Model` folds what happened day by day: what evidence is worth, what each milestone stands at, and the two moments, the
first day of the unbroken run as an exception and of that at Red. Who may know of what is here too; who may do what is
`roles`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from tests.machine.facts import DAY, LOOK_AHEAD, Colour, Item, Request, Submission, Terms, counts
from tests.machine.judge import Judge
from tests.machine.roles import ANYBODY_WITH, KNOW_ALL, ROLES, STRANGERS
from tests.machine.story import Story


@dataclass
class Model:
    """The plan, its milestones and its evidence, as they should be. `left` says who has left, and when."""

    terms: Terms
    today: date
    organisations: dict[str, str]
    state: str = "draft"
    closed_on: date | None = None
    milestones: list[Story] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    left: dict[str, date] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)  # of the plan itself
    _settled: dict[str, object] = field(default_factory=dict)

    def linked(self, story: Story) -> list[Item]:
        return [item for item in self.items if story.id in item.links]

    def met_on(self, story: Story, day: date) -> bool:
        """Whether the plan's policy is met for the milestone on a day, by what has been sent so far."""
        return any(
            counts(item, story.id, policy=self.terms.policy, on=day, reopened_at=story.reopened_at)
            for item in self.linked(story)
        )

    def first_unmet(self, story: Story) -> date | None:
        """The first day from today on which the policy is not met if nothing is done; None: it stays met."""
        ends = {item.effective_to + DAY for item in self.linked(story) if item.effective_to is not None}
        days = sorted(day for day in {self.today, *ends} if day >= self.today)
        return next((day for day in days if not self.met_on(story, day)), None)

    def approve(self) -> None:
        self.state, self.terms.approved_on = "approved", self.today
        for story in self.milestones:
            story.approve()
        self.settle()

    def close(self) -> None:
        """Nothing is an exception any more, and what waits to be decided lapses."""
        for request in self.every_request():
            request.lapse()
        self.state, self.closed_on = "closed", self.today
        for story in self.milestones:
            self._fold(story)
            story.see_acceptance(self.today)

    def every_request(self) -> list[Request]:
        return [*self.requests, *(request for story in self.milestones for request in story.requests)]

    @property
    def as_of(self) -> date:
        """The day as which milestones are shown: today, or the day on which the plan was closed."""
        return self.closed_on or self.today

    def pass_to(self, day: date) -> None:
        """Live through every day up to `day`."""
        while self.today < day:
            self.today += DAY
            self.settle()

    def settle(self) -> None:
        """After any change, and at the beginning of every day: what follows from the facts, then the moments. A plan
        that is closed stays as it was.
        """
        if self.state == "closed":
            return
        for story in self.milestones:
            self._see(story)
            facts = self._facts(story)
            if self._settled.get(story.id) != facts:
                self._settled[story.id] = facts
                self._fold(story)
            story.see_acceptance(self.today)

    def _see(self, story: Story) -> None:
        """Let every run go on, break or begin."""
        today = self.today
        met = self.met_on(story, today)
        story.met.see(met, today)
        if story.status == "achieved" and not met:
            story.status, story.achieved_on, story.lapsed_on = "completed", None, today
        days_late = 0
        if story.is_open and story.forecast and story.agreed_due:
            days_late = (story.forecast - story.agreed_due).days
        story.late.see(days_late > 0, today)
        story.beyond.see(days_late > self.terms.tolerance, today)
        left = self.left.get(story.owner or "")
        story.unowned.see(story.owner is None or left is not None, left or today)
        story.undated.see(story.due is None, today)

    def _facts(self, story: Story) -> object:
        """Everything that the table looks at, to tell whether anything has changed."""
        terms = self.terms
        return (
            terms.policy, terms.tolerance, terms.overdue_limit, terms.moved_rule, terms.cycle,
            frozenset(terms.meetings), self.state, story.status, story.start, story.due, story.forecast,
            story.begun_on, story.updated_on, story.reported_on, story.again_on, story.reopened_at,
            story.is_reopening, story.lapsed_on, story.declared, tuple(story.moves), story.moved_far_on,
            story.met.since, story.met.ended, story.late.since, story.beyond.since, story.unowned.since,
            story.undated.since, self.first_unmet(story) if story.met.since else None,
        )  # fmt: skip

    def _fold(self, story: Story) -> None:
        """The two moments after a change today: a run that has not been broken keeps its first day."""
        days = list(self._judged(story))
        story.ahead = {day: colour for day, colour in days if day >= self.today}
        for level in (Colour.AMBER, Colour.RED):
            first = next((day for day, colour in days if colour >= level), None)
            before = story.since[level]
            was_so, is_so = (one is not None and one <= self.today for one in (before, first))
            if before is not None and first is not None and was_so and is_so:
                first = min(before, first)
            story.since[level] = first

    def _judged(self, story: Story) -> Iterator[tuple[date, Colour]]:
        """The colour of every day, from before the first on which a fact bears, by the present facts."""
        judge = Judge(self, story)
        dates = (story.added_on, story.start, story.due, story.forecast, story.unowned.since, story.met.since)
        day = min(one for one in (self.today, *dates) if one is not None) - 30 * DAY
        while day <= self.today + LOOK_AHEAD * DAY:
            yield day, max(judge.reasons(day).values(), default=Colour.GREEN)
            day += DAY

    def reasons(self, story: Story, day: date) -> dict[str, Colour]:
        """The rules that hold on a day by the present facts, each with its colour then."""
        return Judge(self, story).reasons(day)

    def word(self, story: Story, day: date) -> str:
        """What a count says of it today: a colour, or a word of its own where no colour is shown."""
        if self.state == "closed" and story.status not in ("achieved", "cancelled"):
            return "carried_over"
        colour = story.colour_on(day)
        if colour is not Colour.GREEN:
            return colour.name.lower()
        if story.status in ("achieved", "cancelled"):
            return story.status
        return "not_due" if self._not_due(story, day) else "green"

    def _not_due(self, story: Story, day: date) -> bool:
        if story.status != "not_started":
            return False
        if story.start is not None:
            return day < story.start
        return story.late_start_on is not None and day < story.late_start_on

    # Who may know of what, and do what.

    def knows(self, who: str, story: Story) -> bool:
        """A restricted milestone exists for managers, auditors, the lead's officers, and for whom it names."""
        if who in STRANGERS:
            return False
        organisation = self.organisations[who]
        if who == "key" and organisation not in {story.lead, *story.supporters}:
            return False
        return story.only_for is None or who in KNOW_ALL or bool(story.only_for & {who, organisation})

    def knows_item(self, who: str, item: Item) -> bool:
        if who == "key" and item.organisation != self.organisations[who]:
            return False
        return any(self.knows(who, story) for story in self.milestones if story.id in item.links)

    def is_theirs(self, who: str, story: Story) -> bool:
        """Own, own organisation's, supported."""
        parties = {story.lead, *story.supporters, self.organisations.get(story.owner or "", "")}
        return self.organisations[who] in parties

    def may(self, who: str, act: str, story: Story) -> bool:
        roles = ROLES[who]
        if roles & ANYBODY_WITH[act]:
            return True
        if act == "lift":
            return story.declared is not None and story.declared[2] == who and bool(roles & {"contributor", "manager"})
        if act in ("update", "declare", "return") and story.owner == who and roles & {"contributor", "officer"}:
            return True
        return act in ("update", "declare") and "contributor" in roles and self.is_theirs(who, story)

    def may_withdraw(self, who: str, item: Item) -> bool:
        roles = ROLES[who]
        return bool(roles & {"manager", "officer"}) or (
            "contributor" in roles and item.organisation == self.organisations[who]
        )

    def sees_submission(self, who: str, submission: Submission) -> bool:
        return who in KNOW_ALL or submission.organisation == self.organisations[who]
