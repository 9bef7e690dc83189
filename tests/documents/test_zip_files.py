"""A ZIP written front to back can be read by what people have, past the sizes that ZIP64 is for too."""

from __future__ import annotations

import io
import zipfile
import zlib
from datetime import datetime

import pytest

from app.documents import zip_files
from app.documents.zip_files import StoredZip

FILES = {"files/Größe.txt": b"umlauts" * 40, "empty.txt": b"", "index.html": b"<!doctype html>" * 9}


def written(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    archive = StoredZip(target.write, moment=datetime(2026, 3, 2, 9, 30, 14))  # noqa: DTZ001 - a ZIP knows no zone
    for name, content in files.items():
        archive.add(name, size=len(content), crc=zlib.crc32(content), pieces=[content[:5], content[5:]])
    archive.close()
    return target.getvalue()


@pytest.mark.parametrize(("fits_32", "fits_16"), [(0xFFFF_FFFE, 0xFFFE), (50, 2)])
def test_what_goes_in_comes_out(monkeypatch: pytest.MonkeyPatch, fits_32: int, fits_16: int) -> None:
    """The second time as if 50 bytes and two files were all that the plain fields can say."""
    monkeypatch.setattr(zip_files, "_FITS_32", fits_32)
    monkeypatch.setattr(zip_files, "_FITS_16", fits_16)
    content = written(FILES)
    read = zipfile.ZipFile(io.BytesIO(content))
    assert read.testzip() is None
    assert {name: read.read(name) for name in read.namelist()} == FILES
    assert {info.date_time for info in read.infolist()} == {(2026, 3, 2, 9, 30, 14)}
    assert (b"PK\6\6" in content) == (fits_16 == 2)


def test_a_file_of_another_size_than_was_said_stops_it() -> None:
    archive = StoredZip(lambda _: None, moment=datetime(2026, 3, 2))  # noqa: DTZ001 - a ZIP knows no zone
    with pytest.raises(ValueError, match="is 3 bytes long and was said to be 4"):
        archive.add("rota.txt", size=4, crc=0, pieces=[b"abc"])
