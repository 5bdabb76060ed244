"""Every trap of the library's pipeline, on a tiny one of the real classes: what it would do, and what we do."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil

import numpy as np
import pytest
from PIL import Image

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.diffusers import DiffusersBackend
from kontext_ui.backends.diffusers.config import Drawing
from kontext_ui.backends.diffusers.hands import KontextHand
from kontext_ui.backends.diffusers.loading import load
from kontext_ui.backends.diffusers.painter import Painter
from kontext_ui.backends.diffusers.preview import Previewer, fit_colours
from kontext_ui.edits import EditRequest, Parameters, Size, Tier
from kontext_ui.errors import EditCancelled, InvalidSetting, ModelNotInstalled, OutOfMemory
from kontext_ui.images.geometry import resized
from kontext_ui.models import kontext
from tests import tiny_kontext

pytestmark = pytest.mark.local
SIZE = Size(112, 96)
WAIT_S = 60.0
STEPS = 4


@pytest.fixture(scope="module")
def loaded():
    return load(tiny_kontext.config(), 0)


@pytest.fixture
def painter(loaded):
    return Painter(tiny_kontext.config(), lambda config, below: loaded)


def photo(size=SIZE):
    rows, columns = np.mgrid[0 : size.height, 0 : size.width]
    return np.stack([columns * 2, rows * 2, (rows * columns) % 256], axis=2).astype(np.uint8)


def drawing(size=SIZE, **fields):
    given = {"prompt": "make it red", "steps": STEPS, "guidance": 2.5, "seed": 7, "source": photo(size)}
    return Drawing(size=size, **{**given, **fields})


def draw(painter, wanted, tell=lambda _: None, stopped=lambda: False):
    return painter.draw(wanted, tell, stopped).pixels


def plain(loaded, size, **changed):
    """The library's own call with a picture and words, everything said."""
    import torch

    given = {
        "image": Image.fromarray(photo(size)),
        "prompt": "make it red",
        "width": size.width,
        "height": size.height,
        "max_area": size.width * size.height,
        "_auto_resize": False,
        "num_inference_steps": STEPS,
        "guidance_scale": 2.5,
        "max_sequence_length": 32,
        "generator": torch.Generator("cpu").manual_seed(7),
    }
    with torch.inference_mode():
        return np.asarray(loaded.pipe(**{**given, **changed}).images[0])


class Count:
    """Counts the calls of a method of a part of the pipeline, and can stop something after some of them."""

    def __init__(self, monkeypatch, part, name):
        self.calls = 0
        inner = getattr(part, name)

        def counted(*arguments, **named):
            self.calls += 1
            return inner(*arguments, **named)

        monkeypatch.setattr(part, name, counted)


@pytest.mark.parametrize("size", kontext.size_rule(0.01).sizes, ids=str)
def test_the_picture_has_the_size_that_was_asked_for(painter, size):
    assert draw(painter, drawing(size, steps=1)).shape == (size.height, size.width, 3)


