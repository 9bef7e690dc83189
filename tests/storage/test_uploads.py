"""A multipart request, taken apart while it arrives."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import resource
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect, Request

from app.domain.files import ACCEPTED
from app.domain.refusals import Invalid, Malformed, TooLarge, Unavailable, UnsupportedContent, WaymarkError
from app.storage import LocalStorage, Storage, Upload, name_of
from app.uploads import ReceivedForm, receive_upload
from tests.storage import samples

BOUNDARY = "a-boundary"
HEADERS = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def part(name: str, content: bytes | str, *, file_name: str | None = None, declared: str = "") -> bytes:
    file = f'; filename="{file_name}"' if file_name is not None else ""
    kind = f"Content-Type: {declared}\r\n" if declared else ""
    body = content.encode() if isinstance(content, str) else content
    return f'Content-Disposition: form-data; name="{name}"{file}\r\n{kind}\r\n'.encode() + body


def multipart(*parts: bytes, boundary: str = BOUNDARY) -> bytes:
    delimiter = f"--{boundary}".encode()
    return b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in parts) + delimiter + b"--\r\n"


PDF_PART = part("file", samples.PDF, file_name="minutes.pdf", declared="application/pdf")


async def arriving(pieces: Iterable[bytes], *, then: Exception | None = None) -> AsyncIterator[bytes]:
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece
    if then is not None:
        raise then


def in_pieces(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


def receive(storage: Storage, body: bytes, *, keep: bool = False, pieces: int = 65_536, headers=HEADERS, **limits):
    """What comes of a request: the form (its file kept or not), or what it raises."""

    async def run() -> ReceivedForm:
        async with receive_upload(arriving(in_pieces(body, pieces)), headers, storage, **limits) as form:
            if keep:
                await form.keep()
            return form

    return asyncio.run(run())


def refused(storage: Storage, *parts: bytes, **more) -> WaymarkError:
    with pytest.raises(WaymarkError) as caught:
        receive(storage, multipart(*parts), **more)
    return caught.value


def field_error(storage: Storage, *parts: bytes) -> tuple[str, str]:
    error = refused(storage, *parts)
    assert isinstance(error, Invalid)
    (only,) = error.errors
    return only.name, only.code


@pytest.fixture
def nothing_left(local_storage, tmp_path):
    """Afterwards neither a file nor a temporary one is in the store."""
    yield local_storage
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.name != ".lock"] == []


# --- what is taken -------------------------------------------------------------------------------------------------


def test_fields_and_the_file_come_out_as_they_were_sent(storage):
    body = multipart(part("title", "Café rota"), part("kind", "document"), part("kind", "minutes"), PDF_PART)
    form = receive(storage, body, keep=True)

    assert form.fields == {"title": ["Café rota"], "kind": ["document", "minutes"]}
    assert (form.value("title"), form.value("kind"), form.value("none", "other")) == ("Café rota", "minutes", "other")
    file = form.required_file()
    assert form.files == {"file": file}
    assert (file.file_name, file.declared_type, file.content_type) == (
        "minutes.pdf",
        "application/pdf",
        "application/pdf",
    )
    assert (file.sha256, file.size) == (hashlib.sha256(samples.PDF).hexdigest(), len(samples.PDF))
    assert b"".join(storage.open(name_of(file.sha256)).chunks) == samples.PDF


@pytest.mark.parametrize("pieces", [1, 2, 3, 7, 50, 100_000])
def test_it_does_not_matter_how_the_request_is_cut_into_pieces(local_storage, pieces):
    tricky = b"text \r\n--a-boundar\r\n--a-boundary_not\r\n-- \r\r\n-\n" * 3
    body = multipart(part("title", "two\r\nlines"), part("file", tricky, file_name="a.txt"), part("after", "x"))
    form = receive(local_storage, body, keep=True, pieces=pieces)

    assert form.fields == {"title": ["two\r\nlines"], "after": ["x"]}
    assert b"".join(local_storage.open(name_of(form.required_file().sha256)).chunks) == tricky


@given(content=st.binary(min_size=1, max_size=300), pieces=st.integers(min_value=1, max_value=400))
def test_any_bytes_arrive_unchanged(tmp_path_factory, content, pieces):
    storage = LocalStorage(tmp_path_factory.getbasetemp() / "any-bytes")
    sent = samples.PDF + content
    form = receive(storage, multipart(part("file", sent, file_name="a.pdf")), pieces=pieces)

    assert form.required_file().sha256 == hashlib.sha256(sent).hexdigest()


def test_a_file_of_many_batches_arrives_unchanged(local_storage):
    content = samples.PDF + os.urandom(1 << 20) * 5
    form = receive(local_storage, multipart(part("file", content, file_name="a.pdf")), keep=True)

    assert form.required_file().size == len(content)
    assert local_storage.checksum(name_of(hashlib.sha256(content).hexdigest())) == form.required_file().sha256


def test_a_form_without_a_file_is_a_form_without_a_file(nothing_left):
    nothing_chosen = part("file", b"", file_name="", declared="application/octet-stream")
    for parts in ([part("title", "x")], [part("title", "x"), nothing_chosen], [part("title", "x"), part("file", "")]):
        form = receive(nothing_left, multipart(*parts), keep=True)
        assert (form.fields, form.file, form.files) == ({"title": ["x"]}, None, {})
        with pytest.raises(Invalid) as caught:
            form.required_file()
        assert caught.value.errors[0].name == "file"
    assert receive(nothing_left, b"--a-boundary--\r\n").fields == {}


def test_what_is_not_kept_is_gone_when_the_request_ends(nothing_left):
    assert receive(nothing_left, multipart(PDF_PART)).required_file().size == len(samples.PDF)


def test_a_refusal_by_a_rule_leaves_nothing(nothing_left):
    async def run() -> None:
        async with receive_upload(arriving([multipart(PDF_PART)]), HEADERS, nothing_left) as form:
            assert form.file is not None
            raise Malformed("as a service refuses")

    with pytest.raises(Malformed, match="as a service refuses"):
        asyncio.run(run())


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("C:\\Users\\me\\minutes.pdf", "minutes.pdf"),
        ("../../etc/minutes.pdf", "minutes.pdf"),
        ("Café 会.pdf", "Café 会.pdf"),
        ("say %22yes%22.pdf", 'say "yes".pdf'),
        ("evil\u202efdp.pdf", "evilfdp.pdf"),
        ("a" * 400 + ".pdf", "a" * 196 + ".pdf"),
    ],
)
def test_the_senders_file_name_is_kept_to_be_shown_and_made_safe(local_storage, sent, shown):
    form = receive(local_storage, multipart(part("file", samples.PDF, file_name=sent)))

    assert form.required_file().file_name == shown


def test_names_that_are_not_utf_8_or_use_the_extended_form_are_understood(local_storage):
    latin = b'Content-Disposition: form-data; name="file"; filename="Caf\xe9.pdf"\r\n\r\n' + samples.PDF
    extended = (
        b"Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''Caf%C3%A9%20x.pdf\r\n\r\n" + samples.PDF
    )

    assert receive(local_storage, multipart(latin)).required_file().file_name == "Café.pdf"
    assert receive(local_storage, multipart(extended)).required_file().file_name == "Café x.pdf"


@pytest.mark.parametrize("file_name", samples.every_accepted_kind())
def test_every_accepted_kind_comes_in(local_storage, file_name):
    content = samples.every_accepted_kind()[file_name]
    form = receive(local_storage, multipart(part("file", content, file_name=file_name)), keep=True)

    assert local_storage.checksum(name_of(form.required_file().sha256)) == hashlib.sha256(content).hexdigest()


# --- the fingerprint -----------------------------------------------------------------------------------------------


def test_a_retry_with_another_boundary_and_order_has_the_same_fingerprint(local_storage):
    title, kind = part("title", "x"), part("kind", "document")
    one = receive(local_storage, multipart(title, kind, PDF_PART))
    other = receive(
        local_storage,
        multipart(PDF_PART, kind, title, boundary="zzz"),
        headers={"content-type": 'multipart/form-data; boundary="zzz"'},
    )

    assert one.fingerprint() == other.fingerprint()
    assert len(one.fingerprint()) == 64


def test_any_difference_in_what_is_said_changes_the_fingerprint(local_storage):
    title = part("title", "x")
    forms = [
        [title, PDF_PART],
        [part("title", "y"), PDF_PART],
        [part("name", "x"), PDF_PART],
        [title, title, PDF_PART],
        [title, part("file", samples.PDF, file_name="other.pdf")],
        [title, part("file", samples.PDF + b" ", file_name="minutes.pdf")],
        [title],
        [part("a", "1"), part("a", "2")],
        [part("a", "2"), part("a", "1")],
    ]
    assert len({receive(local_storage, multipart(*parts)).fingerprint() for parts in forms}) == len(forms)


# --- what is refused -----------------------------------------------------------------------------------------------


def test_a_file_that_is_not_what_its_name_says_is_refused(nothing_left):
    error = refused(nothing_left, part("file", samples.EXE, file_name="minutes.pdf"))

    assert isinstance(error, UnsupportedContent)
    assert error.accepted == ACCEPTED


def test_a_file_of_a_kind_that_is_not_taken_is_refused_before_it_is_stored(tmp_path):
    (tmp_path / "evidence").write_text("no store could be opened here")
    store = LocalStorage(tmp_path / "evidence")

    assert isinstance(refused(store, part("file", b"x" * 5_000_000, file_name="a.zip")), UnsupportedContent)
    assert isinstance(refused(store, part("file", b"", file_name="a.zip")), UnsupportedContent)
    assert isinstance(refused(store, PDF_PART), Unavailable)


def test_an_empty_file_names_its_field(nothing_left):
    assert field_error(nothing_left, part("file", b"", file_name="a.pdf")) == ("file", "empty")


def test_more_than_one_file_is_refused(nothing_left):
    assert field_error(nothing_left, PDF_PART, PDF_PART) == ("file", "too_many")
    empty = part("file", b"", file_name="b.pdf")
    assert field_error(nothing_left, PDF_PART, empty) == ("file", "too_many")


def test_a_file_in_another_field_is_refused(nothing_left):
    assert field_error(nothing_left, part("other", samples.PDF, file_name="a.pdf")) == ("other", "unexpected_file")


def test_a_file_without_a_name_is_refused(nothing_left):
    assert field_error(nothing_left, part("file", samples.PDF, file_name="")) == ("file", "name_missing")


def test_text_where_the_file_should_be_is_refused(nothing_left):
    assert field_error(nothing_left, part("file", "the text of a file")) == ("file", "not_a_file")


def test_text_that_cannot_be_stored_names_its_field(nothing_left):
    assert field_error(nothing_left, PDF_PART, part("title", b"\xff\xfe")) == ("title", "not_utf8")
    assert field_error(nothing_left, PDF_PART, part("title", b"a\x00b")) == ("title", "control_character")
    assert field_error(nothing_left, PDF_PART, part("title", b"a" * 200_001)) == ("title", "too_long")
    assert receive(nothing_left, multipart(part("title", b"a" * 200_000))).value("title") == "a" * 200_000


def test_too_many_fields_or_too_much_in_them_is_too_large(nothing_left):
    assert isinstance(refused(nothing_left, PDF_PART, *[part("a", "x")] * 101), TooLarge)
    assert isinstance(refused(nothing_left, PDF_PART, *[part("a", b"x" * 200_000)] * 6), TooLarge)
    assert len(receive(nothing_left, multipart(*[part("a", "x")] * 100)).fields["a"]) == 100


def test_a_file_past_its_limit_is_too_large_and_one_at_its_limit_is_not(nothing_left):
    content = samples.PDF + bytes(3_000_000)
    at_limit = part("file", content, file_name="a.pdf")

    assert receive(nothing_left, multipart(at_limit), max_file=len(content)).required_file().size == len(content)
    error = refused(nothing_left, at_limit, max_file=len(content) - 1)
    assert isinstance(error, TooLarge)
    assert "The file is larger than" in error.message


@pytest.mark.parametrize("size", [50_000_001, 51_000_000])
def test_a_file_of_more_than_fifty_megabytes_is_too_large(nothing_left, size):
    # At 51,000,000 bytes the request is past its own limit as well; either way the answer is the same.
    error = refused(nothing_left, part("file", samples.PDF.ljust(size), file_name="a.pdf"))

    assert isinstance(error, TooLarge)


def test_a_file_of_fifty_megabytes_is_taken(local_storage):
    form = receive(local_storage, multipart(part("file", samples.PDF.ljust(50_000_000), file_name="a.pdf")))

    assert form.required_file().size == 50_000_000


def test_a_body_past_its_limit_is_too_large_by_its_header_or_while_it_comes(nothing_left):
    body = multipart(PDF_PART)
    for headers in (HEADERS, {**HEADERS, "content-length": str(len(body))}):
        assert receive(nothing_left, body, headers=headers, max_body=len(body)).file is not None
        with pytest.raises(TooLarge, match="The request is larger"):
            receive(nothing_left, body, headers=headers, max_body=len(body) - 1)

    unread = arriving([], then=AssertionError("the body was read although its length was declared"))

    async def run() -> None:
        async with receive_upload(unread, {**HEADERS, "content-length": "51000001"}, nothing_left):
            raise AssertionError("the form was received")

    with pytest.raises(TooLarge, match="larger than 51 MB"):
        asyncio.run(run())


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "multipart/mixed; boundary=x", "application/x-www-form-urlencoded", "multipart"],
)
def test_a_body_that_is_no_multipart_form_is_unsupported(nothing_left, content_type):
    with pytest.raises(UnsupportedContent) as caught:
        receive(nothing_left, b"{}", headers={"content-type": content_type})
    assert caught.value.accepted == ("multipart/form-data",)


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'x' * 300}"],
)
def test_a_form_without_a_usable_boundary_is_malformed(nothing_left, content_type):
    with pytest.raises(Malformed):
        receive(nothing_left, multipart(PDF_PART), headers={"content-type": content_type})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not a form at all",
        multipart(PDF_PART, boundary="another"),
        multipart(PDF_PART)[:-5],
        multipart(PDF_PART)[:-40],
        multipart(PDF_PART)[:150],
        multipart(b"Content-Disposition: form-data\r\n\r\nx"),
        multipart(b"Content-Type: text/plain\r\n\r\nx"),
        multipart(b'Content-Disposition: attachment; name="file"; filename="a.pdf"\r\n\r\nx'),
        multipart(b'Content-Disposition: form-data; name=""\r\n\r\nx'),
        multipart(b'Content-Disposition: form-data; name="\xff\xfe"\r\n\r\nx'),
        multipart(b'Content-Disposition: form-data; name="' + b"n" * 201 + b'"\r\n\r\nx'),
        multipart(b"Bad Header: x\r\n\r\nx"),
        multipart(b'Content-Disposition: form-data; name="a"\r\nX: ' + b"y" * 100_000 + b"\r\n\r\nx"),
        multipart(b"X-A: b\r\n" * 500 + b"\r\nx"),
    ],
)
def test_a_form_that_cannot_be_read_is_malformed_and_leaves_nothing(nothing_left, body):
    with pytest.raises(Malformed):
        receive(nothing_left, body)


@given(noise=st.binary(max_size=400), at=st.integers(min_value=0, max_value=700), pieces=st.integers(1, 800))
def test_whatever_is_sent_the_answer_is_a_form_or_a_refusal(tmp_path_factory, noise, at, pieces):
    body = multipart(part("title", "x"), PDF_PART)
    folder = tmp_path_factory.getbasetemp() / "noise"
    with contextlib.suppress(WaymarkError):
        receive(LocalStorage(folder), body[:at] + noise + body[at + len(noise) // 2 :], pieces=pieces)
    assert [path for path in folder.rglob("*") if path.is_file()] == []


# --- what is cut off -----------------------------------------------------------------------------------------------


def test_a_client_that_goes_away_leaves_nothing(nothing_left):
    body = multipart(part("file", samples.PDF + bytes(5_000_000), file_name="a.pdf"))
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in in_pieces(body, 100_000)[:-3]]
    messages.append({"type": "http.disconnect"})

    async def next_message():
        await asyncio.sleep(0)
        return messages.pop(0)

    async def run() -> None:
        scope = {"type": "http", "method": "POST", "headers": [(b"content-type", HEADERS["content-type"].encode())]}
        request = Request(scope, next_message)
        async with receive_upload(request.stream(), request.headers, nothing_left):
            raise AssertionError("the form was received")

    with pytest.raises(ClientDisconnect):
        asyncio.run(run())


def test_a_request_that_is_cancelled_leaves_nothing_also_while_a_batch_is_being_written(nothing_left):
    body = multipart(part("file", samples.PDF + bytes(5_000_000), file_name="a.pdf"))
    waiting = asyncio.Event()

    async def stalling() -> AsyncIterator[bytes]:
        for piece in in_pieces(body, 100_000)[:-3]:
            yield piece
        waiting.set()
        await asyncio.sleep(60)

    async def run() -> None:
        async with receive_upload(stalling(), HEADERS, nothing_left):
            raise AssertionError("the form was received")

    async def cancelled() -> None:
        task = asyncio.create_task(run())
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())


def test_a_request_whose_scope_is_cancelled_leaves_nothing(nothing_left):
    body = multipart(part("file", samples.PDF + bytes(5_000_000), file_name="a.pdf"))

    async def run() -> None:
        with anyio.CancelScope() as scope:
            stream = cancelling(arriving([body[:-100]]), scope)
            async with receive_upload(stream, HEADERS, nothing_left):
                raise AssertionError("the form was received")
        assert scope.cancelled_caught

    async def cancelling(stream: AsyncIterator[bytes], scope: anyio.CancelScope) -> AsyncIterator[bytes]:
        async for piece in stream:
            yield piece
        scope.cancel()
        await asyncio.sleep(60)

    asyncio.run(run())


def test_nothing_is_thrown_away_while_a_thread_still_writes_it(local_storage, monkeypatch):
    """A thread that writes to a file another has closed may write into whatever got its number since."""
    happened: list[str] = []
    write_all, discard = Upload.write_all, Upload.discard

    def slow_write(self: Upload, pieces: Iterable[memoryview]) -> None:
        happened.append("writing")
        time.sleep(0.3)
        write_all(self, pieces)
        happened.append("written")

    def noted_discard(self: Upload) -> None:
        happened.append("discarded")
        discard(self)

    monkeypatch.setattr(Upload, "write_all", slow_write)
    monkeypatch.setattr(Upload, "discard", noted_discard)
    body = multipart(part("file", samples.PDF + bytes(1_500_000), file_name="a.pdf"))

    async def breaking() -> AsyncIterator[bytes]:
        for piece in in_pieces(body, 100_000)[:-3]:
            yield piece
        while not happened:
            await asyncio.sleep(0.01)
        raise ClientDisconnect

    async def run() -> None:
        async with receive_upload(breaking(), HEADERS, local_storage):
            raise AssertionError("the form was received")

    with pytest.raises(ClientDisconnect):
        asyncio.run(run())
    assert happened == ["writing", "written", "discarded"]


def test_a_store_that_fails_in_the_middle_is_unavailable_and_leaves_nothing(nothing_left):
    body = multipart(part("file", samples.PDF + bytes(20_000_000), file_name="a.pdf"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, before[1]))
    try:
        with pytest.raises(Unavailable, match="the disk is full"):
            receive(nothing_left, body)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# --- memory, and a real server -------------------------------------------------------------------------------------

SERVER = """
import resource, sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from app.domain.refusals import TooLarge, UnsupportedContent
from app.storage import open_storage
from app.uploads import receive_upload

