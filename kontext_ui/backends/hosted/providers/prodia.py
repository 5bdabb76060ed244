"""Prodia: FLUX.1 Kontext [pro], [max] and a fast [dev], and FLUX.2.

One request is the whole edit; its answer holds the picture.

There is no id before the answer, so nothing can be resumed: a request that may have arrived is
never sent twice, and the user decides about a job that was interrupted.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from email.message import Message
from itertools import pairwise
from typing import Any

import httpx

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.hosted.backend import HostedBackend, key_of, provider_of
from kontext_ui.backends.hosted.carried import Carried, by_id, in_tier
from kontext_ui.backends.hosted.http import PICTURE_TIMEOUT_S, Files
from kontext_ui.backends.hosted.messages import fit_to_tell
from kontext_ui.backends.hosted.payload import fields_of, number_of, text_of, whole_of
from kontext_ui.edits import (
    Capabilities,
    Done,
    EditEvent,
    EditRequest,
    EditResult,
    Mode,
    Parameter,
    Pixels,
    Running,
    SizeRule,
    Tier,
)
from kontext_ui.errors import Billed, InvalidRequest, KontextError
from kontext_ui.images import codec
from kontext_ui.images.geometry import size_of
from kontext_ui.models import catalogue, flux2, kontext
from kontext_ui.settings import Settings

HOSTS = ("prodia.com",)


@dataclass(frozen=True)
class Model:
    """``edit`` and ``text`` are the kinds of job with a picture and from text; the price is per edit."""

    label: str
    price_usd: float
    typical_s: float
    edit: str
    text: str | None = None


MODELS: Mapping[Tier, Model] = {
    Tier.PRO: Model(
        kontext.MODEL_LABELS[Tier.PRO],
        0.04,
        6.0,
        "inference.flux-kontext.pro.img2img.v2",
        "inference.flux-kontext.pro.txt2img.v2",
    ),
    Tier.MAX: Model(
        kontext.MODEL_LABELS[Tier.MAX],
        0.08,
        7.0,
        "inference.flux-kontext.max.img2img.v2",
        "inference.flux-kontext.max.txt2img.v2",
    ),
    Tier.DEV: Model(
        f"{kontext.MODEL_LABELS[Tier.DEV]}, fast", 0.025, 7.0, "inference.flux-fast.dev-kontext.img2img.v1"
    ),
}
MAX_INPUT_BYTES = 10_000_000
STYLES = tuple(
    """3d-model analog-film anime cinematic comic-book craft-clay digital-art enhance fantasy-art isometric line-art
    low-poly neon-punk origami photographic pixel-art texture""".split()
)
FAST_SIZE_RULE = SizeRule("range", min_side_px=512, max_side_px=1024, multiple_px=32)
"""1040 pixels are also listed, but are not such a multiple."""
FAST_SIDES = (FAST_SIZE_RULE.min_side_px, FAST_SIZE_RULE.max_side_px, FAST_SIZE_RULE.multiple_px)
FORMAT = kontext.output_format_of("png", "jpeg", "webp")
HOSTED = (kontext.ASPECT_RATIO, kontext.SEED, kontext.PROMPT_UPSAMPLING, kontext.SAFETY_TOLERANCE, FORMAT)
ONLY_FAST = (
    Parameter("style_preset", "Style", "choice", None, choices=STYLES),
    Parameter("width", "Width", "int", None, *FAST_SIDES, help="Empty follows the picture."),
    Parameter("height", "Height", "int", None, *FAST_SIDES, help="Empty follows the picture."),
    Parameter("num_inference_steps", "Steps", "int", 30, 1, 50),
    Parameter("guidance_scale", "Guidance", "float", 2.5),
    Parameter("progressive", "Progressive JPEG", "bool", False, help="Only where JPEG is asked for."),
)
FAST = (kontext.SEED, *ONLY_FAST, FORMAT)
NEWER = by_id(
    *(
        Carried(model, f"inference.flux-2.{name}.img2img.v1", (kontext.SEED, FORMAT))
        for model, name in (
            (flux2.PRO, "pro"),
            (flux2.MAX, "max"),
            (flux2.FLEX, "flex"),
            (flux2.KLEIN_4B, "klein.4b"),
            (flux2.KLEIN_9B, "klein.9b"),
        )
    )
)
"""Only the fields that several clients of these jobs send; the answer tells the price."""
TAKES_SEVERAL = (flux2.KLEIN_4B.id, flux2.KLEIN_9B.id)
"""Those whose prompt may speak of further pictures, in the order in which they are sent."""
NAMES = {"num_inference_steps": "steps"}
"""Our names to theirs, where they differ."""
MODERATED = re.compile(r"moderat|nsfw|safety (?:filter|system|checker)|content policy|flagged|sensitive", re.IGNORECASE)
"""How a refusal for its content is reported is not documented."""


class ProdiaBackend(HostedBackend):
    id = "prodia"
    label = "Prodia"
    key_name = "PRODIA_TOKEN"
    key_page = "https://app.prodia.com/api"
    tiers = (Tier.PRO, Tier.MAX, Tier.DEV)
    model_names = (
        *(name for model in MODELS.values() for name in (model.edit, model.text) if name),
        *(carried.address for carried in NEWER.values()),
    )

    def capabilities(self, tier: Tier) -> Capabilities:
        model = MODELS[tier]
        fast = tier is Tier.DEV
        parameters = FAST if fast else HOSTED
        return Capabilities(
            model=self._http.model_label(model.edit, model.label),
            model_id=catalogue.usual(tier),
            modes=frozenset({Mode.EDIT, Mode.GENERATE} if model.text else {Mode.EDIT}),
            parameters=parameters,
            unsupported=kontext.not_taken(parameters, *(parameter.name for parameter in ONLY_FAST)),
            size_rule=FAST_SIZE_RULE if fast else kontext.SIZE_RULE,
            min_prompt_chars=3,
            max_upload_bytes=MAX_INPUT_BYTES,
            price_usd=model.price_usd,
            typical_s=model.typical_s,
            notes=(kontext.ONE_MEGAPIXEL, "No reference images."),
        )

    def models(self, tier: Tier) -> tuple[Capabilities, ...]:
        return (self.capabilities(tier), *map(self._offer, in_tier(NEWER, tier)))

    def _offer(self, carried: Carried) -> Capabilities:
        model = carried.model
        return carried.offer(
            model=self._http.model_label(carried.address, model.name),
            modes=frozenset({Mode.EDIT}),
            max_reference_images=model.pictures - 1 if model.id in TAKES_SEVERAL else 0,
            min_prompt_chars=3,
            max_upload_bytes=MAX_INPUT_BYTES,
        )

    async def edit(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        wanted = request.parameters.output_format or "png"
        headers = {**self.headers(task), "accept": f"multipart/form-data; image/{wanted}"}
        job, warnings = _job(request, task.input_image)
        job["type"] = self._http.model(job["type"])
        files = None if task.input_image is None else await asyncio.to_thread(_files, job, _pictures(request, task))
        yield Running(None, "drawing")
        response = await self._http.submit("/job?price=true", headers, job, files=files, timeout_s=PICTURE_TIMEOUT_S)
        del files
        yield Done(await self._result(response, warnings))

    async def _result(self, response: httpx.Response, warnings: tuple[str, ...]) -> EditResult:
        content_type = response.headers.get("content-type", "")
        parts = await asyncio.to_thread(read_multipart, content_type, response.content)
        answer = _answer(parts)
        told = answer.get("error")
        if not response.is_success or told:
            words = None if told is None else fit_to_tell(response, str(told))
            raise self._refusal(response, words, answer)
        data = _picture(parts)
        if data is None and content_type.startswith("image/"):
            data = response.content
        if data is None:
            self._http.unexpected("there is no picture in it", Billed.YES if answer.get("id") else Billed.MAYBE)
        return EditResult(
            await self._http.picture(data),
            seed=whole_of(fields_of(answer.get("config")).get("seed")),
            price_usd=number_of(fields_of(answer.get("price")).get("dollars")),
            request_id=text_of(answer.get("id")),
            warnings=warnings,
        )

    def _refusal(self, response: httpx.Response, told: str | None, answer: Mapping[str, Any]) -> KontextError:
        request_id = str(answer["id"]) if answer.get("id") else None
        if told and MODERATED.search(told):
            return self.moderated("input", reasons=(told,), request_id=request_id)
        if response.is_success:
            return self.failed(told or "", request_id=request_id)
        busy = response.status_code == httpx.codes.TOO_MANY_REQUESTS
        may_lie = f"Try again in a moment. If it lasts, {self.key_name} or the name of the job may be wrong."
        return self.refused(response, told, may_lie if busy else "")


def _job(request: EditRequest, picture: Pixels | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The job with the documented fields only, and what could not be put in it."""
    model, newer = MODELS[request.tier], NEWER.get(request.model)
    job_type = model.text if picture is None else model.edit
    if newer is not None:
        job_type = None if picture is None else newer.address
    if job_type is None and newer is not None:
        raise InvalidRequest(f"{newer.model.name} makes no picture from text alone here.", hint="Open a picture first.")
    if job_type is None:
        raise kontext.needs_picture(request.tier, ProdiaBackend.label)
    given = request.parameters.given()
    warnings: tuple[str, ...] = ()
    if given.pop("output_format", "png") != "jpeg" and given.pop("progressive", False):
        warnings = ("progressive is left out: only a JPEG can be progressive.",)
    if (request.tier is Tier.DEV or newer is not None) and picture is not None:
        given = {"width": size_of(picture).width, "height": size_of(picture).height} | given
    config = {"prompt": request.sent_prompt} | {NAMES.get(name, name): value for name, value in given.items()}
    return {"type": job_type, "config": config}, warnings


