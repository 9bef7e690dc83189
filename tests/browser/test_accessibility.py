"""axe with the rules of WCAG 2.2 AA on every page, for whoever may open it, in every state; wide and on a phone.

Each page is also looked at for anything that reaches out of a window of 375 px.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts
from playwright.sync_api import expect

from app.domain.files import MAX_FILE_BYTES
from tests.browser.accessibility import check_page, overflow, violations
from tests.browser.conftest import Place
from tests.browser.demo import CAST, CLOSED, DRAFT, PLAN, QUIET, START
from tests.browser.serving import Server
from tests.browser.steps import EXCEPTIONS, a_file, day_parts, in_days, logged, milestone
from tests.browser.visitors import Visitor

P = f"/plans/{PLAN}"

# Who opens what. {evidence}, {invitation}, {change_request}, {next_review}, {meeting}, {view} and {proposal} are
# the demo's.
PAGES: dict[str, list[str]] = {
    "": ["/sign-in", "/sign-in/help", "/invitations/{invitation}", "/help", "/help/rag", "/help/accessibility",
         "/help/privacy", "/api/v1/docs"],
    "manager": [
        "/plans", "/exceptions", "/account", "/account/password", "/account/confirmation", "/account/tokens",
        P, f"{P}/exceptions?detail=all", f"{P}/exceptions?on={{next_review}}", f"{P}/exceptions?cause=legal",
        f"{P}/milestones", f"{P}/milestones?q=nothing+like+it", f"{P}/milestones/new", f"{P}/audit-events", f"{P}/keys",
        f"{P}/webhooks",
        f"{P}/timeline", f"{P}/timeline?status=achieved&from=2026-01-01", f"{P}/timeline?theme=none",
        f"/plans/{DRAFT}/timeline", f"/plans/{DRAFT}/milestones/M-01/removal",
        f"/plans/{DRAFT}/themes/T-01/removal", f"/plans/{DRAFT}/actions/A-01/removal",
        f"{P}/meetings", f"{P}/meetings?past=all", f"{P}/meetings/{{meeting}}/holding",
        f"{P}/meetings/{{meeting}}/move", f"{P}/meetings/{{meeting}}/cancellation", f"/plans/{DRAFT}/meetings",
        f"/plans/{CLOSED}/meetings",
        "/search", "/search?q=rota", f"{P}/search?q=supervision", f"{P}/search?q=nothing+like+it",
        f"{P}/themes", f"{P}/themes/new", f"{P}/themes/T-01/edit", f"{P}/actions/new", f"{P}/actions/A-01/edit",
        f"{P}/edit", f"{P}/memberships",
        f"{P}/evidence-export",
        f"{P}/views", f"{P}/views/new?list=exceptions&rag=red&cause=workforce", "/views",
        "/views/new?list=exceptions&rag=red", "/views/{view}/edit", "/views/{view}/deletion",
        f"{P}/milestones?theme=none",
        milestone("M-03"), milestone("M-06"), milestone("M-07"), milestone("M-28"), milestone("M-33"),
        milestone("M-35"), milestone("M-41"), milestone("M-44"),
        milestone("M-06", "audit"), milestone("M-06", "edit"), milestone("M-06", "return"),
        milestone("M-06", "evidence", "new"), milestone("M-08", "updates", "new"), milestone("M-08", "completion"),
        milestone("M-03", "reopening"), milestone("M-06", "change-requests", "new"),
        milestone("M-06", "change-requests", "new?kind=cancellation"), milestone("M-30"),
        milestone("M-30", "change-requests", "new?kind=split"),
        milestone("M-30", "change-requests", "new?kind=criteria"),
        milestone("M-30", "change-requests", "new?kind=replacement"), milestone("M-30", "baseline-correction"),
        f"{P}/change-requests", f"{P}/change-requests?state=decided", f"{P}/change-requests/new?kind=policy",
        f"{P}/change-requests/new?kind=settings",
        "/evidence/{evidence}", "/evidence/{evidence}/withdrawal", "/evidence/{evidence}/versions/new",
        f"{P}/records", f"{P}/records/new?kind=hold&evidence={{evidence}}",
        f"/plans/{QUIET}", f"/plans/{QUIET}/exceptions", f"/plans/{DRAFT}", f"/plans/{CLOSED}",
        f"/plans/{CLOSED}/milestones",
    ],
    "officer": [
        "/inbox", f"{P}/inbox", f"{P}/inbox/S-006", f"{P}/inbox/triaged",
        f"{P}/closure", f"{P}/records/{{proposal}}/decision",
        "/updates", EXCEPTIONS, milestone("M-02"), milestone("M-15", "declaration", "lifting"),
        milestone("M-02", "declaration"),
        milestone("M-02", "change-requests", "{change_request}", "decision"), f"/plans/{DRAFT}/approval",
        f"{P}/change-requests", f"{P}/change-requests/{{change_request}}/decision",
        milestone("M-20"), milestone("M-26", "acceptance"), milestone("M-20", "acceptance", "lifting"),
    ],
    "contributor": [
        P, milestone("M-08"), milestone("M-08", "audit"), "/updates", "/updates?whose=own", f"/updates/{PLAN}/M-08",
    ],
    "auditor": [
        P, f"{P}/honesty-checks", f"{P}/honesty-checks?check=same_words", milestone("M-32"), milestone("M-33"),
        "/evidence/{evidence}",
    ],
    "observer": ["/plans", P],
    "administrator": ["/plans", "/account", "/administration/front-door", "/plans/new"],
    "police": [EXCEPTIONS, f"{P}/timeline", milestone("M-06"), f"{P}/inbox", f"{P}/inbox/new", "/held-uploads"],
    "noel": ["/plans", "/exceptions"],
}  # fmt: skip

# Who opens what they cannot, and what that answers.
REFUSED = [
    ("", "/nothing-here", 404), ("", "/invitations/wmi_none", 404), ("manager", "/plans/none", 404),
    ("manager", f"{P}/exceptions?rag=purple", 422), ("manager", f"{P}/timeline?from=soon", 422),
    ("manager", milestone("M-08", "reopening"), 403),
    ("contributor", f"{P}/keys", 403), ("auditor", milestone("M-06", "edit"), 403), ("observer", EXCEPTIONS, 403),
    ("noel", P, 404),
]  # fmt: skip

# These answer with another address, or with a file.
NOT_PAGES = {
    "/", "/milestones/{milestone}", "/plans/{plan}/milestones/{ref}/achievement", "/evidence/{evidence}/content",
    "/held-uploads/{upload}/content",
    "/evidence-exports/{export}/content",
    "/plans/{plan}/timeline.svg", "/plans.csv", "/exceptions.csv", "/plans/{plan}/exceptions.csv",
    "/plans/{plan}/milestones.csv", "/plans/{plan}/milestones/{ref}/audit.csv", "/plans/{plan}/audit-events.csv",
    "/plans/{plan}/meetings.csv", "/plans/{plan}/change-requests.csv", "/plans/{plan}/honesty-checks.csv",
    "/plans/{plan}/timeline.csv", "/plans/{plan}/milestones/{ref}/evidence.csv", "/updates.csv",
}  # fmt: skip


def addressed(path: str, place: Place) -> str:
    for name in ("evidence", "invitation", "change_request", "next_review", "meeting", "view", "proposal"):
        path = path.replace(f"{{{name}}}", getattr(place.demo, name))
    return path


@pytest.mark.parametrize(("who", "path"), [(who, path) for who, paths in PAGES.items() for path in paths])
def test_a_page_is_accessible_wide_and_on_a_phone(shared: Place, who: str, path: str) -> None:
    visitor = shared.visitor(who)
    visitor.go(addressed(path, shared))
    expect(visitor.page.get_by_role("heading", level=1)).to_have_count(1)
    check_page(visitor)


@pytest.mark.parametrize(("who", "path", "status"), REFUSED)
def test_a_page_that_cannot_be_had_is_accessible_too(shared: Place, who: str, path: str, status: int) -> None:
    visitor = shared.visitor(who)
    visitor.go(path, status=status)
    check_page(visitor)


def test_every_page_there_is_is_looked_at(server: Server) -> None:
    looked_at = [path.partition("?")[0] for paths in PAGES.values() for path in paths]
    missing = set()
    for route in iter_route_contexts(server.app.routes):
        path = route.path or ""
        if not getattr(getattr(route, "endpoint", None), "__module__", "").startswith("app.pages."):
            continue
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
        if "GET" in (getattr(route, "methods", None) or ()) and not any(map(pattern.fullmatch, looked_at)):
            missing.add(path)
    assert missing == NOT_PAGES


# --- states that a page gets into -------------------------------------------------------------------------------------


def _signing_in_wrongly(place: Place, folder: Path) -> Visitor:
    visitor = place.visitor().expects(401, 422)
    visitor.go("/sign-in")
    visitor.page.get_by_label("Email address").fill(CAST["manager"])
    visitor.page.get_by_label("Password", exact=True).fill("wrong")
    visitor.button("Sign in").click()
    return visitor


def _signing_in_too_often(place: Place, folder: Path) -> Visitor:
    place.server.furnish(place.database, data=folder, at=START, sign_ins_per_quarter_hour=1)
    visitor = _signing_in_wrongly(place, folder).expects(429)
    expect(visitor.page.locator(".govuk-error-summary")).to_be_visible()
    visitor.page.get_by_label("Password", exact=True).fill("wrong again")
    visitor.button("Sign in").click()
    expect(visitor.page.locator(".govuk-error-summary")).to_contain_text("Too many attempts to sign in")
    return visitor


def _an_invitation_with_a_weak_password(place: Place, folder: Path) -> Visitor:
    visitor = place.visitor().expects(422)
    visitor.go(f"/invitations/{place.demo.invitation}")
    visitor.page.locator("[name=password]").fill("password")
    visitor.page.get_by_role("button").last.click()
    return visitor


def _an_update_without_a_word(place: Place, folder: Path) -> Visitor:
    visitor = place.visitor("manager").expects(422)
    visitor.go(milestone("M-08", "updates", "new"))
    visitor.fill_date("forecast_date", 31, 2, 2027)
    visitor.page.get_by_label("Red", exact=True).check()
    visitor.button("Save the update").click()
    return visitor


def _a_file_that_holds_personal_data(place: Place, folder: Path) -> Visitor:
    visitor = place.visitor("manager").expects(409)
    visitor.go(milestone("M-08", "evidence", "new"))
    visitor.page.get_by_label("What is it?").fill("Case list")
    visitor.page.get_by_label("Choose a file").set_input_files(a_file(folder, "cases.txt", b"NHS 943 476 5919"))
    visitor.button("Attach evidence").click()
    expect(visitor.page.get_by_label("Staff")).to_be_visible()
    return visitor


def _a_completion_with_a_file_of_another_kind(place: Place, folder: Path) -> Visitor:
    visitor = place.visitor("manager").expects(415)
    visitor.go(milestone("M-08", "completion"))
    visitor.fill_date("completed_date", *day_parts(in_days(0)))
    visitor.page.get_by_label("What was done?").fill("All of it")
    visitor.page.get_by_label("Choose a file").set_input_files(a_file(folder, "proof.pdf", b"no PDF"))
    visitor.button("Report it completed").click()
    return visitor


def _evidence_that_is_too_large(place: Place, folder: Path) -> Visitor:
    visitor = place.visitor("manager").expects(413)
    visitor.go(milestone("M-06", "evidence", "new"))
    file = folder / "large.csv"
    with file.open("wb") as handle:
        handle.write(b"a,b\n")
        handle.truncate(MAX_FILE_BYTES + 1_000_000)
    visitor.page.get_by_label("What is it?").fill("A large file")
    visitor.page.get_by_label("Choose a file").set_input_files(file)
    visitor.button("Attach evidence").click()
    expect(visitor.page.locator(".govuk-error-summary")).to_contain_text("50 MB")
    expect(visitor.page.get_by_label("What is it?")).to_have_value("A large file")
    return visitor


def _evidence_without_a_title_or_a_link(place: Place, folder: Path) -> Visitor:
    visitor = place.visitor("manager").expects(422)
    visitor.go(milestone("M-06", "evidence", "new"))
    visitor.page.get_by_label("A link", exact=True).check()
    visitor.button("Attach evidence").click()
    return visitor


def _achievement_refused(place: Place, folder: Path) -> Visitor:
    visitor = place.visitor("manager").expects(409)
    visitor.go(milestone("M-06"))
    visitor.button("Mark as achieved").click()
    return visitor


def _achievement_refused_without_scripts(place: Place, folder: Path) -> Visitor:
    """The page of its own that is sent where nothing is swapped."""
    visitor = place.visitor("manager").expects(409)
    visitor.go(milestone("M-33"))
    visitor.page.locator("form[action$=achievement]").evaluate("(form) => form.submit()")
    return visitor


def _a_review_without_an_answer(place: Place, folder: Path) -> Visitor:
    visitor = place.visitor("manager").expects(422)
    visitor.go(milestone("M-33"))
    item = logged(visitor, "second month")
    item.locator("summary").click()
    item.get_by_role("button", name="Save review").click()
    return visitor


def _facts_that_somebody_else_has_changed(place: Place, folder: Path) -> Visitor:
    first, second = place.visitor("manager"), place.visitor("manager").expects(412)
    for visitor in (first, second):
        visitor.go(milestone("M-10", "edit"))
        visitor.page.get_by_label("What will be in place?").fill(f"Title {id(visitor)}")
    first.button("Save the facts").click()
    first.arrives(milestone("M-10"))
    second.button("Save the facts").click()
    return second


def _a_withdrawal_without_a_reason(place: Place, folder: Path) -> Visitor:
    visitor = place.visitor("manager").expects(422)
    visitor.go(f"/evidence/{place.demo.evidence}/withdrawal")
    visitor.button("Withdraw it").click()
    return visitor


def _a_reopening_without_a_date(place: Place, folder: Path) -> Visitor:
    visitor = place.visitor("manager").expects(422)
    visitor.go(milestone("M-03", "reopening"))
    visitor.button("Reopen it").click()
    return visitor


def _a_key_for_nobody(place: Place, folder: Path) -> Visitor:
    visitor = place.visitor("manager").expects(422)
    visitor.go(f"{P}/keys")
    visitor.button("Issue key").click()
    return visitor


@pytest.mark.parametrize(
    "get_into",
    [
        _signing_in_wrongly, _signing_in_too_often, _an_invitation_with_a_weak_password, _an_update_without_a_word,
        _a_file_that_holds_personal_data,
        _a_completion_with_a_file_of_another_kind, _evidence_that_is_too_large, _evidence_without_a_title_or_a_link,
        _achievement_refused, _achievement_refused_without_scripts, _a_review_without_an_answer,
        _facts_that_somebody_else_has_changed, _a_withdrawal_without_a_reason, _a_reopening_without_a_date,
        _a_key_for_nobody,
    ],
    ids=lambda state: state.__name__.strip("_").replace("_", " "),
)  # fmt: skip
def test_a_page_that_says_no_is_accessible_and_begins_with_why(own: Place, tmp_path: Path, get_into: object) -> None:
    visitor = get_into(own, tmp_path)  # type: ignore[operator]
    expect(visitor.page.locator(".govuk-error-summary")).to_be_focused()
    expect(visitor.page).to_have_title(re.compile("^Error: "))
    check_page(visitor)


def test_a_new_key_and_a_new_token_are_shown_on_accessible_pages(own: Place) -> None:
    visitor = own.visitor("manager")
    page = visitor.page
    visitor.go(f"{P}/keys")
    page.get_by_label("Organisation", exact=True).select_option("nhs-haringey")
    page.get_by_label("What it is for").fill("Records of the NHS")
    page.get_by_label("Attach evidence").check()
    visitor.button("Issue key").click()
    expect(page.locator("code").first).to_contain_text("wmk_")
    check_page(visitor)
    visitor.go("/account/tokens")
    page.get_by_label("What it is for").fill("Monthly figures")
    visitor.button("Make token").click()
    expect(page.locator("code").first).to_contain_text("wmt_")
    check_page(visitor)
    visitor.go("/account/tokens")
    check_page(visitor)


def test_a_milestone_with_every_kind_of_evidence_in_every_state_is_accessible(own: Place) -> None:
    visitor = own.visitor("manager")
    page = visitor.page
    for kind, label, value in (("statement", "A statement", "I saw it"), ("link", "A link", "https://nhs.example/x")):
        visitor.go(milestone("M-33", "evidence", "new"))
        page.get_by_label("What is it?").fill(label)
        page.get_by_label(label, exact=True).check()
        page.locator(f"[name={kind}]").fill(value)
        page.get_by_text("It is valid for a certain time only").click()
        visitor.fill_date("effective_to", *day_parts(in_days(30)))
        visitor.button("Attach evidence").click()
        visitor.arrives(milestone("M-33"))
    for summary in page.locator(".wm-evidence__item summary").all():
        summary.click()
    check_page(visitor)


def test_the_checks_find_what_is_wrong(shared: Place) -> None:
    """A check that finds nothing anywhere proves nothing."""
    visitor = shared.visitor(phone=True)
    visitor.go("/help")
    visitor.page.evaluate(
        """() => document.querySelector("main").insertAdjacentHTML("beforeend",
          "<img src='/static/waymark.svg'><button></button><table><tr><td>" + "x".repeat(200) + "</td></tr></table>")"""
    )
    found = " ".join(violations(visitor))
    assert "image-alt" in found
    assert "button-name" in found
    assert overflow(visitor.page)
