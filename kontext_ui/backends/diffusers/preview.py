"""A small picture of what the model is heading for, long before the last step."""

from __future__ import annotations

from typing import Any

import numpy as np

from kontext_ui.edits import Pixels, Size

SIDE = 64
"""Longest side of a preview in latents: 512 pixels, a quarter of the decoder's work at one megapixel."""


class Previewer:
    """Follows one drawing. Two successive steps point along the line to the finished picture."""

    def __init__(self, pipe: Any, size: Size, every: int) -> None:
        self._pipe = pipe
        self._size = size
        self._every = every
        self._before: Any = None

    def after_step(self, index: int, latents: Any) -> Pixels | None:
        """``index`` counts from 0. The preview that is due after this step, if one is."""
        before, self._before = self._before, latents
        sigmas = self._pipe.scheduler.sigmas
        number, last = index + 1, len(sigmas) - 1
        if not self._every or before is None or number % self._every or number >= last:
            return None
        now, earlier = sigmas[number], sigmas[index]
        return self._decoded(latents - now * (latents - before) / (now - earlier))

    def _decoded(self, packed: Any) -> Pixels:
        import torch

        pipe = self._pipe
        latents = pipe._unpack_latents(packed, self._size.height, self._size.width, pipe.vae_scale_factor)
        factor = -(-max(latents.shape[-2:]) // SIDE)
        if factor > 1:
            latents = torch.nn.functional.avg_pool2d(latents.float(), factor, ceil_mode=True)
        latents = latents / pipe.vae.config.scaling_factor + pipe.vae.config.shift_factor
        picture = pipe.vae.decode(latents.to(pipe.vae.dtype), return_dict=False)[0]
        return to_pixels((picture / 2 + 0.5).clamp(0, 1))


def to_pixels(picture: Any) -> Pixels:
    """From 0..1 in batch × channels × height × width to the first picture's bytes."""
    bytes_ = (picture[0].float() * 255).round().permute(1, 2, 0).cpu().numpy()
    return np.ascontiguousarray(bytes_.astype(np.uint8))
