"""Looks into a file and says whether it is what its name claims: the check behind every 415.

The allow-list and the rules on names are in `app/domain/files.py`. Nothing here unpacks a file, follows a link or
trusts a declared size: each look is bounded, because the sender may be hostile. What cannot be checked is refused.
"""

import codecs
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO
from xml.parsers import expat

import filetype  # type: ignore[import-untyped]

from app.compound_files import CompoundFile, NotACompoundFile
from app.domain.files import (
    ACCEPTED,
    ACCEPTED_SENTENCE,
    Family,
    FileKind,
    has_control_characters,
    kind_of_name,
    looks_like_mail,
    odf_macros,
    ole_macros,
    ooxml_macros,
    programs_among,
    text_is_markup_or_script,
)
from app.domain.refusals import UnsupportedContent

_CHUNK = 1 << 20
_OPENING = 1 << 16
_MACROS = "It contains macros. Save it without macros and send it again."
_LOCKED = "It is protected by a password, so nobody can check what is inside. Send it without the password."


def check_file_name(file_name: str) -> FileKind:
    """The kind a file's name claims. Raises UnsupportedContent when that kind is not taken."""
    kind = kind_of_name(file_name)
    if kind is None:
        raise _refusal(f"Files of the kind “{file_name}” are not accepted.")
    return kind


def check_content(handle: BinaryIO, *, file_name: str) -> str:
    """The content type to serve a file as, once its content agrees with its name.

    `handle` is seekable and holds the whole file; where it stands afterwards is undefined.
    Raises UnsupportedContent (with the list of what is accepted) when the content is of another kind than the name
    says, holds macros, scripts or programs, is an archive, HTML or SVG, or cannot be checked.
    """
    kind = check_file_name(file_name)
    handle.seek(0)
    _CHECKS[kind.family](handle, kind)
    return kind.content_type


def _refusal(message: str) -> UnsupportedContent:
    return UnsupportedContent(f"{message} {ACCEPTED_SENTENCE}", accepted=ACCEPTED)


def _mismatch(handle: BinaryIO, kind: FileKind) -> UnsupportedContent:
    """Names what the content looks like, where that can be told: it helps the honest sender."""
    handle.seek(0)
    head = handle.read(_OPENING)
    found = filetype.guess(head) if head else None
    looks_like = f" It looks like {found.mime}." if found is not None else ""
    return _refusal(f"The content of this file is not {kind.name}, which its name says it is.{looks_like}")


# --- PDF and pictures: by signature --------------------------------------------------------------------------------

_KIND_OF_SIGNATURE = {"pdf": "pdf", "png": "png", "jpg": "jpeg", "tif": "tiff"}
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"})
_HEIF_BRANDS = frozenset({b"mif1", b"msf1"})


def _check_signature(handle: BinaryIO, kind: FileKind) -> None:
    head = handle.read(_OPENING)
    if _kind_of_signature(head) != kind.name:
        raise _mismatch(handle, kind)


def _kind_of_signature(head: bytes) -> str | None:
    if _is_heic(head):
        return "heic"
    found = filetype.guess(head) if head else None
    return _KIND_OF_SIGNATURE.get(found.extension) if found is not None else None


def _is_heic(head: bytes) -> bool:
    """By the brands of the first box (ISO/IEC 23008-12): HEVC-coded ones only, so that AVIF is told apart."""
    if head[4:8] != b"ftyp":
        return False
    (length,) = struct.unpack(">I", head[:4])
    if not 16 <= length <= 4096:
        return False
    compatible = {head[start : start + 4] for start in range(16, length, 4)}
    major = head[8:12]
    return major in _HEIC_BRANDS or (major in _HEIF_BRANDS and bool(compatible & _HEIC_BRANDS))


# --- text ----------------------------------------------------------------------------------------------------------


def _check_text(handle: BinaryIO, kind: FileKind) -> None:
    opening = _decoded_opening(handle)
    if opening is None:
        raise _mismatch(handle, kind)
    if text_is_markup_or_script(opening):
        raise _refusal(f"This file is named {kind.name}, but it begins as HTML, SVG, XML or a script does.")
    if kind.name == "eml" and not looks_like_mail(opening):
        raise _mismatch(handle, kind)


def _decoded_opening(handle: BinaryIO) -> str | None:
    """The first part of the text, once the whole of it decodes; None when it is not text."""
    head = handle.read(2)
    encodings = ("utf-16",) if head in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        opening = _opening_in(handle, encoding)
        if opening is not None:
            return opening
    return None


