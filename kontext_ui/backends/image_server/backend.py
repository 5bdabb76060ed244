"""Image servers as a backend of the local tier: your own GPUs behind ``POST /v1/images/edits``."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
import math
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing

import httpx

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.content_filter import NOTE, ContentFilter
from kontext_ui.backends.image_server.answers import BACKEND_ID, LABEL, NotStarted, unavailable, unusable
from kontext_ui.backends.image_server.dialects import DIALECTS, Dialect, Wanted, mask_png, without_tags
from kontext_ui.backends.image_server.exchange import Answer, Item, exchange
from kontext_ui.backends.image_server.fleet import PROBE_TIMEOUT_S, Fleet, Found, Server
from kontext_ui.backends.image_server.offer import capabilities_of
from kontext_ui.backends.image_server.result import result_of
from kontext_ui.backends.image_server.served import served_as
from kontext_ui.edits import (
    Capabilities,
    Done,
    EditEvent,
    EditRequest,
    Readiness,
    Running,
    Tier,
)
from kontext_ui.errors import Billed, EditCancelled, InvalidRequest, KontextError, RateLimited, UnexpectedAnswer
from kontext_ui.images import codec
from kontext_ui.images.geometry import asked_size, flattened, nearest_size, resized, size_of
from kontext_ui.models import kontext

TICK_S = 0.25
"""Between two checks of the stop flag, and two estimates of the progress of a server that reports none."""
log = logging.getLogger(__name__)
ROUNDS = 4
"""How often all servers are asked at least while none can take the edit; full ones are asked until the timeout."""
LONGEST_PAUSE_S = 10.0
TYPICAL_S = 10.0
MOST_ESTIMATED = 0.95


class ImageServerBackend:
    """``urls`` are the servers' addresses without a path; none means that the backend is not set up.

    ``dialect`` is ``None`` where servers are recognised by what they answer.
    """

    id = BACKEND_ID
    label = LABEL
    tiers = (Tier.LOCAL,)

    def __init__(
        self,
        urls: Sequence[str],
        *,
        dialect: Dialect | None = None,
        key: str | None = None,
        model: str = "",
        steps: int | None = None,
        megapixels: float = 1.0,
        per_server: int = 2,
        timeout_s: float = 600.0,
        probe_timeout_s: float = PROBE_TIMEOUT_S,
        content: ContentFilter | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = key
        self._steps = steps
        self._megapixels = megapixels
        self._per_server = per_server
        self._timeout_s = timeout_s
        self._content = content
        self._transport = transport
        self._sleep = sleep
        self._clock = clock
        self._shared: httpx.AsyncClient | None = None
        self._fleet = Fleet(
            urls,
            self._client,
            clock,
            dialect=dialect,
            model=model,
            headers=_headers(key),
            probe_timeout_s=probe_timeout_s,
        )
        # With a key and nothing but OpenAI's protocol it may be a paid service, where nothing is done twice.
        self._paid = bool(key) and (dialect is None or dialect.name == "openai")

    @property
    def runs_here(self) -> bool:
        """Its owner's own machines: a job that was cut short is sent again, and stopping one costs nothing."""
        return not any(self._bills(server) for server in self._fleet.servers)

    def capabilities(self, tier: Tier) -> Capabilities:
        servers = self._fleet.servers
        rates = [server.rate_s for server in servers if server.rate_s is not None]
        model = self._model()
        work = (self._steps or served_as(model).steps) * self._megapixels
        return capabilities_of(
            self._spoken(),
            steps=self._steps,
            size_rule=served_as(model).rule(self._megapixels),
            model=model,
            typical_s=min(rates) * work if rates else TYPICAL_S,
            max_in_flight=max(1, self._per_server * len(servers)),
            paid=not self.runs_here,
            notes=() if self._content is None else (NOTE,),
        )

    def check(self, key: str | None = None) -> Readiness:
        """From what the last edits saw; when all servers rest, the tier's next backend gets the edits meanwhile."""
        if not self._fleet.servers:
            return Readiness(
                False,
                "No image server is set.",
                "To use one, set KONTEXT_UI_IMAGE_SERVER_URLS to its address, for example http://gpu1:8000.",
            )
        if self._fleet.well():
            return Readiness(True) if self._content is None else self._content.check()
        reasons = "; ".join(dict.fromkeys(server.reason.rstrip(".") for server in self._fleet.servers))
        return Readiness(False, f"No image server can be used: {reasons}.", "They are asked again within two minutes.")

    def edit(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        """The least busy server first; another one when that surely did not begin.

        One's own servers cost nothing, so an edit that failed on one is tried once more, with the same seed: on
        another, or at the only address, behind which may be many. Not twice: it may be the edit that ends the engines.
        """
        events = self._edit(request, task)
        return events if self._content is None else self._content.over(events, task, self.id)

    async def _edit(self, request: EditRequest, task: EditTask) -> AsyncGenerator[EditEvent, None]:
        wanted = await asyncio.to_thread(self._wanted, request, task)
        error: KontextError | None = None
        moved = False
        started = self._clock()
        for number in itertools.count():
            tried: list[Server] = []
            full = False
            while (server := await self._fleet.pick(tried)) is not None:
                tried.append(server)
                try:
                    async with aclosing(self._on(server, wanted, request, task)) as events:
                        async for event in events:
                            yield event
                    return
                except UnexpectedAnswer as failed:
                    if moved or self._bills(server):
                        raise
                    error, moved = failed, True
                    if len(self._fleet.servers) == 1:
                        tried.clear()
                    server.seen_at = None  # so that it is asked how it does before it gets another
                    log.info("an edit failed on %s and is tried once more: %s", server.url, failed)
                except NotStarted as refused:
                    error, full = refused.error, full or refused.busy
                    if not refused.busy:
                        self._fleet.rest(server, refused.error.message)
            waited_s = self._clock() - started if isinstance(error, RateLimited) else math.inf
            if not full or (number + 1 >= ROUNDS and waited_s >= self._timeout_s):
                break
            yield Running(None, "waiting: the image servers are full")
            await self._pause(number, error, task)
        raise error or unavailable(self.check().reason.partition(": ")[2] or "none is configured")

    async def survey(self) -> list[Found]:
        """How each server does, asked now."""
        return await self._fleet.survey()

    async def aclose(self) -> None:
        if self._shared is not None:
            await self._shared.aclose()

    def _client(self) -> httpx.AsyncClient:
        """Connections are not kept: one that was closed meanwhile would leave open whether an edit had begun."""
        if self._shared is None or self._shared.is_closed:
            limits = httpx.Limits(max_connections=200, max_keepalive_connections=0)
            self._shared = httpx.AsyncClient(transport=self._transport, limits=limits)
        return self._shared

    def _model(self) -> str:
        """What the servers call theirs: the first that is known, since they are meant to have the same."""
        return next((server.model for server in self._fleet.servers if server.model), "")

    def _spoken(self) -> Dialect | None:
        """The dialect that all servers share, as far as is known."""
        known = {server.dialect.name for server in self._fleet.servers if server.dialect is not None}
        return DIALECTS[known.pop()] if len(known) == 1 else None

    def _wanted(self, request: EditRequest, task: EditTask) -> Wanted:
        """Raises ``InvalidRequest``: without its picture, a server would invent one and call it a success."""
        source = task.input_image
        if source is None:
            raise InvalidRequest(
                "An image server edits a picture, and there is none in this request.",
                hint="Open a picture first.",
            )
        prompt = without_tags(request.sent_prompt)
        if not prompt:
            raise InvalidRequest("There is no instruction in this request.", hint="Say what should change.")
        given = request.parameters
        share = kontext.SPEEDS[given.acceleration or "none"]
        rule = served_as(self._model()).rule(self._megapixels)
        size = canvas = nearest_size(size_of(source), rule)
        if given.aspect_ratio:
            size = asked_size(given.aspect_ratio, None, rule)
        sent = resized(flattened(source), kontext.scaled(canvas, share))
        mask = task.mask if request.native_mask else None
        return Wanted(
            prompt=prompt,
            size=kontext.scaled(size, share),
            seed=secrets.randbelow(kontext.MAX_SEED + 1) if given.seed is None else given.seed,
            steps=given.num_inference_steps or self._steps or 0,
            guidance=given.guidance_scale or 0.0,
            picture_png=codec.encode_png(sent),
            mask_png=None if mask is None else mask_png(resized(mask, size_of(sent))),
            visitor=hashlib.sha256(task.owner.encode()).hexdigest()[:16] if task.owner else "",
        )

    async def _on(
        self, server: Server, wanted: Wanted, request: EditRequest, task: EditTask
    ) -> AsyncGenerator[EditEvent, None]:
        """The edit on one server. Raises ``NotStarted`` when it did not begin there."""
        wanted = served_as(server.model).completed(wanted)
        started = self._clock()
        ahead = server.load(started)
        dialect = server.dialect or DIALECTS["openai"]
        finished = False
        with self._fleet.holding(server):
            try:
                stream = self._items(server, wanted, task)
                async with aclosing(self._watched(stream, server, wanted, task, started, ahead)) as items:
                    async for item in items:
                        if isinstance(item, Answer):
                            finished = True
                            self._fleet.recovered(server)
                            if not ahead:
                                server.learn(wanted, self._clock() - started)
                            yield Done(result_of(item, server, dialect, wanted, request))
                            return
                        yield item
            except NotStarted:
                finished = True
                raise
            finally:
                if not finished and not dialect.stops:
                    remaining = (server.estimate_s(wanted) or TYPICAL_S) * (ahead + 1) - (self._clock() - started)
                    self._fleet.leave_behind(server, max(0.0, remaining))

    def _bills(self, server: Server) -> bool:
        """Whether it may be a paid service: it wants a key, and speaks nothing but OpenAI's protocol or is unknown."""
        return self._paid and speaks_openai(server)

    def _items(self, server: Server, wanted: Wanted, task: EditTask) -> AsyncGenerator[Item, None]:
        billed = Billed.MAYBE if self._bills(server) else Billed.NO
        headers = _headers(task.key or self._key)
        return exchange(self._client(), server, wanted, headers, billed=billed, timeout_s=self._timeout_s)

    async def _watched(
        self,
        stream: AsyncGenerator[Item, None],
        server: Server,
        wanted: Wanted,
        task: EditTask,
        started: float,
        ahead: int,
    ) -> AsyncGenerator[Item, None]:
        """The stream, with estimates where the server is silent. Leaving it closes the connection.

        Raises ``EditCancelled`` soon after the stop flag is set; a paid edit continues, since its result is kept.
        """
        yield Running(None, "sent to the image server")
        following = asyncio.ensure_future(_next(stream))
        try:
            while True:
                done, _ = await asyncio.wait({following}, timeout=TICK_S)
                if not self._bills(server):
                    task.raise_if_cancelled()
                if not done:
                    estimate = server.estimate_s(wanted)
                    if estimate is not None and not (server.dialect or DIALECTS["openai"]).streams:
                        yield _estimated(self._clock() - started, estimate * (ahead + 1))
                    continue
                item = following.result()
                if item is None:
                    unusable("it ended without a picture", Billed.MAYBE if self._bills(server) else Billed.NO)
                yield item
                if isinstance(item, Answer):
                    return
                following = asyncio.ensure_future(_next(stream))
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await stream.aclose()

    async def _pause(self, number: int, error: KontextError | None, task: EditTask) -> None:
        asked = error.retry_after_s if isinstance(error, RateLimited) else None
        seconds = min(LONGEST_PAUSE_S, 2.0**number) if asked is None else asked
        for _ in range(math.ceil(seconds / TICK_S)):
            if task.stop.is_set():
                raise EditCancelled("You stopped this edit.", billed=Billed.NO)
            await self._sleep(TICK_S)


async def _next(stream: AsyncGenerator[Item, None]) -> Item | None:
    async for item in stream:
        return item
    return None


def _estimated(elapsed_s: float, estimate_s: float) -> Running:
    """These servers do not tell how far they are; the clock and the last edits do."""
    fraction = min(MOST_ESTIMATED, elapsed_s / max(estimate_s, TICK_S))
    left_s = math.ceil(estimate_s - elapsed_s)
    return Running(fraction, f"about {left_s} s left (estimated)" if left_s > 0 else "longer than estimated")


def _headers(key: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}


def speaks_openai(server: Server) -> bool:
    """Nothing but OpenAI's protocol, as a paid service would; all other dialects are of one's own servers."""
    return server.dialect is None or server.dialect.name == "openai"
