"""Colour drift: the smooth change of all colours that a model adds without being asked.

It is fitted on what did not change. Edits are outliers: the fit only follows the better half of the
samples, weighted so that one large sky does not decide for everything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from kontext_ui.edits import Pixels

_Samples = NDArray[np.float32]
_Curve = NDArray[np.float64]

_KNOTS = (0, 6, 16, 40, 80, 128, 176, 216, 240, 250, 255)
_END = 8
"""Values next to black and white that blend into what clipped ones stand for."""
_HOLD_SLOPE = 0.02
_HOLD_BEND = 0.05

_MAX_DRIFT = 14.0
"""Mean correction in 8-bit steps above which it is not drift but an edit of the whole picture."""
_MAX_SLOPE = 0.30


@dataclass(frozen=True, eq=False)
class ColourFit:
    """Corrects an answer's colours towards the sent picture.

    ``tables`` are three curves (red, green, blue) of 256 entries.
    """

    tables: NDArray[np.float32]
    ends: NDArray[np.float32]
    """3 × 2: what black and white of the answer stand for on average. Clipping merged several values,
    so no smooth curve holds there."""
    drift: float
    """Mean size of the correction, in 8-bit steps."""
    trusted: bool
    """False when it is too large to be drift; the correction is then the identity."""

    def apply(self, pixels: Pixels) -> Pixels:
        """For display: black and white become what they stand for on average."""
        tables = self.tables.copy()
        for curve, (black, white) in zip(tables, self.ends, strict=True):
            curve[:_END] = np.linspace(black, curve[_END], _END, endpoint=False)
            curve[-_END:] = np.linspace(white, curve[-_END - 1], _END, endpoint=False)[::-1]
        return self._looked_up(pixels, tables)

    def apply_smoothly(self, pixels: Pixels) -> Pixels:
        """For comparison: the curves continue as if nothing had been clipped."""
        return self._looked_up(pixels, self.tables)

    def apart(self, other: ColourFit) -> float:
        """Mean difference of two corrections over all values, in 8-bit steps."""
        return float(np.abs(self.tables - other.tables).mean())

    def _looked_up(self, pixels: Pixels, tables: NDArray[np.float32]) -> Pixels:
        if not self.trusted:
            return pixels
        table = np.clip(np.rint(tables), 0, 255).astype(np.uint8)
        return cast(Pixels, cv2.LUT(pixels, table.T.reshape(256, 1, 3)))


def fit_colour(sent: Pixels, answer: Pixels, valid: NDArray[np.bool_]) -> ColourFit:
    """Per-channel curves from the answer's colours to the sent picture's; both registered and of the same size."""
    target, source, clipped = _samples(sent, answer, valid)
    if len(source) < 64:
        return _none(0.0, trusted=True)
    weight = _weights(target)
    curves, ends = [], []
    for channel in range(3):
        x, y, free = source[:, channel], target[:, channel], ~clipped[:, channel]
        curves.append(_curve(x[free], y[free], weight[free]) if free.sum() >= 64 else np.arange(256.0))
        ends.append(_end_values(x, y, curves[-1]))
    tables = np.stack(curves).astype(np.float32)
    moved = np.stack([np.interp(source[:, c], np.arange(256), tables[c]) for c in range(3)], axis=1)
    drift = float(np.abs(moved - source).mean())
    if drift > _MAX_DRIFT or not _gentle(tables):
        return _none(drift, trusted=False)
    return ColourFit(tables, np.array(ends, np.float32), drift, trusted=True)


def _none(drift: float, *, trusted: bool) -> ColourFit:
    tables = np.tile(np.arange(256, dtype=np.float32), (3, 1))
    return ColourFit(tables, tables[:, [0, 255]], drift, trusted)


def _samples(sent: Pixels, answer: Pixels, valid: NDArray[np.bool_]) -> tuple[_Samples, _Samples, NDArray[np.bool_]]:
    """Averages over 8 × 8 blocks, so that blur and noise do not count as colour; which hold clipped values."""
    height, width = sent.shape[:2]
    size = (max(1, width // 8), max(1, height // 8))
    cut_off = ((answer >= 254) | (answer <= 1)).view(np.uint8) * np.uint8(255)
    first, second, third = (
        cv2.resize(p, size, interpolation=cv2.INTER_AREA).reshape(-1, 3) for p in (sent, answer, cut_off)
    )
    inside = cv2.resize(valid.view(np.uint8), size, interpolation=cv2.INTER_AREA).ravel() == 1
    return first[inside].astype(np.float32), second[inside].astype(np.float32), third[inside] > 25


def _end_values(source: _Samples, target: _Samples, curve: _Curve) -> tuple[float, float]:
    black, white = source <= 1.0, source >= 254.0
    low = float(np.median(target[black])) if black.sum() >= 30 else float(curve[0])
    high = float(np.median(target[white])) if white.sum() >= 30 else float(curve[255])
    return min(low, float(curve[_END])), max(high, float(curve[255 - _END]))


def _weights(target: _Samples) -> NDArray[np.float32]:
    """Rare brightnesses count more, so that a dark sky does not drown out its stars."""
    bins = (target.mean(axis=1) / 16).astype(np.int64).clip(0, 15)
    counts = np.bincount(bins, minlength=16).astype(np.float32)
    return cast(NDArray[np.float32], (1.0 / np.sqrt(np.maximum(counts, len(target) / 200))[bins]).astype(np.float32))


def _curve(source: _Samples, target: _Samples, weight: NDArray[np.float32]) -> _Curve:
    """One robust, smooth curve of 256 entries, held near the identity's shape where there are no samples.

    Straight pieces between knots, since drift that runs into black or white is not a polynomial.
    """
    basis = _hats(source)
    offset = target - source
    smooth = _smoothness()
    hold = float(weight.sum()) * (smooth.T @ smooth + 1e-6 * np.eye(len(_KNOTS)))
    solution = np.full(len(_KNOTS), float(np.median(offset)))
    for _ in range(8):
        error = np.abs(basis @ solution - offset)
        scale = max(2.5, 2.5 * float(np.median(error)))
        trusted = basis.T * (weight * np.clip(1.0 - (error / scale) ** 2, 0.0, None) ** 2)
        # A faint pull to zero keeps the system solvable where whole ranges of values do not occur.
        solution = np.linalg.solve(trusted @ basis + hold, trusted @ offset)
    every = np.arange(256)
    return cast(_Curve, every + np.interp(every, _KNOTS, solution))


def _hats(source: _Samples) -> NDArray[np.float64]:
    """How much each knot counts for each sample: linear interpolation as a matrix."""
    knots = np.array(_KNOTS)
    right = np.clip(np.searchsorted(knots, source, side="right"), 1, len(knots) - 1)
    share = (source - knots[right - 1]) / (knots[right] - knots[right - 1])
    out = np.zeros((len(source), len(knots)))
    rows = np.arange(len(source))
    out[rows, right - 1], out[rows, right] = 1 - share, share
    return out


def _smoothness() -> NDArray[np.float64]:
    """Rows that pull towards a straight correction (strongly) and a constant one (weakly)."""
    count = len(_KNOTS)
    even = np.diff(np.eye(count), axis=0) * _HOLD_SLOPE
    gaps = np.diff(np.array(_KNOTS, np.float64))
    slopes = np.diff(np.eye(count), axis=0) / gaps[:, None]
    return np.vstack([even, np.diff(slopes, axis=0) * 48 * _HOLD_BEND])


def _gentle(tables: NDArray[np.float32]) -> bool:
    """Whether the curves keep contrast: a grey or inverted picture is an edit."""
    slope = (tables[:, 224] - tables[:, 32]) / 192
    return bool((np.abs(slope - 1) <= _MAX_SLOPE).all())
