"""Somebody at a browser, and everything their browser complains about.

A test fails when a page logged an error or a warning (a breach of the content security policy is one), when a script
failed, when a request went nowhere, or when a response was an error that the test did not expect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Locator, Page, Request, Response, expect

# Chromium repeats in the console what it was answered; responses are judged one by one here.
_ANSWERED = re.compile(r"Failed to load resource: the server responded with a status of \d+")


class Visitor:
    """A browser window of somebody's own: `page` is what they see, `.go("/plans")` where they go."""

    def __init__(self, context: BrowserContext, origin: str, *, page: Page) -> None:
        self.context = context
        self.origin = origin
        self.page = page
        self.problems: list[str] = []
        self._expected: set[int] = set()
        self._listeners: dict[str, Callable[..., None]] = {
            "console": self._hear,
            "pageerror": self._fail,
            "requestfailed": self._lose,
            "response": self._judge,
        }
        for event, listener in self._listeners.items():
            page.on(event, listener)  # type: ignore[call-overload]

    # What it complains about.

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _ANSWERED.match(message.text):
            self.problems.append(f"{message.type} in the console: {message.text}")

    def _fail(self, error: Error) -> None:
        self.problems.append(f"a script failed: {error}")

    def _lose(self, request: Request) -> None:
        if request.failure == "net::ERR_ABORTED" and "/static/" in request.url:
            return  # the visitor went on before a picture was there
        self.problems.append(f"no answer: {request.method} {request.url}: {request.failure}")

    def _judge(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self._expected:
            self.problems.append(f"{response.status}: {response.request.method} {response.url}")

    def expects(self, *statuses: int) -> Visitor:
        """These error responses are what the test is about."""
        self._expected.update(statuses)
        return self

    def leave(self, *, keep: bool) -> None:
        """Close the window, or leave it as if nobody had used it."""
        if not keep:
            self.page.close()
            return
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)  # what leaving cuts off is no complaint
        self.page.unroute_all()
        self.page.emulate_media(media="screen")
        self.page.goto("about:blank")

    def check(self) -> None:
        """Raises AssertionError with everything the browser complained about."""
        assert not self.problems, "\n".join(self.problems)

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """What is done meanwhile is a tool's doing, not the page's."""
        before = list(self.problems)
        yield
        self.problems[:] = before

    # What it does.

    def go(self, path: str, *, status: int = 200) -> None:
        """Open an address of the site; `status` is what it must answer."""
        if status >= 400:
            self.expects(status)
        answer = self.page.goto(self.origin + path)
        assert answer is not None
        assert answer.status == status, f"{path}: {answer.status}"

    @property
    def path(self) -> str:
        """Where it is, without the origin: "/plans?x=1#y"."""
        return self.page.url.removeprefix(self.origin)

    def arrives(self, path: str) -> None:
        """Wait until the address has this path (a pattern), whatever its query and fragment."""
        expect(self.page).to_have_url(re.compile(re.escape(self.origin) + path + r"([?#].*)?$"))

    def is_at(self, address: str) -> None:
        """Wait until the address is this one, query and all."""
        expect(self.page).to_have_url(self.origin + address)

    def heading(self, text: str | re.Pattern[str]) -> Locator:
        return self.page.get_by_role("heading", name=text)

    def link(self, text: str | re.Pattern[str], *, exact: bool = False) -> Locator:
        return self.page.get_by_role("link", name=text, exact=exact)

    def button(self, text: str, *, exact: bool = False) -> Locator:
        return self.page.get_by_role("button", name=text, exact=exact)

    def text(self) -> str:
        """Everything that can be read in the page's body."""
        return self.page.locator("body").inner_text()

    def fill_date(self, name: str, day: object, month: object, year: object) -> None:
        for part, value in (("day", day), ("month", month), ("year", year)):
            self.page.locator(f"[name={name}-{part}]").fill(str(value))
