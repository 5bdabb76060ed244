"""Drawn backgrounds and skies. They are drawn, and the answer says so."""

from __future__ import annotations

import zlib

import cv2
import numpy as np
from numpy.typing import NDArray

from kontext_ui.basic.language import colours
from kontext_ui.edits import Pixels

Plane = NDArray[np.float32]
DRAWN_PX = 1280
"""Longest side at which scenes are drawn: they are soft, and enlarging them shows no edge."""

LABELS = {
    "beach": "a beach at sunset",
    "night": "a night sky with stars",
    "forest": "a forest out of focus",
    "city": "city lights out of focus",
    "snow": "a snowy landscape",
    "sunset": "a sunset",
    "meadow": "a green meadow",
    "ocean": "the open sea",
}
WORDS = {
    "beach": "beach sunset-beach seaside shore tropical",
    "night": "night stars starry space galaxy night-sky",
    "forest": "forest woods woodland jungle trees forest-bokeh",
    "city": "city street night-city skyline downtown urban bokeh lights city-lights city-bokeh",
    "snow": "snow snowy winter snowfield",
    "sunset": "sunset sunrise dusk dawn",
    "meadow": "meadow field grass lawn park garden",
    "ocean": "ocean sea water lake",
}
BESIDE = frozenset(
    "a an the sky scene landscape sunset beach bokeh out of focus blurred blurry at with lights in soft night".split()
)


def read(what: str) -> str:
    """The scene that some words name, or "" when there is none like it."""
    words = what.split()
    for scene, known in WORDS.items():
        named = known.split()
        rest = [word for word in words if word not in named and word not in BESIDE]
        if len(rest) == 0 and any(word in named or "-".join(words) in named for word in words):
            return scene
    return ""