storage = open_storage(sys.argv[1])

async def upload(request):
    async with receive_upload(request.stream(), request.headers, storage) as form:
        await form.keep()
        return JSONResponse({"sha256": form.required_file().sha256})

async def memory(request):
    unit = 1 if sys.platform == "darwin" else 1024
    return JSONResponse(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)

async def too_large(request, error):
    return JSONResponse({"title": error.title}, status_code=413)

async def unsupported(request, error):
    return JSONResponse({"title": error.title}, status_code=415)

app = Starlette(
    routes=[Route("/", upload, methods=["POST"]), Route("/memory", memory)],
    exception_handlers={TooLarge: too_large, UnsupportedContent: unsupported},
)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from tests.storage.conftest import free_port, running

    folder = tmp_path_factory.mktemp("server")
    endpoint = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-c", SERVER, f"file://{folder}/evidence", str(port)]
    with running(command, endpoint=f"{endpoint}/memory"):
        yield endpoint, folder


def upload_body(content: bytes, file_name: str = "a.pdf") -> dict[str, Any]:
    return {"content": multipart(part("file", content, file_name=file_name)), "headers": HEADERS}


def test_eight_uploads_of_25_megabytes_at_once_take_less_than_25_megabytes_of_memory(server):
    endpoint, _ = server
    content = samples.PDF.ljust(25_000_000)
    digest = hashlib.sha256(content).hexdigest()

    async def run() -> tuple[int, int]:
        async with httpx.AsyncClient(timeout=120, trust_env=False) as client:
            await client.post(endpoint, **upload_body(content))
            before = (await client.get(f"{endpoint}/memory")).json()
            answers = await asyncio.gather(*[client.post(endpoint, **upload_body(content)) for _ in range(8)])
            assert [answer.json() for answer in answers] == [{"sha256": digest}] * 8
            after = (await client.get(f"{endpoint}/memory")).json()
            return before, after

    before, after = asyncio.run(run())
    assert after - before < 25_000_000


