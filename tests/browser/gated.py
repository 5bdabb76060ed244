"""A hosted backend whose provider answers when the test says so: by files in the data folder.

``submits`` counts what reached the provider; ``gate`` lets waiting edits finish; ``refuse`` makes the
provider moderate. The files outlive the server's process, as a real provider would.
"""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import numpy as np

from kontext_ui.edits import (
    Capabilities,
    Done,
    EditResult,
    Mode,
    Parameter,
    Readiness,
    Running,
    Size,
    SizeRule,
    Submitted,
    Tier,
)
from kontext_ui.errors import ContentModerated


class GatedBackend:
    id = "gated"
    label = "Test provider"
    runs_here = False
    tiers = (Tier.PRO,)

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def capabilities(self, tier):
        return Capabilities(
            model="Test model",
            modes=frozenset({Mode.EDIT, Mode.GENERATE}),
            parameters=(Parameter("seed", "Seed", "int", None, 0, 2**31 - 1),),
            unsupported={"style_preset": "This provider has no styles."},
            size_rule=SizeRule("list", sizes=(Size(192, 128), Size(128, 192), Size(160, 160))),
            max_reference_images=1,
            price_usd=0.04,
            typical_s=6,
        )

    def check(self, key=None):
        return Readiness(True)

    async def edit(self, request, task):
        with (self._folder / "submits").open("a") as file:
            file.write(request.instruction + "\n")
        yield Submitted(secrets.token_hex(4), "https://provider.example/poll")
        async for event in self._wait(request, task):
            yield event

    async def resume(self, request, task):
        async for event in self._wait(request, task):
            yield event

    async def _wait(self, request, task):
        fraction = 0.1
        while not (self._folder / "gate").exists():
            if (self._folder / "refuse").exists():
                raise ContentModerated(
                    "The provider refused this <b>picture</b> ${1+1}.",
                    backend=self.id,
                    stage="output",
                    reasons=("Safety Filter",),
                    hint="A new try often passes.",
                )
            yield Running(fraction, "drawing")
            fraction = min(0.9, fraction + 0.05)
            await asyncio.sleep(0.05)
        source = task.input_image if task.input_image is not None else np.full((128, 192, 3), 90, np.uint8)
        yield Done(
            EditResult(
                edited(source, request.instruction),
                description="Inverted it, slowly.",
                seed=request.parameters.seed or 7,
            )
        )

    async def aclose(self):
        pass


def edited(source, instruction):
    """All of it inverted, or only its middle when the instruction speaks of the middle; nothing for "as it is"."""
    if "as it is" in instruction:
        return source
    if "middle" not in instruction:
        return 255 - source
    pixels = source.copy()
    height, width = source.shape[:2]
    part = np.s_[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3]
    pixels[part] = 255 - source[part]
    return pixels


def build(settings):
    return GatedBackend(settings.data_dir)
