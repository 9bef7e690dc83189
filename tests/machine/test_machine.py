"""Random histories of a plan, through services and raw SQL, and what holds after every step.

A plan with two to four milestones is started, updated, completed, evidenced, achieved, reviewed, withdrawn, reopened,
moved, merged, replaced and cancelled by whoever happens to try, while days pass, policies, settings, criteria,
baselines and meetings change and people leave. After every step, by a second opinion that shares no rule with the
code (`oracle`):

1. no milestone is stored as achieved without evidence that counts under its plan's policy;
2. the stored moments are those folded from the milestone's whole history, and the colour on every later day is the
   one that the rules give it by its present facts;
3. the exception report, the list and the counts are those of a plain walk through everything the reader may know of;
4. the audit chain verifies;
5. versions only grow, whatever changed has a new one, and a refused step has changed nothing.

Who may do what, and every reason of a refusal, is foretold as well.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import psycopg
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import event

from app.db import Database
from app.domain.actors import Actor, system_actor
from app.domain.change_requests import Part
from app.domain.exception_reports import ExceptionFilters
from app.domain.milestones import MilestoneKey
from app.domain.plans import MilestoneFilters
from app.domain.refusals import Forbidden, Invalid, NotFound, Refused, WaymarkError
from app.domain.words import (
    CancellationGround,
    ChangeKind,
    EvidencePolicy,
    MeetingState,
    MovedRule,
    Rag,
    ReviewOutcome,
    Scope,
)
from app.migrations import guard_refusal
from app.models import metadata
from app.services import (
    acceptances,
    audit_events,
    baselines,
    change_requests,
    evidence,
    exception_reports,
    jobs,
    meetings,
    milestones,
    people,
    plan_home,
    plans,
    updates,
)
from tests.factories import CAST, COUNCIL, NHS, POLICE, Clock, World, make_world, upload
from tests.gate.outside import Outside, connect
from tests.machine.attacks import ATTACKS, Scene
from tests.machine.oracle import (
    DAY,
    Colour,
    Item,
    Meeting,
    Model,
    Request,
    Review,
    Story,
    Submission,
    Terms,
    last_instant,
    london_day,
)
from tests.postgres import Postgres
from tests.profiles import MACHINE_EXAMPLES, MACHINE_STEPS

ORGANISATIONS = {name: organisation for name, (_, _, organisation, _) in CAST.items()} | {"key": POLICE}
# What the settings of a plan are called where they are asked for.
SETTINGS = {
    "tolerance": "tolerance_days", "overdue_limit": "overdue_limit_days", "moved_rule": "moved_rule",
    "cycle": "cycle_days",
}  # fmt: skip
READERS = ("sam", "pol", "connie", "nora", "ada", "nat")
LEAVERS = ("connie", "pol", "nora")

# What a refused step leaves as it was: everything but the trail, which says that it was refused.
CONTENT = tuple(name for name in metadata.tables if name not in ("audit_events", "audit_heads"))
VERSIONS = {
    "plans": ("version",),
    "milestones": ("version", "evidence_seq"),
    "evidence": ("version", "link_seq"),
    "change_requests": ("version",),
    "submissions": ("version",),
    "review_meetings": ("version",),
}

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., None])
Rows = dict[str, list[dict[str, Any]]]
OpenWorld = Callable[[], tuple[World, Callable[[], None]]]

which = st.integers(0, 15)
offsets = st.integers(-20, 60)
nobody_special = st.sampled_from(["petra", "sam", "connie", "pol", "nat", "nora", "olive", "ada", "key", "zoe"])


def mostly(*names: str) -> st.SearchStrategy[str]:
    """Somebody who usually may, and anybody at times."""
    return st.sampled_from(names) | st.sampled_from(names) | nobody_special


manager, officer = mostly("petra"), mostly("sam", "nora")
worker = mostly("petra", "connie", "pol")


STEPS: list[st.SearchStrategy[tuple[str, dict[str, Any]]]] = []


def step(*, weight: int = 1, **given: st.SearchStrategy[Any]) -> Callable[[F], F]:
    """Something that may happen, and with what. One rule chooses among all of them: with a rule for each Hypothesis
    would leave most of them out of a run, and a milestone is achieved, reopened and achieved again by many in turn.
    """

    def enter(method: F) -> F:
        STEPS.extend([st.tuples(st.just(method.__name__), st.fixed_dictionaries(given))] * weight)
        return method

    return enter


@st.composite
def starts(draw: st.DrawFn) -> dict[str, Any]:
    """A milestone as it stands in the draft, and how far it has come when the plan has been approved."""
    due = draw(st.none() | st.integers(-15, 60))
    owner = draw(st.sampled_from(["connie", "pol", "petra", "sam", "nora", None]))
    return {
        "due": due,
        "start": draw(st.none() | st.integers(-40, 20 if due is None else due)),
        "owner": owner,
        "supporters": draw(st.sets(st.sampled_from([POLICE, NHS]))),
        "only_for": draw(st.none() | st.none() | st.sets(st.sampled_from([POLICE, COUNCIL, "nat"]), min_size=1)),
        "stage": draw(st.sampled_from([0, 4, 2, 3, 1, 4])),
        "lasts": draw(st.none() | st.integers(0, 30)),
    }


class Machine(RuleBasedStateMachine):
    """See the module. `open_world` gives a database of the example's own and what throws it away afterwards."""

    open_world: ClassVar[OpenWorld]

    def __init__(self) -> None:
        super().__init__()
        self.world, self.close = type(self).open_world()
        self.outside: Outside = connect(self.world.database.url)
        self.key = next(actor for name, actor in self.world.people.items() if name == "key")
        self.ids = {name: actor.id for name, actor in self.world.people.items()}
        self.model: Model
        self.steps = 0
        self.before: Rows = {}  # when everything was last looked at
        self.latest: Rows = {}  # after the last attempt

    def teardown(self) -> None:
        self.outside.connection.close()
        self.close()

    # --- The plan is made ---------------------------------------------------------------------------------------------

    @initialize(
        milestones=st.lists(starts(), min_size=2, max_size=4),
        policy=st.sampled_from(["attached", "attached", "accepted"]),
        tolerance=st.sampled_from([28, 0, 10]),
        overdue_limit=st.sampled_from([0, 0, 7]),
        moved_rule=st.sampled_from(["standard", "any", "off"]),
        cycle=st.sampled_from([14, 7, 30]),
        listed=st.sets(st.integers(0, 40), max_size=3),
    )
    def begin(self, *, milestones: list[dict[str, Any]], listed: set[int], **terms: Any) -> None:
        changes = {
            "evidence_policy": EvidencePolicy(terms["policy"]),
            "tolerance_days": terms["tolerance"],
            "overdue_limit_days": terms["overdue_limit"],
            "moved_rule": terms["moved_rule"],
            "cycle_days": terms["cycle"],
        }
        self.world.write("petra", plans.edit_plan, slug=self.world.plan, changes=changes, if_match=None)
        self.model = Model(terms=Terms(approved_on=self.today, **terms), today=self.today, organisations=ORGANISATIONS)
        for facts in milestones:
            self._add(facts)
        self.world.write("sam", plans.approve_plan, slug=self.world.plan, body="Trust", meeting="March")
        for story in self.model.milestones:
            story.baseline = story.due
        for offset in sorted(listed):
            self._list_meeting(self.today + offset * DAY, "planned")
        self.model.settle()
        for number, facts in enumerate(milestones):
            self._bring_to(4 * number, facts["stage"], facts["lasts"])
        self.before = self.latest = self.rows()

    def _add(self, facts: dict[str, Any]) -> None:
        only_for = facts["only_for"]
        if only_for is not None and facts["owner"]:
            only_for = {*only_for, facts["owner"]}
        due, start = self._day(facts["due"]), self._day(facts["start"])
        view = self.world.milestone(
            owner=self.ids.get(facts["owner"] or ""),
            start_date=start,
            due_date=due,
            supporting_organisations=sorted(facts["supporters"]),
            restricted_to=self._named(only_for),
        )
        self.model.milestones.append(
            Story(
                id=view.row.id,
                ref=view.row.ref,
                added_on=self.today,
                lead=COUNCIL,
                owner=facts["owner"],
                start=start,
                due=due,
                criterion="A rota that covers every shift",
                supporters=frozenset(facts["supporters"]),
                only_for=None if only_for is None else frozenset(only_for),
            )
        )

    def _bring_to(self, number: int, stage: int, lasts: int | None) -> None:
        """Start, completion, a file that counts for so many days, achievement: as far as `stage` says."""
        if stage >= 1 and self._story(number).status == "not_started":
            self.update(number, "petra", forecast=None, declared=None)
        if stage >= 2:
            self.complete(number, "petra", days_ago=0, with_file=False)
        if stage >= 3:
            self.attach(number, "pol" if self._may_attach(number, "pol") else "petra", "file", lasts)
        if stage >= 4:
            if self.model.terms.policy == "accepted":
                self.review(4 * len(self.model.items) - 4, 0, self._reviewer(number), "accepted")
            self.achieve(number, "petra")

    def _reviewer(self, number: int) -> str:
        return "petra" if self._story(number).owner == "sam" else "sam"

    def _may_attach(self, number: int, who: str) -> bool:
        return self._judge(who, "attach", self._story(number)) is None

    # --- Time passes --------------------------------------------------------------------------------------------------

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
        stored = {row["id"] for row in self.rows()["milestones"] if row["status"] == "achieved"}
        expired = [story for story in self.model.milestones if story.id in stored and story.status != "achieved"]
        fallen = jobs.fall_back_expired(self.world.database, self.world.clock.now)
        assert fallen == len(expired)
        assert jobs.fall_back_expired(self.world.database, self.world.clock.now) == 0

    # --- Progress -----------------------------------------------------------------------------------------------------

    @step(number=which, who=worker)
    def start(self, number: int, who: str) -> None:
        story, who = self._story(number, "not_started"), self._present(who)
        expected = self._judge(who, "update", story) or refused(("already_started", story.status != "not_started"))
        if self._try(expected, who, milestones.start, milestone=key(story)):
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
        story, who, day = (
            self._story(number, "not_started", "in_progress", "completed"),
            self._present(who),
            self._day(forecast),
        )
        expected = (
            self._judge(who, "update", story)
            or invalid(
                ("/forecast_date", day is not None and story.start is not None and day < story.start),
                ("/forecast_date", day is not None and day < self.today and day != story.forecast),
            )
            or refused(
                ("milestone_cancelled", story.status == "cancelled"), ("milestone_achieved", story.status == "achieved")
            )
        )
        may_lift = self.model.may(who, "lift", story) if expected is None else False
        if self._try(
            expected,
            who,
            updates.add_update,
            milestone=key(story),
            narrative="It goes on",
            forecast_date=day,
            declared_rag=Rag(declared) if declared else None,
            rationale="Because" if declared else None,
        ):
            colour = Colour[declared.upper()] if declared else None
            story.update(who, self.today, forecast=day, declared=colour, may_lift=may_lift)
            self.model.settle()

    @step(number=which, who=mostly("petra", "sam", "nora", "connie", "pol"))
    def lift(self, number: int, who: str) -> None:
        story = _one_of(self.model.milestones, number, lambda one: one.declared is not None)
        who = self._present(who)
        expected = self._judge(who, "lift", story) or refused(("not_declared", story.declared is None))
        if self._try(expected, who, milestones.lift_declaration, milestone=key(story), reason="It has passed"):
            story.declared = None
            self.model.settle()

    @step(weight=3, number=which, who=worker, days_ago=st.integers(-1, 10), with_file=st.booleans())
    def complete(self, number: int, who: str, days_ago: int, with_file: bool) -> None:
        story, who = self._story(number, "not_started", "in_progress"), self._present(who)
        day = self.today - days_ago * DAY
        expected = (
            self._judge(who, "update", story)
            or invalid(("/completed_date", days_ago < 0))
            or refused(("not_open", not story.is_open))
        )
        if self._try(
            expected,
            who,
            milestones.report_completed,
            milestone=key(story),
            completed_date=day,
            narrative="Done",
            upload=upload() if with_file else None,
            title="Rota" if with_file else None,
        ):
            story.complete(who, self.today, day)
            if with_file:
                self._note_newest(story, who, "file", None)
            self.model.settle()

    @step(number=which, who=manager)
    def give_back(self, number: int, who: str) -> None:
        story, who = self._story(number, "completed"), self._present(who)
        expected = self._judge(who, "return", story) or refused(("not_completed", story.status != "completed"))
        if self._try(expected, who, milestones.return_to_progress, milestone=key(story), reason="Not yet"):
            story.give_back(self.today)
            self.model.settle()

    @step(weight=3, number=which, lasts=st.none() | st.integers(0, 30))
    def see_through(self, number: int, lasts: int | None) -> None:
        """All of it, by whoever may: the way to what comes afterwards would otherwise seldom be found."""
        story = self._story(number, "not_started", "in_progress")
        if story.is_open:
            self._bring_to(4 * self.model.milestones.index(story), 4, lasts)

    @step(weight=4, number=which, who=manager)
    def achieve(self, number: int, who: str) -> None:
        story, who = self._story(number, "completed"), self._present(who)
        lacking = "evidence_required" if self.model.terms.policy == "attached" else "evidence_not_accepted"
        expected = self._judge(who, "achieve", story) or refused(
            ("not_completed", story.status != "completed"), (lacking, not self.model.met_on(story, self.today))
        )
        if self._try(expected, who, milestones.mark_achieved, milestone=key(story)):
            story.achieve(self.today)
            self.model.settle()

    @step(weight=2, number=which, who=manager, due=offsets)
    def reopen(self, number: int, who: str, due: int) -> None:
        story, who, day = self._story(number, "achieved"), self._present(who), self.today + due * DAY
        expected = (
            self._judge(who, "reopen", story)
            or invalid(("/due_date", story.start is not None and day < story.start))
            or refused(("not_achieved", story.status != "achieved"))
        )
        if self._try(expected, who, milestones.reopen, milestone=key(story), reason="It was not so", due_date=day):
            story.reopen(self.now, self._newest_request(story, "due_date", who, day))
            self.model.settle()

    # --- Evidence -----------------------------------------------------------------------------------------------------

    @step(
        weight=3,
        number=which,
        who=mostly("connie", "pol", "nat", "petra", "key"),
        form=st.sampled_from(["file", "file", "link", "statement"]),
        lasts=st.none() | st.integers(-2, 40),
    )
    def attach(self, number: int, who: str, form: str, lasts: int | None) -> None:
        story, who, until = (
            self._story(number, "in_progress", "completed", "achieved"),
            self._present(who),
            self._day(lasts),
        )
        content: dict[str, dict[str, Any]]
        content = {"file": {"upload": upload()}, "link": {"link": "https://example.org/rota"}}
        expected = self._judge(who, "attach", story) or refused(("milestone_cancelled", story.status == "cancelled"))
        if self._try(
            expected,
            who,
            evidence.attach_evidence,
            milestone=key(story),
            title="Rota",
            effective_to=until,
            **content.get(form, {"statement": "I saw it"}),
        ):
            self._note_newest(story, who, form, until)
            self.model.settle()

    @step(weight=2, number=which, item=which, who=mostly("connie", "pol", "petra"))
    def link(self, number: int, item: int, who: str) -> None:
        if not self.model.items:
            return
        one, who = self._item(item), self._present(who)
        story = _one_of(self.model.milestones, number, lambda story: story.id not in one.links)
        expected = self._judge(who, "attach", story)
        if expected is None and not self.model.knows_item(who, one):
            expected = MISSING
        expected = (
            expected
            or refused(("milestone_cancelled", story.status == "cancelled"))
            or refused(("evidence_withdrawn", one.withdrawn))
            or refused(("already_linked", story.id in one.links))
        )
        if self._try(expected, who, evidence.link_evidence, milestone=key(story), evidence=one.id):
            one.links[story.id] = None
            self.model.settle()

    @step(weight=4, item=which, link=which, who=officer, outcome=st.sampled_from(["accepted", "accepted", "rejected"]))
    def review(self, item: int, link: int, who: str, outcome: str) -> None:
        if not self.model.items:
            return
        one, who = self._item(item), self._present(who)
        linked = [story for story in self.model.milestones if story.id in one.links]
        story = linked[link % len(linked)]
        expected = (
            self._judge_item(who, one)
            or self._judge(who, "review", story)
            or refused(
                ("evidence_withdrawn", one.withdrawn),
                ("own_evidence", one.provider == who),
                ("own_milestone", story.owner == who),
            )
        )
        if self._try(
            expected,
            who,
            evidence.review_evidence,
            evidence=one.id,
            milestone=story.id,
            outcome=ReviewOutcome(outcome),
            relevance=2,
            robustness=2,
            reason="I looked",
        ):
            one.links[story.id] = Review(outcome, self.now)
            if one.submission is not None:
                one.submission.waiting = False
            self.model.settle()

    @step(weight=2, item=which, who=mostly("petra", "sam", "connie", "pol"))
    def withdraw(self, item: int, who: str) -> None:
        if not self.model.items:
            return
        one, who = self._item(item), self._present(who)
        expected = self._judge_item(who, one)
        if expected is None and not self.model.may_withdraw(who, one):
            expected = DENIED
        expected = expected or refused(("already_withdrawn", one.withdrawn))
        if self._try(expected, who, evidence.withdraw_evidence, evidence=one.id, reason="It was the wrong one"):
            one.withdrawn = True
            if one.submission is not None:
                one.submission.waiting = False
            self.model.settle()

    # --- What was agreed is changed -----------------------------------------------------------------------------------

    @step(weight=2, number=which, who=worker, due=st.integers(-10, 120), again=st.booleans())
    def ask_for_date(self, number: int, who: str, due: int, again: bool) -> None:
        """For another due date, or for the one that it has already."""
        story, who = self._story(number, "not_started", "in_progress", "completed"), self._present(who)
        day = story.due if again and story.due is not None else self.today + due * DAY
        expected = (
            self._judge(who, "request", story)
            or refused(
                ("milestone_ended", story.status in ("achieved", "cancelled")),
                ("same_date", day == story.due and not story.is_reopening),
            )
            or invalid(("/due_date", story.start is not None and day < story.start))
        )
        if self._try(
            expected,
            who,
            change_requests.request_change,
            milestone=key(story),
            kind=ChangeKind.DUE_DATE,
            due_date=day,
            reason="It takes longer",
        ):
            story.requests.append(self._newest_request(story, "due_date", who, day))
            self.model.settle()

    @step(number=which, who=worker)
    def ask_to_cancel(self, number: int, who: str) -> None:
        story, who = self._story(number, "not_started", "in_progress", "completed"), self._present(who)
        expected = self._judge(who, "request", story) or refused(
            ("milestone_ended", story.status in ("achieved", "cancelled"))
        )
        if self._try(
            expected,
            who,
            change_requests.request_change,
            milestone=key(story),
            kind=ChangeKind.CANCELLATION,
            ground=CancellationGround.NO_LONGER_NEEDED,
            reason="Nobody needs it",
        ):
            story.requests.append(self._newest_request(story, "cancellation", who, None))
            self.model.settle()

    @step(number=which, other=which, who=worker)
    def ask_to_merge(self, number: int, other: int, who: str) -> None:
        """Into another milestone, which who asks must know of and which must go on."""
        story, who = self._story(number, "not_started", "in_progress", "completed"), self._present(who)
        into = self.model.milestones[other % len(self.model.milestones)]
        is_nothing = into is story or not self.model.knows(who, into)
        expected = (
            self._judge(who, "request", story)
            or refused(
                ("milestone_ended", story.status in ("achieved", "cancelled")),
                ("other_cancelled", not is_nothing and into.status == "cancelled"),
            )
            or invalid(("/other", is_nothing))
        )
        if self._ask(
            expected, who, story, kind=ChangeKind.CANCELLATION, ground=CancellationGround.MERGED, other=into.id
        ):
            story.requests[-1].into = into.id

    @step(number=which, who=worker, words=st.sampled_from(["A rota", "A rota that was read"]))
    def ask_for_criteria(self, number: int, who: str, words: str) -> None:
        story, who = self._story(number, "not_started", "in_progress"), self._present(who)
        expected = self._judge(who, "request", story) or refused(
            ("milestone_ended", story.status in ("achieved", "cancelled")),
            ("milestone_completed", story.status == "completed"),
            ("same_criterion", words == story.criterion),
        )
        if self._ask(expected, who, story, kind=ChangeKind.CRITERIA, success_criterion=words):
            story.requests[-1].words = words

    @step(number=which, who=worker, due=st.integers(-10, 90))
    def ask_to_replace(self, number: int, who: str, due: int) -> None:
        story, who = self._story(number, "not_started", "in_progress", "completed"), self._present(who)
        day = self.today + due * DAY
        expected = (
            self._judge(who, "request", story)
            or refused(("milestone_ended", story.status in ("achieved", "cancelled")))
            or invalid(("/parts/0/due_date", story.start is not None and day < story.start))
        )
        part = Part(title="Another way", success_criterion="It works", due_date=day)
        if len(self.model.milestones) < 7 and self._ask(
            expected, who, story, kind=ChangeKind.REPLACEMENT, parts=(part,), due=day
        ):
            story.requests[-1].words = part.success_criterion

    def _ask(self, expected: Outcome, who: str, story: Story, *, due: date | None = None, **wish: Any) -> bool:
        if not self._try(
            expected, who, change_requests.request_change, milestone=key(story), reason="It is better so", **wish
        ):
            return False
        story.requests.append(self._newest_request(story, str(wish["kind"]), who, due))
        self.model.settle()
        return True

    @step(
        weight=2,
        who=worker,
        becomes=st.sampled_from([
            ("tolerance", 0), ("tolerance", 28), ("overdue_limit", 0), ("overdue_limit", 7), ("moved_rule", "any"),
            ("moved_rule", "standard"), ("moved_rule", "off"), ("cycle", 7), ("cycle", 30),
        ]),
    )  # fmt: skip
    def ask_for_setting(self, who: str, becomes: tuple[str, int | str]) -> None:
        who, (name, value) = self._present(who), becomes
        expected = self._judge_plan(who, "request") or invalid(
            ("/tolerance_days", getattr(self.model.terms, name) == value)
        )
        sent: dict[str, Any] = {SETTINGS[name]: MovedRule(str(value)) if name == "moved_rule" else value}
        if self._try(
            expected, who, change_requests.request_settings, slug=self.world.plan, kind=ChangeKind.SETTINGS,
            reason="It fits better", **sent,
        ):  # fmt: skip
            request = self._newest_request(None, "settings", who, None)
            request.setting = becomes
            self.model.requests.append(request)

    @step(weight=2, number=which, who=officer, outcome=st.sampled_from(["approved", "approved", "declined"]))
    def decide_setting(self, number: int, who: str, outcome: str) -> None:
        if not self.model.requests:
            return
        request = _one_of(self.model.requests, number, lambda one: one.state == "requested")
        who, (name, value) = self._present(who), request.setting
        waits, is_approved = request.state == "requested", outcome == "approved"
        expected = self._judge_plan(who, "decide") or refused(
            ("already_decided", not waits),
            ("own_request", request.asked_by == who),
            ("already_so", waits and is_approved and getattr(self.model.terms, name) == value),
        )
        if self._try(
            expected, who, change_requests.decide_change, change_request=request.id, outcome=outcome, reason="So be it"
        ):
            request.state = outcome
            if is_approved:
                setattr(self.model.terms, name, value)
                self.model.settle()

    @step(number=which, who=manager, to=st.integers(-30, 60))
    def correct_baseline(self, number: int, who: str, to: int) -> None:
        story, who, day = self._story(number), self._present(who), self.today + to * DAY
        expected = (
            self._judge(who, "edit", story)
            or invalid(("/baseline_date", story.start is not None and day < story.start))
            or refused(
                ("milestone_ended", story.status == "cancelled"),
                ("no_baseline", story.baseline is None),
                ("same_date", story.baseline == day),
            )
        )
        if self._try(
            expected, who, baselines.correct_baseline, milestone=key(story), baseline_date=day, reason="Mistyped"
        ):
            story.baseline = day
            self.model.settle()

    @step(weight=2, number=which, due=st.integers(-10, 120))
    def agree_on_a_date(self, number: int, due: int) -> None:
        """Asked for and approved at once, so that dates do move."""
        story = self._story(number, "not_started", "in_progress", "completed")
        asked = len(story.requests)
        self.ask_for_date(4 * self.model.milestones.index(story), "petra", due, again=False)
        if len(story.requests) > asked:
            number = (
                sum(len(one.requests) for one in self.model.milestones[: self.model.milestones.index(story) + 1]) - 1
            )
            self.decide(4 * number, "nora" if story.owner == "sam" else "sam", "approved")

    @step(weight=4, number=which, who=officer, outcome=st.sampled_from(["approved", "approved", "declined"]))
    def decide(self, number: int, who: str, outcome: str) -> None:
        asked = [(story, request) for story in self.model.milestones for request in story.requests]
        if not asked:
            return
        story, request = _one_of(asked, number, lambda one: one[1].state == "requested")
        who = self._present(who)
        is_early = request.due is not None and story.start is not None and request.due < story.start
        into = next((one for one in self.model.milestones if one.id == request.into), None)
        is_judged = outcome == "approved" and request.state == "requested"
        expected = (
            self._judge(who, "read", story)
            or self._judge(who, "decide", story)
            or refused(
                ("already_decided", request.state != "requested"),
                ("own_request", request.asked_by == who),
                ("own_milestone", story.owner == who),
                ("milestone_ended", is_judged and story.status in ("achieved", "cancelled")),
                ("milestone_completed", is_judged and request.kind == "criteria" and story.status == "completed"),
                ("other_cancelled", is_judged and into is not None and into.status == "cancelled"),
                ("due_before_start", is_judged and is_early),
            )
        )
        if self._try(
            expected,
            who,
            change_requests.decide_change,
            change_request=request.id,
            outcome=outcome,
            reason="We have talked about it",
        ):
            request.state = outcome
            if outcome == "approved":
                self._carry_out(story, request)
            self.model.settle()

    def _carry_out(self, story: Story, request: Request) -> None:
        if request.kind == "due_date" and request.due is not None:
            story.move_due(request.due, self.today)
        elif request.kind == "criteria":
            story.criterion = request.words
        else:
            story.cancel()
        if request.kind == "replacement" and request.due is not None:
            known = {one.id for one in self.model.milestones}
            [row] = [row for row in self.milestone_rows() if row["id"] not in known]
            story = story.replaced(row["id"], row["ref"], request.due, self.today, request.words)
            self.model.milestones.append(story)

    def milestone_rows(self) -> list[dict[str, Any]]:
        """Those of the plan."""
        return [row for row in self.rows()["milestones"] if row["plan_id"] == self.world.plan_id]

    @step(weight=3, number=which, who=officer, days=st.sampled_from([-1, 0, 3, 10, 40, 200, 365, 366]))
    def accept(self, number: int, who: str, days: int) -> None:
        story = _one_of(self.model.milestones, number, lambda one: one.colour_on(self.today) > Colour.GREEN)
        who, day = self._present(who), self.today + days * DAY
        is_own, is_green = story.owner == who, story.colour_on(self.today) is Colour.GREEN
        expected = (
            self._judge(who, "accept", story)
            or invalid(("/until", not 0 < days <= 365))
            or refused(("own_milestone", is_own), ("not_exception", is_green and not is_own))
        )
        if self._try(expected, who, acceptances.accept, milestone=key(story), until=day, reason="It is known"):
            story.accept(day, self.today)
            self.model.settle()

    @step(number=which, who=officer)
    def lift_acceptance(self, number: int, who: str) -> None:
        story = _one_of(self.model.milestones, number, lambda one: one.accepted_to is not None)
        who = self._present(who)
        is_own = story.owner == who
        expected = self._judge(who, "accept", story) or refused(
            ("own_milestone", is_own), ("not_accepted", story.accepted_to is None and not is_own)
        )
        if self._try(expected, who, acceptances.lift, milestone=key(story), reason="It takes too long"):
            story.accepted_to = None
            self.model.settle()

    @step(number=which, who=manager, owner=st.sampled_from(["connie", "pol", "petra", "sam", "nora", None]))
    def change_owner(self, number: int, who: str, owner: str | None) -> None:
        story, who = self._story(number), self._present(who)
        has_left = owner in self.model.left
        becomes = story.owner if has_left else owner
        left_out = story.only_for is not None and self._is_left_out(becomes, story.only_for)
        expected = self._judge(who, "edit", story) or invalid(("/owner", has_left), ("/restricted_to", left_out))
        if self._edit(expected, who, story, owner=self.ids.get(owner or "")):
            story.owner = owner
            self.model.settle()

    @step(
        number=which,
        who=manager,
        only_for=st.none() | st.sets(st.sampled_from([POLICE, NHS, COUNCIL, "connie", "nat"]), min_size=1),
    )
    def restrict(self, number: int, who: str, only_for: set[str] | None) -> None:
        story, who = self._story(number), self._present(who)
        left_out = only_for is not None and self._is_left_out(story.owner, only_for)
        expected = self._judge(who, "edit", story) or invalid(("/restricted_to", left_out))
        if self._edit(expected, who, story, restricted_to=self._named(only_for)):
            story.only_for = None if only_for is None else frozenset(only_for)

    @step(number=which, who=manager, start=st.none() | st.integers(-30, 60))
    def change_start(self, number: int, who: str, start: int | None) -> None:
        story, who, day = self._story(number), self._present(who), self._day(start)
        expected = self._judge(who, "edit", story) or invalid(
            ("/due_date", day is not None and story.due is not None and story.due < day)
        )
        if self._edit(expected, who, story, start_date=day):
            story.start = day
            self.model.settle()

    def _edit(self, expected: Outcome, who: str, story: Story, **changes: Any) -> bool:
        return self._try(expected, who, milestones.edit_milestone, milestone=key(story), changes=changes, if_match=None)

    @step(who=st.sampled_from(LEAVERS), days_ago=st.integers(0, 6))
    def leave(self, who: str, days_ago: int) -> None:
        """For good: nobody leaves twice."""
        if who in self.model.left:
            return
        mailbox, _, organisation, _ = CAST[who]
        domain = {COUNCIL: "haringey", POLICE: "police", NHS: "nhs"}[organisation]
        day = self.today - days_ago * DAY
        self._try(None, "max", people.record_leaving, email=f"{mailbox}@{domain}.example", left_on=day)
        self.model.left[who] = day
        self.model.settle()

    @step(who=officer, policy=st.sampled_from(["attached", "accepted"]))
    def change_policy(self, who: str, policy: str) -> None:
        who = self._present(who)
        expected = self._judge_plan(who, "decide")
        if self._try(expected, who, plans.change_policy, slug=self.world.plan, policy=EvidencePolicy(policy)):
            self.model.terms.policy = policy
            self.model.settle()

    @step(who=manager, on=st.integers(-20, 60), state=st.sampled_from(["planned", "planned", "held"]))
    def list_meeting(self, who: str, on: int, state: str) -> None:
        self._list_meeting(self.today + on * DAY, state, who=self._present(who))

    def _list_meeting(self, on: date, state: str, *, who: str = "petra") -> None:
        taken = on in self.model.terms.meetings
        is_wrong = on < self.today if state == "planned" else on > self.today
        expected = self._judge_plan(who, "edit") or invalid(("/on", taken), ("/on", is_wrong))
        if self._try(expected, who, meetings.add_meeting, slug=self.world.plan, on=on, state=MeetingState(state)):
            self._note_meetings()
            self.model.settle()

    @step(who=manager, first=st.none() | st.integers(-2, 60))
    def make_list(self, who: str, first: int | None) -> None:
        """Which days it gives is the business of tests/domain/test_meetings.py: here they are only taken note of."""
        who, day = self._present(who), self._day(first)
        last = max((meeting.on for meeting in self.model.terms.listed), default=None)
        expected = self._judge_plan(who, "edit") or invalid(
            ("/first_day", day is not None and (day < self.today or (last is not None and day <= last)))
        )
        if expected is None and day is None and last is not None and last > self.today + 300 * DAY:
            return
        if self._try(expected, who, meetings.make_list, slug=self.world.plan, first_day=day):
            self._note_meetings()
            self.model.settle()

    def _note_meetings(self) -> None:
        known = {meeting.id for meeting in self.model.terms.listed}
        for row in self.rows()["review_meetings"]:
            if row["id"] not in known:
                on = day_of(row["on_day"])
                assert on is not None
                self.model.terms.listed.append(Meeting(row["id"], on, row["state"], day_of(row["cycle_day"])))

    @step(weight=2, number=which, who=manager, there=st.sets(st.sampled_from(["connie", "sam", "max"])))
    def hold_meeting(self, number: int, who: str, there: set[str]) -> None:
        meeting = self._meeting(number, lambda one: one.on <= self.today)
        if meeting is None:
            return
        who = self._present(who)
        ended = meeting.state in ("held", "cancelled")
        expected = (
            self._judge_plan(who, "edit")
            or invalid(("/attended", "max" in there))
            or refused((f"already_{meeting.state}", ended), ("meeting_to_come", not ended and meeting.on > self.today))
        )
        attended = [self.ids[name] for name in sorted(there)]
        if self._try(expected, who, meetings.hold_meeting, meeting=meeting.id, attended=attended):
            meeting.state = "held"

    @step(weight=2, number=which, who=manager, on=st.integers(-3, 50))
    def move_meeting(self, number: int, who: str, on: int) -> None:
        meeting, day = self._meeting(number), self.today + on * DAY
        if meeting is None:
            return
        who = self._present(who)
        taken = day in self.model.terms.meetings or day == meeting.on
        too_far = day > meeting.latest(self.model.terms.cycle)
        expected = (
            self._judge_plan(who, "edit")
            or invalid(("/on", day < self.today or taken))
            or refused((f"already_{meeting.state}", meeting.state in ("held", "cancelled")))
            or invalid(("/on", too_far))
        )
        if self._try(expected, who, meetings.move_meeting, meeting=meeting.id, on=day, reason="The room is taken"):
            meeting.moved_from, meeting.on, meeting.state = meeting.on, day, "moved"
            self.model.settle()

    @step(number=which, who=manager)
    def cancel_meeting(self, number: int, who: str) -> None:
        meeting = self._meeting(number)
        if meeting is None:
            return
        who = self._present(who)
        expected = self._judge_plan(who, "edit") or refused(
            (f"already_{meeting.state}", meeting.state in ("held", "cancelled"))
        )
        if self._try(expected, who, meetings.cancel_meeting, meeting=meeting.id, reason="Nobody can come"):
            meeting.state = "cancelled"
            self.model.settle()

    def _meeting(self, number: int, is_ripe: Callable[[Meeting], bool] = lambda _: True) -> Meeting | None:
        """One that still stands, as a rule."""
        listed = self.model.terms.listed
        standing = ("planned", "moved")
        return _one_of(listed, number, lambda one: one.state in standing and is_ripe(one)) if listed else None

    # --- Another program at the database ------------------------------------------------------------------------------

    @step(weight=5, number=which, item=which, how=st.sampled_from(sorted(ATTACKS)))
    def attack(self, number: int, item: int, how: str) -> None:
        stored = {row["id"]: row for row in self.rows()["milestones"]}
        story = self._story(number, "achieved", "completed")
        scene = Scene(
            model=self.model,
            story=story,
            item=self._item(item) if self.model.items else None,
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

    # Not `one_of`, which takes what is the same for one choice and so knows no weights.
    @rule(what=st.sampled_from(range(len(STEPS))).flatmap(STEPS.__getitem__))
    def happens(self, what: tuple[str, dict[str, Any]]) -> None:
        name, given = what
        getattr(self, name)(**given)

    # --- What holds after every step ----------------------------------------------------------------------------------

    @invariant()
    def everything_holds(self) -> None:
        if not hasattr(self, "model"):
            return
        self.steps += 1
        rows = self.rows()
        assert unfounded(rows) == []
        self._versions_grow(rows)
        self._rows_are_as_they_happened({row["id"]: row for row in rows["milestones"]})
        for story in self.model.milestones:
            self._looks_ahead(story)
        ahead = self.today + (7 * self.steps % 90) * DAY
        self._report_is_complete("petra", ahead if self.steps % 2 else self.today)
        self._asked_in_turn(READERS[self.steps % len(READERS)], ahead)
        self._chain_verifies()
        self.before = self.latest = rows

    def _asked_in_turn(self, reader: str, ahead: date) -> None:
        """The same numbers by other readers and on other pages: one of them after every step."""
        questions = (
            lambda: self._report_is_complete(reader, self.today),
            lambda: self._report_is_complete(reader, ahead),
            lambda: self._counts_agree(reader),
            lambda: self._counts_agree("petra"),
            lambda: self._list_agrees(reader),
        )
        questions[self.steps % len(questions)]()

    def _rows_are_as_they_happened(self, rows: dict[str, dict[str, Any]]) -> None:
        for story in self.model.milestones:
            row = rows[story.id]
            assert stored_status(row, self.today) == story.status, story.ref
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

    def _versions_grow(self, rows: Rows) -> None:
        for table, versions in VERSIONS.items():
            was = {row["id"]: row for row in self.before[table]}
            for row in rows[table]:
                if row["id"] not in was or was[row["id"]] == row:
                    continue
                older, newer = (tuple(one[name] for name in versions) for one in (was[row["id"]], row))
                assert all(new >= old for old, new in zip(older, newer, strict=True)), (table, older, newer)
                assert older != newer, (table, was[row["id"]], row)

    def _report_is_complete(self, who: str, on: date) -> None:
        expected = list(self._exceptions(who, on))
        shown = self._compile(who, on)
        found = [(one.kind, one.id, one.rag, one.since, one.rag_now) for one in (row.item for row in shown.rows)]
        assert found == [(kind, id_, word(colour), since, word(now)) for kind, id_, colour, since, now, _ in expected]
        for row, (_, _, colour, since, _, exception_since) in zip(shown.rows, expected, strict=True):
            assert row.item.days == (on - since).days + 1
            assert row.item.exception_days == (on - exception_since).days + 1
            assert word(colour) == row.item.rag
            if row.item.kind == "milestone":
                story = next(one for one in self.model.milestones if one.id == row.item.id)
                reasons = {str(reason.code): str(reason.colour) for reason in row.item.reasons}
                assert reasons == {code: word(its) for code, its in self.model.reasons(story, on).items()}
        now = list(self._exceptions(who, self.today))
        numbers = [sum(one[2] is colour for one in several) for several in (expected, now) for colour in (RED, AMBER)]
        counts = shown.counts
        assert [counts.red, counts.amber, counts.red_now, counts.amber_now] == numbers
        assert [shown.shown.red, shown.shown.amber] == numbers[:2]
        every = self.model.milestones
        withheld = [story for story in every if story.colour_on(on) and not self.model.knows(who, story)]
        assert shown.withheld_count == (len(withheld) if who == "nora" else 0)
        self._pages_are_the_whole(who, on, found)

    def _exceptions(self, who: str, on: date) -> Iterator[tuple[str, str, Colour, date, Colour, date]]:
        """Everything Red or Amber that somebody may know of: what is accepted after all else, Red before Amber, then
        the longest, then by reference.
        """
        instant = self.now if on == self.today else last_instant(on)
        found: list[tuple[Any, ...]] = []
        for story in self.model.milestones:
            colour = story.colour_on(on)
            if colour and self.model.knows(who, story):
                run, now = story.since, story.colour_on(self.today)
                returns = story.returns_on(self.today)
                is_accepted = returns is not None and on < returns
                found.append((story.ref, "milestone", story.id, colour, run[colour], now, run[AMBER], is_accepted))
        for one in self._submissions(who):
            colour = one.colour(instant)
            if colour:
                amber, red = (london_day(one.received_at + timedelta(hours=hours)) for hours in (24, 48))
                since = red if colour is RED else amber
                found.append((one.ref, "submission", one.id, colour, since, one.colour(self.now), amber, False))
        for _, kind, id_, colour, since, now, exception_since, _ in sorted(
            found, key=lambda one: (one[7], -one[3], one[4], reference(one[0]), one[1], one[2])
        ):
            yield kind, id_, colour, since, now, exception_since

    def _submissions(self, who: str) -> list[Submission]:
        sent = [item.submission for item in self.model.items if item.submission is not None]
        return [one for one in sent if self.model.sees_submission(who, one)]

    def _pages_are_the_whole(self, who: str, on: date, whole: list[tuple[Any, ...]]) -> None:
        if len(whole) < 3 or self.steps % 4:
            return
        found, cursor = [], None
        while True:
            page = self.world.read(
                who, exception_reports.compile_report, slug=self.world.plan, filters=ExceptionFilters(on=on), limit=2,
                cursor=cursor,
            )  # fmt: skip
            found += [(row.item.rag, row.item.since, row.item.id) for row in page.report.rows]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert [one[:2] for one in found] == [(rag, since) for _, _, rag, since, _ in whole]
        assert {one[2] for one in found} == {id_ for _, id_, _, _, _ in whole}

    def _compile(self, who: str, on: date) -> Any:
        return self.world.read(
            who, exception_reports.compile_report, slug=self.world.plan, filters=ExceptionFilters(on=on), limit=100
        ).report

    def _counts_agree(self, who: str) -> None:
        known = [story for story in self.model.milestones if self.model.knows(who, story)]
        words = [self.model.word(story, self.today) for story in known]
        home = self.world.read(who, plan_home.plan_home, slug=self.world.plan)
        for name in ("red", "amber", "green", "not_due", "achieved", "cancelled"):
            assert getattr(home.counts, name) == words.count(name), name
        outstanding = [
            story for story in known if story.status == "completed" and not self.model.met_on(story, self.today)
        ]
        assert home.counts.evidence_outstanding == len(outstanding)
        waiting = [one for one in self._submissions(who) if one.waiting]
        colours = [one.colour(self.now) for one in waiting]
        inbox = home.inbox
        assert (inbox.waiting, inbox.red, inbox.amber) == (len(waiting), colours.count(RED), colours.count(AMBER))
        review = self.model.terms.next_review(self.today)
        assert home.plan.next_review == review
        turning = [
            story for story in known if story.colour_on(self.today) is not RED and story.colour_on(review) is RED
        ]
        assert home.turns_red_total == len(turning)

    def _list_agrees(self, who: str) -> None:
        page = self.world.read(who, milestones.list_milestones, slug=self.world.plan, filters=MilestoneFilters())
        known = {story.id: story for story in self.model.milestones if self.model.knows(who, story)}
        assert {row.id for row in page.items} == set(known)
        for row in page.items:
            story = known[row.id]
            shown = self.model.word(story, self.today)
            assert (row.rag or None) == (shown if shown in ("red", "amber", "green") else None)
            assert row.status == story.status
            met = self.model.met_on(story, self.today)
            assert (row.evidence.state == "met") == met
            assert ("evidence outstanding" in row.standing) == (story.status == "completed" and not met)

    def _chain_verifies(self) -> None:
        chains = self.world.read(system_actor(), lambda uow: list(audit_events.verify(uow)))
        assert [faults for _, _, faults in chains if faults] == []
        assert len(chains) >= 2

    # --- Helpers ------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.world.clock.now

    @property
    def today(self) -> date:
        return london_day(self.world.clock.now)

    def _day(self, offset: int | None) -> date | None:
        return None if offset is None else self.today + offset * DAY

    def _story(self, number: int, *statuses: str) -> Story:
        """A milestone at one of these statuses, if there is one; one time in four any at all."""
        return _one_of(self.model.milestones, number, lambda story: not statuses or story.status in statuses)

    def _item(self, number: int) -> Item:
        return _one_of(self.model.items, number, lambda item: not item.withdrawn)

    def _present(self, who: str) -> str:
        """Who has left does nothing any more."""
        return "petra" if who in self.model.left else who

    def _named(self, only_for: set[str] | None) -> list[str]:
        return sorted(self.ids.get(name, name) for name in only_for or ())

    @staticmethod
    def _is_left_out(owner: str | None, only_for: set[str] | frozenset[str]) -> bool:
        return owner is not None and not {owner, ORGANISATIONS[owner]} & only_for

    def _judge(self, who: str, act: str, story: Story) -> Outcome:
        if not self.model.knows(who, story):
            return MISSING
        return None if self.model.may(who, act, story) else DENIED

    def _judge_plan(self, who: str, act: str) -> Outcome:
        if who == "zoe":
            return MISSING
        return None if self.model.may(who, act, self.model.milestones[0]) else DENIED

    def _judge_item(self, who: str, item: Item) -> Outcome:
        if not self.model.knows_item(who, item):
            return MISSING
        return DENIED if who == "olive" else None

    def _try(self, expected: Outcome, who: str, service: Callable[..., Any], **given: Any) -> bool:
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
        self.latest = rows
        return came is None

    def _note_newest(self, story: Story, who: str, form: str, until: date | None) -> None:
        known = {item.id for item in self.model.items}
        rows = self.rows()
        [row] = [row for row in rows["evidence"] if row["id"] not in known]
        submitted = [one for one in rows["submissions"] if one["evidence_id"] == row["id"]]
        organisation = ORGANISATIONS[who]
        provider = None if who == "key" else who
        item = Item(row["id"], form, self.now, organisation, provider, until, links={story.id: None})
        assert len(submitted) == (0 if organisation == COUNCIL else 1)
        for one in submitted:
            item.submission = Submission(one["id"], one["ref"], self.now, organisation)
        self.model.items.append(item)

    def _newest_request(self, story: Story | None, kind: str, who: str, due: date | None) -> Request:
        known = {request.id for one in self.model.milestones for request in one.requests}
        known |= {request.id for request in self.model.requests}
        [row] = [row for row in self.rows()["change_requests"] if row["id"] not in known]
        assert (row["milestone_id"], row["kind"], row["state"]) == (story.id if story else None, kind, "requested")
        return Request(row["id"], kind, who, due)

    def rows(self) -> Rows:
        """Everything that is stored but the trail, as another program reads it."""
        found = {}
        for table in CONTENT:
            cursor = self.outside.connection.execute(f"SELECT * FROM {table}")
            columns = [column[0] for column in cursor.description]
            read = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
            found[table] = sorted(read, key=lambda row: [str(value) for value in row.values()])
        return found


# What may come of a step: None when it is done, else how it is refused and why.
Outcome = tuple[str, ...] | None
MISSING: Outcome = ("not found",)
DENIED: Outcome = ("forbidden",)
RED, AMBER = Colour.RED, Colour.AMBER


def _one_of(several: Sequence[T], number: int, is_sensible: Callable[[T], bool]) -> T:
    """One of those with which a step makes sense, and one time in four any of them."""
    sensible = [one for one in several if is_sensible(one)] if number % 4 else []
    chosen = sensible or several
    return chosen[number // 4 % len(chosen)]


def refused(*reasons: tuple[str, bool]) -> Outcome:
    """The codes, in order, of all that stand in the way."""
    codes = tuple(code for code, stands in reasons if stands)
    return ("refused", *codes) if codes else None


def invalid(*fields: tuple[str, bool]) -> Outcome:
    wrong = tuple(field for field, is_wrong in fields if is_wrong)
    return ("invalid", *wrong) if wrong else None


def outcome_of(error: WaymarkError) -> Outcome:
    if isinstance(error, Refused):
        return ("refused", *error.codes)
    if isinstance(error, Invalid):
        return ("invalid", *(one.pointer for one in error.errors))
    if isinstance(error, NotFound):
        return MISSING
    assert isinstance(error, Forbidden), error
    return DENIED


def key(story: Story) -> MilestoneKey:
    return MilestoneKey(id=story.id)


def word(colour: Colour) -> str:
    return colour.name.lower()


def reference(ref: str) -> tuple[str, int]:
    letters, _, number = ref.rpartition("-")
    return letters, int(number)


def day_of(value: Any) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value


def moment(value: Any) -> datetime | None:
    if value is None:
        return None
    stored = datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value
    return stored.astimezone(UTC)


def stored_status(row: dict[str, Any], today: date) -> str:
    """An expiry counts from its day, before the stored state has caught up."""
    until = day_of(row["policy_met_until"])
    if row["status"] == "achieved" and until is not None and until < today:
        return "completed"
    return str(row["status"])


def unfounded(rows: Rows) -> list[str]:
    """Milestones stored as achieved that no evidence counts for on the day they were achieved. None, ever."""
    policies = {plan["id"]: plan["evidence_policy"] for plan in rows["plans"]}
    items = {item["id"]: item for item in rows["evidence"]}
    return [
        row["ref"]
        for row in rows["milestones"]
        if row["status"] == "achieved"
        and not any(
            _counts(row, link, items[link["evidence_id"]], policies[row["plan_id"]])
            for link in rows["evidence_links"]
            if link["milestone_id"] == row["id"]
        )
    ]


def _counts(row: dict[str, Any], link: dict[str, Any], item: dict[str, Any], policy: str) -> bool:
    until, reopened_at = day_of(item["effective_to"]), moment(row["reopened_at"])
    if item["withdrawn_at"] is not None or item["scan"] in ("infected", "pending"):
        return False
    if until is not None and until < day_of(row["achieved_on"]):  # type: ignore[operator]
        return False
    if link["outcome"] is None:
        since, is_enough = moment(item["received_at"]), policy == "attached" and item["form"] == "file"
    else:
        since, is_enough = moment(link["reviewed_at"]), link["outcome"] == "accepted"
    return is_enough and (reopened_at is None or since > reopened_at)  # type: ignore[operator]


# --- Where it runs ----------------------------------------------------------------------------------------------------


def staged(url: str) -> World:
    """A draft plan and its cast, a key of the police's among them, in an empty database that becomes a template."""
    world = make_world(in_haste(Database(url)), approved=False)
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
