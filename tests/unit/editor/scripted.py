"""A backend that does what a test tells it: the only double the editor's tests need."""

from __future__ import annotations

import asyncio
from collections import deque

import numpy as np

from kontext_ui.edits import Capabilities, Done, EditResult, Readiness, Running, Submitted, Tier
from kontext_ui.errors import Billed

WAIT = object()
"""In a script: stop here until the test calls ``release``."""


class ScriptedBackend:
    """Yields the queued script of each edit; an exception in it is raised, ``WAIT`` waits for ``release``."""

    def __init__(self, id="scripted", *, tiers=(Tier.PRO,), price_usd=0.04, ready=True, runs_here=False, **caps):
        self.id = id
        self.label = id.title()
        self.tiers = tiers
        self.runs_here = runs_here
        self.ready = ready
        self.submits = []
        self.resumes = []
        self._caps = Capabilities(model=f"{self.label} model", price_usd=price_usd, **caps)
        self._scripts = deque()
        self._gate = asyncio.Event()
        self.called = asyncio.Event()

    def enqueue(self, *script):
        self._scripts.append(script)
        return self

    def release(self):
        self._gate.set()

    def capabilities(self, tier):
        return self._caps

    def check(self, key=None):
        if self.ready or key:
            return Readiness(True)
        return Readiness(False, f"{self.label} has no key.", f"Set {self.id.upper()}_KEY.")

    async def edit(self, request, task):
        self.submits.append((request, task))
        self.called.set()
        async for event in self._play(task):
            yield event

    async def _play(self, task):
        script = self._scripts.popleft() if self._scripts else (Done(inverted(task)),)
        for step in script:
            if isinstance(step, BaseException):
                raise step
            if step is WAIT:
                await self._gate.wait()
                if self.runs_here:
                    task.raise_if_cancelled()
            else:
                yield step(task) if callable(step) else step

    async def aclose(self):
        pass


class HostedBackend(ScriptedBackend):
    """One whose provider answers with an id."""

    async def resume(self, request, task):
        self.resumes.append((request, task))
        async for event in self._play(task):
            yield event


class StoppableBackend(HostedBackend):
    """One whose provider can stop an edit; ``cancel_answer`` says whether it still bills."""

    cancel_answer = Billed.NO

    async def cancel(self, task):
        self.cancelled = task
        return self.cancel_answer


def inverted(task):
    """A result that surely differs from the input."""
    source = task.input_image if task.input_image is not None else np.zeros((16, 16, 3), np.uint8)
    return EditResult(pixels=255 - source, description="Inverted it.")


def done(task):
    return Done(inverted(task))


def submitted(remote_id="remote-1", **fields):
    return Submitted(remote_id, f"https://poll.example/{remote_id}", **fields)


def running(fraction=0.5):
    return Running(fraction, "drawing")
