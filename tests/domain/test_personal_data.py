"""What looks like personal data, and what does not."""

from __future__ import annotations

from datetime import date
from time import perf_counter

import pytest

from app.domain import personal_data as rules
from app.domain.personal_data import Finding, Found, Looked, Search, Terms, Why, find

TERMS = Terms(("LCS-######", "@@####/##"), date(2026, 11, 22))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("NHS number 943 476 5919.", {Found.NHS_NUMBER: 1}),
        ("9434765919, 943-476-5919", {Found.NHS_NUMBER: 2}),
        ("9434765918", {}),  # its last digit does not check
        ("1111111111 020 7946 0000 0.9434765919 19434765919 ab9434765919", {}),
        ("ISBN 0-306-40615-2, ISBN: 0306406152", {}),  # a book's number checks in the same way
        ("AB 12 34 56 C and ab123456d", {Found.NATIONAL_INSURANCE_NUMBER: 2}),
        ("GB123456A AB123456E DA123456A ABC123456A", {}),
        ("DOB: 12/03/2001", {Found.DATE_OF_BIRTH: 1}),
        ("Date of birth of the child:\n12 March 2001", {Found.DATE_OF_BIRTH: 1}),
        ("born on 3rd May 2019; d.o.b. 01.02.98", {Found.DATE_OF_BIRTH: 2}),
        ("John Smith (12/03/2001), Smith, Jane 2004-12-31", {Found.DATE_OF_BIRTH: 2}),
        ("Name,DOB\nJoe Bloggs,01/02/2003\nAnn Other,2004-02-01\n", {Found.DATE_OF_BIRTH: 2}),
        # A signature, a meeting, a day that is none.
        ("Jane Brown, 12/11/2026. Safeguarding Board 12/03/2009. DOB: 45/13/2001.", {}),
        ("lcs-123456, LCS-1234567, XLCS-123456, AB1234/09", {Found.CASE_NUMBER: 2}),
    ],
)
def test_what_is_found(text: str, found: dict[Found, int]) -> None:
    assert find(text, TERMS) == found


def test_no_text_makes_a_search_slow() -> None:
    started = perf_counter()
    for piece in ("A", "Ab ", "9", "9 ", "born ", "A'", "1/1/", "\t", "LCS-", "Date of birth\t", "Ann Other, "):
        find(piece * (50_000 // len(piece)), TERMS)
    assert perf_counter() - started < 3


@pytest.mark.parametrize("pattern", ["LCS-######", "@@####/##", "######", "A###"])
def test_a_pattern_says_how_case_numbers_are_written(pattern: str) -> None:
    assert rules.pattern_fits(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["####", "LCS-1", "@@@@@@", "(a+)+$", ".*###", "A###|B", "[0-9]###", "###\n###A", " A###", "A" + "#" * 40, ""],
)
def test_a_pattern_can_say_nothing_that_is_slow_or_means_everything(pattern: str) -> None:
    assert not rules.pattern_fits(pattern)
    assert find("anything 1234", Terms((pattern,), TERMS.on)) == {}


def test_what_was_found_is_declared_before_it_is_taken() -> None:
    found = Search(
        Looked.SEARCHED, pages=30, findings=tuple(Finding(Found.NHS_NUMBER, 2, page) for page in range(1, 31))
    )
    reasons = rules.undeclared(found, ["none"], looked_at=False)
    assert len(reasons) == 21
    assert reasons[0].code == "personal_data_found"
    assert reasons[0].message == "It holds what looks like 2 NHS numbers on page 1"
    assert reasons[-1].extra == {"kind": "nhs_number", "count": 20, "page": None}  # the ten pages that are not named
    assert rules.undeclared(found, [], looked_at=True)
    assert rules.undeclared(found, ["none"], looked_at=True) == []
    assert rules.undeclared(found, ["service_user"], looked_at=False) == []
    assert rules.undeclared(Search(Looked.SEARCHED), [], looked_at=False) == []
    assert rules.search_from_text(found.as_text()) == found
    two = Search(Looked.SEARCHED, findings=(Finding(Found.NHS_NUMBER, 1, 2), Finding(Found.NHS_NUMBER, 2, 4)))
    assert rules.lines(two) == ["3 NHS numbers, on pages 2 and 4"]


@pytest.mark.parametrize(
    ("search", "sentence"),
    [
        (Search(Looked.SEARCHED), "Its text was searched for personal data"),
        (rules.NOT_OF_A_KIND_READ, "Not searched for personal data: files of this kind are not read"),
        (Search(Looked.IN_PART, Why.PAGES, 200), "The first 200 slides were searched for personal data"),
        (Search(Looked.IN_PART, Why.TIME, 1), "The first slide alone was searched for personal data"),
        (Search(Looked.IN_PART, Why.LENGTH), "The beginning of its text was searched for personal data"),
        (
            Search(Looked.IN_PART, Why.ATTACHMENTS),
            "The message was searched for personal data; what is attached to it was not",
        ),
    ],
)
def test_how_far_a_search_got_is_said(search: Search, sentence: str) -> None:
    assert rules.how_far(search, "slide") == sentence
