"""The offline engine as a backend: plan the instruction, carry out its steps, check, say what was done."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence

import cv2
from anyio import to_thread

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.builtin import carrying, families, grammar, refusal
from kontext_ui.backends.builtin.plan import Plan
from kontext_ui.backends.builtin.work import ImpossibleError
from kontext_ui.edits import (
    Capabilities,
    Done,
    EditEvent,
    EditRequest,
    EditResult,
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
EXAMPLES = (
    "Make it a bit brighter and warmer",
    "Blur the background",
    "Make everything black and white except the flower",
    "Turn it into a watercolour",
    "Make the sky stormy",
    "Remove the person",
)


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
            typical_s=1.0,
            examples=EXAMPLES,
            notes=(
                "Changes what is in the picture at full resolution; it does not draw new things.",
                *families.missing(),
            ),
        )

    def check(self, key: str | None = None) -> Readiness:
        return Readiness(True)

    async def edit(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        """Raises ``NotUnderstood``, ``InvalidRequest`` or ``EditCancelled``."""
        if task.input_image is None:
            raise InvalidRequest("This engine edits pictures; it cannot make one from text alone.")
        plan = make_plan(request.instruction, has_mask=task.mask is not None)
        state = carrying.begin(task.input_image, task.mask)
        for number, step in enumerate(plan.steps):
            task.raise_if_cancelled()
            yield Running(number / len(plan.steps), families.of(step).announce(step))
            try:
                state = await to_thread.run_sync(carrying.carry_out, state, step, plan.protect, task.raise_if_cancelled)
            except ImpossibleError as error:
                if not families.of(step).keeps_size:
                    raise InvalidRequest(str(error), hint="Nothing was changed.") from None
                raise refusal.impossible(request.instruction, error) from None
        task.raise_if_cancelled()
        if not await to_thread.run_sync(_differs, task.input_image, state.pixels):
            raise NotUnderstood(
                "This changes next to nothing in this picture, so no new version was made.",
                backend=self.id,
                suggestions=refusal.nearest(request.instruction),
            )
        yield Done(
            EditResult(
                state.pixels,
                sentence(state.said),
                change_mask=state.region,
                plan=plan.as_json(),
                warnings=state.warnings,
                alternatives=_alternatives(request.instruction, state),
            )
        )

    async def aclose(self) -> None:
        """Nothing is held open."""


def make_plan(instruction: str, has_mask: bool = False) -> Plan:
    """Raises ``NotUnderstood`` with what can be done instead."""
    try:
        return grammar.read(instruction, families.READERS, has_mask)
    except grammar.UnclearError as error:
        raise refusal.refuse(instruction, error, error.understood) from None


def sentence(parts: Sequence[str]) -> str:
    """One sentence on everything that was done."""
    text = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"{text[0].upper()}{text[1:]}."


def _alternatives(instruction: str, state: carrying.State) -> tuple[str, ...]:
    """The same instruction about the other things that its words could have meant."""
    if not state.others or not state.meant:
        return ()
    # A quoted text goes with its quotation marks; the other phrases bring their own.
    pattern = rf"[\"“„«'‘]?(?<!\w){re.escape(state.meant)}(?!\w)[\"”“»'’]?"
    found = re.search(pattern, instruction, re.IGNORECASE)
    if found is None:
        return ()
    return tuple(f"{instruction[: found.start()]}{other}{instruction[found.end() :]}" for other in state.others)


def _differs(before: Pixels, after: Pixels) -> bool:
    if before.shape != after.shape:
        return True
    same = cv2.inRange(cv2.absdiff(before, after), (0,) * before.shape[2], (VISIBLE,) * before.shape[2])
    return 1 - cv2.countNonZero(same) / same.size >= LEAST_CHANGE
