"""Weather and season: fog, rain, snowfall, night, golden hour; autumn, winter, spring and summer foliage."""

from __future__ import annotations

import cv2
import numpy as np

from kontext_ui.basic.errors import ImpossibleError
from kontext_ui.basic.language.grammar import everywhere, meaningful
from kontext_ui.basic.language.plan import Step
from kontext_ui.basic.language.strength import take
from kontext_ui.basic.operations import scenes, skies
from kontext_ui.basic.operations.family import Family
from kontext_ui.basic.operations.work import Made, Work, in_bands
from kontext_ui.basic.vision.shape import Plane
from kontext_ui.basic.vision.sky import find_sky
from kontext_ui.edits import Pixels

NAMES = {
    **dict.fromkeys(("fog", "foggy", "mist", "misty", "haze", "hazy"), "fog"),
    **dict.fromkeys(("rain", "rainy", "raining", "drizzle"), "rain"),
    **dict.fromkeys(("snow", "snowing", "snowfall", "snowflakes", "snowy"), "snow"),
    **dict.fromkeys(("night", "nighttime", "midnight", "night-time"), "night"),
    **dict.fromkeys(("golden-hour", "evening-light", "sunset-light", "sunset-lighting", "sunlit"), "golden"),
    **dict.fromkeys(("autumn", "autumnal", "fall"), "autumn"),
    **dict.fromkeys(("winter", "wintry", "wintertime"), "winter"),
    **dict.fromkeys(("spring", "springtime"), "spring"),
    **dict.fromkeys(("summer", "summery", "summertime"), "summer"),
}
BESIDE = frozenset(
    """weather season day add falling light lighting like scene time during at outside more day-to from feel atmosphere
    conditions leaves foliage colours""".split()
)
SEASONS = frozenset(("autumn", "winter", "spring", "summer"))
USUAL = {"fog": 0.55, "rain": 0.6, "snow": 0.6, "night": 1.0, "golden": 0.8, **dict.fromkeys(SEASONS, 1.0)}
OPERATIONS = frozenset(USUAL)
SAID = {
    "fog": "fog added",
    "rain": "rain added",
    "snow": "falling snow added",
    "night": "turned to night",
    "golden": "lit as in the golden hour",
    "autumn": "greenery turned to autumn",
    "winter": "greenery turned to winter",
    "spring": "greenery turned to spring",
    "summer": "greenery turned to summer",
}
LEAST_GREENERY = 0.012
FOLIAGE = {
    "autumn": (-62.0, 1.15, -2.0),
    "winter": (0.0, 0.16, 14.0),
    "spring": (8.0, 1.15, 9.0),
    "summer": (10.0, 1.35, -3.0),
}
"""What a season does to leaves: turn of the LAB hue in degrees, factor of chroma, step of lightness."""


def read(tokens: list[str], clause: str) -> Step | None:
    strength, rest = take(
        ["slightly" if t == "light" else "strong" if t in ("thick", "dense") else t for t in meaningful(tokens)]
    )
    named = {NAMES[token] for token in rest if token in NAMES}
    if len(named) != 1 or any(token not in NAMES and token not in BESIDE for token in rest):
        return None
    kind = named.pop()
    # "Day to night" is one thing, "night to day" another.
    if kind == "night" and "day" in rest and rest[-1] in ("day", "from"):
        return None
    return Step(kind, {"amount": round(strength.of(USUAL[kind], 1.2), 4)}, clause)


def describe(step: Step) -> str:
    return SAID[step.operation]


def apply(work: Work) -> Made:
    kind, amount = work.step.operation, work.step.number("amount")
    if kind in SEASONS:
        return Made(_season(work.rgb, kind, amount), said=SAID[kind])
    make = {"fog": _fog, "rain": _rain, "snow": _snow, "night": _night, "golden": _golden}[kind]
    return Made(make(work.rgb, amount), said=SAID[kind])


