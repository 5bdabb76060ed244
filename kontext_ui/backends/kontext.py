"""What FLUX.1 Kontext takes wherever it is hosted: names, sizes, and its parameters under the names used here.

An adapter offers those that its provider documents. Where a provider has a range or a default of its own,
the parameter stands in the adapter.
"""

from __future__ import annotations

from collections.abc import Mapping

from kontext_ui.edits import Parameter, SizeRule, Tier
from kontext_ui.errors import InvalidRequest
from kontext_ui.images.geometry import KONTEXT_SIZES

MODEL_LABELS: Mapping[Tier, str] = {
    Tier.PRO: "FLUX.1 Kontext [pro]",
    Tier.MAX: "FLUX.1 Kontext [max]",
    Tier.DEV: "FLUX.1 Kontext [dev]",
}
SIZE_RULE = SizeRule("list", sizes=KONTEXT_SIZES, min_ratio=9 / 21, max_ratio=21 / 9)
ONE_MEGAPIXEL = "Answers with about one megapixel; untouched pixels are kept from your photo."
MAX_SEED = 2**31 - 1
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
    "aspect_ratio", "Aspect ratio", "text", None, help="W:H between 21:9 and 9:21; empty follows the picture."
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


def aspect_ratio_of(choices: str) -> Parameter:
    """For a provider that takes only these ratios; ``choices`` are separated by spaces."""
    return Parameter(
        "aspect_ratio",
        "Aspect ratio",
        "choice",
        None,
        choices=tuple(choices.split()),
        help="Empty follows the picture.",
    )


def output_format_of(*choices: str) -> Parameter:
    """PNG unless another was chosen, so that the way to the provider and back adds no loss."""
    return Parameter("output_format", "Format asked for", "choice", "png", choices=choices)


def not_taken(parameters: tuple[Parameter, ...], *more: str) -> dict[str, str]:
    """Why the usual settings, and those named, are missing beside the ``parameters`` that are offered."""
    offered = {parameter.name for parameter in parameters}
    missing = (name for name in (*USUAL_SETTINGS, *more) if name not in offered)
    return dict.fromkeys(missing, "This model takes no such setting.")


def needs_picture(tier: Tier, provider: str) -> InvalidRequest:
    """For a provider without a model that makes pictures from text."""
    return InvalidRequest(
        f"{MODEL_LABELS[tier]} at {provider} makes no picture from text alone.", hint="Open a picture first."
    )
