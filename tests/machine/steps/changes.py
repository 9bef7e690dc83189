"""What was agreed is changed: dates, cancellation, merging, replacement, splits and criteria, asked for and decided."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import strategies as st

from app.domain.change_requests import Agreement, Part
from app.domain.words import CancellationGround, ChangeKind
from app.services import change_requests
from tests.machine.base import asker, key, officer, one_of, step, which
from tests.machine.facts import DAY, Request
from tests.machine.outcomes import DENIED, Outcome, invalid, refused
from tests.machine.steps.progress import Progress
from tests.machine.story import Story

# Whether an outside body that set the date is said to agree, and when that was.
agreements = st.sampled_from([None, 0, 0, 0, 3, -1])
TOUCHING_THE_DATE = (ChangeKind.DUE_DATE, ChangeKind.CANCELLATION, ChangeKind.REPLACEMENT, ChangeKind.SPLIT)
ONE_LINE, TWO_LINES = "A rota that covers every shift", "A rota that covers every shift\nStaff have read it"
OPEN = ("not_started", "in_progress", "completed")


class Changes(Progress):
    """See the module."""

    @step(weight=2, number=which, who=asker, due=st.integers(-10, 120), again=st.booleans(), agreed=agreements)
    def ask_for_date(self, number: int, who: str, due: int, again: bool, agreed: int | None) -> None:
        """For another due date, or for the one that it has already."""
        story, who = self.story(number, *OPEN), self.present(who)
        day = story.due if again and story.due is not None else self.today + due * DAY
        self._ask(
            who,
            story,
            Request("", "due_date", who, day),
            wrong=(("/due_date", story.is_too_early(day)),),
            agreed=agreed,
            due_date=day,
        )

    @step(number=which, who=asker, agreed=agreements)
    def ask_to_cancel(self, number: int, who: str, agreed: int | None) -> None:
        story, who = self.story(number, *OPEN), self.present(who)
        wish = Request("", "cancellation", who, None)
        self._ask(who, story, wish, agreed=agreed, ground=CancellationGround.NO_LONGER_NEEDED)

    @step(number=which, other=which, who=asker, agreed=agreements)
    def ask_to_merge(self, number: int, other: int, who: str, agreed: int | None) -> None:
        """Into another milestone, which who asks must know of and which must go on."""
        story, who = self.story(number, *OPEN), self.present(who)
        into = self.model.milestones[other % len(self.model.milestones)]
        self._ask(
            who,
            story,
            Request("", "cancellation", who, None, into=into.id),
            wrong=(("/other", into is story or not self.model.knows(who, into)),),
            agreed=agreed,
            ground=CancellationGround.MERGED,
            other=into.id,
        )

    @step(number=which, who=asker, words=st.sampled_from([ONE_LINE, TWO_LINES, "A rota that was read"]))
    def ask_for_criteria(self, number: int, who: str, words: str) -> None:
        story, who = self.story(number, "not_started", "in_progress"), self.present(who)
        self._ask(who, story, Request("", "criteria", who, None, words=words), success_criterion=words)

    @step(number=which, who=asker, due=st.integers(-10, 90), agreed=agreements)
    def ask_to_replace(self, number: int, who: str, due: int, agreed: int | None) -> None:
        parts = (("It works", self.today + due * DAY),)
        self._ask_for_parts(number, who, "replacement", parts, agreed)

    @step(
        weight=2,
        number=which,
        who=asker,
        dues=st.lists(st.integers(-10, 120), min_size=2, max_size=3),
        left_out=st.sampled_from([None, None, None, 0, 1]),
        agreed=agreements,
    )
    def ask_to_split(self, number: int, who: str, dues: list[int], left_out: int | None, agreed: int | None) -> None:
        """Into parts that take over what was agreed line by line in turn, but for one that is left out."""
        lines = self.story(number, "not_started", "in_progress").criterion.splitlines()
        kept = [line for place, line in enumerate(lines) if place != left_out]
        words = ["\n".join(["A list", *kept[turn :: len(dues)]]) for turn in range(len(dues))]
        parts = tuple(zip(words, [self.today + due * DAY for due in dues], strict=True))
        self._ask_for_parts(number, who, "split", parts, agreed)

    def _ask_for_parts(
        self, number: int, who: str, kind: str, parts: tuple[tuple[str, date], ...], agreed: int | None
    ) -> None:
        story, who = self.story(number, *(OPEN[:2] if kind == "split" else OPEN)), self.present(who)
        if len(self.model.milestones) + len(parts) > 7:
            return
        self._ask(
            who,
            story,
            Request("", kind, who, None, parts=parts),
            wrong=tuple((f"/parts/{place}/due_date", story.is_too_early(day)) for place, (_, day) in enumerate(parts)),
            agreed=agreed,
            parts=tuple(Part(title="Another way", success_criterion=words, due_date=day) for words, day in parts),
        )

    def _ask(
        self,
        who: str,
        story: Story,
        asked: Request,
        *,
        wrong: tuple[tuple[str, bool], ...] = (),
        agreed: int | None = 0,
        **wish: Any,
    ) -> None:
        kind = ChangeKind(asked.kind)
        if story.set_by != "plan" and kind in TOUCHING_THE_DATE:
            asked.agreed_on = self.day(None if agreed is None else -agreed)
            wrong = (*wrong, *_wrong_agreement(agreed))
        expected = self.judge(who, "request", story) or self._unmet(story, asked, invalid(*wrong))
        if self.attempt(
            expected,
            who,
            change_requests.request_change,
            milestone=key(story),
            kind=kind,
            reason="It is better so",
            agreement=None if agreed is None else Agreement("The judge", self.day(-agreed), "A letter"),
            **wish,
        ):
            made = self.newest_request(story, asked.kind, who, asked.due)
            asked.id, asked.owner_then = made.id, made.owner_then
            story.requests.append(asked)
            self.model.settle()

    def _unmet(self, story: Story, asked: Request, wrong: Outcome) -> Outcome:
        """State first; then what is wrong with what was sent; then that the same waits already."""
        further = () if wrong else self._against(story, asked)
        twice = any(
            one.state == "requested" and one.asked_by == asked.asked_by and one.wish == asked.wish
            for one in story.requests
        )
        return (
            refused(*self._against_any(story, asked.kind), *further, *_changes_nothing(story, asked))
            or wrong
            or refused(("already_asked", twice))
        )

    def _against_any(self, story: Story, kind: str) -> tuple[tuple[str, bool], ...]:
        return (
            *self.stands,
            ("milestone_ended", story.status in ("achieved", "cancelled")),
            ("milestone_completed", kind in ("criteria", "split") and story.status == "completed"),
        )

    def _against(self, story: Story, asked: Request) -> tuple[tuple[str, bool], ...]:
        into = next((one for one in self.model.milestones if one.id == asked.into), None)
        touches = asked.kind in TOUCHING_THE_DATE
        gaps = story.lacks(asked.parts) if asked.kind == "split" else 0
        return (
            *[("criteria_gap", True)] * gaps,
            ("agreement_missing", touches and story.set_by != "plan" and asked.agreed_on is None),
            ("other_cancelled", into is not None and into.status == "cancelled"),
            ("other_achieved", into is not None and into.status == "achieved"),
        )

    @step(weight=2, number=which, due=st.integers(-10, 120))
    def agree_on_a_date(self, number: int, due: int) -> None:
        """Asked for and approved at once, so that dates do move."""
        story = self.story(number, *OPEN)
        asked = len(story.requests)
        self.ask_for_date(self.number_of(story), "petra", due, again=False, agreed=0)
        self._approve_newest(story, asked)

    @step(weight=2, number=which, dues=st.lists(st.integers(0, 120), min_size=2, max_size=2))
    def agree_on_a_split(self, number: int, dues: list[int]) -> None:
        story = self.story(number, "not_started", "in_progress")
        asked = len(story.requests)
        self.ask_to_split(self.number_of(story), "petra", dues, left_out=None, agreed=0)
        self._approve_newest(story, asked)

    @step(weight=2, number=which, due=st.integers(0, 120))
    def decide_what_one_asked_for(self, number: int, due: int) -> None:
        """By the one person who may both ask and decide, and never may do both about one change."""
        story = self.story(number, *OPEN)
        asked = len(story.requests)
        self.ask_for_date(self.number_of(story), "nora", due, again=False, agreed=0)
        self._approve_newest(story, asked, by="nora")

    def _approve_newest(self, story: Story, asked: int, *, by: str = "") -> None:
        if len(story.requests) > asked:
            place = self.model.milestones.index(story) + 1
            number = sum(len(one.requests) for one in self.model.milestones[:place]) - 1
            self.decide(4 * number, by or ("nora" if story.owner == "sam" else "sam"), "approved")

    @step(weight=4, number=which, who=officer, outcome=st.sampled_from(["approved", "approved", "declined"]))
    def decide(self, number: int, who: str, outcome: str) -> None:
        asked = [(story, request) for story in self.model.milestones for request in story.requests]
        if not asked:
            return
        story, request = one_of(asked, number, lambda one: one[1].state == "requested")
        who, waits = self.present(who), request.state == "requested"
        is_judged = outcome == "approved" and waits
        against: tuple[tuple[str, bool], ...] = (self.closed,)
        if is_judged:
            early = story.is_too_early(request.due, *(day for _, day in request.parts))
            against = (
                *self._against_any(story, request.kind),
                *self._against(story, request),
                ("due_before_start", early),
                *_changes_nothing(story, request),
            )
        expected = (
            self.judge(who, "read", story)
            or self.judge(who, "decide", story)
            or refused(
                ("already_decided", not waits),
                ("own_request", request.asked_by == who),
                ("own_milestone", who in (story.owner, request.owner_then)),
                *against,
            )
        )
        if self.attempt(
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
            return
        if request.kind == "criteria":
            story.criterion = request.words
            return
        known = {one.id for one in self.model.milestones}
        made = sorted(
            (row for row in self.milestone_rows() if row["id"] not in known), key=lambda row: int(row["position"])
        )
        for row, (words, due) in zip(made, request.parts, strict=True):
            follow = story.divided if request.kind == "split" else story.replaced
            self.model.milestones.append(follow(row["id"], row["ref"], due, self.today, words))
        story.cancel()

    @step(number=which, who=asker)
    def take_back_a_request(self, number: int, who: str) -> None:
        """By who asked, as a rule."""
        asked = [(story, request) for story in self.model.milestones for request in story.requests]
        if not asked:
            return
        story, request = one_of(asked, number, lambda one: one[1].state == "requested")
        who = self.present(request.asked_by if number % 2 else who)
        expected = self.judge(who, "read", story)
        if expected is None and who != request.asked_by:
            expected = DENIED
        expected = expected or refused(("already_decided", request.state != "requested"), self.closed)
        if self.attempt(expected, who, change_requests.withdraw_change, change_request=request.id):
            request.state = "withdrawn"
            self.model.settle()


def _changes_nothing(story: Story, asked: Request) -> tuple[tuple[str, bool], ...]:
    is_same_day = asked.due is not None and asked.due == story.due and not story.is_reopening
    return ("same_date", is_same_day), ("same_criterion", asked.kind == "criteria" and asked.words == story.criterion)


def _wrong_agreement(agreed: int | None) -> tuple[tuple[str, bool], ...]:
    if agreed is None:
        return tuple((f"/agreement/{name}", True) for name in ("by", "reference", "on"))
    return (("/agreement/on", agreed < 0),)
