"""The carried typefaces, and words drawn in them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from kontext_ui.paths import ASSETS

Plane = NDArray[np.float32]

FOLDER = ASSETS / "fonts"
NAMES = ("sans", "sans-bold", "humanist", "geometric", "highway", "condensed", "mono", "serif", "slab", "rounded",
         "hand-capitals", "hand")  # fmt: skip
HAND_DRAWN = frozenset(("hand-capitals", "hand"))
EM_PX = 96
MISSING = "\U0010fffe"
"""A code point that no face has a glyph for."""


@dataclass(frozen=True)
class Style:
    """``tracking``: extra space between letters in em, ``space``: between words; ``weight``: thickening in em, negative
    for thinner."""

    face: str
    tracking: float = 0.0
    weight: float = 0.0
    space: float = 0.0


@dataclass(frozen=True, eq=False)
class Drawn:
    """A word as coverage 0..1. ``left`` and ``baseline`` are where the pen starts in the plane, in its pixels."""

    plane: Plane
    left: float
    baseline: float
    em_px: int

    def ink(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of what is visible, in pixels from the pen's start; the plane must not be empty."""
        x, y, width, height = cv2.boundingRect((self.plane > 0.4).astype(np.uint8))
        left, top = round(x - self.left), round(y - self.baseline)
        return left, top, left + width, top + height


def load(face: str, em_px: int = EM_PX) -> ImageFont.FreeTypeFont:
    # The plain layout gives the same pixels with and without the optional text shaping library.
    return ImageFont.truetype(str(FOLDER / f"{face}.ttf"), em_px, layout_engine=ImageFont.Layout.BASIC)


def can_draw(face: str, text: str) -> bool:
    """Whether the face has a glyph for every character."""
    font = load(face, 32)
    missing = bytes(font.getmask(MISSING))
    return all(letter.isspace() or bytes(font.getmask(letter)) != missing for letter in set(text))


def draw(text: str, style: Style, em_px: int = EM_PX) -> Drawn:
    font = load(style.face, em_px)
    pens = _pens(font, text, style.tracking * em_px, style.space * em_px)
    pad = em_px // 2
    ascent, descent = font.getmetrics()
    size = (round(pens[-1]) + 2 * pad, ascent + descent + 2 * pad)
    image = Image.new("L", size)
    canvas = ImageDraw.Draw(image)
    for letter, pen in zip(text, pens, strict=False):
        # Drawn one by one and joined by the larger value, since overlapping script letters must not cut each other.
        if not letter.isspace():
            canvas.text((pad + pen, pad + ascent), letter, fill=255, font=font, anchor="ls")
    plane = np.asarray(image).astype(np.float32) / np.float32(255)
    return Drawn(thickened(np.asarray(plane, np.float32), style.weight * em_px), pad, pad + ascent, em_px)


def _pens(font: ImageFont.FreeTypeFont, text: str, tracking_px: float, space_px: float) -> list[float]:
    """Where each letter starts, and where the last one ends."""
    pens = [0.0]
    for index, letter in enumerate(text):
        following = text[index + 1 : index + 2]
        advance = (
            font.getlength(letter + following) - font.getlength(following) if following else font.getlength(letter)
        )
        pens.append(pens[-1] + advance + tracking_px + (space_px if letter.isspace() else 0.0))
    return pens


def thickened(plane: Plane, by_px: float) -> Plane:
    """Every edge moved outwards by this many pixels, inwards when negative."""
    if abs(by_px) < 0.05:
        return plane
    inside = (plane > 0.5).astype(np.uint8)
    outer = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    inner = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    return np.asarray(np.clip(inner - outer + by_px + 0.5 * np.where(inside > 0, 0, 1), 0, 1), np.float32)
