"""Two pictures as one, for whoever can look at one picture at a time."""

from __future__ import annotations

import numpy as np

from kontext_ui.edits import Pixels, Size
from kontext_ui.images.codec import EncodedImage, make_preview, shrunk
from kontext_ui.images.geometry import flattened, resized, size_of

GAP_PX = 8


def side_by_side(left: Pixels, right: Pixels, max_side_px: int) -> EncodedImage:
    """Both at the height of the smaller one, on white, with a white gap between them."""
    one, other = (flattened(shrunk(pixels, max_side_px)) for pixels in (left, right))
    height = min(one.shape[0], other.shape[0])
    one, other = (_at_height(pixels, height) for pixels in (one, other))
    gap = np.full((height, GAP_PX, 3), 255, np.uint8)
    return make_preview(np.concatenate((one, gap, other), axis=1), max_side_px)


def _at_height(pixels: Pixels, height: int) -> Pixels:
    size = size_of(pixels)
    return resized(pixels, Size(max(1, round(size.width * height / size.height)), height))
