"""What may come of a step, as it is foretold and as it comes."""

from __future__ import annotations

from app.domain.refusals import Forbidden, Invalid, NotFound, Refused, WaymarkError

# None when it is done, else how it is refused and why.
Outcome = tuple[str, ...] | None
MISSING: Outcome = ("not found",)
DENIED: Outcome = ("forbidden",)


def refused(*reasons: tuple[str, bool]) -> Outcome:
    """The codes, in order, of all that stand in the way."""
    codes = tuple(code for code, stands in reasons if stands)
    return ("refused", *codes) if codes else None


def invalid(*fields: tuple[str, bool]) -> Outcome:
    wrong = tuple(field for field, is_wrong in fields if is_wrong)
    return ("invalid", *wrong) if wrong else None


def outcome_of(error: WaymarkError) -> Outcome:
    if isinstance(error, Refused):
        return ("refused", *error.codes)
    if isinstance(error, Invalid):
        return ("invalid", *(one.pointer for one in error.errors))
    if isinstance(error, NotFound):
        return MISSING
    assert isinstance(error, Forbidden), error
    return DENIED
