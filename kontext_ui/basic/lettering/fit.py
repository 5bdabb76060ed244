"""Which typeface, stretch, weight and perspective a word in a photo has: the drawing that covers its letters best."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from kontext_ui.basic.lettering.faces import HAND_DRAWN, NAMES, Drawn, Style, can_draw, draw, thickened
from kontext_ui.basic.lettering.strip import HEIGHT_PX, Letters, Matrix, Plane

FIRST_FACES = ("sans-bold", "condensed", "serif", "mono")
"""Different enough to tell which of several candidates are the letters."""
TRACKINGS = (0.0, 0.05, 0.12, 0.22)
SPACES = (-0.1, -0.05, 0.06, 0.13, 0.22, 0.35)
WEIGHTS = (-0.03, -0.018, -0.009, 0.0, 0.009, 0.018, 0.03, 0.045)
MARGIN_PX = 6
HAND_PENALTY = 0.07
"""A hand-drawn face is chosen only when it is better by this much."""
PERSPECTIVE_GAIN = 0.01
LEANING_GAIN = 0.02
ALIGNING_GAIN, MOVING_GAIN = 0.005, 0.12
"""How much better a moved drawing must be to count, at all and for a corner that moves by a line's height: blurred
letters fit a little better askew by chance."""
FEWEST_LETTERS = 4
"""With fewer, a perspective cannot be distinguished from a letter's own shape."""


@dataclass(frozen=True, eq=False)
class Fit:
    """``to_strip`` maps pixels of the drawing, counted from the pen's start on the baseline, to the strip's."""

    text: str
    style: Style
    to_strip: Matrix
    score: float
    """Share of the letters and the drawing that coincides, 0..1."""
    letters: Letters


def candidates(found: list[Letters], texts: list[str], new: str) -> Iterator[Fit]:
    """Up to two fits, the likelier letters first; their faces can also draw ``new``. The second is computed only
    on demand."""
    faces = [name for name in NAMES if all(can_draw(name, text) for text in (*texts, new))]
    for fit in _rough(found, texts, faces)[:2]:
        yield _best_face(fit, faces)


def _rough(found: list[Letters], texts: list[str], faces: list[str]) -> list[Fit]:
    first = [name for name in FIRST_FACES if name in faces] or faces[:1]
    if not first:
        return []
    fits = [
        max((_boxed(letters, text, Style(face)) for face in first for text in texts), key=lambda fit: fit.score)
        for letters in found
    ]
    return sorted(fits, key=lambda fit: -fit.score)


def _best_face(rough: Fit, faces: list[str]) -> Fit:
    tried = [_boxed(rough.letters, rough.text, Style(face, tracking)) for face in faces for tracking in TRACKINGS]
    best_of_face: dict[str, Fit] = {}
    for fit in sorted(tried, key=_worth):
        best_of_face[fit.style.face] = fit
    shortlist = [_spaced(fit) for fit in sorted(best_of_face.values(), key=_worth)[-5:]]
    aligned = [_aligned(_weighted(fit), cv2.MOTION_AFFINE) for fit in shortlist]
    finalists = sorted(aligned, key=_worth)[-2:]
    fit = max((_weighted(one) for one in finalists), key=_worth)
    if len(fit.text.replace(" ", "")) >= FEWEST_LETTERS:
        turned = _aligned(fit, cv2.MOTION_HOMOGRAPHY)
        if turned.score > fit.score + PERSPECTIVE_GAIN:
            fit = _weighted(turned)
    return fit


def _spaced(fit: Fit) -> Fit:
    """With the space between words that suits best."""
    if " " not in fit.text.strip():
        return fit
    tried = [_boxed(fit.letters, fit.text, replace(fit.style, space=space)) for space in SPACES]
    return max((fit, *tried), key=_worth)


def _worth(fit: Fit) -> float:
    return fit.score - (HAND_PENALTY if fit.style.face in HAND_DRAWN else 0.0)


def _boxed(letters: Letters, text: str, style: Style) -> Fit:
    """Stretched so that the drawing's box is the letters' box; or, where that is clearly better, so that the lines
    along its upper and lower edges are theirs, which finds a perspective."""
    drawn = draw(text, style)
    left, top, right, bottom = drawn.ink()
    x0, y0, x1, y1 = letters.box()
    across, down = (x1 - x0) / max(1, right - left), (y1 - y0) / max(1, bottom - top)
    matrix = np.array([[across, 0, x0 - left * across], [0, down, y0 - top * down], [0, 0, 1]], np.float64)
    plain = _scored(Fit(text, style, matrix, 0.0, letters), drawn)
    wanted, own = _edges(letters.cover), _edges(drawn.plane)
    if wanted is None or own is None:
        return plain
    own = np.asarray(own - (drawn.left, drawn.baseline), np.float32)
    leaning = replace(plain, to_strip=np.asarray(cv2.getPerspectiveTransform(own, wanted), np.float64))
    leaning = _scored(leaning, drawn)
    return leaning if leaning.score > plain.score + LEANING_GAIN else plain


