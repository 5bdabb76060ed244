"""Open weights on this machine, as a backend. Torch is imported with the first edit, not before."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import CancelledError

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.content_filter import NOTE, ContentFilter
from kontext_ui.backends.diffusers import families, loading, weights
from kontext_ui.backends.diffusers.checks import readiness
from kontext_ui.backends.diffusers.config import BACKEND_ID, Drawing, EngineConfig
from kontext_ui.backends.diffusers.families import Weights
from kontext_ui.backends.diffusers.owner import LineFull, Owner, Ticket
from kontext_ui.backends.diffusers.painter import Drawn, Painter
from kontext_ui.edits import (
    Capabilities,
    Done,
    EditEvent,
    EditRequest,
    EditResult,
    Pixels,
    Readiness,
    Running,
    SizeRule,
    Tier,
)
from kontext_ui.errors import EditCancelled, InvalidRequest, KontextError, RateLimited, UnexpectedAnswer
from kontext_ui.images.geometry import asked_size, flattened, nearest_size, resized, size_of
from kontext_ui.models import kontext

log = logging.getLogger(__name__)
STOP_POLL_S = 0.05
"""The stop flag cannot be awaited, so it is checked this often."""
CHECK_S = 5.0
"""How long an answer of :meth:`DiffusersBackend.check` stays valid; the page asks often."""
FAILED_S = 120.0
"""How long a failure to load is remembered before the engine counts as ready for another try."""
CLOSE_S = 30.0
MAX_WAITING = 32
"""Queued edits, each with its photo of some megabytes; at twenty seconds an edit the last one waits ten minutes."""
TYPICAL_S = 20.0
"""Used until an edit has been measured: roughly what a large consumer card takes."""


class DiffusersBackend:
    """One pipeline, one thread, one queue in which visitors take turns."""

    id = BACKEND_ID
    label = f"{families.KONTEXT.short} (this computer)"
    runs_here = True
    tiers = (Tier.LOCAL,)

    def __init__(
        self,
        config: EngineConfig,
        painter: Painter | None = None,
        *,
        idle_s: float | None = None,
        max_waiting: int = MAX_WAITING,
        clock: Callable[[], float] = time.monotonic,
        check: Callable[[EngineConfig], Readiness] = readiness,
        content: ContentFilter | None = None,
    ) -> None:
        self._config = config
        self._weights = weights.known(config)
        self.label = f"{self._weights.short} (this computer)"
        self._painter = painter or Painter(config)
        self._owner: Owner[Drawn] = Owner(
            "diffusers", when_idle=self._painter.free, idle_s=idle_s, max_waiting=max_waiting
        )
        self._clock = clock
        self._check = check
        self._content = content
        self._checked: tuple[float, Readiness] | None = None
        failed = self._painter.load_error  # the painter may have tried to load at the start
        self._failed: tuple[float, KontextError] | None = None if failed is None else (clock(), failed)
        self._rates_s: dict[str, float] = {}
        """Seconds per step and per megapixel, smoothed, by the weights' name."""
        self._seen: tuple[float, tuple[Weights, ...]] | None = None

    def capabilities(self, tier: Tier) -> Capabilities:
        return self._offer(self._weights)

    def models(self, tier: Tier) -> tuple[Capabilities, ...]:
        """What the settings name, then whatever else lies on this machine and may be drawn with."""
        return (self._offer(self._weights), *(self._offer(known) for known in self._others()))

    def _others(self) -> tuple[Weights, ...]:
        """Not where a GPU is lent: what it draws with is loaded before the page starts."""
        now = self._clock()
        if self._seen is None or now - self._seen[0] >= CHECK_S:
            rest = () if self._config.lent else (each for each in families.ALL if each is not self._weights)
            self._seen = (now, tuple(each for each in rest if self._check(self._config.with_weights(each.hub)).ready))
        return self._seen[1]

    def _offer(self, known: Weights) -> Capabilities:
        first, megapixels = known is self._weights, self._config.megapixels
        steps = (self._config.steps if first else None) or known.steps
        rate_s = self._rates_s.get(known.hub)
        return dataclasses.replace(
            known.offer(steps, megapixels),
            model_id="" if first else known.model.id,
            typical_s=TYPICAL_S * steps / kontext.STEPS if rate_s is None else rate_s * steps * megapixels,
            notes=(
                f"Nothing leaves this machine. Licence of the weights: {known.model.licence}",
                kontext.DRAWS_ONE_MEGAPIXEL,
                *(() if self._content is None else (NOTE,)),
            ),
        )

    def check(self, key: str | None = None) -> Readiness:
        now = self._clock()
        if self._failed is not None:
            at, error = self._failed
            lasting = isinstance(error, UnexpectedAnswer)  # a lost GPU, until the program is restarted
            if lasting or now - at < FAILED_S:
                return Readiness(False, error.message, error.hint)
        if self._checked is None or now - self._checked[0] >= CHECK_S:
            self._checked = (now, self._look())
        return self._checked[1]

    def _look(self) -> Readiness:
        ready = self._check(self._config)
        return self._content.check() if ready.ready and self._content is not None else ready

    def edit(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        """Raises ``EditCancelled`` as soon as the stop flag is seen; the thread is free after its current step."""
        events = self._edit(request, task)
        return events if self._content is None else self._content.over(events, task, self.id)

    async def _edit(self, request: EditRequest, task: EditTask) -> AsyncGenerator[EditEvent, None]:
        known = next((each for each in self._others() if each.model.id == request.model), self._weights)
        first = known is self._weights
        if first and request.model not in ("", known.model.id):
            raise loading.not_there(self._config.with_weights(families.hub_of(request.model)))
        config = self._config if first else self._config.with_weights(known.hub)
        drawing = await asyncio.to_thread(make_drawing, request, task, config, known)
        drawing = drawing if first else dataclasses.replace(drawing, hub=known.hub)
        relay = _Relay(asyncio.get_running_loop())

        def work(ticket: Ticket[Drawn]) -> Drawn:
            return self._painter.draw(drawing, relay.tell, lambda: ticket.withdrawn.is_set() or task.stop.is_set())

        ticket = self._joined(
            task.owner, work, lambda place: relay.tell(Running(stage="waiting for its turn", queue_position=place))
        )
        ticket.future.add_done_callback(lambda _: relay.end())
        try:
            async for event in relay.events(task):
                yield event
            drawn = self._outcome(ticket)
        finally:
            self._owner.withdraw(ticket)
        self._learn(drawn, drawing, known.hub)
        yield Done(EditResult(drawn.pixels, plan=_plan(drawing, drawn), seed=drawing.seed, model=known.model.name))

    async def aclose(self) -> None:
        """Stops after the current step."""
        if not await asyncio.to_thread(self._owner.close, CLOSE_S):
            log.warning("the engine is still busy and was abandoned")

    def _joined(
        self, visitor: str, work: Callable[[Ticket[Drawn]], Drawn], tell_position: Callable[[int], None]
    ) -> Ticket[Drawn]:
        try:
            return self._owner.submit(visitor, work, tell_position)
        except LineFull:
            raise RateLimited(
                "Too many edits are waiting for the model on this computer.",
                backend=self.id,
                hint="Nothing was started. Send it again when some are done, or use another tier.",
            ) from None

    def _outcome(self, ticket: Ticket[Drawn]) -> Drawn:
        try:
            drawn = ticket.future.result()
        except CancelledError:
            raise EditCancelled("The program is closing.") from None
        except KontextError as error:
            if error is self._painter.load_error:
                self._failed = (self._clock(), error)
            raise
        except Exception as error:
            log.exception("the engine failed")
            raise UnexpectedAnswer(
                f"The engine on this machine failed ({type(error).__name__}).",
                backend=self.id,
                hint="Send it again: the model is reloaded. The program's log has the details.",
                may_retry=True,
            ) from error
        self._failed = None
        return drawn

    def _learn(self, drawn: Drawn, drawing: Drawing, hub: str) -> None:
        work = drawing.steps * drawing.size.width * drawing.size.height / 1024**2
        rate = drawn.seconds / work
        self._rates_s[hub] = 0.7 * self._rates_s.get(hub, rate) + 0.3 * rate


class _Relay:
    """Carries events from the engine's thread to one edit on the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._events: asyncio.Queue[Running | None] = asyncio.Queue()

    def tell(self, event: Running | None) -> None:
        """Callable from any thread. Does nothing once the loop has closed."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    def end(self) -> None:
        self.tell(None)

    async def events(self, task: EditTask) -> AsyncGenerator[Running, None]:
        """Yields until :meth:`end`. Raises ``EditCancelled`` soon after the task is asked to stop."""
        while True:
            task.raise_if_cancelled()
            try:
                event = await asyncio.wait_for(self._events.get(), STOP_POLL_S)
            except TimeoutError:
                continue
            if event is None:
                return
            yield event


def make_drawing(
    request: EditRequest, task: EditTask, config: EngineConfig, known: Weights = families.KONTEXT
) -> Drawing:
    """Raises ``InvalidRequest`` when the photo to edit is missing: the model would invent a picture instead."""
    if request.input_image is not None and task.input_image is None:
        raise InvalidRequest("The picture to edit did not reach the engine.", hint="Send it again.")
    given = request.parameters
    rule = known.rule(config.megapixels)
    share = kontext.SPEEDS[given.acceleration or "none"]
    source = task.input_image
    canvas = asked_size(None, None, rule) if source is None else nearest_size(size_of(source), rule)
    size = canvas
    if given.aspect_ratio:
        size = asked_size(given.aspect_ratio, None, rule)
    guidance = known.guidance if given.guidance_scale is None else given.guidance_scale
    return Drawing(
        prompt=request.sent_prompt,
        size=kontext.scaled(size, share),
        steps=given.num_inference_steps or config.steps or known.steps,
        guidance=None if known.guidance is None else guidance,
        seed=secrets.randbelow(kontext.MAX_SEED + 1) if given.seed is None else given.seed,
        source=None if source is None else resized(flattened(source), kontext.scaled(canvas, share)),
        references=tuple(_drawable(each, rule) for each in task.reference_images),
    )


def _drawable(reference: Pixels, rule: SizeRule) -> Pixels:
    """In a size that the pipeline neither crops nor shrinks."""
    return resized(flattened(reference), nearest_size(size_of(reference), rule))


def _plan(drawing: Drawing, drawn: Drawn) -> dict[str, object]:
    """What is needed to reproduce the same pixels."""
    return {
        **drawn.record,
        "size": f"{drawing.size.width}x{drawing.size.height}",
        "steps": drawing.steps,
        **({} if drawing.guidance is None else {"guidance": drawing.guidance}),
        "seed": drawing.seed,
    }
