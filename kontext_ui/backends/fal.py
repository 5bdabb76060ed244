"""fal: FLUX.1 Kontext [pro], [max] and [dev] through its queue, with a real cancel."""

from __future__ import annotations

import asyncio
import hashlib
import time
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from kontext_ui.backends.base import EditTask, Hook
from kontext_ui.backends.ed25519 import is_signed
from kontext_ui.backends.falqueue import FalQueue, Ticket, kinds_of
from kontext_ui.backends.hosted import MAX_SEED, NOT_TAKEN, ONE_MEGAPIXEL, HostedBackend, data_uri
from kontext_ui.backends.http import Provider, json_of
from kontext_ui.edits import Capabilities, EditEvent, EditRequest, Mode, Parameter, SizeRule, Submitted, Tier
from kontext_ui.errors import Billed, InvalidRequest
from kontext_ui.images.geometry import KONTEXT_SIZES
from kontext_ui.settings import Settings, successors

HOSTS = ("fal.run", "fal.media")


@dataclass(frozen=True)
class Model:
    """``edit``, ``several`` and ``text`` are the models for one picture, for more, and for none."""

    name: str
    price_usd: float
    edit: str
    several: str | None = None
    text: str | None = None


MODELS: Mapping[Tier, Model] = {
    Tier.PRO: Model(
        "FLUX.1 Kontext [pro]",
        0.04,
        "fal-ai/flux-pro/kontext",
        "fal-ai/flux-pro/kontext/multi",
        "fal-ai/flux-pro/kontext/text-to-image",
    ),
    Tier.MAX: Model(
        "FLUX.1 Kontext [max]",
        0.08,
        "fal-ai/flux-pro/kontext/max",
        "fal-ai/flux-pro/kontext/max/multi",
        "fal-ai/flux-pro/kontext/max/text-to-image",
    ),
    Tier.DEV: Model("FLUX.1 Kontext [dev]", 0.025, "fal-ai/flux-kontext/dev"),
}
KEYS_PATH = "/.well-known/jwks.json"
KEYS_URL = f"https://rest.fal.ai{KEYS_PATH}"
SIGNERS_LIVE_S, MAX_SIGNERS = 24 * 3600, 10
MAX_CALL_AGE_S = 300
MAX_REFERENCES = 3
"""fal names no limit; the model's makers take four pictures in all."""
RATIOS = tuple("21:9 16:9 4:3 3:2 1:1 2:3 3:4 9:16 9:21".split())
SHARED = (
    Parameter("aspect_ratio", "Aspect ratio", "choice", None, choices=RATIOS, help="Empty follows the picture."),
    Parameter("seed", "Seed", "int", None, 0, MAX_SEED),
    Parameter("prompt_upsampling", "Prompt upsampling", "bool", False, help="The model rewrites short prompts first."),
    Parameter("output_format", "Format asked for", "choice", "png", choices=("png", "jpeg")),
)
HOSTED = (
    *SHARED,
    Parameter("guidance_scale", "Guidance", "float", 3.5, 1, 20),
    Parameter("safety_tolerance", "Safety tolerance", "int", 2, 1, 6, help="1 is strictest."),
)
OPEN_WEIGHTS = (
    *SHARED,
    Parameter("num_inference_steps", "Steps", "int", 28, 10, 50),
    Parameter("guidance_scale", "Guidance", "float", 2.5, 1, 20),
    Parameter("acceleration", "Acceleration", "choice", "none", choices=("none", "regular", "high")),
)
NAMES = {"prompt_upsampling": "enhance_prompt"}
"""Our names to theirs, where they differ."""


