"""The address of a list, with one thing of what it asks for changed."""

from collections.abc import Mapping
from urllib.parse import urlencode


class Addresses:
    """The addresses of this list with one thing changed."""

    def __init__(self, path: str, query: Mapping[str, str]) -> None:
        self._path = path
        self._query = dict(query)

    def with_(self, **changes: str | None) -> str:
        """The list with parameters added or replaced; None or an empty one is taken out."""
        return self._address({**self._query, **{name: value or "" for name, value in changes.items()}})

    def only(self, *names: str) -> str:
        """The list with nothing but these parameters."""
        return self._address({name: value for name, value in self._query.items() if name in names})

    def _address(self, query: Mapping[str, str]) -> str:
        given = {name: value for name, value in query.items() if value}
        return f"{self._path}?{urlencode(given)}" if given else self._path
