"""Whether an edit affects the whole frame: a new tone, a new style, another picture.

Such edits touch little in flat or dark places, so counting changed pixels alone would miss them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from kontext_ui.edits import Pixels

_Rows = NDArray[np.float64]
_Plane = NDArray[np.float32]

_CELLS = 8
_COLOURFUL = 12.0
"""Chroma in 8-bit steps from which a sample says something about saturation."""
_VISIBLE = 16.0
"""Difference in 8-bit steps that is too large to be colour drift."""
_BLOCK = 16
_REST_SHARE = 0.25
_REST_STRUCTURE = 0.8
_REST_OFF, _REST_OFF_RAW = 6.0, 4.0
"""What makes the rest of a frame the photo. On real answers it was at least 0.27 of the frame where an edit was local,
with a structure of at least 0.93 and at most 3 steps off; at most 0.1 of it where it was not."""
_TELLING = (48.0, 250.0)
"""Brightness between which a new tone shows."""


@dataclass(frozen=True)
class Extent:
    """What was found about the frame as a whole."""

    toned: bool
    """One change of saturation or brightness explains what is different, all over the picture."""
    structure: float
    """How well the fine structure of textured blocks agrees, -1..1; the median over all blocks."""

    @property
    def whole_frame(self) -> bool:
        return self.toned or self.structure < 0.35


@dataclass(frozen=True)
class Rest:
    """What was found about the frame away from the change."""

    share: float
    """Of the frame, 0..1."""
    telling: float
    """Share of the frame that is neither near black nor near white, so that a new tone would show there."""
    structure: float
    """How well the fine structure of textured blocks agrees, -1..1; the median."""
    off: float
    """Difference in 8-bit steps after colour matching, the median over blocks."""
    off_raw: float
    """The same before colour matching."""

    def is_photo(self, toned: bool) -> bool:
        """Whether it is large enough to judge by, and the photo. ``toned``: a new tone may explain what differs."""
        same = self.share >= _REST_SHARE and self.structure >= _REST_STRUCTURE and self.off <= _REST_OFF
        return same and (not toned or (self.telling >= _REST_SHARE and self.off_raw <= _REST_OFF_RAW))


def find_rest(sent: Pixels, answer: Pixels, matched: Pixels, away: NDArray[np.bool_]) -> Rest:
    """Judge two registered pictures ``away`` from the change; ``matched`` is the answer in the sent one's colours."""
    first, second = _detail(sent), _detail(matched)
    own, other, both = (_blocks(p) for p in (first * first, second * second, first * second))
    inside = _blocks(away.astype(np.float32), own.shape) > 0.8
    before, after, raw = (_blocks(p, own.shape).astype(np.float32) for p in (sent, matched, answer))
    light = before.mean(axis=2)
    telling = inside & (light > _TELLING[0]) & (light < _TELLING[1])
    textured = inside & (own > 9.0)
    agree = both[textured] / np.sqrt(own[textured] * np.maximum(other[textured], 1.0))
    off, off_raw = (
        float(np.median(np.abs(p - before).max(axis=2)[inside])) if inside.any() else 255.0 for p in (after, raw)
    )
    structure = float(np.median(agree)) if len(agree) >= 20 else 1.0
    return Rest(float(inside.mean()), float(telling.mean()), structure, off, off_raw)


def find_extent(sent: Pixels, answer: Pixels, valid: NDArray[np.bool_]) -> Extent:
    """Judge two registered pictures of the same size, before any colour matching."""
    before, after, where = _samples(sent, answer, valid)
    toned = len(before) > 200 and (_desaturated(before, after, where) or _retoned(before, after, where))
    return Extent(toned, _structure(sent, answer))


