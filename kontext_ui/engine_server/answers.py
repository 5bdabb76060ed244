"""What is sent back: events of a stream, and errors in the form that OpenAI's clients read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kontext_ui.edits import Running
from kontext_ui.engine_server.form import Asked
from kontext_ui.engine_server.work import encoded
from kontext_ui.errors import ContentModerated, EditCancelled, InvalidRequest, KontextError, RateLimited

UNFORESEEN: Mapping[str, Any] = {
    "message": "The server failed on this request.",
    "hint": "Send it again. The server's log has the details.",
    "type": "server_error",
    "code": "internal_error",
}
"""What a client gets for an unexpected error: none of the error's own text."""


def running_line(event: Running, previews: bool) -> bytes:
    told: dict[str, Any] = {"fraction": event.fraction, "stage": event.stage}
    if event.queue_position is not None:
        return line("queued", {**told, "position": event.queue_position})
    if event.preview is not None and previews:
        return line("partial_image", {**told, "b64_json": encoded(event.preview), "partial_image_index": 0})
    return line("progress", told)


def line(name: str, told: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps({"type": f"image_edit.{name}", **told}).encode() + b"\n\n"


def warnings_of(asked: Asked) -> list[str]:
    return [f"This server does not know the field {name} and ignored it." for name in asked.ignored]


def status_of(error: KontextError) -> int:
    if isinstance(error, EditCancelled):
        return 503  # only a server that is closing cancels
    if isinstance(error, RateLimited):
        return 429
    return 400 if isinstance(error, InvalidRequest | ContentModerated) else 500


def told_of(error: KontextError) -> dict[str, Any]:
    """The codes are our classes' names, so that our own client can raise the same error."""
    moderated = isinstance(error, ContentModerated)
    return {
        "message": error.message,
        "hint": error.hint,
        "type": "invalid_request_error" if status_of(error) < 500 else "server_error",
        "code": "moderation_blocked" if moderated else type(error).__name__,
        **({"stage": error.stage} if isinstance(error, ContentModerated) else {}),
    }


def error_response(status: int, told: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> JSONResponse:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return JSONResponse({"error": {"type": kind, "param": None, **told}}, status, dict(headers or {}))


async def as_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return error_response(error.status_code, {"message": str(error.detail), "code": "http"})


def error_line(told: Mapping[str, Any], status: int) -> bytes:
    return b"data: " + json.dumps({"type": "error", "error": {**told, "status": status}}).encode() + b"\n\n"


async def as_unforeseen(request: Request, error: Exception) -> Response:
    return error_response(500, UNFORESEEN)
