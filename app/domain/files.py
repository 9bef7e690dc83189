"""Which evidence files are taken, what they may be called, and how their names and hashes are written in headers.

Pure rules on names, sizes and text. Looking into a file's bytes is the work of `app/file_types.py`.
"""

import base64
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

MEGABYTE = 1_000_000
MAX_FILE_BYTES = 50 * MEGABYTE
MAX_BODY_BYTES = 51 * MEGABYTE
MAX_NAME_LENGTH = 200

_UNSAFE_CATEGORIES = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_UNNAMED = "file"


class Family(StrEnum):
    """How a kind of file is recognised."""

    SIGNATURE = "signature"
    OOXML = "ooxml"
    ODF = "odf"
    OLE = "ole"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class FileKind:
    """One kind of file that is taken. `content_type` is what it is served as, whatever the sender called it.

    `proof` is what its inside must hold: the content type of the main part (OOXML), the mimetype entry (ODF),
    or the main stream (OLE); empty for the others.
    """

    name: str
    extensions: tuple[str, ...]
    content_type: str
    family: Family
    proof: str = ""


_OFFICE = "application/vnd.openxmlformats-officedocument"
_ODF = "application/vnd.oasis.opendocument"

KINDS = (
    FileKind("pdf", ("pdf",), "application/pdf", Family.SIGNATURE),
    FileKind(
        "docx",
        ("docx",),
        f"{_OFFICE}.wordprocessingml.document",
        Family.OOXML,
        f"{_OFFICE}.wordprocessingml.document.main+xml",
    ),
    FileKind(
        "xlsx",
        ("xlsx",),
        f"{_OFFICE}.spreadsheetml.sheet",
        Family.OOXML,
        f"{_OFFICE}.spreadsheetml.sheet.main+xml",
    ),
    FileKind(
        "pptx",
        ("pptx",),
        f"{_OFFICE}.presentationml.presentation",
        Family.OOXML,
        f"{_OFFICE}.presentationml.presentation.main+xml",
    ),
    FileKind("odt", ("odt",), f"{_ODF}.text", Family.ODF, f"{_ODF}.text"),
    FileKind("ods", ("ods",), f"{_ODF}.spreadsheet", Family.ODF, f"{_ODF}.spreadsheet"),
    FileKind("odp", ("odp",), f"{_ODF}.presentation", Family.ODF, f"{_ODF}.presentation"),
    FileKind("doc", ("doc",), "application/msword", Family.OLE, "WordDocument"),
    FileKind("xls", ("xls",), "application/vnd.ms-excel", Family.OLE, "Workbook"),
    FileKind("ppt", ("ppt",), "application/vnd.ms-powerpoint", Family.OLE, "PowerPoint Document"),
    FileKind("msg", ("msg",), "application/vnd.ms-outlook", Family.OLE, "__properties_version1.0"),
    FileKind("eml", ("eml",), "message/rfc822", Family.TEXT),
    FileKind("txt", ("txt",), "text/plain", Family.TEXT),
    FileKind("csv", ("csv",), "text/csv", Family.TEXT),
    FileKind("png", ("png",), "image/png", Family.SIGNATURE),
    FileKind("jpeg", ("jpg", "jpeg"), "image/jpeg", Family.SIGNATURE),
    FileKind("heic", ("heic",), "image/heic", Family.SIGNATURE),
    FileKind("tiff", ("tif", "tiff"), "image/tiff", Family.SIGNATURE),
)

_KIND_BY_EXTENSION = {extension: kind for kind in KINDS for extension in kind.extensions}

ACCEPTED = tuple(kind.name for kind in KINDS)
ACCEPTED_SENTENCE = f"Accepted are {', '.join(ACCEPTED[:-1])} and {ACCEPTED[-1]}."
ACCEPT_ATTRIBUTE = ",".join(f".{extension}" for extension in _KIND_BY_EXTENSION)
"""For `<input type="file" accept=…>`: a help to the person, never the check."""


def kind_of_name(file_name: str) -> FileKind | None:
    """The kind that a file's name claims by its last extension, or None when that kind is not taken."""
    stem, dot, extension = file_name.strip().rpartition(".")
    if not dot or not stem:
        return None
    return _KIND_BY_EXTENSION.get(extension.lower())


# --- names ---------------------------------------------------------------------------------------------------------


def safe_file_name(raw: str) -> str:
    r"""The sender's file name, fit to be shown and sent back; never used as a path.

    Folders are cut off (either kind of slash), control characters, invisible characters and the marks that turn
    the reading direction are dropped, so that `report\u202efdp.exe` cannot read as a PDF. At most 200 characters;
    a longer name keeps its extension. A name of which nothing is left becomes `file`.
    """
    last = re.split(r"[/\\]", raw)[-1]
    spaced = re.sub(r"\s", " ", last)
    visible = "".join(character for character in spaced if unicodedata.category(character) not in _UNSAFE_CATEGORIES)
    name = re.sub(" +", " ", unicodedata.normalize("NFC", visible)).strip(" .")
    return _shortened(name) or _UNNAMED


def _shortened(name: str) -> str:
    if len(name) <= MAX_NAME_LENGTH:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > 10:
        return name[:MAX_NAME_LENGTH].rstrip(" .")
    return stem[: MAX_NAME_LENGTH - len(extension) - 1].rstrip(" .") + dot + extension


