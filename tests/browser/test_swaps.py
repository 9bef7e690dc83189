"""What HTMX swaps: the part and no more, the address, what is announced, and what happens when it cannot be done."""

from __future__ import annotations

import re

from playwright.sync_api import Route, expect

from tests.browser.conftest import Place
from tests.browser.steps import EXCEPTIONS, exception, logged, milestone, police_send_the_log, standing
from tests.browser.visitors import Visitor


def mark(visitor: Visitor) -> None:
    """Leave something in the page that is gone when the page is loaded anew."""
    visitor.page.evaluate("() => { window.sameDocument = true; document.querySelector('header').dataset.kept = 'yes' }")


def is_same_page(visitor: Visitor) -> bool:
    return bool(visitor.page.evaluate("() => window.sameDocument === true"))


def test_filters_swap_the_list_say_so_and_are_in_the_address(shared: Place) -> None:
    visitor = shared.visitor("manager")
    page = visitor.page
    visitor.go(EXCEPTIONS)
    everything = page.locator(".wm-exception").count()
    mark(visitor)
    page.get_by_label("Colour").select_option("red")
    visitor.button("Apply filters").click()
    expect(page.locator("#showing")).to_contain_text("Showing")
    assert is_same_page(visitor)
    visitor.is_at(f"{EXCEPTIONS}?rag=red")  # without what was not chosen
    expect(page.locator("header[data-kept]")).to_have_count(1)
    expect(page.locator(".wm-exception--amber")).to_have_count(0)
    red = page.locator(".wm-exception").count()

    page.get_by_label("Support asked for").check()
    visitor.button("Apply filters").click()
    expect(visitor.link("Remove this filter: Support asked for")).to_be_visible()
    visitor.is_at(f"{EXCEPTIONS}?rag=red&support_required=true")
    assert is_same_page(visitor)

    # The address alone gives the same list; Back goes back a filter at a time, form and list together.
    both = page.locator(".wm-exception").count()
    page.go_back()
    expect(page.locator(".wm-exception")).to_have_count(red)
    visitor.is_at(f"{EXCEPTIONS}?rag=red")
    expect(page.get_by_label("Colour")).to_have_value("red")
    expect(page.get_by_label("Support asked for")).not_to_be_checked()
    page.go_back()
    expect(page.locator(".wm-exception")).to_have_count(everything)
    expect(page.get_by_label("Colour")).to_have_value("")
    visitor.go(f"{EXCEPTIONS}?rag=red&support_required=true")
    expect(page.locator(".wm-exception")).to_have_count(both)

    # After going back the page is alive: filters swap again.
    mark(visitor)
    visitor.link("Clear filters").first.click()
    expect(page.locator(".wm-exception")).to_have_count(everything)
    assert is_same_page(visitor)
    visitor.is_at(EXCEPTIONS)


