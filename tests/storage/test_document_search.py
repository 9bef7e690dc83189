"""Files are searched page by page in a process of their own, and none can take more than that process may."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import date

import pytest

from app import document_search
from app.document_search import search_file
from app.domain.personal_data import Finding, Found, Looked, Search, Terms, Why
from tests.storage.samples import MAIL, every_accepted_kind, odf, ooxml, zip_of

NUMBER = "943 476 5919"
TERMS = Terms(("LCS-######",), date(2026, 11, 22))


def search(kind: str, content: bytes) -> Search:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return search_file(file, kind, TERMS)


def pdf(texts: Iterable[str]) -> bytes:
    """A PDF with these texts, one a page."""
    listed = list(texts)
    kids = b" ".join(b"%d 0 R" % (4 + 2 * number) for number in range(len(listed)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Resources<</Font<</F 3 0 R>>>>/Kids[%s]/Count %d>>" % (kids, len(listed)),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for number, text in enumerate(listed):
        shown = b"BT /F 12 Tf 50 800 Td (%s) Tj ET" % text.encode()
        objects.append(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R>>" % (5 + 2 * number))
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(shown), shown))
    written, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, start=1):
        places.append(len(written))
        written += b"%d 0 obj" % number + content + b"endobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(written))
    return bytes(written) + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + end


WORD = (
    b"<w:document xmlns:w='w'><w:p><w:r><w:t>First</w:t></w:r></w:p><w:p><w:r><w:lastRenderedPageBreak/>"
    b"<w:t>It is 943 476 </w:t></w:r><w:r><w:t>5919</w:t></w:r></w:p></w:document>"
)
SHEET = (
    b"<worksheet><sheetData><row><c t='s'><v>0</v></c><c t='inlineStr'><is><t>Date of birth</t></is></c></row>"
    b"<row><c t='s'><v>1</v></c><c s='1'><v>36962</v></c></row><row><c><v>9434765919</v></c></row>"
    b"</sheetData></worksheet>"
)
SHARED = b"<sst><si><t>Name</t></si><si><t>Ann</t><t> Other</t></si></sst>"
STYLES = b"<styleSheet><cellXfs><xf numFmtId='0'/><xf numFmtId='14'/></cellXfs></styleSheet>"
SLIDE = f"<p:sld xmlns:p='p' xmlns:a='a'><a:p><a:r><a:t>{NUMBER}</a:t></a:r></a:p></p:sld>".encode()


def open_document(body: str) -> bytes:
    spaces = "xmlns:text='t' xmlns:table='b' xmlns:draw='d' xmlns:office='o'"
    return f"<office:document-content {spaces}>{body}</office:document-content>".encode()


def test_every_kind_that_is_read_says_on_which_page() -> None:
    one = Found.NHS_NUMBER
    cell = f"<table:table-cell><text:p>{NUMBER}</text:p></table:table-cell>"
    row = f"<table:table><table:table-row>{cell}</table:table-row></table:table>"
    content = {
        "pdf": (pdf(["Nothing", f"NHS {NUMBER}"]), 2),
        "docx": (ooxml("docx", more={"word/document.xml": WORD}), 2),
        "pptx": (ooxml("pptx", more={"ppt/slides/slide3.xml": SLIDE}), 3),
        "odt": (odf("odt", more={"content.xml": open_document(
            f"<text:p>One</text:p><text:p><text:soft-page-break/>{NUMBER}</text:p>")}), 2),
        "ods": (odf("ods", more={"content.xml": open_document("<table:table/>" + row)}), 2),
        "odp": (odf("odp", more={"content.xml": open_document(
            f"<draw:page/><draw:page><text:p>{NUMBER}</text:p></draw:page>")}), 2),
        "csv": (f"a,{NUMBER}\n".encode(), None),
        "txt": (NUMBER.encode("utf-16"), None),
        "eml": (MAIL + NUMBER.encode(), None),
    }  # fmt: skip
    for kind, (file, page) in content.items():
        found = search(kind, file)
        assert found.findings == (Finding(one, 1, page),), kind
        assert found.state is Looked.SEARCHED, kind
    book = ooxml("xlsx", more={
        "xl/worksheets/sheet2.xml": SHEET, "xl/sharedStrings.xml": SHARED, "xl/styles.xml": STYLES,
    })  # fmt: skip
    assert search("xlsx", book).findings == (Finding(one, 1, 2), Finding(Found.DATE_OF_BIRTH, 1, 2))
    unread = {name: search(name.rpartition(".")[2], file) for name, file in every_accepted_kind().items()
              if name.rpartition(".")[2] in ("png", "doc", "xls", "ppt", "msg")}  # fmt: skip
    assert len(unread) == 5
    assert all(found == Search(Looked.NOT_SEARCHED, Why.KIND) for found in unread.values())


def test_a_file_made_to_exhaust_whoever_reads_it_costs_a_few_seconds_of_one_process() -> None:
    """Ten thousand pages, a zip bomb, entities that expand, a page tree in a circle, endless text, a broken file."""
    many = search("pdf", pdf([NUMBER] * 10_000))
    assert (many.state, many.why, many.pages, len(many.findings)) == (Looked.IN_PART, Why.PAGES, 200, 200)
    bomb = b"<w:document xmlns:w='w'>" + (b"<!--" + b"A" * 9_993 + b"-->") * 7_000 + b"</w:document>"
    assert search("docx", ooxml("docx", more={"word/document.xml": bomb})).why is Why.UNPACKED
    laughs = b"<!DOCTYPE a [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><w:document xmlns:w='w'><w:t>&b;</w:t></w:document>"
    assert search("docx", ooxml("docx", more={"word/document.xml": laughs})) == Search(Looked.NOT_SEARCHED, Why.DAMAGED)
    circle = pdf(["x"]).replace(b"/Kids[4 0 R]", b"/Kids[2 0 R]")
    assert search("pdf", circle).why is Why.DAMAGED
    endless = search("csv", (f"x,{NUMBER},y\n" * 150_000).encode())
    assert (endless.state, endless.why) == (Looked.IN_PART, Why.LENGTH)
    assert search("pdf", b"%PDF-1.7\n" + os.urandom(50_000)).why is Why.DAMAGED
    assert search("xlsx", zip_of({"xl/worksheets/sheet1.xml": b"<a"})).why is Why.DAMAGED


def test_what_will_not_end_is_ended_and_what_it_had_searched_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits are the child's own, set before it opens the file: they hold in a parser that never comes back."""

    def limited(code: str) -> subprocess.Popen[bytes]:
        before = "from app import document_search as d; d.CPU_SECONDS = 1; d.WALL_SECONDS = 1.5; d._limit_itself()\n"
        return subprocess.Popen([sys.executable, "-c", before + code], stderr=subprocess.PIPE)

    busy, asleep, large = (
        limited("while True: pass"), limited("import time; time.sleep(60)"), limited("bytearray(600_000_000)")
    )  # fmt: skip
    assert b"MemoryError" in large.communicate(timeout=20)[1]
    busy.communicate(timeout=20)
    asleep.communicate(timeout=20)
    assert (busy.returncode < 0, asleep.returncode) == (True, -signal.SIGALRM)
    monkeypatch.setattr(document_search, "_lines", lambda _: ['["page",1,true,{"nhs_number":2}]'])
    assert search("txt", b"x") == Search(Looked.IN_PART, Why.TIME, 1, (Finding(Found.NHS_NUMBER, 2, 1),))
    monkeypatch.undo()
    document_search._worker._process.kill()  # type: ignore[union-attr]
    assert search("txt", NUMBER.encode()).state is Looked.SEARCHED  # another worker stands ready
