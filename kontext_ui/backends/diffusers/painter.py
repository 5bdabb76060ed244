"""Draws pictures one at a time with one pipeline. Everything here runs on the owner's thread."""

from __future__ import annotations

import gc
import hashlib
import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from kontext_ui.backends.diffusers import extras, levers, trouble
from kontext_ui.backends.diffusers.caches import BytesCache
from kontext_ui.backends.diffusers.config import Drawing, EngineConfig
from kontext_ui.backends.diffusers.families import weights_for
from kontext_ui.backends.diffusers.hands import Hand, hand_for
from kontext_ui.backends.diffusers.loading import Loaded, load
from kontext_ui.backends.diffusers.preview import Previewer, fit_colours, to_pixels
from kontext_ui.edits import Pixels, Running
from kontext_ui.errors import Billed, EditCancelled, KontextError, OutOfMemory

log = logging.getLogger(__name__)
PROMPT_BYTES = 256_000_000
"""About 60 prompts: 512 × 4096 numbers of 16 bits each."""
SOURCE_BYTES = 32_000_000
"""About 60 photos of one megapixel, half a megabyte each."""
GOOD_EDITS = 20
"""Drawings in a smaller configuration before the larger one is retried; doubled with every retry."""
Tell: TypeAlias = Callable[[Running], None]
Stopped: TypeAlias = Callable[[], bool]
Draw: TypeAlias = Callable[[Drawing, Tell, Stopped], "Drawn"]


@dataclass(frozen=True, eq=False)
class Drawn:
    """``seconds`` covers encoding, steps and decoding, not waiting and not loading."""

    pixels: Pixels
    seconds: float
    record: dict[str, Any]
    """What besides the request determines the pixels: weights, precision, libraries."""


