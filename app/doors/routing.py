"""A router per noun, looked into only by requests that can be meant for it."""

import re
from functools import cached_property

from fastapi import APIRouter
from starlette._utils import get_route_path
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

_NAMED_GROUP = re.compile(r"\?P<\w+>")


class NounRouter(APIRouter):
    """An APIRouter that one pattern of all its paths stands before.

    There are some forty routers with two hundred routes, and FastAPI asks each route in turn, in Python: without the
    pattern a request to one of the last spends a tenth of its time on that.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and self._any_path.search(get_route_path(scope)) is None:
            return Match.NONE, {}
        return super().matches(scope)

    @cached_property
    def _any_path(self) -> re.Pattern[str]:
        """Built when all routes are there. It holds the end of a path: the prefix is the application's to choose."""
        paths = {_path_pattern(route) for route in self.routes}
        return re.compile(f"(?:{'|'.join(sorted(paths))})")


def _path_pattern(route: BaseRoute) -> str:
    pattern: str = route.path_regex.pattern  # type: ignore[attr-defined]
    return _NAMED_GROUP.sub("?:", pattern.removeprefix("^"))
