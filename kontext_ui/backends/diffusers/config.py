"""What the engine gets: its configuration, and one picture to draw. Plain data, no torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from kontext_ui.edits import Pixels, Size
from kontext_ui.models import kontext

BACKEND_ID = "diffusers"


@dataclass(frozen=True)
class EngineConfig:
    """Settings of the engine. ``auto`` is resolved when the model is loaded, from what the machine has."""

    model: str = kontext.OPEN_WEIGHTS
    """A name on the hub, or a folder in the same layout."""
    revision: str | None = None
    token: str | None = field(default=None, repr=False)
    may_draw: bool = True
    """Whether the people who are served may be served with any weights; else only with those whose licence lets."""
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
    steps: int | None = None
    """When a request names none; ``None``: as many as the weights were made for."""
    preview_every: int | None = None
    """Steps between two previews; 0 shows none, ``None``: as suits the weights."""
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

    def with_weights(self, hub: str) -> EngineConfig:
        """The same machine with other weights, without what was said of these alone; they are never fetched unasked."""
        precision = "auto" if self.gguf else self.precision
        return dataclasses.replace(
            self,
            model=hub,
            revision=None,
            download=False,
            lora="",
            gguf="",
            cache="",
            steps=None,
            precision=precision,
        )


@dataclass(frozen=True, eq=False)
class Drawing:
    """One picture to draw, of size ``size``. ``source`` may have another shape; ``None`` draws from text alone."""

    prompt: str
    size: Size
    steps: int
    guidance: float | None
    seed: int
    source: Pixels | None = None
    references: tuple[Pixels, ...] = ()
    hub: str = ""
    """Name of the weights on the hub; empty draws with those of the settings."""
