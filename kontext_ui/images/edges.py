"""Lines of black or white along the edges of an answer, which a model leaves where it had nothing to draw.

A model that shifts a picture by a pixel or two has nothing for the rows that move in. Some fill them with black
or white: to a comparison that is a change along the whole side, and pasted it is a hairline.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from kontext_ui.edits import Pixels

_DEEPEST = 0.006
"""Share of a side that such a line may take. What is wider may be a frame that was asked for, and what comes of a
wider shift lies outside the photo once the shift is undone."""
_SMEAR = 2
"""Rows beside the line that blurring and JPEG mix it into."""
_DARK, _BRIGHT = 24, 232
_NEARLY_ALL = 0.98


@dataclass(frozen=True)
class Lines:
    """How deep the lines at each side are, as shares of the side across them; 0 where there is none."""

    top: float = 0.0
    bottom: float = 0.0
    left: float = 0.0
    right: float = 0.0

    def filled(self, plane: NDArray[Any], *, more: int = 0) -> NDArray[Any]:
        """A picture or plane (rows × columns, …) with the lines, and ``more`` rows beside each, replaced by what
        lies beside those."""
        if self == Lines():
            return plane
        height, width = plane.shape[:2]
        top, bottom, left, right = (depth + more * (depth > 0) for depth in self._depths(height, width))
        rows = np.clip(np.arange(height), top, height - 1 - bottom)
        columns = np.clip(np.arange(width), left, width - 1 - right)
        return plane[rows[:, None], columns]

    def beside(self, height: int, width: int) -> NDArray[np.bool_]:
        """Which pixels of a picture of this size lie outside the lines."""
        out = np.zeros((height, width), bool)
        top, bottom, left, right = self._depths(height, width)
        out[top : height - bottom, left : width - right] = True
        return out

    def _depths(self, height: int, width: int) -> tuple[int, int, int, int]:
        shares = ((self.top, height), (self.bottom, height), (self.left, width), (self.right, width))
        top, bottom, left, right = (math.ceil(share * side) for share, side in shares)
        return top, bottom, left, right


def lines_in(answer: Pixels, sent: Pixels) -> Lines:
    """The lines of an answer; ``sent`` is what was sent, of any size: where its edge is as dark or bright, none is."""
    sizes = (answer.shape[0], answer.shape[0], answer.shape[1], answer.shape[1])
    both = zip(_sides(answer), _sides(sent), sizes, strict=True)
    return Lines(*(_depth(lines, own) / size for lines, own, size in both))


def _sides(pixels: Pixels) -> tuple[Pixels, Pixels, Pixels, Pixels]:
    """The outermost lines at the top, bottom, left and right, each with the outermost first."""
    down, across = (max(2, round(_DEEPEST * side)) + 1 for side in pixels.shape[:2])
    colours = pixels[..., :3]
    turned = colours.transpose(1, 0, 2)
    return colours[:down], colours[::-1][:down], turned[:across], turned[::-1][:across]


def _depth(lines: Pixels, own: Pixels) -> int:
    """How many lines are to be replaced; 0 where there is none, or where it does not end within the limit."""
    for blank in (_is_dark, _is_bright):
        found = blank(lines)
        if found[0] and not found.all() and not blank(own)[0]:
            return int(np.argmin(found)) + _SMEAR
    return 0


def _is_dark(lines: Pixels) -> NDArray[np.bool_]:
    return cast(NDArray[np.bool_], (lines.max(axis=2) <= _DARK).mean(axis=1) >= _NEARLY_ALL)


def _is_bright(lines: Pixels) -> NDArray[np.bool_]:
    return cast(NDArray[np.bool_], (lines.min(axis=2) >= _BRIGHT).mean(axis=1) >= _NEARLY_ALL)
