"""Names, sizes and headers of evidence files."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.files import (
    ACCEPT_ATTRIBUTE,
    ACCEPTED,
    ACCEPTED_SENTENCE,
    KINDS,
    MAX_BODY_BYTES,
    MAX_FILE_BYTES,
    content_disposition,
    has_control_characters,
    kind_of_name,
    looks_like_mail,
    programs_among,
    repr_digest,
    safe_file_name,
)


def test_fifty_megabytes_pass_and_fifty_one_do_not():
    assert MAX_FILE_BYTES == 50_000_000
    assert MAX_BODY_BYTES == 51_000_000


def test_what_is_accepted_is_told_in_one_sentence_and_to_the_file_picker():
    assert ACCEPTED == (
        "pdf", "docx", "xlsx", "pptx", "odt", "ods", "odp", "doc", "xls", "ppt", "msg", "eml", "txt", "csv", "png",
        "jpeg", "heic", "tiff",
    )  # fmt: skip
    assert ACCEPTED_SENTENCE.startswith("Accepted are pdf, docx, ")
    assert ACCEPTED_SENTENCE.endswith("heic and tiff.")
    assert ".jpg,.jpeg,.heic,.tif,.tiff" in ACCEPT_ATTRIBUTE


def test_no_two_kinds_claim_one_extension_or_one_content_type():
    extensions = [extension for kind in KINDS for extension in kind.extensions]
    assert len(set(extensions)) == len(extensions)
    assert len({kind.content_type for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize(
    ("file_name", "kind"),
    [("a.pdf", "pdf"), ("A.PDF", "pdf"), (" minutes of 3.4.2026.docx ", "docx"), ("x.jpg", "jpeg"), ("x.tif", "tiff")],
)
def test_a_name_claims_a_kind_by_its_last_extension(file_name, kind):
    found = kind_of_name(file_name)
    assert found is not None
    assert found.name == kind


@pytest.mark.parametrize("file_name", ["", "pdf", ".pdf", "a.pdf.exe", "a.docm", "a.", "a.zip", "a.p"])
def test_other_names_claim_no_accepted_kind(file_name):
    assert kind_of_name(file_name) is None


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("minutes.pdf", "minutes.pdf"),
        ("C:\\Users\\a\\minutes.pdf", "minutes.pdf"),
        ("../../etc/passwd", "passwd"),
        ("a/b\\c.txt", "c.txt"),
        ("report\u202efdp.exe", "reportfdp.exe"),
        ("a\u200bb\ufeff.pdf", "ab.pdf"),
        ("a\x00b\x07.pdf", "ab.pdf"),
        ("a \u200b b e\u200b\u0301.pdf", "a b é.pdf"),
        ("line\r\nSet-Cookie: x.pdf", "line Set-Cookie: x.pdf"),
        ("  two   spaces .pdf. ", "two spaces .pdf"),
        ("..pdf", "pdf"),
        ("Cafe\u0301 rota.pdf", "Café rota.pdf"),
        ("会议记录.pdf", "会议记录.pdf"),
        ('say "yes".pdf', 'say "yes".pdf'),
        ("\ud800.pdf", "pdf"),
        ("", "file"),
        ("///", "file"),
        ("\u202e", "file"),
    ],
)
def test_a_senders_file_name_is_made_fit_to_show(raw, safe):
    assert safe_file_name(raw) == safe


def test_a_long_name_keeps_its_extension():
    assert safe_file_name("a" * 500 + ".docx") == "a" * 195 + ".docx"
    assert safe_file_name("a" * 500) == "a" * 200
    assert safe_file_name("a." + "b" * 500) == "a." + "b" * 198
    assert safe_file_name("a" * 194 + " " * 3 + "b" * 50 + ".pdf") == "a" * 194 + " b.pdf"


@given(st.text())
def test_any_name_becomes_one_that_is_safe_in_a_header_and_stays_so(raw):
    name = safe_file_name(raw)
    assert 1 <= len(name) <= 200
    assert not set(name) & set("/\\\r\n\x00\u202e")
    assert safe_file_name(name) == name

    header = content_disposition(raw)
    assert header.isascii()
    assert header.isprintable()
    assert header.startswith('attachment; filename="')
    if "filename*=UTF-8''" in header:
        assert unquote(header.partition("filename*=UTF-8''")[2]) == name
    else:
        assert header == f'attachment; filename="{name}"'


@pytest.mark.parametrize(
    ("file_name", "header"),
    [
        ("minutes.pdf", 'attachment; filename="minutes.pdf"'),
        ("Café.pdf", "attachment; filename=\"Cafe.pdf\"; filename*=UTF-8''Caf%C3%A9.pdf"),
        ('a"b\\c.pdf', 'attachment; filename="c.pdf"'),
        ('a"b.pdf', "attachment; filename=\"a_b.pdf\"; filename*=UTF-8''a%22b.pdf"),
        ("100%.pdf", "attachment; filename=\"100_.pdf\"; filename*=UTF-8''100%25.pdf"),
        ("会.pdf", "attachment; filename=\"_.pdf\"; filename*=UTF-8''%E4%BC%9A.pdf"),
    ],
)
def test_a_download_carries_its_name_in_both_forms(file_name, header):
    assert content_disposition(file_name) == header


def test_the_digest_header_is_the_hash_in_base_64():
    digest = hashlib.sha256(b'{"hello": "world"}\n')
    assert repr_digest(digest.hexdigest()) == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    # The example of RFC 9530, 2.
    assert repr_digest("5f8f04f6a3a892aaabbddb6cf273894493773960d4a325b105fee46eef4304f1") == (
        "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
    )


def test_line_ends_and_tabs_are_no_control_characters():
    assert not has_control_characters(b"a\tb\r\nc\x0b\x0cd")
    assert not has_control_characters("café £ 会".encode())
    for code in [*range(9), *range(14, 32), 127]:
        assert has_control_characters(b"a" + bytes([code]))


def test_a_mail_begins_with_who_sent_it_and_one_more_header():
    assert looks_like_mail("From: a\nDate: today\n\nbody")
    assert looks_like_mail("\ufeffReceived: x\n\tfolded\nfrom : a")
    assert not looks_like_mail("From: a\n\nDate: in the body")
    assert not looks_like_mail("")


def test_a_part_is_a_program_by_its_extension():
    assert programs_among(["word/a.xml", "word/Setup.EXE"])
    assert not programs_among(["word/a.xml", "word/exe", "xl/worksheets/sheet1.xml"])
