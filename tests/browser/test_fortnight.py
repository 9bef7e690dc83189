"""A fortnight in the life of a plan: updates due, the meeting moved, a date asked for and approved, the meeting held.

One story, lived three ways: with the keyboard alone, without JavaScript, and on a phone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

import pytest
from playwright.sync_api import Locator, expect

from app.domain.days import long_date, weekday_date
from tests.browser.accessibility import overflow, violations
from tests.browser.conftest import Place
from tests.browser.demo import CAST, PLAN
from tests.browser.steps import EXCEPTIONS, day_parts, exception, in_days, milestone, standing
from tests.browser.test_keyboard import tab_to, type_into
from tests.browser.visitors import Visitor

PROGRAMME = "Safeguarding Plan"
MEETINGS = f"/plans/{PLAN}/meetings"
SAID = "Both agency chairs have started"
WHY = "Two chairs start on Monday, and a month of conferences has to be seen"


@dataclass
class Hands:
    """What somebody does on a page. Here with a mouse."""

    visitor: Visitor

    def press(self, place: Locator) -> None:
        """Follow a link, or press a button."""
        place.click()

    def tick(self, place: Locator) -> None:
        place.check()

    def write(self, place: Locator, text: str) -> None:
        place.fill(text)

    def choose(self, words: str) -> None:
        """Open a page of the plan's menu."""
        self.press(self.visitor.page.get_by_label("Plan menu").get_by_role("link", name=words))

    def write_day(self, within: Locator, name: str, day: date) -> None:
        for part, value in zip(("day", "month", "year"), day_parts(day), strict=True):
            self.write(within.locator(f"[name={name}-{part}]"), str(value))

    def look(self) -> None:
        """What is held against the page as it stands."""


class Keyboard(Hands):
    """Every step by Tab, Enter and Space; the focus is followed on its way."""

    def press(self, place: Locator) -> None:
        self.reach(place)
        self.visitor.page.keyboard.press("Enter")

    def tick(self, place: Locator) -> None:
        self.reach(place)
        self.visitor.page.keyboard.press("Space")

    def write(self, place: Locator, text: str) -> None:
        self.reach(place)
        self.visitor.page.keyboard.press("ControlOrMeta+a")
        type_into(self.visitor.page, text)

    def reach(self, place: Locator) -> None:
        """On a page just opened, past the menu by the skip link to what lies behind it."""
        if place.evaluate("(one) => document.activeElement === document.body && !!one.closest('main')"):
            tab_to(self.visitor, self.visitor.link("Skip to main content"), most=1)
            self.visitor.page.keyboard.press("Enter")
        tab_to(self.visitor, place)


class Phone(Hands):
    """A window of 375 px: the menu is folded, and nothing reaches out of the page."""

    def choose(self, words: str) -> None:
        self.press(self.visitor.button("Menu"))
        super().choose(words)

    def look(self) -> None:
        assert violations(self.visitor) + overflow(self.visitor.page) == []


