"""Hugging Face: FLUX.1 Kontext [dev] through its router, which forwards each edit to a partner.

Body and answer are the partner's own. fal's queue is the usual one: it gives an id, so a job can be resumed.
The other partners answer with the picture itself and are asked exactly once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from kontext_ui.backends.base import EditTask
from kontext_ui.backends.hosted.backend import ACCEPTED, HostedBackend, key_of, provider_of
from kontext_ui.backends.hosted.http import PICTURE_TIMEOUT_S, Provider, json_of
from kontext_ui.backends.hosted.messages import message_of
from kontext_ui.backends.hosted.payload import data_uri, fields_of, first_of, text_of
from kontext_ui.backends.hosted.providers import fal, replicate
from kontext_ui.backends.hosted.providers.fal_queue import FalQueue, Ticket
from kontext_ui.backends.hosted.providers.hf_models import HubModels, hub_of
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
from kontext_ui.errors import Billed, DeadlineExceeded, KontextError
from kontext_ui.models import catalogue, kontext
from kontext_ui.settings import Settings

HOSTS = ("huggingface.co", "fal.media", "replicate.delivery")
REQUEST_PATH = re.compile(r"(?:/[\w.-]+){2,6}")
QUEUE = "_subdomain=queue"
"""The router answers 404 to fal's queue without it."""
PNG_OR_JPEG = kontext.output_format_of("png", "jpeg")

MakeBody = Callable[[str, str, str, dict[str, Any]], dict[str, Any]]
"""From model, prompt, the picture as a data URI and the parameters given, to what the partner reads."""


@dataclass(frozen=True)
class Partner:
    """``price_usd`` is the partner's own; the router adds nothing to it. ``None``: not known.

    ``headers`` are sent in addition to the usual ones. A ``queued`` one returns an id, the others the picture.
    """

    path: str
    """``{model}`` in it stands for the partner's name for the model."""
    model: str
    """That name, unless the hub says another."""
    body: MakeBody
    parameters: tuple[Parameter, ...]
    price_usd: float | None = None
    price_note: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    queued: bool = False

    def path_for(self, model: str) -> str:
        """One version of a model (``owner/name:version``, at Replicate) is asked for where no model is named."""
        if ":" in model:
            return self.path.replace("/models/{model}", "")
        return self.path.format(model=model)


def _fal(model: str, prompt: str, picture: str, given: dict[str, Any]) -> dict[str, Any]:
    return {"image_url": picture, "image_urls": [picture], "prompt": prompt, "output_format": "png", **given}


def _replicate(model: str, prompt: str, picture: str, given: dict[str, Any]) -> dict[str, Any]:
    pictures = {"image": picture, "images": [picture], "input_image": picture, "input_images": [picture]}
    version = model.partition(":")[2]
    return {"input": {**pictures, **replicate.input_of(prompt, given)}, **({"version": version} if version else {})}


def _together(model: str, prompt: str, picture: str, given: dict[str, Any]) -> dict[str, Any]:
    named = {"output_format": "png"} | _renamed(given, num_inference_steps="steps")
    return {"model": model, "prompt": prompt, "image_url": picture, "response_format": "base64", **named}


def _hf_inference(model: str, prompt: str, picture: str, given: dict[str, Any]) -> dict[str, Any]:
    return {"inputs": picture.partition(",")[2], "parameters": {"prompt": prompt, **given}}


def _renamed(given: Mapping[str, Any], **names: str) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in given.items()}


PARTNERS: Mapping[str, Partner] = {
    "fal-ai": Partner(
        "/fal-ai/{model}?" + QUEUE,
        fal.DEV_MODEL,
        _fal,
        (kontext.SEED, *fal.ONLY_DEV, PNG_OR_JPEG),
        0.025,
        "per megapixel",
        queued=True,
    ),
    "replicate": Partner(
        "/replicate/v1/models/{model}/predictions",
        "black-forest-labs/flux-kontext-dev",
        _replicate,
        (kontext.SEED, *replicate.ONLY_DEV, PNG_OR_JPEG),
        0.025,
        headers={"prefer": "wait"},
    ),
    "together": Partner(
        "/together/v1/images/generations",
        "black-forest-labs/FLUX.1-kontext-dev",
        _together,
        (
            kontext.SEED,
            Parameter("num_inference_steps", "Steps", "int", 28),
            Parameter("guidance_scale", "Guidance", "float", 2.5),
        ),
    ),
    "hf-inference": Partner(
        "/hf-inference/models/{model}",
        kontext.OPEN_WEIGHTS,
        _hf_inference,
        (
            kontext.SEED,
            Parameter("num_inference_steps", "Steps", "int", None),
            Parameter("guidance_scale", "Guidance", "float", 2.5),
        ),
        headers={"accept": "image/png"},
    ),
}


