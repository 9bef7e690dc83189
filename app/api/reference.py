"""What the API says about itself: the OpenAPI document, and the same for people. Both are open to everybody."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from pydantic import TypeAdapter
from pydantic_core import to_json

from app.api import evidence, milestones, problems
from app.api.receiving import body_schemas

_DESCRIPTION = """\
Waymark keeps an improvement plan honest: nothing counts as achieved until there is evidence for it.

Send `Authorization: Bearer …` with an organisation's key or a person's token. Ids are opaque. Dates are `YYYY-MM-DD`,
moments RFC 3339 in UTC. Lists take `limit` and `cursor` and answer with `items` and `next_cursor`. Errors are problem
documents (RFC 9457).

Waymark is not a way to refer a child or an adult at risk.\
"""
_TEMPLATES = Path(__file__).parent.parent / "templates"


def openapi_document(operations: APIRouter) -> dict[str, Any]:
    """The OpenAPI document of these operations: what is committed as docs/openapi.json."""
    document = get_openapi(
        title="Waymark",
        version=version("waymark"),
        openapi_version="3.1.0",
        description=_DESCRIPTION,
        routes=operations.routes,
    )
    schemas = document["components"]["schemas"]
    schemas.update(_problem_schemas())
    schemas.update(body_schemas([evidence.NewEvidence, milestones.Completion]))
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document


def openapi_json(operations: APIRouter) -> bytes:
    """The document as it is served and committed."""
    return to_json(openapi_document(operations), indent=2)


def _problem_schemas() -> dict[str, Any]:
    _, schema = TypeAdapter.json_schemas(
        [(shape.__name__, "serialization", TypeAdapter(shape)) for shape in problems.SCHEMAS],
        ref_template="#/components/schemas/{model}",
    )
    found: dict[str, Any] = schema["$defs"]
    return found


def pages(operations: APIRouter) -> APIRouter:
    """The routes that serve the document, as JSON and as a page that needs neither scripts nor a network."""
    router = APIRouter()

    @cache
    def written() -> bytes:
        return openapi_json(operations)

    @cache
    def printed() -> str:
        return _page(openapi_document(operations))

    @router.get("/openapi.json")
    def show_document() -> Response:
        """The OpenAPI document."""
        return Response(written(), media_type="application/json")

    @router.get("/docs")
    def show_page() -> Response:
        """The same for people."""
        return HTMLResponse(printed())

    return router


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a shape or body as a reader wants it."""

    name: str
    type: str
    needed: bool
    description: str


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a status of a problem means."""

    status: int
    slug: str
    title: str
    explanation: str


def _page(document: dict[str, Any]) -> str:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["code"] = _with_code
    schemas = document["components"]["schemas"]
    return environment.get_template("api/reference.html").render(
        document=document,
        groups=_groups(document),
        problems=[Meaning(status, *said) for status, said in problems.MEANINGS.items()],
        shapes=[
            (name, fields, schema.get("description", ""))
            for name, schema in schemas.items()
            if (fields := _fields(schemas, schema))
        ],
        words=lambda schema: type_in_words(schema, schemas),
    )


def _with_code(text: str) -> Markup:
    """Text whose `names` are printed as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped, then marked up


def _groups(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The operations by tag, each with what a reader looks for first."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            shown = _operation(document["components"]["schemas"], method, path, operation)
            groups.setdefault(operation["tags"][0], []).append(shown)
    return groups


def _operation(schemas: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    return {
        "method": method.upper(),
        "path": path,
        "anchor": operation["operationId"],
        "description": operation.get("description", ""),
        "parameters": [{"required": False, "description": "", **found} for found in operation.get("parameters", [])],
        "bodies": [(media_type, _fields(schemas, body["schema"])) for media_type, body in content.items()],
        "answers": [(status, _shape_names(answer, schemas)) for status, answer in operation["responses"].items()],
    }


def _fields(schemas: dict[str, Any], schema: dict[str, Any]) -> list[Field]:
    schema = _resolved(schemas, schema)
    needed = schema.get("required", [])
    return [
        Field(name, type_in_words(found, schemas), name in needed, found.get("description", ""))
        for name, found in schema.get("properties", {}).items()
    ]


def _resolved(schemas: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without its reference, and without the null of a body that may be left out."""
    choices = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
    if len(choices) == 1 and "$ref" in choices[0]:
        schema = choices[0]
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = schemas[_name_of(schema)]
    return found


def _name_of(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def type_in_words(schema: dict[str, Any], schemas: Mapping[str, Any]) -> str:
    """A schema's type as a reader says it: "date or null", "list of Need", "“red” or “amber”"."""
    if "$ref" in schema:
        name = _name_of(schema)
        return name if "properties" in schemas[name] else type_in_words(schemas[name], schemas)
    if "anyOf" in schema:
        return " or ".join(type_in_words(one, schemas) for one in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"“{choice}”" for choice in schema["enum"])
    if "const" in schema:
        return f"“{schema['const']}”"
    if schema.get("type") == "array":
        return f"list of {type_in_words(schema['items'], schemas)}"
    return _TYPES.get(schema.get("format", ""), _TYPES.get(schema.get("type", ""), "anything"))


_TYPES = {
    "string": "text",
    "integer": "whole number",
    "boolean": "true or false",
    "object": "object",
    "date": "date",
    "date-time": "moment",
    "binary": "file",
    "null": "null",
}


def _shape_names(answer: dict[str, Any], schemas: Mapping[str, Any]) -> str:
    """The shapes an answer may have, by name."""
    shapes = (content["schema"] for content in answer.get("content", {}).values() if "schema" in content)
    return " or ".join(dict.fromkeys(type_in_words(shape, schemas) for shape in shapes))
