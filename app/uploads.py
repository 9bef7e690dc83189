"""Takes a multipart request apart while it arrives, for both doors: fields into memory, the file into the store.

The body is never held: the parser is fed from the request's stream, and the file's bytes go out in batches of 1 MiB
that a worker thread writes and hashes. Starlette's own form parser would spool the file twice and hash nothing.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import unquote_to_bytes

import anyio
from anyio.lowlevel import RunVar
from anyio.to_thread import run_sync
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.document_search import search_file
from app.domain.files import MAX_BODY_BYTES, MAX_FILE_BYTES, MEGABYTE, safe_file_name
from app.domain.personal_data import Search, Terms
from app.domain.refusals import Malformed, TooLarge, UnsupportedContent, invalid
from app.file_types import check_content, check_file_name
from app.storage import BATCH_BYTES, IncomingFile, Storage, Stored, Upload

MAX_FIELDS = 100
MAX_FIELD_BYTES = 200_000
MAX_FIELDS_BYTES = MEGABYTE
FILE_THREADS = 4
SEARCHES = 2

_limiter: RunVar[anyio.CapacityLimiter] = RunVar("waymark_file_threads")
_searches: RunVar[anyio.CapacityLimiter] = RunVar("waymark_searches")


def file_threads() -> anyio.CapacityLimiter:
    """The places for threads that read and write files: their own, so that a slow disk holds up no database work."""
    return _places(_limiter, FILE_THREADS)


def _places(kept: RunVar[anyio.CapacityLimiter], number: int) -> anyio.CapacityLimiter:
    try:
        return kept.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(number)
        kept.set(limiter)
        return limiter


@dataclass(slots=True)
class ReceivedForm:
    """A form as it came in: every field's values in the order sent, and at most one file, checked but not kept."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    file: IncomingFile | None = None

    @property
    def files(self) -> dict[str, IncomingFile]:
        """The file by the name of its field."""
        return {self.file.field_name: self.file} if self.file else {}

    def value(self, name: str, default: str = "") -> str:
        """The last value of a field, as a browser's form means it."""
        return self.fields.get(name, [default])[-1]

    def required_file(self, field_name: str = "file") -> IncomingFile:
        """The file. Raises Invalid, naming the field, when none was sent."""
        if self.file is None:
            raise invalid(field_name, "required", "Choose a file to send.")
        return self.file

    async def keep(self) -> Stored | None:
        """Keeps the file now, in a thread: for a store that is far away, before a transaction is begun."""
        if self.file is None:
            return None
        return await run_sync(self.file.keep, limiter=file_threads())

    def fingerprint(self) -> str:
        """What an idempotency key is compared by: field names and values, file names and hashes; not the bytes,
        because a client that tries again chooses another boundary and may order the parts anew. Hexadecimal SHA-256.
        """
        files = [[item.field_name, item.file_name, item.sha256] for item in self.files.values()]
        said = json.dumps({"fields": self.fields, "files": files}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(said.encode()).hexdigest()


@asynccontextmanager
async def receive_upload(
    stream: AsyncIterable[bytes],
    headers: Mapping[str, str],
    storage: Storage,
    *,
    terms: Terms | None = None,
    file_field: str = "file",
    max_file: int = MAX_FILE_BYTES,
    max_body: int = MAX_BODY_BYTES,
    into: ReceivedForm | None = None,
) -> AsyncIterator[ReceivedForm]:
    """A multipart request, received: used as `async with`, on `request.stream()` and `request.headers`.

    Inside the block the form is complete and the file's content agrees with its name. Keep the file there, once
    nothing stands against it (`form.file.keep()` in the service, just before the row); leaving the block discards
    what was not kept, whatever went wrong: a cut-off upload, a refusal, a cancelled request.
    With `terms` the file has been searched for personal data; what was found is for the service to judge.
    `headers` must find `content-type` and `content-length` by their lower-case names. A page that shows its form again
    hands in the form to fill (`into`): it holds the fields that had arrived when something was raised.

    Raises UnsupportedContent (the body is no multipart form; the file's kind is not accepted), Malformed (the form
    cannot be read or ends early), TooLarge (file, body or fields), Invalid (several files, an empty file, a file in
    another field than `file_field`), Unavailable (the store). A client that goes away raises what the stream raises.
    """
    receiver = _Receiver(
        boundary=_boundary(headers.get("content-type", "")),
        storage=storage,
        terms=terms,
        file_field=file_field,
        max_file=max_file,
        max_body=max_body,
        form=into,
    )
    try:
        if _declares_more(headers.get("content-length", ""), than=max_body):
            if into is not None:
                await receiver.receive_fields(stream)
            raise _too_large_body(max_body)
        yield await receiver.receive(stream)
    finally:
        with anyio.CancelScope(shield=True):
            await receiver.discard()


def _boundary(content_type: str) -> bytes:
    media_type, options = parse_options_header(content_type)
    if media_type != b"multipart/form-data":
        raise UnsupportedContent("Send the form as multipart/form-data.", accepted=("multipart/form-data",))
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise Malformed("The Content-Type header names no boundary.")
    return boundary


def _declares_more(content_length: str, *, than: int) -> bool:
    return content_length.isdecimal() and int(content_length) > than


def _too_large_body(max_body: int) -> TooLarge:
    return TooLarge(f"The request is larger than {max_body // MEGABYTE} MB. One file may have 50 MB.")


@dataclass(slots=True)
class _Part:
    """The part of the form that is being read."""

    headers: dict[str, str] = field(default_factory=dict)
    name: str = ""
    is_file: bool = False
    file_name: str = ""
    value: bytearray = field(default_factory=bytearray)


class _Receiver:
    """Reads one request. The parser calls the `_on_…` methods; they only collect, and `receive` does the waiting."""

    def __init__(
        self,
        *,
        boundary: bytes,
        storage: Storage,
        terms: Terms | None,
        file_field: str,
        max_file: int,
        max_body: int,
        form: ReceivedForm | None = None,
    ) -> None:
        self._storage = storage
        self._terms = terms
        self._file_field = file_field
        self._max_file = max_file
        self._max_body = max_body
        self._form = form or ReceivedForm()
        self._part = _Part()
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._field_count = 0
        self._field_bytes = 0
        self._ended = False
        self._file_part: _Part | None = None
        self._pending: list[memoryview] = []
        self._pending_bytes = 0
        self._file_bytes = 0
        self._upload: Upload | None = None
        self._writing: asyncio.Task[None] | None = None
        self._parser = _parser(boundary, self)

    async def receive(self, stream: AsyncIterable[bytes]) -> ReceivedForm:
        taken = 0
        async for chunk in stream:
            taken += len(chunk)
            if taken > self._max_body:
                raise _too_large_body(self._max_body)
            self._feed(chunk)
            if self._pending_bytes >= BATCH_BYTES:
                await self._write_pending()
        if not self._ended:
            raise Malformed("The request ended before the form did.")
        await self._finish_file()
        return self._form

    async def receive_fields(self, stream: AsyncIterable[bytes]) -> None:
        """What was typed, as far as it comes before the file, of a request that is refused for its size."""
        taken = 0
        async for chunk in stream:
            taken += len(chunk)
            self._feed(chunk)
            if self._file_part is not None or taken > MAX_FIELDS_BYTES:
                return

    async def discard(self) -> None:
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)
        if self._upload is not None:
            await run_sync(self._upload.discard, limiter=file_threads())

    def _feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise Malformed("The form cannot be read.") from error

    async def _write_pending(self) -> None:
        """Sets a thread to write what has gathered, once it has written the batch before; meanwhile more may come."""
        await self._written()
        batch, self._pending, self._pending_bytes = self._pending, [], 0
        if self._upload is None:
            begin = partial(self._storage.begin, max_bytes=self._max_file)
            self._upload = await run_sync(begin, limiter=file_threads())
        self._writing = asyncio.create_task(run_sync(self._upload.write_all, batch, limiter=file_threads()))

    async def _written(self) -> None:
        if self._writing is not None:
            await self._writing

    async def _finish_file(self) -> None:
        part = self._file_part
        if part is None:
            return
        if self._file_bytes == 0:
            raise invalid(part.name, "empty", f"The file “{part.file_name}” is empty.")
        if self._pending:
            await self._write_pending()
        await self._written()
        if self._upload is None:
            raise AssertionError("a file with bytes has an upload")
        check = partial(check_content, self._upload.reader(), file_name=part.file_name)
        content_type = await run_sync(check, limiter=file_threads())
        self._form.file = IncomingFile(
            field_name=part.name,
            file_name=part.file_name,
            declared_type=part.headers.get("content-type", "")[:200],
            content_type=content_type,
            sha256=self._upload.sha256,
            size=self._upload.size,
            upload=self._upload,
            search=await self._searched(part.file_name, self._upload),
        )

    async def _searched(self, file_name: str, upload: Upload) -> Search | None:
        if self._terms is None:
            return None
        search = partial(search_file, upload.reader(), check_file_name(file_name).name, self._terms)
        return await run_sync(search, limiter=_places(_searches, SEARCHES))

    # What the parser calls, in this order for each part.

    def on_part_begin(self) -> None:
        self._part = _Part()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def on_header_end(self) -> None:
        name = self._header_name.decode("ascii", "replace").lower()
        # Latin-1 keeps every byte, so that names can be decoded as what they really are below.
        self._part.headers[name] = self._header_value.decode("latin-1")
        self._header_name.clear()
        self._header_value.clear()

    def on_headers_finished(self) -> None:
        part = self._part
        disposition = part.headers.get("content-disposition", "")
        kind, options = parse_options_header(disposition)
        if kind != b"form-data" or not options.get(b"name"):
            raise Malformed("A part of the form has no name.")
        part.name = _field_name(options[b"name"])
        file_name = _sent_file_name(options.get(b"filename"), disposition)
        if file_name is None:
            self._count_field()
            return
        part.is_file = True
        part.file_name = safe_file_name(file_name) if file_name else ""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._part.is_file:
            self._take_file_bytes(data, start, end)
        else:
            self._take_field_bytes(data, start, end)

    def on_part_end(self) -> None:
        if self._part.is_file:
            self._end_file()
        else:
            self._end_field()

    def on_end(self) -> None:
        self._ended = True

    def _count_field(self) -> None:
        self._field_count += 1
        if self._field_count > MAX_FIELDS:
            raise TooLarge(f"The form has more than {MAX_FIELDS} fields.")

    def _take_field_bytes(self, data: bytes, start: int, end: int) -> None:
        self._field_bytes += end - start
        if self._field_bytes > MAX_FIELDS_BYTES:
            raise TooLarge(f"The fields of the form together are larger than {MAX_FIELDS_BYTES // MEGABYTE} MB.")
        if len(self._part.value) + end - start > MAX_FIELD_BYTES:
            raise invalid(self._part.name, "too_long", "This is far too long.")
        self._part.value += data[start:end]

    def _end_field(self) -> None:
        part = self._part
        try:
            value = part.value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise invalid(part.name, "not_utf8", "This is not UTF-8 text.") from error
        if "\x00" in value:
            raise invalid(part.name, "control_character", "This holds a character that cannot be stored.")
        if part.name == self._file_field:
            if value:
                raise invalid(part.name, "not_a_file", "Send a file here, with its name.")
            return
        self._form.fields.setdefault(part.name, []).append(value)

    def _take_file_bytes(self, data: bytes, start: int, end: int) -> None:
        if self._file_part is not self._part:
            self._begin_file()
        self._file_bytes += end - start
        self._pending.append(memoryview(data)[start:end])  # as it came: 25 MB are not copied once more
        self._pending_bytes += end - start

    def _begin_file(self) -> None:
        part = self._part
        if part.name != self._file_field:
            raise invalid(part.name, "unexpected_file", f"Send the file in the field “{self._file_field}”.")
        if self._file_part is not None:
            raise invalid(part.name, "too_many", "Send one file at a time.")
        if not part.file_name:
            raise invalid(part.name, "name_missing", "The file has no name.")
        check_file_name(part.file_name)
        self._file_part = part

    def _end_file(self) -> None:
        # A file input in which nothing was chosen arrives as a part without a name and without bytes.
        if self._part.file_name and self._file_part is not self._part:
            self._begin_file()


