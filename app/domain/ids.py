"""Opaque identifiers: time-ordered, so that indexes stay compact; random, so that a gap tells nobody anything."""

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
ID_LENGTH = 20


def new_id() -> str:
    """A new 20-character id: 48 bits of milliseconds, then 52 random bits, in Crockford base 32."""
    value = (time.time_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF) << 52 | secrets.randbits(52)
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(95, -1, -5))
