"""The text of a document, page by page, within a budget: for the search for personal data.

Read are pdf, docx, xlsx, pptx, odt, ods, odp, csv, txt and eml. Not read are pictures, the old Office formats and
msg. This runs in a child process (app/document_search.py), because a document may be made to exhaust whoever reads it:
every loop here takes from the budget, and what the budget cannot stop the child's own limits do.
"""

import codecs
import email
import email.policy
import re
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from io import BytesIO
from typing import Any, BinaryIO
from xml.sax import SAXException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml import sax as safe_sax
from pypdf import PageObject, PdfReader
from pypdf.errors import PyPdfError
from pypdf.generic import DictionaryObject, NameObject

from app.domain.personal_data import MAX_CHARACTERS, MAX_PAGES, Why

MAX_UNPACKED_BYTES = 64_000_000
MAX_MAIL_BYTES = 10_000_000
SECONDS = 5.0

_PIECE = 1 << 16
_MAX_SHARED = 500_000
_BLOCK = 200_000

Page = tuple[int | None, str]
"""A page, sheet or slide by its number, or None where there are none, and its text or a part of it."""


class Stop(Exception):
    """Reading ends here: the budget is spent, or the document cannot be read on."""

    def __init__(self, why: Why) -> None:
        self.why = why
        super().__init__(why)


class Budget:
    """What one document may take. Each method takes from it, and raises Stop when there is no more."""

    def __init__(self, *, seconds: float = SECONDS, characters: int = MAX_CHARACTERS) -> None:
        self._until = time.monotonic() + seconds
        self._characters = characters
        self._unpacked = MAX_UNPACKED_BYTES

    def page(self, number: int) -> None:
        if number > MAX_PAGES:
            raise Stop(Why.PAGES)
        self.time()

    def time(self) -> None:
        if time.monotonic() > self._until:
            raise Stop(Why.TIME)

    def text(self, text: str) -> str:
        """The text, cut where the budget ends; the next call raises."""
        self.time()
        if self._characters <= 0:
            raise Stop(Why.LENGTH)
        kept = text[: self._characters]
        self._characters -= len(text)
        return kept

    def unpack(self, size: int) -> None:
        self._unpacked -= size
        if self._unpacked < 0:
            raise Stop(Why.UNPACKED)
        self.time()


def pages(handle: BinaryIO, kind: str, budget: Budget) -> Iterator[Page]:
    """The text of a document. Raises Stop where reading ends early; what came before is good."""
    handle.seek(0)
    try:
        yield from _READERS[kind](handle, budget)
    except (PyPdfError, SAXException, DefusedXmlException, zipfile.BadZipFile, zlib.error) as error:
        raise Stop(Why.DAMAGED) from error
    except (ValueError, LookupError, TypeError, AttributeError, OSError, EOFError, NotImplementedError) as error:
        # What libraries raise for a document that is not as it should be is without number.
        raise Stop(Why.DAMAGED) from error


# --- PDF --------------------------------------------------------------------------------------------------------------

_TAIL = 2048
_DEPTH = 50


def _pdf(handle: BinaryIO, budget: Budget) -> Iterator[Page]:
    size = handle.seek(0, 2)
    handle.seek(max(0, size - _TAIL))
    if b"startxref" not in handle.read():
        raise Stop(Why.DAMAGED)  # without it pypdf would read the whole file for what it may be
    document = PdfReader(handle, strict=False)
    if document.is_encrypted and not document.decrypt(""):
        raise Stop(Why.LOCKED)
    for number, page in enumerate(_pdf_pages(document, budget), start=1):
        budget.page(number)
        yield number, budget.text(page.extract_text())


def _pdf_pages(document: PdfReader, budget: Budget) -> Iterator[PageObject]:
    """A PDF's pages as they are asked for. `PdfReader.pages` looks at all of them before it gives the first, and a
    file may have tens of thousands. A tree in a circle is deeper than any.
    """
    root = document.root_object["/Pages"].get_object()
    above: list[tuple[Iterator[Any], Any]] = [(iter([root]), None)]
    while above:
        budget.time()
        siblings, resources = above[-1]
        node = next(siblings, None)
        if node is None:
            above.pop()
            continue
        found = node.get_object()
        if not isinstance(found, DictionaryObject):
            continue
        inherited = found.get("/Resources", resources)
        if "/Kids" not in found:
            page = PageObject(document)
            page.update(found)
            if inherited is not None:
                page[NameObject("/Resources")] = inherited
            yield page
        elif len(above) > _DEPTH:
            raise Stop(Why.DAMAGED)
        else:
            kids: Any = found["/Kids"].get_object()
            above.append((iter(kids), inherited))


