"""Tables as CSV: what they show and to whom, and that taking one away is on the access log."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.db import UnitOfWork
from app.domain import permissions
from app.domain.permissions import Act
from app.models import AccessLogEntry
from app.services import exports
from tests.factories import NHS
from tests.pages.conftest import Kept

PLAN = "/plans/safeguarding-plan"
LISTS = (f"{PLAN}/milestones.csv", f"{PLAN}/exceptions.csv", "/exceptions.csv", "/plans.csv", f"{PLAN}/meetings.csv")


def table(house: Kept, who: str, address: str) -> list[dict[str, str]]:
    answer = house.browser(who).get(address)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def logged(house: Kept) -> list[tuple[str, str, str]]:
    def read(uow: UnitOfWork) -> list[tuple[str, str, str]]:
        entries = uow.session.execute(select(AccessLogEntry).where(AccessLogEntry.what == "exported")).scalars()  # type: ignore[arg-type]
        return [(one.actor_title, one.item_kind, one.filters) for one in entries]

    return house.world.read("petra", read)


def test_a_row_of_the_milestones_says_what_the_page_shows(full: Kept) -> None:
    rows = {row["Title"]: row for row in table(full, "petra", f"{PLAN}/milestones.csv")}
    row = rows["Managers trained <in supervision> & coached"]
    assert row["RAG"] == "Red"
    assert row["Due"] == "2026-03-02"
    assert "Overdue by 21 days; Declared Amber" in row["Reasons"]
    assert row["Owner"] == "Head of Assessment"
    assert rows["Kept from partners"]["Marking"] == "Official-Sensitive"
    assert rows["Kept from partners"]["Restricted"] == "Yes"


def test_every_row_comes_and_not_only_the_page(full: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "BATCH", 3)
    for number in range(7):
        full.world.milestone(title=f"One more {number}", due_date=full.world.clock.today - timedelta(days=1),
                             start_date=None)  # fmt: skip
    for address in (f"{PLAN}/milestones.csv", f"{PLAN}/exceptions.csv", f"{PLAN}/audit-events.csv"):
        batched = table(full, "petra", address)
        monkeypatch.setattr(exports, "BATCH", 500)
        whole = table(full, "petra", address)
        monkeypatch.setattr(exports, "BATCH", 3)
        assert batched == whole
        assert len(whole) > 7


def test_the_filters_of_the_page_are_those_of_its_file(full: Kept) -> None:
    rows = table(full, "petra", f"{PLAN}/milestones.csv?q=rota")
    assert [row["Title"] for row in rows] == ["Rota published"]
    assert {row["RAG"] for row in table(full, "petra", f"{PLAN}/exceptions.csv?rag=amber")} <= {"Amber"}
    page = full.browser("petra").get(f"{PLAN}/exceptions?rag=red&detail=all").text
    assert 'href="/plans/safeguarding-plan/exceptions.csv?rag=red"' in page
    assert 'href="/plans/safeguarding-plan/milestones.csv?q=rota"' in full.browser("petra").get(
        f"{PLAN}/milestones?q=rota"
    ).text  # fmt: skip


@pytest.mark.parametrize("address", LISTS)
def test_every_export_is_on_the_access_log_once_an_hour(full: Kept, address: str) -> None:
    for _ in range(2):
        table(full, "petra", address)
    assert len(logged(full)) == 1
    full.world.clock.forward(hours=1)
    table(full, "petra", address)
    assert len(logged(full)) == 2


def test_the_log_names_what_was_exported_with_its_filters(full: Kept) -> None:
    table(full, "petra", f"{PLAN}/milestones.csv?rag=red&q=rota")
    table(full, "petra", f"{PLAN}/milestones.csv")
    assert sorted(logged(full)) == [
        ("Programme Manager", "milestones", ""),
        ("Programme Manager", "milestones", "q=rota&rag=red"),
    ]


@pytest.mark.parametrize("address", [*LISTS, f"{PLAN}/audit-events.csv"])
def test_an_observer_exports_nothing_and_a_stranger_finds_nothing(full: Kept, address: str) -> None:
    assert full.browser("olive").get(address).status_code == 403
    if address.startswith(PLAN):
        assert full.browser("zoe").get(address).status_code == 404
    assert logged(full) == []


def test_what_is_wrong_with_a_filter_is_said_as_a_page_and_not_logged(full: Kept) -> None:
    assert full.browser("petra").get(f"{PLAN}/milestones.csv?rag=blue").status_code == 422
    assert full.browser("petra").get(f"{PLAN}/exceptions.csv?on=2009-01-01").status_code == 422
    assert logged(full) == []


def test_what_is_restricted_to_others_is_in_no_file(full: Kept) -> None:
    kept = full.world.milestone(title="For the NHS alone", restricted_to=[NHS], owner=full.world.people["nat"].id,
                                start_date=None, due_date=full.world.clock.today - timedelta(days=2))  # fmt: skip
    for address in (f"{PLAN}/milestones.csv", f"{PLAN}/exceptions.csv", "/exceptions.csv"):
        assert kept.row.title in full.browser("nat").get(address).text
        assert kept.row.title not in full.browser("pol").get(address).text
    assert full.browser("pol").get(f"{PLAN}/milestones/{kept.row.ref}/audit.csv").status_code == 404


def test_a_title_that_begins_like_a_formula_is_text_in_the_file(full: Kept) -> None:
    full.world.milestone(title="=HYPERLINK(1) opened")
    assert "'=HYPERLINK(1) opened" in full.browser("petra").get(f"{PLAN}/milestones.csv").text


def test_the_plans_and_the_meetings_say_what_their_pages_say(full: Kept) -> None:
    (plan,) = table(full, "sam", "/plans.csv")
    assert (plan["Plan"], plan["State"], plan["Your roles"]) == ("Safeguarding Plan", "Approved", "Senior officer")
    (meeting,) = table(full, "sam", f"{PLAN}/meetings.csv")
    assert (meeting["Day"], meeting["State"]) == ("2026-03-30", "Planned")


def test_the_trail_of_a_milestone_is_for_who_may_read_it(full: Kept) -> None:
    address = full.path("achieved", "audit.csv")
    assert "Milestone achieved" in {row["What"] for row in table(full, "connie", address)}
    assert full.browser("pol").get(address).status_code == 403


@pytest.mark.parametrize("address", [*LISTS, f"{PLAN}/audit-events.csv"])
def test_reading_a_plan_is_not_the_right_to_export_it(
    full: Kept, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(permissions.ANYWHERE, Act.EXPORT, frozenset())
    assert full.browser("petra").get(address).status_code == 403
    assert logged(full) == []
