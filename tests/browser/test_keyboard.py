"""Everything with the keyboard alone: focus that can be seen, in the order of the page, and never lost in a swap."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Place
from tests.browser.demo import CAST, PLAN
from tests.browser.steps import (
    EXCEPTIONS,
    exception,
    logged,
    milestone,
    police_send_the_log,
    shown_as_refused,
    standing,
)
from tests.browser.visitors import Visitor

# What holds of the element that has the focus: one can see that it does, it is in the window, nothing lies over it
# (the sticky heads), and it comes next in the page.
_FOCUSED = """(forward) => {
  const one = document.activeElement;
  if (!one || one === document.body) return {name: "nothing", faults: []};
  const name = one.outerHTML.slice(0, 140), faults = [];
  const shown = one.matches("[type=radio], [type=checkbox]") ? one.labels[0] : one;
  const styles = [getComputedStyle(shown), getComputedStyle(shown, "::before")];
  const clear = (colour) => /rgba\\(.*, 0\\)|transparent/.test(colour);
  const seen = styles.some((style) => style.boxShadow !== "none"
    || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 && !clear(style.outlineColor)));
  if (!seen) faults.push("its focus cannot be seen");
  const box = (one.getClientRects()[0] || shown.getBoundingClientRect());
  const x = box.x + Math.min(box.width / 2, 20), y = box.y + Math.min(box.height / 2, 10);
  const above = document.elementFromPoint(x, y);
  if (!above) faults.push("it is outside of the window");
  else if (!one.contains(above) && !above.contains(one) && !shown.contains(above))
    faults.push(`it lies under ${above.outerHTML.slice(0, 100)}`);
  const last = window.lastFocused;
  const after = forward ? Node.DOCUMENT_POSITION_FOLLOWING : Node.DOCUMENT_POSITION_PRECEDING;
  if (last && last.isConnected && !(last.compareDocumentPosition(one) & after))
    faults.push("it is out of order");
  window.lastFocused = one;
  return {name, faults};
}"""


def tab(visitor: Visitor, *, forward: bool = True) -> str:
    """One step on or back; raises AssertionError unless the focus is where it should be. Returns what it is on."""
    visitor.page.keyboard.press("Tab" if forward else "Shift+Tab")
    found = visitor.page.evaluate(_FOCUSED, forward)
    assert not found["faults"], f"{found['name']}: {found['faults']}"
    return str(found["name"])


def tab_to(visitor: Visitor, place: Locator, *, most: int = 80) -> None:
    """Go on to an element, step by step."""
    for _ in range(most):
        tab(visitor)
        if place.evaluate("(one) => one === document.activeElement"):
            return
    raise AssertionError(f"{place} was not reached in {most} steps")


def press(visitor: Visitor, key: str, *, times: int = 1) -> None:
    for _ in range(times):
        visitor.page.keyboard.press(key)


def follow(visitor: Visitor, place: Locator) -> None:
    tab_to(visitor, place)
    press(visitor, "Enter")


def type_into(page: Page, text: str) -> None:
    page.keyboard.type(text)


def test_the_whole_story_needs_no_mouse(own: Place) -> None:
    visitor = own.visitor()
    page = visitor.page
    visitor.go("/sign-in")
    tab_to(visitor, page.get_by_label("Email address"))
    type_into(page, CAST["manager"])
    tab_to(visitor, page.get_by_label("Password", exact=True))
    type_into(page, own.demo.passwords["manager"])
    press(visitor, "Enter")
    visitor.arrives("/plans")

    follow(visitor, visitor.link("Safeguarding Plan", exact=True))
    visitor.arrives(f"/plans/{PLAN}")
    follow(visitor, visitor.link(re.compile("^Exceptions")).first)
    visitor.arrives(EXCEPTIONS)
    follow(visitor, exception(visitor, "M-06").get_by_role("heading").get_by_role("link"))
    visitor.arrives(milestone("M-06"))

    # Refused: the focus is on the summary, and its link leads on to the line that is not met.
    visitor.expects(409)
    tab_to(visitor, visitor.button("Mark as achieved"))
    press(visitor, "Space")
    shown_as_refused(visitor, "M-06")
    summary = page.locator(".govuk-error-summary")
    expect(summary).to_be_focused()
    follow(visitor, summary.get_by_role("link"))
    expect(page.locator("#need-evidence_required")).to_be_focused()
    follow(visitor, page.locator("#need-evidence_required").get_by_role("link", name="Attach evidence"))
    visitor.arrives(milestone("M-06", "evidence", "new"))

    # The evidence comes from the partner. Accepted, the focus is on the heading of the gate, and goes on from there.
    police_send_the_log(own)
    follow(visitor, visitor.link("Back to M-06"))
    visitor.arrives(milestone("M-06"))
    follow(visitor, visitor.button("Mark as achieved"))
    expect(page.locator("#gate-title")).to_be_focused()
    expect(standing(visitor)).to_contain_text("Achieved")
    assert "#E-" in tab(visitor)

    item = logged(visitor, "Strategy discussion log")
    follow(visitor, item.get_by_role("link", name=re.compile("^Withdraw")))
    visitor.arrives("/evidence/[a-z0-9]+/withdrawal")
    tab_to(visitor, page.get_by_label("Why"))
    type_into(page, "The log names children")
    tab_to(visitor, visitor.button("Withdraw it"))
    press(visitor, "Enter")
    visitor.arrives(milestone("M-06"))
    expect(standing(visitor)).to_contain_text("Not achieved: evidence outstanding")


def test_the_focus_goes_down_the_exceptions_in_their_order_and_is_never_hidden(shared: Place) -> None:
    visitor = shared.visitor("manager")
    visitor.go(EXCEPTIONS)
    stops = [tab(visitor)]
    while (name := tab(visitor)) != "nothing":
        stops.append(name)
        assert len(stops) < 200
    assert "govuk-skip-link" in stops[0]

    def place_of(*parts: str) -> int:
        return next(place for place, stop in enumerate(stops) if all(part in stop for part in parts))

    order = [
        place_of('href="/plans"'),
        place_of(f'/plans/{PLAN}"', "govuk-service-navigation__link"),
        place_of("switch-later"),
        place_of('id="rag"'),
        place_of('id="support_required"'),
        place_of("Apply filters"),
        place_of("M-27", "<a "),
        place_of("M-27", "<summary"),
        place_of("M-06", "<a "),
        place_of('href="/help"'),
    ]
    assert order == sorted(order)

    # Back again: what comes in from above stops short of the heads that stick there.
    visitor.page.evaluate("() => { window.lastFocused = null }")
    back = [tab(visitor, forward=False) for _ in stops]
    assert back == stops[::-1]


def test_a_row_is_opened_from_the_keyboard_and_its_links_come_next(shared: Place) -> None:
    visitor = shared.visitor("manager")
    visitor.go(EXCEPTIONS)
    row = exception(visitor, "M-27")
    tab_to(visitor, row.locator("summary"))
    expect(row.get_by_role("heading", name="Path to green")).to_be_hidden()
    press(visitor, "Space")
    expect(row.get_by_role("heading", name="Path to green")).to_be_visible()
    assert "Open M-27" in tab(visitor)


def test_the_skip_link_leads_past_the_menu(shared: Place) -> None:
    visitor = shared.visitor("manager")
    visitor.go(f"/plans/{PLAN}/milestones")
    assert "govuk-skip-link" in tab(visitor)
    expect(visitor.link("Skip to main content")).to_be_in_viewport()
    press(visitor, "Enter")
    expect(visitor.page.locator("#main-content")).to_be_focused()
    assert "/milestones/new" in tab(visitor)


def test_filters_chips_and_look_ahead_keep_the_focus_where_the_reader_goes_on(shared: Place) -> None:
    visitor = shared.visitor("manager")
    page = visitor.page
    visitor.go(EXCEPTIONS)
    tab_to(visitor, page.get_by_label("Colour"))
    type_into(page, "R")
    tab_to(visitor, visitor.button("Apply filters"))
    press(visitor, "Enter")
    expect(page.get_by_text(re.compile(r"^Showing \d+ of \d+"))).to_be_visible()
    expect(visitor.button("Apply filters")).to_be_focused()

    # The chip is gone once it is followed: reading goes on where the numbers stand.
    follow(visitor, visitor.link("Remove this filter: Red"))
    expect(page.get_by_text(re.compile(r"^Showing all"))).to_be_visible()
    expect(page.locator("#showing")).to_be_focused()

    visitor.go(EXCEPTIONS)
    follow(visitor, page.locator("#switch-later"))
    expect(page.locator("#summary")).to_contain_text("If nothing changes")
    expect(page.locator("#switch-later")).to_be_focused()


def test_the_lines_of_an_error_summary_lead_to_their_fields(own: Place) -> None:
    visitor = own.visitor("contributor").expects(422)
    page = visitor.page
    visitor.go(milestone("M-08", "completion"))
    tab_to(visitor, visitor.button("Report it completed"))
    press(visitor, "Enter")
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    for line, field in (("Enter what was done", "#narrative"), ("finished", "#completed_date-day")):
        page.locator(".govuk-error-summary").get_by_role("link", name=line).focus()
        press(visitor, "Enter")
        expect(page.locator(field)).to_be_focused()


def test_evidence_is_reviewed_with_the_keyboard(own: Place) -> None:
    visitor = own.visitor("manager").expects(422)
    page = visitor.page
    visitor.go(milestone("M-33"))
    item = logged(visitor, "Staffing reconciliation, second month")
    follow(visitor, item.locator("summary"))
    tab_to(visitor, item.get_by_label("Yes, accept it"))
    press(visitor, "Space")
    tab_to(visitor, item.get_by_role("button", name="Save review"))
    press(visitor, "Enter")
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    expect(item.get_by_label("Yes, accept it")).to_be_checked()

    item.get_by_label("Yes, accept it").focus()
    for score in ("relevance", "robustness"):
        tab_to(visitor, item.locator(f"[name={score}]").first)
        press(visitor, "Space")
        press(visitor, "ArrowDown", times=3)
    tab_to(visitor, item.get_by_label("Why", exact=True))
    type_into(page, "Two months agree")
    tab_to(visitor, item.get_by_role("button", name="Save review"))
    press(visitor, "Enter")
    expect(item).to_contain_text("Accepted")
    expect(item).to_be_focused()
    expect(page.locator("#gate")).to_contain_text("2 of 2 in place")


def test_the_menu_of_a_phone_opens_and_closes(shared: Place) -> None:
    visitor = shared.visitor("manager", phone=True)
    visitor.go(f"/plans/{PLAN}")
    menu = visitor.button("Menu")
    expect(menu).to_have_attribute("aria-expanded", "false")
    tab_to(visitor, menu)
    press(visitor, "Enter")
    expect(menu).to_have_attribute("aria-expanded", "true")
    follow(visitor, visitor.link("Milestones", exact=True))
    visitor.arrives(f"/plans/{PLAN}/milestones")
