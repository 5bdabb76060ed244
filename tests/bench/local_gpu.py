"""What the engine and its settings make of the library's own call on a GPU, with a model of the published size.

The weights are random, in the shapes of FLUX.1 Kontext [dev]: seconds and memory are those of the real model, pictures
are noise. So the PSNR of a setting says whether it computes the same, not whether an eye would see the difference;
``--folder`` measures that with real weights.
"""

from __future__ import annotations

import dataclasses
import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image

from kontext_ui.backends.diffusers import levers
from kontext_ui.backends.diffusers.config import Drawing, EngineConfig
from kontext_ui.backends.diffusers.loading import Loaded, load
from kontext_ui.backends.diffusers.memory import EXPLICIT, PRECISIONS, Rung
from kontext_ui.backends.diffusers.painter import Painter
from kontext_ui.edits import Size
from kontext_ui.errors import KontextError
from kontext_ui.models import kontext
from tests import tiny_kontext

WORDS = "make it red"
SEED = 7
STEPS = 28
EDITS = 3
WAYS: dict[str, dict[str, Any]] = {
    "8-bit weights": {"precision": "fp8"},
    "attention of cuDNN": {"attention": "_native_cudnn"},
    "attention flash": {"attention": "flash"},
    "step cache": {"cache": "first-block"},
    "compiled": {"compile": True},
}
Load = Callable[[EngineConfig, int], Loaded]


def full_size(device: str) -> Any:
    """A pipeline of the published shapes; words are read by the tiny pipeline's tokenizers."""
    import torch
    from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxKontextPipeline, FluxTransformer2DModel
    from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

    (_, clip_words), (_, t5_words) = tiny_kontext._clip(), tiny_kontext._t5()
    clip = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    t5 = {"d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24, "num_heads": 64}
    ends = {"bos_token_id": clip_words.bos_token_id, "eos_token_id": clip_words.eos_token_id}
    torch.manual_seed(0)
    with torch.device(device), _numbers(torch.bfloat16):
        return FluxKontextPipeline(
            scheduler=FlowMatchEulerDiscreteScheduler(
                use_dynamic_shifting=True, shift=3.0, base_shift=0.5, max_shift=1.15
            ),
            vae=AutoencoderKL(
                latent_channels=16,
                layers_per_block=2,
                down_block_types=["DownEncoderBlock2D"] * 4,
                up_block_types=["UpDecoderBlock2D"] * 4,
                block_out_channels=[128, 256, 512, 512],
                use_quant_conv=False,
                use_post_quant_conv=False,
                scaling_factor=0.3611,
                shift_factor=0.1159,
            ).eval(),
            text_encoder=CLIPTextModel(CLIPTextConfig(vocab_size=49408, projection_dim=768, **clip, **ends)).eval(),
            tokenizer=clip_words,
            text_encoder_2=T5EncoderModel(T5Config(vocab_size=32128, feed_forward_proj="gated-gelu", **t5)).eval(),
            tokenizer_2=t5_words,
            transformer=FluxTransformer2DModel(guidance_embeds=True).eval(),
        )


@contextmanager
def _numbers(dtype: Any) -> Iterator[None]:
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def random_loader(device: str, make: Callable[[str], Any] = full_size) -> Load:
    """In place of :func:`load`: the same settings on weights that are on no disk."""

    def loaded(config: EngineConfig, below: int) -> Loaded:
        import torch

        pipe = make(device)
        pipe.set_progress_bar_config(disable=True)
        name = "bf16" if config.precision == "auto" else config.precision
        if name == "fp8":
            pipe.transformer.enable_layerwise_casting(
                storage_dtype=torch.float8_e4m3fn, compute_dtype=pipe.transformer.dtype
            )
        levers.quicken(pipe, config)
        precision = next(each for each in (*PRECISIONS, *EXPLICIT) if each.name == name)
        return Loaded(pipe, device, Rung(precision, "none", 0.0), "random")

    return loaded


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """In decibels; infinite for the same pixels."""
    error = float(((one.astype(float) - other) ** 2).mean())
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def timed(draw: Callable[[], np.ndarray], edits: int) -> tuple[float, np.ndarray]:
    """Median seconds after one that warms up, and the picture. It is on the processor, so the GPU has ended."""
    picture, seconds = draw(), []
    for _ in range(edits):
        started = time.perf_counter()
        picture = draw()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), picture


