"""What every step of the state machine stands on: the world, the model beside it, and doing something and seeing that
it comes out as foretold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from app.domain.evidence import Upload
from app.domain.milestones import MilestoneKey
from app.domain.refusals import WaymarkError
from tests.factories import CAST, POLICE, World, upload
from tests.gate.outside import Outside, connect
from tests.machine import stored, writes
from tests.machine.facts import DAY, Item, Request, Submission, london_day
from tests.machine.model import Model
from tests.machine.outcomes import DENIED, MISSING, Outcome, outcome_of, refused
from tests.machine.stored import Rows
from tests.machine.story import Story

ORGANISATIONS = {name: organisation for name, (_, _, organisation, _) in CAST.items()} | {"key": POLICE}
COUNCIL = ORGANISATIONS["petra"]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., None])
OpenWorld = Callable[[], tuple[World, Callable[[], None]]]

which = st.integers(0, 15)
offsets = st.integers(-20, 60)
nobody_special = st.sampled_from(["petra", "sam", "connie", "pol", "nat", "nora", "olive", "ada", "key", "zoe"])


def mostly(*names: str) -> st.SearchStrategy[str]:
    """Somebody who usually may, and anybody at times."""
    return st.sampled_from(names) | st.sampled_from(names) | nobody_special


manager, officer = mostly("petra"), mostly("sam", "nora")
worker, asker = mostly("petra", "connie", "pol"), mostly("petra", "connie", "pol", "nora")

STEPS: list[st.SearchStrategy[tuple[str, dict[str, Any]]]] = []


def step(*, weight: int = 1, **given: st.SearchStrategy[Any]) -> Callable[[F], F]:
    """Something that may happen, and with what. One rule chooses among all of them: with a rule for each Hypothesis
    would leave most of them out of a run, and a milestone is achieved, reopened and achieved again by many in turn.
    """

    def enter(method: F) -> F:
        STEPS.extend([st.tuples(st.just(method.__name__), st.fixed_dictionaries(given))] * weight)
        return method

    return enter


class Base(RuleBasedStateMachine):
    """`open_world` gives a database of the example's own and what throws it away afterwards."""

    open_world: ClassVar[OpenWorld]

    def __init__(self) -> None:
        super().__init__()
        self.world, self.close_world = type(self).open_world()
        self.outside: Outside = connect(self.world.database.url)
        self.key = next(actor for name, actor in self.world.people.items() if name == "key")
        self.ids = {name: actor.id for name, actor in self.world.people.items()}
        self.model: Model
        self.steps, self.files = 0, 0
        self.before: Rows = {}  # when everything was last looked at
        self.latest: Rows = {}  # after the last attempt

    def teardown(self) -> None:
        self.outside.connection.close()
        self.close_world()

    # --- Doing it -----------------------------------------------------------------------------------------------------

    def attempt(self, expected: Outcome, who: str, service: Callable[..., Any], **given: Any) -> bool:
        """Do it, and see that it comes out as foretold; what is not done leaves everything as it was."""
        came = None
        try:
            self.world.write(who, service, **given)
        except WaymarkError as error:
            came = outcome_of(error)
        assert came == expected, (who, service.__name__, came, expected)
        rows = self.rows()
        if came is not None and self.latest:
            assert rows == self.latest
        elif self.latest:
            writes.judge(self.latest, rows, self.now)
        self.latest = rows
        return came is None

    def rows(self) -> Rows:
        return stored.read(self.outside)

    def milestone_rows(self) -> list[dict[str, Any]]:
        """Those of the plan, after the last attempt."""
        return [row for row in self.latest["milestones"] if row["plan_id"] == self.world.plan_id]

    # --- Foretelling --------------------------------------------------------------------------------------------------

    def judge(self, who: str, act: str, story: Story) -> Outcome:
        if not self.model.knows(who, story):
            return MISSING
        return None if self.model.may(who, act, story) else DENIED

    def judge_plan(self, who: str, act: str) -> Outcome:
        if who == "zoe":
            return MISSING
        return None if self.model.may(who, act, self.model.milestones[0]) else DENIED

    def judge_item(self, who: str, item: Item) -> Outcome:
        if not self.model.knows_item(who, item):
            return MISSING
        return DENIED if who == "olive" else None

    @property
    def stands(self) -> tuple[tuple[str, bool], ...]:
        """What the plan's state says against most of what is done in an approved plan."""
        return ("plan_not_approved", self.model.state == "draft"), self.closed

    @property
    def closed(self) -> tuple[str, bool]:
        return "plan_closed", self.model.state == "closed"

    @property
    def read_only(self) -> Outcome:
        """What is said before anything else where the plan is closed."""
        return refused(self.closed)

    # --- Choosing -----------------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.world.clock.now

    @property
    def today(self) -> date:
        return london_day(self.world.clock.now)

    def day(self, offset: int | None) -> date | None:
        return None if offset is None else self.today + offset * DAY

    def story(self, number: int, *statuses: str) -> Story:
        """A milestone at one of these statuses, if there is one; one time in four any at all."""
        return one_of(self.model.milestones, number, lambda story: not statuses or story.status in statuses)

    def number_of(self, story: Story) -> int:
        """The number by which a step takes exactly this milestone."""
        return 4 * self.model.milestones.index(story)

    def item(self, number: int) -> Item:
        return one_of(self.model.items, number, lambda item: not item.withdrawn)

    def present(self, who: str) -> str:
        """Who has left does nothing any more."""
        return "petra" if who in self.model.left else who

    def named(self, only_for: set[str] | None) -> list[str]:
        return sorted(self.ids.get(name, name) for name in only_for or ())

    def new_file(self) -> Upload:
        """Bytes that nothing has yet: the same ones are not taken twice, which is not the business of these runs."""
        self.files += 1
        return upload(f"Rota {self.files}".encode())

    @staticmethod
    def is_left_out(owner: str | None, only_for: set[str] | frozenset[str]) -> bool:
        return owner is not None and not {owner, ORGANISATIONS[owner]} & only_for

    # --- Taking note of what was made ---------------------------------------------------------------------------------

    def note_newest_item(self, story: Story, who: str, form: str, until: date | None) -> None:
        known = {item.id for item in self.model.items}
        [row] = [row for row in self.latest["evidence"] if row["id"] not in known]
        submitted = [one for one in self.latest["submissions"] if one["evidence_id"] == row["id"]]
        organisation = ORGANISATIONS[who]
        provider = None if who == "key" else who
        item = Item(row["id"], form, self.now, organisation, provider, until, links={story.id: None})
        assert len(submitted) == (0 if organisation == COUNCIL else 1)
        for one in submitted:
            item.submission = Submission(one["id"], one["ref"], self.now, organisation)
        self.model.items.append(item)

    def newest_request(self, story: Story | None, kind: str, who: str, due: date | None) -> Request:
        known = {request.id for request in self.model.every_request()}
        [row] = [row for row in self.latest["change_requests"] if row["id"] not in known]
        assert (row["milestone_id"], row["kind"], row["state"]) == (story.id if story else None, kind, "requested")
        return Request(row["id"], kind, who, due, owner_then=story.owner if story else None)


def one_of(several: Sequence[T], number: int, is_sensible: Callable[[T], bool]) -> T:
    """One of those with which a step makes sense, and one time in four any of them."""
    sensible = [one for one in several if is_sensible(one)] if number % 4 else []
    chosen = sensible or several
    return chosen[number // 4 % len(chosen)]


def key(story: Story) -> MilestoneKey:
    return MilestoneKey(id=story.id)
