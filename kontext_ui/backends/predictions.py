"""Replicate's predictions: what goes into one, and what is found in it. Hugging Face's router forwards the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kontext_ui.backends.hosted import HostedBackend
from kontext_ui.edits import Parameter
from kontext_ui.errors import Billed, ContentModerated

ENDED_BADLY = ("failed", "canceled", "aborted")
GOING_ON = ("starting", "processing")
OPEN_WEIGHTS = (
    Parameter("num_inference_steps", "Steps", "int", 30, 4, 50),
    Parameter("guidance_scale", "Guidance", "float", 2.5, 0, 10),
)
"""What only FLUX.1 Kontext [dev] takes."""
NAMES = {"guidance_scale": "guidance"}
"""Our names to theirs, where they differ."""
SENSITIVE = re.compile(r"E005|flagged as sensitive", re.IGNORECASE)
SEED = re.compile(r"[Uu]sing seed: (\d{1,12})")


def input_of(prompt: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Everything but the pictures. ``given`` are parameters under our names."""
    fields = {"prompt": prompt, "output_format": "png"}
    fields |= {NAMES.get(name, name): value for name, value in given.items()}
    if fields["output_format"] == "jpeg":
        fields["output_format"] = "jpg"
    return fields


def seed_in(answer: Mapping[str, Any]) -> int | None:
    """It stands in the log and nowhere else."""
    found = SEED.search(str(answer.get("logs") or ""))
    return None if found is None else int(found[1])


def refusal_in(answer: Mapping[str, Any], backend: HostedBackend, request_id: str | None) -> ContentModerated | None:
    """Whether words, picture or result were refused is not told; ``None`` when nothing was."""
    if not SENSITIVE.search(str(answer.get("error") or "")):
        return None
    return ContentModerated(
        f"{backend.label} refused the prompt, the picture or the result as sensitive.",
        backend=backend.id,
        stage="output",
        reasons=("flagged as sensitive",),
        hint="Another seed or other words may pass.",
        billed=Billed.MAYBE,
        request_id=request_id,
    )
