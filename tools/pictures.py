"""Takes the pictures of README.md and of the guides from the demo: `make docs`.

Loads the demo into a folder of its own, serves it on a free port of this machine, does in a real browser what each role
does, and writes PNG files to docs/pictures.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, ViewportSize, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
WAYMARK = ROOT / ".venv" / "bin" / "waymark"

sys.path.insert(0, str(ROOT))

from tests.browser_finder import browser_launch_options  # noqa: E402
from tools.palette import shrunk  # noqa: E402

PLAN = "/plans/safeguarding-plan"
DRAFT = "/plans/early-help-plan"
CORRESPONDENCE = "/plans/social-care-correspondence"
STORY = f"{PLAN}/milestones/M-06"
# A date field shows day and month in the order of the machine's own language; a council's machine is British.
BRITISH_DAYS = """() => document.querySelectorAll("input[type=date]").forEach((one) => {
  const day = one.value.split("-").reverse().join("/");
  one.type = "text";
  one.value = day || "dd/mm/yyyy";
})"""
DESKTOP = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=375, height=812)


@dataclass
class Camera:
    """Somebody's browser window, and where its pictures go."""

    page: Page
    blank: Page
    origin: str
    credentials: str

    def sign_in(self, email: str) -> None:
        self.page.goto(f"{self.origin}/sign-in")
        self.page.locator("input[name=email]").fill(email)
        self.page.locator("input[name=password]").fill(self.password_of(email))
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(f"{self.origin}/plans")

    def password_of(self, email: str) -> str:
        found = re.search(re.escape(email) + r"\s+(\S+)", self.credentials)
        if found is None:
            raise SystemExit(f"The demo has nobody called {email}.")
        return found.group(1)

    def go(self, path: str) -> Page:
        self.page.goto(self.origin + path)
        return self.page

    def take(self, name: str, *, height: int | None = None, top: Locator | None = None) -> None:
        """The window as it stands, or `height` px of it; `top` is scrolled to its upper edge first."""
        size = self.page.viewport_size or DESKTOP
        if height:
            self.page.set_viewport_size({"width": size["width"], "height": height})
        self.page.wait_for_load_state("networkidle")
        self.page.mouse.move(0, 0)  # nothing is pointed at
        self.page.evaluate(BRITISH_DAYS)
        self.page.evaluate("() => window.scrollTo(0, 0)")
        if top:
            top.evaluate("(one) => window.scrollTo(0, one.getBoundingClientRect().top + window.scrollY - 24)")
        (PICTURES / f"{name}.png").write_bytes(shrunk(self.page.screenshot(), blank=self.blank))
        self.page.set_viewport_size(size)


def programme_manager(camera: Camera) -> None:
    """The tour, an evidence review, the review meetings, the timeline."""
    camera.go(PLAN)
    camera.take("plan-home", height=1100)
    camera.go(f"{PLAN}/exceptions")
    camera.take("exceptions")
    page = camera.go(f"{PLAN}/milestones/M-33")
    item = page.locator(".wm-evidence__item").filter(has_text="Staffing reconciliation, second month")
    item.locator("summary").click()
    item.get_by_label("Yes, accept it").check()
    camera.take("review-evidence", top=item)
    camera.go(f"{PLAN}/meetings")
    camera.take("meetings", height=780)
    camera.go(f"{CORRESPONDENCE}/inbox")
    camera.take("inbox", height=1000)
    camera.go(f"{PLAN}/timeline")
    camera.take("timeline", height=1190)  # as far down as the first part of the picture goes
    page = camera.go(STORY)
    page.get_by_role("button", name="Mark as achieved").click()
    page.get_by_role("heading", name=re.compile("was not marked as achieved")).first.wait_for()
    camera.take("refused", height=1420)


def senior_officer(camera: Camera) -> None:
    """The look-ahead, what is to be decided, and a draft that is to be approved."""
    page = camera.go(f"{PLAN}/exceptions")
    page.get_by_role("link", name=re.compile("Next review")).first.click()
    page.get_by_text("If nothing changes").first.wait_for()
    camera.take("look-ahead")
    page = camera.go(f"{PLAN}/change-requests")
    for box in page.get_by_label(re.compile("^Decide this one below")).all():
        box.check()
    page.get_by_label("Approve").check()
    camera.take("decide", top=page.locator(".wm-evidence__item").nth(-1), height=1120)
    camera.go(f"{DRAFT}/approval")
    camera.take("approve", height=1360)


