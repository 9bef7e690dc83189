"""Where evidence files lie: a local folder, or a bucket of an S3 service. The database knows what they are.

A file is called after the SHA-256 of its bytes (`ab/cd/abcd…`), never after what its sender called it, so that nothing
a sender writes can become a path and the same bytes are kept once.

The order that survives a crash at any moment:

1. `begin` opens a temporary file, outside the names that anything refers to; bytes are hashed as they are written.
2. `keep` makes them durable under their final name, and only then may the row that refers to them be committed.
3. What never got its row is removed by `sweep_orphans` after a grace period; what never got its name, by
   `sweep_temporary`. So there is no row without its file, and a file without a row does not stay.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from app.domain.files import MAX_FILE_BYTES, MEGABYTE
from app.domain.personal_data import Search
from app.domain.refusals import TooLarge, Unavailable

if TYPE_CHECKING:
    from obstore.store import S3Store

BATCH_BYTES = 1 << 20
MINIMUM_GRACE = timedelta(hours=1)
"""An upload must be able to commit its row in this time: nothing younger is ever swept."""

_RETRY_SECONDS = 30
_READ_BYTES = 1 << 18
_AWAY = "the store cannot be reached"
_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}")
_TEMPORARY_SUFFIX = ".part"


class MissingFile(LookupError):
    """No file of that name is in the store, though something refers to it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in the store. `sha256` is hexadecimal, `size` in bytes, `name` what `open` takes."""

    sha256: str
    size: int
    name: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A name in the store and when its file was last put there (UTC)."""

    name: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """A file to be read: `size` in bytes, and its bytes in pieces of at most 256 KiB."""

    size: int
    chunks: Iterator[bytes]


def name_of(sha256: str) -> str:
    """The name in the store for a SHA-256 given as 64 lower-case hexadecimal digits."""
    name = f"{sha256[:2]}/{sha256[2:4]}/{sha256}"
    return _checked(name)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a name in the store: {name!r}")
    return name


@contextlib.contextmanager
def _faults_as_unavailable() -> Iterator[None]:
    """Turns what a disk says into one answer that a door can give. The cause stays attached for the log."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise _unreachable("the disk is full" if full else _AWAY) from error


def _unreachable(why: str = _AWAY) -> Unavailable:
    return Unavailable(
        f"Evidence files cannot be stored or read just now: {why}. Nothing was saved.", retry_after=_RETRY_SECONDS
    )


# --- one upload ----------------------------------------------------------------------------------------------------


class Upload:
    """A file on its way into the store. Write, then `keep` or `discard`; nothing is visible before `keep`.

    Not for several threads at once, but each call may come from another thread.
    """

    def __init__(self, *, folder: Path, place: Callable[[Path, Stored], None], max_bytes: int) -> None:
        self._place = place
        self._max_bytes = max_bytes
        self._hash = hashlib.sha256()
        self._size = 0
        self._kept: Stored | None = None
        self._path = folder / (secrets.token_hex(16) + _TEMPORARY_SUFFIX)
        with _faults_as_unavailable():
            make_folder(folder)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = os.fdopen(descriptor, "w+b", buffering=0)

    @property
    def size(self) -> int:
        """Bytes taken so far."""
        return self._size

    @property
    def sha256(self) -> str:
        """Of the bytes taken so far, hexadecimal."""
        return self._hash.hexdigest()

    def write(self, batch: bytes | bytearray | memoryview) -> None:
        """Takes more bytes. Raises TooLarge past the limit and Unavailable when they cannot be written."""
        if self._size + len(batch) > self._max_bytes:
            raise TooLarge(
                f"The file is larger than {self._max_bytes // MEGABYTE} MB, the most that one file may have."
            )
        with _faults_as_unavailable():
            rest = memoryview(batch)
            while rest:
                rest = rest[self._file.write(rest) :]
        self._hash.update(batch)
        self._size += len(batch)

    def write_all(self, pieces: Iterable[bytes | bytearray | memoryview]) -> None:
        """Takes the pieces in their order, and sets the disk to work on them. Raises as `write` does."""
        for piece in pieces:
            self.write(piece)
        _begin_to_disk(self._file.fileno())

    def reader(self) -> BinaryIO:
        """The bytes taken so far, to be looked into before they are kept. Seekable; do not write while reading."""
        self._file.seek(0)
        return self._file

    def keep(self) -> Stored:
        """Makes the file durable under its final name; the row may be committed after this. Safe to repeat.

        Raises Unavailable when that cannot be done; then nothing is left.
        """
        if self._kept is not None:
            return self._kept
        stored = Stored(sha256=self.sha256, size=self._size, name=name_of(self.sha256))
        try:
            with _faults_as_unavailable():
                os.fsync(self._file.fileno())
                self._place(self._path, stored)
        except BaseException:
            self.discard()
            raise
        self._kept = stored
        self.discard()
        return stored

    def discard(self) -> None:
        """Leaves nothing behind of what was not kept. Safe to repeat; never raises for a disk that is away."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink()


