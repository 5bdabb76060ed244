"""The form of ``POST /v1/images/edits``, checked before anything is drawn."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from kontext_ui.edits import Mask, Pixels, Size
from kontext_ui.errors import InvalidImage, InvalidRequest
from kontext_ui.images import codec

MAX_FIELD_BYTES = 64_000
MAX_VARIANTS = 4
MAX_SIDE_PX = 4096
MAX_PROMPT_CHARS = 4096
SIZE = re.compile(r"(\d{2,5})x(\d{2,5})", re.ASCII)
FORMATS = ("png", "jpeg", "webp")
PICTURE_FIELDS = ("image", "image[]")
MASK_FIELDS = ("mask", "mask_image")
KNOWN = frozenset(
    (*PICTURE_FIELDS, *MASK_FIELDS, "prompt", "model", "n", "size", "seed", "num_inference_steps", "steps",
     "guidance_scale", "output_format", "output_compression", "response_format", "stream", "partial_images", "user")
)  # fmt: skip
Number = TypeVar("Number", int, float)


@dataclass(frozen=True, eq=False)
class Asked:
    """One request. ``None`` leaves a value to the engine."""

    prompt: str
    picture: Pixels
    mask: Mask | None = None
    """Of the picture's size; 255 = edit."""
    size: Size | None = None
    n: int = 1
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    output_format: str = "png"
    quality: int = 92
    stream: bool = False
    previews: bool = False
    visitor: str = ""
    ignored: tuple[str, ...] = ()
    """Unknown fields, reported with the answer."""


async def read_form(request: Request, limits: codec.ImageLimits) -> Asked:
    """Raises ``InvalidRequest`` naming the field. A picture that cannot be read is an error, never skipped."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise InvalidRequest("The request does not say how long it is.", hint="Send a Content-Length.")
    if int(length) > 2 * limits.max_bytes + 1_000_000:
        raise InvalidRequest(f"The request is larger than {2 * limits.max_bytes / 1e6:.0f} MB.")
    async with request.form(max_files=4, max_fields=50, max_part_size=MAX_FIELD_BYTES) as form:
        pictures = [await upload.read() for upload in _uploads(form, PICTURE_FIELDS)]
        masks = [await upload.read() for upload in _uploads(form, MASK_FIELDS)]
        texts = {name: value for name, value in form.items() if isinstance(value, str)}
        ignored = tuple(sorted(set(form) - KNOWN))
    if len(pictures) != 1:
        count = "no picture" if not pictures else f"{len(pictures)} pictures"
        raise InvalidRequest(f"There is {count} in the request.", hint="Send one, as a file in the field image.")
    return await asyncio.to_thread(_asked, texts, pictures[0], masks[0] if masks else None, ignored, limits, request)


def _uploads(form: FormData, names: tuple[str, ...]) -> list[UploadFile]:
    return [value for name in names for value in form.getlist(name) if isinstance(value, UploadFile)]


def _asked(
    texts: dict[str, str],
    picture: bytes,
    mask: bytes | None,
    ignored: tuple[str, ...],
    limits: codec.ImageLimits,
    request: Request,
) -> Asked:
    prompt = texts.get("prompt", "").strip()
    if not prompt or len(prompt) > MAX_PROMPT_CHARS:
        raise InvalidRequest(f"The field prompt must have 1 to {MAX_PROMPT_CHARS} characters.")
    if texts.get("response_format", "b64_json") != "b64_json":
        raise InvalidRequest("The field response_format can only be b64_json.")
    if texts.get("output_format", "png") not in FORMATS:
        raise InvalidRequest(f"The field output_format can be {', '.join(FORMATS)}.")
    opened = codec.open_image(picture, limits).pixels
    stream = texts.get("stream", "").lower() in ("true", "1")
    n = _number(texts, "n", int, 1, 1, MAX_VARIANTS)
    if stream and n != 1:
        raise InvalidRequest("A stream can only have one picture; n must be 1.")
    steps = "num_inference_steps" if texts.get("num_inference_steps") else "steps"
    return Asked(
        prompt=prompt,
        picture=opened,
        mask=None if mask is None else _mask(mask, opened, limits),
        size=_size(texts.get("size", "auto")),
        n=n,
        seed=_number(texts, "seed", int, None, 0, 2**31 - 1),
        steps=_number(texts, steps, int, None, 1, 100),
        guidance=_number(texts, "guidance_scale", float, None, 0.0, 20.0),
        output_format=texts.get("output_format", "png"),
        quality=_number(texts, "output_compression", int, 92, 1, 100),
        stream=stream,
        previews=_number(texts, "partial_images", int, 0, 0, 10) > 0,
        visitor=texts.get("user", "")[:64] or (request.client.host if request.client else ""),
        ignored=ignored,
    )


def _number(
    texts: dict[str, str],
    name: str,
    kind: Callable[[str], Number],
    default: Number | None,
    low: Number,
    high: Number,
) -> Number:
    text = texts.get(name, "").strip()
    if not text:
        return default  # type: ignore[return-value]  # None only where the caller takes it
    try:
        value = kind(text)
    except ValueError:
        raise InvalidRequest(f"The field {name} is not a number.") from None
    if not low <= value <= high:
        raise InvalidRequest(f"The field {name} must be from {low:g} to {high:g}.")
    return value


def _size(text: str) -> Size | None:
    if text in ("", "auto"):
        return None
    found = SIZE.fullmatch(text)
    if found is None:
        raise InvalidRequest("The field size must be WIDTHxHEIGHT or auto.")
    size = Size(int(found[1]), int(found[2]))
    if min(size) < codec.MIN_SIDE_PX or max(size) > MAX_SIDE_PX:
        raise InvalidRequest(f"The field size may have sides of {codec.MIN_SIDE_PX} to {MAX_SIDE_PX} pixels.")
    return size


def _mask(data: bytes, picture: Pixels, limits: codec.ImageLimits) -> Mask:
    """Transparent where to edit, as in OpenAI's API; without transparency, white where to edit."""
    opened = codec.open_image(data, limits).pixels
    if opened.shape[:2] != picture.shape[:2]:
        raise InvalidImage("The mask's size differs from the picture's.", hint="Send both in the same size.")
    return 255 - opened[..., 3] if opened.shape[2] == 4 else opened[..., :3].max(axis=2)
