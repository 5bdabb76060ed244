"""Several image servers: which are well, which is least busy, and how long each takes.

A server that cannot be reached, or that says it is not ready, rests for a while and is asked again
after it. Nothing is asked in the background: only an edit that is about to be sent looks after them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from kontext_ui.backends.hosted.http import TROUBLES, json_of
from kontext_ui.backends.image_server.dialects import DIALECTS, Dialect, Wanted, recognise

log = logging.getLogger(__name__)
FRESH_S = 5.0
"""How long a server's health check stays valid."""
REST_S = (10.0, 120.0)
"""First and longest rest; each is twice the one before."""
PROBE_TIMEOUT_S = 3.0
SMOOTHING = 0.3


@dataclass(eq=False)
class Server:
    """What is known of one server."""

    url: str
    dialect: Dialect | None = None
    """``None`` until it was recognised."""
    model: str = ""
    in_flight: int = 0
    told_load: int = 0
    """Edits that it reports, from any client; 0 when it reports none."""
    left_behind: list[float] = field(default_factory=list)
    """When the abandoned edits that it is still drawing will be done."""
    seen_at: float | None = None
    rests: int = 0
    rests_until: float = 0.0
    reason: str = ""
    rate_s: float | None = None
    """Seconds per step and megapixel, smoothed; without waiting."""

    def load(self, now: float) -> int:
        self.left_behind = [until for until in self.left_behind if until > now]
        return max(self.in_flight + len(self.left_behind), self.told_load)

    def estimate_s(self, wanted: Wanted) -> float | None:
        """How long this edit will take once it is started; ``None`` before the first one was measured."""
        return None if self.rate_s is None else self.rate_s * _work(wanted)

    def learn(self, wanted: Wanted, seconds: float) -> None:
        rate = seconds / _work(wanted)
        self.rate_s = rate if self.rate_s is None else (1 - SMOOTHING) * self.rate_s + SMOOTHING * rate


KEY_REFUSED = "the key was refused"


@dataclass(frozen=True)
class Found:
    """One server as it was found: for the owner's eyes, since it has the address."""

    url: str
    dialect: str
    """Empty when it did not tell what it is."""
    model: str
    trouble: str
    """Why it cannot be used; empty when it can."""


class Fleet:
    """Use from one event loop. ``dialect`` is None where each server is to be recognised by its answers."""

    def __init__(
        self,
        urls: Collection[str],
        client: Callable[[], httpx.AsyncClient],
        clock: Callable[[], float],
        *,
        dialect: Dialect | None = None,
        model: str = "",
        headers: Mapping[str, str],
        probe_timeout_s: float = PROBE_TIMEOUT_S,
    ) -> None:
        self.servers = [Server(url, dialect, model) for url in urls]
        self._client = client
        self._clock = clock
        self._model = model
        self._headers = headers
        self._probe_timeout_s = probe_timeout_s
        self._looking = asyncio.Lock()

    def well(self) -> list[Server]:
        """Those that do not rest, without asking anybody."""
        return [server for server in self.servers if server.rests_until <= self._clock()]

    async def pick(self, but: Collection[Server] = ()) -> Server | None:
        """The least busy one that is well, the quicker one of two; ``None`` when there is none.

        When all of them rest, all are asked again: someone wants a picture now.
        """
        able = [server for server in self.well() if server not in but]
        await self._look_after(able or [server for server in self.servers if server not in but])
        now = self._clock()
        able = [server for server in self.well() if server not in but and server.dialect is not None]
        order = {server: number for number, server in enumerate(self.servers)}
        return min(able, key=lambda s: (s.load(now), s.rate_s or 0.0, order[s]), default=None)

    async def survey(self) -> list[Found]:
        """Ask all of them now."""
        await asyncio.gather(*(self._look(server) for server in self.servers))
        return [
            Found(server.url, server.dialect.name if server.dialect else "", server.model, server.reason)
            for server in self.servers
        ]

    @contextmanager
    def holding(self, server: Server) -> Iterator[None]:
        server.in_flight += 1
        server.told_load += 1
        try:
            yield
        finally:
            server.in_flight -= 1
            server.told_load = max(0, server.told_load - 1)

    def leave_behind(self, server: Server, seconds: float) -> None:
        """It keeps drawing an edit that was abandoned."""
        server.left_behind.append(self._clock() + seconds)

    def rest(self, server: Server, reason: str) -> None:
        first, longest = REST_S
        pause = min(longest, first * 2.0**server.rests)
        server.rests += 1
        server.rests_until = self._clock() + pause
        server.seen_at = None
        server.reason = reason
        log.warning("image server %s rests for %.0f s: %s", server.url, pause, reason)

    def recovered(self, server: Server) -> None:
        server.seen_at = self._clock()
        server.rests = 0
        server.rests_until = 0.0
        server.reason = ""

    async def _look_after(self, servers: list[Server]) -> None:
        async with self._looking:
            now = self._clock()
            stale = [server for server in servers if server.seen_at is None or now - server.seen_at >= FRESH_S]
            await asyncio.gather(*(self._look(server) for server in stale))

    async def _look(self, server: Server) -> None:
        """Ask for its health and, the first time, what it is."""
        try:
            trouble = ""
            if server.dialect is None or (server.dialect.names_model and not server.model):
                trouble = await self._recognise(server)
            trouble = trouble or await self._trouble(server)
        except httpx.HTTPError as error:
            trouble = TROUBLES.get(type(error), "network trouble")
        if trouble:
            self.rest(server, trouble)
        else:
            self.recovered(server)

    async def _recognise(self, server: Server) -> str:
        """Find out what it is. Returns why it cannot be used; health is often open to everybody, this is not."""
        response = await self._get(server, "/v1/models")
        if response.status_code in (401, 403):
            return KEY_REFUSED
        dialect, model = recognise(json_of(response))
        if server.dialect is None:
            if response.status_code >= 500:
                return ""
            server.dialect = dialect
            log.info("image server %s is spoken to as %s", server.url, dialect.name)
        server.model = server.model or self._model or model
        return ""

    async def _trouble(self, server: Server) -> str:
        """Why it cannot be used; empty when it can. A server without the health route is assumed to be well."""
        response = await self._get(server, (server.dialect or DIALECTS["openai"]).health)
        if response.status_code in (401, 403):
            return KEY_REFUSED
        if response.status_code >= 500:
            return "it is not ready"
        if server.dialect is not None and server.dialect.streams:
            told = [json_of(response).get(name) for name in ("running", "waiting")]
            server.told_load = sum(number for number in told if isinstance(number, int))
        return ""

    async def _get(self, server: Server, path: str) -> httpx.Response:
        return await self._client().get(server.url + path, headers=self._headers, timeout=self._probe_timeout_s)


def _work(wanted: Wanted) -> float:
    return wanted.steps * wanted.size.megapixels
