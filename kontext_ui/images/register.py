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
    half = 0.5 if min(gray.shape) >= 500 else 1.0
    followed = _followed(_scaled(gray, half), _scaled(other, half), identity())
    coarse = _fit(*followed, 1.5) if followed else None
    if coarse is None:
        coarse = _by_features(_scaled(gray, half), _scaled(other, half))
    if coarse is None:
        return Registration(identity(), False, 0.0)
    start = coarse[0].copy()
    start[:, 2] /= half
    pairs = _followed(gray, other, start, levels=1)
    fine = _fit(*pairs, 0.7) if pairs else None
    matrix, agreement = fine or (start, coarse[1])
    height, width = gray.shape
    if not _plausible(matrix, width, height):
        return Registration(identity(), False, agreement)
    if not _better(gray, other, matrix):
        matrix = identity()
    if pairs is None:
        return Registration(matrix, True, agreement)
    left = pairs[1] - (pairs[0] @ matrix[:, :2].T + matrix[:, 2])
    return Registration(matrix, True, agreement, fit_field(pairs[0], left, width, height))


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
    """A similarity through the pairs that agree within ``threshold`` pixels, and their share."""
    found: tuple[object, object] = cv2.estimateAffinePartial2D(
        points, moved, method=cv2.RANSAC, ransacReprojThreshold=threshold, maxIters=2000, confidence=0.999
    )
    matrix, inliers = found
    # Nothing may be found, which the stubs do not say.
    if not isinstance(matrix, np.ndarray) or not isinstance(inliers, np.ndarray):
        return None
    share = float(inliers.sum()) / len(points)
    if int(inliers.sum()) < _MIN_INLIERS or share < _MIN_SHARE:
        return None
    return _polished(points, moved, np.asarray(matrix, np.float64), threshold), share


def _polished(points: _Points, moved: _Points, matrix: Matrix, threshold: float) -> Matrix:
    """Least squares with weights that fade out disagreement: RANSAC alone stops at its threshold's accuracy."""
    centre = points.mean(axis=0)
    for _ in range(4):
        error = np.linalg.norm(points @ matrix[:, :2].T + matrix[:, 2] - moved, axis=1)
        weight = np.clip(1.0 - (error / threshold) ** 2, 0.0, None) ** 2
        if (weight > 0).sum() < _MIN_INLIERS:
            break
        x, y = (points - centre).T
        zero, one = np.zeros_like(x), np.ones_like(x)
        rows = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
        root = np.sqrt(np.concatenate([weight, weight]))
        solved = np.linalg.lstsq(rows * root[:, None], moved.T.ravel() * root, rcond=None)[0]
        a, b, u, v = (float(value) for value in solved)
        linear = np.array([[a, -b], [b, a]])
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
