"""fal: FLUX.1 Kontext [pro], [max] and [dev] through its queue, with a real cancel.

An edit is submitted, asked about, fetched. ``COMPLETED`` only says that the work has ended: an ``error`` may stand
next to it, and the result may still answer with the model's error. Only fal's own messages are shown: its
answers can echo the picture. Hugging Face's router forwards the same queue.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import httpx

from kontext_ui.backends.base import EditTask, Hook
from kontext_ui.backends.hosted.backend import HostedBackend, key_of, provider_of
from kontext_ui.backends.hosted.http import Provider, json_of
from kontext_ui.backends.hosted.messages import message_of
from kontext_ui.backends.hosted.payload import data_uri, first_of, whole_of
from kontext_ui.backends.hosted.polling import Poll, follow
from kontext_ui.backends.hosted.webhooks import PublishedKeys, is_recent
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
    Submitted,
    Tier,
)
from kontext_ui.errors import Billed, InvalidRequest, KontextError
from kontext_ui.models import kontext
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
NAMES = {"prompt_upsampling": "enhance_prompt"}
"""Our names to theirs, where they differ."""
MODERATED = "content_policy_violation"
BAD_PICTURE: Mapping[str, str] = {
    "image_too_small": "the picture is too small",
    "image_too_large": "the picture is too large",
    "image_load_error": "the picture could not be opened",
    "file_download_error": "the picture could not be fetched",
    "file_too_large": "the picture's file is too large",
    "face_detection_error": "no face was found in the picture",
}
NOT_THERE_YET = (404, 408, 409, 410, 425)
"""Answers for a finished edit's result that its own client asks again after; the picture is paid for."""
STAGES: Mapping[str, str] = {"IN_QUEUE": "waiting for a machine", "IN_PROGRESS": "drawing"}


class FalBackend(HostedBackend):
    id = "fal"
    label = "fal"
    key_name = "FAL_KEY"
    key_page = "https://fal.ai/dashboard/keys"
    tiers = (Tier.PRO, Tier.MAX, Tier.DEV)
    model_names = tuple(name for model in MODELS.values() for name in (model.edit, model.several, model.text) if name)

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
        here = self._address(self._http.model(MODELS[request.tier].edit), request_id)
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


def _model_and_body(request: EditRequest, task: EditTask) -> tuple[str, dict[str, Any]]:
    """The model for this number of pictures, and the fields it takes at top level."""
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


@dataclass(frozen=True)
class Ticket:
    """One request in the queue, and where to ask about it."""

    request_id: str
    status_url: str
    result_url: str


class FalQueue:
    """Follows tickets on behalf of a backend, whose name the errors carry."""

    def __init__(self, backend: HostedBackend, provider: Provider) -> None:
        self._backend = backend
        self._http = provider

    async def follow(
        self, ticket: Ticket, headers: Mapping[str, str], started: float, hook: Hook | None = None
    ) -> AsyncIterator[EditEvent]:
        """Ends with ``Done`` or raises. Both addresses are checked before a key goes there."""
        await self._http.check_url(ticket.status_url)
        await self._http.check_url(ticket.result_url)
        read = partial(self._read, ticket.result_url, headers)
        async for event in follow(self._http, ticket.request_id, ticket.status_url, headers, started, hook, read):
            yield event

    async def _read(self, result_url: str, headers: Mapping[str, str], poll: Poll) -> Running | Done:
        answer = poll.answer
        status = answer.get("status")
        if status == "COMPLETED":
            if answer.get("error"):
                raise self._failure(poll.response, answer, poll.remote_id)
            result = await self._result(result_url, headers, poll)
            if result is not None:
                return Done(result)
        elif status is None:
            self._raise_if_unknown(poll.response)
        position = whole_of(answer.get("queue_position")) if status == "IN_QUEUE" else None
        return Running(
            None, STAGES.get(str(status), "drawing"), queue_position=None if position is None else position + 1
        )

    async def _result(self, url: str, headers: Mapping[str, str], poll: Poll) -> EditResult | None:
        """``None`` when it is not there yet: asked for too early, or by passing trouble of a finished edit."""
        response = await self._http.get(url, headers, poll.started)
        early = response.status_code == httpx.codes.BAD_REQUEST and "in progress" in message_of(response).lower()
        if early or response.status_code in NOT_THERE_YET:
            return None
        answer = json_of(response)
        if response.status_code != httpx.codes.OK:
            raise self._failure(response, answer, poll.remote_id)
        flags = answer.get("has_nsfw_concepts")
        if isinstance(flags, list) and flags[:1] == [True]:  # the picture is there, but black
            raise self._backend.moderated("output", request_id=poll.remote_id)
        picture = await self._picture(answer, poll.started)
        return EditResult(picture, seed=whole_of(answer.get("seed")), request_id=poll.remote_id)

    async def _picture(self, answer: Mapping[str, Any], started: float) -> Pixels:
        return await self._http.fetch(first_of(answer.get("images")) or answer.get("image"), started)

    def _raise_if_unknown(self, response: httpx.Response) -> None:
        """An answer without a status: the key is wrong, the request is forgotten, or it is passing trouble."""
        if response.status_code == httpx.codes.NOT_FOUND:
            self._http.unexpected("it does not know this edit any more")
        if response.status_code in (401, 402, 403):
            raise self._backend.refused(response)

    def _failure(self, response: httpx.Response, answer: Mapping[str, Any], request_id: str) -> KontextError:
        kinds = kinds_of(response)
        if MODERATED in kinds:
            # A list of fields means that the model's input was refused; a bare word comes from the run.
            at_input = isinstance(answer.get("detail"), list)
            reasons = (message_of(response),) if at_input else ()
            stage: Literal["input", "output"] = "input" if at_input else "output"
            return self._backend.moderated(stage, reasons=reasons, billed=Billed.MAYBE, request_id=request_id)
        if bad := next((kind for kind in kinds if kind in BAD_PICTURE), None):
            return InvalidRequest(
                f"{self._backend.label} says: {BAD_PICTURE[bad]}.",
                hint="It may have been billed. Send another picture.",
                billed=Billed.MAYBE,
            )
        if response.status_code == httpx.codes.OK or response.status_code >= 500:
            may_retry = response.headers.get("x-fal-retryable", "true").lower() != "false"
            # fal charges for no 5xx, and may for a 422 on which a machine has spent time.
            billed = Billed.NO if response.status_code >= 500 else Billed.MAYBE
            told = message_of(response)
            return self._backend.failed(told, billed=billed, request_id=request_id, may_retry=may_retry)
        if response.status_code in (401, 402, 403):
            return self._backend.refused(response)
        told = message_of(response)
        return self._backend.failed(told, request_id=request_id, may_retry=False)


def kinds_of(response: httpx.Response) -> set[str]:
    """The machine-readable names of what went wrong, wherever they stand: some answers have them in a header only."""
    answer = json_of(response)
    detail = answer.get("detail")
    fields = [item.get("type") for item in detail if isinstance(item, dict)] if isinstance(detail, list) else []
    return {str(kind) for kind in (*fields, answer.get("error_type"), response.headers.get("x-fal-error-type")) if kind}


def build(settings: Settings) -> FalBackend:
    return FalBackend(provider_of(FalBackend, settings, settings.fal_base_url, HOSTS), key_of(settings.fal_key))
