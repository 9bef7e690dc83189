"""Secrets that let somebody in: what they look like, and the hash that is all we keep of them.

Each is 256 random bits, so a plain SHA-256 is enough: there is nothing to guess and nothing to slow down.
Passwords are another matter; `app/services/passwords.py` has them.
"""

import hashlib
import secrets
from enum import StrEnum

RANDOM_BYTES = 32


class SecretKind(StrEnum):
    """The readable beginning of a secret: it tells a person, and a scanner of leaked secrets, what it is."""

    KEY = "wmk_"
    TOKEN = "wmt_"  # noqa: S105 - the prefix of one
    SESSION = "wms_"
    INVITATION = "wmi_"


def new_secret(kind: SecretKind) -> str:
    """A new secret of a kind: its prefix and 43 characters that carry 256 random bits."""
    return kind.value + secrets.token_urlsafe(RANDOM_BYTES)


def secret_hash(secret: str) -> str:
    """What is stored and looked up: the SHA-256 of the whole secret, as hex."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_kind(secret: str, kind: SecretKind) -> bool:
    """Whether a secret says it is of this kind. Anything longer than one of ours is not looked up at all."""
    return secret.startswith(kind.value) and len(secret) <= 64
