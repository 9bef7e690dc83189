"""How long the property and schema tests look for a counter-example.

`make test` is short and repeats itself exactly, so that a red build means a change; `make fuzz` is long and never the
same twice. A failure prints the blob that reproduces it.
"""

from __future__ import annotations

import os
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, is_hypothesis_test, settings

LONG: Final = os.environ.get("WAYMARK_TEST_EXAMPLES") == "long"

# Schemathesis: requests per operation.
SCHEMA_EXAMPLES: Final = 200 if LONG else 25
# State machines: runs, and steps in each.
MACHINE_EXAMPLES: Final = 300 if LONG else 11
MACHINE_STEPS: Final = 60 if LONG else 25

_slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]

settings.register_profile(
    "short",
    max_examples=60,
    deadline=None,  # two cores are shared: a slow example says nothing about the code
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    print_blob=True,
    suppress_health_check=_slow,
)
settings.register_profile("long", max_examples=3_000, deadline=None, print_blob=True, suppress_health_check=_slow)
settings.load_profile("long" if LONG else "short")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make fuzz` runs: all that Hypothesis or Schemathesis drives, and nothing has to be remembered."""
    for item in items:
        if is_hypothesis_test(getattr(item, "obj", None)) or type(item).__module__.startswith("schemathesis."):
            item.add_marker("fuzz")
