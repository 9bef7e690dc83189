"""Saved views on their pages and beside the lists: saved, opened, changed, shared, deleted; and what the API sees."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from app.db import UnitOfWork
from app.domain.actors import system_actor
from app.domain.saved_views import KEPT
from app.domain.words import ViewOf
from app.pages.exception_reports import filters_of
from app.pages.milestone_lists import Wanted
from tests.pages.conftest import HTMX, Kept, statements
from tests.pages.markup import read

PLAN = "/plans/safeguarding-plan"
LIST = f"{PLAN}/milestones?status=moved&sort=-slip"


def save(house: Kept, who: str, *, plan: str = PLAN, **given: Any) -> str:
    """Save a view as the form does, and return its address."""
    form = {"list": "milestones", "name": "Moved", "status": "moved", "sort": "-slip", "filters": ["status", "sort"]}
    answer = house.browser(who).post(f"{plan}/views", data={**form, **given})
    assert answer.status_code == 303, read(answer.text).text
    return str(answer.headers["location"])


def test_what_is_on_screen_is_saved_under_a_name_and_opened_again(full: Kept) -> None:
    browser = full.browser("connie")
    link = f"{PLAN}/views/new?list=milestones&status=moved&sort=-slip"
    assert link in list(read(browser.get(LIST).text).links())
    form = read(browser.get(link).text)
    assert "Due date moved" in form.text
    assert "Sorted by slip, the latest first" in form.text
    assert "Everybody who reads this plan" not in form.text
    view = save(full, "connie")
    assert browser.get(view).headers["location"] == LIST
    shown = read(browser.get(LIST).text)
    assert "Moved" in shown.text
    assert link not in shown.links()
    assert "No view is saved yet." in browser.get("/views").text
    assert "Moved" not in full.browser("pol").get(f"{PLAN}/views").text
    assert full.browser("pol").get(view).status_code == 404


def test_a_shared_view_shows_each_reader_what_they_may_see(full: Kept) -> None:
    save(full, "petra", name="Sensitive", q="kept from", status="", filters=["q"], seen_by="plan")
    found = f"{PLAN}/milestones?q=kept+from"
    assert "shared by Programme Manager" in full.browser("pol").get(f"{PLAN}/milestones").text
    assert "1 milestone match" in read(full.browser("petra").get(found).text).text
    assert "0 milestones match" in read(full.browser("pol").get(found).text).text
    table = read(full.browser("pol").get(f"{PLAN}/views").text).text
    assert "Everybody on the plan, shared by Programme Manager" in table
    assert "Change" not in table.partition("Sensitive")[2].partition("Saved views of all")[0]


def test_a_view_is_renamed_loses_a_filter_is_shared_and_deleted(full: Kept) -> None:
    view, browser = save(full, "sam"), full.browser("sam")
    form = {"name": "By slip", "filters": ["sort"], "seen_by": "plan", "version": "1"}
    answer = browser.post(f"{view}/edit", data=form)
    assert answer.headers["location"] == f"{PLAN}/views#{view.rpartition('/')[2]}"
    assert browser.get(view).headers["location"] == f"{PLAN}/milestones?sort=-slip"
    stale = browser.post(f"{view}/edit", data=form)
    assert stale.status_code == 412
    assert "Somebody else changed this while you were writing" in stale.text
    nameless = browser.post(f"{view}/edit", data={"name": " ", "version": "2"})
    assert nameless.status_code == 422
    assert "Enter a name for this view" in nameless.text
    assert full.browser("connie").get(f"{view}/edit").status_code == 403
    assert full.browser("connie").post(f"{view}/deletion").status_code == 403
    assert "shares" in full.browser("petra").get(f"{view}/deletion").text
    assert full.browser("petra").post(f"{view}/deletion", data={"version": "2"}).status_code == 303
    assert browser.get(view).status_code == 404
    trail = read(full.browser("ada").get(f"{PLAN}/audit-events").text).text
    assert "Shared view deleted" in trail
    assert "View shared" in trail


def test_exceptions_have_views_of_a_plan_and_of_all_plans(full: Kept) -> None:
    browser = full.browser("connie")
    facts: dict[str, Any] = {
        "list": "exceptions",
        "status": "",
        "sort": "",
        "rag": "red",
        "filters": ["rag"],
        "name": "Red ones",
    }
    assert browser.get("/views/new?list=milestones&status=moved").status_code == 422
    of_all = save(full, "connie", plan="", **facts)
    of_plan = save(full, "connie", **facts)
    assert browser.get(of_all).headers["location"] == "/exceptions?rag=red"
    assert browser.get(of_plan).headers["location"] == f"{PLAN}/exceptions?rag=red"
    assert 'aria-current="page">Red ones</a>' in browser.get("/exceptions?rag=red").text
    part = browser.get(f"{PLAN}/exceptions?rag=amber", headers=HTMX).text
    assert "Red ones" in part
    assert f'href="{PLAN}/views/new?list=exceptions&amp;rag=amber"' in part
    assert "the exceptions in all my plans" in read(browser.get(f"{of_all}/edit").text).text.lower()


def test_a_theme_that_is_gone_has_its_own_sentence_and_a_way_on(full: Kept) -> None:
    theme = full.world.theme
    view = save(full, "connie", theme=theme, status="", sort="", filters=["theme"], name="Practice")

    def point_elsewhere(uow: UnitOfWork) -> None:
        change = text("UPDATE saved_views SET filters = replace(filters, :theme, :gone)")
        uow.session.execute(change, {"theme": theme, "gone": "0" * 20})

    full.world.database.write(point_elsewhere, actor=system_actor(), now=full.world.clock())
    browser = full.browser("connie")
    opened = read(browser.get(browser.get(view).headers["location"]).text)
    sentence = "The theme that this is filtered by is no longer in the plan"
    assert f"{sentence}, so nothing matches it. The saved view “Practice” still names it." in opened.text
    assert {f"{PLAN}/milestones", f"{view}/edit", f"{view}/deletion"} <= set(opened.links())
    assert sentence in browser.get(f"{PLAN}/views").text
    form = browser.get(f"{view}/edit")
    assert sentence in form.text
    again = browser.post(f"{view}/edit", data={"name": "Practice", "filters": "theme", "version": "1"})
    assert again.status_code == 422
    assert sentence in read(again.text).text


def test_both_doors_keep_the_same_views(full: Kept) -> None:
    program = full.api("sam")
    body = {"name": "Late", "of": "milestones", "filters": {"status": "moved", "sort": "-slip"}, "shared": True}
    made = program.post(f"/api/v1{PLAN}/views", json=body)
    assert made.status_code == 201
    view = made.json()
    assert program.get(made.headers["location"]).json() == view
    assert full.browser("sam").get(f"/views/{view['id']}").headers["location"] == LIST
    assert [one["name"] for one in full.api("connie").get(f"/api/v1{PLAN}/views").json()["items"]] == ["Late"]
    assert program.get("/api/v1/views").json()["items"] == []
    address, current = f"/api/v1/views/{view['id']}", {"If-Match": made.headers["etag"]}
    assert program.patch(address, json={"name": "Later"}).status_code == 428
    assert program.patch(address, json={"filters": {"colour": "red"}}, headers=current).status_code == 422
    assert program.patch(address, json={"name": "Later"}, headers=current).json()["name"] == "Later"
    assert full.api("connie").post(f"{address}/deletion").status_code == 403
    assert program.post(f"{address}/deletion").status_code == 201
    assert program.get(address).status_code == 404


def test_a_view_keeps_what_the_lists_address_takes(full: Kept) -> None:
    """The names of filters are those of the lists: none is kept that a list does not know, and none is forgotten."""
    milestones = dict.fromkeys(
        ("ref", "rag", "status", "theme", "owner", "organisation", "due_before", "q", "changed", "since", "sort"), "x"
    )
    assert set(Wanted(**milestones).query) == set(milestones)
    asked = full.api("petra").get("/api/v1/openapi.json").json()["paths"]["/api/v1/plans/{plan}/exceptions"]["get"]
    parameters = {one["name"] for one in asked["parameters"] if one["in"] == "query"} - {"limit", "cursor"}
    assert set(KEPT[ViewOf.MILESTONES]) == set(milestones)
    assert parameters <= set(KEPT[ViewOf.EXCEPTIONS])
    assert filters_of({"on": "2026-04-01", "turns_red": "true"}).turns_red


def test_the_pages_of_views_send_a_fixed_number_of_queries(full: Kept) -> None:
    browser = full.browser("petra")
    save(full, "petra", name="First")
    for address in (f"{PLAN}/views", f"{PLAN}/milestones", f"{PLAN}/exceptions"):
        with statements(full.world.database) as few:
            browser.get(address)
        for number in range(3):
            save(full, "petra", name=f"{address} {number}")
        with statements(full.world.database) as many:
            browser.get(address)
        assert len(many) == len(few) <= 18, address
