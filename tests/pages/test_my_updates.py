"""My updates: a form an item, saved one by one, with HTMX and without."""

from __future__ import annotations

import html
from datetime import timedelta

import pytest

from app.services import meetings, milestones, updates
from tests.factories import World, key
from tests.pages.conftest import HTMX, Kept, statements
from tests.pages.markup import Page, read

HERE = "/updates"
PLAN = "safeguarding-plan"


@pytest.fixture
def begun(house: Kept) -> Kept:
    """Two milestones of Connie's that are in progress, yesterday's last word on each."""
    world = house.world
    for name in ("Rota", "Desk"):
        view = world.milestone(title=name, due_date=world.clock.today + timedelta(days=100))
        world.write(
            "connie", updates.add_update, milestone=key(view), narrative=f"{name} begun", issue="Two posts are vacant"
        )  # fmt: skip
        house.there[name] = view
    world.clock.forward(days=15)
    _met_yesterday(world)
    return house


def _met_yesterday(world: World) -> None:
    world.write("petra", meetings.add_meeting, slug=world.plan, on=world.clock.today + timedelta(days=7))
    world.clock.forward(days=8)


def page_of(house: Kept, who: str = "connie", address: str = HERE) -> Page:
    answer = house.browser(who).get(address)
    assert answer.status_code == 200, answer.text
    return read(answer.text)


def address(house: Kept, name: str) -> str:
    return f"{HERE}/{PLAN}/{house.there[name].row.ref}"


def form(house: Kept, name: str, **typed: str) -> dict[str, str]:
    return {"version": house.seen(name).row.version, "next": f"{PLAN}-M-03", "issue": "Two posts are vacant", **typed}


def test_the_page_is_sound_and_says_how_many_are_left(begun: Kept) -> None:
    page = page_of(begun)
    assert page.problems() == []
    assert "3 of 3 left" in page.text
    assert "What has happened since 2 March 2026?" in page.text
    assert "Last update 2 March 2026, Head of Assessment: “Rota begun”" in page.text
    assert "No change since the last update" in page.text
    for who in ("sam", "petra"):
        assert "Nothing needs an update from you" in page_of(begun, who).text
    assert begun.stranger().get(HERE).headers["location"] == "/sign-in?next=/updates"


def test_the_menu_counts_what_is_left_for_who_updates_anything(begun: Kept) -> None:
    plan = f"/plans/{PLAN}"
    assert (
        '<a class="govuk-service-navigation__link" href="/updates">My updates <span class="wm-count">3</span></a>'
        in (begun.browser("connie").get(plan).text)
    )
    assert HERE not in read(begun.browser("ada").get(plan).text).links()
    assert HERE in read(begun.browser("connie").get("/plans").text).links()


def test_saved_without_scripts_it_leads_on_to_the_next_one(begun: Kept) -> None:
    browser = begun.browser("connie")
    answer = browser.post(address(begun, "Rota"), data=form(begun, "Rota", narrative="Two of three shifts"))
    assert (answer.status_code, answer.headers["location"]) == (303, f"{HERE}#{PLAN}-M-03")
    page = page_of(begun)
    assert "2 of 3 left" in page.text
    assert "Saved 9:00am" in page.text
    assert "“Two of three shifts” Change it" in page.text
    latest = begun.seen("Rota").latest_update
    assert latest is not None
    assert (latest.narrative, latest.issue) == ("Two of three shifts", "Two posts are vacant")
    astray = browser.post(
        address(begun, "Desk"), data=form(begun, "Desk", narrative="Open", next="//elsewhere.example")
    )
    assert astray.headers["location"] == f"{HERE}#left"


