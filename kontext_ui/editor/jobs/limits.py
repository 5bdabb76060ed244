"""Queues: a provider runs a limited number of edits at once, and users see their place."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(eq=False)
class _Waiting:
    turn: asyncio.Future[None]
    tell: Callable[[int], None]
    owner: str
    name: str


@dataclass(eq=False)
class _Lane:
    active: int = 0
    waiting: deque[_Waiting] = field(default_factory=deque)


class Limits:
    """First in, first out, one lane per key (a provider's limit for one account). One event loop only."""

    def __init__(self) -> None:
        self._lanes: defaultdict[Hashable, _Lane] = defaultdict(_Lane)

    @asynccontextmanager
    async def place(
        self, key: Hashable, limit: int | None, tell_position: Callable[[int], None], owner: str = "", name: str = ""
    ) -> AsyncIterator[None]:
        """Hold one of ``limit`` places. While waiting, ``tell_position`` gets 1 for the next in the queue.

        ``owner`` and ``name`` are whose and what it is that waits, for :meth:`sooner`.
        """
        if limit is None:
            yield
            return
        lane = self._lanes[key]
        if lane.active < limit and not lane.waiting:
            lane.active += 1
        else:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            await self._wait(lane, _Waiting(turn, tell_position, owner, name))
        try:
            yield
        finally:
            self._leave(lane)
            if not lane.active and not lane.waiting:
                self._lanes.pop(key, None)

    def sooner(self, owner: str, name: str) -> bool:
        """Let what waits under this name go before all else of its owner; the places of others stay theirs."""
        for lane in self._lanes.values():
            line = lane.waiting
            places = [place for place, entry in enumerate(line) if entry.owner == owner]
            own = [line[place] for place in places]
            at = next((index for index, entry in enumerate(own) if entry.name == name), None)
            if not at:
                continue
            for place, entry in zip(places, [own[at], *own[:at], *own[at + 1 :]], strict=True):
                line[place] = entry
            _tell_all(lane)
            return True
        return False

    async def _wait(self, lane: _Lane, entry: _Waiting) -> None:
        turn = entry.turn
        lane.waiting.append(entry)
        entry.tell(len(lane.waiting))
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
            turn = lane.waiting.popleft().turn
            if not turn.done():
                turn.set_result(None)  # the place is handed over, so `active` stays
                _tell_all(lane)
                return
        lane.active -= 1


def _tell_all(lane: _Lane) -> None:
    for position, entry in enumerate(lane.waiting, start=1):
        entry.tell(position)
