"""What image servers offer, given the dialect that they speak, and what has to be left out of a request."""

from __future__ import annotations

from kontext_ui.backends.diffusers.values import GUIDANCE, SPEEDS
from kontext_ui.backends.imageserver.dialects import Dialect
from kontext_ui.edits import Capabilities, Mode, Parameter, Parameters, SizeRule

MODEL_NAME = "FLUX.1 Kontext [dev]"
MAX_SEED = 2**31 - 1
RATIOS = tuple("1:1 16:9 9:16 4:3 3:4 3:2 2:3 4:5 5:4 21:9 9:21 2:1 1:2".split())
BY_DIALECT = ("seed", "num_inference_steps", "guidance_scale")
"""Parameters that some servers cannot be told."""
NO_FIELD = "This image server's protocol has no field for it."
UNSUPPORTED = {
    "prompt_upsampling": "The model reads your words as they are.",
    "safety_tolerance": "What the server filters is set there.",
    "style_preset": "Ask for a style in words.",
    "output_format": "Versions are kept lossless; choose a format when you download.",
    "width": "Give an aspect ratio; the size follows from it.",
    "height": "Give an aspect ratio; the size follows from it.",
    "progressive": "Versions are kept lossless; choose a format when you download.",
}


def capabilities_of(
    dialect: Dialect | None,
    *,
    steps: int,
    size_rule: SizeRule,
    model: str,
    typical_s: float,
    max_in_flight: int,
    paid: bool,
    notes: tuple[str, ...] = (),
) -> Capabilities:
    """``dialect`` is ``None`` before a server was recognised, and where several are spoken: then all is offered,
    and what a server cannot be told is said with its result."""
    untold = () if dialect is None else tuple(name for name in BY_DIALECT if not dialect.takes(name))
    masked = dialect is not None and dialect.mask is not None
    named = model.rpartition("/")[2]
    return Capabilities(
        model=named if named and "kontext" not in named.lower() else MODEL_NAME,
        modes=frozenset({Mode.EDIT, Mode.INPAINT} if masked else {Mode.EDIT}),
        parameters=tuple(parameter for parameter in _parameters(steps) if parameter.name not in untold),
        unsupported={**UNSUPPORTED, **dict.fromkeys(untold, NO_FIELD)},
        size_rule=size_rule,
        price_usd=0.0,
        price_note="What the server's owner bills is not known here." if paid else "",
        typical_s=typical_s,
        max_in_flight=max_in_flight,
        notes=(
            "Your picture goes to the image server that was set up for this program, and nowhere else.",
            "Draws about one megapixel; untouched pixels are kept from your photo.",
            *notes,
        ),
    )


def left_out(dialect: Dialect, parameters: Parameters) -> tuple[str, ...]:
    """A sentence for each given parameter that this server cannot be told."""
    given = parameters.given()
    return tuple(
        f"{name.replace('_', ' ')} is left out: {NO_FIELD[0].lower()}{NO_FIELD[1:]}"
        for name in BY_DIALECT
        if name in given and not dialect.takes(name)
    )


def _parameters(steps: int) -> tuple[Parameter, ...]:
    return (
        Parameter("aspect_ratio", "Aspect ratio", "choice", None, choices=RATIOS, help="Empty follows the picture."),
        Parameter("seed", "Seed", "int", None, 0, MAX_SEED),
        Parameter("num_inference_steps", "Steps", "int", steps, min(steps, 4), max(steps, 50)),
        Parameter("guidance_scale", "Guidance", "float", GUIDANCE, 1, 10),
        Parameter(
            "acceleration",
            "Speed",
            "choice",
            "none",
            choices=tuple(SPEEDS),
            help="A draft draws half the pixels, a sketch a quarter; send it again with the same seed at full size.",
        ),
    )
