"""A council installs the wheel, not the repository: it has to carry everything that is not Python, too."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_SHIPPED = {"__pycache__"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("waymark-*.whl")
    return zipfile.ZipFile(built)


def on_disk(folder: str) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not NOT_SHIPPED & set(path.parts)
    }


@pytest.mark.parametrize("folder", ["app/templates", "app/migrations", "app/static", "app/static/vendor"])
def test_the_wheel_carries_every_file_of(wheel: zipfile.ZipFile, folder: str) -> None:
    assert on_disk(folder)
    assert on_disk(folder) - set(wheel.namelist()) == set()


def test_the_wheel_carries_the_demo(wheel: zipfile.ZipFile) -> None:
    assert on_disk("seeds")
    assert {f"app/{name}" for name in on_disk("seeds")} - set(wheel.namelist()) == set()


def test_the_wheel_carries_the_package_and_nothing_beside_it(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/", 1)[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"app"}


def test_the_wheel_says_who_may_use_it_and_how_to_start_it(wheel: zipfile.ZipFile) -> None:
    (about,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    folder = about.rsplit("/", 1)[0]
    metadata = Parser().parsestr(wheel.read(about).decode())

    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "Waymark contributors" in wheel.read(f"{folder}/licenses/LICENSE").decode()
    assert "waymark = app.cli:main" in wheel.read(f"{folder}/entry_points.txt").decode()


def test_what_was_unpacked_makes_the_demo_without_the_repository(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    installed, data = tmp_path / "installed", tmp_path / "data"
    wheel.extractall(installed)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WAYMARK_")}
    environment |= {"PYTHONPATH": str(installed), "WAYMARK_DATA": str(data)}
    program = "import app, sys; from app.cli import main; print(app.__file__, file=sys.stderr); main()"

    done = subprocess.run(
        [sys.executable, "-c", program, "init", "--demo"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert str(installed) in done.stderr
    assert done.returncode == 0, done.stderr
    assert (data / "waymark.db").is_file()