class FalBackend(HostedBackend):
    id = "fal"
    label = "fal"
    key_name = "FAL_KEY"
    key_page = "https://fal.ai/dashboard/keys"
    tiers = (Tier.PRO, Tier.MAX, Tier.DEV)

    def __init__(self, provider: Provider, key: str | None) -> None:
        super().__init__(provider, key)
        self._queue = FalQueue(self, provider)
        self._known_signers: tuple[bytes, ...] = ()
        self._signers_until = float("-inf")

    def capabilities(self, tier: Tier) -> Capabilities:
        model = MODELS[tier]
        parameters = OPEN_WEIGHTS if tier is Tier.DEV else HOSTED
        others = ("num_inference_steps", "safety_tolerance", "acceleration", "style_preset")
        offered = {parameter.name for parameter in parameters}
        return Capabilities(
            model=self._http.model_label(model.edit, model.name),
            modes=frozenset({Mode.EDIT, Mode.GENERATE} if model.text else {Mode.EDIT}),
            parameters=parameters,
            unsupported={name: NOT_TAKEN for name in others if name not in offered},
            size_rule=SizeRule("list", sizes=KONTEXT_SIZES, min_ratio=9 / 21, max_ratio=21 / 9),
            max_reference_images=MAX_REFERENCES if model.several else 0,
            price_usd=model.price_usd,
            price_note="per megapixel" if tier is Tier.DEV else "",
            typical_s=7.0,
            notes=(ONE_MEGAPIXEL,),
        )

    async def edit(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        headers = self._headers(task)
        started = self._http.now()
        model, body = await asyncio.to_thread(_model_and_body, request, task)
        model = self._http.model(model)
        call_us = "" if task.hook is None else f"?fal_webhook={quote(task.hook.url, safe='')}"
        response = await self._http.submit(f"/{model}{call_us}", headers, body)
        del body
        answer = json_of(response)
        if response.status_code not in (200, 202):
            if "content_policy_violation" in kinds_of(answer):
                raise self.moderated("input", billed=Billed.NO)
            raise self._http.refused(response, self.key_name)
        request_id = answer.get("request_id")
        if not isinstance(request_id, str) or not request_id:
            self._http.unexpected("there is no id in it")
        here = f"{self._http.base_url}/{'/'.join(model.split('/')[:2])}/requests/{request_id}"
        ticket = Ticket(
            request_id, str(answer.get("status_url") or f"{here}/status"), str(answer.get("response_url") or here)
        )
        del response  # it holds all that was sent
        cancel_url = str(answer.get("cancel_url") or f"{here}/cancel")
        yield Submitted(request_id, ticket.status_url, details={"result": ticket.result_url, "cancel": cancel_url})
        async for event in self._queue.follow(ticket, headers, started, task.hook):
            yield event

    async def resume(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        owner_and_alias = "/".join(self._http.model(MODELS[request.tier].edit).split("/")[:2])
        here = f"{self._http.base_url}/{owner_and_alias}/requests/{task.remote_id}"
        ticket = Ticket(task.remote_id or "", task.poll_url or f"{here}/status", task.details.get("result") or here)
        async for event in self._queue.follow(ticket, self._headers(task), self._http.now()):
            yield event

    async def cancel(self, task: EditTask) -> Billed:
        """What has not left the queue costs nothing; what a machine has begun may."""
        headers, status_url = self._headers(task), task.poll_url or ""
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
        signed = [headers.get(f"x-fal-webhook-{name}", "") for name in ("request-id", "user-id", "timestamp")]
        if not signed[2].isdecimal() or abs(time.time() - int(signed[2])) > MAX_CALL_AGE_S:
            return False
        try:
            signature = bytes.fromhex(headers.get("x-fal-webhook-signature", ""))
        except ValueError:
            return False
        message = "\n".join((*signed, hashlib.sha256(body).hexdigest())).encode()
        for key in await self._signers():
            if await asyncio.to_thread(is_signed, key, message, signature):
                return True
        return False

    async def _signers(self) -> tuple[bytes, ...]:
        """fal's public keys, asked for once a day; none when they cannot be had now."""
        if self._http.now() >= self._signers_until:
            url = KEYS_URL if urlsplit(self._http.base_url).scheme == "https" else self._http.base_url + KEYS_PATH
            try:
                told = json_of(await self._http.client().get(url)).get("keys")
                listed = told[:MAX_SIGNERS] if isinstance(told, list) else []
                self._known_signers = tuple(urlsafe_b64decode(f"{key['x']}==") for key in listed)
            except (httpx.HTTPError, KeyError, TypeError, ValueError):
                return ()
            self._signers_until = self._http.now() + SIGNERS_LIVE_S
        return self._known_signers

    def _headers(self, task: EditTask) -> dict[str, str]:
        return {"authorization": f"Key {self.key_for(task)}", "accept": "application/json"}


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
            raise InvalidRequest(f"{model.name} at fal makes no picture from text alone.", hint="Open a picture first.")
        return model.text, body
    pictures = [data_uri(picture) for picture in (task.input_image, *task.reference_images[:MAX_REFERENCES])]
    if len(pictures) > 1 and model.several is not None:
        return model.several, body | {"image_urls": pictures}
    return model.edit, body | {"image_url": pictures[0]}


def build(settings: Settings) -> FalBackend:
    key = None if settings.fal_key is None else settings.fal_key.get_secret_value()
    provider = Provider(
        "fal",
        FalBackend.label,
        settings.fal_base_url,
        HOSTS,
        deadline_s=settings.deadline_s,
        models=successors(settings),
    )
    return FalBackend(provider, key or None)
