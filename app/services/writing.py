"""Checks on what people type, the same for every door. Each collects everything that is wrong, then raises Invalid."""

from collections.abc import Iterable
from datetime import date
from urllib.parse import urlsplit

from app.domain.milestones import TEXT_LIMIT, TITLE_LIMIT
from app.domain.refusals import FieldError, Invalid
from app.domain.typed import tidy


class Checks:
    """Collects field errors; `done()` raises Invalid if there were any."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def add(self, field: str, code: str, message: str) -> None:
        self.errors.append(FieldError(f"/{field}", code, message))

    def required_text(self, field: str, value: str | None, *, limit: int = TEXT_LIMIT, name: str = "") -> str:
        """The text made tidy; an error when nothing visible is left or it is over `limit` characters."""
        cleaned = tidy(value)
        if not cleaned:
            self.add(field, "required", f"Enter {name or _words(field)}")
        return self._bounded(field, cleaned, limit, name)

    def optional_text(self, field: str, value: str | None, *, limit: int = TEXT_LIMIT, name: str = "") -> str | None:
        cleaned = tidy(value)
        return self._bounded(field, cleaned, limit, name) or None

    def title(self, field: str, value: str | None, *, name: str = "a title") -> str:
        return self.required_text(field, value, limit=TITLE_LIMIT, name=name)

    def order(self, field: str, first: date | None, second: date | None, message: str) -> None:
        """An error on `field` when the second day is before the first."""
        if first is not None and second is not None and second < first:
            self.add(field, "date_order", message)

    def not_future(self, field: str, day: date | None, today: date, message: str) -> None:
        if day is not None and day > today:
            self.add(field, "date_in_future", message)

    def not_past(self, field: str, day: date | None, today: date, message: str) -> None:
        if day is not None and day < today:
            self.add(field, "date_in_past", message)

    def web_address(self, field: str, value: str) -> str:
        """An http(s) address. It is kept as typed and never fetched."""
        address = self.required_text(field, value, limit=2000, name="the address of the evidence")
        plain = address.isprintable() and " " not in address
        try:
            parts = urlsplit(address)
            good = plain and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
        except ValueError:
            good = False
        if address and not good:
            self.add(
                field,
                "not_a_web_address",
                "Enter an address that begins with https:// or http://, without spaces or a password",
            )
        return address

    def done(self) -> None:
        if self.errors:
            raise Invalid(self.errors)

    def _bounded(self, field: str, cleaned: str, limit: int, name: str) -> str:
        if len(cleaned) > limit:
            self.add(field, "too_long", f"{_capital(name or _words(field))} must be {limit:,} characters or fewer")
        if "\x00" in cleaned:
            self.add(field, "bad_character", f"{_capital(name or _words(field))} holds a character that is not text")
        return cleaned


RANGES = {"tolerance_days": (0, 365), "overdue_limit_days": (0, 28), "cycle_days": (1, 366), "triage_hours": (1, 240)}


def setting_ranges(checks: Checks, values: dict[str, int]) -> None:
    """An error on each of a plan's settings that is out of its range."""
    for name, value in values.items():
        low, high = RANGES[name]
        if not low <= value <= high:
            checks.add(name, "out_of_range", f"{_capital(_words(name))} must be from {low} to {high}")


def refuse_unknown(changes: Iterable[str], allowed: Iterable[str], *, elsewhere: dict[str, str]) -> None:
    """Raise Invalid for fields that cannot be changed here, naming where each is changed instead."""
    known = set(allowed)
    errors = [
        FieldError(f"/{field}", "not_here", elsewhere.get(field, f"{_capital(_words(field))} cannot be changed here"))
        for field in changes
        if field not in known
    ]
    if errors:
        raise Invalid(errors)


def _words(field: str) -> str:
    return field.replace("_", " ")


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
