"""What is stored, as another program reads it: rows by table, and the plain sense of some of their columns."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from app.models import metadata
from tests.gate.outside import Outside

Rows = dict[str, list[dict[str, Any]]]

# What a refused step leaves as it was: everything but the trail, which says that it was refused.
CONTENT = tuple(name for name in metadata.tables if name not in ("audit_events", "audit_heads"))


def read(outside: Outside) -> Rows:
    """Everything that is stored but the trail."""
    found = {}
    for table in CONTENT:
        cursor = outside.connection.execute(f"SELECT * FROM {table}")
        columns = [column[0] for column in cursor.description]
        rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        found[table] = sorted(rows, key=lambda row: [str(value) for value in row.values()])
    return found


def by_id(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows}


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
    items = by_id(rows["evidence"])
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