def _pictures(request: EditRequest, task: EditTask) -> list[Pixels]:
    assert task.input_image is not None
    most = NEWER[request.model].model.pictures if request.model in TAKES_SEVERAL else 1
    return [task.input_image, *task.reference_images][:most]


def _files(job: Mapping[str, Any], pictures: list[Pixels]) -> Files:
    """Raises ``InvalidRequest`` for a file over the limit, before it is sent."""
    files: Files = [("job", ("job.json", json.dumps(job).encode(), "application/json"))]
    for data in map(codec.encode_png, pictures):
        if len(data) > MAX_INPUT_BYTES:
            raise InvalidRequest(
                f"The picture's file has {len(data) / 1e6:.0f} MB; Prodia takes {MAX_INPUT_BYTES / 1e6:.0f} MB.",
                hint="Nothing was sent. Select a part of the picture, or use another backend.",
            )
        files.append(("input", ("input.png", data, "image/png")))
    return files


def _answer(parts: list[Part]) -> Mapping[str, Any]:
    try:
        return fields_of(json.loads(next((part.data for part in parts if part.name == "job"), b"{}")))
    except ValueError:
        return {}


def _picture(parts: list[Part]) -> bytes | None:
    """By name, or else the first that calls itself a picture."""
    named = [part for part in parts if part.name == "output"]
    typed = [part for part in parts if part.content_type.startswith("image/")]
    return next((part.data for part in (*named, *typed)), None)


