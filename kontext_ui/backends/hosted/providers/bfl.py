"""Black Forest Labs: FLUX.1 Kontext, FLUX.2 and FLUX 3 Image from those who made them."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from kontext_ui.backends.base import EditTask, Hook
from kontext_ui.backends.hosted.backend import key_of, provider_of
from kontext_ui.backends.hosted.carried import Carried, by_id, in_tier
from kontext_ui.backends.hosted.payload import base64_mask, base64_png, fields_of, number_of, whole_of
from kontext_ui.backends.hosted.polling import Poll, PolledBackend
from kontext_ui.backends.hosted.webhooks import hmac_sha256, is_same
from kontext_ui.edits import (
    Capabilities,
    Done,
    EditRequest,
    EditResult,
    Mode,
    Pixels,
    PriceRule,
    Running,
    Submitted,
    Tier,
)
from kontext_ui.errors import Billed, ContentModerated
from kontext_ui.images.geometry import asked_size, size_of
from kontext_ui.models import flux2, flux3, kontext
from kontext_ui.settings import Settings

HOSTS = ("bfl.ai", "bfl.ml")
GLOBAL_HOST = "api.bfl.ai"
"""It hands edits on to a region and does not know them afterwards."""


FILL_ENDPOINT, FILL_PRICE_USD = "/v1/flux-pro-1.0-fill", 0.05
CREDIT_USD = 0.01
MAX_UPLOAD_BYTES = 20_000_000
STAGES: Mapping[str, str] = {"Reasoning": "planning the edit", "Generating": "drawing"}
"""What the models that plan say meanwhile."""
EARLY_S = 10.0
"""How long after sending "Task not found" only means that the task is not known everywhere yet."""
FORMAT = kontext.output_format_of("png", "jpeg", "webp")
KONTEXT = (kontext.ASPECT_RATIO, kontext.SEED, kontext.PROMPT_UPSAMPLING, kontext.SAFETY_TOLERANCE, FORMAT)
FLUX2 = (flux2.ASPECT_RATIO, flux2.RESOLUTION, kontext.SEED, flux2.SAFETY_TOLERANCE, FORMAT)
FLEX = (*FLUX2, flux2.STEPS, flux2.GUIDANCE, kontext.PROMPT_UPSAMPLING)
FLUX3 = (flux3.ASPECT_RATIO, flux3.RESOLUTION, flux3.SAFETY_TOLERANCE, flux3.GROUNDING)


AT_ONCE = 24
CARRIED = by_id(
    Carried(kontext.PRO, "/v1/flux-kontext-pro", KONTEXT, PriceRule(0.04), AT_ONCE),
    Carried(kontext.MAX, "/v1/flux-kontext-max", KONTEXT, PriceRule(0.08), at_once=6),
    Carried(flux2.PRO, "/v1/flux-2-pro", FLUX2, PriceRule(0.03, 0.015, 0.015), AT_ONCE),
    Carried(flux2.MAX, "/v1/flux-2-max", FLUX2, PriceRule(0.07, 0.03, 0.03), AT_ONCE),
    Carried(flux2.FLEX, "/v1/flux-2-flex", FLEX, PriceRule(0.05, 0.05, 0.05), AT_ONCE),
    Carried(flux2.KLEIN_4B, "/v1/flux-2-klein-4b", FLUX2, PriceRule(0.014, 0.001, 0.001), AT_ONCE),
    Carried(flux2.KLEIN_9B, "/v1/flux-2-klein-9b", FLUX2, PriceRule(0.015, 0.002, 0.002), AT_ONCE),
    Carried(flux3.IMAGE, "/v1/flux-3-image", FLUX3, PriceRule(by_resolution={"1k": 0.048}), AT_ONCE),
)
"""Prices as their makers list them; what an accepted edit answers is the truth."""


class BflBackend(PolledBackend):
    id = "bfl"
    label = "Black Forest Labs"
    key_name = "BFL_API_KEY"
    key_page = "https://api.bfl.ai"
    tiers = (Tier.PRO, Tier.MAX, Tier.DEV)
    model_names = (*(carried.address for carried in CARRIED.values()), FILL_ENDPOINT)

    def capabilities(self, tier: Tier) -> Capabilities:
        return self.models(tier)[0]

    def models(self, tier: Tier) -> tuple[Capabilities, ...]:
        return tuple(map(self._offer, in_tier(CARRIED, tier)))

    def _offer(self, carried: Carried) -> Capabilities:
        offer = carried.offer(max_upload_bytes=MAX_UPLOAD_BYTES)
        label = self._http.model_label(carried.address, offer.model)
        if carried.parameters is not KONTEXT:
            return dataclasses.replace(offer, model=label)
        return dataclasses.replace(
            offer,
            model=label,
            modes=offer.modes | {Mode.INPAINT},
            unsupported=kontext.not_taken(KONTEXT),
            price_rule=None,
            inpaint_price_usd=FILL_PRICE_USD,
            examples=("Change the colour of the car to red", "Make the sky stormy", "Replace “open” with “closed”"),
        )

    async def _send(self, request: EditRequest, task: EditTask) -> Mapping[str, Any]:
        headers = self.headers(task)
        fill = request.native_mask and task.mask is not None and task.input_image is not None
        carried = _carried(request)
        body = await asyncio.to_thread(_fill_body if fill else BODIES[carried.model.family], request, task)
        takes_hook = not fill and carried.model.family != flux3.FAMILY
        if task.hook is not None and takes_hook and self._answers_where_it_was_asked():
            body |= {"webhook_url": task.hook.url, "webhook_secret": task.hook.secret}
        endpoint = self._http.model(FILL_ENDPOINT if fill else carried.address)
        return self.accepted(await self._http.submit(endpoint, headers, body))

    def _submitted(self, answer: Mapping[str, Any]) -> Submitted:
        remote_id = self.id_of(answer.get("id"))
        return Submitted(remote_id, str(answer.get("polling_url") or self._poll_url(remote_id)), _price_usd(answer))

    def _poll_url(self, remote_id: str) -> str:
        return f"{self._http.base_url}/v1/get_result?id={remote_id}"

    async def _read(self, poll: Poll) -> Running | Done:
        answer = poll.answer
        status = str(answer.get("status") or answer.get("state") or "")
        if status == "Ready":
            return Done(await self._result(answer, poll))
        if status in ("Request Moderated", "Content Moderated"):
            raise self._moderated(status, answer, poll.remote_id)
        if status in ("Error", "Failed"):
            raise self.failed(request_id=poll.remote_id)
        unknown = status == "Task not found" or poll.response.status_code == httpx.codes.NOT_FOUND
        if unknown and self._http.now() - poll.started > EARLY_S:
            self._http.unexpected("it does not know this edit any more")
        if not status and poll.response.status_code in (401, 402, 403):
            raise self.refused(poll.response)
        stage = STAGES.get(status) or ("drawing" if poll.number else "waiting")
        return Running(number_of(answer.get("progress")), stage)

    async def _result(self, answer: Mapping[str, Any], poll: Poll) -> EditResult:
        result = fields_of(answer.get("result"))
        url = result.get("sample")
        if not isinstance(url, str):
            self._http.unexpected("there is no picture in it", Billed.YES)
        return EditResult(
            await self._http.picture(await self._http.download(url, poll.started)),
            seed=whole_of(result.get("seed")),
            price_usd=_price_usd(answer),
            request_id=poll.remote_id,
        )

    def _moderated(self, status: str, answer: Mapping[str, Any], remote_id: str) -> ContentModerated:
        told = fields_of(answer.get("details")).get("Moderation Reasons")
        reasons = tuple(str(reason)[:80] for reason in told) if isinstance(told, list) else ()
        if status == "Request Moderated":
            return self.moderated("input", reasons=reasons, billed=Billed.NO, request_id=remote_id)
        return self.moderated("output", reasons=reasons, request_id=remote_id)

    async def verify_key(self, key: str | None = None) -> float | None:
        credits = number_of((await self.ask_about_key(f"{self._http.base_url}/v1/credits", key)).get("credits"))
        return None if credits is None else credits * CREDIT_USD

    async def is_genuine(self, hook: Hook, headers: Mapping[str, str], body: bytes) -> bool:
        """Two ways are described and neither is certain: the secret itself, or the body signed with it."""
        signed = f"sha256={hmac_sha256(hook.secret, body)}"
        return is_same(headers.get("x-webhook-secret", ""), hook.secret) or is_same(
            headers.get("x-bfl-signature", ""), signed
        )

    def _answers_where_it_was_asked(self) -> bool:
        """With a call asked for, no address for polls is given, and the global host does not know where the edit is."""
        return urlsplit(self._http.base_url).hostname != GLOBAL_HOST

    def authorization(self, key: str) -> dict[str, str]:
        return {"x-key": key}


def _price_usd(answer: Mapping[str, Any]) -> float | None:
    credits = number_of(answer.get("cost"))
    return None if credits is None else credits * CREDIT_USD


def _carried(request: EditRequest) -> Carried:
    """A request without a model means the first of its tier here."""
    return CARRIED.get(request.model) or in_tier(CARRIED, request.tier)[0]


def _pictures(request: EditRequest, task: EditTask) -> list[Pixels]:
    """The one that is edited and those that are only looked at, as many as the model takes."""
    if task.input_image is None:
        return []
    return [task.input_image, *task.reference_images][: _carried(request).model.pictures]


def _numbered(pictures: list[Pixels]) -> dict[str, str]:
    names = ["input_image", *(f"input_image_{number}" for number in range(2, len(pictures) + 1))]
    return {name: base64_png(picture) for name, picture in zip(names, pictures, strict=False)}


def _kontext_body(request: EditRequest, task: EditTask) -> dict[str, Any]:
    ratio = {"aspect_ratio": request.parameters.aspect_ratio}
    return {**_settings(request), **ratio, **_numbered(_pictures(request, task))}


def _flux2_body(request: EditRequest, task: EditTask) -> dict[str, Any]:
    """The size is said in pixels; the wish for rewritten words and the steps only to the model that knows them."""
    given, sent = request.parameters, None if task.input_image is None else size_of(task.input_image)
    size = asked_size(given.aspect_ratio, sent, flux2.SIZES[given.resolution or flux2.USUAL])
    body = {**_settings(request), "width": size.width, "height": size.height, **_numbered(_pictures(request, task))}
    upsampling = body.pop("prompt_upsampling")
    if _carried(request).model.steps is None:
        return body
    steps, guidance = given.num_inference_steps, given.guidance_scale
    return body | {
        "prompt_upsampling": upsampling,
        "steps": flux2.STEPS.default if steps is None else steps,
        "guidance": flux2.GUIDANCE.default if guidance is None else guidance,
    }


def _flux3_body(request: EditRequest, task: EditTask) -> dict[str, Any]:
    """Its schema is strict: a field that it does not know is refused."""
    given = request.parameters
    tolerance = given.safety_tolerance
    body = {
        "prompt": request.sent_prompt,
        "aspect_ratio": given.aspect_ratio or "auto",
        "resolution": given.resolution or flux3.USUAL,
        "safety_tolerance": flux3.SAFETY_TOLERANCE.default if tolerance is None else tolerance,
        "grounding": bool(given.grounding),
    }
    pictures = _pictures(request, task)
    return body | ({"images": [base64_png(picture) for picture in pictures]} if pictures else {})


BODIES: Mapping[str, Callable[[EditRequest, EditTask], dict[str, Any]]] = {
    kontext.FAMILY: _kontext_body,
    flux2.FAMILY: _flux2_body,
    flux3.FAMILY: _flux3_body,
}


def _fill_body(request: EditRequest, task: EditTask) -> dict[str, Any]:
    assert task.input_image is not None
    assert task.mask is not None
    return {**_settings(request), "image": base64_png(task.input_image), "mask": base64_mask(task.mask)}


def _settings(request: EditRequest) -> dict[str, Any]:
    """The documented fields and no others; the format is always set: its default is undocumented."""
    given = request.parameters
    return {
        "prompt": request.sent_prompt,
        "seed": given.seed,
        "prompt_upsampling": bool(given.prompt_upsampling),
        "safety_tolerance": kontext.SAFETY_TOLERANCE.default
        if given.safety_tolerance is None
        else given.safety_tolerance,
        "output_format": given.output_format or "png",
    }


def build(settings: Settings) -> BflBackend:
    return BflBackend(provider_of(BflBackend, settings, settings.bfl_base_url, HOSTS), key_of(settings.bfl_api_key))
