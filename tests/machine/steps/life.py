"""A plan's life: it begins as a draft that is edited freely, is approved, and is closed when its work is done."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize

from app.domain.change_requests import Agreement
from app.domain.closing import Destination
from app.domain.words import DateSetter, EvidencePolicy
from app.services import closing, milestones, plans
from tests.factories import COUNCIL, NHS, POLICE
from tests.machine.base import ORGANISATIONS, key, manager, mostly, officer, step, which
from tests.machine.facts import DAY, Terms
from tests.machine.model import Model
from tests.machine.outcomes import invalid, refused
from tests.machine.steps.attacking import Attacking
from tests.machine.steps.changes import ONE_LINE, TWO_LINES, agreements
from tests.machine.story import Story
from tests.profiles import MACHINE_STEPS

AT_MOST = 7
"""Milestones: each is judged on every day to come."""


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
        "set_by": draw(st.sampled_from(["plan", "plan", "plan", "court"])),
        "criterion": draw(st.sampled_from([ONE_LINE, TWO_LINES])),
        "stage": draw(st.sampled_from([0, 4, 2, 3, 1, 4])),
        "lasts": draw(st.none() | st.integers(0, 30)),
    }


class Life(Attacking):
    """See the module."""

    draft_lasts = 0
    stages: tuple[tuple[int, int | None], ...] = ()

    @initialize(
        milestones=st.lists(starts(), min_size=2, max_size=4),
        policy=st.sampled_from(["attached", "attached", "accepted"]),
        tolerance=st.sampled_from([28, 0, 10]),
        overdue_limit=st.sampled_from([0, 0, 7]),
        moved_rule=st.sampled_from(["standard", "any", "off"]),
        cycle=st.sampled_from([14, 7, 30]),
        listed=st.sets(st.integers(0, 40), max_size=3),
        draft_lasts=st.sampled_from([0, 0, 0, 3, 6]),
    )
    def begin(self, *, milestones: list[dict[str, Any]], listed: set[int], draft_lasts: int, **terms: Any) -> None:
        """Approved at once, mostly, and with each milestone as far as it has come."""
        changes = {
            "evidence_policy": EvidencePolicy(terms["policy"]),
            "tolerance_days": terms["tolerance"],
            "overdue_limit_days": terms["overdue_limit"],
            "moved_rule": terms["moved_rule"],
            "cycle_days": terms["cycle"],
        }
        self.world.write("petra", plans.edit_plan, slug=self.world.plan, changes=changes, if_match=None)
        self.model = Model(terms=Terms(approved_on=None, **terms), today=self.today, organisations=ORGANISATIONS)
        for facts in milestones:
            self._add("petra", facts)
        for offset in sorted(listed):
            self._list_meeting(self.today + offset * DAY, "planned")
        self.draft_lasts = draft_lasts
        self.stages = tuple((facts["stage"], facts["lasts"]) for facts in milestones)
        if draft_lasts == 0:
            self.approve("sam")
        self.before = self.latest = self.rows()

    # --- A draft ------------------------------------------------------------------------------------------------------

    @step(who=manager, facts=starts())
    def add(self, who: str, facts: dict[str, Any]) -> None:
        """In an approved plan its first due date is its baseline from the start."""
        if len(self.model.milestones) < AT_MOST:
            self._add(self.present(who), facts)

    def _add(self, who: str, facts: dict[str, Any]) -> None:
        only_for, owner = facts["only_for"], None if facts["owner"] in self.model.left else facts["owner"]
        if only_for is not None and owner:
            only_for = {*only_for, owner}
        due, start = self.day(facts["due"]), self.day(facts["start"])
        known = {story.id for story in self.model.milestones}
        expected = self.judge_plan(who, "edit") if self.model.milestones else None
        if not self.attempt(
            expected or self.read_only,
            who,
            milestones.add_milestone,
            slug=self.world.plan,
            action=self.world.action,
            title="Duty rota published",
            success_criterion=facts["criterion"],
            owner=self.ids.get(owner or ""),
            start_date=start,
            due_date=due,
            supporting_organisations=sorted(facts["supporters"]),
            restricted_to=self.named(only_for),
            due_set_by=DateSetter(facts["set_by"]),
        ):
            return
        [row] = [row for row in self.milestone_rows() if row["id"] not in known]
        story = Story(
            id=row["id"],
            ref=row["ref"],
            added_on=self.today,
            lead=COUNCIL,
            owner=owner,
            start=start,
            due=due,
            baseline=due if self.model.state == "approved" else None,
            set_by=facts["set_by"],
            criterion=facts["criterion"],
            supporters=frozenset(facts["supporters"]),
            only_for=None if only_for is None else frozenset(only_for),
        )
        self.model.milestones.append(story)
        self.model.settle()

    @step(weight=2, number=which, who=manager, due=st.none() | st.integers(-15, 60))
    def edit_due_date(self, number: int, who: str, due: int | None) -> None:
        """By hand it moves in a draft only."""
        story, who, day = self.story(number), self.present(who), self.day(due)
        wrong = self.model.state != "draft" or story.is_too_early(day)
        expected = self.judge(who, "edit", story) or invalid(("/due_date", wrong))
        changes = {"due_date": day}
        if self.attempt(expected, who, milestones.edit_milestone, milestone=key(story), changes=changes, if_match=None):
            story.due = day
            self.model.settle()

    @step(number=which, who=manager)
    def remove(self, number: int, who: str) -> None:
        """Out of a draft; what was approved is cancelled by a change request."""
        story, who, state = self.story(number), self.present(who), self.model.state
        expected = self.judge(who, "edit", story) or refused(
            ("plan_approved", state == "approved"),
            self.closed,
            ("already_cancelled", state == "draft" and story.status == "cancelled"),
        )
        if self.attempt(expected, who, milestones.remove, milestone=key(story), reason="Added by mistake"):
            story.cancel()
            self.model.settle()

    @step(who=officer)
    def approve(self, who: str) -> None:
        who = self.present(who)
        expected = self.judge_plan(who, "approve") or refused(
            ("plan_not_draft", self.model.state != "draft"),
            (
                "plan_empty",
                self.model.state == "draft" and all(one.status == "cancelled" for one in self.model.milestones),
            ),
        )
        if not self.attempt(
            expected, who, plans.approve_plan, slug=self.world.plan, body="Trust", meeting="March meeting"
        ):
            return
        self.model.approve()
        for number, (stage, lasts) in enumerate(self.stages):
            if self.model.milestones[number].status != "cancelled":
                self.bring_to(4 * number, stage, lasts)

    # --- The end ------------------------------------------------------------------------------------------------------

    @step(who=mostly("sam", "nora"), says=st.sampled_from([True, True, False]), agreed=agreements)
    def close(self, who: str, says: bool, agreed: int | None) -> None:
        """Each open item says where it went, and a body that set the date of one has agreed. Not before half of the
        steps are done, for afterwards nothing goes.
        """
        who = self.present(who)
        still_open = sorted(
            (one for one in self.model.milestones if one.status not in ("achieved", "cancelled")),
            key=lambda one: one.id,
        )
        waiting = any(one.submission is not None and one.submission.waiting for one in self.model.items)
        withheld = any(not self.model.knows(who, one) for one in still_open)
        owns = any(one.owner == who for one in still_open)
        is_theirs_to_say = any(one.set_by != "plan" for one in still_open)
        expected = (
            self.judge_plan(who, "approve")
            or refused(("plan_not_approved", self.model.state != "approved"))
            or refused(("submissions_waiting", waiting), ("items_withheld", withheld), ("own_items", owns))
            or refused(("agreement_missing", is_theirs_to_say and agreed is None))
            or invalid(("/agreement/on", is_theirs_to_say and agreed is not None and agreed < 0))
            or invalid(*((f"/items/{one.ref}", not says) for one in still_open))
        )
        if expected is None and self.steps < MACHINE_STEPS // 2:
            return
        if self.attempt(
            expected,
            who,
            closing.close_plan,
            slug=self.world.plan,
            reason="It has done its work",
            rest=Destination("The next plan") if says else None,
            agreement=None if agreed is None else Agreement("The judge", self.day(-agreed), "A letter"),
        ):
            self.model.close()
            self._each_says_where_it_went({one.id for one in still_open})

    def _each_says_where_it_went(self, still_open: set[str]) -> None:
        rows = self.latest
        assert {row["milestone_id"] for row in rows["carried_over"]} == still_open
        said = {row["item_id"]: row["body"] for row in rows["texts"] if row["field"] == "carried_over"}
        assert said == dict.fromkeys(still_open, "The next plan")
        assert [row for row in rows["change_requests"] if row["state"] == "requested"] == []

    @step(weight=2, outcome=st.sampled_from(["accepted", "rejected"]))
    def wind_up(self, outcome: str) -> None:
        """What waits is looked at, and the plan is closed: few would be, otherwise."""
        if self.steps < MACHINE_STEPS // 2 or self.model.state != "approved":
            return
        for place, item in enumerate(self.model.items):
            if item.submission is not None and item.submission.waiting:
                story = next(one for one in self.model.milestones if one.id in item.links)
                self.review(4 * place, 0, "petra" if story.owner == "sam" else "sam", outcome)
        is_sams = any(
            one.owner == "sam" for one in self.model.milestones if one.status not in ("achieved", "cancelled")
        )
        self.close("nora" if is_sams else "sam", says=True, agreed=0)