class Painter:
    """``loader`` is called with the settings and the number of configurations that ran out of memory.

    ``borrow`` wraps what touches the GPU, where one is lent for the length of a call; the pipeline is then
    loaded once, by :meth:`preload`, and kept.
    """

    def __init__(
        self,
        config: EngineConfig,
        loader: Callable[[EngineConfig, int], Loaded] = load,
        borrow: Callable[[Draw], Draw] | None = None,
        patience: int = GOOD_EDITS,
    ) -> None:
        self._usual = self._config = config
        self._load = loader
        self._loaded: Loaded | None = None
        self._below = 0
        self._good = 0
        self._patience = patience
        self._lost: KontextError | None = None
        self.load_error: KontextError | None = None
        """Why the last attempt to load the model failed; ``None`` once it is loaded."""
        self._keeps = borrow is not None
        self._draw_on_gpu: Draw = self._drawn if borrow is None else borrow(self._drawn)
        self.prompts: BytesCache[tuple[Any, ...]] = BytesCache(PROMPT_BYTES, lambda pair: sum(map(_bytes, pair)))
        self.sources: BytesCache[Any] = BytesCache(SOURCE_BYTES, lambda latents: _bytes(latents))

    def draw(self, drawing: Drawing, tell: Tell, stopped: Stopped) -> Drawn:
        """Raises ``EditCancelled`` soon after ``stopped`` returns true, ``OutOfMemory``, and what loading raises.

        After an unexpected failure the pipeline is dropped, so that the next drawing starts clean.
        Once the GPU is lost until the program is restarted, every call raises ``UnexpectedAnswer``.
        """
        if self._lost is not None:
            raise self._lost.with_traceback(None)
        try:
            self._turn_to(drawing.hub)
            self._step_up()
            self._ready(tell)
            _check(stopped)
            drawn = self._draw_on_gpu(drawing, tell, stopped)
        except KontextError:
            raise
        except Exception as error:
            traceback.clear_frames(error.__traceback__)  # they would keep the pipeline alive for as long as the error
            if trouble.is_device_lost(error) and not self._keeps:  # a lent GPU goes with its process
                raise self._given_up(error) from None
            smallest = self._loaded is not None and self._loaded.smallest
            self._drop()
            if trouble.is_out_of_memory(error):
                log.warning("out of memory: %s", error)
                raise self._explained(drawing, smallest=smallest) from None
            raise
        self._good += 1
        return drawn

    def preload(self) -> None:
        """Load now, on the calling thread. Raises what loading raises."""
        self._ready(lambda _: None)

    def free(self) -> None:
        """Free the memory; the next drawing reloads the model in the best configuration that fits then."""
        self._drop()
        self._below = self._good = 0

    def _turn_to(self, hub: str) -> None:
        """Only one model is loaded at a time: another one takes the first one's place."""
        wanted = self._usual.with_weights(hub) if hub else self._usual
        if wanted != self._config:
            self.free()
            self._config = wanted

    def _step_up(self) -> None:
        """Retry the next larger configuration: another program may have taken the memory back then."""
        if self._below and self._good >= self._patience:
            log.info("%d drawings went well; the model is reloaded in a larger configuration", self._good)
            self._drop()
            self._below -= 1
            self._good = 0
            self._patience *= 2

    def _given_up(self, error: Exception) -> KontextError:
        log.error("the GPU is lost to this process: %s", error)
        self._loaded = None  # without calling the driver: every call would raise the same
        self.prompts.clear()
        self.sources.clear()
        self._lost = self.load_error = trouble.device_lost()
        return self._lost

    def _drop(self) -> None:
        if self._keeps or self._lost is not None:
            return
        self._loaded = None
        self.prompts.clear()
        self.sources.clear()
        gc.collect()
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        elif torch.backends.mps.is_available():
            torch.mps.empty_cache()

    def _ready(self, tell: Tell) -> None:
        if self._loaded is None:
            what = "the model" if self._config is self._usual else weights_for(self._config.model).model.name
            tell(Running(stage=f"loading {what}"))
            started = time.monotonic()
            try:
                self._loaded = self._load(self._config, self._below)
            except KontextError as error:
                self.load_error = error
                raise
            self.load_error = None
            log.info("the model is ready after %.1f s (%s)", time.monotonic() - started, self._loaded.rung.name)

    def _drawn(self, drawing: Drawing, tell: Tell, stopped: Stopped) -> Drawn:
        assert self._loaded is not None
        loaded, started = self._loaded, time.monotonic()
        tell(Running(0.0, "reading the instruction"))
        try:
            pixels = self._called(loaded, drawing, tell, stopped)
        except BaseException:
            loaded.pipe.maybe_free_model_hooks()  # the library skips this on errors
            raise
        return Drawn(pixels, time.monotonic() - started, self._record(loaded))

    def _called(self, loaded: Loaded, drawing: Drawing, tell: Tell, stopped: Stopped) -> Pixels:
        import torch

        hand = hand_for(loaded.weights)
        tokens = hand.text_tokens(loaded.pipe, self._config.text_tokens)
        with torch.inference_mode(), levers.caching(loaded.pipe, self._config):
            words = self.prompts.get_or_make(
                drawing.prompt, lambda: hand.read(loaded.pipe, loaded.device, drawing.prompt, tokens)
            )
            _check(stopped)
            source = None if drawing.source is None else self._source(loaded, hand, drawing.source)
            _check(stopped)
            usual = {
                "generator": torch.Generator("cpu").manual_seed(drawing.seed),
                "callback_on_step_end": self._following(loaded, hand, drawing, source, tell, stopped),
                **_arguments(drawing, tokens),
            }
            return to_pixels(hand.draw(loaded.pipe, loaded.device, drawing, words, source, usual))

    def _following(
        self, loaded: Loaded, hand: Hand, drawing: Drawing, source: Any, tell: Tell, stopped: Stopped
    ) -> Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]]:
        """Raising is the only clean way to stop: with its own flag the pipeline still decodes the noise."""
        every, colours = self._config.preview_every, None
        if every is None:
            every = loaded.weights.preview_every
        if every and loaded.rung.offload != "none":
            # The decoder waits in main memory: bringing it back every few steps would cost more than the steps.
            colours = None if drawing.source is None or source is None else fit_colours(source, drawing.source)
            every = 0 if colours is None else every
        previewer = Previewer(loaded.pipe, hand, drawing.size, every, colours)

        def after_step(pipe: Any, index: int, _: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            _check(stopped)
            preview = previewer.after_step(index, tensors["latents"])
            number, total = index + 1, pipe.num_timesteps
            tell(Running(number / (total + 1), f"step {number} of {total}", preview))
            return tensors

        return after_step

    def _source(self, loaded: Loaded, hand: Hand, pixels: Pixels) -> Any:
        """The photo's latents on the device, from the cache where it was read before; ``None`` where there are none."""
        digest = hashlib.sha256(np.ascontiguousarray(pixels).data).digest()
        latents = self.sources.get_or_make(
            (digest, pixels.shape), lambda: hand.look(loaded.pipe, loaded.device, pixels)
        )
        return None if latents is None else latents.to(loaded.device)

    def _record(self, loaded: Loaded) -> dict[str, Any]:
        import diffusers
        import torch

        return {
            "model": self._config.model,
            "revision": loaded.revision,
            "precision": loaded.rung.precision.name,
            **extras.record(self._config),
            "device": loaded.device.partition(":")[0],
            "torch": torch.__version__,
            "diffusers": diffusers.__version__,
        }

    def _explained(self, drawing: Drawing, *, smallest: bool) -> OutOfMemory:
        """The next try uses the next smaller configuration, if there is one and the model can be reloaded."""
        self._good = 0
        if not self._keeps and not smallest:
            self._below += 1
        return trouble.out_of_memory(drawing.size, lent=self._keeps, smallest=smallest)


def _arguments(drawing: Drawing, text_tokens: int) -> dict[str, Any]:
    return {
        "width": drawing.size.width,
        "height": drawing.size.height,
        "num_inference_steps": drawing.steps,
        "max_sequence_length": text_tokens,
        "output_type": "pt",
        "return_dict": False,
    }


def _check(stopped: Stopped) -> None:
    if stopped():
        raise EditCancelled("You stopped this edit.", billed=Billed.NO)


def _bytes(tensor: Any) -> int:
    return 0 if tensor is None else int(tensor.element_size() * tensor.nelement())