@dataclass(frozen=True)
class Part:
    """``name`` is the form field's, ``content_type`` in lower case without parameters."""

    name: str
    content_type: str
    data: bytes


def read_multipart(content_type: str, body: bytes) -> list[Part]:
    """The parts in their order; empty unless this is a multipart body with its closing boundary.

    A picture may hold line ends and text that looks like the start of a boundary: only a whole boundary
    line, after CRLF and up to the next CRLF, ends a part.
    """
    head = Message()
    head["content-type"] = content_type
    boundary = head.get_boundary()
    if head.get_content_maintype() != "multipart" or not boundary:
        return []
    mark = re.escape(boundary.encode("latin-1", "replace"))
    lines = list(re.finditer(rb"(?:\A|\r\n)--" + mark + rb"(--)?[ \t]*(?=\r\n|\Z)", body))
    closing = next((number for number, line in enumerate(lines) if line[1]), None)
    if closing is None:
        return []
    return [_part(body[line.end() : following.start()]) for line, following in pairwise(lines[: closing + 1])]


def _part(raw: bytes) -> Part:
    """``raw`` starts with the line end of the boundary line; an empty line ends the part's headers."""
    head, _, data = raw.partition(b"\r\n\r\n")
    fields = Message()
    for line in head.decode("latin-1").split("\r\n"):
        field, colon, value = line.partition(":")
        if colon:
            fields[field.strip()] = value.strip()
    name = fields.get_param("name", header="content-disposition")
    return Part(name if isinstance(name, str) else "", fields.get_content_type(), data)


def build(settings: Settings) -> ProdiaBackend:
    provider = provider_of(ProdiaBackend, settings, settings.prodia_base_url, HOSTS)
    return ProdiaBackend(provider, key_of(settings.prodia_token))
