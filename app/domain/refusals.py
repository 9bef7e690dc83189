"""Everything Waymark answers instead of doing what was asked, as data.

A door turns each class into one status: Refused 409, Invalid 422, Forbidden 403, NotFound 404, Stale 412 and so on.
None of them changes anything; what had been written so far is rolled back.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that stands in the way, and what would satisfy it."""

    code: str
    message: str
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field. `pointer` is a JSON pointer such as `/due_date`."""

    pointer: str
    code: str
    message: str

    @property
    def name(self) -> str:
        """The field's plain name, as forms use it."""
        return self.pointer.strip("/").replace("/", ".")


class WaymarkError(Exception):
    """Base of every answer below."""

    title = "Something stopped this"

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.title)
        self.message = message or self.title


class Refused(WaymarkError):
    """A rule said no. Nothing has changed; the attempt is put on the record.

    `item` names what was asked about (kind, id), so that the refusal can be audited against it.
    """

    title = "Refused by a rule"

    def __init__(
        self,
        reasons: list[Reason] | tuple[Reason, ...],
        *,
        title: str = "",
        attempted: str = "",
        item_kind: str = "",
        item_id: str = "",
        plan_id: str | None = None,
    ) -> None:
        self.reasons = tuple(reasons)
        self.title = title or self.title
        self.attempted = attempted
        self.item_kind = item_kind
        self.item_id = item_id
        self.plan_id = plan_id
        super().__init__(" ".join(f"{reason.message}." for reason in self.reasons) or self.title)

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(reason.code for reason in self.reasons)


def refuse(code: str, message: str, **about: Any) -> Refused:
    """A refusal with a single reason."""
    return Refused([Reason(code, message)], **about)


class Invalid(WaymarkError):
    """What was sent is malformed; each error names its field."""

    title = "Some of what was sent cannot be used"

    def __init__(self, errors: list[FieldError] | tuple[FieldError, ...]) -> None:
        self.errors = tuple(errors)
        super().__init__(" ".join(_as_sentence(error.message) for error in self.errors) or self.title)


def invalid(field_name: str, code: str, message: str) -> Invalid:
    """One wrong field."""
    return Invalid([FieldError(f"/{field_name}", code, message)])


def _as_sentence(message: str) -> str:
    return message if message.endswith((".", "?", "!")) else f"{message}."


class NotFound(WaymarkError):
    """There is no such thing, or not for this caller: the answer is the same."""

    title = "Not found"


class Moved(WaymarkError):
    """The plan has another address now. Doors send on to it: old addresses go on leading where they led."""

    title = "It has another address now"

    def __init__(self, *, old: str, new: str) -> None:
        self.old, self.new = old, new
        super().__init__(f"The plan at {old} is now at {new}")


class Gone(WaymarkError):
    """It was here, and was destroyed under a retention rule: its hash and the fact stay."""

    title = "Disposed of"


class Forbidden(WaymarkError):
    """Known to the caller, but not theirs to do. `needs` names the role or scope that may."""

    title = "Not allowed"

    def __init__(self, message: str = "", *, needs: str = "") -> None:
        self.needs = needs
        super().__init__(message)


class Unauthenticated(WaymarkError):
    """Nobody is signed in, or the key is wrong, expired or revoked."""

    title = "Sign in first"


class Stale(WaymarkError):
    """Somebody else changed the item since it was read. Nobody's words are overwritten."""

    title = "Changed by somebody else in the meantime"

    def __init__(self, message: str = "", *, current_version: str = "", current: dict[str, Any] | None = None) -> None:
        self.current_version = current_version
        self.current = current or {}
        super().__init__(message)


class VersionRequired(WaymarkError):
    """The request must say which version it read (If-Match)."""

    title = "Say which version you read"


class Malformed(WaymarkError):
    """The body cannot be read at all."""

    title = "The request cannot be read"


class TooLarge(WaymarkError):
    """More bytes than are taken."""

    title = "Too large"


class UnsupportedContent(WaymarkError):
    """A file, or a body, of a kind that is not taken."""

    title = "This kind of content is not accepted"

    def __init__(self, message: str = "", *, accepted: tuple[str, ...] = ()) -> None:
        self.accepted = accepted
        super().__init__(message)


class RateLimited(WaymarkError):
    """Too many requests; `retry_after` in seconds."""

    title = "Too many requests"

    def __init__(self, message: str = "", *, retry_after: int = 60) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class Unavailable(WaymarkError):
    """Storage or database cannot take this now; nothing was written. `retry_after` in seconds."""

    title = "Not available just now"

    def __init__(self, message: str = "", *, retry_after: int = 5) -> None:
        self.retry_after = retry_after
        super().__init__(message)
