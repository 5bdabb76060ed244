"""How far a version has drifted from the first picture: sharpness, and whether drift adds up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from kontext_ui.edits import Mask, Pixels, Size
from kontext_ui.images.geometry import flattened, resized, size_of

_SOFT_BELOW = 0.75
_DRIFT_ABOVE = 0.15
REMEDY = "Redo all steps in one edit (in the version's menu) begins again from the first picture."


def sharpness(pixels: Pixels, *, where: Mask | None = None) -> float:
    """Strength of the finest detail: the mean absolute Laplacian of brightness, in 8-bit steps.

    Measured at the picture's own resolution; ``where`` restricts it to a part.
    """
    gray = cv2.cvtColor(flattened(pixels), cv2.COLOR_RGB2GRAY)
    detail = np.abs(cv2.Laplacian(gray, cv2.CV_16S))
    if where is not None:
        chosen = detail[where >= 128]
        return float(chosen.mean()) if chosen.size else 0.0
    return float(detail.mean())


def sharpness_against(version: Pixels, root: Pixels, *, where: Mask | None = None) -> float:
    """Sharpness of a version relative to the first picture: 1 = as sharp, 0.5 = half the fine detail is gone.

    Pictures of different sizes are compared at the smaller one's.
    """
    small = min(size_of(version), size_of(root), key=lambda s: s.width * s.height)
    first, second = _at(root, small), _at(version, small)
    base = sharpness(first, where=where if where is not None and size_of(where) == small else None)
    return sharpness(second, where=where if where is not None and size_of(where) == small else None) / max(base, 1e-6)


def accumulated(turns: Sequence[Mapping[str, float]], *, sharpness: float = 1.0) -> str | None:
    """A quiet warning when a chain of turns has drifted, with the remedy; ``None`` while all is well.

    ``turns`` are the meters of the chain's versions, oldest first. Locked turns do not add up, since
    untouched pixels do not pass through them; whole results do.
    """
    whole = sum(1 for turn in turns if turn.get("changed", 0.0) > 1 - _DRIFT_ABOVE)
    if sharpness < _SOFT_BELOW and whole:
        return f"This version has lost {1 - sharpness:.0%} of the first picture's fine detail. {REMEDY}"
    if whole >= 4:
        return f"{whole} results in a row replaced the whole picture, and each loses a little. {REMEDY}"
    return None


def _at(pixels: Pixels, size: Size) -> Pixels:
    return resized(flattened(pixels), size)
