"""What people do on the pages, in the words of the pages."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Place
from tests.browser.demo import CAST, PLAN, START
from tests.browser.visitors import Visitor

EXCEPTIONS = f"/plans/{PLAN}/exceptions"


def milestone(ref: str, *more: str) -> str:
    """The address of a milestone of the Safeguarding Plan, or of something below it."""
    return "/".join([f"/plans/{PLAN}/milestones/{ref}", *more])


def sign_in(place: Place, visitor: Visitor, who: str) -> None:
    visitor.go("/sign-in")
    visitor.page.get_by_label("Email address").fill(CAST[who])
    visitor.page.get_by_label("Password", exact=True).fill(place.demo.passwords[who])
    visitor.button("Sign in").click()
    visitor.arrives("/plans")


def exception(visitor: Visitor, ref: str) -> Locator:
    """The row of a milestone on the exceptions page."""
    return visitor.page.locator(f"li.wm-exception#{ref}")


def standing(visitor: Visitor) -> Locator:
    """The block of a milestone's page that says where it stands."""
    return visitor.page.locator("#standing")


def logged(visitor: Visitor, title: str) -> Locator:
    """An item of a milestone's evidence log."""
    return visitor.page.locator(".wm-evidence__item").filter(has=visitor.heading(re.compile(re.escape(title))))


def shown_as_refused(visitor: Visitor, ref: str) -> None:
    """The page says what did not happen, why, that nothing has changed, and leaves the button where it was."""
    summary = visitor.page.locator(".govuk-error-summary")
    expect(summary).to_contain_text(f"{ref} was not marked as achieved")
    expect(summary).to_contain_text("Nothing has changed")
    expect(summary.get_by_role("link")).to_have_text(
        ["No evidence has been sent. Attach a file that shows the work is done"]
    )
    expect(visitor.page.locator("#refusal")).to_contain_text("Not marked as achieved")
    expect(visitor.page.locator("#refusal")).to_contain_text("This attempt is on the record")
    expect(standing(visitor)).to_contain_text("Not achieved: evidence outstanding")
    expect(visitor.button("Mark as achieved")).to_be_enabled()
    expect(visitor.page).to_have_title(re.compile(f"^Error: {ref} "))


def police_send_the_log(place: Place, *, title: str = "Strategy discussion log") -> None:
    """The partner's program attaches a file to the milestone that waits for one, with the key of the demo."""
    with place.program() as program:
        answer = program.post(
            f"/milestones/{place.demo.waiting_id}/evidence",
            data={"title": title, "external_ref": "CAIT-2009-117"},
            files={"file": ("log.csv", b"discussion,within time\n1,yes\n", "text/csv")},
            headers={"Idempotency-Key": title},
        )
    assert answer.status_code == 201, answer.text
    assert "not a way to refer a child" in answer.json()["submission"]["notice"]


def trail(visitor: Visitor) -> list[str]:
    """The titles of a milestone's audit trail, oldest first."""
    return visitor.page.locator(".wm-trail__title").all_inner_texts()[::-1]


def in_days(days: int) -> date:
    """A day, counted from the demo's today."""
    return START.date() + timedelta(days=days)


def day_parts(day: date) -> tuple[int, int, int]:
    return day.day, day.month, day.year


def a_file(folder: Path, name: str = "proof.csv", content: bytes = b"week,done\n1,yes\n") -> Path:
    file = folder / name
    file.write_bytes(content)
    return file
