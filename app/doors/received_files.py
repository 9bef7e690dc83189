"""A file that came in by either door, handed on to the services."""

from collections.abc import Callable
from typing import Any, TypeVar

from app.db import UnitOfWork
from app.domain.evidence import Upload
from app.doors.held_files import ReceivedFile
from app.settings import Settings
from app.storage import name_of

T = TypeVar("T")


def upload_of(file: ReceivedFile | None, settings: Settings, *, looked_at: bool = False) -> Upload | None:
    """A received file as services take it. It has its name in the store once it is kept. `looked_at`: its sender has
    seen what the search for personal data found.
    """
    if file is None:
        return None
    if file.search is None:
        raise AssertionError("every door has what it receives searched: receive_upload(…, terms=…)")
    return Upload(
        file_name=file.file_name,
        content_type=file.content_type,
        size=file.size,
        sha256=file.sha256,
        storage_name=name_of(file.sha256),
        to_scan=settings.scans,
        search=file.search,
        looked_at=looked_at,
    )


def keeping(file: ReceivedFile | None, use_case: Callable[..., T]) -> Callable[..., T]:
    """A use case that keeps the file once nothing stands against it any more, and before its row is committed:
    whatever is refused leaves no file, and there is no row without one.
    """
    if file is None:
        return use_case

    def use_case_and_file(uow: UnitOfWork, **arguments: Any) -> T:
        result = use_case(uow, **arguments)
        file.keep()
        return result

    return use_case_and_file
