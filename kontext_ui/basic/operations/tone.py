"""Light and colour of the whole picture: pure functions on RGB pixels, mostly look-up tables."""

from __future__ import annotations

import re

import cv2
import numpy as np
from numpy.typing import NDArray

from kontext_ui.basic.language.grammar import anywhere, meaningful
from kontext_ui.basic.language.plan import Step
from kontext_ui.basic.language.strength import take
from kontext_ui.basic.operations.family import Family, whole
from kontext_ui.edits import Pixels

USUAL = {"brightness": 0.2, "contrast": 0.25, "saturation": 0.3, "warmth": 0.25, "shadows": 0.25, "highlights": 0.2}
"""What a plain "brighter" means, as a share."""
LARGEST = 0.9
NOUNS = {
    "brightness": "brightness",
    "exposure": "brightness",
    "light": "brightness",
    "lightness": "brightness",
    "contrast": "contrast",
    "saturation": "saturation",
    "vibrance": "saturation",
    "colour": "saturation",
    "colours": "saturation",
    "warmth": "warmth",
    "temperature": "warmth",
    "shadows": "shadows",
    "highlights": "highlights",
}
ADJECTIVES: dict[str, tuple[str, int]] = {
    **dict.fromkeys(("brighter", "brighten", "lighter", "lighten", "bright"), ("brightness", 1)),
    **dict.fromkeys(("darker", "darken", "dark", "dim", "dimmer"), ("brightness", -1)),
    **dict.fromkeys(("contrasty", "punchier", "punchy", "contrasted"), ("contrast", 1)),
    **dict.fromkeys(("flatter", "flat", "hazier"), ("contrast", -1)),
    **dict.fromkeys(("saturated", "saturate", "colourful", "vivid", "vibrant", "pop"), ("saturation", 1)),
    **dict.fromkeys(("desaturated", "desaturate", "muted", "duller", "faded", "pale", "paler"), ("saturation", -1)),
    **dict.fromkeys(("warmer", "warm", "golden"), ("warmth", 1)),
    **dict.fromkeys(("cooler", "cool", "colder", "cold", "bluer"), ("warmth", -1)),
}
UP = frozenset(
    (
        "more",
        "increase",
        "increased",
        "raise",
        "boost",
        "up",
        "higher",
        "add",
        "enhance",
        "lift",
        "intensify",
        "recover",
    )
)
DOWN = frozenset(
    ("less", "decrease", "decreased", "reduce", "reduced", "lower", "down", "drop", "cut", "tone", "soften")
)
PARTICLES = frozenset(("up", "down", "add", "enhance", "tone"))
"""Next to an adjective these say nothing about the direction: "cool it down", "warm it up"."""
FIXED = {
    **dict.fromkeys(("blackwhite", "greyscale", "monochrome", "bw", "colourless", "grey"), "greyscale"),
    "sepia": "sepia",
    "white-balance": "balance",
    **dict.fromkeys(("invert", "inverted", "negative"), "invert"),
}
MENDING = frozenset(("fix", "correct", "adjust", "auto", "automatic"))
MORE_THAN_WORDS = frozenset(("tone", "toned", "tones", "colours", "colour", "version", "than", "before"))
"""Words that add nothing to one of ours: "sepia tone", "warm colours"."""
PHRASES = {
    "brightness": ("brightened", "darkened"),
    "contrast": ("contrast raised", "contrast lowered"),
    "saturation": ("colours strengthened", "colours muted"),
    "warmth": ("warmed", "cooled"),
    "shadows": ("shadows lifted", "shadows deepened"),
    "highlights": ("highlights raised", "highlights brought down"),
    "greyscale": ("turned to black and white", ""),
    "sepia": ("toned sepia", ""),
    "invert": ("colours inverted", ""),
    "balance": ("white balance corrected", ""),
}


_NOUN = "|".join(NOUNS)
DIALLED = re.compile(
    rf"(?P<noun>{_NOUN}) (?P<after>[+-]\d+(?:\.\d+)?)(?: ?%)?|(?P<before>[+-]\d+(?:\.\d+)?)(?: ?%)? (?P<other>{_NOUN})"
)
""" "Brightness -20", "+10% contrast": as on a slider of ±100."""


OPERATIONS = frozenset(
    "brightness contrast saturation warmth shadows highlights greyscale sepia invert balance".split()
)


def read(tokens: list[str], clause: str) -> Step | None:
    """A tone step, or ``None`` when a word is left over that tone does not know."""
    dialled = DIALLED.fullmatch(" ".join(meaningful(tokens)))
    if dialled:
        number = dialled["after"] or dialled["before"]
        amount = float(np.clip(float(number) / 100, -LARGEST, LARGEST))
        return Step(NOUNS[dialled["noun"] or dialled["other"]], {"amount": round(amount, 4)}, clause)
    strength, rest = take(meaningful(tokens))
    # "Too dark" complains about what "brighter" would fix.
    complaint = "too" in rest
    rest = [word for word in rest if word != "too"]
    fixed = [token for token in rest if token in FIXED]
    if fixed and all(token in fixed or token in MORE_THAN_WORDS or token in UP or token in MENDING for token in rest):
        return Step(FIXED[fixed[0]], {"amount": strength.of(1.0, 1.0)}, clause)
    quality, sign, known = _quality(rest)
    said = [token for token in rest if token in UP or token in DOWN]
    is_adjective = any(token in ADJECTIVES for token in rest)
    if is_adjective:
        said = [token for token in said if token not in PARTICLES]
    if not quality or len(known) + len(said) < len([t for t in rest if t not in PARTICLES or not is_adjective]):
        return None
    if not said and not is_adjective:
        return None
    direction = -1 if any(token in DOWN for token in said) else 1
    amount = strength.of(USUAL[quality], LARGEST) * sign * direction * (-1 if complaint else 1)
    if quality == "highlights" and "recover" in rest:
        amount = -abs(amount)
    return Step(quality, {"amount": round(amount, 4)}, clause)


