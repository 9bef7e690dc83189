"""The JSON door's wiring: the bearer credential → who is asking, versions, idempotency, the runners for handlers."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request, Response
from fastapi.security import HTTPBearer
from pydantic import BaseModel

from app.db import IdempotencySlot, StoredAnswer, UnitOfWork
from app.domain.refusals import Malformed, Stale, Unauthenticated, VersionRequired, invalid
from app.doors.limits import RateLimits
from app.doors.runners import AsyncRunner, Runner, client_address
from app.services.identity import Identity, actor_from_bearer

T = TypeVar("T")

IDEMPOTENCY_KEY_LENGTH = 255
_PATH_LENGTH = 300

bearer = HTTPBearer(auto_error=False, description="An organisation's key or a person's token.")
"""For the OpenAPI document alone; the runners read the header themselves, in the use case's own transaction."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes out. `version` becomes the ETag; `location` names what was made."""

    body: bytes | BaseModel | None  # bytes: JSON that is already written
    status: int = 200
    location: str | None = None
    version: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def as_answer(self) -> StoredAnswer:
        """The reply as bytes, as it is sent and as it is kept for a replay."""
        headers = dict(self.headers)
        if self.body is not None:
            headers["content-type"] = "application/json"
        if self.location:
            headers["location"] = self.location
        if self.version:
            headers["etag"] = f'"{self.version}"'
        return StoredAnswer(self.status, headers, self._body())

    def _body(self) -> bytes:
        if isinstance(self.body, BaseModel):
            return self.body.model_dump_json().encode()
        return self.body or b""


class ApiRunner(Runner):
    """Runs use cases for whoever the bearer credential stands for."""

    sent_body: bytes = b""
    _version_missing: bool = False

    def identify(self, uow: UnitOfWork) -> Identity:
        limits: RateLimits = self.request.app.state.limits
        address = client_address(self.request)
        token = _bearer_token(self.request)
        limits.check_address(address)
        try:
            identity = actor_from_bearer(uow, token=token)
        except Unauthenticated:
            limits.wrong_credential(address)
            raise
        limits.use_credential(identity.credential_id)
        return identity

    @property
    def if_match(self) -> str | None:
        """The version the caller read, or None when it did not say. `*` matches whatever there is."""
        sent = self.request.headers.get("if-match", "").strip()
        return None if sent in ("", "*") else _one_version(sent)

    def must_match(self) -> str | None:
        """The version a PATCH or PUT says it read; None for `*`.

        Without one it is a version that no item has: whoever may not know of the item, or not change it, hears that
        first; then `write` raises VersionRequired, or Stale for `If-None-Match: *`, for what can be patched exists.
        """
        if self.request.headers.get("if-match", "").strip():
            return self.if_match
        self._version_missing = self.request.headers.get("if-none-match", "").strip() != "*"
        return ""

    def answer(self, reply: Reply) -> Response:
        """A reply as a response; 304 when the caller already has this version."""
        given = reply.as_answer()
        held = self.request.headers.get("if-none-match", "")
        if reply.version and self.request.method == "GET" and _holds(held, given.headers["etag"]):
            return Response(status_code=304, headers={"etag": given.headers["etag"]})
        return _response(given)

    def write(
        self, use_case: Callable[..., T], /, *, respond: Callable[[T], Reply], fingerprint: str = "", **arguments: Any
    ) -> Response:
        """Carry out a use case, commit it, and answer with what `respond` makes of its result.

        A POST with an Idempotency-Key is carried out once; the same request again gets the same answer for 24 hours.
        `fingerprint` stands for what was sent, where that was no JSON body.
        """
        key = self._idempotency_key()
        if key is None:
            return _response(respond(self._commit_current(use_case, **arguments)).as_answer())
        slot = IdempotencySlot(
            caller=f"{self.actor.kind}:{self.actor.id}",
            path=_slot_path(self.request),
            key=key,
            fingerprint=fingerprint or body_fingerprint(self.sent_body),
        )
        given = self.database.write_once(
            lambda uow: use_case(uow, **arguments),
            lambda result: respond(result).as_answer(),
            slot,
            actor=self.actor,
            now=self.now,
        )
        return _response(given)

    def _commit_current(self, use_case: Callable[..., T], /, **arguments: Any) -> T:
        try:
            return self.commit(use_case, **arguments)
        except Stale:
            if self._version_missing:
                raise VersionRequired("Send the ETag you read in If-Match") from None
            raise

    def _idempotency_key(self) -> str | None:
        key = self.request.headers.get("idempotency-key")
        if key is None or self.request.method != "POST":
            return None
        if not 1 <= len(key) <= IDEMPOTENCY_KEY_LENGTH or not key.isprintable():
            raise invalid("Idempotency-Key", "bad_key", f"Send 1 to {IDEMPOTENCY_KEY_LENGTH} characters")
        return key


