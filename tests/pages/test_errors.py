"""What pages answer instead: the right status, plain words, a way on, and nothing of the inside."""

from __future__ import annotations

import pytest
from fastapi import HTTPException
from starlette.requests import Request

from app.domain.refusals import (
    Forbidden,
    Malformed,
    NotFound,
    RateLimited,
    Reason,
    Refused,
    Stale,
    TooLarge,
    Unavailable,
    UnsupportedContent,
    VersionRequired,
    WaymarkError,
    invalid,
)
from app.pages import errors
from tests.pages.conftest import HTMX, Kept
from tests.pages.markup import read

PLAN = "/plans/safeguarding-plan"


def request_for(path: str = "/plans", method: str = "GET", **headers: str) -> Request:
    raw = [(name.lower().replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": raw, "state": {}}
    return Request(scope)


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (Malformed("The form cannot be read"), 400, "This request cannot be read"),
        (Forbidden("It takes a senior officer"), 403, "It takes a senior officer."),
        (NotFound(), 404, "Page not found"),
        (HTTPException(404), 404, "Page not found"),
        (HTTPException(405), 405, "does not take that"),
        (Refused([Reason("x", "The plan is closed")], title="Not closed"), 409, "The plan is closed"),
        (Stale(), 412, "Somebody else changed this"),
        (TooLarge("One file may have 50 MB"), 413, "too large"),
        (UnsupportedContent("Send a PDF"), 415, "Send a PDF."),
        (invalid("on", "x", "The day must be a date"), 422, "The day must be a date"),
        (VersionRequired(), 428, "Reload the page first"),
        (RateLimited("Wait", retry_after=30), 429, "Too many tries"),
        (Unavailable("The disk is full", retry_after=9), 503, "The disk is full."),
        (WaymarkError(), 500, "Sorry, something went wrong"),
        (RuntimeError("secret inside"), 500, "Sorry, something went wrong"),
    ],
)
def test_every_error_has_its_status_and_plain_words(error: Exception, status: int, words: str) -> None:
    answer = errors.answer(request_for(), error)
    page = read(bytes(answer.body).decode())
    assert answer.status_code == status
    assert page.problems() == []
    assert words in page.text
    assert "secret inside" not in page.text
    assert "/" in page.links()


@pytest.mark.parametrize(("error", "seconds"), [(RateLimited(retry_after=30), "30"), (Unavailable(retry_after=9), "9")])
def test_waiting_says_for_how_long(error: Exception, seconds: str) -> None:
    assert errors.answer(request_for(), error).headers["retry-after"] == seconds


def test_an_unknown_address_and_method_on_the_real_application(full: Kept) -> None:
    browser = full.browser("petra")
    for address in ("/nothing", f"{PLAN}/milestones/M-999", "/plans/unknown", "/plans/other-plan", "/evidence/unknown",
                    "/milestones/unknown", f"{PLAN}/milestones/M-999/edit"):  # fmt: skip
        answer = browser.get(address)
        assert answer.status_code == 404, address
        assert read(answer.text).problems() == []
    answer = browser.delete("/plans")
    assert answer.status_code == 405
    assert "allow" in answer.headers


def test_a_fault_is_500_without_its_inside_and_with_a_reference(full: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.pages import plans

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(plans, "plan_home", broken)
    answer = full.browser("petra").get(PLAN)
    assert answer.status_code == 500
    assert "the inside" not in answer.text
    assert answer.headers["x-request-id"] in answer.text


def test_with_htmx_an_error_takes_the_place_of_the_page(full: Kept) -> None:
    answer = full.browser("petra").get(f"{PLAN}/exceptions?on=never", headers=HTMX)
    assert answer.status_code == 422
    assert answer.headers["hx-retarget"] == "#main-content"
    assert answer.headers["hx-reselect"] == "#main-content"


def test_with_htmx_a_lost_session_leads_to_sign_in(full: Kept) -> None:
    answer = full.stranger().get(f"{PLAN}/exceptions", headers=HTMX)
    assert answer.status_code == 204
    assert answer.headers["hx-redirect"].startswith("/sign-in")


def test_an_error_keeps_the_name_of_who_is_signed_in(full: Kept) -> None:
    assert "Programme Manager" in full.browser("petra").get("/plans/unknown").text
