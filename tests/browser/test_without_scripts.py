"""Every step of a milestone's life without JavaScript."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Place
from tests.browser.demo import DRAFT, PLAN
from tests.browser.steps import EXCEPTIONS, a_file, day_parts, exception, in_days, logged, milestone, standing
from tests.browser.visitors import Visitor


@pytest.fixture
def plain(own: Place) -> Place:
    """A place whose visitors have switched JavaScript off."""
    visitor_of = own.visitor
    own.visitor = lambda who="", **options: visitor_of(who, java_script_enabled=False, **options)  # type: ignore[method-assign]
    return own


def test_filters_are_a_form_and_links(plain: Place) -> None:
    visitor = plain.visitor("manager")
    page = visitor.page
    visitor.go(EXCEPTIONS)
    everything = page.locator(".wm-exception").count()
    page.get_by_label("Colour").select_option("red")
    page.get_by_label("Organisation").select_option("nhs-haringey")
    visitor.button("Apply filters").click()
    assert re.search(r"\?.*rag=red", visitor.path)
    shown = page.locator(".wm-exception").count()
    assert 0 < shown < everything
    expect(page.locator("#showing")).to_have_text(f"Showing {shown} of {everything}:")
    expect(page.locator(".wm-exception--amber")).to_have_count(0)
    visitor.link("Remove this filter: NHS Haringey").click()
    visitor.is_at(f"{EXCEPTIONS}?rag=red")
    visitor.link("Clear filters").click()
    expect(page.locator(".wm-exception")).to_have_count(everything)


def test_looking_ahead_is_a_link_and_says_what_it_assumes(plain: Place) -> None:
    visitor = plain.visitor("officer")
    page = visitor.page
    visitor.go(EXCEPTIONS)
    today = page.locator(".wm-exception--red").count()
    visitor.link(re.compile("^Next review")).click()
    expect(page.locator("#summary")).to_contain_text("If nothing changes, on ")
    assert page.locator(".wm-exception--red").count() >= today
    expect(exception(visitor, "M-17")).to_contain_text("Green today")
    visitor.link("Open every row").click()
    assert page.locator("details.wm-story:not([open])").count() == 0


def test_an_update_is_saved_and_shown(plain: Place) -> None:
    visitor = plain.visitor("contributor").expects(422)
    page = visitor.page
    visitor.go(milestone("M-08"))
    visitor.button("Add an update").click()
    page.get_by_label("What support do you need? (optional)").fill("Agree two agency chairs by Friday")
    visitor.fill_date("forecast_date", 31, 2, 2027)
    visitor.button("Save the update").click()

    # Two things are wrong; what was typed is still there.
    lines = page.locator(".govuk-error-summary").get_by_role("link")
    expect(lines).to_have_text(
        ["Enter what has happened since the last update", "The forecast date must be a real date"]
    )
    expect(page.get_by_label("What support do you need? (optional)")).to_have_value("Agree two agency chairs by Friday")
    expect(page.locator("[name=forecast_date-day]")).to_have_value("31")

    forecast = in_days(90)
    visitor.fill_date("forecast_date", *day_parts(forecast))
    page.get_by_label("What has happened since the last update?").fill("The second chair starts on Monday.")
    page.get_by_label("Red", exact=True).check()
    page.get_by_label("Why do you declare it?").fill("No chair for two conferences in five")
    visitor.button("Save the update").click()
    visitor.arrives(milestone("M-08"))
    newest = page.locator(".moj-timeline__item").first
    expect(newest).to_contain_text("The second chair starts on Monday.")
    expect(standing(visitor)).to_contain_text("Declared Red by its owner: No chair for two conferences in five")
    expect(standing(visitor)).to_contain_text("Forecast ")


def test_completion_with_its_file_return_achievement_and_reopening(plain: Place, tmp_path: Path) -> None:
    owner = plain.visitor("contributor").expects(415)
    page = owner.page
    owner.go(milestone("M-12"))
    owner.link("Report it completed").first.click()
    owner.fill_date("completed_date", *day_parts(in_days(0)))
    page.get_by_label("What was done?").fill("Thirty files were read.")
    page.get_by_label("Choose a file").set_input_files(a_file(tmp_path, "audit.pdf", b"not a PDF at all"))
    owner.button("Report it completed").click()
    expect(page.locator(".govuk-error-summary")).to_be_visible()
    expect(page.get_by_label("What was done?")).to_have_value("Thirty files were read.")
    page.get_by_label("Choose a file").set_input_files(a_file(tmp_path, "audit.csv"))
    owner.button("Report it completed").click()
    owner.arrives(milestone("M-12"))
    expect(logged(owner, "audit.csv")).to_contain_text("Counts")

    manager = plain.visitor("manager")
    manager.go(milestone("M-12"))
    manager.link("Return it to in progress").first.click()
    manager.page.get_by_label("Why does it go back to in progress?").fill("Only 28 files were read")
    manager.button("Return it").click()
    manager.arrives(milestone("M-12"))
    expect(manager.page.locator(".moj-timeline__item").first).to_contain_text("Only 28 files were read")
    expect(logged(manager, "audit.csv")).to_be_visible()

    owner.go(milestone("M-12", "completion"))
    owner.fill_date("completed_date", *day_parts(in_days(0)))
    page.get_by_label("What was done?").fill("The last two files were read.")
    owner.button("Report it completed").click()
    manager.go(milestone("M-12"))
    manager.button("Mark as achieved").click()
    expect(standing(manager)).to_contain_text("Achieved")

    manager.link(re.compile("^Reopen")).first.click()
    manager.page.get_by_label("Why is it reopened?").fill("A second sample shows gaps")
    manager.fill_date("due_date", *day_parts(in_days(60)))
    manager.button("Reopen it").click()
    manager.arrives(milestone("M-12"))
    expect(standing(manager)).to_contain_text("Red")
    expect(manager.page.locator("main")).to_contain_text("Waiting for a decision")


def test_a_new_date_is_asked_for_by_one_and_decided_on_by_another(plain: Place) -> None:
    manager = plain.visitor("manager").expects(422)
    asked_for = in_days(70)
    manager.go(milestone("M-13"))
    manager.link("Ask to move the due date").click()
    manager.fill_date("due_date", *day_parts(asked_for))
    manager.button("Send the request").click()
    expect(manager.page.locator(".govuk-error-summary")).to_contain_text("Enter the reason for the change")
    manager.page.locator("[name=reason]").fill("The courses begin a month later")
    manager.button("Send the request").click()
    manager.arrives(milestone("M-13"))
    expect(manager.page.locator("main")).to_contain_text("Waiting for a decision")
    expect(manager.link("Decide on this change")).to_have_count(0)

    officer = plain.visitor("officer")
    officer.go(milestone("M-13"))
    officer.link("Decide on this change").click()
    officer.page.get_by_label("Approve").check()
    officer.page.locator("[name=reason]").fill("Agreed at the review")
    officer.button("Save the decision").click()
    officer.arrives(milestone("M-13"))
    expect(officer.page.locator("main")).to_contain_text("Agreed at the review")
    shown = f"{asked_for.day} {asked_for:%B %Y}"
    expect(standing(officer)).to_contain_text(shown)
    expect(officer.page.get_by_label("Facts and history")).to_contain_text("moved once")


@pytest.mark.parametrize("outcome", ["accepted", "rejected"])
def test_a_senior_officer_judges_evidence(plain: Place, outcome: str) -> None:
    visitor = plain.visitor("officer")
    visitor.go(milestone("M-33"))
    item = logged(visitor, "Staffing reconciliation, second month")
    item.locator("summary").click()
    item.get_by_label("Yes, accept it" if outcome == "accepted" else "No, reject it").check()
    item.locator("[name=relevance][value='3']").check()
    item.locator("[name=robustness][value='2']").check()
    item.get_by_label("Why", exact=True).fill("Compared with payroll")
    item.get_by_role("button", name="Save review").click()
    visitor.arrives(milestone("M-33"))
    expect(item).to_contain_text(f"{outcome.capitalize()}")
    expect(item).to_contain_text("Compared with payroll")
    expect(visitor.page.locator("#gate")).to_contain_text(
        "2 of 2 in place" if outcome == "accepted" else "1 of 2 in place"
    )


def test_a_statement_a_link_and_a_cancellation_take_no_script(plain: Place) -> None:
    visitor = plain.visitor("contributor")
    for name, kind, value in (
        ("A statement", "statement", "I have seen the rota"),
        ("A link", "link", "https://haringey.example/rota"),
    ):
        visitor.go(milestone("M-08", "evidence", "new"))
        visitor.page.get_by_label("What is it?").fill(name)
        visitor.page.get_by_label(name, exact=True).check()
        visitor.page.locator(f"[name={kind}]").fill(value)
        visitor.button("Attach evidence").click()
        visitor.arrives(milestone("M-08"))
        expect(logged(visitor, name)).to_contain_text("Waiting for review")
        expect(logged(visitor, name)).to_contain_text(value)

    manager = plain.visitor("manager")
    manager.go(milestone("M-44"))
    manager.link("Ask to cancel or merge this milestone").click()
    manager.page.get_by_label("No longer needed").check()
    manager.page.locator("[name=reason]").fill("Another plan covers it")
    manager.button("Send the request").click()
    manager.arrives(milestone("M-44"))
    expect(manager.page.locator("main")).to_contain_text("Cancel it: it is no longer needed")


def test_a_milestone_is_added_and_its_draft_plan_approved(plain: Place) -> None:
    manager = plain.visitor("manager")
    manager.go(f"/plans/{DRAFT}/milestones")
    manager.button("Add a milestone").click()
    page = manager.page
    page.get_by_label("What will be in place?").fill("Duty rota published")
    page.get_by_label("What will prove it?").fill("A rota that covers every shift")
    page.get_by_label("Which action does it belong to?").select_option(index=1)
    manager.fill_date("due_date", *day_parts(in_days(40)))
    manager.button("Add the milestone").click()
    expect(manager.heading("Duty rota published")).to_be_visible()

    officer = plain.visitor("officer")
    officer.go(f"/plans/{DRAFT}")
    officer.button("Approve this plan").click()
    officer.page.locator("[name=body]").fill("Children’s Trust")
    officer.page.locator("[name=meeting]").fill("Meeting of the Trust")
    officer.button("Approve the plan").click()
    officer.arrives(f"/plans/{DRAFT}")
    expect(officer.page.locator("main")).to_contain_text("by Children’s Trust, Meeting of the Trust")
    _is_amber_without_an_owner(officer)


def _is_amber_without_an_owner(visitor: Visitor) -> None:
    visitor.go(f"/plans/{DRAFT}/exceptions")
    expect(visitor.page.locator(".wm-exception")).to_contain_text("No owner")


def test_signing_in_wrongly_and_signing_out(plain: Place) -> None:
    visitor = plain.visitor().expects(401, 422)
    visitor.go(f"/plans/{PLAN}/exceptions?rag=red")
    assert visitor.path.startswith("/sign-in?next=")
    visitor.page.get_by_label("Email address").fill("programme.manager@haringey.example")
    visitor.page.get_by_label("Password", exact=True).fill("not the password")
    visitor.button("Sign in").click()
    expect(visitor.page.locator(".govuk-error-summary")).to_contain_text("The email address or the password is wrong")
    visitor.page.get_by_label("Password", exact=True).fill(plain.demo.passwords["manager"])
    visitor.button("Sign in").click()
    visitor.arrives(EXCEPTIONS)
    assert visitor.path.endswith("?rag=red")
    visitor.button("Sign out").click()
    visitor.arrives("/sign-in")
    visitor.go("/plans")
    assert visitor.path.startswith("/sign-in")
