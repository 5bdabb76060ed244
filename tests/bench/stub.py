"""The engine of the benchmarks: inverts the picture, in a few milliseconds, and says how long it took."""

from __future__ import annotations

import time

import cv2
import numpy as np
from anyio import to_thread

from kontext_ui.edits import Capabilities, Done, EditResult, Readiness, Tier


def invert(pixels):
    return np.asarray(cv2.bitwise_not(pixels), np.uint8)


class StubBackend:
    id = "stub"
    label = "Stub"
    runs_here = True
    tiers = (Tier.LOCAL,)

    def capabilities(self, tier):
        return Capabilities(model="Stub", typical_s=0.01)

    def check(self, key=None):
        return Readiness(True)

    async def edit(self, request, task):
        began = time.perf_counter()
        pixels = await to_thread.run_sync(invert, task.input_image)
        yield Done(EditResult(pixels, description=f"{time.perf_counter() - began:.4f}"))

    async def aclose(self):
        pass


def build(settings):
    return StubBackend()