def _begin_to_disk(descriptor: int) -> None:
    """Has the system begin to write what it holds, so that the wait for the disk at the end is short. A hint only."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


@dataclass(slots=True)
class IncomingFile:
    """A file as it came in: read, hashed and its content checked, but not kept yet.

    A service calls `keep()` when nothing stands against it any more, just before it writes the row. What is not kept
    is gone when the request ends.
    """

    field_name: str
    file_name: str
    declared_type: str
    content_type: str
    sha256: str
    size: int
    upload: Upload = field(repr=False)
    search: Search | None = None

    def keep(self) -> Stored:
        """See `Upload.keep`."""
        return self.upload.keep()


def incoming_from_bytes(storage: "Storage", *, file_name: str, content_type: str, content: bytes) -> IncomingFile:
    """A file that Waymark has at hand itself, such as a demo's, as one that came in. Its content is not checked."""
    upload = storage.begin()
    try:
        upload.write(content)
    except BaseException:
        upload.discard()
        raise
    return IncomingFile(
        field_name="file",
        file_name=file_name,
        declared_type=content_type,
        content_type=content_type,
        sha256=upload.sha256,
        size=upload.size,
        upload=upload,
    )


# --- the port ------------------------------------------------------------------------------------------------------


class Storage(Protocol):
    """What a store can do. Every method may raise Unavailable: the store is full, unwritable or away."""

    def begin(self, *, max_bytes: int = MAX_FILE_BYTES) -> Upload:
        """Opens an upload of at most `max_bytes`."""
        ...

    def open(self, name: str) -> Opened:
        """Opens a file for reading. Raises MissingFile."""
        ...

    def exists(self, name: str) -> bool:
        """Whether a file of this name is there."""
        ...

    def checksum(self, name: str) -> str:
        """The SHA-256 of the bytes that really lie there, hexadecimal. Raises MissingFile."""
        ...

    def list_names(self) -> Iterator[Listed]:
        """Every file in the store, in no order."""
        ...

    def delete(self, name: str, *, unchanged_since: datetime) -> bool:
        """Deletes a file unless it was put there after that moment, even if only just. Says whether it did."""
        ...

    def check_writable(self) -> None:
        """Proves that a file can be written now, for `/readyz`."""
        ...

    def sweep_temporary(self, *, now: datetime, older_than: timedelta = MINIMUM_GRACE) -> int:
        """Removes what uploads left that were killed half-way. Says how many."""
        ...


@dataclass(frozen=True, slots=True)
class S3Options:
    """How to reach an S3 service. Empty fields are left to the usual AWS_… variables and machine roles."""

    endpoint: str = ""
    region: str = ""
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)


