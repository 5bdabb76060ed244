"""Another colour for a thing, its light and its texture kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kontext_ui.basic.errors import ImpossibleError
from kontext_ui.basic.language import colours
from kontext_ui.basic.language.grammar import Clause
from kontext_ui.basic.language.plan import Step, Target, of_step
from kontext_ui.basic.language.targets import MARK
from kontext_ui.basic.operations.family import Family, always
from kontext_ui.basic.operations.work import Made, Work, blend, in_bands
from kontext_ui.basic.vision.regions import find_region
from kontext_ui.basic.vision.shape import reduced
from kontext_ui.edits import Mask, Pixels

OPERATIONS = frozenset(("recolour",))
Plane = NDArray[np.float32]

VERB = r"(?:change|make|turn|paint|colour|recolour|dye|tint|switch|set|swap)"
TO = r"(?:to|into|in|with|as|be|look|looks|a|an|the|shade|of|bright|completely|all|solid|colour)"
COLOUR = r"c\d+c"
_AT = rf"(?P<at>{MARK}\d)"
_INTO = rf"(?: {TO})* (?P<to>{COLOUR})"
PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{VERB}(?: the)? colour of {_AT}(?: from (?P<from>{COLOUR}))?{_INTO}",
        rf"{VERB} {_AT} from (?P<from>{COLOUR}){_INTO}",
        rf"{VERB} {_AT}(?: s)?(?: colour)?{_INTO}(?: colour| coloured)?",
        rf"(?:give|add)(?: to)? {_AT}{_INTO}(?: colour| paint| tint| coat of paint| paint job)*",
        rf"{_AT}(?: (?:should be|to be|must be|in|to|into))? (?P<to>{COLOUR})",
    )
)
PLAIN = re.compile(
    rf"(?:{VERB}|replace)(?: all| everything| anything| the)* (?P<from>{COLOUR})"
    rf"(?: parts?| areas?| things?| pixels| ones)?(?: {TO})+ (?P<to>{COLOUR})"
)

HUE_WINDOW = 32.0
"""Degrees of LAB hue around the paint's own that count as the same paint."""
PAINTED_SHARE = 0.22
"""From this share of clearly coloured pixels a thing has a paint; below it is black, grey or white."""
DARKEST = 0.12
"""The darkest share of a grey or white thing that is left alone: tyres, grilles, gaps."""
OWN_WEIGHT = 0.5
"""How much of a thing's own lightness stays when the new colour is a hue."""
OWN_WEIGHT_NEUTRAL = 0.12
"""The same when the new colour is black, grey or white, where lightness is the colour."""


def read(clause: Clause) -> Step | None:
    words, named = _mark_colours(clause.marked)
    text = " ".join(words)
    for pattern in PATTERNS:
        match = pattern.fullmatch(text)
        if match:
            groups = match.groupdict()
            target = clause.targets[int(groups["at"][1:])]
            source = named.get(groups.get("from") or "", "")
            if source and not target.source:
                target = Target(target.kind, target.name, target.said, source, target.which, target.inverted)
            return _step(target, named[groups["to"]], clause.text)
    match = PLAIN.fullmatch(text)
    if match:
        source = named[match["from"]]
        return _step(Target("colour", "", f"everything {source}", source, "all"), named[match["to"]], clause.text)
    return None


def _step(target: Target, colour: str, clause: str) -> Step:
    if target.inverted and colour == "grey":
        # "Everything grey except the flower" asks for black and white, not for grey paint.
        return Step("greyscale", {"amount": 1.0, **target.arguments()}, clause)
    return Step("recolour", {**target.arguments(), "colour": colour}, clause)