def greenery(part: Pixels) -> tuple[Plane, Plane]:
    """CIE LAB of some pixels, and how much each is a leaf or grass, 0..1."""
    lab = cv2.cvtColor(part.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    green = np.clip((hue - 88) / 14, 0, 1) * np.clip((176 - hue) / 20, 0, 1)
    return np.asarray(lab, np.float32), np.asarray(green * np.clip((chroma - 9) / 8, 0, 1), np.float32)


def _season(rgb: Pixels, kind: str, amount: float) -> Pixels:
    small = cv2.resize(rgb, (max(1, rgb.shape[1] // 8), max(1, rgb.shape[0] // 8)), interpolation=cv2.INTER_AREA)
    if float(greenery(np.asarray(small, np.uint8))[1].mean()) < LEAST_GREENERY:
        raise ImpossibleError(
            f"I found no greenery in this picture to turn to {kind}.", ("make it cooler", "make it warmer")
        )
    turn, factor, step = FOLIAGE[kind]
    height, width = rgb.shape[:2]
    # Trees do not all turn at once: the turn varies over the picture by a third.
    patchy = scenes.clouds(160, max(2, 160 * height // width), np.random.default_rng(3), 1.0, 5) * 0.66 + 0.67
    vary = cv2.resize(patchy, (width, height), interpolation=cv2.INTER_LINEAR)

    def change(part: Pixels, rows: slice) -> Pixels:
        lab, weight = greenery(part)
        weight = weight * min(amount, 1.0)
        radians = np.radians(turn * (vary[rows] if kind == "autumn" else 1.0)) * weight
        cos, sin = np.cos(radians), np.sin(radians)
        strength = 1 + (factor - 1) * weight
        a, b = lab[..., 1] * cos - lab[..., 2] * sin, lab[..., 1] * sin + lab[..., 2] * cos
        lab[..., 1], lab[..., 2] = a * strength, b * strength
        lab[..., 0] += step * weight
        if kind == "winter":
            # The whole scene cools a little, not the leaves alone.
            lab[..., 2] -= 5 * min(amount, 1.0)
        return np.asarray(np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * 255 + 0.5, 0, 255), np.uint8)

    return in_bands(rgb, change)


def _distance(rgb: Pixels) -> Plane:
    """A guess at how far away each row and region is, 0 near to 1 far: sky is far, the lower edge near."""
    height, width = rgb.shape[:2]
    size = (max(1, width // 4), max(1, height // 4))
    rows = np.linspace(1, 0, size[1], dtype=np.float32)[:, None] ** 0.8
    far = np.repeat(rows, size[0], axis=1)
    sky = find_sky(rgb)
    if sky is not None:
        far = np.maximum(far, cv2.resize(sky, size, interpolation=cv2.INTER_LINEAR))
    return np.asarray(cv2.resize(cv2.GaussianBlur(far, (0, 0), size[0] / 60 + 1), (width, height)), np.float32)


def _fog(rgb: Pixels, amount: float) -> Pixels:
    height, width = rgb.shape[:2]
    drift = scenes.clouds(256, max(2, 256 * height // width), np.random.default_rng(11), 2.5)
    cloud = cv2.resize(drift, (width, height), interpolation=cv2.INTER_CUBIC)
    thick = np.clip(amount * (0.35 + 0.75 * _distance(rgb)) * (0.8 + 0.4 * cloud), 0, 0.94)
    # Fog is lit by the scene: white by day, dim at night.
    pale = np.array([214, 219, 223], np.float32) * np.clip(0.42 + float(rgb[::8, ::8].mean()) / 150, 0.5, 1)

    def change(part: Pixels, rows: slice) -> Pixels:
        weight = thick[rows][..., None]
        return np.asarray(part + (pale - part) * weight + 0.5, np.uint8)

    return in_bands(rgb, change)


def _streaks(rgb: Pixels, number: float, length: float, width: float, seed: int) -> Plane:
    """Falling drops as short lines, 0..1; drawn at a fixed size so that they look alike on every photo."""
    height, wide = rgb.shape[:2]
    scale = 1600 / max(height, wide)
    h, w = max(8, round(height * scale)), max(8, round(wide * scale))
    random = np.random.default_rng(seed)
    plane = np.zeros((h, w), np.float32)
    for x, y, strength in random.random((int(number * h * w / 1e6), 3)):
        start = (int(x * w), int(y * h))
        reach = length * (0.5 + strength)
        cv2.line(
            plane,
            start,
            (int(start[0] - 0.18 * reach), int(start[1] + reach)),
            0.25 + 0.5 * strength,
            max(1, round(width)),
            cv2.LINE_AA,
        )
    return np.asarray(
        cv2.resize(cv2.GaussianBlur(plane, (0, 0), 0.7), (wide, height), interpolation=cv2.INTER_LINEAR), np.float32
    )


def _rain(rgb: Pixels, amount: float) -> Pixels:
    drops = _streaks(rgb, 2600 * amount, 46, 1, 5)
    grey = skies.relight(rgb, "overcast")
    veil = 0.16 * amount

    def change(part: Pixels, rows: slice) -> Pixels:
        base = part * (0.9 - 0.14 * amount)
        base = base + (np.array([150, 158, 166], np.float32) - base) * veil
        light = drops[rows][..., None] * 0.75
        return np.asarray(np.clip(base + (np.array([226, 232, 238]) - base) * light + 0.5, 0, 255), np.uint8)

    return in_bands(grey, change)


def _snow(rgb: Pixels, amount: float) -> Pixels:
    height, width = rgb.shape[:2]
    scale = 1600 / max(height, width)
    h, w = max(8, round(height * scale)), max(8, round(width * scale))
    random = np.random.default_rng(9)
    flakes = np.zeros((h, w), np.float32)
    for x, y, near in random.random((int(1500 * amount * h * w / 1e6), 3)):
        cv2.circle(
            flakes,
            (int(x * w), int(y * h)),
            max(1, round(0.8 + 5.5 * near**5)),
            0.55 + 0.45 * (1 - near),
            -1,
            cv2.LINE_AA,
        )
    flakes = cv2.resize(cv2.GaussianBlur(flakes, (0, 0), 1.1), (width, height), interpolation=cv2.INTER_LINEAR)
    cold = skies.relight(rgb, "overcast")

    def change(part: Pixels, rows: slice) -> Pixels:
        base = part * 0.94 + np.array([10, 13, 17], np.float32) * amount
        return np.asarray(np.clip(base + (252 - base) * flakes[rows][..., None] + 0.5, 0, 255), np.uint8)

    return in_bands(cold, change)


def _night(rgb: Pixels, amount: float) -> Pixels:
    return _towards(rgb, skies.relight(rgb, "night"), amount)


def _golden(rgb: Pixels, amount: float) -> Pixels:
    height, width = rgb.shape[:2]
    lit = skies.relight(rgb, "sunset")
    y, x = np.mgrid[0 : max(2, height // 8), 0 : max(2, width // 8)].astype(np.float32)
    glow = np.exp(-(((x / x.shape[1] - 0.85) / 0.6) ** 2 + ((y / x.shape[0] - 0.15) / 0.6) ** 2))
    glow = cv2.resize(glow, (width, height), interpolation=cv2.INTER_LINEAR) * 0.34

    def change(part: Pixels, rows: slice) -> Pixels:
        warm = np.array([255, 196, 110], np.float32)
        base = part.astype(np.float32) * 1.1
        return np.asarray(np.clip(255 - (255 - base) * (1 - warm / 255 * glow[rows][..., None]), 0, 255), np.uint8)

    return _towards(rgb, in_bands(lit, change), amount)


def _towards(before: Pixels, after: Pixels, amount: float) -> Pixels:
    return after if amount >= 1 else np.asarray(cv2.addWeighted(after, amount, before, 1 - amount, 0), np.uint8)


FAMILY = Family(OPERATIONS, everywhere(read), apply, describe)
