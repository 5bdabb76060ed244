"""One route, ``POST /v1/images/edits``, and how each server reads it: a row per server.

They agree on the route, on ``prompt``, on ``size`` and on an answer with base64; on nearly nothing else.
Whatever a server would fill in by itself (seed, steps, guidance, size) is always set, because their own
defaults differ: guidance alone is 2.5, 3.5 or 7.5.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kontext_ui.backends.hosted.http import Files
from kontext_ui.edits import Mask, Size
from kontext_ui.images import codec

TAG = "sd_cpp_extra_args"
TAGGED = re.compile(rf"<\s*{TAG}\s*>.*?<\s*/\s*{TAG}\s*>", re.IGNORECASE | re.DOTALL)
LONE_TAG = re.compile(rf"<\s*/?\s*{TAG}[^<>]*>|</?\s*{TAG}", re.IGNORECASE)
LORA = re.compile(r"<\s*lora\s*:[^<>]*>", re.IGNORECASE)
"""stable-diffusion.cpp loads a file of this name from its folder when it finds it in a prompt."""


@dataclass(frozen=True)
class Dialect:
    """How one kind of server wants to be asked."""

    name: str
    fields: Mapping[str, str] = field(default_factory=dict)
    """Our parameter → its form field; a parameter without one cannot be sent, unless in the tag."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Fields that are the same in every request."""
    picture: str = "image[]"
    mask: str | None = None
    """Field of the mask; ``None`` where the server ignores one, so that none is sent."""
    tagged: bool = False
    """Seed, steps and guidance are read from a tag inside the prompt and nowhere else."""
    names_model: bool = True
    streams: bool = False
    """It tells its progress in server-sent events."""
    stops: bool = False
    """Closing the connection stops the work; elsewhere the GPU draws on."""
    health: str = "/v1/models"

    def takes(self, parameter: str) -> bool:
        """Whether seed, steps or guidance reach the server."""
        return self.tagged or parameter in self.fields


SAME = {name: name for name in ("seed", "num_inference_steps", "guidance_scale")}
INLINE_PNG = {"n": "1", "output_format": "png", "response_format": "b64_json"}
SAME_NOISE = {**INLINE_PNG, "generator_device": "cpu"}
"""A processor's generator makes the same noise whatever the GPU, so that a seed keeps its meaning on all of them."""

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect("kontext", SAME, {**INLINE_PNG, "stream": "true", "partial_images": "1", "progress": "true"},
                streams=True, stops=True, health="/ready"),
        Dialect("vllm-omni", SAME, SAME_NOISE, health="/health"),
        Dialect("sglang", SAME, SAME_NOISE, health="/health"),
        Dialect("sd-server", {}, {"n": "1", "output_format": "png"}, mask="mask", tagged=True, names_model=False),
        Dialect("mlx", {**SAME, "num_inference_steps": "steps"}, {"n": "1", "response_format": "b64_json"},
                picture="image"),
        Dialect("openai", {}, {"n": "1"}, mask="mask"),
    )
}  # fmt: skip
OWNERS = {"kontext_ui": "kontext", "vllm": "vllm-omni", "sglang": "sglang", "mlx": "mlx"}
"""Beginning of ``owned_by`` in a server's list of models → dialect."""


@dataclass(frozen=True, eq=False)
class Wanted:
    """One edit, ready to be sent to any server."""

    prompt: str
    size: Size
    seed: int
    steps: int
    guidance: float
    """0 for either: as the model wants it."""
    picture_png: bytes = field(repr=False)
    mask_png: bytes | None = field(default=None, repr=False)
    visitor: str = ""
    """An opaque word, the same for all edits of one visitor, so that a server of ours lets visitors take turns."""

    def parameters(self) -> dict[str, str]:
        return {
            "seed": str(self.seed),
            "num_inference_steps": str(self.steps),
            "guidance_scale": f"{self.guidance:g}",
        }


def form_of(dialect: Dialect, wanted: Wanted, model: str) -> tuple[dict[str, str], Files]:
    """The form's text fields and its files."""
    told = wanted.parameters()
    data = {
        **dialect.fixed,
        **{theirs: told[ours] for ours, theirs in dialect.fields.items()},
        "prompt": tag_for(wanted) + wanted.prompt if dialect.tagged else wanted.prompt,
        "size": f"{wanted.size.width}x{wanted.size.height}",
    }
    if model and dialect.names_model:
        data["model"] = model
    if wanted.visitor and dialect.streams:
        data["user"] = wanted.visitor
    files: Files = [(dialect.picture, ("picture.png", wanted.picture_png, "image/png"))]
    if wanted.mask_png is not None and dialect.mask is not None:
        files.append((dialect.mask, ("mask.png", wanted.mask_png, "image/png")))
    return data, files


def tag_for(wanted: Wanted) -> str:
    """What sd-server cuts out of the prompt. It stands first, since the first one counts; one line, since
    its reader stops at a line's end."""
    guidance = {"distilled_guidance": wanted.guidance, "txt_cfg": 1.0}
    inside = {"seed": wanted.seed, "sample_params": {"sample_steps": wanted.steps, "guidance": guidance}}
    return f"<{TAG}>{json.dumps(inside)}</{TAG}>"


def without_tags(text: str) -> str:
    """A visitor's words without anything that a server would take for orders to itself.

    Removing one may join its neighbours into another tag, so it repeats until nothing is left to remove.
    """
    while True:
        cleaned = LORA.sub("", LONE_TAG.sub("", TAGGED.sub("", text)))
        if cleaned == text:
            return text.strip()
        text = cleaned


def mask_png(mask: Mask) -> bytes:
    """One file that both conventions read alike: white where to edit for those who look at brightness,
    transparent there for those who look at alpha."""
    return codec.encode_png(np.dstack((mask, mask, mask, 255 - mask)))


def recognise(models: Mapping[str, Any]) -> tuple[Dialect, str]:
    """The dialect and the model's name, from the answer to ``GET /v1/models``; plain OpenAI when it tells nothing."""
    listed = models.get("data")
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    ids = [str(entry.get("id") or "") for entry in entries]
    if "sd-cpp-local" in ids:
        return DIALECTS["sd-server"], ""
    model = next((name for name in ids if "kontext" in name.lower()), ids[0] if ids else "")
    for entry in entries:
        for start, name in OWNERS.items():
            if str(entry.get("owned_by") or "").lower().startswith(start):
                # vLLM-Omni lists every name that it was given, and takes edits under the first alone.
                return DIALECTS[name], ids[0] if name == "vllm-omni" else model
    return DIALECTS["openai"], model
