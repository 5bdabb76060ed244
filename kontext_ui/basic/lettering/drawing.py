"""Taking letters out of a photo and drawing others in their place, with their colour, blur and grain."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kontext_ui.basic.lettering.faces import EM_PX, Drawn, Style, draw
from kontext_ui.basic.lettering.fit import Fit
from kontext_ui.basic.lettering.strip import Letters, Matrix, Plane
from kontext_ui.basic.operations import removal
from kontext_ui.edits import Mask, Pixels, Rectangle

SEED = 5
BLURS = (0.35, 0.5, 0.65, 0.8, 0.95, 1.1, 1.3, 1.6, 2.0, 2.5, 3.2, 4.2, 5.6)
"""Tried standard deviations of a photo's own edge blur, in its pixels."""
ROUGH_GROUND = 11.0
"""Standard deviation of the ground's fine structure, in 8-bit steps, from which it is filled with patches."""
STRONGEST_GRAIN = 6.0
"""Standard deviation in 8-bit steps; what is stronger is the ground's texture, not a sensor's noise."""
LEAST_KNOWN = 0.08
STRANGE = 11.0
"""CIE LAB distance from the ground's own colour beyond which a pixel belongs to something else."""
MAX_EM_PX = 400
Wave = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Spot:
    """The part of a photo in which one word is changed. ``fit.to_strip`` and ``to_photo`` map to it."""

    area: Rectangle
    rgb: Pixels
    to_area: Matrix
    """From strip pixels to pixels of this part."""
    px: float
    """Photo pixels per strip pixel."""

    def matrix(self, to_strip: Matrix) -> Matrix:
        return np.asarray(self.to_area @ to_strip, np.float64)


def spot(rgb: Pixels, to_photo: Matrix, strip_box: tuple[float, float, float, float], margin: float) -> Spot:
    """``strip_box`` = left, top, right, bottom in strip pixels of all that may change; ``margin`` in strip pixels."""
    left, top, right, bottom = strip_box
    corners = np.array([[[left - margin, top - margin], [right + margin, top - margin],
                         [right + margin, bottom + margin], [left - margin, bottom + margin]]], np.float32)  # fmt: skip
    shown = cv2.perspectiveTransform(corners, to_photo)[0]
    low, high = np.floor(shown.min(axis=0)), np.ceil(shown.max(axis=0))
    x, y = max(0, int(low[0])), max(0, int(low[1]))
    right_px, bottom_px = min(rgb.shape[1], int(high[0])), min(rgb.shape[0], int(high[1]))
    area = Rectangle(x, y, max(1, right_px - x), max(1, bottom_px - y))
    moved = np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1]], np.float64) @ to_photo
    px = scale_at(to_photo, ((left + right) / 2, (top + bottom) / 2))
    part = np.ascontiguousarray(rgb[y : y + area.height, x : x + area.width])
    return Spot(area, part, moved, math.sqrt(px[0] * px[1]))


def scale_at(matrix: Matrix, point: tuple[float, float]) -> tuple[float, float]:
    """How many pixels one step to the right, and one down, become under a homography."""
    x, y = point
    points = np.array([[[x - 0.5, y], [x + 0.5, y], [x, y - 0.5], [x, y + 0.5]]], np.float64)
    moved = cv2.perspectiveTransform(points, matrix)[0]
    return float(np.linalg.norm(moved[1] - moved[0])), float(np.linalg.norm(moved[3] - moved[2]))


def hole(where: Spot, cover: Plane) -> Mask:
    """Every pixel that the old letters, their soft edge and their compression noise touch."""
    size = (where.rgb.shape[1], where.rgb.shape[0])
    solid = cv2.dilate((cover > 0.18).astype(np.float32), np.ones((3, 3), np.uint8))
    warped = cv2.warpPerspective(solid, where.to_area, size, flags=cv2.INTER_LINEAR)
    reach = max(2, round(2.2 * where.px + 1.5))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate((warped > 0.3).astype(np.uint8) * 255, kernel), np.uint8)


def erase(rgb: Pixels, gap: Mask, stranger: NDArray[np.bool_] | None = None) -> Pixels:
    """The gap filled from around it: smooth ground with its grain, or patches where the ground is rough.

    ``stranger``: pixels that are not of this ground, such as a frame or other words; nothing is taken from them.
    """
    known = gap == 0
    around = beside(gap, stranger)
    if stranger is not None and (known & ~stranger).sum() > LEAST_KNOWN * known.sum():
        known &= ~stranger
    structure = _structure(rgb)
    if around.any() and removal.available() and _roughness(structure[around]) > ROUGH_GROUND:
        return removal.fill(rgb, gap)
    smooth = _membrane(cv2.medianBlur(rgb, 3).astype(np.float32), known)
    grain = _grain(rgb, structure, around)
    filled = np.clip(smooth + grain, 0, 255)
    soft = cv2.GaussianBlur(gap.astype(np.float32) / 255, (0, 0), 0.8)[..., None] * (gap > 0)[..., None]
    return np.asarray(np.rint(rgb + (filled - rgb) * soft), np.uint8)