def test_saved_with_htmx_the_section_shrinks_to_a_line_and_the_counts_follow(begun: Kept) -> None:
    answer = begun.browser("connie").post(
        address(begun, "Rota"), data=form(begun, "Rota", narrative="Two of three shifts"), headers=HTMX
    )
    assert answer.status_code == 200
    assert "<form" not in answer.text
    assert "data-wm-saved" in answer.text
    assert '<strong id="left" data-hx-swap-oob="innerHTML">2 of 3 left</strong>' in answer.text
    assert '<span id="updates-left" data-hx-swap-oob="innerHTML">2</span>' in answer.text


def test_no_change_is_a_tick_and_shown_as_such(begun: Kept) -> None:
    answer = begun.browser("connie").post(
        address(begun, "Rota"), data=form(begun, "Rota", no_change="true"), headers=HTMX
    )
    assert "No change. " in answer.text
    milestone = begun.browser("connie").get(begun.path("Rota"))
    assert '<h3 class="moj-timeline__title">No change</h3>' in milestone.text
    begun.world.clock.forward(days=15)
    assert "Nothing but “no change” since 2 March 2026, which covers one review only" in page_of(begun).text
    assert "Said on 25 March 2026 already: said again, it covers no further review" in page_of(begun).text


@pytest.mark.parametrize("headers", [HTMX, {}])
def test_what_is_wrong_comes_back_in_its_place_with_every_word_kept(begun: Kept, headers: dict[str, str]) -> None:
    before = begun.seen("Rota").row.version
    typed = form(begun, "Rota", declared_rag="red", support_required="Release <two> managers")
    answer = begun.browser("connie").post(address(begun, "Rota"), data=typed, headers=headers)
    assert answer.status_code == 422
    page = read(answer.text)
    ref = begun.there["Rota"].row.ref
    assert f"{ref} was not saved" in page.text
    assert f"#{PLAN}-{ref}-narrative" in page.links()
    assert html.escape("Release <two> managers") in answer.text
    assert "<title>Error: My updates" in answer.text
    assert answer.text.count('<form method="post" action="/updates/') == (1 if headers else 3)
    if not headers:
        assert page.problems() == []
    assert begun.seen("Rota").row.version == before
    typed["narrative"] = "Two of three"
    wrong = begun.browser("connie").post(address(begun, "Rota"), data=typed, headers=headers)
    assert "Say why you declare it Red" in wrong.text
    assert 'wm-update__more" open' in wrong.text


def test_a_rule_says_no_in_the_same_place(begun: Kept) -> None:
    world = begun.world
    fresh = world.milestone(title="Fresh")
    begun.there["Fresh"] = fresh
    answer = begun.browser("connie").post(
        address(begun, "Fresh"), data=form(begun, "Fresh", no_change="true", issue=""), headers=HTMX
    )
    assert answer.status_code == 409
    assert "There is no update yet for “no change” to go by" in answer.text


def test_in_a_closed_plan_nothing_is_saved_and_what_was_typed_is_kept(begun: Kept) -> None:
    begun.world.close()
    typed = form(begun, "Rota", narrative="Too late")
    for headers in (HTMX, {}):
        answer = begun.browser("connie").post(address(begun, "Rota"), data=typed, headers=headers)
        assert answer.status_code == 409
        assert "The plan is closed and read-only" in answer.text
        assert ">Too late</textarea>" in answer.text


def test_somebody_elses_update_in_the_meantime_is_shown_before_mine_is_saved(begun: Kept) -> None:
    mine = form(begun, "Rota", narrative="Mine")
    begun.world.write("petra", updates.add_update, milestone=key(begun.there["Rota"]), narrative="Hers")
    browser = begun.browser("connie")
    answer = browser.post(address(begun, "Rota"), data=mine, headers=HTMX)
    assert answer.status_code == 412
    assert "Somebody else changed this while you were writing" in answer.text
    assert "“Hers”" in answer.text
    assert ">Mine</textarea>" in answer.text
    mine["version"] = read(answer.text).value("version")
    assert browser.post(address(begun, "Rota"), data=mine, headers=HTMX).status_code == 200


