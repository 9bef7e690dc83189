"""CSV files: what a spreadsheet makes of them, and what it must not."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from app.documents.csv_files import pieces, printed


@pytest.mark.parametrize("text", ["=1+1", "+44 20", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1"])
def test_what_would_be_a_formula_becomes_text(text: str) -> None:
    assert printed(text) == f"'{text}"


@pytest.mark.parametrize(("cell", "words"), [(-12, "-12"), ("-12", "-12"), ("-1.5", "-1.5"), (0, "0"), (7, "7")])
def test_a_number_stays_a_number(cell: Any, words: str) -> None:
    assert printed(cell) == words


def test_several_texts_share_a_cell_and_the_first_is_no_formula_either() -> None:
    assert printed(["Overdue by 3 days", "=1"]) == "Overdue by 3 days; =1"
    assert printed(["=1", "Overdue"]) == "'=1; Overdue"


def test_days_are_iso_and_moments_are_those_of_london() -> None:
    assert printed(date(2026, 3, 2)) == "2026-03-02"
    assert printed(datetime(2026, 7, 1, 23, 30, tzinfo=UTC)) == "2026-07-02 00:30"
    assert printed(None) == ""


def test_the_file_begins_with_a_byte_order_mark_and_reads_back_as_it_was() -> None:
    rows = [["Café, “Rose”", "two\nlines", 'a "quoted" word'], ["", "plain", "semi;colon"]]
    written = b"".join(pieces(["A", "B", "C"], [rows]))
    assert written.startswith(b"\xef\xbb\xbfA,B,C\r\n")
    assert list(csv.reader(io.StringIO(written.decode("utf-8-sig"), newline=""))) == [["A", "B", "C"], *rows]


def test_a_batch_is_written_before_the_next_is_read() -> None:
    read = []

    def batches() -> Iterator[list[list[str]]]:
        for number in range(3):
            read.append(number)
            yield [[str(number)]]

    given = pieces(["Number"], batches())
    next(given)
    assert read == []
    next(given)
    assert read == [0]
