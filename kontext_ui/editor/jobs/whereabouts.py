"""What a model changed and where, as a sentence: models give a picture back and say nothing."""

from __future__ import annotations

import numpy as np

from kontext_ui.edits import Mask

LOOKED_AT_PX = 256
"""About as many rows and columns of a mask are looked at; words are no finer than that."""
NEARLY_ALL = 0.6
"""From this share on a change has no place: it is the picture's."""
WIDE = 0.7
"""A change that reaches this far across and down is told as all over the picture."""
ROWS = ("the upper {}", "the {}", "the lower {}")
COLUMNS = ("left", "middle", "right")


def told_change(mask: Mask | None, fraction: float | None) -> str:
    """``mask`` is 0 where nothing changed; ``fraction`` is the share of pixels that differ, 0..1, if it is known.

    Without a mask the model's picture was taken as it is.
    """
    if fraction == 0 or (mask is not None and not mask.any()):
        return "Nothing changed in the picture."
    if mask is None or (fraction is not None and fraction >= NEARLY_ALL):
        return "Changed nearly all of the picture."
    place = _place(mask)
    if fraction is None:
        return f"Changed {place}."
    share = "under 1%" if fraction < 0.01 else f"{fraction:.0%}"
    return f"Changed {place}, {share} of the picture."


def _place(mask: Mask) -> str:
    step = max(1, max(mask.shape[:2]) // LOOKED_AT_PX)
    weight = mask[::step, ::step].astype(np.float64)
    across, down = weight.sum(axis=0), weight.sum(axis=1)
    if not across.any():  # thinner than what is looked at
        weight = mask.astype(np.float64)
        across, down = weight.sum(axis=0), weight.sum(axis=1)
    if _extent(across) >= WIDE and _extent(down) >= WIDE:
        return "places all over the picture"
    row, column = _third(down), _third(across)
    if row == 1 and column == 1:
        return "the middle"
    if column == 1:
        return "the upper part" if row == 0 else "the lower part"
    return ROWS[row].format(COLUMNS[column])


def _extent(weight: np.ndarray) -> float:
    """From the first to the last that is not 0, as a share."""
    (places,) = np.nonzero(weight)
    return float(places[-1] - places[0] + 1) / len(weight)


def _third(weight: np.ndarray) -> int:
    """In which third the centre of gravity lies."""
    centre = float((np.arange(len(weight)) + 0.5) @ weight / weight.sum()) / len(weight)
    return min(2, int(centre * 3))
