"""A browser, a server, and people who are signed in.

def test_something(own: Place) -> None:         # a copy of the demo that the test may change
    visitor = own.visitor("manager")
    visitor.go("/plans")
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ViewportSize, expect, sync_playwright
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
    visitors: list[Visitor] = field(default_factory=list)
    contexts: dict[tuple[str, bool], BrowserContext] | None = None
    """Browsers that are kept for the next test, so that styles and fonts are loaded once; None where nothing is."""

    @property
    def origin(self) -> str:
        return self.server.origin

    def visitor(self, who: str = "", *, phone: bool = False, java_script_enabled: bool = True) -> Visitor:
        """Somebody of the cast in a browser of their own, signed in; nobody in particular when no name is given."""
        kept = self.contexts if java_script_enabled else None
        context = kept.get((who, phone)) if kept is not None else None
        if context is None:
            context = self._context(who, phone=phone, java_script_enabled=java_script_enabled)
        if kept is not None:
            kept[who, phone] = context
        visitor = Visitor(context, self.origin)
        self.visitors.append(visitor)
        return visitor

    def _context(self, who: str, *, phone: bool, java_script_enabled: bool) -> BrowserContext:
        context = self.browser.new_context(
            viewport=PHONE if phone else DESKTOP, locale="en-GB", java_script_enabled=java_script_enabled
        )
        context.set_default_timeout(SECONDS * 1000)
        if who:
            context.add_cookies([{"name": "waymark", "value": self.demo.tokens[who], "url": self.origin}])
        return context

    def program(self) -> httpx.Client:
        """The partner's program, with the police key."""
        headers = {"Authorization": f"Bearer {self.demo.key}"}
        return httpx.Client(base_url=f"{self.origin}/api/v1", headers=headers, timeout=SECONDS)

    def close(self) -> None:
        """Everybody goes; raises AssertionError for what their browsers complained about."""
        for visitor in self.visitors:
            visitor.page.close()
            if visitor.context not in (self.contexts or {}).values():
                visitor.context.close()
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
def kept_contexts(browser: Browser) -> dict[tuple[str, bool], BrowserContext]:
    return {}  # closed with the browser


@pytest.fixture
def shared(
    demo: Demo,
    server: Server,
    browser: Browser,
    shared_database: Database,
    kept_contexts: dict[tuple[str, bool], BrowserContext],
) -> Iterator[Place]:
    """The demo for tests that only look."""
    server.furnish(shared_database, data=demo.folder, at=START)
    place = Place(demo, server, browser, shared_database, contexts=kept_contexts)
    yield place
    place.close()


@pytest.fixture
def own(demo: Demo, server: Server, browser: Browser, tmp_path: Path) -> Iterator[Place]:
    """A copy of the demo for a test that changes it."""
    database = demo.copy_to(tmp_path)
    server.furnish(database, data=demo.folder, at=START)
    place = Place(demo, server, browser, database)
    yield place
    place.close()
    database.dispose()
