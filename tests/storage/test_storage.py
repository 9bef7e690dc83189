"""What every store promises, whichever it is; then what is the local folder's own."""

from __future__ import annotations

import fcntl
import hashlib
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.refusals import TooLarge, Unavailable
from app.storage import (
    LocalStorage,
    MissingFile,
    S3Options,
    S3Storage,
    Storage,
    Stored,
    incoming_from_bytes,
    name_of,
    open_storage,
    sweep_orphans,
)

CONTENT = b"the rota of week 3\n" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
DAY = timedelta(days=1)


def put(storage: Storage, content: bytes = CONTENT) -> Stored:
    upload = storage.begin()
    upload.write(content)
    return upload.keep()


def names(storage: Storage) -> list[str]:
    return sorted(listed.name for listed in storage.list_names())


def left_over(folder: Path) -> list[str]:
    """Every file below a folder but the lock."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != ".lock")


# --- every store ---------------------------------------------------------------------------------------------------


def test_a_file_is_called_after_its_hash_and_comes_back_as_it_was(storage):
    upload = storage.begin()
    for start in range(0, len(CONTENT), 5000):
        upload.write(CONTENT[start : start + 5000])
    stored = upload.keep()

    assert stored == Stored(sha256=SHA256, size=len(CONTENT), name=f"{SHA256[:2]}/{SHA256[2:4]}/{SHA256}")
    opened = storage.open(stored.name)
    assert opened.size == len(CONTENT)
    assert b"".join(opened.chunks) == CONTENT
    assert storage.exists(stored.name)
    assert storage.checksum(stored.name) == SHA256


def test_a_large_file_survives_the_way(storage):
    content = os.urandom(1 << 20) * 13
    upload = storage.begin()
    for _ in range(13):
        upload.write(content[: 1 << 20])
    stored = upload.keep()

    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert storage.checksum(stored.name) == stored.sha256
    assert max(len(piece) for piece in storage.open(stored.name).chunks) <= 1 << 20


def test_nothing_is_visible_before_it_is_kept(storage, tmp_path):
    upload = storage.begin()
    upload.write(CONTENT)

    assert names(storage) == []
    upload.discard()
    upload.discard()
    assert names(storage) == []
    assert left_over(tmp_path) == []


def test_keeping_twice_is_keeping_once(storage, tmp_path):
    upload = storage.begin()
    upload.write(CONTENT)

    assert upload.keep() == upload.keep()
    assert names(storage) == [name_of(SHA256)]
    assert [name for name in left_over(tmp_path) if name.endswith(".part")] == []


def test_the_same_bytes_are_kept_once(storage):
    assert put(storage) == put(storage)
    assert names(storage) == [name_of(SHA256)]


def test_what_is_being_written_can_be_read_before_it_is_kept(storage):
    upload = storage.begin()
    upload.write(b"abc")
    upload.write(b"def")

    assert upload.reader().read() == b"abcdef"
    assert upload.reader().read(2) == b"ab"
    assert upload.size == 6
    assert upload.sha256 == hashlib.sha256(b"abcdef").hexdigest()
    assert upload.keep().size == 6


def test_the_limit_is_counted_while_it_is_written(storage):
    upload = storage.begin(max_bytes=10)
    upload.write(b"1234567890")
    with pytest.raises(TooLarge, match="larger than"):
        upload.write(b"1")
    upload.discard()

    upload = storage.begin(max_bytes=10)
    upload.write(b"1234567890")
    assert upload.keep().size == 10


def test_by_default_a_file_may_have_fifty_megabytes(local_storage):
    upload = local_storage.begin()
    for _ in range(50):
        upload.write(bytes(1_000_000))
    with pytest.raises(TooLarge, match="larger than 50 MB"):
        upload.write(b"x")
    assert upload.keep().size == 50_000_000


def test_a_missing_file_is_told_apart_from_a_store_that_is_away(storage):
    name = name_of("ab" * 32)

    assert not storage.exists(name)
    with pytest.raises(MissingFile):
        b"".join(storage.open(name).chunks)
    with pytest.raises(MissingFile):
        storage.checksum(name)


@pytest.mark.parametrize("name", ["../../etc/passwd", "ab/cd/" + "g" * 64, "", "/etc/passwd", "AB/CD/" + "a" * 64])
def test_only_names_of_the_store_are_looked_up(storage, name):
    for ask in (storage.open, storage.exists, storage.checksum):
        with pytest.raises(ValueError, match="not a name in the store"):
            ask(name)
    with pytest.raises(ValueError, match="not a name in the store"):
        storage.delete(name, unchanged_since=datetime.now(UTC))


def test_a_name_is_made_from_a_hash_only():
    with pytest.raises(ValueError, match="not a name"):
        name_of("../x")


def test_a_listing_says_when_a_file_was_put_there(storage):
    before = datetime.now(UTC) - timedelta(seconds=2)
    put(storage)
    (listed,) = storage.list_names()

    assert listed.size == len(CONTENT)
    assert before <= listed.modified <= datetime.now(UTC) + timedelta(seconds=2)


def test_a_store_that_works_says_so_and_leaves_no_file_behind(storage):
    storage.check_writable()

    assert names(storage) == []


def test_a_file_at_hand_becomes_an_incoming_one(storage):
    incoming = incoming_from_bytes(storage, file_name="rota.txt", content_type="text/plain", content=CONTENT)

    assert (incoming.sha256, incoming.size, incoming.file_name) == (SHA256, len(CONTENT), "rota.txt")
    assert names(storage) == []
    assert incoming.keep().name == name_of(SHA256)


# --- sweeping ------------------------------------------------------------------------------------------------------


def test_a_file_without_a_row_is_swept_after_the_grace_and_one_with_a_row_stays(storage):
    orphan = put(storage, b"nobody refers to this")
    referred_to = put(storage, b"a row refers to this")
    asked: list[list[str]] = []

    def known(names: list[str]) -> set[str]:
        asked.append(names)
        return {referred_to.name} & set(names)

    now = datetime.now(UTC)
    assert sweep_orphans(storage, known=known, now=now, grace=DAY).deleted == ()
    assert asked == []
    assert sweep_orphans(storage, known=known, now=now + 2 * DAY, grace=DAY, batch=1).deleted == (orphan.name,)
    assert sorted(asked) == sorted([[orphan.name], [referred_to.name]])
    assert names(storage) == [referred_to.name]


def test_the_same_bytes_sent_again_while_a_sweep_is_deciding_are_not_lost(storage):
    put(storage)
    later = datetime.now(UTC) + 2 * DAY

    def known(_: list[str]) -> set[str]:
        # Between the listing and the deletion somebody sends the file again; their row is not committed yet.
        time.sleep(2.1)  # S3 tells ages in whole seconds
        put(storage)
        return set()

    # As if the first copy were older than the grace, and the second not.
    grace = later - datetime.now(UTC) - timedelta(seconds=1)
    assert sweep_orphans(storage, known=known, now=later, grace=grace).deleted == ()
    assert storage.checksum(name_of(SHA256)) == SHA256


def test_a_file_is_deleted_only_when_it_has_not_changed_since(storage):
    stored = put(storage)

    assert not storage.delete(stored.name, unchanged_since=datetime.now(UTC) - timedelta(minutes=1))
    assert storage.exists(stored.name)
    assert storage.delete(stored.name, unchanged_since=datetime.now(UTC) + timedelta(minutes=1))
    assert not storage.exists(stored.name)
    assert not storage.delete(stored.name, unchanged_since=datetime.now(UTC) + timedelta(minutes=1))


def test_a_grace_too_short_to_be_safe_is_refused(local_storage):
    with pytest.raises(ValueError, match="under one hour"):
        sweep_orphans(local_storage, known=set, now=datetime.now(UTC), grace=timedelta(minutes=59))


def test_what_a_killed_upload_left_is_swept_after_an_hour(storage, tmp_path):
    abandoned = storage.begin()
    abandoned.write(CONTENT)
    (temporary,) = tmp_path.rglob("*.part")
    now = datetime.now(UTC)

    assert storage.sweep_temporary(now=now + timedelta(minutes=59)) == 0
    assert temporary.exists()
    assert sweep_orphans(storage, known=set, now=now + timedelta(minutes=61)).temporary == 1
    assert not temporary.exists()
    with pytest.raises(Unavailable):
        abandoned.keep()
    assert names(storage) == []


def test_sweeping_a_store_that_was_never_used_finds_nothing(storage):
    swept = sweep_orphans(storage, known=set, now=datetime.now(UTC))

    assert (swept.deleted, swept.temporary) == ((), 0)


# --- the local folder ----------------------------------------------------------------------------------------------


def test_files_and_folders_are_for_the_application_alone(local_storage, tmp_path):
    stored = put(local_storage)
    file = tmp_path / "evidence" / stored.name

    assert file.stat().st_mode & 0o777 == 0o600
    assert all(folder.stat().st_mode & 0o077 == 0 for folder in (file.parent, file.parent.parent))


def test_sending_a_file_again_heals_a_copy_that_has_rotted(local_storage, tmp_path):
    stored = put(local_storage)
    file = tmp_path / "evidence" / stored.name
    file.write_bytes(b"rotten")
    assert local_storage.checksum(stored.name) != SHA256

    put(local_storage)
    assert local_storage.checksum(stored.name) == SHA256


def test_the_bytes_and_their_name_are_on_the_disk_before_keep_returns(local_storage, monkeypatch):
    done: list[str] = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real_fsync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        done.append("name")
        return real_replace(self, target)

    put(local_storage, b"so that the folders exist")
    upload = local_storage.begin()
    upload.write(b"so that the folders exist")
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    upload.keep()

    assert done == ["file", "name", "folder"]


def test_a_file_is_as_young_as_its_keeping_however_long_it_took_to_arrive(local_storage, tmp_path):
    upload = local_storage.begin()
    upload.write(CONTENT)
    (temporary,) = tmp_path.rglob("*.part")
    os.utime(temporary, (1_000_000_000, 1_000_000_000))
    upload.keep()

    (listed,) = local_storage.list_names()
    assert listed.modified > datetime.now(UTC) - timedelta(minutes=1)


def test_a_sweep_waits_for_a_file_that_is_being_moved_into_place(local_storage, tmp_path):
    stored = put(local_storage)
    answers: list[bool] = []
    later = datetime.now(UTC) + DAY
    sweep = threading.Thread(target=lambda: answers.append(local_storage.delete(stored.name, unchanged_since=later)))
    with (tmp_path / "evidence" / ".lock").open("rb") as moving:
        fcntl.flock(moving, fcntl.LOCK_SH)
        sweep.start()
        sweep.join(timeout=0.2)
        assert sweep.is_alive()
        assert local_storage.exists(stored.name)
    sweep.join(timeout=10)
    assert answers == [True]


def test_other_files_in_the_folder_are_neither_listed_nor_swept(local_storage, tmp_path):
    put(local_storage)
    stranger = tmp_path / "evidence" / "ab" / "cd" / "notes.txt"
    stranger.parent.mkdir(parents=True)
    stranger.write_text("left here by hand")

    assert names(local_storage) == [name_of(SHA256)]
    sweep_orphans(local_storage, known=set, now=datetime.now(UTC) + 10 * DAY)
    assert stranger.exists()


def test_a_folder_that_cannot_be_written_is_unavailable_and_nothing_is_half_written(tmp_path):
    (tmp_path / "evidence").write_text("a file stands where the folder should be")
    storage = open_storage(f"file://{tmp_path}/evidence")

    with pytest.raises(Unavailable) as caught:
        storage.begin()
    assert caught.value.retry_after == 30
    with pytest.raises(Unavailable):
        storage.check_writable()
    assert left_over(tmp_path) == ["evidence"]


def test_a_full_disk_is_unavailable_and_nothing_is_half_written(local_storage, tmp_path):
    upload = local_storage.begin()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        upload.write(bytes(60_000))
        with pytest.raises(Unavailable, match="the disk is full"):
            upload.write(bytes(60_000))
        upload.discard()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert left_over(tmp_path) == []


def test_a_disk_that_fails_at_the_last_moment_leaves_nothing(local_storage, tmp_path, monkeypatch):
    upload = local_storage.begin()
    upload.write(CONTENT)

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(Unavailable, match="cannot be reached"):
        upload.keep()
    assert left_over(tmp_path) == []


KILLED = """
import sys
from app.storage import open_storage
upload = open_storage(sys.argv[1]).begin()
while True:
    upload.write(bytes(1 << 20) if upload.size < 10_000_000 else b"")
    print(upload.size, flush=True)
