"""Placing a whole answer on the photo, and blending it in through a change mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from kontext_ui.edits import Mask, Pixels, Rectangle, Size
from kontext_ui.errors import InvalidRequest
from kontext_ui.images.geometry import bounds, cut, size_of
from kontext_ui.images.register import Matrix, identity, warp


@dataclass(frozen=True, eq=False)
class Candidate:
    """The whole answer, colour-matched, at the model's resolution, and where it lies on the parent.

    Stored (pixels as a picture, :meth:`placement` as JSON), it lets the change mask be edited later.
    """

    pixels: Pixels
    matrix: Matrix
    """2 × 3; maps continuous coordinates of the parent to those of ``pixels``."""
    size: Size
    """The parent's."""
    region: Rectangle
    """The part of the parent that it covers."""

    def placement(self) -> dict[str, list[float]]:
        """Everything but the pixels, for JSON."""
        part = self.region
        return {
            "matrix": [float(v) for v in self.matrix.ravel()],
            "size": [self.size.width, self.size.height],
            "region": [part.x, part.y, part.width, part.height],
        }

    @classmethod
    def placed(cls, pixels: Pixels, placement: Mapping[str, list[float]]) -> Candidate:
        """The inverse of :meth:`placement`."""
        matrix = np.array(placement["matrix"], np.float64).reshape(2, 3)
        size, region = (int(v) for v in placement["size"]), (int(v) for v in placement["region"])
        return cls(pixels, matrix, Size(*size), Rectangle(*region))

    def render(self, part: Rectangle | None = None) -> Pixels:
        """A rectangle of the answer at the parent's resolution and position; by default its whole region."""
        part = part or self.region
        if np.array_equal(self.matrix, identity()) and size_of(self.pixels) == self.size:
            return cut(self.pixels, part)
        moved = self.matrix.copy()
        moved[:, 2] += moved[:, :2] @ np.array([part.x, part.y], np.float64)
        return warp(self.pixels, moved, part.width, part.height)


def reblend(parent: Pixels, candidate: Candidate, change_mask: Mask) -> Pixels:
    """The parent with the answer blended in where ``change_mask`` says, 0 = parent to 255 = answer.

    For change masks that were widened, narrowed or painted on: no further edit is needed.
    """
    if size_of(change_mask) != size_of(parent):
        raise InvalidRequest("The change mask does not have the picture's size.")
    out = with_channels(parent, candidate.pixels.shape[2]).copy()
    part = bounds(cut(change_mask, candidate.region))
    if part is None:
        return out
    part = Rectangle(part.x + candidate.region.x, part.y + candidate.region.y, part.width, part.height)
    _blend(out, candidate, change_mask, part)
    return out


def _blend(out: Pixels, candidate: Candidate, change_mask: Mask, part: Rectangle) -> None:
    """In strips, so that a 12-megapixel photo does not need a gigabyte of floats."""
    channels = candidate.pixels.shape[2]
    rows = max(16, 2_000_000 // part.width)
    for top in range(part.y, part.y + part.height, rows):
        strip = Rectangle(part.x, top, part.width, min(rows, part.y + part.height - top))
        weight = cut(change_mask, strip)
        if not weight.any():
            continue
        below, above = cut(out, strip)[..., :channels], candidate.render(strip)
        share = cv2.merge([weight] * channels).astype(np.uint16)
        mixed = (above * share + below * (255 - share) + 127) // 255
        below[:] = mixed.astype(np.uint8)


def with_channels(pixels: Pixels, channels: int) -> Pixels:
    """RGB as opaque RGBA when 4 channels are requested."""
    if pixels.shape[2] >= channels:
        return pixels
    return cast(Pixels, np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]))
