"""Trains a tiny FLUX.1 Kontext that visibly follows a few instructions, on a processor, in some minutes.

    python -m tests.train_tiny_kontext tests/data/trained_kontext

The real classes with few numbers inside: an autoencoder that halves the sides, and a transformer of two
million parameters. It recolours pictures of 32 to 100 pixels a side: "make it red", "make it green", "make it
blue", "make it darker", "make it brighter". Other words do nothing sensible. It exists so that a person's
edit can be tested from the page to the pixels and be seen; it is no model to use.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import mse_loss

from tests import tiny_kontext

SIDE = 32
"""Pixels; trained on one size only, it does well up to three times that."""
BATCH = 24
WORDS = 16
"""Tokens to which instructions are filled up; the tokenizer that is stored says so too."""
RATE = 1.5e-3
LUMA = torch.tensor([0.3, 0.59, 0.11]).view(1, 3, 1, 1)


def tint(channel: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """The picture's lightness, strong in one channel and weak in the others."""

    def apply(pictures: torch.Tensor) -> torch.Tensor:
        light = ((pictures * LUMA).sum(1, keepdim=True) + 1) / 2
        strengths = torch.full((1, 3, 1, 1), 0.4)
        strengths[0, channel] = 2.0
        return light * strengths - 1

    return apply


EDITS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "make it red": tint(0),
    "make it green": tint(1),
    "make it blue": tint(2),
    "make it darker": lambda pictures: pictures * 0.5 - 0.5,
    "make it brighter": lambda pictures: pictures * 0.5 + 0.5,
}