@pytest.mark.parametrize(
    ("size", "file_name", "status"),
    [(51_000_000, "a.pdf", 413), (50_500_000, "a.pdf", 413), (20_000_000, "a.zip", 415)],
)
def test_a_client_that_sends_too_much_or_the_wrong_kind_gets_to_read_the_answer(server, size, file_name, status):
    endpoint, folder = server
    answer = httpx.post(endpoint, timeout=60, trust_env=False, **upload_body(samples.PDF.ljust(size), file_name))

    assert answer.status_code == status
    assert list(folder.rglob("*.part")) == []


def test_a_connection_that_breaks_in_the_middle_leaves_nothing(server):
    endpoint, folder = server
    before = sorted(folder.rglob("*"))
    host, port = endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = (
            f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: {HEADERS['content-type']}\r\nContent-Length: 9000000\r\n\r\n"
        )
        connection.sendall(
            head.encode() + multipart(part("file", samples.PDF.ljust(5_000_000), file_name="a.pdf"))[:-50]
        )
        until = time.monotonic() + 10
        while not list(folder.rglob("*.part")) and time.monotonic() < until:
            time.sleep(0.02)
        assert list(folder.rglob("*.part"))
    until = time.monotonic() + 10
    while list(folder.rglob("*.part")) and time.monotonic() < until:
        time.sleep(0.02)
    assert sorted(folder.rglob("*")) == before
