"""Where a model's answer lies on what it was sent: shift, zoom, rotation.

Corners of the sent picture are tracked into the answer (pyramid Lucas-Kanade on locally normalised
brightness, so that drifting colours do not matter), and a similarity is fitted through those that
agree. Tracking points is several times faster than describing and matching features, is accurate to
a tenth of a pixel and works on star fields. Feature matching is the fallback for large displacements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from kontext_ui.edits import Pixels
from kontext_ui.images.bend import Field, fit_field

Matrix = NDArray[np.float64]
"""2 × 3, maps continuous coordinates (x, y) of the sent picture to the answer."""
_Points = NDArray[np.float32]
_Pairs = tuple[_Points, _Points]
"""Continuous coordinates in the sent picture and in the answer."""
_Bool = NDArray[np.bool_]

_TILES = 8
_PER_TILE = 20
_MIN_INLIERS = 16
_MIN_SHARE = 0.2
_MAX_ZOOM = 0.25
_MAX_ROTATION_DEG = 8.0
_MAX_SHIFT = 0.25
"""Of the longer side. Anything beyond these limits is a new picture, not drift."""
_MAX_STRETCH = 0.12
_GOOD_SHARE = 0.9
_STRETCH_GAIN = 0.08
"""Another scale across than down is tried where fewer points agree than that, and believed from this many more."""
_REDRAWN_SHARE, _LOOSE_PX = 0.6, 4.0
"""Where fewer points agree, the model redrew the picture: a loose fit leaves the rest to the uneven field."""


@dataclass(frozen=True, eq=False)
class Registration:
    """``matrix`` maps the sent picture to the answer; ``found`` is false when nothing agreed and it is the identity."""

    matrix: Matrix
    found: bool
    agreement: float
    """Share of the tracked points that agree, 0..1."""
    field: Field | None = None
    """The remaining uneven displacement, if any."""

    @property
    def zoom_percent(self) -> float:
        return (float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2])))) - 1.0) * 100.0

    @property
    def rotation_deg(self) -> float:
        return float(np.degrees(np.arctan2(self.matrix[1, 0], self.matrix[0, 0])))

    def shift_at(self, x: float, y: float) -> float:
        """How far a point of the sent picture has moved, in its pixels."""
        at = np.array([x, y])
        return float(np.linalg.norm(self.matrix[:, :2] @ at + self.matrix[:, 2] - at))

    @property
    def identity(self) -> bool:
        return bool(np.array_equal(self.matrix, identity()))


def identity() -> Matrix:
    return np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def register(sent: Pixels, answer: Pixels) -> Registration:
    """Find the answer on the sent picture; both RGB and of the same size. Identity when too little agrees."""
    gray, other = _gray(sent), _gray(answer)
    height, width = gray.shape
    start = _coarsely(gray, other)
    if start is None:
        return Registration(identity(), False, 0.0)
    pairs = _followed(gray, other, start[0], levels=1)
    matrix, agreement = (_fit(*pairs, 0.7) if pairs else None) or start
    redrawn = agreement < _REDRAWN_SHARE
    loose = _fit(*pairs, _LOOSE_PX) if pairs and redrawn else None
    if loose is not None:
        matrix = loose[0]
    if not _plausible(matrix, width, height):
        return Registration(identity(), False, agreement)
    if not _better(gray, other, matrix):
        matrix = identity()
    if pairs is None:
        return Registration(matrix, True, agreement)
    left = pairs[1] - (pairs[0] @ matrix[:, :2].T + matrix[:, 2])
    return Registration(matrix, True, agreement, fit_field(pairs[0], left, width, height, redrawn=redrawn))


def _coarsely(gray: NDArray[np.uint8], other: NDArray[np.uint8]) -> tuple[Matrix, float] | None:
    """Where to start tracking in full detail, found at half the size."""
    half = 0.5 if min(gray.shape) >= 500 else 1.0
    small, there = _scaled(gray, half), _scaled(other, half)
    followed = _followed(small, there, identity())
    found = (_fit(*followed, 1.5) if followed else None) or _by_features(small, there)
    if found is None:
        return None
    start = found[0].copy()
    start[:, 2] /= half
    return start, found[1]


def warp(pixels: Pixels, matrix: Matrix, width: int, height: int, *, border: int = cv2.BORDER_REFLECT_101) -> Pixels:
    """The picture that ``matrix`` looks up: output (x, y) comes from ``matrix · (x, y)`` of ``pixels``."""
    index = matrix.copy()
    # Continuous coordinates have pixel centres at a half, OpenCV's at whole numbers.
    index[:, 2] += 0.5 * (matrix[:, 0] + matrix[:, 1]) - 0.5
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cast(Pixels, cv2.warpAffine(pixels, index, (width, height), flags=how, borderMode=border))


def inside(matrix: Matrix, width: int, height: int, left: float, top: float, right: float, bottom: float) -> _Bool:
    """Which output pixels (height × width) come from between these borders of the answer."""
    x, y = np.arange(width) + 0.5, (np.arange(height) + 0.5)[:, None]
    u = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]
    v = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]
    return cast(_Bool, (u >= left) & (u <= right) & (v >= top) & (v <= bottom))


def _gray(pixels: Pixels) -> NDArray[np.uint8]:
    return cast(NDArray[np.uint8], cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))


def _scaled(gray: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    if factor == 1.0:
        return gray
    size = (round(gray.shape[1] * factor), round(gray.shape[0] * factor))
    return cast(NDArray[np.uint8], cv2.resize(gray, size, interpolation=cv2.INTER_AREA))


def _normalised(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Contrast against the surroundings: the same for the same structure under different light."""
    small = gray.astype(np.float32)
    mean = cv2.blur(small, (31, 31))
    deviation = np.sqrt(np.maximum(cv2.blur(small * small, (31, 31)) - mean * mean, 0.0))
    out = 128.0 + 45.0 * (small - mean) / (deviation + 6.0)
    return cast(NDArray[np.uint8], np.clip(out, 0, 255).astype(np.uint8))


