"""Tables as CSV: what they show and to whom, and that taking one away is on the access log."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.db import UnitOfWork
from app.domain import permissions
from app.domain.permissions import Act
from app.domain.words import ChangeKind, Role
from app.models import AccessLogEntry
from app.services import change_requests, exports, plans
from tests.factories import NHS, key, members
from tests.pages.conftest import Kept

PLAN = "/plans/safeguarding-plan"
LISTS = (
    *(f"{PLAN}/{name}.csv" for name in ("milestones", "exceptions", "meetings", "change-requests", "honesty-checks")),
    *(f"{PLAN}/timeline.csv", "/exceptions.csv", "/plans.csv", "/updates.csv"),
)


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
    full.world.milestone(title="Without a date", due_date=None, start_date=None)
    for address in (f"{PLAN}/milestones.csv", f"{PLAN}/exceptions.csv", f"{PLAN}/audit-events.csv",
                    f"{PLAN}/timeline.csv"):  # fmt: skip
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
    for address in (f"{PLAN}/milestones.csv", f"{PLAN}/exceptions.csv", "/exceptions.csv", f"{PLAN}/timeline.csv"):
        assert kept.row.title in full.browser("nat").get(address).text
        assert kept.row.title not in full.browser("pol").get(address).text
    for list_of_one in ("audit.csv", "evidence.csv"):
        assert full.browser("pol").get(f"{PLAN}/milestones/{kept.row.ref}/{list_of_one}").status_code == 404


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


def test_change_requests_come_as_their_page_lists_them(full: Kept) -> None:
    soon = full.world.clock.today + timedelta(days=9)
    asked = {"kind": ChangeKind.DUE_DATE, "reason": "=1+1", "due_date": soon}
    full.world.write("connie", change_requests.request_change, milestone=key(full.there["overdue"]), **asked)
    rows = table(full, "petra", f"{PLAN}/change-requests.csv?sort=due")
    assert [row["Milestone"] for row in rows] == [full.there[name].row.ref for name in ("overdue", "asked")]
    assert (rows[0]["Kind"], rows[0]["Why"], rows[0]["State"]) == ("Due date", "'=1+1", "Waiting for a decision")
    assert table(full, "petra", f"{PLAN}/change-requests.csv?state=decided") == []
    page = full.browser("petra").get(f"{PLAN}/change-requests?sort=due").text
    assert f'href="{PLAN}/change-requests.csv?sort=due"' in page
    assert page.index(full.there["overdue"].row.title[:8]) < page.index(full.there["asked"].row.title)
    assert "sort=due" in logged(full)[0][2]


def test_my_updates_the_evidence_log_the_checks_and_the_timeline_say_what_their_pages_say(full: Kept) -> None:
    (first, *_) = table(full, "connie", "/updates.csv?whose=own")
    assert first["Plan"] == "Safeguarding Plan"
    assert first["What is needed"]
    evidence = table(full, "petra", full.path("reviewed", "evidence.csv"))
    states = sorted(row["State for this milestone"] for row in evidence)
    assert states == ["Rejected", "Waiting for review", "Waiting for review", "Withdrawn"]
    (rejected,) = (row for row in evidence if row["State for this milestone"] == "Rejected")
    assert rejected["Why so reviewed"] == "It shows what was agreed"
    assert len(rejected["SHA-256"]) == 64
    findings = table(full, "ada", f"{PLAN}/honesty-checks.csv")
    assert {row["Check"] for row in table(full, "ada", f"{PLAN}/honesty-checks.csv?check=shared_file")} <= {
        row["Check"] for row in findings
    }
    assert full.browser("sam").get(f"{PLAN}/honesty-checks.csv").status_code == 403
    dates = table(full, "petra", f"{PLAN}/timeline.csv?status=achieved")
    assert [(row["Title"], row["RAG"], row["Where it stands"]) for row in dates] == [
        ("Duty desk staffed", "", "Achieved")
    ]
    assert f'href="{PLAN}/timeline.csv?status=achieved"' in full.browser("petra").get(
        f"{PLAN}/timeline?status=achieved"
    ).text  # fmt: skip


def test_plans_stand_in_the_order_asked_for_and_so_does_their_file(full: Kept) -> None:
    other = full.world.read("zoe", plans.get_plan, slug=full.world.other_plan).id
    members(full.world, {"petra": (Role.PROGRAMME_MANAGER,)}, other)
    for sort, first in (("", "Another plan"), ("red", "Safeguarding Plan"), ("review", "Safeguarding Plan")):
        rows = table(full, "petra", f"/plans.csv?sort={sort}")
        assert rows[0]["Plan"] == first, sort
        page = full.browser("petra").get(f"/plans?sort={sort}").text
        titles = re.findall(r'wm-plan__title"><a [^>]*>([^<]+)<', page)
        assert titles == [row["Plan"] for row in rows]
    assert full.browser("petra").get("/plans?sort=colour").status_code == 422
    assert full.browser("petra").get("/plans.csv?sort=colour").status_code == 422
