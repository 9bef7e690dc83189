"""What is restricted to others does not exist: not in a page, not in a number, not in a trail, not by its address."""

from __future__ import annotations

import re

from tests.browser.conftest import Place
from tests.browser.demo import PLAN
from tests.browser.steps import EXCEPTIONS, milestone
from tests.browser.visitors import Visitor

# Restricted to the council and the NHS: a police contributor may not know of it.
HIDDEN, TITLE = "M-26", "School nurse cover restored"


def pages(visitor: Visitor) -> list[str]:
    """Every page of the plan that lists or counts, and the milestones near the hidden one."""
    visitor.go(EXCEPTIONS)
    later = visitor.page.locator("#switch-later").get_attribute("href") or ""
    assert "on=" in later
    return [
        "/plans",
        "/exceptions",
        "/account",
        f"/plans/{PLAN}",
        EXCEPTIONS,
        f"{EXCEPTIONS}?detail=all",
        f"{EXCEPTIONS}?rag=red",
        f"{EXCEPTIONS}?organisation=nhs-haringey",
        later,
        f"/plans/{PLAN}/milestones",
        f"/plans/{PLAN}/milestones?q=school+nurse+cover",
        f"/plans/{PLAN}/milestones?ref={HIDDEN}",
        f"/plans/{PLAN}/timeline",
        f"/plans/{PLAN}/timeline?organisation=nhs-haringey",
        milestone("M-27"),
        milestone("M-06"),
        milestone("M-06", "audit"),
    ]


def test_a_police_contributor_finds_no_trace_of_it(shared: Place) -> None:
    visitor = shared.visitor("police")
    for path in pages(visitor):
        visitor.go(path)
        while True:
            found = visitor.page.content()
            found = found.replace("?q=school+nurse+cover", "").replace(f"ref={HIDDEN}", "")
            found = re.sub(r"<input[^>]*>|Remove this filter: </span>[^<]*", "", found)  # what the visitor typed
            assert HIDDEN not in found, path
            assert TITLE not in found, path
            further = visitor.link(re.compile("^(Next \\d|Older)"))
            if not further.count():
                break
            further.click()


def test_somebody_it_is_shared_with_finds_it_everywhere(shared: Place) -> None:
    """So that the test above looks where there is something to be found."""
    visitor = shared.visitor("nhs")
    for path in (
        f"/plans/{PLAN}/milestones",
        EXCEPTIONS,
        f"{EXCEPTIONS}?rag=red",
        f"{EXCEPTIONS}?organisation=nhs-haringey",
        f"/plans/{PLAN}/milestones?q=school+nurse+cover",
        f"/plans/{PLAN}/milestones?ref={HIDDEN}",
        f"/plans/{PLAN}/timeline",
        f"/plans/{PLAN}/timeline?organisation=nhs-haringey",
    ):
        visitor.go(path)
        assert TITLE in visitor.page.content(), path
    visitor.go(milestone(HIDDEN, "audit"))
    assert TITLE in visitor.page.content()


def test_its_addresses_answer_as_if_it_had_never_been(shared: Place) -> None:
    manager, police = shared.visitor("manager"), shared.visitor("police")
    manager.go(milestone(HIDDEN))
    missing = police.page
    police.go(milestone("M-99"), status=404)
    never = missing.locator("main").inner_html()
    for path in ("", "audit", "edit", "updates/new", "evidence/new", "completion", "return"):
        police.go(milestone(HIDDEN, path) if path else milestone(HIDDEN), status=404)
        assert missing.locator("main").inner_html() == never


def test_no_number_counts_it(shared: Place) -> None:
    manager, police = shared.visitor("manager"), shared.visitor("police")
    rows = {}
    for visitor in (manager, police):
        visitor.go(EXCEPTIONS)
        refs = [one.get_attribute("id") for one in visitor.page.locator("li.wm-exception").all()]
        summary = [
            int(one) for one in re.findall(r"(\d+) (?:Red|Amber)", visitor.page.locator("#summary").inner_text())
        ]
        assert sum(summary) == len(refs)
        assert visitor.page.locator(".wm-count").first.inner_text() == str(len(refs))
        visitor.go(f"/plans/{PLAN}")
        numbers = visitor.page.locator(".wm-number__value").all_inner_texts()
        assert numbers[5] == str(len(refs))
        by_theme = [row.locator("td").all_text_contents() for row in visitor.page.locator("table tbody tr").all()]
        assert sum(int(red) + int(amber) for red, amber, *_ in by_theme) == len(refs)
        visitor.go(f"/plans/{PLAN}/milestones")
        listed = visitor.page.locator("table tbody tr").count()
        assert visitor.page.get_by_role("status").inner_text().startswith(f"{listed} milestones")
        rows[visitor] = (set(refs), listed)
    hidden = rows[manager][0] - rows[police][0]
    assert HIDDEN in hidden
    assert rows[manager][1] > rows[police][1]
