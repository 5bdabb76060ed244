"""Reading a place again after an edit: is the new word there, and is nothing left of the old one?"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import cv2
import numpy as np

from kontext_ui.basic.lettering.finding import Match, find, folded
from kontext_ui.basic.vision.reader import READER, Line, Quad, can_read
from kontext_ui.edits import Pixels, Rectangle

LEGIBLE = 0.8
"""Share of a caption's letters that has to be read back."""
LEAST_SCORE, LEAST_LEFT_SCORE = 0.3, 0.5
"""How sure the reader must be of the wanted word at its known place, and of letters that should not be there."""


def replaced(rgb: Pixels, old: Match, quad: Quad, new: str) -> bool:
    """Whether exactly ``new`` is read at ``quad``, and no letter of the old word next to it."""
    lines, corner = _read(rgb, _hull(old.quad, quad))
    there = np.asarray(quad - corner, np.float32)
    return _stands(rgb, lines, there, quad, new) and not _left_over(lines, old, corner, there)


def cleared(rgb: Pixels, old: Match) -> bool:
    """Whether no letter is read any more where the old word was."""
    lines, corner = _read(rgb, old.quad)
    return not _left_over(lines, old, corner, None)


def captioned(rgb: Pixels, place: Rectangle, text: str) -> bool:
    """Whether a caption can be read where it was set. Characters that the reader does not know are not checked."""
    if not can_read(text):
        return True
    pad = max(8, place.height // 4)
    rows = slice(max(0, place.y - pad), place.y + place.height + pad)
    columns = slice(max(0, place.x - pad), place.x + place.width + pad)
    lines = sorted(READER.read(np.ascontiguousarray(rgb[rows, columns]), LEAST_SCORE), key=lambda line: line.quad[0][1])
    said = folded("".join(line.text for line in lines))
    return folded(text) in said or difflib.SequenceMatcher(None, folded(text), said).ratio() > LEGIBLE


def _read(rgb: Pixels, quad: Quad) -> tuple[list[Line], Quad]:
    """The lines at a place and a little around it, and where the part that was read begins in the photo."""
    low, high = quad.min(axis=0), quad.max(axis=0)
    width, high_px = (float(v) for v in high - low)
    # The reader sees a very flat part much enlarged, which takes time and helps nothing.
    pad = np.array([0.5 * high_px, max(0.5 * high_px, 0.3 * width - high_px / 2)]) + 6
    x, y = (int(v) for v in np.maximum(0, low - pad))
    right, bottom = (int(v) for v in np.minimum((rgb.shape[1], rgb.shape[0]), high + pad + 1))
    corner = np.array([x, y], np.float32)
    return [line for line in READER.read(rgb[y:bottom, x:right], LEAST_SCORE) if _touches(line, quad - corner)], corner


def _stands(rgb: Pixels, lines: Sequence[Line], there: Quad, quad: Quad, wanted: str) -> bool:
    if any(match.quality != 1 and _same_extent(match, there) for match in find(lines, wanted)):
        return True
    text, _ = READER.read_strip(_strip_of(rgb, quad))
    return folded(text) == folded(wanted)


def _touches(line: Line, quad: Quad) -> bool:
    overlap = np.minimum(line.quad.max(axis=0), quad.max(axis=0)) - np.maximum(line.quad.min(axis=0), quad.min(axis=0))
    return bool((overlap > 0).all())


def _same_extent(match: Match, quad: Quad) -> bool:
    """Whether a match begins and ends where the word was written, give or take a letter."""
    height = float(np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1])) / 2
    read, written = _along(match.quad, quad), _along(quad, quad)
    return all(abs(a - b) < 0.75 * height for a, b in zip(read, written, strict=True))


def _left_over(lines: Sequence[Line], old: Match, corner: Quad, new_quad: Quad | None) -> bool:
    axis_of = np.asarray(old.quad - corner, np.float32)
    before = _along(axis_of, axis_of)
    after = (np.inf, -np.inf) if new_quad is None else _along(new_quad, axis_of)
    slack = 0.35 * old.line.height_px
    for line in lines:
        if line.score < LEAST_LEFT_SCORE or not _touches(line, axis_of):
            continue
        begin, end = _along(line.quad, axis_of)
        for letter, middle in zip(line.text, line.middles, strict=True):
            at = begin + middle * (end - begin)
            of_old = letter.isalnum() and before[0] + slack < at < before[1] - slack
            if of_old and _level(line, axis_of) and not after[0] - slack < at < after[1] + slack:
                return True
    return False


def _level(line: Line, quad: Quad) -> bool:
    """Whether a line stands on the quad's row and not on the one above or below."""
    down = quad[3] - quad[0]
    off = float((line.quad.mean(axis=0) - quad.mean(axis=0)) @ down) / max(float(down @ down), 1e-6)
    return abs(off) < 0.5


def _along(quad: Quad, axis_of: Quad) -> tuple[float, float]:
    """Where a quad begins and ends along another's reading direction, in pixels."""
    axis = (axis_of[1] - axis_of[0]) / max(float(np.linalg.norm(axis_of[1] - axis_of[0])), 1e-6)
    places = quad @ axis
    return float(places[0] + places[3]) / 2, float(places[1] + places[2]) / 2


def _hull(one: Quad, other: Quad) -> Quad:
    low = np.minimum(one.min(axis=0), other.min(axis=0))
    high = np.maximum(one.max(axis=0), other.max(axis=0))
    return np.array([low, [high[0], low[1]], high, [low[0], high[1]]], np.float32)


def _strip_of(rgb: Pixels, quad: Quad) -> Pixels:
    height = max(12.0, float(np.linalg.norm(quad[3] - quad[0])))
    width = max(height, float(np.linalg.norm(quad[1] - quad[0])))
    pad = 0.3 * height
    corners = np.array([[pad, pad], [pad + width, pad], [pad + width, pad + height], [pad, pad + height]], np.float32)
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), corners)
    size = (round(width + 2 * pad), round(height + 2 * pad))
    return np.asarray(cv2.warpPerspective(rgb, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
