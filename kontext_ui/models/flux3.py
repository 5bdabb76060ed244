"""What FLUX 3 Image is, wherever it runs: it plans an edit before it draws, and takes no seed."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

from kontext_ui.edits import Parameter, Size, SizeRule, Tier
from kontext_ui.models import kontext
from kontext_ui.models.model import Model

RATIOS = tuple("21:9 2:1 16:9 3:2 7:5 4:3 5:4 1:1 4:5 3:4 5:7 2:3 9:16 1:2 9:21".split())
"""The shapes it draws; a picture of another is brought to the nearest of them by its makers."""
MEGAPIXELS: Mapping[str, float] = {"1k": 1.048, "1.5k": 2.359, "2k": 4.194}
"""Value of ``resolution`` → about how many it draws: the square of its name."""


def _size_of(ratio: str, megapixels: float) -> Size:
    """Of exactly this shape, so that nothing is cropped or stretched on the way."""
    width, height = map(int, ratio.split(":"))
    unit = round(sqrt(megapixels * 1_000_000 / (width * height)))
    return Size(width * unit, height * unit)


SIZES: Mapping[str, SizeRule] = {
    name: SizeRule("list", tuple(_size_of(ratio, megapixels) for ratio in RATIOS), min_ratio=9 / 21, max_ratio=21 / 9)
    for name, megapixels in MEGAPIXELS.items()
}
USUAL = "1k"
RESOLUTION = Parameter("resolution", "Size", "choice", USUAL, choices=tuple(SIZES), help="Larger ones cost more.")
ASPECT_RATIO = kontext.aspect_ratio_of(*RATIOS)
SAFETY_TOLERANCE = Parameter("safety_tolerance", "Safety tolerance", "int", 2, 0, 4, help="0 is strictest.")
GROUNDING = Parameter(
    "grounding",
    "Search the web",
    "bool",
    False,
    help="The model looks up what your words name, which sends them to a search. Slower.",
)
MAX_PROMPT_CHARS = 15_000
MIN_SIDE_PX = 256
NO_SEED = "This model takes no seed, so an edit cannot be repeated."
FAMILY = "FLUX 3"
IMAGE = Model(
    "flux3-image",
    "FLUX 3 Image",
    FAMILY,
    Tier.MAX,
    SIZES[USUAL],
    10,
    SIZES,
    max_prompt_chars=MAX_PROMPT_CHARS,
    min_side_px=MIN_SIDE_PX,
    repeatable=False,
    region="boxes",
    notes=(kontext.DRAWS_ONE_MEGAPIXEL, NO_SEED, "It plans the edit before it draws, so it takes longer than others."),
    remarks=("Takes no seed: it cannot be repeated.", "Plans before it draws: slower than others."),
    not_taken={
        "seed": NO_SEED,
        "prompt_upsampling": "The model plans with your words as they are.",
        "num_inference_steps": "This model takes no such setting.",
        "guidance_scale": "This model takes no such setting.",
        "output_format": "It answers with PNG, which loses nothing.",
        "style_preset": "Ask for a style in words.",
    },
)
MODELS = (IMAGE,)
