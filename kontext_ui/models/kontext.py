"""What FLUX.1 Kontext is, wherever it runs: its names, sizes, speeds, and parameters under the names used here.

An adapter offers those that its provider documents. Where a provider has a range or a default of its own,
the parameter stands in the adapter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from kontext_ui.edits import Parameter, Size, SizeRule, Tier
from kontext_ui.errors import InvalidRequest
from kontext_ui.models.model import Model

MODEL_LABELS: Mapping[Tier, str] = {
    Tier.PRO: "FLUX.1 Kontext [pro]",
    Tier.MAX: "FLUX.1 Kontext [max]",
    Tier.DEV: "FLUX.1 Kontext [dev]",
}
OPEN_WEIGHTS = "black-forest-labs/FLUX.1-Kontext-dev"
"""The published weights of [dev], by their name on the Hugging Face hub."""
DEV_LABEL = MODEL_LABELS[Tier.DEV]
OPEN_WEIGHTS_LICENCE = (
    "FLUX.1 [dev] Non-Commercial License, by Black Forest Labs. Not for commercial use and not for serving end users "
    "without a licence from them; pictures that you make may be used commercially. Results must pass a content filter "
    "or a person's review before they are shared. Read it at "
    "https://huggingface.co/black-forest-labs/FLUX.1-Kontext-dev/blob/main/LICENSE.md"
)

SIZES: tuple[Size, ...] = tuple(
    Size(w, h)
    for w, h in (
        (672, 1568), (688, 1504), (720, 1456), (752, 1392), (800, 1328), (832, 1248), (880, 1184), (944, 1104),
        (1024, 1024),
        (1104, 944), (1184, 880), (1248, 832), (1328, 800), (1392, 752), (1456, 720), (1504, 688), (1568, 672),
    )
)  # fmt: skip
"""The picture sizes the model works at, as its reference pipeline lists them; the nearest ratio wins."""
MULTIPLE_PX = 16
"""The model's pictures have sides of this multiple: 8 by the autoencoder, 2 by the patches."""
ONE_MEGAPIXEL = "The model works at about 1 MP; only what it changed goes back into your full-size photo."
DRAWS_ONE_MEGAPIXEL = "Draws about one megapixel; untouched pixels are kept from your photo."

MAX_SEED = 2**31 - 1
STEPS = 28
GUIDANCE = 2.5
"""What the model's makers use for editing; the diffusers library's own default is 3.5."""
RATIOS = tuple("1:1 16:9 9:16 4:3 3:4 3:2 2:3 4:5 5:4 21:9 9:21 2:1 1:2".split())
SPEEDS: Mapping[str, float] = {"none": 1.0, "draft": 0.5, "sketch": 0.25}
"""Choice of ``acceleration`` → share of the pixels that are drawn, where the open weights run for this program."""
SAFETY_CEILING = 2
"""The loosest setting that is accepted when a picture is sent; from text alone it is 6."""

SEED = Parameter("seed", "Seed", "int", None, 0, MAX_SEED)
PROMPT_UPSAMPLING = Parameter(
    "prompt_upsampling", "Prompt upsampling", "bool", False, help="The model rewrites short prompts first."
)
SAFETY_TOLERANCE = Parameter(
    "safety_tolerance",
    "Safety tolerance",
    "int",
    SAFETY_CEILING,
    0,
    SAFETY_CEILING,
    help=f"0 is strictest; {SAFETY_CEILING} is the most with a picture.",
)
ASPECT_RATIO = Parameter(
    "aspect_ratio",
    "Aspect ratio",
    "text",
    None,
    help="For example 16:9, between 21:9 and 9:21. Leave it empty to match the photo.",
)
SPEED = Parameter(
    "acceleration",
    "Speed",
    "choice",
    "none",
    choices=tuple(SPEEDS),
    help="A draft draws half the pixels, a sketch a quarter; send it again with the same seed at full size.",
)
USUAL_SETTINGS = (
    "num_inference_steps",
    "guidance_scale",
    "style_preset",
    "prompt_upsampling",
    "safety_tolerance",
    "aspect_ratio",
)
"""What people who know one provider look for at another."""
NOT_TAKEN_BY_OPEN_WEIGHTS: Mapping[str, str] = {
    "prompt_upsampling": "The model reads your words as they are.",
    "style_preset": "Ask for a style in words.",
    "output_format": "Versions are kept lossless; choose a format when you download.",
    "width": "Give an aspect ratio; the size follows from it.",
    "height": "Give an aspect ratio; the size follows from it.",
    "progressive": "Versions are kept lossless; choose a format when you download.",
}
"""Why settings known from providers are missing where the open weights run for this program."""


def scaled(size: Size, share: float) -> Size:
    """About ``share`` of the pixels in nearly the same shape, sides of a multiple the model can draw."""
    factor = math.sqrt(share)

    def side(length: int) -> int:
        return max(MULTIPLE_PX, round(length * factor / MULTIPLE_PX) * MULTIPLE_PX)

    return Size(side(size.width), side(size.height))


def size_rule(megapixels: float = 1.0) -> SizeRule:
    """The model's own shapes, at ``megapixels`` in units of 1024 × 1024; 1.0 gives them as they are."""
    sizes = tuple(dict.fromkeys(scaled(size, megapixels) for size in SIZES))
    return SizeRule("list", sizes=sizes, min_ratio=9 / 21, max_ratio=21 / 9)


SIZE_RULE = size_rule()
LICENCE_IN_SHORT = "FLUX.1 [dev] Non-Commercial: not for serving others without a licence."
FAMILY = "FLUX.1 Kontext"
MODELS = tuple(
    Model(
        f"kontext-{tier.value}",
        name,
        FAMILY,
        tier,
        SIZE_RULE,
        pictures=4,
        licence=LICENCE_IN_SHORT if tier is Tier.DEV else "",
        region="mask",
        typical_s=typical_s,
        notes=(ONE_MEGAPIXEL,),
    )
    for (tier, name), typical_s in zip(MODEL_LABELS.items(), (6.0, 7.0, 7.0), strict=True)
)
PRO, MAX, DEV = MODELS


def aspect_ratio_of(*choices: str) -> Parameter:
    """Where only these ratios are accepted."""
    return Parameter("aspect_ratio", "Aspect ratio", "choice", None, choices=choices, help="Empty follows the picture.")


def output_format_of(*choices: str) -> Parameter:
    """PNG unless another was chosen, so that the way to the provider and back adds no loss."""
    return Parameter("output_format", "Output format", "choice", "png", choices=choices)


def open_weights_parameters(steps: int) -> tuple[Parameter, ...]:
    """Where the open weights run for this program; ``steps`` is the default."""
    return (
        aspect_ratio_of(*RATIOS),
        SEED,
        Parameter("num_inference_steps", "Steps", "int", steps, min(steps, 4), max(steps, 50)),
        Parameter("guidance_scale", "Guidance", "float", GUIDANCE, 1, 10),
        SPEED,
    )


def not_taken(parameters: tuple[Parameter, ...], *more: str) -> dict[str, str]:
    """Why the usual settings, and those named, are not among the ``parameters`` offered."""
    offered = {parameter.name for parameter in parameters}
    missing = (name for name in (*USUAL_SETTINGS, *more) if name not in offered)
    return dict.fromkeys(missing, "This model takes no such setting.")


def needs_picture(tier: Tier, provider: str) -> InvalidRequest:
    """For a provider without a model that makes pictures from text."""
    return InvalidRequest(
        f"{MODEL_LABELS[tier]} at {provider} makes no picture from text alone.", hint="Open a picture first."
    )