def plain(painter: Painter, drawing: Drawing, tokens: int) -> Callable[[], np.ndarray]:
    """The library's own call on the same pipeline, words and photo read anew as it does."""
    import torch

    def draw() -> np.ndarray:
        with torch.inference_mode():
            answer = painter._loaded.pipe(
                image=Image.fromarray(drawing.source),
                prompt=drawing.prompt,
                width=drawing.size.width,
                height=drawing.size.height,
                max_area=drawing.size.width * drawing.size.height,
                _auto_resize=False,
                num_inference_steps=drawing.steps,
                guidance_scale=drawing.guidance,
                max_sequence_length=tokens,
                generator=torch.Generator("cpu").manual_seed(drawing.seed),
            )
        return np.asarray(answer.images[0])

    return draw


def engine(painter: Painter, drawing: Drawing) -> Callable[[], np.ndarray]:
    def draw() -> np.ndarray:
        painter.prompts.clear()  # so that both read the words and the photo
        painter.sources.clear()
        return painter.draw(drawing, lambda _: None, lambda: False).pixels

    return draw


def report(config: EngineConfig, loader: Load, size: Size, edits: int) -> None:
    photo = np.random.default_rng(0).integers(0, 255, (size.height, size.width, 3), np.uint8)
    drawing = Drawing(WORDS, size, config.steps or kontext.STEPS, kontext.GUIDANCE, SEED, photo)
    painter = Painter(config, loader)
    painter.preload()
    tokens = painter._text_tokens(painter._loaded)
    base_s, base = timed(plain(painter, drawing, tokens), edits)
    own_s, own = timed(engine(painter, drawing), edits)
    print(f"plain FluxKontextPipeline call      {base_s:8.3f} s  {_peak()}")
    print(f"the engine's edit                   {own_s:8.3f} s  ({own_s / base_s:.3f} of plain, {_db(own, base)})")
    again_s, _ = timed(lambda: painter.draw(drawing, lambda _: None, lambda: False).pixels, edits)
    print(f"the same, words and photo kept      {again_s:8.3f} s  ({again_s / base_s:.3f} of plain)")
    painter.free()
    for name, fields in WAYS.items():
        way = Painter(dataclasses.replace(config, **fields), loader)
        print(f"{name:36}{_way(way, drawing, edits, base_s, base)}")
        way.free()
        gc.collect()


def _way(painter: Painter, drawing: Drawing, edits: int, base_s: float, base: np.ndarray) -> str:
    from diffusers.models.attention_dispatch import attention_backend

    try:
        with attention_backend("native"):  # the library keeps a choice for all pipelines; this gives it back
            seconds, picture = timed(engine(painter, drawing), edits)
    except (KontextError, RuntimeError, ImportError, TypeError) as error:
        return f"not here: {str(error).splitlines()[0][:70]}"
    return f"{seconds:8.3f} s  ({seconds / base_s:.3f} of plain, {_db(picture, base)})  {_peak()}"


def _db(one: np.ndarray, other: np.ndarray) -> str:
    if not other.std():
        return "flat pictures, so no PSNR"
    return f"PSNR {psnr(one, other):.1f} dB"


def _peak() -> str:
    """Since it was asked the last time."""
    import torch

    if not torch.cuda.is_available():
        return ""
    peak = torch.cuda.max_memory_allocated() / 1e9
    torch.cuda.reset_peak_memory_stats()
    return f"peak {peak:.1f} GB"


def measure(folder: str | None, steps: int, edits: int) -> None:
    import torch

    config = EngineConfig(model=folder or "random weights", steps=steps, preview_every=0, device="cuda")
    print(f"\n{torch.cuda.get_device_name(0)}, 1024x1024, {steps} steps, {'real' if folder else 'random'} weights")
    report(config, load if folder else random_loader("cuda"), Size(1024, 1024), edits)