# --- text and mail ----------------------------------------------------------------------------------------------------


def _plain(handle: BinaryIO, budget: Budget) -> Iterator[Page]:
    head = handle.read(2)
    encoding = "utf-16" if head in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else _encoding(handle)
    handle.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    left = ""
    while piece := handle.read(_PIECE):
        left += decoder.decode(piece)
        if len(left) > _BLOCK:
            cut = left.rfind("\n") + 1 or len(left)
            yield None, budget.text(left[:cut])
            left = left[cut:]
    yield None, budget.text(left)


def _encoding(handle: BinaryIO) -> str:
    """As app/file_types.py tells them apart: UTF-8, or else the old Western one."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    handle.seek(0)
    try:
        for _ in range(MAX_CHARACTERS // _PIECE + 1):
            decoder.decode(handle.read(_PIECE))
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


_TAG = re.compile(r"<[^<>]{0,2000}>")


def _mail(handle: BinaryIO, budget: Budget) -> Iterator[Page]:
    whole = handle.read(MAX_MAIL_BYTES + 1)
    message = email.message_from_bytes(whole[:MAX_MAIL_BYTES], policy=email.policy.default)
    yield None, budget.text("\n".join(str(message.get(name, "")) for name in ("From", "To", "Cc", "Subject")))
    attached = False
    for part in message.walk():
        budget.time()
        if part.is_multipart():
            continue
        if part.get_content_disposition() == "attachment" or part.get_content_maintype() != "text":
            attached = True
            continue
        text = part.get_payload(decode=True) or b""
        charset = part.get_content_charset() or "utf-8"
        said = text.decode(charset if _known(charset) else "utf-8", "replace") if isinstance(text, bytes) else ""
        yield None, budget.text(_TAG.sub(" ", said) if part.get_content_subtype() == "html" else said)
    if len(whole) > MAX_MAIL_BYTES:
        raise Stop(Why.LENGTH)
    if attached:
        raise Stop(Why.ATTACHMENTS)


def _known(charset: str) -> bool:
    try:
        codecs.lookup(charset)
    except LookupError:
        return False
    return True


# --- the parts of a zip ----------------------------------------------------------------------------------------------


def _parse(archive: zipfile.ZipFile, name: str, handler: ContentHandler, budget: Budget) -> None:
    """Reads one part through a parser that takes no document types and no entities, and holds nothing of it."""
    parser = safe_sax.make_parser()
    parser.forbid_dtd = True
    parser.setContentHandler(handler)
    with archive.open(name) as part:
        while piece := part.read(_PIECE):
            budget.unpack(len(piece))
            parser.feed(piece)
    parser.close()


class _Collector(ContentHandler):
    """Gathers text; `done` is called with each page that ends."""

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self.budget = budget
        self.text: list[str] = []

    def take(self, text: str) -> None:
        if text:
            self.text.append(self.budget.text(text))

    def taken(self) -> str:
        text = "".join(self.text)
        self.text.clear()
        return text


class _Word(_Collector):
    """The text of a WordprocessingML part, with the pages that Word last broke it into."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(budget)
        self.pages: list[str] = []
        self._reads = False

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: ARG002, N802 - as SAX calls it
        local = name.rpartition(":")[2]
        self._reads = local == "t"
        if local == "lastRenderedPageBreak":
            self.end_page()
        elif local in ("tab", "tc"):
            self.take("\t")
        elif local in ("br", "cr"):
            self.take("\n")

    def endElement(self, name: str) -> None:  # noqa: N802
        self._reads = False
        if name.rpartition(":")[2] in ("p", "tr"):
            self.take("\n")

    def characters(self, content: str) -> None:
        if self._reads:
            self.take(content)

    def end_page(self) -> None:
        self.budget.page(len(self.pages) + 1)
        self.pages.append(self.taken())


_WORD_PARTS = re.compile(r"word/(?:document|header\d*|footer\d*|footnotes|endnotes|comments)\.xml")


