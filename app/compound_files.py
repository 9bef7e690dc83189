"""Reads the directory of an OLE compound file ([MS-CFB]): doc, xls, ppt and msg are folders of streams in one file.

Written for files from people one does not know: every length is bounded by the file's own, a chain that turns in a
circle ends, and at most 4 MB of directory is held. Unallocated entries apart, every entry can be listed, also one that
no storage refers to, so that nothing is hidden from a check by leaving it out of the tree.
"""

import struct
from array import array
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_HEADER = struct.Struct("<8s16s5H6s9L109L")
_ENTRY = struct.Struct("<64sHBBLLL16sLQQLQ")
_LAST_SECTOR = 0xFFFFFFFA  # greater numbers are marks: free, end of chain, allocation table
_MAX_DIRECTORY_BYTES = 1 << 22


class NotACompoundFile(ValueError):
    """The file does not follow [MS-CFB], or is too odd to be read safely."""


class _Entry(NamedTuple):
    name: str
    allocated: bool
    left: int
    right: int
    child: int
    start: int
    size: int


class CompoundFile:
    """The directory of a compound file. Raises NotACompoundFile for one that cannot be read safely."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle
        self._size = handle.seek(0, 2)
        handle.seek(0)
        raw = handle.read(_HEADER.size)
        if len(raw) < _HEADER.size or not raw.startswith(SIGNATURE):
            raise NotACompoundFile("no header")
        _, _, _, _, _, shift, _, _, _, _, directory, _, self._cutoff, _, _, difat, _, *table = _HEADER.unpack(raw)
        if shift not in (9, 12):
            raise NotACompoundFile("sector size")
        self._sector_bytes = 1 << shift
        self._sectors = self._size // self._sector_bytes
        self._next = self._allocation_table(table, difat)
        self._directory = b"".join(self._chain(directory, limit=_MAX_DIRECTORY_BYTES))
        if len(self._directory) < _ENTRY.size:
            raise NotACompoundFile("no directory")

    def names(self) -> Iterator[str]:
        """The names of all allocated entries, at any depth."""
        for number in range(len(self._directory) // _ENTRY.size):
            entry = self._entry(number)
            if entry.allocated:
                yield entry.name

    def top(self) -> dict[str, int]:
        """The streams and storages directly under the root: name → entry number."""
        found: dict[str, int] = {}
        waiting = [self._entry(0).child]
        seen: set[int] = set()
        while waiting:
            number = waiting.pop()
            if number in seen or number >= len(self._directory) // _ENTRY.size:
                continue
            seen.add(number)
            entry = self._entry(number)
            found[entry.name] = number
            waiting += (entry.left, entry.right)
        return found

    def stream(self, number: int) -> Iterator[bytes]:
        """The sectors that hold a stream's bytes. A short stream lies in the root's stream: then that one, whole."""
        entry = self._entry(number)
        holder = entry if entry.size >= self._cutoff else self._entry(0)
        return self._chain(holder.start, limit=self._size)

    def _entry(self, number: int) -> _Entry:
        fields = _ENTRY.unpack_from(self._directory, number * _ENTRY.size)
        name, length, kind, _, left, right, child, _, _, _, _, start, size = fields
        text = name[: max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
        return _Entry(text, kind != 0, left, right, child, start, size & 0xFFFFFFFF)

    def _allocation_table(self, listed: list[int], difat: int) -> "array[int]":
        """For every sector the one that follows it. Its own sectors are listed in the header, then in a chain."""
        table = array("I")
        if table.itemsize != 4:
            raise NotACompoundFile("this machine has no 32-bit integers")
        numbers = list(listed)
        seen: set[int] = set()
        while difat <= _LAST_SECTOR:
            if difat in seen:
                raise NotACompoundFile("a circle in the table of tables")
            seen.add(difat)
            *more, difat = struct.unpack(f"<{self._sector_bytes // 4}L", self._sector(difat))
            numbers += more
        for number in numbers:
            if number > _LAST_SECTOR:
                continue
            if len(table) > self._sectors:
                break
            table.frombytes(self._sector(number))
        return table

    def _chain(self, start: int, *, limit: int) -> Iterator[bytes]:
        taken = 0
        sector = start
        while sector <= _LAST_SECTOR:
            taken += self._sector_bytes
            if taken > limit or sector >= len(self._next):
                raise NotACompoundFile("a chain leaves the file or does not end")
            yield self._sector(sector, padded=True)
            sector = self._next[sector]

    def _sector(self, number: int, *, padded: bool = False) -> bytes:
        self._handle.seek((number + 1) * self._sector_bytes)
        content = self._handle.read(self._sector_bytes)
        if content and padded:
            return content.ljust(self._sector_bytes, b"\x00")
        if len(content) < self._sector_bytes:
            raise NotACompoundFile("a sector outside the file")
        return content