def _mark_colours(tokens: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    words: list[str] = []
    named: dict[str, str] = {}
    index = 0
    while index < len(tokens):
        colour, length = colours.read(tokens, index)
        if colour:
            mark = f"c{len(named)}c"
            named[mark] = colour
            words.append(mark)
        else:
            words.append(tokens[index])
        index += max(1, length)
    return words, named


def apply(work: Work) -> Made:
    target, colour = of_step(work.step), work.step.text("colour")
    if target is None:
        raise ImpossibleError("Say what to recolour, or paint over it.")
    region = find_region(work.view, target, work.painted)
    work.check_stop()
    paint = measure(work.rgb, region.mask, target.source, by_hand=work.painted is not None or target.kind == "colour")
    weight = _paint_mask(work.rgb, region.mask, paint)
    if cv2.countNonZero(weight) < 30:
        raise ImpossibleError(f"I see {region.how}, but nothing on it that could take another colour.")
    left, top, width, height = cv2.boundingRect(weight)
    place = (slice(top, top + height), slice(left, left + width))
    pixels = work.rgb.copy()
    pixels[place] = blend(work.rgb[place], repaint(work.rgb[place], colour, paint), weight[place])
    unsure = target.kind == "colour" and target.name and work.painted is None
    warnings = (
        (f"The {target.name} was found by colour alone: look at skin and hair, or paint over it.",) if unsure else ()
    )
    return Made(pixels, weight, f"recoloured {region.how}, to {colour}", region.others, warnings)


@dataclass(frozen=True)
class Paint:
    """What a thing is painted with: median CIE LAB values; ``hue`` in degrees, ``None`` for black, grey and white."""

    lightness: float
    a: float
    b: float
    hue: float | None
    floor: float
    """Lightness below which a neutral thing's parts are not painted."""
    whole: bool
    """Every part of the region takes the colour: the user painted it, or it was found by its colour."""


def measure(rgb: Pixels, mask: Mask, source: str = "", by_hand: bool = False) -> Paint:
    """The paint of the thing under a mask, judged on a reduced copy."""
    small = reduced(rgb, 400)
    inside = cv2.resize(mask, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_AREA) > 128
    if not inside.any():
        inside = np.ones(inside.shape, bool)
    lab = _lab(small)[inside]
    lightness, chroma = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2])
    hue = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360
    bright = lightness >= np.median(lightness)
    coloured = (chroma > 16) & (lightness > 8)
    wanted = colours.lab(source) if source else None
    if wanted is not None:
        is_hue = float(np.hypot(wanted[1], wanted[2])) >= colours.NEUTRAL_CHROMA
    else:
        is_hue = float((coloured & bright).sum()) >= PAINTED_SHARE * float(bright.sum())
    if not is_hue or not coloured.any():
        floor = 0.0 if by_hand else float(np.quantile(lightness, DARKEST))
        own = lab[lightness >= floor]
        middle = np.median(own, axis=0)
        return Paint(float(middle[0]), float(middle[1]), float(middle[2]), None, floor, by_hand)
    if wanted is not None:
        centre = float(np.degrees(np.arctan2(wanted[2], wanted[1])) % 360)
    else:
        counts, _ = np.histogram(hue[coloured], bins=36, range=(0, 360), weights=chroma[coloured])
        smooth = counts + np.roll(counts, 1) + np.roll(counts, -1)
        centre = float(np.argmax(smooth) * 10 + 5)
    near = coloured & (_apart(hue, centre) < HUE_WINDOW)
    own = lab[near] if near.sum() > 10 else lab
    middle = np.median(own, axis=0)
    centre = float(np.degrees(np.arctan2(middle[2], middle[1])) % 360)
    return Paint(float(middle[0]), float(middle[1]), float(middle[2]), centre, 0.0, by_hand)


def _apart(hue: NDArray[np.floating], centre: float) -> NDArray[np.floating]:
    return np.asarray(np.abs((hue - centre + 180) % 360 - 180), np.float32)


def _paint_mask(rgb: Pixels, mask: Mask, paint: Paint) -> Mask:
    """The part of the region that takes the new colour."""
    left, top, width, height = cv2.boundingRect(mask)
    result = np.zeros_like(mask)
    for start in range(top, top + height, 512):
        rows, columns = slice(start, min(start + 512, top + height)), slice(left, left + width)
        lab = _lab(rgb[rows, columns])
        result[rows, columns] = (mask[rows, columns] * _takes(lab, paint) + 0.5).astype(np.uint8)
    # Noise makes holes in a paint; a small blur closes them without leaving the region.
    soft = cv2.GaussianBlur(result, (0, 0), max(0.8, max(rgb.shape[:2]) / 1200))
    return np.asarray(np.where(mask > 0, np.minimum(soft, mask), 0), np.uint8)


