"""Queues: a provider runs a limited number of edits at once, and users see their place."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(eq=False)
class _Lane:
    active: int = 0
    waiting: deque[tuple[asyncio.Future[None], Callable[[int], None]]] = field(default_factory=deque)


class Limits:
    """First in, first out, one lane per key (a provider's limit for one account). One event loop only."""

    def __init__(self) -> None:
        self._lanes: defaultdict[Hashable, _Lane] = defaultdict(_Lane)

    @asynccontextmanager
    async def place(
        self, key: Hashable, limit: int | None, tell_position: Callable[[int], None]
    ) -> AsyncIterator[None]:
        """Hold one of ``limit`` places. While waiting, ``tell_position`` gets 1 for the next in the queue."""
        if limit is None:
            yield
            return
        lane = self._lanes[key]
        if lane.active < limit and not lane.waiting:
            lane.active += 1
        else:
            await self._wait(lane, tell_position)
        try:
            yield
        finally:
            self._leave(lane)
            if not lane.active and not lane.waiting:
                self._lanes.pop(key, None)

    async def _wait(self, lane: _Lane, tell_position: Callable[[int], None]) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (turn, tell_position)
        lane.waiting.append(entry)
        tell_position(len(lane.waiting))
        try:
            await turn
        except asyncio.CancelledError:
            if entry in lane.waiting:
                lane.waiting.remove(entry)
                _tell_all(lane)
            elif turn.done() and not turn.cancelled():
                self._leave(lane)  # the place had just been handed over
            raise

    def _leave(self, lane: _Lane) -> None:
        while lane.waiting:
            turn, _ = lane.waiting.popleft()
            if not turn.done():
                turn.set_result(None)  # the place is handed over, so `active` stays
                _tell_all(lane)
                return
        lane.active -= 1


def _tell_all(lane: _Lane) -> None:
    for position, (_, tell) in enumerate(lane.waiting, start=1):
        tell(position)
