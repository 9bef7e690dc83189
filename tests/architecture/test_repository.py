"""What is committed installs the same anywhere: pinned, hashed, and without the address of where it came from."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))
# A test that named what it looks for would find itself.
ADDRESSES = re.compile(
    r"https?://\S+/(?:simple|packages)/|"
    + r"|".join(("registry[.]npmjs", "--(?:extra-)?index" + "-url", "--find" + "-links"))
)


def requirements(path: Path) -> dict[str, str]:
    """Return `name ; marker` → version of every requirement in a file."""
    lines = re.findall(r"^([\w.-]+)==(\S+)( ;[^\\\n]*)?", path.read_text("utf-8"), flags=re.MULTILINE)
    return {f"{name}{marker.rstrip()}": version for name, version, marker in lines}


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_every_requirement_is_pinned_and_hashed(path: Path) -> None:
    blocks = re.split(r"\n(?=[a-z])", path.read_text("utf-8"))
    assert requirements(path)
    assert [block.split("\n", 1)[0] for block in blocks if "==" not in block or "--hash=sha256:" not in block] == []


def test_what_is_tested_is_what_runs() -> None:
    run, dev = (requirements(ROOT / "requirements" / f"{name}.txt") for name in ("run", "dev"))
    assert run.items() <= dev.items()


def test_no_committed_file_says_where_packages_come_from() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    own = "requirements/compile.sh"  # it names the option that leaves the address out
    found = [
        name
        for name in listed.split("\0")
        if name
        and name != own
        and (ROOT / name).is_file()
        and ADDRESSES.search((ROOT / name).read_text("utf-8", "replace"))
    ]
    assert found == []


def test_the_lock_file_pins_every_package_by_its_hash() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    installed = {name: facts for name, facts in packages.items() if name}
    assert installed
    assert [name for name, facts in installed.items() if "integrity" not in facts or "resolved" in facts] == []


def test_the_macros_and_the_style_sheet_move_together() -> None:
    """The Jinja port names one version of GOV.UK Frontend that it was made from and tested with: 4.1.0 with 6.3.0."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    packages = json.loads((ROOT / "package.json").read_text("utf-8"))["dependencies"]
    assert "govuk-frontend-jinja==4.1.0" in wanted
    assert packages["govuk-frontend"] == "6.3.0"
    assert packages["htmx.org"] == "4.0.1"
