"""The OpenAPI 3.1 document of the HTTP routes, drawn from the list of actions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from kontext_ui import __version__
from kontext_ui.api import ACTIONS, Action, Problem
from kontext_ui.api.caller import ROOT

REF = "#/components/schemas/{model}"
BINARY = {"schema": {"type": "string", "format": "binary"}}
PICTURES = ("image/jpeg", "image/png", "image/webp", "image/tiff")
ABOUT = (
    "Edit pictures by instruction. Every result is a new version in a project's tree, so nothing is overwritten. "
    "Edits are jobs: an answer that is lost can be asked for again with `wait`, and a call that is repeated with the "
    "same `request_id` is not paid twice."
)
UPLOAD_ABOUT = "Send a picture ahead: its bytes, or a form with one file. Later calls name it by the id in the answer."


def document(address: str) -> dict[str, Any]:
    """``address`` is this server's, without a slash at the end."""
    return {**_document(), "servers": [{"url": address or "/"}]}


@cache
def _document() -> dict[str, Any]:
    """All that is the same on every server."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Problem, "serialization")]
    for action in ACTIONS.values():
        models += [(action.message, "validation"), (action.result, "serialization")]
    refs, definitions = models_json_schema(models, ref_template=REF)
    schemas = definitions["$defs"]
    paths = {f"{ROOT}/{name}": _path(name, action, refs, schemas) for name, action in ACTIONS.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "kontext_ui", "version": __version__, "description": ABOUT},
        "security": [{"accessKey": []}, {"bearer": []}],
        "paths": {**paths, f"{ROOT}/upload": _upload()},
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "accessKey": {"type": "apiKey", "in": "header", "name": "X-Kontext-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
            "responses": {
                "Problem": {
                    "description": "What happened, what to do, and whether it was billed.",
                    "content": {"application/json": {"schema": _error(refs)}},
                }
            },
        },
    }


def _error(refs: Mapping[Any, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"error": refs[Problem, "serialization"]}, "required": ["error"]}


def _path(name: str, action: Action[Any], refs: Mapping[Any, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": action.about.partition(". ")[0].rstrip("."),
        "description": action.about,
        "responses": {"200": _good(action, refs), "default": {"$ref": "#/components/responses/Problem"}},
    }
    asked = refs[action.message, "validation"]
    if action.reads:
        operation["parameters"] = _parameters(schemas[asked["$ref"].rpartition("/")[2]])
        return {"get": operation}
    content: dict[str, Any] = {"application/json": {"schema": asked}, "multipart/form-data": {"schema": asked}}
    if "image" in action.message.model_fields:
        content["image/*"] = BINARY
    operation["requestBody"] = {"required": True, "content": content}
    return {"post": operation}


def _good(action: Action[Any], refs: Mapping[Any, Any]) -> dict[str, Any]:
    result = refs[action.result, "serialization"]
    if not action.shows:
        return {"description": "Done.", "content": {"application/json": {"schema": result}}}
    facts = {"description": "What is known about the picture.", "content": {"application/json": {"schema": result}}}
    content = dict.fromkeys(PICTURES, BINARY)
    return {"description": "The picture.", "headers": {"X-Kontext-Facts": facts}, "content": content}


def _parameters(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    required = schema.get("required", ())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": field.get("description", ""),
            "schema": {key: value for key, value in field.items() if key not in ("title", "description")},
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _upload() -> dict[str, Any]:
    sent = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}, "required": ["file"]}
    got = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    return {
        "post": {
            "operationId": "upload",
            "summary": "Send a picture ahead",
            "description": UPLOAD_ABOUT,
            "requestBody": {
                "required": True,
                "content": {"multipart/form-data": {"schema": sent}, "image/*": BINARY},
            },
            "responses": {
                "200": {"description": "Kept for an hour.", "content": {"application/json": {"schema": got}}},
                "default": {"$ref": "#/components/responses/Problem"},
            },
        }
    }
