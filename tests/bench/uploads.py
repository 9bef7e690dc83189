"""Evidence files of 25 MB: how fast beside the least that must be done with one, and how much memory each takes."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.cases import BEARER
from tests.bench.client import Client, form
from tests.bench.rounds import WrongAnswer
from tests.bench.seeding import pool_milestone
from tests.bench.servers import Server

FILE_BYTES = 25_000_000
TOGETHER = 8
_PIECE = 1 << 20
# Milestones that no other case touches.
_FIRST_OF_POOL = 60


@dataclass(frozen=True)
class Uploads:
    """`speeds`: seconds for the least that must be done over seconds for an upload. `memory`: bytes each."""

    speeds: list[float]
    memory: list[float]


def measure_uploads(server: Server, data: Path, *, rounds: int, each: int) -> Uploads:
    """Uploads and their floor in turn; then several at once, held just before their end."""
    content = b"%PDF-1.7\n" + secrets.token_bytes(1 << 16) * (FILE_BYTES // (1 << 16) + 1)
    content = content[:FILE_BYTES]
    client = Client(server.port)
    _upload(client, content, 0)
    speeds = []
    for number in range(rounds):
        least = sum(_least(data, content) for _ in range(each))
        sent = sum(_upload(client, content, number) for _ in range(each))
        sent += sum(_upload(client, content, number) for _ in range(each))
        least += sum(_least(data, content) for _ in range(each))
        speeds.append(least / sent)
        _forget_files(data)
    client.close()
    memory = [_memory_each(server, content) for _ in range(3)]
    _forget_files(data)
    return Uploads(speeds, memory)


def _request(content: bytes, number: int) -> tuple[bytes, bytes, bytes]:
    """Head, content and end of a form; the content is another every time."""
    path = f"/api/v1/milestones/{pool_milestone(_FIRST_OF_POOL + number)}/evidence"
    head, end = form(path, fields={"title": "A scan"}, file_name="scan.pdf", content=content, authorization=BEARER)
    return head, content[:-16] + secrets.token_bytes(16), end


def _upload(client: Client, content: bytes, number: int) -> float:
    head, body, end = _request(content, number)
    started = time.perf_counter()
    client.send_pieces(head, body)
    answer = client.finish(end)
    taken = time.perf_counter() - started
    if answer.status != 201 or hashlib.sha256(body).hexdigest().encode() not in answer.body:
        raise WrongAnswer(f"upload: status {answer.status}: {answer.body[:300]!r}")
    return taken


def _least(folder: Path, content: bytes) -> float:
    """Hash the bytes, write them, wait for the disk."""
    file = folder / f"least-{secrets.token_hex(8)}"
    started = time.perf_counter()
    digest = hashlib.sha256()
    with file.open("wb", buffering=0) as output:
        view = memoryview(content)
        for start in range(0, len(content), _PIECE):
            digest.update(view[start : start + _PIECE])
            output.write(view[start : start + _PIECE])
        os.fsync(output.fileno())
    taken = time.perf_counter() - started
    file.unlink()
    return taken


def _memory_each(server: Server, content: bytes) -> float:
    """The most memory above what the server held before, over the number of uploads in flight."""
    before = server.memory()
    clients = [Client(server.port) for _ in range(TOGETHER)]
    requests = [_request(content, number) for number in range(TOGETHER)]
    threads = [
        threading.Thread(target=client.send_pieces, args=(head, body))
        for client, (head, body, _) in zip(clients, requests, strict=True)
    ]
    for thread in threads:
        thread.start()
    most = before
    while any(thread.is_alive() for thread in threads):
        most = max(most, server.memory())
        time.sleep(0.01)
    most = max(most, server.memory())
    for client, (_, _, end) in zip(clients, requests, strict=True):
        answer = client.finish(end)
        if answer.status != 201:
            raise WrongAnswer(f"upload together: status {answer.status}: {answer.body[:300]!r}")
        most = max(most, server.memory())
        client.close()
    return max(0, most - before) / TOGETHER


def _forget_files(data: Path) -> None:
    """Their rows stay; nobody opens them, and the disk would fill up."""
    for folder in (data / "evidence").iterdir():
        if folder.is_dir() and len(folder.name) == 2:
            shutil.rmtree(folder, ignore_errors=True)
