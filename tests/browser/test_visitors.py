"""A browser that complains fails the test: shown by giving it reasons to."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Place

INLINE = "document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">in breach of the policy</p>')"


@pytest.mark.parametrize(
    ("done", "complaint"),
    [
        ("console.error('something is wrong')", "something is wrong"),
        ("console.warn('take care')", "take care"),
        ("setTimeout(() => { throw new Error('a fault') })", "a fault"),
        (INLINE, "Content Security Policy"),
        ("fetch('/no-such-page')", "404"),
        ("fetch('https://elsewhere.example/')", "elsewhere.example"),
    ],
)
def test_what_a_browser_complains_of_is_found(shared: Place, done: str, complaint: str) -> None:
    visitor = shared.visitor("manager")
    visitor.go("/help")
    visitor.page.evaluate(f"() => {{ {done} }}")
    for _ in range(40):
        visitor.page.wait_for_timeout(50)
        if visitor.problems:
            break
    with pytest.raises(AssertionError, match=complaint):
        visitor.check()
    visitor.problems.clear()


def test_only_expected_errors_are_forgiven(shared: Place) -> None:
    visitor = shared.visitor("manager").expects(403)
    visitor.page.goto(f"{shared.origin}/plans/none")
    with pytest.raises(AssertionError, match="404"):
        visitor.check()
    visitor.problems.clear()
