"""Masks of a photo's size: 255 = edit or changed, 0 = keep, between = feather."""

from __future__ import annotations

from typing import Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from kontext_ui.edits import Mask, Rectangle, Size
from kontext_ui.errors import InvalidRequest
from kontext_ui.images.geometry import bounds, size_of

__all__ = [
    "bounds",
    "combine",
    "coverage",
    "default_feather_px",
    "empty",
    "feather",
    "from_rectangle",
    "grow",
    "invert",
    "normalise",
    "resize",
    "shrink",
]


def default_feather_px(size: Size) -> int:
    """Width of the soft edge for a photo: 0.6 % of its short side, 2 to 24 pixels."""
    return int(min(24, max(2, round(0.006 * min(size)))))


def normalise(values: NDArray[np.generic], size: Size) -> Mask:
    """A mask of the photo's size from whatever was painted or uploaded.

    Takes bool, 8- and 16-bit integers and floats (0..1), grey, RGB or RGBA. In an RGBA picture
    the colours count where it is opaque; one of a single colour with holes is read by its opacity, since
    painting programs save a brush layer so. Raises InvalidRequest when the shape is not the photo's.
    """
    grey = _grey(values)
    got = size_of(grey)
    if abs(np.log(got.ratio / size.ratio)) > np.log(1.02) + 1.0 / min(*got, *size):
        raise InvalidRequest(
            f"The mask's shape differs from the picture's ({got} against {size}).",
            hint="Use a mask of the picture's own width and height; white is edited, black is kept.",
        )
    return resize(grey, size)


def resize(mask: Mask, size: Size) -> Mask:
    """A mask at another size; a mask without grey stays without grey."""
    if size_of(mask) == size:
        return mask
    hard = bool(np.isin(mask, (0, 255)).all())
    out = cast(Mask, cv2.resize(mask, (size.width, size.height), interpolation=_how(mask, size)))
    return np.where(out >= 128, np.uint8(255), np.uint8(0)) if hard else out


def empty(size: Size) -> Mask:
    return np.zeros((size.height, size.width), np.uint8)


def from_rectangle(part: Rectangle, size: Size) -> Mask:
    out = empty(size)
    out[max(0, part.y) : part.y + part.height, max(0, part.x) : part.x + part.width] = 255
    return out


def feather(mask: Mask, px: int) -> Mask:
    """A soft edge of ``px`` pixels outside the mask; inside it nothing changes.

    Exactly 0 further than ``px`` from every pixel that was at least half set.
    """
    if px <= 0:
        return mask
    core = mask >= 128
    part = bounds(core.view(np.uint8))
    if part is None or core.all():
        return mask
    x, y = max(0, part.x - px - 1), max(0, part.y - px - 1)
    area = (slice(y, part.y + part.height + px + 1), slice(x, part.x + part.width + px + 1))
    far = cv2.distanceTransform((~core[area]).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    ramp = np.clip(1.0 - far / (px + 1.0), 0.0, 1.0)
    ramp[far > px] = 0.0
    soft = np.rint(255.0 * ramp * ramp * (3.0 - 2.0 * ramp)).astype(np.uint8)
    out = np.zeros_like(mask)
    out[area] = np.maximum(soft, np.where(core[area], mask[area], 0))
    return out


def invert(mask: Mask) -> Mask:
    return 255 - mask


def combine(first: Mask, second: Mask, how: Literal["add", "subtract", "intersect"] = "add") -> Mask:
    """Two masks of the same size: what either has, what only the first has, or what both have."""
    if how == "add":
        return np.maximum(first, second)
    return np.minimum(first, second if how == "intersect" else invert(second))


def grow(mask: Mask, px: int) -> Mask:
    """Wider by ``px`` pixels on every side; negative values make it narrower."""
    if px < 0:
        return shrink(mask, -px)
    return _morph(mask, px, wider=True)


def shrink(mask: Mask, px: int) -> Mask:
    """Narrower by ``px`` pixels on every side, except where it meets the frame of the picture."""
    return grow(mask, -px) if px < 0 else _morph(mask, px, wider=False)


def coverage(mask: Mask) -> float:
    """Share of the picture that is set, 0..1; feathered pixels count by their strength."""
    return float(mask.mean(dtype=np.float64)) / 255.0 if mask.size else 0.0


def _grey(values: NDArray[np.generic]) -> Mask:
    data = _to_8bit(values)
    if data.ndim == 2:
        return data
    if data.ndim != 3 or data.shape[2] not in (1, 2, 3, 4):
        raise InvalidRequest("The mask is not a picture.", hint="Upload a black and white picture.")
    if data.shape[2] == 1:
        return np.ascontiguousarray(data[..., 0])
    alpha = data[..., -1] if data.shape[2] in (2, 4) else None
    colours = data[..., :3] if data.shape[2] >= 3 else data[..., :1]
    luma = _bytes(colours.mean(axis=2))
    if alpha is None or alpha.min() == 255:
        return luma
    opaque = luma[alpha > 0]
    if opaque.size and int(opaque.max()) - int(opaque.min()) <= 8:
        return np.ascontiguousarray(alpha)
    return _bytes(luma.astype(np.float32) * alpha / 255.0)


def _to_8bit(values: NDArray[np.generic]) -> Mask:
    if values.dtype == np.uint8 and values.max(initial=0) != 1:
        return cast(Mask, values)
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if np.issubdtype(values.dtype, np.floating):
        return _bytes(np.clip(np.nan_to_num(values.astype(np.float64)), 0.0, 1.0) * 255)
    if np.issubdtype(values.dtype, np.integer):
        most = int(values.max(initial=0))
        top = 65_535 if most > 255 else 255 if most > 1 else 1
        return _bytes(np.clip(values.astype(np.float64), 0, top) * (255 / top))
    raise InvalidRequest("The mask is not a picture.", hint="Upload a black and white picture.")


def _bytes(values: NDArray[np.floating]) -> Mask:
    return cast(Mask, np.rint(values).astype(np.uint8))


def _how(mask: Mask, size: Size) -> int:
    return cv2.INTER_AREA if size.width * size.height < mask.size else cv2.INTER_LINEAR


def _morph(mask: Mask, px: int, *, wider: bool) -> Mask:
    """By a disc of radius ``px``, from distances since large structuring elements are slow."""
    if px <= 0:
        return mask
    hard = bool(np.isin(mask, (0, 255)).all())
    if hard:
        side = mask if wider else 255 - mask
        if not side.any():
            return mask
        if side.all():
            return mask
        near = cv2.distanceTransform((side == 0).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= px
        return np.where(near == wider, np.uint8(255), np.uint8(0))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * px + 1, 2 * px + 1))
    return cast(Mask, (cv2.dilate if wider else cv2.erode)(mask, disc))
