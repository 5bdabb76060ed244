"""What FLUX.2 is, wherever it runs: the successors of FLUX.1 Kontext at their makers, and the small open ones.

Sizes, steps and ranges are those of the makers' published interface (its schema of 2026-05-01).
"""

from __future__ import annotations

from collections.abc import Mapping

from kontext_ui.edits import Parameter, SizeRule, Tier
from kontext_ui.models import kontext
from kontext_ui.models.model import Model

FAMILY = "FLUX.2"
MULTIPLE_PX = 16
MIN_SIDE_PX = 64
LONGEST = 8.0
"""Longer shapes are refused by the published pipeline."""


def size_rule(max_megapixels: float) -> SizeRule:
    """The photo's own shape, both sides a multiple of 16."""
    return SizeRule(
        "range",
        min_side_px=MIN_SIDE_PX,
        multiple_px=MULTIPLE_PX,
        max_megapixels=max_megapixels,
        min_ratio=1 / LONGEST,
        max_ratio=LONGEST,
        fills=True,
    )


USUAL, LARGEST = "1 MP", "4 MP"
SIZES: Mapping[str, SizeRule] = {USUAL: size_rule(1.0), LARGEST: size_rule(4.0)}
"""A megapixel is a million pixels here: wherever the makers draw the line, no more is paid for than was said."""
MAX_REFERENCE_MEGAPIXELS = 1.0
RESOLUTION = Parameter(
    "resolution",
    "Size",
    "choice",
    USUAL,
    choices=tuple(SIZES),
    help="4 MP draws the photo's own size up to four megapixels, which costs more.",
)
ASPECT_RATIO = kontext.aspect_ratio_of(*kontext.RATIOS)
SAFETY_TOLERANCE = Parameter("safety_tolerance", "Safety tolerance", "int", 2, 0, 5, help="0 is strictest.")
STEPS = Parameter("num_inference_steps", "Steps", "int", 50, 1, 50)
GUIDANCE = Parameter("guidance_scale", "Guidance", "float", 5.0, 1.5, 10)
OWN_SHAPE = "Draws your photo's own shape, not one of a few; untouched pixels are kept from your photo."
NOT_TAKEN = {
    "prompt_upsampling": "The model reads your words as they are.",
    "num_inference_steps": "This model takes no such setting.",
    "guidance_scale": "This model takes no such setting.",
    "style_preset": "Ask for a style in words.",
}
NON_COMMERCIAL = "FLUX Non-Commercial: not for serving others without a licence."

MODELS = tuple(
    Model(
        identifier,
        f"FLUX.2 {name}",
        FAMILY,
        tier,
        SIZES[USUAL],
        pictures,
        SIZES,
        picture_name="image {number}",
        licence=licence,
        steps=STEPS if identifier == "flux2-flex" else None,
        guidance=GUIDANCE if identifier == "flux2-flex" else None,
        notes=(OWN_SHAPE,),
        not_taken=NOT_TAKEN,
    )
    for identifier, name, tier, pictures, licence in (
        ("flux2-pro", "[pro]", Tier.PRO, 8, ""),
        ("flux2-max", "[max]", Tier.MAX, 8, ""),
        ("flux2-flex", "[flex]", Tier.MAX, 8, ""),
        ("flux2-klein-4b", "[klein] 4B", Tier.DEV, 4, "Apache-2.0: free to use and to serve."),
        ("flux2-klein-9b", "[klein] 9B", Tier.DEV, 4, NON_COMMERCIAL),
    )
)
PRO, MAX, FLEX, KLEIN_4B, KLEIN_9B = MODELS