WAYS: dict[str, tuple[type[Hands], dict[str, bool]]] = {
    "keyboard alone": (Keyboard, {}),
    "without JavaScript": (Hands, {"java_script_enabled": False}),
    "375 px": (Phone, {"phone": True}),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_fortnight(own: Place, way: str) -> None:
    kind, options = WAYS[way]
    owner, manager, officer = (kind(own.visitor(who, **options)) for who in ("contributor", "manager", "officer"))
    due, on = in_days(26), in_days(8)

    the_owner_updates_and_asks(owner, due=due)
    the_manager_moves_the_meeting(manager, own.demo.meeting, to=on)
    the_officer_approves(officer, due=due)

    own.server.clock.forward(days=8)
    sign_in_again(manager, own, "manager")
    the_manager_records_the_meeting(manager, own.demo.meeting, on=on)
    sign_in_again(officer, own, "officer")
    the_officer_reads_the_exceptions(officer, on=on)


def the_owner_updates_and_asks(hands: Hands, *, due: date) -> None:
    visitor = hands.visitor
    visitor.go("/updates")
    left = visitor.page.locator("#left")
    total = visitor.page.locator(".wm-update").count()
    expect(left).to_have_text(f"{total} of {total} left")
    section = visitor.page.locator(".wm-update").filter(has=visitor.heading(re.compile("^M-08")))
    hands.write(section.locator("textarea").first, SAID)
    hands.write_day(section, "forecast_date", due)
    hands.press(section.get_by_role("button", name="Save update"))
    expect(left).to_contain_text(f"{total - 1} of")
    expect(section).to_contain_text(f"“{SAID}”")
    hands.look()

    # What was said has left the due date where it was: that is asked for.
    visitor.go(milestone("M-08"))
    hands.press(visitor.link("Ask to move the due date"))
    visitor.arrives(milestone("M-08", "change-requests", "new"))
    hands.write_day(visitor.page.locator("form"), "due_date", due)
    hands.write(visitor.page.get_by_label("What is the reason?"), WHY)
    hands.press(visitor.button("Send the request"))
    visitor.arrives(milestone("M-08"))
    expect(visitor.page.locator("main")).to_contain_text("Waiting for a decision")
    expect(standing(visitor)).to_contain_text("Red")
    hands.look()


def the_manager_moves_the_meeting(hands: Hands, meeting: str, *, to: date) -> None:
    visitor = hands.visitor
    visitor.go(f"/plans/{PLAN}")
    hands.choose("Meetings")
    visitor.arrives(MEETINGS)
    entry = visitor.page.locator(f"[id='{meeting}']")
    expect(entry).to_contain_text("Next review")
    hands.press(entry.get_by_role("link", name=re.compile("^Move")))
    visitor.arrives(f"{MEETINGS}/{meeting}/move")
    hands.write_day(visitor.page.locator("form"), "on", to)
    hands.write(visitor.page.get_by_label("Why is it moved?"), "The Trust meets on that Thursday")
    hands.press(visitor.button("Move it"))
    visitor.arrives(MEETINGS)
    expect(entry).to_contain_text(weekday_date(to))
    expect(entry).to_contain_text("Next review")
    visitor.go(f"/plans/{PLAN}")
    expect(visitor.page.locator("main")).to_contain_text(f"Next review: {weekday_date(to)}")


def the_officer_approves(hands: Hands, *, due: date) -> None:
    visitor = hands.visitor
    visitor.go(f"/plans/{PLAN}")
    hands.choose("Change requests")
    visitor.arrives(f"/plans/{PLAN}/change-requests")
    asked = visitor.page.locator("li").filter(has=visitor.heading(re.compile("M-08")))
    expect(asked).to_contain_text(f"Move the due date to {long_date(due)}")
    expect(asked).to_contain_text(WHY)
    expect(asked).to_contain_text("Red now, then Amber")
    hands.press(asked.get_by_role("link", name=re.compile("^Decide on it alone")))
    visitor.arrives(f"/plans/{PLAN}/change-requests/[a-z0-9]+/decision")
    hands.tick(visitor.page.get_by_role("radio", name="Approve"))
    hands.write(visitor.page.get_by_label("Why?"), "Agreed for the last time")
    hands.press(visitor.button("Save the decision"))
    visitor.arrives(milestone("M-08"))
    expect(standing(visitor)).to_contain_text("Due date moved twice")
    expect(visitor.page.locator("main")).to_contain_text("Agreed for the last time")


def sign_in_again(hands: Hands, place: Place, who: str) -> None:
    """A week later nobody is signed in any more."""
    visitor = hands.visitor
    visitor.go("/plans")
    visitor.arrives("/sign-in")
    hands.write(visitor.page.get_by_label("Email address"), CAST[who])
    hands.write(visitor.page.get_by_label("Password", exact=True), place.demo.passwords[who])
    hands.press(visitor.button("Sign in"))
    visitor.arrives("/plans")


def the_manager_records_the_meeting(hands: Hands, meeting: str, *, on: date) -> None:
    visitor = hands.visitor
    hands.press(visitor.link(PROGRAMME, exact=True))
    expect(visitor.page.locator("main")).to_contain_text(f"Next review: {weekday_date(on)}today")
    hands.choose("Meetings")
    visitor.arrives(MEETINGS)
    entry = visitor.page.locator(f"[id='{meeting}']")
    hands.press(entry.get_by_role("link", name=re.compile("^Record it as held")))
    visitor.arrives(f"{MEETINGS}/{meeting}/holding")
    hands.tick(visitor.page.get_by_role("checkbox", name="Director of Nursing"))
    hands.tick(visitor.page.get_by_role("checkbox", name="Programme Manager"))
    hands.press(visitor.button("Record it as held"))
    visitor.arrives(MEETINGS)
    expect(entry).to_contain_text("Held")
    expect(entry).to_contain_text("Attended by Director of Nursing (NHS Haringey) and Programme Manager")
    hands.look()


def the_officer_reads_the_exceptions(hands: Hands, *, on: date) -> None:
    visitor = hands.visitor
    hands.press(visitor.link(PROGRAMME, exact=True))
    expect(visitor.heading(f"Changed since {long_date(on)}")).to_be_visible()
    hands.choose("Exceptions")
    visitor.arrives(EXCEPTIONS)
    expect(visitor.page.locator("#summary")).to_contain_text(f"on {weekday_date(on)}")
    row = exception(visitor, "M-08")
    expect(row).to_contain_text("Amber")
    expect(row).to_contain_text("Due date moved twice")
    expect(row).to_contain_text("moved twice")
    hands.press(row.locator("summary"))
    expect(row.get_by_role("heading", name="Path to green")).to_be_visible()
    hands.look()
