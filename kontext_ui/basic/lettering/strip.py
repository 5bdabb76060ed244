"""A line of text taken out of a photo, flattened, and split into letters and ground."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kontext_ui.basic.vision.reader import Line
from kontext_ui.edits import Pixels

Plane = NDArray[np.float32]
Colours = NDArray[np.float32]
Matrix = NDArray[np.float64]

HEIGHT_PX = 64
"""Height of a line's quad in its strip."""
ABOVE = 0.6
"""How much more than the quad a strip shows above and below, in heights of it."""
LEAST_CONTRAST = 9.0
"""CIE LAB distance between letters and ground below which they cannot be separated."""


@dataclass(frozen=True, eq=False)
class Strip:
    """``box`` = left, top, right, bottom of the span in the strip; ``to_photo`` maps strip pixels to the photo's."""

    rgb: Pixels
    box: tuple[float, float, float, float]
    to_photo: Matrix
    ends: tuple[bool, bool]
    """Whether the span is the first, and the last, of its line."""


@dataclass(frozen=True, eq=False)
class Letters:
    """``cover`` is how much of each pixel is letter, 0..1. Colours are CIE LAB planes of the strip's size."""

    cover: Plane
    ink: Colours
    ground: Colours
    contrast: float

    def box(self) -> tuple[int, int, int, int]:
        x, y, width, height = cv2.boundingRect((self.cover > 0.5).astype(np.uint8))
        return x, y, x + width, y + height


def flatten(rgb: Pixels, line: Line, start: int, end: int) -> Strip:
    """The characters from ``start`` to before ``end`` with some of what is around them."""
    quad = line.part(start, end)
    width = max(float(np.linalg.norm(quad[1] - quad[0])), float(np.linalg.norm(quad[2] - quad[3])), 2.0)
    height = max(line.height_px, 2.0)
    inner = max(8.0, HEIGHT_PX * width / height)
    side, above = HEIGHT_PX * 0.8, HEIGHT_PX * ABOVE
    box = (side, above, side + inner, above + HEIGHT_PX)
    corners = np.array([[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]]], np.float32)
    to_photo = np.asarray(cv2.getPerspectiveTransform(corners, quad), np.float64)
    size = (round(2 * side + inner), round(2 * above + HEIGHT_PX))
    flat = warp_back(rgb, to_photo, size, height / HEIGHT_PX)
    return Strip(flat, box, to_photo, (start <= 0, end >= len(line.text)))


