"""Every guard refuses, by raw SQL; and it alone does: without its trigger the same statement gets by it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from app.migrations import guarded, triggers
from app.migrations.guarded import TABLES, Guarded
from tests.gate.outside import DAY, NOW, Outside

LATER = NOW + timedelta(days=1)
EARLIER = NOW - timedelta(days=1)
REVIEW = "UPDATE evidence_links SET outcome = ?, reviewed_by = ?, reviewed_at = ? WHERE evidence_id = 'e'"
ACHIEVE = "UPDATE milestones SET status = 'achieved', achieved_on = ? WHERE id = 'm'"


@dataclass(frozen=True)
class Case:
    """What is tried, after what, and which guard must refuse it with which sentence."""

    trigger: str
    trying: str
    guard: str
    sentence: str
    statement: str | Callable[[Outside], Any]
    values: tuple[object, ...] = ()
    after: tuple[tuple[Any, ...], ...] = ()
    only: str = ""

    def __str__(self) -> str:
        return f"{self.trigger}: {self.trying}"

    def prepare(self, outside: Outside) -> None:
        for statement, *values in self.after:
            if callable(statement):
                statement(outside)
            else:
                outside.run(statement, *values)

    def attempt(self, outside: Outside) -> tuple[str, str] | None:
        statement = self.statement
        if callable(statement):
            return outside.refused_by(lambda: statement(outside))
        return outside.refused(statement, *self.values)


def gate(trigger: str, trying: str, sentence: str, statement: Any, *values: object, after: Any = ()) -> Case:
    return Case(trigger, trying, guarded.GATE, sentence, statement, values, after)


ACHIEVED = (ACHIEVE, DAY)
REVIEWED = (REVIEW, "accepted", "reviewer", NOW)
ENDED_VERSION = {
    "id": "ended", "first_version_id": "e", "supersedes_id": "e", "version_number": 2,
    "effective_to": DAY - timedelta(days=1),
}  # fmt: skip
ACCEPTED_VERSION = {
    "evidence_id": "ended", "milestone_id": "m", "outcome": "accepted", "reviewed_by": "reviewer", "reviewed_at": NOW,
}  # fmt: skip

GATE_CASES = [
    gate("milestones_gate_insert", "insert achieved", guarded.NEVER_INSERTED,
         lambda outside: outside.insert("milestones", id="new", status="achieved", achieved_on=DAY)),
    gate("milestones_gate_update", "achieve what is in progress", guarded.ONLY_FROM_COMPLETED, ACHIEVE, DAY,
         after=[("UPDATE milestones SET status = 'in_progress' WHERE id = 'm'",)]),
    gate("milestones_gate_update", "achieve what was cancelled", guarded.ONLY_FROM_COMPLETED, ACHIEVE, DAY,
         after=[("UPDATE milestones SET status = 'cancelled' WHERE id = 'm'",)]),
    gate("milestones_gate_update", "achieve in a draft plan", guarded.NEEDS_APPROVED_PLAN,
         "UPDATE milestones SET status = 'achieved', achieved_on = ? WHERE id = 'n'", DAY,
         after=[(lambda outside: another_plan(outside, state="draft"),)]),
    gate("milestones_gate_update", "achieve in a closed plan", guarded.NEEDS_APPROVED_PLAN, ACHIEVE, DAY,
         after=[("UPDATE plans SET state = 'closed' WHERE id = 'plan'",)]),
    gate("milestones_gate_update", "achieve without evidence", guarded.NEEDS_EVIDENCE,
         "UPDATE milestones SET status = 'achieved', achieved_on = ? WHERE id = 'bare'", DAY,
         after=[(lambda outside: outside.insert("milestones", id="bare"),)]),
    gate("milestones_gate_update", "achieve everything at once", guarded.NEEDS_EVIDENCE,
         "UPDATE milestones SET status = 'achieved', achieved_on = ?", DAY,
         after=[(lambda outside: outside.insert("milestones", id="bare"),)]),
    gate("milestones_gate_update", "achieve with evidence that had ended", guarded.NEEDS_EVIDENCE, ACHIEVE, DAY,
         after=[("UPDATE evidence SET effective_to = ? WHERE id = 'e'", DAY - timedelta(days=1))]),
    gate("milestones_gate_update", "move the achieved date past the evidence", guarded.NEEDS_EVIDENCE,
         "UPDATE milestones SET achieved_on = ? WHERE id = 'm'", DAY + timedelta(days=1),
         after=[("UPDATE evidence SET effective_to = ? WHERE id = 'e'", DAY), ACHIEVED]),
    gate("milestones_gate_update", "reopen and stay achieved", guarded.NEEDS_EVIDENCE,
         "UPDATE milestones SET reopened_at = ? WHERE id = 'm'", NOW, after=[ACHIEVED]),
    gate("evidence_gate", "withdraw what an achieved milestone needs", guarded.WOULD_LOSE_EVIDENCE,
         "UPDATE evidence SET withdrawn_at = ?, withdrawn_by = 'Owner' WHERE id = 'e'", NOW, after=[ACHIEVED]),
    gate("evidence_gate", "withdraw all evidence", guarded.WOULD_LOSE_EVIDENCE,
         "UPDATE evidence SET withdrawn_at = ?, withdrawn_by = 'Owner'", NOW,
         after=[(lambda outside: more_evidence(outside, "e2"),), ACHIEVED]),
    gate("evidence_gate", "find it infected", guarded.WOULD_LOSE_EVIDENCE,
         "UPDATE evidence SET scan = 'infected' WHERE id = 'e'", after=[ACHIEVED]),
    gate("evidence_gate", "end it before the achieved date", guarded.WOULD_LOSE_EVIDENCE,
         "UPDATE evidence SET effective_to = ? WHERE id = 'e'", DAY - timedelta(days=1), after=[ACHIEVED]),
    gate("evidence_links_gate_version", "accept a newer version that has ended", guarded.WOULD_LOSE_EVIDENCE,
         lambda outside: outside.insert("evidence_links", **ACCEPTED_VERSION),
         after=[(lambda outside: outside.insert("evidence", **ENDED_VERSION),), ACHIEVED]),
    Case("evidence_gate_version", "insert a newer version that has ended after its link", guarded.GATE,
         guarded.LINKED_FIRST, lambda outside: outside.insert("evidence", **ENDED_VERSION),
         after=((lambda outside: outside.insert("evidence_links", **ACCEPTED_VERSION),),), only="sqlite"),
    gate("evidence_links_gate_update", "reject what an achieved milestone needs", guarded.WOULD_LOSE_EVIDENCE,
         REVIEW, "rejected", "reviewer", NOW, after=[ACHIEVED]),
    gate("evidence_links_gate_update", "return what had been accepted", guarded.WOULD_LOSE_EVIDENCE,
         REVIEW, "returned", "reviewer", LATER, after=[REVIEWED, ACHIEVED]),
    gate("plans_gate", "ask for acceptance where only files were sent", guarded.POLICY_UNMET,
         "UPDATE plans SET evidence_policy = 'accepted' WHERE id = 'plan'", after=[ACHIEVED]),
]  # fmt: skip


def another_plan(outside: Outside, *, state: str) -> None:
    outside.insert("plans", id="other", slug="other", state=state)
    outside.insert("themes", id="theme2", plan_id="other")
    outside.insert("actions", id="action2", plan_id="other", theme_id="theme2")
    outside.insert("milestones", id="n", plan_id="other", theme_id="theme2", action_id="action2", due_date=DAY)
    outside.insert("evidence", id="f", plan_id="other")
    outside.insert("evidence_links", evidence_id="f", milestone_id="n", plan_id="other")


def more_evidence(outside: Outside, item: str) -> None:
    outside.insert("evidence", id=item)
    outside.insert("evidence_links", evidence_id=item, milestone_id="m")


def insert_reviewed(outside: Outside, *, reviewer: str) -> None:
    outside.insert(
        "evidence_links", evidence_id="e", milestone_id="m2", outcome="accepted", reviewed_by=reviewer, reviewed_at=NOW
    )


def sent_by_key(outside: Outside) -> None:
    outside.insert("organisation_keys", id="key")
    outside.insert("evidence", id="k", provided_by=None, provided_by_key="key")


def another_milestone(outside: Outside) -> None:
    outside.insert("milestones", id="m2", due_date=DAY, baseline_date=DAY)


def correction(outside: Outside, *, was: date) -> None:
    outside.insert(
        "baseline_corrections", id="first", milestone_id="m2", was=was, baseline_date=date(2026, 3, 1), corrected_at=NOW
    )


APPROVE = "UPDATE change_requests SET state = 'approved', decided_by = 'reviewer', decided_at = ? WHERE id = ?"
DECIDE = "UPDATE change_requests SET state = ?, decided_by = ?, decided_at = ? WHERE id = ?"
SET_BY_OFSTED = ("UPDATE milestones SET due_set_by = 'ofsted' WHERE id = 'm'",)
DUE = "UPDATE milestones SET due_date = ? WHERE id = 'm'"
SCORES = "UPDATE evidence_links SET relevance = 3, robustness = 3 WHERE evidence_id = 'e'"
REDACT = "UPDATE texts SET body = NULL, salt = NULL, redacted_at = ? WHERE id = 'text'"

OTHER_CASES = [
    Case("evidence_links_independent_insert", "insert a review by the provider", guarded.INDEPENDENT,
         guarded.OWN_EVIDENCE, lambda outside: insert_reviewed(outside, reviewer="provider"),
         after=((another_milestone,),)),
    Case("evidence_links_independent_insert", "insert a review by the owner", guarded.INDEPENDENT,
         guarded.OWN_MILESTONE, lambda outside: insert_reviewed(outside, reviewer="owner"),
         after=((another_milestone,),)),
    Case("evidence_links_independent_insert", "review what one's organisation's key sent", guarded.INDEPENDENT,
         guarded.OWN_ORGANISATION, lambda outside: outside.insert(
             "evidence_links", evidence_id="k", milestone_id="m", outcome="accepted", reviewed_by="reviewer",
             reviewed_at=NOW),
         after=((sent_by_key,),)),
    Case("evidence_links_independent_update", "review one's own evidence", guarded.INDEPENDENT, guarded.OWN_EVIDENCE,
         REVIEW, ("accepted", "provider", NOW)),
    Case("evidence_links_independent_update", "review for one's own milestone", guarded.INDEPENDENT,
         guarded.OWN_MILESTONE, REVIEW, ("rejected", "owner", NOW)),
    Case("evidence_links_independent_update", "put another's name to a review", guarded.INDEPENDENT,
         guarded.OWN_EVIDENCE, "UPDATE evidence_links SET reviewed_by = 'provider' WHERE evidence_id = 'e'",
         after=(REVIEWED,)),
    Case("evidence_links_review_stands", "erase a review", guarded.REVIEW, guarded.REVIEW_ERASED,
         REVIEW, (None, None, None), after=((REVIEW, "rejected", "reviewer", NOW),)),
    Case("evidence_links_review_stands", "date a review before the last", guarded.REVIEW, guarded.REVIEW_BACKDATED,
         REVIEW, ("rejected", "reviewer", EARLIER), after=(REVIEWED,)),
    Case("evidence_links_review_stands", "change the scores of a review", guarded.REVIEW, guarded.SCORES_CHANGED,
         SCORES, after=(REVIEWED,)),
    Case("evidence_links_review_stands", "score what was not reviewed", guarded.REVIEW, guarded.SCORES_CHANGED, SCORES),
    Case("evidence_withdrawal_stands", "take a withdrawal back", guarded.WITHDRAWAL, guarded.WITHDRAWAL_STANDS,
         "UPDATE evidence SET withdrawn_at = NULL, withdrawn_by = NULL WHERE id = 'e'",
         after=(("UPDATE evidence SET withdrawn_at = ?, withdrawn_by = 'Owner' WHERE id = 'e'", NOW),)),
    Case("evidence_withdrawal_stands", "say somebody else withdrew it", guarded.WITHDRAWAL, guarded.WITHDRAWAL_STANDS,
         "UPDATE evidence SET withdrawn_by = 'Another' WHERE id = 'e'",
         after=(("UPDATE evidence SET withdrawn_at = ?, withdrawn_by = 'Owner' WHERE id = 'e'", NOW),)),
    Case("evidence_disposal_stands", "take a disposal back", guarded.WITHDRAWAL, guarded.DISPOSAL_STANDS,
         "UPDATE evidence SET disposed_at = NULL WHERE id = 'e'",
         after=(("UPDATE evidence SET withdrawn_at = ?, withdrawn_by = 'Owner' WHERE id = 'e'", NOW),
                ("UPDATE evidence SET disposed_at = ? WHERE id = 'e'", NOW))),
    Case("milestones_reopening_stands", "forget a reopening", guarded.REOPENING, guarded.REOPENING_STANDS,
         "UPDATE milestones SET reopened_at = NULL WHERE id = 'm'",
         after=(("UPDATE milestones SET reopened_at = ?, reopened_times = 1 WHERE id = 'm'", NOW),)),
    Case("milestones_reopening_stands", "move a reopening back", guarded.REOPENING, guarded.REOPENING_STANDS,
         "UPDATE milestones SET reopened_at = ? WHERE id = 'm'", (EARLIER,),
         after=(("UPDATE milestones SET reopened_at = ?, reopened_times = 1 WHERE id = 'm'", NOW),)),
    Case("milestones_reopening_stands", "count fewer reopenings", guarded.REOPENING, guarded.REOPENING_STANDS,
         "UPDATE milestones SET reopened_times = 0 WHERE id = 'm'",
         after=(("UPDATE milestones SET reopened_at = ?, reopened_times = 1 WHERE id = 'm'", NOW),)),
    Case("milestones_due_date_agreed", "move a due date nobody agreed", guarded.DATES, guarded.DUE_DATE_AGREED,
         DUE, (date(2026, 3, 1),)),
    Case("milestones_due_date_agreed", "take a due date away", guarded.DATES, guarded.DUE_DATE_AGREED,
         "UPDATE milestones SET due_date = NULL WHERE id = 'm2'", after=((another_milestone,),)),
    Case("milestones_due_date_agreed", "move it to a date other than agreed", guarded.DATES, guarded.DUE_DATE_AGREED,
         DUE, (date(2026, 3, 2),), after=((APPROVE, NOW, "request"),)),
    Case("milestones_due_date_agreed", "go back to an earlier agreement", guarded.DATES, guarded.DUE_DATE_AGREED,
         DUE, (date(2026, 3, 1),),
         after=((APPROVE, NOW, "request"),
                (lambda outside: outside.insert("change_requests", id="second", milestone_id="m",
                                                due_date=date(2026, 4, 1)),),
                (APPROVE, LATER, "second"))),
    Case("milestones_due_date_agreed", "move it in a closed plan", guarded.DATES, guarded.DUE_DATE_AGREED,
         DUE, (date(2026, 3, 1),), after=(("UPDATE plans SET state = 'closed' WHERE id = 'plan'",),)),
    Case("milestones_baseline_stands", "move a baseline", guarded.DATES, guarded.BASELINE_STANDS,
         "UPDATE milestones SET baseline_date = ? WHERE id = 'm2'", (date(2026, 3, 1),),
         after=((another_milestone,),)),
    Case("milestones_baseline_stands", "correct a baseline to a date other than recorded", guarded.DATES,
         guarded.BASELINE_STANDS, "UPDATE milestones SET baseline_date = ? WHERE id = 'm2'", (date(2026, 3, 2),),
         after=((another_milestone,), (lambda outside: correction(outside, was=DAY),))),
    Case("milestones_baseline_stands", "correct another baseline than was recorded", guarded.DATES,
         guarded.BASELINE_STANDS, "UPDATE milestones SET baseline_date = ? WHERE id = 'm2'", (date(2026, 3, 1),),
         after=((another_milestone,), (lambda outside: correction(outside, was=date(2026, 2, 1)),))),
    Case("milestones_baseline_stands", "go back to an earlier correction", guarded.DATES, guarded.BASELINE_STANDS,
         "UPDATE milestones SET baseline_date = ? WHERE id = 'm2'", (date(2026, 3, 1),),
         after=((another_milestone,), (lambda outside: correction(outside, was=DAY),),
                (lambda outside: outside.insert("baseline_corrections", id="last", milestone_id="m2", was=DAY,
                                                baseline_date=date(2026, 4, 1), corrected_at=LATER),))),
    Case("milestones_baseline_stands", "take a baseline away", guarded.DATES, guarded.BASELINE_STANDS,
         "UPDATE milestones SET baseline_date = NULL WHERE id = 'm2'", after=((another_milestone,),)),
    Case("milestones_baseline_stands", "move a baseline over what stands in the way", guarded.DATES,
         guarded.BASELINE_STANDS, "UPDATE OR REPLACE milestones SET baseline_date = ? WHERE id = 'm2'",
         (date(2026, 3, 1),), after=((another_milestone,),), only="sqlite"),
    Case("milestones_due_date_agreed", "move a due date over what stands in the way", guarded.DATES,
         guarded.DUE_DATE_AGREED, "UPDATE OR REPLACE milestones SET due_date = ? WHERE id = 'm'",
         (date(2026, 3, 1),), only="sqlite"),
    Case("milestones_due_date_agreed", "move it by a request that was declined", guarded.DATES,
         guarded.DUE_DATE_AGREED, DUE, (date(2026, 3, 1),),
         after=(("UPDATE change_requests SET state = 'declined', decided_by = 'reviewer', decided_at = ?", NOW),)),
    Case("milestones_due_date_agreed", "move it by a request that was withdrawn", guarded.DATES,
         guarded.DUE_DATE_AGREED, DUE, (date(2026, 3, 1),),
         after=(("UPDATE change_requests SET state = 'withdrawn', decided_at = ?", NOW),)),
    Case("milestones_first_baseline", "choose a first baseline", guarded.DATES, guarded.FIRST_BASELINE,
         "UPDATE milestones SET baseline_date = ? WHERE id = 'm'", (date(2026, 3, 1),)),
    Case("milestones_date_setter_stands", "forget who set the date", guarded.DATES, guarded.DATE_SETTER_STANDS,
         "UPDATE milestones SET due_set_by = 'plan' WHERE id = 'm'", after=(SET_BY_OFSTED,)),
    Case("change_requests_asked_first", "insert it approved", guarded.DECISION, guarded.ASKED_FIRST,
         lambda outside: outside.insert("change_requests", id="forged", milestone_id="m", state="approved",
                                        decided_by="reviewer", decided_at=NOW)),
    Case("change_requests_asked_first", "insert it withdrawn", guarded.DECISION, guarded.ASKED_FIRST,
         lambda outside: outside.insert("change_requests", id="forged", milestone_id="m", state="withdrawn")),
    Case("change_requests_decided_by_another", "approve a change of what one owns", guarded.DECISION,
         guarded.OWN_MILESTONES_CHANGE, DECIDE, ("approved", "owner", NOW, "asked"),
         after=((lambda outside: outside.insert("change_requests", id="asked", milestone_id="m",
                                                requested_by="provider"),),)),
    Case("change_requests_decided_by_another", "decline for nobody", guarded.DECISION, guarded.DECIDED_BY_NOBODY,
         DECIDE, ("declined", "nobody", NOW, "request")),
    Case("change_requests_decided_by_another", "move Ofsted's date without Ofsted", guarded.DECISION,
         guarded.BODY_HAS_NOT_AGREED, DECIDE, ("approved", "reviewer", NOW, "request"), after=(SET_BY_OFSTED,)),
    Case("plans_state_forward", "make an approved plan a draft", guarded.PLAN_STATE, guarded.PLAN_GOES_FORWARD,
         "UPDATE plans SET state = 'draft' WHERE id = 'plan'"),
    Case("plans_state_forward", "open a closed plan", guarded.PLAN_STATE, guarded.PLAN_GOES_FORWARD,
         "UPDATE plans SET state = 'approved' WHERE id = 'plan'",
         after=(("UPDATE plans SET state = 'closed' WHERE id = 'plan'",),)),
    Case("change_requests_decision_stands", "decide again", guarded.DECISION, guarded.DECISION_STANDS,
         "UPDATE change_requests SET state = 'declined' WHERE id = 'request'", after=((APPROVE, NOW, "request"),)),
    Case("texts_only_redacted", "change a text", guarded.REDACTION, guarded.ONLY_REDACTED,
         "UPDATE texts SET body = 'Something else' WHERE id = 'text'"),
    Case("texts_only_redacted", "blank a text without a date", guarded.REDACTION, guarded.ONLY_REDACTED,
         "UPDATE texts SET body = NULL, salt = NULL WHERE id = 'text'"),
    Case("texts_only_redacted", "keep the salt", guarded.REDACTION, guarded.ONLY_REDACTED,
         "UPDATE texts SET body = NULL, redacted_at = ? WHERE id = 'text'", (NOW,)),
    Case("texts_only_redacted", "redact it into another field", guarded.REDACTION, guarded.ONLY_REDACTED,
         "UPDATE texts SET body = NULL, salt = NULL, redacted_at = ?, field = 'other' WHERE id = 'text'", (NOW,)),
    Case("texts_only_redacted", "redact it again at another time", guarded.REDACTION, guarded.ONLY_REDACTED,
         REDACT, (LATER,), after=((REDACT, NOW),)),
    Case("audit_heads_only_rise", "cut a chain short", guarded.HEAD, guarded.HEAD_RISES,
         "UPDATE audit_heads SET seq = 0 WHERE chain = 'plan'"),
    Case("audit_heads_only_rise", "change the hash in place", guarded.HEAD, guarded.HEAD_RISES,
         "UPDATE audit_heads SET hash = 'forged' WHERE chain = 'plan'"),
    Case("audit_heads_only_rise", "name a chain otherwise", guarded.HEAD, guarded.HEAD_RISES,
         "UPDATE audit_heads SET chain = 'other', seq = 9 WHERE chain = 'plan'"),
    Case("plans_address_taken_update", "take another plan's address", guarded.NEVER_REPLACED, guarded.SLUG_TAKEN,
         "UPDATE plans SET slug = 'plan' WHERE id = 'other'",
         after=((lambda outside: another_plan(outside, state="draft"),),)),
    Case("plans_address_taken_update", "take an address that another plan had", guarded.NEVER_REPLACED,
         guarded.SLUG_TAKEN, "UPDATE plans SET slug = 'plan' WHERE id = 'other'",
         after=((lambda outside: another_plan(outside, state="draft"),),
                ("UPDATE plans SET slug = 'renamed' WHERE id = 'plan'",))),
    Case("plans_address_taken_insert", "begin a plan at an address that another had", guarded.NEVER_REPLACED,
         guarded.SLUG_TAKEN, lambda outside: outside.insert("plans", id="new", slug="plan"),
         after=(("UPDATE plans SET slug = 'renamed' WHERE id = 'plan'",),)),
]  # fmt: skip

KEY = {
    "audit_heads": "chain", "evidence_links": "evidence_id", "plan_addresses": "slug", "carried_over": "milestone_id",
    "criterion_ticks": "criterion_id",
}  # fmt: skip


def other_value(table: str, column: str) -> object:
    if column.endswith("_at"):
        return LATER
    if column in ("due_date", "due_was", "agreed_on", "period_from", "period_to"):
        return date(2026, 5, 5)
    if column in ("size", "version_number", "number"):
        return 11
    usual = {"ground": "merged", "form": "statement", "kind": "risk", "door": "cli"}
    if table == "change_requests" and column == "kind":
        return "policy"
    return usual.get(column, "another")


def kept_cases(table: Guarded) -> list[Case]:
    """Deleting, emptying, changing and replacing rows of one table."""
    name = table.table
    never = (guarded.NEVER_DELETED, table.sentence)
    made = [
        Case(f"{name}_never_deleted", "delete", *never, f"DELETE FROM {name}"),
        Case(f"{name}_never_truncated", "truncate", *never, f"TRUNCATE {name} CASCADE", only="postgresql"),
        Case(f"{name}_never_replaced", "replace", guarded.NEVER_REPLACED, guarded.replaced_sentence(name),
             lambda outside: replace(outside, name), only="sqlite"),
        Case(f"{name}_rowid_not_chosen", "choose a number", guarded.ROWID, guarded.ROWID_SENTENCE,
             lambda outside: insert_numbered(outside, name, -1), only="sqlite"),
    ]  # fmt: skip
    if table.append_only:
        key = KEY.get(name, "id")
        change = f"UPDATE {name} SET {key} = {key}"
        made.append(Case(f"{name}_append_only", "change", guarded.APPEND_ONLY, table.sentence, change))
    if table.stands:
        stands = (guarded.NEVER_CHANGED, table.stands_sentence)
        made += [
            Case(f"{name}_keys_stand", f"change {column}", *stands, f"UPDATE {name} SET {column} = ?",
                 (other_value(name, column),))
            for column in table.stands
        ]  # fmt: skip
        made.append(Case(f"{name}_keys_stand", "change the hidden number", *stands,
                         f"UPDATE OR REPLACE {name} SET rowid = 77", only="sqlite"))  # fmt: skip
    return made


def first_row(outside: Outside, table: str) -> dict[str, Any]:
    columns = [row[1] for row in outside.run(f"PRAGMA table_info({table})")]
    return dict(zip(columns, outside.run(f"SELECT * FROM {table}")[0], strict=True))


def replace(outside: Outside, table: str) -> None:
    outside.insert_row(table, first_row(outside, table), how="INSERT OR REPLACE")


def insert_numbered(outside: Outside, table: str, number: int) -> None:
    fresh: dict[str, dict[str, Any]] = {
        "plans": {"id": "fresh", "slug": "fresh"},
        "evidence_links": {"evidence_id": "e", "milestone_id": "m2"},
        "audit_heads": {"chain": "fresh"},
        "audit_events": {"id": "fresh", "chain": "fresh"},
        "access_log": {"id": "fresh", "item_id": "fresh"},
        "plan_addresses": {"slug": "fresh"},
        "carried_over": {"milestone_id": "m2"},
        "criterion_ticks": {"criterion_id": "another", "evidence_id": "e"},
        "record_proposals": {"id": "fresh", "kind": "disposal"},
    }
    if table == "criterion_ticks":
        outside.insert("success_criteria", id="another")
    if table in ("evidence_links", "carried_over"):
        another_milestone(outside)
    outside.insert_row(table, {"rowid": number, **outside.row(table, **fresh.get(table, {"id": "fresh"}))})


def inserting(table: str, row: dict[str, Any]) -> Callable[[Outside], None]:
    return lambda outside: outside.insert(table, **row)


MOMENTS = [
    Case(f"{table}_moments_update", f"{column} is {value!r}", guarded.MOMENT, guarded.MOMENT_SENTENCE,
         f"UPDATE {table} SET {column} = ?", (value,),
         after=(REVIEWED,) if table == "evidence_links" else (), only="sqlite")
    for table, column, value in [
        ("milestones", "achieved_on", ""),
        ("milestones", "achieved_on", "2026-02-30"),
        ("milestones", "achieved_on", 20260120),
        ("milestones", "reopened_at", "yesterday"),
        ("milestones", "reopened_at", 0),
        ("evidence", "effective_to", "never"),
        ("evidence", "effective_to", b"\xff"),
        ("evidence_links", "reviewed_at", b"\xff"),
    ]
]  # fmt: skip

INSERTED: list[tuple[str, str, dict[str, Any]]] = [
    ("milestones", "reopened_at", {"id": "m3", "reopened_at": ""}),
    ("evidence", "received_at", {"id": "e3", "received_at": "2026-01-10T09:30:00Z"}),
    ("evidence", "effective_to", {"id": "e3", "effective_to": "zzzz"}),
    ("evidence_links", "reviewed_at",
     {"evidence_id": "e", "milestone_id": "none", "outcome": "accepted", "reviewed_by": "reviewer", "reviewed_at": 7}),
]  # fmt: skip
MOMENTS += [
    Case(f"{table}_moments_insert", f"{column} is {row[column]!r}", guarded.MOMENT, guarded.MOMENT_SENTENCE,
         inserting(table, row), only="sqlite")
    for table, column, row in INSERTED
]  # fmt: skip

CASES = [*GATE_CASES, *OTHER_CASES, *MOMENTS, *(case for table in TABLES for case in kept_cases(table))]
BOTH = [(dialect, case) for case in CASES for dialect in ("sqlite", "postgresql") if case.only in ("", dialect)]
every_case = pytest.mark.parametrize(("dialect", "case"), BOTH, ids=lambda value: str(value).replace(" ", "-"))


@pytest.fixture
def stage_for(request: pytest.FixtureRequest) -> Callable[[str], Outside]:
    return lambda dialect: request.getfixturevalue(f"outside_{dialect}")


@every_case
def test_the_guard_refuses_and_says_why(stage_for: Callable[[str], Outside], dialect: str, case: Case) -> None:
    outside = stage_for(dialect)
    case.prepare(outside)

    assert case.attempt(outside) == (case.guard, case.sentence)


@every_case
def test_it_is_this_guard_that_refuses(stage_for: Callable[[str], Outside], dialect: str, case: Case) -> None:
    outside = stage_for(dialect)
    case.prepare(outside)
    table = next(table for table in TABLES_BY_LENGTH if case.trigger.startswith(table))
    on_table = f" ON {table}" if dialect == "postgresql" else ""
    outside.run(f"DROP TRIGGER {guarded.PREFIX}{case.trigger}{on_table}")

    try:
        refused = case.attempt(outside)
    except (
        psycopg.errors.CheckViolation,
        psycopg.errors.ForeignKeyViolation,
        psycopg.errors.UniqueViolation,
        sqlite3.IntegrityError,
    ):
        refused = None  # another of the database's own rules, but not this one

    assert refused != (case.guard, case.sentence)


TABLES_BY_LENGTH = sorted((table.table for table in TABLES), key=len, reverse=True)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_every_trigger_has_a_case(dialect: str) -> None:
    covered = {guarded.PREFIX + case.trigger for tried_on, case in BOTH if tried_on == dialect}
    # They count, or keep: test_what_is_allowed.py
    refuses_nothing = {
        f"{guarded.PREFIX}{name}"
        for name in ("evidence_links_gate_insert", "plans_address_kept_insert", "plans_address_kept_update")
    }

    assert covered | refuses_nothing == set(triggers.names(dialect))


def test_the_same_guards_stand_on_both_databases() -> None:
    sqlite, postgresql = set(triggers.names("sqlite")), set(triggers.names("postgresql"))

    only_sqlite = (
        *("_never_replaced", "_rowid_not_chosen", "_moments_insert", "_moments_update"),
        "evidence_gate_version",  # a foreign key sees to it on PostgreSQL, and cannot be switched off
    )
    assert {name for name in sqlite - postgresql if not name.endswith(only_sqlite)} == set()
    assert {name for name in postgresql - sqlite if not name.endswith("_never_truncated")} == set()