"""


def test_a_process_killed_in_mid_upload_leaves_only_what_the_sweep_removes(local_storage, tmp_path):
    command = [sys.executable, "-c", KILLED, f"file://{tmp_path}/evidence"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 5_000_000:
            pass
        process.send_signal(signal.SIGKILL)

    assert process.returncode == -signal.SIGKILL
    assert names(local_storage) == []
    assert [name.endswith(".part") for name in left_over(tmp_path)] == [True]
    swept = sweep_orphans(local_storage, known=set, now=datetime.now(UTC) + timedelta(hours=2))
    assert (swept.temporary, left_over(tmp_path)) == (1, [])


# --- S3 ------------------------------------------------------------------------------------------------------------


def test_a_secret_that_is_wrong_makes_the_store_unavailable(s3_service, tmp_path):
    if s3_service.name == "moto":  # it accepts every secret: shown here, so that nobody trusts it with this test
        open_storage("s3://evidence-test/x", s3=s3_service.options(secret="wrong")).check_writable()
        return
    storage = open_storage("s3://evidence-test/x", temporary_folder=tmp_path, s3=s3_service.options(secret="wrong"))

    with pytest.raises(Unavailable):
        storage.check_writable()
    upload = storage.begin()
    upload.write(CONTENT)
    with pytest.raises(Unavailable):
        upload.keep()
    assert left_over(tmp_path) == []


def test_a_service_that_is_away_makes_the_store_unavailable_soon(tmp_path):
    options = S3Options(endpoint="http://127.0.0.1:9", region="x", access_key_id="k", secret_access_key="s")
    storage = open_storage("s3://evidence-test/x", temporary_folder=tmp_path, s3=options)
    started = time.monotonic()

    for ask in (
        storage.check_writable,
        lambda: put(storage),
        lambda: storage.exists(name_of(SHA256)),
        lambda: storage.open(name_of(SHA256)),
        lambda: list(storage.list_names()),
    ):
        with pytest.raises(Unavailable) as caught:
            ask()
        assert caught.value.retry_after > 0
    assert time.monotonic() - started < 30
    assert left_over(tmp_path) == []


def test_a_bucket_that_does_not_exist_makes_the_store_unavailable(s3_service, tmp_path):
    storage = open_storage("s3://no-such-bucket/x", temporary_folder=tmp_path, s3=s3_service.options())

    with pytest.raises(Unavailable):
        put(storage)
    with pytest.raises(Unavailable):
        storage.check_writable()


def test_two_prefixes_of_one_bucket_do_not_see_each_other(s3_service, tmp_path):
    one, other = (
        open_storage(f"s3://evidence-test/{prefix}", temporary_folder=tmp_path, s3=s3_service.options())
        for prefix in (f"one-{time.monotonic_ns()}", f"other-{time.monotonic_ns()}")
    )
    stored = put(one)

    assert one.exists(stored.name)
    assert not other.exists(stored.name)
    assert names(other) == []


class SweepBetween(S3Storage):
    """A store in which a sweep reaches a chosen step just when an upload has put its file."""

    def put_then(self, step):
        self._steps = [step]
        return self

    def _modified(self, path):
        if path.startswith("sweeping/") and self._steps:
            self._steps.pop()()
        return super()._modified(path)


@pytest.fixture
def raced(s3_service, tmp_path):
    return SweepBetween(
        bucket="evidence-test",
        prefix=f"race-{time.monotonic_ns()}",
        temporary_folder=tmp_path,
        options=s3_service.options(),
    )


def test_an_upload_puts_its_file_again_when_a_sweep_has_just_deleted_it(raced):
    import obstore

    name = name_of(SHA256)
    raced.put_then(lambda: obstore.delete(raced._store, name))

    assert put(raced).name == name
    assert raced.checksum(name) == SHA256


def test_an_upload_puts_its_file_again_when_a_sweep_of_it_is_under_way(raced):
    import obstore

    name = name_of(SHA256)
    raced.put_then(lambda: obstore.put(raced._store, f"sweeping/{name}", b"", use_multipart=False))

    with pytest.raises(Unavailable, match="tidied away"):
        put(raced)
    raced.sweep_temporary(now=datetime.now(UTC) + timedelta(minutes=11))
    assert put(raced).name == name


def test_a_sweep_leaves_no_mark_behind(raced):
    import obstore

    stored = put(raced.put_then(lambda: None))
    assert raced.delete(stored.name, unchanged_since=datetime.now(UTC) + DAY)
    assert [entry["path"] for page in obstore.list(raced._store) for entry in page] == []


# --- choosing ------------------------------------------------------------------------------------------------------


def test_the_url_chooses_the_store(tmp_path):
    assert isinstance(open_storage(tmp_path.as_uri()), LocalStorage)
    assert isinstance(open_storage("s3://bucket/prefix", temporary_folder=tmp_path), S3Storage)
    spaced = open_storage(f"file://{tmp_path}/my%20files")
    put(spaced)
    assert (tmp_path / "my files").is_dir()


@pytest.mark.parametrize("url", ["", "evidence", "file://", "file://elsewhere/folder", "s3://", "ftp://a/b", "/a/b"])
def test_a_url_that_cannot_be_used_is_refused_with_the_name_of_the_setting(url):
    with pytest.raises(ValueError, match="WAYMARK_STORAGE_URL must be"):
        open_storage(url)


def test_the_secret_is_not_printed():
    assert "hush" not in repr(S3Options(access_key_id="k", secret_access_key="hush"))