class ApiReceiver(AsyncRunner[ApiRunner]):
    """The same, for handlers that receive an upload."""

    @property
    def if_match(self) -> str | None:
        """As `ApiRunner.if_match`."""
        return self.runner.if_match

    async def commit(self, use_case: Callable[..., T], /, **arguments: Any) -> T:
        """As `Runner.commit`, in its turn and in a thread: for a GET that leaves a trace."""
        return await self._in_turn(self.runner.commit, use_case, **arguments)

    async def write(
        self, use_case: Callable[..., T], /, *, respond: Callable[[T], Reply], fingerprint: str = "", **arguments: Any
    ) -> Response:
        """As `ApiRunner.write`, in its turn and in a thread. `fingerprint` is that of the received form; without one
        the body must be a JSON body that was read.
        """
        if not fingerprint and "idempotency-key" in self.request.headers:
            self.runner.sent_body = await self.request.body()
        return await self._in_turn(self.runner.write, use_case, respond=respond, fingerprint=fingerprint, **arguments)


def body_fingerprint(body: bytes) -> str:
    """What was sent, apart from its spelling: the SHA-256 of a JSON body in canonical form, or of the bytes."""
    try:
        said = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()
    except ValueError:
        said = body
    return hashlib.sha256(said).hexdigest()


def _bearer_token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send a key or a token: Authorization: Bearer …")
    return token.strip()


def _one_version(sent: str) -> str:
    """The version in an If-Match header. A weak one never matches (RFC 9110, 13.1.1) and is handed on as sent."""
    if sent.startswith("W/"):
        return sent
    if len(sent) < 2 or not sent.startswith('"') or not sent.endswith('"') or '"' in sent[1:-1]:
        raise Malformed("If-Match takes one ETag, as it was sent to you, in double quotes")
    return sent[1:-1]


def _holds(if_none_match: str, etag: str) -> bool:
    held = [piece.strip().removeprefix("W/") for piece in if_none_match.split(",")]
    return "*" in held or etag in held


def _slot_path(request: Request) -> str:
    path = f"{request.method} {request.url.path}"
    return path if len(path) <= _PATH_LENGTH else hashlib.sha256(path.encode()).hexdigest()


def _response(given: StoredAnswer) -> Response:
    headers = {**given.headers, "idempotency-replayed": "true"} if given.replayed else given.headers
    return Response(given.body, given.status, headers)


async def _reading(request: Request) -> ApiRunner:
    _bearer_token(request)  # whoever sends none hears that before what else is wrong
    return ApiRunner(request)


async def _writing(request: Request) -> AsyncIterator[ApiRunner]:
    _bearer_token(request)
    runner = ApiRunner(request)
    if "idempotency-key" in request.headers:
        runner.sent_body = await request.body()
    # Writers wait here, before they take a thread: reads must not queue behind waiting writers.
    async with request.app.state.write_turn:
        yield runner


async def _receiving(request: Request) -> ApiReceiver:
    _bearer_token(request)
    return ApiReceiver(ApiRunner(request))


Reading = Annotated[ApiRunner, Depends(_reading)]
Writing = Annotated[ApiRunner, Depends(_writing, scope="function")]
Receiving = Annotated[ApiReceiver, Depends(_receiving)]
