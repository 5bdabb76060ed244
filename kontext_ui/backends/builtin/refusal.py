"""What to say when an instruction cannot be carried out here: what was understood, what can be done instead."""

from __future__ import annotations

import difflib

from kontext_ui.backends.builtin import words
from kontext_ui.backends.builtin.grammar import FILLERS, UnclearError
from kontext_ui.errors import NotUnderstood

BACKEND_ID = "builtin"
NEAREST = (
    ("dark night evening shadow gloomy moody", ("make it darker", "lower the brightness by 30%", "add a vignette")),
    ("light sunny bright day morning glow", ("make it brighter", "make it a bit warmer", "lift the shadows")),
    ("sun sunset golden summer autumn cosy fire", ("make it warmer", "make it sepia", "increase the saturation")),
    ("cold winter snow ice blue moon", ("make it cooler", "less saturated", "make it brighter")),
    ("old vintage retro film antique analog", ("make it sepia", "add film grain", "make it black and white")),
    ("colour red green yellow orange purple pink", ("increase the saturation", "make it warmer", "make it cooler")),
    ("sharp detail quality enhance clear focus", ("sharpen it", "more contrast", "make it brighter")),
    ("background bokeh depth soft dreamy", ("blur it slightly", "add a vignette", "less contrast")),
    ("crop bigger smaller wide square size frame", ("crop to 16:9", "crop to a square", "resize to 1600 px wide")),
    (
        "turn rotate tilt mirror angle",
        ("rotate 90 degrees clockwise", "flip it horizontally", "straighten by 2 degrees"),
    ),
)
USUAL = ("make it a bit brighter", "increase the contrast", "make it warmer")


def refuse(instruction: str, error: UnclearError, understood: str) -> NotUnderstood:
    """The error that the user sees for an unclear instruction; ``understood`` names what could be done."""
    strange = [word for word in error.unknown if word not in FILLERS and word.isalpha()][:6]
    if not strange:
        message = "There is no instruction here that this engine can read."
    else:
        message = f"I do not know what to do with {_quoted(strange)} here."
    if understood:
        message += f" I understood {understood}, but an instruction is carried out whole or not at all."
    return NotUnderstood(
        message,
        backend=BACKEND_ID,
        suggestions=nearest(instruction),
        capable_tier="max" if understood else "pro",
        hint="This engine adjusts what is in the picture; it does not draw new things. A Kontext tier can.",
    )


def nearest(instruction: str) -> tuple[str, ...]:
    """Three instructions that can be done, those about the same things first."""
    said = words.tokens(words.clean(instruction))
    best, score = USUAL, 0.0
    for about, offered in NEAREST:
        topics = about.split()
        found = sum(1.0 for word in said if difflib.get_close_matches(word, topics, 1, 0.84))
        if found > score:
            best, score = offered, found
    return best


def _quoted(strange: list[str]) -> str:
    quoted = [f"“{word}”" for word in strange]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
