"""Attaching evidence, one item, its file, reviewing and withdrawing it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.domain.actors import system_actor
from app.domain.refusals import Unavailable
from app.domain.words import Scope, Status
from app.services import evidence
from app.services.personal_data import set_case_pattern
from tests.factories import COUNCIL, key, upload
from tests.house import FRONT_DOOR
from tests.pages.conftest import HTMX, Kept
from tests.pages.markup import read

NAMES = b"52 names, all present"


def attach(full: Kept, *, who: str = "connie", name: str = "completed", **data: Any) -> Any:
    file = data.pop("file", ("register.txt", NAMES, "text/plain"))
    given = {"title": "Register", "form": "file", "marking": "official", **data}
    return full.browser(who).post(full.path(name, "evidence"), data=given, files={"file": file})


def test_a_file_is_attached_and_linked_to(full: Kept) -> None:
    answer = attach(full, description="Everybody signed", kind="data_extract")
    item = full.seen("completed").evidence[0]
    assert (answer.status_code, answer.headers["location"]) == (303, f"{full.path('completed')}#{item.ref}")
    assert (item.file_name, item.size, item.description) == ("register.txt", len(NAMES), "Everybody signed")
    assert full.seen("completed").row.still_needed == ()


def test_a_file_is_saved_and_never_shown_and_its_opening_is_on_record(full: Kept) -> None:
    attach(full)
    item = full.seen("completed").evidence[0]
    answer = full.browser("petra").get(f"/evidence/{item.id}/content")
    assert answer.content == NAMES
    assert answer.headers["content-disposition"] == 'attachment; filename="register.txt"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["repr-digest"].startswith("sha-256=:")
    assert full.browser("nat").get(f"/evidence/{item.id}/content").status_code == 403
    assert full.browser("zoe").get(f"/evidence/{item.id}/content").status_code == 404


def test_a_link_and_a_statement_are_attached(full: Kept) -> None:
    nothing = ("", b"", "application/octet-stream")
    assert attach(full, form="link", link="https://rota.example/march", file=nothing).status_code == 303
    assert attach(full, form="statement", statement="I saw it\non the wall", file=nothing).status_code == 303
    page = read(full.browser("petra").get(full.path("completed")).text)
    assert "https://rota.example/march" in page.links()
    assert "Statement: I saw it on the wall" in page.text


def test_a_form_that_is_sent_twice_attaches_once_and_other_words_are_another_item(full: Kept) -> None:
    no_file: dict[str, Any] = {"file": ("", b"", "application/octet-stream")}
    sent: tuple[dict[str, Any], ...] = (
        {}, {"form": "link", "link": "https://rota.example/march", **no_file},
        {"form": "statement", "statement": "I saw it", **no_file},
    )  # fmt: skip
    for data in sent:
        before = len(full.seen("completed").evidence)
        addresses = {attach(full, **data).headers["location"] for _ in range(2)}
        assert (len(addresses), len(full.seen("completed").evidence)) == (1, before + 1), data
    attach(full, form="statement", statement="I saw it again", **no_file)
    assert len(full.seen("completed").evidence) == before + 2


def test_the_upload_page_says_that_it_is_no_referral(full: Kept) -> None:
    full.app.state.front_door.contact = FRONT_DOOR
    page = read(full.browser("connie").get(full.path("completed", "evidence", "new")).text)
    assert "This is not a way to refer a child or an adult at risk." in page.text
    assert FRONT_DOOR in page.text


@pytest.mark.parametrize(
    ("data", "status", "sentence"),
    [
        ({"title": ""}, 422, "Enter what it is, as a title"),
        ({"file": ("", b"", "application/octet-stream")}, 422, "Choose a file"),
        ({"file": ("empty.txt", b"", "text/plain")}, 422, "is empty"),
        ({"form": "link", "link": "", "file": ("", b"", "text/plain")}, 422, "Enter the link"),
        ({"form": "statement"}, 422, "You chose a file as well"),
        ({"effective_from-day": "1", "effective_from-month": "1", "effective_from-year": "2030"}, 422,
         "Effective from must be today or in the past"),
        ({"file": ("tool.exe", b"MZ", "application/x-msdownload")}, 415, "Accepted are pdf"),
        ({"file": ("report.pdf", b"<html><script>", "application/pdf")}, 415, "pdf"),
        ({"marking": "secret"}, 422, "Choose one of the answers shown"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_keeps_every_word_and_leaves_no_file(
    full: Kept, data: dict[str, Any], status: int, sentence: str
) -> None:
    answer = attach(full, description="Words to keep", **data)
    page = read(answer.text)
    assert answer.status_code == status
    assert page.problems() == []
    assert sentence in page.text
    assert "Words to keep" in page.text
    assert full.seen("completed").evidence == ()
    assert list(full.app.state.storage.list_names()) == []


def test_a_file_that_is_too_large_is_413_in_the_form(full: Kept) -> None:
    answer = attach(full, file=("large.txt", b"x" * 50_000_001, "text/plain"))
    page = read(answer.text)
    assert answer.status_code == 413
    assert "50 MB" in page.text
    assert page.value("title") == "Register"
    assert list(full.app.state.storage.list_names()) == []


def test_storage_that_cannot_take_it_is_503_in_the_form_and_leaves_nothing(
    full: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(**_: object) -> None:
        raise Unavailable("The store cannot take this file just now. Nothing was saved", retry_after=7)

    monkeypatch.setattr(full.app.state.storage, "begin", full_disk)
    answer = attach(full, description="Words to keep")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "7"
    assert "Nothing was saved" in answer.text
    assert "Words to keep" in answer.text
    assert full.seen("completed").evidence == ()


def test_who_may_not_attach_is_told_before_the_body_is_read(full: Kept) -> None:
    assert attach(full, who="ada").status_code == 403
    assert attach(full, who="pol", name="secret").status_code == 404
    assert attach(full, who="zoe").status_code == 404


def test_a_partners_evidence_shows_its_receipt(full: Kept) -> None:
    item = full.world.write(
        full.world.key_actor(Scope.EVIDENCE_WRITE, organisation="haringey-council"),
        evidence.attach_evidence,
        milestone=key(full.there["completed"]),
        title="From a partner",
        upload=upload(b"partner"),
    )
    page = read(full.browser("petra").get(f"/evidence/{item.id}").text)
    assert page.problems() == []
    assert "Waiting, due 25 March 2026 at 9:00am" in page.text
    assert item.sha256 is not None
    assert item.sha256 in page.text


# --- Review --------------------------------------------------------------------------------------------------------

REVIEW = {"outcome": "accepted", "relevance": "3", "robustness": "2", "reason": "It covers every shift"}


def review_path(full: Kept) -> str:
    attach(full)
    return full.path("completed", "evidence", full.seen("completed").evidence[0].id, "review")


def test_a_review_goes_back_to_the_item(full: Kept) -> None:
    where = review_path(full)
    item = full.seen("completed").evidence[0]
    answer = full.browser("sam").post(where, data={**REVIEW, "version": item.version})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{full.path('completed')}#{item.ref}")
    page = read(full.browser("sam").get(full.path("completed")).text)
    assert "Why accepted: It covers every shift." in page.text
    assert "Relevance 3 of 3, robustness 2 of 3." in page.text


def test_with_htmx_a_review_swaps_the_item_the_gate_and_the_standing(full: Kept) -> None:
    where = review_path(full)
    item = full.seen("completed").evidence[0]
    answer = full.browser("sam").post(where, data={**REVIEW, "outcome": "rejected"}, headers=HTMX)
    page = read(answer.text)
    assert answer.status_code == 200
    assert page.problems(whole=False) == []
    assert page.ids()[0] == item.ref
    assert {"gate", "standing", "problem"} <= set(page.ids())
    assert [one.attributes["id"] for one in page.elements if "data-wm-focus" in one.attributes] == [item.ref]
    assert "Rejected" in page.text
    assert "Still needed" in page.text


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_review_that_is_wrong_comes_back_in_its_place_with_its_words(full: Kept, headers: dict[str, str]) -> None:
    where = review_path(full)
    ref = full.seen("completed").evidence[0].ref
    answer = full.browser("sam").post(where, data={"outcome": "accepted", "reason": "Words to keep"}, headers=headers)
    page = read(answer.text)
    assert answer.status_code == 422
    assert page.problems(whole=not headers) == []
    assert f"#{ref}-relevance" in page.links()
    assert f"#{ref}-robustness" in page.links()
    assert "Words to keep" in page.text
    assert any("open" in one.attributes for one in page.all("details"))
    assert page.title.startswith("Error: ")


def test_a_review_of_something_that_has_changed_is_412_with_its_words(full: Kept) -> None:
    where = review_path(full)
    version = full.seen("completed").evidence[0].version
    browser = full.browser("sam")
    assert browser.post(where, data={**REVIEW, "version": version}).status_code == 303
    answer = browser.post(where, data={**REVIEW, "outcome": "rejected", "reason": "My other words", "version": version})
    page = read(answer.text)
    assert answer.status_code == 412
    assert page.problems() == []
    assert "It covers every shift" in page.text
    assert "My other words" in page.text
    assert full.seen("completed").evidence[0].links[0].reason == "It covers every shift"


def test_nobody_reviews_their_own(full: Kept) -> None:
    attach(full, who="petra")
    item = full.seen("completed").evidence[0]
    assert "Review this evidence" not in full.browser("petra").get(full.path("completed")).text
    answer = full.browser("petra").post(full.path("completed", "evidence", item.id, "review"), data=REVIEW)
    page = read(answer.text)
    assert answer.status_code == 409
    assert page.problems() == []
    assert "You provided this evidence. Ask somebody else to review it" in page.text
    assert full.browser("connie").post(
        full.path("completed", "evidence", item.id, "review"), data=REVIEW
    ).status_code == 403  # fmt: skip


# --- Withdrawal ----------------------------------------------------------------------------------------------------


def test_withdrawn_evidence_lowers_what_stood_on_it_at_once(full: Kept) -> None:
    item = full.seen("achieved").evidence[0]
    browser = full.browser("petra")
    form = read(browser.get(f"/evidence/{item.id}/withdrawal").text)
    assert "falls back to completed at once" in form.text
    assert "Enter why it is withdrawn" in browser.post(f"/evidence/{item.id}/withdrawal", data={}).text
    answer = browser.post(
        f"/evidence/{item.id}/withdrawal", data={"reason": "Wrong month", "version": form.value("version")}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"{full.path('achieved')}#{item.ref}")
    assert full.seen("achieved").row.status is Status.COMPLETED
    page = read(browser.get(full.path("achieved")).text)
    assert "Fell back to completed" in page.text
    assert "Wrong month" in page.text
    assert full.there["achieved"].row.ref in browser.get("/plans/safeguarding-plan/exceptions").text
    again = browser.post(f"/evidence/{item.id}/withdrawal", data={"reason": "Again"})
    assert again.status_code == 409
    assert browser.get(f"/evidence/{item.id}/withdrawal").status_code == 403


def test_evidence_is_withdrawn_by_its_own_organisation_only(full: Kept) -> None:
    item = full.seen("achieved").evidence[0]
    assert full.browser("nat").get(f"/evidence/{item.id}/withdrawal").status_code == 403
    assert full.browser("nat").post(f"/evidence/{item.id}/withdrawal", data={"reason": "x"}).status_code == 403
    assert full.browser("nat").get("/evidence/unknown").status_code == 404


def test_a_file_says_whether_it_was_scanned_and_is_offered_only_when_it_may_be_opened(full: Kept) -> None:
    world, browser = full.world, full.browser("petra")
    file = replace(upload(b"Another rota"), to_scan=True)
    item = world.write(
        "connie", evidence.attach_evidence, milestone=key(full.there["overdue"]), title="Rota", upload=file
    )
    page, log = browser.get(f"/evidence/{item.id}").text, browser.get(full.path("overdue")).text
    assert "Waiting for it: until then the file counts nowhere and cannot be opened" in page
    assert "The file is waiting to be scanned for viruses" in log
    assert f"/evidence/{item.id}/content" not in page + log
    answer = browser.get(f"/evidence/{item.id}/content")
    assert answer.status_code == 409
    assert "waiting to be scanned" in answer.text


def test_a_file_with_personal_data_is_kept_while_its_sender_says_whose_it_is(
    full: Kept, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Found, kept, declared, shown: the bytes are sent once, and the number is in no row, log or page."""
    number, content = "943 476 5919", b"The child's NHS number is 943 476 5919 (case LCS-123456)"
    full.world.write(system_actor(), set_case_pattern, organisation=COUNCIL, pattern="LCS-######")
    nothing = ("", b"", "application/octet-stream")
    file = ("case.txt", content, "text/plain")
    asked = attach(full, file=file, description="Words to keep")
    page = read(asked.text)
    assert (asked.status_code, page.problems()) == (409, [])
    assert "It holds what looks like an NHS number" in page.text
    assert "A case number" in page.text
    assert "Words to keep" in page.text
    assert full.seen("completed").evidence == ()
    note = {"held_file": page.value("held_file")}
    assert note["held_file"]
    assert len(list(full.app.state.storage.list_names())) == 1

    silent = attach(full, file=nothing, **note)
    assert (silent.status_code, read(silent.text).value("held_file")) == (422, note["held_file"])
    assert "Say whose personal data is in the file" in silent.text
    both = attach(full, file=nothing, personal_data=["none", "staff"], **note)
    assert both.status_code == 422
    for stolen in (
        attach(full, who="petra", file=nothing, personal_data="staff", **note),  # another person
        attach(full, file=nothing, name="overdue", personal_data="staff", **note),  # another milestone
        attach(full, file=nothing, personal_data="staff", held_file=note["held_file"][:-1] + "x"),
    ):
        assert stolen.status_code == 422
        assert "Choose a file" in stolen.text
    assert attach(full, file=nothing, personal_data=["service_user", "special_category"], **note).status_code == 303

    item = full.seen("completed").evidence[0]
    assert (item.file_name, item.size, item.personal_data) == (
        "case.txt",
        len(content),
        ("service_user", "special_category"),
    )
    assert full.browser("petra").get(f"/evidence/{item.id}/content").content == content
    shown = read(full.browser("petra").get(f"/evidence/{item.id}").text).text
    assert "An NHS number" in shown
    assert "Its text was searched for personal data" in shown
    assert "NHS number" not in full.browser("nat").get(f"/evidence/{item.id}").text  # may not open the file

    # Nothing personal after all: whoever has seen what was found may say so; and another file takes the place of it.
    file = ("case.txt", content + b" again", "text/plain")
    note = {"held_file": read(attach(full, file=file).text).value("held_file")}
    assert attach(full, file=nothing, personal_data="none", **note).status_code == 303
    assert attach(full, file=("other.txt", b"Nobody's", "text/plain"), **note).status_code == 303
    assert [one.file_name for one in full.seen("completed").evidence] == ["other.txt", "case.txt", "case.txt"]

    full.world.clock.forward(hours=13)
    assert "Choose a file" in attach(full, file=nothing, personal_data="staff", **note).text
    completion = {
        "narrative": "Done",
        "completed_date-day": "1",
        "completed_date-month": "3",
        "completed_date-year": "2026",
    }
    asked = full.browser("connie").post(full.path("overdue", "completion"), data=completion, files={"file": file})
    assert asked.status_code == 409
    note = {"held_file": read(asked.text).value("held_file"), "personal_data": "staff"}
    done = full.browser("connie").post(
        full.path("overdue", "completion"), data={**completion, **note}, files={"file": nothing}
    )
    assert (done.status_code, full.seen("overdue").evidence[0].personal_data) == (303, ("staff",))

    with full.world.database.reader.connect() as connection:
        rows = [
            repr(connection.exec_driver_sql(f"SELECT * FROM {table}").all())
            for (table,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
    said = capfd.readouterr()
    for text in (*rows, said.out, said.err, asked.text, shown):
        assert number not in text
        assert "9434765919" not in text
        assert "LCS-123456" not in text


def test_a_newer_version_waits_beside_the_one_that_counts_and_then_supersedes_it(full: Kept) -> None:
    said: dict[str, Any] = {"personal_data": ["staff"], "external_ref": "HR/7", "period_from-day": "1",
            "period_from-month": "1", "period_from-year": "2026", "period_to-day": "31", "period_to-month": "1",
            "period_to-year": "2026"}  # fmt: skip
    attach(full, **said)
    first = full.seen("completed").evidence[0]
    browser, address = full.browser("connie"), f"/evidence/{first.id}"
    page = read(browser.get(address).text)
    assert "1 January 2026 to 31 January 2026" in page.text
    assert "HR/7" in page.text
    form = browser.get(f"{address}/versions/new")
    assert 'value="Register"' in form.text
    assert f"{first.ref} goes on counting for" in read(form.text).text

    wrong = browser.post(f"{address}/versions", data={"title": ""}, files={"file": ("", b"", "")})
    assert wrong.status_code == 422
    assert "Choose the newer file" in read(wrong.text).text
    same = browser.post(
        f"{address}/versions", data={"title": "Register"}, files={"file": ("r.txt", NAMES, "text/plain")}
    )
    assert same.status_code == 409
    assert f"This is the same file as {first.ref}" in read(same.text).text
    assert f"This is the same file as {first.ref}" in read(attach(full).text).text
    newer = {"file": ("register.txt", b"53 names, all present", "text/plain")}
    answer = browser.post(f"{address}/versions", data={"title": "Register, again"}, files=newer)

    second = full.seen("completed").evidence[0]
    assert (answer.status_code, answer.headers["location"]) == (303, f"/evidence/{second.id}")
    log = read(browser.get(full.path("completed")).text).text
    assert f"1 other version: {first.ref} counts meanwhile" in log
    assert f"{second.ref} is a newer version of this. It waits for review." in log
    assert "This one stays in force" in read(browser.get(address).text).text
    full.world.accepted(full.there["completed"], second)
    older = read(browser.get(address).text).text
    assert "It has been accepted: this one counts no more." in older
    assert "Superseded" in older
    assert browser.get(f"{address}/versions/new").status_code == 403
    csv = full.browser("petra").get(full.path("completed", "evidence.csv")).text
    assert "Personal data declared" in csv
    assert "HR/7" in csv


def test_a_redaction_and_a_disposal_are_proposed_and_decided_on_pages(full: Kept) -> None:
    attach(full, description="Jo Bloggs was there")
    item, records = full.seen("completed").evidence[0], f"/plans/{full.world.plan}/records"
    petra, sam = full.browser("petra"), full.browser("sam")
    trail = read(petra.get(f"/plans/{full.world.plan}/audit-events").text)
    (link,) = [one for one in trail.links() if "kind=redaction" in one and "Jo Bloggs" in petra.get(one).text]
    asked = {"kind": "redaction", "text": link.rpartition("=")[2]}
    assert petra.post(records, data=asked).status_code == 422
    made = petra.post(records, data={**asked, "reason": "It names somebody"})
    assert made.status_code == 303
    address = f"{records}/{made.headers['location'].rpartition('#')[2]}/decision"
    assert petra.get(address).status_code == 403
    assert "Jo Bloggs" in sam.get(address).text
    assert sam.post(address, data={"reason": "Agreed"}).status_code == 422
    assert sam.post(address, data={"reason": "Agreed", "outcome": "approved"}).status_code == 303
    for page in (f"/evidence/{item.id}", f"/plans/{full.world.plan}/audit-events", records, full.path("completed")):
        assert "Jo Bloggs" not in petra.get(page).text
    assert "[redacted]" in petra.get(f"/evidence/{item.id}").text

    assert petra.post(f"/evidence/{item.id}/retention", data={"retention": "working"}).status_code == 303
    disposal = {"kind": "disposal", "evidence": item.id, "reason": "Its time is over"}
    refused = petra.post(records, data=disposal)
    assert (refused.status_code, "It is kept until" in refused.text) == (409, True)
    full.world.clock.forward(days=4 * 366)
    petra, sam = full.browser("petra"), full.browser("sam")
    made = petra.post(records, data=disposal)
    address = f"{records}/{made.headers['location'].rpartition('#')[2]}/decision"
    assert sam.post(address, data={"reason": "Agreed", "outcome": "approved"}).status_code == 303
    gone = petra.get(f"/evidence/{item.id}/content")
    assert (gone.status_code, "disposed of" in gone.text) == (410, True)
    assert str(item.sha256) in petra.get(f"/evidence/{item.id}").text
    assert list(full.app.state.storage.list_names()) == []
