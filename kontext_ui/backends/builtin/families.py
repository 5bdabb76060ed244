"""All families of operations: how their words are read, what they do, what they need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kontext_ui.backends.builtin import (
    background,
    effects,
    geometry,
    lettering,
    recolour,
    removal,
    skies,
    styles,
    tone,
    weather,
)
from kontext_ui.backends.builtin.grammar import Clause, Reader, anywhere, everywhere
from kontext_ui.backends.builtin.plan import Step
from kontext_ui.backends.builtin.vision import reader
from kontext_ui.backends.builtin.vision.networks import DETECTOR
from kontext_ui.backends.builtin.work import Made, Work
from kontext_ui.edits import Pixels


@dataclass(frozen=True)
class Family:
    """A group of operations."""

    operations: frozenset[str]
    apply: Callable[[Work], Made]
    announce: Callable[[Step], str]
    """What is shown while it runs."""
    finds_region: bool = False
    """It finds its own place; the others are blended into theirs afterwards."""
    keeps_size: bool = True


def _whole(change: Callable[[Pixels, Step], Pixels], describe: Callable[[Step], str]) -> Callable[[Work], Made]:
    return lambda work: Made(change(np.ascontiguousarray(work.rgb), work.step), said=describe(work.step))


def _constant(text: str) -> Callable[[Step], str]:
    return lambda step: text


def _lettering(clause: Clause) -> Step | None:
    return lettering.read(list(clause.tokens), clause.quotes, clause.text, clause.has_mask)


TONE = frozenset(
    (
        "brightness",
        "contrast",
        "saturation",
        "warmth",
        "shadows",
        "highlights",
        "greyscale",
        "sepia",
        "invert",
        "balance",
    )
)
FAMILIES = (
    Family(TONE, _whole(tone.apply, tone.describe), tone.describe),
    Family(
        frozenset(("blur", "sharpen", "vignette", "grain", "denoise")),
        _whole(effects.apply, effects.describe),
        effects.describe,
    ),
    Family(
        frozenset(("rotate", "straighten", "flip", "crop_ratio", "crop_edge", "resize", "border")),
        _whole(geometry.apply, geometry.describe),
        geometry.describe,
        keeps_size=False,
    ),
    Family(weather.OPERATIONS, weather.apply, weather.describe),
    Family(styles.OPERATIONS, styles.apply, styles.describe),
    Family(recolour.OPERATIONS, recolour.apply, _constant("finding and recolouring"), finds_region=True),
    Family(background.OPERATIONS, background.apply, _constant("working on the background"), finds_region=True),
    Family(skies.OPERATIONS, skies.apply, _constant("drawing the sky"), finds_region=True),
    Family(lettering.OPERATIONS, lettering.apply, _constant("reading and lettering"), finds_region=True),
    Family(removal.OPERATIONS, removal.apply, _constant("removing and filling"), finds_region=True),
)
READERS: tuple[Reader, ...] = (
    _lettering,
    everywhere(geometry.read),
    background.read,
    skies.read,
    removal.read,
    recolour.read,
    anywhere(effects.read),
    anywhere(tone.read),
    everywhere(weather.read),
    anywhere(styles.read),
)


def of(step: Step) -> Family:
    return next(family for family in FAMILIES if step.operation in family.operations)


def missing() -> tuple[str, ...]:
    """What is switched off here for want of a package, and the line that installs it."""
    notes = []
    if not DETECTOR.available:
        notes.append(
            "Finding things by name, backgrounds and painterly styles are switched off. Run: pip install onnxruntime"
        )
    if not reader.available():
        notes.append("Text cannot be read or replaced. Run: pip install rapidocr")
    if not removal.available():
        notes.append("Larger things cannot be removed. Run: pip install PyPatchMatch (Python 3.11 or later)")
    return tuple(notes)