def content_disposition(file_name: str) -> str:
    """The `Content-Disposition` value that makes a browser save the file under its own name (RFC 6266, RFC 8187).

    Always an attachment: evidence is never shown inside Waymark's own pages. The result is plain ASCII.
    """
    name = safe_file_name(file_name)
    bare = "".join(mark for mark in unicodedata.normalize("NFKD", name) if not unicodedata.combining(mark))
    plain = re.sub(r'["\\%?]', "_", bare.encode("ascii", "replace").decode("ascii"))
    if plain == name:
        return f'attachment; filename="{name}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def repr_digest(sha256: str) -> str:
    """The `Repr-Digest` value (RFC 9530) for a SHA-256 given as 64 hexadecimal digits."""
    encoded = base64.b64encode(bytes.fromhex(sha256)).decode("ascii")
    return f"sha-256=:{encoded}:"


# --- what may not be inside ----------------------------------------------------------------------------------------

# VBA: `Macros` (Word), `_VBA_PROJECT_CUR` (Excel), `VBA` and its `_VBA_PROJECT` stream everywhere ([MS-OVBA] 2.2).
_OLE_MACRO_NAMES = frozenset({"vba", "_vba_project", "_vba_project_cur", "macros"})

# Parts of an OOXML package by name; the content types are judged as well, for a part may be called anything.
_MACRO_PART = re.compile(
    r"(?:^|/)(?:vbaproject[^/]*\.bin|vbadata\.xml|(?:intl)?macrosheets/.+|[^/]+\.(?:doc|dot|xls|xlt|xla|ppt|pot|pps|ppa)m)$"
)
_MACRO_CONTENT_TYPE = re.compile(r"macroenabled|vbaproject|vbadata|macrosheet")
_ODF_MACRO_PART = re.compile(r"(?:^|/)(?:basic|scripts)/.")
_PROGRAM_PART = re.compile(r"\.(?:exe|dll|com|scr|msi|js|jse|vbs|vbe|wsf|hta|bat|cmd|ps1|sh|jar|lnk)$")


def ole_macros(names: Iterable[str]) -> bool:
    """Whether any storage or stream of a compound file, at any depth, belongs to a VBA project."""
    return any(name.lower() in _OLE_MACRO_NAMES for name in names)


def ooxml_macros(*, parts: Iterable[str], content_types: Iterable[str]) -> bool:
    """Whether an OOXML package holds VBA or macro sheets, by the names of its parts or their content types."""
    if any(_MACRO_PART.search(part.lower()) for part in parts):
        return True
    return any(_MACRO_CONTENT_TYPE.search(content_type.lower()) for content_type in content_types)


def odf_macros(parts: Iterable[str]) -> bool:
    """Whether an OpenDocument package, or an object inside it, carries Basic libraries or scripts."""
    return any(_ODF_MACRO_PART.search(part.lower()) for part in parts)


def programs_among(parts: Iterable[str]) -> bool:
    """Whether a package carries a program or script by its name."""
    return any(_PROGRAM_PART.search(part.lower()) for part in parts)


# The openings by which a browser takes text for HTML (WHATWG MIME Sniffing 7.1), and SVG, XML and scripts.
_MARKUP_TAGS = (
    "!doctype", "html", "head", "script", "iframe", "h1", "div", "font", "table", "a", "style", "title", "b", "body",
    "br", "p", "svg", "meta", "link", "img", "object", "embed", "form",
)  # fmt: skip
_MARKUP = re.compile(r"<(?:!--|\?|%|(?:" + "|".join(_MARKUP_TAGS) + r")(?=[\s/>]|$))", re.IGNORECASE)
_SCRIPT = re.compile(r"#!|@echo\s+off|\{\\rtf|%!ps|%pdf-", re.IGNORECASE)


def text_is_markup_or_script(opening: str) -> bool:
    """Whether text begins as HTML, SVG, XML, RTF, PostScript or a script does, whatever the file is called."""
    start = opening.lstrip("\ufeff\x00 \t\r\n\f\v")
    return bool(_MARKUP.match(start) or _SCRIPT.match(start))


_CONTROLS = bytes([*range(0x09), *range(0x0E, 0x20), 0x7F])


def has_control_characters(encoded: bytes) -> bool:
    """Whether text, encoded as UTF-8 or in one byte a letter, holds a control character other than tab, line feed,
    vertical tab, form feed and carriage return. No byte of a longer UTF-8 sequence is mistaken for one.
    """
    return len(encoded.translate(None, _CONTROLS)) != len(encoded)


_HEADER_LINE = re.compile(r"[!-9;-~]+[ \t]*:")
_MAIL_HEADERS = frozenset({"date", "to", "cc", "subject", "received", "message-id", "mime-version", "return-path"})


def looks_like_mail(opening: str) -> bool:
    """Whether text begins with the header of an internet message (RFC 5322): `From:` and one more of the usual ones."""
    names: set[str] = set()
    for line in opening.lstrip("\ufeff").splitlines():
        if not line.strip():
            break
        if line[0] in " \t" and names:
            continue
        if not _HEADER_LINE.match(line):
            return False
        names.add(line.partition(":")[0].strip().lower())
    return "from" in names and bool(names & _MAIL_HEADERS)
