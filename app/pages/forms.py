"""What a form brought, what is wrong with it, and how it is shown again with every word kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import UploadFile

from app.domain.days import unfit_day
from app.domain.refusals import FieldError, Invalid, Refused, Stale, invalid
from app.domain.typed import tidy
from app.doors.held_files import HeldFile

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

_FOUR_FIGURES = 1000


@dataclass(slots=True)
class Form:
    """The values of a form as typed, and what stands against them. A fresh form has neither. `held`: the file that
    came with it and is kept while its sender answers.

    A date is three fields, `name-day`, `name-month` and `name-year`, as in GOV.UK's date input. `prefix` goes before
    the ids of the fields where a page has the same form several times.
    """

    values: dict[str, list[str]] = field(default_factory=dict)
    errors: list[FieldError] = field(default_factory=list)
    refused: Refused | None = None
    stale: Stale | None = None
    prefix: str = ""
    held: HeldFile | None = None
    _dates: set[str] = field(default_factory=set)

    # What templates ask.

    def value(self, name: str) -> str:
        """The text of a field, or nothing."""
        return self.values.get(name, [""])[-1]

    def all(self, name: str) -> list[str]:
        """Every value chosen for a field."""
        return self.values.get(name, [])

    def error(self, name: str) -> dict[str, str] | None:
        """The first thing wrong with a field, as GOV.UK macros take it."""
        return next(({"text": error.message} for error in self.errors if error.name == name), None)

    @property
    def failed(self) -> bool:
        """Whether the page says that something did not happen, so that its title begins with "Error:"."""
        return bool(self.errors or self.refused or self.stale)

    @property
    def summary(self) -> list[dict[str, str]]:
        """The lines of the error summary, each linked to its field."""
        return [{"text": error.message, "href": f"#{self._id(error.name)}"} for error in self.errors]

    def _id(self, name: str) -> str:
        is_date = name in self._dates or f"{name}-day" in self.values
        return f"{self.prefix}{name}-day" if is_date else f"{self.prefix}{name}"

    # What routes ask. Nothing raises before `check`, so that everything is said at once.

    def text(self, name: str) -> str:
        """The text of a field, made tidy, with plain line ends."""
        return tidy(self.value(name).replace("\r\n", "\n"))

    def optional(self, name: str) -> str | None:
        """The text of a field, or None when nothing was typed."""
        return self.text(name) or None

    def required(self, name: str, sentence: str) -> str:
        """The text of a field; `sentence` says what to do when it is empty."""
        found = self.text(name)
        if not found:
            self.add(name, "required", sentence)
        return found

    def day(self, name: str, what: str) -> date | None:
        """The date of a field, None when all three parts are empty. `what` names it: "The due date"."""
        self._dates.add(name)
        parts = [self.text(f"{name}-{part}") for part in ("day", "month", "year")]
        if not any(parts):
            return None
        if not all(parts):
            self.add(name, "date_incomplete", f"{what} must include a day, a month and a year")
            return None
        try:
            day, month, year = (int(part) for part in parts)
            found = date(year, month, day)
        except (ValueError, OverflowError):
            self.add(name, "date_invalid", f"{what} must be a real date")
            return None
        if year < _FOUR_FIGURES:
            self.add(name, "date_invalid", f"{what} must have a year of four figures, such as 2009")
            return None
        if unfit := unfit_day(found, what):
            self.add(name, "date_range", unfit)
            return None
        return found

    def needed_day(self, name: str, what: str, sentence: str = "") -> date:
        """The date of a field that has to be filled in; where it is not, `check` raises, with `sentence` if given."""
        found = self.day(name, what)
        if found is None and self.error(name) is None:
            self.add(name, "required", sentence or f"Enter {what[:1].lower()}{what[1:]}")
        return found or date.min

    def whole(self, name: str, what: str) -> int | None:
        """The whole number of a field. `what` names it: "The review cycle"."""
        found = self.text(name)
        if not found.isascii() or not found.isdigit() or len(found) > 6:
            self.add(name, "not_a_number", f"{what} must be a whole number, such as 14")
            return None
        return int(found)

    def choice(self, name: str, words: type[E], sentence: str = "Choose one of the answers shown") -> E | None:
        """The word chosen from a closed list, None when none was."""
        found = self.text(name)
        if not found:
            return None
        try:
            return words(found)
        except ValueError:
            self.add(name, "choice_invalid", sentence)
            return None

    def add(self, name: str, code: str, message: str) -> None:
        """Put down what is wrong with a field."""
        self.errors.append(FieldError(f"/{name}", code, message))

    def check(self) -> None:
        """Raises Invalid when anything was put down."""
        if self.errors:
            raise Invalid(list(self.errors))

    def take(self, error: Invalid | Refused | Stale) -> int:
        """Keep what a service answered, to be shown with the form. Returns the status of the page."""
        if isinstance(error, Refused):
            self.refused = error
            return 409
        if isinstance(error, Stale):
            self.stale = error
            return 412
        self.errors = list(error.errors)
        return 422


def filled(values: Mapping[str, Any]) -> Form:
    """A form that shows what is there now. Dates become their three parts, lists several values, None nothing."""
    shown: dict[str, list[str]] = {}
    for name, value in values.items():
        if isinstance(value, date):
            for part in ("day", "month", "year"):
                shown[f"{name}-{part}"] = [str(getattr(value, part))]
        elif isinstance(value, list | tuple):
            shown[name] = [str(item) for item in value]
        elif value is not None:
            shown[name] = [str(value)]
    return Form(shown)


def day_in_address(name: str, value: str | None, what: str) -> date | None:
    """A day among the parameters of an address, None where there is none. Raises Invalid for what is no date."""
    if not value:
        return None
    try:
        found = date.fromisoformat(value)
    except ValueError as error:
        raise invalid(name, "date_invalid", f"{what} must be a date such as 2009-12-17") from error
    if unfit := unfit_day(found, what):
        raise invalid(name, "date_range", unfit)
    return found


async def _submitted(request: Request, *, fields: int = 100) -> Form:
    """The posted fields. Files are not taken here: pages with a file read their own stream."""
    values: dict[str, list[str]] = {}
    for name, value in (await request.form(max_files=0, max_fields=fields)).multi_items():
        if not isinstance(value, UploadFile):
            values.setdefault(name, []).append(value)
    return Form(values)


async def _usual_form(request: Request) -> Form:
    return await _submitted(request)


async def _long_form(request: Request) -> Form:
    return await _submitted(request, fields=2_000)


Submitted = Annotated[Form, Depends(_usual_form)]
LongSubmitted = Annotated[Form, Depends(_long_form)]
"""The same for a form with a row an item."""


def see_other(address: str) -> Response:
    """After a change: look there."""
    return RedirectResponse(address, 303)


def settle(
    form: Form, change: Callable[[], T], *, done: Callable[[T], Response], again: Callable[[Form, int], Response]
) -> Response:
    """Make a change; say where to look when it was made, and show the form again, every word kept, when it was not."""
    try:
        result = change()
    except (Invalid, Refused, Stale) as error:
        status = form.take(error)
        return again(form, status)
    return done(result)
