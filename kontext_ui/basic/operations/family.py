"""What every family of operations offers, so that the engine treats all of them alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kontext_ui.basic.language.grammar import Reader
from kontext_ui.basic.language.plan import Step
from kontext_ui.basic.operations.work import Made, Work
from kontext_ui.edits import Pixels


@dataclass(frozen=True)
class Family:
    """A group of operations. Its module exports one as ``FAMILY``; ``families.py`` lists them."""

    operations: frozenset[str]
    read: Reader
    """A clause's step, or ``None`` when the clause is not its business."""
    apply: Callable[[Work], Made]
    announce: Callable[[Step], str]
    """What is shown while it runs."""
    finds_region: bool = False
    """It finds its own place; the others are blended into theirs afterwards."""
    keeps_size: bool = True


def whole(change: Callable[[Pixels, Step], Pixels], describe: Callable[[Step], str]) -> Callable[[Work], Made]:
    """``apply`` of a family that changes every pixel of the frame."""
    return lambda work: Made(change(np.ascontiguousarray(work.rgb), work.step), said=describe(work.step))


def always(text: str) -> Callable[[Step], str]:
    """``announce`` of a family that says the same of each step."""
    return lambda step: text
