"""The HTTP side of ``serve-engine``: the route that image servers share, and what operators need around it.

``stream=true`` answers with server-sent events named as OpenAI names them (``image_edit.partial_image``,
``image_edit.completed``); with the field ``progress=true``, which is ours, also ``image_edit.queued`` and
``image_edit.progress`` between. Closing the connection stops the edit after the step it is in, whoever
the client is.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import threading
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from kontext_ui.backends.base import Backend, EditTask
from kontext_ui.edits import EditRequest, Parameters, Readiness, Running, Tier
from kontext_ui.engine_server.answers import (
    STILL_AT_WORK,
    UNFORESEEN,
    Told,
    about,
    as_error,
    as_unforeseen,
    error_line,
    error_response,
    line,
    status_of,
    told_of,
    warnings_of,
)
from kontext_ui.engine_server.form import Asked, read_form
from kontext_ui.engine_server.metrics import Tally, Visit
from kontext_ui.engine_server.streams import EventStream, until_gone, with_pauses
from kontext_ui.engine_server.work import Drawn, Item, Job, draw, prepare
from kontext_ui.errors import (
    ContentModerated,
    EditCancelled,
    KontextError,
)
from kontext_ui.images import codec
from kontext_ui.images.geometry import asked_size

log = logging.getLogger(__name__)
HEARTBEAT_S = 10.0
RETRY_AFTER_S = 5
WARM_UP_STEPS = 4
CLIENT_GONE = 499
"""What nginx writes into its log for a client that did not wait; nobody reads this answer."""


class EngineServer:
    """``engine`` draws one picture at a time; at most ``max_open`` requests are open, the one being drawn included."""

    def __init__(
        self,
        engine: Backend,
        *,
        model: str,
        limits: codec.ImageLimits,
        key: str | None = None,
        max_open: int = 16,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self._engine = engine
        self._model = model
        self._limits = limits
        self._key = key
        self._heartbeat_s = heartbeat_s
        self._started = int(time.time())
        self._warm = False
        self.tally = Tally(max_open)
        self.app = Starlette(
            routes=[
                Route("/v1/images/edits", _Edits(self), methods=["POST"]),
                Route("/v1/models", self._models),
                Route("/v1/models/{model:path}", self._model_named),
                Route("/health", self._health),
                Route("/ready", self._ready),
                Route("/metrics", self._metrics),
            ],
            exception_handlers={HTTPException: as_error, Exception: as_unforeseen},
        )

    @property
    def readiness(self) -> Readiness:
        return self._engine.check() if self._warm else Readiness(False, "The model is being loaded.")

    def open_up(self) -> None:
        """Accept edits without a warm-up: the first one then waits while the model is loaded."""
        self._warm = True

    async def warm_up(self) -> None:
        """Load the model and draw once, so that the first edit is as quick as the next. Raises what the engine does."""
        width, height = asked_size(None, None, self._engine.capabilities(Tier.LOCAL).size_rule)
        parameters = Parameters(seed=0, num_inference_steps=WARM_UP_STEPS, acceleration="sketch")
        request = EditRequest("warm up", Tier.LOCAL, self._engine.id, input_image="grey", parameters=parameters)
        grey = np.full((height, width, 3), 128, np.uint8)
        try:
            async for event in self._engine.edit(request, EditTask("warm-up", input_image=grey)):
                if isinstance(event, Running) and event.stage:
                    log.info("warming up: %s", event.stage)
        except ContentModerated:
            log.info("the filter rejected the warm-up's picture; the model is warm all the same")
        self._warm = True

    def refused(self, request: Request) -> Response | None:
        """The answer to a request that is refused unread; ``None`` when it may be read."""
        if (wrong := self._wrong_key(request)) is not None:
            return wrong
        retry = {"retry-after": str(RETRY_AFTER_S)}
        if not (ready := self.readiness).ready:
            told = {"message": f"{ready.reason} {ready.hint}".strip(), "code": "not_ready", "hint": ready.hint}
            return error_response(503, told, retry)
        if self.tally.full:
            self.tally.turned_away()
            return error_response(429, {"message": "The queue is full.", "code": "too_many_requests"}, retry)
        return None

    def _wrong_key(self, request: Request) -> Response | None:
        scheme, _, sent = request.headers.get("authorization", "").partition(" ")
        right = scheme.lower() == "bearer" and hmac.compare_digest(sent.strip().encode(), (self._key or "").encode())
        if self._key is None or right:
            return None
        return error_response(401, {"message": "The key is wrong or missing.", "code": "invalid_api_key"})

    async def answer(self, request: Request, visit: Visit) -> Response | EventStream:
        try:
            asked = await read_form(request, self._limits)
            rule = self._engine.capabilities(Tier.LOCAL).size_rule
            job = await asyncio.to_thread(prepare, asked, rule, self._engine.id)
        except KontextError as error:
            visit.outcome = "refused"
            return error_response(status_of(error), told_of(error))
        stop = threading.Event()
        items = until_gone(request, stop)
        if asked.stream:
            return EventStream(self._events(asked, draw(self._engine, job, 0, stop), visit, stop), items)
        async with items:
            try:
                drawn = await _stopped_when_cancelled(self._all(asked, job, stop), stop)
            except KontextError as error:
                if isinstance(error, EditCancelled) and stop.is_set():
                    visit.outcome = "cancelled"
                    return Response(status_code=CLIENT_GONE)
                return error_response(status_of(error), told_of(error))
        visit.outcome = "done"
        return JSONResponse(self._whole(asked, drawn))

    async def _all(self, asked: Asked, job: Job, stop: threading.Event) -> list[Drawn]:
        return [await _last(draw(self._engine, job, number, stop)) for number in range(asked.n)]

    def _whole(self, asked: Asked, drawn: list[Drawn]) -> dict[str, Any]:
        return {
            **about(asked),
            "created": int(time.time()),
            "model": self._model,
            "size": f"{drawn[0].size.width}x{drawn[0].size.height}",
            "data": [{"b64_json": picture.b64_json, "seed": picture.seed} for picture in drawn],
            "warnings": warnings_of(asked, self._model),
        }

    async def _events(
        self, asked: Asked, items: AsyncGenerator[Item, None], visit: Visit, stop: threading.Event
    ) -> AsyncGenerator[bytes, None]:
        """Ends with the picture or with an error, unless the client has gone: a silent end would explain nothing."""
        told = Told(asked)
        try:
            async with aclosing(with_pauses(items, self._heartbeat_s)) as all_items:
                async for item in all_items:
                    if isinstance(item, Drawn):
                        visit.outcome = "done"
                        yield line("completed", self._completed(asked, item))
                    elif item is None:
                        yield STILL_AT_WORK
                    else:
                        yield await asyncio.to_thread(told.line, item)
        except KontextError as error:
            if isinstance(error, EditCancelled) and stop.is_set():
                visit.outcome = "cancelled"
            else:
                yield error_line(told_of(error), status_of(error))
        except Exception:
            log.exception("a stream failed")
            yield error_line(UNFORESEEN, 500)

    def _completed(self, asked: Asked, drawn: Drawn) -> dict[str, Any]:
        return {
            **about(asked),
            "b64_json": drawn.b64_json,
            "seed": drawn.seed,
            "model": self._model,
            "size": f"{drawn.size.width}x{drawn.size.height}",
            "usage": None,
            "warnings": warnings_of(asked, self._model),
        }

    async def _models(self, request: Request) -> Response:
        """Behind the key, so that a wrong one is noticed before the first edit."""
        if (wrong := self._wrong_key(request)) is not None:
            return wrong
        return JSONResponse({"object": "list", "data": [self._listed()]})

    async def _model_named(self, request: Request) -> Response:
        if (wrong := self._wrong_key(request)) is not None:
            return wrong
        if request.path_params["model"] != self._model:
            told = {"message": f"This server draws with {self._model} only.", "code": "model_not_found"}
            return error_response(404, {**told, "param": "model"})
        return JSONResponse(self._listed())

    def _listed(self) -> dict[str, Any]:
        return {"id": self._model, "object": "model", "created": self._started, "owned_by": "kontext_ui"}

    async def _health(self, request: Request) -> Response:
        """The process is alive; ``/ready`` says whether it can draw."""
        return JSONResponse({"status": "ok"})

    async def _ready(self, request: Request) -> Response:
        ready = self.readiness
        body = {
            "status": "ready" if ready.ready else "not ready",
            "reason": ready.reason,
            "model": self._model,
            "running": min(1, self.tally.open),
            "waiting": self.tally.waiting,
        }
        return JSONResponse(body, 200 if ready.ready else 503)

    async def _metrics(self, request: Request) -> Response:
        return PlainTextResponse(self.tally.text(ready=self.readiness.ready), media_type="text/plain; version=0.0.4")


class _Edits:
    """The route as an ASGI application, so that a request counts as open until its stream has ended."""

    def __init__(self, server: EngineServer) -> None:
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if (refusal := self._server.refused(request)) is not None:
            await refusal(scope, receive, send)
            return
        with self._server.tally.visit() as visit:
            try:
                response = await self._response(request, visit)
                await response(scope, receive, send)
            except asyncio.CancelledError:
                visit.outcome = "cancelled"  # so Ray ends a request whose client has gone
                raise

    async def _response(self, request: Request, visit: Visit) -> Response | EventStream:
        try:
            return await self._server.answer(request, visit)
        except HTTPException:
            raise
        except Exception as error:
            log.exception("a request failed")
            return await as_unforeseen(request, error)


async def _stopped_when_cancelled(drawing: Coroutine[Any, Any, list[Drawn]], stop: threading.Event) -> list[Drawn]:
    """The engine looks at ``stop`` between its steps; waiting for it to end without that would last the whole edit."""
    task = asyncio.create_task(drawing)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.gather(task, return_exceptions=True)
        raise


async def _last(items: AsyncGenerator[Item, None]) -> Drawn:
    async with aclosing(items):
        async for item in items:
            if isinstance(item, Drawn):
                return item
    raise AssertionError("draw() ends with a picture or raises")
