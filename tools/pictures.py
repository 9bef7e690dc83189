"""Takes the pictures of README.md and of the guides from the demo: `make docs`.

Loads the demo into a folder of its own, serves it on a free port of this machine, walks the main story in a real
browser and writes PNG files to docs/pictures.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import FloatRect, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
WAYMARK = ROOT / ".venv" / "bin" / "waymark"
PLAN = "/plans/safeguarding-plan"
STORY = f"{PLAN}/milestones/M-06"

sys.path.insert(0, str(ROOT))

from tests.browser_finder import browser_launch_options  # noqa: E402


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, serving(Path(data)) as origin, sync_playwright() as playwright:
        credentials = (Path(data) / "demo-credentials.txt").read_text()
        browser = playwright.chromium.launch(**browser_launch_options())
        desktop = browser.new_page(viewport={"width": 1280, "height": 900})
        take_desktop(desktop, origin, credentials)
        phone = browser.new_page(viewport={"width": 375, "height": 812})
        take_phone(phone, origin, credentials)
        browser.close()
    for picture in sorted(PICTURES.glob("*.png")):
        print(picture.relative_to(ROOT), f"{picture.stat().st_size // 1024} KB")


def take_desktop(page: Page, origin: str, credentials: str) -> None:
    """Plans, plan home, exceptions, a milestone, the refusal, the look-ahead, attaching evidence, the timeline."""
    sign_in(page, origin, credentials, "programme.manager@haringey.example")
    for name, path in (
        ("plans", "/plans"),
        ("plan-home", PLAN),
        ("exceptions", f"{PLAN}/exceptions"),
        ("milestone", STORY),
    ):
        page.goto(origin + path)
        take(page, name)
    page.goto(origin + STORY)
    page.get_by_role("button", name="Mark as achieved").click()
    page.get_by_role("heading", name=re.compile("was not marked as achieved")).first.wait_for()
    take(page, "refused")
    page.goto(f"{origin}{PLAN}/exceptions")
    page.get_by_role("link", name=re.compile("Next review")).first.click()
    page.get_by_text("If nothing changes").first.wait_for()
    take(page, "look-ahead")
    page.goto(f"{origin}{STORY}/evidence/new")
    take(page, "attach-evidence")
    page.set_viewport_size({"width": 1280, "height": 1240})  # as far down as the first part of the picture goes
    page.goto(f"{origin}{PLAN}/timeline")
    take(page, "timeline")


def take_phone(page: Page, origin: str, credentials: str) -> None:
    sign_in(page, origin, credentials, "senior.officer@haringey.example")
    page.goto(f"{origin}{PLAN}/exceptions")
    take(page, "exceptions-phone")


def take(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=PICTURES / f"{name}.png", clip=visible(page))


def visible(page: Page) -> FloatRect:
    """The top of the page: what a person sees without scrolling far."""
    size = page.viewport_size or {"width": 1280, "height": 900}
    return FloatRect(x=0, y=0, width=size["width"], height=size["height"])


def sign_in(page: Page, origin: str, credentials: str, email: str) -> None:
    found = re.search(re.escape(email) + r"\s+(\S+)", credentials)
    if found is None:
        raise SystemExit(f"The demo has nobody called {email}.")
    page.goto(f"{origin}/sign-in")
    page.locator("input[name=email]").fill(email)
    page.locator("input[name=password]").fill(found.group(1))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{origin}/plans")


@contextmanager
def serving(data: Path) -> Iterator[str]:
    """The demo, served from `data` on a free port. Yields its origin."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    origin = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "WAYMARK_DATA": str(data), "WAYMARK_PUBLIC_ORIGIN": origin}
    subprocess.run([WAYMARK, "init", "--demo"], env=environment, check=True, stdout=subprocess.DEVNULL)
    server = subprocess.Popen([WAYMARK, "serve", "--port", str(port)], env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_for(f"{origin}/readyz")
        yield origin
    finally:
        server.terminate()
        server.wait(timeout=20)


def wait_for(address: str) -> None:
    for _ in range(120):
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    raise SystemExit(f"{address} did not answer.")


if __name__ == "__main__":
    main()
