"""What an operation is given and what it gives back; shared by every family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from kontext_ui.basic.language.plan import Step
from kontext_ui.edits import Mask, Pixels

BAND_ROWS = 512
"""Rows that are worked on at once, so that floating-point copies of 12 MP never exist whole."""


@dataclass(frozen=True, eq=False)
class Work:
    """One step on one picture. ``rgb`` is never written to."""

    rgb: Pixels
    step: Step
    painted: Mask | None = None
    """The user's own mask, of the picture's size."""
    seen: Pixels | None = None
    """The picture as the user saw it, before the steps that came first: places are looked for in this one."""
    check_stop: Callable[[], None] = field(default=lambda: None)
    """Raises when the user stopped; operations that take seconds call it between their parts."""

    @property
    def view(self) -> Pixels:
        """Where to look for things."""
        return self.rgb if self.seen is None else self.seen


@dataclass(frozen=True, eq=False)
class Made:
    """``pixels`` may be RGBA when the operation makes things transparent."""

    pixels: Pixels
    region: Mask | None = None
    """Outside of it the picture is what it was, byte for byte; ``None`` = the whole frame."""
    said: str = ""
    """What was done and where, in the middle of a sentence."""
    others: tuple[str, ...] = ()
    """Noun phrases for what could also have been meant."""
    warnings: tuple[str, ...] = ()


def blend(before: Pixels, after: Pixels, mask: Mask) -> Pixels:
    """``after`` where the mask is white, ``before`` byte for byte where it is black."""
    result = before.copy()
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray(mask))
    columns = slice(left, left + width)
    for start in range(top, top + height, BAND_ROWS):
        rows = slice(start, min(start + BAND_ROWS, top + height))
        part = mask[rows, columns]
        weight = part[..., None].astype(np.float32) / 255
        old, new = before[rows, columns], after[rows, columns]
        mixed = old + (new.astype(np.float32) - old) * weight
        result[rows, columns] = np.where(weight > 0, np.rint(mixed), old).astype(np.uint8)
    return result


def in_bands(pixels: Pixels, change: Callable[[Pixels, slice], Pixels]) -> Pixels:
    """A per-pixel change, some rows at a time. ``change`` gets the rows' pixels and where they lie."""
    result = np.empty_like(pixels)
    for top in range(0, pixels.shape[0], BAND_ROWS):
        rows = slice(top, min(top + BAND_ROWS, pixels.shape[0]))
        result[rows] = change(pixels[rows], rows)
    return result
