"""What every test may ask for."""

from __future__ import annotations

pytest_plugins = ["tests.profiles", "tests.postgres", "tests.databases"]
