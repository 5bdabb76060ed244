"""The basic engine as a backend: instruction → plan → operations on the photo's own pixels."""

from __future__ import annotations

from collections.abc import AsyncIterator

from anyio import to_thread

from kontext_ui import basic
from kontext_ui.backends.base import EditTask, LastTurn, StandsAlone
from kontext_ui.edits import (
    Capabilities,
    Done,
    EditEvent,
    EditRequest,
    FoundRegion,
    Mode,
    Pixels,
    Readiness,
    Running,
    SizeRule,
    Tier,
)
from kontext_ui.errors import InvalidRequest, NotUnderstood
from kontext_ui.prompting import Look
from kontext_ui.settings import Settings

UNSUPPORTED = {
    "seed": "This engine draws nothing at random.",
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


def build(settings: Settings) -> BasicBackend:
    return BasicBackend()


class BasicBackend:
    """Edits on this machine, without a model and without a price."""

    id = basic.ENGINE_ID
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
                *basic.missing(),
            ),
        )

    def check(self, key: str | None = None) -> Readiness:
        return Readiness(True)

    async def edit(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        """Raises ``NotUnderstood``, ``InvalidRequest`` or ``EditCancelled``."""
        if task.input_image is None:
            raise InvalidRequest("This engine edits pictures; it cannot make one from text alone.")
        edit = basic.Edit(request.sent_prompt, task.input_image, task.mask)
        steps = edit.plan.steps
        for number, step in enumerate(steps):
            task.raise_if_cancelled()
            yield Running(number / len(steps), edit.announce(step))
            await to_thread.run_sync(edit.take, step, task.raise_if_cancelled)
        task.raise_if_cancelled()
        yield Done(await to_thread.run_sync(edit.result))

    def explain(self, instruction: str, has_mask: bool) -> NotUnderstood | None:
        """What it would say against an instruction; ``None`` when it would carry it out."""
        try:
            basic.read(instruction, has_mask)
        except NotUnderstood as error:
            return error
        return None

    def follow(self, message: str, last: LastTurn) -> StandsAlone | None:
        """In full words, where the message leans on what this engine did in the last turn."""
        found = basic.follow(message, [basic.Turn(last.said, last.steps, last.alternatives)])
        if found is None or found.undone:
            return None
        return StandsAlone(found.instruction, replaces=found.onto == "parent", elsewhere=found.elsewhere)

    def look(self, pixels: Pixels) -> Look:
        """What is seen in a picture; less where a package is missing."""
        return basic.look(pixels)

    def find(self, pixels: Pixels, name: str) -> FoundRegion:
        """Raises ``InvalidRequest`` saying what to do instead."""
        return basic.find(pixels, name)

    async def aclose(self) -> None:
        """Nothing is held open."""