def contributor(camera: Camera) -> None:
    """Updates, a date that cannot be kept, work that is finished, evidence."""
    page = camera.go("/updates")
    section = page.locator(".wm-update:not(.wm-update--saved)").first
    section.locator("textarea").first.fill("A bank nurse covers two mornings a week from Monday.")
    section.get_by_role("button", name=re.compile("^Save update")).click()
    page.get_by_text(re.compile("^Saved ")).first.wait_for()
    camera.take("my-updates", top=page.locator("h1"))
    page = camera.go(f"{PLAN}/milestones/M-08/change-requests/new")
    for part, value in zip(("day", "month", "year"), later(43), strict=True):
        page.locator(f"[name=due_date-{part}]").fill(str(value))
    page.get_by_label("What is the reason?").fill(
        "Two agency chairs start next week; a month of conferences must be seen."
    )
    page.get_by_role("button", name="See what it would do").click()
    page.get_by_text("What it would do if").wait_for()
    camera.take("ask-to-move", height=1200)
    camera.go(f"{PLAN}/milestones/M-08/completion")
    camera.take("report-completed", height=1200)
    camera.go(f"{STORY}/evidence/new")
    camera.take("attach-evidence", height=1000)


def partner(camera: Camera) -> None:
    """What a partner's people see of a milestone that waits for them, and the receipt of what their program sent."""
    camera.go(STORY)
    camera.take("partner-milestone")
    send_as_the_demo_says(camera.credentials)
    page = camera.go(STORY)
    page.locator(".wm-evidence__title").get_by_role("link", name="Strategy discussion log").click()
    page.get_by_role("heading", name="Receipt").wait_for()
    camera.take("receipt", height=880)


def auditor(camera: Camera) -> None:
    """Honesty checks, a piece of evidence with its review, the audit trail."""
    camera.go(f"{PLAN}/honesty-checks")
    camera.take("honesty-checks")
    page = camera.go(f"{PLAN}/milestones/M-33")
    page.get_by_role("link", name="Staffing reconciliation, first month").click()
    page.get_by_role("heading", name="Receipt").wait_for()
    camera.take("evidence", height=860)
    camera.go(f"{PLAN}/audit-events")
    camera.take("audit-trail")


def administrator(camera: Camera) -> None:
    """Beginning a plan, and its people."""
    camera.go("/plans/new")
    camera.take("begin-a-plan", height=1040)
    camera.go(f"{DRAFT}/memberships")
    camera.take("people", height=1100)


def on_a_phone(camera: Camera) -> None:
    camera.go(f"{PLAN}/exceptions")
    camera.take("exceptions-phone")


# Who does what, in which window. The partner's file comes last: it changes what the others see.
ROLES: tuple[tuple[str, ViewportSize, Callable[[Camera], None]], ...] = (
    ("programme.manager@haringey.example", DESKTOP, programme_manager),
    ("senior.officer@haringey.example", DESKTOP, senior_officer),
    ("senior.officer@haringey.example", PHONE, on_a_phone),
    ("auditor@haringey.example", DESKTOP, auditor),
    ("administrator@haringey.example", DESKTOP, administrator),
    ("contributor@haringey.example", DESKTOP, contributor),
    ("analyst@police.example", DESKTOP, partner),
)


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    options = browser_launch_options()
    with tempfile.TemporaryDirectory() as data, serving(Path(data)) as origin, sync_playwright() as playwright:
        credentials = (Path(data) / "demo-credentials.txt").read_text()
        browser = playwright.chromium.launch(**options)
        for email, size, do in ROLES:
            walk(browser, size, origin, credentials, email, do)
        browser.close()
    for picture in sorted(PICTURES.glob("*.png")):
        print(picture.relative_to(ROOT), f"{picture.stat().st_size // 1024} KB")


def walk(
    browser: Browser, size: ViewportSize, origin: str, credentials: str, email: str, do: Callable[[Camera], None]
) -> None:
    context = browser.new_context(viewport=size, locale="en-GB")
    camera = Camera(context.new_page(), context.new_page(), origin, credentials)
    camera.sign_in(email)
    do(camera)
    context.close()


def later(days: int) -> tuple[int, int, int]:
    """A working day about so many days from today."""
    day = datetime.now(UTC).date() + timedelta(days=days)
    day += timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)
    return day.day, day.month, day.year


def send_as_the_demo_says(credentials: str) -> None:
    """Run the command that `make run` prints for a partner."""
    command = credentials[credentials.index("  printf ") :].split("\n\n")[0]
    subprocess.run(["/bin/sh", "-c", command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


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