def _corners(gray: NDArray[np.uint8]) -> _Points:
    """Corners from every part of the picture, so that no single object dominates."""
    height, width = gray.shape
    found: list[_Points] = []
    for row in range(_TILES):
        for column in range(_TILES):
            top, left = row * height // _TILES, column * width // _TILES
            tile = gray[top : (row + 1) * height // _TILES, left : (column + 1) * width // _TILES]
            points = cv2.goodFeaturesToTrack(tile, _PER_TILE, 0.02, 5, blockSize=5)
            if points is not None:
                found.append(np.asarray(points, np.float32).reshape(-1, 2) + np.array([left, top], np.float32))
    return np.concatenate(found) if found else np.empty((0, 2), np.float32)


def _followed(gray: NDArray[np.uint8], other: NDArray[np.uint8], start: Matrix, levels: int = 4) -> _Pairs | None:
    """Corners tracked into the answer and back again; only those that returned to where they started."""
    first, second = _normalised(gray), _normalised(other)
    points = _corners(first)
    if len(points) < _MIN_INLIERS:
        return None
    guess = ((points + 0.5) @ start[:, :2].T + start[:, 2] - 0.5).astype(np.float32)
    window = (21, 21) if levels > 1 else (15, 15)
    moved, ok, _ = cv2.calcOpticalFlowPyrLK(
        first, second, points, guess.copy(), winSize=window, maxLevel=levels, flags=cv2.OPTFLOW_USE_INITIAL_FLOW
    )
    back, ok_back, _ = cv2.calcOpticalFlowPyrLK(
        second, first, moved, points.copy(), winSize=window, maxLevel=levels, flags=cv2.OPTFLOW_USE_INITIAL_FLOW
    )
    good = (ok.ravel() == 1) & (ok_back.ravel() == 1) & (np.linalg.norm(back - points, axis=1) < 0.7)
    if int(good.sum()) < _MIN_INLIERS:
        return None
    return points[good] + 0.5, np.asarray(moved[good], np.float32) + 0.5


def _fit(points: _Points, moved: _Points, threshold: float) -> tuple[Matrix, float] | None:
    """The map through the pairs that agree within ``threshold`` pixels, and their share.

    A similarity, unless clearly more points agree with another scale across than down.
    """
    found = _agreed(points, moved, threshold, stretched=False)
    if found is not None and found[1] >= _GOOD_SHARE:
        return found
    other = _agreed(points, moved, threshold, stretched=True)
    if other is None or abs(other[0][0, 0] / other[0][1, 1] - 1.0) > _MAX_STRETCH:
        return found
    return other if other[1] >= (found[1] if found else 0.0) + _STRETCH_GAIN else found


def _agreed(points: _Points, moved: _Points, threshold: float, *, stretched: bool) -> tuple[Matrix, float] | None:
    estimate = cv2.estimateAffine2D if stretched else cv2.estimateAffinePartial2D
    found: tuple[object, object] = estimate(
        points, moved, method=cv2.RANSAC, ransacReprojThreshold=threshold, maxIters=2000, confidence=0.999
    )
    matrix, inliers = found
    # Nothing may be found, which the stubs do not say.
    if not isinstance(matrix, np.ndarray) or not isinstance(inliers, np.ndarray):
        return None
    polished = _polished(points, moved, np.asarray(matrix, np.float64), threshold, stretched=stretched)
    # Without the skew that the estimate of a stretch may have, fewer may agree.
    agree = _errors(points, moved, polished) < threshold if stretched else inliers != 0
    share = float(agree.sum()) / len(points)
    return (polished, share) if int(agree.sum()) >= _MIN_INLIERS and share >= _MIN_SHARE else None


def _errors(points: _Points, moved: _Points, matrix: Matrix) -> NDArray[np.float64]:
    return cast(NDArray[np.float64], np.linalg.norm(points @ matrix[:, :2].T + matrix[:, 2] - moved, axis=1))


def _polished(points: _Points, moved: _Points, matrix: Matrix, threshold: float, *, stretched: bool) -> Matrix:
    """Least squares with weights that fade out disagreement: RANSAC alone stops at its threshold's accuracy."""
    centre = points.mean(axis=0)
    for _ in range(4):
        weight = np.clip(1.0 - (_errors(points, moved, matrix) / threshold) ** 2, 0.0, None) ** 2
        if (weight > 0).sum() < _MIN_INLIERS:
            break
        x, y = (points - centre).T
        zero, one = np.zeros_like(x), np.ones_like(x)
        # Columns: scale across, scale down, rotation, shift across, shift down.
        rows = np.concatenate([np.stack([x, zero, -y, one, zero], 1), np.stack([zero, y, x, zero, one], 1)])
        if not stretched:
            rows = np.column_stack([rows[:, 0] + rows[:, 1], rows[:, 2:]])
        root = np.sqrt(np.concatenate([weight, weight]))
        solved = np.linalg.lstsq(rows * root[:, None], moved.T.ravel() * root, rcond=None)[0]
        across, down, turn, u, v = (float(value) for value in (solved if stretched else (solved[0], *solved)))
        linear = np.array([[across, -turn], [turn, down]])
        matrix = np.column_stack([linear, np.array([u, v]) - linear @ centre])
    return matrix


def _by_features(gray: NDArray[np.uint8], other: NDArray[np.uint8]) -> tuple[Matrix, float] | None:
    """SIFT matches, for answers that moved too far to be tracked."""
    sift = cv2.SIFT.create(nfeatures=1500)
    # A mask of ones, since the stubs do not allow none.
    here, there = (sift.detectAndCompute(g, np.full(g.shape, 255, np.uint8)) for g in (gray, other))
    if min(len(here[0]), len(there[0])) < _MIN_INLIERS:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(here[1], there[1], k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < 0.75 * pair[1].distance]
    if len(good) < _MIN_INLIERS:
        return None
    points = np.array([here[0][m.queryIdx].pt for m in good], np.float32) + 0.5
    moved = np.array([there[0][m.trainIdx].pt for m in good], np.float32) + 0.5
    return _fit(points, moved, 2.0)


def _plausible(matrix: Matrix, width: int, height: int) -> bool:
    found = Registration(matrix, True, 1.0)
    near = abs(found.zoom_percent) <= 100 * _MAX_ZOOM and abs(found.rotation_deg) <= _MAX_ROTATION_DEG
    return near and found.shift_at(width / 2, height / 2) <= _MAX_SHIFT * max(width, height)


def _better(gray: NDArray[np.uint8], other: NDArray[np.uint8], matrix: Matrix) -> bool:
    """Whether structure lies closer after the move than before it."""
    height, width = gray.shape
    moved = warp(other, matrix, width, height)
    step = (slice(None, None, 2), slice(None, None, 2))
    reference, before, after = (
        cv2.Laplacian(cv2.GaussianBlur(g, (5, 5), 0), cv2.CV_32F)[step] for g in (gray, other, moved)
    )
    apart = [float(np.minimum(np.abs(image - reference), 30.0).mean()) for image in (before, after)]
    return apart[1] <= apart[0] * 1.02
