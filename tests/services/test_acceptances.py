"""Accepting an exception on both databases: its moment, its place in the list, pages and cursors of that."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.days import london_day, start_of_day
from app.domain.exception_reports import ExceptionFilters, order
from app.domain.milestones import MilestoneKey, MilestoneView
from app.domain.refusals import Forbidden, Invalid, NotFound, Refused, Stale
from app.domain.words import Rag
from app.models import AuditEvent, Milestone
from app.services import acceptances, exception_reports, meetings, milestones, updates
from tests.factories import World, key

TODAY = date(2026, 3, 2)


def in_days(days: int) -> date:
    return TODAY + timedelta(days=days)


def late(world: World, days: int = 5, **facts: Any) -> MilestoneView:
    """Overdue by so many days: Red."""
    return world.milestone(start_date=None, due_date=in_days(-days), **facts)


def soon_late(world: World, days: int = 10, **facts: Any) -> MilestoneView:
    """Amber for its late start, and Red when its due date has passed."""
    return world.milestone(start_date=in_days(-7), due_date=in_days(days - 1), **facts)


def accept(world: World, view: MilestoneView, days: int = 30, *, by: str = "sam", reason: str = "Agreed") -> None:
    world.write(by, acceptances.accept, milestone=key(view), until=in_days(days), reason=reason)


def stored(world: World, view: MilestoneView) -> tuple[date | None, date | None, str | None]:
    statement = select(  # type: ignore[call-overload]
        Milestone.accepted_until, Milestone.acceptance_ends_on, Milestone.accepted_by
    ).where(Milestone.id == view.row.id)
    row = world.read("petra", lambda uow: uow.session.execute(statement).one())
    until = row.accepted_until
    assert until is None or until == start_of_day(london_day(until))
    return until and london_day(until), row.acceptance_ends_on, row.accepted_by


def report(world: World, *, who: str = "petra", slug: str | None = "", limit: int = 50, **asked: Any) -> list[str]:
    """The references in reading order, page by page; the domain's own order must be the same."""
    found: list[Any] = []
    cursor = None
    filters = ExceptionFilters(**asked)
    while True:
        page = world.read(
            who, exception_reports.compile_report, slug=world.plan if slug == "" else slug, filters=filters,
            limit=limit, cursor=cursor,
        )  # fmt: skip
        found += [row.item for row in page.report.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == order(found, filters.on or london_day(world.clock()))
    return [item.ref for item in found]


def refused(world: World, error: type[Exception], view: MilestoneView, *, by: str = "sam", **given: Any) -> Any:
    before = stored(world, view)
    with pytest.raises(error) as raised:
        world.write(by, acceptances.accept, milestone=key(view), **{"until": in_days(30), "reason": "Agreed"} | given)
    assert stored(world, view) == before
    return raised.value


@pytest.fixture(autouse=True)
def _nothing_else_is_an_exception(world: World) -> None:
    world.write("connie", milestones.start, milestone=MilestoneKey(plan=world.plan, ref="M-01"))


# --- Who, what, until when ------------------------------------------------------------------------------------------


def test_a_senior_officer_accepts_what_is_red_and_it_keeps_its_colour_and_every_count(world: World) -> None:
    view = late(world)
    before = world.read("petra", exception_reports.compile_report, slug=world.plan, filters=ExceptionFilters()).report
    accept(world, view)
    assert stored(world, view) == (in_days(30), in_days(30), world.people["sam"].id)
    after = world.read("petra", exception_reports.compile_report, slug=world.plan, filters=ExceptionFilters()).report
    assert (after.counts.red, after.counts.amber) == (before.counts.red, before.counts.amber) == (1, 0)
    [row] = after.accepted
    assert (row.item.rag, row.item.accepted_until, row.item.accepted_by) == (
        Rag.RED, in_days(30), "Director of Services"
    )  # fmt: skip
    seen = world.seen(view)
    assert seen.row.rag is Rag.RED
    assert seen.acceptance is not None
    assert (seen.acceptance.decided, seen.acceptance.reason) == (in_days(30), "Agreed")
    assert [entry.day for entry in seen.timeline if entry.kind == "accepted"] == [in_days(30)]


def test_nobody_else_accepts_and_nobody_accepts_what_they_own(world: World) -> None:
    view = late(world)
    for who in ("petra", "connie", "ada", "olive"):
        refused(world, Forbidden, view, by=who)
    refused(world, NotFound, view, by="zoe")
    own = late(world, owner=world.people["sam"].id)
    assert refused(world, Refused, own).codes == ("own_milestone",)
    accept(world, own, by="nora")
    with pytest.raises(Refused) as raised:
        world.write("sam", acceptances.lift, milestone=key(own), reason="Mine")
    assert raised.value.codes == ("own_milestone",)
    assert stored(world, own)[0] == in_days(30)


def test_the_day_is_in_the_future_within_a_year_and_the_reason_is_said(world: World) -> None:
    view = late(world)
    for given, pointer, code in (
        ({"until": TODAY}, "/until", "date_not_future"),
        ({"until": in_days(366)}, "/until", "too_far"),
        ({"reason": " "}, "/reason", "required"),
    ):
        errors = refused(world, Invalid, view, **given).errors
        assert [(one.pointer, one.code) for one in errors] == [(pointer, code)]
    refused(world, Stale, view, if_match="0.0")


def test_what_is_no_exception_is_not_accepted(world: World) -> None:
    green = world.milestone(start_date=in_days(0))
    assert refused(world, Refused, green).codes == ("not_exception",)
    achieved = world.achieved()
    assert refused(world, Refused, achieved).codes == ("not_exception",)
    view = late(world)
    world.close()
    assert refused(world, Refused, view).codes == ("plan_closed",)


def test_the_reason_is_kept_apart_from_the_trail(world: World) -> None:
    view = late(world)
    accept(world, view, reason="The board knows of the strike")
    statement = select(AuditEvent).where(AuditEvent.event == "exception_accepted")  # type: ignore[arg-type]
    event = world.read("petra", lambda uow: uow.session.execute(statement).scalar_one())
    assert "strike" not in event.facts + event.texts
    assert str(in_days(30)) in event.facts


# --- When it is over --------------------------------------------------------------------------------------------------


def test_it_returns_on_its_day_and_a_look_ahead_knows(world: World) -> None:
    first, second = late(world, 9), late(world, 3)
    accept(world, first, 20)
    refs = [first.row.ref, second.row.ref]
    assert report(world) == refs[::-1]
    assert report(world, on=in_days(19)) == refs[::-1]
    assert report(world, on=in_days(20)) == refs
    world.clock.forward(days=20)
    assert report(world) == refs
    assert world.seen(first).acceptance is None


def test_it_is_cut_when_amber_turns_red(world: World) -> None:
    view = soon_late(world, 10)
    accept(world, view, 30)
    assert stored(world, view)[:2] == (in_days(10), in_days(30))
    other = late(world, 1)
    assert report(world) == [other.row.ref, view.row.ref]
    assert report(world, on=in_days(9)) == [other.row.ref, view.row.ref]
    found = world.read(
        "petra", exception_reports.compile_report, slug=world.plan, filters=ExceptionFilters(on=in_days(10))
    ).report
    assert [row.is_accepted for row in found.rows] == [False, False]


def test_a_later_fact_that_makes_it_worse_ends_it(world: World) -> None:
    view = soon_late(world, 60)
    accept(world, view, 30)
    world.write(
        "connie", updates.add_update, milestone=key(view), narrative="Stuck", declared_rag=Rag.RED, rationale="No staff"
    )
    assert stored(world, view) == (None, None, None)
    assert world.seen(view).acceptance is None


def test_what_is_no_exception_any_more_is_not_accepted_when_it_becomes_one_again(world: World) -> None:
    view = soon_late(world, 20)
    accept(world, view, 30)
    world.write("connie", updates.add_update, milestone=key(view), narrative="Begun")
    assert stored(world, view) == (None, None, None)
    world.clock.forward(days=25)
    assert [row for row in report(world) if row == view.row.ref]
    assert world.seen(view).acceptance is None


def test_moving_a_meeting_moves_the_cut(world: World) -> None:
    listed = [
        world.write("petra", meetings.add_meeting, slug=world.plan, on=in_days(7 * number)) for number in range(1, 7)
    ]
    view = world.milestone(start_date=None, due_date=in_days(300))
    world.write("connie", updates.add_update, milestone=key(view), narrative="Begun")
    world.clock.forward(days=22)  # Amber at the third meeting, Red at the fifth
    accept(world, view, 100)
    assert stored(world, view)[0] == in_days(35)
    world.write("petra", meetings.move_meeting, meeting=listed[4].id, on=in_days(38), reason="The hall")
    assert stored(world, view) == (in_days(38), in_days(100), world.people["sam"].id)
    world.write("petra", meetings.cancel_meeting, meeting=listed[4].id, reason="Snow")
    assert stored(world, view)[0] == in_days(42)


def test_it_is_lifted_with_a_reason_and_another_day_may_be_named(world: World) -> None:
    view = late(world)
    accept(world, view, 10)
    accept(world, view, 40, by="nora")
    assert stored(world, view) == (in_days(40), in_days(40), world.people["nora"].id)
    with pytest.raises(Invalid):
        world.write("sam", acceptances.lift, milestone=key(view), reason=" ")
    world.write("sam", acceptances.lift, milestone=key(view), reason="The board wants to see it")
    assert stored(world, view) == (None, None, None)
    assert [entry.kind for entry in world.seen(view).timeline][:3] == ["acceptance_lifted", "accepted", "accepted"]
    with pytest.raises(Refused) as raised:
        world.write("sam", acceptances.lift, milestone=key(view), reason="Again")
    assert raised.value.codes == ("not_accepted",)


# --- Its place in the list ------------------------------------------------------------------------------------------


def test_what_is_accepted_comes_last_in_the_whole_list_whatever_the_size_of_a_page(world: World) -> None:
    reds = [late(world, days) for days in (40, 30, 20, 10)]
    ambers = [soon_late(world, days) for days in (50, 60, 70)]
    for view in (reds[0], reds[2], ambers[0]):
        accept(world, view, 30)
    wanted = [view.row.ref for view in (reds[1], reds[3], ambers[1], ambers[2], reds[0], reds[2], ambers[0])]
    assert report(world)[:2] == wanted[:2]
    for limit in (1, 2, 3, 4, 5, 6, 7, 50):
        found = report(world, limit=limit)
        assert sorted(found[2:4]) == sorted(wanted[2:4])
        assert found[:2] + found[4:] == wanted[:2] + wanted[4:], limit
        assert report(world, slug=None, limit=limit) == found
    assert report(world, rag=Rag.RED, limit=1) == [reds[1].row.ref, reds[3].row.ref, reds[0].row.ref, reds[2].row.ref]
    assert sorted(report(world, rag=Rag.AMBER)[:2]) == sorted(wanted[2:4])
    assert report(world, who="connie") == report(world)


def test_a_long_export_has_the_same_order(world: World) -> None:
    views = [late(world, days) for days in (40, 30, 20)]
    accept(world, views[0])
    items = world.read(
        "petra",
        lambda uow: list(exception_reports.all_items(uow, slug=world.plan, filters=ExceptionFilters(), batch=2)),
    )
    assert [item.ref for item in items] == [views[1].row.ref, views[2].row.ref, views[0].row.ref]


def test_counts_say_how_many_are_accepted_for_who_may_know_of_them(world: World) -> None:
    accept(world, late(world))
    accept(world, late(world, restricted_to=["haringey-council"]))
    accept(world, soon_late(world, 50))

    def counts(who: str) -> tuple[int, int, int, int]:
        found = world.read(who, exception_reports.compile_report, slug=world.plan, filters=ExceptionFilters())
        counted = found.report.counts
        return counted.red, counted.red_accepted, counted.amber, counted.amber_accepted

    assert counts("petra") == (2, 2, 1, 1)
    assert counts("nat") == (1, 1, 1, 1)
