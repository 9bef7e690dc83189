"""Static files with the caching that versioned addresses deserve."""

from starlette.responses import Response
from starlette.staticfiles import StaticFiles as PlainStaticFiles
from starlette.types import Scope

from app.pages.templating import STATIC

_A_YEAR = "public, max-age=31536000, immutable"


class StaticFiles(PlainStaticFiles):
    """What lies under `app/static`: kept for a year when the address carries a version, else asked for each time."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        versioned = scope["query_string"].startswith(b"v=")
        answer.headers["Cache-Control"] = _A_YEAR if versioned and answer.status_code < 400 else "no-cache"
        return answer
