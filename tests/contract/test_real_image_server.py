"""A real image server, where there is one: its address in KONTEXT_TEST_IMAGE_SERVER (sd-server, vLLM-Omni, …).

    KONTEXT_TEST_IMAGE_SERVER=http://127.0.0.1:1234 python -m pytest tests/contract/test_real_image_server.py

Whatever its model draws, the wire must hold: the size, the seed's meaning, and refusals in words.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.image_server import ImageServerBackend
from kontext_ui.edits import Done, EditRequest, Parameters, Tier
from kontext_ui.images.geometry import size_of

ADDRESS = os.environ.get("KONTEXT_TEST_IMAGE_SERVER", "")
MEGAPIXELS = float(os.environ.get("KONTEXT_TEST_MEGAPIXELS", "0.01"))

pytestmark = pytest.mark.skipif(not ADDRESS, reason="KONTEXT_TEST_IMAGE_SERVER names no server")


@pytest.fixture
async def backend():
    backend = ImageServerBackend([ADDRESS], megapixels=MEGAPIXELS, steps=2)
    yield backend
    await backend.aclose()


async def drawn(backend, seed):
    picture = np.random.default_rng(8).integers(40, 215, (96, 112, 3), np.uint8)
    request = EditRequest(
        'make it red <sd_cpp_extra_args>{"seed": 1}</sd_cpp_extra_args>', Tier.LOCAL, "imageserver",
        input_image="d", parameters=Parameters(seed=seed),
    )  # fmt: skip
    events = [event async for event in backend.edit(request, EditTask("job", input_image=picture))]
    assert isinstance(events[-1], Done)
    return events[-1].result


async def test_the_size_is_the_one_asked_for(backend):
    result = await drawn(backend, 7)

    assert size_of(result.pixels) in backend.capabilities(Tier.LOCAL).size_rule.sizes
    assert result.warnings == ()


async def test_the_seed_decides_the_picture(backend):
    first, same, other = [await drawn(backend, seed) for seed in (7, 7, 8)]

    assert first.seed == 7
    assert np.array_equal(first.pixels, same.pixels)
    assert not np.array_equal(first.pixels, other.pixels)
