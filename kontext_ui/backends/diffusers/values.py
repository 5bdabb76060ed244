"""What the engine gets: its configuration, and one picture to draw. Plain data, no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from kontext_ui.edits import Pixels, Size
from kontext_ui.images.geometry import KONTEXT_SIZES

BACKEND_ID = "diffusers"
MODEL = "black-forest-labs/FLUX.1-Kontext-dev"
"""The published weights, by their name on the Hugging Face hub."""
MULTIPLE_PX = 16
"""The model's pictures have sides of this multiple: 8 by the autoencoder, 2 by the patches."""
GUIDANCE = 2.5
"""What the model's makers use for editing; the library's own default is 3.5."""
SPEEDS = {"none": 1.0, "draft": 0.5, "sketch": 0.25}
"""Choice of ``acceleration`` → share of the pixels that are drawn."""


@dataclass(frozen=True)
class EngineConfig:
    """Settings of the engine. ``auto`` is resolved when the model is loaded, from what the machine has."""

    model: str = MODEL
    """A name on the hub, or a folder in the same layout."""
    revision: str | None = None
    token: str | None = field(default=None, repr=False)
    download: bool = False
    """Fetch missing weights when they are first needed; else they must be on disk."""
    device: str = "auto"
    lent: bool = False
    """The GPU is only there during a call (ZeroGPU), so it cannot be queried before."""
    precision: str = "auto"
    """``gguf`` when the field of that name is set."""
    offload: str = "auto"
    megapixels: float = 1.0
    """Of the pictures drawn, in units of 1024 × 1024; the model was trained at 1."""
    steps: int = 28
    """When a request names none."""
    preview_every: int = 4
    """Steps between two previews; 0 shows none."""
    lora: str = ""
    """A file, a folder, or ``owner/name/file`` on the hub; applied with strength ``lora_weight``."""
    lora_weight: float = 1.0
    gguf: str = ""
    """The same for the transformer's weights, instead of those in the model's folder."""
    attention: str = ""
    """The library's name for another attention implementation; empty is torch's own."""
    cache: str = ""
    """``first-block``: a step whose first block changes little against the step before takes the rest from there."""
    cache_threshold: float = 0.05
    """Changes up to this share count as little; the library's own default."""
    compile: bool = False
    text_tokens: int = 512
    """Length to which prompts are padded. The model attends to the padding, so it affects the picture."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """One picture to draw, of size ``size``. ``source`` may have another shape; ``None`` draws from text alone."""

    prompt: str
    size: Size
    steps: int
    guidance: float
    seed: int
    source: Pixels | None = None


def sizes_for(megapixels: float) -> tuple[Size, ...]:
    """The model's own shapes at another number of pixels; 1.0 gives them as they are."""
    return tuple(dict.fromkeys(scaled(size, megapixels) for size in KONTEXT_SIZES))


def scaled(size: Size, share: float) -> Size:
    """About ``share`` of the pixels in nearly the same shape, sides of a multiple the model can draw."""
    factor = math.sqrt(share)

    def side(length: int) -> int:
        return max(MULTIPLE_PX, round(length * factor / MULTIPLE_PX) * MULTIPLE_PX)

    return Size(side(size.width), side(size.height))