def _parser(boundary: bytes, receiver: _Receiver) -> MultipartParser:
    try:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": receiver.on_part_begin,
                "on_header_field": receiver.on_header_field,
                "on_header_value": receiver.on_header_value,
                "on_header_end": receiver.on_header_end,
                "on_headers_finished": receiver.on_headers_finished,
                "on_part_data": receiver.on_part_data,
                "on_part_end": receiver.on_part_end,
                "on_end": receiver.on_end,
            },
        )
    except FormParserError as error:
        raise Malformed("The Content-Type header names a boundary that cannot be used.") from error


def _field_name(raw: bytes) -> str:
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("A part of the form has a name that is not UTF-8 text.") from error
    if len(name) > 200 or not name.isprintable():
        raise Malformed("A part of the form has a name that cannot be used.")
    return name


_EXTENDED_NAME = re.compile(r"""filename\*\s*=\s*(utf-8|iso-8859-1)'[^']*'([^;\s]+)""", re.IGNORECASE)


def _sent_file_name(plain: bytes | None, disposition: str) -> str | None:
    """The file's name as its sender meant it; None when the part is no file.

    Browsers write UTF-8 and escape quotes and line ends as %22, %0D and %0A (WHATWG HTML, multipart/form-data);
    some libraries write `filename*` instead (RFC 8187), though RFC 7578 tells them not to.
    """
    if plain is not None:
        name = _decoded(plain)
        return name.replace("%22", '"').replace("%0D", "").replace("%0A", "")
    extended = _EXTENDED_NAME.search(disposition)
    if extended is None:
        return None
    return _decoded(unquote_to_bytes(extended[2]))


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
