"""fal: FLUX.1 Kontext and FLUX.2 through its queue, with a real cancel."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from kontext_ui.backends.base import EditTask, Hook
from kontext_ui.backends.hosted.backend import HostedBackend, key_of, provider_of
from kontext_ui.backends.hosted.carried import Carried, by_id, in_tier
from kontext_ui.backends.hosted.http import Provider, json_of
from kontext_ui.backends.hosted.payload import data_uri
from kontext_ui.backends.hosted.providers.fal_queue import MODERATED, FalQueue, Ticket, kinds_of
from kontext_ui.backends.hosted.webhooks import PublishedKeys, is_recent
from kontext_ui.edits import (
    Capabilities,
    EditEvent,
    EditRequest,
    Mode,
    Parameter,
    PriceRule,
    Submitted,
    Tier,
)
from kontext_ui.errors import Billed, InvalidRequest
from kontext_ui.images.geometry import asked_size, size_of
from kontext_ui.models import catalogue, flux2, kontext
from kontext_ui.settings import Settings

HOSTS = ("fal.run", "fal.media", "falrun.com")
"""The last one is fal's backup domain, which its own client turns to."""
DEV_MODEL = "fal-ai/flux-kontext/dev"


@dataclass(frozen=True)
class Model:
    """``edit``, ``several`` and ``text`` are the models for one picture, for more, and for none."""

    price_usd: float
    edit: str
    several: str | None = None
    text: str | None = None


MODELS: Mapping[Tier, Model] = {
    Tier.PRO: Model(
        0.04,
        "fal-ai/flux-pro/kontext",
        "fal-ai/flux-pro/kontext/multi",
        "fal-ai/flux-pro/kontext/text-to-image",
    ),
    Tier.MAX: Model(
        0.08,
        "fal-ai/flux-pro/kontext/max",
        "fal-ai/flux-pro/kontext/max/multi",
        "fal-ai/flux-pro/kontext/max/text-to-image",
    ),
    Tier.DEV: Model(0.025, DEV_MODEL),
}
KEYS_PATH = "/.well-known/jwks.json"
KEYS_HOST = "https://rest.fal.ai"
MAX_REFERENCES = 3
"""fal names no limit; the model's makers take four pictures in all."""
SHARED = (
    kontext.aspect_ratio_of("21:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:21"),
    kontext.SEED,
    kontext.PROMPT_UPSAMPLING,
    kontext.output_format_of("png", "jpeg"),
)
HOSTED = (
    *SHARED,
    Parameter("guidance_scale", "Guidance", "float", 3.5, 1, 20),
    Parameter("safety_tolerance", "Safety tolerance", "int", 2, 1, 6, help="1 is strictest."),
)
ONLY_DEV = (
    Parameter("num_inference_steps", "Steps", "int", 28, 10, 50),
    Parameter("guidance_scale", "Guidance", "float", 2.5, 1, 20),
)
"""Parameters that only FLUX.1 Kontext [dev] accepts, also through Hugging Face."""
ACCELERATION = Parameter("acceleration", "Acceleration", "choice", "none", choices=("none", "regular", "high"))
OPEN_WEIGHTS = (*SHARED, *ONLY_DEV, ACCELERATION)
FLUX2 = (flux2.ASPECT_RATIO, flux2.RESOLUTION, kontext.SEED, kontext.output_format_of("png", "jpeg"))
TOLERANCE = Parameter("safety_tolerance", "Safety tolerance", "int", 2, 1, 5, help="1 is strictest.")
FLEX = (
    *FLUX2,
    TOLERANCE,
    Parameter("num_inference_steps", "Steps", "int", 28, 2, 50),
    Parameter("guidance_scale", "Guidance", "float", 3.5, 1.5, 10),
)
NEWER = by_id(
    Carried(flux2.PRO, "fal-ai/flux-2-pro/edit", (*FLUX2, TOLERANCE)),
    Carried(flux2.MAX, "fal-ai/flux-2-max/edit", (*FLUX2, TOLERANCE), PriceRule(0.07, 0.03, 0.03)),
    Carried(flux2.FLEX, "fal-ai/flux-2-flex/edit", FLEX, PriceRule(0.05, 0.05, 0.05)),
    Carried(flux2.KLEIN_4B, "fal-ai/flux-2/klein/4b/edit", FLUX2),
    Carried(flux2.KLEIN_9B, "fal-ai/flux-2/klein/9b/edit", FLUX2),
)
"""Prices as the models' pages at fal list them; where no page was to be had, none is told."""
NAMES = {"prompt_upsampling": "enhance_prompt"}
"""Our names to theirs, where they differ."""


