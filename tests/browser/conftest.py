"""A browser, a server, and people who are signed in:

    def test_something(own: Place) -> None:
        visitor = own.visitor("manager")
        visitor.go("/plans")

`own` is a copy of the demo that the test may change, `shared` one that it may only look at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.db import Database
from app.services import passwords
from tests.browser.demo import START, Demo, loaded_demo
from tests.browser.serving import Server, running_server
from tests.browser.visitors import Visitor
from tests.browser_finder import browser_launch_options

DESKTOP = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=375, height=812)
Kept = tuple[str, bool]  # whose browser, and whether it runs scripts
SECONDS = 20  # a page may take this long on a machine that does other things besides


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@dataclass
class Place:
    """A served copy of the demo, and the people who visit it."""

    demo: Demo
    server: Server
    browser: Browser
    database: Database
    contexts: dict[Kept, BrowserContext]
    visitors: list[Visitor] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return self.server.origin

    def visitor(self, who: str = "", *, phone: bool = False, java_script_enabled: bool = True) -> Visitor:
        """Somebody of the cast at a browser, signed in; nobody in particular when no name is given.

        Browsers are kept from test to test, so that styles and fonts are loaded once; cookies and windows are not, but
        for one window that has nothing left in it.
        """
        kept = (who, java_script_enabled)
        if kept not in self.contexts:
            self.contexts[kept] = self.browser.new_context(locale="en-GB", java_script_enabled=java_script_enabled)
            self.contexts[kept].set_default_timeout(SECONDS * 1000)
        context = self.contexts[kept]
        if not any(visitor.context is context for visitor in self.visitors):
            context.clear_cookies()
            if who:
                context.add_cookies([{"name": "waymark", "value": self.demo.tokens[who], "url": self.origin}])
        visitor = Visitor(context, self.origin, page=self._window(context))
        visitor.page.set_viewport_size(PHONE if phone else DESKTOP)
        self.visitors.append(visitor)
        return visitor

    def _window(self, context: BrowserContext) -> Page:
        taken = [visitor.page for visitor in self.visitors]
        return next((page for page in context.pages if page not in taken), None) or context.new_page()

    def program(self) -> httpx.Client:
        """The partner's program, with the police key."""
        headers = {"Authorization": f"Bearer {self.demo.key}"}
        return httpx.Client(base_url=f"{self.origin}/api/v1", headers=headers, timeout=SECONDS)

    def close(self) -> None:
        """Everybody goes; raises AssertionError for what their browsers complained about."""
        for visitor in self.visitors:
            visitor.leave(keep=visitor.page is visitor.context.pages[0])
        for visitor in self.visitors:
            visitor.check()


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "hasher", lambda: quick)
        yield


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, _quick_passwords: None) -> Demo:
    mine = tmp_path_factory.getbasetemp()
    shared = mine.parent if mine.name.startswith("popen-") else mine  # of all workers of this run
    return loaded_demo(shared / "browser-demo")


@pytest.fixture(scope="session")
def shared_database(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = demo.copy_to(tmp_path_factory.mktemp("shared"))
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def server(demo: Demo, shared_database: Database) -> Iterator[Server]:
    with running_server(shared_database, data=demo.folder, at=START) as server:
        yield server


@pytest.fixture(scope="session")
def browser(server: Server) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        expect.set_options(timeout=SECONDS * 1000)
        browser = playwright.chromium.launch(**browser_launch_options())
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> dict[Kept, BrowserContext]:
    return {}  # closed with the browser


@pytest.fixture
def shared(
    demo: Demo,
    server: Server,
    browser: Browser,
    shared_database: Database,
    contexts: dict[Kept, BrowserContext],
) -> Iterator[Place]:
    """The demo for tests that only look."""
    server.furnish(shared_database, data=demo.folder, at=START)
    place = Place(demo, server, browser, shared_database, contexts)
    yield place
    place.close()


@pytest.fixture
def own(
    demo: Demo, server: Server, browser: Browser, contexts: dict[Kept, BrowserContext], tmp_path: Path
) -> Iterator[Place]:
    """A copy of the demo for a test that changes it."""
    database = demo.copy_to(tmp_path)
    server.furnish(database, data=demo.folder, at=START)
    place = Place(demo, server, browser, database, contexts)
    yield place
    place.close()
    database.dispose()
