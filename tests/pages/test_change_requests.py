"""Change requests on pages: forms that say what a change would do, a list that is decided in a meeting."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.domain.milestones import MilestoneView
from app.domain.words import ChangeKind, EvidencePolicy, Status
from app.services import change_requests, meetings, plans
from tests.factories import key
from tests.pages.conftest import Kept, statements
from tests.pages.markup import read

LIST = "/plans/safeguarding-plan/change-requests"
KINDS = ("due_date", "cancellation", "replacement", "split", "criteria")


def day(name: str, view: MilestoneView, *, days: int) -> dict[str, str]:
    assert view.row.due_date is not None
    wanted = view.row.due_date + timedelta(days=days)
    return {f"{name}-{part}": str(getattr(wanted, part)) for part in ("day", "month", "year")}


def today(house: Kept) -> str:
    return house.world.write("petra", meetings.add_meeting, slug=house.world.plan, on=house.world.clock.today).id


@pytest.mark.parametrize("kind", KINDS)
def test_every_form_of_a_milestone_is_sound(full: Kept, kind: str) -> None:
    answer = full.browser("connie").get(f"{full.path('overdue', 'change-requests', 'new')}?kind={kind}")
    assert answer.status_code == 200
    assert read(answer.text).problems() == []
    empty = full.browser("connie").post(full.path("overdue", "change-requests"), data={"kind": kind})
    assert empty.status_code == 422
    assert read(empty.text).problems() == []
    assert read(empty.text).title.startswith("Error:")


@pytest.mark.parametrize("address", [LIST, f"{LIST}?state=decided", f"{LIST}?state=all&kind=split",
                                     f"{LIST}/new?kind=policy", f"{LIST}/new?kind=settings"])  # fmt: skip
def test_the_pages_of_the_plan_are_sound(full: Kept, address: str) -> None:
    answer = full.browser("petra").get(address)
    assert answer.status_code == 200
    assert read(answer.text).problems() == []


def test_looking_shows_what_it_would_do_and_sends_nothing(full: Kept) -> None:
    view = full.seen("overdue")
    data = {"kind": "due_date", "look": "yes", "reason": "Kept words", **day("due_date", view, days=60)}
    answer = full.browser("connie").post(full.path("overdue", "change-requests"), data=data)
    assert answer.status_code == 200
    page = read(answer.text)
    assert page.problems() == []
    assert "What it would do if it were approved today. Nothing has been sent yet" in page.text
    assert "Red now, then Amber" in page.text
    assert "Kept words" in answer.text
    assert full.seen("overdue").change_requests == ()


def test_a_policy_is_looked_at_asked_for_and_decided(full: Kept) -> None:
    petra, sam = full.browser("petra"), full.browser("sam")
    ref = full.there["achieved"].row.ref
    data = {"kind": "policy", "evidence_policy": "accepted", "reason": "The auditor asks for it"}
    looked = petra.post(LIST, data={**data, "look": "yes"})
    assert f"1 achieved milestone would no longer be achieved: {ref}" in read(looked.text).text
    answer = petra.post(LIST, data=data)
    assert answer.status_code == 303
    request = answer.headers["location"].partition("#")[2]
    page = sam.get(f"{LIST}/{request}/decision")
    assert read(page.text).problems() == []
    assert ref in page.text
    decided = sam.post(f"{LIST}/{request}/decision", data={"outcome": "approved", "reason": "Right"})
    assert decided.status_code == 303
    assert full.seen("achieved").row.status is Status.COMPLETED
    assert "Evidence policy" in sam.get(f"{LIST}?state=decided").text
    plan = full.world.read("sam", plans.get_plan, slug=full.world.plan)
    assert plan.evidence_policy is EvidencePolicy.ACCEPTED


def test_a_split_takes_ticked_lines_and_names_what_no_part_takes_over(full: Kept) -> None:
    view = full.world.milestone(success_criterion="A rota for every shift\nA deputy for every shift")
    full.there["split"] = view
    data = {
        "kind": "split", "reason": "Two teams", "parts.0.title": "Rota", "parts.0.takes": "0",
        "parts.1.title": "Deputies", "parts.1.success_criterion": "Phones",
        **day("parts.0.due_date", view, days=5), **day("parts.1.due_date", view, days=9),
    }  # fmt: skip
    refused = full.browser("connie").post(full.path("split", "change-requests"), data=data)
    assert refused.status_code == 409
    assert "No part takes over “A deputy for every shift”" in read(refused.text).text
    assert "Deputies" in refused.text
    answer = full.browser("connie").post(full.path("split", "change-requests"), data={**data, "parts.1.takes": "1"})
    assert answer.status_code == 303
    page = read(full.browser("sam").get(full.path("split")).text)
    assert "Split it into 2 parts" in page.text
    assert page.problems() == []


def test_several_are_decided_in_a_meeting_and_the_page_says_which_were_not(full: Kept) -> None:
    world, held = full.world, today(full)
    mine = world.milestone(owner=world.people["sam"].id)
    asked = world.write(
        "petra", change_requests.request_change, milestone=key(mine), kind=ChangeKind.DUE_DATE, reason="Later",
        due_date=world.clock.today + timedelta(days=90),
    )  # fmt: skip
    other = full.seen("asked").change_requests[0]
    data = {"chosen": [asked.id, other.id], "meeting": held, "outcome": "approved", "reason": "As discussed"}
    sam = full.browser("sam")
    shown = read(sam.get(LIST).text)
    assert shown.problems() == []
    assert "You own this milestone. Somebody else decides its changes" in shown.text
    answer = sam.post(f"{LIST}/decisions", data=data)
    page = read(answer.text)
    assert answer.status_code == 409
    assert page.problems() == []
    assert "1 of 2 was not decided" in page.text
    assert "The others were decided" in page.text
    assert full.seen("asked").row.due_date == other.due_date
    assert world.seen(mine).row.due_date == mine.row.due_date
    again = sam.post(f"{LIST}/decisions", data={})
    assert again.status_code == 422
    assert "Choose at least one change request" in again.text
    assert full.browser("petra").post(f"{LIST}/decisions", data=data).status_code == 403


def test_a_decision_page_offers_no_meeting_before_the_request_and_says_what_lapsed(full: Kept) -> None:
    world = full.world
    today(full)
    world.clock.forward(days=1)
    view = world.milestone()
    full.there["late"] = view
    given = {"kind": ChangeKind.DUE_DATE, "due_date": world.clock.today + timedelta(days=90)}
    asked = world.write("petra", change_requests.request_change, milestone=key(view), reason="Later", **given)
    sam = full.browser("sam")
    assert "In which review meeting?" not in sam.get(f"{LIST}/{asked.id}/decision").text
    first = full.seen("asked").change_requests[0]
    assert "In which review meeting?" in sam.get(f"{LIST}/{first.id}/decision").text
    assert "2 change requests wait for a decision" in read(sam.get("/plans/safeguarding-plan/closure").text).text
    world.close()
    lapsed = read(sam.get(full.path("late")).text)
    assert lapsed.problems() == []
    assert "Lapsed" in lapsed.text
    assert "The plan was closed before this was decided." in lapsed.text


def test_who_asked_withdraws_with_one_button(full: Kept) -> None:
    asked = full.seen("asked").change_requests[0]
    where = f"{LIST}/{asked.id}/withdrawal"
    assert where in full.browser("petra").get(full.path("asked")).text
    assert where not in full.browser("connie").get(full.path("asked")).text
    assert full.browser("connie").post(where).status_code == 403
    assert full.browser("petra").post(where, data={"version": asked.version}).status_code == 303
    assert full.browser("petra").post(where).status_code == 409
    assert "Withdrawn by who asked" in read(full.browser("connie").get(full.path("asked")).text).text


def test_a_mistyped_baseline_is_corrected_on_a_page(full: Kept) -> None:
    view, where = full.seen("overdue"), full.path("overdue", "baseline-correction")
    petra = full.browser("petra")
    assert where in petra.get(full.path("overdue")).text
    assert read(petra.get(where).text).problems() == []
    assert petra.post(where, data={}).status_code == 422
    answer = petra.post(where, data={"reason": "A slip of the key", **day("baseline_date", view, days=-1)})
    assert answer.status_code == 303
    page = read(petra.get(full.path("overdue")).text)
    assert "Corrected" in page.text
    assert "A slip of the key" in page.text
    assert full.browser("connie").get(where).status_code == 403


def test_the_list_sends_a_fixed_number_of_queries(full: Kept) -> None:
    browser = full.browser("sam")
    with statements(full.world.database) as few:
        browser.get(LIST)
    for number in range(6):
        view = full.world.milestone(title=f"One more {number}")
        full.world.write(
            "petra", change_requests.request_change, milestone=key(view), kind=ChangeKind.DUE_DATE, reason="Later",
            due_date=full.world.clock.today + timedelta(days=90),
        )  # fmt: skip
    browser = full.browser("sam")
    with statements(full.world.database) as many:
        answer = browser.get(LIST)
    assert answer.text.count("One more") == 12
    assert len(many) == len(few)
    assert len(many) <= 18, len(many)


def test_what_is_restricted_is_not_in_the_list(full: Kept) -> None:
    view = full.there["secret"]
    full.world.write(
        "petra", change_requests.request_change, milestone=key(view), kind=ChangeKind.DUE_DATE, reason="Hush",
        due_date=full.world.clock.today + timedelta(days=90),
    )  # fmt: skip
    assert "Kept from partners" in full.browser("sam").get(LIST).text
    hidden = read(full.browser("pol").get(LIST).text)
    assert "Kept from partners" not in hidden.text
    assert "1 waits for a decision" in hidden.text
    assert "1 more is about restricted milestones" in read(full.browser("nora").get(LIST).text).text
