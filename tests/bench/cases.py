"""What is asked in the rounds, and what every answer must be."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import count, repeat

from tests.bench.client import Answer, Client, get, post
from tests.bench.rounds import FLOOR, FLOOR_AGAIN, Case
from tests.bench.seeding import (
    CHIEF_SESSION,
    LARGE,
    MANAGER_SESSION,
    MANAGER_TOKEN,
    OWNER_SESSION,
    THOUSAND,
    THOUSAND_ID,
    pool_milestone,
)
from tests.bench.servers import Server

# The first milestones of the pool are left to the uploads and to the 32 writers.
_KEPT = 100
ROW = b'<li class="wm-exception '
FORM = b'<section class="wm-update"'
PAGE_ROWS = 50
MANY = 16

PAGE, PAGE_SMALL, PAGE_LARGE, PAGE_ALL = "page", "page, small database", "page, large plan", "page, all plans"
PAGE_CHANGED, PAGE_TOGETHER, API, HOME, HOME_LARGE, UPDATES, PEER = (
    "page, after a change",
    "page, 16 clients",
    "API",
    "home",
    "home, large plan",
    "my updates",
    "peer",
)
ACHIEVE, UPDATE, BARE = "achieve", "update", "bare"

BEARER = f"Bearer {MANAGER_TOKEN}"


def exceptions(plan: str) -> bytes:
    return get(f"/plans/{plan}/exceptions", cookie=f"waymark={MANAGER_SESSION}")


def changed(plan: str) -> bytes:
    """The same, when something has just been written: nothing that was worked out before may be used."""
    return get(f"/bench/changed/plans/{plan}/exceptions", cookie=f"waymark={MANAGER_SESSION}")


def reading(big: Server, small: Server, peer: Server | None) -> list[Case]:
    """Everything that reads, with the floor first and again in the middle."""
    page = _always(PAGE, big, exceptions(THOUSAND), count_of=(ROW, PAGE_ROWS))
    size = len(_first(big, exceptions(THOUSAND)).body)
    floor = get(f"/bench/floor?plan={THOUSAND_ID}&bytes={size}")
    signed_in = {"cookie": f"waymark={MANAGER_SESSION}"}
    listed = get(f"/api/v1/plans/{THOUSAND}/exceptions?limit={PAGE_ROWS}", authorization=BEARER)
    everywhere = get("/exceptions", cookie=f"waymark={CHIEF_SESSION}")
    cases = [
        _always(FLOOR, big, floor, count_of=(b"<li>", PAGE_ROWS), size=size),
        page,
        _always(PAGE_CHANGED, big, changed(THOUSAND), count_of=(ROW, PAGE_ROWS)),
        _always(PAGE_SMALL, small, exceptions(THOUSAND), count_of=(ROW, PAGE_ROWS)),
        _always(PAGE_LARGE, big, exceptions(LARGE), count_of=(ROW, PAGE_ROWS)),
        _always(PAGE_ALL, big, everywhere, count_of=(ROW, PAGE_ROWS)),
        _always(FLOOR_AGAIN, big, floor, count_of=(b"<li>", PAGE_ROWS), size=size),
        _always(API, big, listed, count_of=(b'"exception_days":', PAGE_ROWS)),
        _always(HOME, big, get(f"/plans/{THOUSAND}", **signed_in), count_of=(b"<h1", 1)),
        _always(HOME_LARGE, big, get(f"/plans/{LARGE}", **signed_in), count_of=(b"<h1", 1)),
        _always(UPDATES, big, get("/updates", cookie=f"waymark={OWNER_SESSION}"), count_of=(FORM, PAGE_ROWS)),
        Case(PAGE_TOGETHER, big, page.requests, page.check, clients=MANY),
    ]
    if peer is not None:
        admin = get("/admin/peer/milestone/", cookie=peer.said)
        cases.append(_always(PEER, peer, admin, count_of=(b'<th class="field-ref">', PAGE_ROWS)))
    return cases


def writing(big: Server, *, pool: int) -> list[Case]:
    """Changes one after another, each to a milestone of its own. `pool`: how many wait for confirmation."""
    head = {"authorization": BEARER}
    said = {"narrative": "The rota is out; two teams work by it, and the third begins next week."}
    achieved = (post(f"/api/v1/milestones/{pool_milestone(n)}/achievement", {}, **head) for n in range(_KEPT, pool))
    updates = (post(f"/api/v1/milestones/{identity}/updates", said, **head) for identity in _in_progress(big))
    bare = (post(f"/bench/bare/{pool_milestone(n % pool)}", {"note": "x"}) for n in count())
    return [
        Case(ACHIEVE, big, achieved, _made(b'"status":"achieved"')),
        Case(BARE, big, bare, _is(200, b'"version":')),
        Case(UPDATE, big, updates, _made(b'"narrative":')),
    ]


def _in_progress(server: Server) -> Iterator[str]:
    """Milestones that take updates, again and again; none of the plan whose page is measured."""
    wanted = get(f"/api/v1/plans/{LARGE}/milestones?status=in_progress&limit=100", authorization=BEARER)
    items = json.loads(_first(server, wanted).body)["items"]
    ids = [item["id"] for item in items]
    while True:
        yield from ids


def _always(name: str, server: Server, request: bytes, *, count_of: tuple[bytes, int], size: int | None = None) -> Case:
    """The same request again and again: status, rows and every byte must be those of the first answer."""
    first = _first(server, request)
    needle, number = count_of
    found = first.body.count(needle)
    if first.status != 200 or found != number or (size is not None and len(first.body) != size):
        raise ValueError(f"{name}: status {first.status}, {found} rows instead of {number}, {len(first.body)} bytes")
    return Case(name, server, repeat(request), _same_as(first.body))


# Django writes another one into every page.
_TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]*"')


def _same_as(body: bytes) -> Callable[[Answer], str | None]:
    wanted = _TOKEN.sub(b"", body) if _TOKEN.search(body) else body
    digest = sha256(wanted).hexdigest()

    def check(answer: Answer) -> str | None:
        found = answer.body if wanted is body else _TOKEN.sub(b"", answer.body)
        if answer.status == 200 and found == wanted:
            return None
        return f"status {answer.status}, {sha256(found).hexdigest()[:12]} instead of {digest[:12]}"

    return check


def _made(needle: bytes) -> Callable[[Answer], str | None]:
    return _is(201, needle)


def _is(status: int, needle: bytes) -> Callable[[Answer], str | None]:
    def check(answer: Answer) -> str | None:
        if answer.status == status and needle in answer.body:
            return None
        return f"status {answer.status}: {answer.body[:300]!r}"

    return check


def _first(server: Server, request: bytes) -> Answer:
    client = Client(server.port)
    try:
        return client.send(request)
    finally:
        client.close()
