"""A fortnight's updates with the keyboard alone: typed, saved with Enter, and on to the next one."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Place
from tests.browser.test_keyboard import press, tab, tab_to, type_into
from tests.browser.visitors import Visitor

HERE = "/updates"
LEFT = ".wm-update:not(.wm-update--saved)"


def focused(visitor: Visitor) -> str:
    return str(visitor.page.evaluate("() => document.activeElement.id"))


def save(visitor: Visitor, section: Locator) -> None:
    tab_to(visitor, section.get_by_role("button", name=re.compile("^Save update")), most=8)
    press(visitor, "Enter")
    expect(section).to_contain_text(re.compile(r"Saved \d+:\d\d[ap]m"))


def test_every_item_is_updated_with_the_keyboard_alone(own: Place) -> None:
    visitor = own.visitor("contributor")
    page = visitor.page
    visitor.go(HERE)
    sections = [str(one.get_attribute("id")) for one in page.locator(LEFT).all()]
    assert len(sections) >= 9
    expect(page.locator("#left")).to_have_text(f"{len(sections)} of {len(sections)} left")
    tab_to(visitor, page.locator(f"#{sections[0]}-narrative"))
    for place, section in enumerate(sections):
        if place:
            # The focus is on the heading of what comes next: one step on is where one writes.
            assert focused(visitor) == f"{section}-title"
            tab(visitor)
        assert focused(visitor) == f"{section}-narrative"
        box = page.locator(f"#{section}-no_change")
        if place == 1 and box.count():
            tab_to(visitor, box, most=2)
            press(visitor, "Space")
        else:
            type_into(page, "The second of three teams has moved over")
        save(visitor, page.locator(f"#{section}"))
        steps = place + 1
        expect(page.locator("#left")).to_contain_text(
            f"{len(sections) - steps} of" if steps < len(sections) else f"All {steps} updated"
        )
    assert focused(visitor) == "left"
    expect(page.locator("#updates-left")).to_have_text("0")
    visitor.go(HERE)
    expect(page.locator("main")).to_contain_text("All are up to date.")


def test_what_is_wrong_has_the_focus_and_leads_to_its_field(own: Place) -> None:
    visitor = own.visitor("contributor").expects(422)
    page = visitor.page
    visitor.go(HERE)
    section = page.locator(LEFT).first
    anchor = section.get_attribute("id")
    tab_to(visitor, section.locator("summary"))
    press(visitor, "Enter")
    section.get_by_label("Support required").fill("Release two managers")
    section.get_by_role("radio", name="Red").check()
    section.get_by_role("button", name=re.compile("^Save update")).click()
    summary = section.locator(".govuk-error-summary")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("was not saved")
    expect(page).to_have_title(re.compile("^Error: "))
    summary.get_by_role("link").first.click()
    assert focused(visitor) == f"{anchor}-narrative"
    expect(section.get_by_label("Support required")).to_have_value("Release two managers")


def test_a_saved_update_can_be_changed_where_it_stands(own: Place) -> None:
    visitor = own.visitor("contributor")
    page = visitor.page
    visitor.go(HERE)
    section = page.locator(LEFT).first
    anchor = section.get_attribute("id")
    section.locator("textarea").first.fill("Two of tree")
    section.get_by_role("button", name=re.compile("^Save update")).click()
    saved = page.locator(f"#{anchor}")
    saved.get_by_role("link", name=re.compile("^Change it")).click()
    expect(page.locator(f"#{anchor}-title")).to_be_focused()
    expect(page.locator(f"#{anchor}-narrative")).to_have_value("Two of tree")
    page.locator(f"#{anchor}-narrative").fill("Two of three")
    saved.get_by_role("button", name=re.compile("^Save update")).click()
    expect(saved).to_contain_text("“Two of three”")


def test_without_scripts_saving_leads_to_the_next_one(own: Place) -> None:
    visitor = own.visitor("contributor", java_script_enabled=False)
    page = visitor.page
    visitor.go(HERE)
    first, second = (str(page.locator(LEFT).nth(place).get_attribute("id")) for place in (0, 1))
    page.locator(f"#{first}-narrative").fill("The second team has moved over")
    page.locator(f"#{first}").get_by_role("button", name=re.compile("^Save update")).click()
    visitor.is_at(f"{HERE}#{second}")
    expect(page.locator(f"#{first}")).to_contain_text("“The second team has moved over”")


def test_it_fits_a_phone(shared: Place) -> None:
    visitor = shared.visitor("contributor", phone=True)
    visitor.go(HERE)
    assert visitor.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
