"""What import-linter cannot say: the rules stand on the standard library alone, whatever is installed tomorrow."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DOMAIN = Path(__file__).parents[2] / "app" / "domain"


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{'.' * node.level}{node.module or ''}"


def is_allowed(name: str) -> bool:
    return name.split(".")[0] in sys.stdlib_module_names or name == "app.domain" or name.startswith("app.domain.")


@pytest.mark.parametrize("module", sorted(DOMAIN.rglob("*.py")), ids=lambda path: path.relative_to(DOMAIN).as_posix())
def test_a_rule_imports_only_the_standard_library_and_other_rules(module: Path) -> None:
    assert [name for name in imported(module.read_text("utf-8")) if not is_allowed(name)] == []


@pytest.mark.parametrize(
    "line", ["import sqlmodel", "from fastapi import Depends", "from app.db import run", "import app"]
)
def test_the_check_sees_what_it_is_for(line: str) -> None:
    assert [name for name in imported(f"def late():\n    {line}") if not is_allowed(name)] != []
