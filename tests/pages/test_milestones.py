"""A milestone's page and every step on it, with and without HTMX."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest

from app.domain.words import Status
from app.services import updates
from tests.factories import key
from tests.pages.conftest import HTMX, Kept
from tests.pages.markup import read

PLAN = "/plans/safeguarding-plan"


def day(name: str, when: date) -> dict[str, str]:
    return {f"{name}-day": str(when.day), f"{name}-month": str(when.month), f"{name}-year": str(when.year)}


# --- What the page says --------------------------------------------------------------------------------------------


def test_the_page_says_colour_days_reasons_and_dates(full: Kept) -> None:
    page = read(full.browser("petra").get(full.path("overdue")).text)
    for words in (
        "Red for 22 days",
        "Overdue by 21 days",
        "Declared Amber by its owner: Rooms are short",
        "Baseline 2 March 2026 never changes",
        "Due 2 March 2026 not moved",
        "Today 23 March 2026 21 days overdue",
        "Forecast 11 April 2026 6 weeks after due",
        "Release 14 managers in January",
        "Agreed success criterion: A rota that covers every shift",
        "Everyone on the plan",
    ):
        assert words in page.text, words


def test_completed_without_evidence_is_shown_as_not_achieved(full: Kept) -> None:
    page = read(full.browser("petra").get(full.path("completed")).text)
    assert "Not achieved: evidence outstanding" in page.text
    assert "What is still needed before this can be achieved" in page.text
    assert "1 of 2 in place" in page.text
    assert "No evidence yet. Needed: A rota that covers every shift." in page.text


def test_an_achieved_one_says_so_in_a_word_of_its_own(full: Kept) -> None:
    page = read(full.browser("petra").get(full.path("achieved")).text)
    assert "2 of 2 in place" in page.text
    assert "Counts: E-001 Rota" in page.text
    assert "Mark as achieved" not in page.text
    assert full.path("achieved", "reopening") in page.links()


def test_the_evidence_log_keeps_what_was_rejected_and_withdrawn(full: Kept) -> None:
    page = read(full.browser("sam").get(full.path("reviewed")).text)
    for words in ("4 items. Nothing is ever deleted", "Rejected", "Why rejected: It shows what was agreed.",
                  "Relevance 3 of 3, robustness 2 of 3.", "Withdrawn", "Sent for the wrong milestone.",
                  "Waiting for review", "All thirty", "https://audit.example/2026"):  # fmt: skip
        assert words in page.text, words


def test_markings_and_restrictions_are_printed_on_the_item(full: Kept) -> None:
    page = read(full.browser("petra").get(full.path("secret")).text)
    assert "Official-Sensitive" in page.text
    assert "Restricted to Haringey Council" in page.text
    assert "Official-Sensitive Restricted" in read(full.browser("petra").get(f"{PLAN}/milestones").text).text


def test_what_is_restricted_does_not_exist_for_others(full: Kept) -> None:
    browser = full.browser("pol")
    assert browser.get(full.path("secret")).status_code == 404
    assert browser.get(f"/milestones/{full.there['secret'].row.id}").status_code == 404
    for address in (PLAN, f"{PLAN}/milestones", f"{PLAN}/exceptions"):
        answer = browser.get(address)
        assert answer.status_code == 200
        assert "Kept from partners" not in answer.text
    counted = read(full.browser("nora").get(f"{PLAN}/milestones").text)
    assert "1 more is restricted and not shown to you" in counted.text
    assert "Kept from partners" not in counted.text


def test_buttons_are_for_those_who_may_use_them(full: Kept) -> None:
    where = full.path("overdue")
    manager, contributor, auditor = (read(full.browser(who).get(where).text) for who in ("petra", "connie", "ada"))
    assert f"{where}/edit" in manager.links()
    assert "Mark as achieved" in manager.text
    assert f"{where}/updates/new" in contributor.links()
    assert "Mark as achieved" not in contributor.text
    assert "The programme manager marks it as achieved" in contributor.text
    assert not [link for link in auditor.links() if link.startswith(where) and not link.endswith("/audit")]


def test_an_id_leads_to_the_page(full: Kept) -> None:
    answer = full.browser("petra").get(f"/milestones/{full.there['overdue'].row.id}")
    assert (answer.status_code, answer.headers["location"]) == (303, full.path("overdue"))


def test_the_list_filters_and_shows_the_next_part(full: Kept) -> None:
    for number in range(50):
        full.world.milestone(title=f"Row {number}")
    browser = full.browser("petra")
    first = read(browser.get(f"{PLAN}/milestones").text)
    assert "58 milestones" in first.text
    later = next(link for link in first.links() if "cursor=" in link)
    second = read(browser.get(later).text)
    assert "Row 49" in second.text
    assert "Managers trained" not in second.text
    found = read(browser.get(f"{PLAN}/milestones?q=rota+published&status=completed").text)
    assert "1 milestone matches" in found.text
    assert f"{PLAN}/milestones?status=completed" in found.links()
    nothing = read(browser.get(f"{PLAN}/milestones?q=unheard+of").text)
    assert "No milestones match." in nothing.text


@pytest.mark.parametrize("query", ["rag=purple", "due_before=yesterday", "status=ongoing", "cursor=nonsense"])
def test_a_filter_that_is_none_is_422_in_plain_words(full: Kept, query: str) -> None:
    answer = full.browser("petra").get(f"{PLAN}/milestones?{query}")
    assert answer.status_code == 422
    assert "Some of this cannot be used" in answer.text


# --- The gate ------------------------------------------------------------------------------------------------------


def test_a_refusal_is_the_same_page_with_409_and_every_reason_beside_the_button(full: Kept) -> None:
    answer = full.browser("petra").post(full.path("completed", "achievement"))
    page = read(answer.text)
    assert answer.status_code == 409
    assert page.problems() == []
    assert page.title.startswith("Error: ")
    ref = full.there["completed"].row.ref
    assert f"{ref} was not marked as achieved Nothing has changed. The rule that stopped it:" in page.text
    assert "#need-evidence_required" in page.links()
    assert "Not marked as achieved No evidence has been sent." in page.text
    assert "This attempt is on the record: Programme Manager, 23 March 2026 at 9:00am" in page.text
    assert "Mark as achieved" in page.text
    assert full.seen("completed").row.status is Status.COMPLETED


def test_an_open_one_is_told_everything_at_once(full: Kept) -> None:
    page = read(full.browser("petra").post(full.path("overdue", "achievement")).text)
    assert "The rules that stopped it:" in page.text
    assert {"#need-not_completed", "#need-evidence_required"} <= set(page.links())


def test_with_htmx_a_refusal_is_the_same_parts(full: Kept) -> None:
    answer = full.browser("petra").post(full.path("completed", "achievement"), headers=HTMX)
    page = read(answer.text)
    assert answer.status_code == 409
    assert page.problems(whole=False) == []
    assert page.ids()[0] == "gate"
    assert {"gate", "problem", "standing", "actions", "refusal"} <= set(page.ids())
    assert not page.all("main")
    assert page.title.startswith("Error: ")


def test_marked_as_achieved_goes_back_to_the_page(full: Kept) -> None:
    full.world.attached(full.there["completed"])
    answer = full.browser("petra").post(full.path("completed", "achievement"))
    assert (answer.status_code, answer.headers["location"]) == (303, full.path("completed"))
    assert full.seen("completed").row.status is Status.ACHIEVED


def test_with_htmx_marked_as_achieved_swaps_the_parts_and_puts_focus_on_the_gate(full: Kept) -> None:
    full.world.attached(full.there["completed"])
    answer = full.browser("petra").post(full.path("completed", "achievement"), headers=HTMX)
    page = read(answer.text)
    assert answer.status_code == 200
    assert page.problems(whole=False) == []
    focused = [element for element in page.elements if "data-wm-focus" in element.attributes]
    assert [element.attributes["id"] for element in focused] == ["gate-title"]
    assert "Achieved" in page.text


def test_reloading_the_refused_page_leads_to_the_gate(full: Kept) -> None:
    answer = full.browser("petra").get(full.path("completed", "achievement"))
    assert answer.headers["location"] == full.path("completed") + "#gate"


def test_only_the_programme_manager_marks_as_achieved(full: Kept) -> None:
    full.world.attached(full.there["completed"])
    for who in ("connie", "sam", "ada"):
        answer = full.browser(who).post(full.path("completed", "achievement"))
        assert answer.status_code == 403
        assert "It takes a programme manager" in answer.text
    assert full.seen("completed").row.status is Status.COMPLETED


# --- The other steps -----------------------------------------------------------------------------------------------


def test_started_returned_and_reopened_on_their_pages(full: Kept) -> None:
    petra, when = full.browser("petra"), full.world.clock.today + timedelta(days=40)
    assert petra.post(full.path("early", "start")).status_code == 303
    assert petra.post(full.path("completed", "return"), data={"reason": "One shift is missing"}).status_code == 303
    reopened = petra.post(full.path("achieved", "reopening"), data={"reason": "It lapsed", **day("due_date", when)})
    assert reopened.status_code == 303
    assert full.seen("early").row.status is Status.IN_PROGRESS
    assert full.seen("completed").row.status is Status.IN_PROGRESS
    assert full.seen("achieved").row.status is Status.IN_PROGRESS
    assert full.seen("achieved").change_requests[0].due_date == when


def test_a_step_that_is_refused_shows_its_form_again(full: Kept) -> None:
    answer = full.browser("petra").post(full.path("overdue", "return"), data={"reason": "Not finished"})
    page = read(answer.text)
    assert answer.status_code == 409
    assert page.problems() == []
    assert "Nothing has changed." in page.text
    assert "Not finished" in page.text
    assert full.browser("petra").post(full.path("overdue", "start")).status_code == 409


@pytest.mark.parametrize(
    ("name", "path", "data", "sentence"),
    [
        ("completed", "return", {}, "Enter why it goes back to in progress"),
        ("achieved", "reopening", {"reason": "x"}, "Enter the new due date to ask for"),
        ("achieved", "reopening", {"reason": "x", "due_date-day": "31", "due_date-month": "2", "due_date-year": "2027"},
         "The new due date must be a real date"),
        ("overdue", "declaration/lifting", {}, "Enter why the declaration is lifted"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_beside_its_field(
    full: Kept, name: str, path: str, data: dict[str, str], sentence: str
) -> None:
    who = "sam" if path == "declaration/lifting" else "petra"
    answer = full.browser(who).post(full.path(name, path), data=data)
    page = read(answer.text)
    assert answer.status_code == 422
    assert page.problems() == []
    assert page.title.startswith("Error: ")
    assert page.text.count(sentence) == 2


def test_a_declaration_is_lifted_by_a_senior_officer(full: Kept) -> None:
    answer = full.browser("sam").post(full.path("overdue", "declaration/lifting"), data={"reason": "Rooms are found"})
    assert answer.status_code == 303
    assert full.seen("overdue").declared_rag is None


def test_a_form_is_not_shown_to_who_could_not_send_it(full: Kept) -> None:
    browser = full.browser("petra")
    assert browser.get(full.path("overdue", "return")).status_code == 403
    assert browser.get(full.path("completed", "completion")).status_code == 403
    assert full.browser("ada").get(full.path("overdue", "updates/new")).status_code == 403
    assert full.browser("connie").get(f"{PLAN}/milestones/new").status_code == 403


# --- Completion with the file in the same step ------------------------------------------------------------------------


def test_an_honest_owner_is_done_in_one_go(full: Kept) -> None:
    answer = full.browser("connie").post(
        full.path("overdue", "completion"),
        data={"narrative": "All four held", **day("completed_date", full.world.clock.today)},
        files={"file": ("register.txt", b"52 names", "text/plain")},
    )
    assert (answer.status_code, answer.headers["location"]) == (303, full.path("overdue"))
    view = full.seen("overdue")
    assert view.row.status is Status.COMPLETED
    assert [item.title for item in view.evidence] == ["register.txt"]
    assert view.row.still_needed == ()
    assert full.browser("petra").post(full.path("overdue", "achievement")).status_code == 303


def test_completion_without_a_file_works_and_says_what_follows(full: Kept) -> None:
    browser = full.browser("connie")
    assert "Not achieved: evidence outstanding" in browser.get(full.path("overdue", "completion")).text
    when = full.world.clock.today - timedelta(days=1)
    answer = browser.post(
        full.path("overdue", "completion"),
        data={"narrative": "All held", "title": "", **day("completed_date", when)},
        files={"file": ("", b"", "application/octet-stream")},
    )
    assert answer.status_code == 303
    assert full.seen("overdue").row.completed_date == when


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"narrative": "", "completed_date-day": "1", "completed_date-month": "3", "completed_date-year": "2026"},
         "Enter what was done"),
        ({"narrative": "Kept words"}, "Enter the day the work was finished"),
        ({"narrative": "Kept words", "completed_date-day": "1"}, "must include a day, a month and a year"),
        ({"narrative": "Kept words", "completed_date-day": "1", "completed_date-month": "4",
          "completed_date-year": "2026"}, "The completed date must be today or in the past"),
    ],
)  # fmt: skip
def test_a_wrong_completion_keeps_every_word(full: Kept, data: dict[str, Any], sentence: str) -> None:
    answer = full.browser("connie").post(
        full.path("overdue", "completion"), data=data, files={"file": ("a.txt", b"names", "text/plain")}
    )
    page = read(answer.text)
    assert answer.status_code == 422
    assert page.problems() == []
    assert sentence in page.text
    assert data["narrative"] in page.text
    assert full.seen("overdue").row.status is Status.IN_PROGRESS
    assert full.seen("overdue").evidence == ()


# --- Facts ---------------------------------------------------------------------------------------------------------


def facts(full: Kept, **changed: str) -> dict[str, Any]:
    view = full.seen("overdue")
    return {
        "title": view.row.title,
        "action": view.row.action.id,
        "owner": view.row.owner.id if view.row.owner else "",
        "organisation": view.row.organisation.slug,
        "marking": "official",
        "visibility": "keep",
        "version": view.row.version,
        **changed,
    }


def test_facts_are_changed(full: Kept) -> None:
    answer = full.browser("petra").post(
        full.path("overdue", "edit"),
        data=facts(full, title="Managers trained", supporting_organisations="nhs-haringey", visibility="some",
                   restricted_to="haringey-council"),
    )  # fmt: skip
    assert answer.status_code == 303
    view = full.seen("overdue")
    assert view.row.title == "Managers trained"
    assert [one.slug for one in view.row.supporting_organisations] == ["nhs-haringey"]
    assert view.restricted_to == ("Haringey Council",)


def test_a_stale_edit_is_412_with_both_texts_and_overwrites_nobody(full: Kept) -> None:
    browser, stale = full.browser("petra"), facts(full, title="My words")
    assert browser.post(full.path("overdue", "edit"), data=facts(full, title="Their words")).status_code == 303
    answer = browser.post(full.path("overdue", "edit"), data=stale)
    page = read(answer.text)
    assert answer.status_code == 412
    assert page.problems() == []
    assert "Somebody else changed this while you were writing" in page.text
    assert "There now Their words" in page.text
    assert "What you wrote My words" in page.text
    assert page.value("title") == "My words"
    assert full.seen("overdue").row.title == "Their words"
    again = {**stale, "version": page.value("version")}
    assert browser.post(full.path("overdue", "edit"), data=again).status_code == 303
    assert full.seen("overdue").row.title == "My words"


def test_a_milestone_is_added(full: Kept) -> None:
    browser, when = full.browser("petra"), full.world.clock.today + timedelta(days=60)
    wrong = browser.post(f"{PLAN}/milestones", data={"description": "Words to keep"})
    assert wrong.status_code == 422
    page = read(wrong.text)
    assert page.problems() == []
    assert "Enter what will be in place, as a title" in page.text
    assert "Choose the action it belongs to" in page.text
    assert "Words to keep" in page.text
    answer = browser.post(
        f"{PLAN}/milestones",
        data={"title": "Desk opened", "action": full.world.action, "success_criterion": "Open at nine",
              "marking": "official", "visibility": "everyone", **day("due_date", when)},
    )  # fmt: skip
    assert answer.status_code == 303
    assert "Desk opened" in browser.get(answer.headers["location"]).text


# --- Updates and change requests -----------------------------------------------------------------------------------


def test_an_update_is_added_and_linked_to(full: Kept) -> None:
    browser = full.browser("connie")
    form = read(browser.get(full.path("overdue", "updates/new")).text)
    assert "Release 14 managers in January" in form.text
    assert form.value("forecast_date-year") == "2026"
    when = full.world.clock.today + timedelta(days=9)
    answer = browser.post(
        full.path("overdue", "updates"),
        data={"narrative": "Third course held", "declared_rag": "", "cause": "workforce", **day("forecast_date", when)},
    )
    assert answer.status_code == 303
    place = answer.headers["location"]
    assert place.partition("#")[2] in read(browser.get(place).text).ids()
    assert full.seen("overdue").row.forecast_date == when


def test_an_update_that_is_wrong_keeps_every_word(full: Kept) -> None:
    answer = full.browser("connie").post(
        full.path("overdue", "updates"), data={"narrative": "", "declared_rag": "red", "issue": "No rooms at all"}
    )
    page = read(answer.text)
    assert answer.status_code == 422
    assert page.problems() == []
    assert "#narrative" in page.links()
    assert "No rooms at all" in page.text
    assert [one.attributes["value"] for one in page.all("input") if "checked" in one.attributes] == ["red"]


def test_an_update_on_a_cancelled_plan_part_is_refused_with_words_kept(full: Kept) -> None:
    answer = full.browser("petra").post(full.path("achieved", "updates"), data={"narrative": "Kept words"})
    assert answer.status_code == 409
    assert "Reopen it if the work is not finished" in answer.text
    assert "Kept words" in answer.text


def test_a_change_is_asked_for_and_decided_by_somebody_else(full: Kept) -> None:
    petra, sam = full.browser("petra"), full.browser("sam")
    asked = full.seen("asked").change_requests[0]
    where = full.path("asked", "change-requests", asked.id, "decision")
    assert where in read(sam.get(full.path("asked")).text).links()
    assert petra.get(where).status_code == 403
    unsaid = sam.post(where, data={"version": asked.version})
    assert unsaid.status_code == 422
    assert "Choose whether to approve or to decline it" in unsaid.text
    answer = sam.post(where, data={"outcome": "approved", "reason": "Agreed", "version": asked.version})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{full.path('asked')}#{asked.id}")
    assert full.seen("asked").row.due_date == asked.due_date
    late = sam.post(where, data={"outcome": "declined", "reason": "No", "version": asked.version})
    assert late.status_code == 412
    assert "Approved by Director of Services" in late.text
    assert sam.get(full.path("asked", "change-requests", "unknown", "decision")).status_code == 404


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"kind": "due_date", "reason": "Late"}, "Enter the new due date"),
        ({"kind": "cancellation", "reason": "Gone"}, "Choose why it is to be cancelled"),
        ({"kind": "cancellation", "ground": "duplicate"}, "Enter the reason for the change"),
    ],
)
def test_a_change_request_says_what_is_missing(full: Kept, data: dict[str, str], sentence: str) -> None:
    answer = full.browser("petra").post(full.path("overdue", "change-requests"), data=data)
    page = read(answer.text)
    assert answer.status_code == 422
    assert page.problems() == []
    assert sentence in page.text


def test_a_cancellation_is_asked_for(full: Kept) -> None:
    answer = full.browser("petra").post(
        full.path("overdue", "change-requests"),
        data={"kind": "cancellation", "ground": "duplicate", "other": "m-08", "reason": "Same as another"},
    )
    assert answer.status_code == 303
    page = read(full.browser("petra").get(full.path("overdue")).text)
    assert "Cancel it: it is a duplicate of M-08" in page.text
    trail = full.browser("petra").get(full.path("overdue", "audit")).text
    known = re.sub(r"text=06h\w+", "", trail)  # what its link to a redaction is about
    assert "06h" not in known.replace(full.there["overdue"].row.id, "")


# --- The trail -----------------------------------------------------------------------------------------------------


def test_every_step_is_in_the_audit_trail_with_refusals(full: Kept) -> None:
    browser = full.browser("petra")
    browser.post(full.path("completed", "achievement"))
    page = read(browser.get(full.path("completed", "audit")).text)
    for words in ("Milestone achievement refused", "Milestone reported completed", "Milestone added", "All done",
                  "Head of Assessment", "on a page"):  # fmt: skip
        assert words in page.text, words
    assert "06h" not in page.text.replace(full.there["completed"].row.id, "")


def test_a_contributor_reads_the_trail_of_their_own_only(full: Kept) -> None:
    assert full.browser("connie").get(full.path("overdue", "audit")).status_code == 200
    assert full.browser("pol").get(full.path("overdue", "audit")).status_code == 403


def test_a_long_trail_has_parts(full: Kept) -> None:
    for number in range(55):
        full.world.write("connie", updates.add_update, milestone=key(full.there["overdue"]), narrative=f"Note {number}")
    browser = full.browser("ada")
    first = read(browser.get(full.path("overdue", "audit")).text)
    older = next(link for link in first.links() if "cursor=" in link)
    assert "Note 0" in read(browser.get(older).text).text
    assert "Note 54" in first.text
