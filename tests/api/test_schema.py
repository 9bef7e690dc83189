"""Requests made up from the OpenAPI document, as a person, as a key and as nobody: never a fault of ours, never an
answer that is not documented, never a shape that is.
"""

from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.domain.milestones import MilestoneKey
from app.domain.words import Scope
from app.services import evidence_exports, held_uploads
from tests.api.conftest import Api, made
from tests.factories import upload
from tests.profiles import SCHEMA_EXAMPLES

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    allow_header_conformance,
]
PLAN = "safeguarding-plan"


class Asked:
    """The document with one caller's credential and a world in which its addresses lead somewhere."""

    def __init__(self, api: Api, who: str | None) -> None:
        self.api, self.who = api, who
        self.schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", api.app)
        view = api.world.milestone(supporting_organisations=["metropolitan-police"])
        api.world.milestone(due_date=api.world.clock.today.replace(day=1), start_date=None)
        world = api.world
        milestone = view.row.id
        asked = {"kind": "cancellation", "ground": "no_longer_needed", "reason": "It came about by itself"}
        meeting = {"on": world.clock.today.replace(day=28).isoformat()}
        view_of_red = {"name": "Red", "of": "exceptions", "filters": {"rag": "red"}, "shared": True}
        letter = {"title": "Figures for the week", "message": "Please read"}
        self.there = {
            "milestones": milestone,
            "evidence": made(api.attach(view))["id"],
            "change-requests": made(api.post(f"/milestones/{milestone}/change-requests", "connie", json=asked))["id"],
            "meetings": made(api.post(f"/plans/{PLAN}/meetings", "petra", json=meeting))["id"],
            "views": made(api.post(f"/plans/{PLAN}/views", "petra", json=view_of_red))["id"],
            "submissions": made(api.post(f"/plans/{PLAN}/submissions", "police", json=letter))["id"],
            "themes": world.theme,
            "actions": world.action,
            "evidence-exports": world.write("petra", evidence_exports.ask_export, slug=PLAN).id,
            "held-uploads": world.write(
                replace(world.key_actor(Scope.EVIDENCE_WRITE), needs_release=True),
                held_uploads.attach_or_hold,
                milestone=MilestoneKey(id=milestone),
                title="A log",
                upload=upload(b"a log"),
            ).id,
        }
        proposal = {"kind": "hold", "evidence": self.there["evidence"], "reason": "A claim was made"}
        made_of_it = made(api.post(f"/plans/{PLAN}/record-proposals", "petra", json=proposal))
        self.there["record-proposals"] = made_of_it["id"]

    def send(self, case: Any) -> None:
        """Send a case to things that are there, a second after the one before, and check its answer."""
        self.api.world.clock.forward(seconds=1)
        if "plan" in case.path_parameters:
            case.path_parameters["plan"] = PLAN
        if "id" in case.path_parameters:
            noun = case.path.split("/")[case.path.split("/").index("{id}") - 1]
            case.path_parameters["id"] = self.there[noun]
        checks = CHECKS
        if self.who:
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {self.api.secret(self.who)}"}
            checks = _without_the_credential(case.meta)
        case.call_and_validate(checks=checks)


def _without_the_credential(meta: Any) -> list[Any]:
    """The checks of a case whose credential was put right: what was wrong with it is no longer expected to be refused,
    and is struck out of what the case knows of itself, or Schemathesis takes for wrong what is sound but for it.
    """
    meta.components.pop(ParameterLocation.HEADER, None)
    data = meta.phase.data
    if getattr(data, "mutations", ()):
        data.mutations = tuple(one for one in data.mutations if one.parameter_location is not ParameterLocation.HEADER)
    if any(component.mode.is_negative for component in meta.components.values()):
        return CHECKS
    return [check for check in CHECKS if check is not negative_data_rejection]


@pytest.mark.fuzz
@pytest.mark.parametrize(("who", "share"), [("petra", 1), ("police", 2), (None, 5), ("sam", 5)])
def test_every_answer_is_documented(sqlite_api: Api, who: str | None, share: int, subtests: pytest.Subtests) -> None:
    """The fewer different answers somebody can get, the fewer requests it takes to see them."""
    sqlite_api.key("police", Scope.EVIDENCE_WRITE, Scope.PLAN_READ)
    asked = Asked(sqlite_api, who)
    for result in asked.schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        cases = st.one_of([operation.as_strategy(mode) for mode in GenerationMode])

        @settings(max_examples=SCHEMA_EXAMPLES // share)
        @given(case=cases)
        def answered_as_documented(case: Any) -> None:
            asked.send(case)

        with subtests.test(operation.label):
            answered_as_documented()
