"""Reports, counts and lists are those of a plain walk through everything that the reader may know of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from app.domain.exception_reports import ExceptionFilters
from app.domain.plans import MilestoneFilters
from app.services import exception_reports, milestones, plan_home
from tests.machine.facts import Colour, Submission, last_instant, london_day
from tests.machine.steps.life import Life

RED, AMBER = Colour.RED, Colour.AMBER
WORDS = ("red", "amber", "green", "not_due", "achieved", "cancelled", "carried_over")


class Readers(Life):
    """See the module."""

    def report_is_complete(self, who: str, on: date) -> None:
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

    def counts_agree(self, who: str) -> None:
        known = [story for story in self.model.milestones if self.model.knows(who, story)]
        words = [self.model.word(story, self.today) for story in known if self.model.state != "draft"]
        home = self.world.read(who, plan_home.plan_home, slug=self.world.plan)
        for name in WORDS:
            assert getattr(home.counts, name) == words.count(name), name
        assert sum(getattr(home.counts, name) for name in WORDS) == len(words)
        outstanding = [
            story for story in known if story.status == "completed" and not self.model.met_on(story, self.model.as_of)
        ]
        assert home.counts.evidence_outstanding == (len(outstanding) if words else 0)
        waiting = [one for one in self._submissions(who) if one.waiting]
        colours = [one.colour(self.now) for one in waiting]
        inbox = home.inbox
        assert (inbox.waiting, inbox.red, inbox.amber) == (len(waiting), colours.count(RED), colours.count(AMBER))
        review = None if self.model.state == "closed" else self.model.terms.next_review(self.today)
        assert home.plan.next_review == review
        turning = [
            story
            for story in known
            if review and story.colour_on(self.today) is not RED and story.colour_on(review) is RED
        ]
        assert home.turns_red_total == len(turning)

    def list_agrees(self, who: str) -> None:
        page = self.world.read(who, milestones.list_milestones, slug=self.world.plan, filters=MilestoneFilters())
        known = {story.id: story for story in self.model.milestones if self.model.knows(who, story)}
        assert {row.id for row in page.items} == set(known)
        for row in page.items:
            story = known[row.id]
            shown = self.model.word(story, self.today)
            has_colour = self.model.state == "approved" and shown in ("red", "amber", "green")
            assert (row.rag or None) == (shown if has_colour else None)
            assert row.status == story.status
            met = self.model.met_on(story, self.model.as_of)
            assert (row.evidence.state == "met") == met
            assert ("evidence outstanding" in row.standing) == (story.status == "completed" and not met)


def word(colour: Colour) -> str:
    return colour.name.lower()


def reference(ref: str) -> tuple[str, int]:
    letters, _, number = ref.rpartition("-")
    return letters, int(number)
