"""What a password must be: long, not a common one, and not the account's own name.

Length rather than required kinds of characters, no expiry, and a list of common ones: as the National Cyber Security
Centre advises ("Password administration for system owners") and NIST SP 800-63B, 5.1.1.2, spells out.
"""

import unicodedata
from functools import cache
from pathlib import Path

from app.domain.refusals import invalid

MIN_LENGTH, MAX_LENGTH = 12, 128

_COMMON = Path(__file__).with_name("common_passwords.txt")
_TOO_PLAIN = 4
"""A password of fewer different characters than this is a pattern, whatever its length."""


def normalise(text: str) -> str:
    """A password as it is hashed: NFKC, so that the same keys on another machine give the same bytes."""
    return unicodedata.normalize("NFKC", text)


def check_password(text: str, *, email: str, field: str = "password") -> str:
    """The password, normalised. Raises Invalid on `field` with what would do instead."""
    password = normalise(text)
    if len(password) < MIN_LENGTH:
        raise invalid(field, "too_short", f"Your password must be {MIN_LENGTH} characters or more")
    if len(password) > MAX_LENGTH:
        raise invalid(field, "too_long", f"Your password must be {MAX_LENGTH} characters or fewer")
    if is_common(password):
        raise invalid(field, "common", "This password is easy to guess. Three random words make a good one")
    if _names_account(password, email):
        raise invalid(field, "names_account", "Your password must not be made from your email address")
    return password


def is_common(password: str) -> bool:
    """Whether a password is on the list of common ones, apart from case, spaces and what stands around it, or plain."""
    folded = password.casefold()
    if len(set(folded)) < _TOO_PLAIN or _is_repeated(folded):
        return True
    squeezed = "".join(character for character in folded if character.isalnum())
    return squeezed in _common() or squeezed.rstrip("0123456789") in _common()


def _is_repeated(text: str) -> bool:
    """Whether a text is one short piece again and again: `abcabcabcabc`."""
    return any(
        len(text) % size == 0 and text == text[:size] * (len(text) // size) for size in range(1, len(text) // 2 + 1)
    )


def _names_account(password: str, email: str) -> bool:
    """Whether taking the account's name away leaves less than a password's length by itself would need."""
    folded, local = password.casefold(), email.casefold().partition("@")[0]
    names = {email.casefold(), local, local.replace(".", "")}
    return any(len(name) > 3 and name in folded and len(folded.replace(name, "")) < MIN_LENGTH // 2 for name in names)


@cache
def _common() -> frozenset[str]:
    return frozenset(line for line in _COMMON.read_text("utf-8").split("\n") if line and not line.startswith("#"))
