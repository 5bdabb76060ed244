"""fal: FLUX.1 Kontext [pro], [max] and [dev] through its queue, with a real cancel."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from kontext_ui.backends import falqueue, kontext
from kontext_ui.backends.base import EditTask, Hook
from kontext_ui.backends.callbacks import PublishedKeys, is_recent
from kontext_ui.backends.falqueue import FalQueue, Ticket, kinds_of
from kontext_ui.backends.hosted import HostedBackend, key_of, provider_of
from kontext_ui.backends.http import Provider, json_of
from kontext_ui.backends.outgoing import data_uri
from kontext_ui.edits import Capabilities, EditEvent, EditRequest, Mode, Parameter, Submitted, Tier
from kontext_ui.errors import Billed
from kontext_ui.settings import Settings

HOSTS = ("fal.run", "fal.media")


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
    Tier.DEV: Model(0.025, falqueue.DEV_MODEL),
}
KEYS_PATH = "/.well-known/jwks.json"
KEYS_HOST = "https://rest.fal.ai"
MAX_REFERENCES = 3
"""fal names no limit; the model's makers take four pictures in all."""
SHARED = (
    kontext.aspect_ratio_of("21:9 16:9 4:3 3:2 1:1 2:3 3:4 9:16 9:21"),
    kontext.SEED,
    kontext.PROMPT_UPSAMPLING,
    kontext.output_format_of("png", "jpeg"),
)
HOSTED = (
    *SHARED,
    Parameter("guidance_scale", "Guidance", "float", 3.5, 1, 20),
    Parameter("safety_tolerance", "Safety tolerance", "int", 2, 1, 6, help="1 is strictest."),
)
ACCELERATION = Parameter("acceleration", "Acceleration", "choice", "none", choices=("none", "regular", "high"))
OPEN_WEIGHTS = (*SHARED, *falqueue.OPEN_WEIGHTS, ACCELERATION)
NAMES = {"prompt_upsampling": "enhance_prompt"}
"""Our names to theirs, where they differ."""


class FalBackend(HostedBackend):
    id = "fal"
    label = "fal"
    key_name = "FAL_KEY"
    key_page = "https://fal.ai/dashboard/keys"
    tiers = (Tier.PRO, Tier.MAX, Tier.DEV)
    model_names = tuple(name for model in MODELS.values() for name in (model.edit, model.several, model.text) if name)

    def __init__(self, provider: Provider, key: str | None) -> None:
        super().__init__(provider, key)
        self._queue = FalQueue(self, provider)
        real = urlsplit(provider.base_url).scheme == "https"
        self._signers = PublishedKeys(provider, (KEYS_HOST if real else provider.base_url) + KEYS_PATH)

    def capabilities(self, tier: Tier) -> Capabilities:
        model = MODELS[tier]
        parameters = OPEN_WEIGHTS if tier is Tier.DEV else HOSTED
        return Capabilities(
            model=self._http.model_label(model.edit, kontext.MODEL_LABELS[tier]),
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

    async def edit(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        headers = self.headers(task)
        started = self._http.now()
        model, body = await asyncio.to_thread(_model_and_body, request, task)
        model = self._http.model(model)
        call_us = "" if task.hook is None else f"?fal_webhook={quote(task.hook.url, safe='')}"
        answer = self._answer(await self._http.submit(f"/{model}{call_us}", headers, body))
        del body  # it is large
        request_id = self.id_of(answer.get("request_id"))
        here = self._address(model, request_id)
        ticket = Ticket(
            request_id, str(answer.get("status_url") or f"{here}/status"), str(answer.get("response_url") or here)
        )
        cancel_url = str(answer.get("cancel_url") or f"{here}/cancel")
        yield Submitted(request_id, ticket.status_url, details={"result": ticket.result_url, "cancel": cancel_url})
        async for event in self._queue.follow(ticket, headers, started, task.hook):
            yield event

    async def resume(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        request_id = task.remote_id or ""
        here = self._address(self._http.model(MODELS[request.tier].edit), request_id)
        ticket = Ticket(request_id, task.poll_url or f"{here}/status", task.details.get("result") or here)
        async for event in self._queue.follow(ticket, self.headers(task), self._http.now()):
            yield event

    def _address(self, model: str, request_id: str) -> str:
        """The queue knows a request under the model's owner and name only, without the endpoint behind them."""
        return f"{self._http.base_url}/{'/'.join(model.split('/')[:2])}/requests/{request_id}"

    def _answer(self, response: httpx.Response) -> Mapping[str, Any]:
        if not response.is_success and falqueue.MODERATED in kinds_of(json_of(response)):
            raise self.moderated("input", billed=Billed.NO)
        return self.accepted(response)

    async def cancel(self, task: EditTask) -> Billed:
        """What has not left the queue costs nothing; what a machine has begun may."""
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


def _model_and_body(request: EditRequest, task: EditTask) -> tuple[str, dict[str, Any]]:
    """Which model takes so many pictures, and the fields it takes at top level."""
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
