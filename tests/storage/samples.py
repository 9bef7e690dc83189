"""Small real files of every accepted kind, and of those that must be refused, made here byte by byte."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

# --- pictures and PDF ----------------------------------------------------------------------------------------------

PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    b"xref\n0 3\n0000000000 65535 f \n0000000009 00000 n \n0000000054 00000 n \n"
    b"trailer<</Size 3/Root 1 0 R>>\nstartxref\n101\n%%EOF\n"
)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"
TIFF = b"II*\x00\x08\x00\x00\x00" + struct.pack("<HHHLLL", 1, 256, 3, 1, 1, 0)
GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>"
EXE = b"MZ\x90\x00\x03\x00\x00\x00" + bytes(120) + b"PE\x00\x00"
SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(40)
RAR = b"Rar!\x1a\x07\x01\x00" + bytes(40)
GZIP = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + bytes(20)


def png() -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))

    header = struct.pack(">LLBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00\xff\x00\x00")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def heic(*, major: bytes = b"heic", compatible: tuple[bytes, ...] = (b"mif1", b"heic")) -> bytes:
    brands = b"".join(compatible)
    return struct.pack(">L4s4sL", 16 + len(brands), b"ftyp", major, 0) + brands + bytes(32)


MAIL = (
    b"Received: from mail.police.example by mail.haringey.example; Mon, 2 Nov 2026 09:00:00 +0000\r\n"
    b"From: analyst@police.example\r\nTo: inbox@haringey.example\r\nSubject: Weekly return\r\n"
    b"Date: Mon, 2 Nov 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nAttached.\r\n"
)

# --- zip packages --------------------------------------------------------------------------------------------------

OFFICE = "application/vnd.openxmlformats-officedocument"
MAIN_PARTS = {
    "docx": ("word/document.xml", f"{OFFICE}.wordprocessingml.document.main+xml"),
    "xlsx": ("xl/workbook.xml", f"{OFFICE}.spreadsheetml.sheet.main+xml"),
    "pptx": ("ppt/presentation.xml", f"{OFFICE}.presentationml.presentation.main+xml"),
}
ODF_TYPES = {
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odp": "application/vnd.oasis.opendocument.presentation",
}


def zip_of(entries: Mapping[str, bytes], *, stored: tuple[str, ...] = ()) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content, zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def content_types(overrides: Mapping[str, str], defaults: Mapping[str, str] | None = None) -> bytes:
    known = {"rels": "application/vnd.openxmlformats-package.relationships+xml", "xml": "application/xml"}
    rows = [
        f'<Default Extension="{extension}" ContentType="{kind}"/>'
        for extension, kind in {**known, **(defaults or {})}.items()
    ]
    rows += [f'<Override PartName="/{part}" ContentType="{kind}"/>' for part, kind in overrides.items()]
    table = "".join(rows)
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{table}</Types>'
    ).encode()


def ooxml(
    kind: str,
    *,
    more: Mapping[str, bytes] | None = None,
    types: Mapping[str, str] | None = None,
    defaults: Mapping[str, str] | None = None,
    main_type: str = "",
) -> bytes:
    part, content_type = MAIN_PARTS[kind]
    overrides = {part: main_type or content_type, **(types or {})}
    entries = {
        "[Content_Types].xml": content_types(overrides, defaults),
        "_rels/.rels": b"<Relationships/>",
        part: b"<document/>",
        **(more or {}),
    }
    return zip_of(entries)


def odf(kind: str, *, more: Mapping[str, bytes] | None = None) -> bytes:
    entries = {
        "mimetype": ODF_TYPES[kind].encode(),
        "content.xml": b"<office:document-content/>",
        "META-INF/manifest.xml": b"<manifest:manifest/>",
        "Configurations2/accelerator/current.xml": b"",
        **(more or {}),
    }
    return zip_of(entries, stored=("mimetype",))


# --- compound files ------------------------------------------------------------------------------------------------

FREE, END_OF_CHAIN, FAT_SECTOR, NO_ENTRY = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
SECTOR = 512

Tree = Mapping[str, "bytes | Tree"]


class _Directory:
    """Lays out a tree of storages and streams as directory entries, siblings in a chain to the right."""

    def __init__(self, tree: Tree) -> None:
        self.rows: list[list[object]] = [["Root Entry", 5, NO_ENTRY, NO_ENTRY, b""]]
        self.rows[0][3] = self._children(tree)

    def _children(self, tree: Tree) -> int:
        first = NO_ENTRY
        for name, content in reversed(list(tree.items())):
            number = len(self.rows)
            is_stream = isinstance(content, bytes)
            self.rows.append([name, 2 if is_stream else 1, first, NO_ENTRY, content if is_stream else b""])
            if not isinstance(content, bytes):
                self.rows[number][3] = self._children(content)
            first = number
        return first


def compound(tree: Tree) -> bytes:
    """A compound file with these storages (mappings) and streams (bytes, padded so that none is a short one)."""
    rows = _Directory(tree).rows
    entry_sectors = -(-len(rows) // 4)
    fat: list[int] = [*range(1, entry_sectors), END_OF_CHAIN]
    bodies = b""
    entries = b""
    for name, kind, right, child, content in rows:
        assert isinstance(name, str)
        assert isinstance(content, bytes)
        start, size = END_OF_CHAIN, 0
        if kind == 2:
            padded = content.ljust(-(-max(len(content), 4096) // SECTOR) * SECTOR, b"\x00")
            start, size = len(fat), len(padded)
            fat += [*range(start + 1, start + size // SECTOR), END_OF_CHAIN]
            bodies += padded
        label = name.encode("utf-16-le") + b"\x00\x00"
        entries += struct.pack(
            "<64sHBBLLL16sLQQLQ", label, len(label), kind, 1, NO_ENTRY, right, child, b"", 0, 0, 0, start, size
        )
    entries = entries.ljust(entry_sectors * SECTOR, b"\x00")
    fat_sectors = 1
    while len(fat) + fat_sectors > fat_sectors * 128:
        fat_sectors += 1
    first_fat = len(fat)
    fat += [FAT_SECTOR] * fat_sectors
    table = struct.pack(f"<{fat_sectors * 128}L", *fat, *[FREE] * (fat_sectors * 128 - len(fat)))
    places = [*range(first_fat, first_fat + fat_sectors)]
    header = struct.pack(
        "<8s16s5H6s9L109L",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6, b"",
        0, fat_sectors, 0, 0, 4096, END_OF_CHAIN, 0, END_OF_CHAIN, 0,
        *places, *[FREE] * (109 - len(places)),
    )  # fmt: skip
    return header + entries + bodies + table


OLE_MAIN_STREAM = {
    "doc": "WordDocument",
    "xls": "Workbook",
    "ppt": "PowerPoint Document",
    "msg": "__properties_version1.0",
}


def ole(kind: str, *, more: Tree | None = None, content: bytes = b"") -> bytes:
    return compound({OLE_MAIN_STREAM[kind]: content, "\x05SummaryInformation": b"", **(more or {})})


def ppt_with_macros(*, has_macros: int = 1) -> bytes:
    atom = struct.pack("<HHLLLL", 2, 0x0400, 12, 7, has_macros, 2)
    # Across the end of a sector, where a search of each sector alone would miss it.
    return ole("ppt", content=bytes(SECTOR * 9 - 10) + atom)


def every_accepted_kind() -> dict[str, bytes]:
    """A file name of each accepted extension → a file that is what its name says."""
    text = "Evidence: café rota for week 3.\nNothing unusual.\n"
    files = {
        "minutes.pdf": PDF,
        "rota.png": png(),
        "photo.jpg": JPEG,
        "photo.jpeg": JPEG,
        "photo.heic": heic(),
        "scan.tif": TIFF,
        "scan.tiff": TIFF,
        "letter.eml": MAIL,
        "notes.txt": text.encode(),
        "figures.csv": b"month,count\nApril,3\n",
    }
    files |= {f"office.{kind}": ooxml(kind) for kind in MAIN_PARTS}
    files |= {f"open.{kind}": odf(kind) for kind in ODF_TYPES}
    files |= {f"old.{kind}": ole(kind) for kind in OLE_MAIN_STREAM}
    return files
