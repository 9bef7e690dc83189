"""The guides' examples are carried out as they are written, by a small reader of curl's command line."""

import argparse
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from app.domain.words import Scope
from tests.api.conftest import Api, made

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = ("api.md", "guides/partner.md")
HOST = "http://testserver"
FILES = {"log.csv": b"case,held on\n1,2026-02-27\n", "log-corrected.csv": b"case,held on\n1,2026-02-26\n"}


def examples(guide: str) -> list[str]:
    """The commands of a guide, in order."""
    blocks = re.findall(r"^```(?:sh)?\n(curl .*?)^```$", (DOCS / guide).read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3
    return blocks


def curl(api: Api, command: str, variables: dict[str, str]) -> Any:
    """What curl would do with this command."""
    filled = re.sub(r"\$([A-Z_]+)", lambda name: _quoted(variables[name[1]]), command)
    parser = argparse.ArgumentParser(exit_on_error=False)
    for option in ("-X", "--json", "-o"):
        parser.add_argument(option)
    for option in ("-H", "-F"):
        parser.add_argument(option, action="append", default=[])
    parser.add_argument("--fail-with-body", action="store_true")
    parser.add_argument("url")
    given = parser.parse_args(shlex.split(filled.replace("\\\n", " "))[1:])
    headers = dict(header.split(": ", 1) for header in given.H)
    sent: dict[str, Any] = {"headers": headers}
    if given.json:
        sent["content"] = given.json
        headers |= {"Content-Type": "application/json", "Accept": "application/json"}
    fields = dict(field.split("=", 1) for field in given.F)
    if fields:
        sent["files"] = {name: (value[1:], FILES[value[1:]]) for name, value in fields.items() if value.startswith("@")}
        sent["data"] = {name: value for name, value in fields.items() if not value.startswith("@")}
    method = given.X or ("POST" if given.json or fields else "GET")
    return api.client.request(method, given.url, **sent)


def _quoted(value: str) -> str:
    """A variable's value inside double quotes."""
    return value.replace('"', '\\"')


@pytest.mark.parametrize("guide", GUIDES)
def test_every_example_does_what_the_guide_says(sqlite_api: Api, guide: str) -> None:
    api = sqlite_api
    api.key("police", Scope.EVIDENCE_WRITE, Scope.PLAN_READ)
    first, second = (
        api.world.milestone(title=f"Number {number}", supporting_organisations=["metropolitan-police"])
        for number in range(2)
    )
    variables = {
        "WAYMARK": HOST,
        "WAYMARK_KEY": api.secret("police"),
        "TOKEN": api.secret("petra"),
        "OFFICER": api.secret("sam"),
        "MILESTONE": first.row.id,
        "OTHER_MILESTONE": second.row.id,
        "EVIDENCE": made(api.attach(first, "police"))["id"],
        "ACTION": api.world.action,
    }
    for command in examples(guide):
        variables["VERSION"] = api.get(f"/milestones/{second.row.id}").headers["etag"]
        response = curl(api, command, variables)
        shows_a_refusal = '{"narrative": ""}' in command
        assert response.status_code in ((422,) if shows_a_refusal else (200, 201)), (command, response.text)
