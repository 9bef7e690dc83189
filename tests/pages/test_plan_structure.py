"""Themes and actions: the page that shows them in order, and its forms and buttons."""

from __future__ import annotations

import pytest

from app.services import plan_parts
from tests.pages.conftest import HTMX, Kept, statements
from tests.pages.markup import read

PLAN = "/plans/safeguarding-plan"
THEMES = f"{PLAN}/themes"


@pytest.fixture
def parted(house: Kept) -> Kept:
    """Two themes, three actions in the first of them."""
    write, plan, theme = house.world.write, house.world.plan, house.world.theme
    write("petra", plan_parts.add_theme, slug=plan, title="Workforce")
    for title in ("Recruit", "Retain"):
        write("petra", plan_parts.add_action, slug=plan, theme=theme, title=title)
    return house


def order(house: Kept) -> list[str]:
    return [action.ref for action in house.world.read("petra", plan_parts.list_actions, slug=house.world.plan)]


def test_everything_stands_in_its_order_and_the_markup_is_sound(parted: Kept) -> None:
    page = read(parted.browser("petra").get(THEMES).text)
    assert page.problems() == []
    for words in ("T-01 Child protection practice", "A-01 Run the rota", "M-01 First milestone", "T-02 Workforce"):
        assert words in page.text
    assert {"up-A-02", "down-A-02", "down-T-01", "up-T-02"} <= set(page.ids())
    assert {"up-T-01", "down-T-02", "up-A-01", "down-A-03", "up-M-01"}.isdisjoint(page.ids())


def test_who_may_not_change_it_reads_it_without_buttons(parted: Kept) -> None:
    for who in ("connie", "sam", "ada"):
        page = read(parted.browser(who).get(THEMES).text)
        assert page.problems() == []
        assert page.all("button") == page.all("button")[:2]  # the menu's and the way out
        assert f"{THEMES}/new" not in page.links()
    assert parted.browser("olive").get(THEMES).status_code == 403
    assert parted.browser("zoe").get(THEMES).status_code == 404


