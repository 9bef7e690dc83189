"""What every table shares: naming convention, column helpers, the version column."""

from enum import StrEnum
from typing import Any

from sqlalchemy import Enum as SAEnum
from sqlalchemy import String
from sqlmodel import Field, SQLModel

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING_CONVENTION
metadata = SQLModel.metadata


def enum_column(words: type[StrEnum], name: str) -> SAEnum:
    """A closed list stored as its values with a named CHECK. `name` is unique within the table.

    SQLAlchemy's default stores member names and, on SQLite, checks nothing.
    """
    return SAEnum(
        words,
        name=name,
        native_enum=False,
        create_constraint=True,
        validate_strings=True,
        length=20,
        values_callable=lambda members: [member.value for member in members],
    )


def id_field(
    *, foreign_key: str | None = None, primary_key: bool = False, index: bool = False, nullable: bool = False
) -> Any:
    """A 20-character opaque id."""
    options: dict[str, Any] = {"sa_type": String(20), "nullable": nullable, "index": index}
    if foreign_key:
        options["foreign_key"] = foreign_key
    if primary_key:
        options["primary_key"] = True
    if nullable:
        options["default"] = None
    return Field(**options)


def word_field(words: type[StrEnum], name: str, *, default: Any = ..., nullable: bool = False) -> Any:
    """A column holding one of a closed list of words."""
    return Field(
        default=None if nullable and default is ... else default, sa_type=enum_column(words, name), nullable=nullable
    )


def text_field(length: int, *, nullable: bool = False, unique: bool = False, index: bool = False) -> Any:
    """A short text of a bounded length."""
    if nullable:
        return Field(default=None, sa_type=String(length), nullable=True, unique=unique, index=index)
    return Field(sa_type=String(length), nullable=False, unique=unique, index=index)


def moment(*, nullable: bool = True) -> Any:
    """A UTC moment."""
    return Field(default=None, nullable=True) if nullable else Field(nullable=False)


__all__ = ["Field", "SQLModel", "enum_column", "id_field", "metadata", "moment", "text_field", "word_field"]