def draw(scene: str, width: int, height: int) -> Pixels:
    """The same size and scene give the same picture."""
    scale = min(1.0, DRAWN_PX / max(width, height))
    w, h = max(8, round(width * scale)), max(8, round(height * scale))
    random = np.random.default_rng(zlib.crc32(scene.encode()))
    drawn = _SCENES[scene](w, h, random)
    large = cv2.resize(np.clip(drawn, 0, 255).astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    # A grain of half a step keeps the enlarged gradients from banding.
    return np.asarray(large, np.uint8)


def studio(width: int, height: int, colour: str) -> Pixels:
    """Paper that curves from wall to floor, lit from above."""
    y, x = _grid(width, height, 640)
    base = np.asarray(colours.srgb(colour), np.float32)
    glow = np.exp(-(((x - 0.5) / 0.55) ** 2 + ((y - 0.38) / 0.5) ** 2))
    shade = 0.72 + 0.34 * glow - 0.06 * np.clip((y - 0.72) / 0.1, 0, 1)
    plane = np.clip(base * shade[..., None], 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def gradient(width: int, height: int, stops: tuple[tuple[float, str], ...]) -> Plane:
    """Colours from top (0) to bottom (1), mixed in linear light."""
    places = [place for place, _ in stops]
    values = np.array([[int(code[i : i + 2], 16) for i in (0, 2, 4)] for _, code in stops], np.float32) / 255
    rows = np.linspace(0, 1, height)
    linear = values**2.2
    mixed = np.stack([np.interp(rows, places, linear[:, channel]) for channel in range(3)], axis=1) ** (1 / 2.2)
    return np.repeat(mixed[:, None, :], width, axis=1).astype(np.float32) * 255


def clouds(width: int, height: int, random: np.random.Generator, stretch: float = 2.0, octaves: int = 6) -> Plane:
    """Fractal noise, 0..1, drawn out sideways as skies are."""
    total = np.zeros((height, width), np.float32)
    weight = 1.0
    for octave in range(octaves):
        cells = 2 ** (octave + 1)
        shape = (max(2, round(cells * height / max(width, height) * stretch) + 1), cells + 1)
        noise = random.random(shape, np.float32)
        total += weight * cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
        weight *= 0.55
    low, high = np.quantile(total, (0.01, 0.99))
    return np.asarray(np.clip((total - low) / (high - low), 0, 1), np.float32)


def _grid(width: int, height: int, side: int) -> tuple[Plane, Plane]:
    scale = min(1.0, side / max(width, height))
    y, x = np.mgrid[0 : max(8, round(height * scale)), 0 : max(8, round(width * scale))].astype(np.float32)
    return y / y.shape[0], x / x.shape[1]


def _discs(
    base: Plane, random: np.random.Generator, number: int, palette: tuple[str, ...], top: float, bottom: float
) -> Plane:
    """Lights out of focus: overlapping discs with a brighter rim."""
    height, width = base.shape[:2]
    glow = np.zeros_like(base)
    for _ in range(number):
        radius = max(2, int(random.uniform(0.012, 0.05) * max(width, height)))
        centre = (int(random.uniform(0, width)), int(random.uniform(top, bottom) * height))
        code = palette[int(random.integers(len(palette)))]
        colour = np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)], np.float32) * random.uniform(0.18, 0.6)
        disc = np.zeros_like(base)
        cv2.circle(disc, centre, radius, colour.tolist(), -1, cv2.LINE_AA)
        cv2.circle(disc, centre, radius, (colour * 1.35).tolist(), max(1, radius // 9), cv2.LINE_AA)
        glow = np.asarray(np.maximum(glow, disc) + 0.35 * np.minimum(glow, disc), np.float32)
    return np.asarray(base + cv2.GaussianBlur(glow, (0, 0), 1.2), np.float32)


def _beach(w: int, h: int, random: np.random.Generator) -> Plane:
    picture = gradient(w, h, ((0, "3a4a86"), (0.3, "d98a6e"), (0.5, "ffcf8a"), (0.56, "ffe0a8"), (0.561, "7d6f7c"),
                              (0.72, "3f5f7c"), (0.721, "a98a66"), (1, "d9b98c")))  # fmt: skip
    cloud = clouds(w, h, random, 5.0)[..., None] * np.clip(1 - np.linspace(0, 1.9, h), 0, 1)[:, None, None]
    picture = np.asarray(picture + cloud * np.array([46, 12, 2]), np.float32)
    y, x = _grid(w, h, 4096)
    sun = np.exp(-((((x - 0.66) * w) ** 2 + ((y - 0.5) * h) ** 2) / (0.05 * h) ** 2))
    path = np.exp(-(((x - 0.66) / 0.05) ** 2)) * ((y > 0.56) & (y < 0.72)) * (0.5 + 0.5 * np.sin(y * h * 0.9))
    picture = picture + sun[..., None] * np.array([90, 80, 50]) + path[..., None] * np.array([120, 90, 50])
    return np.asarray(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), h / 220), np.float32)


def _night(w: int, h: int, random: np.random.Generator) -> Plane:
    picture = gradient(w, h, ((0, "05081c"), (0.6, "121a3e"), (1, "2a2f5c")))
    haze = clouds(w, h, random, 1.5) ** 3
    picture = picture + haze[..., None] * np.array([40, 30, 66], np.float32)
    return picture + stars(w, h, random)[..., None]


