"""On Hugging Face's ZeroGPU a GPU is lent for the length of one call, to a process forked for it.

Arguments and results cross between processes, so a drawing goes in, and events and the picture come out,
through a generator; a stop request is honoured by closing it. An error would cross as a class's bare name,
so it is sent as a message and raised again on this side. Anywhere else nothing here is used, and the
package ``spaces`` is not needed.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from kontext_ui.backends.diffusers.config import Drawing
from kontext_ui.backends.diffusers.painter import Draw, Drawn, Stopped, Tell
from kontext_ui.backends.diffusers.trouble import is_out_of_memory
from kontext_ui.edits import Running
from kontext_ui.errors import EditCancelled

BASE_S = 15
STEP_S = 0.6
"""Seconds requested: this much per step at one megapixel. A visitor's quota is charged for what is requested."""


@dataclass(frozen=True)
class Failed:
    """An error on the other side. ``said`` is for the log, not for users."""

    said: str
    out_of_memory: bool
    stopped: bool


def seconds_for(drawing: Drawing) -> int:
    megapixels = drawing.size.width * drawing.size.height / 1024**2
    return round(BASE_S + STEP_S * drawing.steps * megapixels)


def lender() -> Callable[[Draw], Draw]:
    """The wrapper for :class:`Painter`. Call before torch is imported. Raises ``ImportError`` without ``spaces``."""
    from spaces import GPU

    return lambda draw: borrowed(draw, GPU)


def borrowed(draw: Draw, gpu: Callable[..., Callable[..., Any]]) -> Draw:
    """``draw`` with each call carried out where ``gpu``, a decorator factory, lets it run."""

    @gpu(duration=seconds_for)
    def stream(drawing: Drawing) -> Iterator[Running | Drawn | Failed]:
        told: queue.SimpleQueue[Running | None] = queue.SimpleQueue()
        left = threading.Event()
        outcome: list[Drawn | Failed] = []

        def inside() -> None:
            try:
                outcome.append(draw(drawing, told.put, left.is_set))
            except BaseException as error:  # noqa: BLE001 - raised again on the other side
                said = f"{type(error).__name__}: {error}"
                outcome.append(Failed(said, is_out_of_memory(error), isinstance(error, EditCancelled)))
            told.put(None)

        threading.Thread(target=inside, daemon=True).start()
        try:
            while (event := told.get()) is not None:
                yield event
        finally:
            left.set()
        yield outcome[0]

    def call(drawing: Drawing, tell: Tell, stopped: Stopped) -> Drawn:
        with closing(stream(drawing)) as messages:
            for message in messages:
                if stopped():
                    break
                if isinstance(message, Drawn):
                    return message
                if isinstance(message, Failed):
                    raise _error(message)
                tell(message)
        raise EditCancelled("You stopped this edit.")

    return call


def _error(failed: Failed) -> Exception:
    if failed.stopped:
        return EditCancelled("You stopped this edit.")
    return MemoryError(failed.said) if failed.out_of_memory else RuntimeError(failed.said)