def beside(gap: Mask, stranger: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """The ground next to a gap."""
    ring = (cv2.dilate(gap, np.ones((25, 25), np.uint8)) > 0) & (gap == 0)
    if stranger is not None and (ring & ~stranger).sum() > LEAST_KNOWN * ring.sum():
        ring &= ~stranger
    return np.asarray(ring, np.bool_)


def _roughness(values: Wave) -> float:
    """Standard deviation of what is typical; an edge that crosses the ground does not make it rough."""
    return float(np.median(np.abs(values))) * 1.4826


def patch(rgb: Pixels, gap: Mask) -> Pixels:
    """A gap that is more than letters, filled with patches where that can be done."""
    return removal.fill(rgb, gap) if removal.available() else erase(rgb, gap)


def _structure(rgb: Pixels) -> Wave:
    values = rgb.astype(np.float32)
    return np.asarray(values - cv2.GaussianBlur(values, (0, 0), 2.0), np.float32)


def _grain(rgb: Pixels, structure: Wave, around: NDArray[np.bool_]) -> Wave:
    """Noise with the strength, colour mixture and softness of the ground's own."""
    if around.sum() < 50:
        return np.zeros(rgb.shape, np.float32)
    values = structure[around]
    # Edges in the surroundings are not grain, so typical values count, not extreme ones.
    strength = np.clip(np.median(np.abs(values), axis=0) * 1.4826, 0.01, STRONGEST_GRAIN)
    quiet = (np.abs(values) <= 2.5 * strength).all(axis=1)
    if quiet.sum() < 30:
        return np.zeros(rgb.shape, np.float32)
    alike_channels = np.nan_to_num(np.corrcoef(values[quiet].T), nan=0.0) * 0.98 + 0.02 * np.eye(3)
    spread = alike_channels * np.outer(strength, strength)
    both = around[:, 1:] & around[:, :-1]
    one, other = structure[:, 1:][both].mean(axis=1), structure[:, :-1][both].mean(axis=1)
    alike = float(np.clip((one * other).mean() / max(float((one * one).mean()), 1e-6), 0.02, 0.8))
    noise = np.random.default_rng(SEED).standard_normal(rgb.shape, np.float32)
    if alike > 0.05:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), math.sqrt(-1 / (4 * math.log(alike)))), np.float32)
        noise = noise / max(float(noise.std()), 1e-6)
    return np.asarray(noise @ np.linalg.cholesky(spread).T.astype(np.float32), np.float32)


