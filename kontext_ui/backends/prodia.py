"""Prodia: FLUX.1 Kontext [pro], [max] and a fast [dev]. One request is the whole edit; its answer holds the picture.

There is no id before the answer, so nothing can be picked up again: a request that may have arrived is
never sent twice, and a job that was cut short is the user's to decide.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.hosted import MAX_SEED, NOT_TAKEN, ONE_MEGAPIXEL, HostedBackend
from kontext_ui.backends.http import Files, Provider
from kontext_ui.backends.multipart import Part, read_multipart
from kontext_ui.backends.words import fit_to_tell
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
from kontext_ui.errors import Billed, InvalidRequest, KontextError, RateLimited
from kontext_ui.images import codec
from kontext_ui.images.geometry import KONTEXT_SIZES, size_of
from kontext_ui.settings import Settings, successors

HOSTS = ("prodia.com",)
MODELS: Mapping[Tier, tuple[str, float, float, str, str | None]] = {
    # name, US dollars per edit, typical seconds, job type with a picture, job type from text
    Tier.PRO: (
        "FLUX.1 Kontext [pro]", 0.04, 6.0,
        "inference.flux-kontext.pro.img2img.v2", "inference.flux-kontext.pro.txt2img.v2",
    ),
    Tier.MAX: (
        "FLUX.1 Kontext [max]", 0.08, 7.0,
        "inference.flux-kontext.max.img2img.v2", "inference.flux-kontext.max.txt2img.v2",
    ),
    Tier.DEV: ("FLUX.1 Kontext [dev], fast", 0.025, 7.0, "inference.flux-fast.dev-kontext.img2img.v1", None),
}  # fmt: skip
ANSWER_TIMEOUT_S = 120.0
MAX_INPUT_BYTES = 10_000_000
STYLES = tuple(
    """3d-model analog-film anime cinematic comic-book craft-clay digital-art enhance fantasy-art isometric line-art
    low-poly neon-punk origami photographic pixel-art texture""".split()
)
FORMAT = Parameter("output_format", "Format asked for", "choice", "png", choices=("png", "jpeg", "webp"))
SEED = Parameter("seed", "Seed", "int", None, 0, MAX_SEED)
HOSTED = (
    Parameter("aspect_ratio", "Aspect ratio", "text", None, help="W:H; empty follows the picture."),
    SEED,
    Parameter("prompt_upsampling", "Prompt upsampling", "bool", False, help="The model rewrites short prompts first."),
    Parameter(
        "safety_tolerance", "Safety tolerance", "int", 2, 0, 2, help="0 is strictest; 2 is the most with a picture."
    ),
    FORMAT,
)
FAST_SIDES = (512, 1024, 32)
"""Least and most pixels of a side, and what they are multiples of; 1040, which is also named, is none."""
FAST = (
    SEED,
    Parameter("style_preset", "Style", "choice", None, choices=STYLES),
    Parameter("width", "Width", "int", None, *FAST_SIDES, help="Empty follows the picture."),
    Parameter("height", "Height", "int", None, *FAST_SIDES, help="Empty follows the picture."),
    Parameter("num_inference_steps", "Steps", "int", 30, 1, 50),
    Parameter("guidance_scale", "Guidance", "float", 2.5),
    Parameter("progressive", "Progressive JPEG", "bool", False, help="Only where JPEG is asked for."),
    FORMAT,
)
NAMES = {"num_inference_steps": "steps"}
"""Our names to theirs, where they differ."""
MODERATED = re.compile(r"moderat|nsfw|safety (?:filter|system|checker)|content policy|flagged|sensitive", re.IGNORECASE)
"""How a refusal for its content is told is not documented."""


class ProdiaBackend(HostedBackend):
    id = "prodia"
    label = "Prodia"
    key_name = "PRODIA_TOKEN"
    key_page = "https://app.prodia.com/api"
    tiers = (Tier.PRO, Tier.MAX, Tier.DEV)

    def capabilities(self, tier: Tier) -> Capabilities:
        model, price_usd, typical_s, with_picture, from_text = MODELS[tier]
        fast = tier is Tier.DEV
        parameters = FAST if fast else HOSTED
        low, high, step = FAST_SIDES
        kontext = SizeRule("list", sizes=KONTEXT_SIZES, min_ratio=9 / 21, max_ratio=21 / 9)
        others = {parameter.name for parameter in (*FAST, *HOSTED)} - {parameter.name for parameter in parameters}
        return Capabilities(
            model=self._http.model_label(with_picture, model),
            modes=frozenset({Mode.EDIT, Mode.GENERATE} if from_text else {Mode.EDIT}),
            parameters=parameters,
            unsupported=dict.fromkeys(sorted(others), NOT_TAKEN),
            size_rule=SizeRule("range", min_side_px=low, max_side_px=high, multiple_px=step) if fast else kontext,
            min_prompt_chars=3,
            max_upload_bytes=MAX_INPUT_BYTES,
            price_usd=price_usd,
            typical_s=typical_s,
            notes=(ONE_MEGAPIXEL, "Takes one picture and no others to look at."),
        )

    async def edit(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        wanted = request.parameters.output_format or "png"
        headers = {
            "authorization": f"Bearer {self.key_for(task)}",
            "accept": f"multipart/form-data; image/{wanted}",
        }
        job, warnings = _job(request, task.input_image)
        job["type"] = self._http.model(job["type"])
        files = None if task.input_image is None else await asyncio.to_thread(_files, job, task.input_image)
        yield Running(None, "drawing")
        response = await self._http.submit("/job?price=true", headers, job, files=files, timeout_s=ANSWER_TIMEOUT_S)
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
        config, price = answer.get("config"), answer.get("price")
        seed = config.get("seed") if isinstance(config, dict) else None
        dollars = price.get("dollars") if isinstance(price, dict) else None
        request_id = answer.get("id")
        return EditResult(
            await self._http.picture(data),
            seed=seed if isinstance(seed, int) else None,
            price_usd=float(dollars) if isinstance(dollars, int | float) else None,
            request_id=request_id if isinstance(request_id, str) else None,
            warnings=warnings,
        )

    def _refusal(self, response: httpx.Response, told: str | None, answer: Mapping[str, Any]) -> KontextError:
        request_id = str(answer["id"]) if answer.get("id") else None
        if told and MODERATED.search(told):
            return self.moderated("input", reasons=(told,), request_id=request_id)
        if response.is_success:
            return self.failed(told or "", request_id=request_id)
        error = self._http.refused(response, self.key_name, told)
        if isinstance(error, RateLimited):
            error.hint = f"Try again in a moment. If it lasts, {self.key_name} or the name of the job may be wrong."
        return error


def _job(request: EditRequest, picture: Pixels | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The job with the documented fields only, and what could not be put in it."""
    name, _, _, with_picture, from_text = MODELS[request.tier]
    job_type = from_text if picture is None else with_picture
    if job_type is None:
        raise InvalidRequest(f"{name} at Prodia makes no picture from text alone.", hint="Open a picture first.")
    given = request.parameters.given()
    warnings: tuple[str, ...] = ()
    if given.pop("output_format", "png") != "jpeg" and given.pop("progressive", False):
        warnings = ("progressive is left out: only a JPEG can be progressive.",)
    if request.tier is Tier.DEV and picture is not None:
        given = {"width": size_of(picture).width, "height": size_of(picture).height} | given
    config = {"prompt": request.sent_prompt} | {NAMES.get(name, name): value for name, value in given.items()}
    return {"type": job_type, "config": config}, warnings


