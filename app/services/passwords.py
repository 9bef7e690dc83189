"""Passwords: argon2 through pwdlib. One hash takes 64 MiB and a fifth of a second, so callers run few at once."""

from functools import cache
from typing import NamedTuple

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.domain.passwords import MAX_LENGTH, normalise


class Verdict(NamedTuple):
    """Whether a password is right, and its hash under today's parameters when the stored one has older ones."""

    right: bool
    rehashed: str | None = None


def hash_password(password: str) -> str:
    """The argon2id hash of a password that `app.domain.passwords.check_password` let through."""
    return hasher().hash(normalise(password))


def verify_password(password: str, stored: str | None) -> Verdict:
    """Whether a password matches its stored hash. Without one it takes as long, and is wrong."""
    # What is longer than any password can be costs nothing to refuse, and says nothing about the account.
    if len(password) > 4 * MAX_LENGTH:
        return Verdict(right=False)
    right, rehashed = hasher().verify_and_update(normalise(password), stored or _nobodys_hash())
    if stored is None:
        return Verdict(right=False)
    return Verdict(right, rehashed)


def warm_up() -> None:
    """Hash once, before the first person comes: otherwise the first unknown account would take twice as long."""
    _nobodys_hash()


@cache
def hasher() -> PasswordHash:
    """The one way of hashing. Tests put a quick one in its place."""
    return PasswordHash((Argon2Hasher(),))


@cache
def _nobodys_hash() -> str:
    return hasher().hash("the password of nobody at all")
