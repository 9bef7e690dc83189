"""The page of evidence log exports, and the same through the API."""

from __future__ import annotations

import io
import zipfile

from app.domain.words import Scope
from app.services import evidence_export_building as building
from tests.architecture.access import store_the_rota
from tests.factories import upload
from tests.pages.conftest import HTMX, Kept


def test_an_export_is_asked_for_followed_and_downloaded_by_both_doors(house: Kept) -> None:
    world = house.world
    world.attached(world.milestone(), upload=upload())
    store_the_rota(house)
    here, there = f"/plans/{world.plan}/evidence-export", f"/api/v1/plans/{world.plan}/evidence-exports"
    petra, program = house.browser("petra"), house.api("petra")
    assert "You have made no export of this plan yet" in petra.get(here).text

    asked = petra.post(here)
    assert (asked.status_code, asked.headers["location"]) == (303, here)
    waiting = petra.get(here).text
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in waiting
    assert f'data-hx-get="{here}" data-hx-trigger="every 2s"' in waiting
    refused = petra.post(here)
    assert refused.status_code == 409
    assert "Your last export of this plan is still being made" in refused.text
    assert program.post(there).json()["reasons"][0]["code"] == "export_going_on"
    (one,) = program.get(there).json()["items"]
    assert (one["state"], one["plan"]) == ("waiting", world.plan)
    address = f"/api/v1/evidence-exports/{one['id']}"
    assert program.get(f"{address}/content").json()["reasons"][0]["code"] == "export_not_ready"

    building.build_waiting(world.database, house.app.state.storage, world.clock())
    shown = program.get(address).json()
    assert (shown["state"], shown["files"], shown["left_out"], shown["problem"]) == ("ready", 1, {}, None)
    fragment = petra.get(here, headers=HTMX).text
    assert "It holds 1 file. It leaves out no file." in fragment
    assert "<html" not in fragment
    assert "data-hx-trigger" not in fragment
    by_page, by_api = petra.get(f"/evidence-exports/{one['id']}/content"), program.get(f"{address}/content")
    assert by_page.content == by_api.content
    assert len(by_page.content) == shown["size"]
    assert (
        by_page.headers["content-disposition"] == 'attachment; filename="safeguarding-plan-evidence-log-2026-03-02.zip"'
    )
    assert "index.html" in zipfile.ZipFile(io.BytesIO(by_page.content)).namelist()

    made = program.post(there)
    assert (made.status_code, made.headers["location"].rsplit("/", 1)[0]) == (201, "/api/v1/evidence-exports")
    for who, expected in (("sam", 404), ("zoe", 404)):
        assert house.browser(who).get(f"/evidence-exports/{one['id']}/content").status_code == expected
    assert house.browser("olive").post(here).status_code == 403
    assert house.partner(Scope.PLAN_READ).post(there).status_code == 403