class FalBackend(HostedBackend):
    id = "fal"
    label = "fal"
    key_name = "FAL_KEY"
    key_page = "https://fal.ai/dashboard/keys"
    tiers = (Tier.PRO, Tier.MAX, Tier.DEV)
    model_names = (
        *(name for model in MODELS.values() for name in (model.edit, model.several, model.text) if name),
        *(carried.address for carried in NEWER.values()),
    )

    def __init__(self, provider: Provider, key: str | None, signers: PublishedKeys | None = None) -> None:
        super().__init__(provider, key)
        self._queue = FalQueue(self, provider)
        real = urlsplit(provider.base_url).scheme == "https"
        self._signers = signers or PublishedKeys(provider, (KEYS_HOST if real else provider.base_url) + KEYS_PATH)

    def capabilities(self, tier: Tier) -> Capabilities:
        model = MODELS[tier]
        parameters = OPEN_WEIGHTS if tier is Tier.DEV else HOSTED
        return Capabilities(
            model=self._http.model_label(model.edit, kontext.MODEL_LABELS[tier]),
            model_id=catalogue.usual(tier),
            modes=frozenset({Mode.EDIT, Mode.GENERATE} if model.text else {Mode.EDIT}),
            parameters=parameters,
            unsupported=kontext.not_taken(parameters, ACCELERATION.name),
            size_rule=kontext.SIZE_RULE,
            max_reference_images=MAX_REFERENCES if model.several else 0,
            price_usd=model.price_usd,
            price_note="per megapixel" if tier is Tier.DEV else "",
            typical_s=7.0,
            notes=(kontext.ONE_MEGAPIXEL,),
        )

    def models(self, tier: Tier) -> tuple[Capabilities, ...]:
        return (self.capabilities(tier), *map(self._offer, in_tier(NEWER, tier)))

    def _offer(self, carried: Carried) -> Capabilities:
        label = self._http.model_label(carried.address, carried.model.name)
        note = "" if carried.price else f"by {self.label}'s own price list"
        return carried.offer(model=label, modes=frozenset({Mode.EDIT}), price_note=note)

    async def edit(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        headers = self.headers(task)
        started = self._http.now()
        model, body = await asyncio.to_thread(_model_and_body, request, task)
        model = self._http.model(model)
        call_us = f"?fal_webhook={quote(task.hook.url, safe='')}" if task.hook and self._signers.usable else ""
        answer = self._answer(await self._http.submit(f"/{model}{call_us}", headers, body))
        del body  # it is large
        request_id = self.id_of(answer.get("request_id"))
        here = self._address(model, request_id)
        status_url = await self.own(answer.get("status_url"), f"{here}/status")
        ticket = Ticket(request_id, status_url, await self.own(answer.get("response_url"), here))
        cancel_url = await self.own(answer.get("cancel_url"), f"{here}/cancel")
        yield Submitted(request_id, ticket.status_url, details={"result": ticket.result_url, "cancel": cancel_url})
        async for event in self._queue.follow(ticket, headers, started, task.hook):
            yield event

    async def resume(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        request_id = task.remote_id or ""
        here = self._address(self._http.model(_address(request)), request_id)
        ticket = Ticket(request_id, task.poll_url or f"{here}/status", task.details.get("result") or here)
        async for event in self._queue.follow(ticket, self.headers(task), self._http.now()):
            yield event

    def _address(self, model: str, request_id: str) -> str:
        """The queue knows a request under the model's owner and name only, without the endpoint behind them."""
        return f"{self._http.base_url}/{'/'.join(model.split('/')[:2])}/requests/{request_id}"

    def _answer(self, response: httpx.Response) -> Mapping[str, Any]:
        if not response.is_success and MODERATED in kinds_of(response):
            raise self.moderated("input", billed=Billed.NO)
        return self.accepted(response)

    async def cancel(self, task: EditTask) -> Billed:
        """What has not left the queue costs nothing; what a machine has started may."""
        headers, status_url = self.headers(task), task.poll_url or ""
        cancel_url = task.details.get("cancel") or f"{status_url.removesuffix('/status')}/cancel"
        for url in (status_url, cancel_url):
            await self._http.check_url(url)
        try:
            status = json_of(await self._http.client().get(status_url, headers=headers)).get("status")
            response = await self._http.client().put(cancel_url, headers=headers)
        except httpx.HTTPError:
            return Billed.MAYBE
        if json_of(response).get("status") == "ALREADY_COMPLETED":
            return Billed.YES
        return Billed.NO if response.status_code == httpx.codes.ACCEPTED and status == "IN_QUEUE" else Billed.MAYBE

    async def is_genuine(self, hook: Hook, headers: Mapping[str, str], body: bytes) -> bool:
        told = [headers.get(f"x-fal-webhook-{name}", "") for name in ("request-id", "user-id", "timestamp")]
        message = "\n".join((*told, hashlib.sha256(body).hexdigest())).encode()
        signature = headers.get("x-fal-webhook-signature", "")
        return is_recent(told[-1]) and await self._signers.is_signed(message, signature)

    def authorization(self, key: str) -> dict[str, str]:
        return {"authorization": f"Key {key}"}


def _address(request: EditRequest) -> str:
    """The model that edits one picture for this request."""
    newer = NEWER.get(request.model)
    return MODELS[request.tier].edit if newer is None else newer.address


def _flux2_body(request: EditRequest, task: EditTask) -> dict[str, Any]:
    """The size is said in pixels, the safety tolerance as a text."""
    if task.input_image is None:
        raise InvalidRequest("FLUX.2 makes no picture from text alone here.", hint="Open a picture first.")
    given = request.parameters.given()
    rule = flux2.SIZES[given.pop("resolution", flux2.USUAL)]
    size = asked_size(given.pop("aspect_ratio", None), size_of(task.input_image), rule)
    if "safety_tolerance" in given:
        given["safety_tolerance"] = str(given["safety_tolerance"])
    pictures = [task.input_image, *task.reference_images][: NEWER[request.model].model.pictures]
    return {
        "prompt": request.sent_prompt,
        "image_urls": [data_uri(picture) for picture in pictures],
        "image_size": {"width": size.width, "height": size.height},
        "output_format": "png",
        **given,
    }


def _model_and_body(request: EditRequest, task: EditTask) -> tuple[str, dict[str, Any]]:
    """The model for this number of pictures, and the fields it takes at top level."""
    if request.model in NEWER:
        return NEWER[request.model].address, _flux2_body(request, task)
    model = MODELS[request.tier]
    given = {NAMES.get(name, name): value for name, value in request.parameters.given().items()}
    body: dict[str, Any] = {"prompt": request.sent_prompt, "num_images": 1, "output_format": "png"}
    if "safety_tolerance" in given:
        given["safety_tolerance"] = str(given["safety_tolerance"])  # a number is refused
    if request.tier is Tier.DEV and "aspect_ratio" in given:
        given["resolution_mode"] = given.pop("aspect_ratio")
    body |= given
    if task.input_image is None:
        if model.text is None:
            raise kontext.needs_picture(request.tier, FalBackend.label)
        return model.text, body
    pictures = [data_uri(picture) for picture in (task.input_image, *task.reference_images[:MAX_REFERENCES])]
    if len(pictures) > 1 and model.several is not None:
        return model.several, body | {"image_urls": pictures}
    return model.edit, body | {"image_url": pictures[0]}


def build(settings: Settings) -> FalBackend:
    return FalBackend(provider_of(FalBackend, settings, settings.fal_base_url, HOSTS), key_of(settings.fal_key))