def test_a_button_moves_a_part_and_leads_back_to_it(parted: Kept) -> None:
    answer = parted.browser("petra").post(f"{PLAN}/actions/A-03/place", data={"direction": "up"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{THEMES}#A-03")
    assert order(parted) == ["A-01", "A-03", "A-02"]


def test_with_htmx_the_list_comes_back_with_the_focus_where_it_was(parted: Kept) -> None:
    browser = parted.browser("petra")
    first = browser.post(f"{PLAN}/actions/A-03/place", data={"direction": "up"}, headers=HTMX)
    page = read(first.text)
    assert (first.status_code, page.problems(whole=False)) == (200, [])
    assert "A-03 moved up. It is now 2 of 3" in page.text
    assert [one.attributes["id"] for one in page.all("button") if "data-wm-focus" in one.attributes] == ["up-A-03"]
    # At the top there is no way up, and the focus goes to the way down.
    second = read(browser.post(f"{PLAN}/actions/A-03/place", data={"direction": "up"}, headers=HTMX).text)
    assert [one.attributes["id"] for one in second.all("button") if "data-wm-focus" in one.attributes] == ["down-A-03"]


def test_a_stale_move_and_one_that_goes_nowhere_change_nothing(parted: Kept) -> None:
    browser = parted.browser("petra")
    stale = browser.post(f"{THEMES}/T-02/place", data={"direction": "up", "version": "7"})
    assert stale.status_code == 412
    assert "Somebody else changed this" in stale.text
    odd = browser.post(f"{THEMES}/T-02/place", data={"direction": "sideways"})
    assert odd.status_code == 422
    assert "Choose up or down" in odd.text
    assert browser.post(f"{THEMES}/T-09/place", data={"direction": "up"}).status_code == 404
    assert "T-01" in browser.get(THEMES).text.split("T-02")[0]


def test_an_action_is_renamed_and_moved_with_its_form_and_says_so_everywhere(parted: Kept) -> None:
    browser = parted.browser("petra")
    form = read(browser.get(f"{PLAN}/actions/A-01/edit").text)
    assert form.problems() == []
    target = next(one.id for one in parted.world.read("petra", plan_parts.list_themes, slug=parted.world.plan)
                  if one.ref == "T-02")  # fmt: skip
    sent = {"title": "Run both rotas", "theme": target, "version": form.value("version")}
    answer = browser.post(f"{PLAN}/actions/A-01/edit", data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{THEMES}#A-01")
    page = read(browser.get(THEMES).text)
    assert "A-01 Run both rotas moved from T-01 Child protection practice" in page.text
    milestone = read(browser.get(f"{PLAN}/milestones/M-01").text)
    assert "A-01 was moved from T-01 Child protection practice on 2 March 2026" in milestone.text
    # The same form once more: somebody was quicker, and both texts are shown.
    clash = browser.post(f"{PLAN}/actions/A-01/edit", data={**sent, "title": "Run three rotas"})
    assert clash.status_code == 412
    text = read(clash.text).text
    assert "There now Run both rotas" in text
    assert "What you wrote Run three rotas" in text


def test_a_moved_milestone_says_where_it_stood(parted: Kept) -> None:
    browser = parted.browser("petra")
    actions = parted.world.read("petra", plan_parts.list_actions, slug=parted.world.plan)
    form = read(browser.get(f"{PLAN}/milestones/M-01/edit").text)
    start = {name: form.value(name) for name in (f"start_date-{part}" for part in ("day", "month", "year"))}
    sent = {"title": "First milestone", "action": actions[1].id, "organisation": "haringey-council",
            "version": form.value("version"), "marking": "official",
            **start}  # fmt: skip
    assert browser.post(f"{PLAN}/milestones/M-01/edit", data=sent).status_code == 303
    assert "Moved from A-01 Run the rota on 2 March 2026" in read(browser.get(f"{PLAN}/milestones/M-01").text).text
    assert "moved from A-01 Run the rota" in read(browser.get(THEMES).text).text


def test_themes_and_actions_are_added(parted: Kept) -> None:
    browser = parted.browser("petra")
    for address in (f"{THEMES}/new", f"{PLAN}/actions/new?theme={parted.world.theme}", f"{THEMES}/T-01/edit"):
        assert read(browser.get(address).text).problems() == []
        assert parted.browser("sam").get(address).status_code == 403
    added = browser.post(THEMES, data={"title": "Information"})
    assert (added.status_code, added.headers["location"]) == (303, f"{THEMES}#T-03")
    assert browser.post(f"{THEMES}/T-03/edit", data={"title": "Data", "version": "1"}).status_code == 303
    empty = browser.post(f"{PLAN}/actions", data={"title": ""})
    assert empty.status_code == 422
    assert read(empty.text).problems() == []
    for sentence in ("Enter a title", "Choose the theme it belongs to"):
        assert sentence in empty.text
    unknown = browser.post(f"{PLAN}/actions", data={"title": "Lost", "theme": "nothing"})
    assert (unknown.status_code, "Choose a theme of this plan" in unknown.text) == (422, True)
    assert "T-03 Data" in read(browser.get(THEMES).text).text


def test_in_a_closed_plan_there_is_nothing_to_press_and_the_doors_are_shut(parted: Kept) -> None:
    browser = parted.browser("petra")
    parted.world.close()
    assert f"{THEMES}/new" not in read(browser.get(THEMES).text).links()
    assert browser.get(f"{THEMES}/new").status_code == 403
    for address, data in (
        (THEMES, {"title": "More"}), (f"{THEMES}/T-01/place", {"direction": "down"}),
        (f"{THEMES}/T-01/edit", {"title": "Other"}), (f"{PLAN}/actions/A-01/edit", {"title": "x", "theme": "y"}),
    ):  # fmt: skip
        answer = browser.post(address, data=data)
        assert answer.status_code in (409, 422), address
    assert "The plan is closed and read-only" in browser.post(THEMES, data={"title": "More"}).text


def test_the_page_sends_a_fixed_number_of_queries(full: Kept) -> None:
    browser = full.browser("petra")
    with statements(full.world.database) as few:
        browser.get(THEMES)
    for number in range(6):
        full.world.milestone(title=f"More {number}")
    with statements(full.world.database) as many:
        browser.get(THEMES)
    assert len(few) == len(many) <= 13, len(many)


def test_an_empty_action_is_removed_from_a_draft_on_its_page_and_by_a_program_alike(house: Kept) -> None:
    write, plan, here = house.world.write, house.world.other_plan, "/plans/other-plan"
    theme = write("zoe", plan_parts.add_theme, slug=plan, title="All of it").id
    action = write("zoe", plan_parts.add_action, slug=plan, theme=theme, title="Added twice").id
    browser, program = house.browser("zoe"), house.api("zoe")
    page = read(browser.get(f"{here}/themes").text)
    assert f"{here}/actions/A-01/removal" in page.links()
    assert f"{here}/themes/T-01/removal" not in page.links()
    form = read(browser.get(f"{here}/themes/T-01/removal").text)
    assert form.problems() == []
    refused = browser.post(f"{here}/themes/T-01/removal", data={"reason": "Twice", "version": form.value("version")})
    told = program.post(f"/api/v1/themes/{theme}/removal", json={"reason": "Twice"})
    assert (refused.status_code, told.status_code) == (409, 409)
    sentence = "There is 1 action in it. Move or remove it first"
    assert sentence in refused.text
    assert told.json()["reasons"] == [{"code": "has_actions", "message": sentence}]
    assert browser.post(f"{here}/actions/A-01/removal", data={"reason": ""}).status_code == 422
    done = program.post(f"/api/v1/actions/{action}/removal", json={"reason": "Twice"})
    assert (done.status_code, done.json()["ref"]) == (201, "A-01")
    left = browser.post(f"{here}/themes/T-01/removal", data={"reason": "Twice", "version": "1"})
    assert (left.status_code, left.headers["location"]) == (303, f"{here}/themes")
    assert browser.get(f"{here}/themes/T-01/removal").status_code == 404
    assert house.browser("petra").get(f"{PLAN}/actions/A-01/removal").status_code == 403