def _docx(handle: BinaryIO, budget: Budget) -> Iterator[Page]:
    with zipfile.ZipFile(handle) as archive:
        for name in sorted(archive.namelist()):
            if not _WORD_PARTS.fullmatch(name):
                continue
            reader = _Word(budget)
            stopped = _until_stopped(lambda name=name, reader=reader: _parse(archive, name, reader, budget))  # type: ignore[misc]
            yield from _numbered([*reader.pages, reader.taken()])
            if stopped is not None:
                raise stopped


def _until_stopped(read: Callable[[], None]) -> Stop | None:
    """What a parser had gathered when the budget ended is searched all the same."""
    try:
        read()
    except Stop as stop:
        return stop
    return None


def _numbered(texts: list[str]) -> Iterator[Page]:
    """Pages by their numbers, where the writer left page breaks; without any, nobody can say on which page."""
    for number, text in enumerate(texts, start=1):
        yield (number if len(texts) > 1 else None), text


class _Lines(_Collector):
    """The text of a presentation's slide: a line a paragraph."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(budget)
        self._reads = False

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: ARG002, N802
        self._reads = name.rpartition(":")[2] == "t"

    def endElement(self, name: str) -> None:  # noqa: N802
        self._reads = False
        local = name.rpartition(":")[2]
        if local == "p":
            self.take("\n")
        elif local == "tc":
            self.take("\t")

    def characters(self, content: str) -> None:
        if self._reads:
            self.take(content)


_SLIDE = re.compile(r"ppt/(?:slides/slide|notesSlides/notesSlide)(\d{1,6})\.xml")


def _pptx(handle: BinaryIO, budget: Budget) -> Iterator[Page]:
    with zipfile.ZipFile(handle) as archive:
        found = [(int(match[1]), match[0]) for name in archive.namelist() if (match := _SLIDE.fullmatch(name))]
        for number, name in sorted(found):
            budget.page(number)
            reader = _Lines(budget)
            stopped = _until_stopped(lambda name=name, reader=reader: _parse(archive, name, reader, budget))  # type: ignore[misc]
            yield number, reader.taken()
            if stopped is not None:
                raise stopped


# --- workbooks --------------------------------------------------------------------------------------------------------


class _Shared(_Collector):
    """The texts that cells refer to by number."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(budget)
        self.found: list[str] = []
        self._reads = False

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: ARG002, N802
        self._reads = name.rpartition(":")[2] == "t"

    def endElement(self, name: str) -> None:  # noqa: N802
        self._reads = False
        if name.rpartition(":")[2] == "si":
            self.found.append("".join(self.text))
            self.text.clear()
            if len(self.found) > _MAX_SHARED:
                raise Stop(Why.LENGTH)

    def characters(self, content: str) -> None:
        if self._reads:
            self.text.append(content)


class _Styles(ContentHandler):
    """Which cell styles show a number as a day."""

    _DAY_FORMATS = frozenset(range(14, 18)) | {22}

    def __init__(self) -> None:
        super().__init__()
        self.days: set[int] = set()
        self._formats = set(self._DAY_FORMATS)
        self._within = False
        self._number = 0

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802
        local = name.rpartition(":")[2]
        if local == "numFmt" and re.search("[dy]", re.sub(r'"[^"]*"|\[[^]]*\]', "", attrs.get("formatCode", "")), re.I):
            self._formats.add(int(attrs.get("numFmtId", "0")))
        elif local == "cellXfs":
            self._within = True
        elif local == "xf" and self._within:
            if int(attrs.get("numFmtId", "0")) in self._formats:
                self.days.add(self._number)
            self._number += 1

    def endElement(self, name: str) -> None:  # noqa: N802
        if name.rpartition(":")[2] == "cellXfs":
            self._within = False


class _Sheet(_Collector):
    """The cells of a sheet: a line a row, with tabs between."""

    def __init__(self, budget: Budget, shared: list[str], days: set[int]) -> None:
        super().__init__(budget)
        self._shared = shared
        self._days = days
        self._kind = self._style = ""
        self._value: list[str] = []
        self._reads = False

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802
        local = name.rpartition(":")[2]
        if local == "c":
            self._kind, self._style = attrs.get("t", "n"), attrs.get("s", "")
            self._value.clear()
        self._reads = local in ("v", "t")

    def endElement(self, name: str) -> None:  # noqa: N802
        self._reads = False
        local = name.rpartition(":")[2]
        if local == "c":
            self.take(self._shown("".join(self._value)) + "\t")
        elif local == "row":
            self.take("\n")

    def characters(self, content: str) -> None:
        if self._reads:
            self._value.append(content)

    def _shown(self, value: str) -> str:
        if self._kind == "s" and value.isdecimal() and int(value) < len(self._shared):
            return self._shared[int(value)]
        if self._kind == "n" and self._style.isdecimal() and int(self._style) in self._days:
            return _day(value)
        return value