class HuggingFaceBackend(HostedBackend):
    id = "huggingface"
    label = "Hugging Face"
    key_name = "HF_TOKEN"
    key_page = "https://huggingface.co/settings/tokens"
    tiers = (Tier.DEV,)
    model_names = tuple(partner.model for partner in PARTNERS.values())

    def __init__(self, provider: Provider, key: str | None, partner: str = "fal-ai", bill_to: str = "") -> None:
        super().__init__(provider, key)
        self._queue = FalQueue(self, provider)
        self._hub = HubModels(provider, kontext.OPEN_WEIGHTS)
        self._name = partner
        self._partner = PARTNERS[partner]
        self._bill_to = bill_to

    def capabilities(self, tier: Tier) -> Capabilities:
        return Capabilities(
            model=self._http.model_label(self._partner.model, kontext.MODEL_LABELS[tier]),
            model_id=catalogue.usual(tier),
            modes=frozenset({Mode.EDIT}),
            parameters=self._partner.parameters,
            unsupported=kontext.not_taken(self._partner.parameters, "output_format"),
            size_rule=kontext.SIZE_RULE,
            price_usd=self._partner.price_usd,
            price_note=self._partner.price_note,
            typical_s=7.0,
            notes=(kontext.ONE_MEGAPIXEL, f"Hugging Face forwards the edit to {self._name}, at that company's price."),
        )

    async def edit(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        headers = self.headers(task)
        started = self._http.now()
        model = await self._model()
        body = await asyncio.to_thread(self._body, model, request, task)
        if not self._partner.queued:
            yield Running(None, "drawing")
        path = self._partner.path_for(model)
        response = await self._http.submit(path, headers, body, timeout_s=PICTURE_TIMEOUT_S)
        del body
        if response.status_code not in ACCEPTED:
            raise self._refusal(response)
        if not self._partner.queued:
            yield Done(await self._result(response, started))
            return
        answer = json_of(response)
        del response  # it holds all that was sent
        ticket = self._ticket(answer.get("request_id"), answer.get("response_url"))
        yield Submitted(ticket.request_id, ticket.status_url, details={"result": ticket.result_url})
        async for event in self._queue.follow(ticket, headers, started):
            yield event

    async def resume(self, request: EditRequest, task: EditTask) -> AsyncIterator[EditEvent]:
        usual = self._ticket(task.remote_id, f"/fal-ai/flux-kontext/requests/{task.remote_id}")
        ticket = Ticket(
            usual.request_id, task.poll_url or usual.status_url, task.details.get("result") or usual.result_url
        )
        async for event in self._queue.follow(ticket, self.headers(task), self._http.now()):
            yield event

    async def _model(self) -> str:
        """The partner's name for the model: the operator's own wins, then the hub's, then the one written here."""
        known = self._partner.model
        if (chosen := self._http.model(known)) != known:
            return chosen
        name = await self._hub.name_at(self._name, known)
        if name is None:
            raise self._not_served()
        return name

    def _body(self, model: str, request: EditRequest, task: EditTask) -> dict[str, Any]:
        if task.input_image is None:
            raise kontext.needs_picture(request.tier, self.label)
        given = request.parameters.given()
        return self._partner.body(model, request.sent_prompt, data_uri(task.input_image), given)

    def _ticket(self, request_id: object, address: object) -> Ticket:
        """fal names its own host; the same path is behind the router, under its name for fal."""
        path = urlsplit(address).path if isinstance(address, str) else ""
        if not REQUEST_PATH.fullmatch(path) or "/.." in path:
            self._http.unexpected("there is no address to ask at")
        here = f"{self._http.base_url}/fal-ai{path}"
        return Ticket(self.id_of(request_id), f"{here}/status?{QUEUE}", f"{here}?{QUEUE}")

    async def _result(self, response: httpx.Response, started: float) -> EditResult:
        """The picture of a partner that answers at once: bytes, base64, or a finished prediction."""
        if response.headers.get("content-type", "").startswith("image/"):
            return EditResult(await self._http.picture(response.content))
        answer = json_of(response)
        inside = fields_of(first_of(answer.get("data"))).get("b64_json")
        if isinstance(inside, str):
            picture = await self._http.picture(await self._http.inline(inside))
        else:
            picture = await self._predicted(answer, started)
        return EditResult(picture, request_id=text_of(answer.get("id")))

    async def _predicted(self, answer: Mapping[str, Any], started: float) -> Pixels:
        request_id = text_of(answer.get("id"))
        if refusal := replicate.refusal_in(answer, self, request_id):
            raise refusal
        if answer.get("status") in replicate.ENDED_BADLY:
            raise self.failed(request_id=request_id)
        url = first_of(answer.get("output"))
        if url is None and request_id is not None and answer.get("status") in replicate.GOING_ON:
            raise DeadlineExceeded(
                f"{self._name} did not finish while {self.label} waited for it.",
                backend=self.id,
                hint="The picture cannot be asked for again and may be billed. Send it again, or use another backend.",
                billed=Billed.MAYBE,
                request_id=request_id,
                may_retry=True,
            )
        if not isinstance(url, str):
            self._http.unexpected("there is no picture in it")
        return await self._http.fetch(url, started)

    def _refusal(self, response: httpx.Response) -> KontextError:
        code = response.status_code
        if code == httpx.codes.NOT_FOUND:
            return self._not_served()
        if code == httpx.codes.SERVICE_UNAVAILABLE and "estimated_time" in json_of(response):
            return self.failed(message_of(response), billed=Billed.NO)  # the model is loading, nothing was started
        needs = "The token needs the permission for Inference Providers, and the model's licence accepted."
        return self.refused(response, hint=needs if code == httpx.codes.FORBIDDEN else "")

    def _not_served(self) -> KontextError:
        return self.failed(f"{self._name} does not serve this model there", billed=Billed.NO, may_retry=False)

    async def verify_key(self, key: str | None = None) -> float | None:
        """The hub, unlike the router, says whose token it is; it does not report the remaining credit."""
        await self.ask_about_key(f"{hub_of(self._http.base_url)}/api/whoami-v2", key)
        return None

    def headers(self, task: EditTask) -> dict[str, str]:
        pays = {"x-hf-bill-to": self._bill_to} if self._bill_to else {}
        return {**super().headers(task), **self._partner.headers, **pays}


def build(settings: Settings) -> HuggingFaceBackend:
    provider = provider_of(HuggingFaceBackend, settings, settings.huggingface_base_url, HOSTS)
    key = key_of(settings.hf_token)
    return HuggingFaceBackend(provider, key, settings.huggingface_partner, settings.huggingface_bill_to)