def _quality(rest: list[str]) -> tuple[str, int, list[str]]:
    """Which quality is named, in which direction its word points, and the words used."""
    known = [token for token in rest if token in ADJECTIVES or token in NOUNS or token in MORE_THAN_WORDS]
    part = next((token for token in rest if token in ("shadows", "highlights")), "")
    adjectives = [ADJECTIVES[token] for token in rest if token in ADJECTIVES]
    nouns = [NOUNS[token] for token in rest if token in NOUNS and token not in MORE_THAN_WORDS]
    if part:
        fits = all(quality == "brightness" for quality, _ in adjectives)
        return (part, adjectives[0][1] if adjectives else 1, known) if fits else ("", 1, known)
    if len(set(adjectives)) > 1 or len(set(nouns)) > 1:
        return "", 1, known
    if adjectives:
        return (*adjectives[0], known)
    weak = [NOUNS[token] for token in rest if token in NOUNS]
    return (nouns or weak or [""])[0], 1, known


def describe(step: Step) -> str:
    up, down = PHRASES[step.operation]
    amount = step.number("amount")
    if step.operation in _FIXED:
        return up if amount >= 1 else f"{up}, {amount:.0%} of the way"
    return f"{up if amount >= 0 else down} by {abs(amount):.0%}"


def apply(pixels: Pixels, step: Step) -> Pixels:
    """RGB in, RGB out, same size."""
    amount = step.number("amount")
    if step.operation == "saturation":
        return _mix(pixels, 1.0 + amount)
    if step.operation in _FIXED:
        return _blend(pixels, _FIXED[step.operation](pixels), amount)
    if step.operation == "warmth":
        return _warm(pixels, amount)
    return _as_pixels(cv2.LUT(pixels, _table(step.operation, amount)))


def curve(amount: float, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Brightens 0..1 so that the middle grows by ``amount`` (share, -0.9..0.9) and both ends stay."""
    k = 2 * amount / (1 - amount)
    return np.asarray(values * (1 + k) / (1 + k * values), np.float64)


def _table(operation: str, amount: float) -> NDArray[np.uint8]:
    x = np.linspace(0.0, 1.0, 256)
    if operation == "contrast":
        power = 1 + 2 * amount if amount >= 0 else 1 / (1 - 2 * amount)
        y = np.where(x < 0.5, 0.5 * (2 * x) ** power, 1 - 0.5 * (2 * (1 - x)) ** power)
    elif operation == "shadows":
        y = x + (curve(amount, x) - x) * 2 * (1 - x) ** 2
    elif operation == "highlights":
        y = x + (1 - curve(-amount, 1 - x) - x) * 2 * x**2
    else:
        y = curve(amount, x)
    rising = np.maximum.accumulate(np.asarray(y, np.float64))
    return np.asarray(np.clip(np.rint(rising * 255), 0, 255), np.uint8)


def _warm(pixels: Pixels, amount: float) -> Pixels:
    x = np.linspace(0.0, 1.0, 256)
    tables = [curve(share * amount, x) for share in (0.55, 0.05, -0.75)]
    table = np.clip(np.rint(np.stack(tables, axis=1) * 255), 0, 255).astype(np.uint8)
    return _as_pixels(cv2.LUT(pixels, table.reshape(1, 256, 3)))


LUMA = np.array([0.2126, 0.7152, 0.0722])
"""Rec. 709 weights."""


def _mix(pixels: Pixels, factor: float) -> Pixels:
    """Away from (above 1) or towards (below 1) grey of the same luma."""
    matrix = factor * np.eye(3) + (1 - factor) * np.tile(LUMA, (3, 1))
    return _as_pixels(cv2.transform(pixels, matrix.astype(np.float32)))


def _greyscale(pixels: Pixels) -> Pixels:
    return _mix(pixels, 0.0)


def _sepia(pixels: Pixels) -> Pixels:
    matrix = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]], np.float32)
    return _as_pixels(cv2.transform(pixels, matrix * 0.92))


def _invert(pixels: Pixels) -> Pixels:
    return _as_pixels(cv2.bitwise_not(pixels))


def _balance(pixels: Pixels) -> Pixels:
    """The channels scaled so that the light parts come out grey (shades of grey; Finlayson and Trezzi 2004)."""
    small = pixels[:: max(1, pixels.shape[0] // 400), :: max(1, pixels.shape[1] // 400)].astype(np.float64) + 1
    norms = (small**6).mean(axis=(0, 1)) ** (1 / 6)
    gains = np.clip(norms.mean() / norms, 0.6, 1.7)
    table = np.clip(np.arange(256)[:, None] * gains, 0, 255).round().astype(np.uint8)
    return _as_pixels(cv2.LUT(pixels, table.reshape(1, 256, 3)))


_FIXED = {"greyscale": _greyscale, "sepia": _sepia, "invert": _invert, "balance": _balance}


def _blend(before: Pixels, after: Pixels, amount: float) -> Pixels:
    return after if amount >= 1 else _as_pixels(cv2.addWeighted(after, amount, before, 1 - amount, 0))


def _as_pixels(values: object) -> Pixels:
    return np.asarray(values, np.uint8)


FAMILY = Family(OPERATIONS, anywhere(read), whole(apply, describe), describe)
