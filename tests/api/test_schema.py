"""Requests made up from the OpenAPI document, as a person, as a key and as nobody: never a fault of ours, never an
answer that is not documented, never a shape that is.
"""

from typing import Any

import pytest
import schemathesis
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.domain.words import Scope
from tests.api.conftest import Api, made
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
        self.milestone = view.row.id
        self.evidence = made(api.attach(view))["id"]
        asked = {"kind": "cancellation", "ground": "duplicate", "reason": "The same as the first"}
        self.change_request = made(api.post(f"/milestones/{self.milestone}/change-requests", "connie", json=asked))[
            "id"
        ]

    def send(self, case: Any) -> None:
        """Send a case to things that are there, a second after the one before, and check its answer."""
        self.api.world.clock.forward(seconds=1)
        names = {"/milestones/": self.milestone, "/evidence/": self.evidence, "/change-requests/": self.change_request}
        if "plan" in case.path_parameters:
            case.path_parameters["plan"] = PLAN
        if "id" in case.path_parameters:
            case.path_parameters["id"] = next(name for part, name in names.items() if f"v1{part}" in case.path)
        if self.who:
            # Into the case itself: a request made up without the credential is no longer one that has to be refused.
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {self.api.secret(self.who)}"}
        case.call_and_validate(checks=CHECKS)


@pytest.mark.fuzz
@pytest.mark.parametrize("who", ["petra", "sam", "police", None])
def test_every_answer_is_documented(sqlite_api: Api, who: str | None, subtests: pytest.Subtests) -> None:
    sqlite_api.key("police", Scope.EVIDENCE_WRITE, Scope.PLAN_READ)
    asked = Asked(sqlite_api, who)
    for result in asked.schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        cases = st.one_of([operation.as_strategy(mode) for mode in GenerationMode])

        @settings(max_examples=SCHEMA_EXAMPLES)
        @given(case=cases)
        def answered_as_documented(case: Any) -> None:
            asked.send(case)

        with subtests.test(operation.label):
            answered_as_documented()
