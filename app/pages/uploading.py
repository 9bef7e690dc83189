"""Forms that bring a file: who may send one is known before the body is read, and every word typed is kept."""

from collections.abc import Awaitable, Callable
from typing import TypedDict, TypeVar

from fastapi import Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from app.domain.files import MAX_BODY_BYTES
from app.domain.refusals import Invalid, Refused, Stale, TooLarge, Unavailable, UnsupportedContent, WaymarkError
from app.pages.deps import PageReceiver
from app.pages.forms import Form
from app.storage import IncomingFile
from app.uploads import ReceivedForm, receive_upload

T = TypeVar("T")

# What is left of a refused body is read and thrown away up to here: a browser that is cut off while it is still
# sending shows its own error instead of our answer.
_DRAINED = 4 * MAX_BODY_BYTES


class _UploadBody(TypedDict):
    max_body_size: int


UPLOAD_BODY: _UploadBody = {"max_body_size": _DRAINED}
"""For the route: the form's own limit of 51 MB is counted while it arrives, and answered with the form."""

Change = Callable[[Form, IncomingFile | None], Awaitable[Response]]
Again = Callable[[Form, int], Awaitable[Response]]


async def received(run: PageReceiver, request: Request, change: Change, *, again: Again) -> Response:
    """Receive the form and make the change; show the form again when it cannot be made.

    A file that is too large, of a kind not taken or that cannot be stored now is an error of the field `file`, with
    the status 413, 415 or 503.
    """
    arrived = ReceivedForm()
    headers: dict[str, str] = {}
    try:
        async with receive_upload(request.stream(), request.headers, run.storage, into=arrived):
            form = Form(dict(arrived.fields))
            return await change(form, arrived.file)
    except (Invalid, Refused, Stale) as error:
        form = Form(dict(arrived.fields))
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