def test_looking_ahead_is_announced_and_named_in_the_title(shared: Place) -> None:
    visitor = shared.visitor("officer")
    page = visitor.page
    visitor.go(EXCEPTIONS)
    mark(visitor)
    status = page.get_by_role("status")
    status.evaluate("(one) => { one.dataset.kept = 'yes' }")  # a live region speaks only while it stays
    page.locator("#switch-later").click()
    expect(page.locator("#switch-later")).to_have_css("background-color", "rgb(255, 221, 0)")  # chosen, and in focus
    expect(status).to_contain_text("If nothing changes, on ")
    expect(page.locator("[role=status][data-kept]")).to_have_count(1)
    expect(page).to_have_title(re.compile(r"^Exceptions on \d+ "))
    expect(page.locator("#switch-later")).to_have_attribute("aria-current", "true")
    assert is_same_page(visitor)
    expect(page).to_have_url(re.compile(r"\?on=[\d-]+$"))

    # A filter chosen now keeps the day.
    page.get_by_label("Colour").select_option("amber")
    visitor.button("Apply filters").click()
    expect(visitor.link("Remove this filter: Amber")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?on=[\d-]+&rag=amber$"))
    page.locator("#switch-today").click()
    expect(page).to_have_title(re.compile(r"^Exceptions – "))
    visitor.is_at(f"{EXCEPTIONS}?rag=amber")


def test_a_filter_that_finds_none_says_how_many_there_are(shared: Place) -> None:
    visitor = shared.visitor("manager")
    page = visitor.page
    visitor.go(EXCEPTIONS)
    everything = page.locator(".wm-exception").count()
    page.get_by_label("Cause of delay").select_option("legal")
    visitor.button("Apply filters").click()
    expect(page.locator("#results")).to_contain_text(f"No exceptions match. {everything} without filters.")
    visitor.link("Clear filters").last.click()
    expect(page.locator(".wm-exception")).to_have_count(everything)


def test_marking_as_achieved_swaps_the_gate_the_standing_and_what_can_be_done_next(own: Place) -> None:
    visitor = own.visitor("manager").expects(409)
    page = visitor.page
    visitor.go(milestone("M-06"))
    mark(visitor)
    visitor.button("Mark as achieved").click()
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    visitor.button("Mark as achieved").click()  # and once more: one summary, one refusal
    expect(page.locator(".govuk-error-summary")).to_have_count(1)
    expect(page.locator("#refusal")).to_have_count(1)
    police_send_the_log(own)
    visitor.button("Mark as achieved").click()
    expect(standing(visitor)).to_contain_text("Achieved")
    expect(page.locator(".govuk-error-summary")).to_have_count(0)
    expect(page).to_have_title(re.compile("^M-06 "))
    expect(page.locator("#actions")).to_contain_text("Reopen it")
    expect(page.locator("#actions")).not_to_contain_text("Report it completed")
    assert is_same_page(visitor)
    visitor.is_at(milestone("M-06"))


def test_a_review_that_lacks_something_comes_back_with_every_word(own: Place) -> None:
    visitor = own.visitor("manager").expects(422)
    page = visitor.page
    visitor.go(milestone("M-33"))
    mark(visitor)
    item = logged(visitor, "Staffing reconciliation, second month")
    item.locator("summary").click()
    item.get_by_label("Why", exact=True).fill("Two months agree\n\nwith SAP & payroll <both>")
    item.get_by_role("button", name="Save review").click()
    lines = page.locator(".govuk-error-summary").get_by_role("link")
    expect(lines).to_have_text(
        [
            "Choose whether to accept or to reject it",
            "Score its relevance from 0 to 3",
            "Score its robustness from 0 to 3",
        ]
    )
    expect(item.get_by_label("Why", exact=True)).to_have_value("Two months agree\n\nwith SAP & payroll <both>")
    lines.nth(1).click()
    expect(item.locator("[name=relevance]").first).to_be_focused()

    item.get_by_label("No, reject it").check()
    item.locator("[name=relevance][value='1']").check()
    item.locator("[name=robustness][value='0']").check()
    item.get_by_role("button", name="Save review").click()
    expect(item).to_contain_text("Rejected")
    expect(item).to_contain_text("with SAP & payroll <both>")
    expect(item).to_be_focused()
    expect(page.locator(".govuk-error-summary")).to_have_count(0)
    expect(page.locator("#gate")).to_contain_text("2 are rejected")
    assert is_same_page(visitor)


def test_two_people_who_change_the_same_facts_see_both_versions(own: Place) -> None:
    first, second = own.visitor("manager"), own.visitor("manager").expects(412)
    for visitor in (first, second):
        visitor.go(milestone("M-10", "edit"))
    title = first.page.get_by_label("What will be in place?")
    before = title.input_value()
    title.fill("Parents have reports a week before")
    first.button("Save the facts").click()
    first.arrives(milestone("M-10"))

    second.page.get_by_label("What will be in place?").fill("Reports reach parents in time")
    second.page.get_by_label("Description (optional)").fill("Typed meanwhile")
    second.page.locator("[name=supporting_organisations][value=metropolitan-police]").check()
    second.fill_date("start_date", 1, 9, 2009)
    second.button("Save the facts").click()
    page = second.page
    expect(page.locator(".govuk-error-summary")).to_contain_text("Somebody else changed this while you were writing")
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    both = page.get_by_role("region", name="Title").locator(".wm-panel")
    expect(both).to_have_text(
        [
            re.compile(r"There now\s*Parents have reports a week before"),
            re.compile(r"What you wrote\s*Reports reach parents in time"),
        ]
    )
    # Every field in which they differ is compared, and none that this form does not change.
    compared = page.locator("section[aria-labelledby^=clash] h2")
    expect(compared).to_have_text(["Title", "Description", "Supporting organisations", "Start date"])
    expect(page.get_by_role("region", name="Start date")).to_contain_text("1 9 2009")
    expect(page.get_by_label("What will be in place?")).to_have_value("Reports reach parents in time")
    expect(page.get_by_label("Description (optional)")).to_have_value("Typed meanwhile")

    # Nothing was overwritten, until somebody who has seen both saves again.
    first.go(milestone("M-10"))
    expect(first.heading("Parents have reports a week before")).to_be_visible()
    second.button("Save the facts").click()
    second.arrives(milestone("M-10"))
    expect(second.heading("Reports reach parents in time")).to_be_visible()
    assert before != "Reports reach parents in time"


def test_evidence_that_was_withdrawn_meanwhile_is_not_reviewed(own: Place) -> None:
    reviewer, provider = own.visitor("manager").expects(409, 412), own.visitor("officer")
    reviewer.go(milestone("M-33"))
    item = logged(reviewer, "Staffing reconciliation, second month")
    item.locator("summary").click()
    item.get_by_label("Yes, accept it").check()
    item.locator("[name=relevance][value='3']").check()
    item.locator("[name=robustness][value='3']").check()
    item.get_by_label("Why", exact=True).fill("It agrees")

    provider.go(milestone("M-33"))
    logged(provider, "Staffing reconciliation, second month").get_by_role("link", name=re.compile("^Withdraw")).click()
    provider.page.get_by_label("Why").fill("Wrong month")
    provider.button("Withdraw it").click()
    provider.arrives(milestone("M-33"))

    item.get_by_role("button", name="Save review").click()
    expect(reviewer.page.locator(".govuk-error-summary")).to_be_focused()
    expect(item).to_contain_text("Withdrawn")
    expect(item).not_to_contain_text("Accepted")


def test_who_was_signed_out_meanwhile_signs_in_and_comes_back(own: Place) -> None:
    visitor = own.visitor("manager")
    page = visitor.page
    visitor.go(EXCEPTIONS)
    own.server.clock.forward(hours=2)
    page.get_by_label("Colour").select_option("red")
    visitor.button("Apply filters").click()
    visitor.arrives("/sign-in")
    page.get_by_label("Email address").fill("programme.manager@haringey.example")
    page.get_by_label("Password", exact=True).fill(own.demo.passwords["manager"])
    visitor.button("Sign in").click()
    visitor.arrives(EXCEPTIONS)
    expect(exception(visitor, "M-27")).to_be_visible()


def test_a_server_that_fails_leaves_the_page_as_it_is_and_says_so(own: Place) -> None:
    visitor = own.visitor("manager").expects(503)
    page = visitor.page
    visitor.go(milestone("M-06"))

    def fail(route: Route) -> None:
        route.fulfill(status=503, content_type="text/html", body="<p>not available</p>")

    page.route("**/achievement", fail)
    visitor.button("Mark as achieved").click()
    expect(page.get_by_role("alert").filter(has_text="That did not work")).to_be_focused()
    expect(standing(visitor)).to_contain_text("Not achieved: evidence outstanding")
    expect(visitor.button("Mark as achieved")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("not available")


def test_what_may_not_be_seen_any_more_takes_the_place_of_the_page(own: Place) -> None:
    visitor = own.visitor("manager").expects(404)
    page = visitor.page
    visitor.go(EXCEPTIONS)
    page.locator("#filters").evaluate("(form) => form.setAttribute('data-hx-get', '/plans/no-such-plan/exceptions')")
    page.evaluate("() => htmx.process(document.querySelector('#filters'))")
    page.route("**/exceptions?**", lambda route: route.continue_(url=f"{own.origin}/plans/none/exceptions"))
    visitor.button("Apply filters").click()
    expect(visitor.heading("Page not found")).to_be_focused()
    expect(page.locator("main")).to_have_count(1)
    expect(page.locator("header.wm-header")).to_have_count(1)
