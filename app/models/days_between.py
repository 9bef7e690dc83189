"""How many days lie between two days or moments, in SQL of both databases."""

from typing import Any

from sqlalchemy import Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class DaysBetween(FunctionElement[int]):
    """`DaysBetween(later, earlier)`: a whole number, NULL where either is. A moment counts as its day in UTC."""

    name = "days_between"
    inherit_cache = True
    type = Integer()


@compiles(DaysBetween, "sqlite")
def _(element: Any, compiler: Any, **options: Any) -> str:
    later, earlier = (compiler.process(one, **options) for one in element.clauses)
    return f"CAST(julianday(date({later})) - julianday(date({earlier})) AS INTEGER)"


@compiles(DaysBetween, "postgresql")
def _(element: Any, compiler: Any, **options: Any) -> str:
    later, earlier = (compiler.process(one, **options) for one in element.clauses)
    return f"(CAST({later} AS DATE) - CAST({earlier} AS DATE))"


class HoursBetween(FunctionElement[int]):
    """`HoursBetween(later, earlier)`: full hours between two moments, NULL where either is."""

    name = "hours_between"
    inherit_cache = True
    type = Integer()


@compiles(HoursBetween, "sqlite")
def _(element: Any, compiler: Any, **options: Any) -> str:
    later, earlier = (compiler.process(one, **options) for one in element.clauses)
    return f"((CAST(strftime('%s', {later}) AS INTEGER) - CAST(strftime('%s', {earlier}) AS INTEGER)) / 3600)"


@compiles(HoursBetween, "postgresql")
def _(element: Any, compiler: Any, **options: Any) -> str:
    later, earlier = (compiler.process(one, **options) for one in element.clauses)
    return f"CAST(floor(extract(epoch FROM ({later}) - ({earlier})) / 3600) AS INTEGER)"
