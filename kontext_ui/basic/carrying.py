"""Carrying out the steps of a plan, one after the other, and keeping track of what was changed where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from kontext_ui.basic import families
from kontext_ui.basic.errors import ImpossibleError
from kontext_ui.basic.language.plan import Step, Target, of_step
from kontext_ui.basic.operations.family import Family
from kontext_ui.basic.operations.work import Made, Work, blend
from kontext_ui.basic.vision.regions import find_region, protected
from kontext_ui.edits import Mask, Pixels

KEPT_APART = 0.3
"""An edit of which less than this share lies outside of what is to be kept is about the kept thing itself."""


@dataclass(frozen=True, eq=False)
class State:
    """The picture after some steps. ``region`` is all that was changed, ``None`` = the whole frame."""

    pixels: Pixels
    seen: Pixels
    """RGB, as the user saw it; of the size of ``pixels``."""
    painted: Mask | None = None
    region: Mask | None = None
    whole: bool = False
    said: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    meant: str = ""
    """The words that ``others`` could stand for."""
    warnings: tuple[str, ...] = ()


def begin(pixels: Pixels, painted: Mask | None) -> State:
    return State(pixels, np.ascontiguousarray(pixels[..., :3]), painted)


def carry_out(state: State, step: Step, protect: Sequence[Target], check_stop: Callable[[], None]) -> State:
    """One step. Raises ``ImpossibleError`` and leaves the picture untouched when it cannot be done here."""
    family = families.of(step)
    if not family.keeps_size:
        return _reshaped(state, family, step)
    rgb = np.ascontiguousarray(state.pixels[..., :3])
    made = family.apply(Work(rgb, step, state.painted, state.seen, check_stop))
    check_stop()
    if not family.finds_region:
        made = _placed(rgb, made, step, state)
    if protect:
        made = _protecting(rgb, made, protect, state.seen)
    target = of_step(step)
    after = replace(
        state,
        pixels=_with_alpha(state.pixels, made.pixels),
        said=(*state.said, made.said),
        warnings=(*state.warnings, *made.warnings),
    )
    if made.others:
        meant = target.said if target is not None else str(step.arguments.get("old", ""))
        after = replace(after, others=made.others, meant=meant)
    return _widened(after, made.region)


def _reshaped(state: State, family: Family, step: Step) -> State:
    if state.painted is not None:
        raise ImpossibleError("Turning, cropping and resizing work on the whole picture. Clear the mask first.")
    made = family.apply(Work(state.pixels, step))
    seen = np.ascontiguousarray(made.pixels[..., :3])
    return replace(state, pixels=made.pixels, seen=seen, said=(*state.said, made.said), region=None, whole=True)


def _placed(rgb: Pixels, made: Made, step: Step, state: State) -> Made:
    """An operation on everything, kept only where it was asked for."""
    target = of_step(step)
    if target is None and state.painted is None:
        return made
    region = find_region(state.seen, target or Target("masked", "", "the painted area"), state.painted)
    joined = "on" if state.painted is None else "in"
    return replace(
        made,
        pixels=blend(rgb, made.pixels, region.mask),
        region=region.mask,
        said=f"{made.said} {joined} {region.how}",
        others=region.others,
    )


def _protecting(rgb: Pixels, made: Made, protect: Sequence[Target], seen: Pixels) -> Made:
    free = np.asarray(cv2.bitwise_not(protected(seen, protect)), np.uint8)
    before = rgb if made.pixels.shape == rgb.shape else np.dstack((rgb, np.full(rgb.shape[:2], 255, np.uint8)))
    if made.region is not None and cv2.mean(cv2.min(made.region, free))[0] < KEPT_APART * cv2.mean(made.region)[0]:
        raise ImpossibleError(
            f"What should change and what should stay, {protect[0].said}, look like the same thing to me. "
            "Paint over what should change."
        )
    region = free if made.region is None else np.asarray(cv2.min(made.region, free), np.uint8)
    names = " and ".join(dict.fromkeys(target.said for target in protect))
    return replace(made, pixels=blend(before, made.pixels, free), region=region, said=f"{made.said} (keeping {names})")


def _with_alpha(before: Pixels, after: Pixels) -> Pixels:
    """Transparency is kept, and only ever grows."""
    if before.shape[2] == 3:
        return after
    alpha = before[..., 3] if after.shape[2] == 3 else cv2.min(before[..., 3], after[..., 3])
    return np.dstack((after[..., :3], alpha))


def _widened(state: State, region: Mask | None) -> State:
    if region is None or state.whole:
        return replace(state, region=None, whole=True)
    both = region if state.region is None else np.asarray(cv2.max(state.region, region), np.uint8)
    return replace(state, region=both)
