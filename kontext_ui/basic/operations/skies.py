"""Another sky, and the ground in its light."""

from __future__ import annotations

import re
import zlib

import cv2
import numpy as np

from kontext_ui.basic.language.grammar import Clause
from kontext_ui.basic.language.plan import Step, Target
from kontext_ui.basic.language.targets import MARK
from kontext_ui.basic.operations import scenes
from kontext_ui.basic.operations.family import Family, always
from kontext_ui.basic.operations.work import Made, Work, in_bands
from kontext_ui.basic.vision.regions import find_region
from kontext_ui.basic.vision.shape import Plane, reduced
from kontext_ui.edits import Mask, Pixels

OPERATIONS = frozenset(("sky",))
KINDS = {
    "stormy": "stormy storm dramatic thundery threatening menacing dark-clouds",
    "sunset": "sunset sunrise dusk dawn golden fiery",
    "night": "night nighttime starry stars starlit midnight",
    "blue": "blue clear sunny bright-blue fair",
    "overcast": "overcast cloudy grey gray dull",
}
SAID = {kind: f"a{'n' if kind[0] in 'aeiou' else ''} {kind} sky" for kind in KINDS}
FILL = r"(?: (?:to|into|with|by|be|look|like|a|an|the|more|clear|bright|dramatic|sky|at|full|of|beautiful|in))*"
CHANGE = re.compile(
    rf"(?:change|make|turn|replace|swap|give|set|add|put)(?: in)? {MARK}0{FILL} (?P<kind>[a-z-]+){FILL}(?: {MARK}1)?"
)
PLAIN = re.compile(
    rf"{MARK}0(?: (?:should|must|to|be|is|look|like|a|an|the))* (?P<kind>[a-z-]+)"
    rf"|(?:put|add|have|place){FILL} (?P<there>[a-z-]+) (?:in|into|to|on) {MARK}0"
)
FRONT = re.compile(
    rf"(?:(?:add|put|make|want|have|create|use|change to|turn to){FILL} |(?:a|an|more) )?(?P<kind>[a-z-]+) {MARK}0"
)
GROUND = {
    "stormy": (0.72, (0.95, 0.99, 1.06), 0.75),
    "sunset": (0.86, (1.14, 0.97, 0.80), 1.05),
    "night": (0.34, (0.72, 0.86, 1.25), 0.55),
    "blue": (1.04, (1.02, 1.0, 0.98), 1.06),
    "overcast": (0.92, (0.99, 1.0, 1.02), 0.82),
}
"""Light on the ground: its strength, its colour (red, green, blue) and the saturation that is left."""


def read(clause: Clause) -> Step | None:
    if not clause.targets or any(target.kind != "sky" or target.inverted for target in clause.targets):
        return None
    text = " ".join(clause.marked)
    for pattern in (CHANGE, FRONT, PLAIN):
        match = pattern.fullmatch(text)
        kind = next((_kind(word) for word in match.groups() if word), "") if match else ""
        if kind:
            return Step("sky", {"kind": kind}, clause.text)
    return None


def _kind(word: str) -> str:
    return next((kind for kind, words in KINDS.items() if word in words.split()), "")


def apply(work: Work) -> Made:
    region = find_region(work.view, Target("sky", "sky", "the sky"), work.painted)
    work.check_stop()
    kind = work.step.text("kind")
    lit = relight(work.rgb, kind)
    behind = _drawn(work.rgb, region.mask, kind)
    pixels = _over(lit, behind, region.mask)
    return Made(pixels, None, f"drew {SAID[kind]} in place of {region.how}, and relit the rest to match")


def _drawn(rgb: Pixels, mask: Mask, kind: str) -> Pixels:
    """The new sky at full size, its horizon at the lowest edge of the old one."""
    height, width = rgb.shape[:2]
    _, top, _, tall = cv2.boundingRect((mask > 128).astype(np.uint8))
    reach = min(height, max(tall + top, height // 4))
    scale = min(1.0, scenes.DRAWN_PX / max(width, reach))
    w, h = max(8, round(width * scale)), max(8, round(reach * scale))
    random = np.random.default_rng(zlib.crc32(f"sky {kind}".encode()))
    drawn = np.clip(scenes.sky(kind, w, h, random), 0, 255).astype(np.uint8)
    result = np.empty_like(rgb)
    result[:reach] = cv2.resize(drawn, (width, reach), interpolation=cv2.INTER_CUBIC)
    result[reach:] = result[reach - 1]
    return result


def relight(rgb: Pixels, kind: str) -> Pixels:
    """What the ground looks like under that sky."""
    strength, tint, saturation = GROUND[kind]
    colour = strength * np.asarray(tint, np.float32)
    luma = np.array([0.2126, 0.7152, 0.0722], np.float32)
    matrix = (saturation * np.eye(3, dtype=np.float32) + (1 - saturation) * np.tile(luma, (3, 1))) * colour[:, None]
    flattened = 0.06 if kind == "overcast" else 0.0
    lamps = _lamps(rgb) if kind == "night" else None

    def change(part: Pixels, rows: slice) -> Pixels:
        linear = _linear(part)
        lit = cv2.transform(linear, matrix)
        if lamps is not None:
            lit = lit + (linear - lit) * lamps[rows, :, None]
        value = np.clip(lit, 0, 1) ** (1 / 2.2) * (1 - flattened) + flattened
        return np.asarray(np.clip(value * 255 + 0.5, 0, 255), np.uint8)

    return in_bands(rgb, change)


def _lamps(rgb: Pixels) -> Plane:
    """Small bright spots, which shine on at night; a bright sky or wall is none. 0..1, of the picture's size."""
    small = reduced(rgb, 640)
    bright = TABLE[small].max(axis=2)
    around = cv2.GaussianBlur(bright, (0, 0), max(small.shape[:2]) / 16)
    spots = np.clip((bright - around - 0.3) / 0.3, 0, 1) * 0.85
    size = (rgb.shape[1], rgb.shape[0])
    return np.asarray(cv2.resize(spots, size, interpolation=cv2.INTER_LINEAR), np.float32)


TABLE = ((np.arange(256) / 255) ** 2.2).astype(np.float32)


def _linear(part: Pixels) -> Plane:
    return np.asarray(TABLE[part], np.float32)


def _over(ground: Pixels, behind: Pixels, mask: Mask) -> Pixels:
    def change(part: Pixels, rows: slice) -> Pixels:
        alpha = mask[rows, :, None].astype(np.float32) / 255
        return np.asarray(np.rint(part * (1 - alpha) + behind[rows] * alpha), np.uint8)

    return in_bands(ground, change)


FAMILY = Family(OPERATIONS, read, apply, always("drawing the sky"), finds_region=True)