def _day(serial: str) -> str:
    """The day that a workbook keeps as a number (ECMA-376 part 1, 18.17.4.1; the calendar that begins in 1900)."""
    try:
        return (date(1899, 12, 30) + timedelta(days=int(float(serial)))).strftime("%d/%m/%Y")
    except (ValueError, OverflowError):
        return serial


_SHEET = re.compile(r"xl/worksheets/sheet(\d{1,6})\.xml")


def _xlsx(handle: BinaryIO, budget: Budget) -> Iterator[Page]:
    with zipfile.ZipFile(handle) as archive:
        names = set(archive.namelist())
        shared, styles = _Shared(budget), _Styles()
        if "xl/styles.xml" in names:
            _parse(archive, "xl/styles.xml", styles, budget)
        if "xl/sharedStrings.xml" in names:
            _parse(archive, "xl/sharedStrings.xml", shared, budget)
        found = [(int(match[1]), match[0]) for name in names if (match := _SHEET.fullmatch(name))]
        for number, name in sorted(found):
            budget.page(number)
            reader = _Sheet(budget, shared.found, styles.days)
            stopped = _until_stopped(lambda name=name, reader=reader: _parse(archive, name, reader, budget))  # type: ignore[misc]
            yield number, reader.taken()
            if stopped is not None:
                raise stopped


# --- OpenDocument -----------------------------------------------------------------------------------------------------


class _Open(_Collector):
    """The text of an OpenDocument part. `divides`: the element that begins a page, sheet or slide."""

    def __init__(self, budget: Budget, divides: str) -> None:
        super().__init__(budget)
        self.pages: list[str] = []
        self._divides = divides
        self._depth = 0

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: ARG002, N802
        if name in ("text:p", "text:h"):
            self._depth += 1
        elif name == "text:tab":
            self.take("\t")
        elif name == "text:line-break":
            self.take("\n")
        elif name == "text:s":
            self.take(" ")
        elif name == self._divides:
            self.budget.page(len(self.pages) + 1)
            self.pages.append(self.taken())

    def endElement(self, name: str) -> None:  # noqa: N802
        if name in ("text:p", "text:h"):
            self._depth -= 1
            self.take("\n" if self._divides != "table:table" else " ")
        elif name == "table:table-cell":
            self.take("\t")
        elif name == "table:table-row":
            self.take("\n")

    def characters(self, content: str) -> None:
        if self._depth:
            self.take(content)


def _open_document(divides: str) -> Callable[[BinaryIO, Budget], Iterator[Page]]:
    def read(handle: BinaryIO, budget: Budget) -> Iterator[Page]:
        with zipfile.ZipFile(handle) as archive:
            for name in ("content.xml", "styles.xml"):
                if name not in archive.namelist():
                    continue
                reader = _Open(budget, divides)
                stopped = _until_stopped(lambda name=name, reader=reader: _parse(archive, name, reader, budget))  # type: ignore[misc]
                # What stands before the first sheet or slide is no page of its own.
                texts = [*reader.pages, reader.taken()]
                begun = texts if divides == "text:soft-page-break" else texts[1:]
                yield None, "" if begun is texts else texts[0]
                yield from _numbered(begun) if begun is texts else enumerate(begun, start=1)
                if stopped is not None:
                    raise stopped

    return read


_READERS: dict[str, Callable[[BinaryIO, Budget], Iterator[Page]]] = {
    "pdf": _pdf,
    "docx": _docx,
    "xlsx": _xlsx,
    "pptx": _pptx,
    "odt": _open_document("text:soft-page-break"),
    "ods": _open_document("table:table"),
    "odp": _open_document("draw:page"),
    "csv": _plain,
    "txt": _plain,
    "eml": _mail,
}


def warm_up() -> None:
    """Has done once what every document needs, so that a process forked from this one need not."""
    list(_plain(BytesIO(b"warm"), Budget()))
