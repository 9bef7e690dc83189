"""What a file is must agree with what it is called, and nothing that can run is taken."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile

import pytest

from app.domain.files import ACCEPTED, KINDS
from app.domain.refusals import UnsupportedContent
from app.file_types import check_content
from tests.storage import samples

ACCEPTED_FILES = samples.every_accepted_kind()


def check(file_name: str, content: bytes) -> str:
    return check_content(io.BytesIO(content), file_name=file_name)


def refusal(file_name: str, content: bytes) -> str:
    with pytest.raises(UnsupportedContent) as caught:
        check(file_name, content)
    assert caught.value.accepted == ACCEPTED
    assert "Accepted are pdf, docx" in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("file_name", ACCEPTED_FILES)
def test_a_file_that_is_what_its_name_says_is_taken_with_its_canonical_type(file_name):
    extension = file_name.rpartition(".")[2]
    (kind,) = [kind for kind in KINDS if extension in kind.extensions]

    assert check(file_name, ACCEPTED_FILES[file_name]) == kind.content_type


def test_the_samples_cover_every_accepted_extension():
    assert {name.rpartition(".")[2] for name in ACCEPTED_FILES} == {
        extension for kind in KINDS for extension in kind.extensions
    }


@pytest.mark.parametrize("claimed", ACCEPTED_FILES)
@pytest.mark.parametrize(
    "really",
    ["minutes.pdf", "rota.png", "photo.jpg", "photo.heic", "scan.tif", "office.docx", "office.xlsx", "open.odt",
     "open.ods", "old.doc", "old.xls", "old.msg"],
)  # fmt: skip
def test_a_file_named_as_another_kind_is_refused(claimed, really):
    same = {"photo.jpeg": "photo.jpg", "scan.tiff": "scan.tif"}
    if same.get(claimed, claimed) == really:
        assert check(claimed, ACCEPTED_FILES[really])
        return
    refusal(claimed, ACCEPTED_FILES[really])


@pytest.mark.parametrize(
    "content",
    [samples.EXE, samples.SEVEN_ZIP, samples.RAR, samples.GZIP, samples.GIF, samples.SVG, samples.HTML,
     samples.zip_of({"a.txt": b"hello"}), b"\x00" * 600, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000)],
    ids=["exe", "7z", "rar", "gz", "gif", "svg", "html", "zip", "zeros", "broken ole"],
)  # fmt: skip
@pytest.mark.parametrize("file_name", ACCEPTED_FILES)
def test_what_is_not_accepted_is_refused_under_every_accepted_name(file_name, content):
    refusal(file_name, content)


@pytest.mark.parametrize(
    "file_name",
    ["a.zip", "a.7z", "a.rar", "a.gz", "a.exe", "a.js", "a.html", "a.svg", "a.docm", "a.xlsm", "a.gif", "a.xml",
     "a.pdf.exe", "pdf", ".pdf", "a.", "a", "a.heif", "a.md", "a.rtf"],
)  # fmt: skip
def test_a_name_of_another_kind_is_refused_whatever_the_content(file_name):
    refusal(file_name, samples.PDF)


def test_the_refusal_says_what_the_content_looks_like():
    assert "looks like application/zip" in refusal("report.pdf", samples.zip_of({"a.txt": b"x"}))


# --- text ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    ["café\n".encode(), "\ufeffcafé\n".encode(), "café £3\n".encode("cp1252"), "café\n".encode("utf-16"),
     b"\xfe\xff" + "café\n".encode("utf-16-be"), b"MZ is how this sentence begins\n", b"BM,age\n1,2\n",
     b"x" * ((1 << 20) - 1) + "é".encode()],
    ids=["utf-8", "utf-8 bom", "cp1252", "utf-16", "utf-16 be", "begins like exe", "begins like bmp", "split letter"],
)  # fmt: skip
def test_text_in_its_usual_encodings_is_taken(content):
    assert check("a.txt", content) == "text/plain"
    assert check("a.csv", content) == "text/csv"


@pytest.mark.parametrize(
    "content",
    [b"abc\x00def", b"abc\x1b[31m", b"\x81\x8d undefined in cp1252", "a\x00b".encode("utf-16"),
     "abc".encode("utf-16") + b"\x00", b"a" * (1 << 20) + b"\x07", "abc".encode("utf-32")],
    ids=["nul", "escape", "no encoding", "utf-16 nul", "odd utf-16", "late control", "utf-32"],
)  # fmt: skip
def test_what_is_not_plain_text_is_refused(content):
    refusal("a.txt", content)


@pytest.mark.parametrize(
    "content",
    [samples.HTML, samples.SVG, b"\n\n  <html>", b"\xef\xbb\xbf<!doctype html>", b"<?xml version='1.0'?><svg/>",
     b"<script>1</script>", b"<ScRiPt\n>", b"<!-- x --><p>", b"#!/bin/sh\nrm -rf /\n", b"@echo off\r\ndel *\r\n",
     b"<?php echo 1;", b"<p>hello", b"{\\rtf1 hello}", b"%!PS-Adobe", "<html>".encode("utf-16"), b"<a href=x>", b"<b>"],
)  # fmt: skip
@pytest.mark.parametrize("file_name", ["a.txt", "a.csv", "a.eml"])
def test_markup_and_scripts_are_refused_also_when_they_are_called_text(file_name, content):
    refusal(file_name, content)


@pytest.mark.parametrize("content", [b"< 5 days\n", b"<5\n", b"# heading\n", b"<board> met\n", b"a < b <script>\n"])
def test_text_that_only_resembles_markup_is_taken(content):
    assert check("a.txt", content) == "text/plain"


@pytest.mark.parametrize(
    "content",
    [b"Dear all,\n\nplease find attached.\n", b"From: a@b.example\n\nnothing else", b"To: a\nSubject: b\n\nno sender",
     b" From: folded first\nTo: x\n\n", b"From: a\nnot a header\nTo: b\n\n"],
)  # fmt: skip
def test_an_eml_without_the_header_of_a_mail_is_refused(content):
    refusal("a.eml", content)


def test_a_mail_with_folded_headers_and_eight_bit_text_is_taken():
    content = b"Subject: a very\r\n long one\r\nFrom: a@b.example\r\nTo: c\r\n\r\nna\xefve \xa33\r\n"

    assert check("a.eml", content) == "message/rfc822"


# --- macros --------------------------------------------------------------------------------------------------------

VBA_TYPE = "application/vnd.ms-office.vbaProject"


@pytest.mark.parametrize(
    "content",
    [
        samples.ooxml("docx", more={"word/vbaProject.bin": b"x"}),
        samples.ooxml("docx", more={"word/VBAPROJECT.BIN": b"x"}),
        samples.ooxml("docx", more={"customXml/vbaProjectSignature.bin": b"x"}),
        samples.ooxml("docx", more={"word/vbaData.xml": b"x"}),
        samples.ooxml("docx", more={"word/harmless.bin": b"x"}, types={"word/harmless.bin": VBA_TYPE}),
        samples.ooxml("docx", more={"word/harmless.bin": b"x"}, defaults={"bin": VBA_TYPE}),
        samples.ooxml("docx", main_type="application/vnd.ms-word.document.macroEnabled.main+xml"),
        samples.ooxml("docx", more={"word/embeddings/sheet1.xlsm": b"x"}),
    ],
    ids=["part", "upper case", "signature", "data", "renamed", "renamed by extension", "main part", "embedded"],
)
def test_an_office_file_with_macros_is_refused(content):
    assert "macros" in refusal("a.docx", content)


def test_an_excel_file_with_macro_sheets_is_refused():
    assert "macros" in refusal("a.xlsx", samples.ooxml("xlsx", more={"xl/macrosheets/sheet1.xml": b"x"}))


@pytest.mark.parametrize("part", ["Basic/Standard/Module1.xml", "Scripts/python/a.py", "Object 1/Basic/script-lb.xml"])
def test_an_opendocument_file_with_basic_or_scripts_is_refused(part):
    assert "macros" in refusal("a.ods", samples.odf("ods", more={part: b"x"}))


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("doc", {"Macros": {"VBA": {"_VBA_PROJECT": b"", "dir": b""}}}),
        ("doc", {"ObjectPool": {"_1": {"VBA": {"x": b""}}}}),
        ("xls", {"_VBA_PROJECT_CUR": {"VBA": {"dir": b""}}}),
        ("xls", {"harmless": {"_vba_project": b""}}),
        ("msg", {"__attach_version1.0_#00000000": {"__substg1.0_3701000D": {"Macros": {"a": b""}}}}),
    ],
)
def test_an_old_office_file_with_macros_at_any_depth_is_refused(kind, more):
    assert "macros" in refusal(f"a.{kind}", samples.ole(kind, more=more))


def test_an_old_presentation_is_refused_for_the_macros_inside_its_one_stream():
    assert "macros" in refusal("a.ppt", samples.ppt_with_macros())
    assert check("a.ppt", samples.ppt_with_macros(has_macros=0)) == "application/vnd.ms-powerpoint"


def test_macros_that_no_storage_refers_to_are_found_all_the_same():
    content = bytearray(samples.ole("doc", more={"Macros": {"VBA": b""}}))
    for name in ("WordDocument", "\x05SummaryInformation"):
        at = content.index(name.encode("utf-16-le"))
        content[at + 68 : at + 76] = struct.pack("<LL", samples.NO_ENTRY, samples.NO_ENTRY)

    assert "macros" in refusal("a.doc", bytes(content))


def test_a_file_behind_a_password_is_refused_because_nobody_can_check_it():
    locked = samples.compound({"EncryptedPackage": b"", "EncryptionInfo": b""})

    assert "password" in refusal("a.docx", locked)
    assert "password" in refusal("a.doc", locked)
    assert "password" in refusal("a.odt", samples.odf("odt", more={"encrypted-package": b"x"}))


def test_an_encrypted_part_of_a_zip_is_refused():
    content = bytearray(samples.ooxml("docx"))
    at = content.rindex(b"PK\x01\x02")
    content[at + 8] |= 1

    assert "password" in refusal("a.docx", bytes(content))


@pytest.mark.parametrize("part", ["word/embeddings/setup.exe", "word/run.js", "word/a.vbs", "word/b.PS1"])
def test_a_program_inside_an_office_file_is_refused(part):
    assert "program" in refusal("a.docx", samples.ooxml("docx", more={part: b"x"}))


# --- hostile zips --------------------------------------------------------------------------------------------------


WITH_ENTITIES = samples.content_types(dict([samples.MAIN_PARTS["docx"]])).replace(
    b"<Types", b'<!DOCTYPE Types [<!ENTITY a "b">]><Types'
)


def test_an_office_file_whose_main_part_has_another_name_is_taken():
    part, kind = "word/document2.xml", samples.MAIN_PARTS["docx"][1]
    content = samples.zip_of({"[Content_Types].xml": samples.content_types({part: kind}), part: b"<document/>"})

    assert check("a.docx", content).endswith("wordprocessingml.document")


@pytest.mark.parametrize(
    "content",
    [
        samples.zip_of({"[Content_Types].xml": samples.content_types({}), "word/document.xml": b"x"}),
        samples.zip_of({"word/document.xml": b"x"}),
        samples.zip_of({"[Content_Types].xml": samples.content_types(dict([samples.MAIN_PARTS["docx"]]))}),
        samples.zip_of({"[Content_Types].xml": b"not xml", "word/document.xml": b"x"}),
        samples.zip_of({"[Content_Types].xml": b"", "word/document.xml": b"x"}),
        samples.zip_of({"[Content_Types].xml": WITH_ENTITIES, "word/document.xml": b"x"}),
    ],
    ids=["no main type", "no table", "main part missing", "table is no xml", "table is empty", "entities"],
)  # fmt: skip
def test_a_zip_that_only_pretends_to_be_a_word_file_is_refused(content):
    refusal("a.docx", content)


def test_an_opendocument_file_needs_its_type_first_and_plain_and_its_main_parts():
    mimetype = samples.ODF_TYPES["odt"].encode()
    parts = {"content.xml": b"x", "META-INF/manifest.xml": b"x"}

    refusal("a.odt", samples.zip_of({"mimetype": mimetype, **parts}))
    refusal("a.odt", samples.zip_of({**parts, "mimetype": mimetype}, stored=("content.xml", "mimetype")))
    refusal("a.odt", samples.zip_of({"mimetype": mimetype, "content.xml": b"x"}, stored=("mimetype",)))
    refusal("a.odt", samples.zip_of({"mimetype": mimetype + b"-template", **parts}, stored=("mimetype",)))


def test_two_parts_of_one_name_are_refused_because_programs_read_different_ones():
    buffer = io.BytesIO(samples.ooxml("docx"))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("word/document.xml", b"<other/>")

    refusal("a.docx", buffer.getvalue())


def test_a_zip_behind_something_else_is_refused():
    refusal("a.docx", samples.EXE + samples.ooxml("docx"))
    refusal("a.docx", samples.ooxml("docx") + b"and more behind it")


def test_a_package_written_in_the_64_bit_form_is_taken():
    content = samples.ooxml("xlsx")
    end = content.rindex(b"PK\x05\x06")
    *_, parts, length, offset, _ = struct.unpack_from("<4s4H2LH", content, end)
    wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, parts, parts, length, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)

    assert check("a.xlsx", content[:end] + wide + locator + content[end:]).endswith("spreadsheetml.sheet")
    elsewhere = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    refusal("a.xlsx", content[:end] + wide + elsewhere + content[end:])
    refusal("a.xlsx", content[:end] + locator + content[end:])


def test_a_table_of_contents_too_long_to_hold_is_refused_without_being_read():
    many = samples.zip_of({f"word/{number}.xml": b"" for number in range(30_000)})
    tracemalloc.start()
    try:
        refusal("a.docx", many)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 2_000_000


def test_a_package_that_says_it_unpacks_to_more_than_a_gigabyte_is_refused():
    content = bytearray(samples.ooxml("docx"))
    at = content.rindex(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<L", 1_000_000_001)

    assert "unpacks" in refusal("a.docx", bytes(content))


def test_a_small_part_that_would_unpack_without_end_is_read_only_to_its_limit():
    bomb = samples.zip_of({"[Content_Types].xml": b" " * 300_000_000, "word/document.xml": b"x"})
    tracemalloc.start()
    try:
        assert "damaged" in refusal("a.docx", bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 8_000_000


# --- hostile compound files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sector", [0, 5_000, 0xFFFFFFF0])
def test_a_compound_file_whose_directory_runs_in_a_circle_or_away_is_refused(sector):
    content = bytearray(samples.ole("doc") + bytes(1 << 20))
    (fat,) = struct.unpack_from("<L", content, 76)
    content[(fat + 1) * 512 : (fat + 1) * 512 + 4] = struct.pack("<L", sector)

    refusal("a.doc", bytes(content))


def test_a_compound_file_whose_table_of_tables_runs_in_a_circle_is_refused():
    content = bytearray(samples.ole("doc"))
    content[68:72] = struct.pack("<L", 0)
    content[512 + 508 : 512 + 512] = struct.pack("<L", 0)

    refusal("a.doc", bytes(content))


def test_siblings_that_refer_to_each_other_end():
    content = bytearray(samples.ole("doc"))
    at = content.index("WordDocument".encode("utf-16-le"))
    content[at + 68 : at + 76] = struct.pack("<LL", 1, 2)  # 2 is itself

    assert check("a.doc", bytes(content)) == "application/msword"


def test_a_compound_file_that_is_two_kinds_at_once_is_refused():
    refusal("a.doc", samples.ole("doc", more={"Workbook": b""}))


def test_a_word_file_with_a_sheet_embedded_in_it_is_taken():
    assert check("a.doc", samples.ole("doc", more={"ObjectPool": {"_1": {"Workbook": b""}}})) == "application/msword"


@pytest.mark.parametrize("length", [8, 100, 511, 512, 513, 1024, 1500])
def test_a_compound_file_that_was_cut_off_is_refused(length):
    refusal("a.xls", samples.ole("xls")[:length])


def test_an_excel_95_file_is_taken():
    assert check("a.xls", samples.compound({"Book": b""})) == "application/vnd.ms-excel"


# --- pictures ------------------------------------------------------------------------------------------------------


def test_heic_is_told_by_its_brands():
    assert check("a.heic", samples.heic(major=b"heix", compatible=(b"mif1",))) == "image/heic"
    assert check("a.heic", samples.heic(major=b"mif1", compatible=(b"mif1", b"heic"))) == "image/heic"
    refusal("a.heic", samples.heic(major=b"avif", compatible=(b"mif1", b"avif")))
    refusal("a.heic", samples.heic(major=b"mif1", compatible=(b"avif",)))
    refusal("a.heic", samples.heic(major=b"mp42", compatible=(b"isom",)))
    refusal("a.heic", b"\xff\xff\xff\xffftypmif1")
