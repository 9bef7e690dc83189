"""Text without regard to capitals, the same on both databases: SQLite's own `lower` and LIKE know A to Z alone."""

from typing import Any

from sqlalchemy import ColumnElement, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

SQLITE_FUNCTION = "waymark_lower"


class lowered(GenericFunction[str]):  # noqa: N801 - it reads like `func.lower`
    """Text in small letters, every alphabet's. On SQLite by a function that `app.db` gives each connection."""

    type = String()
    inherit_cache = True


@compiles(lowered)
def _anywhere(element: Any, compiler: Any, **options: Any) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"


@compiles(lowered, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"{SQLITE_FUNCTION}({compiler.process(element.clauses, **options)})"


def holds(column: Any, word: str) -> ColumnElement[bool]:
    """Whether a column holds a word, as it stands: % and _ are signs like any other. Letters count in either case.

    What is written in A to Z alone is left to the database, which is many times quicker than a function of ours.
    """
    if word.isascii():
        found: ColumnElement[bool] = column.icontains(word, autoescape=True)
        return found
    return lowered(column).contains(word.lower(), autoescape=True)
