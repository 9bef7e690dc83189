"""A ZIP file written front to back, so that it can be hashed on its way and never stands in memory.

Files are stored as they are: evidence is mostly compressed already. What is known of a file (size, CRC-32) stands
before it, as readers that go front to back need it, which is why `zipfile` is not used: on a stream it puts that behind
the file. Past 4 GB, or 65,535 files, the fields of ZIP64 are added (PKWARE APPNOTE 6.3.10, 4.3.7 to 4.3.16 and 4.5.3).
"""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

_FITS_32, _FITS_16 = 0xFFFF_FFFE, 0xFFFE
_FULL_32, _FULL_16 = 0xFFFF_FFFF, 0xFFFF
_VERSION, _VERSION_64 = 20, 45
_MADE_ON_UNIX = 3 << 8
_NAMES_ARE_UTF8 = 0x0800
_READABLE_FILE = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class _Entry:
    name: bytes
    size: int
    crc: int
    at: int


class StoredZip:
    """Writes a ZIP through `write`. Every name is given once, with `/` between folders."""

    def __init__(self, write: Callable[[bytes], object], *, moment: datetime) -> None:
        self._write = write
        self._at = 0
        self._entries: list[_Entry] = []
        self._time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
        self._day = (moment.year - 1980) << 9 | moment.month << 5 | moment.day

    def add(self, name: str, *, size: int, crc: int, pieces: Iterable[bytes]) -> None:
        """Add a file of which size and CRC-32 are known. Raises ValueError when `pieces` are not of that size."""
        entry = _Entry(name.encode(), size, crc, self._at)
        extra = struct.pack("<HHQQ", 1, 16, size, size) if size > _FITS_32 else b""
        shown = _FULL_32 if extra else size
        self._put(struct.pack("<4s5H3L2H", b"PK\3\4", _VERSION_64 if extra else _VERSION, _NAMES_ARE_UTF8, 0,
                              self._time, self._day, crc, shown, shown, len(entry.name), len(extra)))  # fmt: skip
        self._put(entry.name + extra)
        content_at = self._at
        for piece in pieces:
            self._put(piece)
        if self._at - content_at != size:
            raise ValueError(f"{name} is {self._at - content_at} bytes long and was said to be {size}")
        self._entries.append(entry)

    def close(self) -> None:
        """Write the list of what is inside, which ends the file."""
        start = self._at
        for entry in self._entries:
            self._put(self._listed(entry))
        self._end(start, self._at - start)

    def _listed(self, entry: _Entry) -> bytes:
        large, far = entry.size > _FITS_32, entry.at > _FITS_32
        fields = ([entry.size, entry.size] if large else []) + ([entry.at] if far else [])
        extra = struct.pack(f"<HH{len(fields)}Q", 1, 8 * len(fields), *fields) if fields else b""
        shown, at = _FULL_32 if large else entry.size, _FULL_32 if far else entry.at
        version = _VERSION_64 if extra else _VERSION
        return struct.pack("<4s6H3L5H2L", b"PK\1\2", _MADE_ON_UNIX | version, version, _NAMES_ARE_UTF8, 0,
                           self._time, self._day, entry.crc, shown, shown, len(entry.name), len(extra), 0, 0, 0,
                           _READABLE_FILE, at) + entry.name + extra  # fmt: skip

    def _end(self, start: int, length: int) -> None:
        count, end = len(self._entries), self._at
        if count > _FITS_16 or start > _FITS_32 or length > _FITS_32:
            self._put(struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, _MADE_ON_UNIX | _VERSION_64, _VERSION_64, 0, 0,
                                  count, count, length, start))  # fmt: skip
            self._put(struct.pack("<4sLQL", b"PK\6\7", 0, end, 1))
        shown = min(count, _FULL_16)
        self._put(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, shown, shown, min(length, _FULL_32),
                              min(start, _FULL_32), 0))  # fmt: skip

    def _put(self, piece: bytes) -> None:
        self._write(piece)
        self._at += len(piece)
