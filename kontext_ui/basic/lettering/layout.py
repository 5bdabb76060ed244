"""How a new word takes an old one's place: how much room there is, and how wide and where the word stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from kontext_ui.basic.lettering.faces import draw
from kontext_ui.basic.lettering.finding import Match
from kontext_ui.basic.lettering.fit import Fit
from kontext_ui.basic.lettering.strip import Matrix, Plane, warp_back
from kontext_ui.basic.vision.reader import Line
from kontext_ui.edits import Mask, Pixels

BAND_PX = 40
"""Height of the letters in the flattened copy in which the ground next to them is examined."""
REACH = 1.6
"""How far the ground next to the old word is examined, in widths of it; at least ``LEAST_REACH`` heights."""
LEAST_REACH = 4.0
STEP = 9.0
"""CIE LAB distance over a quarter of a letter's height from which the ground is held to end."""
DRIFT = 26.0
PAD, WORD_PAD = 0.22, 0.4
"""Room kept free before an edge, and before the next word of the line, in heights of the letters."""
CONDENSED = 0.74
"""The narrowest that a face is squeezed before the letters also become smaller."""
SMALLEST = 0.5
"""The smallest that letters become to fit, of the old letters' height."""


@dataclass(frozen=True, eq=False)
class Room:
    """From where to where a word may reach, in pixels of the old drawing from its pen's start."""

    left: float
    right: float


def room(rgb: Pixels, to_photo: Matrix, fit: Fit, painted: Mask | None, ends: tuple[bool, bool] = (True, True)) -> Room:
    """``to_photo`` leads from the strip to the photo. The ground ends at an edge, a word or the picture's border.

    ``ends``: whether the old word is the first, and the last, of its line.
    """
    left, top, right, bottom = draw(fit.text, fit.style).ink()
    scale = (bottom - top) / BAND_PX
    reach = max(REACH * (right - left), LEAST_REACH * (bottom - top))
    origin = np.array([[scale, 0, left - reach], [0, scale, top - 0.1 * (bottom - top)], [0, 0, 1]], np.float64)
    size = (round((right - left + 2 * reach) / scale), round(1.2 * BAND_PX))
    matrix = to_photo @ fit.to_strip @ origin
    px = float(np.sqrt(abs(np.linalg.det((matrix / matrix[2, 2])[:2, :2]))))
    flat = warp_back(rgb, matrix, size, px)
    soft = cv2.GaussianBlur(flat, (0, 0), 0.8).astype(np.float32) / 255
    lab = np.asarray(cv2.cvtColor(soft, cv2.COLOR_RGB2LAB), np.float32)
    allowed = _allowed(rgb.shape[:2], matrix, size, painted)
    start, end = round(reach / scale), round((right - left + reach) / scale)
    free_left = _free(lab[:, :start][:, ::-1], allowed[:start][::-1])
    free_right = _free(lab[:, end:], allowed[end:])
    pads = [BAND_PX * (PAD if end else WORD_PAD) for end in ends]
    return Room(left - max(0.0, free_left - pads[0]) * scale, right + max(0.0, free_right - pads[1]) * scale)


def _allowed(shape: tuple[int, ...], matrix: Matrix, size: tuple[int, int], painted: Mask | None) -> np.ndarray:
    whole = np.full(shape[:2], 255, np.uint8) if painted is None else painted
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpPerspective(whole, matrix, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray((seen > 127).mean(axis=0) > 0.95)


def _free(lab: Plane, allowed: np.ndarray) -> float:
    """How many columns from the first on show the same ground."""
    skip, back = round(0.1 * BAND_PX), round(0.25 * BAND_PX)
    if lab.shape[1] <= skip + back:
        return 0.0
    first = lab[:, skip : skip + back // 2].mean(axis=1)
    for column in range(skip, lab.shape[1]):
        if not allowed[column]:
            return float(column)
        nearer = lab[:, max(skip, column - back)]
        step = np.linalg.norm(lab[:, column] - nearer, axis=1)
        drift = np.linalg.norm(lab[:, column] - first, axis=1)
        if np.quantile(step, 0.85) > STEP or np.quantile(drift, 0.7) > DRIFT:
            return float(max(0, column - back // 4))
    return float(lab.shape[1])


def placed(fit: Fit, new: str, space: Room, align: str) -> Matrix | None:
    """From the new drawing's pixels to the old one's; ``None`` when even small letters do not fit."""
    old_left, top, old_right, bottom = draw(fit.text, fit.style).ink()
    left, _, right, _ = draw(new, fit.style).ink()
    natural, free = float(right - left), space.right - space.left
    squeeze, size = 1.0, 1.0
    if natural > free:
        squeeze = max(CONDENSED, free / natural)
        size = min(1.0, free / (natural * squeeze))
        if size < SMALLEST:
            return None
    width = natural * squeeze * size
    start = {"left": old_left, "right": old_right - width}.get(align, (old_left + old_right - width) / 2)
    start = min(max(start, space.left), space.right - width)
    return np.array(
        [[squeeze * size, 0, start - left * squeeze * size], [0, size, (1 - size) * (top + bottom) / 2], [0, 0, 1]],
        np.float64,
    )


def alignment(match: Match, lines: Sequence[Line]) -> str:
    """``left``, ``right`` or ``centre``: from the words next to it, or else from the lines above and below."""
    before = any(letter.isalnum() for letter in match.line.text[: match.start])
    after = any(letter.isalnum() for letter in match.line.text[match.end :])
    if before or after:
        return "right" if after and not before else "left"
    line = match.line
    axis = (line.quad[1] - line.quad[0]) / max(line.width_px, 1e-6)
    votes = {"left": 0, "centre": 0}
    for other in lines:
        offset = other.quad.mean(axis=0) - line.quad.mean(axis=0)
        if other is line or np.linalg.norm(offset) > 4 * line.height_px + line.width_px / 2:
            continue
        left = abs(float((other.quad[0] - line.quad[0]) @ axis))
        centre = abs(float(offset @ axis))
        if min(left, centre) < 0.6 * line.height_px:
            votes["left" if left < centre else "centre"] += 1
    return "left" if votes["left"] > votes["centre"] else "centre"
