"""What stands around every request, as plain ASGI: Starlette's BaseHTTPMiddleware costs seven times as much.

From the outside in: TrustedProxies, RequestLog, SecurityHeaders, SameOrigin, Faults, OwnWords.
"""

import secrets
import time
from collections.abc import Callable, Iterable
from functools import cache
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.domain.refusals import Forbidden, Malformed, TooLarge
from app.settings import Settings, is_loopback

Answer = Callable[[Request, Exception], Response]

SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_ONE_YEAR = 31_536_000
_SECRET_PATHS = ("/invitations/",)

logger = structlog.get_logger("waymark.requests")


class TrustedProxies:
    """Believes `X-Forwarded-For` and `X-Forwarded-Proto` when, and only when, a proxy of ours sent them."""

    def __init__(self, app: ASGIApp, *, proxies: Iterable[str]) -> None:
        self.app = app
        self._networks = [ip_network(proxy, strict=False) for proxy in proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._networks and scope.get("client") and self._trusts(scope["client"][0]):
            self._believe(scope)
        await self.app(scope, receive, send)

    def _believe(self, scope: Scope) -> None:
        forwarded_for, forwarded_proto = _header(scope, b"x-forwarded-for"), _header(scope, b"x-forwarded-proto")
        address = self._client_of(forwarded_for)
        if address:
            scope["client"] = (address, 0)
        if forwarded_proto in ("http", "https"):
            scope["scheme"] = forwarded_proto

    def _client_of(self, forwarded_for: str) -> str:
        """The nearest address that is not a proxy of ours: whatever stands left of it, the client may have made up."""
        for piece in reversed(forwarded_for.split(",")):
            address = piece.strip()
            if not _is_address(address):
                return ""
            if not self._trusts(address):
                return address
        return ""

    def _trusts(self, address: str) -> bool:
        return _is_address(address) and any(ip_address(address) in network for network in self._networks)


class RequestLog:
    """Gives each request an id, writes one line about it, and counts it. Neither queries nor secrets are written."""

    def __init__(self, app: ASGIApp, *, metrics: "Metrics") -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = time.perf_counter(), 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            self._write(scope, request_id, status, time.perf_counter() - started)

    def _write(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        door = door_of(scope["path"])
        self._metrics.count(door=door, method=scope["method"], status=status, seconds=seconds)
        if door in ("static", "health"):
            return
        actor = scope["state"].get("actor")
        logger.info(
            "request",
            id=request_id,
            method=scope["method"],
            path=without_secrets(scope["path"]),
            status=status,
            ms=round(seconds * 1000, 1),
            actor=f"{actor.kind}:{actor.id}" if actor else None,
            address=scope["client"][0] if scope.get("client") else None,
        )


class Metrics:
    """What `/metrics` tells: how many requests, and how long they took, by door."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "waymark_requests", "Requests answered", ("door", "method", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "waymark_request_seconds", "Time to answer a request", ("door",), registry=self.registry
        )
        # Finding a labelled counter costs more than counting.
        self._children = cache(self._labelled)

    def count(self, *, door: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request. `method` is the client's word: an unknown one must not become a label."""
        known = method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"
        counter, histogram = self._children(door, known, status)
        counter.inc()
        histogram.observe(seconds)

    def _labelled(self, door: str, method: str, status: int) -> tuple[Counter, Histogram]:
        return self._requests.labels(door, method, str(status)), self._seconds.labels(door)


class SecurityHeaders:
    """Puts on every answer what tells browsers to be strict. What a handler has set itself stays."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self.app = app
        everywhere = {
            "content-security-policy": CONTENT_SECURITY_POLICY,
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            "cache-control": "no-store",
        }
        if secure:
            everywhere["strict-transport-security"] = f"max-age={_ONE_YEAR}"
        self._everywhere = _encoded(everywhere)
        self._on_pages = [*self._everywhere, *_encoded({"vary": "Cookie, HX-Request, HX-Request-Type"})]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        ours = self._on_pages if door_of(scope["path"]) == "page" else self._everywhere

        async def send_strictly(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                present = {name.lower() for name, _ in headers}
                message["headers"] = [*headers, *(pair for pair in ours if pair[0] not in present)]
            await send(message)

        await self.app(scope, receive, send_strictly)


class SameOrigin:
    """Refuses unsafe requests that another site made a browser send (cross-site request forgery).

    Browsers say where a request comes from: `Sec-Fetch-Site` must be `same-origin`, or `none` for what the person did
    themselves; without it, `Origin` must be ours. A request that says neither comes from no browser, and only the API
    takes those: it knows bearer credentials alone, which no other site can make a browser send.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings, answer: Answer) -> None:
        self.app = app
        self._answer = answer
        self._origin = settings.public_origin
        self._on_loopback = settings.origin_is_loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS or self._is_ours(scope):
            await self.app(scope, receive, send)
            return
        error = Forbidden("This request did not come from a page of Waymark, so it was not carried out")
        await self._answer(Request(scope, receive), error)(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        site = _header(scope, b"sec-fetch-site")
        if site:
            return site in ("same-origin", "none")
        origin = _header(scope, b"origin")
        if origin:
            return origin == self._origin or (self._on_loopback and self._is_this_host(scope, origin))
        return door_of(scope["path"]) == "api"

    def _is_this_host(self, scope: Scope, origin: str) -> bool:
        """On one's own machine `localhost` and `127.0.0.1` are the same place under two names."""
        parts = urlsplit(origin)
        return parts.scheme == "http" and is_loopback(parts.hostname) and parts.netloc == _header(scope, b"host")


class Faults:
    """Turns what nobody expected into a plain 500, inside the other layers so that its headers are as strict as any."""

    def __init__(self, app: ASGIApp, *, answer: Answer) -> None:
        self.app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_and_see(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_and_see)
        except ClientDisconnect:
            # Whoever sent it has gone: no fault of ours, and nobody reads the answer.
            gone = Malformed("The request ended before it was whole.")
            if not started:
                await self._answer(Request(scope, receive), gone)(scope, receive, send)
        except Exception as error:
            logger.exception("fault", id=scope.get("state", {}).get("request_id"), path=without_secrets(scope["path"]))
            if started:
                raise
            await self._answer(Request(scope, receive), error)(scope, receive, send)


class OwnWords:
    """Says in the door's own words that a body is too large: Starlette's limiter sends plain text whatever we say."""

    def __init__(self, app: ASGIApp, *, answer: Answer) -> None:
        self.app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        replaced = False

        async def send_in_own_words(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and _is_the_limiters(message):
                replaced = True
                error = TooLarge("The body is larger than this address takes")
                await self._answer(Request(scope, receive), error)(scope, receive, send)
            elif not replaced:
                await send(message)

        await self.app(scope, receive, send_in_own_words)


def _is_the_limiters(message: Message) -> bool:
    return message["status"] == 413 and (b"content-type", b"text/plain; charset=utf-8") in message["headers"]


def door_of(path: str) -> str:
    """Which part of Waymark a path belongs to: api, static, health or page."""
    if path.startswith("/api/") or path == "/api":
        return "api"
    if path.startswith("/static/"):
        return "static"
    return "health" if path in ("/healthz", "/readyz", "/metrics") else "page"


def without_secrets(path: str) -> str:
    """A path as it may be written to a log: an invitation's token opens an account."""
    for prefix in _SECRET_PATHS:
        if path.startswith(prefix):
            return f"{prefix}…"
    return path


def _header(scope: Scope, name: bytes) -> str:
    """A header's value; when it was sent several times, all of them, so that a second one cannot hide."""
    return ",".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
