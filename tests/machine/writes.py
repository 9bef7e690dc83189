"""What no single write may do, whatever it was: said of the rows before and after it, in plain arithmetic.

This knows nothing of the model beside the machine, and imports no rule of `app.domain`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.machine.stored import Rows, by_id, moment

VERSIONS = {
    "plans": ("version",),
    "milestones": ("version", "evidence_seq"),
    "evidence": ("version", "link_seq"),
    "change_requests": ("version",),
    "submissions": ("version",),
    "review_meetings": ("version",),
}

# What belongs to a plan, and so stands still once it is closed.
OF_A_PLAN = (
    "plans", "milestones", "milestone_events", "evidence", "evidence_links", "submissions", "change_requests",
    "baseline_corrections", "progress_updates", "review_meetings", "carried_over", "part_moves",
)  # fmt: skip


def judge(before: Rows, after: Rows, now: datetime) -> None:
    """Assert all of it of one write."""
    versions_grow(before, after)
    baselines_stand(before, after)
    parts_keep_the_first_baseline(before, after)
    moments_remember(before, after, now)
    nothing_changes_in_a_closed_plan(before, after)
    nobody_decides_what_they_asked_for(after)
    drafts_have_no_exceptions(after)


def versions_grow(before: Rows, after: Rows) -> None:
    """Whatever has changed has a new version."""
    for table, versions in VERSIONS.items():
        was = by_id(before[table])
        for row in after[table]:
            if row["id"] not in was or was[row["id"]] == row:
                continue
            older, newer = (tuple(one[name] for name in versions) for one in (was[row["id"]], row))
            assert all(new >= old for old, new in zip(older, newer, strict=True)), (table, older, newer)
            assert older != newer, (table, was[row["id"]], row)


def baselines_stand(before: Rows, after: Rows) -> None:
    """The due dates of the day of approval are the baselines, and from then on only a correction changes one."""
    states_before, states = ({plan["id"]: plan["state"] for plan in rows["plans"]} for rows in (before, after))
    was = by_id(before["milestones"])
    corrected = {row["id"] for row in before["baseline_corrections"]}
    corrections = {
        row["milestone_id"]: row["baseline_date"] for row in after["baseline_corrections"] if row["id"] not in corrected
    }
    for row in after["milestones"]:
        plan, baseline = row["plan_id"], row["baseline_date"]
        if states[plan] == "draft":
            assert baseline is None, row
        elif states_before.get(plan) == "draft":
            assert baseline == (None if row["status"] == "cancelled" else row["due_date"]), row
        elif row["id"] in corrections:
            assert baseline == corrections[row["id"]], row
        elif row["id"] in was and was[row["id"]]["baseline_date"] is not None:
            assert baseline == was[row["id"]]["baseline_date"], row


def parts_keep_the_first_baseline(before: Rows, after: Rows) -> None:
    """Dividing a milestone gives nobody a later baseline, and what replaces one begins with its own."""
    known, every = by_id(before["milestones"]), by_id(after["milestones"])
    ended_by = {
        row["milestone_id"]: row["kind"]
        for row in after["change_requests"]
        if row["state"] == "approved" and row["kind"] in ("split", "replacement")
    }
    for row in after["milestones"]:
        if row["id"] in known or row["came_from"] is None:
            continue
        origin, kind = every[row["came_from"]], ended_by[row["came_from"]]
        first = origin["baseline_date"] if kind == "split" else None
        assert row["baseline_date"] == (first or row["due_date"]), (kind, origin, row)
        assert row["due_set_by"] == origin["due_set_by"]
        assert origin["status"] == "cancelled"
        if kind == "split":
            assert row["moves"] == origin["moves"] + (origin["due_date"] not in (None, row["due_date"])), (origin, row)


def moments_remember(before: Rows, after: Rows, now: datetime) -> None:
    """What was Red (or an exception) just now and is so still has been so for no shorter time than it was."""
    was = by_id(before["milestones"])
    for row in after["milestones"]:
        origin = was.get(row["id"]) or _divided(row, after, was)
        for name in ("amber_from", "red_from") if origin else ():
            older, newer = moment(origin[name]), moment(row[name])  # type: ignore[index]
            if older is not None and newer is not None and older <= now and newer <= now:
                assert newer <= older, (name, origin, row)


def _divided(row: dict[str, Any], after: Rows, was: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """The milestone that this one is a part of, as it was before the split."""
    is_part = any(
        one["milestone_id"] == row["came_from"] and one["kind"] == "split" and one["state"] == "approved"
        for one in after["change_requests"]
    )
    return was.get(row["came_from"]) if is_part else None


def nothing_changes_in_a_closed_plan(before: Rows, after: Rows) -> None:
    shut = {plan["id"] for plan in before["plans"] if plan["state"] == "closed"}
    if not shut:
        return
    for table in OF_A_PLAN:
        column = "id" if table == "plans" else "plan_id"
        older, newer = ([row for row in rows[table] if row[column] in shut] for rows in (before, after))
        assert older == newer, table


def nobody_decides_what_they_asked_for(after: Rows) -> None:
    for row in after["change_requests"]:
        if row["state"] in ("approved", "declined"):
            assert row["decided_by"] not in (None, row["requested_by"], row["owner_then"]), row


def drafts_have_no_exceptions(after: Rows) -> None:
    """Nor has a plan that is closed."""
    quiet = {plan["id"] for plan in after["plans"] if plan["state"] != "approved"}
    for row in after["milestones"]:
        if row["plan_id"] in quiet:
            assert (row["amber_from"], row["red_from"], row["accepted_until"]) == (None, None, None), row