def open_storage(url: str, *, temporary_folder: Path | None = None, s3: S3Options | None = None) -> Storage:
    """The store that a setting names: a folder, as a `file:` URL, or `s3://bucket/prefix`.

    Touches neither disk nor network. `temporary_folder` is where uploads to S3 wait until they are complete (default:
    the system's); a local store keeps its own, in its own file system.
    Raises ValueError with a sentence for a URL that cannot be used.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return LocalStorage(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        folder = temporary_folder or Path(tempfile.gettempdir()) / "waymark-uploads"
        return S3Storage(
            bucket=parts.netloc, prefix=parts.path.strip("/"), temporary_folder=folder, options=s3 or S3Options()
        )
    raise ValueError(f"WAYMARK_STORAGE_URL must be a file: URL of a folder or s3://bucket/prefix, not {url!r}.")


# --- a local folder ------------------------------------------------------------------------------------------------


class LocalStorage:
    """Evidence in a folder. Several processes of one machine may use it at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._temporary = folder / "tmp"

    def begin(self, *, max_bytes: int = MAX_FILE_BYTES) -> Upload:
        return Upload(folder=self._temporary, place=self._move_into_place, max_bytes=max_bytes)

    def open(self, name: str) -> Opened:
        handle = self._handle(name)
        return Opened(size=os.fstat(handle.fileno()).st_size, chunks=_read_in_pieces(handle))

    def exists(self, name: str) -> bool:
        with _faults_as_unavailable():
            try:
                return (self._folder / _checked(name)).stat().st_size >= 0
            except FileNotFoundError:
                return False

    def checksum(self, name: str) -> str:
        with self._handle(name) as handle, _faults_as_unavailable():
            return hashlib.file_digest(handle, "sha256").hexdigest()

    def list_names(self) -> Iterator[Listed]:
        with _faults_as_unavailable():
            for path in self._folder.glob("??/??/*"):
                name = path.relative_to(self._folder).as_posix()
                if not _NAME.fullmatch(name):
                    continue
                with contextlib.suppress(FileNotFoundError):
                    status = path.stat()
                    yield Listed(name, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))

    def delete(self, name: str, *, unchanged_since: datetime) -> bool:
        path = self._folder / _checked(name)
        with _faults_as_unavailable(), self._turn(fcntl.LOCK_EX):
            try:
                if path.stat().st_mtime > unchanged_since.timestamp():
                    return False
                path.unlink()
            except FileNotFoundError:
                return False
            return True

    def check_writable(self) -> None:
        probe = self.begin()
        try:
            with _faults_as_unavailable():
                probe.write(b"waymark")
                os.fsync(probe.reader().fileno())
        finally:
            probe.discard()

    def sweep_temporary(self, *, now: datetime, older_than: timedelta = MINIMUM_GRACE) -> int:
        return _sweep_temporary(self._temporary, before=now - older_than)

    def _handle(self, name: str) -> BufferedReader:
        with _faults_as_unavailable():
            try:
                return (self._folder / _checked(name)).open("rb")
            except FileNotFoundError as error:
                raise MissingFile(name) from error

    def _move_into_place(self, temporary: Path, stored: Stored) -> None:
        target = self._folder / stored.name
        make_folder(target.parent)
        # A sweep may be judging an older copy of the same bytes by its age: the new age is set, and the name
        # replaced, in turn with it. Replacing also heals a copy that has rotted.
        with self._turn(fcntl.LOCK_SH):
            os.utime(temporary)
            temporary.replace(target)
        _sync_folder(target.parent)

    @contextlib.contextmanager
    def _turn(self, mode: int) -> Iterator[None]:
        """Uploads may move files into place together, but never while a sweep deletes one."""
        descriptor = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, mode)
            yield
        finally:
            os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Makes a folder and its parents, each durable in the one above it."""
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_in_pieces(handle: BinaryIO) -> Iterator[bytes]:
    with handle, _faults_as_unavailable():
        while piece := handle.read(_READ_BYTES):
            yield piece


def _sweep_temporary(folder: Path, *, before: datetime) -> int:
    removed = 0
    with _faults_as_unavailable():
        for path in folder.glob(f"*{_TEMPORARY_SUFFIX}"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()
                    removed += 1
    return removed


# --- an S3 bucket --------------------------------------------------------------------------------------------------

_PART_BYTES = 5 << 20  # the least that S3 takes for one part of several
_SWEEPING = "sweeping/"
_PROBE = "probe"
_ABANDONED_MARK = timedelta(minutes=10)


class S3Storage:
    """Evidence in a bucket. An upload waits in a local temporary file until it is complete, then goes up in one go.

    S3 cannot delete "unless newer", so a sweep and an upload of the same bytes agree by a mark: see `delete`.
    A process killed while a large file goes up may leave parts that no listing shows: give the bucket a lifecycle
    rule that aborts incomplete multipart uploads.
    """

    def __init__(self, *, bucket: str, prefix: str, temporary_folder: Path, options: S3Options) -> None:
        self._temporary = temporary_folder
        self._store = _s3_store(bucket=bucket, prefix=prefix, options=options)

    def begin(self, *, max_bytes: int = MAX_FILE_BYTES) -> Upload:
        return Upload(folder=self._temporary, place=self._put, max_bytes=max_bytes)

    def open(self, name: str) -> Opened:
        import obstore

        with _s3_faults(reading=name):
            found = obstore.get(self._store, _checked(name))
            return Opened(size=found.meta["size"], chunks=_s3_pieces(found, name))

    def exists(self, name: str) -> bool:
        return self._modified(_checked(name)) is not None

    def checksum(self, name: str) -> str:
        digest = hashlib.sha256()
        for piece in self.open(name).chunks:
            digest.update(piece)
        return digest.hexdigest()

    def list_names(self) -> Iterator[Listed]:
        import obstore

        with _s3_faults():
            for page in obstore.list(self._store):
                for entry in page:
                    if _NAME.fullmatch(entry["path"]):
                        yield Listed(entry["path"], entry["size"], entry["last_modified"].astimezone(UTC))

    def delete(self, name: str, *, unchanged_since: datetime) -> bool:
        """See `Storage.delete`.

        The mark is set before the file's age is looked at and taken away after the file is gone. An upload that ends
        before the look is seen by it; one that ends after it finds the mark, or finds its file gone, and puts the
        file there again (`_put`). S3 answers reads with the latest write, which this rests on.
        """
        import obstore

        mark = _SWEEPING + _checked(name)
        with _s3_faults():
            obstore.put(self._store, mark, b"", use_multipart=False)
            try:
                modified = self._modified(name)
                if modified is None or modified > unchanged_since:
                    return False
                obstore.delete(self._store, name)
                return True
            finally:
                obstore.delete(self._store, mark)

    def check_writable(self) -> None:
        import obstore

        with _s3_faults():
            obstore.put(self._store, _PROBE, b"waymark", use_multipart=False)

    def sweep_temporary(self, *, now: datetime, older_than: timedelta = MINIMUM_GRACE) -> int:
        self._remove_abandoned_marks(before=now - _ABANDONED_MARK)
        return _sweep_temporary(self._temporary, before=now - older_than)

    def _remove_abandoned_marks(self, *, before: datetime) -> None:
        import obstore

        with _s3_faults():
            for page in obstore.list(self._store, prefix=_SWEEPING):
                for entry in page:
                    if entry["last_modified"] < before:
                        obstore.delete(self._store, entry["path"])

    def _put(self, temporary: Path, stored: Stored) -> None:
        import obstore

        with _s3_faults():
            for _ in range(3):
                obstore.put(
                    self._store,
                    stored.name,
                    temporary,
                    use_multipart=stored.size > _PART_BYTES,
                    chunk_size=_PART_BYTES,
                    max_concurrency=1,
                )
                if self._modified(_SWEEPING + stored.name) is None and self._modified(stored.name) is not None:
                    return
        raise Unavailable("This file is being tidied away at this moment. Send it again.", retry_after=_RETRY_SECONDS)

    def _modified(self, path: str) -> datetime | None:
        import obstore

        with _s3_faults():
            try:
                return obstore.head(self._store, path)["last_modified"].astimezone(UTC)
            except FileNotFoundError:
                return None


def _s3_store(*, bucket: str, prefix: str, options: S3Options) -> "S3Store":
    try:
        from obstore.store import S3Store
    except ImportError as error:
        raise ValueError('WAYMARK_STORAGE_URL names an S3 bucket; install "waymark[s3]" for that.') from error
    settings: dict[str, Any] = {
        "endpoint": options.endpoint,
        "region": options.region,
        "access_key_id": options.access_key_id,
        "secret_access_key": options.secret_access_key,
    }
    return S3Store(
        bucket,
        prefix=prefix or None,
        virtual_hosted_style_request=not options.endpoint,
        client_options={
            "allow_http": options.endpoint.startswith("http://"),
            "connect_timeout": "5s",
            "timeout": "60s",
        },
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=15)},
        **{name: value for name, value in settings.items() if value},
    )


@contextlib.contextmanager
def _s3_faults(*, reading: str = "") -> Iterator[None]:
    """As `_faults_as_unavailable`. What is not found is a missing file while reading, else a missing bucket."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, OSError) as error:
        if reading and isinstance(error, FileNotFoundError):
            raise MissingFile(reading) from error
        raise _unreachable() from error


