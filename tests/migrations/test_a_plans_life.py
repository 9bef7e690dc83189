"""What the third migration makes of what was there before it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import create_engine

from app.migrations import downgrade, triggers, upgrade
from tests.gate.outside import NOW, Outside, connect


@pytest.fixture
def outside(database_url: str) -> Iterator[Outside]:
    """The tables as they were before, with a plan that was approved and three of its actions."""
    downgrade(database_url, revision="002")
    engine = create_engine(database_url)
    with engine.begin() as connection:
        triggers.drop_all(connection)  # today's guards look into tables that are not there yet
    engine.dispose()
    before = connect(database_url)
    try:
        _fill(before)
        yield before
    finally:
        before.connection.close()


def _fill(before: Outside) -> None:
    actions = [("first", "one", 1), ("second", "two", 2), ("third", "one", 3)]
    before.run("INSERT INTO organisations (id, slug, name, kind, created_at) VALUES ('o', 'o', 'O', 'council', ?)", NOW)
    before.run(
        "INSERT INTO plans (id, slug, title, purpose, lead_organisation_id, state, evidence_policy, tolerance_days,"
        " overdue_limit_days, moved_rule, cycle_days, triage_hours, approved_on, illustrative, created_at, version)"
        " VALUES ('p', 'a-plan', 'A plan', '', 'o', 'approved', 'attached', 28, 0, 'standard', 14, 48, ?, ?, ?, 1)",
        date(2026, 1, 1), False, NOW,
    )  # fmt: skip
    for theme in ("one", "two"):
        before.run("INSERT INTO themes (id, plan_id, ref, title, position, version) VALUES (?, 'p', ?, '', 1, 1)",
                   theme, theme)  # fmt: skip
    for action, theme, position in actions:
        before.run(
            "INSERT INTO actions (id, plan_id, theme_id, ref, title, position, version)"
            " VALUES (?, 'p', ?, ?, '', ?, 1)", action, theme, action, position,
        )  # fmt: skip
    before.run(
        "INSERT INTO audit_events (id, chain, seq, at, actor_kind, actor_id, actor_title, actor_organisation, door,"
        " event, item_kind, item_id, item_ref, facts, texts, previous_hash, hash)"
        " VALUES ('e', 'p', 1, ?, 'person', '', '', '', 'page', 'plan_approved', 'plan', 'p', '', '{}', '[]', '', '')",
        NOW,
    )


def test_addresses_approvals_and_places_are_taken_over(outside: Outside, database_url: str) -> None:
    upgrade(database_url)

    assert outside.run("SELECT slug, plan_id FROM plan_addresses") == [("a-plan", "p")]
    approved, recorded = outside.run(
        "SELECT p.approved_at, e.at FROM plans p JOIN audit_events e ON e.chain = p.id WHERE p.id = 'p'"
    )[0]
    assert approved == recorded
    places = outside.run("SELECT id, position FROM actions ORDER BY theme_id, position")
    assert places == [("first", 1), ("third", 2), ("second", 1)]
