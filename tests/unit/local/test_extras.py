"""A LoRA, GGUF weights and what promises speed: on a tiny pipeline, from files that the test makes."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest

from kontext_ui.backends.diffusers import config_of, extras, levers, weights
from kontext_ui.backends.diffusers.checks import readiness
from kontext_ui.backends.diffusers.config import Drawing, EngineConfig
from kontext_ui.backends.diffusers.loading import load
from kontext_ui.backends.diffusers.memory import choose
from kontext_ui.backends.diffusers.painter import Painter
from kontext_ui.edits import Size
from kontext_ui.errors import InvalidSetting, ModelNotInstalled
from tests import tiny_kontext

SIZE = Size(112, 96)


@pytest.fixture(scope="module")
def lora(tmp_path_factory):
    """A LoRA for the tiny pipeline that changes what it draws."""
    from diffusers import FluxKontextPipeline
    from peft import LoraConfig, get_peft_model_state_dict

    transformer = tiny_kontext.pipeline().transformer
    transformer.add_adapter(LoraConfig(r=4, init_lora_weights=False, target_modules=["to_q", "to_k", "to_v"]))
    folder = tmp_path_factory.mktemp("lora")
    FluxKontextPipeline.save_lora_weights(folder, transformer_lora_layers=get_peft_model_state_dict(transformer))
    return folder / "pytorch_lora_weights.safetensors"


@pytest.fixture(scope="module")
def gguf(tmp_path_factory):
    """The tiny transformer's own weights with eight bits each, where their shape allows it."""
    from gguf import GGMLQuantizationType, GGUFWriter, quants

    file = tmp_path_factory.mktemp("gguf") / "tiny-Q8_0.gguf"
    writer = GGUFWriter(file, "flux")
    for name, tensor in tiny_kontext.pipeline().transformer.state_dict().items():
        values, kind = tensor.float().numpy(), GGMLQuantizationType.F32
        if values.ndim == 2 and values.shape[1] % 32 == 0 and "norm" not in name:
            kind = GGMLQuantizationType.Q8_0
            values = quants.quantize(values, kind)
        writer.add_tensor(name, values, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def draw(config):
    rows, columns = np.mgrid[0 : SIZE.height, 0 : SIZE.width]
    photo = np.stack([columns * 2, rows * 2, (rows * columns) % 256], axis=2).astype(np.uint8)
    drawing = Drawing("make it red", SIZE, steps=2, guidance=2.5, seed=7, source=photo)
    return Painter(config).draw(drawing, lambda _: None, lambda: False)


def pixels(**fields):
    return draw(tiny_kontext.config(**fields)).pixels.astype(int)


@pytest.mark.local
def test_a_lora_changes_the_picture_by_its_weight_and_is_told_in_the_record(lora):
    plain = pixels()
    full = draw(tiny_kontext.config(lora=str(lora)))
    half, none = (pixels(lora=str(lora), lora_weight=weight) for weight in (0.5, 0.0))

    changed = np.abs(full.pixels - plain).mean()
    assert changed > np.abs(half - plain).mean() > 0
    assert np.array_equal(none, plain)
    assert full.record["lora"] == "pytorch_lora_weights.safetensors × 1"


@pytest.mark.local
def test_a_lora_becomes_part_of_the_weights_so_that_steps_cost_what_they_did(lora):
    plain, own = (load(tiny_kontext.config(lora=name), 0).pipe.transformer for name in ("", str(lora)))

    assert [type(module) for module in own.modules()] == [type(module) for module in plain.modules()]


@pytest.mark.local
def test_where_weights_must_stay_as_they_are_the_lora_works_beside_them(lora):
    fused = load(tiny_kontext.config(lora=str(lora), lora_weight=0.5), 0).pipe.transformer
    loaded = load(tiny_kontext.config(), 0)
    config = tiny_kontext.config(lora=str(lora), lora_weight=0.5)
    levers.add_lora(loaded.pipe, lora, config, fuse=False)
    layer = loaded.pipe.transformer.transformer_blocks[0].attn.to_q

    expected = fused.transformer_blocks[0].attn.to_q.weight - layer.base_layer.weight
    beside = (layer.lora_B["setting"].weight @ layer.lora_A["setting"].weight) * layer.scaling["setting"]
    assert np.allclose(expected.detach().numpy(), beside.detach().numpy(), atol=1e-5)


@pytest.mark.local
@pytest.mark.parametrize("kind", ["of another model", "of another size", "no weights"])
def test_a_lora_that_does_not_fit_is_named(tmp_path, lora, kind):
    from safetensors.torch import load_file, save_file

    file = tmp_path / "wrong.safetensors"
    own = load_file(lora)
    if kind == "of another model":
        save_file({name.replace("transformer.", "unet.", 1): tensor for name, tensor in own.items()}, file)
    elif kind == "of another size":
        save_file({name: tensor.repeat(2, 2) for name, tensor in own.items()}, file)
    else:
        file.write_bytes(b"not weights")

    with pytest.raises(ModelNotInstalled, match="cannot be applied to this model"):
        load(tiny_kontext.config(lora=str(file)), 0)


@pytest.mark.local
def test_weights_in_gguf_draw_nearly_the_same_and_the_folders_own_are_not_needed(gguf, tmp_path):
    slim = shutil.copytree(tiny_kontext.folder(), tmp_path / "slim")
    (slim / "transformer" / "diffusion_pytorch_model.safetensors").unlink()
    config = tiny_kontext.config(model=str(slim), gguf=str(gguf), precision="gguf")
    drawn = draw(config)

    assert 0 < np.abs(drawn.pixels - pixels()).mean() < 8
    assert (drawn.record["precision"], drawn.record["gguf"]) == ("gguf", "tiny-Q8_0.gguf")
    assert readiness(config).ready
    assert not readiness(dataclasses.replace(config, gguf="", precision="auto")).ready


@pytest.mark.local
def test_a_gguf_file_that_cannot_be_read_is_named(tmp_path):
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF but no more")

    with pytest.raises(ModelNotInstalled, match=r"broken\.gguf cannot be read"):
        load(tiny_kontext.config(gguf=str(file), precision="gguf"), 0)


@pytest.mark.local
def test_memory_is_reckoned_with_the_file_that_is_loaded(gguf):
    sizes = extras.sizes_gb(EngineConfig(gguf=str(gguf)), tiny_kontext.folder())

    assert sizes["transformer"] == gguf.stat().st_size / 1e9
    assert sizes["vae"] == weights.sizes_gb(tiny_kontext.folder())["vae"]
    (way,) = choose(24.0, "cuda", precision="gguf", offload="model", sizes_gb={"transformer": 12.6})
    assert way.needs_gb == pytest.approx(15.6)


def extra(name, suffix=".safetensors"):
    return extras.Extra("The LoRA", "A_SETTING", name, suffix, "peft")


def test_a_file_or_a_folder_with_one_such_file_is_found(tmp_path):
    file = tmp_path / "one.safetensors"
    file.touch()
    (tmp_path / "readme.md").touch()

    assert extra(str(file)).locate() == extra(str(tmp_path)).locate() == file
    assert extra(str(tmp_path / "readme.md")).locate() is None
    (tmp_path / "two.safetensors").touch()
    assert extra(str(tmp_path)).locate() is None


@pytest.mark.parametrize(
    ("name", "fetched"),
    [
        ("nobody/never-fetched/a.safetensors", True),
        ("nobody/never-fetched/deep/a.safetensors", True),
        ("nobody/never-fetched", False),
        ("/nowhere/at/a.safetensors", False),
        ("./here/at/a.safetensors", False),
    ],
)
def test_what_is_not_here_says_how_to_get_it(name, fetched):
    assert extra(name).locate() is None
    told = extra(name).not_there()

    assert name in told.message
    assert "A_SETTING" in told.hint
    assert ("doctor --download" in told.hint) is fetched
    with pytest.raises(ModelNotInstalled):
        extra(name).found_or_fetched(EngineConfig())


def test_nothing_is_asked_of_the_hub_for_a_path():
    with pytest.raises(ModelNotInstalled, match="is not on this machine"):
        extra("/nowhere/at/a.safetensors").fetch(None)


def test_what_a_setting_lacks_is_said_before_the_model_is_loaded(tmp_path):
    file = tmp_path / "a.safetensors"
    config = EngineConfig(lora=str(file))

    assert "pip install peft" in extras.lacking(config, lambda name: name != "peft").hint
    assert "is not on this machine" in extras.lacking(config, lambda _: True).message
    assert extras.lacking(dataclasses.replace(config, download=True), lambda _: True) is None
    file.touch()
    assert extras.lacking(config, lambda _: True) is None
    assert "pip install gguf" in extras.lacking(EngineConfig(gguf="a.gguf"), lambda _: False).hint


class RecordingPipe:
    """Takes down what is asked of its transformer; it has one other attention."""

    def __init__(self):
        self.asked = []
        self.transformer = self

    def set_attention_backend(self, name):
        if name != "flash":
            raise ValueError(f"{name} must be one of the following: flash")
        self.asked.append(name)

    def compile_repeated_blocks(self, **how):
        self.asked.append(how)


def test_nothing_is_compiled_and_the_attention_is_torchs_own_unless_a_setting_says_so(make_settings):
    pipe = RecordingPipe()
    levers.quicken(pipe, config_of(make_settings()))
    assert pipe.asked == []

    levers.quicken(pipe, config_of(make_settings(diffusers_compile=True, diffusers_attention="flash")))
    assert pipe.asked == ["flash", {"dynamic": True}]


def test_an_attention_that_is_not_here_is_a_wrong_setting(make_settings):
    with pytest.raises(InvalidSetting, match=r"KONTEXT_UI_DIFFUSERS_ATTENTION is teleport.*flash"):
        levers.quicken(RecordingPipe(), config_of(make_settings(diffusers_attention="teleport")))


def test_on_a_lent_gpu_nothing_can_be_compiled(make_settings):
    config = dataclasses.replace(config_of(make_settings(diffusers_compile=True)), lent=True)

    with pytest.raises(InvalidSetting, match="KONTEXT_UI_DIFFUSERS_COMPILE"):
        levers.quicken(RecordingPipe(), config)


@pytest.mark.local
def test_the_library_has_the_methods_that_the_settings_call():
    from diffusers.models.attention_dispatch import attention_backend

    torchs_own = draw(tiny_kontext.config())
    with attention_backend("native"):  # gives the old choice back, which the library keeps for all pipelines
        same = draw(tiny_kontext.config(attention="_native_math"))

    assert np.abs(same.pixels.astype(int) - torchs_own.pixels).max() <= 1
    assert same.record["attention"] == "_native_math"
    from diffusers import FluxTransformer2DModel

    assert callable(FluxTransformer2DModel.compile_repeated_blocks)
    assert FluxTransformer2DModel._repeated_blocks


def calls_of_the_last_block(painter, steps=12):
    """The picture, and how often the block behind the first ones was asked for it."""
    painter.preload()
    calls = []
    handle = painter._loaded.pipe.transformer.single_transformer_blocks[-1].attn.register_forward_hook(
        lambda *_: calls.append(1)
    )
    source = np.full((SIZE.height, SIZE.width, 3), 90, np.uint8)
    wanted = Drawing("make it red", SIZE, steps=steps, guidance=2.5, seed=7, source=source)
    drawn = painter.draw(wanted, lambda _: None, lambda: False)
    handle.remove()
    return drawn, len(calls)


@pytest.mark.local
def test_a_step_cache_leaves_work_out_and_is_told_in_the_record():
    plain, every = calls_of_the_last_block(Painter(tiny_kontext.config()))
    cached = Painter(tiny_kontext.config(cache="first-block", cache_threshold=0.5))
    drawn, fewer = calls_of_the_last_block(cached)

    assert every == 12
    assert 0 < fewer < every
    assert drawn.record["cache"] == "first-block 0.5"
    assert "cache" not in plain.record
    assert np.abs(drawn.pixels.astype(int) - plain.pixels).mean() < 16
    assert np.array_equal(calls_of_the_last_block(cached)[0].pixels, drawn.pixels), "nothing is left of the last edit"


@pytest.mark.local
def test_a_step_cache_that_may_leave_nothing_out_draws_the_same():
    plain, _ = calls_of_the_last_block(Painter(tiny_kontext.config()))
    drawn, calls = calls_of_the_last_block(Painter(tiny_kontext.config(cache="first-block", cache_threshold=0.0)))

    assert calls == 12
    assert np.array_equal(drawn.pixels, plain.pixels)


def test_a_step_cache_is_off_unless_a_setting_says_so(make_settings):
    assert config_of(make_settings()).cache == ""
    assert config_of(make_settings(diffusers_cache="first-block")).cache == "first-block"


@pytest.mark.local
def test_a_step_cache_does_not_go_with_layers_that_are_fetched_in_turn(make_settings):
    config = config_of(make_settings(diffusers_cache="first-block", diffusers_offload="group"))

    with pytest.raises(InvalidSetting, match="KONTEXT_UI_DIFFUSERS_CACHE"):
        levers.quicken(RecordingPipe(), config)
