"""Looking at a result before it is shown: is the thing gone that should be, and only that one?"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from kontext_ui.basic.vision.detector import LEAST_SCORE, Found, detect, distinct, overlap, shared
from kontext_ui.basic.vision.shape import reduced
from kontext_ui.edits import Mask, Pixels, Rectangle

SURELY = 0.5
"""What is seen less surely than this may come and go by itself."""
FAINTLY = 0.25
SAME_BOX = 0.3
TOUCHED = 0.3
"""Share of a box that changed from which the change is held to be about that thing."""
WORN = frozenset(
    ("backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite",
     "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle", "cup", "book", "remote",
     "cell phone")
)  # fmt: skip
"""What goes with the person who carries it."""
CARRIED = 0.6


def vanished(before: Pixels, after: Pixels, mask: Mask, meant: Sequence[Found]) -> list[Found]:
    """What was surely seen, was not meant, lies where pixels changed and is gone."""
    small = reduced(after)
    changed = _at(mask, small)
    now = detect(small, FAINTLY)
    lost = []
    for one in distinct(detect(reduced(before), SURELY)):
        goes_along = any(_is_carried(one, other) or overlap(one.box, other.box) > CARRIED for other in meant)
        if goes_along or _share(changed, one.box) < TOUCHED:
            continue
        if not any(other.name == one.name and overlap(other.box, one.box) > SAME_BOX for other in now):
            lost.append(one)
    return lost


def left(after: Pixels, mask: Mask, name: str, everywhere: bool) -> list[Found]:
    """Things of that name that can still be seen where pixels changed, or anywhere in the picture."""
    small = reduced(after)
    changed = _at(mask, small)
    return [one for one in detect(small, LEAST_SCORE)
            if one.name == name and (everywhere or _share(changed, one.box) > TOUCHED)]  # fmt: skip


def people_lost(before: Pixels, kept: Mask) -> tuple[int, int]:
    """Of the people that a picture shows: how many a cut-out does not keep, and how many there are."""
    small = reduced(before)
    shown = _at(kept, small)
    people = [one for one in detect(small, SURELY) if one.name == "person"]
    return sum(_share(shown, one.box) < TOUCHED for one in people), len(people)


def _is_carried(one: Found, other: Found) -> bool:
    return other.name == "person" and one.name in WORN and shared(one, other) > CARRIED


def _at(mask: Mask, small: Pixels) -> Mask:
    """The mask at the size at which things are looked for, 0 or 255."""
    resized = cv2.resize(mask, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_AREA)
    return np.asarray((resized > 128) * np.uint8(255), np.uint8)


def _share(mask: Mask, box: Rectangle) -> float:
    """Share of a box that is white, 0..1."""
    return float(mask[box.y : box.y + box.height, box.x : box.x + box.width].mean()) / 255
