"""Colours by name: reading them, and where in the picture they are."""

from __future__ import annotations

import re
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from kontext_ui.edits import Pixels

NAMES = {
    "red": "d1202a", "crimson": "b0132e", "scarlet": "e0241b", "maroon": "6d1220", "burgundy": "701c2f",
    "pink": "f28cb1", "rose": "e8607f", "magenta": "d6218e", "fuchsia": "e0218a", "salmon": "f4846f",
    "coral": "ff7256", "orange": "f27a1a", "peach": "fbb98c", "apricot": "fbb37b", "amber": "ffb000", "gold": "d4a32c",
    "golden": "d4a32c", "yellow": "f5d312", "mustard": "d2a520", "lemon": "fbe84a", "cream": "f6ecd2",
    "beige": "ddcaa4", "ivory": "f7f1de", "khaki": "a89a68", "tan": "c9a477", "brown": "754a2a", "chocolate": "5b3420",
    "bronze": "a9703b", "copper": "b56a3c", "olive": "75772d", "lime": "98d520", "green": "2a9440",
    "emerald": "0c9c66", "mint": "9be0bf", "teal": "0b7d80", "turquoise": "22c3bd", "cyan": "16c5d9", "aqua": "2fcbd3",
    "blue": "1f5fc9", "azure": "2a8fe0", "cobalt": "1547a5", "navy": "14235a", "indigo": "3f2d91",
    "violet": "7c3fc4", "purple": "7a2fa5", "lavender": "b9a5e2", "lilac": "c3a3d6", "mauve": "ad86a9",
    "white": "f4f4f2", "black": "141416", "grey": "808184", "silver": "b9bcc0", "charcoal": "36393d",
}  # fmt: skip
"""sRGB in hexadecimal, as people draw these words rather than as the web defined them."""
WORDS = frozenset(NAMES)
SHADES = {"light": 18.0, "pale": 24.0, "pastel": 22.0, "bright": 9.0, "vivid": 4.0, "dark": -20.0, "deep": -13.0}
"""What a word before a colour adds to its lightness, in CIE L*."""
FADED = {"pale": 0.65, "pastel": 0.55, "vivid": 1.25, "bright": 1.15}
HEX = re.compile(r"#?([0-9a-f]{6})")
ALIASES = {"sky-blue": "azure", "navy-blue": "navy", "gray": "grey"}
COMPARED = {"darker": "dark", "lighter": "light", "deeper": "deep", "paler": "pale", "brighter": "bright"}
NEUTRAL_CHROMA = 14.0
"""Below this chroma, in CIE LAB, people call a surface black, grey or white."""


def read(tokens: Sequence[str], index: int) -> tuple[str, int]:
    """The colour that starts at a word, and how many words it takes; ``("", 0)`` when there is none."""
    if index >= len(tokens):
        return "", 0
    word = ALIASES.get(tokens[index], tokens[index])
    word = COMPARED.get(word, word)
    if word in SHADES and index + 1 < len(tokens):
        following = ALIASES.get(tokens[index + 1], tokens[index + 1])
        if following in NAMES:
            return f"{word} {following}", 2
    if word in NAMES:
        following = tokens[index + 1] if index + 1 < len(tokens) else ""
        # "Navy blue" and "golden yellow" are the first word; "red blue" is not a colour.
        both = following in NAMES and (word, following) in DOUBLES
        return word, 2 if both else 1
    if word == "#" and index + 1 < len(tokens) and HEX.fullmatch(tokens[index + 1]):
        return f"#{tokens[index + 1]}", 2
    return (word, 1) if word.startswith("#") and HEX.fullmatch(word) else ("", 0)


DOUBLES = frozenset(
    (("navy", "blue"), ("cobalt", "blue"), ("azure", "blue"), ("lime", "green"), ("olive", "green"), ("mint", "green"),
     ("emerald", "green"), ("golden", "yellow"), ("lemon", "yellow"), ("charcoal", "grey"), ("silver", "grey"),
     ("rose", "red"), ("teal", "blue"), ("crimson", "red"), ("coral", "red"), ("peach", "pink"), ("rose", "pink"))
)  # fmt: skip


def lab(name: str) -> tuple[float, float, float]:
    """CIE L* (0..100), a* and b* of a colour as ``read`` returns it."""
    shade, _, base = name.rpartition(" ")
    code = NAMES.get(base, base.lstrip("#"))
    rgb = np.array([[[int(code[i : i + 2], 16) for i in (0, 2, 4)]]], np.float32) / 255
    lightness, a, b = (float(v) for v in cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[0, 0])
    factor = FADED.get(shade, 1.0)
    return float(np.clip(lightness + SHADES.get(shade, 0.0), 4, 97)), a * factor, b * factor


def srgb(name: str) -> tuple[int, int, int]:
    values = np.array([[lab(name)]], np.float32)
    red, green, blue = np.clip(cv2.cvtColor(values, cv2.COLOR_LAB2RGB)[0, 0] * 255 + 0.5, 0, 255).astype(int).tolist()
    return red, green, blue


def flat(name: str) -> tuple[int, int, int]:
    """For surfaces of one colour, such as a border: there white and black are pure, as shops and passports ask."""
    return {"white": (255, 255, 255), "black": (0, 0, 0)}.get(name) or srgb(name)


def where(rgb: Pixels, name: str) -> NDArray[np.float32]:
    """How well each pixel fits a colour's name, 0..1: hue and chroma for colours, lightness for black, grey, white."""
    values = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lightness, chroma = values[..., 0], np.hypot(values[..., 1], values[..., 2])
    wanted = lab(name)
    own = float(np.hypot(wanted[1], wanted[2]))
    if own < NEUTRAL_CHROMA:
        neutral = _soft(chroma, NEUTRAL_CHROMA, NEUTRAL_CHROMA + 8)
        distance = np.abs(lightness - wanted[0])
        return np.asarray(neutral * _soft(distance, 22, 36), np.float32)
    hue = np.arctan2(values[..., 2], values[..., 1])
    away = np.abs((hue - np.arctan2(wanted[2], wanted[1]) + np.pi) % (2 * np.pi) - np.pi)
    coloured = 1 - _soft(chroma, 0.22 * own, 0.42 * own)
    fits = _soft(np.degrees(away), 22, 36) * coloured
    if name.split()[-1] in ("brown", "pink", "orange", "beige", "navy", "chocolate", "peach"):
        # These share a hue with a brighter or stronger colour.
        fits = fits * _soft(np.abs(lightness - wanted[0]), 26, 40)
    return np.asarray(fits, np.float32)


def _soft(values: NDArray[np.floating], full: float, none: float) -> NDArray[np.float32]:
    """1 up to ``full``, 0 from ``none`` on."""
    return np.asarray(np.clip((none - values) / (none - full), 0, 1), np.float32)