def _samples(sent: Pixels, answer: Pixels, valid: NDArray[np.bool_]) -> tuple[_Rows, _Rows, NDArray[np.int64]]:
    """Colours of 12 × 12 blocks, and in which of the frame's cells each one lies."""
    height, width = valid.shape
    size = (max(1, width // 12), max(1, height // 12))
    first, second = (cv2.resize(p, size, interpolation=cv2.INTER_AREA).astype(np.float64) for p in (sent, answer))
    inside = cv2.resize(valid.view(np.uint8), size, interpolation=cv2.INTER_AREA) == 1
    rows, columns = np.indices(inside.shape)
    cell = (rows * _CELLS // size[1]) * _CELLS + columns * _CELLS // size[0]
    return first[inside], second[inside], cell[inside]


def _spread(where: NDArray[np.int64]) -> float:
    return len(np.unique(where)) / _CELLS**2


def _desaturated(before: _Rows, after: _Rows, where: NDArray[np.int64]) -> bool:
    """Colour was removed (or much added) wherever there was some."""
    first, second = _chroma(before), _chroma(after)
    strength = np.linalg.norm(first, axis=1)
    some = strength > _COLOURFUL
    if some.sum() < 50 or _spread(where[some]) < 0.2:
        return False
    # A drift of all colours shifts the greys; what is left of the shift in colourful places is saturation.
    grey = second[~some] - first[~some] if (~some).sum() >= 100 else second - first
    factor = (first[some] * (second[some] - np.median(grey, axis=0))).sum(axis=1) / strength[some] ** 2
    middle = float(np.median(factor))
    return abs(middle - 1) > 0.4 and float((np.abs(factor - middle) < 0.3).mean()) > 0.8


def _chroma(rows: _Rows) -> _Rows:
    return cast(_Rows, rows - rows.mean(axis=1, keepdims=True))


def _retoned(before: _Rows, after: _Rows, where: NDArray[np.int64]) -> bool:
    """A plain brightness curve per channel explains nearly all that differs."""
    off = np.abs(after - before).max(axis=1)
    seen = off > _VISIBLE
    if seen.sum() < 50 or _spread(where[seen]) < 0.3:
        return False
    bins = (before.mean(axis=1) / 16).astype(np.int64).clip(0, 15)
    weight = 1.0 / np.maximum(np.bincount(bins, minlength=16), len(bins) / 200)[bins]
    curves = [_parabola(before[:, c], after[:, c], weight) for c in range(3)]
    explained = np.stack([np.polyval(curve, before[:, c]) for c, curve in enumerate(curves)], axis=1)
    error = np.abs(after - explained).max(axis=1)
    good = error < np.maximum(6.0, 0.3 * off)
    return float(good[seen].mean()) > 0.8 and float((weight * good).sum() / weight.sum()) > 0.8


def _parabola(source: _Rows, target: _Rows, weight: _Rows) -> _Rows:
    trust = weight
    solution = np.array([0.0, 1.0, 0.0])
    powers = np.stack([source * source, source, np.ones_like(source)])
    for _ in range(6):
        weighted = powers * trust
        solution = np.linalg.lstsq(weighted @ powers.T, weighted @ target, rcond=None)[0]
        error = np.abs(solution @ powers - target)
        scale = max(4.0, 2.0 * float(np.average(error, weights=weight)))
        trust = weight / (1.0 + (error / scale) ** 2) ** 2
    return cast(_Rows, solution)


def _structure(sent: Pixels, answer: Pixels) -> float:
    first, second = _detail(sent), _detail(answer)
    own, other, both = (_blocks(p) for p in (first * first, second * second, first * second))
    textured = own > max(9.0, 0.5 * float(np.median(own)))
    if textured.sum() < 20:
        return 1.0
    return float(np.median(both[textured] / np.sqrt(own[textured] * np.maximum(other[textured], 1.0))))


def _blocks(plane: _Plane | Pixels, shape: tuple[int, ...] | None = None) -> _Plane:
    """Averages over blocks of a plane, or over as many blocks (rows, columns) as said."""
    rows, columns = shape or (max(1, plane.shape[0] // _BLOCK), max(1, plane.shape[1] // _BLOCK))
    return cast(_Plane, cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA))


def _detail(pixels: Pixels) -> _Plane:
    """Brightness structure of 2 to 12 pixels."""
    half = (pixels.shape[1] // 2, pixels.shape[0] // 2)
    gray = cv2.cvtColor(cv2.resize(pixels, half, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY).astype(np.float32)
    return cast(_Plane, cv2.GaussianBlur(gray, (0, 0), 0.8) - cv2.GaussianBlur(gray, (0, 0), 5.0))
