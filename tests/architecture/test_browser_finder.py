"""No browser may mean fewer tests on somebody's machine, but never a green CI that looked at no page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.browser_finder import browser_launch_options, browser_path
from tools import browser


@pytest.fixture
def no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "find", lambda: None)


@pytest.mark.browser
def test_the_browser_that_is_found_starts_and_runs_scripts() -> None:
    with sync_playwright() as playwright, playwright.chromium.launch(**browser_launch_options()) as chromium:
        page = chromium.new_page()
        page.set_content("<p>before</p><script>document.querySelector('p').textContent = 'after'</script>")
        assert page.inner_text("p") == "after"


@pytest.mark.usefixtures("no_browser")
def test_without_a_browser_a_test_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="make browser"):
        browser_path()


@pytest.mark.usefixtures("no_browser")
def test_without_a_browser_ci_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="make browser"):
        browser_path()


def test_a_stand_in_that_is_no_browser_is_passed_over(tmp_path: Path) -> None:
    stub = tmp_path / "chromium-browser"
    stub.write_text("#!/bin/sh\necho 'requires the chromium snap to be installed' >&2\nexit 1\n", "utf-8")
    stub.chmod(0o755)

    assert not browser.answers(stub)
    assert not browser.answers(tmp_path / "missing")