def _opening_in(handle: BinaryIO, encoding: str) -> str | None:
    handle.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    opening = ""
    try:
        while chunk := handle.read(_CHUNK):
            text = decoder.decode(chunk)
            if has_control_characters(text.encode("utf-8", "replace") if encoding == "utf-16" else chunk):
                return None
            if len(opening) < _OPENING:
                opening += text[: _OPENING - len(opening)]
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return opening


# --- OOXML and OpenDocument: by the table of contents of the zip ---------------------------------------------------

_MAX_PARTS = 10_000
_MAX_DIRECTORY_BYTES = 2_000_000
_MAX_UNPACKED_BYTES = 1_000_000_000
_MAX_CONTENT_TYPES_BYTES = 1_000_000
_MAX_COMMENT_BYTES = 0xFFFF
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")


def _check_ooxml(handle: BinaryIO, kind: FileKind) -> None:
    if _is_locked_package(handle):
        raise _refusal(_LOCKED)
    archive = _opened_zip(handle, kind)
    parts = archive.namelist()
    if "[Content_Types].xml" not in parts:
        raise _mismatch(handle, kind)
    types = _ContentTypes(_read_bounded(archive, "[Content_Types].xml", _MAX_CONTENT_TYPES_BYTES, kind))
    if ooxml_macros(parts=parts, content_types=types.all()):
        raise _refusal(_MACROS)
    if not any(types.of(part) == kind.proof for part in parts):
        raise _mismatch(handle, kind)


def _check_odf(handle: BinaryIO, kind: FileKind) -> None:
    archive = _opened_zip(handle, kind)
    parts = archive.namelist()
    # The mimetype entry comes first and is not compressed (OpenDocument 1.3 part 2, 3.3).
    if parts[:1] != ["mimetype"] or archive.infolist()[0].compress_type != zipfile.ZIP_STORED:
        raise _mismatch(handle, kind)
    if _read_bounded(archive, "mimetype", 200, kind) != kind.proof.encode("ascii"):
        raise _mismatch(handle, kind)
    if "encrypted-package" in parts:
        raise _refusal(_LOCKED)
    if odf_macros(parts):
        raise _refusal(_MACROS)
    if not {"content.xml", "META-INF/manifest.xml"} <= set(parts):
        raise _mismatch(handle, kind)


def _opened_zip(handle: BinaryIO, kind: FileKind) -> zipfile.ZipFile:
    """The zip, once its table of contents is known to be small, plain and unambiguous."""
    if not _has_bounded_directory(handle):
        raise _mismatch(handle, kind)
    try:
        archive = zipfile.ZipFile(handle)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise _mismatch(handle, kind) from error
    entries = archive.infolist()
    names = [entry.filename.lower() for entry in entries]
    if len(entries) > _MAX_PARTS or sum(entry.file_size for entry in entries) > _MAX_UNPACKED_BYTES:
        raise _refusal("This file unpacks to more than Waymark is willing to check.")
    if any(entry.flag_bits & 0x1 for entry in entries):
        raise _refusal(_LOCKED)
    # Two parts of one name: programs disagree on which one counts, so a check of either proves nothing.
    if len(set(names)) != len(names):
        raise _mismatch(handle, kind)
    if programs_among(names):
        raise _refusal("It contains a program or a script.")
    return archive


def _has_bounded_directory(handle: BinaryIO) -> bool:
    """Whether this is a zip from its first byte, with a table of contents that is safe to read into memory.

    zipfile reads the whole table at once, so its declared length is judged first: found as zipfile finds it.
    """
    handle.seek(0)
    if handle.read(4) != b"PK\x03\x04":
        return False
    size = handle.seek(0, 2)
    handle.seek(max(0, size - _END.size - _MAX_COMMENT_BYTES - _END64.size - _LOCATOR64.size))
    tail = handle.read()
    end = len(tail) - _END.size
    if not (tail.startswith(b"PK\x05\x06", end) and tail.endswith(b"\x00\x00")):
        end = tail.rfind(b"PK\x05\x06")
    if end < 0 or end > len(tail) - _END.size:
        return False
    directory_end = end
    *_, parts, length, offset, comment = _END.unpack_from(tail, end)
    if end + _END.size + comment != len(tail):
        return False
    if tail.startswith(b"PK\x06\x07", max(0, end - _LOCATOR64.size)):
        # Some programs always write the 64-bit form, however small the file.
        directory_end = end - _LOCATOR64.size - _END64.size
        if directory_end < 0 or not tail.startswith(b"PK\x06\x06", directory_end):
            return False
        *_, parts, length, offset = _END64.unpack_from(tail, directory_end)
        _, _, place, _ = _LOCATOR64.unpack_from(tail, end - _LOCATOR64.size)
        if place != size - len(tail) + directory_end:
            return False
    fits = parts <= _MAX_PARTS and length <= _MAX_DIRECTORY_BYTES
    return bool(fits and offset + length == size - len(tail) + directory_end)


