"""What both doors share: carrying out a use case for whoever asks, and the turn that writers take.

A door hands its runner a use case (a service, or a function of a unit of work that calls several) and its arguments.
Who is asking is read in the very transaction that the use case reads in: one connection, one snapshot.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from app.db import Database, UnitOfWork
from app.domain.actors import Actor
from app.domain.days import london_day
from app.doors.last_seen import LastSeen
from app.services.identity import NOBODY, Identity
from app.settings import Settings
from app.storage import Storage

T = TypeVar("T")


class Runner:
    """One request's way to the services. A subclass says how its door knows who is asking."""

    def __init__(self, request: Request) -> None:
        state = request.app.state
        self.request = request
        self.database: Database = state.database
        self.settings: Settings = state.settings
        self.storage: Storage = state.storage
        self.now: datetime = state.clock()
        self._last_seen: LastSeen = state.last_seen
        self._identity: Identity | None = None

    @property
    def today(self) -> date:
        return london_day(self.now)

    @property
    def front_door(self) -> str:
        """Whom to tell about a child or an adult at risk; empty while nobody has set it."""
        contact: str = self.request.app.state.front_door.contact
        return contact

    @property
    def actor(self) -> Actor:
        """Who is asking. Reads it, if nothing has yet; raises Unauthenticated when nobody is known."""
        return self.identity.actor

    @property
    def identity(self) -> Identity:
        """The credential of the request with its actor. Raises Unauthenticated."""
        if self._identity is None:
            self.database.read(self._identified, actor=NOBODY, now=self.now)
        assert self._identity is not None  # noqa: S101 - for the type checker: the line above sets it or raises
        return self._identity

    def read(self, use_case: Callable[..., T], /, **arguments: Any) -> T:
        """Carry out a use case that only reads. Raises Unauthenticated, or what the use case raises."""

        def for_whoever_asks(uow: UnitOfWork) -> T:
            uow.actor = self._identified(uow)
            return use_case(uow, **arguments)

        return self.database.read(for_whoever_asks, actor=NOBODY, now=self.now)

    def commit(self, use_case: Callable[..., T], /, **arguments: Any) -> T:
        """Carry out a use case and commit it. Nobody unknown gets as far as the writer's lock."""
        return self.database.write(lambda uow: use_case(uow, **arguments), actor=self.actor, now=self.now)

    def read_as_nobody(self, use_case: Callable[..., T], /, **arguments: Any) -> T:
        """Read before anybody is known: an account that signs in, an invitation."""
        return self.database.read(lambda uow: use_case(uow, **arguments), actor=NOBODY, now=self.now)

    def commit_as_nobody(self, use_case: Callable[..., T], /, **arguments: Any) -> T:
        """Write before anybody is known: a sign-in, an accepted invitation."""
        return self.database.write(lambda uow: use_case(uow, **arguments), actor=NOBODY, now=self.now)

    def identify(self, uow: UnitOfWork) -> Identity:
        """Who is asking, by this door's credential. Raises Unauthenticated."""
        raise NotImplementedError

    def _identified(self, uow: UnitOfWork) -> Actor:
        if self._identity is None:
            self._identity = self.identify(uow)
            self.request.state.actor = self._identity.actor
            if self._identity.unseen_since(self.now):
                self._last_seen.note(self._identity.credential, self._identity.credential_id, self.now)
        return self._identity.actor


def client_address(request: Request) -> str:
    """Where a request comes from: the peer, or what a trusted proxy says (`TrustedProxies`)."""
    return request.client.host if request.client else "unknown"


R = TypeVar("R", bound=Runner)


class AsyncRunner(Generic[R]):
    """A runner for handlers that receive an upload: only the database work goes to a thread, in its turn."""

    def __init__(self, runner: R) -> None:
        self.runner = runner
        self.request = runner.request
        self.settings = runner.settings
        self.storage = runner.storage
        self.now = runner.now

    @property
    def front_door(self) -> str:
        """As `Runner.front_door`."""
        return self.runner.front_door

    @property
    def actor(self) -> Actor:
        """Who is asking; known after the first `read` or `identify`."""
        return self.runner.actor

    async def identify(self) -> Actor:
        """Who is asking, before a byte of the body is read. Raises Unauthenticated."""
        return await run_in_threadpool(lambda: self.runner.actor)

    async def read(self, use_case: Callable[..., T], /, **arguments: Any) -> T:
        """As `Runner.read`, in a thread."""
        return await run_in_threadpool(self.runner.read, use_case, **arguments)

    async def read_as_nobody(self, use_case: Callable[..., T], /, **arguments: Any) -> T:
        """As `Runner.read_as_nobody`, in a thread."""
        return await run_in_threadpool(self.runner.read_as_nobody, use_case, **arguments)

    async def commit_as_nobody(self, use_case: Callable[..., T], /, **arguments: Any) -> T:
        """As `Runner.commit_as_nobody`, in its turn and in a thread."""
        return await self._in_turn(self.runner.commit_as_nobody, use_case, **arguments)

    async def _in_turn(self, function: Callable[..., T], /, *positional: Any, **arguments: Any) -> T:
        async with self.request.app.state.write_turn:
            return await run_in_threadpool(function, *positional, **arguments)
