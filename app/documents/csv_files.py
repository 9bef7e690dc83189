"""Tables as CSV that a spreadsheet opens as it stands: UTF-8 with a byte order mark, CRLF, a piece at a time.

A cell that a spreadsheet would take for a formula is made text: what somebody typed here must not run there.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from app.domain.days import LONDON

Cell = str | int | date | datetime | Sequence[str] | None
"""Text, a number, a day, a moment (printed in London time), several texts in one cell, or nothing."""

MEDIA_TYPE = "text/csv; charset=utf-8"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # spreadsheets take the wide ones for the same
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def pieces(header: Sequence[str], batches: Iterable[Iterable[Sequence[Cell]]]) -> Iterator[bytes]:
    """The file in pieces: the header, then a piece for each batch of rows. No more than a batch is held at once."""
    yield _BYTE_ORDER_MARK + _written([header])
    for batch in batches:
        yield piece(batch)


def piece(rows: Iterable[Sequence[Cell]]) -> bytes:
    """Some rows of the file, as they stand in it."""
    return _written([[printed(cell) for cell in row] for row in rows])


def printed(cell: Cell) -> str:
    """A cell as text: days YYYY-MM-DD, moments to the minute, several texts joined, text that is never a formula."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.astimezone(LONDON).strftime("%Y-%m-%d %H:%M")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, int):
        return str(cell)
    return _neutral(cell if isinstance(cell, str) else "; ".join(cell))


def _neutral(text: str) -> str:
    """With an apostrophe before what would begin a formula. A number is none, a negative one included."""
    if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def _written(rows: Iterable[Sequence[str]]) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\r\n").writerows(rows)
    return file.getvalue().encode("utf-8", "replace")
