"""Finds ClamAV's daemon, which the tests of the virus scanner run, and gets it where there is none.

Run by the Makefile, with the standard library only:  python tools/clamd.py
Debian's package is installed when root on Debian. Where it is not there and cannot be installed, this says so and those
tests are skipped with the reason, except where the environment variable CI is set: there they fail.
No list of viruses is fetched: the tests bring a signature of their own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def find() -> Path | None:
    """Return the daemon, or None. Debian keeps it where only root's PATH looks."""
    found = shutil.which("clamd") or shutil.which("clamd", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")
    return Path(found) if found else None


def from_debian() -> Path | None:
    if not (Path("/etc/debian_version").is_file() and os.geteuid() == 0 and shutil.which("apt-get")):
        return None
    print("Scanner: installing Debian's clamav-daemon (about 30 MB)")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    update = ["apt-get", "-qq", "update"]
    install = ["apt-get", "-qq", "-y", "--no-install-recommends", "install", "clamav-daemon"]
    for command in (update, install):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
        if done.returncode:
            print(f"Scanner: {command[-1]} failed: {(done.stderr or done.stdout).strip()[-400:]}", file=sys.stderr)
            return None
    return find()


def main() -> None:
    """Get the daemon and print one line about it. Exits with 1 only where CI is set."""
    daemon = find() or from_debian()
    if daemon is not None:
        print(f"Scanner: {daemon}")
        return
    print("Scanner: no clamd found, so the tests of the virus scanner will not run.", file=sys.stderr)
    sys.exit(1 if os.environ.get("CI") else 0)


if __name__ == "__main__":
    main()