def _files(job: Mapping[str, Any], picture: Pixels) -> Files:
    """Raises ``InvalidRequest`` for a file over the limit, before it is sent."""
    data = codec.encode_png(picture)
    if len(data) > MAX_INPUT_BYTES:
        raise InvalidRequest(
            f"The picture's file has {len(data) / 1e6:.0f} MB; Prodia takes {MAX_INPUT_BYTES / 1e6:.0f} MB.",
            hint="Nothing was sent. Select a part of the picture, or use another backend.",
        )
    return [
        ("job", ("job.json", json.dumps(job).encode(), "application/json")),
        ("input", ("input.png", data, "image/png")),
    ]


def _answer(parts: list[Part]) -> Mapping[str, Any]:
    try:
        answer = json.loads(next((part.data for part in parts if part.name == "job"), b"{}"))
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _picture(parts: list[Part]) -> bytes | None:
    """By name, or else the first that calls itself a picture."""
    named = [part for part in parts if part.name == "output"]
    typed = [part for part in parts if part.content_type.startswith("image/")]
    return next((part.data for part in (*named, *typed)), None)


def build(settings: Settings) -> ProdiaBackend:
    key = None if settings.prodia_token is None else settings.prodia_token.get_secret_value()
    provider = Provider(
        "prodia",
        ProdiaBackend.label,
        settings.prodia_base_url,
        HOSTS,
        deadline_s=settings.deadline_s,
        models=successors(settings),
    )
    return ProdiaBackend(provider, key or None)
