"""The browser that tests/browser drives."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tools import browser


def browser_launch_options() -> dict[str, Any]:
    """Return the arguments for Playwright's `chromium.launch`.

    Where no browser is to be had, the test that asks is skipped with the reason; where CI is set, it fails.
    """
    try:
        return browser.launch_options()
    except FileNotFoundError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


def browser_path() -> str:
    """Return the executable alone; skips or fails as `browser_launch_options` does."""
    return str(browser_launch_options()["executable_path"])
