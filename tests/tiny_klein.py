"""A FLUX.2 [klein] pipeline of about a megabyte: the real classes, random weights, made without a download.

    python -m tests.tiny_klein FOLDER

Like :mod:`tests.tiny_kontext` it draws noise, and has the layout of the published weights.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from kontext_ui.backends.diffusers.config import EngineConfig

TEXT_WIDTH = 16
TEXT_LAYERS = 28
"""The pipeline reads the words' features after layers 9, 18 and 27."""
CHAT = "{% for message in messages %}<|im_start|>{{ message['content'] }}<|im_end|>{% endfor %}"


def make(folder: Path, seed: int = 0) -> Path:
    """Write the pipeline to ``folder`` unless it is there. The same seed gives the same weights."""
    if not (folder / "model_index.json").exists():
        pipeline(seed).save_pretrained(folder, safe_serialization=True)
    return folder


@functools.cache
def folder() -> Path:
    """One for this process; it goes when the process ends. Torch gets one thread, as beside the other tiny one."""
    import torch

    torch.set_num_threads(1)
    place = tempfile.mkdtemp(prefix="tiny_klein-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return make(Path(place))


def config(**fields: Any) -> EngineConfig:
    """Pictures of about 100 pixels a side."""
    small: dict[str, Any] = {"model": str(folder()), "megapixels": 0.01, "text_tokens": 32, "device": "cpu"}
    return EngineConfig(**{**small, **fields})


def pipeline(seed: int = 0) -> Any:
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler, Flux2KleinPipeline, Flux2Transformer2DModel

    torch.manual_seed(seed)
    encoder, tokenizer = _qwen()
    transformer = Flux2Transformer2DModel(
        patch_size=1,
        in_channels=128,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=3 * TEXT_WIDTH,
        timestep_guidance_channels=32,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=False,
    )
    scheduler = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    return Flux2KleinPipeline(
        scheduler=scheduler,
        vae=_autoencoder(),
        text_encoder=encoder,
        tokenizer=tokenizer,
        transformer=transformer.eval(),
        is_distilled=True,
    )


def _autoencoder() -> Any:
    """Eight times smaller each way, 32 channels: the published one's shape with a few channels inside."""
    from diffusers import AutoencoderKLFlux2

    return AutoencoderKLFlux2(
        layers_per_block=1, norm_num_groups=4, block_out_channels=(8, 8, 16, 16), mid_block_add_attention=False
    ).eval()


def _qwen() -> tuple[Any, Any]:
    """A byte-level vocabulary without merges: every letter is a token, so any text can be read."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import Qwen2TokenizerFast, Qwen3Config, Qwen3ForCausalLM

    words = [*sorted(ByteLevel.alphabet()), "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = Qwen2TokenizerFast(vocab={word: number for number, word in enumerate(words)}, merges=[])
    tokenizer.chat_template = CHAT
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=TEXT_WIDTH,
        intermediate_size=TEXT_WIDTH,
        num_hidden_layers=TEXT_LAYERS,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=512,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Qwen3ForCausalLM(config).eval(), tokenizer


if __name__ == "__main__":
    make(Path(sys.argv[1]))
