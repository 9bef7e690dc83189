"""The HTML door's wiring: the session cookie → who is signed in, and the runners that handlers ask for."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import Depends, Request, Response

from app.db import UnitOfWork
from app.domain.refusals import Forbidden, Unauthenticated
from app.doors.runners import AsyncRunner, Runner
from app.services.identity import PASSWORD_HOLDS, Identity, Limits, actor_from_session
from app.settings import Settings

T = TypeVar("T")


class PasswordNeeded(Forbidden):
    """The password must be typed again first; `address` is where."""

    title = "Enter your password again"

    def __init__(self, address: str) -> None:
        super().__init__("Enter your password again to go on")
        self.address = address


def cookie_name(settings: Settings) -> str:
    """`__Host-` makes browsers insist on Secure, Path=/ and no Domain; they refuse it over plain http."""
    return "__Host-waymark" if settings.secure else "waymark"


def session_limits(settings: Settings) -> Limits:
    """How long sessions live, as set."""
    return Limits(
        idle=timedelta(minutes=settings.session_idle_minutes), absolute=timedelta(hours=settings.session_hours)
    )


def sign_in_address(request: Request) -> str:
    """Where to sign in, and to come back from. Only what was asked for with GET can be come back to."""
    if request.method not in ("GET", "HEAD") or request.url.path == "/":
        return "/sign-in"
    return f"/sign-in?next={quote(own_address(request), safe='/')}"


def local_address(text: str) -> str:
    """An address to go on to after signing in, if it is one of this site; otherwise the start page.

    An address that begins with two slashes, either way round, is another site to a browser.
    """
    if not text.startswith("/") or text[1:2] in ("/", "\\") or not text.isprintable() or text.startswith("/sign-"):
        return "/"
    return text


def give_session(response: Response, settings: Settings, token: str) -> Response:
    """Put a session's token into its cookie, which no script reads and no other site's form sends along."""
    response.set_cookie(cookie_name(settings), token, path="/", secure=settings.secure, httponly=True, samesite="lax")
    return response


def take_session(response: Response, settings: Settings) -> Response:
    """Take the session's cookie away."""
    response.delete_cookie(cookie_name(settings), path="/", secure=settings.secure, httponly=True, samesite="lax")
    return response


def own_address(request: Request) -> str:
    """The address of this request within this site: path and query."""
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


class PageRunner(Runner):
    """Runs use cases for whoever is signed in."""

    def identify(self, uow: UnitOfWork) -> Identity:
        token = self.request.cookies.get(cookie_name(self.settings))
        if not token:
            raise Unauthenticated("Sign in to continue")
        return actor_from_session(uow, token=token, idle=session_limits(self.settings).idle)

    def write(self, use_case: Callable[..., T], /, **arguments: Any) -> T:
        """Carry out a use case and commit it. Raises Unauthenticated, or what the use case raises."""
        return self.commit(use_case, **arguments)

    def confirm_password(self, *, back: str = "") -> None:
        """Raise PasswordNeeded unless the password was typed within the last 15 minutes.

        `back` is where to go on afterwards, for a POST: a form cannot be sent again for somebody.
        """
        password_at = self.identity.password_at
        if password_at is None or self.now - password_at >= PASSWORD_HOLDS:
            where = own_address(self.request) if self.request.method == "GET" else back or "/account"
            raise PasswordNeeded(f"/account/confirmation?next={quote(where, safe='/')}")


class PageReceiver(AsyncRunner[PageRunner]):
    """The same, for handlers that receive an upload."""

    async def write(self, use_case: Callable[..., T], /, **arguments: Any) -> T:
        """As `PageRunner.write`, in its turn and in a thread."""
        return await self._in_turn(self.runner.write, use_case, **arguments)


async def _reading(request: Request) -> PageRunner:
    return PageRunner(request)


async def _writing(request: Request) -> AsyncIterator[PageRunner]:
    # Writers wait here, before they take a thread: reads must not queue behind waiting writers.
    async with request.app.state.write_turn:
        yield PageRunner(request)


async def _receiving(request: Request) -> PageReceiver:
    return PageReceiver(PageRunner(request))


Reading = Annotated[PageRunner, Depends(_reading)]
Writing = Annotated[PageRunner, Depends(_writing, scope="function")]
Receiving = Annotated[PageReceiver, Depends(_receiving)]
