"""An item of the report is remembered by all that it is made of: nothing that changes may be shown as it was."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.domain.exception_reports import ExceptionFilters, ExceptionItem
from app.services import evidence, exception_reports, updates
from tests.factories import World, key


def the_red_one(world: World, who: str = "petra") -> ExceptionItem:
    compiled = world.read(who, exception_reports.compile_report, slug=world.plan, filters=ExceptionFilters())
    (row,) = compiled.report.red
    return row.item


def overdue(world: World) -> Any:
    """An overdue milestone with an update that says something, and with evidence."""
    view = world.milestone(due_date=world.clock.today - timedelta(days=3))
    world.write(
        "connie", updates.add_update, milestone=key(view), narrative="Late", issue="Two posts are vacant",
        support_required="Somebody to lend a hand", waiting_on="NHS Haringey",
    )  # fmt: skip
    world.attached(view)
    return view


def run_sql(statement: str) -> Callable[[World, Any], None]:
    def change(world: World, view: Any) -> None:
        with world.database.writer.begin() as connection:
            connection.execute(text(statement), {"milestone": view.row.id} if ":milestone" in statement else {})

    return change


def say_more(world: World, view: Any) -> None:
    world.write("connie", updates.add_update, milestone=key(view), narrative="Later still", issue="Three posts")


def withdraw(world: World, view: Any) -> None:
    sent = world.seen(view).evidence[0]
    world.write("petra", evidence.withdraw_evidence, evidence=sent.id, reason="Sent for the wrong milestone")


def wait_a_day(world: World, view: Any) -> None:
    world.clock.forward(days=1)


CHANGES: list[tuple[str, Callable[[World, Any], None], Callable[[ExceptionItem], object]]] = [
    ("an update", say_more, lambda item: (item.issue, item.support_required, item.waiting_on)),
    ("evidence withdrawn", withdraw, lambda item: item.evidence),
    ("a day", wait_a_day, lambda item: (item.days, item.reasons)),
    ("a redaction",
     run_sql("UPDATE texts SET body = NULL, salt = NULL, redacted_at = written_at WHERE field = 'issue'"),
     lambda item: item.issue),
    ("a theme's title", run_sql("UPDATE themes SET title = 'Another title'"), lambda item: item.theme),
    ("a post title", run_sql("UPDATE people SET post_title = 'Another post'"), lambda item: item.owner),
    ("an organisation's name", run_sql("UPDATE organisations SET name = slug"), lambda item: item.organisation),
    ("a plan's setting",
     run_sql("UPDATE plans SET overdue_limit_days = 20"),
     lambda item: item.reasons[0].colour),
    ("a milestone's title", run_sql("UPDATE milestones SET title = 'Another title' WHERE id = :milestone"),
     lambda item: item.title),
]  # fmt: skip


def test_an_item_is_worked_out_once_while_nothing_changes(world: World) -> None:
    overdue(world)
    first = the_red_one(world)
    world.clock.forward(minutes=5)
    assert the_red_one(world) is first
    assert the_red_one(world, "sam") is first


@pytest.mark.parametrize(("change", "of"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_whatever_changes_is_seen_at_once(
    world: World, change: Callable[[World, Any], None], of: Callable[[ExceptionItem], object]
) -> None:
    view = overdue(world)
    before = of(the_red_one(world))
    change(world, view)
    assert of(the_red_one(world)) != before


def test_a_list_read_once_pushes_nothing_out(world: World) -> None:
    overdue(world)
    first = the_red_one(world)

    def read_all(uow: Any) -> list[ExceptionItem]:
        return list(exception_reports.all_items(uow, slug=world.plan, filters=ExceptionFilters()))

    again = world.read("petra", read_all)[0]
    assert again == first
    assert again is not first
