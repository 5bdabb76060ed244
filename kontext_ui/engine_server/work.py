"""From a form to the engine and back: the same fitting as the editor's, without a history."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import io
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np
from PIL import Image

from kontext_ui.backends.base import Backend, EditTask
from kontext_ui.edits import Done, EditRequest, EditResult, Parameters, Pixels, Running, Size, SizeRule, Tier
from kontext_ui.engine_server.form import Asked, refused
from kontext_ui.errors import UnexpectedAnswer
from kontext_ui.images import codec, masks
from kontext_ui.images.geometry import (
    Fit,
    NoPicture,
    content_of,
    flattened,
    nearest_size,
    pad_to_fit,
    plan_fit,
    resized,
    restore,
    size_of,
)

SKETCH_UP_TO, DRAFT_UP_TO = 0.3, 0.6
"""Requests for up to these shares of the engine's pixels are drawn smaller from the start."""
BY_QUALITY = {"low": "sketch", "medium": "draft"}


@dataclass(frozen=True, eq=False)
class Drawn:
    """One finished picture, encoded."""

    b64_json: str
    size: Size
    seed: int | None


@dataclass(frozen=True, eq=False)
class Job:
    """An edit as the engine gets it, and how its answer is brought back."""

    asked: Asked
    fit: Fit
    canvas: Pixels
    request: EditRequest


Item: TypeAlias = "Running | Drawn"


def prepare(asked: Asked, rule: SizeRule, backend_id: str) -> Job:
    """Raises ``InvalidRequest`` for shapes that the model cannot draw."""
    wanted = asked.size
    ratio = None if wanted is None else f"{wanted.width}:{wanted.height}"
    fit = plan_fit(size_of(asked.picture), rule, aspect_ratio=ratio)
    if fit.reframed and asked.mask is not None:
        raise refused("size", "With a mask the size must have the picture's shape.")
    parameters = Parameters(
        aspect_ratio=ratio if fit.reframed else None,
        seed=asked.seed,
        num_inference_steps=asked.steps,
        guidance_scale=asked.guidance,
        acceleration=BY_QUALITY.get(asked.quality) or _acceleration(wanted, rule),
    )
    request = EditRequest(asked.prompt, Tier.LOCAL, backend_id, input_image="posted", parameters=parameters)
    return Job(asked, fit, pad_to_fit(asked.picture, fit), request)


def _acceleration(wanted: Size | None, rule: SizeRule) -> str | None:
    if wanted is None:
        return None
    share = wanted.megapixels / nearest_size(wanted, rule).megapixels
    return "sketch" if share <= SKETCH_UP_TO else "draft" if share <= DRAFT_UP_TO else None


async def draw(engine: Backend, job: Job, number: int, stop: threading.Event) -> AsyncGenerator[Item, None]:
    """Picture ``number`` of the request, from 0: its seed is the first one's plus ``number``."""
    request = job.request
    if number and request.parameters.seed is not None:
        seed = (request.parameters.seed + number) % 2**31
        request = dataclasses.replace(request, parameters=dataclasses.replace(request.parameters, seed=seed))
    task = EditTask("posted", owner=job.asked.visitor, input_image=job.canvas, stop=stop)
    events = cast("AsyncGenerator[Running | Done, None]", engine.edit(request, task))
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Done):
                try:
                    yield await asyncio.to_thread(_finished, job, event.result)
                except NoPicture as error:
                    raise UnexpectedAnswer(str(error), backend=engine.id) from None
                return
            yield event
    raise UnexpectedAnswer("The engine ended without a picture.", backend=engine.id)


def _finished(job: Job, result: EditResult) -> Drawn:
    pixels = _brought_back(job, result.pixels)
    return Drawn(encoded(pixels, job.asked.output_format, job.asked.compression), size_of(pixels), result.seed)


def _brought_back(job: Job, pixels: Pixels) -> Pixels:
    asked = job.asked
    if job.fit.reframed:
        return resized(pixels, asked.size or size_of(pixels))
    out = content_of(pixels, job.fit) if asked.size is None else restore(pixels, job.fit, size=asked.size)
    if asked.mask is None:
        return out
    size = size_of(out)
    source = resized(flattened(asked.picture), size)
    soft = masks.feather(masks.resize(asked.mask, size), masks.default_feather_px(size))
    weight = soft[..., None].astype(np.float32) / 255
    return np.rint(source * (1 - weight) + out * weight).astype(np.uint8)


def encoded(pixels: Pixels, output_format: str, compression: int) -> str:
    """The file in base64; it carries the picture and nothing about how it was made."""
    if output_format == "png":
        data = codec.encode_png(pixels)
    else:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, output_format.upper(), quality=max(1, compression))
        data = buffer.getvalue()
    return base64.b64encode(data).decode("ascii")
