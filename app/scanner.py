"""The virus scanner: ClamAV's daemon, sent a file over its socket (`INSTREAM`, see `man clamd`).

Nothing that a file holds is opened here: that is the daemon's work, in a process of its own, within the limits of its
own settings (docs/operations.md).
"""

import contextlib
import socket
import struct
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

CONNECT_SECONDS = 5
ANSWER_SECONDS = 180
"""Longer than the two minutes that clamd gives itself for one file."""

_LONGEST_ANSWER = 4096
_PIECE = 1 << 18


class ScannerAway(Exception):
    """The scanner cannot be reached just now, or does not answer."""


class NotScanned(Exception):
    """The scanner answered, and could not judge this file."""


class Scanner:
    """The scanner at an address: `unix:/run/clamav/clamd.ctl` or `tcp://127.0.0.1:3310`. Safe for several threads."""

    def __init__(self, url: str) -> None:
        self._at = urlsplit(url)

    def scan(self, pieces: Iterable[bytes]) -> str:
        """What was found in a file, by the scanner's name for it; empty when it is clean.

        Raises ScannerAway or NotScanned; what reading the pieces raises comes through.
        """
        with self._connected() as connection:
            _send(connection, pieces)
            return _judged(_answer(connection))

    def _connected(self) -> socket.socket:
        try:
            if self._at.scheme == "unix":
                connection = _at_path(unquote(self._at.path))
            else:
                address = (self._at.hostname or "", self._at.port or 0)
                connection = socket.create_connection(address, timeout=CONNECT_SECONDS)
        except OSError as error:
            raise ScannerAway(f"the virus scanner cannot be reached ({error.strerror or error})") from error
        connection.settimeout(ANSWER_SECONDS)
        return connection


def _at_path(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(CONNECT_SECONDS)
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection


def _send(connection: socket.socket, pieces: Iterable[bytes]) -> None:
    # A daemon that has heard enough (the file is over its limit) hangs up while we still send: its answer says why.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(b"zINSTREAM\0")
        for whole in pieces:
            for start in range(0, len(whole), _PIECE):
                piece = whole[start : start + _PIECE]
                connection.sendall(struct.pack("!L", len(piece)) + piece)
        connection.sendall(struct.pack("!L", 0))


def _answer(connection: socket.socket) -> str:
    said = b""
    try:
        while len(said) < _LONGEST_ANSWER and not said.endswith(b"\0"):
            more = connection.recv(_LONGEST_ANSWER)
            if not more:
                break
            said += more
    except OSError as error:
        raise ScannerAway(f"the virus scanner does not answer ({error})") from error
    if not said:
        raise ScannerAway("the virus scanner hung up without an answer")
    return said.rstrip(b"\0\n").decode("utf-8", "replace")


def _judged(answer: str) -> str:
    said = answer.removeprefix("stream: ")
    if said == "OK":
        return ""
    if said.endswith(" FOUND"):
        return said.removesuffix(" FOUND")
    raise NotScanned(f"the virus scanner says: {said}")
