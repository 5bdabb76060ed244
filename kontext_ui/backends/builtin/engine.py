"""The offline engine as a backend: plan the instruction, carry out its steps, check, say what was done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import cv2
import numpy as np
from anyio import to_thread

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.builtin import effects, geometry, grammar, refusal, tone
from kontext_ui.backends.builtin.plan import Plan, Step
from kontext_ui.edits import (
    Capabilities,
    Done,
    EditEvent,
    EditRequest,
    EditResult,
    Mask,
    Mode,
    Pixels,
    Readiness,
    Running,
    SizeRule,
    Tier,
)
from kontext_ui.errors import InvalidRequest, NotUnderstood

LEAST_CHANGE = 0.002
"""A result in which fewer pixels than this share changed visibly is no edit."""
VISIBLE = 2
"""A difference of more than this many of 255 steps counts as visible."""
NO_RANDOM = "This engine draws nothing at random."
UNSUPPORTED = {
    "seed": NO_RANDOM,
    "num_inference_steps": "This engine has no diffusion steps.",
    "guidance_scale": "This engine has no diffusion steps.",
    "prompt_upsampling": "This engine reads your words as they are.",
    "safety_tolerance": "Nothing is invented here, so nothing is moderated.",
    "aspect_ratio": "Ask for it in words: “crop to 16:9”.",
    "output_format": "Versions are kept lossless; choose a format when you download.",
    "style_preset": "Ask for a style in words.",
}
EXAMPLES = ("Make it a bit brighter and warmer", "Turn it black and white", "Add film grain and a vignette")


@dataclass(frozen=True)
class Family:
    """A group of operations: how to read, do and describe them."""

    operations: frozenset[str]
    apply: Callable[[Pixels, Step], Pixels]
    describe: Callable[[Step], str]
    keeps_size: bool = True


TONE = frozenset(
    ("brightness", "contrast", "saturation", "warmth", "shadows", "highlights", "greyscale", "sepia", "invert")
)
FAMILIES = (
    Family(TONE, tone.apply, tone.describe),
    Family(frozenset(("blur", "sharpen", "vignette", "grain")), effects.apply, effects.describe),
    Family(
        frozenset(("rotate", "straighten", "flip", "crop_ratio", "crop_edge", "resize")),
        geometry.apply,
        geometry.describe,
        keeps_size=False,
    ),
)
READERS = (geometry.read, effects.read, tone.read)


class BuiltinBackend:
    """Edits on this machine, without a model and without a price."""

    id = refusal.BACKEND_ID
    label = "Basic (this computer)"
    runs_here = True
    tiers = (Tier.LOCAL,)

    def capabilities(self, tier: Tier) -> Capabilities:
        return Capabilities(
            model="Basic engine",
            modes=frozenset({Mode.EDIT}),
            unsupported=UNSUPPORTED,
            size_rule=SizeRule("any"),
            price_usd=0.0,
            typical_s=0.5,
            examples=EXAMPLES,
            notes=("Adjusts what is in the picture at full resolution; it does not draw new things.",),
        )

    def check(self, key: str | None = None) -> Readiness:
        return Readiness(True)

    async def edit(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        """Raises ``NotUnderstood``, ``InvalidRequest`` or ``EditCancelled``."""
        if task.input_image is None:
            raise InvalidRequest("This engine edits pictures; it cannot make one from text alone.")
        plan = make_plan(request.instruction)
        pixels = task.input_image
        for number, step in enumerate(plan.steps):
            task.raise_if_cancelled()
            yield Running(number / len(plan.steps), _family(step).describe(step))
            pixels = await to_thread.run_sync(_carry_out, pixels, step, task.mask)
        task.raise_if_cancelled()
        if not await to_thread.run_sync(_differs, task.input_image, pixels):
            raise NotUnderstood(
                "This changes next to nothing in this picture, so no new version was made.",
                backend=self.id,
                suggestions=refusal.nearest(request.instruction),
            )
        yield Done(EditResult(pixels, describe(plan), change_mask=task.mask, plan=plan.as_json()))

    async def aclose(self) -> None:
        """Nothing is held open."""


def make_plan(instruction: str) -> Plan:
    """Raises ``NotUnderstood`` with what can be done instead."""
    try:
        return grammar.read(instruction, READERS)
    except grammar.UnclearError as error:
        raise refusal.refuse(instruction, error, error.understood) from None


def describe(plan: Plan) -> str:
    """One sentence on everything that was done."""
    parts = [_family(step).describe(step) for step in plan.steps]
    sentence = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"{sentence[0].upper()}{sentence[1:]}."


def _family(step: Step) -> Family:
    return next(family for family in FAMILIES if step.operation in family.operations)


def _carry_out(pixels: Pixels, step: Step, mask: Mask | None) -> Pixels:
    family = _family(step)
    if not family.keeps_size:
        if mask is not None:
            raise InvalidRequest(
                "Turning, cropping and resizing work on the whole picture.", hint="Clear the mask and send it again."
            )
        try:
            return family.apply(pixels, step)
        except geometry.ImpossibleError as error:
            raise InvalidRequest(str(error)) from None
    if pixels.shape[2] == 4:
        return np.dstack((_within(pixels[..., :3], family, step, mask), pixels[..., 3]))
    return _within(pixels, family, step, mask)


def _within(rgb: Pixels, family: Family, step: Step, mask: Mask | None) -> Pixels:
    """Where the mask is 0 the result is the picture itself, byte for byte."""
    rgb = np.ascontiguousarray(rgb)
    changed = family.apply(rgb, step)
    if mask is None:
        return changed
    weight = cv2.merge((mask, mask, mask)).astype(np.float32) / 255
    blended = rgb + (changed.astype(np.float32) - rgb) * weight
    return np.where(weight > 0, np.rint(blended), rgb).astype(np.uint8)


def _differs(before: Pixels, after: Pixels) -> bool:
    if before.shape != after.shape:
        return True
    same = cv2.inRange(cv2.absdiff(before, after), (0,) * before.shape[2], (VISIBLE,) * before.shape[2])
    return 1 - cv2.countNonZero(same) / same.size >= LEAST_CHANGE
