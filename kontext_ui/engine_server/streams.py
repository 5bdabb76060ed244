"""Server-sent events, and noticing when the client has gone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from kontext_ui.engine_server.work import Item


class until_gone:  # noqa: N801 - reads as what it does in `async with`
    """Sets ``stop`` when the client closes the connection. The request's body must have been read."""

    def __init__(self, request: Request, stop: threading.Event) -> None:
        self._request = request
        self._stop = stop
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self._watch = asyncio.create_task(self._listen())

    async def __aexit__(self, *_: object) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    async def _listen(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self._stop.set()


class EventStream:
    """Server-sent events, sent as they come; proxies are asked not to hold them back."""

    def __init__(self, events: AsyncGenerator[bytes, None], gone: until_gone) -> None:
        self._events = events
        self._gone = gone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
        ]
        async with self._gone, aclosing(self._events) as events:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async for chunk in events:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def with_pauses(items: AsyncGenerator[Item, None], pause_s: float) -> AsyncGenerator[Item | None, None]:
    """The items, and ``None`` whenever ``pause_s`` seconds have passed without one."""
    following = asyncio.ensure_future(_next(items))
    try:
        while True:
            done, _ = await asyncio.wait({following}, timeout=pause_s)
            if not done:
                yield None
                continue
            if (item := following.result()) is None:
                return
            yield item
            following = asyncio.ensure_future(_next(items))
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await items.aclose()


async def _next(items: AsyncGenerator[Item, None]) -> Item | None:
    async for item in items:
        return item
    return None
