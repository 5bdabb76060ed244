"""A small picture of what the model is heading for, long before the last step."""

from __future__ import annotations

from typing import Any

import numpy as np

from kontext_ui.backends.diffusers.hands import Hand
from kontext_ui.edits import Pixels, Size

SIDE = 64
"""Longest side of a preview in latents: 512 pixels, a quarter of the decoder's work at one megapixel."""


class Previewer:
    """Follows one drawing. Two successive steps point along the line to the finished picture.

    With ``colours``, see :func:`fit_colours`, the decoder is not used: it may be offloaded to main memory.
    """

    def __init__(self, pipe: Any, hand: Hand, size: Size, every: int, colours: Any = None) -> None:
        self._pipe = pipe
        self._hand = hand
        self._size = size
        self._every = every
        self._colours = colours
        self._before: Any = None

    def after_step(self, index: int, latents: Any) -> Pixels | None:
        """``index`` counts from 0. The preview due after this step, if any."""
        before, self._before = self._before, latents
        sigmas = self._pipe.scheduler.sigmas
        number, last = index + 1, len(sigmas) - 1
        if not self._every or before is None or number % self._every or number >= last:
            return None
        now, earlier = sigmas[number], sigmas[index]
        return self._seen(latents - now * (latents - before) / (now - earlier))

    def _seen(self, packed: Any) -> Pixels:
        latents = self._hand.unpacked(self._pipe, packed, self._size)
        if self._colours is not None:
            return to_pixels(_coloured(latents, self._colours))
        import torch

        factor = -(-max(latents.shape[-2:]) // SIDE)
        if factor > 1:
            latents = torch.nn.functional.avg_pool2d(latents.float(), factor, ceil_mode=True)
        picture = self._hand.decoded(self._pipe, latents)
        return to_pixels((picture / 2 + 0.5).clamp(0, 1))


def fit_colours(latents: Any, pixels: Pixels) -> Any:
    """The linear map from a photo's own latents to its colours, one colour for every latent.

    It has channels + 1 rows, the last being the offset, and three columns. The preview has an eighth of the size.
    """
    import torch

    channels, height, width = latents.shape[1:]
    values = torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float() / 255
    small = torch.nn.functional.adaptive_avg_pool2d(values, (height, width))[0].flatten(1).T
    known = latents[0].float().cpu().reshape(channels, -1).T
    known = torch.cat((known, torch.ones(len(known), 1)), dim=1)
    return torch.linalg.lstsq(known, small, driver="gelsd").solution


def _coloured(latents: Any, colours: Any) -> Any:
    map_ = colours.to(latents.device)
    flat = latents[0].float().flatten(1).T @ map_[:-1] + map_[-1]
    return flat.T.reshape(1, 3, *latents.shape[-2:]).clamp(0, 1)


def to_pixels(picture: Any) -> Pixels:
    """From 0..1 in batch × channels × height × width to the first picture's bytes."""
    bytes_ = (picture[0].float() * 255).round().permute(1, 2, 0).cpu().numpy()
    return np.ascontiguousarray(bytes_.astype(np.uint8))
