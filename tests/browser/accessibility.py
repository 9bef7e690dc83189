"""axe-core with the rules of WCAG 2.2 AA, run in a page."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.visitors import Visitor

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

# Half of what axe takes. No colour depends on the width of the window, so one look at them is enough.
CONTRAST = "color-contrast"

_RUN = """async ([tags, off]) => {
  const found = await axe.run(document, {
    runOnly: {type: "tag", values: tags}, rules: Object.fromEntries(off.map((rule) => [rule, {enabled: false}])),
    resultTypes: ["violations"], iframes: false, preload: false,
  });
  return found.violations.map((one) => ({
    rule: one.id, help: one.help, nodes: one.nodes.map((node) => `${node.html.slice(0, 300)} ${node.failureSummary}`),
  }));
}"""


@cache
def _source() -> str:
    return AXE.read_text("utf-8")


def violations(visitor: Visitor, *, without: tuple[str, ...] = ()) -> list[str]:
    """What axe has against the page as it is now, a line each; rules can be left out. What axe itself trips over is not
    held against it.
    """
    page = visitor.page
    with visitor.unheard():
        if not page.evaluate("() => 'axe' in window"):
            page.evaluate(_source())
        found: list[dict[str, Any]] = page.evaluate(_RUN, [TAGS, list(without)])
    return [f"{one['rule']}: {one['help']}: {node}" for one in found for node in one["nodes"]]


def overflow(page: Page) -> list[str]:
    """What reaches out of the window to the right, the deepest elements first; nothing when all of it fits."""
    found: list[str] = page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.scrollingElement.scrollWidth <= width) return [];
          const wide = [...document.body.querySelectorAll("*")].filter(
            (one) => one.getBoundingClientRect().right > width + 0.5);
          return [`${document.scrollingElement.scrollWidth} px wide`,
            ...wide.reverse().slice(0, 8).map((one) => one.outerHTML.slice(0, 160))];
        }"""
    )
    return found


def check_page(visitor: Visitor) -> None:
    """No violation in a wide window; no violation and nothing to scroll sideways on a phone."""
    page, found = visitor.page, []
    for name, size, without in (("desktop", DESKTOP, ()), ("375 px", PHONE, (CONTRAST,))):
        page.set_viewport_size(size)
        found += [f"{name}: {line}" for line in violations(visitor, without=without)]
    found += [f"375 px, sideways: {line}" for line in overflow(page)]
    assert not found, f"{visitor.path}\n" + "\n".join(found)