def _takes(lab: Plane, paint: Paint) -> Plane:
    lightness, chroma = lab[..., 0], np.hypot(lab[..., 1], lab[..., 2])
    if paint.hue is None:
        if paint.whole:
            return np.ones(lightness.shape, np.float32)
        above = np.clip((lightness - paint.floor * 0.6) / max(paint.floor * 0.4, 0.5), 0, 1)
        # Lamps, blinkers, a number plate: what is strongly coloured on a grey thing is not its paint.
        plain = np.clip((36 - chroma) / 14, 0, 1)
        return np.asarray(above * plain, np.float32)
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360
    near = np.clip((HUE_WINDOW + 14 - _apart(hue, paint.hue)) / 14, 0, 1)
    # A tyre next to red paint has a trace of red; a shadow on red paint has far more.
    strong = float(np.hypot(paint.a, paint.b)) * np.clip(lightness / max(paint.lightness, 8), 0.35, 1)
    sure = np.clip((chroma - 0.22 * strong) / (0.2 * strong + 1), 0, 1)
    return np.asarray(near * sure, np.float32)


def repaint(rgb: Pixels, colour: str, paint: Paint) -> Pixels:
    """A picture as if it were all of that paint; the caller blends what really is."""
    target_l, target_a, target_b = colours.lab(colour)
    neutral = float(np.hypot(target_a, target_b)) < colours.NEUTRAL_CHROMA
    own_weight = OWN_WEIGHT_NEUTRAL if neutral else OWN_WEIGHT
    if not neutral and paint.hue is None and paint.lightness < 30:
        own_weight = 0.35  # Black paint turned red has to become light enough to be seen as red.
    middle = own_weight * paint.lightness + (1 - own_weight) * target_l
    own = _luminance(max(paint.lightness, 2.0))
    gain = _luminance(middle) / own

    def change(part: Pixels, rows: slice) -> Pixels:
        lab = _lab(part)
        ratio = (_luminance_of(lab[..., 0]) + 0.004) / (own + 0.004)
        # A lighter paint shows its shades less in proportion, a darker one as they are.
        power = float(np.clip(1.0 / max(gain, 1.0) ** 0.28, 0.45, 1.0))
        light = np.clip(own * gain * ratio**power, 0, 1)
        lightness = _lightness_of(light)
        shine = np.clip((lab[..., 0] - max(paint.lightness + 28, 72)) / 22, 0, 1)
        lightness += (np.maximum(lab[..., 0], lightness) - lightness) * shine
        # Chroma fades towards black and white, where no display can show it.
        fade = np.clip(np.minimum(lightness / max(middle, 8), 1.15), 0, 1.15) * (1 - 0.85 * shine)
        fade *= np.clip((100 - lightness) / max(100 - middle, 12), 0, 1) ** 0.6
        result = np.empty_like(lab)
        result[..., 0] = lightness
        result[..., 1] = target_a * fade + 0.12 * (lab[..., 1] - paint.a)
        result[..., 2] = target_b * fade + 0.12 * (lab[..., 2] - paint.b)
        back = cv2.cvtColor(result, cv2.COLOR_LAB2RGB)
        return np.asarray(np.clip(back * 255 + 0.5, 0, 255), np.uint8)

    return in_bands(rgb, change)


def _lab(rgb: Pixels) -> Plane:
    return np.asarray(cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def _luminance(lightness: float) -> float:
    return float(((lightness + 16) / 116) ** 3) if lightness > 8 else lightness / 903.3


def _luminance_of(lightness: Plane) -> Plane:
    return np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness / 903.3).astype(np.float32)


def _lightness_of(luminance: Plane) -> Plane:
    return np.where(luminance > 0.008856, 116 * np.cbrt(luminance) - 16, 903.3 * luminance).astype(np.float32)


FAMILY = Family(OPERATIONS, read, apply, always("finding and recolouring"), finds_region=True)
