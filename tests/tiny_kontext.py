"""A FLUX.1 Kontext pipeline of about one megabyte: the real classes, random weights, made without a download.

    python -m tests.tiny_kontext FOLDER

The folder has the layout of the published weights, so it is loaded by the very path that those take.
What it draws is noise: it tests the engine around the model, not the model.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kontext_ui.backends.diffusers.config import EngineConfig
from kontext_ui.backends.diffusers.machine import PACKAGES

AVAILABLE = all(find_spec(name) is not None for name in PACKAGES)
"""Whether the packages of requirements-local.txt are here."""
TEXT_WIDTH = 32
TRAINED = Path(__file__).parent / "data" / "trained_kontext"
"""A somewhat larger one that follows a few instructions: see :mod:`tests.train_tiny_kontext`."""


def make(folder: Path, seed: int = 0) -> Path:
    """Write the pipeline to ``folder`` unless it is there. The same seed gives the same weights."""
    if not (folder / "model_index.json").exists():
        pipeline(seed).save_pretrained(folder, safe_serialization=True)
    return folder


@functools.cache
def folder() -> Path:
    """One for this process; it goes when the process ends.

    Torch gets one thread: test processes share few cores, and pools of waiting threads would slow them all.
    """
    import torch

    torch.set_num_threads(1)
    place = tempfile.mkdtemp(prefix="tiny_kontext-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return make(Path(place))


def config(**fields: Any) -> EngineConfig:
    """Pictures of about 100 pixels a side in two steps: some hundredths of a second each."""
    small: dict[str, Any] = {"model": str(folder()), "megapixels": 0.01, "steps": 2, "text_tokens": 32, "device": "cpu"}
    return EngineConfig(**{**small, **fields})


def pipeline(seed: int = 0) -> Any:
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxKontextPipeline, FluxTransformer2DModel

    torch.manual_seed(seed)
    clip, clip_tokenizer = _clip()
    t5, t5_tokenizer = _t5()
    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=64,
        num_layers=2,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=TEXT_WIDTH,
        pooled_projection_dim=TEXT_WIDTH,
        guidance_embeds=True,
        axes_dims_rope=(4, 6, 6),
    )
    scheduler = FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True,
        shift=3.0,
        base_shift=0.5,
        max_shift=1.15,
        base_image_seq_len=256,
        max_image_seq_len=4096,
    )
    return FluxKontextPipeline(
        scheduler=scheduler,
        vae=_autoencoder(),
        text_encoder=clip,
        tokenizer=clip_tokenizer,
        text_encoder_2=t5,
        tokenizer_2=t5_tokenizer,
        transformer=transformer.eval(),
    )


def _autoencoder() -> Any:
    """Eight times smaller each way, 16 channels: the published one's shape with a few channels inside."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        latent_channels=16,
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        block_out_channels=[8, 8, 16, 16],
        mid_block_add_attention=True,
        sample_size=1024,
        use_quant_conv=False,
        use_post_quant_conv=False,
        scaling_factor=0.3611,
        shift_factor=0.1159,
    ).eval()


def _clip() -> tuple[Any, Any]:
    """A byte-level vocabulary without merges: every letter is a token, so any text can be read."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    letters = sorted(ByteLevel.alphabet())
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={word: number for number, word in enumerate(words)}, merges=[], model_max_length=77)
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=TEXT_WIDTH,
        intermediate_size=2 * TEXT_WIDTH,
        projection_dim=TEXT_WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=77,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config).eval(), tokenizer


def _t5() -> tuple[Any, Any]:
    """Pieces for printable ASCII; anything else is unknown."""
    from transformers import T5Config, T5EncoderModel, T5Tokenizer

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -2.0)]
    pieces += [(chr(code), -3.0) for code in range(33, 127)]
    tokenizer = T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=512)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=TEXT_WIDTH,
        d_kv=8,
        d_ff=2 * TEXT_WIDTH,
        num_layers=1,
        num_heads=2,
        feed_forward_proj="gated-gelu",
        pad_token_id=0,
        eos_token_id=1,
        is_encoder_decoder=False,
    )
    return T5EncoderModel(config).eval(), tokenizer


if __name__ == "__main__":
    make(Path(sys.argv[1]))
