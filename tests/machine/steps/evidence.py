"""Evidence is attached, linked, reviewed and withdrawn."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from app.domain.words import ReviewOutcome
from app.services import evidence
from tests.machine.base import Base, key, mostly, officer, one_of, step, which
from tests.machine.facts import Item, Review
from tests.machine.outcomes import DENIED, MISSING, refused


class Evidence(Base):
    """See the module."""

    @step(
        weight=3,
        number=which,
        who=mostly("connie", "pol", "nat", "petra", "key"),
        form=st.sampled_from(["file", "file", "link", "statement"]),
        lasts=st.none() | st.integers(-2, 40),
    )
    def attach(self, number: int, who: str, form: str, lasts: int | None) -> None:
        story, who = self.story(number, "in_progress", "completed", "achieved"), self.present(who)
        until = self.day(lasts)
        content: dict[str, dict[str, Any]]
        content = {"file": {"upload": self.new_file()}, "link": {"link": "https://example.org/rota"}}
        expected = self.judge(who, "attach", story) or refused(
            self.closed, ("milestone_cancelled", story.status == "cancelled")
        )
        if self.attempt(
            expected,
            who,
            evidence.attach_evidence,
            milestone=key(story),
            title="Rota",
            effective_to=until,
            **content.get(form, {"statement": "I saw it"}),
        ):
            self.note_newest_item(story, who, form, until)
            self.model.settle()

    @step(weight=2, number=which, item=which, who=mostly("connie", "pol", "petra"))
    def link(self, number: int, item: int, who: str) -> None:
        if not self.model.items:
            return
        one, who = self.item(item), self.present(who)
        story = one_of(self.model.milestones, number, lambda story: story.id not in one.links)
        expected = self.judge(who, "attach", story)
        if expected is None and not self.model.knows_item(who, one):
            expected = MISSING
        expected = (
            expected
            or refused(self.closed, ("milestone_cancelled", story.status == "cancelled"))
            or refused(("evidence_withdrawn", one.withdrawn))
            or refused(("already_linked", story.id in one.links))
        )
        if self.attempt(expected, who, evidence.link_evidence, milestone=key(story), evidence=one.id):
            one.links[story.id] = None
            self.model.settle()

    @step(weight=4, item=which, link=which, who=officer, outcome=st.sampled_from(["accepted", "accepted", "rejected"]))
    def review(self, item: int, link: int, who: str, outcome: str) -> None:
        if not self.model.items:
            return
        one, who = self.item(item), self.present(who)
        linked = [story for story in self.model.milestones if story.id in one.links]
        story = linked[link % len(linked)]
        expected = (
            self.judge_item(who, one)
            or self.judge(who, "review", story)
            or self.read_only
            or refused(
                ("evidence_withdrawn", one.withdrawn),
                ("own_evidence", one.provider == who),
                ("own_milestone", story.owner == who),
            )
        )
        if self.attempt(
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
            self._waits_no_longer(one)
            self.model.settle()

    @step(weight=2, item=which, who=mostly("petra", "sam", "connie", "pol"))
    def withdraw(self, item: int, who: str) -> None:
        if not self.model.items:
            return
        one, who = self.item(item), self.present(who)
        expected = self.judge_item(who, one)
        if expected is None and not self.model.may_withdraw(who, one):
            expected = DENIED
        expected = expected or self.read_only or refused(("already_withdrawn", one.withdrawn))
        if self.attempt(expected, who, evidence.withdraw_evidence, evidence=one.id, reason="It was the wrong one"):
            one.withdrawn = True
            self._waits_no_longer(one)
            self.model.settle()

    @staticmethod
    def _waits_no_longer(item: Item) -> None:
        if item.submission is not None:
            item.submission.waiting = False
