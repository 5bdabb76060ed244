"""One edit with one server: the request, the progress of a server of ours, and the answer."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx

from kontext_ui.backends.hosted.http import NEVER_SENT, RESULT_LIMITS, TROUBLES, json_of
from kontext_ui.backends.hosted.messages import fit_to_tell, message_of
from kontext_ui.backends.image_server.answers import (
    NotStarted,
    failure,
    first_of,
    picture_in,
    refusal,
    trouble,
    unavailable,
    unusable,
    with_body,
)
from kontext_ui.backends.image_server.dialects import DIALECTS, Wanted, form_of
from kontext_ui.backends.image_server.fleet import Server
from kontext_ui.edits import Pixels, Running
from kontext_ui.errors import Billed, InvalidImage
from kontext_ui.images import codec

CONNECT_TIMEOUT_S = 5.0
QUIET_S = 60.0
"""Our own server sends something every ten seconds; a longer silence means that it is gone."""
EVENT_STREAM = "text/event-stream"
MAX_LINE_CHARS = RESULT_LIMITS.max_bytes * 3 // 2


@dataclass(frozen=True, eq=False)
class Answer:
    """The picture, and what the server reported about how it was made."""

    pixels: Pixels
    seed: int | None = None
    model: str | None = None
    warnings: tuple[str, ...] = ()


Item: TypeAlias = "Running | Answer"


async def exchange(
    client: httpx.AsyncClient,
    server: Server,
    wanted: Wanted,
    headers: Mapping[str, str],
    *,
    billed: Billed,
    timeout_s: float,
) -> AsyncGenerator[Item, None]:
    """Ends with an ``Answer``. Raises ``NotStarted``, or a user-facing error once the work may have begun."""
    dialect = server.dialect or DIALECTS["openai"]
    data, files = form_of(dialect, wanted, server.model)
    quiet_s = QUIET_S if dialect.streams else timeout_s
    timeout = httpx.Timeout(quiet_s, connect=CONNECT_TIMEOUT_S)
    url = f"{server.url}/v1/images/edits"
    try:
        async with client.stream(
            "POST", url, data=data, files=files, headers=headers, timeout=timeout, follow_redirects=False
        ) as response:
            if not response.is_success:
                raise refusal(await with_body(response, billed), billed)
            if response.headers.get("content-type", "").startswith(EVENT_STREAM):
                async for item in _streamed(response, billed):
                    yield item
            else:
                yield await _whole(await with_body(response, billed), client, server, headers, billed)
    except NEVER_SENT as error:
        raise NotStarted(unavailable(TROUBLES.get(type(error), "no connection"))) from None
    except httpx.HTTPError as error:
        raise trouble(error, billed, quiet_s) from None


async def _whole(
    response: httpx.Response, client: httpx.AsyncClient, server: Server, headers: Mapping[str, str], billed: Billed
) -> Answer:
    answer = await asyncio.to_thread(json_of, response)
    if not first_of(answer) and (told := message_of(response)):
        error = answer.get("error")
        raise failure(error if isinstance(error, dict) else {}, told, 500, billed)
    pixels = await picture_in(first_of(answer), client, server.url, headers, billed)
    return _answer(pixels, {**answer, **first_of(answer)})


def _answer(pixels: Pixels, told: Mapping[str, Any]) -> Answer:
    seed, model, warnings = told.get("seed"), told.get("model"), told.get("warnings")
    return Answer(
        pixels,
        seed=seed if isinstance(seed, int) and not isinstance(seed, bool) else None,
        model=model if isinstance(model, str) and model else None,
        warnings=tuple(str(line)[:300] for line in warnings[:5]) if isinstance(warnings, list) else (),
    )


async def _streamed(response: httpx.Response, billed: Billed) -> AsyncGenerator[Item, None]:
    """The events of ``image_edit.…`` as our own server sends them."""
    async for event in _events(response, billed):
        kind = str(event.get("type") or "")
        if kind == "error":
            error = event.get("error")
            told = error if isinstance(error, dict) else {}
            words = fit_to_tell(response, str(told.get("message") or "it failed"))
            status = told.get("status")
            raise failure(told, words, status if isinstance(status, int) else 500, billed)
        if kind == "image_edit.completed":
            pixels = await asyncio.to_thread(_decoded, event)
            if pixels is None:
                unusable("its picture cannot be read", billed)
            yield _answer(pixels, event)
            return
        if kind in ("image_edit.queued", "image_edit.progress", "image_edit.partial_image"):
            yield await asyncio.to_thread(_running, event)
    unusable("it ended without a picture", billed)


async def _events(response: httpx.Response, billed: Billed) -> AsyncGenerator[Mapping[str, Any], None]:
    """Each event is one line of JSON after ``data:``; everything else is padding that keeps the line open."""
    async for line in response.aiter_lines():
        if len(line) > MAX_LINE_CHARS:
            unusable("one of its events is too long", billed)
        if not line.startswith("data:"):
            continue
        try:
            event = json.loads(line[len("data:") :])
        except ValueError:
            unusable("one of its events cannot be read", billed)
        if isinstance(event, dict):
            yield event


def _running(event: Mapping[str, Any]) -> Running:
    fraction, position = event.get("fraction"), event.get("position")
    return Running(
        fraction=min(1.0, max(0.0, float(fraction))) if isinstance(fraction, int | float) else None,
        stage=str(event.get("stage") or "")[:100],
        preview=_decoded(event),
        queue_position=position if isinstance(position, int) else None,
    )


def _decoded(event: Mapping[str, Any]) -> Pixels | None:
    """The picture of an event; ``None`` when it has none that can be read."""
    inline = event.get("b64_json")
    if not isinstance(inline, str):
        return None
    try:
        return codec.open_image(base64.b64decode(inline, validate=True), RESULT_LIMITS).pixels
    except (ValueError, InvalidImage):
        return None
