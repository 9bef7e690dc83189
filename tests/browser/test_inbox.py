"""A morning at the inbox with the keyboard alone: opened, logged, returned, and on to the next one."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Place
from tests.browser.test_keyboard import press, tab_to, type_into
from tests.browser.visitors import Visitor

HERE = "/plans/social-care-correspondence/inbox"


def focused(visitor: Visitor) -> str:
    return str(visitor.page.evaluate("() => document.activeElement.id"))


def test_a_morning_at_the_inbox_with_the_keyboard_alone(own: Place) -> None:
    visitor = own.visitor("manager")
    page = visitor.page
    visitor.go(HERE)
    rows = [str(one.get_attribute("id")) for one in page.locator(".wm-submission").all()]
    assert len(rows) == 4
    first, second, third, fourth = rows
    tab_to(visitor, page.locator(f"#{first}-title"), most=40)
    press(visitor, "j")
    assert focused(visitor) == f"{second}-title"
    press(visitor, "k")
    # Opened, it is read.
    press(visitor, "o")
    expect(page.locator(f"#{first}-state")).to_have_text("Read by Programme Manager")
    expect(page.locator("#inbox-numbers")).to_contain_text("unread, of 4 waiting")
    expect(page.locator(f"#{first}")).to_contain_text("What they sent")
    # Logged with one key: it leaves, and the focus goes on.
    press(visitor, "l")
    expect(page.locator(f"#{first}")).to_have_count(0)
    expect(page.locator("#inbox-status")).to_have_text(f"{first} was logged.")
    assert focused(visitor) == f"{second}-title"
    # Returned: the key leads to the note, where letters are letters.
    press(visitor, "r")
    assert focused(visitor) == f"{second}-reason"
    type_into(page, "Please log it with the duty desk")
    expect(page.locator(f"#{second}-reason")).to_have_value("Please log it with the duty desk")
    press(visitor, "Tab")
    press(visitor, "Enter")
    expect(page.locator("#inbox-status")).to_have_text(f"{second} was returned.")
    assert focused(visitor) == f"{third}-title"
    # What takes more than a row has room for has a page of its own.
    press(visitor, "m")
    expect(page.get_by_role("heading", name="What happens to it?")).to_be_visible()
    expect(page.get_by_label("Whom did you hand it to?")).to_be_visible()
    visitor.go(HERE)
    expect(page.locator("#inbox-numbers")).to_contain_text("of 2 waiting")
    tab_to(visitor, page.locator(f"#{fourth}-title"), most=60)
    press(visitor, "x")
    expect(page.locator(f"#{fourth}-chosen")).to_be_checked()
