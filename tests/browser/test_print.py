"""What comes out of a printer: A4, every row opened, without what only a screen needs."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.accessibility import overflow
from tests.browser.conftest import Place
from tests.browser.demo import PLAN
from tests.browser.steps import EXCEPTIONS, exception, milestone

A4 = ViewportSize(width=703, height=1020)  # CSS pixels between the margins: 186 × 270 mm


def as_printed(page: Page) -> None:
    page.set_viewport_size(A4)
    page.emulate_media(media="print")


def test_every_exception_is_open_on_paper(shared: Place) -> None:
    visitor = shared.visitor("officer")
    page = visitor.page
    visitor.go(EXCEPTIONS)
    as_printed(page)
    row = exception(visitor, "M-27")
    for words in ("Issue", "Support required", "Path to green"):
        expect(row.get_by_role("heading", name=words)).to_be_visible()
    for words in ("Baseline", "Due", "Slip", "Evidence"):
        expect(row.locator(".wm-exception__when").get_by_text(words, exact=True)).to_be_visible()
    expect(row.locator("summary")).to_be_hidden()
    closed = page.locator(".wm-story__body").evaluate_all("(all) => all.filter((one) => !one.checkVisibility()).length")
    assert closed == 0
    assert page.locator(".wm-story__body").count() > 15


@pytest.mark.parametrize("path", [f"/plans/{PLAN}", EXCEPTIONS, f"/plans/{PLAN}/milestones", milestone("M-33")])
def test_paper_has_no_menu_no_buttons_and_nothing_cut_off(shared: Place, path: str) -> None:
    visitor = shared.visitor("manager")
    page = visitor.page
    visitor.go(path)
    as_printed(page)
    for what in (
        page.get_by_role("navigation"),
        page.get_by_role("button"),
        page.locator("input, select"),
        visitor.link("Sign out"),
        visitor.link("Skip to main content"),
    ):
        assert [one.evaluate("(one) => one.outerHTML.slice(0, 120)") for one in what.all() if one.is_visible()] == []
    assert overflow(page) == []
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text("Illustrative. Dates moved to the present")).to_be_visible()


def test_printing_opens_the_rows_and_folds_them_again(shared: Place) -> None:
    """Where a browser does not open them by style alone, the page does it before it is printed."""
    visitor = shared.visitor("manager")
    page = visitor.page
    visitor.go(EXCEPTIONS)
    exception(visitor, "M-06").locator("summary").click()
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("details.wm-story:not([open])")).to_have_count(0)
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    expect(page.locator("details.wm-story[open]")).to_have_count(1)
    assert page.pdf(format="A4", print_background=False).startswith(b"%PDF-")
