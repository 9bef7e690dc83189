"""Forms that bring a file: who may send one is known before the body is read, and every word typed is kept."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypedDict, TypeVar

from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from app.domain.files import MAX_BODY_BYTES
from app.domain.personal_data import PERSONAL_DATA_FOUND, Terms
from app.domain.refusals import Invalid, Refused, Stale, TooLarge, Unavailable, UnsupportedContent, WaymarkError
from app.domain.words import PersonalData
from app.doors.held_files import HeldFile, ReceivedFile, held_file, hold
from app.pages.deps import PageReceiver
from app.pages.forms import Form
from app.uploads import ReceivedForm, file_threads, receive_upload

T = TypeVar("T")

HELD_FIELD = "held_file"

# What is left of a refused body is read and thrown away up to here: a browser that is cut off while it is still
# sending shows its own error instead of our answer.
_DRAINED = 4 * MAX_BODY_BYTES


class _UploadBody(TypedDict):
    max_body_size: int


UPLOAD_BODY: _UploadBody = {"max_body_size": _DRAINED}
"""For the route: the form's own limit of 51 MB is counted while it arrives, and answered with the form."""

Change = Callable[[Form, ReceivedFile | None], Awaitable[Response]]
Again = Callable[[Form, int], Awaitable[Response]]


async def received(run: PageReceiver, request: Request, change: Change, *, again: Again, terms: Terms) -> Response:
    """Receive the form and make the change; show the form again when it cannot be made.

    A file in which personal data was found is kept while its sender says which: the form that is shown again carries a
    note of it, and need not bring it again. It may bring another one instead.

    A file that is too large, of a kind not taken or that cannot be stored now is an error of the field `file`, with
    the status 413, 415 or 503.
    """
    arrived = ReceivedForm()
    headers: dict[str, str] = {}
    held: HeldFile | None = None
    place = {**_place(run), "who": run.actor.id, "place": request.url.path}
    try:
        async with receive_upload(request.stream(), request.headers, run.storage, terms=terms, into=arrived):
            form = Form(dict(arrived.fields))
            held = held_file(form.value(HELD_FIELD), **place) if arrived.file is None else None
            form.held = held
            try:
                return await change(form, arrived.file or held)
            except Refused as error:
                if arrived.file is not None and PERSONAL_DATA_FOUND in error.codes:
                    held = await run_sync(partial(hold, arrived.file, **place), limiter=file_threads())
                raise
    except (Invalid, Refused, Stale) as error:
        form = Form(dict(arrived.fields))
        form.held = held
        status = form.take(error)
    except (TooLarge, UnsupportedContent, Unavailable) as error:
        form = Form(dict(arrived.fields))
        form.add("file", "not_taken", error.message)
        status = _STATUSES[type(error)]
        if isinstance(error, Unavailable):
            headers = {"Retry-After": str(error.retry_after)}
    await _drain(request)
    answer = await again(form, status)
    answer.headers.update(headers)
    return answer


def declared(form: Form) -> list[PersonalData]:
    """Whose personal data the sender says is in the file. An error where something was found and nothing was said."""
    said = [word for word in PersonalData if str(word) in form.all("personal_data")]
    if form.held is not None and not said:
        form.add("personal_data", "required", "Say whose personal data is in the file, or choose another file")
    if PersonalData.NONE in said and len(said) > 1:
        form.add("personal_data", "one_only", "Choose whose personal data is in it, or that it holds none, not both")
    return said


def _place(run: PageReceiver) -> dict[str, Any]:
    return {"settings": run.settings, "storage": run.storage, "now": run.now}


_STATUSES: dict[type[WaymarkError], int] = {TooLarge: 413, UnsupportedContent: 415, Unavailable: 503}


async def _drain(request: Request) -> None:
    taken = 0
    try:
        async for chunk in request.stream():
            taken += len(chunk)
            if taken > _DRAINED:
                return
    except (ClientDisconnect, RuntimeError):
        return  # gone, or read to its end already
