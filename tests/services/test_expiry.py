"""Evidence with a last day: one expression for what it does, told in time, the same on every page, and written late."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Date, literal, select
from sqlalchemy.event import listen

from app.db import Database
from app.domain.expiry import ending_words, has_ended, notice_on, status_on
from app.domain.milestones import MilestoneView
from app.domain.plans import MilestoneFilters
from app.domain.timelines import TimelineFilters
from app.domain.words import Rag, Scope, Status
from app.models import Milestone
from app.models import expiry as twin
from app.models.identity import table_of
from app.services import honesty, jobs, milestones, my_updates, plan_home, plan_structure, plans, timelines
from tests.factories import POLICE, World, key
from tests.house import House

DAY = date(2026, 4, 2)
UNTIL = (None, *(DAY + timedelta(days=days) for days in (-400, -1, 0, 1, 7, 8, 30, 31)))


def test_the_rule_and_its_twin_in_sql_say_the_same(database: Database) -> None:
    word = table_of(Milestone).c.status.type
    cases = [(status, until) for status in Status for until in UNTIL]
    asked = []
    for status, until in cases:
        row = SimpleNamespace(status=literal(status, word), policy_met_until=literal(until, Date()))
        asked += [twin.status_on(DAY, row), twin.has_ended(DAY, row), twin.lapsed(DAY, row), twin.ends_soon(DAY, row)]
    with database.reader.connect() as connection:
        said = connection.execute(select(*(one.label(f"c{place}") for place, one in enumerate(asked)))).one()

    for place, (status, until) in enumerate(cases):
        counted, ended, lapsed, soon = said[4 * place : 4 * place + 4]
        rule = status_on(status, until, DAY)
        assert (counted, bool(ended), bool(lapsed)) == (rule, has_ended(until, DAY), rule is not status), (
            status,
            until,
        )
        assert bool(soon) == (notice_on(until, DAY) is not None and status is not Status.CANCELLED), (status, until)


def test_notice_is_given_thirty_and_seven_days_before_and_not_afterwards() -> None:
    found = {days: notice_on(DAY + timedelta(days=days), DAY) for days in (31, 30, 8, 7, 0, -1)}
    assert found == {31: None, 30: 30, 8: 30, 7: 7, 0: 7, -1: None}
    assert notice_on(None, DAY) is None
    assert ending_words(DAY, 0) == "Ends on 2 April 2026, today"
    assert ending_words(DAY, 1) == "Ends on 2 April 2026, in 1 day"


def achieved_until(world: World, until: date, *, by: str = "connie", **facts: Any) -> MilestoneView:
    view = world.completed(by=by, **facts)
    world.attached(view, by=by, effective_to=until)
    world.write("petra", milestones.mark_achieved, milestone=key(view))
    return world.seen(view)


def test_its_people_see_it_coming(world: World) -> None:
    view = achieved_until(world, world.clock.today + timedelta(days=31))
    ref = view.row.ref

    def told(who: str) -> list[tuple[str, int]]:
        return [(one.ref, one.notice) for one in world.read(who, my_updates.my_updates).ending]

    def on_the_home_page() -> list[tuple[str, int]]:
        home = world.read("petra", plan_home.plan_home, slug=world.plan)
        assert home.ending_total == len(home.ending)
        return [(one.ref, one.notice) for one in home.ending]

    def listed() -> list[str]:
        filters = MilestoneFilters(status="evidence_ending")
        return [
            row.ref for row in world.read("petra", milestones.list_milestones, slug=world.plan, filters=filters).items
        ]

    assert (told("connie"), on_the_home_page(), listed()) == ([], [], [])
    assert (view.row.evidence.ends_on, view.row.evidence.notice) == (world.clock.today + timedelta(days=31), None)
    world.clock.forward(days=1)
    assert told("connie") == on_the_home_page() == [(ref, 30)]
    assert (told("nat"), listed(), world.seen(view).row.evidence.notice) == ([], [ref], 30)
    world.clock.forward(days=23)
    assert told("connie") == on_the_home_page() == [(ref, 7)]
    world.attached(view, effective_to=None)
    assert (told("connie"), on_the_home_page(), listed()) == ([], [], []), "what takes its place has been sent"


def test_what_is_kept_from_somebody_is_not_named_to_them(world: World) -> None:
    achieved_until(world, world.clock.today, restricted_to=["haringey-council"])

    assert world.read("petra", plan_home.plan_home, slug=world.plan).ending_total == 1
    assert world.read("nat", plan_home.plan_home, slug=world.plan).ending == ()


def test_it_stops_counting_at_midnight_in_london_everywhere_while_what_is_stored_has_yet_to_follow(
    sqlite_world: World, tmp_path: Path
) -> None:
    world, house = sqlite_world, House(sqlite_world, tmp_path)
    view = achieved_until(world, DAY, by="petra", due_date=DAY + timedelta(days=90))
    ref, plan = view.row.ref, f"/plans/{world.plan}"

    def standing() -> tuple[object, ...]:
        home = world.read("petra", plan_home.plan_home, slug=world.plan)
        [summary] = [one for one in world.read("petra", plans.list_plans) if one.plan.slug == world.plan]
        structure = world.read("petra", plan_structure.read_structure, slug=world.plan)
        listed = [one for theme in structure.themes for action in theme.actions for one in action.milestones]
        [place] = [one for one in listed if one.ref == ref]
        timeline = world.read("petra", timelines.plan_timeline, slug=world.plan, filters=TimelineFilters())
        filters = MilestoneFilters(status="achieved")
        page = world.read("petra", milestones.list_milestones, slug=world.plan, filters=filters)
        checks = world.read("ada", honesty.honesty_checks, slug=world.plan)
        alone = next(group for group in checks.groups if group.check == "not_independent")
        return (
            home.counts.achieved, home.counts.amber, summary.counts.achieved, place.status, len(page.items),
            [item.status for item in timeline.items if item.ref == ref], alone.count,
        )  # fmt: skip

    world.clock.now = datetime(2026, 4, 2, 22, 59, 59, tzinfo=UTC)
    before = standing()
    world.clock.now = datetime(2026, 4, 2, 23, 0, tzinfo=UTC)
    after = standing()
    browser, program, written = house.browser("petra"), house.api("petra"), []
    listen(world.database.writer, "before_cursor_execute", lambda *said: written.append(said[2]))
    seen = world.seen(view)
    answer = program.get(f"/api/v1/milestones/{view.row.id}").json()
    pages = [browser.get(f"{plan}{page}") for page in (
        "", "/milestones", f"/milestones/{ref}", "/exceptions", "/timeline", "/themes", "/milestones.csv",
        "/exceptions.csv", f"/milestones/{ref}/evidence.csv", "/honesty-checks", "/inbox",
    )] + [browser.get(page) for page in ("/plans", "/exceptions", "/updates", "/updates.csv")]  # fmt: skip
    stored = world.read("max", lambda uow: uow.session.get(Milestone, view.row.id))

    assert before == (1, 0, 1, Status.ACHIEVED, 1, [Status.ACHIEVED], 1)
    assert after == (0, 1, 0, Status.COMPLETED, 0, [Status.COMPLETED], 0)
    assert (seen.row.status, seen.row.rag, seen.may.reopen, seen.may.update) == (
        Status.COMPLETED,
        Rag.AMBER,
        False,
        True,
    )
    assert (answer["status"], answer["rag"], answer["achieved_date"]) == ("completed", "amber", None)
    assert answer["evidence"] == {
        "counting": 0, "total": 1, "state": "nothing_sent", "ends_on": None, "notice_days": None,
    }  # fmt: skip
    assert all(page.status_code == 200 for page in pages)
    assert "evidence outstanding" in pages[2].text
    assert stored is not None
    assert stored.status is Status.ACHIEVED, "what is stored has not followed yet"
    changes = [said for said in written if said.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert all("INTO access_log" in said for said in changes), "to look is not to write: that it was exported is noted"

    assert jobs.fall_back_expired(world.database, world.clock()) == 1
    assert standing() == after


def test_what_came_of_a_submission_is_not_done_once_its_evidence_has_ended(sqlite_world: World, tmp_path: Path) -> None:
    world, house = sqlite_world, House(sqlite_world, tmp_path)
    view = world.milestone(supporting_organisations=[POLICE])
    item = world.attached(view, by=world.key_actor(Scope.EVIDENCE_WRITE), effective_to=DAY)
    world.accepted(view, item)
    world.completed(view)
    world.write("petra", milestones.mark_achieved, milestone=key(view))

    told = house.browser("petra").get(f"/plans/{world.plan}/inbox").text
    world.clock.now = datetime(2026, 4, 2, 23, 0, tzinfo=UTC)
    later = house.browser("petra").get(f"/plans/{world.plan}/inbox/triaged").text

    assert f"{view.row.ref} achieved" in told
    assert f"{view.row.ref} is not achieved yet" in later


@pytest.mark.parametrize("days", [0, 400])
def test_a_closed_plan_stays_as_it_was_on_the_day_of_its_closing(sqlite_world: World, days: int) -> None:
    world = sqlite_world
    view = achieved_until(world, world.clock.today)
    world.close()
    world.clock.forward(days=days)
    filters = MilestoneFilters(status="achieved")

    assert world.seen(view).row.status is Status.ACHIEVED
    assert len(world.read("petra", milestones.list_milestones, slug=world.plan, filters=filters).items) == 1
    assert world.read("petra", plan_home.plan_home, slug=world.plan).counts.achieved == 1
    [summary] = [one for one in world.read("petra", plans.list_plans) if one.plan.slug == world.plan]
    assert summary.counts.achieved == 1
    assert jobs.fall_back_expired(world.database, world.clock()) == 0