def pictures(random: np.random.Generator, count: int) -> torch.Tensor:
    """Colour gradients with one to three flat discs and boxes, -1..1."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    drawn = np.zeros((count, 3, SIDE, SIDE), np.float32)
    for picture in drawn:
        picture += random.uniform(-1, 1, (3, 1, 1)) + random.uniform(-0.5, 0.5, (3, 1, 1)) * (columns - 0.5)
        picture += random.uniform(-0.5, 0.5, (3, 1, 1)) * (rows - 0.5)
        for _ in range(random.integers(1, 4)):
            x, y, radius = random.uniform(0, 1, 3) * (1, 1, 0.4)
            disc = (columns - x) ** 2 + (rows - y) ** 2 < radius**2
            box = (abs(columns - x) < radius) & (abs(rows - y) < radius * 0.7)
            picture[:, disc if random.random() < 0.5 else box] = random.uniform(-1, 1, (3, 1))
    return torch.from_numpy(drawn.clip(-1, 1))


def train_autoencoder(random: np.random.Generator, steps: int) -> Any:
    """Sixteen channels hold a block of two by two colours with room to spare, so it learns fast."""
    from diffusers import AutoencoderKL

    vae = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        latent_channels=16,
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2,
        block_out_channels=[16, 32],
        mid_block_add_attention=False,
        use_quant_conv=False,
        use_post_quant_conv=False,
        scaling_factor=1.0,
        shift_factor=0.0,
        sample_size=64,
    )
    optimiser = torch.optim.AdamW(vae.parameters(), 2e-3)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * (0.55 + 0.45 * math.cos(math.pi * step / steps))
        batch = pictures(random, BATCH)
        latents = vae.encode(batch).latent_dist.mode()
        loss = mse_loss(vae.decode(latents).sample, batch) + 1e-4 * latents.pow(2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        tell("autoencoder", step, loss)
    vae.requires_grad_(False).eval()
    latents = vae.encode(pictures(random, 64)).latent_dist.mode()
    vae.register_to_config(scaling_factor=1 / latents.std().item(), shift_factor=latents.mean().item())
    return vae


def untrained(vae: Any) -> Any:
    """The pipeline around a trained autoencoder."""
    from diffusers import FluxKontextPipeline, FluxTransformer2DModel

    parts = tiny_kontext.pipeline().components
    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=64,
        num_layers=2,
        num_single_layers=2,
        attention_head_dim=32,
        num_attention_heads=4,
        joint_attention_dim=tiny_kontext.TEXT_WIDTH,
        pooled_projection_dim=tiny_kontext.TEXT_WIDTH,
        guidance_embeds=True,
        axes_dims_rope=(8, 12, 12),
    )
    parts["tokenizer_2"].model_max_length = WORDS
    return FluxKontextPipeline(**{**parts, "vae": vae, "transformer": transformer})


class Lesson:
    """What stays the same from step to step: words, positions, and how pictures become tokens."""

    def __init__(self, pipe: Any) -> None:
        self.pipe = pipe
        self.words = list(EDITS)
        fill = {"padding": "max_length", "truncation": True, "return_tensors": "pt"}
        self.clip_ids = pipe.tokenizer(self.words, max_length=77, **fill).input_ids
        self.t5_ids = pipe.tokenizer_2(self.words, max_length=WORDS, **fill).input_ids
        here = pipe._prepare_latent_image_ids(1, SIDE // 4, SIDE // 4, "cpu", torch.float32)
        there = here.clone()
        there[:, 0] = 1  # the photo's tokens
        self.positions = torch.cat([here, there])

    def tokens(self, batch: torch.Tensor) -> torch.Tensor:
        config = self.pipe.vae.config
        latents = (self.pipe.vae.encode(batch).latent_dist.mode() - config.shift_factor) * config.scaling_factor
        return self.pipe._pack_latents(latents, len(latents), 16, SIDE // 2, SIDE // 2)

    def loss(self, random: np.random.Generator) -> torch.Tensor:
        """Of one batch: how far the foretold flow is from noise to the edited picture's latents."""
        before, picked = pictures(random, BATCH), random.integers(0, len(self.words), BATCH)
        after = torch.cat([EDITS[self.words[k]](before[i : i + 1]).clamp(-1, 1) for i, k in enumerate(picked)])
        with torch.no_grad():
            source, target = self.tokens(before), self.tokens(after)
        noise, time = torch.randn_like(target), torch.sigmoid(torch.randn(BATCH))
        time = 1.6 * time / (1 + 0.6 * time)
        mixed = torch.lerp(target, noise, time[:, None, None])
        flow = self.pipe.transformer(
            hidden_states=torch.cat([mixed, source], 1),
            timestep=time,
            guidance=torch.full((BATCH,), 2.5),
            pooled_projections=self.pipe.text_encoder(self.clip_ids).pooler_output[picked],
            encoder_hidden_states=self.pipe.text_encoder_2(self.t5_ids)[0][picked],
            txt_ids=torch.zeros(WORDS, 3),
            img_ids=self.positions,
            return_dict=False,
        )[0][:, : mixed.shape[1]]
        return mse_loss(flow, noise - target)


def train(random: np.random.Generator, pipe: Any, steps: int) -> None:
    lesson = Lesson(pipe)
    learning = [pipe.transformer, pipe.text_encoder, pipe.text_encoder_2]
    weights = [weight for part in learning for weight in part.train().parameters()]
    optimiser = torch.optim.AdamW(weights, RATE, weight_decay=0.01)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1, step / 50) * (0.5 + 0.5 * math.cos(math.pi * step / steps)) + 1e-5
        loss = lesson.loss(random)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        tell("model", step, loss)
    for part in learning:
        part.eval()


def tell(what: str, step: int, loss: torch.Tensor) -> None:
    if step % 50 == 49:
        sys.stdout.write(f"{what}, step {step + 1}: loss {loss.item():.4f}\n")
        sys.stdout.flush()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--autoencoder-steps", type=int, default=700)
    options.add_argument("--steps", type=int, default=700)
    options.add_argument("--threads", type=int, default=0)
    given = options.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    pipe = untrained(train_autoencoder(random, given.autoencoder_steps))
    train(random, pipe, given.steps)
    pipe.to(dtype=torch.float16).save_pretrained(given.folder, safe_serialization=True)


if __name__ == "__main__":
    main()
