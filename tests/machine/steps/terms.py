"""A plan's evidence policy and settings change by request alone; milestones that a policy no longer finds met fall back
in the same transaction.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from app.domain.words import ChangeKind, EvidencePolicy, MovedRule
from app.services import change_requests, plans
from tests.machine.base import asker, manager, mostly, officer, one_of, step, which
from tests.machine.facts import Request
from tests.machine.outcomes import invalid, refused
from tests.machine.steps.changes import Changes

# What the terms of a plan are called where they are asked for, and as what they are sent.
SENT: dict[str, tuple[str, Any]] = {
    "policy": ("evidence_policy", EvidencePolicy),
    "tolerance": ("tolerance_days", int),
    "overdue_limit": ("overdue_limit_days", int),
    "moved_rule": ("moved_rule", MovedRule),
    "cycle": ("cycle_days", int),
}
settings = st.sampled_from([
    ("tolerance", 0), ("tolerance", 28), ("overdue_limit", 0), ("overdue_limit", 7), ("moved_rule", "any"),
    ("moved_rule", "standard"), ("moved_rule", "off"), ("cycle", 7), ("cycle", 30),
])  # fmt: skip
policies = st.sampled_from([("policy", "attached"), ("policy", "accepted")])
becoming = settings | settings | policies


class PlanTerms(Changes):
    """See the module."""

    @step(weight=2, who=asker, becomes=becoming)
    def ask_for_setting(self, who: str, becomes: tuple[str, int | str]) -> None:
        who, (name, value) = self.present(who), becomes
        kind = ChangeKind.POLICY if name == "policy" else ChangeKind.SETTINGS
        sent, as_word = SENT[name]
        field = "/evidence_policy" if name == "policy" else "/tolerance_days"
        twice = any(
            (one.state, one.asked_by, one.setting) == ("requested", who, becomes) for one in self.model.requests
        )
        expected = (
            self.judge_plan(who, "request")
            or refused(*self.stands)
            or invalid((field, getattr(self.model.terms, name) == value))
            or refused(("already_asked", twice))
        )
        if self.attempt(
            expected, who, change_requests.request_settings, slug=self.world.plan, kind=kind,
            reason="It fits better", **{sent: as_word(value)},
        ):  # fmt: skip
            request = self.newest_request(None, str(kind), who, None)
            request.setting = becomes
            self.model.requests.append(request)

    @step(weight=2, number=which, who=officer, outcome=st.sampled_from(["approved", "approved", "declined"]))
    def decide_setting(self, number: int, who: str, outcome: str) -> None:
        if not self.model.requests:
            return
        request = one_of(self.model.requests, number, lambda one: one.state == "requested")
        who = self.present(who)
        waits, is_approved = request.state == "requested", outcome == "approved"
        name, value = request.setting
        expected = self.judge_plan(who, "decide") or refused(
            ("already_decided", not waits),
            ("own_request", request.asked_by == who),
            self.closed,
            ("already_so", waits and is_approved and getattr(self.model.terms, name) == value),
        )
        if self.attempt(
            expected, who, change_requests.decide_change, change_request=request.id, outcome=outcome, reason="So be it"
        ):
            request.state = outcome
            if is_approved:
                self._put_in_force(request)

    def _put_in_force(self, request: Request) -> None:
        """Whoever stood on evidence that no longer counts has fallen back by the time the policy is in force."""
        name, value = request.setting
        setattr(self.model.terms, name, value)
        stood = {story.id for story in self.model.milestones if story.status == "achieved"}
        self.model.settle()
        fell = {story.id for story in self.model.milestones if story.id in stood and story.status != "achieved"}
        rows = {row["id"]: row for row in self.milestone_rows()}
        assert {id_ for id_ in stood if rows[id_]["status"] == "completed"} == fell

    @step(who=officer, policy=policies)
    def change_policy(self, who: str, policy: tuple[str, str]) -> None:
        """Asked for and decided at once, by whoever it is."""
        asked = len(self.model.requests)
        self.ask_for_setting("petra", policy)
        if len(self.model.requests) > asked:
            self.decide_setting(4 * asked, who, "approved")

    @step(who=mostly("petra", "sam"), tolerance=st.sampled_from([0, 10, 28]))
    def edit_settings(self, who: str, tolerance: int) -> None:
        """By hand they change in a draft only."""
        who, state = self.present(who), self.model.state
        expected = self.judge_plan(who, "edit") or invalid(("/tolerance_days", state != "draft"))
        changes = {"tolerance_days": tolerance}
        if self.attempt(expected, who, plans.edit_plan, slug=self.world.plan, changes=changes, if_match=None):
            self.model.terms.tolerance = tolerance
            self.model.settle()

    @step(who=manager, title=st.sampled_from(["Safeguarding Plan", "Safeguarding, again"]))
    def rename(self, who: str, title: str) -> None:
        who = self.present(who)
        expected = self.judge_plan(who, "edit") or self.read_only
        self.attempt(expected, who, plans.edit_plan, slug=self.world.plan, changes={"title": title}, if_match=None)
