"""Bodies of routes that take a file: JSON or a form, read only after it is known that the caller may send one."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.api.bodies import Body
from app.api.problems import BODY_LIMIT, UPLOAD_LIMIT
from app.domain.files import ACCEPTED_SENTENCE, MEGABYTE
from app.domain.refusals import Malformed, TooLarge

B = TypeVar("B", bound=Body)
T = TypeVar("T")
SCHEMAS = "#/components/schemas/{model}"


async def read_json(request: Request, model: type[B]) -> tuple[B, bytes]:
    """A JSON body of at most 1 MB, and its bytes. Raises TooLarge, Malformed, or pydantic's ValidationError."""
    taken = bytearray()
    async for chunk in request.stream():
        taken += chunk
        if len(taken) > BODY_LIMIT:
            raise TooLarge(f"A JSON body may have {BODY_LIMIT // MEGABYTE} MB")
    try:
        sent = json.loads(taken)
    except (ValueError, RecursionError) as error:
        raise Malformed("The body is not JSON") from error
    return model.model_validate(sent), bytes(taken)


def takes_file(*, form: type[Body], file_required: bool, json_body: type[Body] | None = None) -> dict[str, Any]:
    """What an upload route documents: a form with a file, or a JSON body where it takes one. It may have 51 MB."""
    schema = form.model_json_schema(ref_template=SCHEMAS)
    schema.pop("$defs", None)
    schema["properties"] = {"file": _FILE, **schema["properties"]}
    if file_required:
        schema["required"] = ["file", *schema.get("required", [])]
    content: dict[str, Any] = {"multipart/form-data": {"schema": schema}}
    if json_body is not None:
        content = {"application/json": {"schema": {"$ref": SCHEMAS.format(model=json_body.__name__)}}, **content}
    return {"max_body_size": UPLOAD_LIMIT, "request_body": {"required": True, "content": content}}


_FILE = {
    "type": "string",
    "format": "binary",
    "description": f"At most 50 MB. {ACCEPTED_SENTENCE} What it holds must agree with its name.",
    "contentMediaType": "application/octet-stream",
}


def with_body(documented: Mapping[str, Any], upload: Mapping[str, Any]) -> dict[str, Any]:
    """What a POST documents, with the body of an upload route."""
    extra = {**documented["openapi_extra"], "requestBody": upload["request_body"]}
    return {**documented, "openapi_extra": extra, "max_body_size": upload["max_body_size"]}


def body_schemas(models: Sequence[type[BaseModel]]) -> dict[str, Any]:
    """The component schemas of bodies that FastAPI does not see, because their handlers read them."""
    _, schema = models_json_schema([(model, "validation") for model in models], ref_template=SCHEMAS)
    found: dict[str, Any] = schema.get("$defs", {})
    return found