def _read_bounded(archive: zipfile.ZipFile, name: str, limit: int, kind: FileKind) -> bytes:
    """A small part's bytes; a larger or broken one makes the file unacceptable. Reading stops at the limit."""
    entry = archive.getinfo(name)
    if entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        try:
            with archive.open(entry) as part:
                content = part.read(limit + 1)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, struct.error, NotImplementedError):
            content = b""
        if 0 < len(content) <= limit:
            return content
    raise _refusal(f"This {kind.name} file is damaged.")


class _ContentTypes:
    """What an OOXML package declares its parts to be (ECMA-376 part 2, 10.1.2)."""

    def __init__(self, xml: bytes) -> None:
        self._by_part: dict[str, str] = {}
        self._by_extension: dict[str, str] = {}
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._element
        parser.StartDoctypeDeclHandler = self._no_doctype
        try:
            parser.Parse(xml, True)
        except expat.ExpatError as error:
            raise _refusal("The table of contents of this file cannot be read.") from error

    def _element(self, name: str, attributes: dict[str, str]) -> None:
        content_type = attributes.get("ContentType", "").strip().lower()
        if name.endswith(" Override"):
            self._by_part[attributes.get("PartName", "").lstrip("/").lower()] = content_type
        if name.endswith(" Default"):
            self._by_extension[attributes.get("Extension", "").lower()] = content_type

    def _no_doctype(self, *_: object) -> None:
        # Entities are the only way to make a small part expand; no office program writes a document type here.
        raise _refusal("The table of contents of this file cannot be read.")

    def all(self) -> list[str]:
        return [*self._by_part.values(), *self._by_extension.values()]

    def of(self, part: str) -> str:
        name = part.lower()
        return self._by_part.get(name) or self._by_extension.get(name.rpartition(".")[2], "")


# --- OLE compound files: doc, xls, ppt, msg ------------------------------------------------------------------------

_MAIN_STREAMS = {
    "WordDocument": "WordDocument",
    "Workbook": "Workbook",
    "Book": "Workbook",  # Excel 5 and 95
    "PowerPoint Document": "PowerPoint Document",
    "__properties_version1.0": "__properties_version1.0",
}
_ENCRYPTED_STREAM = "EncryptedPackage"
# VbaInfoAtom of [MS-PPT] 2.4.11: record header, persistIdRef, fHasMacros. PowerPoint keeps its VBA project compressed
# inside its one stream, where no directory entry shows it.
_VBA_INFO_HEADER = b"\x02\x00\x00\x04\x0c\x00\x00\x00"
_VBA_INFO_BYTES = 16


def _check_ole(handle: BinaryIO, kind: FileKind) -> None:
    compound = _opened_compound(handle, kind)
    top = compound.top()
    if ole_macros(compound.names()):
        raise _refusal(_MACROS)
    if _ENCRYPTED_STREAM in top:
        raise _refusal(_LOCKED)
    if {_MAIN_STREAMS[name] for name in top if name in _MAIN_STREAMS} != {kind.proof}:
        raise _mismatch(handle, kind)
    if kind.name == "ppt" and _presentation_has_macros(compound.stream(top[kind.proof])):
        raise _refusal(_MACROS)


def _opened_compound(handle: BinaryIO, kind: FileKind) -> CompoundFile:
    try:
        return CompoundFile(handle)
    except NotACompoundFile as error:
        raise _mismatch(handle, kind) from error


def _is_locked_package(handle: BinaryIO) -> bool:
    """Whether this is how Office writes a docx, xlsx or pptx with a password: inside a compound file."""
    try:
        return _ENCRYPTED_STREAM in CompoundFile(handle).top()
    except NotACompoundFile:
        return False


def _presentation_has_macros(sectors: Iterator[bytes]) -> bool:
    kept = b""
    for sector in sectors:
        window = kept + sector
        at = window.find(_VBA_INFO_HEADER)
        while 0 <= at <= len(window) - _VBA_INFO_BYTES:
            if any(window[at + 12 : at + _VBA_INFO_BYTES]):
                return True
            at = window.find(_VBA_INFO_HEADER, at + 1)
        kept = window[1 - _VBA_INFO_BYTES :]
    return False


_CHECKS = {
    Family.SIGNATURE: _check_signature,
    Family.TEXT: _check_text,
    Family.OOXML: _check_ooxml,
    Family.ODF: _check_odf,
    Family.OLE: _check_ole,
}
