"""The open weights that this program can draw with, and what each wants. Plain data, no torch.

Sizes are those of the published weights in 16 bits, counted from their parameters; nothing here was measured.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kontext_ui.edits import Capabilities, Parameter, SizeRule
from kontext_ui.models import flux2, kontext
from kontext_ui.models.model import Model

INDEX = "model_index.json"


@dataclass(frozen=True)
class Weights:
    """One set of published weights. Fine-tunes of it, in the same layout, are drawn with in the same way."""

    hub: str
    """Their name on the Hugging Face hub."""
    model: Model
    short: str
    """What people call the family."""
    pipeline: str
    """The library's class, which ``model_index.json`` names too."""
    transformer: str
    parts_gb: Mapping[str, float]
    text_parts: tuple[str, ...]
    """Parts that read the instruction, and whose weights may be stored in four bits."""
    steps: int
    """When neither a request nor a setting names any."""
    guidance: float | None
    """``None``: the weights are distilled and take none."""
    licence: str
    """What doctor says of it."""
    serves_others: bool
    """Whether the licence lets anybody draw for others with it."""
    rule: Callable[[float], SizeRule]
    """From megapixels to the sizes drawn."""
    gated: bool = True
    preview_every: int = 4
    """Steps between two previews."""

    @property
    def gb(self) -> float:
        """Of the download."""
        return sum(self.parts_gb.values())

    def parameters(self, steps: int) -> tuple[Parameter, ...]:
        """``steps`` is the default."""
        shared = kontext.open_weights_parameters(steps)
        return tuple(each for each in shared if self.guidance is not None or each.name != "guidance_scale")

    def offer(self, steps: int, megapixels: float) -> Capabilities:
        """What the engine on this machine accepts for it; the tier's own model has no id there."""
        parameters = self.parameters(steps)
        not_taken = {
            **kontext.NOT_TAKEN_BY_OPEN_WEIGHTS,
            "safety_tolerance": "The weights have no filter of their own.",
            "guidance_scale": "This model is distilled and takes none.",
        }
        offered = {parameter.name for parameter in parameters}
        return self.model.offer(
            parameters,
            model_id="",
            unsupported={name: why for name, why in not_taken.items() if name not in offered},
            size_rule=self.rule(megapixels),
            size_rules={},
            max_reference_images=0 if self.model is kontext.DEV else self.model.pictures - 1,
            price_usd=0.0,
        )


def _klein_rule(megapixels: float) -> SizeRule:
    """The pipeline shrinks what is larger than a megapixel, so nothing larger is handed to it."""
    return flux2.size_rule(min(megapixels, 1.0))


KONTEXT = Weights(
    kontext.OPEN_WEIGHTS,
    kontext.DEV,
    "Kontext",
    "FluxKontextPipeline",
    "FluxTransformer2DModel",
    {"transformer": 23.8, "text_encoder": 0.25, "text_encoder_2": 9.5, "vae": 0.17},
    ("text_encoder_2",),
    kontext.STEPS,
    kontext.GUIDANCE,
    kontext.OPEN_WEIGHTS_LICENCE,
    serves_others=False,
    rule=kontext.size_rule,
)
KLEIN_STEPS = 4
"""What the distilled weights were made for; the library's own default is 50."""
KLEIN_9B_LICENCE = (
    "FLUX Non-Commercial License, by Black Forest Labs. Not for commercial use and not for serving end users without "
    "a licence from them. Read it at https://huggingface.co/black-forest-labs/FLUX.2-klein-9B"
)
KLEIN_4B = Weights(
    "black-forest-labs/FLUX.2-klein-4B",
    flux2.KLEIN_4B,
    "FLUX.2 klein",
    "Flux2KleinPipeline",
    "Flux2Transformer2DModel",
    {"transformer": 7.8, "text_encoder": 8.0, "vae": 0.3},
    ("text_encoder",),
    KLEIN_STEPS,
    None,
    "Apache-2.0: free to use, also commercially, and to serve to others.",
    serves_others=True,
    rule=_klein_rule,
    gated=False,
    preview_every=2,
)
KLEIN_9B = Weights(
    "black-forest-labs/FLUX.2-klein-9B",
    flux2.KLEIN_9B,
    "FLUX.2 klein",
    "Flux2KleinPipeline",
    "Flux2Transformer2DModel",
    {"transformer": 18.0, "text_encoder": 16.4, "vae": 0.3},
    ("text_encoder",),
    KLEIN_STEPS,
    None,
    KLEIN_9B_LICENCE,
    serves_others=False,
    rule=_klein_rule,
    preview_every=2,
)
ALL = (KONTEXT, KLEIN_4B, KLEIN_9B)


def weights_for(model: str, folder: Path | None = None) -> Weights:
    """The weights that a setting means: by their name on the hub, else by what their folder says of itself.

    While a fine-tune is not on this machine its name has to tell; Kontext when nothing does.
    """
    for each in ALL:
        if model.lower() == each.hub.lower():
            return each
    found = "" if folder is None else _said_by(folder / INDEX)
    named = [each for each in ALL if each.pipeline == found] if found else _like(model)
    return next((each for each in named if "9b" in each.hub.lower() and "9b" in model.lower()), named[0])


def hub_of(name: str) -> str:
    """The name on the hub of what may be named by its id in the catalogue, too."""
    return next((each.hub for each in ALL if each.model.id == name), name)


def _said_by(index: Path) -> str:
    """The pipeline's class; empty for a folder that is not there, or says none that is known."""
    try:
        said = json.loads(index.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    name = str(said.get("_class_name")) if isinstance(said, dict) else ""
    return name if any(name == each.pipeline for each in ALL) else ""


def _like(model: str) -> list[Weights]:
    return [each for each in ALL if ("klein" in model.lower()) == ("klein" in each.hub.lower())]