def test_the_picture_is_the_librarys_own(painter, loaded):
    """Some CPUs round a value that lies on an edge the other way, since prompt and picture are encoded apart here."""
    expected = plain(loaded, Size(112, 96))

    first, again = draw(painter, drawing()), draw(painter, drawing())

    difference = np.abs(first.astype(int) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.001
    assert np.array_equal(first, again), "through both caches"


def test_another_guidance_draws_another_picture(painter):
    assert not np.array_equal(draw(painter, drawing()), draw(painter, drawing(guidance=3.5)))


def test_the_photo_may_have_another_shape_than_the_picture(painter):
    wide = drawing(Size(144, 64), source=photo(Size(64, 144)))

    assert draw(painter, wide).shape == (64, 144, 3)


def test_every_variant_can_be_drawn_again_alone_by_its_seed(painter):
    variants = [draw(painter, drawing(seed=seed)) for seed in (1, 2, 3)]

    assert not np.array_equal(variants[0], variants[1])
    assert np.array_equal(draw(painter, drawing(seed=2)), variants[1])


def test_words_alone_draw_a_picture_too(painter):
    assert not np.array_equal(draw(painter, drawing(source=None)), draw(painter, drawing()))


def test_a_reroll_reads_neither_words_nor_photo_again(painter, loaded, monkeypatch):
    draw(painter, drawing())
    encoders = [Count(monkeypatch, loaded.pipe, name) for name in ("_get_t5_prompt_embeds", "_encode_vae_image")]
    draw(painter, drawing(seed=8))
    assert [encoder.calls for encoder in encoders] == [0, 0]
    draw(painter, drawing(prompt="make it blue"))
    assert [encoder.calls for encoder in encoders] == [1, 0]
    draw(painter, drawing(source=photo() // 2))
    assert [encoder.calls for encoder in encoders] == [1, 1]


def test_every_step_is_told_in_order(painter):
    told = []
    draw(painter, drawing(), told.append)

    stages = [event.stage for event in told]
    assert stages == ["loading the model", "reading the instruction", *(f"step {n} of {STEPS}" for n in range(1, 5))]
    fractions = [event.fraction for event in told[1:]]
    assert fractions == sorted(fractions)
    assert fractions[-1] < 1


def test_previews_come_every_few_steps_and_draw_near_to_the_result(loaded):
    told = []
    painter = Painter(tiny_kontext.config(preview_every=3), lambda config, below: loaded)
    result = draw(painter, drawing(steps=12), told.append).astype(int)

    previews = {event.stage: event.preview for event in told if event.preview is not None}
    assert list(previews) == ["step 3 of 12", "step 6 of 12", "step 9 of 12"]
    errors = [np.abs(preview - result).mean() for preview in previews.values()]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.5 * errors[0]


def test_previews_change_nothing_about_the_result(loaded):
    results = []
    for every in (0, 1):
        painter = Painter(tiny_kontext.config(preview_every=every), lambda config, below: loaded)
        results.append(draw(painter, drawing()))

    assert np.array_equal(*results)


def test_a_preview_of_a_large_picture_is_small(loaded):
    told = []
    painter = Painter(tiny_kontext.config(preview_every=1), lambda config, below: loaded)
    draw(painter, drawing(Size(1024, 64), steps=3), told.append)

    assert [event.preview.shape for event in told if event.preview is not None] == [(32, 512, 3)]


def test_where_the_decoder_is_offloaded_previews_come_without_it(loaded, monkeypatch):
    """Latents that carry the colours, as the published decoder's do; the tiny one's are random."""
    import torch

    source = photo(Size(256, 192))
    small = resized(source, Size(32, 24))
    mix = torch.randn((3, 16), generator=torch.Generator().manual_seed(1))
    latents = (torch.from_numpy(small).float() / 255 @ mix - 0.3).permute(2, 0, 1)[None]
    decodes = Count(monkeypatch, loaded.pipe.vae, "decode")
    packed = loaded.pipe._pack_latents(latents, 1, 16, 24, 32)
    seen = Previewer(loaded.pipe, KontextHand(), Size(256, 192), 1, fit_colours(latents, source))._seen(packed)

    assert decodes.calls == 0
    assert np.abs(seen.astype(int) - small).mean() < 2


def test_the_offloaded_way_draws_with_those_previews(loaded):
    told = []
    offloaded = dataclasses.replace(loaded, rung=dataclasses.replace(loaded.rung, offload="model"))
    painter = Painter(tiny_kontext.config(preview_every=2), lambda config, below: offloaded)
    draw(painter, drawing(), told.append)
    draw(painter, drawing(source=None), told.append)

    assert [event.preview.shape for event in told if event.preview is not None] == [(12, 14, 3)]


def test_a_stop_ends_before_the_next_step_and_decodes_nothing(painter, loaded, monkeypatch):
    steps = Count(monkeypatch, loaded.pipe.transformer, "forward")
    decodes = Count(monkeypatch, loaded.pipe.vae, "decode")

    with pytest.raises(EditCancelled):
        draw(painter, drawing(steps=20), stopped=lambda: steps.calls >= 2)
    assert (steps.calls, decodes.calls) == (2, 0)


def test_after_a_stop_the_next_picture_is_as_if_nothing_had_been(painter):
    expected = draw(painter, drawing())
    stop_after = []
    with pytest.raises(EditCancelled):
        draw(painter, drawing(seed=99), stop_after.append, lambda: len(stop_after) > 2)

    assert np.array_equal(draw(painter, drawing()), expected)


def test_a_stop_does_not_leave_a_step_cache_behind_for_the_next_visitor():
    from diffusers import MagCacheConfig
    from diffusers.hooks.mag_cache import FLUX_MAG_RATIOS

    own = load(tiny_kontext.config(), 0)
    own.pipe.transformer.enable_cache(MagCacheConfig(mag_ratios=FLUX_MAG_RATIOS, num_inference_steps=12))
    painter = Painter(tiny_kontext.config(), lambda config, below: own)
    expected = draw(painter, drawing(steps=12))
    told = []
    with pytest.raises(EditCancelled):
        draw(painter, drawing(steps=12, seed=99), told.append, lambda: len(told) > 6)

    assert np.array_equal(draw(painter, drawing(steps=12)), expected)


async def test_many_at_once_share_the_pipeline_without_harm():
    backend = DiffusersBackend(tiny_kontext.config(steps=STEPS))

    async def edit(seed):
        request = EditRequest("make it red", Tier.LOCAL, "diffusers", input_image="d", parameters=Parameters(seed=seed))
        task = EditTask(f"job {seed}", owner=f"visitor {seed % 2}", input_image=photo())
        return [event async for event in backend.edit(request, task)][-1].result.pixels

    together = await asyncio.wait_for(asyncio.gather(*map(edit, (1, 2, 3))), WAIT_S)
    alone = [await asyncio.wait_for(edit(seed), WAIT_S) for seed in (1, 2, 3)]
    await backend.aclose()

    assert all(map(np.array_equal, together, alone))


def test_memory_given_back_is_taken_again_with_the_next_drawing(loaded):
    loads = []
    painter = Painter(tiny_kontext.config(), lambda config, below: loads.append(below) or loaded)
    expected = draw(painter, drawing())
    painter.free()

    assert len(painter.prompts) == len(painter.sources) == 0
    assert np.array_equal(draw(painter, drawing()), expected)
    assert loads == [0, 0]


def test_a_failure_nobody_foresaw_drops_the_pipeline(loaded, monkeypatch):
    loads = []
    painter = Painter(tiny_kontext.config(), lambda config, below: loads.append(below) or loaded)
    with monkeypatch.context() as patched:
        patched.setattr(loaded.pipe, "encode_prompt", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            draw(painter, drawing())
    draw(painter, drawing())

    assert loads == [0, 0]


def test_eight_bit_weights_draw_nearly_the_same(painter):
    coarse = Painter(tiny_kontext.config(precision="fp8"))
    difference = np.abs(draw(coarse, drawing()).astype(int) - draw(painter, drawing()))

    assert 0 < difference.mean() < 8


def test_the_record_says_what_decided_the_pixels(painter):
    record = painter.draw(drawing(), lambda _: None, lambda: False).record

    assert record["precision"] == "fp32"
    assert record["device"] == "cpu"
    assert record["model"].endswith(tiny_kontext.folder().name)


@pytest.mark.parametrize("fields", [{"device": "cuda:7"}, {"offload": "model"}, {"offload": "group"}], ids=str)
def test_what_the_machine_cannot_do_is_said_before_it_is_tried(fields):
    with pytest.raises(InvalidSetting) as caught:
        load(tiny_kontext.config(**fields), 0)

    assert caught.value.hint.endswith(".")


def test_a_lent_gpu_is_not_looked_for_before_it_is_lent():
    with pytest.raises((RuntimeError, AssertionError), match=r"(?i)cuda|nvidia"):
        load(tiny_kontext.config(lent=True), 0)  # it goes to the GPU that is not here, without asking for it first


def test_the_last_form_is_tried_again_however_often_memory_ran_out():
    assert load(tiny_kontext.config(), 5).rung.name == "fp32"


def test_weights_that_no_form_of_fits_are_not_tried(tmp_path):
    huge = shutil.copytree(tiny_kontext.folder(), tmp_path / "huge")
    with (huge / "transformer" / "diffusion_pytorch_model.safetensors").open("r+b") as file:
        file.truncate(4_000_000_000_000)  # sparse: takes no room

    with pytest.raises(OutOfMemory, match="do not fit"):
        load(tiny_kontext.config(model=str(huge)), 0)


def test_weights_that_cannot_be_read_are_named(tmp_path):
    broken = shutil.copytree(tiny_kontext.folder(), tmp_path / "broken")
    (broken / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"not weights")

    with pytest.raises(ModelNotInstalled, match="cannot be read"):
        load(dataclasses.replace(tiny_kontext.config(), model=str(broken)), 0)


def test_weights_that_are_not_there_are_never_fetched_unasked():
    with pytest.raises(ModelNotInstalled) as caught:
        load(tiny_kontext.config(model="nobody/never-fetched"), 0)

    assert "HF_TOKEN" in caught.value.hint