def stars(w: int, h: int, random: np.random.Generator) -> Plane:
    """Points of light of unequal brightness, 0..255."""
    points = np.zeros((h, w), np.float32)
    number = max(40, w * h // 1800)
    points[random.integers(0, h, number), random.integers(0, w, number)] = 255 * random.random(number) ** 3
    return np.asarray(cv2.GaussianBlur(points, (0, 0), 0.8) * 3, np.float32)


def _forest(w: int, h: int, random: np.random.Generator) -> Plane:
    base = gradient(w, h, ((0, "6f8f4e"), (0.45, "3f6a38"), (1, "20371f")))
    base = base * (0.6 + 0.7 * clouds(w, h, random, 1.0)[..., None])
    lit = _discs(base, random, 70, ("c9e27a", "8fbf5a", "f2f0a8"), 0.0, 0.75)
    return np.asarray(cv2.GaussianBlur(lit, (0, 0), h / 130), np.float32)


def _city(w: int, h: int, random: np.random.Generator) -> Plane:
    base = gradient(w, h, ((0, "0b1026"), (0.6, "2a2440"), (1, "14121f")))
    return _discs(base, random, 90, ("ffb35c", "ff6f61", "6fb7ff", "ffe08a", "b98cff"), 0.2, 0.95)


def _snow(w: int, h: int, random: np.random.Generator) -> Plane:
    base = gradient(w, h, ((0, "b9c9da"), (0.52, "e4ebf1"), (0.53, "d5dfe8"), (1, "f7f9fb")))
    for _ in range(26):
        x, size = random.uniform(0, w), random.uniform(0.05, 0.16) * h
        foot = (0.5 + 0.1 * random.random()) * h
        pine = np.array([[x, foot - size], [x - size * 0.28, foot], [x + size * 0.28, foot]], np.int32)
        cv2.fillPoly(base, [pine], (118, 138, 150), cv2.LINE_AA)
    soft = cv2.GaussianBlur(base, (0, 0), h / 90)
    flakes = stars(w, h, random)[..., None] * 0.5
    return np.asarray(soft + cv2.GaussianBlur(flakes, (0, 0), 1.5)[..., None] * 2, np.float32)


def _sunset(w: int, h: int, random: np.random.Generator) -> Plane:
    return sky("sunset", w, h, random)


def _meadow(w: int, h: int, random: np.random.Generator) -> Plane:
    base = gradient(w, h, ((0, "7fb4e6"), (0.45, "d7e9f4"), (0.5, "93b46a"), (1, "4f8a35")))
    y = np.linspace(0, 1, h, dtype=np.float32)[:, None, None]
    texture = (clouds(w, h, random, 0.5)[..., None] - 0.5) * 60 * (y > 0.48)
    return np.asarray(cv2.GaussianBlur(base + texture, (0, 0), h / 110), np.float32)


def _ocean(w: int, h: int, random: np.random.Generator) -> Plane:
    base = gradient(w, h, ((0, "5f9fd8"), (0.42, "dcecf5"), (0.45, "4f86a8"), (1, "14415f")))
    y = np.linspace(0, 1, h, dtype=np.float32)[:, None, None]
    waves = (clouds(w, h, random, 9.0)[..., None] - 0.5) * 70 * (y > 0.45) * (y - 0.3)
    return np.asarray(cv2.GaussianBlur(base + waves, (0, 0), h / 200), np.float32)


def sky(kind: str, w: int, h: int, random: np.random.Generator) -> Plane:
    """An open sky that fills the frame: stormy, sunset, night, blue, overcast."""
    cloud = clouds(w, h, random, 2.4)[..., None]
    if kind == "night":
        return _night(w, h, random)
    if kind == "blue":
        base = gradient(w, h, ((0, "2f74c4"), (0.7, "8dbfe8"), (1, "cfe4f3")))
        white = np.clip((cloud - 0.55) / 0.35, 0, 1) ** 1.3 * (252 - base) * 0.92
        return np.asarray(base + white, np.float32)
    if kind == "overcast":
        return np.asarray(gradient(w, h, ((0, "9aa3ab"), (1, "dfe3e6"))) + (cloud - 0.5) * 40, np.float32)
    if kind == "stormy":
        base = gradient(w, h, ((0, "2b323b"), (0.6, "5b646d"), (1, "99a0a3")))
        return np.asarray(base * (0.45 + 0.85 * cloud) + np.clip((cloud - 0.75) / 0.25, 0, 1) * 45, np.float32)
    base = gradient(w, h, ((0, "35346f"), (0.35, "a94f72"), (0.7, "f58a4e"), (1, "ffd98a")))
    lit = np.clip((cloud - 0.45) / 0.4, 0, 1)
    low = np.linspace(0, 1, h, dtype=np.float32)[:, None, None]
    return np.asarray(base + lit * (np.array([70, 26, 6]) * (1 - low) + np.array([-40, -46, -20]) * low), np.float32)


_SCENES = {
    "beach": _beach,
    "night": _night,
    "forest": _forest,
    "city": _city,
    "snow": _snow,
    "sunset": _sunset,
    "meadow": _meadow,
    "ocean": _ocean,
}
