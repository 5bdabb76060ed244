"""Uneven drift: models redraw a picture, and each part of it ends up a pixel or so away.

The movement of the tracked corners that the similarity does not explain is smoothed into a coarse field
of offsets. Corners that disagree with their neighbours belong to the edit and do not count.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from kontext_ui.edits import Pixels

Field = NDArray[np.float32]
"""Nodes × nodes × 2: offsets (x, y) as shares of the picture's width and height, on the sent picture."""

_NODES = 24
_SHARPNESS = 1.5
"""The averaging's standard deviation is the distance between two nodes divided by this."""
_MOST_PX, _MOST_REDRAWN_PX = 4.0, 6.0
"""How far the field may move: further where the model redrew the picture rather than moved it."""
_WORTH_PX = 0.12
"""A field that moves less than this on average is only the tracker's own inaccuracy."""
_AGREE_PX = (3.0, 2.0, 1.2)


def fit_field(
    points: NDArray[np.float32], offsets: NDArray[np.float64], width: int, height: int, *, redrawn: bool = False
) -> Field | None:
    """A smooth field through offsets in pixels at points of the sent picture; ``None`` if nothing drifted."""
    near = np.linalg.norm(offsets, axis=1) < (_MOST_REDRAWN_PX if redrawn else _MOST_PX)
    points, offsets = points[near], offsets[near]
    if len(points) < 3 * _NODES:
        return None
    places = (points / np.array([width, height], np.float32)).astype(np.float32)
    trust = np.ones(len(points), np.float64)
    for agree in _AGREE_PX:
        inner = _smoothed(places, offsets, trust, places)
        trust = np.clip(1.0 - (np.linalg.norm(offsets - inner, axis=1) / agree) ** 2, 0.0, None) ** 2
    across = (np.arange(_NODES) + 0.5) / _NODES
    nodes = np.stack(np.meshgrid(across, across), axis=-1).reshape(-1, 2).astype(np.float32)
    # Averaging flattens peaks, so what the averages missed is averaged once more.
    missed = offsets - _smoothed(places, offsets, trust, places)
    field = _smoothed(places, offsets, trust, nodes) + _smoothed(places, missed, trust, nodes)
    if float(np.linalg.norm(field, axis=1).mean()) < _WORTH_PX:
        return None
    shares = field / np.array([width, height])
    return cast(Field, shares.reshape(_NODES, _NODES, 2).astype(np.float32))


def unbent(pixels: Pixels, field: Field, unit: NDArray[np.float64]) -> Pixels:
    """An answer without its uneven drift; ``unit`` (2 × 3, on coordinates 0..1) still applies to it."""
    height, width = pixels.shape[:2]
    across = (np.arange(_NODES) + 0.5) / _NODES
    there = np.stack(np.meshgrid(across, across), axis=-1).reshape(-1, 2)
    here = (there - unit[:, 2]) @ np.linalg.inv(unit[:, :2]).T * _NODES - 0.5
    at = here.reshape(_NODES, _NODES, 2).astype(np.float32)
    moved = cv2.remap(field, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    full = cv2.resize(moved, (width, height), interpolation=cv2.INTER_CUBIC)
    x = full[..., 0] * np.float32(width) + np.arange(width, dtype=np.float32)
    y = full[..., 1] * np.float32(height) + np.arange(height, dtype=np.float32)[:, None]
    return cast(Pixels, cv2.remap(pixels, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101))


def _smoothed(
    places: NDArray[np.float32], offsets: NDArray[np.float64], trust: NDArray[np.float64], at: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Averages of the offsets around each place, pulled towards zero where there are few."""
    squared = (at**2).sum(axis=1)[:, None] + (places**2).sum(axis=1) - 2 * at @ places.T
    weight = np.exp(-squared * np.float32(0.5 * (_SHARPNESS * _NODES) ** 2)) * trust.astype(np.float32)
    return cast(NDArray[np.float64], (weight @ offsets) / (weight.sum(axis=1, keepdims=True) + 0.2))