def warp_back(rgb: Pixels, to_photo: Matrix, size: tuple[int, int], shrink: float) -> Pixels:
    """The photo seen through ``to_photo``. ``shrink`` = its pixels per pixel of the result, to blur before skipping."""
    corners = np.array([[[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]]], np.float32)
    seen = cv2.perspectiveTransform(corners, to_photo)[0]
    low = np.floor(seen.min(axis=0) - 4).astype(int).clip(0)
    high = np.ceil(seen.max(axis=0) + 4).astype(int)
    x, y = min(int(low[0]), rgb.shape[1] - 2), min(int(low[1]), rgb.shape[0] - 2)
    part = np.ascontiguousarray(rgb[y : max(y + 2, int(high[1])), x : max(x + 2, int(high[0]))])
    if shrink > 1.3:
        part = np.asarray(cv2.GaussianBlur(part, (0, 0), 0.45 * shrink), np.uint8)
    moved = np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1]], np.float64) @ to_photo
    flags = cv2.INTER_CUBIC if shrink < 1 else cv2.INTER_LINEAR
    flat = cv2.warpPerspective(part, moved, size, flags=flags | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(flat, np.uint8)


def split(strip: Strip) -> list[Letters]:
    """What could be the letters: light on dark and dark on light, with narrow and wide margins."""
    lab = np.asarray(cv2.cvtColor(strip.rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    found: list[Letters] = []
    for inset in (0.02, 0.14):
        area = _area(strip, inset)
        score = _along_main_axis(lab, area)
        threshold = _otsu(score[area])
        for light in (True, False):
            letters = _refined(lab, area, (score > threshold) == light)
            cleaned = None if letters is None else _without_strangers(letters, strip)
            if cleaned is not None and not any(_same(cleaned, other) for other in found):
                found.append(cleaned)
    return found


def _same(one: Letters, other: Letters) -> bool:
    return float(np.abs(one.cover - other.cover).mean()) < 0.06 * float(other.cover.mean())


def _area(strip: Strip, inset: float) -> NDArray[np.bool_]:
    left, top, right, bottom = strip.box
    by = inset * HEIGHT_PX
    area = np.zeros(strip.rgb.shape[:2], bool)
    area[round(top + by) : round(bottom - by), max(0, round(left)) : round(right) + 1] = True
    return area


def _along_main_axis(lab: Colours, area: NDArray[np.bool_]) -> Plane:
    """Each pixel's place on the axis along which the colours in the area differ most."""
    colours = lab[area]
    middle = colours.mean(axis=0)
    _, _, axes = np.linalg.svd(np.cov((colours - middle).T))
    axis = axes[0] * (1.0 if axes[0][np.argmax(np.abs(axes[0]))] > 0 else -1.0)
    return np.asarray((lab - middle) @ axis.astype(np.float32), np.float32)


def _otsu(values: Plane) -> float:
    low, high = float(values.min()), float(values.max())
    scaled = np.clip((values - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)
    level, _ = cv2.threshold(scaled.reshape(-1, 1), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return low + float(level) / 255 * (high - low)


def _refined(lab: Colours, area: NDArray[np.bool_], rough: NDArray[np.bool_]) -> Letters | None:
    """Smooth colours for both sides, and from them the cover; twice, so that edges count for neither side."""
    letters, ground = area & rough, area & ~rough
    cover = np.zeros(lab.shape[:2], np.float32)
    for _ in range(2):
        if not 0.01 < float(letters.sum()) / float(area.sum()) < 0.75 or ground.sum() < 40:
            return None
        ground_plane, ink_plane = _smooth(lab, ground, 2), _smooth(lab, letters, 1)
        way = ink_plane - ground_plane
        length = (way * way).sum(axis=2)
        contrast = float(np.sqrt(np.median(length[area])))
        if contrast < LEAST_CONTRAST:
            return None
        share = ((lab - ground_plane) * way).sum(axis=2) / np.maximum(length, 1e-3)
        cover = np.clip(share, 0, 1).astype(np.float32)
        inner = cv2.erode((cover > 0.55).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        inner = area & (inner if (area & inner).sum() > 30 else cover > 0.6)
        # Thin strokes are paler than their ink everywhere but in the middle.
        letters = inner & (share >= np.quantile(share[inner], 0.4)) if inner.any() else inner
        ground = area & (cv2.dilate(cover, np.ones((5, 5), np.uint8)) < 0.35)
    return Letters(cover, ink_plane, ground_plane, contrast)


def _smooth(lab: Colours, where: NDArray[np.bool_], degree: int) -> Colours:
    """A polynomial through the colours of some pixels; flat when they are few or lie close together."""
    rows, columns = np.nonzero(where)
    height, width = where.shape
    if len(rows) < 60 or columns.max() - columns.min() < 0.3 * height:
        return np.broadcast_to(np.median(lab[where], axis=0), lab.shape).astype(np.float32)
    step = max(1, len(rows) // 4000)
    rows, columns = rows[::step], columns[::step]
    values = lab[rows, columns]
    keep = np.abs(values - np.median(values, axis=0)).sum(axis=1)
    sure = keep <= np.quantile(keep, 0.9)
    terms = _terms(columns[sure] / width, rows[sure] / height, degree)
    weights = np.linalg.lstsq(terms, values[sure], rcond=None)[0]
    y, x = np.mgrid[0:height, 0:width]
    # Beyond the known pixels a polynomial runs away.
    x = np.clip(x, columns.min(), columns.max()) / width
    y = np.clip(y, rows.min(), rows.max()) / height
    return np.asarray(_terms(x.ravel(), y.ravel(), degree) @ weights, np.float32).reshape(lab.shape)


def _terms(x: NDArray[np.floating], y: NDArray[np.floating], degree: int) -> NDArray[np.floating]:
    first = [np.ones_like(x, np.float64), x, y]
    return np.stack([*first, x * x, x * y, y * y] if degree > 1 else first, axis=-1)


def _without_strangers(letters: Letters, strip: Strip) -> Letters | None:
    """Only the connected parts that can be letters of this span: no frame, no neighbour, no dirt."""
    left, top, right, bottom = strip.box
    side = [0.35 * HEIGHT_PX if end else 0.0 for end in strip.ends]
    solid = (letters.cover > 0.5).astype(np.uint8)
    count, labels, table, middles = cv2.connectedComponentsWithStats(solid, connectivity=8)
    stats = np.asarray(table, np.int32)
    kept = np.zeros(count, bool)
    for part in range(1, count):
        x, y, width, height, area = stats[part]
        cx, cy = middles[part]
        inside = left - side[0] <= cx <= right + side[1] and top - 0.08 * HEIGHT_PX <= cy <= bottom + 0.08 * HEIGHT_PX
        fits = y > top - 0.3 * HEIGHT_PX and y + height < bottom + 0.3 * HEIGHT_PX
        whole = x > 1 and x + width < solid.shape[1] - 1
        kept[part] = inside and fits and whole and area >= 0.0022 * HEIGHT_PX**2
    _drop_frames(kept, stats, strip.box[2] - strip.box[0])
    _drop_outliers(kept, stats)
    if not kept.any() or not _fills(stats[kept], strip.box):
        return None
    near = cv2.dilate(kept[labels].astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    strangers = cv2.dilate(((labels > 0) & ~kept[labels]).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    cover = np.where(near & ~(strangers & ~kept[labels]), letters.cover, 0).astype(np.float32)
    return Letters(cover, letters.ink, letters.ground, letters.contrast)


def _drop_frames(kept: NDArray[np.bool_], stats: NDArray[np.int32], span: float) -> None:
    """A line around the word, and the board between the letters when those were mistaken for the ground."""
    for part in np.flatnonzero(kept):
        x, y, width, height, area = stats[part]
        others = [stats[n] for n in np.flatnonzero(kept) if n != part]
        inside = [x <= o[0] and y <= o[1] and x + width >= o[0] + o[2] and y + height >= o[1] + o[3] for o in others]
        board = width > 1.6 * height and width > 0.5 * span and area > 0.5 * width * height
        kept[part] = not (board or (len(inside) > 0 and sum(inside) >= 0.6 * len(inside)))


def _drop_outliers(kept: NDArray[np.bool_], stats: NDArray[np.int32]) -> None:
    """Dots of the line below, and specks next to the word: small parts with no tall one next to or under them."""
    parts = np.flatnonzero(kept)
    if not len(parts):
        return
    tallest = int(stats[parts, cv2.CC_STAT_HEIGHT].max())
    tall = [part for part in parts if stats[part, cv2.CC_STAT_HEIGHT] > 0.45 * tallest]
    for part in parts:
        if part in tall:
            continue
        x, y, width, height, _ = stats[part]
        gap, nearest = min((max(stats[n][0] - x - width, x - stats[n][0] - stats[n][2], 0), n) for n in tall)
        _, top, _, high, _ = stats[nearest]
        kept[part] = gap < 0.6 * tallest and y < top + 0.92 * high and y + height > top - 0.45 * tallest


def _fills(stats: NDArray[np.int32], box: tuple[float, float, float, float]) -> bool:
    """Whether the parts together reach over most of the span, as its letters must."""
    left, right = stats[:, 0].min(), (stats[:, 0] + stats[:, 2]).max()
    high = stats[:, 3].max()
    return bool(right - left > 0.5 * (box[2] - box[0]) and high > 0.25 * HEIGHT_PX)
