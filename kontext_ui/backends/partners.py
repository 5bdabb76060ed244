"""The companies that Hugging Face's router forwards FLUX.1 Kontext [dev] to: where, with which body, at what price."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kontext_ui.backends import falqueue, kontext, predictions
from kontext_ui.edits import Parameter

QUEUE = "_subdomain=queue"
"""The router answers 404 to fal's queue without it."""
PNG_OR_JPEG = kontext.output_format_of("png", "jpeg")

MakeBody = Callable[[str, str, str, dict[str, Any]], dict[str, Any]]
"""From model, prompt, the picture as a data URI and the parameters given, to what the partner reads."""


@dataclass(frozen=True)
class Partner:
    """``price_usd`` is the partner's own; the router adds nothing to it. ``None``: not known.

    ``headers`` are sent beside the usual ones. One that is ``queued`` answers with an id, the others with the picture.
    """

    path: str
    model: str
    body: MakeBody
    parameters: tuple[Parameter, ...]
    price_usd: float | None = None
    price_note: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    queued: bool = False

    @property
    def model_names(self) -> tuple[str, str]:
        """Where the model is asked for, and what it is called there."""
        return self.path.partition("?")[0], self.model


def _fal(model: str, prompt: str, picture: str, given: dict[str, Any]) -> dict[str, Any]:
    return {"image_url": picture, "image_urls": [picture], "prompt": prompt, "output_format": "png", **given}


def _replicate(model: str, prompt: str, picture: str, given: dict[str, Any]) -> dict[str, Any]:
    pictures = {"image": picture, "images": [picture], "input_image": picture, "input_images": [picture]}
    return {"input": {**pictures, **predictions.input_of(prompt, given)}}


def _together(model: str, prompt: str, picture: str, given: dict[str, Any]) -> dict[str, Any]:
    named = _renamed(given, guidance_scale="guidance", num_inference_steps="steps")
    return {"model": model, "prompt": prompt, "image_url": picture, "response_format": "base64", **named}


def _hf_inference(model: str, prompt: str, picture: str, given: dict[str, Any]) -> dict[str, Any]:
    return {"inputs": picture.partition(",")[2], "parameters": {"prompt": prompt, **given}}


def _renamed(given: Mapping[str, Any], **names: str) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in given.items()}


PARTNERS: Mapping[str, Partner] = {
    "fal-ai": Partner(
        f"/fal-ai/{falqueue.DEV_MODEL}?{QUEUE}",
        falqueue.DEV_MODEL,
        _fal,
        (kontext.SEED, *falqueue.OPEN_WEIGHTS, PNG_OR_JPEG),
        0.025,
        "per megapixel",
        queued=True,
    ),
    "replicate": Partner(
        "/replicate/v1/models/black-forest-labs/flux-kontext-dev/predictions",
        "black-forest-labs/flux-kontext-dev",
        _replicate,
        (kontext.SEED, *predictions.OPEN_WEIGHTS, PNG_OR_JPEG),
        0.025,
        headers={"prefer": "wait"},
    ),
    "together": Partner(
        "/together/v1/images/generations",
        "black-forest-labs/FLUX.1-kontext-dev",
        _together,
        (
            kontext.SEED,
            Parameter("num_inference_steps", "Steps", "int", 28),
            Parameter("guidance_scale", "Guidance", "float", 2.5),
        ),
    ),
    "hf-inference": Partner(
        "/hf-inference/models/black-forest-labs/FLUX.1-Kontext-dev",
        "black-forest-labs/FLUX.1-Kontext-dev",
        _hf_inference,
        (
            kontext.SEED,
            Parameter("num_inference_steps", "Steps", "int", None),
            Parameter("guidance_scale", "Guidance", "float", 2.5),
        ),
        headers={"accept": "image/png"},
    ),
}
