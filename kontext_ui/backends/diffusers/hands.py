"""How each family's pipeline is called: reading the words, reading the photo, drawing, and looking at half a picture.

Everything here runs on the owner's thread. The library falls back to sizes, steps and guidance of its own unless all
of them are given, and crops and shrinks pictures that do not fit: so pictures arrive here in sizes that fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from kontext_ui.backends.diffusers.config import Drawing
from kontext_ui.backends.diffusers.families import Weights
from kontext_ui.edits import Pixels, Size


class Hand(Protocol):
    """``tokens`` is the length to which the words are padded; tensors of words and photos are in main memory."""

    def text_tokens(self, pipe: Any, wanted: int) -> int: ...

    def read(self, pipe: Any, device: str, prompt: str, tokens: int) -> tuple[Any, ...]: ...

    def look(self, pipe: Any, device: str, pixels: Pixels) -> Any:
        """The photo's latents; ``None`` where the pipeline only takes pictures."""

    def draw(
        self, pipe: Any, device: str, drawing: Drawing, words: tuple[Any, ...], source: Any, usual: Mapping[str, Any]
    ) -> Any:
        """The picture as batch × channels × height × width, 0..1. ``usual`` are arguments that every pipeline takes."""

    def unpacked(self, pipe: Any, packed: Any, size: Size) -> Any:
        """The decoder's latents, batch × channels × height × width, from those between two steps."""

    def decoded(self, pipe: Any, latents: Any) -> Any:
        """Pixels, -1..1."""


class KontextHand:
    def text_tokens(self, pipe: Any, wanted: int) -> int:
        """As the model was trained: what its tokenizer says, 512 for the published one."""
        return min(wanted, int(pipe.tokenizer_2.model_max_length))

    def read(self, pipe: Any, device: str, prompt: str, tokens: int) -> tuple[Any, ...]:
        embeds, pooled, _ = pipe.encode_prompt(prompt, None, device=device, max_sequence_length=tokens)
        return embeds.cpu(), pooled.cpu()

    def look(self, pipe: Any, device: str, pixels: Pixels) -> Any:
        import torch

        values = torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float() / 255 * 2 - 1
        return pipe._encode_vae_image(values.to(device, pipe.vae.dtype), None).cpu()

    def draw(
        self, pipe: Any, device: str, drawing: Drawing, words: tuple[Any, ...], source: Any, usual: Mapping[str, Any]
    ) -> Any:
        embeds, pooled = words
        return pipe(
            image=source,
            prompt_embeds=embeds.to(device),
            pooled_prompt_embeds=pooled.to(device),
            max_area=drawing.size.width * drawing.size.height,
            _auto_resize=False,
            guidance_scale=drawing.guidance,
            **usual,
        )[0]

    def unpacked(self, pipe: Any, packed: Any, size: Size) -> Any:
        return pipe._unpack_latents(packed, size.height, size.width, pipe.vae_scale_factor)

    def decoded(self, pipe: Any, latents: Any) -> Any:
        latents = latents / pipe.vae.config.scaling_factor + pipe.vae.config.shift_factor
        return pipe.vae.decode(latents.to(pipe.vae.dtype), return_dict=False)[0]


class KleinHand:
    def text_tokens(self, pipe: Any, wanted: int) -> int:
        return wanted

    def read(self, pipe: Any, device: str, prompt: str, tokens: int) -> tuple[Any, ...]:
        embeds, _ = pipe.encode_prompt(prompt, device=device, max_sequence_length=tokens)
        return (embeds.cpu(),)

    def look(self, pipe: Any, device: str, pixels: Pixels) -> Any:
        return None

    def draw(
        self, pipe: Any, device: str, drawing: Drawing, words: tuple[Any, ...], source: Any, usual: Mapping[str, Any]
    ) -> Any:
        from PIL import Image

        pictures = [] if drawing.source is None else [drawing.source]
        return pipe(
            image=[Image.fromarray(each) for each in (*pictures, *drawing.references)] or None,
            prompt_embeds=words[0].to(device),
            guidance_scale=1.0,  # any more is ignored by distilled weights, with a warning
            **usual,
        )[0]

    def unpacked(self, pipe: Any, packed: Any, size: Size) -> Any:
        step = pipe.vae_scale_factor * 2
        rows, columns = size.height // step, size.width // step
        latents = packed.permute(0, 2, 1).reshape(packed.shape[0], -1, rows, columns)
        mean = pipe.vae.bn.running_mean.view(1, -1, 1, 1).to(latents)
        spread = (pipe.vae.bn.running_var.view(1, -1, 1, 1) + pipe.vae.config.batch_norm_eps).sqrt().to(latents)
        return pipe._unpatchify_latents(latents * spread + mean)

    def decoded(self, pipe: Any, latents: Any) -> Any:
        return pipe.vae.decode(latents.to(pipe.vae.dtype), return_dict=False)[0]


_HANDS: Mapping[str, Callable[[], Hand]] = {"FluxKontextPipeline": KontextHand, "Flux2KleinPipeline": KleinHand}


def hand_for(weights: Weights) -> Hand:
    return _HANDS[weights.pipeline]()
