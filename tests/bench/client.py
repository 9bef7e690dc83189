"""A client that costs as little as possible, so that the server is what is measured: sockets that are kept open."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any

TIMEOUT_SECONDS = 60
_PIECE = 1 << 18


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    head: bytes
    body: bytes


class Client:
    """One connection that is kept open. A fault of the network is raised: it must not pass for a fast answer."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket = self._connected()

    def send(self, request: bytes) -> Answer:
        """One request and its whole answer. Answers without a length are read to the end of their chunks."""
        self._socket.sendall(request)
        return self._received()

    def send_pieces(self, *pieces: bytes) -> None:
        """A part of a request; `finish` sends the rest."""
        for piece in pieces:
            self._socket.sendall(piece)

    def finish(self, rest: bytes) -> Answer:
        """The rest of a request that was begun with `send_pieces`, and its answer."""
        return self.send(rest)

    def close(self) -> None:
        self._socket.close()

    def _connected(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self._port), timeout=TIMEOUT_SECONDS)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def _received(self) -> Answer:
        taken = bytearray()
        while (end := taken.find(b"\r\n\r\n")) < 0:
            taken += self._more()
        head = bytes(taken[:end]).lower()
        status = int(head[9:12])
        length = _length(head)
        while len(taken) - end - 4 < length:
            taken += self._more()
        if b"\r\nconnection: close" in head:
            self._socket.close()
            self._socket = self._connected()
        return Answer(status, head, bytes(taken[end + 4 :]))

    def _more(self) -> bytes:
        piece = self._socket.recv(_PIECE)
        if not piece:
            raise ConnectionError("the server closed the connection")
        return piece


def _length(head: bytes) -> int:
    name = b"\r\ncontent-length:"
    start = head.find(name)
    if start < 0:
        if int(head[9:12]) in (204, 304):
            return 0
        raise ValueError(f"an answer without a length: {head!r}")
    end = head.find(b"\r\n", start + 2)
    return int(head[start + len(name) : end if end >= 0 else len(head)])


def get(path: str, **headers: str) -> bytes:
    """A GET as bytes."""
    return _head("GET", path, headers)


def post(path: str, body: Any = None, **headers: str) -> bytes:
    """A POST of JSON as bytes."""
    content = json.dumps({} if body is None else body).encode()
    return _head("POST", path, {"content-type": "application/json", "content-length": str(len(content)), **headers}) + (
        content
    )


def form(path: str, *, fields: dict[str, str], file_name: str, content: bytes, **headers: str) -> tuple[bytes, bytes]:
    """A multipart form with one file, in two parts: up to the file's content, and what follows it."""
    boundary = "waymark-bench-boundary"
    parts = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    parts += (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{file_name}"\r\n'
        "Content-Type: application/pdf\r\n\r\n"
    )
    after = f"\r\n--{boundary}--\r\n".encode()
    length = len(parts) + len(content) + len(after)
    sent = {"content-type": f"multipart/form-data; boundary={boundary}", "content-length": str(length), **headers}
    return _head("POST", path, sent) + parts.encode(), after


def _head(method: str, path: str, headers: dict[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
