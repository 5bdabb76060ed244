"""What is sent back: events of a stream, and errors in the form that OpenAI's clients read."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kontext_ui.edits import Pixels, Running
from kontext_ui.engine_server.form import Asked
from kontext_ui.engine_server.work import encoded
from kontext_ui.errors import ContentModerated, EditCancelled, InvalidRequest, KontextError, RateLimited

STILL_AT_WORK = b": still at work\n\n"
UNFORESEEN: Mapping[str, Any] = {
    "message": "The server failed on this request.",
    "hint": "Send it again. The server's log has the details.",
    "type": "server_error",
    "code": "internal_error",
}
"""What a client gets for an unexpected error: none of the error's own text."""


class Told:
    """What one client is told while its edit is drawn.

    OpenAI's client takes every event for a picture, so that the others are sent only to those who ask for ``progress``.
    Their padding is a comment, which every reader of server-sent events passes over.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._partials = 0

    def line(self, event: Running) -> bytes:
        if event.preview is not None and self._is_due(event):
            return self._partial(event, event.preview)
        if not self._asked.progress:
            return STILL_AT_WORK
        told: dict[str, Any] = {"fraction": event.fraction, "stage": event.stage}
        if event.queue_position is not None:
            return line("queued", {**told, "position": event.queue_position})
        return line("progress", told)

    def _is_due(self, event: Running) -> bool:
        """At most as many as were asked for, spread over the steps; all of them for a client of ours."""
        most = self._asked.partial_images
        if self._asked.progress:
            return most > 0
        return self._partials < most and (event.fraction or 0.0) >= self._partials / most

    def _partial(self, event: Running, preview: Pixels) -> bytes:
        index, self._partials = self._partials, self._partials + 1
        asked = self._asked
        height, width = preview.shape[:2]
        told = {
            "b64_json": encoded(preview, asked.output_format, asked.compression),
            "partial_image_index": index,
            "size": f"{width}x{height}",
            "fraction": event.fraction,
            "stage": event.stage,
        }
        return line("partial_image", {**about(asked), **told})


def about(asked: Asked) -> dict[str, Any]:
    """What OpenAI's clients expect beside every picture."""
    return {
        "created_at": int(time.time()),
        "output_format": asked.output_format,
        "quality": asked.quality,
        "background": "opaque",
    }


def line(name: str, told: Mapping[str, Any]) -> bytes:
    kind = f"image_edit.{name}"
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **told})}\n\n".encode()


def warnings_of(asked: Asked, model: str) -> list[str]:
    others = [f"This server draws with {model}, not with {asked.model}."] if asked.model not in ("", model) else []
    return others + [f"The field {name} means nothing to this server, which ignored it." for name in asked.ignored]


def status_of(error: KontextError) -> int:
    if isinstance(error, EditCancelled):
        return 503  # only a server that is closing cancels
    if isinstance(error, RateLimited):
        return 429
    return 400 if isinstance(error, InvalidRequest | ContentModerated) else 500


def told_of(error: KontextError) -> dict[str, Any]:
    """The codes are our classes' names, so that our own client can raise the same error.

    OpenAI's clients print the message and nothing else, so that the hint stands there as well.
    """
    moderated = isinstance(error, ContentModerated)
    return {
        "message": f"{error.message} {error.hint}".strip(),
        "hint": error.hint,
        "param": error.field if isinstance(error, InvalidRequest) else None,
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
