"""A second, slow opinion on everything the state machine does, written from product.md and not from the code.

`Story` remembers what happened to a milestone and folds it day by day: what its evidence is worth, what it stands at,
and the two moments, the first day of the unbroken run as an exception and of that at Red. `reasons` is the table of
rule 2, judged for one day. `may` is the permission table. Nothing here imports a rule of `app.domain`; where the table
leaves room, docs/decisions/0003 says how it is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from itertools import islice
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
DAY = timedelta(days=1)
LOOK_AHEAD = 450
"""How many days to come are judged one by one. Dates that the machine gives lie well within them."""


class Colour(IntEnum):
    GREEN = 0
    AMBER = 1
    RED = 2


def london_day(moment: datetime) -> date:
    return moment.astimezone(LONDON).date()


def midnight(day: date) -> datetime:
    """The instant at which a London day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)


def last_instant(day: date) -> datetime:
    return midnight(day + DAY) - timedelta(microseconds=1)


# --- Evidence ---------------------------------------------------------------------------------------------------------


@dataclass
class Review:
    outcome: str
    at: datetime


@dataclass
class Submission:
    """What came from outside the lead organisation, and waits for somebody to look at it."""

    id: str
    ref: str
    received_at: datetime
    organisation: str
    waiting: bool = True

    def colour(self, instant: datetime) -> Colour:
        """Amber 24 hours after receipt, Red 48 hours after."""
        if not self.waiting:
            return Colour.GREEN
        hours = (instant - self.received_at) / timedelta(hours=1)
        return Colour.RED if hours >= 48 else Colour.AMBER if hours >= 24 else Colour.GREEN


@dataclass
class Item:
    """An evidence item, and what was said of it for each milestone it is linked to (None: nothing yet)."""

    id: str
    form: str
    received_at: datetime
    organisation: str
    provider: str | None
    effective_to: date | None = None
    withdrawn: bool = False
    links: dict[str, Review | None] = field(default_factory=dict)
    submission: Submission | None = None


def counts(item: Item, milestone: str, *, policy: str, on: date, reopened_at: datetime | None) -> bool:
    """Rule 1: whether an item counts towards a milestone on a day."""
    if item.withdrawn or (item.effective_to is not None and item.effective_to < on):
        return False
    review = item.links[milestone]
    if review is None:
        is_new = reopened_at is None or item.received_at > reopened_at
        return policy == "attached" and item.form == "file" and is_new
    is_afresh = reopened_at is None or review.at > reopened_at
    return review.outcome == "accepted" and is_afresh


# --- A plan and its milestones ----------------------------------------------------------------------------------------


