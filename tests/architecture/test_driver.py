"""The program behind `make test`: a red stage must make a red run, and must not hide the stages after it."""

from __future__ import annotations

import sys

import pytest

from tools import test as driver
from tools.test import ROOT, Stage

PASSES = Stage(name="passes", command=(sys.executable, "-c", "print('said by the one that passes')"), quiet=True)
FAILS = Stage(
    name="fails", command=(sys.executable, "-c", "import sys; sys.exit('said by the one that fails')"), quiet=True
)


def run_with(monkeypatch: pytest.MonkeyPatch, *, lint: tuple[Stage, ...], tests: tuple[Stage, ...]) -> int:
    monkeypatch.setattr(driver, "LINT", lint)
    monkeypatch.setattr(driver, "QUICK_TESTS", tests[:1])
    monkeypatch.setattr(driver, "TESTS", tests[1:])
    return driver.main([])


def test_all_green_is_success(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_with(monkeypatch, lint=(PASSES,), tests=(PASSES,)) == 0
    said = capsys.readouterr().out
    assert "FAILED" not in said
    assert "said by the one that passes" not in said


@pytest.mark.parametrize(("lint", "tests"), [((FAILS,), (PASSES,)), ((PASSES,), (FAILS, PASSES))])
def test_one_failure_fails_the_run_and_hides_nothing(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lint: tuple[Stage, ...],
    tests: tuple[Stage, ...],
) -> None:
    assert run_with(monkeypatch, lint=lint, tests=tests) == 1
    said = capsys.readouterr().out
    assert "said by the one that fails" in said
    assert said.count("FAILED  fails") == 1
    assert said.count("passed  passes") == len(lint) + len(tests) - 1


def test_settings_of_a_running_waymark_do_not_reach_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYMARK_DATABASE_URL", "sqlite:///somebodys.db")
    monkeypatch.setenv("WAYMARK_TEST_EXAMPLES", "long")
    environment = driver.environment()
    assert "WAYMARK_DATABASE_URL" not in environment
    assert environment["WAYMARK_TEST_EXAMPLES"] == "long"


def test_every_folder_of_tests_belongs_to_a_stage() -> None:
    arguments = [
        argument for stage in (*driver.QUICK_TESTS, *driver.TESTS) for argument in stage.command if "tests" in argument
    ]
    left_out = {argument.removeprefix("--ignore=") for argument in arguments if argument.startswith("--ignore=")}
    named = {argument for argument in arguments if not argument.startswith("--ignore=")}
    assert "tests" in named
    assert left_out - named == {"tests/bench"}
    assert [path.name for path in (ROOT / "tests" / "bench").glob("test_*.py")] == []
