"""The main story, as a programme manager lives it: with scripts, and once more without."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Place
from tests.browser.demo import PLAN
from tests.browser.steps import (
    EXCEPTIONS,
    exception,
    logged,
    milestone,
    police_send_the_log,
    shown_as_refused,
    sign_in,
    standing,
    trail,
)
from tests.browser.visitors import Visitor


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without JavaScript"])
def test_nothing_is_achieved_without_evidence_and_what_loses_it_falls_back(own: Place, *, scripts: bool) -> None:
    visitor = own.visitor(java_script_enabled=scripts)
    sign_in(own, visitor, "manager")

    # The way there: the plan, where it stands, its exceptions, and one of them.
    visitor.link("Safeguarding Plan", exact=True).click()
    expect(visitor.heading("Where the plan stands")).to_be_visible()
    visitor.link(re.compile("^Exceptions")).first.click()
    row = exception(visitor, "M-06")
    expect(row).to_contain_text("Amber")
    expect(row).to_contain_text("Reported complete, evidence outstanding: nothing sent")
    row.get_by_role("heading").get_by_role("link").click()
    visitor.arrives(milestone("M-06"))

    # Refused, with the reason, and still there to be tried again.
    visitor.expects(409)
    visitor.button("Mark as achieved").click()
    shown_as_refused(visitor, "M-06")
    if scripts:
        expect(visitor.page.locator(".govuk-error-summary")).to_be_focused()
        visitor.arrives(milestone("M-06"))
    visitor.page.locator(".govuk-error-summary").get_by_role("link").click()
    expect(visitor.page.locator("#need-evidence_required")).to_be_focused()

    # The police attach what was missing, and it is achieved.
    police_send_the_log(own)
    visitor.go(milestone("M-06"))
    expect(logged(visitor, "Strategy discussion log")).to_contain_text("Counts")
    visitor.button("Mark as achieved").click()
    expect(standing(visitor)).to_contain_text("Achieved")
    expect(visitor.heading("What was needed, and is in place")).to_be_visible()
    expect(visitor.button("Mark as achieved")).to_have_count(0)
    if scripts:
        expect(visitor.page.locator("#gate-title")).to_be_focused()
    _is_an_exception(visitor, False)

    # The evidence is withdrawn: the milestone falls back and is an exception again at once.
    visitor.go(milestone("M-06"))
    logged(visitor, "Strategy discussion log").get_by_role("link", name=re.compile("^Withdraw")).click()
    visitor.page.get_by_label("Why").fill("The log names children")
    visitor.button("Withdraw it").click()
    visitor.arrives(milestone("M-06"))
    expect(standing(visitor)).to_contain_text("Not achieved: evidence outstanding")
    expect(logged(visitor, "Strategy discussion log")).to_contain_text("The log names children")
    _is_an_exception(visitor, True)

    # And every step of it is on the record.
    visitor.go(milestone("M-06", "audit"))
    assert _happened(visitor) == [
        "Milestone achievement refused",
        "Evidence attached",
        "Submission received",
        "Milestone achieved",
        "Milestone fell back",
        "Evidence withdrawn",
        "Submission triaged",
    ]


def _is_an_exception(visitor: Visitor, there: bool) -> None:
    """Whether M-06 is on the report, and that the numbers of menu, page and plan home agree."""
    visitor.go(EXCEPTIONS)
    expect(exception(visitor, "M-06")).to_have_count(1 if there else 0)
    shown = visitor.page.locator(".wm-exception").count()
    expect(visitor.page.locator(".wm-count").first).to_have_text(str(shown))
    visitor.go(f"/plans/{PLAN}")
    numbers = [int(one.split()[0]) for one in visitor.page.locator(".wm-number__value").all_inner_texts()]
    assert numbers[0] + numbers[1] == numbers[5] == shown


def _happened(visitor: Visitor) -> list[str]:
    """What was added to the trail of M-06 since the demo was loaded, without the references."""
    return [re.sub(r" [EMS]-\d+$", "", title) for title in trail(visitor)[4:]]
