"""What the API says about itself: the committed document, the page for people, and that they tell the truth."""

import json
import re
from pathlib import Path
from typing import Any

from app.api import operations, problems
from app.api.reference import openapi_document, type_in_words
from tests.api.conftest import Api

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"
REFRESH = ".venv/bin/python -m tools.openapi"


def test_the_committed_document_is_the_running_one(sqlite_api: Api) -> None:
    served = sqlite_api.get("/openapi.json", None)
    assert served.status_code == 200
    assert COMMITTED.read_bytes().decode() == served.text + "\n", (
        f"The surface has changed. If that is meant: {REFRESH}, and say so in CHANGELOG.md"
    )


def test_every_reference_leads_somewhere_and_nothing_is_left_over() -> None:
    document = openapi_document(operations)
    wanted = set(re.findall(r"#/components/schemas/([^\"]+)", json.dumps(document)))
    assert wanted == set(document["components"]["schemas"])


def test_every_operation_documents_what_it_may_answer() -> None:
    for path, methods in openapi_document(operations)["paths"].items():
        for method, operation in methods.items():
            expected = {"get": problems.READING, "post": problems.WRITING, "patch": problems.CHANGING}[method]
            documented = {int(status) for status in operation["responses"]}
            assert documented >= set(expected), (method, path)
            for status in expected:
                [media_type] = operation["responses"][str(status)]["content"]
                assert media_type == "application/problem+json"
            assert operation["security"] == [{"HTTPBearer": []}]
            names = {parameter["name"] for parameter in operation["parameters"]} if "parameters" in operation else set()
            if method == "post":
                assert {"Idempotency-Key", "If-Match"} <= names, path
            if method == "get" and operation["responses"]["200"].get("content", {}).get("application/json"):
                schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
                if "isting" in json.dumps(schema):
                    assert {"limit", "cursor"} <= names, path


def test_upload_routes_take_a_form_or_json() -> None:
    paths = openapi_document(operations)["paths"]
    for path in ("/api/v1/milestones/{id}/evidence", "/api/v1/milestones/{id}/completion"):
        content = paths[path]["post"]["requestBody"]["content"]
        assert content.keys() == {"application/json", "multipart/form-data"}
        assert content["multipart/form-data"]["schema"]["properties"]["file"]["format"] == "binary"


def test_the_page_for_people_needs_nothing_from_elsewhere(sqlite_api: Api) -> None:
    response = sqlite_api.get("/docs", None)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    page = response.text
    assert "<script" not in page
    assert "<code>submission</code>" in page
    assert "“document” or “data_extract”" in page
    assert "style=" not in page
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
    for path, methods in openapi_document(operations)["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in page
    for slug, *_ in problems.MEANINGS.values():
        assert f'id="{slug}"' in page
    anchors = re.findall(r'href="#([^"]+)"', page)
    assert anchors
    assert all(f'id="{anchor}"' in page for anchor in anchors)


def test_types_in_words() -> None:
    words: dict[str, dict[str, Any]] = {
        "text or null": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "list of Need": {"type": "array", "items": {"$ref": "#/components/schemas/Need"}},
        "“red” or “amber”": {"enum": ["red", "amber"]},
        "date": {"type": "string", "format": "date"},
        "anything": {},
    }
    schemas = {"Need": {"properties": {}}, "Rag": words["“red” or “amber”"]}
    assert {type_in_words(schema, schemas) for schema in words.values()} == set(words)
    assert type_in_words({"$ref": "#/components/schemas/Rag"}, schemas) == "“red” or “amber”"
