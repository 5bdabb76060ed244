"""Colour drift: the smooth change of all colours that a model adds without being asked.

It is fitted on what did not change. Edits are outliers: the fit only follows the better half of the
samples, weighted so that one large sky does not decide about everything else.
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
_HOLD_SLOPE = 0.02
_HOLD_BEND = 0.05

_MAX_DRIFT = 14.0
"""Mean correction in 8-bit steps above which it is no drift but an edit of the whole picture."""
_MAX_SLOPE = 0.30


@dataclass(frozen=True, eq=False)
class ColourFit:
    """Corrects an answer's colours towards the sent picture.

    ``tables`` are three curves (red, green, blue) of 256 entries.
    """

    tables: NDArray[np.float32]
    drift: float
    """Mean size of the correction, in 8-bit steps."""
    trusted: bool
    """False when it is too large to be drift; the correction is then the identity."""

    def apply(self, pixels: Pixels) -> Pixels:
        if not self.trusted or self.drift == 0.0:
            return pixels
        table = np.clip(np.rint(self.tables), 0, 255).astype(np.uint8)
        return cast(Pixels, cv2.LUT(pixels, table.T.reshape(256, 1, 3)))


def fit_colour(sent: Pixels, answer: Pixels, valid: NDArray[np.bool_]) -> ColourFit:
    """Per-channel curves from the answer's colours to the sent picture's."""
    target, source = _samples(sent, answer, valid)
    if len(source) < 64:
        return _none(0.0, trusted=True)
    tables = np.stack([_curve(source[:, c], target[:, c], _weights(target)) for c in range(3)])
    moved = np.stack([np.interp(source[:, c], np.arange(256), tables[c]) for c in range(3)], axis=1)
    drift = float(np.abs(moved - source).mean())
    if drift > _MAX_DRIFT or not _gentle(tables):
        return _none(drift, trusted=False)
    return ColourFit(tables.astype(np.float32), drift, trusted=True)


def _none(drift: float, *, trusted: bool) -> ColourFit:
    return ColourFit(np.tile(np.arange(256, dtype=np.float32), (3, 1)), drift, trusted)


def _samples(sent: Pixels, answer: Pixels, valid: NDArray[np.bool_]) -> tuple[_Samples, _Samples]:
    """Averages over 8 × 8 blocks: blur and noise of the model do not count as colour."""
    height, width = sent.shape[:2]
    size = (max(1, width // 8), max(1, height // 8))
    small = [
        cv2.resize(p, size, interpolation=cv2.INTER_AREA).reshape(-1, 3).astype(np.float32) for p in (sent, answer)
    ]
    inside = cv2.resize(valid.astype(np.uint8), size, interpolation=cv2.INTER_AREA).ravel() == 1
    return small[0][inside], small[1][inside]


def _weights(target: _Samples) -> NDArray[np.float32]:
    """Rare brightnesses count more, so that a dark sky leaves the stars their say."""
    bins = (target.mean(axis=1) / 16).astype(np.int64).clip(0, 15)
    counts = np.bincount(bins, minlength=16).astype(np.float32)
    return cast(NDArray[np.float32], (1.0 / np.sqrt(np.maximum(counts, len(target) / 200))[bins]).astype(np.float32))


def _curve(source: _Samples, target: _Samples, weight: NDArray[np.float32]) -> _Curve:
    """One robust, smooth curve of 256 entries, held near the identity's shape where there are no samples.

    Straight pieces between knots, since drift that runs into black or white is no polynomial.
    """
    basis = _hats(source)
    offset = target - source
    smooth = _smoothness()
    hold = float(weight.sum()) * (smooth.T @ smooth + 1e-6 * np.eye(len(_KNOTS)))
    solution = np.full(len(_KNOTS), float(np.median(offset)))
    # Clipped values follow no smooth curve: black stays black under any gain, and must not be lifted back.
    for knot, clipped in ((0, source <= 1.5), (-1, source >= 253.5)):
        if clipped.sum() >= 30:
            solution[knot] = np.median(offset[clipped])
    for _ in range(8):
        error = np.abs(basis @ solution - offset)
        scale = max(2.5, 2.5 * float(np.median(error)))
        trusted = basis.T * (weight * np.clip(1.0 - (error / scale) ** 2, 0.0, None) ** 2)
        # A faint pull to zero keeps the system solvable where whole ranges of values do not occur.
        solution = np.linalg.solve(trusted @ basis + hold, trusted @ offset)
    every = np.arange(256)
    return cast(_Curve, np.clip(every + np.interp(every, _KNOTS, solution), 0.0, 255.0))


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
    """Rows that ask for a straight correction (strongly) and for an even one (faintly)."""
    count = len(_KNOTS)
    even = np.diff(np.eye(count), axis=0) * _HOLD_SLOPE
    gaps = np.diff(np.array(_KNOTS, np.float64))
    slopes = np.diff(np.eye(count), axis=0) / gaps[:, None]
    return np.vstack([even[1:-1], np.diff(slopes, axis=0)[1:-1] * 48 * _HOLD_BEND, 0.01 * even[[0, -1]]])


def _gentle(tables: NDArray[np.float64]) -> bool:
    """Whether the curves keep contrast: a grey or inverted picture is an edit."""
    slope = (tables[:, 224] - tables[:, 32]) / 192
    return bool((np.abs(slope - 1) <= _MAX_SLOPE).all())