def _s3_pieces(found: Any, name: str) -> Iterator[bytes]:
    with _s3_faults(reading=name):
        for piece in found.stream(min_chunk_size=_READ_BYTES):
            yield bytes(piece)


# --- tidying up ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: the names it deleted, and how many temporary files."""

    deleted: tuple[str, ...]
    temporary: int


def sweep_orphans(
    storage: Storage,
    *,
    known: Callable[[list[str]], Iterable[str]],
    now: datetime,
    grace: timedelta = timedelta(days=1),
    batch: int = 500,
) -> Swept:
    """Deletes files that no row refers to, and what killed uploads left; for `waymark jobs run`.

    `known` is given up to `batch` names and answers which of them a committed row refers to. Only files put there
    longer than `grace` ago are looked at, and each one's age once more when it is deleted: an upload of the same
    bytes renews the age, so that its row, still to be committed, finds its file.
    Raises ValueError for a grace under an hour.
    """
    if grace < MINIMUM_GRACE:
        raise ValueError("a grace under one hour could delete a file whose row is about to be committed")
    before = now - grace
    temporary = storage.sweep_temporary(now=now)
    deleted: list[str] = []
    candidates = (listed.name for listed in storage.list_names() if listed.modified < before)
    while names := list(islice(candidates, batch)):
        referred_to = set(known(names))
        deleted += [name for name in names if name not in referred_to and storage.delete(name, unchanged_since=before)]
    return Swept(deleted=tuple(deleted), temporary=temporary)
