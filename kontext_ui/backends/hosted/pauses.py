"""How long to wait between two questions to a provider."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from kontext_ui.backends.base import Hook

Sleep = Callable[[float], Awaitable[None]]
PAUSE_S = (0.5, 5.0)
"""First and longest pause between two polls."""
EVEN_PAUSES = 20
"""How many pauses are as short as the first, enough for a usual edit; later ones grow by 1.5 each time."""
POLLS_PER_S = 200
"""All edits of a provider together ask no more often than this: then the pauses grow with their number."""


class Pauses:
    """Of all edits at one provider."""

    def __init__(self, sleep: Sleep, polls_per_s: float = POLLS_PER_S) -> None:
        self._sleep = sleep
        self._polls_per_s = polls_per_s
        self._going_on = 0

    async def __call__(self, number: int, hook: Hook | None = None) -> None:
        """The pause after poll ``number``, counted from 0; over at once when the provider calls."""
        self._going_on += 1
        try:
            await self._wait(self._seconds(number), hook)
        finally:
            self._going_on -= 1

    def _seconds(self, number: int) -> float:
        first, longest = PAUSE_S
        alone = min(longest, first * 1.5 ** max(0, number + 1 - EVEN_PAUSES))
        return max(alone, self._going_on / self._polls_per_s)

    async def _wait(self, seconds: float, hook: Hook | None) -> None:
        pause = self._sleep(seconds)
        if hook is None:
            await pause
            return
        waiting = [asyncio.ensure_future(pause), asyncio.ensure_future(hook.called.wait())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
        hook.called.clear()
