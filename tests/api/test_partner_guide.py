"""The partner guide's examples, run as they are written by curl and Python against a server that really runs.

Key, address and ids come through the environment alone.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.submissions import NOT_A_REFERRAL
from app.domain.webhooks import WebhookEvent, signature
from app.domain.words import Scope
from app.services import keys
from tests.browser.serving import running_server
from tests.factories import POLICE, World

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "partner.md").read_text("utf-8")
BLOCK = re.compile(r"^```(python)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_every_example_of_the_partner_guide_runs_as_it_is_written(sqlite_world: World, tmp_path: Path) -> None:
    world = sqlite_world
    world.write("max", keys.set_front_door, contact="Call the referral team on 020 7946 0000")
    view = world.milestone(supporting_organisations=[POLICE])
    item = world.attached(view, by=world.key_actor(Scope.EVIDENCE_WRITE))
    given = {"organisation": POLICE, "plans": [world.plan], "scopes": ["evidence:write"], "days": 30}
    secret = world.write("petra", keys.create_key, **given).secret
    body, known = b'{"event":"ping"}', "whs_0123"
    blocks = BLOCK.findall(GUIDE)
    assert [kind for kind, _ in blocks].count("python") == 2
    with running_server(world.database, data=tmp_path, at=world.clock()) as server:
        for number, (kind, block) in enumerate(blocks):
            for name in ("log.csv", "log-corrected.csv"):
                (tmp_path / name).write_text(f"week,held\n{number},9\n", "utf-8")
            environment = {
                "PATH": os.environ["PATH"], "WAYMARK": server.origin, "WAYMARK_KEY": secret, "MILESTONE": view.row.id,
                "EVIDENCE": item.id, "WAYMARK_WEBHOOK_SECRET": known,
                "WAYMARK_SIGNATURE": signature(known, body, at=_now()),
            }  # fmt: skip
            command = [sys.executable, "-c", block] if kind else ["bash", "-euc", block]
            done = subprocess.run(
                command, cwd=tmp_path, env=environment, input=body, capture_output=True, timeout=30, check=False
            )
            assert done.returncode == 0, (block, done.stdout, done.stderr)
            assert b'"status":4' not in done.stdout.replace(b" ", b""), (block, done.stdout)
            if "sys.stdin" in block:
                _refuses_another(command, environment, body)
            elif kind:
                assert NOT_A_REFERRAL in done.stdout.decode()


def _refuses_another(command: list[str], environment: dict[str, str], body: bytes) -> None:
    late = signature(environment["WAYMARK_WEBHOOK_SECRET"], body, at=_now(back=600))
    for sent, signed in ((body + b" ", environment["WAYMARK_SIGNATURE"]), (body, late)):
        told = {**environment, "WAYMARK_SIGNATURE": signed}
        done = subprocess.run(command, env=told, input=sent, capture_output=True, timeout=30, check=False)
        assert (done.returncode, b"not from Waymark" in done.stderr) == (1, True)


def _now(*, back: int = 0) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=back)


def test_the_guide_says_what_waymark_is_not_for_and_which_events_there_are() -> None:
    assert "not a way to refer a child or an adult at risk" in GUIDE
    assert [event for event in WebhookEvent if event is not WebhookEvent.PING and f"`{event}`" not in GUIDE] == []
