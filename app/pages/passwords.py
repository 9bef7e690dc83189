"""Passwords as pages handle them: hashed in threads of their own, two at once, because each takes 64 MiB."""

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from anyio.to_thread import run_sync

T = TypeVar("T")

AT_ONCE = 2

_limiter: RunVar[CapacityLimiter] = RunVar("waymark_password_threads")


async def in_password_thread(work: Callable[[], T]) -> T:
    """Run a piece of work that hashes a password, when one of the two places is free."""
    try:
        limiter = _limiter.get()
    except LookupError:
        limiter = CapacityLimiter(AT_ONCE)
        _limiter.set(limiter)
    return await run_sync(work, limiter=limiter)