def _membrane(values: Wave, known: NDArray[np.bool_]) -> Wave:
    """Unknown pixels from ever coarser means of the known ones (pull-push; Gortler and others 1996)."""
    weight = known.astype(np.float32)
    height, width = weight.shape
    if min(height, width) <= 2 or weight.min() >= 1:
        total = max(float(weight.sum()), 1e-6)
        mean = (values * weight[..., None]).sum(axis=(0, 1)) / total
        return np.asarray(np.where(known[..., None], values, mean), np.float32)
    half = ((width + 1) // 2, (height + 1) // 2)
    sums = cv2.resize(values * weight[..., None], half, interpolation=cv2.INTER_AREA)
    counts = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    means = np.asarray(sums / np.maximum(counts, 1e-6)[..., None], np.float32)
    coarse = _membrane(means, counts > 0.05)
    fine = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    filled = np.where(known[..., None], values, fine)
    soft = cv2.GaussianBlur(filled, (0, 0), 1.5)
    return np.asarray(np.where(known[..., None], values, soft), np.float32)


def coverage(where: Spot, text: str, style: Style, to_strip: Matrix, blur_px: float) -> Plane:
    """A drawing as this part of the photo would show it, 0..1, with an edge blur in photo pixels."""
    to_area = where.matrix(to_strip)
    drawn = draw(text, style)
    at = (drawn.plane.shape[1] / 2 - drawn.left, -0.35 * EM_PX)
    across, down = scale_at(to_area, at)
    larger = int(np.clip(1.5 * max(across, down) * EM_PX, EM_PX, MAX_EM_PX))
    if larger > 1.2 * EM_PX:
        drawn = draw(text, style, larger)
        to_area = to_area @ np.diag([EM_PX / larger, EM_PX / larger, 1.0])
        across, down = across * EM_PX / larger, down * EM_PX / larger
    return warped(drawn, to_area, (where.rgb.shape[1], where.rgb.shape[0]), (across, down), blur_px)


def warped(drawn: Drawn, to_area: Matrix, size: tuple[int, int], scale: tuple[float, float], blur_px: float) -> Plane:
    sigma = [max(blur_px, 0.3) / max(step, 1e-3) for step in scale]
    plane = cv2.GaussianBlur(drawn.plane, (0, 0), sigmaX=sigma[0], sigmaY=sigma[1])
    pen = np.array([[1, 0, -drawn.left], [0, 1, -drawn.baseline], [0, 0, 1]], np.float64)
    return np.asarray(cv2.warpPerspective(plane, to_area @ pen, size, flags=cv2.INTER_LINEAR), np.float32).clip(0, 1)


def edge_blur(where: Spot, fit: Fit) -> float:
    """The blur with which the drawing's edges are as steep as those of the old letters."""
    observed = _steepness(_own_cover(where, fit.letters))
    if observed <= 0:
        return BLURS[3]
    tried = {blur: _steepness(coverage(where, fit.text, fit.style, fit.to_strip, blur)) for blur in BLURS}
    return min(tried, key=lambda blur: abs(tried[blur] - observed))


def stranger(where: Spot, letters: Letters) -> NDArray[np.bool_]:
    """Pixels that clearly have another colour than the ground of the word, with their soft edges."""
    lab = cv2.cvtColor(where.rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    size = (where.rgb.shape[1], where.rgb.shape[0])
    ground = cv2.warpPerspective(letters.ground, where.to_area, size, borderMode=cv2.BORDER_REPLICATE)
    far = np.linalg.norm(cv2.GaussianBlur(lab, (0, 0), 0.7) - ground, axis=2) > max(STRANGE, 0.28 * letters.contrast)
    far = cv2.morphologyEx(far.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    return np.asarray(cv2.dilate(far, np.ones((5, 5), np.uint8)) > 0, np.bool_)


def _own_cover(where: Spot, letters: Letters) -> Plane:
    """How much each pixel of the photo itself belongs to the old letters."""
    size = (where.rgb.shape[1], where.rgb.shape[0])
    near = cv2.dilate(letters.cover, np.ones((7, 7), np.uint8))
    near = cv2.warpPerspective(near, where.to_area, size, flags=cv2.INTER_LINEAR)
    return np.asarray(np.where(near > 0.1, _share(where, letters), 0), np.float32)


def _share(where: Spot, letters: Letters) -> Plane:
    """Where each pixel's colour lies between ground, 0, and letters, 1."""
    lab = cv2.cvtColor(where.rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    size = (where.rgb.shape[1], where.rgb.shape[0])

    def there(plane: Plane) -> Plane:
        edge = cv2.BORDER_REPLICATE
        return np.asarray(cv2.warpPerspective(plane, where.to_area, size, borderMode=edge), np.float32)

    ground, ink = there(letters.ground), there(letters.ink)
    way = ink - ground
    share = ((lab - ground) * way).sum(axis=2) / np.maximum((way * way).sum(axis=2), 1.0)
    return np.asarray(np.clip(share, 0, 1), np.float32)


def _steepness(cover: Plane) -> float:
    dx, dy = cv2.Sobel(cover, cv2.CV_32F, 1, 0), cv2.Sobel(cover, cv2.CV_32F, 0, 1)
    edge = (cover > 0.3) & (cover < 0.7)
    # The upper part: where strokes meet, edges are flat whatever the lens.
    return float(np.quantile(np.hypot(dx, dy)[edge], 0.7)) if edge.sum() > 8 else 0.0


def ink_colour(where: Spot, letters: Letters) -> NDArray[np.float32]:
    """The letters' own colour for every pixel of the part, sRGB 0..255."""
    size = (where.rgb.shape[1], where.rgb.shape[0])
    lab = cv2.warpPerspective(letters.ink, where.to_area, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * 255, 0, 255), np.float32)


def paint(rgb: Pixels, cover: Plane, ink: NDArray[np.float32], grain_from: NDArray[np.bool_]) -> Pixels:
    """Ink over a ground. ``grain_from``: pixels whose grain the ink gets too."""
    # Mixed in sRGB values, since the cover of the old letters was measured in about such even steps.
    mixed = rgb + (ink - rgb) * cover[..., None]
    grain = _grain(rgb, _structure(rgb), grain_from) * (cover[..., None] * 0.8)
    return np.asarray(np.where(cover[..., None] > 0.004, np.rint(np.clip(mixed + grain, 0, 255)), rgb), np.uint8)