def test_it_can_be_changed_which_writes_another(begun: Kept) -> None:
    browser = begun.browser("connie")
    browser.post(address(begun, "Rota"), data=form(begun, "Rota", narrative="Two of tree"))
    for headers in (HTMX, {}):
        again = browser.get(address(begun, "Rota"), headers=headers)
        assert ">Two of tree</textarea>" in again.text
        assert "Leave it as it was saved" in again.text
    browser.post(address(begun, "Rota"), data=form(begun, "Rota", narrative="Two of three"))
    said = [entry.narrative for entry in begun.seen("Rota").timeline if entry.kind == "update"]
    assert said == ["Two of three", "Two of tree", "Rota begun"]


def test_only_who_may_update_gets_the_form(begun: Kept) -> None:
    for who, status in (("pol", 403), ("ada", 403), ("olive", 403), ("zoe", 404)):
        assert begun.browser(who).get(address(begun, "Rota")).status_code == status
        sent = begun.browser(who).post(address(begun, "Rota"), data=form(begun, "Rota", narrative="x"))
        assert sent.status_code == status


def test_when_all_are_done_it_says_so(begun: Kept) -> None:
    world, browser = begun.world, begun.browser("connie")
    browser.post(f"{HERE}/{PLAN}/M-01", data={"narrative": "Begun"})
    for name in ("Rota", "Desk"):
        browser.post(address(begun, name), data=form(begun, name, narrative="Done"))
    page = page_of(begun)
    assert "All 3 updated" in page.text
    assert "All are up to date" in page.text
    assert world.seen(begun.there["Rota"]).row.status == "in_progress"


def test_the_page_sends_a_fixed_number_of_queries(begun: Kept) -> None:
    browser = begun.browser("connie")
    browser.post(address(begun, "Rota"), data=form(begun, "Rota", narrative="Two of three shifts"))
    with statements(begun.world.database) as few:
        browser.get(HERE)
    for number in range(12):
        view = begun.world.milestone(title=f"One more {number}")
        begun.world.write("connie", milestones.start, milestone=key(view))
    with statements(begun.world.database) as many:
        assert "14 of 15 left" in read(browser.get(HERE).text).text
    assert len(many) == len(few)
    assert len(many) <= 15, len(many)


def test_it_is_paged_at_50(begun: Kept) -> None:
    for number in range(52):
        begun.world.milestone(title=f"One more {number}", due_date=begun.world.clock.today - timedelta(days=1),
                              start_date=None)  # fmt: skip
    browser = begun.browser("connie")
    first = browser.get(HERE).text
    assert first.count('<section class="wm-update"') == 50
    more = next(link for link in read(first).links() if "cursor=" in link)
    second = browser.get(more).text
    assert second.count('<section class="wm-update"') == 5
    assert "Back to the first 50" in second


def test_what_is_reported_completed_is_asked_for_words_and_evidence_not_for_a_forecast(house: Kept) -> None:
    view = house.world.completed(title="Rota published")
    page = page_of(house, address=f"{HERE}/{house.world.plan}/{view.row.ref}")
    its_own = f"{PLAN}-{view.row.ref}-"
    fields = [one.attributes for one in (*page.all("input"), *page.all("textarea"))]
    asked = {one.get("name") for one in fields if (one.get("id") or "").startswith(its_own)}
    assert "narrative" in asked
    assert {"forecast_date-day", "return_to_green_on-day", "declared_rag", "rationale"}.isdisjoint(asked)
    assert f"/plans/{house.world.plan}/milestones/{view.row.ref}/evidence/new" in page.links()
    sent = {"narrative": "The file comes on Friday"}
    assert house.browser("connie").post(f"{HERE}/{house.world.plan}/{view.row.ref}", data=sent).status_code == 303
    latest = house.world.seen(view).latest_update
    assert latest is not None
    assert latest.narrative == sent["narrative"]
