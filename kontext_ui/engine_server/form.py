"""The form of ``POST /v1/images/edits``, checked before anything is drawn."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.types import Message, Receive

from kontext_ui.edits import Mask, Pixels, Size
from kontext_ui.errors import InvalidImage, InvalidRequest
from kontext_ui.images import codec

MAX_FIELD_BYTES = 4 * 32_000
MAX_VARIANTS = 10
MAX_SIDE_PX = 4096
MAX_PROMPT_CHARS = 32_000
SIZE = re.compile(r"(\d{2,5})x(\d{2,5})", re.ASCII)
FORMATS = ("png", "jpeg", "webp")
PICTURE_FIELDS = ("image", "image[]")
MASK_FIELDS = ("mask", "mask_image")
QUALITIES = ("auto", "low", "medium", "high", "xhigh", "max", "standard")
"""OpenAI's words; low and medium are drawn smaller."""
KNOWN = frozenset(
    (*PICTURE_FIELDS, *MASK_FIELDS, "prompt", "model", "n", "size", "seed", "num_inference_steps", "steps",
     "guidance_scale", "output_format", "output_compression", "response_format", "stream", "partial_images", "user",
     "safety_identifier", "quality", "background", "progress")
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
    compression: int = 100
    """Of JPEG and WebP, from 0 to 100: 100 is the largest file and the best picture."""
    quality: str = "auto"
    model: str = ""
    stream: bool = False
    partial_images: int = 0
    progress: bool = False
    """Whether events that are no pictures may be sent."""
    visitor: str = ""
    ignored: tuple[str, ...] = ()
    """Fields that mean nothing here, reported with the answer."""


async def read_form(request: Request, limits: codec.ImageLimits) -> Asked:
    """Raises ``InvalidRequest`` naming the field. A picture that cannot be read is an error, never skipped."""
    most = 2 * limits.max_bytes + 1_000_000
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise too_large(most)
    async with Request(request.scope, up_to(most, request.receive)).form(
        max_files=4, max_fields=50, max_part_size=MAX_FIELD_BYTES
    ) as form:
        pictures = [await upload.read() for upload in _uploads(form, PICTURE_FIELDS)]
        masks = [await upload.read() for upload in _uploads(form, MASK_FIELDS)]
        texts = {name: value for name, value in form.items() if isinstance(value, str)}
        ignored = tuple(sorted(set(form) - KNOWN))
    if len(pictures) != 1:
        count = f"are {len(pictures)} pictures" if pictures else "is no picture"
        raise refused("image", f"There {count} in the request.", "Send one, as a file in the field image.")
    return await asyncio.to_thread(_asked, texts, pictures[0], masks[0] if masks else None, ignored, limits, request)


def too_large(most: int) -> InvalidRequest:
    return InvalidRequest(f"The request is larger than {most / 1e6:.0f} MB.")


def up_to(most: int, receive: Receive) -> Receive:
    """``receive`` of a body that need not say how long it is: it is counted as it comes."""
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise too_large(most)
        return message

    return counted


def refused(field: str, message: str, hint: str = "") -> InvalidRequest:
    error = InvalidRequest(message, hint=hint)
    error.field = field
    return error


@contextmanager
def reading(field: str) -> Iterator[None]:
    """What is refused inside is the file of this field."""
    try:
        yield
    except InvalidImage as error:
        error.field = field
        raise


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
        raise refused("prompt", f"The field prompt must have 1 to {MAX_PROMPT_CHARS:,} characters.")
    with reading("image"):
        opened = codec.open_image(picture, limits).pixels
    stream = _is_on(texts, "stream")
    n = _number(texts, "n", int, 1, 1, MAX_VARIANTS)
    if stream and n != 1:
        raise refused("n", "A stream can only have one picture; n must be 1.")
    _one_of(texts, "response_format", ("b64_json",))
    if _one_of(texts, "background", ("auto", "opaque", "transparent")) == "transparent":
        ignored = (*ignored, "background")
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
        output_format=_one_of(texts, "output_format", FORMATS),
        compression=_number(texts, "output_compression", int, 100, 0, 100),
        quality=_one_of(texts, "quality", QUALITIES),
        model=texts.get("model", "").strip()[:200],
        stream=stream,
        partial_images=_number(texts, "partial_images", int, 0, 0, 10),
        progress=_is_on(texts, "progress"),
        visitor=_visitor(texts, request),
        ignored=ignored,
    )


def _visitor(texts: dict[str, str], request: Request) -> str:
    """Who takes turns with whom; OpenAI's newer field counts more than the one it replaces."""
    told = texts.get("safety_identifier", "") or texts.get("user", "")
    return told[:64] or (request.client.host if request.client else "")


def _is_on(texts: dict[str, str], name: str) -> bool:
    return texts.get(name, "").lower() in ("true", "1")


def _one_of(texts: dict[str, str], name: str, choices: Sequence[str]) -> str:
    """The first choice where the field is empty."""
    text = texts.get(name, "").strip() or choices[0]
    if text not in choices:
        raise refused(name, f"The field {name} can only be {', '.join(choices)}.")
    return text


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
        raise refused(name, f"The field {name} is not a number.") from None
    if not low <= value <= high:
        raise refused(name, f"The field {name} must be from {low} to {high}.")
    return value


def _size(text: str) -> Size | None:
    if text in ("", "auto"):
        return None
    found = SIZE.fullmatch(text)
    if found is None:
        raise refused("size", "The field size must be WIDTHxHEIGHT or auto.")
    size = Size(int(found[1]), int(found[2]))
    if min(size) < codec.MIN_SIDE_PX or max(size) > MAX_SIDE_PX:
        raise refused("size", f"The field size may have sides of {codec.MIN_SIDE_PX} to {MAX_SIDE_PX} pixels.")
    return size


def _mask(data: bytes, picture: Pixels, limits: codec.ImageLimits) -> Mask:
    """Transparent where to edit, as in OpenAI's API; without transparency, white where to edit."""
    with reading("mask"):
        opened = codec.open_image(data, limits).pixels
        if opened.shape[:2] != picture.shape[:2]:
            raise InvalidImage("The mask's size differs from the picture's.", hint="Send both in the same size.")
    return 255 - opened[..., 3] if opened.shape[2] == 4 else opened[..., :3].max(axis=2)
