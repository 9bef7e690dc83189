"""Every file is read again and compared with the hash that it came with, in a folder and in a bucket alike."""

from __future__ import annotations

from app.domain.evidence import Upload
from app.services.evidence_files import count_files, verify_files
from app.storage import Storage
from tests.factories import World


def keep(storage: Storage, content: bytes) -> str:
    upload = storage.begin()
    upload.write(content)
    return upload.keep().name


def test_what_is_missing_or_altered_is_named_whichever_store_it_is_in(sqlite_world: World, storage: Storage) -> None:
    world, view = sqlite_world, sqlite_world.milestone()
    there, altered = keep(storage, b"as it came"), keep(storage, b"what somebody put in its place")
    missing = f"00/00/{'0' * 64}"
    for name, sha256 in ((there, there.rsplit("/", 1)[1]), (altered, "a" * 64), (missing, "0" * 64)):
        file = Upload(f"{sha256[:4]}.txt", "text/plain", 10, sha256, name)
        world.attached(view, upload=file)
    told: list[int] = []

    found = list(verify_files(world.database, storage, now=world.clock(), progress=told.append))

    assert sorted((fault.storage_name, fault.problem, fault.evidence) for fault in found) == sorted(
        [
            (altered, "was altered", ("safeguarding-plan E-002 (aaaa.txt)",)),
            (missing, "is missing", ("safeguarding-plan E-003 (0000.txt)",)),
        ]
    )
    assert told == [1, 2, 3] == list(range(1, 1 + world.read("petra", count_files)))
