"""What a request's body may hold: the base of every body, the kinds of field, and a form turned into a body."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from app.domain.days import unfit_day
from app.domain.milestones import TEXT_LIMIT, TITLE_LIMIT
from app.domain.words import PersonalData

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def _only_a_day(value: Any) -> Any:
    """Takes `YYYY-MM-DD` and nothing else: Pydantic alone would read 5 as a day of January 1970."""
    if isinstance(value, date) or (isinstance(value, str) and _DAY.fullmatch(value)):
        return value
    raise PydanticCustomError("date", "Write the date as YYYY-MM-DD, such as 2026-03-31")


def _plausible(day: date) -> date:
    unfit = unfit_day(day)
    if unfit:
        raise PydanticCustomError("date_range", "{unfit}", {"unfit": unfit})
    return day


def _storable(text: str) -> str:
    """No control characters: PostgreSQL cannot keep some of them, and nobody types the others."""
    if _CONTROLS.search(text):
        raise PydanticCustomError("control_character", "This holds a control character that cannot be stored")
    return text


Day = Annotated[
    date,
    AfterValidator(_plausible),
    BeforeValidator(_only_a_day),
    WithJsonSchema({"type": "string", "format": "date"}),
]
stripped = StringConstraints(strip_whitespace=True)
storably = AfterValidator(_storable)

# An id, a slug, a reference or an e-mail address that a service will look up.
Key = Annotated[str, StringConstraints(min_length=1, max_length=200), storably]
# A title: something has to be said, in one line.
Line = Annotated[str, stripped, StringConstraints(min_length=1, max_length=TITLE_LIMIT), storably]
ShortText = Annotated[str, stripped, StringConstraints(max_length=TITLE_LIMIT), storably]
# A narrative, a reason: something has to be said.
Said = Annotated[str, stripped, StringConstraints(min_length=1, max_length=TEXT_LIMIT), storably]
LongText = Annotated[str, stripped, StringConstraints(max_length=TEXT_LIMIT), storably]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]

# Whose personal data is in a file, and that what was found in it has been looked at.
PersonalDataDeclared = Annotated[
    list[PersonalData],
    Field(max_length=5, description="Whose personal data is in it; `none` stands alone. May be given several times"),
]
FindingsChecked = Annotated[
    bool,
    Field(
        description="You have looked at what was found (409 `personal_data_found`): then `personal_data=none` says"
        " that it is none"
    ),
]

# A field that is refused here because it is changed elsewhere; not in the documentation.
Elsewhere = Annotated[Any, SkipJsonSchema()]


def whole(least: int, most: int) -> Any:
    """A whole number between two bounds. Text and true are no numbers."""
    return Field(ge=least, le=most, strict=True)


# A place in a row: 1 is first, and one beyond the last is the last.
Place = Annotated[int, whole(1, 10_000)]


def absent(description: str | None = None) -> Any:
    """The default of a PATCH field that may be left out but not be null; it is never read (see `Body.changes`)."""
    return Field(default=None, description=description, json_schema_extra=_without_default)


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


class Body(BaseModel):
    """A request's body. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def changes(self) -> dict[str, Any]:
        """The fields that were sent, by name."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}

    def facts(self) -> dict[str, Any]:
        """Every field with what was sent or its default, by name, for a service that takes them all."""
        return {name: getattr(self, name) for name in type(self).model_fields}


class Nothing(Body):
    """An empty object, or no body at all."""


B = TypeVar("B", bound=Body)


def from_form(model: type[B], fields: Mapping[str, list[str]]) -> B:
    """A form's fields as a body. An empty field counts as not sent; only a list takes a field more than once.

    Raises pydantic's ValidationError, as a JSON body would.
    """
    sent: dict[str, Any] = {}
    for name, values in fields.items():
        filled = [value for value in values if value != ""]
        if filled:
            sent[name] = filled if _is_list(model, name) else filled[-1]
    return model.model_validate(sent)


def _is_list(model: type[Body], name: str) -> bool:
    known = model.model_fields.get(name)
    return known is not None and getattr(known.annotation, "__origin__", None) is list
