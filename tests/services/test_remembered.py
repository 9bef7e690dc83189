"""An answer is given again only while it must still be so: nothing at all has changed in the database, it is the same
reader, and the clock has passed nothing that matters.
"""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from app.db import Database, UnitOfWork
from app.domain.exception_reports import ExceptionFilters
from app.domain.words import Scope
from app.services import exception_reports, plan_home, plans, updates
from app.services.exception_reports import CompiledReport
from tests.factories import World, key


def report(world: World, who: str = "petra", **filters: Any) -> CompiledReport:
    return world.read(who, exception_reports.compile_report, slug=world.plan, filters=ExceptionFilters(**filters))


@pytest.fixture
def late(world: World) -> Any:
    return world.milestone(due_date=world.clock.today - timedelta(days=3))


def change_from_outside(database: Database, statement: str) -> None:
    """Another program, with a connection of its own."""
    if database.is_sqlite:
        with sqlite3.connect(database.url.removeprefix("sqlite:///")) as connection:
            connection.execute(statement)
        connection.close()
        return
    with psycopg.connect(database.url.replace("+psycopg", "")) as other:
        other.execute(statement)


def test_while_nothing_changes_the_same_answer_is_given(world: World, late: Any) -> None:
    first = report(world)
    world.clock.forward(minutes=5)
    # PostgreSQL tells of what happens in the whole cluster, where other tests are at work meanwhile.
    answers = [report(world) for _ in range(2 if world.database.is_sqlite else 40)]
    assert any(one is other for one, other in pairwise([first, *answers]))
    assert all(answer.report == first.report for answer in answers)
    assert report(world, rag="red") is not answers[-1]


@pytest.mark.parametrize("what", ["milestones SET title = 'Another'", "people SET post_title = 'Another'"])
def test_a_change_by_another_program_is_seen_at_once(world: World, late: Any, what: str) -> None:
    first = report(world)
    change_from_outside(world.database, f"UPDATE {what}")
    second = report(world)
    assert second is not first
    item, before = second.report.red[0].item, first.report.red[0].item
    assert (item.title, item.owner) != (before.title, before.owner)


def test_a_change_that_was_rolled_back_is_never_shown(world: World, late: Any) -> None:
    first = report(world)
    with world.database.writer.connect() as connection, connection.begin() as change:
        connection.execute(text("UPDATE milestones SET title = 'Another'"))
        assert report(world).report.red[0].item.title == first.report.red[0].item.title
        change.rollback()
    assert report(world).report.red[0].item.title == first.report.red[0].item.title


def test_a_service_s_change_is_seen_at_once(world: World, late: Any) -> None:
    first = report(world)
    world.write("connie", updates.add_update, milestone=key(late), narrative="Late", issue="Two posts are vacant")
    assert report(world).report.red[0].item.issue == "Two posts are vacant" != first.report.red[0].item.issue


def test_nobody_gets_what_was_worked_out_for_another(world: World) -> None:
    world.milestone(due_date=world.clock.today - timedelta(days=3), owner=None, restricted_to=["metropolitan-police"])
    assert report(world).report.counts.red == 1
    assert report(world, "connie").report.counts.red == 0
    assert report(world).report.counts.red == 1


def test_the_next_day_it_is_worked_out_again(world: World, late: Any) -> None:
    assert report(world).report.red[0].item.days == 3
    world.clock.forward(days=1)
    assert report(world).report.red[0].item.days == 4
    world.clock.forward(days=-1)
    assert report(world).report.red[0].item.days == 3


def test_where_a_submission_waits_it_is_good_for_the_hour(world: World) -> None:
    view = world.milestone(supporting_organisations=["metropolitan-police"])
    world.attached(view, by=world.key_actor(Scope.EVIDENCE_WRITE))
    homes: Callable[[], Any] = lambda: world.read("petra", plan_home.plan_home, slug=world.plan)  # noqa: E731
    world.clock.forward(minutes=5)
    first = homes()
    assert first.inbox.hours_waited == 0
    world.clock.forward(minutes=56)
    assert homes().inbox.hours_waited == 1
    world.clock.forward(hours=23)
    assert homes().inbox.amber == 1


def test_a_clock_that_was_put_back_is_not_answered_from_its_future(world: World, late: Any) -> None:
    first = report(world)
    world.clock.forward(minutes=-30)
    assert report(world) is not first


def test_a_transaction_that_writes_remembers_nothing(world: World, late: Any) -> None:
    seen: list[Any] = []

    def read_twice(uow: UnitOfWork) -> None:
        seen.extend(plans.list_plans(uow) for _ in range(2))

    world.write("petra", read_twice)
    assert seen[0] == seen[1]
    assert seen[0] is not seen[1]


def test_no_more_answers_are_kept_than_there_is_room_for(world: World, late: Any) -> None:
    first = report(world)
    for number in range(64):
        report(world, owner=f"nobody {number}")
    again = report(world)
    assert again is not first
    assert again.report.red == first.report.red