@dataclass
class Meeting:
    """A review meeting on the list, and what has become of it."""

    id: str
    on: date
    state: str = "planned"
    cycle_day: date | None = None
    moved_from: date | None = None

    def latest(self, cycle: int) -> date:
        """How far it may be moved: a cycle and a half from the day it was planned for."""
        return (self.cycle_day or self.moved_from or self.on) + (cycle + cycle // 2) * DAY


@dataclass
class Terms:
    """What a plan sets, and its list of review meetings."""

    approved_on: date
    policy: str
    tolerance: int
    overdue_limit: int
    moved_rule: str
    cycle: int
    listed: list[Meeting] = field(default_factory=list)

    @property
    def meetings(self) -> set[date]:
        """The days on which the officers meet or met."""
        return {meeting.on for meeting in self.listed if meeting.state != "cancelled"}

    def next_review(self, today: date) -> date:
        """Today's until it has been held, else the next on the list; where that ends, every cycle after its last."""
        held = {meeting.on for meeting in self.listed if meeting.state == "held"}
        day = today
        while True:
            if self.is_reckoned(day) or (day in self.meetings and day not in held):
                return day
            day += DAY

    def is_reckoned(self, day: date) -> bool:
        """Whether the cycle alone makes it a day of review: after the end of the list, or in a stretch of it that
        misses more than two planned days in a row, unless the next listed one is less than half a cycle off.
        """
        if day in self.meetings:
            return False
        before = max((one for one in self.meetings if one < day), default=self.approved_on)
        after = min((one for one in self.meetings if one > day), default=None)
        if day <= before or (day - before).days % self.cycle:
            return False
        if after is None:
            return True
        return (after - before).days > 3.5 * self.cycle and (after - day).days > self.cycle // 2


@dataclass
class Request:
    """A change that was asked for: of a date, of words, of one setting, or to end in favour of another milestone."""

    id: str
    kind: str
    asked_by: str
    due: date | None
    state: str = "requested"
    words: str = ""
    setting: tuple[str, int | str] = ("", "")
    into: str = ""


@dataclass
class Run:
    """Since when something has been so without a break; `ended` is the day on which the last run broke."""

    since: date | None = None
    ended: date | None = None

    def see(self, holds: bool, day: date) -> None:
        if holds:
            self.since, self.ended = self.since or day, None
        elif self.since is not None:
            self.since, self.ended = None, day


@dataclass
class Story:
    """A milestone as its whole history has made it. People and organisations are the names of the cast."""

    id: str
    ref: str
    added_on: date
    lead: str
    owner: str | None
    start: date | None
    due: date | None
    supporters: frozenset[str] = frozenset()
    only_for: frozenset[str] | None = None
    baseline: date | None = None
    criterion: str = ""
    status: str = "not_started"
    forecast: date | None = None
    begun_on: date | None = None
    updated_on: date | None = None
    reported_on: date | None = None
    reported_by: str | None = None
    completed_on: date | None = None
    achieved_on: date | None = None
    again_on: date | None = None
    reopened_at: datetime | None = None
    is_reopening: bool = False
    times_reopened: int = 0
    lapsed_on: date | None = None
    declared: tuple[Colour, date, str] | None = None
    moves: list[date] = field(default_factory=list)
    moved_far_on: date | None = None
    requests: list[Request] = field(default_factory=list)
    met: Run = field(default_factory=Run)
    late: Run = field(default_factory=Run)
    beyond: Run = field(default_factory=Run)
    unowned: Run = field(default_factory=Run)
    undated: Run = field(default_factory=Run)
    since: dict[Colour, date | None] = field(default_factory=lambda: {Colour.AMBER: None, Colour.RED: None})
    ahead: dict[date, Colour] = field(default_factory=dict)
    accepted_to: date | None = None
    accepted_at: Colour = Colour.GREEN

    # What happened. Each is followed by `Model.settle`.

    def start_work(self, today: date) -> None:
        self.status, self.begun_on = "in_progress", today

    def update(self, who: str, today: date, *, forecast: date | None, declared: Colour | None, may_lift: bool) -> None:
        if declared is not None and self.status != "completed":
            self._declare(who, today, declared, may_lift=may_lift)
        self.forecast = forecast or self.forecast
        self.updated_on = today
        if self.status == "not_started":
            self.start_work(today)

    def _declare(self, who: str, today: date, colour: Colour, *, may_lift: bool) -> None:
        standing = self.declared[0] if self.declared else Colour.GREEN
        if colour is Colour.GREEN:
            self.declared = None if may_lift else self.declared
        elif colour > standing:
            self.declared = (colour, today, who)

    def complete(self, who: str, today: date, completed_on: date) -> None:
        self.status, self.reported_on, self.reported_by = "completed", today, who
        self.completed_on, self.declared = completed_on, None
        self.met.ended = None

    def give_back(self, today: date) -> None:
        """Returned to in progress."""
        self.status, self.begun_on, self.again_on = "in_progress", today, today
        self.reported_on = self.reported_by = self.completed_on = self.lapsed_on = None

    def achieve(self, today: date) -> None:
        self.status, self.achieved_on, self.lapsed_on, self.is_reopening = "achieved", today, None, False

    def reopen(self, now: datetime, request: Request) -> None:
        self.give_back(london_day(now))
        self.achieved_on, self.reopened_at, self.is_reopening = None, now, True
        self.times_reopened += 1
        self.met = Run()
        self.requests.append(request)

    def move_due(self, due: date, today: date) -> None:
        if self.due is not None and due != self.due:
            self.moves.append(today)
            if (due - (self.baseline or self.due)).days > 84 and self.moved_far_on is None:
                self.moved_far_on = today
        self.baseline = self.baseline or due
        self.due, self.is_reopening = due, False

    def replaced(self, id_: str, ref: str, due: date, today: date, words: str) -> Story:
        """The milestone that begins afresh in its place: what it may be late for is its own."""
        start = self.start if self.start is not None and self.start <= due else None
        return Story(
            id=id_, ref=ref, added_on=today, lead=self.lead, owner=self.owner, start=start, due=due,
            supporters=self.supporters, only_for=self.only_for, baseline=due, criterion=words,
        )  # fmt: skip

    def cancel(self) -> None:
        self.status, self.completed_on = "cancelled", None

    @property
    def agreed_due(self) -> date | None:
        """The due date that rules look at: none while a reopening awaits its new one."""
        return None if self.is_reopening else self.due

    @property
    def is_open(self) -> bool:
        return self.status in ("not_started", "in_progress")

    @property
    def late_start_on(self) -> date | None:
        """The day after the start date; without one, 28 days before the due date, or halfway to it if that is later."""
        if self.start is not None:
            return self.start + DAY
        if self.agreed_due is None:
            return None
        halfway = self.added_on + timedelta(days=(self.agreed_due - self.added_on).days // 2)
        return max(self.agreed_due - 28 * DAY, halfway)

    def colour_on(self, day: date) -> Colour:
        """By the folded moments."""
        for colour in (Colour.RED, Colour.AMBER):
            began = self.since[colour]
            if began is not None and began <= day:
                return colour
        return Colour.GREEN

    def accept(self, until: date, today: date) -> None:
        self.accepted_to, self.accepted_at = until, self.colour_on(today)

    def see_acceptance(self, today: date) -> None:
        """It is over on its day, when the item is no exception any more, and when it has got worse."""
        colour = self.colour_on(today)
        if self.accepted_to is None:
            return
        if today >= self.accepted_to or colour is Colour.GREEN or colour > self.accepted_at:
            self.accepted_to = None
        self.accepted_at = colour

    def returns_on(self, today: date) -> date | None:
        """The first day on which an accepted item stands among the others again, if nothing is done."""
        if self.accepted_to is None:
            return None
        day = today
        while day < self.accepted_to and self.colour_on(day) <= self.accepted_at:
            day += DAY
        return day

    def moments(self) -> tuple[datetime | None, datetime | None]:
        return tuple(midnight(day) if day else None for day in (self.since[Colour.AMBER], self.since[Colour.RED]))  # type: ignore[return-value]


@dataclass
class Model:
    """The plan, its milestones and its evidence, as they should be. `left` says who has left, and when."""

    terms: Terms
    today: date
    organisations: dict[str, str]
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

    def pass_to(self, day: date) -> None:
        """Live through every day up to `day`."""
        while self.today < day:
            self.today += DAY
            self.settle()

    def settle(self) -> None:
        """After any change, and at the beginning of every day: what follows from the facts, then the moments."""
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
            frozenset(terms.meetings), story.status, story.start, story.due, story.forecast,
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
        role = ROLES[who]
        if role in ANYBODY_WITH[act]:
            return True
        if act == "lift":
            return story.declared is not None and story.declared[2] == who and role in ("contributor", "manager")
        if act in ("update", "return") and story.owner == who and role in ("contributor", "officer"):
            return True
        return act == "update" and role == "contributor" and self.is_theirs(who, story)

    def may_withdraw(self, who: str, item: Item) -> bool:
        role = ROLES[who]
        return role in ("manager", "officer") or (
            role == "contributor" and item.organisation == self.organisations[who]
        )

    def sees_submission(self, who: str, submission: Submission) -> bool:
        return who in KNOW_ALL or submission.organisation == self.organisations[who]


STRANGERS = ("zoe", "max")
KNOW_ALL = ("petra", "sam", "ada")
ROLES = {
    "petra": "manager", "sam": "officer", "nora": "officer", "connie": "contributor", "pol": "contributor",
    "nat": "contributor", "olive": "observer", "ada": "auditor", "key": "key", "zoe": "", "max": "",
}  # fmt: skip
ANYBODY_WITH = {
    "read": ("contributor", "manager", "officer", "auditor"),
    "edit": ("manager",),
    "update": ("manager",),
    "lift": ("officer",),
    "attach": ("contributor", "manager", "officer", "key"),
    "review": ("manager", "officer"),
    "achieve": ("manager",),
    "return": ("manager",),
    "reopen": ("manager",),
    "request": ("contributor", "manager"),
    "decide": ("officer",),
    "accept": ("officer",),
}


# --- The table of rule 2 ----------------------------------------------------------------------------------------------


class Judge:
    """One milestone by its present facts, asked about any number of days."""

    def __init__(self, model: Model, story: Story) -> None:
        self.story, self.terms = story, model.terms
        self.due = story.agreed_due
        self.first_unmet = model.first_unmet(story)
        self.silent = self._silent_meetings(model.today + LOOK_AHEAD * DAY)

    def reasons(self, day: date) -> dict[str, Colour]:
        story = self.story
        if story.status == "cancelled":
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