def _edges(plane: Plane) -> NDArray[np.float32] | None:
    """The corners between straight lines through the letters' upper and lower ends; ``None`` for too few letters."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((plane > 0.5).astype(np.uint8))
    high = stats[1:, cv2.CC_STAT_HEIGHT]
    parts = stats[1:][high > 0.4 * high.max()] if len(high) else stats[1:]
    if len(parts) < FEWEST_LETTERS:
        return None
    middle = parts[:, 0] + parts[:, 2] / 2
    upper, lower = np.polyfit(middle, parts[:, 1], 1), np.polyfit(middle, parts[:, 1] + parts[:, 3], 1)
    left, right = float(parts[:, 0].min()), float((parts[:, 0] + parts[:, 2]).max())
    corners = [(left, np.polyval(upper, left)), (right, np.polyval(upper, right)),
               (right, np.polyval(lower, right)), (left, np.polyval(lower, left))]  # fmt: skip
    quad = np.array(corners, np.float32)
    sound = quad[3, 1] - quad[0, 1] > 4 and quad[2, 1] - quad[1, 1] > 4
    return quad if sound else None


def seen(drawn: Drawn, to_strip: Matrix, size: tuple[int, int]) -> Plane:
    """The drawing as the strip would show it."""
    pen = np.array([[1, 0, -drawn.left], [0, 1, -drawn.baseline], [0, 0, 1]], np.float64)
    shrink = drawn.em_px / max(1.0, HEIGHT_PX)
    plane = cv2.GaussianBlur(drawn.plane, (0, 0), 0.4 * shrink)
    return np.asarray(cv2.warpPerspective(plane, to_strip @ pen, size, flags=cv2.INTER_LINEAR), np.float32)


def _scored(fit: Fit, drawn: Drawn) -> Fit:
    return replace(fit, score=likeness(fit.letters.cover, seen(drawn, fit.to_strip, fit.letters.cover.shape[::-1])))


def likeness(one: Plane, other: Plane) -> float:
    """Mean of two measures, 1 for equal planes: the share that coincides, and the correlation around both.

    The first finds the weight; the second tells letters from the ground between them, which coincides as well.
    """
    a, b = cv2.GaussianBlur(one, (0, 0), 0.8), cv2.GaussianBlur(other, (0, 0), 0.8)
    shared = float(np.minimum(a, b).sum() / max(float(np.maximum(a, b).sum()), 1e-6))
    x, y, width, height = cv2.boundingRect((np.maximum(a, b) > 0.3).astype(np.uint8))
    rows, columns = (
        slice(max(0, y - MARGIN_PX), y + height + MARGIN_PX),
        slice(max(0, x - MARGIN_PX), x + width + MARGIN_PX),
    )
    a, b = a[rows, columns] - a[rows, columns].mean(), b[rows, columns] - b[rows, columns].mean()
    alike = float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-6))
    return (shared + max(0.0, alike)) / 2


def _weighted(fit: Fit) -> Fit:
    """The weight that covers best, everything else kept."""
    plain = draw(fit.text, replace(fit.style, weight=0.0))
    tried = []
    for weight in WEIGHTS:
        heavy = replace(plain, plane=thickened(plain.plane, weight * plain.em_px))
        tried.append(_scored(replace(fit, style=replace(fit.style, weight=weight)), heavy))
    return max(tried, key=lambda one: one.score)


def _aligned(fit: Fit, motion: int) -> Fit:
    """Moved, turned and sheared to the maximum of the correlation (Evangelidis and Psarakis 2008)."""
    drawn = draw(fit.text, fit.style)
    size = fit.letters.cover.shape[::-1]
    shown = seen(drawn, fit.to_strip, size)
    found = np.eye(3, dtype=np.float32)
    for blur in (9, 3):
        moved = _ecc(fit.letters.cover, shown, found, motion, blur)
        if moved is None or not _sane(moved, size):
            break
        found = moved
    matrix = np.linalg.inv(found.astype(np.float64)) @ fit.to_strip
    result = _scored(replace(fit, to_strip=matrix / matrix[2, 2]), drawn)
    return result if result.score > fit.score + ALIGNING_GAIN + MOVING_GAIN * _moved(found, size) else fit


def _ecc(wanted: Plane, shown: Plane, start: NDArray[np.float32], motion: int, blur: int) -> NDArray[np.float32] | None:
    matrix = start if motion == cv2.MOTION_HOMOGRAPHY else start[:2]
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
    everywhere = np.full(wanted.shape, 255, np.uint8)
    try:
        _, found = cv2.findTransformECC(wanted, shown, matrix.copy(), motion, criteria, everywhere, blur)
    except cv2.error:
        return None  # It did not converge.
    if motion != cv2.MOTION_HOMOGRAPHY:
        found = np.vstack((found, np.array([[0, 0, 1]], np.float32)))
    return np.asarray(found, np.float32)


def _sane(matrix: NDArray[np.float32], size: tuple[int, int]) -> bool:
    """No corner moves by more than a letter's height, and nothing is turned inside out."""
    moved = cv2.perspectiveTransform(_corners(size), matrix)
    return _moved(matrix, size) < 0.9 and cv2.isContourConvex(moved.reshape(-1, 1, 2))


def _moved(matrix: NDArray[np.float32], size: tuple[int, int]) -> float:
    """How far the corner that moves most does, in heights of the line."""
    corners = _corners(size)
    return float(np.abs(cv2.perspectiveTransform(corners, matrix) - corners).max()) / HEIGHT_PX


def _corners(size: tuple[int, int]) -> NDArray[np.float32]:
    return np.array([[[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]]], np.float32)
