"""Searches a file for personal data, in a process that is made for it and may not take much.

A worker stands ready with the parsers loaded and forks a child for each file (some milliseconds). The child gets the
open file and nothing else that is worth having, puts limits on itself that it cannot lift, reads, and sends back
counts a page at a time: the text itself never leaves it. However it ends, what it had sent by then is what was
searched, so a file that exhausts it costs a few seconds of one process and is shown as searched in part.
"""

import atexit
import contextlib
import gc
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from datetime import date
from io import FileIO
from typing import BinaryIO

from app.domain.personal_data import (
    KINDS_READ,
    NOT_OF_A_KIND_READ,
    Found,
    Looked,
    Search,
    Terms,
    Why,
    find,
    summed,
)

CPU_SECONDS = 8
WALL_SECONDS = 10.0
MEMORY_BYTES = 512_000_000

_REQUEST_BYTES = 16_384
_GRACE_SECONDS = 2.0
_HANDED_ON = ("PYTHONPATH", "PATH", "LD_LIBRARY_PATH", "LANG", "TZ")


def search_file(handle: BinaryIO, kind: str, terms: Terms) -> Search:
    """Searches an open file of a kind (`FileKind.name`). Takes at most some ten seconds, whatever is in the file.

    Never raises for what the file holds. Where `handle` stands afterwards is undefined.
    """
    if kind not in KINDS_READ:
        return NOT_OF_A_KIND_READ
    return _judged(_worker.ask(handle.fileno(), kind, terms))


def _judged(lines: Iterable[str]) -> Search:
    """What the child said, up to where it ended."""
    counts: list[tuple[Found, int | None, int]] = []
    read = 0
    any_text = False
    end: str | None = None
    for line in lines:
        said = json.loads(line)
        if said[0] == "end":
            end = said[1]
            break
        _, page, has_text, found = said
        read = max(read, page or 0)
        any_text = any_text or has_text
        counts += [(Found(word), page, count) for word, count in found.items()]
    why = Why.TIME if end is None else (Why(end) if end else None)
    if why is None and not any_text:
        why = Why.NO_TEXT
    findings = summed(counts)
    if why is None:
        return Search(Looked.SEARCHED, pages=read or None, findings=findings)
    if not any_text:
        return Search(Looked.NOT_SEARCHED, why)
    return Search(Looked.IN_PART, why, read or None, findings)


class _Worker:
    """The process that stands ready. One in each process of ours; begun when the first file comes."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._of = 0

    def ask(self, file: int, kind: str, terms: Terms) -> list[str]:
        """The lines that the child sent. Without a worker: one line that says so."""
        request = json.dumps({"kind": kind, "cases": terms.case_patterns, "on": terms.on.isoformat()}).encode()
        for _ in range(2):
            with contextlib.suppress(OSError):
                ours, theirs = socket.socketpair()
                with ours:
                    with theirs:
                        self._send(request, [file, theirs.fileno()])
                    return _lines(ours)
            self.close()
        return [json.dumps(["end", Why.FAULT])]

    def _send(self, request: bytes, files: list[int]) -> None:
        with self._turn:
            control = self._ready()
            socket.send_fds(control, [request], files)
            if control.recv(1) != b"+":
                raise ConnectionError("the worker is gone")

    def _ready(self) -> socket.socket:
        if self._control is None or self._of != os.getpid():
            ours, theirs = socket.socketpair()
            ours.settimeout(WALL_SECONDS)
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                    [sys.executable, "-m", "app.document_search", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,  # a parser's complaint may quote what it reads
                    env={name: os.environ[name] for name in _HANDED_ON if name in os.environ},
                    start_new_session=True,
                )
            self._control, self._of = ours, os.getpid()
        return self._control

    def close(self) -> None:
        """End the worker; it ends by itself when this process does."""
        if self._of != os.getpid():
            return
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._control = self._process = None


def _lines(answer: socket.socket) -> list[str]:
    """What comes until the child ends, whole lines alone. The child ends itself; this waits a little longer."""
    answer.settimeout(WALL_SECONDS + _GRACE_SECONDS)
    said = b""
    with contextlib.suppress(TimeoutError):
        while piece := answer.recv(65_536):
            said += piece
    return said.decode().split("\n")[:-1]


_worker = _Worker()
atexit.register(_worker.close)


# --- in the worker ----------------------------------------------------------------------------------------------------


def _serve(control: socket.socket) -> None:
    from app import document_text

    document_text.warm_up()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are not waited for: their answer is what counts
    gc.freeze()
    while True:
        request, files, _, _ = socket.recv_fds(control, _REQUEST_BYTES, 2)
        if not request:
            return
        if os.fork() == 0:
            control.close()
            _search_and_end(json.loads(request), *files)
        for file in files:
            os.close(file)
        control.sendall(b"+")


def _search_and_end(request: dict[str, str], file: int, answer: int) -> None:
    """In the child: searches one file and ends the process, whatever happens."""
    try:
        _limit_itself()
        with os.fdopen(answer, "w", buffering=1, encoding="utf-8") as said:
            _search(request, file, lambda *line: said.write(json.dumps(line) + "\n"))
    finally:
        os._exit(0)


def _limit_itself() -> None:
    # No handlers: these end the process even in the midst of a parser's own code.
    signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)
    for what, most in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS knows no limit of the address space
            resource.setrlimit(what, (most, most))


def _search(request: dict[str, str], file: int, say: Callable[..., object]) -> None:
    from app.document_text import Budget, Stop, pages

    terms = Terms(tuple(request["cases"]), date.fromisoformat(request["on"]))
    why = ""
    try:
        for page, text in pages(FileIO(file), request["kind"], Budget()):
            say("page", page, bool(text.strip()), find(text, terms))
    except Stop as stop:
        why = stop.why
    except MemoryError:
        why = Why.UNPACKED
    except RecursionError:
        why = Why.DAMAGED
    say("end", why)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
