"""What goes wrong on a GPU: memory that runs out, and errors that stay."""

from __future__ import annotations

import asyncio
import dataclasses
import weakref

import numpy as np
import pytest

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.diffusers import DiffusersBackend
from kontext_ui.backends.diffusers.config import Drawing, EngineConfig
from kontext_ui.backends.diffusers.loading import Loaded, load
from kontext_ui.backends.diffusers.memory import PRECISIONS, Rung
from kontext_ui.backends.diffusers.painter import Drawn, Painter
from kontext_ui.backends.diffusers.trouble import is_device_lost, is_out_of_memory
from kontext_ui.edits import EditRequest, Parameters, Readiness, Size, Tier
from kontext_ui.errors import OutOfMemory, UnexpectedAnswer
from tests import tiny_kontext

needs_torch = pytest.mark.local
SIZE = Size(112, 96)
WAIT_S = 60.0
LENT = Loaded(None, "cuda", Rung(PRECISIONS[0], "none", 36.7), "")
ASSERTED = "CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported"


@pytest.fixture(scope="module")
def loaded():
    """As if the machine had a smaller way to run left."""
    return dataclasses.replace(load(tiny_kontext.config(), 0), smallest=False)


@pytest.fixture
def loads():
    return []


@pytest.fixture
def painter(loaded, loads):
    return Painter(tiny_kontext.config(), lambda config, below: loads.append(below) or loaded, patience=2)


def draw(painter):
    source = np.full((SIZE.height, SIZE.width, 3), 90, np.uint8)
    return painter.draw(Drawing("make it red", SIZE, 1, 2.5, 7, source), lambda _: None, lambda: False).pixels


@pytest.fixture
def failing(loaded, monkeypatch):
    """Fails the next drawing with an error of the library's."""

    def fail(painter, error, raised=OutOfMemory):
        def broken(*_, **__):
            raise error

        with monkeypatch.context() as patched:
            patched.setattr(loaded.pipe.transformer, "forward", broken)
            with pytest.raises(raised) as caught:
                draw(painter)
        return caught.value

    return fail


@needs_torch
def test_out_of_memory_is_a_sentence_and_a_smaller_form_is_tried_next(painter, loads, failing):
    import torch

    told = failing(painter, torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."))
    draw(painter)

    assert "GiB" not in told.message
    assert "smaller configuration" in told.hint
    assert "draft" in told.hint.lower()
    assert loads == [0, 1]


@needs_torch
def test_after_enough_good_drawings_the_larger_form_is_tried_again_and_less_soon_each_time(painter, loads, failing):
    failing(painter, MemoryError())
    for _ in range(3):
        draw(painter)
    assert loads == [0, 1, 0]

    failing(painter, MemoryError())
    for _ in range(5):
        draw(painter)
    assert loads == [0, 1, 0, 1, 0]
    failing(painter, MemoryError())
    for _ in range(5):
        draw(painter)
    assert loads == [0, 1, 0, 1, 0, 1]


@needs_torch
def test_memory_given_back_in_a_pause_is_taken_again_in_the_best_form(painter, loads, failing):
    failing(painter, MemoryError())
    draw(painter)
    painter.free()
    draw(painter)

    assert loads == [0, 1, 0]


@needs_torch
def test_in_the_smallest_form_nothing_smaller_is_promised(loaded, loads, failing):
    last = dataclasses.replace(loaded, smallest=True)
    painter = Painter(tiny_kontext.config(), lambda config, below: loads.append(below) or last)
    told = failing(painter, MemoryError())
    draw(painter)

    assert "Send it again" not in told.hint
    assert "as small as the settings allow" in told.hint
    assert loads == [0, 0]


def test_on_a_lent_gpu_no_other_form_is_promised():
    def full(*_):
        raise MemoryError

    painter = Painter(tiny_config(), lambda config, below: LENT, borrow=lambda draw: full)
    with pytest.raises(OutOfMemory) as caught:
        draw(painter)

    assert "Send it again" not in caught.value.hint
    assert "KONTEXT_UI_DIFFUSERS_PRECISION" in caught.value.hint


def tiny_config():
    return EngineConfig(model="tiny", megapixels=0.01, steps=2)


@needs_torch
def test_after_running_out_the_memory_is_free_although_the_error_is_still_held():
    def full(*_, **__):
        raise MemoryError

    own = load(tiny_kontext.config(), 0)
    own.pipe.transformer.forward = full
    alive, pending = weakref.ref(own.pipe.transformer), [own]
    del own
    painter = Painter(tiny_kontext.config(), lambda config, below: pending.pop())
    with pytest.raises(OutOfMemory) as caught:
        draw(painter)

    assert caught.value.message
    assert alive() is None


def test_running_out_of_memory_is_known_by_class_and_by_word():
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 20 GB)"))
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"))
    assert not is_out_of_memory(RuntimeError("shape mismatch"))


@pytest.mark.parametrize(
    "said", [ASSERTED, "CUDA error: an illegal memory access was encountered", "HIP error: unspecified launch failure"]
)
def test_errors_that_stay_are_known_by_their_words(said):
    assert is_device_lost(RuntimeError(said))
    assert not is_device_lost(RuntimeError("CUDA error: invalid configuration argument"))
    assert not is_device_lost(ValueError(said))


@needs_torch
def test_a_gpu_that_is_lost_is_not_asked_again_and_the_person_is_told_to_restart(painter, loads, failing):
    told = failing(painter, RuntimeError(ASSERTED), UnexpectedAnswer)
    with pytest.raises(UnexpectedAnswer) as again:
        draw(painter)
    painter.free()

    assert "Restart the program" in told.hint
    assert again.value is told
    assert not told.may_retry
    assert loads == [0]


def test_a_lost_gpu_that_was_lent_is_not_lost_to_the_next_call():
    outcomes = [RuntimeError(ASSERTED), None]

    def lent(*_):
        if (error := outcomes.pop(0)) is not None:
            raise error
        return Drawn(np.zeros((8, 8, 3), np.uint8), 1.0, {})

    painter = Painter(tiny_config(), lambda config, below: LENT, borrow=lambda draw: lent)
    with pytest.raises(RuntimeError):
        draw(painter)

    assert draw(painter).shape == (8, 8, 3)


@needs_torch
async def test_with_a_lost_gpu_the_engine_is_not_ready_and_says_so(painter, loaded, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError(ASSERTED)

    monkeypatch.setattr(loaded.pipe.transformer, "forward", broken)
    now = [0.0]
    engine = DiffusersBackend(tiny_kontext.config(), painter, clock=lambda: now[0], check=lambda _: Readiness(True))
    wanted = EditRequest("make it red", Tier.LOCAL, "diffusers", input_image="d", parameters=Parameters(seed=1))
    task = EditTask("job", input_image=np.zeros((96, 112, 3), np.uint8))

    async def edit():
        return [event async for event in engine.edit(wanted, task)]

    with pytest.raises(UnexpectedAnswer):
        await asyncio.wait_for(edit(), WAIT_S)
    now[0] = 1e6
    ready = engine.check()
    await engine.aclose()

    assert not ready.ready
    assert "Restart the program" in ready.hint
